//! Schemas and their types: tables, and properties that hold for any JSON.

mod messages;
mod random;
mod types;
mod unions;

use super::*;
use crate::format::columns::types::Zone;
use crate::format::{Integers, Numbers, Times};

const TYPED: TypeOptions = TypeOptions { times: Times::Typed, ..TypeOptions::DEFAULT };
const AS_JSON: TypeOptions = TypeOptions { nested: Nested::Json, ..TYPED };
const DECIMAL: TypeOptions = TypeOptions {
    numbers: Numbers::Decimal { precision: 20, scale: 5 },
    integers: Integers::Decimal,
    ..TYPED
};
const TEXT: TypeOptions = TypeOptions { numbers: Numbers::Text, ..TYPED };
const ALL_TEXT: TypeOptions = TypeOptions { integers: Integers::Text, times: Times::Text, ..TEXT };

/// A short name of a type, such as `{a: i64, b: [text]}`.
fn type_name(of: &ColumnType) -> String {
    match of {
        ColumnType::Boolean => "bool".to_owned(),
        ColumnType::Integer => "i64".to_owned(),
        ColumnType::BigInteger => "big".to_owned(),
        ColumnType::Double => "f64".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("dec({precision},{scale})"),
        ColumnType::NumberText => "number text".to_owned(),
        ColumnType::IntegerText => "integer text".to_owned(),
        ColumnType::Text => "text".to_owned(),
        ColumnType::JsonText => "json".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Time(Zone::Utc) => "time utc".to_owned(),
        ColumnType::Time(Zone::Local) => "time local".to_owned(),
        ColumnType::TimeText(Zone::Utc) => "time text utc".to_owned(),
        ColumnType::TimeText(Zone::Local) => "time text local".to_owned(),
        ColumnType::Timestamp(Zone::Utc) => "ts utc".to_owned(),
        ColumnType::Timestamp(Zone::Local) => "ts local".to_owned(),
        ColumnType::Struct(fields) => {
            let members = fields
                .iter()
                .map(|field| format!("{}: {}", field.name, type_name(&field.column_type)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        ColumnType::List(element) => format!("[{}]", type_name(element)),
    }
}

fn columns(schema: &Value, options: &TypeOptions) -> DataColumns {
    data_columns(&[("c".to_owned(), schema.clone())], options, &[], &[])
}

/// Asserts the types of a table of schemas, none of which has a warning.
fn assert_types(options: &TypeOptions, table: &[(Value, &str)]) {
    for (schema, expected) in table {
        let DataColumns { fields, warnings } = columns(schema, options);
        assert_eq!(type_name(&fields[0].column_type), *expected, "{schema}");
        assert_eq!(warnings, [""; 0], "{schema}");
        assert_eq!(column_type(schema, options), fields[0].column_type);
    }
}
