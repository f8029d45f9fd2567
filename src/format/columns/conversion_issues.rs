//! Records conversion issues: values that a column could not take as they were.
//!
//! In: the node of a column, what happened to a value of it, and the value's text, as values are
//! read. Out: per record, the entries for `_airbyte_meta.changes` and the texts of nulled values
//! for `_airbyte_additional_properties`, both in the order of the record; per field, counts for the
//! summary at the end of a run.
//!
//! Invariants
//! - Memory for a record is bounded by its text and [`MAX_NOTED_ISSUES`], however many of its
//!   values do not fit.
//! - Every issue is counted, also one beyond the bounds.
//!
//! Not here: which values fit (`decode`, `number`, `temporal`).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::parsed::ConversionError;
use super::undo_log::UndoLog;

/// How many issues of one record are listed in its `changes`. In a record with more, a longer list
/// would not help; further issues are only counted.
const MAX_LISTED_ISSUES: usize = 1_000;

/// How many issues of one record are noted one by one, with the texts of the values. A line of 128
/// MiB may hold forty million elements of a wrong type, and a note takes many times the bytes of
/// such an element: further issues are only counted.
pub(super) const MAX_NOTED_ISSUES: usize = 100_000;

/// An empty log keeps this much memory for texts: every worker has one log per stream.
const KEPT_TEXT_BYTES: usize = 16 * 1024;

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssueKind {
    /// It became null: it is not of the column's type.
    WrongType,
    /// It became null: it is outside the range of the column's type.
    OutOfRange,
    /// It is in the column, but without all of its digits.
    LostDigits,
}

impl From<ConversionError> for IssueKind {
    fn from(error: ConversionError) -> Self {
        match error {
            ConversionError::WrongType => Self::WrongType,
            ConversionError::OutOfRange => Self::OutOfRange,
        }
    }
}

impl IssueKind {
    /// The protocol's words for `change` and `reason`.
    pub(super) fn as_change(self) -> (&'static str, &'static str) {
        match self {
            Self::WrongType => ("NULLED", "DESTINATION_SERIALIZATION_ERROR"),
            Self::OutOfRange => ("NULLED", "DESTINATION_FIELD_SIZE_LIMITATION"),
            Self::LostDigits => ("TRUNCATED", "DESTINATION_FIELD_SIZE_LIMITATION"),
        }
    }

    /// Whether the value became null.
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

/// One step on the way from a record to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathStep {
    /// To the member of this name.
    Name(String),
    /// To the elements of a list.
    Element,
}

/// Joins a path with dots. `positions` are those of elements in their lists; an element without one
/// is written as `*`.
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

/// An issue, as `changes` lists it.
#[derive(Clone, Debug)]
pub(super) struct Issue {
    pub(super) node: u32,
    pub(super) kind: IssueKind,
    /// The value's positions in the lists around it, outermost first.
    pub(super) positions: Box<[u32]>,
}

/// An issue of the record that is being read.
#[derive(Debug)]
struct NotedIssue {
    kind: IssueKind,
    positions: Box<[u32]>,
    /// Where the value's text is in [`IssueLog::texts`]; empty if it is not kept.
    text: Range<usize>,
}

/// A value that became null.
#[derive(Clone, Copy, Debug)]
pub(super) struct NulledValue<'l> {
    pub(super) node: u32,
    /// Its positions in the lists around it, outermost first.
    pub(super) positions: &'l [u32],
    /// Its JSON text.
    pub(super) text: &'l [u8],
}

/// How many values became null, and how many lost digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    nulled: u64,
    truncated: u64,
}

impl Counts {
    fn add(&mut self, kind: IssueKind) {
        if kind.is_nulled() {
            self.nulled += 1;
        } else {
            self.truncated += 1;
        }
    }
}

/// The issues of one stream on one worker.
#[derive(Debug, Default)]
pub(super) struct IssueLog {
    /// Issues of the record that is being read, the first [`MAX_NOTED_ISSUES`] of them.
    noted: UndoLog<NotedIssue>,
    /// The texts of nulled values in `noted`, concatenated.
    texts: Vec<u8>,
    /// By node: the record's issues beyond those in `noted`.
    not_noted: HashMap<u32, Counts>,
    /// Whether the file has a column for the texts.
    keeps_texts: bool,
    /// By node: the issues of all records that ended since the counts were last taken.
    counts: Vec<Counts>,
    /// The nodes whose counts are not zero. There may be thousands of nodes and few issues.
    counted_nodes: Vec<u32>,
}

impl IssueLog {
    /// A log that keeps the texts of values that become null, or does not.
    pub(super) fn new(keeps_texts: bool) -> Self {
        Self { keeps_texts, ..Self::default() }
    }

    /// Notes an issue. `text` is the JSON text of the value.
    #[cold]
    pub(super) fn note(&mut self, node: u32, kind: IssueKind, positions: &[u32], text: &[u8]) {
        if self.noted.len() >= MAX_NOTED_ISSUES {
            self.not_noted.entry(node).or_default().add(kind);
            return;
        }
        let start = self.texts.len();
        let is_kept = self.keeps_texts && kind.is_nulled();
        if is_kept {
            self.texts.extend_from_slice(text);
        }
        // The positions of an issue that is only counted are not needed.
        let has_path = is_kept || self.noted.len() < MAX_LISTED_ISSUES;
        let positions = if has_path { positions } else { &[] };
        let text = start..self.texts.len();
        self.noted.push(node, NotedIssue { kind, positions: positions.into(), text });
    }

