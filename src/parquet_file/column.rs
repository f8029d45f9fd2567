//! Encodes one top-level column of a row group.
//!
//! In: the column's arrays in row order. Out: its column chunks, one per leaf, compressed and with their statistics, but
//! at no place in a file yet.
//!
//! Invariants
//! - Needs only the layout and the arrays, so that any number of threads can encode at the same time.
//! - The writers are made for this column alone: making those of all columns for each column would be quadratic.

use std::io::Sink;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::dictionary;
use super::error::ParquetFileError;
use super::layout::{ColumnLayout, FileLayout};

/// A column of a row group, encoded.
#[derive(Debug)]
pub struct EncodedColumn {
    pub(super) chunks: Vec<ArrowColumnChunk>,
    pub(super) rows: usize,
}

impl EncodedColumn {
    /// The bytes that it takes in the file.
    #[must_use]
    pub fn encoded_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.close().bytes_written).sum()
    }
}

/// Encodes the top-level column number `column` (all its leaves) of a row group. `pieces` are the column's arrays in row
/// order; there may be hundreds of small ones, though each costs about a microsecond per leaf, however few rows it has
/// (copying small ones together first costs as much).
///
/// # Errors
/// A defect: see [`ParquetFileError`].
pub fn encode_column(
    layout: &FileLayout,
    column: usize,
    pieces: &[ArrayRef],
) -> Result<EncodedColumn, ParquetFileError> {
    let of_column = layout.column(column)?;
    let encoded = encode(layout, of_column, pieces);
    encoded.map_err(|source| ParquetFileError::Encode { column: of_column.field.name().clone(), source })
}

fn encode(
    layout: &FileLayout,
    column: &ColumnLayout,
    pieces: &[ArrayRef],
) -> Result<EncodedColumn, ParquetError> {
    let dictionaries = dictionary::choose(&column.field, column.leaves.len(), pieces);
    let properties = Arc::new(layout.column_properties(&column.leaves, &dictionaries));
    // A file that is never written: the library has no other way to a factory of column writers.
    let file = SerializedFileWriter::<Sink>::new(std::io::sink(), Arc::clone(&column.root), properties)?;
    let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(&column.arrow));
    let mut writers = factory.create_column_writers(0)?;
    for piece in pieces {
        for (writer, leaf) in writers.iter_mut().zip(compute_leaves(&column.field, piece)?) {
            writer.write(&leaf)?;
        }
    }
    let chunks = writers.into_iter().map(|writer| writer.close()).collect::<Result<_, _>>()?;
    Ok(EncodedColumn { chunks, rows: pieces.iter().map(|piece| piece.len()).sum() })
}
