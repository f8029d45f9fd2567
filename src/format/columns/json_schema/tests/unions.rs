//! Tables of schemas with several types or branches.

use serde_json::json;

use super::*;

#[test]
fn null_in_a_union_is_ignored() {
    assert_types(
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
fn unions_with_one_common_type() {
    let object = json!({"type": "object", "properties": {"a": "string"}});
    assert_types(
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
                json!({"oneOf": [{"type": "integer"},
                    {"type": "integer", "airbyte_type": "big_integer"}]}),
                "big",
            ),
            (
                json!({"oneOf": [{"type": "integer", "airbyte_type": "big_integer"},
                    {"type": "number"}]}),
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
    assert_types(&DECIMAL, &[(json!({"type": ["integer", "number"]}), "dec(20,5)")]);
    assert_types(&TEXT, &[(json!({"type": ["integer", "number"]}), "number text")]);
    assert_types(&TEXT, &[(json!({"type": ["string", "number"]}), "text")]);
    assert_types(&ALL_TEXT, &[(json!({"type": ["integer", "number"]}), "number text")]);
}

/// A value of such a column is plain text, which no engine has to parse as JSON.
#[test]
fn unions_of_scalars_are_plain_strings() {
    let texts = [
        json!({"type": ["null", "number", "string"]}),
        json!({"type": ["boolean", "integer"]}),
        json!({"type": ["boolean", "null", "number", "string"]}),
        json!({"oneOf": [{"type": "string", "format": "date"},
            {"type": "string", "format": "date-time"}]}),
        json!({"anyOf": [{"enum": ["a", "b"], "type": "string"},
            {"type": "string", "format": "date"}]}),
        json!({"oneOf": [{"type": "string", "format": "time"},
            {"type": "string", "format": "time", "airbyte_type": "time_without_timezone"},
            {"type": "null"}]}),
        json!({"oneOf": [{"type": ["integer", "boolean"]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]}]}),
        json!({"oneOf": [{"type": "integer"}, {"$ref": "WellKnownTypes.json#/definitions/Date"}]}),
        json!({"type": ["number", "boolean"], "airbyte_type": "big_integer"}),
    ];
    for options in [TYPED, AS_JSON, DECIMAL, TEXT, ALL_TEXT] {
        assert_types(&options, &texts.clone().map(|schema| (schema, "text")));
    }
    assert_types(
        &TYPED,
        &[(json!({"properties": {"a": {"type": ["string", "integer"]}}}), "{a: text}")],
    );
}

#[test]
fn unions_with_objects_or_arrays_are_json_text_with_one_warning() {
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
            json!({"oneOf": [object, {"type": "string"}, {"type": "integer"},
                {"type": "boolean"}]}),
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
        assert_eq!(type_name(&fields[0].column_type), expected, "{schema}");
        let message = "has several types, some of them objects or arrays; it is written as JSON \
                    text, in which strings have quotes";
        assert_eq!(warnings, [format!("column \"{path}\" {message}")], "{schema}");
    }
    // No warning if branches make it a typed column.
    assert_types(
        &TYPED,
        &[(json!({"type": ["object", "array"], "oneOf": [{"type": "null"}, object]}), "{a: text}")],
    );
}

#[test]
fn branches_count_only_if_the_schema_itself_is_open() {
    assert_types(
        &TYPED,
        &[
            (
                json!({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
                "json",
            ),
            (
                json!({"type": "object", "properties": {"a": "string"},
                    "oneOf": [{"required": ["a"]}]}),
                "{a: text}",
            ),
            (
                json!({"properties": {"a": "string"},
                    "anyOf": [{"type": "object"}, {"type": "null"}]}),
                "{a: text}",
            ),
            (
                json!({"type": "object",
                    "oneOf": [{"type": "null"}, {"properties": {"a": "string"}}]}),
                "{a: text}",
            ),
            (json!({"type": ["null", "array"], "anyOf": [{"items": "string"}]}), "[text]"),
            (json!({"type": "string", "anyOf": [{"format": "date"}, {"format": "time"}]}), "text"),
            (json!({"oneOf": [], "anyOf": ["string"]}), "text"),
            (json!({"oneOf": {"type": "string"}}), "json"),
        ],
    );
}
