//! Reads one line of stdin: which message it is, and where its parts are.
//!
//! In: the bytes of a line, valid UTF-8. Out: a [`Message`] whose parts are slices of that line.
//! The caller's [`RecordSink`] finds the stream of a record and reads its `data` while the line is
//! read, so that every byte is read once. The whole line is validated as JSON, so that a record
//! that is spliced into a file can never break it.
//!
//! Tolerant where the protocol is: members in any order, unknown members, null for absent, message
//! types that a destination ignores. Strict where data is at stake: a line that is not JSON, or a
//! RECORD without stream, data or time, is an error.
//!
//! Not here: which streams the catalog has, and what is made from `data` (`pipeline::input`).

use std::borrow::Cow;

use crate::json::{self, JsonError, Key, Raw, Scanner, ValueKind, without_byte_order_mark};

/// One message of the input. `S` is what the caller's [`RecordSink`] calls a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a, S> {
    /// A RECORD.
    Record(RecordMessage<'a, S>),
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
    /// A message that a destination ignores, or a blank line.
    Ignored,
}

/// The parts of a RECORD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMessage<'a, S> {
    /// The stream, or its name where the [`RecordSink`] does not know it.
    pub stream: Result<S, StreamName<'a>>,
    /// The text of `data`, an object.
    pub data: &'a [u8],
    /// Epoch milliseconds.
    pub emitted_at_ms: i64,
    /// The text of `meta.changes`, if it is an array.
    pub changes: Option<&'a [u8]>,
}

/// The name of a stream as a line spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamName<'a> {
    /// The name, a JSON string.
    pub name: Raw<'a>,
    /// The namespace, a JSON string, unless it is absent or null.
    pub namespace: Option<Raw<'a>>,
}

/// What a line should be, for messages about lines that are something else.
const EXPECTED: &str = r#"expected one JSON object per line, such as {"type":"RECORD","record":{"stream":"users","data":{"id":1},"emitted_at":1700000000000}}"#;

/// Why a line is not a message. The texts continue "line N of the input".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or not an object.
    #[error("is not a JSON object as the protocol requires ({0})")]
    Json(#[from] JsonError),
    /// Not even an attempt at an object.
    #[error("is not an Airbyte message: it {0}; {EXPECTED}")]
    NoObject(&'static str),
    /// More text follows the object.
    #[error("has more text after its JSON object")]
    Trailing,
    /// The message does not say its type: usually it is a bare record, without the envelope.
    #[error("has no \"type\", so it is not an Airbyte message; {EXPECTED}")]
    NoType,
    /// The message lacks a member that its type requires.
    #[error("is a {0} message whose \"{1}\" is missing or has the wrong type")]
    Missing(&'static str, &'static str),
}

/// Finds the stream of a record and reads its `data`, while the line is read.
pub trait RecordSink {
    /// A stream, as cheap to copy as an index.
    type Stream: Copy;

    /// The stream of this name; `None` if there is none. Called once per record, unless the record
    /// names its stream again behind its `data`.
    fn find_stream(&mut self, name: &StreamName<'_>) -> Option<Self::Stream>;

    /// Reads the object at the position of `scanner` and returns its text. `stream` is `None` where
    /// the line has not named a known stream yet. May be called again for the same line; the last
    /// call counts, and it counts only if the line turns out to be a RECORD.
    ///
    /// # Errors
    /// [`JsonError`] when it is not JSON.
    fn read_data<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        stream: Option<Self::Stream>,
    ) -> Result<&'a [u8], JsonError>;
}

/// What the line of the last record had before its `data`, and the stream of that record.
///
/// Sources write all lines of a stream alike. A line that begins with the same bytes is of the same
/// stream, so that most lines need neither parsing nor a look-up before their `data`.
#[derive(Debug)]
pub struct Opening<S> {
    text: Vec<u8>,
    stream: Option<S>,
}

impl<S> Default for Opening<S> {
    fn default() -> Self {
        Self { text: Vec::new(), stream: None }
    }
}

impl<S: Copy> Opening<S> {
    /// The stream of `line` and where its `data` begins, if the line begins as the last record's.
    fn matches(&self, line: &[u8]) -> Option<(S, usize)> {
        let stream = self.stream.filter(|_| line.starts_with(&self.text))?;
        (line.get(self.text.len()) == Some(&b'{')).then_some((stream, self.text.len()))
    }

    /// Remembers the first `end` bytes of `line`, or, without `end`, forgets the last record: the
    /// next line must not be taken for one of its stream.
    fn remember(&mut self, line: &[u8], end: Option<usize>, stream: Option<S>) {
        self.text.clear();
        self.text.extend_from_slice(end.and_then(|end| line.get(..end)).unwrap_or_default());
        self.stream = stream.filter(|_| end.is_some());
    }
}

/// An opening that is longer than this has more in it than a stream's name.
const LONGEST_OPENING_BYTES: usize = 512;

/// The parts of a record as they are found. A record needs all but `changes`.
struct RecordParts<'a, S> {
    name: Option<Raw<'a>>,
    namespace: Option<Raw<'a>>,
    /// The stream that `data` was read for. `None` before that, and after a name or namespace that
    /// follows `data`.
    stream: Option<Result<S, StreamName<'a>>>,
    data: Option<&'a [u8]>,
    emitted_at_ms: Option<i64>,
    changes: Option<&'a [u8]>,
    /// Where `data` begins, if the record states nothing but its stream before it.
    opening_end: Option<usize>,
}

