//! Reads one line of stdin: which message it is, and where its parts are.
//!
//! In: the bytes of a line, valid UTF-8. Out: a [`Message`] whose pieces are slices of that line; a
//! record's `data` goes to the caller's [`DataSink`] on the way. The whole line is validated as
//! JSON, so that a spliced record can never break a file.
//!
//! Tolerant where the protocol is: members in any order, unknown members, nulls for absent, types
//! that a destination has no use for. Strict where data is at stake: a line that is not JSON, a
//! RECORD without stream, data or time is an error.
//!
//! Not here: which stream of the catalog a name means (`pipeline::encode_block`).

use std::borrow::Cow;

use crate::json::{self, JsonError, Key, Kind, Member, Raw, Scanner, without_byte_order_mark};

/// One message of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A RECORD.
    Record(RecordMessage<'a>),
    /// A STATE; the payload begins at this offset of the line.
    State {
        /// Offset of the payload's `{` in the line.
        at: usize,
        /// The payload.
        text: &'a [u8],
    },
    /// TRACE STREAM_STATUS COMPLETE of a stream: namespace and name.
    Complete(Option<String>, String),
    /// TRACE STREAM_STATUS INCOMPLETE of a stream: namespace and name.
    Incomplete(Option<String>, String),
    /// Anything that a destination has no use for, and blank lines.
    Ignored,
}

/// The parts of a RECORD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMessage<'a> {
    /// Whose record it is.
    pub stream: RecordStream<'a>,
    /// The text of `data`, an object.
    pub data: &'a [u8],
    /// Epoch milliseconds.
    pub emitted_at_ms: i64,
    /// The text of `meta.changes`, if it is an array.
    pub changes: Option<&'a [u8]>,
}

/// Which stream a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordStream<'a> {
    /// That of the record before.
    Same,
    /// The one of this name.
    Named {
        /// The name: a JSON string.
        name: Raw<'a>,
        /// The namespace: a JSON string, if it is there and not null.
        namespace: Option<Raw<'a>>,
    },
}

/// What a line should be, for a message about one that is not.
const EXPECTED: &str = r#"expected one JSON object per line, such as {"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":1700000000000}}"#;

/// Why a line is no message. The texts go on from "line N of the input".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or not an object.
    #[error("is not a JSON object as the protocol wants it ({0})")]
    Json(#[from] JsonError),
    /// Not even an attempt at an object.
    #[error("is not an Airbyte message: it {0}; {EXPECTED}")]
    NoObject(&'static str),
    /// Something follows the object.
    #[error("has something behind its JSON object")]
    Trailing,
    /// The message does not say what it is: a record without its envelope, usually.
    #[error("has no \"type\", so it is not an Airbyte message; {EXPECTED}")]
    NoType,
    /// The message has a type and not what belongs to it.
    #[error("is of type {0} but its \"{1}\" is missing or of the wrong kind")]
    Missing(&'static str, &'static str),
}

/// Takes a record's `data` while the line is read, so that it is read once.
pub trait DataSink {
    /// Reads the object that `scanner` stands before, and gives its text. `stream` is as far as the
    /// record has said it: a namespace, or all of it, may still come. May be called again for the
    /// same line; the last call counts.
    ///
    /// # Errors
    /// [`JsonError`] when it is not JSON.
    fn read_data<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        stream: Option<RecordStream<'a>>,
    ) -> Result<&'a [u8], JsonError>;
}

/// The members of `data`, in order.
impl DataSink for Vec<Member> {
    fn read_data<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        _stream: Option<RecordStream<'a>>,
    ) -> Result<&'a [u8], JsonError> {
        scanner.collect_members(self)
    }
}

/// What the last record's line had before its `data`. Sources write all lines of a stream alike, so
/// that most lines need nothing read there: equal bytes mean the same.
#[derive(Debug, Default)]
pub struct Opening {
    text: Vec<u8>,
}

/// An opening that is longer than this has more in it than a stream's name.
const LONGEST_OPENING_BYTES: usize = 512;

/// The parts of a record as they are found; all of them are needed before it is one.
#[derive(Default)]
struct RecordParts<'a> {
    stream: Option<Raw<'a>>,
    namespace: Option<Raw<'a>>,
    data: Option<&'a [u8]>,
    emitted_at_ms: Option<i64>,
    changes: Option<&'a [u8]>,
    /// The line began as that of the record before.
    same_stream: bool,
    /// Where `data` begins, if nothing but the stream was said before it.
    opening_end: Option<usize>,
}

