//! Bytes and rows in memory, each with the right to hold it.
//!
//! A segment is the smallest piece of memory that travels. Whoever holds a segment holds its
//! permit.

use std::ops::Range;
use std::sync::Arc;

use crate::format::columns::Batch;
use crate::pipeline::budget::Permit;

/// Bytes and the right to hold them.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Held for as long as the bytes are.
    pub permit: Permit,
}

impl Segment {
    /// Memory that the segment holds, as the budget counts it: a buffer may be larger than its
    /// bytes.
    #[must_use]
    pub(crate) fn held_bytes(&self) -> u64 {
        self.permit.bytes()
    }
}

/// A run of bytes of a segment. Parts of an upload have one size, so two of them may share a
/// segment: it stays in memory, and its permit is held, until the last slice of it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct SegmentSlice {
    segment: Arc<Segment>,
    range: Range<usize>,
}

impl SegmentSlice {
    /// Length in bytes.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }

    /// Memory of the whole segment, as the budget counts it.
    #[must_use]
    pub(crate) fn held_bytes(&self) -> u64 {
        self.segment.held_bytes()
    }

    /// Cuts the first `len` bytes off; `None` if there are no more than that.
    pub(crate) fn split_front(&mut self, len: usize) -> Option<Self> {
        if len >= self.len() {
            return None;
        }
        let cut = self.range.start + len;
        let front = Self { segment: Arc::clone(&self.segment), range: self.range.start..cut };
        self.range.start = cut;
        Some(front)
    }

    /// The segment itself, if the slice is all of it.
    ///
    /// # Errors
    /// The slice, if it is a part of the segment or if others share the segment.
    pub(crate) fn into_segment(self) -> Result<Segment, Self> {
        if self.range != (0..self.segment.bytes.len()) {
            return Err(self);
        }
        let range = self.range;
        Arc::try_unwrap(self.segment).map_err(|segment| Self { segment, range })
    }

    /// The buffer of the segment, if this was the last slice of it.
    #[must_use]
    pub(crate) fn into_last_buffer(self) -> Option<Vec<u8>> {
        Arc::into_inner(self.segment).map(|segment| segment.bytes)
    }
}

impl From<Segment> for SegmentSlice {
    fn from(segment: Segment) -> Self {
        Self { range: 0..segment.bytes.len(), segment: Arc::new(segment) }
    }
}

impl AsRef<[u8]> for SegmentSlice {
    fn as_ref(&self) -> &[u8] {
        self.segment.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

/// Rows as columns, and the right to hold them.
#[derive(Debug)]
pub(crate) struct ColumnSegment {
    /// The rows.
    pub batch: Batch,
    /// Held for as long as the rows are.
    pub permit: Permit,
}
