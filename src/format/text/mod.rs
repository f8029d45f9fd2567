//! Turns records into the bytes of a file: rows of CSV or JSONL, and gzip members of them.
//!
//! In: a record's `data` as text with the positions of its members ([`RecordView`]). Out: rows
//! appended to a buffer.
//!
//! Invariants
//! - A value is copied, never re-made: numbers keep their digits, nested values their text.
//! - Rows of one stream have the same columns in the same order, whichever worker made them.
//! - No file has two columns, and no row two members of ours and the record's, of one name.
//! - The same record, ids and choices give the same bytes: no clock, no randomness.
//!
//! Not here: what a record means (`protocol`), where rows go (`pipeline`), settings (`config`).
//! May import: `error`, `json`.

mod csv;
mod gzip;
mod jsonl;
mod record;
mod rows;

#[cfg(test)]
mod tests;

pub use csv::{CsvEncoder, CsvOptions, QuoteStyle};
pub use gzip::{GzipCompressor, GzipError, SCRATCH_BYTES as GZIP_SCRATCH_BYTES};
pub use jsonl::JsonlEncoder;
pub use record::{RecordView, RowNotes};
pub use rows::{RowEncoder, Scratch};