/// Reads a line. `sink` reads the `data` of a record before it is known whether the line is a
/// record and valid. `opening` is the memory from line to line: one per `sink`, empty at first.
///
/// # Errors
/// [`EnvelopeError`]: the input cannot be trusted past this line; end the run.
pub fn read_line<'a, K: RecordSink>(
    line: &'a [u8],
    opening: &mut Opening<K::Stream>,
    sink: &mut K,
) -> Result<Message<'a, K::Stream>, EnvelopeError> {
    if let Some((stream, data_at)) = opening.matches(line) {
        let mut scanner = Scanner::new(line);
        scanner.skip_to(data_at);
        let mut parts = RecordParts { stream: Some(Ok(stream)), ..RecordParts::new() };
        parts.data = Some(sink.read_data(&mut scanner, Some(stream))?);
        read_record_members(&mut scanner, &mut parts, sink)?;
        // A name behind `data` is read without what the opening says of it: the namespace, usually.
        if parts.stream.is_some() && parts.name.is_none() {
            let (message, _) = read_members(scanner, Some(Type::Record), Some(parts), sink)?;
            if matches!(message, Message::Record(_)) {
                return Ok(message);
            }
        }
        // The rest of the line contradicts its beginning: another stream, or no record at all.
        // Nothing is taken as read.
    }
    read_whole_line(line, opening, sink)
}

fn read_whole_line<'a, K: RecordSink>(
    line: &'a [u8],
    opening: &mut Opening<K::Stream>,
    sink: &mut K,
) -> Result<Message<'a, K::Stream>, EnvelopeError> {
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
    if let Message::Record(record) = &message {
        opening.remember(line, opening_end, record.stream.ok());
    }
    Ok(message)
}

