//! Keeps account of values that a column could not take as they were: per record for `_airbyte_meta.changes` and for
//! `_airbyte_additional_properties`, per field for the summary at the end of a run.
//!
//! In: the node of a column, a cause and the value's text, as values are read. Out: the entries of a record, in order, the
//! texts of the values that became null, and counts per field.

use std::ops::Range;
use std::sync::Arc;

use super::journal::Journal;
use super::value::Misfit;

/// Entries that one record's `changes` may have of ours. A record with more is damaged beyond what a list can tell; its
/// further misfits are only counted.
const MOST_ENTRIES: usize = 1_000;

/// Values of one record whose texts are kept. A line of 128 MiB may hold forty million wrong elements, and an entry takes
/// many times the bytes of such an element.
pub(super) const MOST_TEXTS: usize = 100_000;

/// An empty log keeps room for this much: every worker has one per stream.
const KEPT_BYTES: usize = 16 * 1024;

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is null: it is not of the column's type.
    Wrong,
    /// It is null: it is outside what the column's type can hold.
    TooLarge,
    /// Digits are missing.
    Cut,
}

impl From<Misfit> for Cause {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Wrong => Self::Wrong,
            Misfit::TooLarge => Self::TooLarge,
        }
    }
}

impl Cause {
    /// The protocol's words for `change` and `reason`.
    pub(super) fn as_change(self) -> (&'static str, &'static str) {
        match self {
            Self::Wrong => ("NULLED", "DESTINATION_SERIALIZATION_ERROR"),
            Self::TooLarge => ("NULLED", "DESTINATION_FIELD_SIZE_LIMITATION"),
            Self::Cut => ("TRUNCATED", "DESTINATION_FIELD_SIZE_LIMITATION"),
        }
    }

    /// Whether nothing of the value is in its column.
    fn is_nulled(self) -> bool {
        match self {
            Self::Wrong | Self::TooLarge => true,
            Self::Cut => false,
        }
    }
}

/// How often values of one field did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMisfits {
    /// Dotted path of the field; an element of a list is `*`.
    pub field: Arc<str>,
    /// Values that became null.
    pub nulled: u64,
    /// Values that lost digits.
    pub truncated: u64,
}

/// Where a field is: names of members, and elements of lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathStep {
    Name(String),
    Element,
}

/// A path with dots; `positions` are the elements' places, and `*` stands for those that are not given.
pub(super) fn dotted(path: &[PathStep], positions: &[u32]) -> String {
    let mut positions = positions.iter();
    let mut text = String::new();
    for (depth, step) in path.iter().enumerate() {
        if depth > 0 {
            text.push('.');
        }
        match step {
            PathStep::Name(name) => text.push_str(name),
            PathStep::Element => match positions.next() {
                Some(position) => text.push_str(itoa::Buffer::new().format(*position)),
                None => text.push('*'),
            },
        }
    }
    text
}

/// One value that did not fit.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) node: u32,
    pub(super) cause: Cause,
    /// Places in the lists that it is in, outermost first.
    pub(super) positions: Box<[u32]>,
}

/// What is noted of a value.
#[derive(Debug)]
struct Noted {
    cause: Cause,
    positions: Box<[u32]>,
    /// Where its text is, if it is kept.
    text: Option<Range<usize>>,
}

/// A value that became null.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nulled<'l> {
    pub(super) node: u32,
    /// Places in the lists that it is in, outermost first.
    pub(super) positions: &'l [u32],
    /// Its JSON text; `None` if the record has more than [`MOST_TEXTS`] entries.
    pub(super) text: Option<&'l [u8]>,
}

/// The account of one worker's stream.
#[derive(Debug, Default)]
pub(super) struct MisfitLog {
    /// Of the record that is being read.
    entries: Journal<Noted>,
    /// The texts of its entries, one after the other.
    texts: Vec<u8>,
    /// Whether the file has a place for texts.
    keeps_texts: bool,
    /// By node, in records that are read: nulled and truncated.
    counts: Vec<[u64; 2]>,
    /// Nodes with a count.
    counted: Vec<u32>,
}

impl MisfitLog {
    /// An account that keeps the texts of values that become null, or does not.
    pub(super) fn new(keeps_texts: bool) -> Self {
        Self { keeps_texts, ..Self::default() }
    }

    /// Notes a value. `text` is the JSON text of one that becomes null.
    #[cold]
    pub(super) fn note(&mut self, node: u32, cause: Cause, positions: &[u32], text: &[u8]) {
        let is_kept = self.keeps_texts && cause.is_nulled() && self.entries.len() < MOST_TEXTS;
        let text = is_kept.then(|| {
            let start = self.texts.len();
            self.texts.extend_from_slice(text);
            start..self.texts.len()
        });
        // The others are only counted.
        let is_shown = is_kept || self.entries.len() < MOST_ENTRIES;
        let positions = if is_shown { positions } else { &[] };
        self.entries.push(node, Noted { cause, positions: positions.into(), text });
    }

    /// The values that became null, where texts are kept.
    pub(super) fn nulled(&self) -> impl Iterator<Item = Nulled<'_>> {
        let nulled = self.entries.iter().filter(|(_, noted)| self.keeps_texts && noted.cause.is_nulled());
        nulled.map(|(node, noted)| Nulled {
            node,
            positions: &noted.positions,
            text: noted.text.clone().and_then(|text| self.texts.get(text)),
        })
    }

    /// A place to go back to with [`MisfitLog::undo`].
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the record has no misfit.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.texts.clear();
        if self.texts.capacity() > KEPT_BYTES {
            self.texts = Vec::new();
        }
    }

    /// Takes back what was noted from place `since` on for the nodes of a column.
    pub(super) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        self.entries.undo(since, nodes);
    }

    /// Counts the record's entries and takes out those that its `changes` are to have.
    pub(super) fn end_record(&mut self) -> Vec<Entry> {
        let mut shown = Vec::new();
        for (node, Noted { cause, positions, .. }) in self.entries.iter() {
            let ix = node as usize;
            if self.counts.len() <= ix {
                self.counts.resize(ix + 1, [0, 0]);
            }
            let count = &mut self.counts[ix];
            if *count == [0, 0] {
                self.counted.push(node);
            }
            count[usize::from(*cause == Cause::Cut)] += 1;
            if shown.len() < MOST_ENTRIES {
                shown.push(Entry { node, cause: *cause, positions: positions.clone() });
            }
        }
        self.clear();
        shown
    }

    /// The counts since the last call, with the fields' names.
    pub(super) fn take_counts(&mut self, field: impl Fn(u32) -> Arc<str>) -> Vec<FieldMisfits> {
        let mut counted = std::mem::take(&mut self.counted);
        counted.sort_unstable();
        counted
            .into_iter()
            .map(|node| {
                let [nulled, truncated] = std::mem::take(&mut self.counts[node as usize]);
                FieldMisfits { field: field(node), nulled, truncated }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_places_that_are_known() {
        let name = |name: &str| PathStep::Name(name.to_owned());
        let path = [name("items"), PathStep::Element, name("tags"), PathStep::Element];
        assert_eq!(dotted(&path, &[0, 12]), "items.0.tags.12");
        assert_eq!(dotted(&path, &[3]), "items.3.tags.*");
        assert_eq!(dotted(&path, &[]), "items.*.tags.*");
        assert_eq!(dotted(&path[..1], &[]), "items");
    }
}
