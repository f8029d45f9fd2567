//! What the tests of Parquet share: one stream's sync, read back by every engine and compared with
//! the oracle.
//!
//! There are two expectations: the oracle (`readers/oracle.py`) computes every cell from the
//! messages, and the tables of the tests state a few rows by hand, so that the oracle itself is
//! tested.

// An example for every column type and every kind of bad value.
mod examples;
// Codec, row groups, footer and schema of files, and folders of files.
mod files;
// Names of columns.
mod names;
// The platform's own suite.
mod suite;
// Whole syncs.
mod syncs;
// Every value in every column, and the options about types.
mod types;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::sent::{self, ADDITIONAL, METADATA};
use crate::support::connector::Outcome;
use crate::support::read_back::members;
use crate::support::readers::{self, ParquetFile, Table};
use crate::world::{World, catalog, complete, in_part_order, record, state};

/// A sync of one stream, read back.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) files: Vec<ParquetFile>,
    /// The rows of all files, in the order of their part numbers.
    pub(crate) table: Table,
    /// The size of all objects.
    pub(crate) bytes: usize,
    pub(crate) outcome: Outcome,
}

/// Returns the connector's settings for Parquet with these options; `metadata_columns` is moved
/// out, as it is not an option of the format.
pub(crate) fn settings(options: &Value) -> Value {
    let mut format = options.as_object().expect("options are an object").clone();
    let metadata = format.remove("metadata_columns");
    format.insert("format_type".to_owned(), json!("parquet"));
    match metadata {
        Some(metadata) => json!({ "format": format, "metadata_columns": metadata }),
        None => json!({ "format": format }),
    }
}

/// Returns records of one stream, a STATE and COMPLETE.
pub(crate) fn input(stream: &str, data: &[impl AsRef<str>]) -> String {
    let records: String = data.iter().map(|data| record(stream, data.as_ref())).collect();
    [records, state(stream, 1), complete(stream)].concat()
}

/// Syncs one stream, reads it back with every engine and compares it with the oracle.
#[track_caller]
pub(crate) fn run(stream: &Value, options: &Value, input: &str) -> Stored {
    let world = World::new();
    let outcome = world.sync(&settings(options), &catalog([stream.clone()]), input);
    let objects = world.objects();
    assert!(objects.keys().all(|key| key.ends_with(".parquet")), "{:?}", objects.keys());
    let (files, table) = read(&objects);
    assert_expected(stream, options, input, &table);
    Stored { files, table, bytes: objects.values().map(Vec::len).sum(), outcome }
}

/// Returns the files of one stream and their rows; asserts that every file has the same columns.
#[track_caller]
pub(crate) fn read(objects: &BTreeMap<String, Vec<u8>>) -> (Vec<ParquetFile>, Table) {
    let files = readers::read(in_part_order(objects).into_iter().map(|(_, bytes)| bytes));
    let mut tables = files.iter().map(|file| &file.table);
    let mut table = tables.next().expect("a file").clone();
    for next in tables {
        assert_eq!(next.columns, table.columns, "every file of a stream has the same columns");
        table.rows.extend(next.rows.iter().cloned());
    }
    (files, table)
}

/// Compares a stream's rows with what the oracle computes from the messages.
#[track_caller]
pub(crate) fn assert_expected(stream: &Value, options: &Value, input: &str, found: &Table) {
    let mut expected = readers::expect(stream, options, input);
    let mut found = found.clone();
    assert_eq!(expected.rows.len(), found.rows.len(), "rows");
    assert_eq!(expected.columns, found.columns, "columns");
    let raw_ids = settle(&mut expected, &mut found);
    readers::assert_same(&expected, &found, "the oracle expects something else");
    sent::assert_raw_ids(raw_ids.iter().map(String::as_str));
}

/// Equalizes what may differ: values that the oracle cannot know, the order of our own changes, and
/// the order of undeclared fields. Returns the raw ids that the connector made.
fn settle(expected: &mut Table, found: &mut Table) -> Vec<String> {
    let names: Vec<String> = found.columns.iter().map(|(name, _)| name.clone()).collect();
    let mut raw_ids = Vec::new();
    for (expected, found) in expected.rows.iter_mut().zip(&mut found.rows) {
        for (name, (expected, found)) in names.iter().zip(expected.iter_mut().zip(found)) {
            if expected.get("any").is_some() {
                raw_ids.extend(
                    found.as_str().filter(|_| expected["any"] == "raw_id").map(str::to_owned),
                );
                *expected = found.clone();
            } else if name == METADATA[3] {
                for meta in [expected, found] {
                    *meta = parsed_meta(meta.take());
                    sort_changes(meta);
                }
            } else if name == ADDITIONAL {
                [expected, found].into_iter().for_each(sort_members);
            }
        }
    }
    raw_ids
}

