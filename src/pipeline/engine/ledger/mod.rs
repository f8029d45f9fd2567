//! Which rows are durable, and which STATEs may therefore be acknowledged.
//!
//! Pure bookkeeping: no I/O, no clock, no async. In: rows as they arrive ([`Ledger::rows`]), files
//! that take them ([`Ledger::file_opened`]), STATEs as they are received ([`Ledger::state`]) and
//! receipts ([`Ledger::published`]). Out: the STATEs that are free, in an order in which they may
//! be printed ([`Ledger::free`]).
//!
//! Rows of all streams are numbered in one sequence, from 1, in the order in which the ordered
//! stage takes them; a STATE's position is the number of the last row before it. A STREAM state at
//! position `p` waits for every file of its stream that holds a row up to `p`, a GLOBAL or LEGACY
//! state for every file that does.
//!
//! Invariants
//! - Nothing is durable unless a receipt says so: a file that is never published holds its states
//!   back forever.
//! - STREAM states of one stream come out in the order received, GLOBAL and LEGACY states too. A
//!   sync has one kind or the other by the protocol; where a source mixes them, each kind keeps its
//!   own order.
//! - Memory: one entry per unpublished file and per waiting state.
//! - Nothing but [`Ledger::new`] takes time in proportion to the streams: a source of thousands of
//!   streams may send a GLOBAL state with every record.
//!
//! Not here: when to publish (`engine::checkpoint`).

use std::collections::{BTreeSet, VecDeque};

use crate::model::StreamIx;
use crate::pipeline::messages::{FileId, Position};
use crate::protocol::state::StateScope;

/// A STATE that may be printed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Freed<S> {
    /// What [`Ledger::state`] was given.
    pub state: S,
    /// Records between the previous received STATE of the same scope and this one.
    pub records: u64,
}

#[derive(Debug)]
struct Waiting<S> {
    position: Position,
    records: u64,
    state: S,
}

#[derive(Debug)]
struct StreamEntry<S> {
    records_since_state: u64,
    /// The value of `states_over_all` when `records_since_state` was last counted: each state over
    /// all streams restarts the count.
    counted_at: u64,
    covered: Position,
    unpublished: BTreeSet<(Position, FileId)>,
    waiting: VecDeque<Waiting<S>>,
}

/// The ledger of one run.
#[derive(Debug)]
pub(super) struct Ledger<S> {
    last_row: Position,
    streams: Vec<StreamEntry<S>>,
    /// Every unpublished file by its first row: what a state of scope `All` waits for.
    unpublished: BTreeSet<(Position, FileId)>,
    records_since_all: u64,
    /// How many states over all streams have come.
    states_over_all: u64,
    covered_by_all: Position,
    waiting_all: VecDeque<Waiting<S>>,
    waiting_states_of_streams: usize,
    /// Streams with a waiting state of their own.
    waiting_streams: BTreeSet<StreamIx>,
    /// Streams whose front state may have become free; keeps `free` from looking at every stream.
    touched: BTreeSet<StreamIx>,
}

