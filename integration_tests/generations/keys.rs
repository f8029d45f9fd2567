//! Fixed keys: a reader of the plain key sees the complete old or the complete new content, and in
//! the end no other object is left.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::generations::{
    Break, all_rows, appended, broken_off, generation, good_input, records, rows_by_key, stream,
    sync_one,
};
use crate::world::{
    BUCKET, SOON, World, catalog, complete, complete_descriptor, cursor, failure, record_within,
    state, with, within,
};

/// Templates of fixed keys, their format, and the plain key of `users`.
const FIXED: [(&str, &str, &str); 4] = [
    ("{stream_name}.{extension}", "jsonl", "users.jsonl"),
    ("{stream_name}.csv", "csv", "users.csv"),
    ("exports/{stream_name}/latest.jsonl", "jsonl", "exports/users/latest.jsonl"),
    ("{stream_name}.{extension}", "parquet", "users.parquet"),
];

fn settings(template: &str, format: &str) -> Value {
    json!({ "s3_bucket_key": template, "format": { "format_type": format }, "connection_id": "c1" })
}

fn every_state_at_once(settings: &Value) -> Value {
    with(settings.clone(), &json!({ "checkpoint_interval_seconds": 0 }))
}

/// Returns the configured stream of the n-th sync for a way to replace a stream.
fn replacing(way: &str, sync: u32) -> Value {
    match way {
        "plain overwrite" => stream("users", "overwrite", &json!({})),
        "truncated" => appended("users", sync, sync),
        "overwrite, all alike" => stream("users", "overwrite", &generation(1, 1)),
        "overwrite without truncation" => stream("users", "overwrite", &generation(sync, 0)),
        _ => unreachable!("{way}"),
    }
}

const WAYS: [&str; 4] =
    ["plain overwrite", "truncated", "overwrite, all alike", "overwrite without truncation"];

fn generation_of(way: &str, sync: u32) -> String {
    match replacing(way, sync)["generation_id"].as_u64() {
        Some(generation) => generation.to_string(),
        None => "-".to_owned(),
    }
}

/// Each sync leaves one object under the plain key, with its own content and metadata.
#[test]
fn each_sync_replaces_the_object_under_the_plain_key() {
    for (template, format, plain_name) in FIXED {
        for way in WAYS {
            let world = World::new();
            let settings = settings(template, format);
            let mut attempts = Vec::new();
            let mut content_types = Vec::new();
            for sync in 1..=4 {
                let case = format!("{template}, {format}, {way}, sync {sync}");
                let ids = [sync * 10, sync * 10 + 1];
                sync_one(&world, &settings, &replacing(way, sync), &ids);
                let generation = generation_of(way, sync);
                let rows = ids.map(|id| format!("{id}@{generation}")).to_vec();
                let expected = BTreeMap::from([(plain_name.to_owned(), rows)]);
                assert_eq!(rows_by_key(&world.objects()), expected, "{case}");
                let metadata = world.server.metadata(BUCKET, plain_name);
                assert_eq!(
                    metadata.get("stream").map(String::as_str),
                    Some("users"),
                    "{case}: {metadata:?}"
                );
                assert_eq!(
                    metadata.get("rows").map(String::as_str),
                    Some("2"),
                    "{case}: {metadata:?}"
                );
                assert_eq!(
                    metadata.get("generation-id"),
                    Some(&generation).filter(|text| *text != "-"),
                    "{case}"
                );
                assert!(metadata.contains_key("destination-s3-token"), "{case}: {metadata:?}");
                attempts.push(metadata.get("attempt-id").cloned().expect("an attempt"));
                content_types.push(world.server.content_type(BUCKET, plain_name));
            }
            attempts.sort();
            attempts.dedup();
            assert_eq!(attempts.len(), 4, "{template}, {way}: each object is from its own sync");
            assert!(
                content_types.iter().all(|of| of.is_some() && *of == content_types[0]),
                "{content_types:?}"
            );
            // A clear: no records.
            let input = [state("users", 9), complete("users")].concat();
            world.sync(&settings, &catalog([replacing(way, 9)]), &input);
            assert_eq!(world.keys(), [""; 0], "{template}, {way}");
        }
    }
}

