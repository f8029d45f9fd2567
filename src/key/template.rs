//! The user's key template.
//!
//! The text of `s3_bucket_key` → [`KeyTemplate`], parsed once, and back by `Display`.
//!
//! Invariants
//! - `parse(print(t)) == t`, and the printed text is the one that was parsed.
//! - A template that parsed tells streams apart, ends in a file name, has no `.` or `..` segment
//!   and is no URL.
//!
//! Not here: putting values in (`render`), the warnings about extensions (the caller's).

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

/// The extension that a template's keys show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownExtension {
    /// With its dot.
    pub extension: &'static str,
    /// Whether the files are what it says.
    pub fits: bool,
}

/// Extensions that readers go by, longer ones before those that they end in, with the formats that
/// they fit.
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

impl KeyTemplate {
    /// Parses the text of `s3_bucket_key`. `{{` and `}}` are literal braces.
    ///
    /// # Errors
    /// [`TemplateError`], the first one: show it to the user, at `check` and before anything is
    /// written.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (template, problems) = Self::read(text);
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(template),
        }
    }

    /// All that is wrong with the text of `s3_bucket_key`.
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

    /// What is wrong with the whole of a template whose pieces are all right.
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

    /// Whether every key of a stream holds the stream's name or its id.
    #[must_use]
    pub fn names_stream(&self) -> bool {
        self.has(Macro::StreamName) || self.has(Macro::StreamId)
    }

    /// The extension of a kind of file that keys end in, as far as the template shows it, for files
    /// of the format with the extension `extension`. `None`: they end in none that is known.
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
                Piece::Literal(literal) => {
                    f.write_str(&literal.replace('{', "{{").replace('}', "}}"))?
                }
                Piece::Macro(shown) => f.write_str(shown.in_braces())?,
            }
        }
        Ok(())
    }
}

/// Whether a path segment means a folder to tools instead of naming one.
pub(super) fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

impl TemplateError {
    /// Whether something of the template was not read because of it, so that rules for the whole
    /// may seem broken.
    fn hides_more(&self) -> bool {
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

/// The scheme of a URL that the text begins with.
fn scheme_of(text: &str) -> Option<String> {
    let (scheme, _) = text.trim_start_matches(['/', ' ']).split_once("://")?;
    let fits = scheme.len() <= 10 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (fits && scheme.starts_with(|first: char| first.is_ascii_alphabetic()))
        .then(|| scheme.to_owned())
}

/// The pieces, up to a brace without a partner. What is wrong is left out and goes to `problems`.
fn pieces(text: &str, problems: &mut Vec<TemplateError>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut dollars: Vec<(String, &'static str)> = Vec::new();
    let mut chars = text.chars().zip(1..).peekable();
    while let Some((c, position)) = chars.next() {
        match c {
            '{' | '}' if chars.next_if(|(next, _)| *next == c).is_some() => literal.push(c),
            '{' => {
                let mut name = String::new();
                let closed = loop {
                    match chars.next() {
                        Some(('}', _)) => break true,
                        None | Some(('{', _)) => break false,
                        Some((c, _)) => name.push(c),
                    }
                };
                if !closed {
                    problems.push(TemplateError::UnbalancedBrace { position });
                    break;
                }
                let mut shown = Macro::named(&name);
                if literal.ends_with('$') {
                    literal.pop();
                    shown = shown.or_else(|| Macro::named(&name.to_lowercase()));
                    let written = format!("${{{}}}", name.escape_debug());
                    if let Some(meant) = shown.map(Macro::in_braces).or_else(|| Macro::hint(&name))
                        && !dollars.iter().any(|(other, _)| *other == written)
                    {
                        dollars.push((written, meant));
                    }
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                match shown {
                    Some(shown) => pieces.push(Piece::Macro(shown)),
                    None => {
                        let hint = Macro::hint(&name);
                        problems.push(TemplateError::UnknownMacro { name, hint });
                    }
                }
            }
            '}' => {
                problems.push(TemplateError::UnbalancedBrace { position });
                break;
            }
            c if c.is_control() => problems.push(TemplateError::ControlCharacter { position }),
            c => literal.push(c),
        }
    }
    if !dollars.is_empty() {
        problems.push(TemplateError::DollarMacro { macros: dollars });
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
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
