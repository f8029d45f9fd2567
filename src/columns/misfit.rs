//! Keeps account of values that a column could not take as they were: per record for `_airbyte_meta.changes`, per field for
//! the summary at the end of a run.
//!
//! In: the node of a column and a cause, as values are read. Out: the entries of a record, in order, and counts per field.

use std::ops::Range;
use std::sync::Arc;

use super::journal::Journal;
use super::value::Misfit;

/// Entries that one record's `changes` may have of ours. A record with more is damaged beyond what a list can tell; its
/// further misfits are only counted.
const MOST_ENTRIES: usize = 1_000;

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is null: it is not of the column's type.
    Wrong,
    /// It is null: it is larger than the column's type can hold.
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

/// The account of one worker's stream.
#[derive(Debug, Default)]
pub(super) struct MisfitLog {
    /// Of the record that is being read.
    entries: Journal<(Cause, Box<[u32]>)>,
    /// By node, in records that are read: nulled and truncated.
    counts: Vec<[u64; 2]>,
    /// Nodes with a count.
    counted: Vec<u32>,
}

impl MisfitLog {
    #[cold]
    pub(super) fn note(&mut self, node: u32, cause: Cause, positions: &[u32]) {
        // Those behind the last that is shown are only counted.
        let positions = if self.entries.len() < MOST_ENTRIES { positions } else { &[] };
        self.entries.push(node, (cause, positions.into()));
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
    }

    /// Takes back what was noted from place `since` on for the nodes of a column.
    pub(super) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        self.entries.undo(since, nodes);
    }

    /// Counts the record's entries and takes out those that its `changes` are to have.
    pub(super) fn end_record(&mut self) -> Vec<Entry> {
        let mut shown = Vec::new();
        for (node, (cause, positions)) in self.entries.iter() {
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
        self.entries.clear();
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
