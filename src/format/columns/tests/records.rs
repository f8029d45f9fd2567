//! Random schemas, and random records of them with the rows that they must become.
//!
//! In: [`Choices`]. Out: a [`Stream`], then [`Record`]s: the text of `data`, and what the contract
//! says about it.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::cells::Cell;
use super::choices::{Choices, json as any_json, quoted};
use super::values::{self, Fit};
use crate::format::columns::{ColumnType, Field, TableSchema, TableSchemaOptions, Zone};
use crate::format::{
    ColumnNames, EXTRACTED_AT, Integers, MetadataColumns, Nested, Numbers, StreamMeta, Times,
    TypeOptions, UndeclaredFields,
};

/// Names that schemas declare. None is a path of others, so that no two paths look the same.
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

/// A schema and the choices that go with it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) options: TableSchemaOptions,
    pub(crate) meta: StreamMeta,
    pub(crate) properties: Vec<(String, Value)>,
    /// The types that the properties become.
    pub(crate) types: Vec<ColumnType>,
}

/// A value that did not fit: path, path with `*` for places, and what happened to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Misfit {
    pub(crate) path: String,
    pub(crate) field: String,
    pub(crate) change: [&'static str; 2],
    /// Of a value that became null: its text.
    pub(crate) text: Option<String>,
}

pub(crate) const WRONG: [&str; 2] = ["NULLED", "DESTINATION_SERIALIZATION_ERROR"];
pub(crate) const TOO_LARGE: [&str; 2] = ["NULLED", "DESTINATION_FIELD_SIZE_LIMITATION"];
pub(crate) const CUT: [&str; 2] = ["TRUNCATED", "DESTINATION_FIELD_SIZE_LIMITATION"];

/// A value as text, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) text: String,
    pub(crate) cell: Cell,
    pub(crate) misfits: Vec<Misfit>,
    /// Undeclared members by path, with their texts.
    pub(crate) extras: Vec<(String, String)>,
}

/// The text of a record's `data`, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) text: String,
    /// One per column that has a name in records; `None` where the record has no such member.
    pub(crate) cells: Vec<Option<Cell>>,
    pub(crate) misfits: Vec<Misfit>,
    pub(crate) extras: Vec<(String, String)>,
}

/// Where a value is.
#[derive(Clone, Debug)]
pub(crate) struct At {
    path: String,
    field: String,
}

impl At {
    pub(crate) fn column(name: &str) -> Self {
        Self { path: name.to_owned(), field: name.to_owned() }
    }

    fn member(&self, name: &str) -> Self {
        Self { path: format!("{}.{name}", self.path), field: format!("{}.{name}", self.field) }
    }

    fn element(&self, place: usize) -> Self {
        Self { path: format!("{}.{place}", self.path), field: format!("{}.*", self.field) }
    }

