//! Encodes records as rows of CSV or JSONL, and compresses rows into gzip members.
//!
//! In: a record's `data` as text with the positions of its members ([`RecordView`]). Out: rows
//! appended to a buffer.
//!
//! Invariants
//! - A value is copied, never written again: numbers keep their digits and nested values their
//!   text.
//! - Rows of one stream have the same columns in the same order, whichever worker made them.
//! - No file has two columns of one name, and no row has a metadata member and a member of the
//!   record with one name.
//! - The same record, ids and options give the same bytes: no clock, no randomness.
//!
//! Not here: what a record means (`protocol`), where rows go (`pipeline`), settings (`config`).

mod csv;
mod gzip;
mod jsonl;
mod record;
mod rows;

#[cfg(test)]
mod tests;

pub(crate) use csv::CsvEncoder;
pub use csv::{CsvOptions, QuoteStyle};
pub(crate) use gzip::{GzipCompressor, GzipError, SCRATCH_BYTES as GZIP_SCRATCH_BYTES};
pub(crate) use jsonl::JsonlEncoder;
pub use record::RecordView;
#[cfg(test)]
pub(crate) use record::RowNotes;
pub use rows::{RowEncoder, Scratch};
