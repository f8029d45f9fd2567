//! Catalogs and settings that are valid JSON by RFC 8259, whatever a parser makes of them.

use serde_json::{Value, json};

use crate::parquet;
use crate::support::readers;
use crate::world::{World, catalog, complete, failure, jsonl, record, refresh, users};

/// Returns a catalog of `users` in which the property `odd` has this schema text.
fn catalog_with(schema: &str) -> String {
    let properties = json!({ "id": { "type": "integer" }, "odd": "SCHEMA" });
    catalog([refresh("users", &properties)]).to_string().replace("\"SCHEMA\"", schema)
}

fn nested(levels: usize, open: &str, close: &str) -> String {
    open.repeat(levels) + "1" + &close.repeat(levels)
}

#[test]
fn schemas_that_are_json_do_not_stop_the_sync() {
    let deep_object = nested(61, r#"{"type":"object","properties":{"a":"#, "}}");
    let cases: Vec<(String, Option<Value>)> = vec![
        (r#"{"type":"string","description":"cut \ud83d"}"#.into(), Some(json!("string"))),
        (r#"{"type":"string","\udc00":["\ud800"]}"#.into(), Some(json!("string"))),
        (r#"{"type":"number","maximum":1e400,"minimum":-1e999}"#.into(), Some(json!("double"))),
        (
            format!(r#"{{"type":"integer","default":{}}}"#, nested(121, "[", "]")),
            Some(json!("int64")),
        ),
        (
            format!(r#"{{"type":"integer","default":{}}}"#, nested(5_000, r#"{"a":"#, "}")),
            Some(json!("int64")),
        ),
        // A type of its own: structs down to the deepest level allowed, JSON text below.
        (deep_object, None),
    ];
    for (schema, kind) in cases {
        let shown: String = schema.chars().take(80).collect();
        for settings in
            [jsonl(), json!({ "format": { "format_type": "csv" } }), parquet::settings(&json!({}))]
        {
            let world = World::new();
            let write =
                world.write(&settings, &users()).file_text("catalog.json", &catalog_with(&schema));
            let outcome =
                write.input(record("users", r#"{"id":7}"#)).input(complete("users")).run();
            assert_eq!(outcome.code(), Some(0), "{shown}: {outcome:#?}");
            let objects = world.objects();
            assert_eq!(objects.len(), 1, "{shown}");
            if settings["format"]["format_type"] == "parquet" {
                let files = readers::read(objects.values());
                assert_eq!(files[0].table.column("id"), [&json!(7)], "{shown}");
                if let Some(kind) = &kind {
                    assert_eq!(files[0].table.kind("odd"), kind, "{shown}");
                }
            }
        }
    }
}

#[test]
fn a_catalog_that_is_not_json_names_the_place_and_the_stream() {
    let world = World::new();
    let text = catalog_with(r#"{"maximum":NaN}"#);
    let outcome = world.write(&jsonl(), &users()).file_text("catalog.json", &text).run();
    let message = failure(&outcome, "config_error");
    assert!(
        message.contains("the catalog is not JSON: NaN is not a JSON number at line 1"),
        "{message}"
    );
    assert!(message.contains("in stream users"), "{message}");
}

/// Strings and numbers that no program can represent are refused for their field, not for the whole
/// file.
#[test]
fn settings_that_are_json_are_read_as_json() {
    let world = World::new();
    for (field, value) in [
        ("timezone", r#""Europe/\ud800""#.to_owned()),
        ("file_size_mb", "1e400".to_owned()),
        ("no_such_field", nested(500, "[", "]")),
    ] {
        let config =
            world.config(&json!({ field: "VALUE" })).to_string().replace("\"VALUE\"", &value);
        let outcome = world.write(&jsonl(), &users()).file_text("config.json", &config).run();
        let message = failure(&outcome, "config_error");
        assert!(!message.contains("not JSON") && message.contains(field), "{message}");
    }
}
