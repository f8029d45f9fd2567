//! The user's key template.
//!
//! The text of `s3_bucket_key` → [`KeyTemplate`], parsed once, and back by `Display`.
//!
//! Invariants
//! - `parse(print(t)) == t`, and the printed text is the one that was parsed.
//! - A template that parsed names its stream, ends in a file name and is free of `.` and `..` segments.
//!
//! Not here: putting values in (`render`), the warning for a template without `{extension}` (the caller's).

use std::fmt;

use super::MAX_KEY_BYTES;
use super::macros::Macro;
use crate::error::{Classified, FailureType};

/// A key template: text and macros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTemplate {
    pieces: Vec<Piece>,
    /// The same pieces cut at the user's slashes, without the empty segments.
    segments: Vec<Vec<Piece>>,
}

/// What a template is made of. Two literals never follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// What the user typed, braces undoubled.
    Literal(String),
    Macro(Macro),
}

/// Why a text is no key template. All are for the user to correct in `s3_bucket_key`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no text.
    #[error(
        "s3_bucket_key is empty: give the key that files are written to, such as {{stream_name}}.{{extension}}"
    )]
    Empty,
    /// No macro has that name.
    #[error(
        "s3_bucket_key has the unknown macro {{{}}}{}; known macros: {}; a literal brace is doubled: {{{{ or }}}}",
        .name.escape_debug(), question(.nearest), known()
    )]
    UnknownMacro {
        /// What stands between the braces.
        name: String,
        /// The known macro that is most like it.
        nearest: Option<&'static str>,
    },
    /// A brace is opened and not closed, or closed and not opened.
    #[error(
        "s3_bucket_key has a brace without its partner at character {position}; a literal brace is doubled: {{{{ or }}}}"
    )]
    UnbalancedBrace {
        /// Of the brace, in characters from 1.
        position: usize,
    },
    /// Two streams would share one key.
    #[error("s3_bucket_key must contain {{stream_name}} or {{stream_id}}, to keep the streams' files apart")]
    NoStream,
    /// The key would name a folder.
    #[error(
        "s3_bucket_key ends with a slash: end it with a file name, such as {{stream_name}}.{{extension}}"
    )]
    EndsWithSlash,
    /// A path segment is `.` or `..`.
    #[error(
        "s3_bucket_key has the path segment \"{segment}\", which many tools resolve as a relative path: remove it"
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
        "s3_bucket_key has {bytes} bytes of literal text, and a key may have {MAX_KEY_BYTES}: shorten it"
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
            | Self::UnbalancedBrace { .. }
            | Self::NoStream
            | Self::EndsWithSlash
            | Self::DotSegment { .. }
            | Self::ControlCharacter { .. }
            | Self::TooLong { .. } => FailureType::Config,
        }
    }
}

fn question(nearest: &Option<&str>) -> String {
    nearest.map(|name| format!(", did you mean {{{name}}}?")).unwrap_or_default()
}

fn known() -> String {
    Macro::ALL.map(|known| format!("{{{}}}", known.name())).join(" ")
}

impl KeyTemplate {
    /// Parses the text of `s3_bucket_key`. `{{` and `}}` are literal braces.
    ///
    /// # Errors
    /// [`TemplateError`]: show it to the user, at `check` and before anything is written.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        let pieces = pieces(text)?;
        let segments = segments(&pieces);
        let template = Self { pieces, segments };
        template.validate()?;
        Ok(template)
    }

    fn validate(&self) -> Result<(), TemplateError> {
        let literals = || self.pieces.iter().filter_map(Piece::literal);
        if self.pieces.last().and_then(Piece::literal).is_some_and(|last| last.ends_with('/')) {
            return Err(TemplateError::EndsWithSlash);
        }
        for segment in &self.segments {
            if let [Piece::Literal(literal)] = segment.as_slice()
                && is_dots(literal)
            {
                return Err(TemplateError::DotSegment { segment: literal.clone() });
            }
        }
        let bytes = literals().map(str::len).sum();
        if bytes > MAX_KEY_BYTES {
            return Err(TemplateError::TooLong { bytes });
        }
        if !self.has(Macro::StreamName) && !self.has(Macro::StreamId) {
            return Err(TemplateError::NoStream);
        }
        Ok(())
    }

    /// Whether a file's key depends on the cursor values of its records.
    #[must_use]
    pub fn uses_cursor(&self) -> bool {
        self.macros().any(Macro::is_cursor)
    }

    /// Whether `{extension}` occurs. Without it readers cannot tell the format: worth a warning.
    #[must_use]
    pub fn has_extension(&self) -> bool {
        self.has(Macro::Extension)
    }

    /// The text that every key begins with, of whatever stream: what a policy can be limited to.
    #[must_use]
    pub fn literal_prefix(&self) -> String {
        let mut prefix = String::new();
        for segment in &self.segments {
            for piece in segment {
                match piece {
                    Piece::Literal(literal) => prefix.push_str(literal),
                    Piece::Macro(_) => return prefix,
                }
            }
            prefix.push('/');
        }
        prefix
    }

    pub(super) fn has(&self, wanted: Macro) -> bool {
        self.macros().any(|found| found == wanted)
    }

    pub(super) fn segments(&self) -> &[Vec<Piece>] {
        &self.segments
    }

    fn macros(&self) -> impl Iterator<Item = Macro> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Macro(found) => Some(*found),
        })
    }
}

impl Piece {
    fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(literal) => Some(literal),
            Self::Macro(_) => None,
        }
    }
}

impl fmt::Display for KeyTemplate {
    /// The text that parses to this template.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => f.write_str(&literal.replace('{', "{{").replace('}', "}}"))?,
                Piece::Macro(shown) => write!(f, "{{{}}}", shown.name())?,
            }
        }
        Ok(())
    }
}

/// Whether a path segment means a folder to tools instead of naming one.
pub(super) fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars().zip(1..).peekable();
    while let Some((c, position)) = chars.next() {
        match c {
            '{' | '}' if chars.next_if(|(next, _)| *next == c).is_some() => literal.push(c),
            '{' => {
                let mut name = String::new();
                loop {
                    match chars.next() {
                        Some(('}', _)) => break,
                        None | Some(('{', _)) => return Err(TemplateError::UnbalancedBrace { position }),
                        Some((c, _)) => name.push(c),
                    }
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Macro(Macro::named(&name).ok_or_else(|| unknown(name))?));
            }
            '}' => return Err(TemplateError::UnbalancedBrace { position }),
            c if c.is_control() => return Err(TemplateError::ControlCharacter { position }),
            c => literal.push(c),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn unknown(name: String) -> TemplateError {
    let nearest = Macro::nearest(&name).map(Macro::name);
    TemplateError::UnknownMacro { name, nearest }
}

fn segments(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let mut segments = vec![Vec::new()];
    let mut push = |starts_segment: bool, piece: Option<Piece>| {
        if starts_segment {
            segments.push(Vec::new());
        }
        if let Some(segment) = segments.last_mut() {
            segment.extend(piece);
        }
    };
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => {
                for (n, text) in literal.split('/').enumerate() {
                    push(n > 0, (!text.is_empty()).then(|| Piece::Literal(text.to_owned())));
                }
            }
            Piece::Macro(_) => push(false, Some(piece.clone())),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}
