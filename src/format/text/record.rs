//! What an encoder takes for each row, and what it reports about it.

use crate::json::Member;
use crate::model::StreamIx;

/// One record, as its message has it.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// Its stream, whose encoder makes the row.
    pub stream: StreamIx,
    /// Text of the record's `data` object, from `{` to `}`.
    pub data: &'a [u8],
    /// The members of `data`, all of them, in order.
    pub members: &'a [Member],
    /// When the source says that it read the record, in epoch milliseconds.
    pub emitted_at_ms: i64,
    /// Text of the record's `meta.changes`, an array, where the source sent one.
    pub changes: Option<&'a [u8]>,
}

/// What happened while a row was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RowNotes {
    /// Fields that were left out because the schema does not name them
    /// ([`crate::format::UndeclaredFields::Drop`]).
    pub dropped_fields: u32,
}
