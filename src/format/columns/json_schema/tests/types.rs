//! Tables of types: those of the protocol, and those that options change.

use serde_json::{Value, json};

use super::super::scalars::PLAIN_FORMATS;
use super::*;

#[test]
fn types_of_the_protocol() {
    assert_types(
        &TYPED,
        &[
            (json!({"type": "string"}), "text"),
            (json!({"type": "boolean"}), "bool"),
            (json!({"type": "integer"}), "i64"),
            (json!({"type": "int"}), "i64"),
            (json!({"type": "number", "airbyte_type": "integer"}), "i64"),
            (json!({"type": "number"}), "f64"),
            (json!({"type": "number", "airbyte_type": "number"}), "f64"),
            (json!({"type": "number", "format": "float"}), "f64"),
            (json!({"type": "string", "format": "date"}), "date"),
            (json!({"type": "string", "format": "date-time"}), "ts utc"),
            (
                json!({"type": "string", "format": "date-time",
                    "airbyte_type": "timestamp_with_timezone"}),
                "ts utc",
            ),
            (
                json!({"type": "string", "format": "date-time",
                    "airbyte_type": "timestamp_without_timezone"}),
                "ts local",
            ),
            (
                json!({"type": "string", "format": "time",
                    "airbyte_type": "time_without_timezone"}),
                "time local",
            ),
            (
                json!({"type": "string", "format": "time", "airbyte_type": "time_with_timezone"}),
                "time utc",
            ),
            (json!({"type": "string", "format": "time"}), "time utc"),
            (json!({"type": "array", "items": {"type": "integer"}}), "[i64]"),
            (json!({"type": "array", "items": [{"type": "integer"}]}), "[i64]"),
            (
                json!({"type": "array", "items": [{"type": "integer"}, {"type": "string"}]}),
                "[text]",
            ),
            (json!({"type": "object", "properties": {"a": {"type": "string"}}}), "{a: text}"),
            (json!({"type": "object"}), "json"),
            (json!({"type": "object", "properties": {}}), "json"),
            (json!({"type": "array"}), "json"),
            (json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}), "text"),
            (json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}), "text"),
            (json!({"allOf": [{"type": "string"}, {"type": "integer"}]}), "json"),
            (json!({"type": ["string", "integer"]}), "text"),
            (json!({"type": "integer", "airbyte_type": "big_integer"}), "big"),
            (json!({"type": "number", "airbyte_type": "big_integer"}), "big"),
            (json!({"type": "number", "airbyte_type": "big_number"}), "f64"),
        ],
    );
}

#[test]
fn references_to_well_known_types() {
    let reference = |target: &str| json!({"$ref": target});
    let well_known = |name: &str| reference(&format!("WellKnownTypes.json#/definitions/{name}"));
    assert_types(
        &TYPED,
        &[
            (well_known("String"), "text"),
            (well_known("BinaryData"), "text"),
            (well_known("Date"), "date"),
            (well_known("TimestampWithTimezone"), "ts utc"),
            (well_known("TimestampWithoutTimezone"), "ts local"),
            (well_known("TimeWithTimezone"), "time utc"),
            (well_known("TimeWithoutTimezone"), "time local"),
            (well_known("Number"), "f64"),
            (well_known("Integer"), "i64"),
            (well_known("Boolean"), "bool"),
            (reference("https://host/v1/WellKnownTypes.json#/definitions/Date"), "date"),
            (json!({"type": "array", "items": well_known("Integer")}), "[i64]"),
            (json!({"oneOf": [{"type": "null"}, well_known("Date")]}), "date"),
            // Another reference: what is beside it is better than nothing.
            (json!({"$ref": "#/definitions/X", "type": "string"}), "text"),
            (json!({"$ref": 5, "type": "string"}), "text"),
        ],
    );
    assert_types(&TEXT, &[(well_known("Number"), "number text")]);
}

#[test]
fn options_for_integers_and_times() {
    let well_known =
        |name: &str| json!({"$ref": format!("WellKnownTypes.json#/definitions/{name}")});
    let time = json!({"type": "string", "format": "time"});
    let local = json!({"type": "string", "airbyte_type": "time_without_timezone"});
    let big = json!({"type": "integer", "airbyte_type": "big_integer"});
    assert_types(
        &ALL_TEXT,
        &[
            (json!({"type": "integer"}), "integer text"),
            (json!({"type": "number", "airbyte_type": "integer"}), "integer text"),
            (well_known("Integer"), "integer text"),
            (big.clone(), "integer text"),
            (time.clone(), "time text utc"),
            (local.clone(), "time text local"),
            (well_known("TimeWithTimezone"), "time text utc"),
            (well_known("TimeWithoutTimezone"), "time text local"),
            (
                json!({"properties": {"t": local, "l": {"items": time}}}),
                "{t: time text local, l: [time text utc]}",
            ),
        ],
    );
    assert_types(
        &DECIMAL,
        &[(json!({"type": "integer"}), "big"), (well_known("Integer"), "big"), (big, "big")],
    );
    // The defaults are what every engine reads.
    assert_eq!(TypeOptions::default(), TypeOptions { times: Times::Text, ..TYPED });
}

