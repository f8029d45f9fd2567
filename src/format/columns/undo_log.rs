//! A log of notes on the record that is being read, in which the notes of one column can be undone.
//!
//! In: notes on nodes, in the order of the record's text; then, where a record repeats a member,
//! the nodes whose earlier notes no longer count. Out: the notes that remain, in order.
//!
//! Invariants
//! - Linear time: however often a record repeats its members, each note is visited a bounded number
//!   of times. In addition, each repetition visits every node of the member once. Searching the
//!   whole log instead would take minutes for a record of half a megabyte.
//! - The last note in the log is never an undone one, so that the log is empty if and only if no
//!   note remains.
//!
//! Not here: what a note says (`conversion_issues`, `undeclared`).

use std::ops::Range;

/// An empty log keeps memory for this many notes: every worker has logs for every stream.
const KEPT_NOTES: usize = 256;

/// Notes of one kind.
#[derive(Debug)]
pub(super) struct UndoLog<T> {
    notes: Vec<Note<T>>,
    /// By node: its latest note that was not undone, counted from 1; 0 if there is none.
    latest: Vec<u32>,
}

#[derive(Debug)]
struct Note<T> {
    node: u32,
    /// The node's entry in `latest` before this note.
    previous: u32,
    /// `None` if the note was undone.
    content: Option<T>,
}

impl<T> Default for UndoLog<T> {
    fn default() -> Self {
        Self { notes: Vec::new(), latest: Vec::new() }
    }
}

impl<T> UndoLog<T> {
    pub(super) fn push(&mut self, node: u32, content: T) {
        let ix = node as usize;
        if self.latest.len() <= ix {
            self.latest.resize(ix + 1, 0);
        }
        let number = self.notes.len() as u32 + 1;
        let previous = std::mem::replace(&mut self.latest[ix], number);
        self.notes.push(Note { node, previous, content: Some(content) });
    }

    /// How many notes there are, undone ones included: the position of the next note, to which
    /// [`UndoLog::undo`] can go back.
    pub(super) fn len(&self) -> usize {
        self.notes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Removes all notes. Resets `latest` note by note, since there may be far more nodes than
    /// notes.
    pub(super) fn clear(&mut self) {
        self.notes.drain(..).for_each(|note| self.latest[note.node as usize] = 0);
    }

    /// Releases memory beyond [`KEPT_NOTES`]. Does nothing while there are notes.
    pub(super) fn release_memory(&mut self) {
        if self.notes.is_empty() && self.notes.capacity() > KEPT_NOTES {
            self.notes = Vec::new();
        }
    }

    /// The note at a position, if it is on `node` and was not undone.
    pub(super) fn get_mut(&mut self, position: usize, node: u32) -> Option<&mut T> {
        self.notes.get_mut(position).filter(|note| note.node == node)?.content.as_mut()
    }

    /// Undoes the notes on `nodes` from the position `since` on. `nodes` are those of a member and
    /// everything inside it.
    ///
    /// The notes of one value are adjacent, as nothing else is noted while it is read. So this
    /// finds the last of them and walks back to where the value began. Notes of an even earlier
    /// value of the member were undone when this value came.
    pub(super) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        let known_nodes = nodes.start as usize..self.latest.len().min(nodes.end as usize);
        let latest = self.latest.get(known_nodes).unwrap_or_default();
        let end = latest.iter().copied().max().unwrap_or(0) as usize;
        // Going backwards, each note is the latest of its node when it is undone, so that
        // `previous` is right for `latest`.
        let run = self.notes.get_mut(since..end).unwrap_or_default().iter_mut().rev();
        for note in run.take_while(|note| nodes.contains(&note.node)) {
            if note.content.take().is_some() {
                self.latest[note.node as usize] = note.previous;
            }
        }
        // Undone notes at the end go, so that they are not passed again and again. Those further
        // up stay: positions must not move.
        while self.notes.last().is_some_and(|note| note.content.is_none()) {
            self.notes.pop();
        }
    }

    /// The notes that were not undone, with their nodes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.notes.iter().filter_map(|note| Some((note.node, note.content.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A value of a column, and how many notes there are on the column itself.
    #[derive(Clone, Debug)]
    struct Value {
        node: u32,
        notes: usize,
        inside: Inside,
    }

    #[derive(Clone, Debug)]
    enum Inside {
        /// The last of several members with one node counts.
        Members(Vec<Value>),
        /// All elements have one node, and all count.
        Elements(Vec<Value>),
    }

    /// How many nodes a column of this many levels has: each column has two inside it.
    fn nodes(levels: u32) -> u32 {
        (0..=levels).map(|level| 2u32.pow(level)).sum()
    }

    fn value(node: u32, levels: u32) -> BoxedStrategy<Value> {
        let notes = 0usize..2;
        if levels == 0 {
            return notes
                .prop_map(move |notes| Value { node, notes, inside: Inside::Members(vec![]) })
                .boxed();
        }
        let member = (0u32..2)
            .prop_flat_map(move |member| value(node + 1 + member * nodes(levels - 1), levels - 1));
        let inside = prop_oneof![
            prop::collection::vec(member, 0..6).prop_map(Inside::Members),
            prop::collection::vec(value(node + 1, levels - 1), 0..4).prop_map(Inside::Elements),
        ];
        (notes, inside).prop_map(move |(notes, inside)| Value { node, notes, inside }).boxed()
    }

    /// Reads a value as the decoder does. `count` numbers the notes.
    fn read(log: &mut UndoLog<u32>, count: &mut u32, value: &Value, levels: u32) {
        for _ in 0..value.notes {
            log.push(value.node, *count);
            *count += 1;
        }
        match &value.inside {
            Inside::Members(members) => {
                let since = log.len();
                for (position, member) in members.iter().enumerate() {
                    if members[..position].iter().any(|earlier| earlier.node == member.node) {
                        log.undo(since, &(member.node..member.node + nodes(levels - 1)));
                    }
                    read(log, count, member, levels - 1);
                }
            }
            Inside::Elements(elements) => {
                elements.iter().for_each(|element| read(log, count, element, levels - 1));
            }
        }
    }

    /// Adds the notes that must remain to `all`.
    fn remaining(value: &Value, count: &mut u32, all: &mut Vec<(u32, u32)>) {
        for _ in 0..value.notes {
            all.push((value.node, *count));
            *count += 1;
        }
        match &value.inside {
            Inside::Members(members) => {
                for (position, member) in members.iter().enumerate() {
                    let before = all.len();
                    remaining(member, count, all);
                    if members[position + 1..].iter().any(|later| later.node == member.node) {
                        all.truncate(before);
                    }
                }
            }
            Inside::Elements(elements) => {
                elements.iter().for_each(|element| remaining(element, count, all))
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn a_repeated_member_leaves_the_notes_of_its_last_value(
            records in prop::collection::vec(value(0, 3), 1..4),
        ) {
            let mut log = UndoLog::default();
            for record in records {
                // One log for all: a note of one record must not be taken for a note on the next.
                log.clear();
                let mut expected = Vec::new();
                read(&mut log, &mut 0, &record, 3);
                remaining(&record, &mut 0, &mut expected);
                prop_assert_eq!(
                    log.iter().map(|(node, note)| (node, *note)).collect::<Vec<_>>(),
                    expected
                );
                prop_assert_eq!(log.is_empty(), log.iter().next().is_none());
            }
        }
    }
}
