//! Rows of one stream on their way from the decoder to a row group.
//!
//! In: the [`Batch`]es of a row group. Out: the Arrow arrays of each of its columns, which can be
//! made one column at a time and on any thread.

use std::sync::Arc;

use arrow_array::ArrayRef;

use super::column::{Column, ColumnError};
use super::packed::PackedBatch;
use super::types::ColumnType;

/// Packed rows are unpacked to arrays of about this many: each array has a cost of its own.
const UNPACKED_ROWS: usize = 8 * 1024;

/// Rows of one stream.
#[derive(Clone, Debug)]
pub enum Batch {
    /// As columns, of the stream's table_schema and in its order.
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
    /// As they are.
    Column {
        /// The column.
        column: Column,
        /// How many rows it has.
        rows: usize,
    },
    /// One of the columns of packed rows.
    Packed {
        /// The rows.
        batch: Arc<PackedBatch>,
        /// The number of the column.
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

    /// Memory that the rows hold.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Columns { columns, .. } => columns.iter().map(Column::held_bytes).sum(),
            Self::Packed(batch) => batch.held_bytes(),
        }
    }

    /// Hands the columns to `pieces`, which has a list for each column of the stream.
    pub fn push_onto(self, pieces: &mut [Vec<ColumnBatch>]) {
        match self {
            Self::Columns { columns, rows } => {
                for (list, column) in pieces.iter_mut().zip(columns) {
                    list.push(ColumnBatch::Column { column, rows });
                }
            }
            Self::Packed(batch) => {
                let batch = Arc::new(batch);
                for (column, list) in pieces.iter_mut().enumerate() {
                    list.push(ColumnBatch::Packed { batch: Arc::clone(&batch), column });
                }
            }
        }
    }
}

/// The arrays of one column, in the order of its pieces.
///
/// # Errors
/// [`ColumnError`]: nothing that a record holds leads there.
pub fn arrays(
    column_type: &ColumnType,
    pieces: Vec<ColumnBatch>,
) -> Result<Vec<ArrayRef>, ColumnError> {
    let mut arrays = Vec::with_capacity(pieces.len());
    let mut unpacked = Unpacked { column_type, column: Column::new(column_type), rows: 0 };
    for piece in pieces {
        match piece {
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

/// Packed rows of one column, put together again.
struct Unpacked<'t> {
    column_type: &'t ColumnType,
    column: Column,
    rows: usize,
}

impl Unpacked<'_> {
    fn flush(&mut self, arrays: &mut Vec<ArrayRef>) -> Result<(), ColumnError> {
        if self.rows > 0 {
            let column = std::mem::replace(&mut self.column, Column::new(self.column_type));
            arrays.push(column.into_arrow(self.column_type, std::mem::take(&mut self.rows))?);
        }
        Ok(())
    }
}
