//! Types and names of Parquet columns that engines refuse, or that change between syncs.

use serde_json::{Value, json};

use crate::parquet::{Stored, cut, input, nulled, run, too_large};
use crate::sent::{ADDITIONAL, METADATA};
use crate::world::refresh;

/// One column with Parquet's own time type makes the whole table unreadable for Spark, Delta and
/// Athena.
#[test]
fn times_are_sortable_text_unless_typed_ones_are_requested() {
    let time = json!({ "type": "string", "format": "time" });
    let local =
        json!({ "type": "string", "format": "time", "airbyte_type": "time_without_timezone" });
    let properties = json!({
        "t": time,
        "l": local,
        "o": { "type": "object", "properties": { "t": time } },
        "a": { "type": "array", "items": local },
    });
    let records = [
        r#"{"t":"12:30:00.5+01:00","l":"12:30:00.5+01:00","o":{"t":"01:02"},"a":["23:59:59.999999",null]}"#,
        r#"{"t":"00:00:00.1234567","l":"24:00:00","o":{"t":"noon"},"a":[]}"#,
    ];
    let stream = refresh("s", &properties);
    let input = input("s", &records);
    let lost = json!([cut("t"), nulled("l"), nulled("o.t")]);
    let kept = r#"{"l":"24:00:00","o.t":"noon"}"#;

    let stored = run(&stream, &json!({}), &input);
    stored.assert_types(&json!({
        "t": "string", "l": "string", "o": { "struct": [["t", "string"]] },
        "a": { "list": "string" },
    }));
    stored.assert_rows(&[
        json!({ "t": "11:30:00.500000", "l": "12:30:00.500000", "o": { "t": "01:02:00.000000" },
            "a": ["23:59:59.999999", null] }),
        json!({ "t": "00:00:00.123456", "o": { "t": null }, "a": [], "changes": lost,
            ADDITIONAL: kept }),
    ]);
    assert!(
        leaves(&stored).iter().all(|(_, logical)| logical["Type"] != "Time"),
        "{:?}",
        leaves(&stored)
    );

    let stored = run(&stream, &json!({ "times": "typed" }), &input);
    stored.assert_types(&json!({
        "t": "time(us)", "l": "time(us)", "o": { "struct": [["t", "time(us)"]] },
        "a": { "list": "time(us)" },
    }));
    stored.assert_rows(&[
        json!({ "t": "11:30:00.500000", "l": "12:30:00.500000", "o": { "t": "01:02:00" },
            "a": ["23:59:59.999999", null] }),
        json!({ "t": "00:00:00.123456", "o": { "t": null }, "a": [], "changes": lost,
            ADDITIONAL: kept }),
    ]);
}