#[test]
fn options_for_numbers() {
    let number = json!({"type": "number", "airbyte_type": "big_number"});
    assert_types(&DECIMAL, &[(number.clone(), "dec(20,5)")]);
    assert_types(&TEXT, &[(number, "number text"), (json!({"type": "integer"}), "i64")]);
}

#[test]
fn containers_with_an_unusual_inside() {
    let array = |items: Value| json!({"type": "array", "items": items});
    assert_types(
        &TYPED,
        &[
            (array(json!({})), "json"),
            (array(json!({"description": "anything"})), "json"),
            (array(json!(true)), "json"),
            (array(json!(false)), "json"),
            (array(json!(null)), "json"),
            (array(json!(7)), "json"),
            (array(json!([])), "json"),
            (array(json!([{}])), "json"),
            (array(json!([{}, {"type": "string"}])), "json"),
            (array(json!("string")), "[text]"),
            (array(json!({"type": "object"})), "[json]"),
            (array(json!({"type": "null"})), "[json]"),
            (array(json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})), "[text]"),
            (array(json!({"type": ["null", "number"]})), "[f64]"),
            (array(array(json!({"properties": {"a": array(json!("string"))}}))), "[[{a: [text]}]]"),
            (json!({"items": {"type": "string"}}), "[text]"),
            (json!({"items": {}}), "json"),
            (json!({"properties": {"a": {"type": "string"}}}), "{a: text}"),
            (json!({"properties": {"a": {"type": "string"}}, "items": "string"}), "{a: text}"),
            (json!({"properties": {}}), "json"),
            (json!({"properties": {}, "items": "string"}), "[text]"),
            (json!({"type": "object", "properties": [1]}), "json"),
            (
                json!({"type": "object", "properties": {"": true, "b": {}, "c": null}}),
                "{: json, b: json, c: json}",
            ),
        ],
    );
}

#[test]
fn schemas_that_say_nothing() {
    assert_types(
        &TYPED,
        &[
            (json!({}), "json"),
            (json!(true), "json"),
            (json!(false), "json"),
            (json!(null), "json"),
            (json!("null"), "json"),
            (json!({"enum": ["a", "b"]}), "json"),
            (json!({"format": "date"}), "json"),
            (json!("string"), "text"),
            (json!("integer"), "i64"),
            (json!("object"), "json"),
        ],
    );
}

#[test]
fn annotations_that_do_not_fit_are_ignored() {
    assert_types(
        &TYPED,
        &[
            (json!({"type": "string", "airbyte_type": "timestamp_with_timezone"}), "ts utc"),
            (json!({"type": "string", "airbyte_type": "timestamp_without_timezone"}), "ts local"),
            (json!({"type": "string", "airbyte_type": "time_with_timezone"}), "time utc"),
            (
                json!({"type": ["null", "string"], "airbyte_type": "time_without_timezone"}),
                "time local",
            ),
            (json!({"type": "string", "airbyte_type": "big_integer"}), "text"),
            (json!({"type": "string", "airbyte_type": "big_number"}), "text"),
            (json!({"type": "string", "airbyte_type": "integer"}), "text"),
            (json!({"type": "string", "airbyte_type": "potato"}), "text"),
            (json!({"type": "string", "airbyte_type": 5, "format": null}), "text"),
            (
                json!({"type": "string", "format": "date",
                    "airbyte_type": "timestamp_with_timezone"}),
                "date",
            ),
            (
                json!({"type": "string", "format": "date-time",
                    "airbyte_type": "time_without_timezone"}),
                "ts utc",
            ),
            (json!({"type": "integer", "airbyte_type": "timestamp_with_timezone"}), "i64"),
            (json!({"type": "integer", "airbyte_type": "big_number"}), "i64"),
            (json!({"type": "boolean", "airbyte_type": "integer", "format": "date"}), "bool"),
            (json!({"type": "number", "airbyte_type": "potato"}), "f64"),
        ],
    );
    for format in PLAIN_FORMATS.split(' ') {
        assert_types(&TYPED, &[(json!({"type": "string", "format": format}), "text")]);
    }
}

#[test]
fn option_for_nested_values_as_json() {
    assert_types(
        &AS_JSON,
        &[
            (json!({"type": "object", "properties": {"a": {"type": "potato"}}}), "json"),
            (json!({"type": "array", "items": {"type": "potato"}}), "json"),
            (json!({"properties": {"a": "string", "A": "string"}}), "json"),
            (json!({"oneOf": [{"type": "null"}, {"type": "array", "items": "string"}]}), "json"),
            (json!({"type": "integer"}), "i64"),
        ],
    );
}
