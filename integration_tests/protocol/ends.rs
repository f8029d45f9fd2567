//! How a run ends: everything is acknowledged; or what a STATE covers is acknowledged, and there is
//! one TRACE ERROR.
//!
//! Every [`World`] checks when it is dropped that no multipart upload is left unfinished.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::connector::Outcome;
use crate::support::faulty_s3::FaultyS3;
use crate::world::{
    BUCKET, SOON, World, catalog, complete, connector, cursors, failure, jsonl, jsonl_and, noise,
    plain, record, refresh, state, stopped, user, users, with,
};

#[test]
fn the_end_of_input_without_complete_fails_in_the_refresh_dialect() {
    let world = World::new();
    let properties = json!({ "id": {} });
    let streams = ["users", "orders", "done"].map(|name| refresh(name, &properties));
    let input = [
        user(1),
        record("orders", "{\"id\":2}"),
        user(3),
        record("done", "{\"id\":4}"),
        state("users", 1),
        state("done", 2),
        user(5),
        complete("done"),
    ];
    let outcome = world.write(&jsonl(), &catalog(streams)).input(input.concat()).run();
    let message = failure(&outcome, "transient_error");
    assert!(message.contains("users") && message.contains("orders"), "{message}");
    assert!(!message.contains("done"), "{message}");
    let mut returned = cursors(&outcome);
    returned.sort_unstable();
    assert_eq!(returned, [1, 2]);
    assert_eq!(world.ids(), ["1", "3", "4"], "the rows that a STATE covers, and no others");
}

/// INCOMPLETE is not COMPLETE; a null, an absent and an empty namespace are the same.
#[test]
fn which_statuses_complete_a_stream() {
    let status = |descriptor: Value, status: &str| {
        json!({ "type": "TRACE",
            "trace": { "type": "STREAM_STATUS", "emitted_at": 1.0, "stream_status": {
            "stream_descriptor": descriptor, "status": status } } })
    };
    let cases = [
        (json!({ "name": "users" }), "COMPLETE", true),
        (json!({ "name": "users", "namespace": null }), "COMPLETE", true),
        (json!({ "name": "users", "namespace": "" }), "COMPLETE", true),
        (json!({ "name": "users" }), "INCOMPLETE", false),
        (json!({ "name": "users" }), "RUNNING", false),
        (json!({ "name": "users", "namespace": "other" }), "COMPLETE", false),
    ];
    for (descriptor, word, good) in cases {
        let world = World::new();
        let message = status(descriptor, word);
        let write =
            world.write(&jsonl(), &users()).input([user(1), state("users", 1), user(2)].concat());
        let outcome = write.messages([&message]).run();
        assert_eq!(cursors(&outcome), [1], "{message}");
        if good {
            assert_eq!(outcome.code(), Some(0), "{message}");
            assert_eq!(world.ids(), ["1", "2"], "{message}");
        } else {
            failure(&outcome, "transient_error");
            assert_eq!(world.ids(), ["1"], "{message}");
        }
    }
}

#[test]
fn the_end_of_input_is_a_good_end_in_the_plain_dialect() {
    let world = World::new();
    let mut nulls = plain("orders", &json!({ "id": {} }));
    for field in ["generation_id", "minimum_generation_id", "sync_id"] {
        nulls[field] = Value::Null;
    }
    let catalog = catalog([plain("users", &json!({ "id": {} })), nulls]);
    let input = [user(1), state("users", 1), user(2), record("orders", "{\"id\":3}")].concat();
    let outcome = world.sync(&jsonl(), &catalog, &input);
    assert_eq!(cursors(&outcome), [1]);
    assert_eq!(world.ids(), ["1", "2", "3"]);
}

#[test]
fn no_records_no_objects() {
    let plain = catalog([plain("users", &json!({ "id": {} }))]);
    let world = World::new();
    for (catalog, input) in
        [(&users(), complete("users")), (&plain, String::new()), (&plain, complete("users"))]
    {
        for format in ["jsonl", "jsonl.gz", "csv", "csv.gz"] {
            let outcome =
                world.sync(&json!({ "format": { "format_type": format } }), catalog, &input);
            assert!(outcome.states().is_empty());
        }
    }
    let outcome = world.write(&jsonl(), &users()).run();
    assert!(failure(&outcome, "transient_error").contains("users"));
    assert_eq!(world.keys(), [""; 0]);
}

/// Rows of more than one part without a STATE after them: their multipart upload is created, and
/// aborted at a bad end.
#[test]
fn a_large_file_is_discarded_at_a_bad_end() {
    let world = World::new();
    let mut session =
        world.write(&jsonl(), &users()).input([user(0), state("users", 1)].concat()).start();
    (0..40).for_each(|id| session.send(large(id)));
    let deadline = Instant::now() + SOON;
    while world.server.open_parts() == 0 {
        assert!(Instant::now() < deadline, "no part of 40 MB was uploaded while stdin was open");
        std::thread::sleep(Duration::from_millis(5));
    }
    let outcome = session.finish(SOON);
    failure(&outcome, "transient_error");
    assert_bad_end_of_one(&world, &outcome);
}

