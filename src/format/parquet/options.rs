//! What a user may choose about Parquet files.

use crate::format::{TypeOptions, UndeclaredFields};

/// How a Parquet file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParquetOptions {
    /// What pages are compressed with.
    pub codec: Codec,
    /// A row group ends when its decoded rows take this much memory, in bytes...
    pub row_group_bytes: u64,
    /// ... or when it has this many rows, whichever comes first.
    pub row_group_rows: u64,
    /// How schemas become types.
    pub types: TypeOptions,
    /// What becomes of fields that the stream's schema does not name.
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

/// How pages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Snappy.
    Snappy,
    /// Zstandard.
    Zstd {
        /// 1 (fast) to 22 (small); what the library takes by itself when absent.
        level: Option<i32>,
    },
    /// Gzip.
    Gzip {
        /// 1 (fast) to 9 (small); what the library takes by itself when absent.
        level: Option<u32>,
    },
    /// LZ4 without a frame, which is the one that all readers agree on.
    Lz4Raw,
    /// None.
    None,
}
