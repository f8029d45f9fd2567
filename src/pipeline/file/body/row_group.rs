//! Encodes a row group on the workers, a column at a time.
//!
//! In: the rows of a row group. Out: a [`ColumnTask`] per column (or one for all), for any worker;
//! the one that ends last has the whole row group.
//!
//! Not here: how a column is encoded (`format::parquet`), where a row group begins and ends
//! (`frames`).

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::Array as _;

use crate::error::Failure;
use crate::format::columns;
use crate::format::columns::ColumnBatch;
use crate::format::parquet::{EncodedColumn, EncodedRowGroup, encode_column};
use crate::pipeline::budget::{Budget, Permit};
use crate::pipeline::messages::ParquetLayout;
use crate::pipeline::messages::{ColumnSegment, Frame};

/// Some columns of a row group, to be encoded.
#[derive(Debug)]
pub struct ColumnTask {
    /// The number of the first.
    first: usize,
    /// Each column's pieces.
    columns: Vec<Vec<ColumnBatch>>,
    group: Arc<Group>,
}

/// A row group of less than this is one task: handing its columns round would take longer than
/// encoding them.
const SMALL_BYTES: u64 = 1024 * 1024;

/// What the columns of a row group share.
#[derive(Debug)]
struct Group {
    layout: ParquetLayout,
    rows: usize,
    budget: Budget,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    /// Columns that are encoded, with their numbers and the right to hold them.
    encoded: Vec<(usize, EncodedColumn, Permit)>,
    /// Columns that are not.
    left: usize,
    failure: Option<Failure>,
    /// The rows' right to be in memory.
    permits: Vec<Permit>,
}

/// Cuts a row group into tasks: one per column, or one for all of them where they are small.
#[must_use]
pub fn column_tasks(
    layout: ParquetLayout,
    rows: Vec<ColumnSegment>,
    budget: &Budget,
) -> Vec<ColumnTask> {
    let count = layout.shape.fields.len();
    let mut columns: Vec<Vec<ColumnBatch>> = Vec::new();
    columns.resize_with(count, || Vec::with_capacity(rows.len()));
    let mut permits = Vec::with_capacity(rows.len());
    let mut row_count = 0;
    for ColumnSegment { batch, permit } in rows {
        row_count += batch.rows();
        permits.push(permit);
        batch.push_onto(&mut columns);
    }
    let is_small = permits.iter().map(Permit::bytes).sum::<u64>() < SMALL_BYTES;
    let progress =
        Mutex::new(Progress { encoded: Vec::new(), left: count, failure: None, permits });
    let group = Arc::new(Group { layout, rows: row_count, budget: budget.clone(), progress });
    if is_small {
        return vec![ColumnTask { first: 0, columns, group }];
    }
    let task =
        |(first, pieces)| ColumnTask { first, columns: vec![pieces], group: Arc::clone(&group) };
    columns.into_iter().enumerate().map(task).collect()
}

impl ColumnTask {
    /// Encodes the columns. `Some` for the task that ends last: the row group, or why there is
    /// none.
    #[must_use]
    pub fn run(self) -> Option<Result<Frame, Failure>> {
        let Self { first, columns, group } = self;
        let count = columns.len();
        let results = columns
            .into_iter()
            .zip(first..)
            .map(|(pieces, column)| {
                let (encoded, permit) = group.encode(column, pieces)?;
                Ok((column, encoded, permit))
            })
            .collect::<Result<Vec<_>, Failure>>();
        let mut progress = group.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match results {
            Ok(encoded) => progress.encoded.extend(encoded),
            Err(failure) => progress.failure = Some(failure),
        }
        progress.left -= count;
        if progress.left > 0 {
            return None;
        }
        progress.permits.clear();
        let failure = progress.failure.take();
        let mut encoded = std::mem::take(&mut progress.encoded);
        drop(progress);
        encoded.sort_unstable_by_key(|(column, _, _)| *column);
        Some(match failure {
            Some(failure) => Err(failure),
            None => {
                let (columns, _permits): (Vec<_>, Vec<_>) =
                    encoded.into_iter().map(|(_, encoded, permit)| (encoded, permit)).unzip();
                group.join(columns)
            }
        })
    }
}

impl Group {
    fn join(&self, columns: Vec<EncodedColumn>) -> Result<Frame, Failure> {
        let encoded = EncodedRowGroup::new(columns, self.rows)?;
        let permit = self.budget.take(encoded.encoded_bytes());
        Ok(Frame::RowGroup(encoded, permit))
    }

    /// While a column is encoded it is there twice at least: as arrays, and as pages.
    fn encode(
        &self,
        column: usize,
        pieces: Vec<ColumnBatch>,
    ) -> Result<(EncodedColumn, Permit), Failure> {
        let ParquetLayout { shape, layout, .. } = &self.layout;
        let arrays = columns::arrays(&shape.fields[column].column_type, pieces)?;
        let size = arrays.iter().map(|array| array.get_buffer_memory_size() as u64).sum();
        let mut permit = self.budget.take(size);
        let encoded = encode_column(layout, column, arrays)?;
        permit.resize(encoded.encoded_bytes());
        Ok((encoded, permit))
    }
}
