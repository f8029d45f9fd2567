//! Whole syncs into Parquet: captured from real sources, interleaved, with many STATEs, huge
//! records or many columns, and interrupted. Every engine reads every value back, and it is
//! compared with the oracle.

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::parquet::{self, input, run, settings};
use crate::support::connector::Outcome;
use crate::support::{read_back, readers};
use crate::world::{
    SOON, World, catalog, complete, cursors, failure, noise, record, refresh, state, user, users,
};

#[test]
fn faker_300_in_parquet() {
    replay(
        include_str!("../fixtures/faker_300.jsonl"),
        include_str!("../fixtures/faker_catalog.json"),
        6000,
    );
}

#[test]
fn hardcoded_100_in_parquet() {
    replay(
        include_str!("../fixtures/hardcoded_100.jsonl"),
        include_str!("../fixtures/hardcoded_catalog.json"),
        2000,
    );
}

#[test]
fn faker_10k_in_parquet() {
    let mut input = String::new();
    let compressed = include_bytes!("../fixtures/faker_10k.jsonl.gz");
    GzDecoder::new(&compressed[..]).read_to_string(&mut input).unwrap();
    replay(&input, include_str!("../fixtures/faker_catalog.json"), 200_000);
}

#[test]
fn fifty_interleaved_streams_in_parquet() {
    let names: Vec<String> = (0..50).map(|number| format!("stream_{number:02}")).collect();
    let streams = names.iter().enumerate().map(|(number, name)| {
        let kind = if number % 2 == 0 { "integer" } else { "string" };
        refresh(name, &json!({ "id": { "type": "integer" }, "v": { "type": ["null", kind] } }))
    });
    let mut input = String::new();
    for row in 0..100 {
        for (number, name) in names.iter().enumerate() {
            let value =
                if row % 3 == 0 { "null".to_owned() } else { format!("\"{}\"", row * number) };
            input.push_str(&record(name, &format!("{{\"id\":{row},\"v\":{value}}}")));
        }
        if row % 40 == 39 || row == 99 {
            names.iter().for_each(|name| input.push_str(&state(name, row as u32)));
        }
    }
    names.iter().for_each(|name| input.push_str(&complete(name)));
    replay(&input, &catalog(streams).to_string(), 50 * 150);
}

/// Runs a sync that ends well and compares every stream's files with the oracle. `values` is a
/// lower bound of the non-null values, so that an oracle that knows nothing cannot agree with files
/// that hold nothing.
#[track_caller]
fn replay(input: &str, catalog: &str, values: usize) {
    let catalog: Value = serde_json::from_str(catalog).unwrap();
    let world = World::new();
    let outcome = world.sync(&settings(&json!({})), &catalog, input);
    let stored = read_back::group_by_prefix(&world.objects(), 1);
    let (mut found, mut rows) = (0, 0);
    let mut names = BTreeSet::new();
    for configured in catalog["streams"].as_array().unwrap() {
        let name = configured["stream"]["name"].as_str().unwrap();
        let (_, table) = parquet::read(&stored[name]);
        parquet::assert_expected(configured, &json!({}), input, &table);
        found += table.rows.iter().flatten().filter(|value| !value.is_null()).count();
        rows += table.rows.len();
        names.insert(name.to_owned());
    }
    assert_eq!(stored.keys().cloned().collect::<BTreeSet<_>>(), names, "streams");
    assert!(found >= values, "only {found} values");
    let counts =
        outcome.states().into_iter().map(|state| state["destinationStats"]["recordCount"].as_f64());
    assert_eq!(
        counts.map(Option::unwrap).sum::<f64>() as usize,
        rows,
        "rows that the STATEs count"
    );
}

/// The engines and the oracle without the connector: all engines read the oracle's rows from a file
/// that pyarrow wrote.
#[test]
fn the_readers_agree_with_a_file_that_pyarrow_wrote() {
    let fixture = include_str!("../fixtures/hardcoded_100.jsonl");
    let catalog: Value =
        serde_json::from_str(include_str!("../fixtures/hardcoded_catalog.json")).unwrap();
    for stream in catalog["streams"].as_array().unwrap() {
        let file = readers::written_by_pyarrow(stream, &json!({}), fixture);
        let (files, table) = parquet::read(&[("0.parquet".to_owned(), file)].into());
        parquet::assert_expected(stream, &json!({}), fixture, &table);
        assert_eq!(files[0].footer["rows"], 100);
    }
}

/// Each STATE comes back after its own file, while the input is still open.
#[test]
fn a_file_for_each_state() {
    let world = World::new();
    let mut settings = settings(&json!({}));
    settings["checkpoint_interval_seconds"] = json!(0);
    let mut session = world.write(&settings, &users()).start();
    let mut input = String::new();
    for batch in 0..5 {
        let lines =
            [user(batch * 2), record("users", "{\"id\":\"bad\"}"), state("users", batch)].concat();
        session.send(lines.clone());
        session.wait_for_state(SOON);
        input.push_str(&lines);
    }
    session.send(complete("users"));
    session.finish(SOON).expect_success();
    let (files, table) = parquet::read(&world.objects());
    assert_eq!(files.len(), 5);
    parquet::assert_expected(&users()["streams"][0], &json!({}), &input, &table);
}

