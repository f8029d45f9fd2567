//! Reads the decoder's batches back, one row at a time.
//!
//! In: batches and the schema of their columns. Out: rows of [`Cell`]s. Every array is checked as a
//! whole, too.

use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_schema::DataType;

use crate::format::columns::{Batch, TableSchema, arrays};

/// One value, whatever its Arrow type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Boolean(bool),
    /// Integers and microseconds.
    Integer(i64),
    Days(i32),
    Double(f64),
    Decimal(i128),
    Text(String),
    Struct(Vec<Cell>),
    List(Vec<Cell>),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// The rows of some batches. Panics unless the arrays have the types of the schema and are valid.
pub(crate) fn rows_of(batches: Vec<Batch>, table_schema: &TableSchema) -> Vec<Vec<Cell>> {
    let count = batches.iter().map(Batch::rows).sum();
    let mut columns: Vec<Vec<_>> = table_schema.fields.iter().map(|_| Vec::new()).collect();
    for batch in batches {
        assert!(batch.held_bytes() > 0);
        batch.push_onto(&mut columns);
    }
    let mut rows = vec![Vec::with_capacity(table_schema.fields.len()); count];
    for (field, batches) in table_schema.fields.iter().zip(columns) {
        let arrays = arrays(&field.column_type, batches).unwrap();
        assert_eq!(arrays.iter().map(|array| array.len()).sum::<usize>(), count, "{}", field.name);
        let mut open = rows.iter_mut();
        for array in arrays {
            assert_eq!(array.data_type(), &field.column_type.to_arrow(), "{}", field.name);
            array.to_data().validate_full().unwrap();
            open.by_ref()
                .take(array.len())
                .enumerate()
                .for_each(|(ix, row)| row.push(cell(&array, ix)));
        }
    }
    rows
}

fn cell(array: &Arc<dyn Array>, row: usize) -> Cell {
    if array.is_null(row) {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Boolean => Cell::Boolean(array.as_boolean().value(row)),
        DataType::Int64 => Cell::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Time64(_) => {
            Cell::Integer(array.as_primitive::<Time64MicrosecondType>().value(row))
        }
        DataType::Timestamp(_, _) => {
            Cell::Integer(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Date32 => Cell::Days(array.as_primitive::<Date32Type>().value(row)),
        DataType::Float64 => Cell::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, _) => {
            Cell::Decimal(array.as_primitive::<Decimal128Type>().value(row))
        }
        DataType::Utf8 => Cell::text(array.as_string::<i32>().value(row)),
        DataType::Struct(_) => Cell::Struct(
            array.as_struct().columns().iter().map(|member| cell(member, row)).collect(),
        ),
        DataType::List(_) => {
            let elements = array.as_list::<i32>().value(row);
            Cell::List((0..elements.len()).map(|element| cell(&elements, element)).collect())
        }
        other => panic!("no column is a {other}"),
    }
}
