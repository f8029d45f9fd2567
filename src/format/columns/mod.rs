//! Typed columns: from a stream's JSON schema to types, from a record's JSON text to rows of Arrow
//! arrays.
//!
//! In: the declared properties of a stream, then the text of each record's `data`. Out:
//! [`Batch`]es, whose columns become Arrow arrays without a copy, and an account of every value
//! that did not fit.
//!
//! One file per step: `schema` and `names` make [`Field`]s of a JSON schema, `table_schema` puts our own
//! columns beside them, `decode` reads a record straight into the columns (`plan` says which
//! column a member belongs to, `number` and `temporal` read texts), `misfit` and `extra` keep in a
//! `undo_log` what did not fit and what nobody declared, `row` ends a row, `meta_text` makes text of
//! our metadata where the file has no nested columns. `column` and `bits` are the storage, `batch`
//! and `packed` what leaves it.
//!
//! Invariants
//! - Total: any JSON schema gives columns, any record gives a row. Only a text that is not JSON is
//!   an error.
//! - One pass: no value tree is built, and no text is read twice unless a value does not fit.
//! - Every loss is told: a value that does not fit, or loses digits, has an entry in
//!   `_airbyte_meta.changes` and is counted. The text of a value that does not fit, and a field
//!   that is not declared, are kept, unless the user wants them left out.
//! - The same schema and options give the same columns in the same order.
//!
//! Not here: files, pages and codecs (`format::parquet`), which rows belong together (`pipeline`).
//! May import: `json`, `format` (names and ids of the metadata), arrow.

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
pub use column::{Column, ColumnError};
pub use conversion_issues::FieldIssues;
pub use packed::PackedBatch;
pub use record_decoder::{DecodedRows, RecordDecoder};
pub use table_schema::{TableSchema, TableSchemaOptions};
pub use types::{ColumnType, Field, Zone};
