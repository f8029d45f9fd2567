//! Keeps account of values that a column could not take as they were: per record for
//! `_airbyte_meta.changes` and for `_airbyte_additional_properties`, per field for the summary at
//! the end of a run.
//!
//! In: the node of a column, a cause and the value's text, as values are read. Out: the entries of
//! a record, in order, the texts of the values that became null, and counts per field.
//!
//! Invariant: memory for a record is bounded by its text and [`MOST_NOTES`], however many of its
//! values do not fit.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::parsed::ConversionError;
use super::undo_log::UndoLog;

/// Entries that one record's `changes` may have of ours. A record with more is damaged beyond what
/// a list can tell; its further misfits are only counted.
const MOST_ENTRIES: usize = 1_000;

/// Values of one record that are noted one by one, with their texts. A line of 128 MiB may hold
/// forty million wrong elements, and a note takes many times the bytes of such an element: further
/// ones are only counted.
pub(crate) const MOST_NOTES: usize = 100_000;

/// An empty log keeps room for this much: every worker has one per stream.
const KEPT_BYTES: usize = 16 * 1024;

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IssueKind {
    /// It is null: it is not of the column's type.
    WrongType,
    /// It is null: it is outside what the column's type can hold.
    OutOfRange,
    /// Digits are missing.
    LostDigits,
}

impl From<ConversionError> for IssueKind {
    fn from(misfit: ConversionError) -> Self {
        match misfit {
            ConversionError::WrongType => Self::WrongType,
            ConversionError::OutOfRange => Self::OutOfRange,
        }
    }
}

impl IssueKind {
    /// The protocol's words for `change` and `reason`.
    pub(crate) fn as_change(self) -> (&'static str, &'static str) {
        match self {
            Self::WrongType => ("NULLED", "DESTINATION_SERIALIZATION_ERROR"),
            Self::OutOfRange => ("NULLED", "DESTINATION_FIELD_SIZE_LIMITATION"),
            Self::LostDigits => ("TRUNCATED", "DESTINATION_FIELD_SIZE_LIMITATION"),
        }
    }

    /// Whether nothing of the value is in its column.
    fn is_nulled(self) -> bool {
        match self {
            Self::WrongType | Self::OutOfRange => true,
            Self::LostDigits => false,
        }
    }
}

/// How often values of one field did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldIssues {
    /// Dotted path of the field; an element of a list is `*`.
    pub field: Arc<str>,
    /// Values that became null.
    pub nulled: u64,
    /// Values that lost digits.
    pub truncated: u64,
}

/// Where a field is: names of members, and elements of lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathStep {
    Name(String),
    Element,
}

/// A path with dots; `positions` are the elements' places, and `*` stands for those that are not
/// given.
pub(crate) fn dotted(path: &[PathStep], positions: &[u32]) -> String {
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
pub(crate) struct Entry {
    pub(crate) node: u32,
    pub(crate) cause: IssueKind,
    /// Places in the lists that it is in, outermost first.
    pub(crate) positions: Box<[u32]>,
}

/// What is noted of a value.
#[derive(Debug)]
struct Noted {
    cause: IssueKind,
    positions: Box<[u32]>,
    /// Where its text is; empty if it is not kept.
    text: Range<usize>,
}

/// A value that became null.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nulled<'l> {
    pub(crate) node: u32,
    /// Places in the lists that it is in, outermost first.
    pub(crate) positions: &'l [u32],
    /// Its JSON text.
    pub(crate) text: &'l [u8],
}

/// The account of one worker's stream.
#[derive(Debug, Default)]
pub(crate) struct IssueLog {
    /// Of the record that is being read.
    entries: UndoLog<Noted>,
    /// The texts of its entries, one after the other.
    texts: Vec<u8>,
    /// By node: its values beyond [`MOST_NOTES`], nulled and truncated.
    further: HashMap<u32, [u64; 2]>,
    /// Whether the file has a place for texts.
    keeps_texts: bool,
    /// By node, in records that are read: nulled and truncated.
    counts: Vec<[u64; 2]>,
    /// Nodes with a count.
    counted: Vec<u32>,
}

impl IssueLog {
    /// An account that keeps the texts of values that become null, or does not.
    pub(crate) fn new(keeps_texts: bool) -> Self {
        Self { keeps_texts, ..Self::default() }
    }

    /// Notes a value. `text` is the JSON text of one that becomes null.
    #[cold]
    pub(crate) fn note(&mut self, node: u32, cause: IssueKind, positions: &[u32], text: &[u8]) {
        if self.entries.len() >= MOST_NOTES {
            self.further.entry(node).or_default()[usize::from(!cause.is_nulled())] += 1;
            return;
        }
        let start = self.texts.len();
        let is_kept = self.keeps_texts && cause.is_nulled();
        if is_kept {
            self.texts.extend_from_slice(text);
        }
        // The others are only counted.
        let is_shown = is_kept || self.entries.len() < MOST_ENTRIES;
        let positions = if is_shown { positions } else { &[] };
        self.entries.push(
            node,
            Noted { cause, positions: positions.into(), text: start..self.texts.len() },
        );
    }

