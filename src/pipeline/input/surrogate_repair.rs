//! Replaces half surrogate pairs in the records of a block, before the block is read.
//!
//! In: the bytes of a block. Out: the same bytes, in which U+FFFD stands for every half pair of a
//! RECORD line, and a [`Repair`] for each such line: what `_airbyte_meta.changes` and the summary
//! at the end say about it.
//!
//! Invariants
//! - Only RECORD lines change. A STATE is echoed byte for byte.
//! - A line keeps its length, because `\ufffd` is as long as the escape that it replaces. Every
//!   position in the block stays valid.
//! - A block without half pairs costs one search through its bytes.
//!
//! Not here: what half a pair is (`json::surrogates`).

use crate::json::surrogates::{find_half_pair, replace_half_pairs};
use crate::json::{JsonError, Scanner, grammar, unescape};
use crate::protocol::envelope::{Message, Opening, RecordSink, StreamName, read_line};

/// The most entries that the connector adds to one record's changes, as for conversion issues.
const MOST_ENTRIES: usize = 1_000;

/// The most bytes of paths that the connector adds to one record's changes: a path can be as long
/// as its record.
const MOST_PATH_BYTES: usize = 64 * 1024;

/// A line in which half pairs were replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repair {
    /// Where the line begins in its block.
    pub(crate) line_start: usize,
    /// Names and strings of the record's data that held half a pair.
    pub(crate) strings: u64,
    /// The entries for `changes`, separated by commas.
    entries: String,
}

impl Repair {
    /// Returns the changes of the record, the text of an array: the source's, then the connector's.
    pub(crate) fn changes(&self, of_source: Option<&[u8]>) -> Vec<u8> {
        let listed = of_source.map(<[u8]>::trim_ascii_end).and_then(|list| list.strip_suffix(b"]"));
        let mut changes = listed.unwrap_or(b"[").trim_ascii_end().to_vec();
        if changes.last() != Some(&b'[') && !self.entries.is_empty() {
            changes.push(b',');
        }
        changes.extend_from_slice(self.entries.as_bytes());
        changes.push(b']');
        changes
    }
}

/// Replaces half pairs in the RECORD lines of `block`, which must be valid UTF-8. Returns the
/// repairs in the order of the lines.
pub(crate) fn repair_records(block: &mut [u8]) -> Vec<Repair> {
    let mut repairs = Vec::new();
    let mut from = 0;
    while let Some(at) = find_half_pair(block, from) {
        let (before, behind) = block.split_at_mut(at);
        let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', behind).map_or(block.len(), |end| at + end);
        repairs.extend(repair_record(&mut block[start..end], start));
        from = end;
    }
    repairs
}

/// Repairs a line; `None`, and the line unchanged, if it is not a RECORD. Half pairs outside
/// `data`, such as in the source's own changes, are replaced without an entry.
#[cold]
fn repair_record(line: &mut [u8], line_start: usize) -> Option<Repair> {
    let message = read_line(line, &mut Opening::default(), &mut Validating);
    let Ok(Message::Record(record)) = message else { return None };
    let found = Found::in_data(record.data);
    replace_half_pairs(line);
    Some(Repair { line_start, strings: found.strings, entries: found.entries })
}

/// Any stream will do, and `data` is only validated: here it matters whether a line is a record.
struct Validating;

impl RecordSink for Validating {
    type Stream = ();

    fn find_stream(&mut self, _name: &StreamName<'_>) -> Option<()> {
        Some(())
    }

    fn read_data<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        _stream: Option<()>,
    ) -> Result<&'a [u8], JsonError> {
        scanner.members(|_, _| {})
    }
}

/// One level of a walk through nested values.
enum Place {
    /// In an object, at the member whose name is at these offsets, without its quotes.
    Member(usize, usize),
    /// In an array, at this element.
    Element(u32),
}

/// The half pairs of one record.
#[derive(Default)]
struct Found {
    strings: u64,
    entries: String,
    count: usize,
    path_bytes: usize,
    last_path: String,
}

impl Found {
    /// Walks through `data`, which is known to be JSON. Iterative, as the nesting is the source's.
    fn in_data(data: &[u8]) -> Self {
        let mut found = Self::default();
        let mut places: Vec<Place> = Vec::new();
        let mut name_follows = false;
        let mut pos = 0;
        while let Some(byte) = data.get(pos) {
            match byte {
                b'{' => {
                    places.push(Place::Member(0, 0));
                    name_follows = true;
                }
                b'[' => places.push(Place::Element(0)),
                b'}' | b']' => {
                    places.pop();
                    name_follows = false;
                }
                b',' => match places.last_mut() {
                    Some(Place::Element(position)) => *position = position.saturating_add(1),
                    Some(Place::Member(..)) | None => name_follows = true,
                },
                b'"' => {
                    let Ok((close, escaped)) = grammar::string(data, pos + 1) else { break };
                    if std::mem::take(&mut name_follows)
                        && let Some(place) = places.last_mut()
                    {
                        *place = Place::Member(pos + 1, close);
                    }
                    let string = data.get(pos + 1..close).unwrap_or_default();
                    if escaped && find_half_pair(string, 0).is_some() {
                        found.note(data, &places);
                    }
                    pos = close;
                }
                _ => {}
            }
            pos += 1;
        }
        found
    }

