//! The warnings that a user reads, and the names of columns.

use serde_json::{Value, json};

use super::*;

#[test]
fn unsupported_schemas_have_a_warning() {
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
        (
            json!(12),
            "json",
            r#""c" has the schema 12, which is not a JSON schema; it is written as JSON text"#,
        ),
        (
            json!([{"type": "string"}]),
            "json",
            r#""c" has the schema [{"type":"string"}], which is not a JSON schema; it is written as JSON text"#,
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
            json!({"type": "string", "format": "timestamp",
                "airbyte_type": "timestamp_with_timezone"}),
            "text",
            r#""c" has the format "timestamp", which is not known; it is written as a string"#,
        ),
        // One warning, and only about columns of the file.
        (
            json!({"oneOf": [{"type": "string", "format": "x"},
                {"type": "string", "format": "x"}]}),
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
            json!({"properties": {"id": "integer",
                "in": {"properties": {"id": "string", "Id": "integer"}}}}),
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
        assert_eq!(type_name(&fields[0].column_type), expected, "{schema}");
        assert_eq!(warnings, [format!("column {warning}")], "{schema}");
    }
    // No warning about parts of a column that is JSON text for another reason.
    assert_types(
        &TYPED,
        &[
            (json!({"oneOf": [{"type": "string", "format": "x"}, {}]}), "json"),
            (json!({"oneOf": [{"properties": {"a": "string", "A": "string"}}, {}]}), "json"),
        ],
    );
}

#[test]
fn columns_are_in_the_order_of_the_schema_with_unique_names() {
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
fn warnings_beyond_a_limit_are_counted() {
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
