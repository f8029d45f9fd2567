//! The body of a Parquet file: rows collect into a row group, workers encode its columns, an
//! assembler joins them, and a footer ends the file.

use super::MIN_EARLY_PIECE_BYTES;
use super::pieces::Pieces;
use super::row_group::{EncodedGroup, RowGroup};
use crate::format::parquet::{FileAssembler, ParquetFileError};
use crate::pipeline::budget::Permit;
use crate::pipeline::messages::{ColumnSegment, CompressionSample, ParquetLayout, Segment};

/// The assumed ratio of bytes in the file to bytes in memory, until the first row group is encoded.
/// It is high enough that the first file does not exceed the file size.
const FIRST_RATIO: f64 = 0.5;

/// Memory that one column chunk takes until the footer is written: an upper bound for its metadata
/// with the minimum and maximum.
const FOOTER_ENTRY_BYTES: u64 = 1024;

/// A row group that is made only because memory is short has rows of at least this many times the
/// size of its footer entry, because the entry stays in memory.
const MIN_EARLY_FOOTER_ENTRIES: u64 = 8;

/// Rows that wait for their row group, row groups that workers are encoding, and the assembler that
/// joins them.
#[derive(Debug)]
pub(super) struct ParquetBody {
    layout: ParquetLayout,
    /// The least memory of the rows of one row group. The layout limits their number as well.
    min_row_group_bytes: u64,
    /// Rows that no row group has taken yet.
    loose: Vec<ColumnSegment>,
    loose_bytes: u64,
    loose_rows: u64,
    row_groups: Pieces<EncodedGroup>,
    /// Made with the first row group.
    assembler: Option<FileAssembler>,
    /// The right to hold the footer, which grows with each row group.
    footer_permit: Permit,
}

impl ParquetBody {
    /// `footer_permit` must be for no bytes.
    pub(super) fn new(
        layout: ParquetLayout,
        min_row_group_bytes: u64,
        footer_permit: Permit,
    ) -> Self {
        Self {
            layout,
            min_row_group_bytes,
            loose: Vec::new(),
            loose_bytes: 0,
            loose_rows: 0,
            row_groups: Pieces::new(),
            assembler: None,
            footer_permit,
        }
    }

    /// Adds `count` rows and returns the row groups that this completes: one of the earlier rows,
    /// if all rows together would be too many, and one with the new rows, if they fill it.
    pub(super) fn append(
        &mut self,
        rows: ColumnSegment,
        count: u64,
    ) -> impl Iterator<Item = (u32, RowGroup)> + use<> {
        let max_rows = self.layout.max_row_group_rows;
        let before = if self.loose_rows + count > max_rows { self.cut_row_group() } else { None };
        self.loose_bytes += rows.permit.bytes();
        self.loose_rows += count;
        self.loose.push(rows);
        let is_full = self.loose_bytes >= self.min_row_group_bytes || self.loose_rows >= max_rows;
        let filled = if is_full { self.cut_row_group() } else { None };
        before.into_iter().chain(filled)
    }

    /// Makes a row group of the loose rows, however few they are.
    pub(super) fn cut_row_group(&mut self) -> Option<(u32, RowGroup)> {
        if self.loose.is_empty() {
            return None;
        }
        let rows = std::mem::take(&mut self.loose);
        self.loose_rows = 0;
        let (number, result) = self.row_groups.begin(std::mem::take(&mut self.loose_bytes));
        Some((number, RowGroup::new(self.layout.clone(), rows, result)))
    }

    /// Memory of the loose rows, if it is worth a row group of its own when memory is short.
    pub(super) fn early_row_group_bytes(&self) -> Option<u64> {
        let min_bytes =
            MIN_EARLY_PIECE_BYTES.max(MIN_EARLY_FOOTER_ENTRIES * self.footer_entry_bytes());
        Some(self.loose_bytes).filter(|bytes| *bytes >= min_bytes)
    }

    /// Records that a row group is encoded. Returns the sizes of its rows before and after.
    pub(super) fn done(&mut self, number: u32) -> Option<CompressionSample> {
        let (text_bytes, group) = self.row_groups.done(number)?;
        Some(CompressionSample { text_bytes, compressed_bytes: group.permit.bytes() })
    }

    /// The bytes of the next row group of the file, if it is encoded.
    pub(super) fn pop(&mut self) -> Result<Option<Segment>, ParquetFileError> {
        let Some(EncodedGroup { columns, mut permit }) = self.row_groups.pop() else {
            return Ok(None);
        };
        let assembler = match &mut self.assembler {
            Some(assembler) => assembler,
            None => self.assembler.insert(FileAssembler::new(&self.layout.file_layout)?),
        };
        let bytes = assembler.row_group(columns)?;
        permit.resize(bytes.len() as u64);
        self.footer_permit.resize(self.footer_permit.bytes() + self.footer_entry_bytes());
        Ok(Some(Segment { bytes, permit }))
    }

    /// Ends the file.
    pub(super) fn footer(self) -> Result<Segment, ParquetFileError> {
        let assembler = match self.assembler {
            Some(assembler) => assembler,
            None => FileAssembler::new(&self.layout.file_layout)?,
        };
        let bytes = assembler.finish()?;
        let mut permit = self.footer_permit;
        permit.resize(bytes.len() as u64);
        Ok(Segment { bytes, permit })
    }

    pub(super) fn is_idle(&self) -> bool {
        self.loose.is_empty() && self.row_groups.is_empty()
    }

    /// Memory that the loose rows and the footer's contents hold.
    pub(super) fn held_bytes(&self) -> u64 {
        self.loose_bytes + self.footer_permit.bytes()
    }

    /// Estimates the encoded size of the rows that are not bytes yet.
    pub(super) fn estimated_bytes(&self, own: CompressionSample) -> u64 {
        let ratio = own.ratio().unwrap_or(FIRST_RATIO);
        ((self.loose_bytes + self.row_groups.rows_bytes()) as f64 * ratio) as u64
    }

    /// Memory that the footer takes for one more row group.
    pub(super) fn footer_entry_bytes(&self) -> u64 {
        self.layout.file_layout.leaf_count() as u64 * FOOTER_ENTRY_BYTES
    }
}
