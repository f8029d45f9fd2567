//! STATE messages: echoed byte for byte except for their counts, in order, and never later than
//! promised.
//!
//! The tests compare texts and not values: another digit or another order of members would be
//! another state to the platform.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sent;
use crate::support::read_back::members;
use crate::world::{
    SOON, World, catalog, complete, cursor, cursors, jsonl_and, plain, record, refresh, state,
    user, users,
};

const HUGE: &str = "123456789012345678901234567890.12345678901234567890";

/// A STATE as it is sent, and the number of records before it.
type Case<'a> = (&'a str, &'a str);

#[test]
fn stream_states_come_back_verbatim_with_their_counts() {
    let descriptor = r#"{"name":"users"}"#;
    let cases: &[Case<'_>] = &[
        (
            "2.0",
            r#"{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":null},"stream_state":{"b":1,"a":HUGE}},"id":7}"#,
        ),
        (
            "0.0",
            r#"{"id":8,"type":"STREAM","stream":{"stream_descriptor":DESCRIPTOR,"stream_state":null},"sourceStats":{"recordCount":0.0}}"#,
        ),
        (
            "3.0",
            r#"{"type":"STREAM","stream":{"stream_descriptor":DESCRIPTOR},"destinationStats":null,"unknown":{"z":[1.10,"\u00e9"],"y":-0.0},"id":9}"#,
        ),
        (
            "1.0",
            r#"{"type":"STREAM","stream":{"stream_state":{"x":"\ud83d\ude00 😀 \/"},"stream_descriptor":{"namespace":null,"name":"users"},"more":1e5},"id":2147483647,"partition_id":"p"}"#,
        ),
        (
            "1.0",
            r#"{ "type" : "STREAM", "stream" : { "stream_descriptor" : { "name" : "users" }, "stream_state" : { "n" : 1E+2 } }, "sourceStats" : { "recordCount" : 1.0E7, "additionalStats" : {} } }"#,
        ),
    ];
    echo(&catalog([refresh("users", &json!({ "id": {} }))]), cases, descriptor);
}

/// The descriptors of a GLOBAL state may name streams that are not configured; the real client
/// repeats a member.
#[test]
fn global_states_come_back_verbatim_with_the_counts_of_all_streams() {
    let streams = r#"[{"stream_descriptor":{"name":"users","namespace":null},"stream_state":{"lsn":HUGE}},{"stream_descriptor":{"name":"nobody"}}]"#;
    let cases: &[Case<'_>] = &[
        (
            "4.0",
            r#"{"type":"GLOBAL","global":{"shared_state":{"lsn":HUGE},"stream_states":DESCRIPTOR},"id":1}"#,
        ),
        (
            "2.0",
            r#"{"type":"GLOBAL","global_":{"a":1.0},"global":{"shared_state":null,"stream_states":[]},"global_":{"a":2.50},"id":2}"#,
        ),
        (
            "0.0",
            r#"{"global":{"stream_states":DESCRIPTOR,"other":[]},"type":"GLOBAL","destinationStats":{"recordCount":99.0},"id":3}"#,
        ),
    ];
    echo(&two_streams(), cases, streams);
}

