//! Writes Parquet files from Arrow arrays.
//!
//! In: the arrays of a row group, column by column. Out: the bytes of the file, piece by piece.
//!
//! Any free thread encodes a column ([`encode_column`]), and columns of several row groups of one
//! file can be encoded at the same time. One [`FileAssembler`] per file then concatenates the
//! encoded columns in order, which only copies bytes.
//!
//! Invariants
//! - The same arrays and the same layout give the same bytes: nothing depends on threads or time.
//! - Once the bytes of a row group are returned, only its entry in the footer is kept.
//! - Files use only what every reader knows: version 1 pages, three-level lists, no Arrow schema in
//!   the footer, and the oldest column order.
//!
//! Not here: which columns there are and their types (`columns`), when a row group or a file ends
//! (`pipeline`).

mod assembler;
mod column;
mod dictionary;
mod error;
mod layout;
mod long_text;
mod options;
mod orders;
#[cfg(test)]
mod tests;

pub(crate) use assembler::{EncodedRowGroup, FileAssembler};
pub(crate) use column::{EncodedColumn, encode_column};
pub(crate) use error::ParquetFileError;
pub(crate) use layout::FileLayout;
pub(crate) use options::{Codec, ParquetOptions};
