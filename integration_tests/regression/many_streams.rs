//! Syncs of many streams: the cost of a stream does not depend on the others, nor does the size of
//! its files.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::read_back;
use crate::world::{World, catalog, complete, noise, record, refresh};

/// Returns a STATE of type GLOBAL.
fn global(number: usize) -> String {
    format!(
        "{{\"type\":\"STATE\",\"state\":{{\"type\":\"GLOBAL\",\"global\":{{\"shared_state\":{{\"cursor\":{number}}},\
         \"stream_states\":[]}}}}}}\n"
    )
}

/// One stream compresses to a hundredth, the other hardly at all: each still fills its files.
#[test]
fn each_stream_meets_the_file_size_although_their_texts_compress_differently() {
    const FILE_MB: usize = 8;
    let world = World::new();
    let properties = json!({ "id": { "type": "integer" }, "text": { "type": "string" } });
    let catalog = catalog(["dense", "loose"].map(|name| refresh(name, &properties)));
    let settings = json!({ "file_size_mb": FILE_MB, "memory_limit_mb": 512,
        "format": { "format_type": "jsonl.gz" } });
    let repeated = "the same words again and again, ".repeat(1_000);
    let mut input = String::new();
    for id in 0..1_200 {
        let text = noise(id, 32_000);
        input.push_str(&record("dense", &format!(r#"{{"id":{id},"text":"{text}"}}"#)));
        input.push_str(&record("loose", &format!(r#"{{"id":{id},"text":"{repeated}"}}"#)));
    }
    input.push_str(&[global(1), complete("dense"), complete("loose")].concat());
    world.sync(&settings, &catalog, &input);
    let objects = world.objects();
    let sizes = |name: &str| -> Vec<usize> {
        objects.iter().filter(|(key, _)| key.contains(name)).map(|(_, bytes)| bytes.len()).collect()
    };
    // 38 MB of text each: the dense stream comes to 29 MB, the loose one to less than half a file.
    let (dense, loose) = (sizes("dense"), sizes("loose"));
    assert_eq!(loose.len(), 1, "{loose:?}");
    let whole = FILE_MB * 1024 * 1024;
    let full = dense
        .iter()
        .filter(|size| **size >= whole - whole / 4 && **size <= whole + whole / 4)
        .count();
    assert!(full + 1 >= dense.len() && dense.len() <= 5, "{dense:?}");
}

/// A GLOBAL state after every hundred records of hundreds of streams: each comes back once, in
/// order, and every row is there.
#[test]
fn global_states_over_many_streams_come_back_in_order_with_every_row_stored() {
    const STREAMS: usize = 300;
    const ROWS: usize = 6_000;
    let world = World::new();
    let names: Vec<String> = (0..STREAMS).map(|ix| format!("stream_{ix}")).collect();
    let catalog =
        catalog(names.iter().map(|name| refresh(name, &json!({ "id": { "type": "integer" } }))));
    let settings = json!({
        "format": { "format_type": "jsonl" },
        "s3_bucket_key": "{stream_name}/{uuid}.{extension}",
    });
    let mut input = String::new();
    for id in 0..ROWS {
        input.push_str(&record(&names[id % STREAMS], &format!(r#"{{"id":{id}}}"#)));
        if id % 100 == 99 {
            input.push_str(&global(id));
        }
    }
    input.extend(names.iter().map(|name| complete(name)));
    let outcome = world.sync(&settings, &catalog, &input);
    let returned: Vec<u64> = outcome
        .states()
        .iter()
        .map(|state| state["global"]["shared_state"]["cursor"].as_u64().unwrap())
        .collect();
    assert_eq!(returned, (99..ROWS as u64).step_by(100).collect::<Vec<_>>());
    let counts: Vec<f64> = outcome
        .states()
        .iter()
        .map(|state| state["destinationStats"]["recordCount"].as_f64().unwrap())
        .collect();
    assert!(counts.iter().all(|count| *count == 100.0), "{counts:?}");
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    for row in read_back::jsonl_rows(&world.objects()) {
        *rows.entry(row.get("id").unwrap().parse().unwrap()).or_default() += 1;
    }
    assert!(rows.len() == ROWS && rows.values().all(|count| *count == 1));
}
