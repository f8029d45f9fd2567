//! `write` that cannot work: a wrong configuration or catalog, a bucket that does not exist, a
//! store that is away.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::connector::Outcome;
use crate::world::{
    SOON, World, catalog, complete, connector, failure, jsonl, jsonl_and, plain, refresh, state,
    user, users, with,
};

#[test]
fn catalogs_that_files_cannot_serve_are_refused() {
    let world = World::new();
    let properties = json!({ "id": {} });
    let mode = |mode: &str| {
        let other = refresh("orders", &properties);
        catalog([
            other,
            with(refresh("users", &properties), &json!({ "destination_sync_mode": mode })),
        ])
    };
    let cases: [(Value, &[&str]); 7] = [
        (mode("update"), &["users", "update"]),
        (mode("soft_delete"), &["users", "soft_delete"]),
        (mode("upsert"), &["users", "destination_sync_mode"]),
        (catalog([]), &["catalog"]),
        (json!({}), &["streams"]),
        (catalog([plain("users", &properties), plain("users", &properties)]), &["users"]),
        (
            catalog([
                json!({ "stream": { "json_schema": {} }, "destination_sync_mode": "append" }),
            ]),
            &["name"],
        ),
    ];
    for (catalog, words) in cases {
        let outcome = world.write(&jsonl(), &catalog).input(one_user()).run();
        let message = failure(&outcome, "config_error");
        for word in words {
            assert!(message.contains(word), "{word} is missing in: {message}");
        }
        assert!(outcome.states().is_empty());
    }
    assert_eq!(world.keys(), [""; 0]);
}

/// Real clients send append_dedup whatever the specification says: the stream is appended to, with
/// a warning.
#[test]
fn append_dedup_appends_with_a_warning() {
    let world = World::new();
    let stream = with(
        refresh("users", &json!({ "id": {} })),
        &json!({
        "destination_sync_mode": "append_dedup", "primary_key": [["id"]], "cursor_field": ["id"] }),
    );
    let outcome =
        world.sync(&jsonl(), &catalog([stream]), &[user(1), user(1), complete("users")].concat());
    assert_eq!(world.ids(), ["1", "1"]);
    let warnings: Vec<_> =
        outcome.logs("WARN").into_iter().filter(|log| log.contains("users")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("dedup"), "{warnings:?}");
}

#[test]
fn wrong_configurations_are_refused() {
    let world = World::new();
    let cases = [
        (json!({ "s3_bucket_key": "{stream_name}/{yeer}" }), "{yeer}"),
        (json!({ "file_size": 5 }), "file_size_mb"),
        (json!({ "authentication": Value::Null }), "authentication"),
    ];
    for (settings, word) in cases {
        let outcome = world.write(&settings, &users()).input(one_user()).run();
        let message = failure(&outcome, "config_error");
        assert!(message.contains(word), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &str| {
        fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let (config, catalog) = (
        path("config.json", &world.config(&json!({})).to_string()),
        path("catalog.json", "{\"streams\":"),
    );
    let cases = [
        (&*config, &*catalog, "catalog"),
        (&*config, "/nowhere/catalog.json", "/nowhere/catalog.json"),
        ("/nowhere/config.json", &*catalog, "/nowhere/config.json"),
    ];
    for (config, catalog, word) in cases {
        let outcome = connector().run(&["write", "--config", config, "--catalog", catalog]);
        let message = failure(&outcome, "config_error");
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(world.keys(), [""; 0]);
}

/// The refusal comes before the source has run for hours: stdin stays open here.
#[test]
fn refusals_of_the_store_are_config_errors() {
    let world = World::new();
    let cases = [
        (json!({ "s3_bucket_name": "no-such-bucket" }), "no-such-bucket"),
        (
            json!({ "authentication": { "auth_type": "access_key",
                "access_key_id": "AKIANOBODYKNOWSTHIS0",
            "secret_access_key": "wrong/secret+that/nobody+may/see+0123456" } }),
            "access_key_id",
        ),
    ];
    for (settings, word) in cases {
        let mut settings = jsonl_and(&settings);
        settings["checkpoint_interval_seconds"] = json!(0);
        let mut session =
            world.write(&settings, &users()).input([user(1), state("users", 1)].concat()).start();
        assert!(session.ends_within(SOON), "{word}: it keeps running");
        let outcome = session.finish(SOON);
        let message = failure(&outcome, "config_error");
        assert!(message.contains(word), "{message}");
        assert_nothing_acknowledged(&outcome);
    }
}

#[test]
fn an_absent_store_is_a_transient_error() {
    let world = World::new();
    let settings = jsonl_and(&json!({ "s3_endpoint": "http://127.0.0.1:9" }));
    let connector = connector().time_limit(Duration::from_secs(110));
    let outcome = connector.write(&world.config(&settings), &users()).input(one_user()).run();
    let message = failure(&outcome, "transient_error");
    assert!(message.contains("127.0.0.1:9"), "{message}");
    assert_nothing_acknowledged(&outcome);
}

fn assert_nothing_acknowledged(outcome: &Outcome) {
    assert!(
        outcome.states().is_empty(),
        "a STATE came back, but its rows are not stored: {outcome:#?}"
    );
}

fn one_user() -> String {
    [user(1), state("users", 1), complete("users")].concat()
}