/// A sync with several files: until its end the plain key has the old content.
#[test]
fn several_files_of_a_sync_share_a_fixed_key() {
    for (template, format, plain_name) in FIXED {
        for way in WAYS {
            let case = format!("{template}, {format}, {way}");
            let world = World::new();
            let settings = settings(template, format);
            sync_one(&world, &settings, &replacing(way, 1), &[10, 11]);
            let old = world.objects();
            let mut session =
                world.write(&every_state_at_once(&settings), &catalog([replacing(way, 2)])).start();
            for id in 20..23 {
                session.send([records("users", &[id]), state("users", id)].concat());
                assert_eq!(cursor(&session.wait_for_state(SOON)), u64::from(id), "{case}");
                let mut objects = world.objects();
                assert_eq!(
                    objects.remove(plain_name),
                    old.get(plain_name).cloned(),
                    "{case}, after {id}"
                );
                let expected: Vec<_> =
                    (20..=id).map(|id| format!("{id}@{}", generation_of(way, 2))).collect();
                assert_eq!(
                    all_rows(&objects),
                    expected,
                    "{case}, next to the plain key after {id}"
                );
            }
            session.send(complete("users"));
            session.finish(SOON).expect_success();
            let rows = rows_by_key(&world.objects());
            assert!(rows.contains_key(plain_name), "{case}: {rows:?}");
            assert_eq!(rows.len(), 3, "{case}: {rows:?}");
            let mut found: Vec<_> = rows.into_values().flatten().collect();
            found.sort();
            let expected: Vec<_> =
                (20..23).map(|id| format!("{id}@{}", generation_of(way, 2))).collect();
            assert_eq!(found, expected, "{case}");
            let attempts: Vec<_> = world
                .metadata()
                .into_values()
                .map(|mut metadata| metadata.remove("attempt-id"))
                .collect();
            assert!(
                attempts.iter().all(|attempt| attempt.is_some() && *attempt == attempts[0]),
                "{attempts:?}"
            );

            sync_one(&world, &settings, &replacing(way, 3), &[30]);
            let row = format!("30@{}", generation_of(way, 3));
            assert_eq!(
                rows_by_key(&world.objects()),
                BTreeMap::from([(plain_name.to_owned(), vec![row])]),
                "{case}"
            );
        }
    }
}

/// A bad end touches neither the plain key nor what was acknowledged under other keys; the next
/// good end cleans up.
#[test]
fn a_bad_end_does_not_touch_the_plain_key() {
    for (template, format, plain_name) in FIXED {
        for how in Break::ALL {
            let case = format!("{template}, {format}, {how:?}");
            let world = World::new();
            let settings = settings(template, format);
            sync_one(&world, &settings, &appended("users", 1, 1), &[10]);
            let old = world.objects();
            let overwritten =
                |number: u32| stream("users", "overwrite", &generation(number, number));
            broken_off(&world, &settings, &overwritten(2), &[20], how);
            let mut objects = world.objects();
            assert_eq!(objects.remove(plain_name), old.get(plain_name).cloned(), "{case}");
            assert_eq!(all_rows(&objects), ["20@2"], "{case}");
            // Objects of the same generation from an earlier attempt are real data; an overwritten
            // stream has no earlier attempt.
            let truncated = world.twin();
            sync_one(&truncated, &settings, &appended("users", 2, 2), &[21]);
            assert_eq!(all_rows(&truncated.objects()), ["20@2", "21@2"], "{case}");
            assert!(
                truncated.keys().contains(&plain_name.to_owned()),
                "{case}: {:?}",
                truncated.keys()
            );
            sync_one(&world, &settings, &overwritten(2), &[22]);
            assert_eq!(
                rows_by_key(&world.objects()),
                BTreeMap::from([(plain_name.to_owned(), vec!["22@2".to_owned()])]),
                "{case}"
            );
        }
    }
}

/// An object under the plain key that must stay is not touched: foreign ones, and our own of this
/// generation.
#[test]
fn an_object_that_stays_keeps_the_plain_key() {
    let (template, format, plain_name) = FIXED[0];
    let settings = settings(template, format);
    for what in ["foreign", "look-alike", "another connection", "another namespace"] {
        for way in WAYS {
            let world = World::new();
            put_another(&world, what, plain_name);
            let (bytes, metadata) = (world.objects(), world.server.metadata(BUCKET, plain_name));
            for sync in 1..=3 {
                let case = format!("{what}, {way}, sync {sync}");
                sync_one(&world, &settings, &replacing(way, sync), &[sync]);
                let mut objects = world.objects();
                assert_eq!(objects.remove(plain_name), bytes.get(plain_name).cloned(), "{case}");
                assert_eq!(world.server.metadata(BUCKET, plain_name), metadata, "{case}");
                assert_eq!(
                    all_rows(&objects),
                    [format!("{sync}@{}", generation_of(way, sync))],
                    "{case}"
                );
                assert_eq!(objects.len(), 1, "{case}: {:?}", objects.keys());
            }
            let input = [state("users", 9), complete("users")].concat();
            world.sync(&settings, &catalog([replacing(way, 9)]), &input);
            assert_eq!(world.objects(), bytes, "{what}, {way}: cleared");
        }
    }

    // Our own object, of this very generation.
    let world = World::new();
    broken_off(&world, &settings, &appended("users", 2, 2), &[20], Break::CutOff);
    let first = world.objects();
    assert_eq!(world.keys(), [plain_name]);
    sync_one(&world, &settings, &appended("users", 2, 2), &[21]);
    let mut objects = world.objects();
    assert_eq!(objects.remove(plain_name), first.get(plain_name).cloned());
    assert_eq!(all_rows(&objects), ["21@2"]);
    // In the next generation both are old.
    sync_one(&world, &settings, &appended("users", 3, 3), &[30]);
    let rows = BTreeMap::from([(plain_name.to_owned(), vec!["30@3".to_owned()])]);
    assert_eq!(rows_by_key(&world.objects()), rows);
}

