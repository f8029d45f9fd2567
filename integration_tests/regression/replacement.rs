//! Old objects that cannot be looked at or removed, and the messages about removals.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::generations::store::{FIXED_KEY, fixed, numbered, replace, start};
use crate::generations::{all_rows, appended, generation, good_input, stream, sync_one};
use crate::support::connector::Outcome;
use crate::support::faulty_s3::{Fault, FaultyS3, Operation, Quirk, Rule};
use crate::world::{
    BUCKET, SOON, World, catalog, complete, connector, cursors, failure, jsonl_and, state, stopped,
    with,
};

/// Starts a server with four old files of one row.
fn four_files() -> (FaultyS3, Value) {
    let server = start();
    let config = numbered(&server);
    for id in 1..=4 {
        let streams = catalog([appended("users", 1, 0)]);
        connector()
            .write(&config, &streams)
            .input(good_input("users", &[id]))
            .run()
            .expect_success();
    }
    (server, config)
}

/// Returns the log lines that contain these words.
fn lines<'a>(outcome: &'a Outcome, level: &str, words: &str) -> Vec<&'a str> {
    outcome.logs(level).into_iter().filter(|text| text.contains(words)).collect()
}

#[test]
fn one_object_that_cannot_be_looked_at_does_not_protect_others() {
    let (server, config) = four_files();
    server.inject(Rule::on(Operation::Head, Fault::AccessDenied).key("users/1.jsonl"));
    let outcome = replace(&config, &[5]);
    let message = failure(&outcome, "config_error");
    assert!(message.contains("1 object ") && message.contains("users/1.jsonl"), "{message}");
    assert_eq!(cursors(&outcome), [1]);
    assert_eq!(all_rows(&server.objects(BUCKET)), ["2@1", "5@1"]);

    server.heal();
    replace(&config, &[6]).expect_success();
    assert_eq!(all_rows(&server.objects(BUCKET)), ["6@1"]);
}

#[test]
fn one_object_that_cannot_be_removed_does_not_protect_others() {
    // Alone, in a batch that reports it, and in a batch that is refused because of it.
    for refuses_batches in [false, true] {
        let (server, config) = four_files();
        for key in ["users/0.jsonl", "users/2.jsonl"] {
            server.add_quirk(Quirk::Undeletable(key.to_owned()));
        }
        if refuses_batches {
            server.inject(Rule::on(Operation::DeleteMany, Fault::AccessDenied));
        }
        let outcome = replace(&config, &[5]);
        let message = failure(&outcome, "config_error");
        assert!(message.contains("2 objects ") && message.contains("s3:DeleteObject"), "{message}");
        assert_eq!(all_rows(&server.objects(BUCKET)), ["1@1", "3@1", "5@1"]);
        let removed: Vec<_> = lines(&outcome, "INFO", "removed \"");
        assert_eq!(removed.len(), 2, "{removed:?}");
        let summary = lines(&outcome, "INFO", "2 older objects removed");
        assert_eq!(summary.len(), 1, "{outcome:#?}");
    }
}

/// The new file next to the plain key cannot be looked at: the old one stays where readers look for
/// it.
#[test]
fn the_plain_key_stays_if_the_new_file_cannot_be_looked_at() {
    let server = start();
    let config = fixed(&server);
    replace(&config, &[1]).expect_success();
    server.inject(Rule::on(Operation::Head, Fault::AccessDenied).key("users_2.jsonl").written());
    failure(&replace(&config, &[2]), "config_error");
    assert_eq!(server.keys(BUCKET), [FIXED_KEY, "users_2.jsonl"]);
    assert_eq!(all_rows(&server.objects(BUCKET)), ["1@1", "2@1"]);

    server.heal();
    replace(&config, &[3]).expect_success();
    assert_eq!(all_rows(&server.objects(BUCKET)), ["3@1"]);
    assert_eq!(server.keys(BUCKET), [FIXED_KEY]);
}

/// A store that refuses everything is not asked about each object.
#[test]
fn a_store_that_refuses_every_head_is_not_asked_for_every_object() {
    let server = start();
    let config = numbered(&server);
    replace(&config, &[1]).expect_success();
    let metadata = server.metadata(BUCKET, "users/0.jsonl");
    let metadata: Vec<(&str, &str)> =
        metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for number in 1..=400 {
        server.put_object(BUCKET, &format!("users/{number}.jsonl"), b"", &metadata);
    }
    server.inject(Rule::on(Operation::Head, Fault::AccessDenied).key("users/").written());
    for number in 1..=400 {
        server.inject(
            Rule::on(Operation::Head, Fault::AccessDenied).key(&format!("users/{number}.jsonl")),
        );
    }
    let before = server.requests().len();
    let outcome = replace(&config, &[2]);
    let message = failure(&outcome, "config_error");
    assert!(message.contains("the others were not tried"), "{message}");
    let heads = server
        .requests()
        .split_off(before)
        .iter()
        .filter(|one| one.operation == Operation::Head)
        .count();
    assert!((100..200).contains(&heads), "{heads}");
}

