//! Keeps the members of a record that the schema does not declare, and writes
//! `_airbyte_additional_properties`.
//!
//! In: key and value of each undeclared member, as the record spells them; at the end of a record
//! also the values that became null. Out: per record, the text of one JSON object, or the number of
//! undeclared members if the user drops them. A nested member is named by its dotted path.
//!
//! Invariants
//! - The names in the object are unique. A name with a dot can equal another member's path; then
//!   the more deeply nested of the two gets a number.
//! - The texts of values are copied, never parsed or re-written: they keep every digit.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::io;
use std::ops::Range;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, Formatter};

use super::conversion_issues::{IssueLog, PathStep, dotted};
use super::undo_log::UndoLog;
use crate::json::unescape;

/// The longest object that is written. As the whole path is repeated for each member of each
/// element of a list, the object can be many times as long as the record. A record whose undeclared
/// members are all at its top never reaches this limit: a line has at most 128 MiB.
const MAX_OBJECT_BYTES: usize = 256 * 1024 * 1024;

/// The undeclared members of the record that is being read.
#[derive(Debug, Default)]
pub(super) struct UndeclaredLog {
    entries: UndoLog<Noted>,
    /// Keys, without their quotes, and values, concatenated.
    text: Vec<u8>,
    /// Whether the file has a column for them; otherwise they are only counted.
    keeps_texts: bool,
}

/// An undeclared member, where it is in the record.
#[derive(Clone, Copy, Debug)]
pub(super) struct UndeclaredMember<'m> {
    /// The node of the object that has it.
    pub(super) node: u32,
    /// The number of its name in that object.
    pub(super) name: u32,
    /// The object's positions in the lists around it, outermost first.
    pub(super) positions: &'m [u32],
    /// Its key, without the quotes.
    pub(super) key: &'m [u8],
    /// The JSON text of its value.
    pub(super) value: &'m [u8],
}

/// An undeclared member in the log.
#[derive(Debug)]
struct Noted {
    /// The number of its name in its object.
    name: u32,
    /// Where its key is in [`UndeclaredLog::text`].
    key: Range<usize>,
    /// Where its value is.
    value: Range<usize>,
    positions: Box<[u32]>,
}

impl UndeclaredLog {
    /// A log that keeps the members, or only counts them.
    pub(super) fn new(keeps_texts: bool) -> Self {
        Self { keeps_texts, ..Self::default() }
    }

    /// Notes a member. It replaces an earlier one of the same name in the same object: `since` is
    /// the position in the log at which the object began, and `last_noted` has, for each name of
    /// such objects, the position at which it was noted last.
    #[cold]
    pub(super) fn note(
        &mut self,
        member: UndeclaredMember<'_>,
        since: usize,
        last_noted: &mut Vec<u32>,
    ) {
        let UndeclaredMember { node, name, positions, key, value } = member;
        if last_noted.len() <= name as usize {
            last_noted.resize(name as usize + 1, 0);
        }
        let position = last_noted[name as usize] as usize;
        let key = self.keep(key);
        let value = self.keep(value);
        let positions = if self.keeps_texts { positions } else { &[] };
        let noted = Noted { name, key, value, positions: positions.into() };
        // `last_noted` is never reset: by now its position may belong to another object, an earlier
        // record or something else. So everything is compared.
        match self.entries.get_mut(position, node) {
            Some(same) if position >= since && same.name == name => *same = noted,
            _ => {
                last_noted[name as usize] = self.entries.len() as u32;
                self.entries.push(node, noted);
            }
        }
    }

    fn keep(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.text.len();
        if self.keeps_texts {
            self.text.extend_from_slice(text);
        }
        start..self.text.len()
    }

    /// The position of the next member in the log: [`UndeclaredLog::undo`] goes back to it.
    pub(super) fn position(&self) -> usize {
        self.entries.len()
    }

