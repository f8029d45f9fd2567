//! Keeps large buffers for their next use.
//!
//! Blocks, chunks and parts are about 1 to 8 MiB and come and go hundreds of times a second. Fresh memory of that size
//! comes from the kernel, which clears every page of it: a fifth of the processor time of an uncompressed sync. A stage
//! that is done with a buffer gives it to the [`Recycler`] of its kind; the stage that needs one takes it from there.
//!
//! Invariants
//! - A taken buffer is empty. Small and huge buffers are not kept, and never more than [`KEPT`] of a kind.
//!
//! Not here: how much memory may be in use (`budget`); what is kept here comes on top and is bounded by [`KEPT`].

use std::sync::{Arc, Mutex, PoisonError};

/// Buffers of one kind that are kept at most.
const KEPT: usize = 4;

/// Buffers below this are the allocator's business.
pub const LARGE_BYTES: usize = 256 * 1024;

/// Buffers above this were made for something unusual, such as one huge line.
const HUGE_BYTES: usize = 16 * 1024 * 1024;

/// Spare buffers of one kind; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Recycler {
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Recycler {
    /// An empty buffer with room for at least `bytes`: a spare one if the room is worth it.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        let spare = if bytes >= LARGE_BYTES {
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop()
        } else {
            None
        };
        let mut buffer = spare.unwrap_or_default();
        buffer.reserve(bytes);
        buffer
    }

    /// Takes a buffer that is no longer needed.
    pub fn give(&self, mut buffer: Vec<u8>) {
        if (LARGE_BYTES..=HUGE_BYTES).contains(&buffer.capacity()) {
            buffer.clear();
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            if spare.len() < KEPT {
                spare.push(buffer);
            }
        }
    }
}

/// The spare buffers of a run, by kind: each kind has its own usual size.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    /// Input lines.
    pub blocks: Recycler,
    /// Rows of one stream.
    pub chunks: Recycler,
    /// Bodies of requests.
    pub bodies: Recycler,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_buffers_come_back_empty_and_small_ones_are_not_kept() {
        let recycler = Recycler::default();
        let mut buffer = recycler.take(LARGE_BYTES);
        buffer.extend_from_slice(b"rows");
        let address = buffer.as_ptr();
        recycler.give(buffer);
        let again = recycler.take(LARGE_BYTES);
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
        recycler.give(Vec::with_capacity(10));
        recycler.give(Vec::with_capacity(HUGE_BYTES + 1));
        assert!(recycler.spare.lock().unwrap().is_empty());
        (0..2 * KEPT).for_each(|_| recycler.give(Vec::with_capacity(LARGE_BYTES)));
        assert_eq!(recycler.spare.lock().unwrap().len(), KEPT);
    }
}
