//! Broken, unusual and huge lines of the input.
//!
//! A broken line means that its writer died while writing it: the run fails, publishes what a STATE
//! covers, and reports the number of the line but nothing of its content.

use serde_json::json;

use crate::world::{
    World, catalog, complete, complete_descriptor, cursors, failure, jsonl, plain, record,
    record_within, state, user, users,
};

/// Content that must not appear in a log.
const CONTENT: &str = "hunter2-card-4111111111111111";

#[test]
fn a_broken_line_fails_with_its_number_and_publishes_what_is_covered() {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("not JSON", format!("{{\"unparseable {CONTENT}\n").into_bytes()),
        ("no object", format!("\"{CONTENT}\"\n").into_bytes()),
        ("two objects", format!("{{\"type\":\"LOG\"}}{{\"x\":\"{CONTENT}\"}}\n").into_bytes()),
        ("no type",
            format!("{{\"record\":{{\"stream\":\"users\",\"data\":{{\"x\":\"{CONTENT}\"}}}}}}\n").into_bytes()),
        ("a record without data",
            format!("{{\"type\":\"RECORD\",\"record\":{{\"stream\":\"users\",\"emitted_at\":1,\"x\":\"{CONTENT}\"}}}}\n").into_bytes()),
        ("data that is no object", record("users", &format!("[\"{CONTENT}\"]")).into_bytes()),
        (
            "data that is not JSON",
            record("users", &format!("{{\"id\":1,\"x\":\"{CONTENT}\",}}")).into_bytes()
        ),
        (
            "a control character in a text",
            record("users", &format!("{{\"id\":1,\"x\":\"{CONTENT}\t\"}}")).into_bytes()
        ),
        (
            "an invalid number",
            record("users", &format!("{{\"id\":01,\"x\":\"{CONTENT}\"}}")).into_bytes()
        ),
        ("not UTF-8", {
            let mut line =
                record("users", &format!("{{\"id\":3,\"x\":\"{CONTENT}?\"}}")).into_bytes();
            let at = line.iter().position(|byte| *byte == b'?').unwrap();
            line[at] = 0xff;
            line
        }),
        ("an unknown stream", record("nobody", &format!("{{\"x\":\"{CONTENT}\"}}")).into_bytes()),
        (
            "an unknown namespace",
            record_within("other", "users", &format!("{{\"x\":\"{CONTENT}\"}}")).into_bytes()
        ),
        ("a NUL", format!("\0{CONTENT}\n").into_bytes()),
    ];
    for (case, line) in cases {
        let world = World::new();
        // The broken line is line 5, because blank lines count.
        let before = [user(1), "\n".into(), state("users", 1), user(2)].concat();
        let after = [user(3), state("users", 2), complete("users")].concat();
        let outcome = world.write(&jsonl(), &users()).input(before).input(&line).input(after).run();
        let message = failure(&outcome, "system_error");
        assert!(
            message.contains("line 5 "),
            "{case}: the message does not name the line: {message}"
        );
        assert!(
            !format!("{:?}{}", outcome.stdout_lines, outcome.stderr).contains("hunter2"),
            "{case}: {outcome:?}"
        );
        assert_eq!(cursors(&outcome), [1], "{case}");
        assert_eq!(world.ids(), ["1"], "{case}");
        if case == "an unknown stream" {
            assert!(message.contains("nobody"), "{message}");
        }
    }
}

#[test]
fn a_truncated_last_line_fails_and_a_missing_final_newline_does_not() {
    let world = World::new();
    let cut = format!(
        "{{\"type\":\"RECORD\",\"record\":{{\"stream\":\"users\",\"data\":{{\"id\":2,\"x\":\"{CONTENT}"
    );
    let input = [user(1), state("users", 1), cut].concat();
    let plain = catalog([plain("users", &json!({ "id": {} }))]);
    let outcome = world.write(&jsonl(), &plain).input(input).run();
    let message = failure(&outcome, "system_error");
    assert!(message.contains("line 3 "), "{message}");
    assert!(!format!("{:?}{}", outcome.stdout_lines, outcome.stderr).contains("hunter2"));
    assert_eq!(cursors(&outcome), [1]);
    assert_eq!(world.ids(), ["1"]);

    let world = World::new();
    let input = [user(1), state("users", 1), complete("users")].concat();
    let outcome = world.sync(&jsonl(), &users(), input.trim_end());
    assert_eq!(cursors(&outcome), [1]);
    assert_eq!(world.ids(), ["1"]);
}

