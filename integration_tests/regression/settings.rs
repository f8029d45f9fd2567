//! Messages about settings and catalogs, as a user of the binary sees them.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::connector::Outcome;
use crate::world::{
    World, catalog, complete, connector, failure, jsonl, jsonl_and, refresh, state, user, users,
    with,
};

/// Writes files with these texts; returns their paths.
fn files<const N: usize>(texts: [&[u8]; N]) -> (TempDir, [String; N]) {
    let folder = TempDir::new().unwrap();
    let mut number = 0;
    let paths = texts.map(|text| {
        number += 1;
        let path = folder.path().join(format!("{number}.json"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    });
    (folder, paths)
}

fn check(settings: &[u8]) -> Outcome {
    let (_folder, [path]) = files([settings]);
    connector().run(&["check", "--config", &path])
}

/// Each fix led to the next message.
#[test]
fn all_problems_of_settings_for_airbytes_own_destination_come_in_one_answer() {
    let settings = json!({
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "s3_bucket_name": "lake", "s3_bucket_path": "raw", "s3_bucket_region": "us-east-1",
        "s3_path_format": "${NAMESPACE}/${STREAM_NAME}/",
        "file_name_pattern": "{part_number}{format_extension}",
        "format": { "format_type": "JSONL", "compression": { "compression_type": "GZIP" } },
    });
    let outcome = connector().check(&settings);
    let (status, message) = outcome.connection_status();
    assert_eq!((status, outcome.code()), ("FAILED", Some(0)));
    assert!(message.starts_with("the settings have 8 problems:\n1. "), "{message}");
    for name in [
        "`access_key_id`",
        "`secret_access_key`",
        "`s3_bucket_path`",
        "`s3_path_format`",
        "`file_name_pattern`",
        "`authentication`",
        "`format.format_type`",
        "`format.compression`",
    ] {
        assert!(message.contains(name), "{name} is missing in {message}");
    }
    let outcome = connector().write(&settings, &users()).run();
    assert!(failure(&outcome, "config_error").contains("8 problems"));
}

/// There was no message, and the object was `raw/$/$users.jsonl`, or `s3:/lake/users.jsonl`.
#[test]
fn keys_that_would_hold_a_dollar_or_a_scheme_are_refused() {
    let world = World::new();
    for (key, words) in [
        (
            "raw/${namespace}/${stream_name}.{extension}",
            "write {namespace} for ${namespace}, {stream_name} for",
        ),
        ("s3://lake/{stream_name}.{extension}", "begins with `s3://`"),
    ] {
        let outcome = world
            .write(&jsonl_and(&json!({ "s3_bucket_key": key })), &users())
            .input(user(1))
            .run();
        let message = failure(&outcome, "config_error");
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(world.keys(), [""; 0]);
}

#[test]
fn swapped_files_and_a_discovered_catalog_are_identified() {
    let world = World::new();
    let config = world.config(&jsonl()).to_string();
    let configured = users().to_string();
    let discovered = json!({ "streams": [{ "name": "users", "json_schema": {},
        "supported_sync_modes": ["full_refresh"] }] });
    let discovered = [discovered.clone(), json!({ "type": "CATALOG", "catalog": discovered })]
        .map(|value| value.to_string());
    let cases = [
        (
            &configured,
            &config,
            "the settings file holds a catalog: are --config and --catalog swapped?",
        ),
        (&config, &config, "the catalog file holds settings: are --config and --catalog swapped?"),
        (&config, &discovered[0], "the catalog is a discovered catalog"),
        (&config, &discovered[1], "the catalog is a discovered catalog"),
    ];
    for (config, catalog, expected) in cases {
        let (_folder, [config, catalog]) = files([config.as_bytes(), catalog.as_bytes()]);
        let outcome = connector().run(&["write", "--config", &config, "--catalog", &catalog]);
        let message = failure(&outcome, "config_error");
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn a_byte_order_mark_before_settings_and_catalog_is_skipped() {
    let world = World::new();
    let [config, catalog] = [world.config(&jsonl()), catalog([refresh("users", &json!({}))])]
        .map(|value| format!("\u{feff}{value}"));
    let (_folder, [config, catalog]) = files([config.as_bytes(), catalog.as_bytes()]);
    let outcome = connector().run(&["write", "--config", &config, "--catalog", &catalog]);
    let message = failure(&outcome, "transient_error");
    assert!(message.contains("did not report COMPLETE"), "both were read: {message}");
}

#[test]
fn settings_that_are_not_json_are_identified() {
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (text, expected) in [
        (&b"s3_bucket_name: lake\nformat:\n  format_type: csv\n"[..], "looks like YAML"),
        (&utf16, "is UTF-16 text"),
        (b"\x1f\x8b\x08\x00\x00\x00", "is compressed with gzip"),
        (b"", "is empty"),
        (
            b"{\"s3_bucket_name\":\"a\",\"s3_bucket_name\":\"b\"}",
            "`s3_bucket_name` is given more than once",
        ),
    ] {
        let outcome = check(text);
        let (status, message) = outcome.connection_status();
        assert!(status == "FAILED" && message.contains(expected), "{message}");
    }
}

/// `{stream_name}.csv.gz` with the format `csv` wrote plain CSV under that name, and the note said
/// that there is no extension.
#[test]
fn a_literal_extension_of_another_format_is_a_note() {
    let world = World::new();
    let note = |key: &str| {
        let settings = json!({ "s3_bucket_key": key, "format": { "format_type": "csv" } });
        let outcome = connector().check(&world.config(&settings));
        let (status, message) = outcome.connection_status();
        assert_eq!(status, "SUCCEEDED", "{message}");
        message.to_owned()
    };
    let message = note("{stream_name}.csv.gz");
    assert!(message.contains("ends keys in `.csv.gz`, but files are `csv`"), "{message}");
    assert!(!note("{stream_name}.csv").contains("extension"));
    assert!(note("{stream_name}").contains("has no `{extension}`"));
}

/// Keys of a template without the stream's name or id: an overwrite must still find the objects of
/// earlier runs.
#[test]
fn a_key_with_the_stream_run_id_is_accepted_and_its_objects_are_replaced() {
    let world = World::new();
    let settings =
        jsonl_and(&json!({ "s3_bucket_key": "{connection_id}/{stream_run_id}.{extension}" }));
    let stream = |name: &str, sync_id: u32, mode: &str| {
        with(
            refresh(name, &json!({})),
            &json!({ "destination_sync_mode": mode, "sync_id": sync_id }),
        )
    };
    let sync = |sync_id: u32, mode: &str, id: u32| {
        let catalog: Value =
            catalog([stream("users", sync_id, mode), stream("orders", sync_id, "append")]);
        let input = [user(id), state("users", id), complete("users"), complete("orders")].concat();
        world.sync(&settings, &catalog, &input)
    };
    sync(1, "append", 1);
    sync(2, "append", 2);
    assert_eq!(world.ids(), ["1", "2"]);
    sync(3, "overwrite", 3);
    assert_eq!(world.ids(), ["3"]);
}

#[test]
fn an_unreadable_file_is_explained_without_error_numbers() {
    let (folder, [config]) = files([b"{}"]);
    let folder = folder.path().to_str().unwrap();
    let missing = format!("{folder}/nowhere.json");
    for (config, catalog, expected) in [
        (&missing, &missing, format!("the settings file {missing} does not exist")),
        (
            &folder.to_owned(),
            &missing,
            format!("the settings file {folder} cannot be read: it is a directory"),
        ),
    ] {
        let outcome = connector().run(&["write", "--config", config, "--catalog", catalog]);
        assert_eq!(failure(&outcome, "config_error"), expected);
    }
    let outcome = connector().run(&["check", "--config", &config]);
    let (_, message) = outcome.connection_status();
    assert!(message.starts_with("the settings have 2 problems:\n1. `s3_bucket_name`"), "{message}");
}
