//! `_airbyte_meta` as JSON text, for files without nested columns.
//!
//! In: the typed column that rows were decoded into. Out: a column of text, spelled as in JSONL:
//! `{"sync_id":42,"changes":[...]}`. So a record's own metadata is read and added to in one way,
//! whatever the file has.

use super::column::{Column, ColumnValues};
use super::types::ColumnType;
use super::undeclared::write_escaped;

/// The text of each of the `rows` rows of a column of type `of`.
pub(crate) fn column(of: &ColumnType, typed: &Column, rows: usize) -> Column {
    let mut column = Column::new(&ColumnType::JsonText);
    for row in 0..rows {
        if !typed.validity.is_set(row) {
            column.push_null();
            continue;
        }
        if let ColumnValues::Text(texts) = &mut column.values {
            write(of, typed, row, texts.open());
            texts.end_text();
        }
        column.validity.push_value();
    }
    column
}

/// One value. Recursion is as deep as the type.
fn write(of: &ColumnType, column: &Column, row: usize, out: &mut Vec<u8>) {
    if !column.validity.is_set(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match (of, &column.values) {
        (ColumnType::Struct(fields), ColumnValues::Struct(members)) => {
            let mut before = b'{';
            for (field, member) in fields.iter().zip(members) {
                out.push(before);
                before = b',';
                out.push(b'"');
                write_escaped(field.name.as_bytes(), out);
                out.extend_from_slice(b"\":");
                write(&field.column_type, member, row, out);
            }
            out.push(b'}');
        }
        (ColumnType::List(element), ColumnValues::List(lists)) => {
            out.push(b'[');
            for (place, row) in lists.rows_of(row).enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(element, &lists.elements, row, out);
            }
            out.push(b']');
        }
        (_, ColumnValues::Text(texts)) => {
            out.push(b'"');
            write_escaped(texts.get(row), out);
            out.push(b'"');
        }
        (_, ColumnValues::Int64(values)) => {
            let value = values.get(row).copied().unwrap_or_default();
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
        // No other type is inside the metadata.
        (
            _,
            ColumnValues::Boolean(_)
            | ColumnValues::Int32(_)
            | ColumnValues::Double(_)
            | ColumnValues::Decimal(_)
            | ColumnValues::Struct(_)
            | ColumnValues::List(_),
        ) => out.extend_from_slice(b"null"),
    }
}
