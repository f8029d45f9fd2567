//! Puts values into a template.
//!
//! [`KeyTemplate`] and the values of run, stream and file → [`KeyStem`], built segment by segment.
//!
//! Invariants
//! - Values are only appended. No text is scanned for macros after a value was put in.
//! - Every key of the stem is valid, for every number.

use super::MAX_KEY_BYTES;
use super::macros::Macro;
use super::stem::KeyStem;
use super::template::{KeyTemplate, Piece, is_dots};
use super::values::{FileValues, RunValues, StreamValues, Values, without_dots};
use crate::error::{Classified, FailureType};

/// The extensions of our formats, longest first: a literal end of a template may have them.
const KNOWN_EXTENSIONS: [&str; 5] = [".csv.gz", ".jsonl.gz", ".csv", ".jsonl", ".parquet"];

/// Why a stream's files cannot have a key. The user must change `s3_bucket_key`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// S3 would refuse the key, at once or with a high number.
    #[error(
        "the key of stream \"{stream}\" may become {bytes} bytes long, and S3 allows \
         {MAX_KEY_BYTES}: shorten s3_bucket_key, for example with {{stream_id}} in place of \
         {{stream_name}}"
    )]
    TooLong {
        /// Namespace and name.
        stream: String,
        /// The length with the longest number.
        bytes: usize,
    },
    /// The template has only macros that are empty for this stream.
    #[error("the key of stream \"{stream}\" is empty: add {{stream_id}} to s3_bucket_key")]
    Empty {
        /// Namespace and name.
        stream: String,
    },
}

impl Classified for KeyError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::TooLong { .. } | Self::Empty { .. } => FailureType::Config,
        }
    }
}

impl KeyTemplate {
    /// Returns the key of a file without its number.
    ///
    /// # Errors
    /// [`KeyError`]: the stream cannot be written with this template. End the run before its first
    /// file.
    pub fn stem(
        &self,
        run: &RunValues,
        stream: &StreamValues,
        file: &FileValues,
    ) -> Result<KeyStem, KeyError> {
        let values = Values { run, stream, file };
        let mut key = Text::default();
        let mut suffix_at = 0;
        for pieces in self.segments() {
            if let Some(segment) = Segment::render(pieces, &values) {
                if !key.is_empty() {
                    key.push("/");
                }
                suffix_at = key.head.len() + segment.suffix_at;
                key.append(segment.text);
            }
        }
        if key.is_empty() {
            return Err(KeyError::Empty { stream: stream.descriptor.to_string() });
        }
        let unique = self.has(Macro::Uuid);
        let stem = if key.tails.is_empty() {
            let tail = key.head.split_off(suffix_at);
            KeyStem::with_suffix(key.head, tail, unique)
        } else {
            KeyStem::with_part(key.head, key.tails, unique)
        };
        let bytes = stem.key(u32::MAX).len();
        if bytes > MAX_KEY_BYTES {
            return Err(KeyError::TooLong { stream: stream.descriptor.to_string(), bytes });
        }
        Ok(stem)
    }
}

impl KeyTemplate {
    /// Returns the longest text that every key of the stream begins with, whatever the run, its
    /// format, the file and its number. A listing of it finds the stream's objects of all runs that
    /// used this template.
    #[must_use]
    pub fn constant_prefix(&self, run: &RunValues, stream: &StreamValues) -> String {
        let file = FileValues { cursor: None, uuid: run.connection_run_id };
        let values = Values { run, stream, file: &file };
        let mut prefix = String::new();
        let shown = |pieces: &Vec<Piece>| Segment::render(pieces, &values);
        // A segment is left out in every run or in none: what makes it empty is constant.
        let segments: Vec<_> =
            self.segments().iter().filter_map(|pieces| Some((pieces, shown(pieces)?))).collect();
        let count = segments.len();
        for (at, (pieces, segment)) in segments.into_iter().enumerate() {
            let constant =
                pieces.iter().position(|piece| !piece.is_constant()).unwrap_or(pieces.len());
            let head = match pieces.get(..constant) {
                Some(leading) if constant < pieces.len() => {
                    Segment::with_values(leading, &values, |value| value).text.head
                }
                _ => segment.text.head.clone(),
            };
            if !prefix.is_empty() {
                prefix.push('/');
            }
            // Without `{part}` numbers stand before the extension, in the last segment.
            let suffixed = at + 1 == count && segment.text.tails.is_empty();
            let end = if suffixed { segment.suffix_at.min(head.len()) } else { head.len() };
            prefix.push_str(head.get(..end).unwrap_or(&head));
            if constant < pieces.len() {
                break;
            }
        }
        prefix
    }
}

