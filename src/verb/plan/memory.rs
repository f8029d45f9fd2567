//! Divides the memory limit, and chooses the number of workers and of uploads.
//!
//! In: the limit of the settings, the machine, the format and the width of the streams. Out: a
//! [`MemoryPlan`]. Pure.
//!
//! One quarter of the limit is for the program itself: the S3 client, the allocator and spare
//! buffers, which may take half of that quarter. Three quarters are for data, minus what is
//! allocated for the whole run: the scratch memory of the workers and the types of the columns.

use crate::format::text::GZIP_SCRATCH_BYTES;
use crate::pipeline::input::COLUMN_SCRATCH_BYTES;

const MIB: u64 = 1024 * 1024;

/// Size of the parts of multipart uploads: large enough that the round trip to S3 does not matter.
/// With the 10,000 parts that S3 allows, a file could have 80 GB; the settings allow 5,000 MB.
pub(super) const PART_BYTES: usize = 8 * 1024 * 1024;

/// The limit if neither the settings nor a control group set one.
const DEFAULT_MEMORY_BYTES: u64 = 256 * MIB;
const MIN_DEFAULT_MEMORY_BYTES: u64 = 64 * MIB;
const MAX_DEFAULT_MEMORY_BYTES: u64 = 512 * MIB;

/// The share of the limit that each worker needs: its scratch memory, the block and the chunks that
/// it works on, a column of a row group or a frame, and what the allocator keeps for its thread.
const WORKER_BYTES: u64 = 16 * MIB;

/// Memory of a column before it has data (its types and names), measured.
const COLUMN_BYTES: u64 = 1024;

/// Memory of a column in each worker (the entry to look it up), measured.
const COLUMN_BYTES_IN_WORKER: u64 = 512;

/// Memory of a stream without its columns and rows (its names, its open file, its keys), measured.
const STREAM_BYTES: u64 = 8 * 1024;

/// A larger tail joins its file before its STATE has arrived.
const TAIL_BYTES: u64 = 16 * MIB;

/// What the workers need scratch memory for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScratchKind {
    /// Nothing: rows of text that are not compressed.
    None,
    /// Compressing frames with gzip.
    Gzip,
    /// Encoding columns of Parquet. The value is the number of columns of all streams together.
    Columns(usize),
}

/// How a run uses its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryPlan {
    /// Threads that encode and compress.
    pub(super) workers: usize,
    /// For everything between reading stdin and S3's confirmation.
    pub(super) data_bytes: u64,
    /// For buffers that wait for their next use.
    pub(super) spare_bytes: usize,
    /// Concurrent S3 requests.
    pub(super) upload_concurrency: usize,
    /// Bytes that may wait for S3 before stdin waits for them.
    pub(super) upload_ahead_bytes: u64,
    /// A larger tail joins its file before its STATE has arrived.
    pub(super) tail_bytes: u64,
}

/// Returns the memory limit: that of the settings, or else half of the control group's.
pub(super) fn limit_bytes(setting: Option<u64>, control_group: Option<u64>) -> u64 {
    setting.unwrap_or_else(|| match control_group {
        Some(limit) => (limit / 2).clamp(MIN_DEFAULT_MEMORY_BYTES, MAX_DEFAULT_MEMORY_BYTES),
        None => DEFAULT_MEMORY_BYTES,
    })
}

impl MemoryPlan {
    /// Plans a run of this many streams with `limit_bytes`, on a machine with this many processors.
    pub(super) fn new(
        limit_bytes: u64,
        processors: usize,
        streams: usize,
        scratch: ScratchKind,
    ) -> Self {
        let (of_worker, of_run) = match scratch {
            ScratchKind::None => (0, 0),
            ScratchKind::Gzip => (GZIP_SCRATCH_BYTES as u64, 0),
            ScratchKind::Columns(count) => {
                let in_worker = count as u64 * COLUMN_BYTES_IN_WORKER;
                (COLUMN_SCRATCH_BYTES as u64 + in_worker, count as u64 * COLUMN_BYTES)
            }
        };
        // The allocations of all workers for columns together may take a quarter of the limit.
        let affordable = limit_bytes / WORKER_BYTES.max(4 * of_worker);
        let workers = processors.min(usize::try_from(affordable).unwrap_or(usize::MAX)).max(1);
        let resting = workers as u64 * of_worker + of_run + streams as u64 * STREAM_BYTES;
        let data_bytes = (limit_bytes / 4 * 3).saturating_sub(resting).max(limit_bytes / 4);
        // Parts in flight may take a third of the data memory. Fewer than four would leave the
        // connection idle between two responses.
        let parts = usize::try_from(data_bytes / 3 / PART_BYTES as u64).unwrap_or(usize::MAX);
        let upload_concurrency = parts.clamp(4, 16);
        Self {
            workers,
            data_bytes,
            spare_bytes: usize::try_from(limit_bytes / 8).unwrap_or(usize::MAX),
            upload_concurrency,
            // Two more parts than are in flight, so that no upload slot is empty while there is
            // input.
            upload_ahead_bytes: (upload_concurrency as u64 + 2) * PART_BYTES as u64,
            tail_bytes: TAIL_BYTES.min(data_bytes / 8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_settings_own_or_half_of_the_container() {
        for (setting, control_group, expected) in [
            (Some(128), None, 128),
            (Some(128), Some(4096), 128),
            (None, None, 256),
            (None, Some(100), 64),
            (None, Some(512), 256),
            (None, Some(64 * 1024), 512),
        ] {
            let bytes = |mib: u64| mib * MIB;
            let limit = limit_bytes(setting.map(bytes), control_group.map(bytes));
            assert_eq!(limit, bytes(expected), "{setting:?} {control_group:?}");
        }
    }

    /// (limit in MiB, processors, scratch) and (workers, MiB for data, requests at once).
    #[test]
    fn workers_follow_from_processors_and_memory() {
        let many = ScratchKind::Columns(5_000 * 13);
        for (limit, processors, streams, scratch, expected) in [
            (64, 1, 0, ScratchKind::None, (1, 48, 4)),
            (64, 2, 0, ScratchKind::Gzip, (2, 39, 4)),
            (64, 64, 0, ScratchKind::Gzip, (3, 35, 4)),
            // 64 processors in a container of 512 MiB.
            (256, 64, 0, ScratchKind::None, (16, 192, 8)),
            (256, 64, 0, ScratchKind::Gzip, (15, 130, 5)),
            (256, 64, 0, ScratchKind::Columns(100), (16, 159, 6)),
            // Thousands of streams: each worker has an entry for each of their columns.
            (256, 64, 5_000, many, (1, 64, 4)),
            (512, 64, 5_000, many, (3, 180, 7)),
            (512, 8, 0, ScratchKind::Gzip, (8, 351, 14)),
            (65_536, 128, 0, ScratchKind::Gzip, (128, 48_624, 16)),
        ] {
            let plan = MemoryPlan::new(limit * MIB, processors, streams, scratch);
            let found = (plan.workers, plan.data_bytes / MIB, plan.upload_concurrency);
            assert_eq!(
                found, expected,
                "{limit} MiB, {processors} processors, {streams} streams, {scratch:?}"
            );
            assert!(plan.tail_bytes <= plan.data_bytes / 8);
            assert_eq!(plan.spare_bytes as u64, limit * MIB / 8);
        }
    }
}
