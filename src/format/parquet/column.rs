//! Encodes one top-level column of a row group.
//!
//! In: the column's arrays in row order. Out: its column chunks, one per leaf, compressed and with
//! statistics, not yet placed in a file.
//!
//! Invariants
//! - Encoding needs only the layout and the arrays, so that any number of threads can do it at
//!   once.
//! - Few copies of a text of many megabytes exist at a time. Where such texts are a top-level
//!   column, `long_text` encodes them; elsewhere minimum and maximum, which the library would copy,
//!   are left out.
//! - Column writers are made for this column alone. Making those of all columns for each column
//!   would take quadratic time.

use std::io::{Sink, Write};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use super::dictionary;
use super::error::ParquetFileError;
use super::layout::{ColumnLayout, FileLayout};
use super::long_text::{self, LongTextChunk};

/// A column of a row group, encoded.
#[derive(Debug)]
pub(crate) struct EncodedColumn {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) rows: usize,
}

/// One column chunk.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// As the library encodes it.
    Usual(ArrowColumnChunk),
    /// As `long_text` encodes it.
    LongText(LongTextChunk),
}

impl Chunk {
    fn encoded_bytes(&self) -> u64 {
        match self {
            Self::Usual(chunk) => chunk.close().bytes_written,
            Self::LongText(chunk) => chunk.close.bytes_written,
        }
    }

    /// Appends the chunk to those that the row group has already.
    pub(crate) fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match self {
            Self::Usual(chunk) => chunk.append_to_row_group(group),
            Self::LongText(chunk) => group.append_column(&chunk.bytes, chunk.close),
        }
    }
}

impl EncodedColumn {
    /// The bytes that the column takes in the file.
    #[must_use]
    pub(crate) fn encoded_bytes(&self) -> u64 {
        self.chunks.iter().map(Chunk::encoded_bytes).sum()
    }
}

/// Encodes the top-level column number `column` of a row group, with all its leaves.
///
/// `pieces` are the column's arrays in row order. They are dropped as early as possible. Hundreds
/// of small ones are fine: each costs about a microsecond per leaf, as much as copying them
/// together first would.
///
/// # Errors
/// A defect: see [`ParquetFileError`].
pub(crate) fn encode_column(
    layout: &FileLayout,
    column: usize,
    pieces: Vec<ArrayRef>,
) -> Result<EncodedColumn, ParquetFileError> {
    let column = layout.column(column)?;
    encode(layout, &column, pieces)
        .map_err(|source| ParquetFileError::Encode { column: column.field.name().clone(), source })
}

fn encode(
    layout: &FileLayout,
    column: &ColumnLayout,
    pieces: Vec<ArrayRef>,
) -> Result<EncodedColumn, ParquetError> {
    let rows = pieces.iter().map(|piece| piece.len()).sum();
    let has_long_text = long_text::has_long_text(&pieces);
    if has_long_text
        && *column.field.data_type() == DataType::Utf8
        && pieces.iter().all(|piece| *piece.data_type() == DataType::Utf8)
    {
        let chunk = long_text::encode(&column.leaf, layout.compression(), pieces)?;
        return Ok(EncodedColumn { chunks: vec![Chunk::LongText(chunk)], rows });
    }
    let dictionaries = dictionary::choose(&column.field, column.leaves.len(), &pieces);
    let properties =
        Arc::new(layout.column_properties(&column.leaves, &dictionaries, !has_long_text));
    // Nothing is written to this file. The library makes column writers only for an open file.
    let file =
        SerializedFileWriter::<Sink>::new(std::io::sink(), Arc::clone(&column.root), properties)?;
    let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(&column.arrow));
    let mut writers = factory.create_column_writers(0)?;
    for piece in pieces {
        for (writer, leaf) in writers.iter_mut().zip(compute_leaves(&column.field, &piece)?) {
            writer.write(&leaf)?;
        }
    }
    let close = |writer: ArrowColumnWriter| writer.close().map(Chunk::Usual);
    let chunks = writers.into_iter().map(close).collect::<Result<_, _>>()?;
    Ok(EncodedColumn { chunks, rows })
}
