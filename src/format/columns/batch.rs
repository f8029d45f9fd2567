//! Rows of one stream, on their way from the decoder to a row group.
//!
//! In: the [`Batch`]es of a row group. Out: the Arrow arrays of each of its columns. Each column
//! can be converted by itself, on any thread.

use std::sync::Arc;

use arrow_array::ArrayRef;

use super::column::{Column, ColumnError};
use super::packed::PackedBatch;
use super::types::ColumnType;

/// Packed rows are joined to arrays of about this many rows, as each array has a cost of its own.
const UNPACKED_ROWS: usize = 8 * 1024;

/// Rows of one stream.
#[derive(Clone, Debug)]
pub enum Batch {
    /// As columns, those of the stream's [`TableSchema`](super::TableSchema).
    Columns {
        /// One per column of the stream.
        columns: Vec<Column>,
        /// How many rows each of them has.
        rows: usize,
    },
    /// Few rows, in one buffer.
    Packed(PackedBatch),
}

/// Some rows of one column.
#[derive(Debug)]
pub enum ColumnBatch {
    /// As a column.
    Column {
        /// The column.
        column: Column,
        /// How many rows it has.
        rows: usize,
    },
    /// As one of the columns of packed rows.
    Packed {
        /// The rows.
        batch: Arc<PackedBatch>,
        /// The index of the column.
        column: usize,
    },
}

impl Batch {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Columns { rows, .. } => *rows,
            Self::Packed(batch) => batch.rows(),
        }
    }

    /// Bytes of memory that the rows hold.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Columns { columns, .. } => columns.iter().map(Column::held_bytes).sum(),
            Self::Packed(batch) => batch.held_bytes(),
        }
    }

    /// Adds the rows of each column to `batches`, which has a list for each column of the stream.
    pub fn push_onto(self, batches: &mut [Vec<ColumnBatch>]) {
        match self {
            Self::Columns { columns, rows } => {
                for (list, column) in batches.iter_mut().zip(columns) {
                    list.push(ColumnBatch::Column { column, rows });
                }
            }
            Self::Packed(batch) => {
                let batch = Arc::new(batch);
                for (column, list) in batches.iter_mut().enumerate() {
                    list.push(ColumnBatch::Packed { batch: Arc::clone(&batch), column });
                }
            }
        }
    }
}

/// Converts the rows of one column to Arrow arrays, in order.
///
/// # Errors
/// [`ColumnError`], which no record can cause.
pub fn arrays(
    column_type: &ColumnType,
    batches: Vec<ColumnBatch>,
) -> Result<Vec<ArrayRef>, ColumnError> {
    let mut arrays = Vec::with_capacity(batches.len());
    let mut unpacked = UnpackedRows { column_type, column: Column::new(column_type), rows: 0 };
    for batch in batches {
        match batch {
            ColumnBatch::Packed { batch, column } => {
                if unpacked.rows + batch.rows() > UNPACKED_ROWS {
                    unpacked.flush(&mut arrays)?;
                }
                batch.unpack(column, &mut unpacked.column, unpacked.rows)?;
                unpacked.rows += batch.rows();
            }
            ColumnBatch::Column { column, rows } => {
                unpacked.flush(&mut arrays)?;
                arrays.push(column.into_arrow(column_type, rows)?);
            }
        }
    }
    unpacked.flush(&mut arrays)?;
    Ok(arrays)
}

/// Rows of one column that were packed, and will become one array.
struct UnpackedRows<'t> {
    column_type: &'t ColumnType,
    column: Column,
    rows: usize,
}

impl UnpackedRows<'_> {
    /// Converts the rows to an array, if there are any.
    fn flush(&mut self, arrays: &mut Vec<ArrayRef>) -> Result<(), ColumnError> {
        if self.rows > 0 {
            let column = std::mem::replace(&mut self.column, Column::new(self.column_type));
            arrays.push(column.into_arrow(self.column_type, std::mem::take(&mut self.rows))?);
        }
        Ok(())
    }
}
