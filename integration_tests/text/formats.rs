//! Whole syncs in every format: captured from real sources, and many streams interleaved.
//! Everything that was sent is read back, record by record.

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::sent::{self, Ids, SentRecord};
use crate::support::read_back;
use crate::world::{self, World, catalog, complete, record, refresh, state};

const FORMATS: [&str; 4] = ["jsonl", "jsonl.gz", "csv", "csv.gz"];

#[test]
fn faker_300_in_every_format() {
    let catalog = include_str!("../fixtures/faker_catalog.json");
    FORMATS
        .into_iter()
        .for_each(|format| replay(include_str!("../fixtures/faker_300.jsonl"), catalog, format));
}

#[test]
fn hardcoded_100_in_every_format() {
    let catalog = include_str!("../fixtures/hardcoded_catalog.json");
    FORMATS.into_iter().for_each(|format| {
        replay(include_str!("../fixtures/hardcoded_100.jsonl"), catalog, format)
    });
}

#[test]
fn faker_10k_in_every_format() {
    let mut input = String::new();
    let compressed = include_bytes!("../fixtures/faker_10k.jsonl.gz");
    GzDecoder::new(&compressed[..]).read_to_string(&mut input).unwrap();
    let catalog = include_str!("../fixtures/faker_catalog.json");
    FORMATS.into_iter().for_each(|format| replay(&input, catalog, format));
}

#[test]
fn fifty_interleaved_streams() {
    let names: Vec<String> = (0..50).map(|number| format!("stream_{number:02}")).collect();
    let properties = json!({ "id": { "type": "integer" }, "note": { "type": ["null", "string"] } });
    let catalog = catalog(names.iter().map(|name| refresh(name, &properties)));
    let mut input = String::new();
    for row in 0..200 {
        for (number, name) in names.iter().enumerate() {
            let data = format!(
                "{{\"id\":{row},\"note\":\"{}\"}}",
                world::noise(row * 50 + number as u64, 12)
            );
            input.push_str(&record(name, &data));
        }
        if row % 40 == 39 {
            names.iter().for_each(|name| input.push_str(&state(name, row as u32)));
        }
    }
    names.iter().for_each(|name| input.push_str(&complete(name)));
    for format in ["jsonl.gz", "csv"] {
        replay(&input, &catalog.to_string(), format);
    }
}

/// Sends an input that ends well, and compares everything that is stored and printed with what was
/// sent.
#[track_caller]
fn replay(input: &str, catalog: &str, format: &str) {
    let catalog: Value = serde_json::from_str(catalog).unwrap();
    let world = World::new();
    let outcome = world.sync(&json!({ "format": { "format_type": format } }), &catalog, input);

    let sent = sent::records(input);
    let objects = world.objects();
    assert!(objects.keys().all(|key| key.ends_with(&format!(".{format}"))), "{:?}", objects.keys());
    let stored = read_back::group_by_prefix(&objects, 1);
    assert_eq!(stored.keys().collect::<Vec<_>>(), sent.keys().collect::<Vec<_>>(), "streams");
    for configured in catalog["streams"].as_array().unwrap() {
        let name = configured["stream"]["name"].as_str().unwrap();
        assert_stream(configured, &sent[name], &stored[name]);
    }
    assert_eq!(
        states_without_stats(outcome.states()),
        states_without_stats(sent_states(input).iter().collect())
    );
    let counted: f64 = outcome
        .states()
        .iter()
        .map(|state| state["destinationStats"]["recordCount"].as_f64().unwrap())
        .sum();
    assert_eq!(
        counted as usize,
        sent.values().map(Vec::len).sum::<usize>(),
        "every record precedes a STATE here"
    );
}

fn assert_stream(configured: &Value, sent: &[SentRecord], objects: &BTreeMap<String, Vec<u8>>) {
    let (generation, sync) =
        (configured["generation_id"].to_string(), configured["sync_id"].to_string());
    let ids = Ids { generation: &generation, sync: &sync };
    let contents: Vec<Vec<u8>> = world::in_part_order(objects)
        .into_iter()
        .map(|(key, bytes)| read_back::content(key, bytes))
        .collect();
    if objects.keys().all(|key| key.contains(".jsonl")) {
        let rows: Vec<_> = contents.iter().flat_map(|content| read_back::jsonl(content)).collect();
        return sent::assert_jsonl(sent, &rows, ids);
    }
    let mut tables = contents.iter().map(|content| read_back::csv(content));
    let mut table = tables.next().unwrap();
    for next in tables {
        assert_eq!(next.header, table.header, "every file of a stream has the same columns");
        table.rows.extend(next.rows);
    }
    let properties = configured["stream"]["json_schema"]["properties"].as_object().unwrap();
    sent::assert_csv(sent, &table, &properties.keys().map(String::as_str).collect::<Vec<_>>(), ids);
}

fn sent_states(input: &str) -> Vec<Value> {
    let states = input.lines().filter(|line| line.starts_with("{\"type\":\"STATE\""));
    states.map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone()).collect()
}

/// Returns the states of each stream in order; streams may overtake each other.
fn states_without_stats(states: Vec<&Value>) -> BTreeMap<String, Vec<Value>> {
    let mut streams: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for state in states {
        let mut state = state.clone();
        state.as_object_mut().unwrap().remove("destinationStats");
        let name = state["stream"]["stream_descriptor"]["name"].to_string();
        streams.entry(name).or_default().push(state);
    }
    streams
}
