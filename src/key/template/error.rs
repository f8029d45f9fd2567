//! What can be wrong with a key template, told to the user.

use crate::error::{Classified, FailureType};
use crate::key::MAX_KEY_BYTES;
use crate::key::macros::Macro;

/// Why a text is not a key template. The user must change `s3_bucket_key`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is empty.
    #[error(
        "s3_bucket_key is empty: give the key that files are written to, such as \
         {{stream_name}}.{{extension}}"
    )]
    Empty,
    /// There is no macro with that name.
    #[error("s3_bucket_key has the unknown macro {{{}}}; \
             {}", .name.escape_debug(), advice(.name, .hint))]
    UnknownMacro {
        /// The text between the braces.
        name: String,
        /// What to write instead, with braces, where that can be guessed.
        hint: Option<&'static str>,
    },
    /// A macro after a `$`: keys would keep the `$`.
    #[error(
        "s3_bucket_key has a `$` before a macro, which is the spelling of Airbyte's own S3 \
         destination; macros have no `$` here and are in lower case: write {}",
        instead(.macros)
    )]
    DollarMacro {
        /// What is written, and what to write instead.
        macros: Vec<(String, &'static str)>,
    },
    /// A URL instead of a key.
    #[error(
        "s3_bucket_key begins with `{scheme}://`: it is a key, not a URL; give only what follows \
         the bucket's name"
    )]
    Url {
        /// Its scheme, of letters and digits only.
        scheme: String,
    },
    /// A brace is opened and not closed, or closed and not opened.
    #[error(
        "s3_bucket_key has an unmatched brace at character {position}; write {{{{ or }}}} for a \
         literal brace"
    )]
    UnbalancedBrace {
        /// The place of the brace, in characters from 1.
        position: usize,
    },
    /// Streams would share keys.
    #[error(
        "s3_bucket_key must contain {{stream_name}}, {{stream_id}} or {{stream_run_id}}, to keep \
         the streams' files apart"
    )]
    NoStream,
    /// Keys would name folders instead of files.
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
        /// `.` or `..`.
        segment: String,
    },
    /// A tab, a line end or another control character.
    #[error("s3_bucket_key has a control character at character {position}: remove it")]
    ControlCharacter {
        /// Its place, in characters from 1.
        position: usize,
    },
    /// The literal text alone is longer than a key may be.
    #[error(
        "s3_bucket_key has {bytes} bytes of literal text, and a key may have {MAX_KEY_BYTES}: \
         shorten it"
    )]
    TooLong {
        /// The length of all literals together.
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
            "macros cannot show fields of records, except the cursor field ({cursor_date_time} and \
             others)"
                .to_owned()
        }
        Some(hint) => format!("did you mean {hint}?"),
        None => format!("known macros: {}; write {{{{ or }}}} for a literal brace", known()),
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
    /// Whether a part of the template was not read because of this error, so that rules for the
    /// whole template might seem broken.
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
