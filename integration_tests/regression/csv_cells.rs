//! CSV cells that readers change, columns that both we and the record have, and files without the
//! metadata that readers split.

use serde_json::{Value, json};

use crate::parquet;
use crate::sent::{ADDITIONAL, METADATA};
use crate::support::read_back::{self, members};
use crate::support::readers;
use crate::world::{World, catalog, complete, record, refresh};

fn text() -> Value {
    json!({ "type": "string" })
}

/// Returns the file of one stream.
#[track_caller]
fn file(settings: &Value, properties: &Value, data: &[&str]) -> Vec<u8> {
    let world = World::new();
    let records: String = data.iter().map(|data| record("users", data)).collect();
    let input = [records, complete("users")].concat();
    world.sync(settings, &catalog([refresh("users", properties)]), &input);
    let objects = world.objects();
    assert_eq!(objects.len(), 1);
    objects.into_values().next().unwrap()
}

fn bare(options: &Value) -> Value {
    let mut format = json!({ "format_type": "csv", "undeclared_fields": "drop" });
    for (name, value) in options.as_object().unwrap() {
        format[name] = value.clone();
    }
    json!({ "format": format, "metadata_columns": "none" })
}

/// ClickHouse trims blanks and reads `\N` as null, MariaDB reads `NULL` as null, and PostgreSQL
/// stops at `\.`, unless they are quoted.
#[test]
fn texts_that_readers_change_without_quotes_are_quoted() {
    let texts =
        [" x", "x ", "\tx", "x\t", " ", "NULL", r"\N", r"\.", "", "x y", "null", "NULLs", r"\n"];
    let quoted = [true, true, true, true, true, true, true, true, true, false, false, false, false];
    let data: Vec<String> =
        texts.iter().map(|text| json!({ "v": text, "w": 1 }).to_string()).collect();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let properties = json!({ "v": text(), "w": {} });
    let bytes = file(&bare(&json!({})), &properties, &data);
    let rows = read_back::csv_fields(&bytes, b',');
    let found: Vec<_> =
        rows.iter().skip(1).map(|row| (row[0].text.as_str(), row[0].quoted)).collect();
    assert_eq!(found, texts.into_iter().zip(quoted).collect::<Vec<_>>());
    for (engine, rows) in readers::read_text("csv", &bytes) {
        assert_eq!(rows.len(), texts.len(), "{engine}");
        for (row, text) in rows.iter().zip(texts).filter(|(_, text)| text.trim() != *text) {
            assert_eq!(row["v"], text, "{engine}");
        }
    }
}

/// DuckDB guesses: in a file without double quotes it takes `'x'` for a quoted x, and a line that
/// begins with `#` for a comment.
#[test]
fn texts_that_begin_with_a_single_quote_or_a_number_sign_are_kept_by_readers_that_guess() {
    for texts in [["'x'", "'y'", "z"], ["#", "", "x"], ["#a", "#b", "it's"]] {
        let data = texts.map(|text| json!({ "v": text, "w": 1 }).to_string());
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let bytes = file(&bare(&json!({})), &json!({ "v": text(), "w": {} }), &data);
        for (engine, rows) in readers::read_text("csv", &bytes) {
            let found: Vec<&str> =
                rows.iter().map(|row| row["v"].as_str().unwrap_or_default()).collect();
            assert_eq!(found, texts, "{engine}");
        }
    }
}