    pub(crate) fn misfit(&self, change: [&'static str; 2], text: &str) -> Misfit {
        let text = (change != CUT).then(|| text.to_owned());
        Misfit { path: self.path.clone(), field: self.field.clone(), change, text }
    }
}

// ----------------------------------------------------------------------------------------------------
// schemas

pub(crate) fn stream(choices: &mut Choices) -> Stream {
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
        // The metadata column takes the values of such a property.
        if !options.metadata.names().contains(&name) {
            column_types.push(column_type);
        }
        declared.push((name.to_owned(), schema));
    }
    Stream { options, meta, properties: declared, types: column_types }
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

/// Types without the names that files give to members.
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

// ----------------------------------------------------------------------------------------------------
// records

/// A record of a stream with these columns.
pub(crate) fn record(choices: &mut Choices, table_schema: &TableSchema) -> Record {
    let ours = table_schema.metadata_columns;
    let columns = &super::named_fields(table_schema);
    let declared = (0..columns.len()).filter(|ix| *ix >= ours || choices.one_in(12)).collect();
    let members = members(choices, columns, declared, None, ours);
    Record {
        text: members.text,
        cells: members.cells,
        misfits: members.misfits,
        extras: members.extras,
    }
}

/// A value for a column, right or wrong.
pub(crate) fn sample(choices: &mut Choices, column_type: &ColumnType, at: &At) -> Sample {
    match column_type {
        ColumnType::Struct(fields) if !choices.one_in(5) => {
            let all = (0..fields.len()).collect();
            let members = members(choices, fields, all, Some(at), 0);
            let cells = members.cells.into_iter().map(|cell| cell.unwrap_or(Cell::Null)).collect();
            Sample {
                text: members.text,
                cell: Cell::Struct(cells),
                misfits: members.misfits,
                extras: members.extras,
            }
        }
        ColumnType::List(element) if !choices.one_in(5) => elements(choices, element, at, 0),
        leaf => of_fit(values::leaf(choices, leaf), at),
    }
}

/// The elements of a list that has `before` others.
pub(crate) fn elements(
    choices: &mut Choices,
    element: &ColumnType,
    at: &At,
    before: usize,
) -> Sample {
    let mut all = Sample {
        text: format!("[{}", choices.blank()),
        cell: Cell::Null,
        misfits: Vec::new(),
        extras: Vec::new(),
    };
    let mut cells = Vec::new();
    for place in 0..choices.below(5) {
        let mut element = sample(choices, element, &at.element(before + place));
        let comma = if place == 0 { "" } else { "," };
        all.text += &format!("{comma}{}{}{}", choices.blank(), element.text, choices.blank());
        cells.push(element.cell);
        all.misfits.append(&mut element.misfits);
        all.extras.append(&mut element.extras);
    }
    all.text.push(']');
    all.cell = Cell::List(cells);
    all
}

fn of_fit((text, fit): (String, Fit), at: &At) -> Sample {
    let (cell, change) = match fit {
        Fit::Whole(cell) => (cell, None),
        Fit::Cut(cell) => (cell, Some(CUT)),
        Fit::Wrong => (Cell::Null, Some(WRONG)),
        Fit::TooLarge => (Cell::Null, Some(TOO_LARGE)),
    };
    let misfits = change.map(|change| at.misfit(change, &text)).into_iter().collect();
    Sample { text, cell, misfits, extras: Vec::new() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Member {
    Declared(usize),
    Undeclared(&'static str),
}

/// An object with these of its declared members, and what it likes besides. `ours` is how many of
/// the columns are the metadata of a record.
fn members(
    choices: &mut Choices,
    fields: &[Field],
    declared: Vec<usize>,
    at: Option<&At>,
    ours: usize,
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
            let place = choices.below(order.len() + 1);
            order.insert(place, Member::Undeclared(choices.of(&undeclared)));
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
        misfits: vec![],
        extras: Vec::new(),
    };
    for (place, member) in order.iter().enumerate() {
        let (name, mut value) = match member {
            Member::Declared(ix) => {
                let field = &fields[*ix];
                let name = &field.source_name;
                let at = at.map_or_else(|| At::column(name), |at| at.member(name));
                let value = if *ix < ours && field.name == EXTRACTED_AT {
                    of_fit(values::extracted_at(choices), &at)
                } else {
                    sample(choices, &field.column_type, &at)
                };
                (name.as_str(), value)
            }
            Member::Undeclared(name) => {
                let text = any_json(choices, 2);
                let path = at.map_or_else(|| (*name).to_owned(), |at| at.member(name).path);
                let extras = vec![(path, text.clone())];
                (*name, Sample { text, cell: Cell::Null, misfits: Vec::new(), extras })
            }
        };
        let comma = if place == 0 { "" } else { "," };
        record.text += &format!("{comma}{}{}", choices.blank(), quoted(choices, name));
        record.text +=
            &format!("{}:{}{}{}", choices.blank(), choices.blank(), value.text, choices.blank());
        if order[place + 1..].contains(member) {
            continue;
        }
        if let Member::Declared(ix) = member {
            record.cells[*ix] = Some(value.cell);
        }
        record.misfits.append(&mut value.misfits);
        record.extras.append(&mut value.extras);
    }
    if order.is_empty() {
        record.text += choices.blank();
    }
    record.text.push('}');
    record
}
