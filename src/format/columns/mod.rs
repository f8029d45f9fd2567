//! Typed columns: maps a stream's JSON schema to types, and decodes the JSON text of its records
//! into Arrow arrays.
//!
//! In: the declared properties of a stream, then the text of each record's `data`. Out:
//! [`Batch`]es, whose columns become Arrow arrays without a copy, and an account of every value
//! that did not fit.
//!
//! One module per step:
//! - `json_schema` maps schemas to [`Field`](types::Field)s; `table_schema` adds our own columns.
//! - `record_decoder` reads records and finishes rows. `decode` reads an object straight into
//!   columns, as a `decode_plan` says; `number` and `temporal` read texts.
//! - `conversion_issues` records values that did not fit, and `undeclared` the members that the
//!   schema does not have, both in an `undo_log`.
//! - `meta_text` converts our metadata to text for files without nested columns.
//! - `column` and `bits` are the storage of rows; `batch` and `packed` are rows on their way to a
//!   file.
//!
//! Invariants
//! - Total: any JSON schema has columns, and any record has a row. The only error is a text that is
//!   not JSON.
//! - One pass: no tree of values is built, and a text is read twice only if it did not fit.
//! - No loss is silent: a value that does not fit or loses digits has an entry in
//!   `_airbyte_meta.changes` and is counted. The text of a value that does not fit is kept, and so
//!   is an undeclared field, unless the user wants them left out.
//! - The same schema and options always have the same columns, in the same order.
//!
//! Not here: files, pages and codecs (`format::parquet`), which rows belong together (`pipeline`).

mod batch;
mod bits;
mod column;
mod conversion_issues;
mod decode;
mod decode_plan;
mod json_schema;
mod meta_text;
mod number;
mod packed;
mod parsed;
mod record_decoder;
mod table_schema;
mod temporal;
#[cfg(test)]
mod tests;
mod types;
mod undeclared;
mod undo_log;

pub use batch::{Batch, ColumnBatch, arrays};
pub(crate) use conversion_issues::FieldIssues;
pub use record_decoder::{DecodedRows, RecordDecoder};
pub use table_schema::{TableSchema, TableSchemaOptions};
#[cfg(test)]
pub(crate) use types::{ColumnType, Field, Zone};