/// Parses our metadata, which is JSON text in files without nested columns. If ours is left out, a
/// column of that name may be the record's own and hold any text.
fn parsed_meta(meta: Value) -> Value {
    meta.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(meta)
}

/// Sorts our own changes; the source's stay before them, in order.
fn sort_changes(meta: &mut Value) {
    let Some(changes) = meta.get_mut("changes").and_then(Value::as_array_mut) else { return };
    let ours = |change: &Value| {
        change["reason"].as_str().is_some_and(|why| why.starts_with("DESTINATION_"))
    };
    let first = changes.iter().position(ours).unwrap_or(changes.len());
    changes[first..].sort_by_key(Value::to_string);
}

/// Replaces undeclared fields by sorted pairs of a name and the text of its value; asserts that no
/// name is duplicated.
fn sort_members(cell: &mut Value) {
    let Some(text) = cell.as_str() else { return };
    let mut members = members(text);
    members.sort();
    assert!(members.windows(2).all(|pair| pair[0].0 != pair[1].0), "a field is duplicated: {text}");
    *cell = json!(members);
}

impl Stored {
    /// Asserts the types of the columns, as [`types`] returns them, and their order.
    #[track_caller]
    pub(crate) fn assert_types(&self, expected: &Value) {
        let found = types(&self.table);
        assert_eq!(found, *expected);
        // Objects compare without order, but the order of the schema is the order of the columns.
        let names = |types: &Value| {
            types.as_object().expect("types by name").keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(&found), names(expected));
    }

    /// Asserts the rows, as [`rows`] returns them; changes and additional properties may be in any
    /// order.
    #[track_caller]
    pub(crate) fn assert_rows(&self, expected: &[Value]) {
        let rows = rows(&self.table);
        for (number, (row, expected)) in rows.iter().zip(expected).enumerate() {
            let (mut row, mut expected) = (row.clone(), expected.clone());
            sort_changes(&mut expected);
            for row in [&mut row, &mut expected] {
                row.get_mut(ADDITIONAL).into_iter().for_each(sort_members);
            }
            assert_eq!(row, expected, "row {number}");
        }
        assert_eq!(rows.len(), expected.len(), "rows");
    }
}

/// Returns the types of the columns that the schema declares, by name.
pub(crate) fn types(table: &Table) -> Value {
    let ours = |name: &str| METADATA.contains(&name) || name == ADDITIONAL;
    table.columns.iter().filter(|(name, _)| !ours(name)).cloned().collect()
}

/// Returns the rows as a person would write them: each an object of all non-null values without
/// metadata, and the row's changes as `changes` if there are any.
pub(crate) fn rows(table: &Table) -> Vec<Value> {
    table.rows.iter().map(|row| written_down(table, row)).collect()
}

fn written_down(table: &Table, row: &[Value]) -> Value {
    let mut found = Map::new();
    for ((name, _), value) in table.columns.iter().zip(row) {
        if !METADATA.contains(&name.as_str()) && !value.is_null() {
            found.insert(name.clone(), value.clone());
        } else if name == METADATA[3] {
            let meta = parsed_meta(value.clone());
            if meta["changes"] != json!([]) {
                found.insert("changes".to_owned(), meta["changes"].clone());
            }
        }
    }
    let mut found = Value::Object(found);
    sort_changes(&mut found);
    found
}

/// Returns the change for a value that does not fit and became null.
pub(crate) fn nulled(field: &str) -> Value {
    change(field, "NULLED", "DESTINATION_SERIALIZATION_ERROR")
}

/// Returns the change for a value that is too large and became null.
pub(crate) fn too_large(field: &str) -> Value {
    change(field, "NULLED", "DESTINATION_FIELD_SIZE_LIMITATION")
}

/// Returns the change for a value that lost digits.
pub(crate) fn cut(field: &str) -> Value {
    change(field, "TRUNCATED", "DESTINATION_FIELD_SIZE_LIMITATION")
}

/// Returns the change for a string in which U+FFFD replaces half a surrogate pair.
pub(crate) fn replaced(field: &str) -> Value {
    change(field, "TRUNCATED", "DESTINATION_SERIALIZATION_ERROR")
}

fn change(field: &str, change: &str, reason: &str) -> Value {
    json!({ "field": field, "change": change, "reason": reason })
}
