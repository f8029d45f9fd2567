//! Schemas and the types they mean: tables, and what holds for any JSON.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const TYPED: TypeOptions = TypeOptions { times: Times::Typed, ..TypeOptions::DEFAULT };
const AS_JSON: TypeOptions = TypeOptions { nested: Nested::Json, ..TYPED };
const DECIMAL: TypeOptions = TypeOptions {
    numbers: Numbers::Decimal { precision: 20, scale: 5 },
    integers: Integers::Decimal,
    ..TYPED
};
const TEXT: TypeOptions = TypeOptions { numbers: Numbers::Text, ..TYPED };
const ALL_TEXT: TypeOptions = TypeOptions { integers: Integers::Text, times: Times::Text, ..TEXT };

/// A type in short: `{a: i64, b: [text]}`.
fn short(of: &ColumnType) -> String {
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
            let members =
                fields.iter().map(|field| format!("{}: {}", field.name, short(&field.column_type)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        ColumnType::List(element) => format!("[{}]", short(element)),
    }
}

fn columns(schema: &Value, options: &TypeOptions) -> DataColumns {
    data_columns(&[("c".to_owned(), schema.clone())], options, &[], &[])
}

/// The table's types, without a word to the user; `column_type` says the same.
fn quiet(options: &TypeOptions, table: &[(Value, &str)]) {
    for (schema, expected) in table {
        let DataColumns { fields, warnings } = columns(schema, options);
        assert_eq!(short(&fields[0].column_type), *expected, "{schema}");
        assert_eq!(warnings, [""; 0], "{schema}");
        assert_eq!(column_type(schema, options), fields[0].column_type);
    }
}

#[test]
fn the_protocols_types() {
    quiet(
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
                json!({"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"}),
                "ts utc",
            ),
            (
                json!({"type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone"}),
                "ts local",
            ),
            (
                json!({"type": "string", "format": "time", "airbyte_type": "time_without_timezone"}),
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
    quiet(
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
            // Somebody else's reference: what stands beside it is better than nothing.
            (json!({"$ref": "#/definitions/X", "type": "string"}), "text"),
            (json!({"$ref": 5, "type": "string"}), "text"),
        ],
    );
    quiet(&TEXT, &[(well_known("Number"), "number text")]);
}

#[test]
fn null_is_left_out_and_the_rest_decides() {
    quiet(
        &TYPED,
        &[
            (json!({"type": ["null", "string"], "format": "date"}), "date"),
            (json!({"type": ["string", "null"]}), "text"),
            (json!({"type": ["string", "string"]}), "text"),
            (json!({"type": ["string", null]}), "text"),
            (json!({"type": ["null", "object"], "properties": {"a": "integer"}}), "{a: i64}"),
            (json!({"type": ["null", "array"], "items": "integer"}), "[i64]"),
            (json!({"oneOf": [{"type": "null"}, {"type": "string", "format": "date"}]}), "date"),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "null"}], "format": "time"}),
                "time utc",
            ),
            (
                json!({"anyOf": ["null", {"type": ["null", "string"], "format": "date-time"}],
                    "airbyte_type": "timestamp_without_timezone"}),
                "ts local",
            ),
            (json!({"oneOf": [null, {"type": "boolean"}]}), "bool"),
            (json!({"oneOf": [{"type": null}, {"type": "boolean"}]}), "bool"),
            (
                json!({"oneOf": [{"type": ["null"]}, {"anyOf": [{"type": "null"}, "boolean"]}]}),
                "bool",
            ),
            (json!({"type": null, "properties": {"a": "boolean"}}), "{a: bool}"),
            (json!({"type": "null"}), "json"),
            (json!({"type": ["null"]}), "json"),
            (json!({"oneOf": [{"type": "null"}]}), "json"),
        ],
    );
}