#[test]
fn legacy_states_come_back_verbatim_with_the_counts_of_all_streams() {
    let cases: &[Case<'_>] = &[
        ("2.0", r#"{"type":"LEGACY","data":{"cursor":HUGE,"nested":{"b":[],"a":null}},"id":1}"#),
        ("1.0", r#"{"data":{"cursor":2}}"#),
        ("0.0", r#"{"data":{},"id":3}"#),
    ];
    echo(&two_streams(), cases, "");
}

/// Sends each STATE after as many records as its count says, and compares the text of what comes
/// back.
#[track_caller]
fn echo(catalog: &Value, cases: &[Case<'_>], descriptor: &str) {
    let mut names = catalog["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["stream"]["name"].as_str().unwrap())
        .cycle();
    let mut input = String::new();
    let mut texts = Vec::new();
    for (count, text) in cases {
        for row in 0..count.parse::<f64>().unwrap() as usize {
            input.push_str(&record(names.next().unwrap(), &format!("{{\"id\":{row}}}")));
        }
        let text = text.replace("DESCRIPTOR", descriptor).replace("HUGE", HUGE);
        input.push_str(&format!("{{\"type\":\"STATE\",\"state\":{text}}}\n"));
        texts.push(text);
    }
    for stream in catalog["streams"].as_array().unwrap() {
        input.push_str(&complete(stream["stream"]["name"].as_str().unwrap()));
    }
    let world = World::new();
    let outcome = world.sync(&json!({}), catalog, &input);

    let lines = outcome.stdout_lines.iter();
    let returned: Vec<String> = lines.filter_map(|line| sent::member(line, "state")).collect();
    assert_eq!(returned.len(), cases.len(), "{returned:#?}");
    for ((count, _), (sent, returned)) in cases.iter().zip(texts.iter().zip(&returned)) {
        let others = |text: &str| {
            let mut members = members(text);
            members.retain(|(name, _)| name != "destinationStats");
            members
        };
        assert_eq!(others(returned), others(sent));
        let stats: Vec<_> =
            members(returned).into_iter().filter(|(name, _)| name == "destinationStats").collect();
        let [(_, stats)] = stats.as_slice() else {
            panic!("exactly one destinationStats: {stats:?}")
        };
        assert_eq!(sent::member(stats, "recordCount").as_deref(), Some(*count), "{returned}");
    }
}

#[test]
fn states_of_a_stream_that_is_not_in_the_catalog_come_back() {
    let world = World::new();
    let input =
        [user(1), state("nobody", 1), state("users", 2), state("nobody", 3), complete("users")]
            .concat();
    let outcome = world.sync(&jsonl_and(&json!({})), &users(), &input);
    let mut returned = cursors(&outcome);
    returned.sort_unstable();
    assert_eq!(returned, [1, 2, 3]);
    assert_eq!(world.ids(), ["1"]);
}

#[test]
fn a_state_without_records_comes_back_while_stdin_is_open() {
    let world = World::new();
    let global = r#"{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[]},"id":1}}"#;
    let legacy = r#"{"type":"STATE","state":{"type":"LEGACY","data":{},"id":1}}"#;
    for line in [state("users", 1), format!("{global}\n"), format!("{legacy}\n")] {
        let settings = json!({ "checkpoint_interval_seconds": 3600 });
        let mut session = world.write(&settings, &users()).input(&line).start();
        let message = session.wait_for_state(SOON);
        assert_eq!(message["state"]["destinationStats"]["recordCount"], 0.0, "{line}");
        session.send(complete("users"));
        let outcome = session.finish(SOON).expect_success();
        assert_eq!(outcome.states().len(), 1, "{line}");
    }
    assert_eq!(world.keys(), [""; 0]);
}

/// Rows after the STATE are not part of what the timer publishes, and do not delay it.
#[test]
fn the_timer_returns_a_state_while_stdin_is_silent() {
    let world = World::new();
    let settings = jsonl_and(&json!({ "checkpoint_interval_seconds": 1 }));
    let input = [user(1), user(2), state("users", 1), state("users", 2), user(3)].concat();
    let mut session = world.write(&settings, &users()).input(input).start();
    assert_eq!(cursor(&session.wait_for_state(SOON)), 1);
    assert_eq!(world.ids(), ["1", "2"], "durable when the STATE is out, and nothing else");
    assert_eq!(cursor(&session.wait_for_state(SOON)), 2);
    session.send([state("users", 3), complete("users")].concat());
    assert_eq!(cursor(&session.wait_for_state(SOON)), 3);
    assert_eq!(world.ids(), ["1", "2", "3"]);
    session.finish(SOON).expect_success();
}

/// Test suites ask for it by the setting, or by the variable that they set.
#[test]
fn every_state_comes_back_at_once_while_stdin_is_open() {
    for (interval, batch) in [(0, None), (3600, Some("1"))] {
        let world = World::new();
        let config = world.config(&jsonl_and(&json!({ "checkpoint_interval_seconds": interval })));
        let mut connector = crate::world::connector();
        if let Some(batch) = batch {
            connector = connector.env("AIRBYTE_DESTINATION_RECORD_BATCH_SIZE_OVERRIDE", batch);
        }
        let mut session = connector.write(&config, &users()).start();
        for id in 1..=3 {
            session.send([user(id), state("users", id)].concat());
            assert_eq!(cursor(&session.wait_for_state(SOON)), u64::from(id));
            assert_eq!(world.ids().len(), id as usize, "rows are visible when their STATE is out");
        }
        // A crash does not undo what was acknowledged.
        session.send(user(4));
        session.kill();
        session.finish(SOON);
        assert_eq!(world.ids(), ["1", "2", "3"]);
    }
}

#[test]
fn five_thousand_states_one_per_record() {
    let world = World::new();
    let mut input: String = (0..5000).map(|id| [user(id), state("users", id)].concat()).collect();
    input.push_str(&complete("users"));
    let outcome = world.sync(&jsonl_and(&json!({})), &users(), &input);
    assert_eq!(cursors(&outcome), (0..5000).collect::<Vec<_>>());
    let stats = |state: &&Value| state["destinationStats"]["recordCount"] == 1.0;
    assert!(outcome.states().iter().all(stats));
    assert_eq!(world.rows().len(), 5000);
    assert_eq!(world.keys().len(), 1, "states within the interval share a file");
}

/// A GLOBAL state waits for all streams, and the states come back in one order.
#[test]
fn global_states_keep_their_order_under_checkpoints() {
    let world = World::new();
    let settings = jsonl_and(&json!({ "checkpoint_interval_seconds": 0 }));
    let mut session = world.write(&settings, &two_streams()).start();
    for id in 1..=20 {
        let stream = if id % 3 == 0 { "orders" } else { "users" };
        let state = json!({ "type": "STATE", "state": { "type": "GLOBAL", "id": id,
            "global": { "shared_state": { "n": id }, "stream_states": [] } } });
        session.send(record(stream, &format!("{{\"id\":{id}}}")));
        session.send_message(&state);
    }
    for id in 1..=20 {
        let message = session.wait_for_state(SOON);
        assert_eq!(message["state"]["id"], id);
        assert_eq!(message["state"]["destinationStats"]["recordCount"], 1.0);
        assert!(world.rows().len() >= id, "rows are visible when their STATE is out");
    }
    session.finish(SOON).expect_success();
    assert_eq!(world.rows().len(), 20);
}

/// A stream whose state waits does not delay another stream's.
#[test]
fn streams_are_acknowledged_independently() {
    let world = World::new();
    let settings = jsonl_and(&json!({ "checkpoint_interval_seconds": 1 }));
    let input = [record("orders", "{\"id\":1}"), user(2), state("users", 1)].concat();
    let mut session = world.write(&settings, &two_streams()).input(input).start();
    assert_eq!(cursor(&session.wait_for_state(SOON)), 1);
    assert_eq!(world.ids(), ["2"], "no STATE covers the row of orders");
    assert!(session.wait_for(Duration::ZERO, |message| message["type"] == "STATE").is_none());
    session.send(state("orders", 2));
    assert_eq!(cursor(&session.wait_for_state(SOON)), 2);
    session.finish(SOON).expect_success();
}

fn two_streams() -> Value {
    catalog([plain("users", &json!({ "id": {} })), plain("orders", &json!({ "id": {} }))])
}
