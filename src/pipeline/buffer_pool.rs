//! Keeps large buffers for their next use.
//!
//! Blocks, chunks and parts take about 1 to 8 MiB and come and go hundreds of times a second. Fresh
//! memory of that size comes from the kernel, which clears every page of it: that took a fifth of
//! the processor time of an uncompressed sync. A stage that is done with a buffer gives it to the
//! [`BufferPool`] of its kind; the stage that needs one takes it from there.
//!
//! Invariants
//! - A taken buffer is empty.
//! - Small and huge buffers are not kept, and of each kind at most [`MAX_KEPT`] are. All kinds of a
//!   run together keep at most the bytes that the run was given for them, which are a part of the
//!   memory that the settings leave for the program itself.
//!
//! Not here: how much memory may be in use (`budget`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The most buffers of one kind that are kept.
const MAX_KEPT: usize = 4;

/// Smaller buffers are left to the allocator.
pub(crate) const LARGE_BYTES: usize = 256 * 1024;

/// Spare buffers of one kind; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct BufferPool {
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Larger ones were made for something unusual, such as one huge line.
    largest_bytes: usize,
    room: Room,
}

/// How many bytes may still be kept; the kinds of a run share it.
#[derive(Clone, Debug)]
struct Room(Arc<AtomicUsize>);

impl Room {
    fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn give(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl BufferPool {
    /// Makes a pool that keeps buffers of at most `largest_bytes` each and `max_bytes` in all.
    #[cfg(test)]
    pub(crate) fn new(largest_bytes: usize, max_bytes: usize) -> Self {
        Self::within(largest_bytes, Room::new(max_bytes))
    }

    fn within(largest_bytes: usize, room: Room) -> Self {
        Self { spare: Arc::default(), largest_bytes, room }
    }

    /// An empty buffer with room for at least `bytes`: a spare one if the room is worth it.
    #[must_use]
    pub(crate) fn take(&self, bytes: usize) -> Vec<u8> {
        let spare = if (LARGE_BYTES..=self.largest_bytes).contains(&bytes) {
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop()
        } else {
            None
        };
        let mut buffer = spare.unwrap_or_default();
        self.room.give(buffer.capacity());
        buffer.reserve_exact(bytes);
        buffer
    }

    /// Takes a buffer that is no longer needed.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        if (LARGE_BYTES..=self.largest_bytes).contains(&buffer.capacity()) {
            buffer.clear();
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            if spare.len() < MAX_KEPT && self.room.take(buffer.capacity()) {
                spare.push(buffer);
            }
        }
    }
}

/// The spare buffers of a run, by kind: each kind has its own usual size.
#[derive(Clone, Debug)]
pub(crate) struct BufferPools {
    /// Input lines.
    pub blocks: BufferPool,
    /// Rows of one stream.
    pub chunks: BufferPool,
    /// Bodies of requests.
    pub bodies: BufferPool,
}

/// The largest buffers of each kind of a run, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LargestBuffers {
    /// A block of lines of usual length. Never more, or a later block would be longer than usual.
    pub block: usize,
    /// A chunk of rows.
    pub chunk: usize,
    /// A part of an upload.
    pub body: usize,
}

impl BufferPools {
    /// Makes pools that keep at most `max_bytes` together.
    #[must_use]
    pub(crate) fn new(largest: LargestBuffers, max_bytes: usize) -> Self {
        let room = Room::new(max_bytes);
        Self {
            blocks: BufferPool::within(largest.block, room.clone()),
            chunks: BufferPool::within(largest.chunk, room.clone()),
            bodies: BufferPool::within(largest.body, room),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUGE_BYTES: usize = 8 * LARGE_BYTES;

    #[test]
    fn large_buffers_come_back_empty_and_small_ones_are_not_kept() {
        let pool = BufferPool::new(HUGE_BYTES, usize::MAX / 2);
        let mut buffer = pool.take(LARGE_BYTES);
        buffer.extend_from_slice(b"rows");
        let address = buffer.as_ptr();
        pool.give(buffer);
        let again = pool.take(LARGE_BYTES);
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
        pool.give(Vec::with_capacity(10));
        pool.give(Vec::with_capacity(HUGE_BYTES + 1));
        assert!(pool.spare.lock().unwrap().is_empty());
        (0..2 * MAX_KEPT).for_each(|_| pool.give(Vec::with_capacity(LARGE_BYTES)));
        assert_eq!(pool.spare.lock().unwrap().len(), MAX_KEPT);
    }

    #[test]
    fn all_kinds_together_keep_no_more_than_the_limit() {
        let largest = LargestBuffers { block: HUGE_BYTES, chunk: HUGE_BYTES, body: HUGE_BYTES };
        let buffers = BufferPools::new(largest, 3 * LARGE_BYTES);
        let kept = || {
            let kinds = [&buffers.blocks, &buffers.chunks, &buffers.bodies];
            kinds.iter().map(|kind| kind.spare.lock().unwrap().len()).sum::<usize>()
        };
        for kind in [&buffers.blocks, &buffers.chunks, &buffers.bodies] {
            (0..MAX_KEPT).for_each(|_| kind.give(Vec::with_capacity(LARGE_BYTES)));
        }
        assert_eq!(kept(), 3);
        drop(buffers.blocks.take(LARGE_BYTES));
        buffers.bodies.give(Vec::with_capacity(LARGE_BYTES));
        assert_eq!(kept(), 3, "what was taken makes room for another");
    }
}