/// What real clients also send: CR LF, blank lines, messages for others, null for absent members,
/// and counts and times as fractions.
#[test]
fn unusual_lines_are_accepted() {
    let nulls = r#""log":null,"spec":null,"state":null,"catalog":null,"control":null,"connectionStatus":null,"trace":null"#;
    let lines = [
        String::new(),
        r#"{"type":"LOG","log":{"level":"INFO","message":"hello"}}"#.into(),
        r#"{"type":"BRAND_NEW","brand_new":{"x":1e400}}"#.into(),
        r#"{"type":"CATALOG","catalog":{"streams":[]}}"#.into(),
        r#"{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":4.0,"connectorConfig":{"config":{}}}}"#.into(),
        r#"{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1.0E7,"estimate":{"name":"users","type":"STREAM","row_estimate":4.0}}}"#.into(),
        r#"{"type":"TRACE","trace":{"type":"ANALYTICS","emitted_at":4,"analytics":{"type":"x","value":"y"}}}"#.into(),
        r#"{"type":"TRACE","trace":{"type":"BRAND_NEW","emitted_at":1.78E12}}"#.into(),
        r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1.78E12,"stream_status":{"stream_descriptor":{"name":"users","namespace":null},"status":"STARTED","reasons":null}}}"#.into(),
        format!(r#"{{"type":"RECORD",{nulls},"record":{{"stream":"users","namespace":null,"data":{{"id":1}},"emitted_at":12,"meta":null,"file_reference":null,"extra":[]}}}}"#),
        r#"  { "record" : { "data" : { "id" : 2 } , "emitted_at" : 12 , "stream" : "users" } , "type" : "RECORD" }  "#.into(),
        r#"{"type":"RECORD","record":{"stream":"\u0075sers","namespace":"","data":{"id":3},"emitted_at":12}}"#.into(),
        "   ".into(),
        r#"{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"cursor":1}},"sourceStats":{"recordCount":1.0E7},"destinationStats":null,"global":null,"data":null}}"#.into(),
        r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1.78E12,"error":null,"stream_status":{"stream_descriptor":{"name":"users","namespace":null},"status":"COMPLETE"}}}"#.into(),
        String::new(),
    ];
    for line_end in ["\n", "\r\n"] {
        let world = World::new();
        let outcome = world.sync(&jsonl(), &users(), &lines.join(line_end));
        assert_eq!(world.ids(), ["1", "2", "3"]);
        assert_eq!(cursors(&outcome), [1]);
        assert_eq!(outcome.states()[0]["destinationStats"]["recordCount"], 3.0);
        assert_eq!(outcome.logs("ERROR"), [""; 0]);
    }
}

/// Two streams with one name: records and statuses go to the stream of their namespace, and a
/// COMPLETE of one stream may precede records of the other.
#[test]
fn namespaces_are_distinguished_in_every_kind_of_message() {
    let world = World::new();
    let properties = json!({ "id": {} });
    let streams = ["a", "b"].map(|namespace| {
        crate::world::within(namespace, crate::world::refresh("users", &properties))
    });
    let input = [
        record_within("a", "users", "{\"id\":1}"),
        record_within("b", "users", "{\"id\":2}"),
        complete_descriptor(&json!({ "name": "users", "namespace": "a" })),
        record_within("b", "users", "{\"id\":3}"),
    ]
    .concat();
    let outcome = world.write(&jsonl(), &catalog(streams.clone())).input(&input).run();
    failure(&outcome, "transient_error");
    let end = complete_descriptor(&json!({ "name": "users", "namespace": "b" }));
    world.sync(&jsonl(), &catalog(streams), &[input, end].concat());
    assert_eq!(world.ids(), ["1", "2", "3"]);
}

#[test]
fn a_line_of_30_mb_is_a_record_like_any_other() {
    let world = World::new();
    let data = format!("{{\"id\":1,\"text\":\"{}\"}}", "0123456789".repeat(3_000_000));
    let input =
        [user(0), record("users", &data), state("users", 1), user(2), complete("users")].concat();
    let outcome = world.sync(&json!({ "format": { "format_type": "jsonl.gz" } }), &users(), &input);
    assert_eq!(cursors(&outcome), [1]);
    let rows = world.rows();
    assert_eq!(rows.len(), 3);
    assert!(rows[1].text.ends_with(data.trim_start_matches('{')), "the large record was changed");
}

#[test]
fn a_line_over_128_mb_fails_with_its_number() {
    let world = World::new();
    let mut input = [user(1), state("users", 1), user(2)].concat().into_bytes();
    input.extend_from_slice(
        b"{\"type\":\"RECORD\",\"record\":{\"stream\":\"users\",\"data\":{\"text\":\"",
    );
    input.resize(input.len() + 129 * 1024 * 1024, b'x');
    input.extend_from_slice(b"\"},\"emitted_at\":1}}\n");
    let outcome = world.write(&jsonl(), &users()).input(input).run();
    let [error] = outcome.errors()[..] else { panic!("{outcome:?}") };
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("line 4 ") && message.contains("134217728"), "{message}");
    assert_eq!(outcome.code(), Some(1));
    assert_eq!(cursors(&outcome), [1]);
    assert_eq!(world.ids(), ["1"]);
}
