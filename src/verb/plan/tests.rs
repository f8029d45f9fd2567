//! What a run is planned to do, from settings, catalog, machine and variables to numbers.

use chrono::TimeZone;
use serde_json::{Value, json};

use super::*;
use crate::pipeline::messages::{Compression, StreamFormat};
use crate::protocol::catalog::OldObjects;

const MIB: u64 = 1024 * 1024;

fn config(members: &Value) -> Config {
    let mut config = json!({
        "s3_bucket_name": "lake",
        "s3_bucket_region": "us-east-1",
        "authentication": {"auth_type": "default_chain"},
    });
    for (name, value) in members.as_object().unwrap() {
        config[name] = value.clone();
    }
    Config::parse(config.to_string().as_bytes()).unwrap()
}

/// A catalog of one stream `users` with these members, in the plain dialect unless they say more.
fn catalog(members: &Value) -> Catalog {
    let mut stream = json!({
        "stream": {
            "name": "users",
            "namespace": "public",
            "json_schema": {"properties": {"id": {"type": "integer"}, "Name": {"type": "string"}}},
        },
        "sync_mode": "incremental",
        "destination_sync_mode": "append",
        "cursor_field": ["updated_at"],
    });
    for (name, value) in members.as_object().unwrap() {
        stream[name] = value.clone();
    }
    Catalog::parse(json!({"streams": [stream]}).to_string().as_bytes()).unwrap()
}

fn context() -> RunContext {
    RunContext {
        machine: Machine { processors: 2, control_group_limit_bytes: None },
        variables: RunVariables {
            connection_id: Some("acme".to_owned()),
            ..RunVariables::default()
        },
        started_at: Utc.with_ymd_and_hms(2026, 7, 1, 22, 30, 0).unwrap(),
        random_run_id: Uuid::from_u128(1),
        attempt_id: Uuid::from_u128(2),
    }
}

fn plan_of(settings: &Value) -> RunPlan {
    plan(&config(settings), &catalog(&json!({})), &context()).unwrap()
}

/// What a frame of text, or the rows of a row group, takes: `None` where text is not compressed.
fn piece_bytes_of(plan: &RunPlan) -> Option<u64> {
    let engine = &plan.settings.engine;
    let pieces = engine.file.pieces;
    match &engine.streams[0].format {
        StreamFormat::Text { compression: Compression::None, .. } => None,
        StreamFormat::Text { compression: Compression::Gzip { .. }, .. } => {
            Some(pieces.min_frame_bytes as u64)
        }
        StreamFormat::Parquet(_) => Some(pieces.min_row_group_bytes),
    }
}

fn header_of(format: &StreamFormat) -> String {
    match format {
        StreamFormat::Text { encoder, .. } => String::from_utf8(encoder.header().to_vec()).unwrap(),
        StreamFormat::Parquet(_) => String::new(),
    }
}

/// (format) and (MiB of a frame or row group, deflate level, content type, header of a file, has
/// columns).
#[test]
fn each_format_has_its_frames_its_level_and_its_content_type() {
    let header = "_airbyte_raw_id,_airbyte_extracted_at,_airbyte_generation_id,_airbyte_meta,id,\
                  Name,_airbyte_additional_properties";
    for (format, piece_mib, gzip_level, content_type, header, has_columns) in [
        (json!({"format_type": "csv"}), None, None, "text/csv; charset=utf-8", header, false),
        (
            json!({"format_type": "csv.gz", "gzip_level": 9}),
            Some(1),
            Some(9),
            "application/gzip",
            header,
            false,
        ),
        (json!({"format_type": "jsonl"}), None, None, "application/x-ndjson", "", false),
        (json!({"format_type": "jsonl.gz"}), Some(1), Some(6), "application/gzip", "", false),
        (
            json!({"format_type": "parquet", "row_group_mb": 20}),
            Some(20),
            None,
            "application/vnd.apache.parquet",
            "",
            true,
        ),
    ] {
        let plan = plan_of(&json!({ "format": format }));
        let piece_bytes = piece_mib.map(|mib: u64| mib * MIB);
        assert_eq!(piece_bytes_of(&plan), piece_bytes, "{format}");
        assert_eq!(plan.settings.engine.content_type, content_type, "{format}");
        let stream = &plan.settings.engine.streams[0];
        let level = match stream.format.compression() {
            Compression::None => None,
            Compression::Gzip { level } => Some(level),
        };
        assert_eq!(level, gzip_level, "{format}");
        assert_eq!(header_of(&stream.format).trim_end(), header, "{format}");
        assert_eq!(stream.format.columns().is_some(), has_columns, "{format}");
    }
}

