//! Writes Parquet files from Arrow arrays.
//!
//! In: the arrays of a row group, column by column. Out: the bytes of the file, piece after piece.
//!
//! Columns are encoded wherever there is a free thread ([`encode_column`]), also columns of
//! different row groups of one file at the same time; what comes out is joined in order by one
//! [`FileAssembler`] per file, which only copies bytes.
//!
//! Invariants
//! - The same arrays and the same layout give the same bytes: nothing depends on threads or on
//!   time.
//! - Nothing of a row group is kept once its bytes are handed out, but for its entry in the footer.
//! - Everything that a file says about its columns is what every reader knows: version 1 pages,
//!   three-level lists, no Arrow schema in the footer, no order of columns that came up later than
//!   the format's first ones.
//!
//! Elsewhere: which columns there are and of what type (`columns`), and when a row group or a file
//! ends (`pipeline`).

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

pub use assembler::{EncodedRowGroup, FileAssembler};
pub use column::{EncodedColumn, encode_column};
pub use error::ParquetFileError;
pub use layout::FileLayout;
pub use options::{Codec, ParquetOptions};
