//! What a sync leaves of a stream's old objects, row by row of the contract's table, among objects
//! that it must not touch.
//!
//! The old objects are made once by real syncs ([`Before`]); every case starts from a copy of them.
//! Objects are compared by key, bytes and metadata.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::generations::{
    Break, appended, broken_off, generation, good_input, records, rows_by_key, stream, sync_one,
};
use crate::support::connector::Outcome;
use crate::world::{
    BUCKET, World, catalog, complete, complete_descriptor, failure, jsonl_and, record_within,
    state, within,
};

/// Numbered keys with one folder for each stream; and all streams in one folder, under keys that
/// cannot be matched by name.
const TEMPLATES: [&str; 2] =
    ["lake/{namespace}/{stream_name}/{part}.{extension}", "lake/{uuid}_{stream_name}.{extension}"];

/// Objects of `users` without a namespace, of our connection.
const OLDER: u32 = 1;
const WITHOUT_GENERATION: u32 = 2;
const OF_GENERATION_4: u32 = 3;
const NEWER: u32 = 4;
const EARLIER_ATTEMPT: u32 = 5;
/// Written by an older version, with less metadata.
const OF_FORMER_VERSION: u32 = 11;
const OF_USERS: [u32; 6] =
    [OLDER, WITHOUT_GENERATION, OF_GENERATION_4, NEWER, EARLIER_ATTEMPT, OF_FORMER_VERSION];
/// Objects that belong to someone else, by what makes them so.
const OTHER_CONNECTION: u32 = 6;
const OTHER_NAME: u32 = 7;
const OTHER_NAMESPACE: u32 = 8;
const OTHER_CASE: u32 = 9;
const OTHER_TEMPLATE: u32 = 10;
/// What the sync under test writes.
const NEW: [u32; 2] = [101, 102];

/// A world with old objects, and the keys of those that the connector wrote, by the id of their
/// only row.
struct Before {
    world: World,
    keys: BTreeMap<u32, String>,
}

impl Before {
    fn new(template: &str) -> Self {
        let mut before = Self { world: World::new(), keys: BTreeMap::new() };
        let ours = settings(template, "c1");
        let plain = |name: &str| stream(name, "append", &json!({}));
        before.add(OLDER, |world| drop(sync_one(world, &ours, &appended("users", 3, 0), &[OLDER])));
        before.add(WITHOUT_GENERATION, |world| {
            drop(sync_one(world, &ours, &plain("users"), &[WITHOUT_GENERATION]));
        });
        before.add(OF_GENERATION_4, |world| {
            drop(sync_one(world, &ours, &appended("users", 4, 0), &[OF_GENERATION_4]));
        });
        before.add(NEWER, |world| drop(sync_one(world, &ours, &appended("users", 7, 0), &[NEWER])));
        before.add(EARLIER_ATTEMPT, |world| {
            broken_off(world, &ours, &appended("users", 5, 5), &[EARLIER_ATTEMPT], Break::CutOff);
        });
        before.add(OTHER_CONNECTION, |world| {
            let theirs = settings(template, "c2");
            drop(sync_one(world, &theirs, &appended("users", 3, 0), &[OTHER_CONNECTION]));
        });
        before.add(OTHER_NAME, |world| {
            drop(sync_one(world, &ours, &appended("users_archive", 3, 0), &[OTHER_NAME]));
        });
        before.add(OTHER_CASE, |world| {
            drop(sync_one(world, &ours, &appended("Users", 3, 0), &[OTHER_CASE]));
        });
        before.add(OTHER_NAMESPACE, |world| {
            let input = [
                record_within("crm", "users", &format!("{{\"id\":{OTHER_NAMESPACE}}}")),
                complete_descriptor(&json!({ "name": "users", "namespace": "crm" })),
            ];
            world.sync(&ours, &catalog([within("crm", appended("users", 3, 0))]), &input.concat());
        });
        before.add(OTHER_TEMPLATE, |world| {
            let settings = settings("former/{stream_name}/{part}.{extension}", "c1");
            drop(sync_one(world, &settings, &appended("users", 3, 0), &[OTHER_TEMPLATE]));
        });
        let server = &before.world.server;
        let former = [
            ("stream", "users"),
            ("connection-id", "c1"),
            ("connection-run-id", "6f1c9a52-5b1f-4f3e-8d51-0c2f6b1f0a10"),
            ("sync-id", "3"),
            ("generation-id", "3"),
            ("destination-s3-token", "6f1c9a52-5b1f-4f3e-8d51-0c2f6b1f0a12"),
        ];
        server.put_object(BUCKET, "lake/users/former.jsonl", b"{\"id\":11}\n", &former);
        before.keys.insert(OF_FORMER_VERSION, "lake/users/former.jsonl".to_owned());
        server.put_foreign_object(BUCKET, "lake/users/notes.txt", b"mine");
        server.put_foreign_object(BUCKET, "lake/users.jsonl", b"mine too");
        let look_alike = [
            ("stream", "users"),
            ("connection-id", "c1"),
            ("generation-id", "1"),
            ("sync-id", "1"),
        ];
        server.put_object(BUCKET, "lake/users/look-alike.jsonl", b"{}\n", &look_alike);
        let elsewhere =
            [("destination-s3-token", "6f1c9a52-5b1f-4f3e-8d51-0c2f6b1f0a11"), ("stream", "users")];
        server.put_object(BUCKET, "lake/users/no-connection.jsonl", b"{}\n", &elsewhere);
        before
    }

