//! The file formats, and what they share.
//!
//! [`Format`] says which format, with its options. `text` encodes records as rows of CSV and JSONL;
//! `columns` decodes records to Arrow arrays, and `parquet` encodes those as files. Shared are
//! `options` (choices of more than one format), `column_names` (what columns are called in files),
//! `metadata` (the `_airbyte_*` columns) and `row_ids` (the ids in one of them).
//!
//! Not here: which rows make a file (`pipeline`), how options are spelled in settings (`config`).

pub(crate) mod column_names;
pub(crate) mod columns;
mod file_format;
mod metadata;
mod options;
pub(crate) mod parquet;
mod row_ids;
pub(crate) mod text;

pub use column_names::ColumnNames;
pub use file_format::Format;
#[cfg(test)]
pub(crate) use metadata::METADATA_NAMES;
pub(crate) use metadata::{ADDITIONAL_PROPERTIES, EXTRACTED_AT, GENERATION_ID, META, RAW_ID};
pub use metadata::{MetadataColumns, StreamMeta};
pub use options::{Integers, Nested, Numbers, Times, TypeOptions, UndeclaredFields};
pub(crate) use parquet::{Codec, ParquetOptions};
pub use row_ids::RowIds;
pub use text::{CsvOptions, QuoteStyle};