impl<S> Ledger<S> {
    /// A ledger for a catalog of `streams` streams.
    #[must_use]
    pub(super) fn new(streams: usize) -> Self {
        let entry = || StreamEntry {
            records_since_state: 0,
            counted_at: 0,
            covered: 0,
            unpublished: BTreeSet::new(),
            waiting: VecDeque::new(),
        };
        Self {
            last_row: 0,
            streams: std::iter::repeat_with(entry).take(streams).collect(),
            unpublished: BTreeSet::new(),
            records_since_all: 0,
            states_over_all: 0,
            covered_by_all: 0,
            waiting_all: VecDeque::new(),
            waiting_states_of_streams: 0,
            waiting_streams: BTreeSet::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Numbers `count` rows of `stream` that have arrived; returns the first and the last number.
    pub(super) fn rows(&mut self, stream: StreamIx, count: u64) -> (Position, Position) {
        let first = self.last_row + 1;
        self.last_row += count;
        self.records_since_all += count;
        *self.records_since_state(stream) += count;
        (first, self.last_row)
    }

    /// Registers a file of `stream` whose first row is `first`. Later rows of the file come after
    /// it and need not be registered.
    pub(super) fn file_opened(&mut self, stream: StreamIx, file: FileId, first: Position) {
        self.streams[stream.index()].unpublished.insert((first, file));
        self.unpublished.insert((first, file));
    }

    /// Registers a received STATE. Every row that arrived before it in its scope must be in a file
    /// by now.
    pub(super) fn state(&mut self, scope: StateScope, state: S) {
        let position = self.last_row;
        match scope {
            StateScope::Stream(stream) => {
                let records = std::mem::take(self.records_since_state(stream));
                let entry = &mut self.streams[stream.index()];
                entry.covered = position;
                entry.waiting.push_back(Waiting { position, records, state });
                self.waiting_states_of_streams += 1;
                self.waiting_streams.insert(stream);
                self.touched.insert(stream);
            }
            StateScope::All => {
                let records = std::mem::take(&mut self.records_since_all);
                self.states_over_all += 1;
                self.covered_by_all = position;
                self.waiting_all.push_back(Waiting { position, records, state });
            }
        }
    }

    /// Records of the stream since the last state that covers it, of whatever scope.
    fn records_since_state(&mut self, stream: StreamIx) -> &mut u64 {
        let entry = &mut self.streams[stream.index()];
        if entry.counted_at != self.states_over_all {
            entry.counted_at = self.states_over_all;
            entry.records_since_state = 0;
        }
        &mut entry.records_since_state
    }

    /// Takes the receipt of a file: all its rows are in a visible object.
    pub(super) fn published(&mut self, stream: StreamIx, file: FileId, first: Position) {
        self.streams[stream.index()].unpublished.remove(&(first, file));
        self.unpublished.remove(&(first, file));
        self.touched.insert(stream);
    }

    /// The last row that has arrived, of any stream; 0 before the first.
    #[must_use]
    pub(super) fn last_row(&self) -> Position {
        self.last_row
    }

    /// The last row of `stream`'s that a received STATE covers (a number in the common sequence).
    #[must_use]
    pub(super) fn covered(&self, stream: StreamIx) -> Position {
        self.streams[stream.index()].covered.max(self.covered_by_all)
    }

    /// Whether a STATE of exactly this scope waits.
    #[must_use]
    pub(super) fn is_waiting(&self, scope: StateScope) -> bool {
        match scope {
            StateScope::Stream(stream) => !self.streams[stream.index()].waiting.is_empty(),
            StateScope::All => !self.waiting_all.is_empty(),
        }
    }

    /// The position of the last waiting STATE of this scope that lies before row `before`.
    #[must_use]
    pub(super) fn last_waiting_before(
        &self,
        scope: StateScope,
        before: Position,
    ) -> Option<Position> {
        let waiting = match scope {
            StateScope::Stream(stream) => &self.streams[stream.index()].waiting,
            StateScope::All => &self.waiting_all,
        };
        let count = waiting.partition_point(|state| state.position < before);
        count.checked_sub(1).and_then(|last| waiting.get(last)).map(|state| state.position)
    }

    /// How many STATEs wait.
    #[must_use]
    #[cfg(test)]
    pub(super) fn waiting_states(&self) -> usize {
        self.waiting_states_of_streams + self.waiting_all.len()
    }

    /// The streams with a waiting STATE of their own.
    #[must_use]
    pub(super) fn waiting_streams(&self) -> &BTreeSet<StreamIx> {
        &self.waiting_streams
    }

    /// Takes out every STATE that has become free, in the order in which they are to be printed.
    pub(super) fn free(&mut self) -> Vec<Freed<S>> {
        let mut freed = Vec::new();
        for stream in std::mem::take(&mut self.touched) {
            let entry = &mut self.streams[stream.index()];
            let before = freed.len();
            take_free(&mut entry.waiting, &entry.unpublished, &mut freed);
            self.waiting_states_of_streams -= freed.len() - before;
            if entry.waiting.is_empty() {
                self.waiting_streams.remove(&stream);
            }
        }
        take_free(&mut self.waiting_all, &self.unpublished, &mut freed);
        freed
    }
}

/// Moves the states that lie before the first unpublished row.
fn take_free<S>(
    waiting: &mut VecDeque<Waiting<S>>,
    unpublished: &BTreeSet<(Position, FileId)>,
    freed: &mut Vec<Freed<S>>,
) {
    let first_unpublished = unpublished.first().map_or(Position::MAX, |(first, _)| *first);
    while waiting.front().is_some_and(|state| state.position < first_unpublished) {
        if let Some(Waiting { state, records, .. }) = waiting.pop_front() {
            freed.push(Freed { state, records });
        }
    }
}

#[cfg(test)]
mod tests;