    /// Runs a sync of one row and records the key of its object.
    fn add(&mut self, id: u32, sync: impl FnOnce(&World)) {
        let before = self.world.keys();
        sync(&self.world);
        let mut new = self.world.keys();
        new.retain(|key| !before.contains(key));
        let [key] = <[String; 1]>::try_from(new).expect("one object for each of the old syncs");
        self.keys.insert(id, key);
    }

    /// Runs `sync` in a copy of the world: the objects of `removed` must be gone, new objects must
    /// hold `rows`, and everything else must be unchanged, metadata included.
    #[track_caller]
    fn check(&self, case: &str, removed: &[u32], rows: &[String], sync: impl FnOnce(&World)) {
        let world = self.world.twin();
        sync(&world);
        let removed: Vec<&String> = removed.iter().map(|id| &self.keys[id]).collect();
        let metadata = (self.world.metadata(), world.metadata());
        let mut objects = world.objects();
        for (key, bytes) in self.world.objects() {
            match objects.remove(&key) {
                Some(found) => {
                    assert!(!removed.contains(&&key), "{case}: {key} is still there");
                    assert_eq!(found, bytes, "{case}: {key} has changed");
                    assert_eq!(
                        metadata.0.get(&key),
                        metadata.1.get(&key),
                        "{case}: metadata of {key}"
                    );
                }
                None => assert!(removed.contains(&&key), "{case}: {key} is gone"),
            }
        }
        let found = rows_by_key(&objects);
        assert_eq!(
            found.values().flatten().collect::<Vec<_>>(),
            rows.iter().collect::<Vec<_>>(),
            "{case}"
        );
        assert_eq!(found.len(), usize::from(!rows.is_empty()), "{case}: {:?}", found.keys());
    }
}

fn settings(template: &str, connection: &str) -> Value {
    jsonl_and(&json!({ "s3_bucket_key": template, "connection_id": connection }))
}

/// Returns the rows of [`NEW`] in a generation (`-` for none).
fn new_rows(generation: &str) -> Vec<String> {
    NEW.iter().map(|id| format!("{id}@{generation}")).collect()
}

