//! Writes the input of the benchmark: Airbyte messages and their catalog, the same bytes in every
//! run.
//!
//! - `generate_stream RECORDS MESSAGES CATALOG` writes one stream of RECORDS records to the file
//!   MESSAGES, and the configured catalog to the file CATALOG. A record has about 300 bytes (as a
//!   message line) with integers, floats, booleans, strings, timestamps, a nested object, an array
//!   and nulls. A STATE follows every 10,000 records and the last one, then STREAM_STATUS COMPLETE.
//! - `generate_stream --bare RECORDS FILE` writes only the `data` objects of that stream, one per
//!   line, for programs that do not speak the protocol.
//! - `generate_stream --streams STREAMS RECORDS MESSAGES CATALOG` writes STREAMS interleaved
//!   streams of 20 columns, RECORDS records in all, about 540 bytes each. A STATE follows every
//!   1,000 records of a stream (at a different time for each stream) and its last one.
//!
//! The values come from a counter and a generator with a fixed seed, not from a clock or random
//! numbers.

#![allow(
    clippy::print_stderr,
    reason = "a program of its own, whose stderr is for the person who started it"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a program beside the connector: it reads its arguments"
)]

mod streams;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::num::NonZeroU64;
use std::process::ExitCode;

use serde_json::{Value, json};

const STREAM: &str = "orders";
const RECORDS_PER_STATE: u64 = 10_000;
/// The time of the first record: 2026-01-01T00:00:00Z.
const START_SECONDS: i64 = 1_767_225_600;

const NAMES: [&str; 8] = ["Ada", "Grace", "Edsger", "Barbara", "Søren", "Zoë", "Donald", "美咲"];
const FAMILY_NAMES: [&str; 8] =
    ["Lovelace", "Hopper", "Dijkstra", "Liskov", "Ångström", "O'Neil", "Knuth", "山田"];
const CITIES: [&str; 6] =
    ["Amsterdam", "São Paulo", "Nairobi", "Reykjavík", "Wellington", "Ottawa"];
/// JSON strings. Some have escapes, as real data has.
const NOTES: [&str; 5] = [
    "null",
    r#""leave at the door""#,
    r#""said \"call first\", twice""#,
    "null",
    r#""gift; wrap it\nand add a card, please""#,
];
const CURRENCIES: [&str; 4] = ["EUR", "USD", "GBP", "BRL"];

const USAGE: &str = "usage: generate_stream RECORDS MESSAGES CATALOG
       generate_stream --bare RECORDS FILE
       generate_stream --streams STREAMS RECORDS MESSAGES CATALOG";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match generate(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("generate_stream: {e}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn generate(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let create = |path| File::create(path).map(|file| BufWriter::with_capacity(1 << 20, file));
    match arguments {
        ["--bare", records, bare] => write_bare(&mut create(bare)?, records.parse()?)?,
        ["--streams", streams, records, messages, catalog] => {
            let streams = streams.parse::<NonZeroU64>()?.get();
            streams::write_messages(&mut create(messages)?, streams, records.parse()?)?;
            fs::write(catalog, streams::configured_catalog(streams).to_string())?;
        }
        [records, messages, catalog] => {
            write_messages(&mut create(messages)?, records.parse()?)?;
            fs::write(catalog, configured_catalog().to_string())?;
        }
        _ => return Err("these arguments make no sense".into()),
    }
    Ok(())
}

fn write_messages(out: &mut impl Write, records: u64) -> io::Result<()> {
    let mut random = Random::default();
    for number in 1..=records {
        write!(out, r#"{{"type":"RECORD","record":{{"stream":"{STREAM}","data":"#)?;
        write_data(out, number, random.next())?;
        writeln!(out, r#","emitted_at":{}}}}}"#, emitted_at(number))?;
        if number % RECORDS_PER_STATE == 0 || number == records {
            let covered = (number - 1) % RECORDS_PER_STATE + 1;
            writeln!(
                out,
                r#"{{"type":"STATE","state":{{"type":"STREAM","stream":{{"stream_descriptor":{{"name":"{STREAM}"}},"stream_state":{{"updated_at":"{}","id":{number}}}}},"sourceStats":{{"recordCount":{covered}.0}}}}}}"#,
                timestamp(number)
            )?;
        }
    }
    writeln!(
        out,
        r#"{{"type":"TRACE","trace":{{"type":"STREAM_STATUS","emitted_at":{}.5,"stream_status":{{"stream_descriptor":{{"name":"{STREAM}"}},"status":"COMPLETE"}}}}}}"#,
        emitted_at(records)
    )?;
    out.flush()
}

fn write_bare(out: &mut impl Write, records: u64) -> io::Result<()> {
    let mut random = Random::default();
    for number in 1..=records {
        write_data(out, number, random.next())?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn write_data(out: &mut impl Write, number: u64, random: u64) -> io::Result<()> {
    // Each value uses different bits.
    let bits = |shift: u32, choices: u64| (random >> shift) % choices;
    let pick = |texts: &[&'static str], shift: u32| texts[bits(shift, texts.len() as u64) as usize];
    write!(
        out,
        r#"{{"id":{number},"customer":"{} {}","amount":{}.{:02},"currency":"{}","#,
        pick(&NAMES, 3),
        pick(&FAMILY_NAMES, 9),
        bits(13, 5_000),
        bits(29, 100),
        pick(&CURRENCIES, 41),
    )?;
    write!(
        out,
        r#""paid":{},"weight":{},"updated_at":"{}","address":{{"city":"{}","zip":"{:05}"}},"items":[{},{}],"note":{}}}"#,
        bits(44, 2) == 0,
        // Half of the weights are whole numbers, as from a source that drops the fraction.
        if bits(45, 2) == 0 {
            format!("{}", bits(20, 90))
        } else {
            format!("{}.{}", bits(20, 90), bits(33, 10))
        },
        timestamp(number),
        pick(&CITIES, 47),
        bits(17, 100_000),
        bits(23, 10_000),
        bits(37, 10_000),
        pick(&NOTES, 52),
    )
}

/// A xorshift64 generator. Its state must not be 0.
#[derive(Debug)]
struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn timestamp(number: u64) -> String {
    let seconds = START_SECONDS + i64::try_from(number).unwrap_or(0) * 7;
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns epoch milliseconds: a thousand records per second.
fn emitted_at(number: u64) -> u64 {
    START_SECONDS.unsigned_abs() * 1_000 + number
}

fn configured_catalog() -> Value {
    let string = json!({"type": ["null", "string"]});
    let properties = json!({
        "id": {"type": "integer"},
        "customer": string,
        "amount": {"type": ["null", "number"]},
        "currency": string,
        "paid": {"type": ["null", "boolean"]},
        "weight": {"type": ["null", "number"]},
        "updated_at": {"type": "string", "format": "date-time",
            "airbyte_type": "timestamp_with_timezone"},
        "address": {"type": ["null", "object"], "properties": {"city": string, "zip": string}},
        "items": {"type": ["null", "array"], "items": {"type": "integer"}},
        "note": string,
    });
    json!({"streams": [{
        "stream": {
            "name": STREAM,
            "json_schema": {"type": "object", "properties": properties},
            "supported_sync_modes": ["full_refresh", "incremental"],
            "source_defined_primary_key": [["id"]],
        },
        "sync_mode": "incremental",
        "destination_sync_mode": "append",
        "cursor_field": ["updated_at"],
        "generation_id": 1,
        "minimum_generation_id": 0,
        "sync_id": 1,
    }]})
}
