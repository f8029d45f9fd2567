//! A STATE message, kept so that it can be echoed as it came.
//!
//! In: the line of the message. Out: the same line with `destinationStats` in it, when the ledger
//! says so. Everything else is the platform's and is kept to the byte: `id`, null namespaces,
//! unknown members, big numbers, even a member that occurs twice.

use crate::json::{JsonError, Kind, Scanner};
use crate::model::StreamIx;

/// The member that we add.
const OURS: &str = "destinationStats";

/// Which rows a STATE covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateScope {
    /// Those of one stream.
    Stream(StreamIx),
    /// Those of every stream: GLOBAL and LEGACY.
    All,
    /// None of ours: the state of a stream that the catalog does not have.
    Unlisted,
}

/// A received STATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMessage {
    /// Which rows it covers.
    pub scope: StateScope,
    /// The line up to where `destinationStats` goes.
    head: Vec<u8>,
    /// The rest of the line.
    rest: Vec<u8>,
}

/// What a STATE says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateKind {
    /// Its `type`, if it has one.
    pub kind: Option<String>,
    /// The stream that a STREAM state is of: namespace and name as spelt.
    pub stream: Option<(Option<String>, String)>,
}

impl StateMessage {
    /// Keeps `line`, in which the object `state` (a piece of `line` that begins at `state_at`) is
    /// the payload.
    ///
    /// # Errors
    /// [`JsonError`] when the payload is no JSON object.
    pub fn keep(line: &[u8], state_at: usize, scope: StateScope) -> Result<Self, JsonError> {
        let (mut ours, mut others) = (false, 0);
        let state = Scanner::new(&line[state_at..]).members(|key, _| {
            let is_ours = key.is(OURS);
            ours |= is_ours;
            others += usize::from(!is_ours);
        })?;
        let state_end = state_at + state.len();
        // Whoever relayed the state may have left a member of ours in it (null, usually): it goes,
        // the others stay.
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

    /// The line to print: the message as it came, with the number of records between the last STATE
    /// of its scope and this one, as counted here. The protocol wants a decimal point.
    #[must_use]
    pub fn acknowledged(&self, records: u64) -> Vec<u8> {
        let stats = format!(r#""destinationStats":{{"recordCount":{records}.0}}"#);
        [self.head.as_slice(), stats.as_bytes(), self.rest.as_slice()].concat()
    }

    /// Bytes that the message holds.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        (self.head.len() + self.rest.len()) as u64
    }
}

impl StateKind {
    /// Reads what a STATE says about itself from its payload.
    ///
    /// # Errors
    /// [`JsonError`] when the payload is no JSON object.
    pub fn read(state: &[u8]) -> Result<Self, JsonError> {
        let mut found = Self::default();
        let mut scanner = Scanner::new(state);
        scanner.enter_object()?;
        while let Some(key) = scanner.next_key()? {
            let value = scanner.value()?;
            if key.is("type") {
                found.kind = value.to_text().map(std::borrow::Cow::into_owned);
            } else if key.is("stream") && value.kind == Kind::Object {
                Scanner::new(value.text).members(|key, value| {
                    if key.is("stream_descriptor") && value.kind == Kind::Object {
                        found.stream = descriptor(value.text);
                    }
                })?;
            }
        }
        Ok(found)
    }
}

/// The namespace and name of a stream descriptor's JSON text; `None` if it has no name.
#[must_use]
pub fn descriptor(text: &[u8]) -> Option<(Option<String>, String)> {
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

/// The members of `state` but for ours, joined by commas.
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
        let message = StateMessage::keep(line.as_bytes(), state_at, StateScope::All).unwrap();
        String::from_utf8(message.acknowledged(records)).unwrap()
    }

    #[test]
    fn a_state_is_echoed_to_the_byte_with_our_count_in_it() {
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
