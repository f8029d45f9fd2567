//! What one worker keeps from row to row: buffers that all streams share, and per stream the order
//! in which its fields came.
//!
//! Invariants
//! - A stream's part is made when its first row comes, so that thousands of streams without rows
//!   cost a pointer each.
//! - A part is used only by the encoder whose columns it was made for.

use std::sync::Arc;

use crate::json::field_order::FieldOrder;
use crate::model::StreamIx;

/// The member of a field that the row does not have.
pub(super) const MISSING: u32 = u32::MAX;

/// What the shared buffers keep from one block to the next, in bytes each.
const KEPT_BYTES: usize = 256 * 1024;

/// The scratch memory of one worker.
#[derive(Debug, Default)]
pub(crate) struct CsvScratch {
    /// By [`StreamIx`].
    streams: Vec<Option<Box<StreamScratch>>>,
    pub(super) buffers: Buffers,
}

/// Buffers for one row. Any encoder may use them.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// A text before it is quoted.
    pub(super) text: Vec<u8>,
    /// Member and field number of the fields that nobody declared, in record order.
    pub(super) undeclared: Vec<(u32, u32)>,
}

/// What the rows of one stream have shown so far.
#[derive(Debug)]
pub(super) struct StreamScratch {
    /// The columns that `order` was made for.
    columns: Arc<[Box<[u8]>]>,
    pub(super) order: FieldOrder,
    /// The last member that each field number was seen on in this row, or [`MISSING`].
    pub(super) members: Vec<u32>,
}

impl CsvScratch {
    /// Frees the memory by which an unusually long row has made the buffers grow.
    pub(crate) fn trim(&mut self) {
        let Buffers { text, undeclared } = &mut self.buffers;
        if text.capacity() > KEPT_BYTES {
            *text = Vec::new();
        }
        if undeclared.capacity() * size_of::<(u32, u32)>() > KEPT_BYTES {
            *undeclared = Vec::new();
        }
    }

    /// The part of `stream`, ready for a row with these columns. The first `metadata_columns` are
    /// ours, and a record is expected to begin with the next one.
    #[inline]
    pub(super) fn for_row(
        &mut self,
        stream: StreamIx,
        columns: &Arc<[Box<[u8]>]>,
        metadata_columns: usize,
    ) -> (&mut StreamScratch, &mut Buffers) {
        let at = stream.index();
        if self.streams.len() <= at {
            self.streams.resize_with(at + 1, || None);
        }
        let part = &mut self.streams[at];
        let is_of_no_use = |part: &StreamScratch| {
            !Arc::ptr_eq(&part.columns, columns) || part.order.is_overgrown()
        };
        if part.as_deref().is_some_and(is_of_no_use) {
            *part = None;
        }
        let part = part.get_or_insert_with(|| {
            let order = FieldOrder::new(columns, metadata_columns + 1);
            let members = vec![MISSING; order.len()];
            Box::new(StreamScratch { columns: Arc::clone(columns), order, members })
        });
        part.members.fill(MISSING);
        (part, &mut self.buffers)
    }
}
