//! Random schemas, and random records of them with the rows that they must become.
//!
//! In: [`Choices`]. Out: a [`RandomStream`], then [`Record`]s: the text of `data`, and the row that
//! it must become.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::cells::Cell;
use super::choices::{Choices, json as random_json, quoted};
use super::values::{self, Outcome};
use crate::format::columns::{ColumnType, Field, TableSchema, TableSchemaOptions, Zone};
use crate::format::{
    ColumnNames, EXTRACTED_AT, Integers, MetadataColumns, Nested, Numbers, StreamMeta, Times,
    TypeOptions, UndeclaredFields,
};

/// Names that schemas declare. None of them equals a path of others, so that all paths are
/// different.
const NAMES: [&str; 24] = [
    "id",
    "a",
    "b",
    "name",
    "",
    "dot.ted",
    "ID",
    "é",
    "美咲",
    "😀",
    "with \"quotes\"",
    "back\\slash",
    "new\nline",
    "\u{0}",
    "a/b",
    "exactly_16_bytes",
    "exactly_16_bytes_",
    "a_common_prefix_of_24_by",
    "a_common_prefix_of_24_bytes",
    "a_common_prefix_of_24_bytez",
    "a_name_that_is_longer_than_two_blocks_of_sixteen_bytes_each",
    "a_name_that_is_longer_than_two_blocks_of_sixteen_bytes_eacH",
    "_airbyte_generation_id",
    "_airbyte_additional_properties",
];

/// Names that no schema declares.
const UNDECLARED: [&str; 8] = [
    "u",
    "Id",
    "exactly_16_bytez",
    "a_common_prefix_of_24_bytes_",
    "\"",
    "ü\\",
    "",
    "_airbyte_metadata",
];

/// A schema with random options.
#[derive(Debug)]
pub(super) struct RandomStream {
    pub(crate) options: TableSchemaOptions,
    pub(crate) meta: StreamMeta,
    pub(crate) properties: Vec<(String, Value)>,
    /// The types that the properties become.
    pub(crate) types: Vec<ColumnType>,
}

/// A value that did not fit, and what happened to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Issue {
    pub(crate) path: String,
    /// The path with `*` for positions.
    pub(crate) field: String,
    pub(crate) change: [&'static str; 2],
    /// The text of a value that became null.
    pub(crate) text: Option<String>,
}

pub(crate) const WRONG_TYPE: [&str; 2] = ["NULLED", "DESTINATION_SERIALIZATION_ERROR"];
pub(crate) const OUT_OF_RANGE: [&str; 2] = ["NULLED", "DESTINATION_FIELD_SIZE_LIMITATION"];
pub(crate) const LOST_DIGITS: [&str; 2] = ["TRUNCATED", "DESTINATION_FIELD_SIZE_LIMITATION"];

/// A value as text, and what it must become.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) text: String,
    pub(crate) cell: Cell,
    pub(crate) issues: Vec<Issue>,
    /// Undeclared members by path, with their texts.
    pub(crate) undeclared: Vec<(String, String)>,
}

/// The text of a record's `data`, and the row that it must become.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) text: String,
    /// One per column that has a name in records; `None` where the record has no such member.
    pub(crate) cells: Vec<Option<Cell>>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) undeclared: Vec<(String, String)>,
}

/// Where a value is in a record: its path, and the same with `*` for positions.
#[derive(Clone, Debug)]
pub(crate) struct ValuePath {
    path: String,
    field: String,
}

impl ValuePath {
    pub(crate) fn column(name: &str) -> Self {
        Self { path: name.to_owned(), field: name.to_owned() }
    }

    fn member(&self, name: &str) -> Self {
        Self { path: format!("{}.{name}", self.path), field: format!("{}.{name}", self.field) }
    }

    fn element(&self, position: usize) -> Self {
        Self { path: format!("{}.{position}", self.path), field: format!("{}.*", self.field) }
    }

