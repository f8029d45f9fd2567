//! Reads one line of stdin: which message it is, and where its parts are.
//!
//! In: the bytes of a line, valid UTF-8. Out: a [`Message`] whose pieces are slices of that line; the members of a
//! record's `data` go to the caller's scratch. The whole line is validated as JSON, so that a spliced record can never
//! break a file.
//!
//! Tolerant where the protocol is: members in any order, unknown members, nulls for absent, types that a destination has
//! no use for. Strict where data is at stake: a line that is not JSON, a RECORD without stream, data or time is an error.
//!
//! Not here: which stream of the catalog a name means (`pipeline::encode_block`).

use std::borrow::Cow;

use crate::json::{self, JsonError, Key, Kind, Member, Raw, Scanner};

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
    /// Anything that a destination has no use for, and blank lines.
    Ignored,
}

/// The parts of a RECORD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordMessage<'a> {
    /// The stream's name: a JSON string.
    pub stream: Raw<'a>,
    /// The namespace: a JSON string, if it is there and not null.
    pub namespace: Option<Raw<'a>>,
    /// The text of `data`, an object.
    pub data: &'a [u8],
    /// Epoch milliseconds.
    pub emitted_at_ms: i64,
    /// The text of `meta.changes`, if it is an array.
    pub changes: Option<&'a [u8]>,
}

/// Why a line is no message. The texts go on from "line N of the input".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or not an object.
    #[error("is not a JSON object as the protocol wants it ({0})")]
    Json(#[from] JsonError),
    /// Something follows the object.
    #[error("has something behind its JSON object")]
    Trailing,
    /// The message does not say what it is.
    #[error("has no \"type\"")]
    NoType,
    /// The message has a type and not what belongs to it.
    #[error("is of type {0} but its \"{1}\" is missing or of the wrong kind")]
    Missing(&'static str, &'static str),
}

/// The parts of a record as they are found; all of them are needed before it is one.
#[derive(Default)]
struct RecordParts<'a> {
    stream: Option<Raw<'a>>,
    namespace: Option<Raw<'a>>,
    data: Option<&'a [u8]>,
    emitted_at_ms: Option<i64>,
    changes: Option<&'a [u8]>,
}

/// Reads a line. The top-level members of a record's `data` are put into `members`.
///
/// # Errors
/// [`EnvelopeError`]: the input cannot be trusted past this line; end the run.
pub fn read_line<'a>(line: &'a [u8], members: &mut Vec<Member>) -> Result<Message<'a>, EnvelopeError> {
    let mut scanner = Scanner::new(line);
    if scanner.at_end() {
        return Ok(Message::Ignored);
    }
    let mut kind: Option<Raw<'a>> = None;
    let mut record = None;
    let mut state = None;
    let mut trace = None;
    scanner.enter_object()?;
    while let Some(key) = scanner.next_key()? {
        let is_object = scanner.peek() == Some(b'{');
        match &*key.to_bytes() {
            b"record" if is_object => record = Some(read_record(&mut scanner, members)?),
            b"type" => kind = Some(scanner.value()?),
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
    let kind = kind.filter(|kind| kind.kind == Kind::String).ok_or(EnvelopeError::NoType)?;
    match &*text_of(&kind) {
        b"RECORD" => complete_record(record).map(Message::Record),
        b"STATE" => {
            let (at, text) = state.ok_or(EnvelopeError::Missing("STATE", "state"))?;
            Ok(Message::State { at, text })
        }
        b"TRACE" => Ok(trace.map(read_trace).transpose()?.flatten().unwrap_or(Message::Ignored)),
        _ => Ok(Message::Ignored),
    }
}

/// The text of a JSON string, however it is spelt.
fn text_of<'a>(string: &Raw<'a>) -> Cow<'a, [u8]> {
    let inner = string.text.get(1..string.text.len().saturating_sub(1)).unwrap_or_default();
    Key { raw: inner, escaped: string.escaped }.to_bytes()
}

