//! Keeps the members of a record that the schema does not name, for `_airbyte_additional_properties`.
//!
//! In: key and value of an undeclared member, as the record spells them. Out: the text of one JSON object per record, or
//! their number where they are dropped. A member of a nested object is called by its dotted path.

use std::ops::Range;

use super::journal::Journal;
use super::misfit::{PathStep, dotted};

/// A path stands before each member of each element of a list, so that the text can be many times the record's. No record
/// whose undeclared fields are at its top is longer than this: a line has 128 MiB at most.
const LONGEST_TEXT_BYTES: usize = 256 * 1024 * 1024;

/// The undeclared members of the record that is being read.
#[derive(Debug, Default)]
pub(super) struct ExtraLog {
    entries: Journal<Entry>,
    /// Keys, without their quotes, and values.
    text: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    /// The number of its name in that object.
    name: u32,
    key: Range<usize>,
    value: Range<usize>,
    /// Places of the object in the lists that it is in.
    positions: Box<[u32]>,
}

impl ExtraLog {
    /// Notes a member. `since` is where the entries of its object begin, `noted` where the object's names were noted last:
    /// of several members of one name the last is kept.
    #[cold]
    pub(super) fn note(
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
        let entry = Entry { name, key, value, positions: positions.into() };
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
        self.text.extend_from_slice(text);
        start..self.text.len()
    }

    /// A place to go back to with [`ExtraLog::undo`].
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the record has no undeclared member.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
    }

    /// Takes back what was noted from place `since` on in objects of the given nodes.
    pub(super) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        self.entries.undo(since, nodes);
    }

    /// How many members there are.
    pub(super) fn count(&self) -> u64 {
        self.entries.iter().count() as u64
    }

    /// Writes the members as one JSON object. `path` gives the path of an object. Gives the number of members that are
    /// left out since the text would be longer than [`LONGEST_TEXT_BYTES`].
    pub(super) fn write<'p>(&self, path: impl Fn(u32) -> &'p [PathStep], out: &mut Vec<u8>) -> u64 {
        let start = out.len();
        let mut before = b'{';
        let mut left_out = 0;
        for (node, entry) in self.entries.iter() {
            if out.len() - start + entry.value.len() > LONGEST_TEXT_BYTES {
                left_out += 1;
                continue;
            }
            out.push(before);
            before = b',';
            out.push(b'"');
            let path = path(node);
            if !path.is_empty() {
                write_escaped(&dotted(path, &entry.positions), out);
                out.push(b'.');
            }
            out.extend_from_slice(&self.text[entry.key.clone()]);
            out.extend_from_slice(b"\":");
            out.extend_from_slice(&self.text[entry.value.clone()]);
        }
        if before == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
        left_out
    }
}

/// A text between the quotes of a JSON string.
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => {
                let digit = |value: u8| char::from_digit(u32::from(value), 16).map_or(b'0', |c| c as u8);
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
}
