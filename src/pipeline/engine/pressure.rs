//! Frees memory when many streams share the budget.
//!
//! Half of the budget may rest in tails and open files (less where waiting STATEs take more than a
//! quarter); the other half is for bytes on their way. Above that, rows of open files are encoded
//! early, if this reduces them to a fraction of their size (Parquet). If that is not enough, the
//! file of the stream that holds most memory is sealed early: it is published if a STATE covers it,
//! and otherwise staged in S3 whatever its size. Waiting STATEs count too: otherwise a source that
//! sends one with every record would fill the memory between two checkpoints.

use std::time::Instant;

use super::Engine;
use crate::model::StreamIx;
use crate::pipeline::file::{File, MIN_EARLY_PIECE_BYTES, SealReason};
use crate::pipeline::messages::FileId;
use crate::protocol::state::StateScope;

impl Engine {
    /// Frees memory if more than half of the budget is in use.
    pub(super) fn relieve_pressure(&mut self, now: Instant) {
        let limit = self.budget.limit_bytes();
        let is_short = self.ending.is_none() && self.budget.used_bytes() > limit / 2;
        let did_fill_memory = self.states_fill_memory;
        self.states_fill_memory = is_short && self.waiting_state_bytes > limit / 8;
        if !is_short {
            return;
        }
        // Once: a STATE that comes while this lasts gets its checkpoint when it comes.
        if self.states_fill_memory && !did_fill_memory {
            self.checkpoint_waiting(now);
        }
        self.refresh();
        // A reader with a long line may be waiting until all other memory fits into three quarters
        // of the budget (`Budget::grow`). Waiting STATEs may take megabytes and may depend on that
        // very line. So resting bytes and waiting STATEs together must stay below three quarters,
        // or the reader would wait forever.
        let max_resident_bytes = match (limit / 4 * 3).checked_sub(self.waiting_state_bytes) {
            Some(left) => left.min(limit / 2),
            // STATEs alone take more: evicting every row as it comes would not let the reader go
            // on.
            None => limit / 8,
        };
        let total = self.index.resident_bytes();
        if total > max_resident_bytes && self.can_encode_early {
            self.encode_early(total - max_resident_bytes);
            self.refresh();
        }
        while self.index.resident_bytes() > max_resident_bytes && self.ending.is_none() {
            let Some(largest) = self.index.largest().next() else { return };
            self.count_visits(1);
            self.evict(largest.1, now);
            self.refresh();
            // Evicting the largest stream freed nothing, so evicting a smaller one would not help.
            if self.index.largest().next() == Some(largest) {
                return;
            }
        }
    }

    /// Makes pieces of the rows of the largest open files until `wanted_bytes` are on their way.
    fn encode_early(&mut self, wanted_bytes: u64) {
        let mut found_bytes = 0;
        let mut files: Vec<FileId> = Vec::new();
        for (bytes, stream) in self.index.largest() {
            if bytes < MIN_EARLY_PIECE_BYTES || found_bytes >= wanted_bytes {
                break;
            }
            self.count_visits(1);
            let Some(file) = self.streams[stream.index()].open.and_then(|id| self.files.get(&id))
            else {
                continue;
            };
            if let Some(bytes) = file.body().early_piece_bytes() {
                found_bytes += bytes;
                files.push(file.id);
            }
        }
        for id in files {
            self.with_file(id, File::cut_piece);
        }
    }

    /// Moves everything that a stream holds out of memory. A file that a STATE covers is sealed
    /// before the tail moves into a file: otherwise the STATE would depend on rows that no STATE
    /// covers yet, and therefore on input that may not come.
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
