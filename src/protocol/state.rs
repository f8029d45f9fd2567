//! A STATE message, kept so that it can be echoed byte for byte.
//!
//! In: the line of the message. Out: the same line with `destinationStats` in it, once the ledger
//! has freed the STATE. Every other byte belongs to the platform and stays: `id`, null namespaces,
//! unknown members, big numbers, even a member that occurs twice.
//!
//! Not here: when a STATE is free (`pipeline::engine`), who prints it (`emitter`).

use crate::json::{JsonError, Scanner, ValueKind};
use crate::model::StreamIx;

/// The member that the connector adds.
const OURS: &str = "destinationStats";

/// Which rows a STATE covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateScope {
    /// The rows of one stream.
    Stream(StreamIx),
    /// The rows of every stream: GLOBAL and LEGACY.
    All,
}

/// A received STATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateMessage {
    /// Which rows it covers. `None`: its stream is not in the catalog, so it covers no row of ours.
    pub scope: Option<StateScope>,
    /// The line up to where `destinationStats` goes.
    head: Vec<u8>,
    /// The rest of the line.
    rest: Vec<u8>,
}

/// What a STATE says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StateKind {
    /// Its `type`, if it has one.
    pub kind: Option<String>,
    /// The stream of a STREAM state: namespace and name.
    pub stream: Option<(Option<String>, String)>,
}

impl StateMessage {
    /// Keeps `line`, whose payload is the object that begins at `state_at`.
    ///
    /// # Errors
    /// [`JsonError`] when the payload is not a JSON object.
    pub(crate) fn keep(
        line: &[u8],
        state_at: usize,
        scope: Option<StateScope>,
    ) -> Result<Self, JsonError> {
        let (mut ours, mut others) = (false, 0);
        let state = Scanner::new(&line[state_at..]).members(|key, _| {
            let is_ours = key.is(OURS);
            ours |= is_ours;
            others += usize::from(!is_ours);
        })?;
        let state_end = state_at + state.len();
        // A platform that stores STATEs may send `destinationStats` back, usually as null. Two
        // members of one name would be ambiguous, so the old one goes.
        let mut head = if ours {
            [&line[..=state_at], &without_ours(state)?].concat()
        } else {
            line[..state_end - 1].to_vec()
        };
        if others > 0 {
            head.push(b',');
        }
        head.shrink_to_fit();
        Ok(Self { scope, head, rest: line[state_end - 1..].to_vec() })
    }

    /// Returns the line to print: the message as it was received, with the number of records
    /// between the last STATE of its scope and this one. The protocol declares the number as a
    /// float, so it has a decimal point.
    #[must_use]
    pub(crate) fn acknowledged(&self, records: u64) -> Vec<u8> {
        let stats = format!(r#""destinationStats":{{"recordCount":{records}.0}}"#);
        [self.head.as_slice(), stats.as_bytes(), self.rest.as_slice()].concat()
    }

    /// Returns the bytes that the message holds.
    #[must_use]
    pub(crate) fn held_bytes(&self) -> u64 {
        (self.head.len() + self.rest.len()) as u64
    }
}

impl StateKind {
    /// Reads what a STATE says about itself from its payload.
    ///
    /// # Errors
    /// [`JsonError`] when the payload is not a JSON object.
    pub(crate) fn read(state: &[u8]) -> Result<Self, JsonError> {
        let mut found = Self::default();
        let mut scanner = Scanner::new(state);
        scanner.enter_object()?;
        while let Some(key) = scanner.next_key()? {
            let value = scanner.value()?;
            if key.is("type") {
                found.kind = value.to_text().map(std::borrow::Cow::into_owned);
            } else if key.is("stream") && value.kind == ValueKind::Object {
                Scanner::new(value.text).members(|key, value| {
                    if key.is("stream_descriptor") && value.kind == ValueKind::Object {
                        found.stream = descriptor(value.text);
                    }
                })?;
            }
        }
        Ok(found)
    }
}

/// Reads the namespace and name of a stream descriptor; `None` if it has no name.
#[must_use]
pub(crate) fn descriptor(text: &[u8]) -> Option<(Option<String>, String)> {
    let (mut namespace, mut name) = (None, None);
    Scanner::new(text)
        .members(|key, value| {
            let text = || value.to_text().map(std::borrow::Cow::into_owned);
            if key.is("namespace") {
                namespace = text();
            } else if key.is("name") {
                name = text();
            }
        })
        .ok()?;
    name.map(|name| (namespace, name))
}

/// Returns the members of `state` except [`OURS`], joined by commas.
fn without_ours(state: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut members = Vec::with_capacity(state.len());
    Scanner::new(state).members(|key, value| {
        if !key.is(OURS) {
            if !members.is_empty() {
                members.push(b',');
            }
            members.push(b'"');
            members.extend_from_slice(key.raw);
            members.extend_from_slice(b"\":");
            members.extend_from_slice(value.text);
        }
    })?;
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(line: &str, records: u64) -> String {
        let state_at = line.find(r#""state":"#).unwrap() + r#""state":"#.len();
        let message = StateMessage::keep(line.as_bytes(), state_at, Some(StateScope::All)).unwrap();
        String::from_utf8(message.acknowledged(records)).unwrap()
    }

    #[test]
    fn a_state_is_echoed_byte_for_byte_with_our_count_in_it() {
        for (line, expected) in [
            (
                r#"{"type":"STATE","state":{"type":"STREAM","id":7,"stream":{"stream_descriptor":{"name":"s","namespace":null},"stream_state":null}}}"#,
                r#"{"type":"STATE","state":{"type":"STREAM","id":7,"stream":{"stream_descriptor":{"name":"s","namespace":null},"stream_state":null},"destinationStats":{"recordCount":3.0}}}"#,
            ),
            (
                r#"{"record":null, "state":{"type":"GLOBAL", "global_":{"n":123456789012345678901234567890}, "global_":1e400 } , "log":null}"#,
                r#"{"record":null, "state":{"type":"GLOBAL", "global_":{"n":123456789012345678901234567890}, "global_":1e400 ,"destinationStats":{"recordCount":3.0}} , "log":null}"#,
            ),
            (r#"{"state":{}}"#, r#"{"state":{"destinationStats":{"recordCount":3.0}}}"#),
            (
                r#"{"state":{"a":1,"destinationStats":null,"b\u0041":"\u00e9","destinationStats":{"recordCount":9.0}}}"#,
                r#"{"state":{"a":1,"b\u0041":"\u00e9","destinationStats":{"recordCount":3.0}}}"#,
            ),
            (
                r#"{"state":{"destinationStats":null}}"#,
                r#"{"state":{"destinationStats":{"recordCount":3.0}}}"#,
            ),
        ] {
            assert_eq!(echo(line, 3), expected);
        }
        assert!(echo(r#"{"state":{}}"#, 10_000_000).contains("10000000.0"));
    }

    #[test]
    fn a_state_says_what_it_covers() {
        let kind = StateKind::read(
            br#"{"stream":{"stream_descriptor":{"name":"a","namespace":"b"}},"type":"STREAM","x":[]}"#,
        )
        .unwrap();
        assert_eq!(kind.kind.as_deref(), Some("STREAM"));
        assert_eq!(kind.stream, Some((Some("b".to_owned()), "a".to_owned())));
        assert_eq!(
            StateKind::read(br#"{"global":{"shared_state":null}}"#),
            Ok(StateKind::default())
        );
        assert!(StateKind::read(b"[]").is_err());
    }
}
