//! Replacements as S3 sees them: the order of requests, many objects, and a reader that polls a
//! fixed key all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::generations::{
    all_rows, appended, generation, good_input, records, rows_by_key, stream,
};
use crate::support::connector::Outcome;
use crate::support::faulty_s3::{Fault, FaultyS3, Operation, Rule};
use crate::world::{
    BUCKET, SOON, catalog, complete, connector, cursor, noise, record, state, with,
};

/// The plain key of `users` under [`fixed`].
pub(crate) const FIXED_KEY: &str = "users.jsonl";

/// Starts a server without faults, with one empty bucket.
pub(crate) fn start() -> FaultyS3 {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    server
}

/// Returns a configuration for uncompressed JSONL with this key template.
fn settings(server: &FaultyS3, template: &str) -> Value {
    let settings = json!({ "s3_bucket_key": template, "format": { "format_type": "jsonl" },
        "connection_id": "c1" });
    with(server.config(BUCKET), &settings)
}

/// Returns [`settings`] with a fixed key.
pub(crate) fn fixed(server: &FaultyS3) -> Value {
    settings(server, "{stream_name}.{extension}")
}

/// Returns [`settings`] with numbered keys.
pub(crate) fn numbered(server: &FaultyS3) -> Value {
    settings(server, "{stream_name}/{part}.{extension}")
}

/// Returns a catalog that overwrites `users`, in the same generation every time.
pub(crate) fn overwritten() -> Value {
    stream("users", "overwrite", &generation(1, 1))
}

/// Runs one sync that overwrites `users`.
pub(crate) fn replace(config: &Value, ids: &[u32]) -> Outcome {
    connector().write(config, &catalog([overwritten()])).input(good_input("users", ids)).run()
}

/// Returns the rows of every object by key.
pub(crate) fn rows(server: &FaultyS3) -> BTreeMap<String, Vec<String>> {
    rows_by_key(&server.objects(BUCKET))
}

/// Nothing is removed or overwritten before everything of the sync is published; the plain key is
/// never deleted and never put.
#[test]
fn everything_is_published_before_anything_is_removed() {
    let server = start();
    let config = with(fixed(&server), &json!({ "checkpoint_interval_seconds": 0 }));
    let streams = || catalog([overwritten(), stream("orders", "overwrite", &generation(1, 1))]);
    for sync in 1..=3 {
        let before = server.requests().len();
        let mut session = connector().write(&config, &streams()).start();
        for id in 1..=2 {
            session.send([records("users", &[sync * 10 + id]), state("users", id)].concat());
            assert_eq!(cursor(&session.wait_for_state(SOON)), u64::from(id));
        }
        session.send(
            [records("orders", &[sync * 10]), complete("users"), complete("orders")].concat(),
        );
        let outcome = session.finish(SOON).expect_success();
        let requests = server.requests().split_off(before);
        let position = |found: Option<usize>| found.map_or(0, |position| position + 1);
        let published = position(requests.iter().rposition(|request| {
            matches!(
                request.operation,
                Operation::Put | Operation::Create | Operation::Part | Operation::Complete
            )
        }));
        let replaces = |operation: Operation| {
            matches!(operation, Operation::Copy | Operation::Delete | Operation::DeleteMany)
        };
        let replaced = requests.iter().position(|request| replaces(request.operation));
        let Some(replaced) = replaced else {
            assert_eq!(sync, 1, "nothing was replaced: {requests:#?}");
            continue;
        };
        assert!(replaced >= published, "{requests:#?}");
        // The log says so before it is done, and after every STATE.
        let last_state = outcome.messages.iter().rposition(|message| message["type"] == "STATE");
        for name in ["users", "orders"] {
            let says = |message: &Value| {
                let text = message["log"]["message"].as_str().unwrap_or_default();
                text.contains("remov") && text.contains(name)
            };
            assert!(outcome.messages.iter().position(says) > last_state, "{:#?}", outcome.messages);
        }
        for key in [FIXED_KEY, "orders.jsonl"] {
            let touched: BTreeSet<_> = requests
                .iter()
                .filter(|request| request.key == key)
                .map(|request| request.operation)
                .collect();
            let harmless = BTreeSet::from([Operation::List, Operation::Head, Operation::Copy]);
            assert!(touched.is_subset(&harmless), "{key}: {touched:?}");
            let copies = requests
                .iter()
                .filter(|request| request.key == key && request.operation == Operation::Copy);
            assert_eq!(copies.count(), 1, "{key}");
        }
        let found = rows(&server);
        assert_eq!(found.get("orders.jsonl"), Some(&vec![format!("{}@1", sync * 10)]), "{found:?}");
        assert_eq!(found.len(), 3, "{found:?}");
        let expected = (0..=2).map(|id| format!("{}@1", sync * 10 + id)).collect::<Vec<_>>();
        assert_eq!(all_rows(&server.objects(BUCKET)), expected);
    }
}

