//! What a user may choose about Parquet files.

use crate::format::{TypeOptions, UndeclaredFields};

/// How a Parquet file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParquetOptions {
    /// The compression of pages.
    pub codec: Codec,
    /// A row group ends when its decoded rows take this many bytes of memory, or earlier by
    /// `row_group_rows`.
    pub row_group_bytes: u64,
    /// A row group ends when it has this many rows, or earlier by `row_group_bytes`.
    pub row_group_rows: u64,
    /// The types of columns.
    pub types: TypeOptions,
    /// What happens to fields that the stream's schema does not name.
    pub undeclared_fields: UndeclaredFields,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            codec: Codec::Snappy,
            row_group_bytes: 64 * 1024 * 1024,
            row_group_rows: 1_000_000,
            types: TypeOptions::DEFAULT,
            undeclared_fields: UndeclaredFields::Column,
        }
    }
}

/// The compression of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Snappy.
    Snappy,
    /// Zstandard.
    Zstd {
        /// 1 (fast) to 22 (small); the library's default when absent.
        level: Option<i32>,
    },
    /// Gzip.
    Gzip {
        /// 1 (fast) to 9 (small); the library's default when absent.
        level: Option<u32>,
    },
    /// LZ4 without a frame: the variant that all readers agree on.
    Lz4Raw,
    /// No compression.
    None,
}
