//! Whole runs against a server in this process, with one worker and with several.

use std::io::Write as _;

use chrono::TimeZone;
use uuid::Uuid;

use super::*;
use crate::format::text::RowEncoder;
use crate::format::{Format, MetadataColumns, StreamMeta};
use crate::key::{KeyTemplate, RunValues, StreamValues, ids};
use crate::model::StreamDescriptor;
use crate::pipeline::engine::StreamPlan;
use crate::pipeline::file::{FileSettings, PieceSizes};
use crate::pipeline::input::StreamEncoding;
use crate::pipeline::messages::{Compression, StreamFormat};
use crate::store::testing::Embedded;

const STREAMS: [&str; 2] = ["a", "b"];

fn settings(workers: usize, gzip_level: Option<u8>) -> RunSettings {
    let format = Format::Jsonl { gzip_level };
    let mut plans = Vec::new();
    let mut encodings = Vec::new();
    for name in STREAMS {
        let descriptor = StreamDescriptor::new(None, name);
        let meta = StreamMeta { generation_id: None, sync_id: 0 };
        let encoder = RowEncoder::new(&format, MetadataColumns::None, &meta, &[]).unwrap();
        let stream_id = ids::stream_id("c", &descriptor);
        let values = StreamValues {
            descriptor: descriptor.clone(),
            stream_id,
            stream_run_id: stream_id,
            generation_id: None,
        };
        let compression = gzip_level.map_or(Compression::None, |level| Compression::Gzip { level });
        let format = StreamFormat::text(encoder, compression);
        plans.push(StreamPlan { values, format: format.clone() });
        encodings.push((descriptor, StreamEncoding { format, cursor_field: None }));
    }
    RunSettings {
        engine: EngineSettings {
            template: KeyTemplate::parse("{stream_name}/{part}.{extension}").unwrap(),
            run: RunValues {
                extension: format.extension(),
                started_at: chrono_tz::UTC.with_ymd_and_hms(2026, 11, 22, 1, 2, 3).unwrap(),
                connection_id: "c".to_owned(),
                connection_run_id: Uuid::nil(),
                sync_id: 0,
            },
            streams: plans,
            content_type: format.content_type(),
            file: FileSettings {
                pieces: PieceSizes { min_frame_bytes: 64 * 1024, min_row_group_bytes: 0 },
                part_bytes: 5 * 1024 * 1024,
                key_when_sealed: false,
            },
            file_size_bytes: 8 * 1024 * 1024,
            checkpoint_interval: std::time::Duration::from_secs(60),
            checkpoint_records: None,
            tail_bytes: 1024 * 1024,
            expects_complete: false,
            attempt_id: Uuid::nil(),
        },
        table: StreamTable::new(encodings),
        memory_limit_bytes: 24 * 1024 * 1024,
        spare_bytes: 1 << 26,
        workers,
        blocks: BlockSettings { block_bytes: 64 * 1024, max_line_bytes: 1 << 20 },
        upload_concurrency: 4,
        upload_ahead_bytes: 16 * 1024 * 1024,
    }
}

fn input(records: usize) -> String {
    let mut text = String::new();
    for id in 0..records {
        let stream = STREAMS[id % STREAMS.len()];
        let data = format!(r#"{{"id":{id},"text":"{}"}}"#, "x".repeat(id % 500));
        text += &format!(
            r#"{{"type":"RECORD","record":{{"stream":"{stream}","data":{data},"emitted_at":1}}}}"#
        );
        text.push('\n');
        if id % 1_000 == 999 {
            text += &format!(
                r#"{{"type":"STATE","state":{{"id":{id},"type":"STREAM","stream":{{"stream_descriptor":{{"name":"{stream}"}}}}}}}}"#
            );
            text.push('\n');
        }
    }
    text
}

/// Runs over `text` and gives every object's rows in the order of their part numbers, and what was
/// printed.
fn run_over(text: &str, settings: RunSettings, gzip: bool) -> (Vec<Vec<u64>>, String) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = Embedded::start();
    let (read, write) = rustix::pipe::pipe().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || std::fs::File::from(write).write_all(text.as_bytes()));
    let mut printed = Vec::new();
    let mut emitter = Emitter::new(&mut printed);
    let (summary, result) = Run {
        input: read,
        settings,
        store: server.store(),
        runtime: runtime.handle(),
        shutdown: Shutdown::never(),
    }
    .run(&mut emitter);
    drop(emitter);
    assert_eq!(result, Ok(()));
    writer.join().unwrap().unwrap();
    let objects = server.objects();
    let mut rows = Vec::new();
    for name in STREAMS {
        let mut ids = Vec::new();
        for part in 0.. {
            let key = format!("{name}/{part}.jsonl{}", if gzip { ".gz" } else { "" });
            let Some(bytes) = objects.get(&key) else { break };
            let text = if gzip {
                std::io::read_to_string(flate2::read::MultiGzDecoder::new(&bytes[..])).unwrap()
            } else {
                String::from_utf8(bytes.clone()).unwrap()
            };
            for line in text.lines() {
                let row: serde_json::Value = serde_json::from_str(line).unwrap();
                ids.push(row["id"].as_u64().unwrap());
            }
        }
        rows.push(ids);
    }
    assert_eq!(summary.streams.len(), STREAMS.len());
    (rows, String::from_utf8(printed).unwrap())
}

#[test]
fn any_number_of_workers_makes_the_same_rows_in_the_same_order() {
    let text = input(60_000);
    for (workers, gzip_level) in [(1, None), (3, None), (1, Some(1)), (3, Some(6))] {
        let (rows, printed) = run_over(&text, settings(workers, gzip_level), gzip_level.is_some());
        for (ix, ids) in rows.iter().enumerate() {
            let expected: Vec<u64> = (0..60_000).filter(|id| id % 2 == ix as u64).collect();
            assert!(*ids == expected, "{workers} workers, stream {ix}: {} rows", ids.len());
        }
        // The other lines are about files of several parts.
        let states: Vec<u64> = printed
            .lines()
            .filter_map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["state"]["id"].as_u64()
            })
            .collect();
        assert_eq!(states, (0..60).map(|n| n * 1_000 + 999).collect::<Vec<u64>>());
    }
}