/// Puts an object under the plain key that does not belong to `users` of connection `c1`.
fn put_another(world: &World, what: &str, key: &str) {
    let settings = settings(FIXED[0].0, FIXED[0].1);
    match what {
        "foreign" => world.server.put_foreign_object(BUCKET, key, b"{\"mine\":1}\n"),
        "look-alike" => {
            let metadata = [("stream", "users"), ("connection-id", "c1"), ("generation-id", "0")];
            world.server.put_object(BUCKET, key, b"{\"mine\":1}\n", &metadata);
        }
        "another connection" => {
            let theirs = with(settings, &json!({ "connection_id": "c2" }));
            sync_one(world, &theirs, &appended("users", 0, 0), &[1]);
        }
        "another namespace" => {
            let input = [
                record_within("crm", "users", "{\"id\":1}"),
                complete_descriptor(&json!({ "name": "users", "namespace": "crm" })),
            ];
            world.sync(
                &settings,
                &catalog([within("crm", appended("users", 0, 0))]),
                &input.concat(),
            );
        }
        _ => unreachable!("{what}"),
    }
    assert_eq!(world.keys(), [key], "{what}");
}

/// Another program takes or frees the plain key while the sync runs: what counts is the owner at
/// the end.
#[test]
fn the_owner_of_the_plain_key_at_the_end_of_a_sync_counts() {
    let (template, format, plain_name) = FIXED[0];
    let settings = every_state_at_once(&settings(template, format));
    for way in WAYS {
        for is_taken in [true, false] {
            let case = format!("{way}, taken: {is_taken}");
            let world = World::new();
            sync_one(&world, &settings, &replacing(way, 1), &[10]);
            let mut session = world.write(&settings, &catalog([replacing(way, 2)])).start();
            session.send([records("users", &[20]), state("users", 1)].concat());
            session.wait_for_state(SOON);
            if is_taken {
                world.server.put_foreign_object(BUCKET, plain_name, b"mine");
            } else {
                world.server.remove_object(BUCKET, plain_name);
            }
            session.send(complete("users"));
            session.finish(SOON).expect_success();
            let mut objects = world.objects();
            if is_taken {
                assert_eq!(objects.remove(plain_name).as_deref(), Some(&b"mine"[..]), "{case}");
            }
            assert_eq!(all_rows(&objects), [format!("20@{}", generation_of(way, 2))], "{case}");
        }
    }
}

/// Two streams whose fixed keys share a folder: each is replaced, or not, independently.
#[test]
fn streams_under_fixed_keys_are_replaced_independently() {
    let world = World::new();
    let settings = settings(FIXED[0].0, FIXED[0].1);
    let streams = |users: u32, archive: u32| {
        catalog([appended("users", users, users), appended("users_2", archive, 0)])
    };
    let input = |users: u32, archive: u32| {
        [good_input("users", &[users]), good_input("users_2", &[archive])].concat()
    };
    world.sync(&settings, &streams(1, 1), &input(1, 2));
    let first = rows_by_key(&world.objects());
    assert_eq!(first.values().flatten().collect::<Vec<_>>(), ["1@1", "2@1"]);
    world.sync(&settings, &streams(2, 2), &input(3, 4));
    let rows = rows_by_key(&world.objects());
    assert_eq!(rows.get("users.jsonl"), Some(&vec!["3@2".to_owned()]), "{rows:?}");
    assert_eq!(all_rows(&world.objects()), ["2@1", "3@2", "4@2"], "{rows:?}");
    assert_eq!(rows.get("users_2.jsonl"), first.get("users_2.jsonl"), "{rows:?}");
    // A catalog without these streams touches nothing of them.
    let objects = world.objects();
    let outcome = world.write(&settings, &catalog([appended("orders", 1, 1)])).run();
    failure(&outcome, "transient_error");
    world.sync(&settings, &catalog([appended("orders", 1, 1)]), &complete("orders"));
    assert_eq!(world.objects(), objects);
}

/// A multipart file under a fixed key.
#[test]
fn a_multipart_file_takes_the_plain_key() {
    let world = World::new();
    let (template, format, plain_name) = FIXED[0];
    let settings = settings(template, format);
    for sync in 1..=2 {
        let rows = (0..20).map(|id| {
            let text = crate::world::noise(u64::from(sync * 100 + id), 1 << 20);
            crate::world::record(
                "users",
                &format!("{{\"id\":{},\"noise\":\"{text}\"}}", sync * 100 + id),
            )
        });
        let input = [rows.collect(), state("users", 1), complete("users")].concat();
        world.sync(&settings, &catalog([replacing("truncated", sync)]), &input);
        let expected: Vec<_> = (0..20).map(|id| format!("{}@{sync}", sync * 100 + id)).collect();
        assert_eq!(
            rows_by_key(&world.objects()),
            BTreeMap::from([(plain_name.to_owned(), expected)])
        );
        assert_eq!(world.objects()[plain_name].len() >> 20, 20);
    }
}
