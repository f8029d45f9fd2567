//! Writes the input of the benchmark: one stream of Airbyte messages and its catalog, the same bytes at every run.
//!
//! `generate_stream RECORDS MESSAGES CATALOG` writes RECORDS records of about 300 bytes each (as message lines) with integers,
//! floats, booleans, texts, timestamps, a nested object, an array and nulls to the file MESSAGES, a STATE after every
//! 10,000 of them and at the end, then STREAM_STATUS COMPLETE; and the configured catalog to the file CATALOG.
//!
//! No clock and no randomness: values come from a counter and a fixed-seed generator.

#![allow(
    clippy::print_stderr,
    reason = "a program of its own, whose stderr is for the person who started it"
)]
#![allow(clippy::disallowed_methods, reason = "a program beside the connector: it reads its arguments")]

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

const STREAM: &str = "orders";
const RECORDS_PER_STATE: u64 = 10_000;
/// 2026-01-01T00:00:00Z, the first record's time.
const START_SECONDS: i64 = 1_767_225_600;

const NAMES: [&str; 8] = ["Ada", "Grace", "Edsger", "Barbara", "Søren", "Zoë", "Donald", "美咲"];
const FAMILY_NAMES: [&str; 8] =
    ["Lovelace", "Hopper", "Dijkstra", "Liskov", "Ångström", "O'Neil", "Knuth", "山田"];
const CITIES: [&str; 6] = ["Amsterdam", "São Paulo", "Nairobi", "Reykjavík", "Wellington", "Ottawa"];
/// As JSON texts: escapes are part of real data.
const NOTES: [&str; 5] = [
    "null",
    r#""leave at the door""#,
    r#""said \"call first\", twice""#,
    "null",
    r#""gift; wrap it\nand add a card, please""#,
];
const CURRENCIES: [&str; 4] = ["EUR", "USD", "GBP", "BRL"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [records, messages, catalog] = arguments.as_slice() else {
        eprintln!("usage: generate_stream RECORDS MESSAGES CATALOG");
        return ExitCode::FAILURE;
    };
    let Ok(records) = records.parse() else {
        eprintln!("generate_stream: {records} is not a number of records");
        return ExitCode::FAILURE;
    };
    let written = File::create(messages)
        .and_then(|file| write_messages(&mut BufWriter::with_capacity(1 << 20, file), records))
        .and_then(|()| fs::write(catalog, configured_catalog().to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("generate_stream: {e}");
            ExitCode::FAILURE
        }
    }
}

fn write_messages(out: &mut impl Write, records: u64) -> io::Result<()> {
    // xorshift64: any state but 0 will do.
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for number in 1..=records {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        write_record(out, number, random)?;
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

fn write_record(out: &mut impl Write, number: u64, random: u64) -> io::Result<()> {
    // Each value takes bits of its own.
    let bits = |shift: u32, choices: u64| (random >> shift) % choices;
    let pick = |texts: &[&'static str], shift: u32| texts[bits(shift, texts.len() as u64) as usize];
    write!(
        out,
        r#"{{"type":"RECORD","record":{{"stream":"{STREAM}","data":{{"id":{number},"customer":"{} {}","amount":{}.{:02},"currency":"{}","#,
        pick(&NAMES, 3),
        pick(&FAMILY_NAMES, 9),
        bits(13, 5_000),
        bits(29, 100),
        pick(&CURRENCIES, 41),
    )?;
    write!(
        out,
        r#""paid":{},"weight":{},"updated_at":"{}","address":{{"city":"{}","zip":"{:05}"}},"items":[{},{}],"note":{}"#,
        bits(44, 2) == 0,
        // Half of the weights are whole, as happens when a source drops the fraction.
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
    )?;
    writeln!(out, r#"}},"emitted_at":{}}}}}"#, emitted_at(number))
}

fn timestamp(number: u64) -> String {
    let seconds = START_SECONDS + i64::try_from(number).unwrap_or(0) * 7;
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Epoch milliseconds: a thousand records in a second.
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
        "updated_at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"},
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