#[test]
fn several_types_that_are_one() {
    let object = json!({"type": "object", "properties": {"a": "string"}});
    quiet(
        &TYPED,
        &[
            (json!({"oneOf": [object, {"type": "null"}, object]}), "{a: text}"),
            (json!({"oneOf": [{"type": "string"}, {"type": "string", "format": "uuid"}]}), "text"),
            (json!({"oneOf": [{"type": "string"}, {"type": "string", "format": "date"}]}), "text"),
            (json!({"oneOf": [{"type": "string"}, {}]}), "json"),
            (json!({"type": ["integer", "number"]}), "f64"),
            (json!({"type": ["number", "null", "integer"]}), "f64"),
            (json!({"type": ["number", "integer"], "airbyte_type": "integer"}), "i64"),
            (json!({"type": ["number", "integer"], "airbyte_type": "big_integer"}), "big"),
            (
                json!({"oneOf": [{"type": "integer"}, {"type": "integer", "airbyte_type": "big_integer"}]}),
                "big",
            ),
            (
                json!({"oneOf": [{"type": "integer", "airbyte_type": "big_integer"}, {"type": "number"}]}),
                "f64",
            ),
            (json!({"type": ["integer", "number", "string"]}), "text"),
            (json!({"type": "array", "items": [{"type": "integer"}, {"type": "number"}]}), "[f64]"),
            (json!({"allOf": [object]}), "{a: text}"),
            (json!({"allOf": [object, {"description": "nothing about types"}]}), "{a: text}"),
            (json!({"allOf": [object, object]}), "{a: text}"),
            (json!({"allOf": [{"type": "integer"}, {"type": "number"}]}), "json"),
            (json!({"allOf": [{}]}), "json"),
        ],
    );
    quiet(&DECIMAL, &[(json!({"type": ["integer", "number"]}), "dec(20,5)")]);
    quiet(&TEXT, &[(json!({"type": ["integer", "number"]}), "number text")]);
    quiet(&TEXT, &[(json!({"type": ["string", "number"]}), "text")]);
    quiet(&ALL_TEXT, &[(json!({"type": ["integer", "number"]}), "number text")]);
}