/// (settings, processors, limit of the container in MiB) and (MiB for data, MiB for spare buffers,
/// workers, requests at once, MiB that may wait for S3, KiB of a tail).
#[test]
fn memory_follows_from_the_setting_the_container_and_the_format() {
    let csv = json!({"format": {"format_type": "csv"}});
    let small = json!({"format": {"format_type": "csv"}, "memory_limit_mb": 64});
    let gzip = json!({"format": {"format_type": "csv.gz"}});
    let table = [
        (&csv, 2, None, (191, 32, 2, 7, 72, 16 * 1024)),
        (&csv, 2, Some(64), (47, 8, 2, 4, 48, 6143)),
        (&csv, 1, Some(4096), (383, 64, 1, 15, 136, 16 * 1024)),
        (&small, 8, Some(4096), (47, 8, 4, 4, 48, 6143)),
        (&gzip, 2, None, (183, 32, 2, 7, 72, 16 * 1024)),
    ];
    for (settings, processors, container, expected) in table {
        let control_group_limit_bytes = container.map(|mib: u64| mib * MIB);
        let machine = Machine { processors, control_group_limit_bytes };
        let context = RunContext { machine, ..context() };
        let run = plan(&config(settings), &catalog(&json!({})), &context).unwrap().settings;
        let found = (
            run.memory_limit_bytes / MIB,
            run.spare_bytes as u64 / MIB,
            run.workers,
            run.upload_concurrency,
            run.upload_ahead_bytes / MIB,
            run.engine.tail_bytes / 1024,
        );
        assert_eq!(found, expected, "{settings} {machine:?}");
        assert_eq!(run.engine.file.part_bytes as u64, 8 * MIB);
    }
}

/// (size of a file in MB, whether its key shows the cursor) and (where it is rolled in MiB, KiB of
/// a block, KiB of a frame).
#[test]
fn sizes_follow_from_the_size_of_a_file() {
    for (file_size_mb, shows_cursor, expected) in [
        (1, false, (1, 256, 128)),
        (3, false, (3, 768, 384)),
        (8, false, (8, 1024, 1024)),
        (5000, false, (5000, 1024, 1024)),
        // The file is in memory until it is sealed: a quarter of 183 MiB.
        (5000, true, (45, 1024, 1024)),
        (8, true, (8, 1024, 1024)),
    ] {
        let key = if shows_cursor { "{stream_name}/{cursor_day}/{part}" } else { "{stream_name}" };
        let plan = plan_of(&json!({
            "format": {"format_type": "jsonl.gz"},
            "file_size_mb": file_size_mb,
            "s3_bucket_key": key,
        }));
        let run = &plan.settings;
        let found = (
            run.engine.file_size_bytes / MIB,
            run.blocks.block_bytes / 1024,
            piece_bytes_of(&plan).unwrap() / 1024,
        );
        assert_eq!(found, expected, "{file_size_mb} MB, cursor: {shows_cursor}");
        assert_eq!(run.engine.file.key_when_sealed, shows_cursor);
        assert_eq!(run.blocks.max_line_bytes, MAX_LINE_BYTES);
    }
}

#[test]
fn the_batch_size_override_is_a_number_of_records() {
    let planned = |text: Option<&str>| {
        let variables =
            RunVariables { batch_size_override: text.map(str::to_owned), ..context().variables };
        let context = RunContext { variables, ..context() };
        plan(&config(&json!({})), &catalog(&json!({})), &context)
            .map(|plan| plan.settings.engine.checkpoint_records)
    };
    for (text, records) in [(None, None), (Some("1"), Some(1)), (Some("10000"), Some(10_000))] {
        assert_eq!(planned(text), Ok(records));
    }
    for text in ["0", "-1", "1.5", "many", " 1"] {
        let failure = planned(Some(text)).unwrap_err();
        assert_eq!(failure.failure_type, FailureType::Config);
        assert!(failure.message.contains(BATCH_SIZE_VARIABLE), "{}", failure.message);
    }
}

/// (members of the catalog, `WORKER_JOB_ID`) and (sync id, whether the run's id is the random one,
/// whether the source says COMPLETE).
#[test]
fn the_job_is_numbered_by_the_catalog_else_by_the_variable() {
    let refresh = json!({"generation_id": 3, "minimum_generation_id": 0, "sync_id": 71});
    for (members, job_id, expected) in [
        (json!({}), None, (0, true, false)),
        (json!({}), Some("12"), (12, true, false)),
        (json!({}), Some("twelve"), (0, true, false)),
        (refresh.clone(), Some("12"), (71, false, true)),
        (refresh, None, (71, false, true)),
    ] {
        let variables =
            RunVariables { worker_job_id: job_id.map(str::to_owned), ..context().variables };
        let context = RunContext { variables, ..context() };
        let engine =
            plan(&config(&json!({})), &catalog(&members), &context).unwrap().settings.engine;
        let is_random = engine.run.connection_run_id == context.random_run_id;
        let found = (engine.run.sync_id, is_random, engine.expects_complete);
        assert_eq!(found, expected, "{members} {job_id:?}");
        assert_eq!(engine.attempt_id, context.attempt_id);
    }
}