impl Piece {
    /// Whether it shows the same for a stream in every run. The extension does not, because the
    /// user may change the format.
    fn is_constant(&self) -> bool {
        match self {
            Self::Literal(_) => true,
            Self::Macro(shown) => shown.is_constant(),
        }
    }
}

/// Text with places for the number.
#[derive(Default)]
struct Text {
    head: String,
    /// What follows each place.
    tails: Vec<String>,
}

impl Text {
    fn push(&mut self, text: &str) {
        self.tails.last_mut().unwrap_or(&mut self.head).push_str(text);
    }

    fn push_number(&mut self) {
        self.tails.push(String::new());
    }

    fn append(&mut self, other: Self) {
        self.push(&other.head);
        self.tails.extend(other.tails);
    }

    fn is_empty(&self) -> bool {
        self.head.is_empty() && self.tails.is_empty()
    }

    fn is_dots(&self) -> bool {
        self.tails.is_empty() && is_dots(&self.head)
    }
}

/// A rendered path segment.
struct Segment {
    text: Text,
    /// Where the number goes if this is the last segment and has no `{part}`, in bytes of
    /// `text.head`.
    suffix_at: usize,
}

impl Segment {
    /// Returns `None` for a segment to leave out: an empty one, or dots that the user typed around
    /// empty values.
    fn render(pieces: &[Piece], values: &Values<'_>) -> Option<Self> {
        let mut segment = Self::with_values(pieces, values, |value| value);
        if segment.text.is_dots() {
            // A value of dots is encoded. Dots that the user typed stay, and the segment goes.
            segment = Self::with_values(pieces, values, |value| without_dots(&value));
        }
        (!segment.text.is_empty() && !segment.text.is_dots()).then_some(segment)
    }

    fn with_values(
        pieces: &[Piece],
        values: &Values<'_>,
        encode: impl Fn(String) -> String,
    ) -> Self {
        let mut text = Text::default();
        let mut before_extension = None;
        let mut last_literal = None;
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => {
                    text.push(literal);
                    last_literal = Some(literal);
                }
                Piece::Macro(shown) => match values.text(*shown).map(&encode) {
                    None => {
                        text.push_number();
                        last_literal = None;
                    }
                    // After an empty value the text still ends in the literal before it.
                    Some(value) if value.is_empty() => {}
                    Some(value) => {
                        if *shown == Macro::Extension {
                            let dot =
                                last_literal.is_some_and(|literal: &String| literal.ends_with('.'));
                            before_extension =
                                Some(text.head.len().saturating_sub(usize::from(dot)));
                        }
                        text.push(&value);
                        last_literal = None;
                    }
                },
            }
        }
        let from_end = last_literal.map_or(0, |literal| extension_len(literal));
        let suffix_at = before_extension.unwrap_or(text.head.len().saturating_sub(from_end));
        Self { text, suffix_at }
    }
}

/// Returns how many bytes at the end of a literal are its extension, including the dot.
fn extension_len(literal: &str) -> usize {
    KNOWN_EXTENSIONS
        .iter()
        .find(|known| literal.ends_with(*known))
        .map(|known| known.len())
        .or_else(|| literal.rfind('.').map(|dot| literal.len() - dot))
        .unwrap_or(0)
}
