//! Encodes a row group on the workers, column by column.
//!
//! In: the rows of a row group. Out: an [`EncodedGroup`], from the task that ends last.
//!
//! Not here: how a column is encoded (`format::parquet`), where a row group begins and ends
//! (`parquet`).

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::Array as _;
use tokio::sync::oneshot;

use crate::error::Failure;
use crate::format::columns;
use crate::format::columns::ColumnBatch;
use crate::format::parquet::{EncodedColumn, EncodedRowGroup, encode_column};
use crate::pipeline::budget::{Budget, Permit};
use crate::pipeline::messages::{ColumnSegment, ParquetLayout, Task, Work, WorkerTools};

/// A row group of less than this is one task: distributing its columns would take longer than
/// encoding them.
const SMALL_BYTES: u64 = 1024 * 1024;

/// The encoded columns of a row group, and the right to hold them.
#[derive(Debug)]
pub(super) struct EncodedGroup {
    pub(super) columns: EncodedRowGroup,
    pub(super) permit: Permit,
}

/// Rows to be encoded: a job of one task per column, or of one task if they are few.
#[derive(Debug)]
pub(super) struct RowGroup {
    layout: ParquetLayout,
    rows: Vec<ColumnSegment>,
    result: oneshot::Sender<EncodedGroup>,
}

impl RowGroup {
    pub(super) fn new(
        layout: ParquetLayout,
        rows: Vec<ColumnSegment>,
        result: oneshot::Sender<EncodedGroup>,
    ) -> Self {
        Self { layout, rows, result }
    }

    /// Number of rows, for tests.
    #[cfg(test)]
    pub(super) fn row_count(&self) -> usize {
        self.rows.iter().map(|rows| rows.batch.rows()).sum()
    }

    fn into_column_tasks(self, budget: &Budget) -> Vec<ColumnTask> {
        let Self { layout, rows, result } = self;
        let count = layout.schema.fields.len();
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
        let progress = Mutex::new(Progress {
            encoded: Vec::new(),
            columns_left: count,
            failure: None,
            row_permits: permits,
            result: Some(result),
        });
        let shared = Arc::new(Shared { layout, rows: row_count, budget: budget.clone(), progress });
        if is_small {
            return vec![ColumnTask { first: 0, columns, shared }];
        }
        let task = |(first, pieces)| {
            let shared = Arc::clone(&shared);
            ColumnTask { first, columns: vec![pieces], shared }
        };
        columns.into_iter().enumerate().map(task).collect()
    }
}

impl Work for RowGroup {
    /// Encoded columns hold tens of KiB even for a row group of one row, and thousands of files may
    /// be closed at once.
    fn is_rationed(&self) -> bool {
        true
    }

    fn into_tasks(self: Box<Self>, budget: &Budget) -> Vec<Box<dyn Task>> {
        let boxed = |task: ColumnTask| -> Box<dyn Task> { Box::new(task) };
        self.into_column_tasks(budget).into_iter().map(boxed).collect()
    }

    #[cfg(test)]
    fn text(&self) -> Option<String> {
        None
    }

    #[cfg(test)]
    fn finish_with(self: Box<Self>, _piece: crate::pipeline::messages::Segment) {}
}

/// Some columns of a row group, to be encoded.
#[derive(Debug)]
struct ColumnTask {
    /// The number of the first.
    first: usize,
    /// Each column's pieces.
    columns: Vec<Vec<ColumnBatch>>,
    shared: Arc<Shared>,
}

/// What the tasks of a row group share.
#[derive(Debug)]
struct Shared {
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
    columns_left: usize,
    failure: Option<Failure>,
    /// The rows' right to be in memory.
    row_permits: Vec<Permit>,
    /// Taken by the task that ends last.
    result: Option<oneshot::Sender<EncodedGroup>>,
}

impl Task for ColumnTask {
    fn run(self: Box<Self>, _tools: &mut WorkerTools) -> Option<Result<(), Failure>> {
        let Self { first, columns, shared } = *self;
        let count = columns.len();
        let results = columns
            .into_iter()
            .zip(first..)
            .map(|(pieces, column)| {
                let (encoded, permit) = shared.encode(column, pieces)?;
                Ok((column, encoded, permit))
            })
            .collect::<Result<Vec<_>, Failure>>();
        let mut progress = shared.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match results {
            Ok(encoded) => progress.encoded.extend(encoded),
            Err(failure) => progress.failure = Some(failure),
        }
        progress.columns_left -= count;
        if progress.columns_left > 0 {
            return None;
        }
        progress.row_permits.clear();
        let failure = progress.failure.take();
        let encoded = std::mem::take(&mut progress.encoded);
        let result = progress.result.take();
        drop(progress);
        Some(match failure {
            Some(failure) => Err(failure),
            None => shared.join(encoded).map(|group| {
                // The receiver is gone if the file was given up: the row group goes with it.
                let _ = result.map(|result| result.send(group));
            }),
        })
    }
}

impl Shared {
    /// Makes the row group of its encoded columns, which end in any order.
    fn join(
        &self,
        mut encoded: Vec<(usize, EncodedColumn, Permit)>,
    ) -> Result<EncodedGroup, Failure> {
        encoded.sort_unstable_by_key(|(column, _, _)| *column);
        // The columns' own permits are kept until the one of the whole is taken.
        let (columns, _permits): (Vec<_>, Vec<_>) =
            encoded.into_iter().map(|(_, encoded, permit)| (encoded, permit)).unzip();
        let columns = EncodedRowGroup::new(columns, self.rows)?;
        let permit = self.budget.take(columns.encoded_bytes());
        Ok(EncodedGroup { columns, permit })
    }

    /// While a column is encoded, it is in memory at least twice: as arrays and as pages.
    fn encode(
        &self,
        column: usize,
        pieces: Vec<ColumnBatch>,
    ) -> Result<(EncodedColumn, Permit), Failure> {
        let ParquetLayout { schema, file_layout, .. } = &self.layout;
        let arrays = columns::arrays(&schema.fields[column].column_type, pieces)?;
        let size = arrays.iter().map(|array| array.get_buffer_memory_size() as u64).sum();
        let mut permit = self.budget.take(size);
        let encoded = encode_column(file_layout, column, arrays)?;
        permit.resize(encoded.encoded_bytes());
        Ok((encoded, permit))
    }
}
