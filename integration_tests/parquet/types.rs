//! Every value in every Parquet column against the oracle, and the options about types and columns.

use serde_json::{Value, json};

use crate::parquet::{Stored, input, nulled, run};
use crate::sent::{ADDITIONAL, METADATA};
use crate::world::refresh;

/// Values that some type or other distinguishes.
const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "-0.0",
    "4.0",
    "1e3",
    "1E+2",
    "12.5",
    "0.1",
    "0.10",
    "1e39",
    "-2e39",
    "1e400",
    "-1e400",
    "1e-30",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999999999",
    "99999999999999999999999999999999999999",
    "100000000000000000000000000000000000001",
    "0.123456789",
    "0.1234567891",
    "-0.0000000001",
    "99999999999999999999999999999.999999999",
    "123456789012345678901234567890.5",
    "50000.0000000000000001",
    "1e999999999",
    "\"12\"",
    "\"4.0\"",
    "\"+7\"",
    "\"-3.5\"",
    "\"1e3\"",
    "\"\"",
    "\"foo\"",
    "\"12abc\"",
    "\"NaN\"",
    "\"Infinity\"",
    "\"-Infinity\"",
    "\"nan\"",
    "\" 12 \"",
    "\"\\t-3.5\\n\"",
    "\"1 2\"",
    "18446744073709551615",
    "\"0x10\"",
    "\"1,000\"",
    "\"-\"",
    "\".\"",
    "\"1e\"",
    "\"--1\"",
    "\"99999999999999999999999999999999\"",
    "\"true\"",
    "\"null\"",
    "true",
    "false",
    "null",
    "\"2024-02-29\"",
    "\"2023-02-29\"",
    "\"2024-04-31\"",
    "\"2024.02.29\"",
    "\"2024-02-29T00:00:00\"",
    "\"2024-02-29T12:34:56Z\"",
    "\"2024-02-29T00:00:00.000001Z\"",
    "\"2024-02-29T23:59:59.9999999+14:00\"",
    "\"2024-02-29 12:34:56-08:00\"",
    "\"1900-02-29T00:00:00Z\"",
    "\"300000-01-01T00:00:00Z\"",
    "\"1582-10-10\"",
    "\"0001-01-01\"",
    "\"0000-12-31T23:30:00-01:00\"",
    "\"9999-12-31T23:59:59.9999999+00:01\"",
    "\"9999-12-31T23:59:59-00:01\"",
    "\"12345-01-01\"",
    "\"2024-02-29Z\"",
    "\"2024-02-29+02:00\"",
    "\"2024-02-29-05\"",
    "\"24-02-29\"",
    "\"12:34:56\"",
    "\"12:34:56.5+01:00\"",
    "\"00:00:00.0000001\"",
    "\"24:01:00\"",
    "\"12:34:61\"",
    "\"12:34:56+01:00:00:00\"",
    "{}",
    "[]",
    "[1,2]",
    "[\"a\",null,\"3\"]",
    "[[1],[{\"a\":1}]]",
    "[{\"a\":1,\"x\":2},{\"a\":\"b\"},7]",
    "{\"a\":1}",
    "{\"a\":1.5,\"b\":{\"c\":true,\"d\":\"x\"},\"e\":null}",
    "{\"b\":[]}",
    "{ \"spaced\" : [ 1 , 2 ] }",
    "{\"a\":7,\"b\":null,\"a\":8}",
    "\"a\\u0000b\"",
    "\"\\ud83d\\ude00 😀 \\ud800\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
];

/// Schemas that are tested with all values.
const SCHEMAS: &[&str] = &[
    r#"{"type":"string"}"#,
    r#"{"type":"boolean"}"#,
    r#"{"type":"integer"}"#,
    r#"{"type":"integer","airbyte_type":"big_integer"}"#,
    r#"{"type":"number"}"#,
    r#"{"type":"string","format":"date"}"#,
    r#"{"type":"string","format":"time"}"#,
    r#"{"type":"string","format":"time","airbyte_type":"time_without_timezone"}"#,
    r#"{"type":"string","format":"date-time"}"#,
    r#"{"type":"string","format":"date-time","airbyte_type":"timestamp_without_timezone"}"#,
    r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"object","properties":{"c":{"type":"string"}}}}}"#,
    r#"{"type":"array","items":{"type":"integer"}}"#,
    r#"{"type":"array","items":{"type":"string"}}"#,
    r#"{"type":"array","items":{"type":"object","properties":{"a":{"type":"number"}}}}"#,
    r#"{"type":["string","object"]}"#,
    r#"{"type":["null","number","string"]}"#,
    r#"{"oneOf":[{"type":"string","format":"date"},{"type":"string","format":"date-time"}]}"#,
];

/// Each value in each column, with numbers in every form.
#[test]
fn every_value_in_every_column() {
    let mut properties = json!({});
    for (number, schema) in SCHEMAS.iter().enumerate() {
        properties[format!("c{number}")] = serde_json::from_str(schema).unwrap();
    }
    let records: Vec<String> = VALUES
        .iter()
        .map(|value| {
            let fields: Vec<String> =
                (0..SCHEMAS.len()).map(|number| format!("\"c{number}\":{value}")).collect();
            format!("{{{}}}", fields.join(","))
        })
        .collect();
    let input = input("values", &records);
    for options in [
        json!({}),
        json!({ "numbers": "decimal" }),
        json!({ "numbers": "decimal", "decimal_precision": 9, "decimal_scale": 9 }),
        json!({ "numbers": "text" }),
        json!({ "integers": "decimal", "times": "typed" }),
        json!({ "integers": "text", "undeclared_fields": "drop" }),
        json!({ "integers": "text", "numbers": "text", "nested": "json" }),
    ] {
        let stored = run(&refresh("values", &properties), &options, &input);
        let kind = match options["decimal_precision"].as_u64() {
            Some(_) => "decimal(9,9)",
            None if options["numbers"] == "decimal" => "decimal(38,9)",
            None if options["numbers"] == "text" => "string",
            None => "double",
        };
        assert_eq!(stored.table.kind("c4"), kind);
    }
}

