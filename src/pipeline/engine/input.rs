//! Takes blocks in input order: rows go to their stream's tail, a STATE moves tails into files.
//!
//! The tail keeps rows that no STATE covers out of the open file, so that a waiting STATE never
//! depends on input that may not come. A tail that exceeds its limit moves into the file anyway.
//! Then the file waits for a later STATE that covers all its rows.

use std::time::Instant;

use super::{Engine, HeldState};
use crate::error::{Failure, FailureType};
use crate::model::StreamIx;
use crate::pipeline::budget::Permit;
use crate::pipeline::file::{File, FileBody, FileStart, SealReason};
use crate::pipeline::messages::{Action, Chunk, EncodedBlock, FileId, Item, Position};
use crate::protocol::emitter::LogLevel;
use crate::protocol::state::{StateMessage, StateScope};

impl Engine {
    pub(super) fn take_blocks(&mut self, now: Instant) {
        while self.ending.is_none() {
            match self.order.pop() {
                Some(block) => self.block(block, now),
                None if self.order.is_done() => self.input_ended(),
                None => break,
            }
        }
    }

    fn block(&mut self, block: EncodedBlock, now: Instant) {
        for item in block.items {
            match item {
                Item::Chunk(chunk) => self.chunk(chunk, now),
                Item::State(message, permit) => self.state(message, permit, now),
                Item::Complete(stream) => self.streams[stream.index()].complete = true,
                Item::Incomplete(stream) => self.incomplete(stream),
            }
            if self.ending.is_some() {
                return;
            }
        }
        if let Some(fault) = block.fault {
            self.fail(fault.failure(self.lines));
        }
        self.lines += block.lines;
    }

    fn chunk(&mut self, chunk: Chunk, now: Instant) {
        let ix = chunk.stream;
        let stream = &mut self.streams[ix.index()];
        if stream.complete {
            let name = &self.settings.streams[ix.index()].values.descriptor;
            self.fail(Failure::new(
                FailureType::System,
                format!(
                    "the source sent a record of stream \"{name}\" after it had reported the \
                     stream COMPLETE: this is a defect of the source"
                ),
            ));
            return;
        }
        if chunk.cursor.rows_without > 0 && stream.summary.rows_without_cursor == 0 {
            let name = &self.settings.streams[ix.index()].values.descriptor;
            self.out.push(Action::Log(
                LogLevel::Warn,
                format!(
                    "stream \"{name}\": a record has no usable cursor for the cursor macros of the \
                     key; the emitted_at of such records is used instead"
                ),
            ));
        }
        if let Some(sample) = chunk.sample {
            self.compression.add(sample);
            stream.compression.add(sample);
        }
        let (first, last) = self.ledger.rows(ix, chunk.rows);
        stream.last_row = last;
        stream.summary.rows_without_cursor += chunk.cursor.rows_without;
        stream.summary.dropped_fields += chunk.dropped_fields;
        stream.summary.repaired_strings += chunk.repaired_strings;
        stream.summary.records += chunk.rows;
        stream.summary.input_bytes += chunk.input_bytes;
        for issues in &chunk.issues {
            stream.summary.add_issues(issues);
        }
        stream.tail.since.get_or_insert(now);
        stream.tail.bytes += chunk.data.held_bytes();
        stream.tail.chunks.push((chunk, first, last));
        self.index.touch(ix);
        self.streams_with_tail.insert(ix);
        if self.streams[ix.index()].tail.bytes > self.settings.tail_bytes {
            self.move_tail(ix);
        }
    }

    /// Warns once of a stream that the source could not finish. Where COMPLETE is expected no
    /// warning is needed: its absence ends the run badly.
    fn incomplete(&mut self, ix: StreamIx) {
        let was_known = std::mem::replace(&mut self.streams[ix.index()].incomplete, true);
        if was_known || self.settings.expects_complete {
            return;
        }
        let name = &self.settings.streams[ix.index()].values.descriptor;
        self.out.push(Action::Log(
            LogLevel::Warn,
            format!(
                "the source reported stream \"{name}\" INCOMPLETE: some of its data may be \
                 missing. What was sent is published, because the catalog has no generation ids, \
                 and objects of earlier syncs are kept"
            ),
        ));
    }