/// Values of such a column have a text each: no engine has to undo JSON.
#[test]
fn unions_of_scalars_are_plain_strings() {
    let texts = [
        json!({"type": ["null", "number", "string"]}),
        json!({"type": ["boolean", "integer"]}),
        json!({"type": ["boolean", "null", "number", "string"]}),
        json!({"oneOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
        json!({"anyOf": [{"enum": ["a", "b"], "type": "string"}, {"type": "string", "format": "date"}]}),
        json!({"oneOf": [{"type": "string", "format": "time"},
            {"type": "string", "format": "time", "airbyte_type": "time_without_timezone"}, {"type": "null"}]}),
        json!({"oneOf": [{"type": ["integer", "boolean"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}]}),
        json!({"oneOf": [{"type": "integer"}, {"$ref": "WellKnownTypes.json#/definitions/Date"}]}),
        json!({"type": ["number", "boolean"], "airbyte_type": "big_integer"}),
    ];
    for options in [TYPED, AS_JSON, DECIMAL, TEXT, ALL_TEXT] {
        quiet(&options, &texts.clone().map(|schema| (schema, "text")));
    }
    quiet(&TYPED, &[(json!({"properties": {"a": {"type": ["string", "integer"]}}}), "{a: text}")]);
}

#[test]
fn unions_with_objects_or_arrays_are_json_text_and_said_once() {
    let object = json!({"type": "object", "properties": {"a": "string"}});
    for (schema, expected, path) in [
        (json!({"type": ["object", "string"]}), "json", "c"),
        (json!({"type": ["null", "string", "array"], "items": "string"}), "json", "c"),
        (
            json!({"type": ["array", "object"], "items": "string", "properties": {"a": "string"}}),
            "json",
            "c",
        ),
        (
            json!({"oneOf": [object, {"type": "object", "properties": {"b": "string"}}]}),
            "json",
            "c",
        ),
        (json!({"oneOf": [object, {"type": "object"}]}), "json", "c"),
        (
            json!({"oneOf": [object, {"type": "string"}, {"type": "integer"}, {"type": "boolean"}]}),
            "json",
            "c",
        ),
        (json!({"oneOf": [{"type": ["object", "string"]}, {"type": "integer"}]}), "json", "c"),
        (json!({"anyOf": [{"type": ["object", "string"]}, {"type": "null"}]}), "json", "c"),
        (json!({"oneOf": [{"type": "string", "format": "x"}, {"type": "array"}]}), "json", "c"),
        (json!({"items": {"type": ["object", "string"]}}), "[json]", "c[]"),
        (json!({"properties": {"a": {"type": ["object", "string"]}}}), "{a: json}", "c.a"),
    ] {
        let DataColumns { fields, warnings } = columns(&schema, &TYPED);
        assert_eq!(short(&fields[0].column_type), expected, "{schema}");
        let says = "has several types, objects or arrays among them; it is written as JSON text, \
                    strings with their quotes";
        assert_eq!(warnings, [format!("column \"{path}\" {says}")], "{schema}");
    }
    // Not of a column that its branches make a typed one.
    quiet(
        &TYPED,
        &[(json!({"type": ["object", "array"], "oneOf": [{"type": "null"}, object]}), "{a: text}")],
    );
}

#[test]
fn integers_and_times_as_the_user_wants_them() {
    let well_known =
        |name: &str| json!({"$ref": format!("WellKnownTypes.json#/definitions/{name}")});
    let time = json!({"type": "string", "format": "time"});
    let local = json!({"type": "string", "airbyte_type": "time_without_timezone"});
    let big = json!({"type": "integer", "airbyte_type": "big_integer"});
    quiet(
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
    quiet(
        &DECIMAL,
        &[(json!({"type": "integer"}), "big"), (well_known("Integer"), "big"), (big, "big")],
    );
    // Nobody has to ask for what every engine reads.
    assert_eq!(TypeOptions::default(), TypeOptions { times: Times::Text, ..TYPED });
}

#[test]
fn branches_decide_only_where_the_schema_itself_does_not() {
    quiet(
        &TYPED,
        &[
            (
                json!({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
                "json",
            ),
            (
                json!({"type": "object", "properties": {"a": "string"}, "oneOf": [{"required": ["a"]}]}),
                "{a: text}",
            ),
            (
                json!({"properties": {"a": "string"}, "anyOf": [{"type": "object"}, {"type": "null"}]}),
                "{a: text}",
            ),
            (
                json!({"type": "object", "oneOf": [{"type": "null"}, {"properties": {"a": "string"}}]}),
                "{a: text}",
            ),
            (json!({"type": ["null", "array"], "anyOf": [{"items": "string"}]}), "[text]"),
            (json!({"type": "string", "anyOf": [{"format": "date"}, {"format": "time"}]}), "text"),
            (json!({"oneOf": [], "anyOf": ["string"]}), "text"),
            (json!({"oneOf": {"type": "string"}}), "json"),
        ],
    );
}

#[test]
fn containers_with_an_odd_inside() {
    let array = |items: Value| json!({"type": "array", "items": items});
    quiet(
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
    quiet(
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
fn annotations_that_do_not_fit_are_left_alone() {
    quiet(
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
                json!({"type": "string", "format": "date", "airbyte_type": "timestamp_with_timezone"}),
                "date",
            ),
            (
                json!({"type": "string", "format": "date-time", "airbyte_type": "time_without_timezone"}),
                "ts utc",
            ),
            (json!({"type": "integer", "airbyte_type": "timestamp_with_timezone"}), "i64"),
            (json!({"type": "integer", "airbyte_type": "big_number"}), "i64"),
            (json!({"type": "boolean", "airbyte_type": "integer", "format": "date"}), "bool"),
            (json!({"type": "number", "airbyte_type": "potato"}), "f64"),
        ],
    );
    for format in PLAIN_FORMATS.split(' ') {
        quiet(&TYPED, &[(json!({"type": "string", "format": format}), "text")]);
    }
}

#[test]
fn nested_values_as_json_when_that_is_wanted() {
    quiet(
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

#[test]
fn numbers_as_the_user_wants_them() {
    let number = json!({"type": "number", "airbyte_type": "big_number"});
    quiet(&DECIMAL, &[(number.clone(), "dec(20,5)")]);
    quiet(&TEXT, &[(number, "number text"), (json!({"type": "integer"}), "i64")]);
}

#[test]
fn what_cannot_be_understood_is_said() {
    for (schema, expected, warning) in [
        (
            json!({"type": "potato"}),
            "json",
            r#""c" has the type "potato", which is not known; it is written as JSON text"#,
        ),
        (
            json!("potato"),
            "json",
            r#""c" has the type "potato", which is not known; it is written as JSON text"#,
        ),
        (
            json!({"type": "String"}),
            "json",
            r#""c" has the type "String", which is not known; it is written as JSON text"#,
        ),
        (
            json!({"type": ["null", "potato"]}),
            "json",
            r#""c" has the type "potato", which is not known; it is written as JSON text"#,
        ),
        (
            json!({"type": ["string", 5]}),
            "json",
            r#""c" has the type 5, which is not known; it is written as JSON text"#,
        ),
        (
            json!({"type": {"a": 1}}),
            "json",
            r#""c" has the type {"a":1}, which is not known; it is written as JSON text"#,
        ),
        (
            json!({"type": []}),
            "json",
            r#""c" has an empty list of types; it is written as JSON text"#,
        ),
        (json!(12), "json", r#""c" has the schema 12, which is none; it is written as JSON text"#),
        (
            json!([{"type": "string"}]),
            "json",
            r#""c" has the schema [{"type":"string"}], which is none; it is written as JSON text"#,
        ),
        (
            json!({"$ref": "#/definitions/Order"}),
            "json",
            r##""c" refers to "#/definitions/Order", which is not known; it is written as JSON text"##,
        ),
        (
            json!({"$ref": "WellKnownTypes.json#/definitions/Potato"}),
            "json",
            r#""c" refers to "WellKnownTypes.json#/definitions/Potato", which is not known; it is written as JSON text"#,
        ),
        (
            json!({"type": "string", "format": "timestamp"}),
            "text",
            r#""c" has the format "timestamp", which is not known; it is written as a string"#,
        ),
        (
            json!({"type": "string", "format": "timestamp", "airbyte_type": "timestamp_with_timezone"}),
            "text",
            r#""c" has the format "timestamp", which is not known; it is written as a string"#,
        ),
        // Said once, of those that are in the file.
        (
            json!({"oneOf": [{"type": "string", "format": "x"}, {"type": "string", "format": "x"}]}),
            "text",
            r#""c" has the format "x", which is not known; it is written as a string"#,
        ),
        (
            json!({"oneOf": [{"type": "string", "format": "x"}, {"type": "potato"}]}),
            "json",
            r#""c" has the type "potato", which is not known; it is written as JSON text"#,
        ),
        (
            json!({"type": "array", "items": {"type": "potato"}}),
            "[json]",
            r#""c[]" has the type "potato", which is not known; it is written as JSON text"#,
        ),
        (
            json!({"items": {"properties": {"a": {"type": "string", "format": "x"}}}}),
            "[{a: text}]",
            r#""c[].a" has the format "x", which is not known; it is written as a string"#,
        ),
        (
            json!({"properties": {"id": "integer", "in": {"properties": {"id": "string", "Id": "integer"}}}}),
            "{id: i64, in: {id: text, Id_2: i64}}",
            r#""c.in.Id" is called "Id_2" in the files: "id" differs from it only in case, and most readers fold case"#,
        ),
        (
            json!({"type": "x".repeat(1000)}),
            "json",
            &format!(
                r#""c" has the type "{}…, which is not known; it is written as JSON text"#,
                "x".repeat(79)
            ),
        ),
    ] {
        let DataColumns { fields, warnings } = columns(&schema, &TYPED);
        assert_eq!(short(&fields[0].column_type), expected, "{schema}");
        assert_eq!(warnings, [format!("column {warning}")], "{schema}");
    }
    // Not said of what ends in a JSON text for another reason.
    quiet(
        &TYPED,
        &[
            (json!({"oneOf": [{"type": "string", "format": "x"}, {}]}), "json"),
            (json!({"oneOf": [{"properties": {"a": "string", "A": "string"}}, {}]}), "json"),
        ],
    );
}

#[test]
fn columns_stand_in_the_schemas_order_beside_ours() {
    let properties: Vec<(String, Value)> = [
        ("zeta", json!("string")),
        ("_airbyte_raw_id", json!("string")),
        ("ID", json!("integer")),
        ("_AIRBYTE_META", json!("string")),
        ("id", json!({"type": "potato"})),
        ("_airbyte_additional_properties", json!({"type": "object"})),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .to_vec();
    let metadata = ["_airbyte_raw_id", "_airbyte_meta"];
    let ours = ["_airbyte_raw_id", "_airbyte_meta", "_airbyte_additional_properties"];
    let DataColumns { fields, warnings } = data_columns(&properties, &TYPED, &metadata, &ours);
    let names: Vec<(&str, &str)> =
        fields.iter().map(|field| (field.source_name.as_str(), field.name.as_str())).collect();
    assert_eq!(
        names,
        [
            ("zeta", "zeta"),
            ("ID", "ID_2"),
            ("_AIRBYTE_META", "_AIRBYTE_META_2"),
            ("id", "id"),
            ("_airbyte_additional_properties", "_airbyte_additional_properties_2"),
        ]
    );
    assert_eq!(
        warnings,
        [
            r#"column "ID" is called "ID_2" in the files: "id" differs from it only in case, and most readers fold case"#,
            r#"column "_AIRBYTE_META" is called "_AIRBYTE_META_2" in the files: "_airbyte_meta" differs from it only in case, and most readers fold case"#,
            r#"column "id" has the type "potato", which is not known; it is written as JSON text"#,
            r#"column "_airbyte_additional_properties" is called "_airbyte_additional_properties_2" in the files: another column has that name"#,
        ]
    );
    assert_eq!(
        data_columns(&[], &TYPED, &metadata, &ours),
        DataColumns { fields: vec![], warnings: vec![] }
    );
}

#[test]
fn many_warnings_are_summed_up() {
    for (odd, expected, last) in [
        (
            20,
            20,
            r#"column "c19" has the type "potato", which is not known; it is written as JSON text"#,
        ),
        (21, 21, "and 1 more column"),
        (1000, 21, "and 980 more columns"),
    ] {
        let properties: Vec<_> = (0..odd).map(|n| (format!("c{n}"), json!("potato"))).collect();
        let DataColumns { fields, warnings } = data_columns(&properties, &TYPED, &[], &[]);
        assert_eq!((fields.len(), warnings.len()), (odd, expected));
        assert_eq!(warnings.last().unwrap(), last);
    }
}

#[test]
fn deep_schemas_end_in_json_text() {
    let nested = |levels: usize, around: fn(Value) -> Value| {
        let schema = (1..levels).fold(json!({"type": "string"}), |inner, _| around(inner));
        depth(&column_type(&schema, &TYPED))
    };
    let list: fn(Value) -> Value = |items| json!({"type": "array", "items": items});
    let object: fn(Value) -> Value = |inner| json!({"type": "object", "properties": {"a": inner}});
    let nullable: fn(Value) -> Value =
        |inner| json!({"anyOf": [{"type": "array", "items": inner}, {"type": "null"}]});
    for (levels, around, expected) in [
        (1, list, (1, true)),
        (32, list, (32, true)),
        (33, list, (32, false)),
        (60, list, (32, false)),
        (32, object, (32, true)),
        (33, object, (32, false)),
        (16, nullable, (16, true)),
        (17, nullable, (16, false)),
        (60, nullable, (16, false)),
    ] {
        assert_eq!(nested(levels, around), expected, "{levels} levels");
    }
    let branches = (0..100).fold(json!("string"), |inner, _| json!({"oneOf": [inner]}));
    assert_eq!(column_type(&branches, &TYPED), ColumnType::JsonText);
}

/// How many levels, and whether a string is at the bottom of the first of each.
fn depth(of: &ColumnType) -> (usize, bool) {
    let (inner, text) = match of {
        ColumnType::Struct(fields) => depth(&fields[0].column_type),
        ColumnType::List(element) => depth(element),
        other => return (1, *other == ColumnType::Text),
    };
    (inner + 1, text)
}

/// If a part was looked at once per branch or per repeated type, these would not end.
#[test]
fn no_schema_is_endless_work() {
    let inside = |inner: Value, types: Value| {
        let branch = json!({"type": types, "format": "x"});
        json!({"type": types, "properties": {"a": inner}, "items": "string", "oneOf": ["object", "object", "object", branch]})
    };
    for types in
        [json!(["object", "object", "object"]), json!(["object", "array"]), json!([]), Value::Null]
    {
        let schema = (0..60)
            .fold(json!({"oneOf": ["string", "object"]}), |inner, _| inside(inner, types.clone()));
        for options in [TYPED, AS_JSON] {
            sound(&column_type(&schema, &options), MAX_LEVELS);
        }
    }
    let wide = json!({"oneOf": vec![json!({"properties": {"a": "string", "b": {"items": "number"}}}); 20_000]});
    assert_eq!(short(&column_type(&wide, &TYPED)), "{a: text, b: [f64]}");
}

/// Panics if a type breaks an invariant.
fn sound(of: &ColumnType, levels: usize) {
    assert!(levels > 0, "too deep");
    match of {
        ColumnType::Struct(fields) => {
            assert!(!fields.is_empty());
            sound_fields(fields, levels - 1);
        }
        ColumnType::List(element) => sound(element, levels - 1),
        ColumnType::Decimal { precision, scale } => assert!(*precision <= 38 && scale <= precision),
        ColumnType::Boolean
        | ColumnType::Integer
        | ColumnType::BigInteger
        | ColumnType::Double
        | ColumnType::NumberText
        | ColumnType::IntegerText
        | ColumnType::TimeText(_)
        | ColumnType::Text
        | ColumnType::JsonText
        | ColumnType::Date
        | ColumnType::Time(_)
        | ColumnType::Timestamp(_) => {}
    }
}

fn sound_fields(fields: &[Field], levels: usize) {
    let mut names = HashSet::new();
    for field in fields {
        assert!(names.insert(field.name.to_lowercase()), "{} is there twice", field.name);
        assert!(field.name.starts_with(&field.source_name));
        sound(&field.column_type, levels);
    }
}

const WORDS: [&str; 24] = [
    "null",
    "boolean",
    "integer",
    "int",
    "number",
    "string",
    "object",
    "array",
    "potato",
    "date",
    "time",
    "date-time",
    "timestamp",
    "uri",
    "big_integer",
    "timestamp_without_timezone",
    "time_with_timezone",
    "a",
    "A",
    "A_2",
    "WellKnownTypes.json#/definitions/Number",
    "#/definitions/a",
    "",
    "İ",
];

const KEYS: [&str; 16] = [
    "type",
    "type",
    "properties",
    "properties",
    "items",
    "items",
    "oneOf",
    "anyOf",
    "allOf",
    "$ref",
    "format",
    "airbyte_type",
    "a",
    "A",
    "A_2",
    "İ",
];

/// Any JSON, of words that mean something here.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(WORDS.as_slice());
    let leaf = prop_oneof![
        6 => word.prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<i64>().prop_map(Value::from),
        1 => "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(12, 200, 6, |inner| {
        let key =
            prop_oneof![8 => prop::sample::select(KEYS.as_slice()).prop_map(str::to_owned), 1 => "\\PC{0,4}"];
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            4 => prop::collection::vec((key, inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// A schema of `nodes` parts that hang together at random.
fn grown(seed: u64, nodes: usize) -> Value {
    let mut state = seed | 1;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let with = |schema: Value, key: &str, inner: Value| {
        let mut schema = schema;
        schema[key] = inner;
        schema
    };
    let mut parts: Vec<Value> = Vec::new();
    for _ in 0..nodes {
        // The last few, so that it grows deep as well as wide.
        let mut inner: Vec<Value> = (0..draw(4)).filter_map(|_| parts.pop()).collect();
        parts.push(match (draw(8), inner.pop()) {
            (0..=3, None) => {
                json!({"type": ["null", WORDS[draw(10)]], "format": WORDS[9 + draw(5)]})
            }
            (_, None) => json!(WORDS[draw(WORDS.len())]),
            (0..=2, Some(last)) => {
                let member =
                    |(at, part): (usize, Value)| (format!("{}{at}", WORDS[17 + at % 2]), part);
                let properties = inner.into_iter().chain([last]).enumerate().map(member).collect();
                with(
                    json!({"type": WORDS[draw(8)], "oneOf": ["object", {}]}),
                    "properties",
                    properties,
                )
            }
            (3 | 4, Some(last)) => with(json!({"type": ["array", "null"]}), "items", last),
            (5, Some(last)) => {
                with(json!({"type": "array"}), "items", inner.into_iter().chain([last]).collect())
            }
            (6, Some(last)) => with(
                json!({"type": ["object", "null"]}),
                "anyOf",
                inner.into_iter().chain([last]).collect(),
            ),
            (_, Some(last)) => with(json!({}), "oneOf", inner.into_iter().chain([last]).collect()),
        });
    }
    let properties =
        parts.into_iter().enumerate().map(|(at, part)| (at.to_string(), part)).collect();
    with(json!({"type": "object"}), "properties", properties)
}

fn any_options() -> impl Strategy<Value = TypeOptions> {
    prop::sample::select(vec![TYPED, AS_JSON, DECIMAL, TEXT, ALL_TEXT])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_json_gives_sound_columns(
        properties in prop::collection::vec(("[aAbİ]{0,2}(_2)?", any_json()), 0..6),
        options in any_options(),
    ) {
        let mut known = HashSet::new();
        let properties: Vec<_> = properties.into_iter().filter(|(name, _)| known.insert(name.clone())).collect();
        let DataColumns { fields, warnings } = data_columns(&properties, &options, &["b"], &["b", "A_2"]);
        let declared: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "b").collect();
        prop_assert_eq!(fields.iter().map(|field| field.source_name.as_str()).collect::<Vec<_>>(), declared);
        sound_fields(&fields, MAX_LEVELS);
        for name in fields.iter().map(|field| field.name.to_lowercase()) {
            prop_assert!(name != "b" && name != "a_2", "{name} is ours");
        }
        prop_assert!(warnings.len() <= 21);
        prop_assert!(warnings.iter().all(|says| says.starts_with("column \
                                                                  \"") || says.starts_with("and ")));
        for ((_, schema), field) in properties.iter().filter(|(name, _)| name != "b").zip(&fields) {
            prop_assert_eq!(&column_type(schema, &options), &field.column_type);
            // That null is allowed too never changes anything.
            let nullable = json!({"anyOf": [{"type": "null"}, schema]});
            let shallow = depth_of_json(schema) < MAX_LEVELS - 1;
            prop_assert!(!shallow || column_type(&nullable, &options) == field.column_type, "{schema}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn large_schemas_are_sound_too(seed: u64, options in any_options()) {
        sound(&column_type(&grown(seed, 2_000), &options), MAX_LEVELS);
    }
}

fn depth_of_json(value: &Value) -> usize {
    1 + match value {
        Value::Array(entries) => entries.iter().map(depth_of_json).max().unwrap_or(0),
        Value::Object(members) => members.values().map(depth_of_json).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