    /// The record's values that became null, if texts are kept; without those beyond
    /// [`MAX_NOTED_ISSUES`].
    pub(super) fn nulled(&self) -> impl Iterator<Item = NulledValue<'_>> {
        let nulled =
            self.noted.iter().filter(|(_, noted)| self.keeps_texts && noted.kind.is_nulled());
        nulled.map(|(node, noted)| NulledValue {
            node,
            positions: &noted.positions,
            text: self.texts.get(noted.text.clone()).unwrap_or_default(),
        })
    }

    /// How many of the record's values became null beyond [`MAX_NOTED_ISSUES`].
    pub(super) fn nulled_but_not_noted(&self) -> u64 {
        self.not_noted.values().map(|counts| counts.nulled).sum()
    }

    /// The position of the next issue in the log: [`IssueLog::undo`] goes back to it.
    pub(super) fn position(&self) -> usize {
        self.noted.len()
    }

    /// Whether the record has no issues.
    pub(super) fn is_empty(&self) -> bool {
        self.noted.is_empty() && self.not_noted.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.noted.clear();
        self.not_noted.clear();
        self.texts.clear();
        if self.texts.capacity() > KEPT_TEXT_BYTES {
            self.texts = Vec::new();
        }
    }

    /// Takes back the issues of `nodes` that were noted at `since` or later.
    pub(super) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        // Issues that are only counted have no position. They are younger than all in `noted`, and
        // therefore than `since`, unless `noted` was full before `since`: then their age is
        // unknown, and they stay.
        if since < MAX_NOTED_ISSUES && !self.not_noted.is_empty() {
            self.not_noted.retain(|node, _| !nodes.contains(node));
        }
        self.noted.undo(since, nodes);
    }

    /// Releases memory that a record full of issues has made the log take. Must not be called while
    /// a record is being read.
    pub(super) fn release_memory(&mut self) {
        self.noted.release_memory();
        if self.not_noted.is_empty() {
            self.not_noted = HashMap::new();
        }
    }

    /// Counts the record's issues and returns those that its `changes` list.
    pub(super) fn end_record(&mut self) -> Vec<Issue> {
        let mut listed = Vec::new();
        for (node, NotedIssue { kind, positions, .. }) in self.noted.iter() {
            counts_of(&mut self.counts, &mut self.counted_nodes, node).add(*kind);
            if listed.len() < MAX_LISTED_ISSUES {
                listed.push(Issue { node, kind: *kind, positions: positions.clone() });
            }
        }
        for (node, more) in &self.not_noted {
            let counts = counts_of(&mut self.counts, &mut self.counted_nodes, *node);
            counts.nulled += more.nulled;
            counts.truncated += more.truncated;
        }
        self.clear();
        listed
    }

    /// Takes the counts since the last call. `name` returns the name of a node's field.
    pub(super) fn take_counts(&mut self, name: impl Fn(u32) -> Arc<str>) -> Vec<FieldIssues> {
        let mut counted = std::mem::take(&mut self.counted_nodes);
        counted.sort_unstable();
        counted
            .into_iter()
            .map(|node| {
                let Counts { nulled, truncated } = std::mem::take(&mut self.counts[node as usize]);
                FieldIssues { field: name(node), nulled, truncated }
            })
            .collect()
    }
}

/// Returns the counts of a node, for the caller to increment one of them.
fn counts_of<'c>(
    all: &'c mut Vec<Counts>,
    counted_nodes: &mut Vec<u32>,
    node: u32,
) -> &'c mut Counts {
    let ix = node as usize;
    if all.len() <= ix {
        all.resize(ix + 1, Counts::default());
    }
    let counts = &mut all[ix];
    if *counts == Counts::default() {
        counted_nodes.push(node);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_positions_that_are_known() {
        let name = |name: &str| PathStep::Name(name.to_owned());
        let path = [name("items"), PathStep::Element, name("tags"), PathStep::Element];
        assert_eq!(dotted(&path, &[0, 12]), "items.0.tags.12");
        assert_eq!(dotted(&path, &[3]), "items.3.tags.*");
        assert_eq!(dotted(&path, &[]), "items.*.tags.*");
        assert_eq!(dotted(&path[..1], &[]), "items");
    }

    /// Ten million elements of a wrong type once took 25 times the memory of their line.
    #[test]
    fn a_record_full_of_issues_takes_bounded_memory() {
        for keeps_texts in [true, false] {
            let mut log = IssueLog::new(keeps_texts);
            log.note(3, IssueKind::LostDigits, &[], b"1.5");
            for position in 0..3 * MAX_NOTED_ISSUES as u32 {
                log.note(2, IssueKind::WrongType, &[position], b"[]");
            }
            log.note(3, IssueKind::LostDigits, &[], b"1.5");
            assert_eq!(log.position(), MAX_NOTED_ISSUES);
            assert_eq!(log.texts.len(), if keeps_texts { 2 * (MAX_NOTED_ISSUES - 1) } else { 0 });
            assert_eq!(log.nulled_but_not_noted(), 2 * MAX_NOTED_ISSUES as u64 + 1);
            // A repeated member leaves no issues of its earlier value.
            log.undo(1, &(2..3));
            assert_eq!((log.nulled_but_not_noted(), log.nulled().count()), (0, 0));
            assert_eq!(log.end_record().len(), 1);
            let counts = log.take_counts(|node| node.to_string().into());
            assert_eq!(counts.len(), 1);
            assert_eq!((counts[0].nulled, counts[0].truncated), (0, 2));
            log.release_memory();
            assert!(log.is_empty() && log.texts.capacity() <= KEPT_TEXT_BYTES);
        }
    }
}
