//! Notes on the record that is being read, which can be taken back for one column without a look at
//! the others.
//!
//! In: notes on nodes, in the order of the text; then, where a member is repeated, the nodes whose
//! notes are void. Out: the notes that stand, in order.
//!
//! Invariants
//! - Linear: whatever a record repeats, each note is looked at a bounded number of times, besides
//!   one look at each of the nodes for each repetition. A record of half a megabyte must not take
//!   minutes.
//! - The last note is never void: there is one that stands if and only if there is one.
//!
//! Not here: what a note says (`misfit`, `extra`).

use std::ops::Range;

/// Room that an empty undo_log keeps: every worker has some per stream.
const KEPT_NOTES: usize = 256;

/// Notes of one kind.
#[derive(Debug)]
pub(crate) struct UndoLog<T> {
    notes: Vec<Note<T>>,
    /// By node: the number of its last note that stands, counted from 1, or 0.
    latest: Vec<u32>,
}

#[derive(Debug)]
struct Note<T> {
    node: u32,
    /// What `latest` was before it.
    before: u32,
    /// `None` if it was taken back.
    content: Option<T>,
}

impl<T> Default for UndoLog<T> {
    fn default() -> Self {
        Self { notes: Vec::new(), latest: Vec::new() }
    }
}

impl<T> UndoLog<T> {
    pub(crate) fn push(&mut self, node: u32, content: T) {
        let ix = node as usize;
        if self.latest.len() <= ix {
            self.latest.resize(ix + 1, 0);
        }
        let number = self.notes.len() as u32 + 1;
        let before = std::mem::replace(&mut self.latest[ix], number);
        self.notes.push(Note { node, before, content: Some(content) });
    }

    /// How many notes there are, void ones included: a place to go back to with [`UndoLog::undo`].
    pub(crate) fn len(&self) -> usize {
        self.notes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.notes.drain(..).for_each(|note| self.latest[note.node as usize] = 0);
    }

    /// Gives back room beyond [`KEPT_NOTES`]. Only when there are no notes.
    pub(crate) fn trim(&mut self) {
        if self.notes.is_empty() && self.notes.capacity() > KEPT_NOTES {
            self.notes = Vec::new();
        }
    }

    /// The note at a place, if it is one on `node` that stands.
    pub(crate) fn get_mut(&mut self, place: usize, node: u32) -> Option<&mut T> {
        self.notes.get_mut(place).filter(|note| note.node == node)?.content.as_mut()
    }

    /// Takes back the notes on `nodes`, which are a column and all that is inside it, from place
    /// `since` on. They were made while one value was read, so that they stand side by side.
    pub(crate) fn undo(&mut self, since: usize, nodes: &Range<u32>) {
        let inside = nodes.start as usize..self.latest.len().min(nodes.end as usize);
        let end =
            self.latest.get(inside).unwrap_or_default().iter().copied().max().unwrap_or(0) as usize;
        // Backwards, so that each note is the last of its node when its turn comes.
        let run = self.notes.get_mut(since..end).unwrap_or_default().iter_mut().rev();
        for note in run.take_while(|note| nodes.contains(&note.node)) {
            if note.content.take().is_some() {
                self.latest[note.node as usize] = note.before;
            }
        }
        while self.notes.last().is_some_and(|note| note.content.is_none()) {
            self.notes.pop();
        }
    }

    /// The notes that stand.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.notes.iter().filter_map(|note| Some((note.node, note.content.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A value of a column, with what is noted on the column itself.
    #[derive(Clone, Debug)]
    struct Value {
        node: u32,
        notes: usize,
        inside: Inside,
    }

    #[derive(Clone, Debug)]
    enum Inside {
        /// Of several members of one node the last counts.
        Members(Vec<Value>),
        /// All of one node, and all count.
        Elements(Vec<Value>),
    }

    /// How many nodes a column of so many levels takes: each has two columns inside it.
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
    fn read(undo_log: &mut UndoLog<u32>, count: &mut u32, value: &Value, levels: u32) {
        for _ in 0..value.notes {
            undo_log.push(value.node, *count);
            *count += 1;
        }
        match &value.inside {
            Inside::Members(members) => {
                let since = undo_log.len();
                for (place, member) in members.iter().enumerate() {
                    if members[..place].iter().any(|earlier| earlier.node == member.node) {
                        undo_log.undo(since, &(member.node..member.node + nodes(levels - 1)));
                    }
                    read(undo_log, count, member, levels - 1);
                }
            }
            Inside::Elements(elements) => {
                elements.iter().for_each(|element| read(undo_log, count, element, levels - 1));
            }
        }
    }

    /// The notes that stand.
    fn standing(value: &Value, count: &mut u32, all: &mut Vec<(u32, u32)>) {
        for _ in 0..value.notes {
            all.push((value.node, *count));
            *count += 1;
        }
        match &value.inside {
            Inside::Members(members) => {
                for (place, member) in members.iter().enumerate() {
                    let before = all.len();
                    standing(member, count, all);
                    if members[place + 1..].iter().any(|later| later.node == member.node) {
                        all.truncate(before);
                    }
                }
            }
            Inside::Elements(elements) => {
                elements.iter().for_each(|element| standing(element, count, all))
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_repeated_leaves_the_notes_of_the_last(records in prop::collection::vec(value(0, 3), 1..4)) {
            let mut undo_log = UndoLog::default();
            for record in records {
                // One after the other: what is left of a record must not be taken for a note on the
                // next.
                undo_log.clear();
                let mut expected = Vec::new();
                read(&mut undo_log, &mut 0, &record, 3);
                standing(&record, &mut 0, &mut expected);
                prop_assert_eq!(undo_log.iter().map(|(node, note)| (node, *note)).collect::<Vec<_>>(), expected);
                prop_assert_eq!(undo_log.is_empty(), undo_log.iter().next().is_none());
            }
        }
    }
}