/// Reads a line. A record's `data` goes to `sink`, before it is known whether the line is a record
/// and in order.
///
/// # Errors
/// [`EnvelopeError`]: the input cannot be trusted past this line; end the run.
pub fn read_line<'a>(
    line: &'a [u8],
    opening: &mut Opening,
    sink: &mut impl DataSink,
) -> Result<Message<'a>, EnvelopeError> {
    if !opening.text.is_empty() && line.starts_with(&opening.text) {
        let mut scanner = Scanner::new(line);
        scanner.skip_to(opening.text.len());
        if scanner.peek() != Some(b'{') {
            return read_whole_line(line, opening, sink);
        }
        let mut parts = RecordParts { same_stream: true, ..RecordParts::default() };
        parts.data = Some(sink.read_data(&mut scanner, Some(RecordStream::Same))?);
        read_record_members(&mut scanner, &mut parts, sink)?;
        if parts.same_stream {
            let (message, _) = read_members(scanner, Some(Type::Record), Some(parts), sink)?;
            if matches!(&message, Message::Record(RecordMessage { stream: RecordStream::Same, .. }))
            {
                return Ok(message);
            }
        }
        // What came behind `data` is not what lines like this one have there: nothing is taken as
        // read.
    }
    read_whole_line(line, opening, sink)
}

fn read_whole_line<'a>(
    line: &'a [u8],
    opening: &mut Opening,
    sink: &mut impl DataSink,
) -> Result<Message<'a>, EnvelopeError> {
    let mut scanner = Scanner::new(line);
    if scanner.at_end() {
        return Ok(Message::Ignored);
    }
    if scanner.peek() != Some(b'{') {
        return Err(EnvelopeError::NoObject(not_an_object(line)));
    }
    scanner.enter_object()?;
    let (message, opening_end) =
        read_members(scanner, None, None, sink).map_err(|error| match line.trim_ascii() {
            b"{" => EnvelopeError::NoObject("is the first line of a JSON text that has several"),
            _ => error,
        })?;
    if matches!(message, Message::Record(_)) {
        // That of another stream must not stay: the next line would be taken for one of this
        // stream.
        opening.text.clear();
        opening
            .text
            .extend_from_slice(opening_end.and_then(|end| line.get(..end)).unwrap_or_default());
    }
    Ok(message)
}

/// The namespace and name of the stream whose record `line` is, as far as the line can be read: for
/// a message about a line that is not JSON.
#[must_use]
pub fn stream_of_broken_record(line: &[u8]) -> Option<(Option<String>, String)> {
    let mut scanner = Scanner::new(line);
    let (mut namespace, mut name) = (None, None);
    scanner.enter_object().ok()?;
    while let Ok(Some(key)) = scanner.next_key() {
        if key.is("record") {
            break;
        }
        scanner.value().ok()?;
    }
    scanner.enter_object().ok()?;
    while let Ok(Some(key)) = scanner.next_key() {
        let Ok(value) = scanner.value() else { break };
        let text = || value.to_text().map(Cow::into_owned);
        if key.is("stream") {
            name = text();
        } else if key.is("namespace") {
            namespace = text();
        }
    }
    name.map(|name| (namespace, name))
}

/// What a line is that is no object, for a message that must not hold its content.
fn not_an_object(line: &[u8]) -> &'static str {
    match line.trim_ascii_start().first() {
        // A mark before the first line is skipped.
        _ if without_byte_order_mark(line).starts_with(b"{") => {
            "begins with a byte order mark, which only the first line may have"
        }
        Some(b'[') => "is a JSON array",
        Some(b'"') if line.trim_ascii_end().ends_with(b"\"") && !line.contains(&b',') => {
            "is a JSON string"
        }
        _ if line.iter().any(|byte| matches!(byte, b',' | b';' | b'\t' | b'|')) => "looks like CSV",
        _ => "does not begin with `{`",
    }
}

/// The types that matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Record,
    State,
    Trace,
    Other,
}

/// The members of a message, from wherever its reading has come to its end. For a record, where its
/// opening ends if that may be remembered.
#[inline]
fn read_members<'a>(
    mut scanner: Scanner<'a>,
    mut kind: Option<Type>,
    mut record: Option<RecordParts<'a>>,
    sink: &mut impl DataSink,
) -> Result<(Message<'a>, Option<usize>), EnvelopeError> {
    let mut state = None;
    let mut trace = None;
    while let Some(key) = scanner.next_key()? {
        let is_object = scanner.peek() == Some(b'{');
        match &*key.to_bytes() {
            b"record" if is_object => {
                let alone = kind == Some(Type::Record)
                    && record.is_none()
                    && state.is_none()
                    && trace.is_none();
                let mut parts = RecordParts::default();
                scanner.enter_object()?;
                read_record_members(&mut scanner, &mut parts, sink)?;
                parts.opening_end = parts.opening_end.filter(|_| alone);
                record = Some(parts);
            }
            b"type" => {
                let value = scanner.value()?;
                kind = (value.kind == Kind::String).then(|| match &*text_of(&value) {
                    b"RECORD" => Type::Record,
                    b"STATE" => Type::State,
                    b"TRACE" => Type::Trace,
                    _ => Type::Other,
                });
            }
            b"state" if is_object => state = Some((scanner.position(), scanner.value()?.text)),
            b"trace" if is_object => trace = Some(scanner.value()?.text),
            _ => {
                scanner.value()?;
            }
        }
    }
    if !scanner.at_end() {
        return Err(EnvelopeError::Trailing);
    }
    let message = match kind.ok_or(EnvelopeError::NoType)? {
        Type::Record => {
            let opening_end = record.as_ref().and_then(|parts| parts.opening_end);
            return Ok((Message::Record(complete_record(record)?), opening_end));
        }
        Type::State => {
            let (at, text) = state.ok_or(EnvelopeError::Missing("STATE", "state"))?;
            Message::State { at, text }
        }
        Type::Trace => trace.map(read_trace).transpose()?.flatten().unwrap_or(Message::Ignored),
        Type::Other => Message::Ignored,
    };
    Ok((message, None))
}