/// Every mode with every combination of the generation fields, with records and without.
#[test]
fn what_a_good_end_removes() {
    let fields = |generation: Value, minimum: Value| {
        json!({ "generation_id": generation,
        "minimum_generation_id": minimum, "sync_id": 42 })
    };
    let shapes = [
        ("nothing older", fields(json!(5), json!(0)), "5", &[][..]),
        (
            "truncated",
            fields(json!(5), json!(5)),
            "5",
            &[OLDER, WITHOUT_GENERATION, OF_GENERATION_4, OF_FORMER_VERSION][..],
        ),
        (
            "some kept",
            fields(json!(5), json!(4)),
            "5",
            &[OLDER, WITHOUT_GENERATION, OF_FORMER_VERSION],
        ),
        ("no minimum", fields(json!(5), Value::Null), "5", &[]),
        ("without a generation row", fields(json!(0), json!(0)), "0", &[]),
        ("nulls", fields(Value::Null, Value::Null), "-", &[]),
        ("plain", json!({}), "-", &[]),
    ];
    for template in TEMPLATES {
        let before = Before::new(template);
        for mode in ["append", "append_dedup", "overwrite"] {
            for (shape, fields, generation, removed) in &shapes {
                let removed = if mode == "overwrite" { &OF_USERS[..] } else { removed };
                for ids in [&NEW[..], &[]] {
                    let case = format!("{template}, {mode}, {shape}, {} records", ids.len());
                    let rows = if ids.is_empty() { Vec::new() } else { new_rows(generation) };
                    before.check(&case, removed, &rows, |world| {
                        let stream = stream("users", mode, fields);
                        let mut input = [records("users", ids), state("users", 1)].concat();
                        // The plain dialect has no COMPLETE.
                        if *generation != "-" {
                            input.push_str(&complete("users"));
                        }
                        let outcome =
                            world.sync(&settings(template, "c1"), &catalog([stream]), &input);
                        assert_eq!(outcome.states().len(), 1, "{case}");
                        assert!(outcome.errors().is_empty(), "{case}: {outcome:#?}");
                        if ids.is_empty() || !template.contains("{part}") {
                            return;
                        }
                        // Six objects of any owner have a number in this folder.
                        assert!(
                            world.keys().contains(&"lake/users/6.jsonl".to_owned()),
                            "{:?}",
                            world.keys()
                        );
                    });
                }
            }
        }
    }
}

/// A stream is identified by connection, namespace and name together, and by the folder that the
/// template leads to.
#[test]
fn a_sync_removes_objects_of_its_own_streams_only() {
    let before = Before::new(TEMPLATES[0]);
    let older = [OLDER, WITHOUT_GENERATION, OF_GENERATION_4, OF_FORMER_VERSION];
    let truncated = |name: &str| appended(name, 5, 5);
    let clear = |name: &str, namespace: &Value| {
        complete_descriptor(&json!({ "name": name, "namespace": namespace }))
    };
    let none = clear("users", &Value::Null);
    let both = [none.clone(), clear("users_archive", &Value::Null)].concat();
    let here = settings(TEMPLATES[0], "c1");
    let cases = [
        (
            "another namespace",
            here.clone(),
            vec![within("crm", truncated("users"))],
            clear("users", &json!("crm")),
            vec![OTHER_NAMESPACE],
        ),
        (
            "an empty namespace is no namespace",
            here.clone(),
            vec![within("", truncated("users"))],
            clear("users", &json!("")),
            older.to_vec(),
        ),
        (
            "another case",
            here.clone(),
            vec![truncated("Users")],
            clear("Users", &Value::Null),
            vec![OTHER_CASE],
        ),
        (
            "another connection",
            settings(TEMPLATES[0], "c2"),
            vec![truncated("users")],
            none.clone(),
            vec![OTHER_CONNECTION],
        ),
        (
            "a third connection",
            settings(TEMPLATES[0], "c3"),
            vec![truncated("users")],
            none.clone(),
            vec![],
        ),
        (
            "another folder",
            settings("former/{stream_name}/{part}.{extension}", "c1"),
            vec![truncated("users")],
            none,
            vec![OTHER_TEMPLATE],
        ),
        (
            "one of two streams",
            here.clone(),
            vec![appended("users", 5, 0), truncated("users_archive")],
            both.clone(),
            vec![OTHER_NAME],
        ),
        (
            "two streams",
            here.clone(),
            vec![truncated("users"), stream("users_archive", "overwrite", &generation(9, 0))],
            both.clone(),
            [&older[..], &[OTHER_NAME]].concat(),
        ),
        (
            "fields at one stream only: the refresh dialect",
            here,
            vec![stream("users", "overwrite", &json!({})), appended("users_archive", 5, 0)],
            both,
            OF_USERS.to_vec(),
        ),
    ];
    for (case, settings, streams, input, removed) in cases {
        before.check(case, &removed, &[], |world| {
            drop(world.sync(&settings, &catalog(streams), &input))
        });
    }
}