    /// Whether the record has no undeclared members.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
    }

    /// Releases memory that an unusual record has made the log take, up to `kept_bytes` of text.
    /// Must not be called while a record is being read.
    pub(super) fn release_memory(&mut self, kept_bytes: usize) {
        if self.text.capacity() > kept_bytes {
            self.text = Vec::new();
        }
        self.entries.release_memory();
    }

    /// Takes back the members of objects with these nodes that were noted at `since` or later.
    pub(super) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        self.entries.undo(since, nodes);
    }

    /// How many undeclared members the record has.
    pub(super) fn count(&self) -> u64 {
        self.entries.iter().count() as u64
    }

    /// Writes the undeclared members, then the values that became null, as one JSON object. `path`
    /// returns the path of a node. Returns how many did not fit into the longest object.
    pub(super) fn write<'p>(
        &self,
        issues: &IssueLog,
        path: impl Fn(u32) -> &'p [PathStep],
        out: &mut Vec<u8>,
    ) -> LeftOut {
        // At the top level of a record each name is there once, declared or not.
        let is_flat = self.entries.iter().all(|(node, _)| path(node).is_empty())
            && issues.nulled().all(|nulled| path(nulled.node).len() == 1);
        let numbers = if is_flat { HashMap::new() } else { self.numbers(issues, &path) };
        let mut left_out = LeftOut { members: 0, values: issues.nulled_but_not_noted() };
        let start = out.len();
        let mut separator = b'{';
        let mut position = 0;
        self.for_each(issues, &path, |member| {
            let number = numbers.get(&position);
            position += 1;
            if out.len() - start + member.value.len() > MAX_OBJECT_BYTES {
                if member.is_undeclared {
                    left_out.members += 1;
                } else {
                    left_out.values += 1;
                }
                return;
            }
            out.push(separator);
            separator = b',';
            out.extend_from_slice(member.open_name);
            if let Some(number) = number {
                out.push(b'_');
                out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
            }
            out.extend_from_slice(b"\":");
            out.extend_from_slice(member.value);
        });
        if separator == b'{' {
            // Nothing was written, not even the brace.
            out.push(b'{');
        }
        out.push(b'}');
        left_out
    }

    /// Calls `each` with the members of the object in their order. Names are made one at a time,
    /// because all paths of a record together may be far longer than its text.
    fn for_each<'p>(
        &self,
        issues: &IssueLog,
        path: &impl Fn(u32) -> &'p [PathStep],
        mut each: impl FnMut(Member<'_>),
    ) {
        let mut name = Vec::new();
        for (node, entry) in self.entries.iter() {
            let path = path(node);
            name.clear();
            if path.is_empty() {
                name.push(b'"');
            } else {
                write_open_string(&dotted(path, &entry.positions), &mut name);
                name.push(b'.');
            }
            // The key stays as the record spells it, escapes included.
            name.extend_from_slice(&self.text[entry.key.clone()]);
            let value = &self.text[entry.value.clone()];
            each(Member { open_name: &name, depth: path.len() + 1, value, is_undeclared: true });
        }
        for nulled in issues.nulled() {
            let path = path(nulled.node);
            name.clear();
            write_open_string(&dotted(path, nulled.positions), &mut name);
            each(Member {
                open_name: &name,
                depth: path.len(),
                value: nulled.text,
                is_undeclared: false,
            });
        }
    }

    /// Numbers for members whose name another member has too, by the member's position in the
    /// object. The least nested member keeps the name; of several, the first.
    fn numbers<'p>(
        &self,
        issues: &IssueLog,
        path: &impl Fn(u32) -> &'p [PathStep],
    ) -> HashMap<usize, u64> {
        let hasher = RandomState::new();
        let mut plain = Vec::new();
        // Hashes instead of names: there may be millions of them.
        let mut hashes = Vec::new();
        self.for_each(issues, path, |member| {
            member.unescape_name(&mut plain);
            hashes.push(hasher.hash_one(&plain));
        });
        hashes.sort_unstable();
        let repeated: HashSet<u64> =
            hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        if repeated.is_empty() {
            return HashMap::new();
        }
        let mut equal: Vec<(usize, usize, Vec<u8>)> = Vec::new();
        let mut position = 0;
        self.for_each(issues, path, |member| {
            member.unescape_name(&mut plain);
            if repeated.contains(&hasher.hash_one(&plain)) {
                equal.push((member.depth, position, plain.clone()));
            }
            position += 1;
        });
        equal.sort();
        // A numbered name must differ from every name in the object, and from the other numbered
        // ones.
        let mut given: HashSet<u64> = HashSet::new();
        let is_taken = |hash: u64| hashes.binary_search(&hash).is_ok();
        // The search for a name's next number continues where the last search ended. Otherwise many
        // members with the same name would take quadratic time.
        let mut next: HashMap<Vec<u8>, u64> = HashMap::new();
        let mut numbers = HashMap::new();
        for (_, position, name) in equal {
            match next.entry(name) {
                Entry::Vacant(first) => {
                    first.insert(2);
                }
                Entry::Occupied(mut held) => loop {
                    let number = *held.get();
                    held.insert(number + 1);
                    let hash =
                        hasher.hash_one([held.key(), format!("_{number}").as_bytes()].concat());
                    if !is_taken(hash) && given.insert(hash) {
                        numbers.insert(position, number);
                        break;
                    }
                },
            }
        }
        numbers
    }
}

/// What was left out of an object that would have been too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Undeclared members.
    pub(super) members: u64,
    /// Values that became null.
    pub(super) values: u64,
}

/// A member of the object that is written.
struct Member<'l> {
    /// Its name as JSON, without the closing quote: a number may follow.
    open_name: &'l [u8],
    /// How many steps its path has.
    depth: usize,
    value: &'l [u8],
    is_undeclared: bool,
}

impl Member<'_> {
    /// Replaces `plain` by the name without its quote and escapes.
    fn unescape_name(&self, plain: &mut Vec<u8>) {
        plain.clear();
        unescape(self.open_name.get(1..).unwrap_or_default(), plain);
    }
}

/// Appends `text` as a JSON string without the closing quote.
fn write_open_string(text: &str, out: &mut Vec<u8>) {
    write_string(text, out);
    out.pop();
}

/// Appends `text` as a JSON string.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    // Serializing a string into memory does not fail.
    let _ = text.serialize(&mut Serializer::with_formatter(out, NumericEscapes));
}

/// Writes control characters by their number: `\u000a`, not `\n`. Files have them so since the
/// first version, and a text must not change between two syncs.
struct NumericEscapes;

impl Formatter for NumericEscapes {
    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let code: u8 = match escape {
            CharEscape::Quote => return writer.write_all(b"\\\""),
            CharEscape::ReverseSolidus => return writer.write_all(b"\\\\"),
            // serde_json does not escape it.
            CharEscape::Solidus => return writer.write_all(b"/"),
            CharEscape::Backspace => 0x08,
            CharEscape::FormFeed => 0x0c,
            CharEscape::LineFeed => b'\n',
            CharEscape::CarriageReturn => b'\r',
            CharEscape::Tab => b'\t',
            CharEscape::AsciiControl(code) => code,
        };
        write!(writer, "\\u{code:04x}")
    }
}
