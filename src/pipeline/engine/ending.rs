//! Closes the run: a good end publishes everything, a bad end what a received STATE covers.
//!
//! A bad end publishes a file, or leaves it visible, only if a STATE that can still be printed
//! covers all its rows. A lost file holds back every STATE after its first row, so the source sends
//! the rows from there on again, and they must not be visible twice.

use super::stream::Tail;
use super::{Ending, Engine};
use crate::error::{Failure, FailureType};
use crate::model::StreamIx;
use crate::pipeline::file::{File, SealReason};
use crate::pipeline::messages::{Action, FileId, Position};
use crate::protocol::emitter::LogLevel;
use crate::protocol::state::StateScope;
use crate::store::StoreError;

impl Engine {
    /// Every block has been taken.
    pub(super) fn input_ended(&mut self) {
        if let Some(fault) = self.reader_fault.take() {
            self.fail(fault.failure(self.lines));
            return;
        }
        let unfinished: Vec<String> = self
            .settings
            .streams
            .iter()
            .zip(&self.streams)
            .filter(|(_, stream)| self.settings.expects_complete && !stream.complete)
            .map(|(plan, _)| format!("\"{}\"", plan.values.descriptor))
            .collect();
        if !unfinished.is_empty() {
            self.end_badly(
                Ending::Unfinished,
                Failure::new(
                    FailureType::Transient,
                    format!(
                        "the input ended, but the source did not report COMPLETE for {}: rows that \
                         its STATEs cover were published, and the next attempt sends the others \
                         again",
                        unfinished.join(", ")
                    ),
                ),
            );
            return;
        }
        self.ending = Some(Ending::Good);
        self.move_all_tails();
        let files = self.ungrouped_files();
        for id in &files {
            self.seal(*id, SealReason::End);
        }
        // Sealing may have lost a file: the end is no longer good then, and has grouped the files.
        if matches!(self.ending, Some(Ending::Good)) {
            self.group(files);
        }
    }

