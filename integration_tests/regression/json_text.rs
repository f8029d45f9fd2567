//! Records that are valid JSON and that readers refuse, or that resemble JSON and are not.

use serde_json::{Value, json};

use crate::parquet::{self, replaced};
use crate::sent::{ADDITIONAL, member};
use crate::support::connector::Outcome;
use crate::support::{read_back, readers};
use crate::world::{
    EMITTED_AT, World, catalog, complete, failure, jsonl, jsonl_and, record, refresh, state, users,
};

/// Half pairs in a value, in a name and in nested values; a whole pair; JSON text that mentions
/// one.
const HALVES: &str = r#"{"id":1,"v":"x\ud800y","o":{"d":1.50,"k":["a","\uDC00"]},"n\udbff":"\ud83d\ude00","t":"{\"a\":\"\\ud800\"}"}"#;
const REPLACED: &str = r#"{"id":1,"v":"x\ufffdy","o":{"d":1.50,"k":["a","\ufffd"]},"n\ufffd":"\ud83d\ude00","t":"{\"a\":\"\\ud800\"}"}"#;

fn properties() -> Value {
    let list = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "id": { "type": "integer" },
        "v": { "type": "string" },
        "o": { "type": "object", "properties": { "d": { "type": "number" }, "k": list } },
        "n\u{fffd}": { "type": "string" },
        "t": { "type": "string" },
    })
}

/// Returns the changes for the fields with half a pair, in the order of the record.
fn changes() -> Vec<Value> {
    ["v", "o.k.1", "n\u{fffd}"].map(replaced).to_vec()
}

fn input(stream: &str, data: &[&str]) -> String {
    let records: String = data.iter().map(|data| record(stream, data)).collect();
    [records, state(stream, 1), complete(stream)].concat()
}

#[track_caller]
fn assert_counted(outcome: &Outcome, strings: u32) {
    let told = format!("{strings} strings held half a surrogate pair, which became U+FFFD");
    let logs = outcome.logs("INFO");
    assert!(logs.iter().any(|log| log.contains(&told)), "no log line contains {told:?}: {logs:#?}");
}

