//! What arrives on stdin, and when its effects become visible.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::world::{
    EMITTED_AT, SOON, World, catalog, complete, cursors, failure, jsonl, plain, record, state,
    user, users, with,
};

/// It was visible with the first STATE, or at the end: a person saw nothing for a minute.
#[test]
fn a_log_line_is_printed_before_anything_is_read() {
    let world = World::new();
    let mut session = world.write(&jsonl(), &users()).start();
    let log = session.wait_for(SOON, |message| message["type"] == "LOG");
    assert!(log.is_some(), "the LOG about the store that is not AWS waits for input");
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_skipped() {
    for format in ["jsonl", "parquet"] {
        let world = World::new();
        let settings = json!({ "format": { "format_type": format } });
        let input =
            ["\u{feff}", &user(1), &state("users", 1), &user(2), &complete("users")].concat();
        let outcome = world.sync(&settings, &users(), &input);
        assert_eq!(cursors(&outcome), [1], "{format}");
        if format == "jsonl" {
            assert_eq!(world.ids(), ["1", "2"]);
        }
    }
    let world = World::new();
    let input = [&user(1), "\u{feff}", &user(2)].concat();
    let outcome = world.write(&jsonl(), &users()).input(input).run();
    let message = failure(&outcome, "system_error");
    assert!(message.starts_with("line 2 of the input is not an Airbyte message"), "{message}");
}

#[test]
fn input_that_is_not_airbyte_messages_is_identified() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(user(1).as_bytes()).unwrap();
    let utf16: Vec<u8> = user(1).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(Vec<u8>, &str); 8] = [
        (
            b"id,name\n1,a\n".to_vec(),
            "is not an Airbyte message: it looks like CSV; expected one JSON object",
        ),
        (
            b"{\"id\":1,\"name\":\"a\"}\n".to_vec(),
            "has no \"type\", so it is not an Airbyte message; expected one",
        ),
        (b"[{\"id\":1}]\n".to_vec(), "is not an Airbyte message: it is a JSON array"),
        (b"hello\n".to_vec(), "is not an Airbyte message: it does not begin with `{`"),
        (gzip.finish().unwrap(), "is not an Airbyte message: the input is compressed with gzip"),
        (
            [&b"\xff\xfe"[..], &utf16].concat(),
            "is not an Airbyte message: the input is UTF-16 text",
        ),
        // Without its byte order mark it is valid UTF-8, with a zero byte after each character.
        (utf16, "is not an Airbyte message: the input is UTF-16 text"),
        (b"type: RECORD\n".to_vec(), "is not an Airbyte message: the input looks like YAML"),
    ];
    for (input, expected) in cases {
        let world = World::new();
        let outcome = world.write(&jsonl(), &users()).input(input).run();
        let message = failure(&outcome, "system_error");
        assert!(message.starts_with(&format!("line 1 of the input {expected}")), "{message}");
        assert_eq!(world.keys(), [""; 0]);
    }
}

fn incomplete(stream: &str) -> String {
    let status = json!({ "stream_descriptor": { "name": stream }, "status": "INCOMPLETE" });
    let trace =
        json!({ "type": "STREAM_STATUS", "emitted_at": EMITTED_AT, "stream_status": status });
    json!({ "type": "TRACE", "trace": trace }).to_string() + "\n"
}

/// Without generations the end of the input is a good end, even if the source reported that it
/// failed.
#[test]
fn a_stream_reported_incomplete_is_logged_once_and_replaces_nothing() {
    let properties = json!({ "id": {} });
    let overwrite = |name: &str| {
        with(plain(name, &properties), &json!({ "destination_sync_mode": "overwrite" }))
    };
    let catalog = catalog([overwrite("users"), overwrite("orders")]);
    let order = |id: u32| record("orders", &format!("{{\"id\":{id}}}"));
    let world = World::new();
    let first = [user(1), state("users", 1), order(2), state("orders", 1)].concat();
    world.sync(&jsonl(), &catalog, &first);
    let second = [
        user(3),
        state("users", 2),
        order(4),
        state("orders", 2),
        incomplete("users"),
        incomplete("users"),
        incomplete("nobody"),
    ];
    let outcome = world.sync(&jsonl(), &catalog, &second.concat());
    assert_eq!(
        world.ids(),
        ["1", "3", "4"],
        "the old rows of users stay, those of orders are replaced"
    );
    let warnings: Vec<_> =
        outcome.logs("WARN").into_iter().filter(|log| log.contains("INCOMPLETE:")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("\"users\""), "{warnings:?}");
}

/// The missing COMPLETE says so there, in the TRACE ERROR.
#[test]
fn incomplete_with_generations_is_a_bad_end() {
    let world = World::new();
    let input = [user(1), state("users", 1), incomplete("users")].concat();
    let outcome = world.write(&jsonl(), &users()).input(input).run();
    failure(&outcome, "transient_error");
    let warnings: Vec<&str> = outcome.logs("WARN");
    assert!(warnings.iter().all(|warning| !warning.contains("INCOMPLETE")), "{warnings:?}");
    assert_eq!((cursors(&outcome), world.ids()), (vec![1], vec!["1".to_owned()]));
}