    /// Whether the run ends badly.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.ending, Some(Ending::Bad(_) | Ending::Unfinished(_)))
    }

    /// Ends the run badly and reports the first failure, with one exception: a configuration error
    /// replaces an earlier "the source did not finish", because the user can fix only the
    /// configuration error, and because the earlier failure promises that rows were published,
    /// which would no longer be true.
    pub(super) fn fail(&mut self, failure: Failure) {
        let user_can_fix_it = failure.failure_type == FailureType::Config;
        if matches!(self.ending, Some(Ending::Unfinished(_))) && user_can_fix_it {
            self.ending = None;
        }
        self.end_badly(Ending::Bad, failure);
    }

    fn end_badly(&mut self, how: fn(Failure) -> Ending, failure: Failure) {
        if !self.has_failed() {
            self.ending = Some(how(failure));
        }
        self.keep_or_discard_files();
    }

    /// Abandons a file that can no longer be published, which ends the run.
    pub(super) fn lose(&mut self, id: FileId, failure: Failure) {
        self.discard(id);
        self.fail(failure);
    }

    /// Decides for each file that is left in a bad run whether it is published (or stays visible)
    /// or is given up. A file that is given up may hold back the STATE that covers another file, so
    /// this repeats until no further file is lost.
    fn keep_or_discard_files(&mut self) {
        for stream in std::mem::take(&mut self.streams_with_tail) {
            self.streams[stream.index()].tail = Tail::default();
            self.index.touch(stream);
        }
        self.dissolve_waiting_groups();
        let publishing = self.groups.by_id.values().flat_map(|group| group.files.iter().copied());
        let mut keep: Vec<FileId> = self.ungrouped_files().into_iter().chain(publishing).collect();
        loop {
            let (kept, lost): (Vec<FileId>, Vec<FileId>) = keep.into_iter().partition(|id| {
                self.files
                    .get(id)
                    .is_some_and(|file| file.last <= self.last_acknowledgeable_row(file.stream))
            });
            keep = kept;
            if lost.is_empty() {
                break;
            }
            lost.into_iter().for_each(|id| self.discard(id));
        }
        for id in &keep {
            self.seal(*id, SealReason::End);
        }
        self.group(keep);
    }

    /// The last row of a stream that can still be acknowledged: covered by a waiting STATE that no
    /// lost file holds back, while stdout is open.
    fn last_acknowledgeable_row(&self, stream: StreamIx) -> Position {
        if self.stdout_closed {
            return 0;
        }
        self.ledger
            .last_waiting_before(
                StateScope::Stream(stream),
                self.streams[stream.index()].first_lost_row,
            )
            .max(self.ledger.last_waiting_before(StateScope::All, self.first_lost_row))
            .unwrap_or(0)
    }

    pub(super) fn discard(&mut self, id: FileId) {
        let Some(file) = self.files.get(&id) else { return };
        let (stream, first, rows) = (file.stream, file.first, file.rows);
        self.first_lost_row = self.first_lost_row.min(first);
        let entry = &mut self.streams[stream.index()];
        entry.first_lost_row = entry.first_lost_row.min(first);
        if entry.open == Some(id) {
            entry.open = None;
        }
        entry.dequeue(id, rows);
        self.index.touch(stream);
        self.leave_group(id);
        self.with_file(id, File::discard);
        self.forget_if_gone(id);
    }

    /// Puts the files of groups that have not begun to publish back into their streams' queues.
    fn dissolve_waiting_groups(&mut self) {
        let waiting: Vec<u64> = self
            .groups
            .by_id
            .iter()
            .filter(|(_, group)| !group.started)
            .map(|(id, _)| *id)
            .collect();
        for group_id in waiting {
            let Some(group) = self.groups.by_id.remove(&group_id) else { continue };
            for stream in group.streams {
                self.streams[stream.index()].groups.retain(|other| *other != group_id);
                self.index.touch(stream);
            }
            for id in group.files {
                self.groups.of_file.remove(&id);
                if let Some(file) = self.files.get(&id) {
                    let stream = &mut self.streams[file.stream.index()];
                    stream.ungrouped.push_back(id);
                    stream.ungrouped_rows += file.rows;
                }
                self.file_changed(id);
            }
        }
        for stream in &mut self.streams {
            stream.ungrouped.make_contiguous().sort_unstable();
        }
    }

    fn ungrouped_files(&self) -> Vec<FileId> {
        self.streams.iter().flat_map(|stream| stream.ungrouped.iter().copied()).collect()
    }

    /// Whether the source is known to have completed a stream.
    ///
    /// Without COMPLETE the input may have ended because the source failed. Then the stream needs a
    /// STATE after its last row. A stream without rows needs a STATE of its own, because a STATE
    /// over all streams may have arrived long before the failure. In a run without any rows, a
    /// STATE over all streams is enough: this is how a platform clears streams. A stream that was
    /// reported INCOMPLETE has not succeeded, whatever its STATEs say.
    pub(super) fn has_succeeded(&self, ix: StreamIx) -> bool {
        let stream = &self.streams[ix.index()];
        let stated = if stream.last_row > 0 {
            self.ledger.covered(ix) >= stream.last_row
        } else {
            stream.has_own_state || (self.has_state_over_all && self.ledger.last_row() == 0)
        };
        stream.complete || (stated && !stream.incomplete)
    }

    /// Warns of an object that could not be deleted although the source will send its rows again.
    pub(super) fn warn_of_rows_left(&mut self, id: FileId, error: &StoreError) {
        let Some(key) = self.files.get(&id).and_then(|file| file.key.as_deref()) else { return };
        self.out.push(Action::Log(
            LogLevel::Warn,
            format!(
                "\"{key}\" may hold rows that no STATE covers, which the source sends again, and \
                 it could not be deleted ({}): check the object, and delete it by hand if it holds \
                 such rows",
                error.with_store_answer()
            ),
        ));
    }

    pub(super) fn warn_of_abort(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.has_warned_of_abort, true) {
            self.out.push(Action::Log(
                LogLevel::Warn,
                format!(
                    "an unfinished multipart upload could not be aborted ({}); grant \
                     s3:AbortMultipartUpload, or add a lifecycle rule to the bucket that removes \
                     incomplete multipart uploads",
                    error.with_store_answer()
                ),
            ));
        }
    }
}
