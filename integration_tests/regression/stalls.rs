//! Stores that make a sync wait: it says so once, and says when it continues.
//!
//! Requests that hang are tested with a shorter limit than the product's in the unit tests of
//! `store`.

use serde_json::Value;

use crate::support::connector::Outcome;
use crate::support::faulty_s3::{Fault, FaultyS3, Operation, Rule};
use crate::world::{
    BUCKET, catalog, complete, connector, cursors, jsonl, plain, state, user, users, with,
};

fn server() -> (FaultyS3, Value) {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    let mut config = server.config(BUCKET);
    config["format"] = jsonl()["format"].clone();
    (server, config)
}

#[track_caller]
fn assert_told_once(outcome: &Outcome) {
    let told = |words: &str| outcome.logs("WARN").iter().filter(|log| log.contains(words)).count();
    assert_eq!(told("the store asks to slow down (HTTP 503, SlowDown)"), 1, "{outcome:#?}");
    assert_eq!(told("the store answers again"), 1, "{outcome:#?}");
}

#[test]
fn a_store_that_asks_to_slow_down_is_logged_once_and_its_end_as_well() {
    let (server, config) = server();
    server.inject(Rule::on(Operation::Put, Fault::SlowDown).calls(1..=3));
    let input = [user(1), state("users", 1), complete("users")].concat();
    let outcome = connector().write(&config, &users()).input(input).run().expect_success();
    assert_eq!(cursors(&outcome), [1]);
    assert_told_once(&outcome);
}

/// Every line is printed by then, but old files are still being removed.
#[test]
fn a_removal_that_waits_is_logged() {
    let (server, config) = server();
    let users = catalog([with(
        plain("users", &serde_json::json!({ "id": { "type": "integer" } })),
        &serde_json::json!({ "destination_sync_mode": "overwrite" }),
    )]);
    let sync = |id: u32| {
        let input = [user(id), state("users", id), complete("users")].concat();
        connector().write(&config, &users).input(input).run().expect_success()
    };
    sync(1);
    server.inject(Rule::on(Operation::Delete, Fault::SlowDown).calls(1..=3));
    let outcome = sync(2);
    assert_told_once(&outcome);
    let last = outcome.stdout_lines.iter().rposition(|line| line.contains("\"STATE\"")).unwrap();
    let told =
        outcome.stdout_lines.iter().position(|line| line.contains("asks to slow down")).unwrap();
    assert!(last < told, "{outcome:#?}");
    assert_eq!(server.keys(BUCKET).len(), 1);
}

/// An occasional SlowDown is how S3 says that it scales up.
#[test]
fn a_single_slow_down_is_not_a_warning() {
    let (server, config) = server();
    server.inject(Rule::on(Operation::Put, Fault::SlowDown).calls(1..=1));
    let input = [user(1), state("users", 1), complete("users")].concat();
    let outcome = connector().write(&config, &users()).input(input).run().expect_success();
    assert!(!outcome.logs("WARN").iter().any(|log| log.contains("slow down")), "{outcome:#?}");
}