#[test]
fn numbers_as_text_keep_their_spelling() {
    let options = json!({ "numbers": "text" });
    let texts = [
        "1.50",
        "1E+5",
        "-0.0",
        "1e400",
        "50000.0000000000000001",
        "\"+7\"",
        "\"0.10\"",
        "\"x\"",
        "true",
    ];
    let records = texts.map(|text| format!("{{\"n\":{text}}}"));
    let stored =
        run(&refresh("s", &json!({ "n": { "type": "number" } })), &options, &input("s", &records));
    let bad =
        |text: &str| json!({ "changes": [nulled("n")], ADDITIONAL: format!("{{\"n\":{text}}}") });
    let kept = ["1.50", "1E+5", "-0.0", "1e400", "50000.0000000000000001", "+7", "0.10"];
    let expected: Vec<Value> =
        kept.iter().map(|n| json!({ "n": n })).chain([bad("\"x\""), bad("true")]).collect();
    stored.assert_rows(&expected);
}

#[test]
fn nested_values_as_json_text() {
    let properties = json!({
        "address": { "type": "object", "properties": { "zip": { "type": "integer" } } },
        "tags": { "type": "array", "items": { "type": "integer" } },
        "id": { "type": "integer" },
    });
    let records = [
        r#"{"address":{ "zip":"x", "floor":1.0 },"tags":["a", 1e400],"id":1,"more":{"a":1}}"#,
        r#"{"address":null,"tags":[],"id":2}"#,
    ];
    let options = json!({ "nested": "json" });
    let stored = run(&refresh("s", &properties), &options, &input("s", &records));
    stored.assert_types(&json!({ "address": "string", "tags": "string", "id": "int64" }));
    stored.assert_rows(&[
        json!({ "address": r#"{ "zip":"x", "floor":1.0 }"#, "tags": r#"["a", 1e400]"#, "id": 1,
            ADDITIONAL: r#"{"more":{"a":1}}"# }),
        json!({ "tags": "[]", "id": 2 }),
    ]);
}

/// Fields that the schema does not declare, at any depth, are kept, or dropped and counted.
#[test]
fn undeclared_fields_are_kept_or_dropped() {
    let properties = json!({
        "id": { "type": "integer" },
        "address": { "type": "object", "properties": {
            "zip": { "type": "string" },
            "geo": { "type": "object", "properties": { "lat": { "type": "number" } } } } },
        "items": { "type": "array",
            "items": { "type": "object", "properties": { "price": { "type": "number" } } } },
    });
    let records = [
        r#"{"color":"r\u00e9d","id":1,"address":{"zip":"1","floor":3,"geo":{"lon":2.50,"lat":1}},"items":[{"price":1,"x":1},{"price":"x","y":[]}],"none":null}"#,
        r#"{"id":2}"#,
    ];
    let kept = r#"{"color":"r\u00e9d","address.floor":3,"address.geo.lon":2.50,"items.0.x":1,"items.1.y":[],"none":null,"items.1.price":"x"}"#;
    let mut rows = [
        json!({ "id": 1, "address": { "zip": "1", "geo": { "lat": "1.0" } },
            "items": [{ "price": "1.0" }, { "price": null }],
            "changes": [nulled("items.1.price")] }),
        json!({ "id": 2 }),
    ];
    let stream = refresh("s", &properties);
    let input = input("s", &records);

    let dropped = run(&stream, &json!({ "undeclared_fields": "drop" }), &input);
    dropped.assert_rows(&rows);
    assert_eq!(dropped.table.names(), [&METADATA[..], &["id", "address", "items"]].concat());
    let logs = [dropped.outcome.logs("WARN"), dropped.outcome.logs("INFO")].concat();
    let told = logs.iter().any(|log| log.contains("undeclared") && log.contains('6'));
    assert!(told, "no log line counts the 6 dropped fields: {logs:#?}");

    let stored = run(&stream, &json!({}), &input);
    assert_eq!(
        stored.table.names(),
        [&METADATA[..], &["id", "address", "items", ADDITIONAL]].concat()
    );
    rows[0][ADDITIONAL] = json!(kept);
    stored.assert_rows(&rows);
}

#[test]
fn a_file_without_metadata_columns_holds_the_data_alone() {
    let records = [r#"{"id":1,"_airbyte_raw_id":"mine"}"#, r#"{"id":"x"}"#];
    let input = input("s", &records);
    let stream = refresh("s", &json!({ "id": { "type": "integer" } }));
    let stored = run(&stream, &json!({ "metadata_columns": "none" }), &input);
    assert_eq!(stored.table.names(), ["id", ADDITIONAL]);
    stored.assert_rows(&[
        json!({ "id": 1, ADDITIONAL: r#"{"_airbyte_raw_id":"mine"}"# }),
        json!({ ADDITIONAL: r#"{"id":"x"}"# }),
    ]);

    // A file has at least one column, and counts its rows.
    for undeclared in ["column", "drop"] {
        let options = json!({ "metadata_columns": "none", "undeclared_fields": undeclared });
        let Stored { table, .. } =
            run(&refresh("s", &json!({})), &options, &crate::parquet::input("s", &["{}", "{}"]));
        assert_eq!(table.names(), [ADDITIONAL], "{undeclared}");
        assert_eq!(table.rows.len(), 2, "{undeclared}");
    }
}
