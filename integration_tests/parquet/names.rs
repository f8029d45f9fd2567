//! Names of Parquet columns: unusual ones, ones that differ only in case, ones like our own, and
//! the ways in which a record may spell or repeat them.

use serde_json::{Value, json};

use crate::parquet::{input, nulled, run, types};
use crate::sent::{ADDITIONAL, METADATA, assert_raw_ids};
use crate::world::refresh;

/// Names are those of the schema, whatever they contain, in columns and in structs.
#[test]
fn unusual_names_stay_as_they_are() {
    let names = [
        "",
        " ",
        "a.b",
        "q\"uo'te`",
        "Übergröße 漢字 😀",
        "select",
        "tab\tand\nline",
        "back\\slash",
        "a/b",
        "+1",
        "_id",
        "2nd",
        "a,b;c",
        "{x}",
        "element",
        "list",
        "key_value",
        "schema",
        "year=1",
    ];
    let (mut properties, mut data, mut kinds) = (json!({}), json!({}), json!({}));
    for (number, name) in names.iter().enumerate() {
        // DuckDB itself names a member that has no name.
        let member = if name.is_empty() { "member" } else { name };
        properties[name] =
            json!({ "type": "object", "properties": { member: { "type": "integer" } } });
        data[name] = json!({ member: number });
        kinds[name] = json!({ "struct": [[member, "int64"]] });
    }
    let stored = run(
        &refresh("s", &properties),
        &json!({}),
        &input("s", &[data.to_string(), "{}".to_owned()]),
    );
    stored.assert_types(&kinds);
    stored.assert_rows(&[data, json!({})]);
}