/// Returns the namespace and name of the stream that the record in `line` belongs to, as far as the
/// line can be read: for a message about a line that is not JSON.
#[must_use]
pub(crate) fn stream_of_broken_record(line: &[u8]) -> Option<(Option<String>, String)> {
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

/// Describes a line that is not an object, without showing its content.
fn not_an_object(line: &[u8]) -> &'static str {
    match line.trim_ascii_start().first() {
        // The reader of blocks skips a byte order mark before the first line.
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

/// The types of messages that matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Record,
    State,
    Trace,
    Other,
}

/// Reads the members of a message, from the position of `scanner` to the end of the line. For a
/// record, also returns where its opening ends if that may be remembered.
#[inline]
fn read_members<'a, K: RecordSink>(
    mut scanner: Scanner<'a>,
    mut kind: Option<Type>,
    mut record: Option<RecordParts<'a, K::Stream>>,
    sink: &mut K,
) -> Result<(Message<'a, K::Stream>, Option<usize>), EnvelopeError> {
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
                let mut parts = RecordParts::new();
                scanner.enter_object()?;
                read_record_members(&mut scanner, &mut parts, sink)?;
                parts.opening_end = parts.opening_end.filter(|_| alone);
                record = Some(parts);
            }
            b"type" => {
                let value = scanner.value()?;
                kind = (value.kind == ValueKind::String).then(|| match &*text_of(&value) {
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
            let parts = record.ok_or(EnvelopeError::Missing("RECORD", "record"))?;
            let opening_end = parts.opening_end;
            return Ok((Message::Record(complete_record(parts, sink)?), opening_end));
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

/// Returns the text of a JSON string, with its escapes resolved.
fn text_of<'a>(string: &Raw<'a>) -> Cow<'a, [u8]> {
    let inner = string.text.get(1..string.text.len().saturating_sub(1)).unwrap_or_default();
    Key { raw: inner, escaped: string.escaped }.to_bytes()
}

/// Reads the members of a record, from the position of `scanner` to the record's end.
#[inline]
fn read_record_members<'a, K: RecordSink>(
    scanner: &mut Scanner<'a>,
    parts: &mut RecordParts<'a, K::Stream>,
    sink: &mut K,
) -> Result<(), EnvelopeError> {
    while let Some(key) = scanner.next_key()? {
        let is_object = scanner.peek() == Some(b'{');
        match &*key.to_bytes() {
            b"emitted_at" => parts.emitted_at_ms = json::integer(&scanner.value()?),
            b"data" if is_object => {
                // An opening with a time or with changes in it would match no other line.
                let says_stream_only = parts.data.is_none()
                    && parts.emitted_at_ms.is_none()
                    && parts.changes.is_none();
                parts.opening_end = Some(scanner.position())
                    .filter(|end| says_stream_only && *end <= LONGEST_OPENING_BYTES);
                let stream = parts.find_stream(sink).and_then(Result::ok);
                parts.data = Some(sink.read_data(scanner, stream)?);
            }
            b"stream" => {
                parts.forget_stream();
                parts.name = Some(scanner.value()?).filter(|value| value.kind == ValueKind::String);
            }
            b"namespace" => {
                parts.forget_stream();
                parts.namespace =
                    Some(scanner.value()?).filter(|value| value.kind == ValueKind::String);
            }
            b"meta" if is_object => {
                scanner.members(|key, value| {
                    if key.is("changes") && value.kind == ValueKind::Array {
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

impl<'a, S: Copy> RecordParts<'a, S> {
    fn new() -> Self {
        Self {
            name: None,
            namespace: None,
            stream: None,
            data: None,
            emitted_at_ms: None,
            changes: None,
            opening_end: None,
        }
    }

    /// Forgets the stream, because the record now states its name or namespace, perhaps again.
    fn forget_stream(&mut self) {
        self.stream = None;
        self.opening_end = None;
    }

    /// The stream as far as the line has named it; looked up once for each name.
    fn find_stream(
        &mut self,
        sink: &mut impl RecordSink<Stream = S>,
    ) -> Option<Result<S, StreamName<'a>>> {
        if self.stream.is_none() {
            let name = self.name.map(|name| StreamName { name, namespace: self.namespace });
            self.stream = name.map(|name| sink.find_stream(&name).ok_or(name));
        }
        self.stream
    }
}

fn complete_record<'a, S: Copy>(
    mut parts: RecordParts<'a, S>,
    sink: &mut impl RecordSink<Stream = S>,
) -> Result<RecordMessage<'a, S>, EnvelopeError> {
    let missing = |member| EnvelopeError::Missing("RECORD", member);
    Ok(RecordMessage {
        stream: parts.find_stream(sink).ok_or(missing("record.stream"))?,
        data: parts.data.ok_or(missing("record.data"))?,
        emitted_at_ms: parts.emitted_at_ms.ok_or(missing("record.emitted_at"))?,
        changes: parts.changes,
    })
}

/// Reads a TRACE. Only STREAM_STATUS COMPLETE and INCOMPLETE matter; the rest is for people.
fn read_trace<'a, S>(trace: &[u8]) -> Result<Option<Message<'a, S>>, EnvelopeError> {
    let mut status = None;
    let mut stream = None;
    let mut scanner = Scanner::new(trace);
    scanner.members(|key, value| {
        if key.is("stream_status") && value.kind == ValueKind::Object {
            let _ = Scanner::new(value.text).members(|key, value| {
                if key.is("status") {
                    status = value.to_text().map(Cow::into_owned);
                } else if key.is("stream_descriptor") && value.kind == ValueKind::Object {
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