/// The text of a JSON string, however it is spelt.
fn text_of<'a>(string: &Raw<'a>) -> Cow<'a, [u8]> {
    let inner = string.text.get(1..string.text.len().saturating_sub(1)).unwrap_or_default();
    Key { raw: inner, escaped: string.escaped }.to_bytes()
}

/// The members of a record, from wherever its reading has come to its end.
#[inline]
fn read_record_members<'a>(
    scanner: &mut Scanner<'a>,
    parts: &mut RecordParts<'a>,
    sink: &mut impl DataSink,
) -> Result<(), EnvelopeError> {
    while let Some(key) = scanner.next_key()? {
        let is_object = scanner.peek() == Some(b'{');
        match &*key.to_bytes() {
            b"emitted_at" => parts.emitted_at_ms = json::integer(&scanner.value()?),
            b"data" if is_object => {
                // Only what says nothing but the stream is worth remembering.
                let plain = parts.data.is_none()
                    && parts.emitted_at_ms.is_none()
                    && parts.changes.is_none();
                parts.opening_end =
                    Some(scanner.position()).filter(|end| plain && *end <= LONGEST_OPENING_BYTES);
                parts.data = Some(sink.read_data(scanner, parts.named())?);
            }
            b"stream" => {
                parts.renamed();
                parts.stream = Some(scanner.value()?).filter(|value| value.kind == Kind::String);
            }
            b"namespace" => {
                parts.renamed();
                parts.namespace = Some(scanner.value()?).filter(|value| value.kind == Kind::String);
            }
            b"meta" if is_object => {
                scanner.members(|key, value| {
                    if key.is("changes") && value.kind == Kind::Array {
                        parts.changes = Some(value.text);
                    }
                })?;
            }
            _ => {
                scanner.value()?;
            }
        }
    }
    Ok(())
}

impl<'a> RecordParts<'a> {
    /// The record says which stream it is of, whatever was thought before.
    fn renamed(&mut self) {
        self.same_stream = false;
        self.opening_end = None;
    }

    /// The stream, as far as it was said.
    fn named(&self) -> Option<RecordStream<'a>> {
        self.stream.map(|name| RecordStream::Named { name, namespace: self.namespace })
    }
}

fn complete_record(parts: Option<RecordParts<'_>>) -> Result<RecordMessage<'_>, EnvelopeError> {
    let missing = |member| EnvelopeError::Missing("RECORD", member);
    let parts = parts.ok_or(missing("record"))?;
    Ok(RecordMessage {
        stream: if parts.same_stream {
            RecordStream::Same
        } else {
            parts.named().ok_or(missing("record.stream"))?
        },
        data: parts.data.ok_or(missing("record.data"))?,
        emitted_at_ms: parts.emitted_at_ms.ok_or(missing("record.emitted_at"))?,
        changes: parts.changes,
    })
}

/// Only STREAM_STATUS COMPLETE and INCOMPLETE matter; the rest is for people.
fn read_trace<'a>(trace: &[u8]) -> Result<Option<Message<'a>>, EnvelopeError> {
    let mut status = None;
    let mut stream = None;
    let mut scanner = Scanner::new(trace);
    scanner.members(|key, value| {
        if key.is("stream_status") && value.kind == Kind::Object {
            let _ = Scanner::new(value.text).members(|key, value| {
                if key.is("status") {
                    status = value.to_text().map(Cow::into_owned);
                } else if key.is("stream_descriptor") && value.kind == Kind::Object {
                    stream = crate::protocol::state::descriptor(value.text);
                }
            });
        }
    })?;
    Ok(stream.and_then(|(namespace, name)| match status.as_deref() {
        Some("COMPLETE") => Some(Message::Complete(namespace, name)),
        Some("INCOMPLETE") => Some(Message::Incomplete(namespace, name)),
        _ => None,
    }))
}

#[cfg(test)]
mod tests;
