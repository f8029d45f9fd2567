//! A stream for tests: records in, rows out as JSON. A struct is the array of its members.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cells::{self, Cell};
use crate::format::columns::{Batch, DecodedRows, RecordDecoder, TableSchema, TableSchemaOptions};
use crate::format::{MetadataColumns, RowIds, StreamMeta, TypeOptions, UndeclaredFields};
use crate::json::JsonError;

/// The `reason` for values of a wrong type.
pub(super) const WRONG_TYPE_REASON: &str = "DESTINATION_SERIALIZATION_ERROR";
/// The `reason` for values that are out of range, or lost digits.
pub(super) const OUT_OF_RANGE_REASON: &str = "DESTINATION_FIELD_SIZE_LIMITATION";

/// A decoder with the schema of its columns.
pub(super) struct TestStream {
    table_schema: Arc<TableSchema>,
    pub(super) decoder: RecordDecoder,
}

impl TestStream {
    pub(super) fn new(
        metadata: MetadataColumns,
        undeclared_fields: UndeclaredFields,
        properties: &Value,
    ) -> Self {
        Self::of_types(metadata, undeclared_fields, TypeOptions::DEFAULT, properties)
    }

    pub(super) fn of_types(
        metadata: MetadataColumns,
        undeclared_fields: UndeclaredFields,
        types: TypeOptions,
        properties: &Value,
    ) -> Self {
        let options = TableSchemaOptions { metadata, undeclared_fields, types };
        let meta = StreamMeta { generation_id: Some(3), sync_id: 9 };
        let properties = properties.as_object().unwrap().iter();
        let properties: Vec<_> =
            properties.map(|(name, schema)| (name.clone(), schema.clone())).collect();
        let table_schema = Arc::new(TableSchema::new(&options, &meta, &properties));
        Self { decoder: RecordDecoder::new(Arc::clone(&table_schema)), table_schema }
    }

    /// A stream of the declared columns and `_airbyte_additional_properties`.
    pub(super) fn without_metadata(properties: &Value) -> Self {
        Self::new(MetadataColumns::None, UndeclaredFields::Column, properties)
    }

    /// The same, after all metadata columns.
    pub(super) fn with_metadata(properties: &Value) -> Self {
        Self::new(MetadataColumns::All, UndeclaredFields::Column, properties)
    }

    /// Decodes a record.
    pub(super) fn send(&mut self, data: &str) {
        self.send_with(data, 1_000, None);
    }

    pub(super) fn send_with(&mut self, data: &str, emitted_at_ms: i64, changes: Option<&str>) {
        assert_eq!(self.decoder.read(data.as_bytes(), 0), Ok(data.len()), "{data}");
        self.decoder.end_row(emitted_at_ms, changes.map(str::as_bytes), &mut RowIds::new(0, 0));
    }

    /// Reads a record, broken or not, and undoes its row.
    pub(super) fn read_and_undo(&mut self, data: &[u8]) -> Result<usize, JsonError> {
        let read = self.decoder.read(data, 0);
        self.decoder.undo_row();
        read
    }

    /// Takes the rows.
    pub(super) fn take_rows(&mut self) -> Vec<Value> {
        let batch = self.decoder.take().batch;
        self.rows_of(vec![batch])
    }

    /// The rows of some batches.
    pub(super) fn rows_of(&self, batches: Vec<Batch>) -> Vec<Value> {
        cells::rows_of(batches, &self.table_schema)
            .iter()
            .map(|row| row.iter().map(json_of).collect())
            .collect()
    }
}

/// A cell as JSON.
fn json_of(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Boolean(value) => json!(value),
        Cell::Integer(value) => json!(value),
        Cell::Days(value) => json!(value),
        Cell::Double(value) => json!(value),
        Cell::Decimal(value) => json!(value.to_string()),
        Cell::Text(value) => json!(value),
        Cell::Struct(cells) | Cell::List(cells) => cells.iter().map(json_of).collect(),
    }
}

/// Decodes some records without metadata.
pub(super) fn decode(properties: &Value, records: &[&str]) -> Vec<Value> {
    let mut stream = TestStream::without_metadata(properties);
    records.iter().for_each(|data| stream.send(data));
    stream.take_rows()
}

/// `_airbyte_meta.changes` of a row that has metadata.
pub(super) fn changes(row: &Value) -> &Value {
    &row[3][1]
}

/// The fields with issues: how many values became null, and how many lost digits.
pub(super) fn counts(taken: &DecodedRows) -> Vec<(String, u64, u64)> {
    taken
        .issues
        .iter()
        .map(|field| (field.field.to_string(), field.nulled, field.truncated))
        .collect()
}
