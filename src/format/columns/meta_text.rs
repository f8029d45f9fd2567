//! Converts `_airbyte_meta` to JSON text, for files without nested columns.
//!
//! In: the typed column into which rows were decoded. Out: a column of text, spelled as in JSONL:
//! `{"sync_id":42,"changes":[...]}`. Decoding into the typed column first means that there is one
//! way to read a record's own metadata and to add to it, whatever type the file has.

use super::column::{Column, ColumnValues};
use super::types::ColumnType;
use super::undeclared::write_string;

/// Returns a column with the text of each of the `rows` rows of a column of type `of`.
pub(super) fn column(of: &ColumnType, typed: &Column, rows: usize) -> Column {
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

/// Writes one value. Recursion is as deep as the type.
fn write(of: &ColumnType, column: &Column, row: usize, out: &mut Vec<u8>) {
    if !column.validity.is_set(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match (of, &column.values) {
        (ColumnType::Struct(fields), ColumnValues::Struct(members)) => {
            let mut separator = b'{';
            for (field, member) in fields.iter().zip(members) {
                out.push(separator);
                separator = b',';
                write_string(&field.name, out);
                out.push(b':');
                write(&field.column_type, member, row, out);
            }
            out.push(b'}');
        }
        (ColumnType::List(element), ColumnValues::List(lists)) => {
            out.push(b'[');
            for (position, row) in lists.rows_of(row).enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write(element, &lists.elements, row, out);
            }
            out.push(b']');
        }
        (_, ColumnValues::Text(texts)) => {
            // Lossless: all text in columns is UTF-8, as the input is.
            write_string(&String::from_utf8_lossy(texts.get(row)), out);
        }
        (_, ColumnValues::Int64(values)) => {
            let value = values.get(row).copied().unwrap_or_default();
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
        // The metadata has no values of other types.
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