    fn note(&mut self, data: &[u8], places: &[Place]) {
        self.strings += 1;
        if self.count >= MOST_ENTRIES || self.path_bytes > MOST_PATH_BYTES {
            return;
        }
        let name_bytes = |place: &Place| match place {
            Place::Member(start, end) => end - start + 1,
            Place::Element(_) => 1,
        };
        self.path_bytes += places.iter().map(name_bytes).sum::<usize>();
        if self.path_bytes > MOST_PATH_BYTES {
            return;
        }
        let mut path = Vec::new();
        for (depth, place) in places.iter().enumerate() {
            if depth > 0 {
                path.push(b'.');
            }
            match place {
                Place::Member(start, end) => {
                    unescape(data.get(*start..*end).unwrap_or_default(), &mut path)
                }
                Place::Element(position) => {
                    path.extend_from_slice(itoa::Buffer::new().format(*position).as_bytes());
                }
            }
        }
        let path = String::from_utf8_lossy(&path).into_owned();
        // A member's name and its value have the same path: one entry for both.
        if self.count > 0 && path == self.last_path {
            return;
        }
        if self.count > 0 {
            self.entries.push(',');
        }
        let entry = serde_json::json!({
            "field": path, "change": "TRUNCATED", "reason": "DESTINATION_SERIALIZATION_ERROR",
        });
        self.entries.push_str(&entry.to_string());
        self.count += 1;
        self.last_path = path;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(data: &str) -> String {
        format!(r#"{{"type":"RECORD","record":{{"stream":"s","data":{data},"emitted_at":1}}}}"#)
    }

    fn entry(field: &str) -> String {
        format!(
            r#"{{"field":"{field}","change":"TRUNCATED","reason":"DESTINATION_SERIALIZATION_ERROR"}}"#
        )
    }

    #[test]
    fn names_and_values_of_records_are_repaired_and_states_are_not() {
        let good = record(r#"{"a":"\ud83d\ude00"}"#);
        let bad = record(
            r#"{"a":"x\ud83d","n\ud800":"\udc00","o":{"k":[1,{"l":"fine"},["\udbff",2]]},"j":"{\"a\":\"\\ud800\"}"}"#,
        );
        let state = r#"{"type":"STATE","state":{"type":"GLOBAL","x":"\ud83d"}}"#;
        let input = [&good, state, &bad, r#"{"type":"RECORD","x":"\ud800"}"#, &good].join("\n");
        let mut block = input.clone().into_bytes();
        let repairs = repair_records(&mut block);
        let repaired = bad.replace(r"x\ud83d", r"x\ufffd").replace(r"n\ud800", r"n\ufffd");
        let repaired = repaired.replace(r#""\udc00"#, r#""\ufffd"#).replace(r"\udbff", r"\ufffd");
        assert_eq!(String::from_utf8(block).unwrap(), input.replace(&bad, &repaired));
        let entries = [entry("a"), entry("n\u{fffd}"), entry("o.k.2.0")].join(",");
        let line_start = good.len() + state.len() + 2;
        assert_eq!(repairs, [Repair { line_start, strings: 4, entries }]);
        assert_eq!(repair_records(&mut good.into_bytes()), []);
    }

    #[test]
    fn the_changes_of_the_source_come_first() {
        let repair = Repair { line_start: 0, strings: 1, entries: entry("a") };
        let ours = entry("a");
        let changes = |of_source| String::from_utf8(repair.changes(of_source)).unwrap();
        assert_eq!(changes(None), format!("[{ours}]"));
        assert_eq!(changes(Some(b"[]")), format!("[{ours}]"));
        assert_eq!(changes(Some(b"[ ] ")), format!("[{ours}]"));
        assert_eq!(changes(Some(br#"[{"field":"f"}]"#)), format!(r#"[{{"field":"f"}},{ours}]"#));
    }

    #[test]
    fn a_record_full_of_half_pairs_has_bounded_entries() {
        let many = format!("[{}]", [r#""\ud800""#; 5_000].join(","));
        let mut block = record(&format!(r#"{{"a":{many}}}"#)).into_bytes();
        let repairs = repair_records(&mut block);
        assert_eq!(repairs[0].strings, 5_000);
        assert_eq!(repairs[0].entries.matches("TRUNCATED").count(), MOST_ENTRIES);
        let long = "n".repeat(MOST_PATH_BYTES / 2);
        let deep = format!(r#"{{"{long}":["\ud800","\ud800","\ud800"]}}"#);
        let repairs = repair_records(&mut record(&deep).into_bytes());
        assert_eq!((repairs[0].strings, repairs[0].entries.matches("TRUNCATED").count()), (3, 1));
    }
}
