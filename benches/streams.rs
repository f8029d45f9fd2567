//! Writes the many interleaved streams of `generate_stream`: short records of 20 columns, one of
//! each stream in turn.
//!
//! The columns are four each of integers, decimal fractions, short strings, timestamps and
//! booleans. One value in sixteen is null.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::{Random, emitted_at, timestamp};

const COLUMNS_OF_EACH_KIND: u32 = 4;
const RECORDS_PER_STATE: u64 = 1_000;
const COLOURS: [&str; 8] = ["amber", "blue", "crimson", "dun", "ebony", "fawn", "gold", "lilac"];

pub(crate) fn write_messages(out: &mut impl Write, streams: u64, records: u64) -> io::Result<()> {
    let mut random = Random::default();
    let mut line = String::new();
    // The number of records of each stream since its last STATE.
    let mut waiting = vec![0; usize::try_from(streams).unwrap_or(0)];
    for number in 1..=records {
        let (stream, round) = ((number - 1) % streams, (number - 1) / streams + 1);
        line.clear();
        push_record(&mut line, stream, number, &mut random).map_err(io::Error::other)?;
        out.write_all(line.as_bytes())?;
        let waiting = &mut waiting[usize::try_from(stream).unwrap_or(0)];
        *waiting += 1;
        // Each stream has its STATEs at a different time, except that the last ones come with its
        // last record.
        let is_due = (round + stream) % RECORDS_PER_STATE == 0;
        if is_due || number + streams > records {
            write_state(out, stream, number, *waiting)?;
            *waiting = 0;
        }
    }
    for stream in 0..streams {
        writeln!(
            out,
            r#"{{"type":"TRACE","trace":{{"type":"STREAM_STATUS","emitted_at":{}.5,"stream_status":{{"stream_descriptor":{{"name":"{}"}},"status":"COMPLETE"}}}}}}"#,
            emitted_at(records),
            name(stream)
        )?;
    }
    out.flush()
}

fn push_record(
    line: &mut String,
    stream: u64,
    number: u64,
    random: &mut Random,
) -> std::fmt::Result {
    write!(line, r#"{{"type":"RECORD","record":{{"stream":"{}","data":{{"#, name(stream))?;
    for column in 1..=COLUMNS_OF_EACH_KIND {
        let comma = if column == 1 { "" } else { "," };
        let bits = random.next();
        // The top bits choose which of the five values is null; mostly none is.
        let null =
            |kind: u64, value: String| if bits >> 60 == kind { "null".to_owned() } else { value };
        write!(
            line,
            r#"{comma}"quantity_{column}":{},"price_{column}":{},"label_{column}":{},"changed_at_{column}":{},"active_{column}":{}"#,
            null(0, (bits >> 3 & 0xF_FFFF).to_string()),
            null(1, format!("{}.{:02}", bits >> 23 & 0x3FF, (bits >> 33) % 100)),
            null(
                2,
                format!(
                    r#""{}-{}""#,
                    COLOURS[usize::from((bits >> 40) as u8 & 7)],
                    bits >> 43 & 0xFFF
                )
            ),
            null(3, format!(r#""{}""#, timestamp(number + u64::from(column)))),
            null(4, (bits >> 55 & 1 == 0).to_string()),
        )?;
    }
    writeln!(line, r#"}},"emitted_at":{}}}}}"#, emitted_at(number))
}

fn write_state(out: &mut impl Write, stream: u64, number: u64, covered: u64) -> io::Result<()> {
    writeln!(
        out,
        r#"{{"type":"STATE","state":{{"type":"STREAM","stream":{{"stream_descriptor":{{"name":"{}"}},"stream_state":{{"updated_at":"{}"}}}},"sourceStats":{{"recordCount":{covered}.0}}}}}}"#,
        name(stream),
        timestamp(number)
    )
}

pub(crate) fn configured_catalog(streams: u64) -> Value {
    let timestamp = json!({"type": ["null", "string"], "format": "date-time",
        "airbyte_type": "timestamp_with_timezone"});
    let mut properties = Map::new();
    for column in 1..=COLUMNS_OF_EACH_KIND {
        for (kind, schema) in [
            ("quantity", json!({"type": ["null", "integer"]})),
            ("price", json!({"type": ["null", "number"]})),
            ("label", json!({"type": ["null", "string"]})),
            ("changed_at", timestamp.clone()),
            ("active", json!({"type": ["null", "boolean"]})),
        ] {
            properties.insert(format!("{kind}_{column}"), schema);
        }
    }
    let stream = |stream| {
        json!({
            "stream": {
                "name": name(stream),
                "json_schema": {"type": "object", "properties": properties},
                "supported_sync_modes": ["full_refresh", "incremental"],
            },
            "sync_mode": "incremental",
            "destination_sync_mode": "append",
            "cursor_field": ["changed_at_1"],
            "generation_id": 1,
            "minimum_generation_id": 0,
            "sync_id": 1,
        })
    };
    json!({"streams": (0..streams).map(stream).collect::<Vec<_>>()})
}

fn name(stream: u64) -> String {
    format!("stream_{stream:03}")
}
