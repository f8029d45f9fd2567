//! The memory of the process, read from the child (`VmHWM`): the limit and a known surplus,
//! whatever the input is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::parquet;
use crate::support::connector::PendingWrite;
use crate::support::read_back;
use crate::world::{World, catalog, complete, noise, record, refresh, state};

const MIB: usize = 1024 * 1024;
const LIMIT_MB: usize = 64;

/// Memory of an unoptimized build that an optimized one does not need: its code, and stack frames.
const DEBUG_BUILD: usize = if cfg!(debug_assertions) { 16 * MIB } else { 0 };

/// Runs a write that ends well, and returns the peak of its resident memory.
fn peak_bytes(write: PendingWrite, input: Vec<u8>) -> usize {
    let mut session = write.start();
    let status = format!("/proc/{}/status", session.pid());
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // The mark only rises; it is gone with the process.
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !has_ended.load(Ordering::Relaxed) {
                peak = peak.max(high_water_bytes(&status).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(5));
            }
            peak
        });
        session.send(input);
        session.close_stdin();
        let outcome = session.finish(Duration::from_secs(300));
        has_ended.store(true, Ordering::Relaxed);
        outcome.expect_success();
        watch.join().unwrap()
    })
}

fn high_water_bytes(status: &str) -> Option<usize> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

/// Records of which some have tens of megabytes take at most the limit and three times the longest
/// line.
fn long_lines(format: &str) {
    const LONG: usize = 40_000_000;
    let world = World::new();
    let catalog = catalog([refresh(
        "users",
        &json!({ "id": { "type": "integer" }, "text": { "type": "string" } }),
    )]);
    let settings = json!({ "memory_limit_mb": LIMIT_MB, "format": { "format_type": format } });
    let text = noise(1, LONG);
    let mut input = String::new();
    for id in 0..9 {
        let text = if id % 3 == 1 { &text } else { "short" };
        input.push_str(&record("users", &format!(r#"{{"id":{id},"text":"{text}"}}"#)));
    }
    input.push_str(&[state("users", 1), complete("users")].concat());
    let peak = peak_bytes(world.write(&settings, &catalog), input.into_bytes());
    let most = LIMIT_MB * MIB + 3 * LONG + DEBUG_BUILD;
    assert!(peak <= most, "{format}: {} MiB in use, {} at most", peak / MIB, most / MIB);
    let bytes: usize = match format {
        "parquet" => world.objects().values().map(Vec::len).sum(),
        _ => world.objects().iter().map(|(key, bytes)| read_back::content(key, bytes).len()).sum(),
    };
    let least = if format == "parquet" { 2 * LONG } else { 3 * LONG };
    assert!(bytes >= least, "{bytes} bytes are stored");
}

#[test]
fn long_lines_do_not_multiply_in_jsonl() {
    long_lines("jsonl");
}

#[test]
fn long_lines_do_not_stay_in_the_scratch_of_gzip_in_jsonl_gz() {
    long_lines("jsonl.gz");
}

#[test]
fn long_lines_do_not_stay_in_the_scratch_of_quoting_in_csv() {
    long_lines("csv");
}

#[test]
fn long_lines_do_not_stay_in_any_scratch_in_csv_gz() {
    long_lines("csv.gz");
}

#[test]
fn long_lines_are_not_copied_six_times_in_parquet() {
    long_lines("parquet");
}

/// Streams of nine columns, each with a few rows, take at most the limit and 64 MiB.
fn many_streams(format: &str) {
    const STREAMS: usize = 1_500;
    let world = World::new();
    let types = [json!({ "type": "string" }), json!({ "type": "integer" }), timestamp()];
    let properties: serde_json::Map<String, Value> =
        (0..9).map(|ix| (format!("column_{ix}"), types[ix % 3].clone())).collect();
    let names: Vec<String> = (0..STREAMS).map(|ix| format!("stream_{ix}")).collect();
    let catalog = catalog(names.iter().map(|name| refresh(name, &json!(properties))));
    let settings = json!({
        "memory_limit_mb": LIMIT_MB,
        "format": { "format_type": format },
        // Without a listing for each stream: the test is about memory.
        "s3_bucket_key": "{stream_name}/{uuid}.{extension}",
    });
    let mut input = String::new();
    for row in 0..30 {
        for name in &names {
            let columns: Vec<String> = (0..9)
                .map(|ix| match ix % 3 {
                    0 => format!(r#""column_{ix}":"row {row} of {name}""#),
                    1 => format!(r#""column_{ix}":{}"#, row * 1_000 + ix),
                    _ => format!(r#""column_{ix}":"2026-11-22T01:02:{:02}Z""#, row),
                })
                .collect();
            input.push_str(&record(name, &format!("{{{}}}", columns.join(","))));
        }
    }
    input.extend(names.iter().map(|name| state(name, 1) + &complete(name)));
    let peak = peak_bytes(world.write(&settings, &catalog), input.into_bytes());
    let most = (LIMIT_MB + 64) * MIB + DEBUG_BUILD;
    assert!(peak <= most, "{format}: {} MiB in use, {} at most", peak / MIB, most / MIB);
    assert!(world.keys().len() >= STREAMS);
}

fn timestamp() -> Value {
    json!({ "type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone" })
}

#[test]
fn many_streams_share_the_memory_in_jsonl() {
    many_streams("jsonl");
}

#[test]
fn many_streams_share_the_memory_in_jsonl_gz() {
    many_streams("jsonl.gz");
}

#[test]
fn many_streams_share_the_memory_in_csv() {
    many_streams("csv");
}

#[test]
fn many_streams_share_the_memory_in_parquet() {
    many_streams("parquet");
}

/// Every engine reads what the connector encodes itself: long texts next to nulls and empty ones,
/// at the top and inside an object, with each codec.
#[test]
fn long_texts_in_parquet_are_read_by_every_engine() {
    let text = json!({ "type": ["null", "string"] });
    let inner = json!({ "type": "object", "properties": { "text": text } });
    let stream =
        refresh("users", &json!({ "id": { "type": "integer" }, "text": text, "inside": inner }));
    let long = noise(3, 1_200_000);
    let data = [
        r#"{"id":1,"text":null}"#.to_owned(),
        format!(r#"{{"id":2,"text":"{long}"}}"#),
        r#"{"id":3,"text":""}"#.to_owned(),
        format!(r#"{{"id":4,"text":"\u00e9\n{long}","inside":{{"text":"{long}"}}}}"#),
        r#"{"id":5}"#.to_owned(),
    ];
    let input = parquet::input("users", &data);
    for codec in ["snappy", "zstd", "gzip", "none"] {
        let stored = parquet::run(&stream, &json!({ "compression_codec": codec }), &input);
        assert_eq!(stored.table.rows.len(), data.len(), "{codec}");
    }
}