    pub(crate) fn issue(&self, change: [&'static str; 2], text: &str) -> Issue {
        let text = (change != LOST_DIGITS).then(|| text.to_owned());
        Issue { path: self.path.clone(), field: self.field.clone(), change, text }
    }
}

pub(crate) fn stream(choices: &mut Choices) -> RandomStream {
    let types = TypeOptions {
        names: choices.of(&[ColumnNames::Original, ColumnNames::Original, ColumnNames::Safe]),
        numbers: match choices.below(5) {
            0 | 1 => Numbers::Double,
            2 => {
                let (precision, scale) =
                    choices.of(&[(38, 9), (38, 0), (38, 38), (10, 2), (1, 1), (1, 0), (20, 18)]);
                Numbers::Decimal { precision, scale }
            }
            3 => Numbers::Decimal { precision: 38, scale: 9 },
            _ => Numbers::Text,
        },
        integers: choices.of(&[
            Integers::Int64,
            Integers::Int64,
            Integers::Decimal,
            Integers::Text,
        ]),
        times: choices.of(&[Times::Text, Times::Typed]),
        nested: choices.of(&[Nested::Typed, Nested::Typed, Nested::Typed, Nested::Json]),
    };
    let options = TableSchemaOptions {
        metadata: choices.of(&[MetadataColumns::All, MetadataColumns::Ids, MetadataColumns::None]),
        undeclared_fields: choices.of(&[
            UndeclaredFields::Column,
            UndeclaredFields::Column,
            UndeclaredFields::Drop,
        ]),
        types,
    };
    let meta = StreamMeta {
        generation_id: choices.of(&[Some(7), None, Some(i64::MIN)]),
        sync_id: choices.of(&[42, i64::MAX]),
    };
    let mut declared = Vec::new();
    let mut column_types = Vec::new();
    for name in names(choices, 9) {
        let (schema, column_type) = column(choices, &types, 3);
        // Properties with such names do not become columns.
        if !options.metadata.names().contains(&name) {
            column_types.push(column_type);
        }
        declared.push((name.to_owned(), schema));
    }
    RandomStream { options, meta, properties: declared, types: column_types }
}

fn names(choices: &mut Choices, most: usize) -> Vec<&'static str> {
    let mut seen = HashSet::new();
    (0..choices.below(most + 1))
        .map(|_| choices.of(&NAMES))
        .filter(|name| seen.insert(*name))
        .collect()
}

fn column(choices: &mut Choices, options: &TypeOptions, levels: usize) -> (Value, ColumnType) {
    let (integer, big_integer) = match options.integers {
        Integers::Int64 => (ColumnType::Integer, ColumnType::BigInteger),
        Integers::Decimal => (ColumnType::BigInteger, ColumnType::BigInteger),
        Integers::Text => (ColumnType::IntegerText, ColumnType::IntegerText),
    };
    let (schema, column_type) = match choices.below(if levels > 0 { 17 } else { 12 }) {
        0 => (json!({"type": "string"}), ColumnType::Text),
        1 => (json!({"type": "boolean"}), ColumnType::Boolean),
        2 => (json!({"type": "integer"}), integer),
        3 => (json!({"type": "number", "airbyte_type": "integer"}), integer),
        4 => (json!({"type": "number", "airbyte_type": "big_integer"}), big_integer),
        5 | 6 => {
            let column_type = match options.numbers {
                Numbers::Double => ColumnType::Double,
                Numbers::Decimal { precision, scale } => ColumnType::Decimal { precision, scale },
                Numbers::Text => ColumnType::NumberText,
            };
            (json!({"type": "number"}), column_type)
        }
        7 => (json!({"type": "string", "format": "date"}), ColumnType::Date),
        8 => {
            let (airbyte_type, zone) = choices
                .of(&[("time_with_timezone", Zone::Utc), ("time_without_timezone", Zone::Local)]);
            let schema = json!({"type": "string", "format": "time", "airbyte_type": airbyte_type});
            let column_type = match options.times {
                Times::Text => ColumnType::TimeText(zone),
                Times::Typed => ColumnType::Time(zone),
            };
            (schema, column_type)
        }
        9 | 10 => {
            let (airbyte_type, zone) = choices.of(&[
                ("timestamp_with_timezone", Zone::Utc),
                ("timestamp_without_timezone", Zone::Local),
                ("", Zone::Utc),
            ]);
            let mut schema = json!({"type": "string", "format": "date-time"});
            if !airbyte_type.is_empty() {
                schema["airbyte_type"] = json!(airbyte_type);
            }
            (schema, ColumnType::Timestamp(zone))
        }
        11 => {
            let texts = [
                "{}",
                "true",
                r#"{"type":"potato"}"#,
                r#"{"type":"object"}"#,
                r#"{"type":"object","properties":{}}"#,
                r#"{"type":"array"}"#,
                r#"{"oneOf":[{"type":"boolean"},{"type":"array"}]}"#,
                r#"{"type":["string","integer"]}"#,
            ];
            let schema: Value = serde_json::from_str(choices.of(&texts)).unwrap();
            let is_scalar = schema["type"] == json!(["string", "integer"]);
            return (schema, if is_scalar { ColumnType::Text } else { ColumnType::JsonText });
        }
        12..=14 => {
            let mut properties = Map::new();
            let mut fields = Vec::new();
            for name in std::iter::once("a").chain(names(choices, 3)) {
                if !properties.contains_key(name) {
                    let (schema, column_type) = column(choices, options, levels - 1);
                    properties.insert(name.to_owned(), schema);
                    fields.push(Field::new(name, column_type));
                }
            }
            let column_type = match options.nested {
                Nested::Typed => ColumnType::Struct(fields),
                Nested::Json => ColumnType::JsonText,
            };
            (json!({"type": "object", "properties": properties}), column_type)
        }
        _ => {
            let (items, element) = column(choices, options, levels - 1);
            let silent = items == json!({}) || items == json!(true);
            let column_type = match options.nested {
                Nested::Typed if !silent => ColumnType::List(Box::new(element)),
                Nested::Typed | Nested::Json => ColumnType::JsonText,
            };
            (json!({"type": "array", "items": items}), column_type)
        }
    };
    let schema = match choices.below(3) {
        0 => schema,
        1 => {
            let mut nullable = schema;
            nullable["type"] = json!(["null", nullable["type"]]);
            nullable
        }
        _ => json!({"oneOf": [{"type": "null"}, schema]}),
    };
    (schema, column_type)
}