    fn state(&mut self, message: StateMessage, permit: Permit, now: Instant) {
        let Some(scope) = message.scope else {
            // It covers no row of ours, so that there is nothing to wait for.
            self.out.push(Action::PrintState(message.acknowledged(0)));
            return;
        };
        match scope {
            StateScope::Stream(stream) => {
                self.streams[stream.index()].has_own_state = true;
                self.move_tail(stream);
            }
            StateScope::All => {
                self.has_state_over_all = true;
                self.move_all_tails();
            }
        }
        // A file was lost while the tails moved: rows that this STATE covers are in no file.
        if self.has_failed() {
            return;
        }
        self.waiting_state_bytes += permit.bytes();
        self.ledger.state(scope, HeldState { message, permit });
        match scope {
            StateScope::Stream(stream) => self.index.touch(stream),
            StateScope::All => {
                self.refresh();
                self.index.all_are_covered();
                self.ledger.waiting_streams().iter().for_each(|stream| self.index.touch(*stream));
            }
        }
        self.checkpoint(scope, now, self.states_fill_memory);
    }

    pub(super) fn move_all_tails(&mut self) {
        for stream in std::mem::take(&mut self.streams_with_tail) {
            self.move_tail(stream);
        }
    }

    /// Moves a stream's tail into its open file, rolling it at the file size.
    pub(super) fn move_tail(&mut self, ix: StreamIx) {
        self.streams_with_tail.remove(&ix);
        self.index.touch(ix);
        let tail = std::mem::take(&mut self.streams[ix.index()].tail);
        let Some(since) = tail.since else { return };
        for (chunk, first, last) in tail.chunks {
            // A roll may lose its file, which ends the run: a file that is opened after that would
            // never be sealed.
            if self.has_failed() {
                return;
            }
            let rows = chunk.rows;
            let id = match self.streams[ix.index()].open {
                Some(id) => id,
                None => self.open_file(ix, first, since),
            };
            self.streams[ix.index()].ungrouped_rows += rows;
            match self.try_with_file(id, |file| file.append(chunk, last)) {
                Ok(()) => self.roll_if_full(id),
                Err(failure) => self.lose(id, failure),
            }
        }
    }

    fn open_file(&mut self, ix: StreamIx, first: Position, since: Instant) -> FileId {
        let id = FileId(self.next_file);
        self.next_file += 1;
        let format = &self.settings.streams[ix.index()].format;
        let body = FileBody::open(format, self.settings.file.pieces, &self.budget);
        let object = self.object_info(id, ix);
        let start = FileStart { id, stream: ix, first, opened_at: since, object, body };
        self.files.insert(id, File::new(start, self.settings.file));
        self.ledger.file_opened(ix, id, first);
        let stream = &mut self.streams[ix.index()];
        stream.open = Some(id);
        stream.ungrouped.push_back(id);
        self.file_changed(id);
        if !self.settings.file.key_when_sealed {
            self.request_key(id);
        }
        id
    }

    /// Seals an open file that has reached the file size.
    pub(super) fn roll_if_full(&mut self, id: FileId) {
        let full = self.files.get(&id).is_some_and(|file| {
            let own = self.streams[file.stream.index()].compression;
            file.sealed.is_none()
                && !file.is_discarded()
                && file.body().estimated_bytes(own, self.compression)
                    >= self.settings.file_size_bytes
        });
        if full {
            self.seal(id, SealReason::Size);
        }
    }

    pub(super) fn seal(&mut self, id: FileId, reason: SealReason) {
        let Some(ix) = self.files.get(&id).map(|file| file.stream) else { return };
        let stream = &mut self.streams[ix.index()];
        if stream.open == Some(id) {
            stream.open = None;
            self.streams_to_recheck.insert(ix);
            match self.try_with_file(id, |file| file.seal(reason)) {
                Ok(()) if self.settings.file.key_when_sealed => self.request_key(id),
                Ok(()) => {}
                Err(failure) => self.lose(id, failure),
            }
        }
    }
}
