//! What the fuzz targets in `fuzz/` call.
//!
//! A list of items and nothing else. It is no interface of the product: it changes with the rooms
//! that it shows, and only the fuzz targets, which are in this repository, may rely on it.

pub use crate::format::columns::{
    Batch, ColumnBatch, DecodedRows, RecordDecoder, TableSchema, TableSchemaOptions, arrays,
};
pub use crate::format::text::{RecordView, RowEncoder, Scratch};
pub use crate::format::{
    ColumnNames, CsvOptions, Format, Integers, MetadataColumns, Nested, Numbers, QuoteStyle,
    RowIds, StreamMeta, Times, TypeOptions, UndeclaredFields,
};
pub use crate::json::{JsonError, JsonFault, Member, Scanner, ValueKind};
pub use crate::key::{FileValues, KeyTemplate, MAX_KEY_BYTES, RunValues, StreamValues};
pub use crate::model::{StreamDescriptor, StreamIx};
pub use crate::protocol::envelope::{
    EnvelopeError, Message, Opening, RecordSink, StreamName, read_line,
};