/// A type with the names that records use, instead of those in the file.
pub(crate) fn by_source_name(column_type: &ColumnType) -> ColumnType {
    match column_type {
        ColumnType::Struct(fields) => ColumnType::Struct(
            fields
                .iter()
                .map(|field| Field::new(&field.source_name, by_source_name(&field.column_type)))
                .collect(),
        ),
        ColumnType::List(element) => ColumnType::List(Box::new(by_source_name(element))),
        leaf => leaf.clone(),
    }
}

/// Draws a record of a stream with these columns.
pub(crate) fn record(choices: &mut Choices, table_schema: &TableSchema) -> Record {
    let metadata_columns = table_schema.metadata_columns;
    let columns = &super::named_fields(table_schema);
    let declared =
        (0..columns.len()).filter(|ix| *ix >= metadata_columns || choices.one_in(12)).collect();
    let members = members(choices, columns, declared, None, metadata_columns);
    Record {
        text: members.text,
        cells: members.cells,
        issues: members.issues,
        undeclared: members.undeclared,
    }
}

/// Draws a value for a column, which fits it or not.
pub(crate) fn sample(choices: &mut Choices, column_type: &ColumnType, at: &ValuePath) -> Sample {
    match column_type {
        ColumnType::Struct(fields) if !choices.one_in(5) => {
            let all = (0..fields.len()).collect();
            let members = members(choices, fields, all, Some(at), 0);
            let cells = members.cells.into_iter().map(|cell| cell.unwrap_or(Cell::Null)).collect();
            Sample {
                text: members.text,
                cell: Cell::Struct(cells),
                issues: members.issues,
                undeclared: members.undeclared,
            }
        }
        ColumnType::List(element) if !choices.one_in(5) => elements(choices, element, at, 0),
        leaf => sample_of(values::scalar(choices, leaf), at),
    }
}

