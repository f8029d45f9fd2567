//! The metadata of an object, by which the connector knows its own objects, and the sync modes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::generations::{
    FORMATS, all_rows, appended, format, generation, good_input, records, stream, sync_one,
};
use crate::support::connector::Outcome;
use crate::world::{
    SOON, World, catalog, complete, complete_descriptor, connector, cursor, failure, jsonl_and,
    noise, record, record_within, state, with, within,
};

/// Names in the metadata of every object, except those of [`SOMETIMES`].
const ALWAYS: [&str; 7] = [
    "stream",
    "connection-id",
    "connection-run-id",
    "sync-id",
    "destination-s3-token",
    "key-hash",
    "attempt-id",
];
const ROWS: [&str; 2] = ["rows", "sealed-by"];

/// Returns a value that must exist.
#[track_caller]
fn value<'a>(metadata: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    metadata.get(name).unwrap_or_else(|| panic!("no {name} in {metadata:?}"))
}

/// Asserts that the metadata has these names and no others.
#[track_caller]
fn assert_names<'a>(metadata: &BTreeMap<String, String>, more: impl IntoIterator<Item = &'a str>) {
    let expected: BTreeSet<&str> = ALWAYS.into_iter().chain(more).collect();
    assert_eq!(metadata.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
}

#[track_caller]
fn assert_uuid(text: &str) {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{text}");
    assert!(text.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{text}");
}

/// Decodes percent-encoding.
fn decoded(text: &str) -> String {
    assert!(text.is_ascii(), "{text}");
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// Names and values, in every format and both dialects.
#[test]
fn metadata_describes_every_object() {
    for name in FORMATS {
        let world = World::new();
        let settings = with(
            format(name),
            &json!({ "connection_id": "conn-1", "checkpoint_interval_seconds": 0 }),
        );
        let with_fields = |stream: &str, namespace: &str| {
            within(namespace, with(appended(stream, 5, 0), &json!({ "sync_id": 42 })))
        };
        let streams =
            [with_fields("users", "crm"), with(appended("users", 7, 0), &json!({ "sync_id": 42 }))];
        let mut runs = BTreeSet::new();
        let mut attempts = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for _attempt in 0..2 {
            let mut session = world.write(&settings, &catalog(streams.clone())).start();
            // Three rows at a checkpoint and one at the end; two rows of the other stream, which no
            // STATE covers.
            session.send([records("users", &[1, 2, 3]), state("users", 1)].concat());
            assert_eq!(cursor(&session.wait_for_state(SOON)), 1);
            session.send(records("users", &[4]));
            session.send(
                (5..=6)
                    .map(|id| record_within("crm", "users", &format!("{{\"id\":{id}}}")))
                    .collect::<String>(),
            );
            session.send(
                [
                    complete("users"),
                    complete_descriptor(&json!({ "name": "users", "namespace": "crm" })),
                ]
                .concat(),
            );
            session.finish(SOON).expect_success();

            let mut found = BTreeSet::new();
            let mut tokens = BTreeSet::new();
            for (key, metadata) in world.metadata() {
                if !seen.insert(key.clone()) {
                    continue;
                }
                let crm = metadata.contains_key("namespace");
                let more = [&["generation-id"][..], &ROWS, if crm { &["namespace"] } else { &[] }]
                    .concat();
                assert_names(&metadata, more);
                assert_eq!(value(&metadata, "stream"), "users");
                assert_eq!(value(&metadata, "connection-id"), "conn-1");
                assert_eq!(value(&metadata, "sync-id"), "42");
                assert_eq!(value(&metadata, "generation-id"), if crm { "5" } else { "7" }, "{key}");
                assert!(!crm || value(&metadata, "namespace") == "crm", "{metadata:?}");
                for id in ["connection-run-id", "destination-s3-token", "attempt-id"] {
                    assert_uuid(value(&metadata, id));
                }
                runs.insert(value(&metadata, "connection-run-id").to_owned());
                attempts.insert(value(&metadata, "attempt-id").to_owned());
                tokens.insert(value(&metadata, "destination-s3-token").to_owned());
                found.insert((
                    crm,
                    value(&metadata, "rows").to_owned(),
                    value(&metadata, "sealed-by").to_owned(),
                ));
            }
            let expected = [(false, "1", "end"), (false, "3", "checkpoint"), (true, "2", "end")];
            let expected = expected.map(|(crm, rows, why)| (crm, rows.to_owned(), why.to_owned()));
            assert_eq!(found, BTreeSet::from(expected), "{name}");
            assert_eq!(tokens.len(), 3, "{name}: one token for each file");
        }
        assert_eq!(attempts.len(), 2, "{name}: one for each process");
        assert_eq!(runs.len(), 1, "{name}: the same for all attempts of a job");

        let world = World::new();
        sync_one(&world, &settings, &stream("users", "append", &json!({})), &[1]);
        world.metadata().values().for_each(|metadata| assert_names(metadata, ROWS));
        assert_eq!(world.keys().len(), 1, "{name}");
    }
}

/// Names in any script are distinguished and returned unchanged; each stream's objects are found
/// again, and only those.
#[test]
fn streams_with_unusual_names_own_their_objects() {
    let long = |end: &str| format!("{}{end}", "n".repeat(700));
    let pairs: Vec<(Option<String>, String)> = vec![
        (None, "users".to_owned()),
        (None, "Users".to_owned()),
        (None, "users ".to_owned()),
        (None, "users%20".to_owned()),
        (None, "crm/users".to_owned()),
        (None, "crm%2Fusers".to_owned()),
        (Some("crm".to_owned()), "users".to_owned()),
        (Some("users".to_owned()), "crm".to_owned()),
        (Some("größe 漢字".to_owned()), "a=b&c+\"d\"\r\n".to_owned()),
        (Some("größe%20漢字".to_owned()), "a=b&c+\"d\"\r\n".to_owned()),
        (None, "🦀".to_owned()),
        (None, "e\u{301}".to_owned()),
        (None, "é".to_owned()),
        (None, long("1")),
        (None, long("2")),
        (Some(long("1")), long("1")),
        (Some(long("2")), long("1")),
    ];
    // All in one folder, under keys that say nothing: only the metadata identifies them.
    let settings = jsonl_and(&json!({ "s3_bucket_key": "all/{uuid}_{stream_id}.{extension}",
            "connection_id": "c-1_x.y" }));
    let configured = |pair: &(Option<String>, String), stream: Value| match &pair.0 {
        Some(namespace) => within(namespace, stream),
        None => stream,
    };
    let descriptor =
        |pair: &(Option<String>, String)| json!({ "name": pair.1, "namespace": pair.0 });
    let row = |pair: &(Option<String>, String), id: usize| match &pair.0 {
        Some(namespace) => record_within(namespace, &pair.1, &format!("{{\"id\":{id}}}")),
        None => record(&pair.1, &format!("{{\"id\":{id}}}")),
    };
    let world = World::new();
    let streams = pairs.iter().map(|pair| configured(pair, appended(&pair.1, 1, 0)));
    let rows = pairs.iter().enumerate().map(|(id, pair)| row(pair, id));
    let ends = pairs.iter().map(|pair| complete_descriptor(&descriptor(pair)));
    world.sync(&settings, &catalog(streams), &rows.chain(ends).collect::<String>());

    let metadata = world.metadata();
    assert_eq!(metadata.len(), pairs.len());
    let names: BTreeSet<_> = metadata
        .values()
        .map(|object| (object.get("namespace").cloned(), value(object, "stream").to_owned()))
        .collect();
    assert_eq!(names.len(), pairs.len(), "two streams have the same metadata: {names:?}");
    let short = |pair: &&(Option<String>, String)| pair.1.len() < 100;
    for pair in pairs.iter().filter(short) {
        let found = names.iter().any(|(namespace, name)| {
            !name.starts_with("uuid5:")
                && (namespace.as_deref().map(decoded), decoded(name)) == *pair
        });
        assert!(found, "{pair:?} is not in {names:?}");
    }
    for object in metadata.values() {
        let bytes: usize = object.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(bytes <= 2048, "S3 takes 2 KB of metadata, not {bytes}");
    }

    for (id, pair) in pairs.iter().enumerate() {
        let world = world.twin();
        let truncated = configured(pair, appended(&pair.1, 2, 2));
        world.sync(&settings, &catalog([truncated]), &complete_descriptor(&descriptor(pair)));
        let mut expected: Vec<_> = (0..pairs.len())
            .filter(|other| *other != id)
            .map(|other| format!("{other}@1"))
            .collect();
        expected.sort();
        assert_eq!(all_rows(&world.objects()), expected, "{pair:?} was cleared");
    }
}

/// A file says how many rows it has and why it was closed: in its metadata or, if its upload was
/// created before that was known, in one line of the log.
#[test]
fn files_say_why_they_were_closed() {
    // By size: 4 MB in files of 1 MB.
    let world = World::new();
    let settings = jsonl_and(&json!({ "file_size_mb": 1 }));
    let rows: String = (0..400).map(|id| wide(id, 10_000)).collect();
    let outcome = world.sync(
        &settings,
        &one_stream(),
        &[rows, state("users", 1), complete("users")].concat(),
    );
    let reasons = reasons(&world, &outcome);
    assert_eq!(reasons.values().sum::<usize>(), 400);
    let (by_size, at_the_end) = (count(&reasons, "size"), count(&reasons, "end"));
    assert!(by_size > 300 && by_size + at_the_end == 400, "{reasons:?}");

    // One file of 20 MB, whose upload begins before it is complete.
    let world = World::new();
    let mut session = world.write(&jsonl_and(&json!({})), &one_stream()).start();
    session.send([(0..20).map(|id| wide(id, 1 << 20)).collect(), state("users", 1)].concat());
    let deadline = Instant::now() + SOON;
    while world.server.open_parts() == 0 {
        assert!(Instant::now() < deadline, "no part of 20 MB was uploaded while stdin was open");
        std::thread::sleep(Duration::from_millis(5));
    }
    session.send(complete("users"));
    let outcome = session.finish(SOON).expect_success();
    let [object] = <[_; 1]>::try_from(world.metadata().into_values().collect::<Vec<_>>()).unwrap();
    assert_names(&object, ["generation-id"]);
    let told = self::reasons(&world, &outcome);
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [("end".to_owned(), 20)]);

    // Many streams share a small memory.
    let world = World::new();
    let settings = jsonl_and(
        &json!({ "memory_limit_mb": 64, "s3_bucket_key": "{stream_name}/{part}.{extension}" }),
    );
    let names: Vec<String> = (0..120).map(|number| format!("stream_{number}")).collect();
    let mut input = String::new();
    for row in 0..20 {
        for name in &names {
            input.push_str(&record(
                name,
                &format!("{{\"id\":{row},\"noise\":\"{}\"}}", noise(row, 40_000)),
            ));
        }
    }
    names.iter().for_each(|name| input.push_str(&[state(name, 1), complete(name)].concat()));
    let streams = names.iter().map(|name| appended(name, 5, 0));
    let outcome = world.sync(&settings, &catalog(streams), &input);
    let reasons = self::reasons(&world, &outcome);
    assert_eq!(reasons.values().sum::<usize>(), 20 * names.len(), "{reasons:?}");
    assert!(count(&reasons, "memory") > 0, "{reasons:?}");
}

fn count(reasons: &BTreeMap<String, usize>, reason: &str) -> usize {
    reasons.get(reason).copied().unwrap_or_default()
}

/// Returns the number of rows by the reason that their file was closed for; the row count of each
/// file is compared.
#[track_caller]
fn reasons(world: &World, outcome: &Outcome) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    let logs = outcome.logs("INFO");
    for (key, bytes) in world.objects() {
        let rows = bytes.iter().filter(|byte| **byte == b'\n').count();
        let metadata = world.server.metadata(crate::world::BUCKET, &key);
        let reason = if let Some(told) = metadata.get("rows") {
            assert_eq!(*told, rows.to_string(), "{key}");
            value(&metadata, "sealed-by").to_owned()
        } else {
            assert!(!metadata.contains_key("sealed-by"), "{metadata:?}");
            let lines: Vec<_> = logs.iter().filter(|line| line.contains(&key)).collect();
            let [line] = lines.as_slice() else {
                panic!("exactly one line about {key}: {lines:?}")
            };
            let words: Vec<&str> = line.split(|c: char| !c.is_ascii_alphanumeric()).collect();
            assert!(words.contains(&rows.to_string().as_str()), "{rows} rows: {line}");
            let told = ["size", "checkpoint", "memory", "end"]
                .into_iter()
                .find(|reason| words.contains(reason));
            told.unwrap_or_else(|| panic!("the line gives no reason: {line}")).to_owned()
        };
        assert!(
            ["size", "checkpoint", "memory", "end"].contains(&reason.as_str()),
            "{key}: {reason}"
        );
        *reasons.entry(reason).or_default() += rows;
    }
    reasons
}

fn one_stream() -> Value {
    catalog([appended("users", 5, 0)])
}

fn wide(id: u32, bytes: usize) -> String {
    record("users", &format!("{{\"id\":{id},\"noise\":\"{}\"}}", noise(u64::from(id), bytes)))
}

/// The modes that the platform is offered, and the messages about the others.
#[test]
fn supported_modes_work_and_others_are_refused() {
    let specification = connector().spec().expect_success();
    let offered: BTreeSet<_> = specification.specification()["supported_destination_sync_modes"]
        .as_array()
        .expect("modes")
        .iter()
        .map(|mode| mode.as_str().expect("a mode"))
        .collect();
    assert_eq!(offered, BTreeSet::from(["append", "overwrite"]));

    for fields in [json!({}), generation(5, 0), generation(5, 5)] {
        let world = World::new();
        let settings = jsonl_and(&json!({}));
        sync_one(&world, &settings, &appended("users", 1, 0), &[1]);
        for mode in ["update", "soft_delete"] {
            let streams = [stream("orders", "overwrite", &fields), stream("users", mode, &fields)];
            let outcome =
                world.write(&settings, &catalog(streams)).input(good_input("orders", &[2])).run();
            let message = failure(&outcome, "config_error");
            assert!(message.contains("users") && message.contains(mode), "{message}");
            assert!(outcome.states().is_empty(), "{mode}");
            assert_eq!(all_rows(&world.objects()), ["1@1"], "{mode}");
        }
        let names = ["orders", "items", "clients"];
        let modes = ["append_dedup", "append_dedup", "append"];
        let streams = names.iter().zip(modes).map(|(name, mode)| stream(name, mode, &fields));
        let rounds = (1..=3)
            .flat_map(|id| names.map(|name| [records(name, &[id]), state(name, id)].concat()));
        let input: String = rounds.chain(names.iter().map(|name| complete(name))).collect();
        let outcome = world.sync(&settings, &catalog(streams), &input);
        for (name, mode) in names.iter().zip(modes) {
            let named: Vec<_> =
                outcome.logs("WARN").into_iter().filter(|log| log.contains(name)).collect();
            assert_eq!(named.len(), usize::from(mode == "append_dedup"), "{name}: {named:?}");
            assert!(named.iter().all(|text| text.contains("dedup")), "{named:?}");
        }
        assert_eq!(all_rows(&world.objects()).len(), 10);
    }
}