/// 18446744073709551615 does not fit into a signed 64-bit column.
#[test]
fn unsigned_integers_of_64_bits_survive_where_they_are_wanted() {
    let properties = json!({
        "u": { "type": "integer" },
        "o": { "type": "object", "properties": { "u": { "type": ["null", "integer"] } } },
    });
    let most = "18446744073709551615";
    let records = [
        format!(r#"{{"u":{most},"o":{{"u":"-{most}"}}}}"#),
        r#"{"u":4.0,"o":{"u":1e3}}"#.to_owned(),
        r#"{"u":"x","o":{"u":4.5}}"#.to_owned(),
        format!(r#"{{"u":1{},"o":{{"u":-0}}}}"#, "0".repeat(40)),
    ];
    let stream = refresh("s", &properties);
    let input = input("s", &records);
    let bad = json!({ "o": { "u": null }, "changes": [nulled("u"), nulled("o.u")],
        ADDITIONAL: r#"{"u":"x","o.u":4.5}"# });
    let huge = format!("1{}", "0".repeat(40));
    let kept = format!(r#"{{"u":{huge}}}"#);

    let stored = run(&stream, &json!({}), &input);
    stored.assert_types(&json!({ "u": "int64", "o": { "struct": [["u", "int64"]] } }));
    stored.assert_rows(&[
        json!({ "o": { "u": null }, "changes": [too_large("u"), too_large("o.u")],
            ADDITIONAL: format!(r#"{{"u":{most},"o.u":"-{most}"}}"#) }),
        json!({ "u": 4, "o": { "u": 1000 } }),
        bad.clone(),
        json!({ "o": { "u": 0 }, "changes": [too_large("u")], ADDITIONAL: kept }),
    ]);

    let stored = run(&stream, &json!({ "integers": "decimal" }), &input);
    stored.assert_types(
        &json!({ "u": "decimal(38,0)", "o": { "struct": [["u", "decimal(38,0)"]] } }),
    );
    stored.assert_rows(&[
        json!({ "u": most, "o": { "u": format!("-{most}") } }),
        json!({ "u": "4", "o": { "u": "1000" } }),
        bad.clone(),
        json!({ "o": { "u": "0" }, "changes": [too_large("u")], ADDITIONAL: kept }),
    ]);

    let stored = run(&stream, &json!({ "integers": "text" }), &input);
    stored.assert_types(&json!({ "u": "string", "o": { "struct": [["u", "string"]] } }));
    stored.assert_rows(&[
        json!({ "u": most, "o": { "u": format!("-{most}") } }),
        json!({ "u": "4", "o": { "u": "1000" } }),
        bad.clone(),
        json!({ "u": huge, "o": { "u": "0" } }),
    ]);
}

/// No engine can compare `"x"` with its quotes and 1 without.
#[test]
fn unions_of_scalars_are_plain_strings() {
    let properties = json!({
        "n": { "type": ["null", "number", "string"] },
        "d": { "oneOf": [{ "type": "string", "format": "date" },
            { "type": "string", "format": "date-time" }] },
        "e": { "anyOf": [{ "type": "string", "enum": ["a"] }, { "type": "boolean" },
            { "type": "null" }] },
        "o": { "type": "object", "properties": { "u": { "type": ["integer", "string"] } } },
    });
    let records = [
        r#"{"n":1.50,"d":"2024-02-29","e":"a","o":{"u":7}}"#,
        r#"{"n":"caf\u00e9 \"x\"","d":"2024-02-29T00:00:00Z","e":true,"o":{"u":"7"}}"#,
        r#"{"n":null,"d":"never","e":null,"o":{"u":null}}"#,
    ];
    let stored = run(&refresh("s", &properties), &json!({}), &input("s", &records));
    stored.assert_types(&json!({ "n": "string", "d": "string", "e": "string",
            "o": { "struct": [["u", "string"]] } }));
    stored.assert_rows(&[
        json!({ "n": "1.50", "d": "2024-02-29", "e": "a", "o": { "u": "7" } }),
        json!({ "n": "café \"x\"", "d": "2024-02-29T00:00:00Z", "e": "true", "o": { "u": "7" } }),
        json!({ "d": "never", "o": { "u": null } }),
    ]);
    let warnings = stored.outcome.logs("WARN");
    assert!(warnings.iter().all(|warning| !warning.contains("JSON text")), "{warnings:#?}");
}

#[test]
fn a_union_with_objects_or_arrays_is_json_text_and_is_logged_once() {
    let properties = json!({
        "u": { "type": ["object", "string", "integer"] },
        "o": { "type": "object",
            "properties": { "u": { "oneOf": [{ "type": "array" }, { "type": "string" }] } } },
    });
    let records = [r#"{"u":"x","o":{"u":"y"}}"#, r#"{"u":{"a":1},"o":{"u":[1]}}"#, r#"{"u":7}"#];
    let stored = run(&refresh("s", &properties), &json!({}), &input("s", &records));
    stored.assert_rows(&[
        json!({ "u": "\"x\"", "o": { "u": "\"y\"" } }),
        json!({ "u": "{\"a\":1}", "o": { "u": "[1]" } }),
        json!({ "u": "7" }),
    ]);
    let warnings = stored.outcome.logs("WARN");
    for column in ["column \"u\"", "column \"o.u\""] {
        let said = warnings
            .iter()
            .filter(|warning| warning.contains(column) && warning.contains("JSON text"));
        assert_eq!(said.count(), 1, "{column}: {warnings:#?}");
    }
}

/// Redshift, and loaders that only know scalars, still failed on one struct: `_airbyte_meta`.
#[test]
fn without_nested_columns_no_column_is_nested() {
    let properties = json!({
        "id": { "type": "integer" },
        "o": { "type": "object", "properties": { "a": { "type": "string" } } },
        "l": { "type": "array", "items": { "type": "string" } },
    });
    let records = [
        r#"{"id":1,"o":{"a":"x"},"l":["y"]}"#,
        r#"{"id":"bad"}"#,
        r#"{"id":2,"_airbyte_meta":{"sync_id":7,"changes":[{"field":"\"f\"","change":"NULLED","reason":"SOURCE_RETRIEVAL_ERROR"}]}}"#,
    ];
    let stored =
        run(&refresh("s", &properties), &json!({ "nested": "json" }), &input("s", &records));
    assert_eq!(leaves(&stored).len(), 8, "{:?}", leaves(&stored));
    assert!(leaves(&stored).iter().all(|(path, _)| !path.contains('.')), "{:?}", leaves(&stored));
    let meta = stored.table.column(METADATA[3]);
    let parsed = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    assert_eq!(meta[0], r#"{"sync_id":42,"changes":[]}"#);
    assert_eq!(parsed(meta[1]), json!({ "sync_id": 42, "changes": [nulled("id")] }));
    let change =
        json!({ "field": "\"f\"", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR" });
    assert_eq!(parsed(meta[2]), json!({ "sync_id": 7, "changes": [change] }));
}

/// Sources list their fields in another order after a restart; a column must keep its name.
#[test]
fn which_of_two_case_twins_keeps_its_name_does_not_depend_on_the_schemas_order() {
    let integer = json!({ "type": "integer" });
    let text = json!({ "type": "string" });
    let inside = [
        json!({ "type": "object", "properties": { "Key": integer, "key": text } }),
        json!({ "type": "object", "properties": { "key": text, "Key": integer } }),
    ];
    let orders = [
        json!({ "STATUS": integer, "Status": integer, "status": text, "in": inside[0] }),
        json!({ "status": text, "in": inside[1], "Status": integer, "STATUS": integer }),
    ];
    let record = r#"{"status":"plain","Status":1,"STATUS":2,"in":{"key":"plain","Key":3}}"#;
    for properties in orders {
        let stored = run(&refresh("s", &properties), &json!({}), &input("s", &[record]));
        stored.assert_rows(&[json!({
            "status": "plain", "Status_2": 1, "STATUS_3": 2,
            "in": { "key": "plain", "Key_2": 3 } })]);
        let warnings = stored.outcome.logs("WARN");
        for name in ["\"Status_2\"", "\"STATUS_3\"", "\"Key_2\""] {
            assert!(
                warnings.iter().any(|warning| warning.contains(name)),
                "no warning names {name}: {warnings:#?}"
            );
        }
    }
}

/// With `drop` the file has no such column of ours, and a field of that name keeps its name.
#[test]
fn a_field_named_like_our_additional_column_keeps_its_name_where_there_is_none() {
    let stream =
        refresh("s", &json!({ "id": { "type": "integer" }, ADDITIONAL: { "type": "string" } }));
    // As a source that reads our own files sends it.
    let mine = r#"{"old":1}"#;
    let record = json!({ "id": 1, ADDITIONAL: mine, "more": 2 }).to_string();
    let input = input("s", &[record]);
    let stored = run(&stream, &json!({ "undeclared_fields": "drop" }), &input);
    assert_eq!(stored.table.names(), [&METADATA[..], &["id", ADDITIONAL]].concat());
    assert_eq!(stored.table.column(ADDITIONAL), [&json!(mine)]);

    let stored = run(&stream, &json!({}), &input);
    let numbered = format!("{ADDITIONAL}_2");
    assert_eq!(stored.table.names(), [&METADATA[..], &["id", &numbered, ADDITIONAL]].concat());
    stored.assert_rows(&[json!({ "id": 1, numbered: mine, ADDITIONAL: r#"{"more":2}"# })]);
}

/// Returns the path and logical type of every column that contains no other.
fn leaves(stored: &Stored) -> Vec<(String, Value)> {
    let leaves = stored.files[0].footer["leaves"].as_array().unwrap().iter();
    leaves
        .map(|leaf| (leaf["path"].as_str().unwrap().to_owned(), leaf["logical"].clone()))
        .collect()
}