/// Files are closed at their size, although no row is written before its row group is full.
#[test]
fn files_are_closed_at_their_size() {
    let world = World::new();
    let stream =
        refresh("s", &json!({ "id": { "type": "integer" }, "text": { "type": "string" } }));
    let records: Vec<String> =
        (0..2000).map(|id| format!(r#"{{"id":{id},"text":"{}"}}"#, noise(id + 1, 3000))).collect();
    let input = input("s", &records);
    let mut settings = settings(&json!({ "row_group_mb": 1 }));
    settings["file_size_mb"] = json!(2);
    world.sync(&settings, &catalog([stream.clone()]), &input);
    let objects = world.objects();
    let (_, table) = parquet::read(&objects);
    parquet::assert_expected(&stream, &json!({}), &input, &table);
    let sizes: Vec<usize> = objects.values().map(Vec::len).collect();
    assert!(sizes.len() >= 2 && sizes.iter().all(|size| *size < 4_000_000), "{sizes:?}");
}

#[test]
fn a_stream_without_records_has_no_file() {
    let world = World::new();
    let streams =
        ["users", "empty"].map(|name| refresh(name, &json!({ "id": { "type": "integer" } })));
    let input =
        [user(1), state("users", 1), state("empty", 2), complete("users"), complete("empty")]
            .concat();
    let outcome = world.sync(&settings(&json!({})), &catalog(streams), &input);
    assert_eq!(sorted_cursors(&outcome), [1, 2]);
    let keys = world.keys();
    assert!(keys.len() == 1 && keys[0].starts_with("users/"), "{keys:?}");
}

#[test]
fn a_record_of_20_megabytes() {
    let stream = refresh(
        "s",
        &json!({ "id": { "type": "integer" }, "text": { "type": "string" },
        "any": {}, "list": { "type": "array", "items": { "type": "integer" } } }),
    );
    let half = "é😀\\n\\u00e9".repeat(10_000_000 / 12);
    let list: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
    let records = [
        r#"{"id":1,"text":"short"}"#.to_owned(),
        format!(r#"{{"id":2,"text":"{half}","any":["{half}"],"list":[{}]}}"#, list.join(",")),
        r#"{"id":3,"any":[]}"#.to_owned(),
    ];
    assert!(records[1].len() > 20_000_000);
    let stored = run(&stream, &json!({}), &input("s", &records));
    assert_eq!(stored.table.column("list")[1].as_array().unwrap().len(), 200_000);
    assert_eq!(stored.table.column("text")[1]["characters"], 10_000_000 / 12 * 4);
}

#[test]
fn three_thousand_columns() {
    let kinds = [
        (json!({ "type": "integer" }), "7"),
        (json!({ "type": "string" }), "\"é\""),
        (json!({ "type": "number" }), "\"x\""),
        (json!({ "type": "string", "format": "date-time" }), "\"2024-01-01T00:00:00Z\""),
        (json!({ "type": "object", "properties": { "a": { "type": "boolean" } } }), "{\"a\":true}"),
        (json!({ "type": "array", "items": { "type": "integer" } }), "[1,2]"),
    ];
    let mut properties = json!({});
    let mut records = [Vec::new(), Vec::new(), Vec::new()];
    for number in 0..3000 {
        let (schema, value) = &kinds[number % kinds.len()];
        properties[format!("column_{number}")] = schema.clone();
        records[0].push(format!("\"column_{number}\":{value}"));
        // The other records have a third of the fields, in reverse order.
        if number % 3 > 0 {
            records[number % 3].insert(0, format!("\"column_{number}\":{value}"));
        }
    }
    let records: Vec<String> =
        records.iter().map(|fields| format!("{{{}}}", fields.join(","))).collect();
    let stored = run(&refresh("wide", &properties), &json!({}), &input("wide", &records));
    assert_eq!(stored.table.columns.len(), 4 + 3000 + 1);
    let changes =
        |row: usize| stored.table.column("_airbyte_meta")[row]["changes"].as_array().unwrap().len();
    assert_eq!([changes(0), changes(1), changes(2)], [500, 0, 500], "NaN is not a number");
}

/// A bad end: the files hold what a STATE covers, and are complete.
#[test]
fn a_garbled_line_in_the_middle() {
    let world = World::new();
    let good = [user(1), state("users", 1), user(2), user(3), state("users", 2)].concat();
    let bad = [
        user(4),
        "{\"type\":\"RECORD\",\"record\":{garbled\n".to_owned(),
        user(5),
        state("users", 3),
    ]
    .concat();
    let outcome =
        world.write(&settings(&json!({})), &users()).input([good.clone(), bad].concat()).run();
    failure(&outcome, "system_error");
    assert_eq!(cursors(&outcome), [1, 2]);
    let (_, table) = parquet::read(&world.objects());
    parquet::assert_expected(&users()["streams"][0], &json!({}), &good, &table);
}

fn sorted_cursors(outcome: &Outcome) -> Vec<u64> {
    let mut cursors = cursors(outcome);
    cursors.sort_unstable();
    cursors
}