#[test]
fn half_a_surrogate_pair_does_not_make_a_jsonl_file_that_engines_refuse() {
    let world = World::new();
    let catalog = catalog([refresh("users", &properties())]);
    let outcome = world.sync(&jsonl(), &catalog, &input("users", &[HALVES, r#"{"id":2,"v":"é"}"#]));
    let objects = world.objects();
    let file = objects.values().next().unwrap();
    let rows = read_back::jsonl(file);
    assert!(rows[0].text.ends_with(REPLACED.trim_start_matches('{')), "{}", rows[0].text);
    let meta: Value = serde_json::from_str(rows[0].get("_airbyte_meta").unwrap()).unwrap();
    assert_eq!(meta, json!({ "sync_id": 42, "changes": changes() }));
    assert_eq!(rows[1].get("_airbyte_meta"), Some(r#"{"sync_id":42,"changes":[]}"#));
    for (engine, rows) in readers::read_text("jsonl", file) {
        assert_eq!(rows.len(), 2, "{engine}");
        assert_eq!(rows[0]["v"], "x\u{fffd}y", "{engine}");
        assert_eq!(rows[0]["n\u{fffd}"], "😀", "{engine}");
        assert_eq!(rows[0]["t"], r#"{"a":"\ud800"}"#, "{engine}");
        assert_eq!(rows[1]["v"], "é", "{engine}");
    }
    assert_counted(&outcome, 3);
}

#[test]
fn half_a_surrogate_pair_in_csv() {
    let world = World::new();
    let catalog = catalog([refresh("users", &json!({ "id": {}, "v": {}, "o": {} }))]);
    let settings = json!({ "format": { "format_type": "csv" } });
    let outcome = world.sync(&settings, &catalog, &input("users", &[HALVES, r#"{"id":2}"#]));
    let objects = world.objects();
    let file = objects.values().next().unwrap();
    let table = read_back::csv(file);
    assert_eq!(table.get(0, "v"), Some("x\u{fffd}y"));
    assert_eq!(table.get(0, "o"), Some(r#"{"d":1.50,"k":["a","\ufffd"]}"#));
    let additional = r#"{"n\ufffd":"\ud83d\ude00","t":"{\"a\":\"\\ud800\"}"}"#;
    assert_eq!(table.get(0, ADDITIONAL), Some(additional));
    let meta: Value = serde_json::from_str(table.get(0, "_airbyte_meta").unwrap()).unwrap();
    assert_eq!(meta["changes"], json!(changes()));
    for (engine, rows) in readers::read_text("csv", file) {
        assert_eq!(rows[0]["v"], "x\u{fffd}y", "{engine}");
    }
    assert_counted(&outcome, 3);
}

#[test]
fn half_a_surrogate_pair_in_parquet() {
    let stream = refresh("users", &properties());
    let stored = parquet::run(&stream, &json!({}), &input("users", &[HALVES]));
    stored.assert_rows(&[json!({
        "id": 1, "v": "x\u{fffd}y", "o": { "d": "1.5", "k": ["a", "\u{fffd}"] }, "n\u{fffd}": "😀",
        "t": r#"{"a":"\ud800"}"#, "changes": changes(),
    })]);
    assert_counted(&stored.outcome, 3);
}

/// The source's own changes come first, and half a pair in them does not break the row either.
#[test]
fn half_a_surrogate_pair_beside_changes_of_the_source() {
    let theirs = r#"{"field":"a\ud800","change":"NULLED","reason":"SOURCE_RETRIEVAL_ERROR"}"#;
    let line = format!(
        "{{\"type\":\"RECORD\",\"record\":{{\"stream\":\"users\",\"data\":{{\"id\":1,\"v\":\"\\ud800\"}},\
         \"emitted_at\":{EMITTED_AT},\"meta\":{{\"changes\":[{theirs}]}}}}}}\n"
    );
    let world = World::new();
    world.sync(&jsonl(), &users(), &[line, complete("users")].concat());
    let meta: Value = serde_json::from_str(world.rows()[0].get("_airbyte_meta").unwrap()).unwrap();
    let first =
        json!({ "field": "a\u{fffd}", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR" });
    assert_eq!(meta["changes"], json!([first, replaced("v")]));
}

#[test]
fn half_a_surrogate_pair_without_a_column_for_changes_is_counted() {
    for metadata in ["none", "ids"] {
        let world = World::new();
        let settings = jsonl_and(&json!({ "metadata_columns": metadata }));
        let outcome = world.sync(&settings, &users(), &input("users", &[HALVES]));
        assert!(world.rows()[0].text.ends_with(REPLACED.trim_start_matches('{')));
        assert_counted(&outcome, 3);
    }
}

/// A stream's name is the same name in the catalog, in records and in statuses.
#[test]
fn half_a_surrogate_pair_in_the_name_of_a_stream() {
    let world = World::new();
    let catalog = catalog([refresh("STREAM", &json!({ "id": {} }))]).to_string();
    let input = [record("STREAM", r#"{"id":1}"#), state("STREAM", 1), complete("STREAM")].concat();
    let write = world
        .write(&jsonl(), &users())
        .file_text("catalog.json", &catalog.replace("STREAM", r"s\ud800"));
    // The STATE would come back as it is, and the test's reader has no text for half a pair.
    let input = input
        .replace(r#""name":"STREAM""#, "\"name\":\"s\u{fffd}\"")
        .replace("STREAM\",\"data", r#"s\udbff","data"#);
    write.input(input).run().expect_success();
    assert_eq!(world.ids(), ["1"]);
}

#[test]
fn a_bare_nan_is_reported_with_its_stream() {
    for (value, name) in
        [("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"), ("[1,NaN]", "NaN")]
    {
        for settings in [jsonl(), parquet::settings(&json!({}))] {
            let world = World::new();
            let bad = record("users", &format!(r#"{{"id":{value}}}"#));
            let outcome = world
                .write(&settings, &users())
                .input(record("users", r#"{"id":1}"#))
                .input(bad)
                .run();
            let message = failure(&outcome, "system_error");
            assert!(message.contains("line 2 "), "{message}");
            assert!(message.contains(&format!("{name} is not a JSON number")), "{message}");
            assert!(message.contains("in a record of stream \"users\""), "{message}");
        }
    }
}

#[test]
fn the_nesting_limit_is_reported() {
    let nested =
        |levels: usize| format!(r#"{{"id":1,"v":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    for settings in
        [jsonl(), json!({ "format": { "format_type": "csv" } }), parquet::settings(&json!({}))]
    {
        let world = World::new();
        world.sync(&settings, &users(), &input("users", &[&nested(1024)]));
        let outcome =
            world.write(&settings, &users()).input(input("users", &[&nested(1025)])).run();
        let message = failure(&outcome, "system_error");
        assert!(message.contains("nest deeper than 1024 levels"), "{message}");
        assert!(message.contains("stream \"users\""), "{message}");
    }
}

/// JSON lines keep the text; where there are columns, the last member has the cell.
#[test]
fn repeated_members_in_every_format() {
    let data = r#"{"id":1,"v":"first","v":"last","o":{"k":1,"k":2},"x":3,"x":4}"#;
    let properties = json!({
        "id": { "type": "integer" },
        "v": { "type": "string" },
        "o": { "type": "object", "properties": { "k": { "type": "integer" } } },
    });
    let stream = refresh("users", &properties);
    let (catalog, input) = (catalog([stream.clone()]), input("users", &[data]));

    let world = World::new();
    world.sync(&jsonl(), &catalog, &input);
    let text = String::from_utf8(world.objects().into_values().next().unwrap()).unwrap();
    assert!(text.trim_end().ends_with(data.trim_start_matches('{')), "{text}");

    let world = World::new();
    world.sync(&json!({ "format": { "format_type": "csv" } }), &catalog, &input);
    let table = read_back::csv(world.objects().values().next().unwrap());
    assert_eq!(table.get(0, "v"), Some("last"));
    assert_eq!(table.get(0, "o"), Some(r#"{"k":1,"k":2}"#), "JSON text is as it came");
    assert_eq!(member(table.get(0, ADDITIONAL).unwrap(), "x").as_deref(), Some("4"));

    let stored = parquet::run(&stream, &json!({}), &input);
    stored
        .assert_rows(&[json!({ "id": 1, "v": "last", "o": { "k": 2 }, ADDITIONAL: r#"{"x":4}"# })]);
}