/// pandas and other readers drop a line of blanks.
#[test]
fn a_file_of_one_column_has_no_line_of_blanks() {
    let data =
        [r#"{"v":" "}"#, r#"{"v":"\t"}"#, r#"{"v":""}"#, r#"{"v":null}"#, "{}", r#"{"v":"x"}"#];
    let properties = json!({ "v": text() });
    let bytes = file(&bare(&json!({})), &properties, &data);
    assert_eq!(String::from_utf8_lossy(&bytes), "v\n\" \"\n\"\t\"\n\"\"\n\"\"\n\"\"\nx\n");
    let bytes = file(&bare(&json!({ "null_text": " " })), &properties, &data);
    assert_eq!(String::from_utf8_lossy(&bytes), "v\n\" \"\n\"\t\"\n\"\"\n\" \"\n\" \"\nx\n");
}

/// `_airbyte_meta` is JSON text with quotes and commas, which Spark splits with its default
/// options.
#[test]
fn ids_alone_in_every_format() {
    let properties = json!({ "id": { "type": "integer" }, "_airbyte_meta": text() });
    let data = [r#"{"id":1}"#, r#"{"id":2,"_airbyte_meta":"mine","x":1}"#];
    let ids = &METADATA[..3];
    let settings =
        |format: &str| json!({ "format": { "format_type": format }, "metadata_columns": "ids" });

    let table = read_back::csv(&file(&settings("csv"), &properties, &data));
    assert_eq!(table.header, [ids, &["id", "_airbyte_meta", ADDITIONAL]].concat());
    assert_eq!(table.column("_airbyte_generation_id"), [Some("5"), Some("5")]);
    assert_eq!(table.column("_airbyte_meta"), [None, Some("mine")]);
    assert_eq!(table.column(ADDITIONAL), [None, Some(r#"{"x":1}"#)]);

    let rows = read_back::jsonl(&file(&settings("jsonl"), &properties, &data));
    let names =
        |row: usize| rows[row].members.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(0), [ids, &["id"]].concat());
    assert_eq!(names(1), [ids, &["id", "_airbyte_meta", "x"]].concat());

    let input: String = data.iter().map(|data| record("users", data)).collect();
    let bad = record("users", r#"{"id":"no number"}"#);
    let input = [input, bad, complete("users")].concat();
    let stream = refresh("users", &properties);
    let stored = parquet::run(&stream, &json!({ "metadata_columns": "ids" }), &input);
    assert_eq!(stored.table.names(), [ids, &["id", "_airbyte_meta", ADDITIONAL]].concat());
    assert_eq!(stored.table.column("_airbyte_meta")[1], "mine");
    let logs = stored.outcome.logs("INFO");
    assert!(
        logs.iter().any(|log| log.contains("\"id\" 1")),
        "what became null is counted: {logs:#?}"
    );
}

/// A record that has been through another pipeline has a field with the name of the last column.
#[test]
fn a_records_own_additional_properties_is_a_column_of_its_own() {
    let properties = json!({ ADDITIONAL: text(), "id": {} });
    let data = format!(r#"{{"id":1,"{ADDITIONAL}":"own","x":2}}"#);
    let second = format!("{ADDITIONAL}_2");
    let csv = |undeclared: &str, properties: &Value, data: &str| {
        let format = json!({ "format_type": "csv", "undeclared_fields": undeclared });
        let settings = json!({ "format": format, "metadata_columns": "none" });
        read_back::csv(&file(&settings, properties, &[data]))
    };
    let table = csv("column", &properties, &data);
    assert_eq!(table.header, [second.as_str(), "id", ADDITIONAL]);
    assert_eq!(table.get(0, &second), Some("own"));
    assert_eq!(table.get(0, ADDITIONAL), Some(r#"{"x":2}"#));
    // The new name avoids declared names as well.
    let third = format!("{ADDITIONAL}_3");
    let table = csv("column", &json!({ ADDITIONAL: text(), &second: text() }), &data);
    assert_eq!(table.header, [third.as_str(), second.as_str(), ADDITIONAL]);
    // With `drop` we have no such column, and the name is free.
    let table = csv("drop", &properties, &data);
    assert_eq!(table.header, [ADDITIONAL, "id"]);
    assert_eq!(table.get(0, ADDITIONAL), Some("own"));
    // If the schema does not declare it, it is an undeclared field like any other.
    let table =
        csv("column", &json!({ "id": {} }), &format!(r#"{{"id":1,"{ADDITIONAL}":{{"a":1}}}}"#));
    let kept = members(table.get(0, ADDITIONAL).unwrap());
    assert_eq!(kept, [(ADDITIONAL.to_owned(), r#"{"a":1}"#.to_owned())]);
}

/// The log names the column's new name at the start.
#[test]
fn a_renamed_column_is_logged() {
    let world = World::new();
    let input = [record("users", r#"{"id":1}"#), complete("users")].concat();
    let catalog = catalog([refresh("users", &json!({ ADDITIONAL: text(), "id": {} }))]);
    let outcome = world.sync(&json!({ "format": { "format_type": "csv" } }), &catalog, &input);
    let told = format!("is called \"{ADDITIONAL}_2\" in the files");
    let warnings = outcome.logs("WARN");
    assert!(warnings.iter().any(|warning| warning.contains(&told)), "{warnings:#?}");
}
