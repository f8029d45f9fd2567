//! What can be wrong with a key template, told to the user.

use crate::error::{Classified, FailureType};
use crate::key::MAX_KEY_BYTES;
use crate::key::macros::Macro;

/// Why a text is no key template. All are for the user to correct in `s3_bucket_key`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no text.
    #[error(
        "s3_bucket_key is empty: give the key that files are written to, such as \
         {{stream_name}}.{{extension}}"
    )]
    Empty,
    /// No macro has that name.
    #[error("s3_bucket_key has the unknown macro {{{}}}; \
             {}", .name.escape_debug(), advice(.name, .hint))]
    UnknownMacro {
        /// What stands between the braces.
        name: String,
        /// What to write in its place, with braces, where that can be guessed.
        hint: Option<&'static str>,
    },
    /// A macro behind a `$`: the text would keep the `$`.
    #[error(
        "s3_bucket_key has a `$` before a macro, which is the spelling of Airbyte's own S3 \
         destination; macros have no `$` here and are in lower case: write {}",
        instead(.macros)
    )]
    DollarMacro {
        /// What is written, and what is meant.
        macros: Vec<(String, &'static str)>,
    },
    /// A URL in place of a key.
    #[error(
        "s3_bucket_key begins with `{scheme}://`: it is a key, not a URL; give only what follows \
         the bucket's name"
    )]
    Url {
        /// Letters and digits only.
        scheme: String,
    },
    /// A brace is opened and not closed, or closed and not opened.
    #[error(
        "s3_bucket_key has a brace without its partner at character {position}; a literal brace is \
         doubled: {{{{ or }}}}"
    )]
    UnbalancedBrace {
        /// Of the brace, in characters from 1.
        position: usize,
    },
    /// Two streams would share one key.
    #[error(
        "s3_bucket_key must contain {{stream_name}}, {{stream_id}} or {{stream_run_id}}, to keep \
         the streams' files apart"
    )]
    NoStream,
    /// The key would name a folder.
    #[error(
        "s3_bucket_key ends with a slash: end it with a file name, such as \
         {{stream_name}}.{{extension}}"
    )]
    EndsWithSlash,
    /// A path segment is `.` or `..`.
    #[error(
        "s3_bucket_key has the path segment \"{segment}\", which many tools resolve as a relative \
         path: remove it"
    )]
    DotSegment {
        /// `.` or `..`
        segment: String,
    },
    /// A tab, a line end or the like.
    #[error("s3_bucket_key has a control character at character {position}: remove it")]
    ControlCharacter {
        /// In characters from 1.
        position: usize,
    },
    /// The literal text alone is longer than a key may be.
    #[error(
        "s3_bucket_key has {bytes} bytes of literal text, and a key may have {MAX_KEY_BYTES}: \
         shorten it"
    )]
    TooLong {
        /// Of all literals together.
        bytes: usize,
    },
}

impl Classified for TemplateError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Empty
            | Self::UnknownMacro { .. }
            | Self::DollarMacro { .. }
            | Self::Url { .. }
            | Self::UnbalancedBrace { .. }
            | Self::NoStream
            | Self::EndsWithSlash
            | Self::DotSegment { .. }
            | Self::ControlCharacter { .. }
            | Self::TooLong { .. } => FailureType::Config,
        }
    }
}

fn advice(name: &str, hint: &Option<&str>) -> String {
    match hint {
        None if name.starts_with("field") => {
            "keys do not show fields of the records, except the cursor: {cursor_date_time} and the \
             like"
                .to_owned()
        }
        Some(hint) => format!("did you mean {hint}?"),
        None => format!("known macros: {}; a literal brace is doubled: {{{{ or }}}}", known()),
    }
}

fn known() -> String {
    Macro::all().map(Macro::in_braces).collect::<Vec<_>>().join(" ")
}

fn instead(macros: &[(String, &str)]) -> String {
    let pairs: Vec<String> =
        macros.iter().map(|(written, meant)| format!("{meant} for {written}")).collect();
    pairs.join(", ")
}

impl TemplateError {
    /// Whether something of the template was not read because of it, so that rules for the whole
    /// may seem broken.
    pub(super) fn hides_more(&self) -> bool {
        match self {
            Self::Empty | Self::UnknownMacro { .. } | Self::UnbalancedBrace { .. } => true,
            Self::DollarMacro { .. }
            | Self::Url { .. }
            | Self::NoStream
            | Self::EndsWithSlash
            | Self::DotSegment { .. }
            | Self::ControlCharacter { .. }
            | Self::TooLong { .. } => false,
        }
    }
}
