//! Frees memory when many streams share the budget.
//!
//! Half of the budget may rest in tails and open files, the other half is for what is on its way. Above that the columns
//! of open Parquet files are encoded early, which leaves a fraction of them; where that is not enough, the stream that
//! holds most is sealed early: published if a STATE covers it, else staged in S3 whatever its size. Waiting STATEs
//! count too: a source that sends one with every record would else fill the memory between two checkpoints.

use std::time::Instant;

use super::Engine;
use crate::model::StreamIx;
use crate::pipeline::file::SealReason;
use crate::pipeline::frames::Framing;
use crate::pipeline::ledger::{FileId, Scope};

/// Fewer rows than this are not worth a row group of their own.
const SMALLEST_ROW_GROUP_BYTES: u64 = 64 * 1024;

impl Engine {
    pub(super) fn relieve_pressure(&mut self, now: Instant) {
        let limit = self.budget.limit_bytes();
        if self.ending.is_some() || self.budget.used_bytes() <= limit / 2 {
            return;
        }
        if self.waiting_state_bytes > limit / 8 {
            self.checkpoint_waiting(now, true);
        }
        let mut resident = self.residents();
        let mut total: u64 = resident.iter().map(|(bytes, _)| bytes).sum();
        if total > limit / 2 && matches!(self.settings.cut.framing, Framing::RowGroups { .. }) {
            total -= self.encode_early(total - limit / 2);
            resident = self.residents();
        }
        resident.sort_unstable();
        while total > limit / 2 && self.ending.is_none() {
            let Some((bytes, stream)) = resident.pop() else { return };
            total -= bytes;
            self.evict(stream, now);
        }
    }

    /// Streams and what they hold at rest.
    fn residents(&self) -> Vec<(u64, StreamIx)> {
        (0..self.streams.len() as u32)
            .map(|ix| (self.resident_bytes(StreamIx(ix)), StreamIx(ix)))
            .filter(|(bytes, _)| *bytes > 0)
            .collect()
    }

    /// Makes row groups of the largest open files' rows until `wanted` bytes are on their way. Gives how many are.
    fn encode_early(&mut self, wanted: u64) -> u64 {
        let open = self.streams.iter().filter_map(|stream| stream.open);
        let mut loose: Vec<(u64, FileId)> = open
            .filter_map(|id| {
                let frames = self.files.get(&id)?.frames();
                // What the footer says of a row group stays in memory.
                let least = SMALLEST_ROW_GROUP_BYTES.max(8 * frames.footer_entry_bytes());
                Some((frames.loose_bytes() as u64, id)).filter(|(bytes, _)| *bytes >= least)
            })
            .collect();
        loose.sort_unstable();
        let mut cut = 0;
        while cut < wanted
            && let Some((bytes, id)) = loose.pop()
        {
            self.with_file(id, |file, settings, out| file.cut_frame(settings, out));
            cut += bytes;
        }
        cut
    }

    fn resident_bytes(&self, ix: StreamIx) -> u64 {
        let stream = &self.streams[ix.index()];
        let files = stream.ungrouped.iter().filter_map(|id| self.files.get(id));
        stream.tail.bytes + files.map(crate::pipeline::file::File::resident_bytes).sum::<u64>()
    }

    /// A file that a STATE covers is sealed before the tail could join it: the STATE must not come to depend on input
    /// that may not come.
    fn evict(&mut self, ix: StreamIx, now: Instant) {
        let covered = self.ledger.covered(ix);
        if self.ledger.is_waiting(Scope::Stream(ix)) {
            self.checkpoint(Scope::Stream(ix), now, true);
        }
        if let Some(open) = self.streams[ix.index()].open
            && self.files.get(&open).is_some_and(|file| file.last <= covered)
        {
            self.seal(open, SealReason::Memory);
        }
        self.join_tail(ix);
        if let Some(open) = self.streams[ix.index()].open {
            self.seal(open, SealReason::Memory);
        }
        for id in self.streams[ix.index()].ungrouped.clone() {
            self.with_file(id, |file, cut, out| file.stage_everything(cut, out));
        }
    }
}
