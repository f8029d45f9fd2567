//! Keeps the members of a record that the schema does not name, and writes
//! `_airbyte_additional_properties`.
//!
//! In: key and value of an undeclared member, as the record spells them; at the end of a record
//! also the values that became null. Out: the text of one JSON object per record, or the number of
//! undeclared members where they are dropped. What is nested is called by its dotted path.
//!
//! Invariants
//! - No name stands twice in the object: a name with a dot can look like a path, and then the more
//!   deeply nested one is numbered.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::ops::Range;

use super::conversion_issues::{IssueLog, PathStep, dotted};
use super::undo_log::UndoLog;
use crate::json::unescape;

/// A path stands before each member of each element of a list, so that the text can be many times
/// the record's. No record whose undeclared fields are at its top is longer than this: a line has
/// 128 MiB at most.
const LONGEST_TEXT_BYTES: usize = 256 * 1024 * 1024;

/// The undeclared members of the record that is being read.
#[derive(Debug, Default)]
pub(crate) struct UndeclaredLog {
    entries: UndoLog<Undeclared>,
    /// Keys, without their quotes, and values.
    text: Vec<u8>,
    /// Whether the file has a place for them; else they are only counted.
    keeps_texts: bool,
}

/// A member as it was met.
#[derive(Debug)]
struct Undeclared {
    /// The number of its name in that object.
    name: u32,
    key: Range<usize>,
    value: Range<usize>,
    /// Places of the object in the lists that it is in.
    positions: Box<[u32]>,
}

impl UndeclaredLog {
    /// An account that keeps the members, or only counts them.
    pub(crate) fn new(keeps_texts: bool) -> Self {
        Self { keeps_texts, ..Self::default() }
    }

    /// Notes a member. `since` is where the entries of its object begin, `noted` where the object's
    /// names were noted last: of several members of one name the last is kept.
    #[cold]
    pub(crate) fn note(
        &mut self,
        object: (u32, u32, &[u32]),
        since: usize,
        noted: &mut Vec<u32>,
        key: &[u8],
        value: &[u8],
    ) {
        let (node, name, positions) = object;
        if noted.len() <= name as usize {
            noted.resize(name as usize + 1, 0);
        }
        let place = noted[name as usize] as usize;
        let key = self.keep(key);
        let value = self.keep(value);
        let positions = if self.keeps_texts { positions } else { &[] };
        let entry = Undeclared { name, key, value, positions: positions.into() };
        match self.entries.get_mut(place, node) {
            Some(same) if place >= since && same.name == name => *same = entry,
            _ => {
                noted[name as usize] = self.entries.len() as u32;
                self.entries.push(node, entry);
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

    /// A place to go back to with [`UndeclaredLog::undo`].
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the record has no undeclared member.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
    }

    /// Gives back room for entries, and for text beyond `kept_bytes`. Not while a record is being
    /// read.
    pub(crate) fn trim(&mut self, kept_bytes: usize) {
        if self.text.capacity() > kept_bytes {
            self.text = Vec::new();
        }
        self.entries.trim();
    }

    /// Takes back what was noted from place `since` on in objects of the given nodes.
    pub(crate) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        self.entries.undo(since, nodes);
    }

    /// How many members there are.
    pub(crate) fn count(&self) -> u64 {
        self.entries.iter().count() as u64
    }

    /// Writes the undeclared members, then the values that became null, as one JSON object. `path`
    /// returns the path of a node.
    pub(crate) fn write<'p>(
        &self,
        misfits: &IssueLog,
        path: impl Fn(u32) -> &'p [PathStep],
        out: &mut Vec<u8>,
    ) -> LeftOut {
        // The top level of a record has each name once, declared or not.
        let is_flat = self.entries.iter().all(|(node, _)| path(node).is_empty())
            && misfits.nulled().all(|nulled| path(nulled.node).len() == 1);
        let numbers = if is_flat { HashMap::new() } else { self.numbers(misfits, &path) };
        let mut left_out = LeftOut { members: 0, values: misfits.nulled_further() };
        let start = out.len();
        let mut before = b'{';
        let mut place = 0;
        self.for_each(misfits, &path, |member| {
            let number = numbers.get(&place);
            place += 1;
            if out.len() - start + member.value.len() > LONGEST_TEXT_BYTES {
                *(if member.is_undeclared {
                    &mut left_out.members
                } else {
                    &mut left_out.values
                }) += 1;
                return;
            }
            out.push(before);
            before = b',';
            out.extend_from_slice(member.open_name);
            if let Some(number) = number {
                out.push(b'_');
                out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
            }
            out.extend_from_slice(b"\":");
            out.extend_from_slice(member.value);
        });
        if before == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
        left_out
    }

    /// The members in their order. Names are made one at a time: together the paths of a record may
    /// be far longer than its text.
    fn for_each<'p>(
        &self,
        misfits: &IssueLog,
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
            name.extend_from_slice(&self.text[entry.key.clone()]);
            let value = &self.text[entry.value.clone()];
            each(Member { open_name: &name, depth: path.len() + 1, value, is_undeclared: true });
        }
        for nulled in misfits.nulled() {
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

    /// By place: the numbers of those members whose name another member has too. The one that is
    /// nested least keeps the name, the first of several such.
    fn numbers<'p>(
        &self,
        misfits: &IssueLog,
        path: &impl Fn(u32) -> &'p [PathStep],
    ) -> HashMap<usize, u64> {
        let hasher = RandomState::new();
        let mut plain = Vec::new();
        // Eight bytes for each name: there may be millions.
        let mut hashes = Vec::new();
        self.for_each(misfits, path, |member| {
            member.unescape_name(&mut plain);
            hashes.push(hasher.hash_one(&plain));
        });
        hashes.sort_unstable();
        let twice: HashSet<u64> =
            hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        if twice.is_empty() {
            return HashMap::new();
        }
        let mut equal: Vec<(usize, usize, Vec<u8>)> = Vec::new();
        let mut place = 0;
        self.for_each(misfits, path, |member| {
            member.unescape_name(&mut plain);
            if twice.contains(&hasher.hash_one(&plain)) {
                equal.push((member.depth, place, plain.clone()));
            }
            place += 1;
        });
        equal.sort();
        // Numbers go around all names that are there, and around each other.
        let mut given: HashSet<u64> = HashSet::new();
        let is_there = |hash: u64| hashes.binary_search(&hash).is_ok();
        // Where the search for a name's number goes on: many members of one name must not cost
        // their square.
        let mut next: HashMap<Vec<u8>, u64> = HashMap::new();
        let mut numbers = HashMap::new();
        for (_, place, name) in equal {
            match next.entry(name) {
                Entry::Vacant(first) => {
                    first.insert(2);
                }
                Entry::Occupied(mut held) => loop {
                    let number = *held.get();
                    held.insert(number + 1);
                    let hash =
                        hasher.hash_one([held.key(), format!("_{number}").as_bytes()].concat());
                    if !is_there(hash) && given.insert(hash) {
                        numbers.insert(place, number);
                        break;
                    }
                },
            }
        }
        numbers
    }
}

/// What an object that would be too long does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Undeclared members.
    pub(crate) members: u64,
    /// Values that became null.
    pub(crate) values: u64,
}

/// A member of the object that is written.
struct Member<'l> {
    /// Its name as JSON, without the closing quote: a number may follow.
    open_name: &'l [u8],
    /// How many steps lead to it.
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
    let _ = serde_json::to_writer(out, text);
}
