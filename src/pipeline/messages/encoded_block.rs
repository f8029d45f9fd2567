//! What travels from the workers to the ordered stage.
//!
//! A block of input becomes an [`EncodedBlock`]: its rows, encoded and grouped by stream into
//! [`Chunk`]s, with the STATE and COMPLETE messages between them. Invariant: an [`Item::State`]
//! comes after the chunks of every row that it covers and before the chunks of later rows of the
//! streams it covers.

use chrono::{DateTime, Utc};

use super::{ColumnSegment, Segment};
use crate::error::Failure;
use crate::format::columns::FieldIssues;
use crate::model::StreamIx;
use crate::pipeline::budget::Permit;
use crate::protocol::state::StateMessage;

/// Rows as workers make them of a block.
#[derive(Debug)]
pub(crate) enum Rows {
    /// In the format's final text, not yet compressed.
    Text(Segment),
    /// For the row groups of a Parquet file.
    Columns(ColumnSegment),
}

impl Rows {
    /// Memory that they hold, as the budget counts it.
    #[must_use]
    pub(crate) fn held_bytes(&self) -> u64 {
        match self {
            Self::Text(segment) => segment.held_bytes(),
            Self::Columns(segment) => segment.permit.bytes(),
        }
    }
}

/// Consecutive rows of one stream.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Whose rows.
    pub stream: StreamIx,
    /// How many; at least one.
    pub rows: u64,
    /// The rows themselves.
    pub data: Rows,
    /// Values that their columns could not take as they were, by field.
    pub issues: Vec<FieldIssues>,
    /// What the rows say about the cursor.
    pub cursor: CursorNotes,
    /// Undeclared fields that the format's options drop.
    pub dropped_fields: u64,
    /// Names and strings in which U+FFFD stands for half a surrogate pair.
    pub repaired_strings: u64,
    /// Bytes of input lines that the rows came from.
    pub input_bytes: u64,
    /// What a part of the text compresses to, in the first long chunk of a stream.
    pub sample: Option<CompressionSample>,
}

/// How much smaller rows became when they were encoded: text that was compressed, or rows in memory
/// that became a row group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CompressionSample {
    /// Bytes of the text, or memory of the rows.
    pub text_bytes: u64,
    /// Bytes that this became.
    pub compressed_bytes: u64,
}

impl CompressionSample {
    /// Adds the sizes of further rows.
    pub(crate) fn add(&mut self, other: Self) {
        self.text_bytes += other.text_bytes;
        self.compressed_bytes += other.compressed_bytes;
    }

    /// Encoded bytes per byte before; `None` if nothing was encoded yet.
    #[must_use]
    pub(crate) fn ratio(self) -> Option<f64> {
        (self.text_bytes > 0).then(|| self.compressed_bytes as f64 / self.text_bytes as f64)
    }
}

/// The cursor of some rows, where the key template asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CursorNotes {
    /// The highest cursor. For a record without a usable one, its `emitted_at` counts.
    pub highest: Option<DateTime<Utc>>,
    /// Rows without a usable cursor, for which `emitted_at` counted.
    pub rows_without: u64,
}

impl CursorNotes {
    /// Adds the notes of further rows.
    pub(crate) fn add(&mut self, other: Self) {
        self.highest = self.highest.max(other.highest);
        self.rows_without += other.rows_without;
    }
}

/// One step of a block, in the order in which the ordered stage must see it.
#[derive(Debug)]
pub(crate) enum Item {
    /// Rows of one stream.
    Chunk(Chunk),
    /// A STATE and the right to hold its text.
    State(StateMessage, Permit),
    /// The source is done with a stream.
    Complete(StreamIx),
    /// The source has failed with a stream.
    Incomplete(StreamIx),
}

/// A block of input, encoded by a worker.
#[derive(Debug)]
pub(crate) struct EncodedBlock {
    /// Position of the block in the input, from 0.
    pub index: u64,
    /// Rows and messages before the fault, if there is one.
    pub items: Vec<Item>,
    /// Why the input cannot be read past this block. `line` counts from 1 within the block.
    pub fault: Option<LineFault>,
    /// Lines in the block.
    pub lines: u64,
}

/// A line that ends the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineFault {
    /// Number of the line within its block, from 1.
    pub line: u64,
    /// What is wrong with it, as a part of a sentence that begins with "line N"; never its content.
    pub reason: String,
}

impl LineFault {
    /// The failure that ends the run, once the number of lines before the block is known.
    #[must_use]
    pub(crate) fn failure(&self, lines_before: u64) -> Failure {
        Failure::new(
            crate::error::FailureType::System,
            format!(
                "line {} of the input {}; rows after the last STATE before that line were not \
                 published, and the source sends them again",
                lines_before + self.line,
                self.reason
            ),
        )
    }
}
