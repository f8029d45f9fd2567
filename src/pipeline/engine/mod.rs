//! The ordered stage: decides which rows go into which file, when files are sealed and published,
//! and which STATE is acknowledged.
//!
//! A pure state machine, run by one thread: [`Engine::handle`] takes an [`Event`] and the time,
//! [`Engine::actions`] returns what is to be done. It never waits, reads no clock and does no I/O,
//! so that every schedule can be tested.
//!
//! One file per concern: `input` takes blocks in order and keeps each stream's tail, `checkpoint`
//! seals and publishes for STATEs, `keys` finds keys, `pressure` frees memory, `ending` closes the
//! run well or badly. `stream`, `groups`, `index`, `order` and `ledger` are what the engine
//! remembers; `consistency` holds it together in debug builds.
//!
//! Invariants
//! - A file is published only when a received STATE covers all its rows, or by a good end.
//! - The files that a STATE waits for are published together, once all of them are staged, so that
//!   little is visible before its STATE is out; groups of one stream are published in order.
//! - No event costs time in proportion to the streams or files of the run, only to those that it is
//!   about (`index` keeps the rest in order). The end of a run is the exception: it visits
//!   everything once.
//! - After a failure nothing new is read, and only rows that can still be acknowledged are
//!   published or stay published. An object that became visible and can no longer be acknowledged
//!   is deleted, because the source sends its rows again.
//!
//! Not here: how rows become bytes (`file::body`), the requests themselves (`upload`).

mod checkpoint;
#[cfg(debug_assertions)]
mod consistency;
mod ending;
mod groups;
mod index;
mod input;
mod keys;
mod ledger;
mod order;
mod pressure;
mod settings;
mod stream;

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

pub(crate) use settings::{EngineSettings, StreamPlan};

use self::groups::PublishGroups;
use self::index::{StreamFacts, StreamIndex};
use self::keys::FileKeys;
use self::stream::StreamFiles;
use super::budget::{Budget, Permit};
use super::file::File;
use super::summary::{RunSummary, StreamOutcome};
use crate::error::{Failure, FailureType};
use crate::model::StreamIx;
use crate::pipeline::engine::ledger::Ledger;
use crate::pipeline::engine::order::InputOrder;
use crate::pipeline::messages::{
    Action, CompressionSample, Event, FileId, JobDone, Position, ReadFault, StoreAnswer,
};
use crate::protocol::emitter::LogLevel;
use crate::protocol::state::{StateMessage, StateScope};
use crate::store::Effect;

/// A waiting STATE and the right to hold it.
#[derive(Debug)]
struct HeldState {
    message: StateMessage,
    permit: Permit,
}

/// How the run ends.
#[derive(Debug)]
enum Ending {
    /// Everything is published.
    Good,
    /// Only what can still be acknowledged is.
    Bad(Failure),
    /// As [`Self::Bad`], because the source did not report all streams COMPLETE.
    Unfinished(Failure),
}

/// The ordered stage of one run.
#[derive(Debug)]
pub(crate) struct Engine {
    settings: EngineSettings,
    budget: Budget,
    order: InputOrder,
    /// Why the reader stopped before the end of the input.
    reader_fault: Option<ReadFault>,
    /// Lines in the blocks that were taken.
    lines: u64,
    ledger: Ledger<HeldState>,
    /// Memory that waiting STATEs take.
    waiting_state_bytes: u64,
    /// Whether waiting STATEs take so much memory that they are due whatever their age.
    states_fill_memory: bool,
    /// Whether a GLOBAL or LEGACY state has arrived.
    has_state_over_all: bool,
    streams: Vec<StreamFiles>,
    index: StreamIndex,
    /// Bytes that rest in each file without a group, as the sum of its stream counts them.
    resident: HashMap<FileId, u64>,
    streams_with_tail: BTreeSet<StreamIx>,
    files: HashMap<FileId, File>,
    next_file: u64,
    groups: PublishGroups,
    /// Streams in which a group has ended or a file was sealed, so that their STATE may be due now.
    streams_to_recheck: BTreeSet<StreamIx>,
    keys: FileKeys,
    /// Whether rows take less memory once a worker has made a piece of them.
    can_encode_early: bool,
    /// How much smaller rows of all streams became so far when they were encoded.
    compression: CompressionSample,
    /// First row of all files that will never be published; each stream has its own.
    first_lost_row: Position,
    stdout_closed: bool,
    has_warned_of_abort: bool,
    /// Set once; nothing more is read from then on.
    ending: Option<Ending>,
    /// What is to be done, in order, until [`Self::actions`] takes it.
    out: Vec<Action>,
    /// Events since the last check of consistency.
    #[cfg(debug_assertions)]
    unchecked_events: usize,
    /// Visits to streams and files.
    #[cfg(test)]
    visits: std::cell::Cell<u64>,
}