#[test]
fn the_run_starts_in_the_time_zone_of_the_settings() {
    let run = plan_of(&json!({"timezone": "Asia/Tokyo"})).settings.engine.run;
    assert_eq!(run.started_at.to_rfc3339(), "2026-07-02T07:30:00+09:00");
}

/// (members of the catalog, key) and (which objects go, how many keys are known beforehand).
#[test]
fn a_good_end_replaces_what_the_catalog_asks_for() {
    let refresh = |minimum: i64| {
        json!({
            "destination_sync_mode": "append",
            "generation_id": 3, "minimum_generation_id": minimum, "sync_id": 71,
        })
    };
    let overwrite = json!({"destination_sync_mode": "overwrite"});
    let fixed = "{namespace}/{stream_name}";
    for (members, key, expected) in [
        (json!({}), fixed, None),
        (refresh(0), fixed, None),
        (refresh(3), fixed, Some((OldObjects::RemoveOlderThan(3), 1))),
        (overwrite.clone(), fixed, Some((OldObjects::RemoveOthers, 1))),
        // The run says which names it used: each file has one of its own.
        (overwrite, "{stream_name}/{cursor_date_time}", Some((OldObjects::RemoveOthers, 0))),
    ] {
        let config = config(&json!({ "s3_bucket_key": key }));
        let plan = plan(&config, &catalog(&members), &context()).unwrap();
        let [replacement] = &plan.replacements[..] else { panic!("one stream") };
        let found = replacement.as_ref().map(|found| (found.rule, found.stems.len()));
        assert_eq!(found, expected, "{members} {key}");
        if let Some(replacement) = replacement {
            assert_eq!(replacement.attempt_id, context().attempt_id);
            assert!(replacement.marks.iter().all(|mark| !mark.is_empty()));
        }
    }
}

#[test]
fn a_run_that_replaces_warns_where_nothing_names_the_connection() {
    let warnings = |settings: &Value, members: &Value, variable: Option<&str>| {
        let variables =
            RunVariables { connection_id: variable.map(str::to_owned), ..RunVariables::default() };
        let context = RunContext { variables, ..context() };
        let plan = plan(&config(settings), &catalog(members), &context).unwrap();
        plan.warnings.iter().any(|warning| warning.starts_with("connection_id is not set"))
    };
    let overwrite = json!({"destination_sync_mode": "overwrite"});
    assert!(warnings(&json!({}), &overwrite, None));
    assert!(!warnings(&json!({}), &json!({}), None));
    assert!(!warnings(&json!({}), &overwrite, Some("acme")));
    assert!(!warnings(&json!({"connection_id": "acme"}), &overwrite, None));
}

#[test]
fn an_unusable_connection_id_or_key_fails_before_anything_is_read() {
    let variables =
        RunVariables { connection_id: Some("a/b".to_owned()), ..RunVariables::default() };
    let context = RunContext { variables, ..context() };
    let failure = plan(&config(&json!({})), &catalog(&json!({})), &context).unwrap_err();
    assert!(failure.message.contains("CONNECTION_ID"), "{}", failure.message);
    let long = json!({"stream": {"name": "x".repeat(1100), "json_schema": {}}});
    let failure = plan(&config(&json!({})), &catalog(&long), &self::context()).unwrap_err();
    assert_eq!(failure.failure_type, FailureType::Config);
}

/// (settings of Parquet, members of the widest struct) and rows of one row group.
#[test]
fn a_wide_struct_lowers_the_rows_of_a_row_group() {
    for (row_group_rows, members, expected) in
        [(1_000_000, 16, 1_000_000), (1_000_000, 400, 5_242), (1_000, 400, 1_000)]
    {
        let properties: serde_json::Map<String, Value> =
            (0..members).map(|ix| (format!("m{ix}"), json!({"type": "integer"}))).collect();
        let stream = json!({"stream": {
            "name": "users",
            "json_schema": {"properties": {
                "wide": {"type": "object", "properties": properties},
            }},
        }});
        let settings = json!({"format": {
            "format_type": "parquet", "row_group_rows": row_group_rows,
        }});
        let plan = plan(&config(&settings), &catalog(&stream), &context()).unwrap();
        let columns = plan.settings.engine.streams[0].format.columns().unwrap();
        assert_eq!(
            columns.max_row_group_rows, expected,
            "{row_group_rows} rows, {members} members"
        );
    }
}