/// Asserts a bad end after the first STATE's tail joined its file: all of that file is visible and
/// acknowledged, or nothing is.
fn assert_bad_end_of_one(world: &World, outcome: &Outcome) {
    let ids = world.ids();
    match cursors(outcome).as_slice() {
        [] => assert!(ids.is_empty(), "{ids:?}"),
        [1] => assert_eq!(ids, ["0"]),
        other => panic!("states {other:?}"),
    }
}

#[test]
fn a_file_of_many_parts_is_whole_after_a_good_end() {
    let world = World::new();
    let mut input: String = (0..20).map(large).collect();
    input.push_str(&complete("users"));
    world.sync(&json!({ "format": { "format_type": "jsonl.gz" } }), &users(), &input);
    assert_eq!(world.keys().len(), 1);
    let rows = world.rows();
    assert_eq!(rows.len(), 20);
    for (number, row) in rows.iter().enumerate() {
        let data = format!("{{\"id\":{number},\"noise\":\"{}\"}}", noise(number as u64, 1 << 20));
        assert!(row.text.ends_with(data.trim_start_matches('{')), "row {number} differs");
    }
}

/// What a STATE covers is published and the STATE is returned before the process ends by itself,
/// with stdin still open.
#[test]
fn a_signal_is_a_bad_end_that_publishes_what_is_covered() {
    for (signal, name, code) in [(Signal::TERM, "SIGTERM", 143), (Signal::INT, "SIGINT", 130)] {
        let world = World::new();
        let input = [user(1), state("users", 1), user(2), state("users", 2), user(3)].concat();
        let settings = jsonl_and(&json!({ "checkpoint_interval_seconds": 3600 }));
        let mut session = world.write(&settings, &users()).input(input).start();
        // A STATE of another stream comes back at once: everything before it has been read.
        session.send(state("nobody", 9));
        session.wait_for_state(SOON);
        session.signal(signal);
        assert!(session.ends_within(SOON), "{name}");
        let outcome = session.finish(SOON);
        let message = stopped(&outcome, code);
        assert!(message.contains(name), "{message}");
        assert_eq!(cursors(&outcome), [9, 1, 2]);
        assert_eq!(world.ids(), ["1", "2"]);
    }
}

/// A cancelled job: no one reads stdout any more, and stdin stays open.
#[test]
fn a_closed_stdout_ends_the_process() {
    let world = World::new();
    let settings = jsonl_and(&json!({ "checkpoint_interval_seconds": 0 }));
    let mut session =
        world.write(&settings, &users()).input([user(1), state("users", 1)].concat()).start();
    session.wait_for_state(SOON);
    session.close_stdout();
    // The pipe still takes the first line, and breaks with it.
    let mut rounds = 0;
    while !session.ends_within(Duration::from_millis(200)) {
        rounds += 1;
        assert!(rounds < 50, "it keeps running with a closed stdout");
        session.send([user(2), state("users", 2)].concat());
    }
    let outcome = session.finish(SOON);
    assert_eq!(outcome.code(), Some(1), "{outcome:?}");
}

/// Returns a record of a megabyte that compresses badly.
fn large(id: u32) -> String {
    record("users", &format!("{{\"id\":{id},\"noise\":\"{}\"}}", noise(u64::from(id), 1 << 20)))
}

/// Local mean time before 1893 makes the key of the first file a few bytes longer than S3 accepts.
/// The connector finds that out when the file rolls, with more rows to come.
#[test]
fn a_file_that_cannot_be_stored_ends_the_run() {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    let longest = 1024 - "/users-2026-01-01T00:00:00+01:00_4294967296.jsonl".len();
    let mut config = server.config(BUCKET);
    config["format"] = json!({ "format_type": "jsonl" });
    config["s3_bucket_key"] =
        json!(format!("{}/{{stream_name}}-{{cursor_iso_date_time}}.jsonl", "p".repeat(longest)));
    config["timezone"] = json!("Europe/Berlin");
    config["file_size_mb"] = json!(1);
    let stream = with(plain("users", &json!({ "id": {} })), &json!({ "cursor_field": ["at"] }));
    let row = |id: u64, year: u32| {
        record(
            "users",
            &format!(
                "{{\"id\":{id},\"at\":\"{year}-01-01T00:00:00Z\",\"noise\":\"{}\"}}",
                noise(id, 100_000)
            ),
        )
    };
    let input: String =
        (0..20).map(|id| row(id, 1800)).chain((20..25).map(|id| row(id, 2026))).collect::<String>();
    let input = input + &state("users", 1);
    let outcome = connector().write(&config, &catalog([stream])).input(input).start().finish(SOON);
    assert!(failure(&outcome, "config_error").contains("s3_bucket_key"));
    assert_eq!(outcome.states().len(), 0);
    assert_eq!(server.keys(BUCKET), [""; 0]);
}