fn read_record<'a>(
    scanner: &mut Scanner<'a>,
    members: &mut Vec<Member>,
) -> Result<RecordParts<'a>, EnvelopeError> {
    let mut parts = RecordParts::default();
    scanner.enter_object()?;
    while let Some(key) = scanner.next_key()? {
        let is_object = scanner.peek() == Some(b'{');
        match &*key.to_bytes() {
            b"data" if is_object => parts.data = Some(scanner.collect_members(members)?),
            b"stream" => parts.stream = Some(scanner.value()?).filter(|value| value.kind == Kind::String),
            b"namespace" => {
                parts.namespace = Some(scanner.value()?).filter(|value| value.kind == Kind::String);
            }
            b"emitted_at" => parts.emitted_at_ms = json::integer(&scanner.value()?),
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
    Ok(parts)
}

fn complete_record(parts: Option<RecordParts<'_>>) -> Result<RecordMessage<'_>, EnvelopeError> {
    let missing = |member| EnvelopeError::Missing("RECORD", member);
    let parts = parts.ok_or(missing("record"))?;
    Ok(RecordMessage {
        stream: parts.stream.ok_or(missing("record.stream"))?,
        namespace: parts.namespace,
        data: parts.data.ok_or(missing("record.data"))?,
        emitted_at_ms: parts.emitted_at_ms.ok_or(missing("record.emitted_at"))?,
        changes: parts.changes,
    })
}

/// Only STREAM_STATUS COMPLETE matters. INCOMPLETE is the absence of COMPLETE; the rest is for people.
fn read_trace<'a>(trace: &[u8]) -> Result<Option<Message<'a>>, EnvelopeError> {
    let mut complete = false;
    let mut stream = None;
    let mut scanner = Scanner::new(trace);
    scanner.members(|key, value| {
        if key.is("stream_status") && value.kind == Kind::Object {
            let _ = Scanner::new(value.text).members(|key, value| {
                if key.is("status") {
                    complete = value.to_text().as_deref() == Some("COMPLETE");
                } else if key.is("stream_descriptor") && value.kind == Kind::Object {
                    stream = crate::protocol::state::descriptor(value.text);
                }
            });
        }
    })?;
    Ok(stream.filter(|_| complete).map(|(namespace, name)| Message::Complete(namespace, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Message<'_>, EnvelopeError> {
        read_line(line.as_bytes(), &mut Vec::new())
    }

    #[test]
    fn a_record_is_found_whatever_surrounds_it() {
        for line in [
            r#"{"type":"RECORD","record":{"stream":"s","data":{"a":1.0},"emitted_at":12}}"#,
            r#"{"t\u0079pe":"R\u0045CORD","r\u0065cord":{"str\u0065am":"s","d\u0061ta":{"a":1.0},"emitted_\u0061t":12}}"#,
            r#" {"record":{"emitted_at":1.2E1,"meta":{"changes":[],"x":1},"data":{"a":1.0},"namespace":null,"stream":"s","file_reference":null},"state":null,"log":null,"type":"RECORD","new":[{}]} "#,
        ] {
            let Ok(Message::Record(record)) = read(line) else { panic!("{line}: {:?}", read(line)) };
            assert_eq!(record.stream.to_text().as_deref(), Some("s"));
            assert_eq!(
                (record.namespace, record.data, record.emitted_at_ms),
                (None, &b"{\"a\":1.0}"[..], 12)
            );
        }
    }

    #[test]
    fn meta_changes_and_namespaces_are_kept() {
        let line = r#"{"type":"RECORD","record":{"namespace":"n\u0041","stream":"s","data":{},"emitted_at":0,"meta":{"changes":[{"field":"f"}]}}}"#;
        let Ok(Message::Record(record)) = read(line) else { panic!() };
        assert_eq!(record.namespace.and_then(|n| n.to_text()).as_deref(), Some("nA"));
        assert_eq!(record.changes, Some(&br#"[{"field":"f"}]"#[..]));
    }

    #[test]
    fn other_messages_are_told_apart() {
        for line in [
            "",
            "  \r",
            r#"{"type":"LOG","log":{"level":"INFO","message":"m"}}"#,
            r#"{"type":"NEWS","record":null}"#,
            r#"{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1.5}}"#,
            r#"{"type":"TRACE","trace":null}"#,
            r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"s"},"status":"INCOMPLETE"}}}"#,
        ] {
            assert_eq!(read(line), Ok(Message::Ignored), "{line}");
        }
        assert_eq!(
            read(
                r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1.7E12,"stream_status":{"status":"COMPLETE","stream_descriptor":{"name":"s","namespace":"n"}}}}"#
            ),
            Ok(Message::Complete(Some("n".to_owned()), "s".to_owned()))
        );
        assert_eq!(
            read(r#"{"type":"STATE","state": {"data":{}}}"#),
            Ok(Message::State { at: 25, text: br#"{"data":{}}"# })
        );
    }

    #[test]
    fn what_is_no_message_is_an_error_without_content() {
        for (line, text) in [
            (
                r#"{"unparseable"#,
                "is not a JSON object as the protocol wants it (the JSON text ends too early at byte 13)",
            ),
            (
                r#"["secret"]"#,
                "is not a JSON object as the protocol wants it (a JSON object is expected at byte 0)",
            ),
            (r#"{"type":"LOG"} x"#, "has something behind its JSON object"),
            (r#"{"no_type":1}"#, "has no \"type\""),
            (r#"{"type":null}"#, "has no \"type\""),
            (r#"{"type":"RECORD"}"#, "is of type RECORD but its \"record\" is missing or of the wrong kind"),
            (
                r#"{"type":"RECORD","record":{"stream":"s","data":null,"emitted_at":1}}"#,
                "is of type RECORD but its \"record.data\" is missing or of the wrong kind",
            ),
            (
                r#"{"type":"STATE","state":null}"#,
                "is of type STATE but its \"state\" is missing or of the wrong kind",
            ),
        ] {
            assert_eq!(read(line).unwrap_err().to_string(), text, "{line}");
        }
    }
}