impl Engine {
    /// An engine at the start of a run.
    #[must_use]
    pub(crate) fn new(settings: EngineSettings, budget: Budget) -> Self {
        let streams = settings.streams.len();
        let can_encode_early =
            settings.streams.iter().any(|stream| stream.format.shrinks_when_encoded());
        Self {
            settings,
            budget,
            order: InputOrder::default(),
            reader_fault: None,
            lines: 0,
            ledger: Ledger::new(streams),
            waiting_state_bytes: 0,
            states_fill_memory: false,
            has_state_over_all: false,
            streams: std::iter::repeat_with(StreamFiles::new).take(streams).collect(),
            index: StreamIndex::new(streams),
            resident: HashMap::new(),
            streams_with_tail: BTreeSet::new(),
            files: HashMap::new(),
            next_file: 0,
            groups: PublishGroups::default(),
            streams_to_recheck: BTreeSet::new(),
            keys: FileKeys::new(streams),
            can_encode_early,
            compression: CompressionSample::default(),
            first_lost_row: Position::MAX,
            stdout_closed: false,
            has_warned_of_abort: false,
            ending: None,
            out: Vec::new(),
            #[cfg(debug_assertions)]
            unchecked_events: 0,
            #[cfg(test)]
            visits: std::cell::Cell::new(0),
        }
    }