/// Engines that fold case could not distinguish these names; a warning says how they were renamed.
#[test]
fn names_that_differ_only_in_case() {
    let properties = json!({
        "Id": { "type": "integer" },
        "id": { "type": "string" },
        "ID": { "type": "boolean" },
        "nested": { "type": "object",
            "properties": { "A": { "type": "integer" }, "a": { "type": "integer" } } },
        "_AIRBYTE_RAW_ID": { "type": "string" },
        ADDITIONAL: { "type": "integer" },
    });
    let record = format!(
        r#"{{"ID":true,"id":"x","Id":1,"nested":{{"a":2,"A":3}},"_AIRBYTE_RAW_ID":"theirs","{ADDITIONAL}":4,"iD":5}}"#
    );
    let stored = run(&refresh("s", &properties), &json!({}), &input("s", &[record]));
    let numbered = format!("{ADDITIONAL}_2");
    stored.assert_types(&json!({
        "Id_2": "int64",
        "id": "string",
        "ID_3": "boolean",
        "nested": { "struct": [["A_2", "int64"], ["a", "int64"]] },
        "_AIRBYTE_RAW_ID_2": "string",
        &numbered: "int64",
    }));
    stored.assert_rows(&[json!({
        "Id_2": 1, "id": "x", "ID_3": true, "nested": { "A_2": 3, "a": 2 },
        "_AIRBYTE_RAW_ID_2": "theirs",
        numbered: 4, ADDITIONAL: r#"{"iD":5}"# })]);
    let warnings = stored.outcome.logs("WARN");
    for name in ["Id_2", "ID_3", "A_2"] {
        assert!(
            warnings.iter().any(|warning| warning.contains(name)),
            "no warning names {name}: {warnings:#?}"
        );
    }
}

/// A record that has been through another pipeline keeps its own metadata in the columns of these
/// names, whether the schema declares them or not.
#[test]
fn fields_named_like_metadata_columns() {
    let own = r#"{"_airbyte_raw_id":"mine","id":1,"_airbyte_extracted_at":"2024-01-01T00:00:00Z","_airbyte_generation_id":77,"_airbyte_meta":{"changes":[{"field":"f","change":"NULLED","reason":"SOURCE_RETRIEVAL_ERROR"}],"sync_id":3}}"#;
    let records = [own, r#"{"id":"x"}"#];
    let declared = json!({
        "_airbyte_raw_id": { "type": "string" },
        "id": { "type": "integer" },
        "_airbyte_extracted_at": { "type": "string", "format": "date-time" },
        "_airbyte_meta": { "type": "object" },
    });
    for properties in [json!({ "id": { "type": "integer" } }), declared.clone()] {
        let stored = run(&refresh("s", &properties), &json!({}), &input("s", &records));
        let table = &stored.table;
        assert_eq!(table.names(), [&METADATA[..], &["id", ADDITIONAL]].concat());
        let first: Vec<&Value> = METADATA.iter().map(|name| table.column(name)[0]).collect();
        let change =
            json!({ "field": "f", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR" });
        let meta = json!({ "sync_id": 3, "changes": [change] });
        assert_eq!(first, [&json!("mine"), &json!("2024-01-01T00:00:00Z"), &json!(77), &meta]);
        assert_eq!(table.column(ADDITIONAL)[0], &Value::Null, "a value is in one place only");
        // The other row has ours.
        assert_raw_ids(table.column(METADATA[0])[1].as_str().into_iter());
        assert_eq!(table.column(METADATA[2])[1], 5);
        assert_eq!(
            table.column(METADATA[3])[1],
            &json!({ "sync_id": 42, "changes": [nulled("id")] })
        );
    }

    // Without our metadata columns they are ordinary columns.
    let stored = run(
        &refresh("s", &declared),
        &json!({ "metadata_columns": "none" }),
        &input("s", &records),
    );
    let kinds = [
        ("_airbyte_raw_id", "string"),
        ("_airbyte_extracted_at", "timestamp(us,UTC)"),
        ("_airbyte_meta", "string"),
    ];
    for (name, kind) in kinds {
        assert_eq!(stored.table.kind(name), kind);
    }
}

/// Metadata of the record that its column cannot hold: the sync continues, and the column keeps its
/// type.
#[test]
fn metadata_that_does_not_fit_its_column() {
    let records = [
        r#"{"id":1,"_airbyte_raw_id":5,"_airbyte_extracted_at":1700000000000,"_airbyte_generation_id":"x","_airbyte_meta":"text"}"#,
        r#"{"id":2,"_airbyte_raw_id":null,"_airbyte_extracted_at":null}"#,
    ];
    let stored = run(
        &refresh("s", &json!({ "id": { "type": "integer" } })),
        &json!({}),
        &input("s", &records),
    );
    assert_eq!(stored.table.column("id"), [&json!(1), &json!(2)]);
    assert_eq!(stored.table.column(METADATA[0])[0], "5", "a string column takes every value");
    assert_eq!(types(&stored.table), json!({ "id": "int64" }));
}

/// Names with escapes, in any order, and repeated: the last one counts, with everything that
/// belongs to it.
#[test]
fn escaped_and_repeated_names() {
    let properties = json!({
        "id": { "type": "integer" },
        "é.x": { "type": "string" },
        "o": { "type": "object",
            "properties": { "k": { "type": "integer" }, "l": { "type": "integer" } } },
    });
    let records = [
        r#"{"\u0069\u0064":1,"\u00e9\u002ex":"a","o":{"\u006b":2}}"#,
        r#"{"o":{"l":1},"é.x":"b","id":3}"#,
        r#"{"id":"bad","id":4,"o":{"k":"bad","floor":1},"o":{"k":5,"k":6},"extra":1,"\u0065xtra":2}"#,
        r#"{"id":7,"id":"bad","o":{"k":8},"o":null,"é.x":"c","\u00e9.x":null}"#,
        r#"{"id":9,"id":null}"#,
        "{ \"id\" :\t10 , \"o\" : { } }",
        "{}",
    ];
    let stored = run(&refresh("s", &properties), &json!({}), &input("s", &records));
    stored.assert_rows(&[
        json!({ "id": 1, "é.x": "a", "o": { "k": 2, "l": null } }),
        json!({ "id": 3, "é.x": "b", "o": { "k": null, "l": 1 } }),
        json!({ "id": 4, "o": { "k": 6, "l": null }, ADDITIONAL: r#"{"\u0065xtra":2}"# }),
        json!({ "changes": [nulled("id")], ADDITIONAL: r#"{"id":"bad"}"# }),
        json!({}),
        json!({ "id": 10, "o": { "k": null, "l": null } }),
        json!({}),
    ]);
}