#[test]
fn a_minimum_above_the_generation_is_refused() {
    let before = Before::new(TEMPLATES[0]);
    for mode in ["append", "append_dedup", "overwrite"] {
        for fields in [generation(5, 6), generation(0, 1)] {
            before.check(mode, &[], &[], |world| {
                let streams = [appended("orders", 5, 5), stream("users", mode, &fields)];
                let input = [good_input("users", &NEW), complete("orders")].concat();
                let outcome = world
                    .write(&settings(TEMPLATES[0], "c1"), &catalog(streams))
                    .input(input)
                    .run();
                let message = failure(&outcome, "config_error");
                assert!(message.contains("users") && !message.contains("orders"), "{message}");
                assert!(outcome.states().is_empty(), "{mode}");
            });
        }
    }
}

/// Old rows and covered new rows are both visible; rows that no STATE covers are not.
#[test]
fn a_bad_end_removes_nothing() {
    let before = Before::new(TEMPLATES[0]);
    let covered = [records("users", &NEW), state("users", 1), records("users", &[103])].concat();
    let no_complete = "transient_error";
    let truncated = appended("users", 5, 5);
    let overwritten = stream("users", "overwrite", &generation(5, 5));
    let plain = stream("users", "overwrite", &json!({}));
    let other = appended("users_archive", 5, 5);
    let garbled = "{\"type\":\"RECORD\",\n".to_owned();
    let stranger = records("nobody", &[1]);
    let cases = [
        ("cut off, append", vec![truncated.clone()], String::new(), no_complete),
        ("cut off, overwrite", vec![overwritten.clone()], String::new(), no_complete),
        (
            "one stream is not complete",
            vec![truncated.clone(), other.clone()],
            complete("users"),
            no_complete,
        ),
        (
            "the other stream is",
            vec![overwritten.clone(), other],
            complete("users_archive"),
            no_complete,
        ),
        ("garbled", vec![truncated.clone()], garbled.clone(), "system_error"),
        (
            "garbled after COMPLETE",
            vec![overwritten],
            [complete("users"), garbled.clone()].concat(),
            "system_error",
        ),
        ("a record of an unknown stream", vec![truncated], stranger.clone(), "system_error"),
        (
            "plain, garbled",
            vec![plain.clone()],
            [state("users", 2), garbled].concat(),
            "system_error",
        ),
        (
            "plain, a record of an unknown stream",
            vec![plain],
            [state("users", 2), stranger].concat(),
            "system_error",
        ),
    ];
    for (case, streams, tail, failure_type) in cases {
        let generation = if case.starts_with("plain") { "-" } else { "5" };
        let mut rows = new_rows(generation);
        // A second STATE covers the third record as well.
        if tail.contains("STATE\"") && tail.contains("cursor") {
            rows.push(format!("103@{generation}"));
        }
        before.check(case, &[], &rows, |world| {
            let input = [&*covered, &*tail].concat();
            let outcome: Outcome =
                world.write(&settings(TEMPLATES[0], "c1"), &catalog(streams)).input(input).run();
            failure(&outcome, failure_type);
            assert!(!outcome.states().is_empty(), "{case}: the covered rows are acknowledged");
        });
    }
}
