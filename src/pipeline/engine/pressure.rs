//! Frees memory when many streams share the budget.
//!
//! Half of the budget may rest in tails and open files (less where waiting STATEs take more than a
//! quarter), the other half is for what is on its way. Above that the columns of open Parquet files
//! are encoded early, which leaves a fraction of them; where that is not enough, the stream that
//! holds most is sealed early: published if a STATE covers it, else staged in S3 whatever its size.
//! Waiting STATEs count too: a source that sends one with every record would else fill the memory
//! between two checkpoints.

use std::time::Instant;

use super::Engine;
use crate::model::StreamIx;
use crate::pipeline::file::{File, MIN_EARLY_PIECE_BYTES, SealReason};
use crate::pipeline::messages::FileId;
use crate::protocol::state::StateScope;

impl Engine {
    pub(super) fn relieve_pressure(&mut self, now: Instant) {
        let limit = self.budget.limit_bytes();
        let is_short = self.ending.is_none() && self.budget.used_bytes() > limit / 2;
        let did_fill_memory = self.states_fill_memory;
        self.states_fill_memory = is_short && self.waiting_state_bytes > limit / 8;
        if !is_short {
            return;
        }
        // Those that come while they press are cut for as they come.
        if self.states_fill_memory && !did_fill_memory {
            self.checkpoint_waiting(now);
        }
        self.refresh();
        // Together with waiting STATEs, which may be of megabytes and wait for input, less than
        // what the reader needs to be free for a long line (`Budget::grow`): else it would wait for
        // ever.
        let most =
            (limit / 4 * 3).saturating_sub(self.waiting_state_bytes).clamp(limit / 8, limit / 2);
        let total = self.index.resident_bytes();
        if total > most && self.can_encode_early {
            self.encode_early(total - most);
            self.refresh();
        }
        while self.index.resident_bytes() > most && self.ending.is_none() {
            let Some(largest) = self.index.largest().next() else { return };
            self.count_visits(1);
            self.evict(largest.1, now);
            self.refresh();
            if self.index.largest().next() == Some(largest) {
                return;
            }
        }
    }

    /// Makes row groups of the largest open files' rows until `wanted` bytes are on their way.
    fn encode_early(&mut self, wanted: u64) {
        let mut found = 0;
        let mut loose: Vec<FileId> = Vec::new();
        for (bytes, stream) in self.index.largest() {
            if bytes < MIN_EARLY_PIECE_BYTES || found >= wanted {
                break;
            }
            self.count_visits(1);
            let Some(file) = self.streams[stream.index()].open.and_then(|id| self.files.get(&id))
            else {
                continue;
            };
            if let Some(bytes) = file.body().early_piece_bytes() {
                found += bytes;
                loose.push(file.id);
            }
        }
        for id in loose {
            self.with_file(id, File::cut_piece);
        }
    }

    /// A file that a STATE covers is sealed before the tail could join it: the STATE must not come
    /// to depend on input that may not come.
    fn evict(&mut self, ix: StreamIx, now: Instant) {
        let covered = self.ledger.covered(ix);
        if self.ledger.is_waiting(StateScope::Stream(ix)) {
            self.checkpoint(StateScope::Stream(ix), now, true);
        }
        if let Some(open) = self.streams[ix.index()].open
            && self.files.get(&open).is_some_and(|file| file.last <= covered)
        {
            self.seal(open, SealReason::Memory);
        }
        self.move_tail(ix);
        if let Some(open) = self.streams[ix.index()].open {
            self.seal(open, SealReason::Memory);
        }
        for id in self.streams[ix.index()].ungrouped.clone() {
            self.with_file(id, File::leave_memory);
        }
    }
}
