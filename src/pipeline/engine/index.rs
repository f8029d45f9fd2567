//! Keeps the streams of the run sorted in the orders that the engine needs, so that no event visits
//! all of them.
//!
//! In: the [`StreamFacts`] of a stream, whenever something about it has changed. Out: the largest
//! stream, the oldest file, the next deadline, and sums.
//!
//! Invariants
//! - A change takes logarithmic time in the number of streams, and answers need no search. So an
//!   event costs about as much in a sync of 10,000 streams as in one of ten.
//!
//! Not here: how facts follow from a stream's files (`Engine::refresh`).

use std::collections::BTreeSet;
use std::time::Instant;

use crate::model::StreamIx;

/// The facts about one stream that decide its places in the orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamFacts {
    /// Bytes that rest in its tail and in its files without a group.
    pub(super) resident_bytes: u64,
    /// When the oldest row of its oldest file without a group arrived.
    pub(super) oldest_file_at: Option<Instant>,
    /// When its own waiting STATE is due.
    pub(super) state_due_at: Option<Instant>,
    /// Whether one of its files without a group has rows on both sides of the last STATE that
    /// covers the stream.
    pub(super) straddles: bool,
    /// Whether it has an open file.
    pub(super) has_open_file: bool,
    /// Rows in its files without a group.
    pub(super) ungrouped_rows: u64,
}

/// The streams of a run, in the orders that the engine asks for.
#[derive(Debug)]
pub(super) struct StreamIndex {
    facts: Vec<StreamFacts>,
    stale: BTreeSet<StreamIx>,
    by_size: BTreeSet<(u64, StreamIx)>,
    by_age: BTreeSet<(Instant, StreamIx)>,
    by_deadline: BTreeSet<(Instant, StreamIx)>,
    straddling: BTreeSet<StreamIx>,
    open: usize,
    resident_bytes: u64,
    rows: u64,
}

impl StreamIndex {
    /// Makes an index that knows nothing about its streams yet.
    pub(super) fn new(streams: usize) -> Self {
        Self {
            facts: vec![StreamFacts::default(); streams],
            stale: BTreeSet::new(),
            by_size: BTreeSet::new(),
            by_age: BTreeSet::new(),
            by_deadline: BTreeSet::new(),
            straddling: BTreeSet::new(),
            open: 0,
            resident_bytes: 0,
            rows: 0,
        }
    }

    /// Marks a stream about which something has changed, so that its facts are collected again.
    pub(super) fn touch(&mut self, stream: StreamIx) {
        self.stale.insert(stream);
    }

    /// A STATE over all streams has come: it covers every row that is in a file.
    pub(super) fn all_are_covered(&mut self) {
        for stream in std::mem::take(&mut self.straddling) {
            self.facts[stream.index()].straddles = false;
        }
    }

    /// Takes out the streams that were touched.
    pub(super) fn take_stale(&mut self) -> BTreeSet<StreamIx> {
        std::mem::take(&mut self.stale)
    }

    /// Sets what is known of a stream.
    pub(super) fn set(&mut self, stream: StreamIx, facts: StreamFacts) {
        let old = std::mem::replace(&mut self.facts[stream.index()], facts);
        if old.resident_bytes != facts.resident_bytes {
            self.by_size.remove(&(old.resident_bytes, stream));
            if facts.resident_bytes > 0 {
                self.by_size.insert((facts.resident_bytes, stream));
            }
            self.resident_bytes = self.resident_bytes + facts.resident_bytes - old.resident_bytes;
        }
        replace(&mut self.by_age, stream, old.oldest_file_at, facts.oldest_file_at);
        replace(&mut self.by_deadline, stream, old.state_due_at, facts.state_due_at);
        if old.straddles != facts.straddles {
            self.straddling.remove(&stream);
            if facts.straddles {
                self.straddling.insert(stream);
            }
        }
        self.open = self.open + usize::from(facts.has_open_file) - usize::from(old.has_open_file);
        self.rows = self.rows + facts.ungrouped_rows - old.ungrouped_rows;
    }