    /// The values that became null, where texts are kept; without those beyond [`MOST_NOTES`].
    pub(crate) fn nulled(&self) -> impl Iterator<Item = Nulled<'_>> {
        let nulled =
            self.entries.iter().filter(|(_, noted)| self.keeps_texts && noted.cause.is_nulled());
        nulled.map(|(node, noted)| Nulled {
            node,
            positions: &noted.positions,
            text: self.texts.get(noted.text.clone()).unwrap_or_default(),
        })
    }

    /// How many values became null beyond [`MOST_NOTES`].
    pub(crate) fn nulled_further(&self) -> u64 {
        self.further.values().map(|[nulled, _]| nulled).sum()
    }

    /// A place to go back to with [`IssueLog::undo`].
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the record has no misfit.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.further.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.further.clear();
        self.texts.clear();
        if self.texts.capacity() > KEPT_BYTES {
            self.texts = Vec::new();
        }
    }

    /// Takes back what was noted from place `since` on for the nodes of a column.
    pub(crate) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        // Behind the last place nobody can tell what came first: those stay counted.
        if since < MOST_NOTES && !self.further.is_empty() {
            self.further.retain(|node, _| !nodes.contains(node));
        }
        self.entries.undo(since, nodes);
    }

    /// Gives back room that a record full of misfits has made the notes grow by. Not while a record
    /// is being read.
    pub(crate) fn trim(&mut self) {
        self.entries.trim();
        if self.further.is_empty() {
            self.further = HashMap::new();
        }
    }

    /// Counts the record's entries and takes out those that its `changes` are to have.
    pub(crate) fn end_record(&mut self) -> Vec<Entry> {
        let mut shown = Vec::new();
        for (node, Noted { cause, positions, .. }) in self.entries.iter() {
            count(&mut self.counts, &mut self.counted, node)[usize::from(!cause.is_nulled())] += 1;
            if shown.len() < MOST_ENTRIES {
                shown.push(Entry { node, cause: *cause, positions: positions.clone() });
            }
        }
        for (node, [nulled, truncated]) in &self.further {
            let count = count(&mut self.counts, &mut self.counted, *node);
            count[0] += nulled;
            count[1] += truncated;
        }
        self.clear();
        shown
    }

    /// The counts since the last call, with the fields' names.
    pub(crate) fn take_counts(&mut self, field: impl Fn(u32) -> Arc<str>) -> Vec<FieldIssues> {
        let mut counted = std::mem::take(&mut self.counted);
        counted.sort_unstable();
        counted
            .into_iter()
            .map(|node| {
                let [nulled, truncated] = std::mem::take(&mut self.counts[node as usize]);
                FieldIssues { field: field(node), nulled, truncated }
            })
            .collect()
    }
}

/// The count of a node, which is about to rise.
fn count<'c>(counts: &'c mut Vec<[u64; 2]>, counted: &mut Vec<u32>, node: u32) -> &'c mut [u64; 2] {
    let ix = node as usize;
    if counts.len() <= ix {
        counts.resize(ix + 1, [0, 0]);
    }
    let count = &mut counts[ix];
    if *count == [0, 0] {
        counted.push(node);
    }
    count
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

    /// Ten million wrong elements of one list took 25 times their line.
    #[test]
    fn a_record_full_of_misfits_takes_bounded_room() {
        for keeps_texts in [true, false] {
            let mut log = IssueLog::new(keeps_texts);
            log.note(3, IssueKind::LostDigits, &[], b"1.5");
            for position in 0..3 * MOST_NOTES as u32 {
                log.note(2, IssueKind::WrongType, &[position], b"[]");
            }
            log.note(3, IssueKind::LostDigits, &[], b"1.5");
            assert_eq!(log.len(), MOST_NOTES);
            assert_eq!(log.texts.len(), if keeps_texts { 2 * (MOST_NOTES - 1) } else { 0 });
            assert_eq!(log.nulled_further(), 2 * MOST_NOTES as u64 + 1);
            // A member that is repeated leaves nothing of its earlier value.
            log.undo(1, &(2..3));
            assert_eq!((log.nulled_further(), log.nulled().count()), (0, 0));
            assert_eq!(log.end_record().len(), 1);
            let counts = log.take_counts(|node| node.to_string().into());
            assert_eq!(counts.len(), 1);
            assert_eq!((counts[0].nulled, counts[0].truncated), (0, 2));
            log.trim();
            assert!(log.is_empty() && log.texts.capacity() <= KEPT_BYTES);
        }
    }
}
