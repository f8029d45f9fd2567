//! `check`: one CONNECTION_STATUS and exit code 0 whatever the answer, which names the field or the
//! action.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{BUCKET, World, connector};
use faulty_s3::keyring::ACCESS_KEY_ID;

#[test]
fn a_good_configuration_succeeds_and_leaves_nothing_behind() {
    let world = World::new();
    world.server.put_foreign_object(BUCKET, "mine/users.csv", b"mine");
    for settings in [
        json!({}),
        json!({ "format": { "format_type": "csv.gz" }, "s3_bucket_key": "mine/{stream_name}.csv" }),
    ] {
        let outcome = connector().check(&world.config(&settings));
        assert_eq!(outcome.connection_status().0, "SUCCEEDED", "{outcome:#?}");
        assert_eq!(outcome.code(), Some(0));
        assert_eq!(outcome.stderr, "");
        assert!(outcome.errors().is_empty());
        assert_eq!(world.keys(), ["mine/users.csv"]);
    }
}

/// What S3 refuses: each message names the field to look at, or the action that was denied.
#[test]
fn refusals_name_the_field_or_the_action() {
    let world = World::new();
    let key = |id: &str, secret: &str| {
        json!({ "authentication": { "auth_type": "access_key",
        "access_key_id": id, "secret_access_key": secret } })
    };
    let cases = [
        (json!({ "s3_bucket_name": "no-such-bucket" }), vec!["s3_bucket_name", "no-such-bucket"]),
        (key(ACCESS_KEY_ID, "wrong/secret+that/nobody+may/see+0123456"), vec!["secret_access_key"]),
        (
            key("AKIANOBODYKNOWSTHIS0", "wrong/secret+that/nobody+may/see+0123456"),
            vec!["access_key_id", "InvalidAccessKeyId"],
        ),
    ];
    for (settings, words) in cases {
        assert_failed(&world.config(&settings), &words);
    }
    assert_eq!(world.keys(), [""; 0]);
}

#[test]
fn a_store_that_does_not_answer_is_reported_soon() {
    let world = World::new();
    // Port 9 is the discard service, which no one runs.
    let config = world.config(&json!({ "s3_endpoint": "http://127.0.0.1:9" }));
    let begin = Instant::now();
    assert_failed(&config, &["s3_endpoint", "127.0.0.1:9"]);
    assert!(begin.elapsed() < Duration::from_secs(60), "people wait for this answer");
}

#[test]
fn configuration_errors_name_the_field() {
    let world = World::new();
    let cases = [
        (
            json!({ "s3_bucket_key": "{stream_name}/{yeer}.{extension}" }),
            vec!["s3_bucket_key", "{yeer}", "{year}"],
        ),
        // No macro resembles it, so the message lists all of them.
        (
            json!({ "s3_bucket_key": "{stream_name}/{?}.{extension}" }),
            vec!["s3_bucket_key", "{?}", "{year}", "{cursor_singular_date_time}"],
        ),
        (
            json!({ "s3_bucket_key": "{stream_name}/{year.{extension}" }),
            vec!["s3_bucket_key", "brace"],
        ),
        (
            json!({ "s3_bucket_key": "{year}.{extension}" }),
            vec!["s3_bucket_key", "{stream_name}", "{stream_id}"],
        ),
        (
            json!({ "s3_bucket_key": format!("{{stream_name}}/{}", "x".repeat(1100)) }),
            vec!["s3_bucket_key", "1024"],
        ),
        (
            json!({ "checkpoint_intervall": 5 }),
            vec!["checkpoint_intervall", "checkpoint_interval_seconds"],
        ),
        (
            json!({ "format": { "format_type": "csv", "qoute_style": "all" } }),
            vec!["qoute_style", "quote_style"],
        ),
        (json!({ "file_size_mb": 0 }), vec!["file_size_mb", "5000"]),
        (
            json!({ "checkpoint_interval_seconds": 3601 }),
            vec!["checkpoint_interval_seconds", "3600"],
        ),
        (json!({ "timezone": "Middle/Earth" }), vec!["timezone", "Middle/Earth"]),
        (json!({ "s3_bucket_name": Value::Null }), vec!["s3_bucket_name"]),
    ];
    for (settings, words) in cases {
        assert_failed(&world.config(&settings), &words);
    }
}

/// The invalid examples of the specification, and what `check` says about each.
#[test]
fn the_invalid_examples_of_the_specification() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/examples/invalid");
    let mut examples = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let message = fs::read_to_string(path.with_extension("txt")).unwrap();
            assert_failed(&config, &[message.trim_end()]);
            examples += 1;
        }
    }
    assert!(examples >= 20, "{examples} in {}", folder.display());
}

#[test]
fn missing_files_and_files_that_are_not_json() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("config.json");
    fs::write(&broken, "{\"s3_bucket_name\": \"lake\", \"secret_access_key\": \"hunter2").unwrap();
    for (path, word) in [
        (broken.to_str().unwrap(), "configuration"),
        ("/nowhere/config.json", "/nowhere/config.json"),
    ] {
        let outcome = connector().run(&["check", "--config", path]);
        let (status, message) = outcome.connection_status();
        assert_eq!(status, "FAILED");
        assert!(message.contains(word), "{message}");
        assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
        assert_eq!(outcome.code(), Some(0));
    }
}

/// The search for secrets, which every other test relies on: here the secret is a word of the
/// answer.
#[test]
#[should_panic(expected = "a secret is on stdout")]
fn a_secret_in_the_output_fails_a_test() {
    let world = World::new();
    let mut config = world.config(&json!({}));
    config["authentication"]["secret_access_key"] = json!("CONNECTION_STATUS");
    connector().unrecorded().check(&config);
}

#[track_caller]
fn assert_failed(config: &Value, words: &[&str]) {
    let outcome = connector().check(config);
    let (status, message) = outcome.connection_status();
    assert_eq!(status, "FAILED", "{config:#}");
    for word in words {
        assert!(message.contains(word), "{word} is missing in: {message}");
    }
    assert_eq!(outcome.code(), Some(0), "{message}");
    assert_eq!(outcome.stderr, "", "{message}");
}