/// Draws the elements of a list, after `before` others.
pub(crate) fn elements(
    choices: &mut Choices,
    element: &ColumnType,
    at: &ValuePath,
    before: usize,
) -> Sample {
    let mut all = Sample {
        text: format!("[{}", choices.blank()),
        cell: Cell::Null,
        issues: Vec::new(),
        undeclared: Vec::new(),
    };
    let mut cells = Vec::new();
    for position in 0..choices.below(5) {
        let mut element = sample(choices, element, &at.element(before + position));
        let comma = if position == 0 { "" } else { "," };
        all.text += &format!("{comma}{}{}{}", choices.blank(), element.text, choices.blank());
        cells.push(element.cell);
        all.issues.append(&mut element.issues);
        all.undeclared.append(&mut element.undeclared);
    }
    all.text.push(']');
    all.cell = Cell::List(cells);
    all
}

fn sample_of((text, fit): (String, Outcome), at: &ValuePath) -> Sample {
    let (cell, change) = match fit {
        Outcome::Exact(cell) => (cell, None),
        Outcome::LostDigits(cell) => (cell, Some(LOST_DIGITS)),
        Outcome::WrongType => (Cell::Null, Some(WRONG_TYPE)),
        Outcome::OutOfRange => (Cell::Null, Some(OUT_OF_RANGE)),
    };
    let issues = change.map(|change| at.issue(change, &text)).into_iter().collect();
    Sample { text, cell, issues, undeclared: Vec::new() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Member {
    Declared(usize),
    Undeclared(&'static str),
}

/// Draws an object with these of its declared members; some of them are left out, repeated or
/// moved, and undeclared ones added. `metadata_columns` is how many of the fields are metadata of a
/// record.
fn members(
    choices: &mut Choices,
    fields: &[Field],
    declared: Vec<usize>,
    at: Option<&ValuePath>,
    metadata_columns: usize,
) -> Record {
    let mut order: Vec<Member> = declared.into_iter().map(Member::Declared).collect();
    if choices.one_in(3) {
        order.retain(|_| !choices.one_in(3));
    }
    if choices.one_in(4) {
        let undeclared: Vec<&str> = UNDECLARED
            .into_iter()
            .filter(|name| fields.iter().all(|field| field.source_name != *name))
            .collect();
        for _ in 0..1 + choices.below(3) {
            let position = choices.below(order.len() + 1);
            order.insert(position, Member::Undeclared(choices.of(&undeclared)));
        }
    }
    if choices.one_in(4) && !order.is_empty() {
        for _ in 0..1 + choices.below(3) {
            let again = choices.of(&order);
            order.insert(choices.below(order.len() + 1), again);
        }
    }
    if choices.one_in(3) && !order.is_empty() {
        for _ in 0..1 + choices.below(4) {
            let (one, other) = (choices.below(order.len()), choices.below(order.len()));
            order.swap(one, other);
        }
    }

    let mut record = Record {
        text: "{".to_owned(),
        cells: vec![None; fields.len()],
        issues: vec![],
        undeclared: Vec::new(),
    };
    for (position, member) in order.iter().enumerate() {
        let (name, mut value) = match member {
            Member::Declared(ix) => {
                let field = &fields[*ix];
                let name = &field.source_name;
                let at = at.map_or_else(|| ValuePath::column(name), |at| at.member(name));
                let value = if *ix < metadata_columns && field.name == EXTRACTED_AT {
                    sample_of(values::extracted_at(choices), &at)
                } else {
                    sample(choices, &field.column_type, &at)
                };
                (name.as_str(), value)
            }
            Member::Undeclared(name) => {
                let text = random_json(choices, 2);
                let path = at.map_or_else(|| (*name).to_owned(), |at| at.member(name).path);
                let undeclared = vec![(path, text.clone())];
                (*name, Sample { text, cell: Cell::Null, issues: Vec::new(), undeclared })
            }
        };
        let comma = if position == 0 { "" } else { "," };
        record.text += &format!("{comma}{}{}", choices.blank(), quoted(choices, name));
        record.text +=
            &format!("{}:{}{}{}", choices.blank(), choices.blank(), value.text, choices.blank());
        if order[position + 1..].contains(member) {
            continue;
        }
        if let Member::Declared(ix) = member {
            record.cells[*ix] = Some(value.cell);
        }
        record.issues.append(&mut value.issues);
        record.undeclared.append(&mut value.undeclared);
    }
    if order.is_empty() {
        record.text += choices.blank();
    }
    record.text.push('}');
    record
}
