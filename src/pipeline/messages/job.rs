//! Work on a file that any worker may do, and what comes of it.

use std::sync::Arc;

use super::Segment;
use crate::format::columns::TableSchema;
use crate::format::parquet::{EncodedRowGroup, FileLayout};
use crate::pipeline::budget::Permit;

/// The columns of a stream, as they are read and as they are written.
#[derive(Clone, Debug)]
pub struct ParquetLayout {
    /// Which columns there are, and what they take.
    pub shape: Arc<TableSchema>,
    /// How they are written to a file.
    pub layout: Arc<FileLayout>,
    /// Rows of a chunk and of a row group at most.
    pub most_rows: u64,
}

/// What a worker makes of some rows of a file: the next piece of it.
#[derive(Debug)]
pub enum Frame {
    /// Final bytes.
    Bytes(Segment),
    /// The encoded columns of a row group, and the right to hold them.
    RowGroup(EncodedRowGroup, Permit),
}

impl Frame {
    /// Bytes that it takes in the object.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Bytes(segment) => segment.bytes.len() as u64,
            Self::RowGroup(_, permit) => permit.bytes(),
        }
    }
}
