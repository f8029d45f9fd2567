//! The final bytes of a file that have not left for S3 yet, in order.

use std::collections::VecDeque;

use crate::pipeline::messages::{Segment, SegmentSlice};

/// Finished bytes of one file: segments join at the back, parts leave at the front.
#[derive(Debug, Default)]
pub(super) struct ByteQueue {
    slices: VecDeque<SegmentSlice>,
    /// Bytes in the queue now.
    queued_bytes: usize,
    /// Memory that the segments hold, as the budget counts it.
    held_bytes: u64,
    /// Bytes that ever joined: the size of the object once the file is complete.
    joined_bytes: u64,
}

impl ByteQueue {
    /// Adds the next bytes of the file.
    pub(super) fn push(&mut self, segment: Segment) {
        self.joined_bytes += segment.bytes.len() as u64;
        self.queued_bytes += segment.bytes.len();
        self.held_bytes += segment.held_bytes();
        self.slices.push_back(segment.into());
    }

    /// Takes `part_bytes` from the front, or everything if there is less. Nothing is copied: a part
    /// that ends inside a segment shares it with the next part.
    pub(super) fn take_part(&mut self, part_bytes: usize) -> Vec<SegmentSlice> {
        let mut part = Vec::new();
        let mut wanted_bytes = part_bytes;
        while wanted_bytes > 0
            && let Some(mut slice) = self.slices.pop_front()
        {
            let taken = match slice.split_front(wanted_bytes) {
                // The segment stays in memory as long as any slice of it does, so that all of it
                // counts as held here until its last slice leaves.
                Some(front) => {
                    self.slices.push_front(slice);
                    front
                }
                None => {
                    self.held_bytes -= slice.held_bytes();
                    slice
                }
            };
            wanted_bytes -= taken.len();
            self.queued_bytes -= taken.len();
            part.push(taken);
        }
        if self.slices.is_empty() {
            // An empty deque keeps its buffer, and tens of thousands of files may wait for a STATE.
            self.slices = VecDeque::new();
        }
        part
    }

    /// Puts back a part, which must be the only one that was taken: a file that is put from memory
    /// has only one.
    pub(super) fn put_back(&mut self, part: Vec<SegmentSlice>) {
        self.queued_bytes = part.iter().map(SegmentSlice::len).sum();
        self.held_bytes = part.iter().map(SegmentSlice::held_bytes).sum();
        self.slices = part.into();
    }

    /// Bytes in the queue now.
    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Memory that they hold, as the budget counts it.
    pub(super) fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Bytes that ever joined the queue.
    pub(super) fn joined_bytes(&self) -> u64 {
        self.joined_bytes
    }
}