    /// Bytes at rest, of all streams.
    pub(super) fn resident_bytes(&self) -> u64 {
        self.resident_bytes
    }

    /// The streams with bytes at rest, those with most of them first.
    pub(super) fn largest(&self) -> impl Iterator<Item = (u64, StreamIx)> {
        self.by_size.iter().rev().copied()
    }

    /// The streams with files without a group, the one with the oldest file first.
    pub(super) fn oldest(&self) -> impl Iterator<Item = (Instant, StreamIx)> {
        self.by_age.iter().copied()
    }

    /// The streams whose own STATE waits, by the time when it is due.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Instant, StreamIx)> {
        self.by_deadline.iter().copied()
    }

    /// Whether any stream has a file with rows on both sides of the last STATE.
    pub(super) fn any_straddles(&self) -> bool {
        !self.straddling.is_empty()
    }

    /// Whether any stream has an open file.
    pub(super) fn any_open(&self) -> bool {
        self.open > 0
    }

    /// Rows in files without a group, of all streams.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }
}

#[cfg(debug_assertions)]
impl StreamIndex {
    /// Nothing is known but these facts, and every order has them.
    pub(super) fn assert_facts(&self, facts: &[(StreamIx, StreamFacts)]) {
        for (ix, facts) in facts {
            assert_eq!(self.facts[ix.index()], *facts, "{ix:?}");
        }
        let with =
            |is: fn(&StreamFacts) -> bool| facts.iter().filter(|(_, facts)| is(facts)).count();
        assert_eq!(self.by_size.len(), with(|facts| facts.resident_bytes > 0));
        assert_eq!(self.by_age.len(), with(|facts| facts.oldest_file_at.is_some()));
        assert_eq!(self.by_deadline.len(), with(|facts| facts.state_due_at.is_some()));
        assert_eq!(self.straddling.len(), with(|facts| facts.straddles));
        assert_eq!(self.open, with(|facts| facts.has_open_file));
    }
}

fn replace(
    set: &mut BTreeSet<(Instant, StreamIx)>,
    stream: StreamIx,
    old: Option<Instant>,
    new: Option<Instant>,
) {
    if old != new {
        if let Some(old) = old {
            set.remove(&(old, stream));
        }
        if let Some(new) = new {
            set.insert((new, stream));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_order_follows_a_change() {
        let now = crate::env::instant();
        let later = now + Duration::from_secs(1);
        let (a, b) = (StreamIx(0), StreamIx(1));
        let mut index = StreamIndex::new(2);
        index.set(
            a,
            StreamFacts {
                resident_bytes: 5,
                oldest_file_at: Some(later),
                state_due_at: Some(later),
                has_open_file: true,
                ungrouped_rows: 2,
                ..StreamFacts::default()
            },
        );
        index.set(
            b,
            StreamFacts {
                resident_bytes: 9,
                oldest_file_at: Some(now),
                straddles: true,
                ungrouped_rows: 3,
                ..StreamFacts::default()
            },
        );
        assert_eq!(index.largest().collect::<Vec<_>>(), [(9, b), (5, a)]);
        assert_eq!(index.oldest().collect::<Vec<_>>(), [(now, b), (later, a)]);
        assert_eq!(index.deadlines().collect::<Vec<_>>(), [(later, a)]);
        assert_eq!((index.resident_bytes(), index.rows()), (14, 5));
        assert!(index.any_straddles() && index.any_open());
        index.all_are_covered();
        assert!(!index.any_straddles());
        index.set(a, StreamFacts::default());
        index.set(b, StreamFacts::default());
        assert_eq!((index.resident_bytes(), index.rows(), index.largest().count()), (0, 0, 0));
        assert_eq!(
            (index.oldest().count(), index.deadlines().count(), index.any_open()),
            (0, 0, false)
        );
    }
}
