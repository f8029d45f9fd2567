//! The encoder of a stream, whatever its text format.
//!
//! In: a record. Out: one row, appended to a buffer. A stream's [`RowEncoder`] is made once and
//! shared by the workers; each worker has a [`Scratch`] of its own.

use super::csv::CsvScratch;
use super::record::{RecordView, RowNotes};
use super::{CsvEncoder, JsonlEncoder};
use crate::format::RowIds;

/// The scratch memory of one worker, kept from row to row. It serves the encoders of all streams.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) csv: CsvScratch,
}

impl Scratch {
    /// Frees the memory by which an unusually long row has made the buffers grow.
    pub fn trim(&mut self) {
        self.csv.trim();
    }
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
    /// The beginning of every file of the stream: the line of column names, or nothing.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        match self {
            Self::Jsonl(_) => &[],
            Self::Csv(csv) => csv.header(),
        }
    }

    /// The names of the declared columns in the file. `None` where the format has no columns and
    /// members keep the names that they have in the record.
    #[must_use]
    pub fn column_names(&self) -> Option<&[String]> {
        match self {
            Self::Jsonl(_) => None,
            Self::Csv(csv) => Some(csv.names()),
        }
    }

    /// What the user should know about the columns, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Self::Jsonl(_) => Vec::new(),
            Self::Csv(csv) => csv.warnings().to_vec(),
        }
    }

    /// Appends exactly one row to `out`, including its line end. Takes one id, unless rows have no
    /// metadata.
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