/// Runs a sync that leaves two objects, with the rows 1 and 2: one under the plain key, and one
/// under a numbered key.
pub(crate) fn two_files(config: &Value) {
    let mut session = connector().write(config, &catalog([overwritten()])).start();
    for id in 1..=2 {
        session.send([records("users", &[id]), state("users", id)].concat());
        session.wait_for_state(SOON);
    }
    session.send(complete("users"));
    session.finish(SOON).expect_success();
}

/// More old objects than fit into a page of a listing or a batch of deletions, among those of
/// another stream.
#[test]
fn thousands_of_old_objects_are_removed() {
    const OBJECTS: u32 = 2_100;
    let server = start();
    let config = numbered(&server);
    let first = catalog([appended("users", 1, 0), appended("users_archive", 1, 0)]);
    let input = [good_input("users", &[1]), good_input("users_archive", &[2])].concat();
    connector().write(&config, &first).input(input).run().expect_success();
    for stream in ["users", "users_archive"] {
        let model = format!("{stream}/0.jsonl");
        let content = server.objects(BUCKET).remove(&model).unwrap();
        let metadata = server.metadata(BUCKET, &model);
        // The metadata of a real object, each with a token of its own, as an older version wrote
        // it: without the key's hash.
        for number in 1..OBJECTS {
            let token = format!("{number:08x}-0000-4000-8000-000000000000");
            let metadata: Vec<(&str, &str)> = metadata
                .iter()
                .filter(|(name, _)| *name != "key-hash")
                .map(|(name, value)| {
                    (name.as_str(), if name == "destination-s3-token" { &token } else { value })
                })
                .map(|(name, value)| (name, value.as_str()))
                .collect();
            // Some of them are foreign.
            let metadata = if number % 100 == 0 { &[] } else { &metadata[..] };
            server.put_object(BUCKET, &format!("{stream}/{number}.jsonl"), &content, metadata);
        }
    }
    let before = server.keys(BUCKET);
    let truncated = catalog([appended("users", 2, 2)]);
    connector().write(&config, &truncated).input(good_input("users", &[3])).run().expect_success();
    let keys: BTreeSet<_> = server.keys(BUCKET).into_iter().collect();
    let number = |key: &str| key.split(['/', '.']).nth(1).unwrap().parse::<u32>().unwrap();
    let stays = |key: &&String| {
        key.starts_with("users_archive/") || (number(key) % 100 == 0 && number(key) != 0)
    };
    let mut expected: BTreeSet<_> = before.iter().filter(stays).cloned().collect();
    expected.insert(format!("users/{OBJECTS}.jsonl"));
    assert_eq!(keys, expected);
}

/// A reader that polls the fixed key sees the complete old or the complete new content, whichever
/// request is slow.
#[test]
fn a_reader_of_a_fixed_key_sees_complete_content() {
    let slow = [None, Some(Operation::Copy), Some(Operation::DeleteMany), Some(Operation::Head)];
    for (number, slow) in slow.into_iter().enumerate() {
        let server = start();
        let config = fixed(&server);
        let input = |sync: u32| {
            let rows = (0..4).map(|id| {
                let text = noise(u64::from(sync * 10 + id), 3 << 20);
                record("users", &format!("{{\"id\":{},\"noise\":\"{text}\"}}", sync * 10 + id))
            });
            [rows.collect(), state("users", 1), complete("users")].concat()
        };
        let run = |sync: u32| {
            connector()
                .write(&config, &catalog([overwritten()]))
                .input(input(sync))
                .run()
                .expect_success();
        };
        run(1);
        let old = server.objects(BUCKET).remove(FIXED_KEY).expect("the first object");
        if let Some(slow) = slow {
            server.inject(Rule::on(slow, Fault::SlowDrip));
        }
        let is_over = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut seen: Vec<(bool, Vec<u8>)> = Vec::new();
                loop {
                    let last = is_over.load(Ordering::Acquire);
                    let mut objects = server.objects(BUCKET);
                    let content = objects.remove(FIXED_KEY).unwrap_or_default();
                    let beside = !objects.is_empty();
                    if seen.last().is_none_or(|(was, before)| *was != beside || *before != content)
                    {
                        seen.push((beside, content));
                    }
                    if last {
                        return seen;
                    }
                }
            });
            run(2);
            is_over.store(true, Ordering::Release);
            reader.join().expect("the reader")
        });
        let new = server.objects(BUCKET).remove(FIXED_KEY).expect("the new object");
        assert_eq!(
            rows(&server),
            BTreeMap::from([(
                FIXED_KEY.to_owned(),
                (20..24).map(|id| format!("{id}@1")).collect()
            )])
        );
        assert!(new != old);
        let odd = seen.iter().filter(|(_, content)| *content != old && *content != new).count();
        assert_eq!(odd, 0, "{number}: neither the old nor the new content");
        let changes: Vec<bool> = seen.iter().map(|(_, content)| *content == new).collect();
        assert!(changes.is_sorted(), "{number}: the old content came back");
        assert!(!changes[0] && changes[changes.len() - 1], "{number}: the reader saw too little");
    }
}
