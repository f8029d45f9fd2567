//! The user's key template.
//!
//! The text of `s3_bucket_key` → [`KeyTemplate`], parsed once, and back by `Display`.
//!
//! Invariants
//! - `parse(print(t)) == t`, and the printed text is the one that was parsed.
//! - The keys of a parsed template keep streams apart and end in a file name. The template has no
//!   `.` or `..` segment and is no URL.
//!
//! Not here: values (`render`), warnings about extensions (the caller).

mod error;
mod parse;

use std::fmt;

pub(crate) use self::error::TemplateError;
use self::parse::{pieces, scheme_of, segments};
use super::MAX_KEY_BYTES;
use super::macros::Macro;

/// A key template: text and macros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTemplate {
    pieces: Vec<Piece>,
    /// The same pieces split at the user's slashes, without empty segments.
    segments: Vec<Vec<Piece>>,
}

/// The file extension that a template's keys end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownExtension {
    /// With its dot.
    pub extension: &'static str,
    /// Whether files of the format may have it.
    pub fits: bool,
}

/// The extensions that readers go by, with the formats that may have them. Longer ones come before
/// their own endings.
const DATA_EXTENSIONS: &[(&str, &[&str])] = &[
    (".csv.gz", &["csv.gz"]),
    (".tsv.gz", &["csv.gz"]),
    (".txt.gz", &["csv.gz", "jsonl.gz"]),
    (".jsonl.gz", &["jsonl.gz"]),
    (".ndjson.gz", &["jsonl.gz"]),
    (".json.gz", &["jsonl.gz"]),
    (".gz", &["csv.gz", "jsonl.gz"]),
    (".csv", &["csv"]),
    (".tsv", &["csv"]),
    (".txt", &["csv", "jsonl"]),
    (".jsonl", &["jsonl"]),
    (".ndjson", &["jsonl"]),
    (".json", &["jsonl"]),
    (".parquet", &["parquet"]),
    (".avro", &[]),
    (".orc", &[]),
    (".zip", &[]),
    (".zst", &[]),
    (".bz2", &[]),
    (".xlsx", &[]),
];

/// A part of a template. Two literals never follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The text that the user typed, with doubled braces made single.
    Literal(String),
    Macro(Macro),
}

impl KeyTemplate {
    /// Parses the text of `s3_bucket_key`. `{{` and `}}` are literal braces.
    ///
    /// # Errors
    /// The first [`TemplateError`]: show it to the user, at `check` and before anything is written.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (template, problems) = Self::read(text);
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(template),
        }
    }

    /// Returns everything that is wrong with the text of `s3_bucket_key`.
    #[must_use]
    pub fn problems(text: &str) -> Vec<TemplateError> {
        Self::read(text).1
    }

    fn read(text: &str) -> (Self, Vec<TemplateError>) {
        let mut problems = Vec::new();
        if text.is_empty() {
            problems.push(TemplateError::Empty);
        }
        problems.extend(scheme_of(text).map(|scheme| TemplateError::Url { scheme }));
        let pieces = pieces(text, &mut problems);
        let segments = segments(&pieces);
        let template = Self { pieces, segments };
        let is_whole = !problems.iter().any(TemplateError::hides_more);
        problems.extend(template.broken_rules().filter(|_| is_whole));
        (template, problems)
    }

    /// Returns which rules for a whole template are broken. The pieces must be right.
    fn broken_rules(&self) -> impl Iterator<Item = TemplateError> {
        let literals = || self.pieces.iter().filter_map(Piece::literal);
        let ends_with_slash =
            self.pieces.last().and_then(Piece::literal).is_some_and(|last| last.ends_with('/'));
        let dots = self.segments.iter().find_map(|segment| match segment.as_slice() {
            [Piece::Literal(literal)] if is_dots(literal) => Some(literal.clone()),
            _ => None,
        });
        let bytes = literals().map(str::len).sum();
        [
            ends_with_slash.then_some(TemplateError::EndsWithSlash),
            dots.map(|segment| TemplateError::DotSegment { segment }),
            (bytes > MAX_KEY_BYTES).then_some(TemplateError::TooLong { bytes }),
            (!self.names_stream() && !self.has(Macro::StreamRunId))
                .then_some(TemplateError::NoStream),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether every key of a stream contains the stream's name or its id.
    #[must_use]
    pub fn names_stream(&self) -> bool {
        self.has(Macro::StreamName) || self.has(Macro::StreamId)
    }

    /// Returns the known extension that keys end in, for files of the format with the extension
    /// `extension`. `None` if the template does not show a known one.
    #[must_use]
    pub fn shown_extension(&self, extension: &str) -> Option<ShownExtension> {
        let mut end = String::new();
        for piece in self.segments.last()?.iter().rev() {
            match piece {
                Piece::Literal(literal) => end.insert_str(0, literal),
                Piece::Macro(Macro::Extension) => end.insert_str(0, extension),
                Piece::Macro(_) => break,
            }
        }
        let (shown, formats) = DATA_EXTENSIONS.iter().find(|(shown, _)| end.ends_with(shown))?;
        Some(ShownExtension { extension: shown, fits: formats.contains(&extension) })
    }

    /// Whether a file's key depends on the cursor values of its records.
    #[must_use]
    pub fn uses_cursor(&self) -> bool {
        self.macros().any(Macro::is_cursor)
    }

    /// Whether the template has `{extension}`. Without it readers cannot tell the format, which is
    /// worth a warning.
    #[must_use]
    pub fn has_extension(&self) -> bool {
        self.has(Macro::Extension)
    }

    /// The text that the keys of all streams begin with. A policy can be limited to it.
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
                Piece::Literal(literal) => {
                    f.write_str(&literal.replace('{', "{{").replace('}', "}}"))?
                }
                Piece::Macro(shown) => f.write_str(shown.in_braces())?,
            }
        }
        Ok(())
    }
}

/// Whether tools resolve a path segment as a relative path.
pub(super) fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}