/// Two connections without an id delete each other's files.
#[test]
fn replacing_without_a_connection_id_warns_once() {
    let world = World::new();
    let settings = jsonl_and(&json!({ "s3_bucket_key": "{stream_name}/{part}.{extension}" }));
    let named = with(settings.clone(), &json!({ "connection_id": "c1" }));
    let overwritten = |name: &str| stream(name, "overwrite", &generation(1, 1));
    let two = [good_input("users", &[1]), good_input("orders", &[1])].concat();
    let told = |outcome: &Outcome| lines(outcome, "WARN", "connection_id").len();

    let streams = || catalog([overwritten("users"), overwritten("orders")]);
    assert_eq!(told(&world.sync(&settings, &streams(), &two)), 1);
    assert_eq!(told(&world.sync(&named, &streams(), &two)), 0);
    assert_eq!(
        told(&sync_one(&world, &settings, &appended("users", 1, 0), &[1])),
        0,
        "nothing is replaced"
    );
    let config = world.config(&settings);
    let outcome =
        connector().env("CONNECTION_ID", "c2").write(&config, &streams()).input(&two).run();
    assert_eq!(told(&outcome.expect_success()), 0);

    for (settings, notes) in [(&settings, true), (&named, false)] {
        let outcome = connector().check(&world.config(settings));
        let (status, message) = outcome.connection_status();
        assert_eq!((status, message.contains("connection_id")), ("SUCCEEDED", notes), "{message}");
    }
}

/// PyAirbyte replaces with every sync: without old objects there is nothing to report.
#[test]
fn removals_are_logged_with_each_key_and_only_if_there_are_any() {
    let (_server, config) = four_files();
    let streams = || {
        catalog([
            stream("users", "overwrite", &generation(1, 1)),
            stream("orders", "overwrite", &generation(1, 1)),
        ])
    };
    let input = || [good_input("users", &[5]), good_input("orders", &[6])].concat();
    let outcome = connector().write(&config, &streams()).input(input()).run().expect_success();
    for key in ["users/0.jsonl", "users/1.jsonl", "users/2.jsonl", "users/3.jsonl"] {
        assert_eq!(
            lines(&outcome, "INFO", &format!("stream \"users\": removed \"{key}\"")).len(),
            1,
            "{key}"
        );
    }
    assert_eq!(lines(&outcome, "INFO", "removing").len(), 1);
    assert_eq!(lines(&outcome, "INFO", "stream \"users\": removing").len(), 1);
    assert_eq!(lines(&outcome, "INFO", "older objects removed").len(), 1);

    let fresh = start();
    let outcome =
        connector().write(&numbered(&fresh), &streams()).input(input()).run().expect_success();
    assert_eq!(lines(&outcome, "INFO", "remov"), [""; 0]);

    // A fixed key: the file that is replaced, and the key that the new file had before.
    let server = start();
    let config = fixed(&server);
    replace(&config, &[1]).expect_success();
    let outcome = replace(&config, &[2]).expect_success();
    assert_eq!(lines(&outcome, "INFO", &format!("replaced \"{FIXED_KEY}\"")).len(), 1);
    assert_eq!(
        lines(&outcome, "INFO", &format!("moved \"users_2.jsonl\" to \"{FIXED_KEY}\"")).len(),
        1
    );
}

/// No object of the stream can be removed: a file copied to its plain key would also stay at its
/// old key, and its rows would be there twice.
#[test]
fn nothing_is_moved_where_nothing_can_be_removed() {
    let server = start();
    let config = fixed(&server);
    for id in 1..=2 {
        let streams = catalog([appended("users", 1, 0)]);
        connector()
            .write(&config, &streams)
            .input(good_input("users", &[id]))
            .run()
            .expect_success();
    }
    server.add_quirk(Quirk::Undeletable("users".to_owned()));
    let outcome = replace(&config, &[3]);
    assert!(failure(&outcome, "config_error").contains("1 object "), "{outcome:#?}");
    assert_eq!(all_rows(&server.objects(BUCKET)), ["1@1", "2@1", "3@1"]);
}

/// SIGTERM in the middle of a slow removal: the rest stays, and the next sync removes it.
#[test]
fn a_signal_stops_the_removal() {
    let (server, config) = four_files();
    server.set_page_keys(1);
    let clear = || {
        let streams = catalog([stream("users", "overwrite", &generation(1, 1))]);
        connector().write(&config, &streams).input([state("users", 1), complete("users")].concat())
    };
    server.inject(Rule::on(Operation::Head, Fault::SlowDrip));
    let before = server.requests().len();
    let mut session = clear().start();
    session.close_stdin();
    let deadline = Instant::now() + SOON;
    while !server
        .requests()
        .split_off(before)
        .iter()
        .any(|request| request.operation == Operation::Head)
    {
        assert!(Instant::now() < deadline, "no object is looked at");
        std::thread::sleep(Duration::from_millis(2));
    }
    session.signal(Signal::TERM);
    let outcome = session.finish(SOON);
    let message = stopped(&outcome, 143);
    assert!(message.contains("SIGTERM interrupted the removal"), "{message}");
    assert_eq!(cursors(&outcome), [1]);
    assert!(!server.keys(BUCKET).is_empty());

    server.heal();
    clear().run().expect_success();
    assert_eq!(server.keys(BUCKET), [""; 0]);
}
