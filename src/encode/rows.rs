//! What goes into an encoder and comes out of it, whatever the format.
//!
//! One [`RowEncoder`] per stream is made once and shared by the workers; each worker has its own [`Scratch`].

use super::csv::CsvScratch;
use super::options::{Format, MetadataColumns};
use super::{CsvEncoder, JsonlEncoder, RowIds};
use crate::json::Member;

/// One record, as the envelope gave it.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// Text of the record's `data` object, from `{` to `}`.
    pub data: &'a [u8],
    /// The members of `data`, all of them, in order.
    pub members: &'a [Member],
    /// When the source says that it read the record, in epoch milliseconds.
    pub emitted_at_ms: i64,
    /// Text of the record's `meta.changes`, an array, where the source sent one.
    pub changes: Option<&'a [u8]>,
}

/// What every row of a stream says about the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamMeta {
    /// Generation of the stream; `None` (null in the rows) where the catalog has none.
    pub generation_id: Option<i64>,
    /// Sync id of the run.
    pub sync_id: i64,
}

/// What happened while a row was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RowNotes {
    /// Fields left out since the schema does not name them ([`super::UndeclaredFields::Drop`]).
    pub dropped_fields: u32,
}

/// Buffers of one worker, kept from row to row. It may serve any number of encoders.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) csv: CsvScratch,
}

/// Makes the rows of one stream.
#[derive(Debug)]
pub enum RowEncoder {
    /// One JSON object per line.
    Jsonl(JsonlEncoder),
    /// Comma-separated values.
    Csv(Box<CsvEncoder>),
}

impl RowEncoder {
    /// `properties` are the top-level names that the stream's schema declares, in its order.
    #[must_use]
    pub fn new(format: &Format, metadata: MetadataColumns, meta: &StreamMeta, properties: &[String]) -> Self {
        match format {
            Format::Jsonl { .. } => Self::Jsonl(JsonlEncoder::new(metadata, meta)),
            Format::Csv { options, .. } => {
                Self::Csv(Box::new(CsvEncoder::new(options, metadata, meta, properties)))
            }
        }
    }

    /// What every file of the stream begins with: the line of column names, or nothing.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        match self {
            Self::Jsonl(_) => &[],
            Self::Csv(csv) => csv.header(),
        }
    }

    /// Appends exactly one row to `out`, its line end included. Takes one id, unless rows carry no metadata.
    #[inline]
    pub fn encode(
        &self,
        record: &RecordView<'_>,
        ids: &mut RowIds,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> RowNotes {
        match self {
            Self::Jsonl(jsonl) => jsonl.encode(record, ids, out),
            Self::Csv(csv) => csv.encode(record, ids, &mut scratch.csv, out),
        }
    }
}