    /// Takes one report from the outside. `now` is the time at which it is handled.
    pub(crate) fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Block(block) => {
                self.order.push(block);
                self.take_blocks(now);
            }
            Event::InputEnded { blocks, fault } => {
                self.order.end(blocks);
                self.reader_fault = fault;
                self.take_blocks(now);
            }
            Event::JobDone(done) => self.job_done(done),
            Event::Stored(file, answer) => self.stored(file, answer),
            Event::Noticed(notice) => {
                self.out.push(Action::Log(LogLevel::Warn, notice.to_string()))
            }
            Event::StdoutClosed => {
                self.stdout_closed = true;
                self.fail(Failure::new(
                    FailureType::System,
                    "stdout was closed before the sync ended: the program that started it is gone",
                ));
            }
            Event::Stopped(signal) => self.fail(Failure::new(
                FailureType::Transient,
                format!(
                    "the sync was stopped by {}: rows that STATEs cover were published, and the \
                     next attempt sends the others again",
                    signal.name()
                ),
            )),
            Event::Timer => self.checkpoint_due(now),
        }
        self.commit_visible_groups();
        self.checkpoint_rechecked(now);
        self.relieve_pressure(now);
        self.publish_ready_groups();
        self.print_free_states();
        self.refresh();
        #[cfg(debug_assertions)]
        self.debug_assert_consistent();
    }

    /// Takes out what is to be done, in order. Call it after every [`Self::handle`].
    pub(crate) fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.out)
    }

    /// Whether the run has ended and nothing is under way.
    #[must_use]
    pub(crate) fn is_finished(&self) -> bool {
        self.ending.is_some()
            && self.files.is_empty()
            && self.groups.by_id.is_empty()
            && self.keys.listings.is_empty()
    }

    /// Returns what came of the run: an account of every stream, and the failure that ended it, to
    /// be printed as the run's one TRACE ERROR.
    pub(crate) fn into_outcome(self) -> (RunSummary, Result<(), Failure>) {
        let streams =
            (0..).map(StreamIx).zip(&self.settings.streams).map(|(ix, plan)| StreamOutcome {
                descriptor: plan.values.descriptor.clone(),
                summary: self.streams[ix.index()].summary.clone(),
                succeeded: self.has_succeeded(ix),
                renamed_stems: self.streams[ix.index()].renamed_stems.clone(),
            });
        let summary = RunSummary { streams: streams.collect() };
        match self.ending {
            Some(Ending::Bad(failure) | Ending::Unfinished(failure)) => (summary, Err(failure)),
            Some(Ending::Good) | None => (summary, Ok(())),
        }
    }

    fn stored(&mut self, id: FileId, answer: StoreAnswer) {
        match answer {
            StoreAnswer::Listed(result) => self.listed(id, result),
            StoreAnswer::Created(Ok(upload_id)) => {
                self.with_file(id, |file| file.created(upload_id));
            }
            StoreAnswer::Part(Ok(receipt)) => {
                self.with_file(id, |file| file.part_uploaded(receipt));
            }
            StoreAnswer::Published(Ok(())) => {
                self.with_file(id, |file| file.published());
            }
            StoreAnswer::KeyTaken(body, error) => self.key_taken(id, body, &error),
            StoreAnswer::Created(Err(error)) if error.asks_for_next_key() => {
                self.with_file(id, |file| {
                    file.upload_not_begun();
                    Vec::new()
                });
                self.take_next_key(id, false, &error);
            }
            StoreAnswer::Skipped => {
                self.with_file(id, |file| file.request_failed(false));
            }
            StoreAnswer::Aborted(result) => {
                if let Err(error) = result {
                    self.warn_of_abort(&error);
                }
                self.with_file(id, |file| file.removed());
            }
            StoreAnswer::Deleted(result) => {
                if let Err(error) = result {
                    self.warn_of_rows_left(id, &error);
                }
                self.with_file(id, |file| file.removed());
            }
            StoreAnswer::Created(Err(error))
            | StoreAnswer::Part(Err(error))
            | StoreAnswer::Published(Err(error)) => {
                let may_have_happened = error.effect == Effect::Unknown;
                self.with_file(id, |file| file.request_failed(may_have_happened));
                self.lose(id, Failure::from(error));
            }
        }
        self.forget_if_gone(id);
    }

    fn job_done(&mut self, done: JobDone) {
        let JobDone { file: id, piece, result, .. } = done;
        let mut sample = None;
        let joined = result.and_then(|()| {
            self.try_with_file(id, |file| {
                let (actions, of_piece) = file.piece_done(piece)?;
                sample = of_piece.map(|sample| (file.stream, sample));
                Ok(actions)
            })
        });
        if let Some((stream, sample)) = sample {
            self.compression.add(sample);
            self.streams[stream.index()].compression.add(sample);
        }
        match joined {
            Ok(()) => self.roll_if_full(id),
            Err(failure) => self.lose(id, failure),
        }
        self.forget_if_gone(id);
    }

    /// Lets a file act; answers for files that are gone already are dropped.
    fn with_file(&mut self, id: FileId, act: impl FnOnce(&mut File) -> Vec<Action>) {
        if let Some(file) = self.files.get_mut(&id) {
            self.out.extend(act(file));
            self.file_changed(id);
        }
    }

    /// As [`Self::with_file`], for an action that may find that the file cannot be completed.
    fn try_with_file(
        &mut self,
        id: FileId,
        act: impl FnOnce(&mut File) -> Result<Vec<Action>, Failure>,
    ) -> Result<(), Failure> {
        let Some(file) = self.files.get_mut(&id) else { return Ok(()) };
        let result = act(file).map(|actions| self.out.extend(actions));
        self.file_changed(id);
        result
    }

    /// Updates everything that other collections keep about a file. Call it after every change of
    /// the file.
    fn file_changed(&mut self, id: FileId) {
        let Some(file) = self.files.get(&id) else { return };
        self.index.touch(file.stream);
        let group_id = self.groups.of_file.get(&id);
        let resident = if group_id.is_none() { file.resident_bytes() } else { 0 };
        let before = if resident > 0 {
            self.resident.insert(id, resident)
        } else {
            self.resident.remove(&id)
        };
        let sum = &mut self.streams[file.stream.index()].resident_bytes;
        *sum = *sum + resident - before.unwrap_or_default();
        if let Some(group_id) = group_id
            && let Some(group) = self.groups.by_id.get_mut(group_id)
        {
            // Only files that the group still waits for are looked at, and only the last of them
            // makes the group move: a group of thousands of files costs nothing per event.
            let is_through = if group.started { file.is_visible() } else { file.is_staged() };
            if is_through && group.awaited.remove(&id) && group.awaited.is_empty() {
                self.groups.changed.insert(*group_id);
            }
        }
    }

    /// Brings the index up to date, for the streams that were touched since the last time.
    fn refresh(&mut self) {
        for ix in self.index.take_stale() {
            self.count_visits(1);
            let facts = self.facts(ix);
            self.index.set(ix, facts);
        }
    }

    fn facts(&self, ix: StreamIx) -> StreamFacts {
        let stream = &self.streams[ix.index()];
        let covered = self.ledger.covered(ix);
        let file = |place: usize| stream.ungrouped.get(place).and_then(|id| self.files.get(id));
        // Files of a stream do not overlap: of those that begin before the STATE only the last one
        // can end after it.
        let begun = stream
            .ungrouped
            .partition_point(|id| self.files.get(id).is_some_and(|file| file.first <= covered));
        let straddles = begun.checked_sub(1).and_then(file).is_some_and(|last| last.last > covered);
        let oldest = file(0).map(|file| file.opened_at);
        let is_waiting = stream.groups.is_empty() && begun > 0 && !straddles;
        let due = oldest
            .filter(|_| is_waiting && self.ledger.is_waiting(StateScope::Stream(ix)))
            .and_then(|oldest| oldest.checked_add(self.settings.checkpoint_interval));
        StreamFacts {
            resident_bytes: stream.tail.bytes + stream.resident_bytes,
            oldest_file_at: oldest,
            state_due_at: due,
            straddles,
            has_open_file: stream.open.is_some(),
            ungrouped_rows: stream.ungrouped_rows,
        }
    }

    /// Counts visits to streams and files, for the test that their number does not grow with the
    /// number of streams.
    fn count_visits(&self, count: usize) {
        #[cfg(test)]
        self.visits.set(self.visits.get() + count as u64);
        #[cfg(not(test))]
        let _ = count;
    }

    fn forget_if_gone(&mut self, id: FileId) {
        if self.files.get(&id).is_some_and(File::is_gone) {
            self.forget(id);
            self.release_key(id);
        }
    }

    fn forget(&mut self, id: FileId) -> Option<File> {
        let file = self.files.remove(&id)?;
        if let Some(resident) = self.resident.remove(&id) {
            self.streams[file.stream.index()].resident_bytes -= resident;
        }
        self.index.touch(file.stream);
        Some(file)
    }

    fn print_free_states(&mut self) {
        for freed in self.ledger.free() {
            if let Some(StateScope::Stream(stream)) = freed.state.message.scope {
                self.index.touch(stream);
            }
            self.waiting_state_bytes -= freed.state.permit.bytes();
            if !self.stdout_closed {
                self.out.push(Action::PrintState(freed.state.message.acknowledged(freed.records)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
