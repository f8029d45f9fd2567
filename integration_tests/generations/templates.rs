//! Old data under every kind of key: partitions, templates that vary from sync to sync, names that
//! need escaping in requests, changes of format, and fixed keys that were lost and regained.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::generations::{
    Break, all_rows, appended, broken_off, generation, good_input, records, rows_by_key, stream,
    sync_one,
};
use crate::support::faulty_s3::{FaultyS3, Operation};
use crate::world::{
    BUCKET, SOON, World, catalog, complete, complete_descriptor, connector, plain, record,
    record_within, state, with, within,
};

fn settings(template: &str) -> Value {
    json!({ "s3_bucket_key": template, "format": { "format_type": "jsonl" },
        "connection_id": "c1" })
}

/// The key follows the data's own time: old objects are removed wherever their cursor put them, and
/// one of the same time is replaced under its key.
#[test]
fn objects_under_cursor_keys_are_replaced() {
    for (template, year_2021, year_2022) in [
        ("{stream_name}/{cursor_year}.{extension}", "users/2021.jsonl", "users/2022.jsonl"),
        ("{cursor_year}/{stream_name}.{extension}", "2021/users.jsonl", "2022/users.jsonl"),
    ] {
        let world = World::new();
        let properties = json!({ "id": { "type": "integer" }, "at": { "type": "string" } });
        let stream = |sync: u32| {
            let stream = with(plain("users", &properties), &json!({ "cursor_field": ["at"] }));
            catalog([with(stream, &generation(sync, sync))])
        };
        for (sync, year, key) in
            [(1, 2021, year_2021), (2, 2022, year_2022), (3, 2022, year_2022), (4, 2021, year_2021)]
        {
            let data = format!("{{\"id\":{sync},\"at\":\"{year}-01-02T03:04:05Z\"}}");
            let input = [record("users", &data), state("users", 1), complete("users")].concat();
            world.sync(&settings(template), &stream(sync), &input);
            let expected = BTreeMap::from([(key.to_owned(), vec![format!("{sync}@{sync}")])]);
            assert_eq!(rows_by_key(&world.objects()), expected, "{template}, sync {sync}");
        }
        world.sync(&settings(template), &stream(5), &complete("users"));
        assert_eq!(world.keys(), [""; 0], "{template}");
    }
}

/// Macros that vary from sync to sync do not hide the old objects, wherever in the key they are.
#[test]
fn old_objects_are_found_under_keys_that_vary() {
    let templates = [
        "{sync_id}/{stream_name}/{part}.{extension}",
        "{generation_id}-{stream_name}.{extension}",
        "in/{connection_run_id}/{stream_name}.{extension}",
        "in/{stream_run_id}_{stream_id}_{part}.{extension}",
        "{uuid}/{stream_name}.{extension}",
        "{year}/{stream_id}/{hour}{minute}{second}.{extension}",
        "a/{connection_id}/{namespace}/{stream_name}/{iso_date_time}_{uuid}",
    ];
    for template in templates {
        for mode in ["append", "overwrite"] {
            let world = World::new();
            let settings = settings(template);
            let stream = |name: &str, number: u32| stream(name, mode, &generation(number, number));
            sync_one(&world, &settings, &stream("users", 1), &[1]);
            sync_one(&world, &settings, &stream("users_archive", 1), &[9]);
            for number in 2..=3 {
                sync_one(
                    &world,
                    &settings,
                    &stream("users", number),
                    &[number * 10, number * 10 + 1],
                );
                let expected = [
                    format!("{}@{number}", number * 10),
                    format!("{}@{number}", number * 10 + 1),
                    "9@1".to_owned(),
                ];
                assert_eq!(all_rows(&world.objects()), expected, "{template}, {mode}");
            }
        }
    }
}

/// Another format or file extension gives other keys but is the same stream.
#[test]
fn another_format_replaces_too() {
    for template in ["{stream_name}.{extension}", "{stream_name}/{part}.{extension}"] {
        for mode in ["append", "overwrite"] {
            let world = World::new();
            for (number, format) in
                ["csv", "jsonl.gz", "parquet", "jsonl", "csv.gz", "csv"].into_iter().enumerate()
            {
                let number = u32::try_from(number).unwrap() + 1;
                let settings =
                    with(settings(template), &json!({ "format": { "format_type": format } }));
                sync_one(
                    &world,
                    &settings,
                    &stream("users", mode, &generation(number, number)),
                    &[number],
                );
                assert_eq!(
                    all_rows(&world.objects()),
                    [format!("{number}@{number}")],
                    "{template}, {format}, {mode}"
                );
                let keys = world.keys();
                assert!(keys.iter().all(|key| key.ends_with(&format!(".{format}"))), "{keys:?}");
            }
        }
    }
}

/// Keys that must be escaped in the header of a copy and in the body of a deletion.
#[test]
fn keys_that_need_escaping_are_copied_and_removed() {
    let names = ["größe 漢字", "a/b c+d", "100%25", "x&y<z>\"q'", "~e\u{301}=,;:@$?#"];
    let templates =
        ["{stream_name}.{extension}", "daily exports+x/ü&<ö>\"'=,;:@$/{stream_name}.{extension}"];
    for template in templates {
        for name in names {
            let server = FaultyS3::start();
            server.create_bucket(BUCKET);
            let config = with(
                server.config(BUCKET),
                &with(settings(template), &json!({ "checkpoint_interval_seconds": 0 })),
            );
            let mut plain_name = None;
            for sync in 1..=3 {
                let catalog = catalog([stream(name, "overwrite", &generation(sync, sync))]);
                let input = good_input(name, &[sync * 10, sync * 10 + 1]);
                connector().write(&config, &catalog).input(input).run().expect_success();
                let keys = server.keys(BUCKET);
                assert_eq!(keys.len(), 1, "{template}, {name}: {keys:?}");
                assert_eq!(
                    *plain_name.get_or_insert_with(|| keys[0].clone()),
                    keys[0],
                    "{template}, {name}"
                );
                let rows = [format!("{}@{sync}", sync * 10), format!("{}@{sync}", sync * 10 + 1)];
                assert_eq!(all_rows(&server.objects(BUCKET)), rows, "{template}, {name}");
            }
            let cleared = catalog([stream(name, "overwrite", &generation(4, 4))]);
            connector().write(&config, &cleared).input(complete(name)).run().expect_success();
            assert_eq!(server.keys(BUCKET), [""; 0], "{template}, {name}");
        }
    }
}

/// A plain overwrite under a fixed key without a proved end: the plain key stays as it is until the
/// next proved end.
#[test]
fn an_unproved_end_keeps_the_object_under_a_fixed_key() {
    let world = World::new();
    let settings = with(settings("{stream_name}.{extension}"), &json!({ "connection_id": "c1" }));
    let overwritten = || catalog([stream("users", "overwrite", &json!({}))]);
    world.sync(&settings, &overwritten(), &[records("users", &[1]), state("users", 1)].concat());
    let old = world.objects();
    for id in 2..=3 {
        let outcome = world.sync(&settings, &overwritten(), &records("users", &[id]));
        assert_eq!(outcome.logs("WARN").len(), 1);
        assert_eq!(world.objects().get("users.jsonl"), old.get("users.jsonl"));
    }
    assert_eq!(all_rows(&world.objects()), ["1@-", "2@-", "3@-"]);
    world.sync(&settings, &overwritten(), &[records("users", &[4]), state("users", 1)].concat());
    assert_eq!(
        rows_by_key(&world.objects()),
        BTreeMap::from([("users.jsonl".to_owned(), vec!["4@-".to_owned()])])
    );
}

/// All rows of the new generation come from earlier attempts, and the attempt that ends well has
/// none: the plain key gets new data, it does not become empty.
#[test]
fn rows_of_earlier_attempts_move_to_the_fixed_key() {
    for how in Break::ALL {
        for attempts in [&[&[2, 3][..]][..], &[&[2], &[3]]] {
            let world = World::new();
            let settings = settings("{stream_name}.{extension}");
            sync_one(&world, &settings, &appended("users", 1, 1), &[1]);
            for ids in attempts {
                broken_off(&world, &settings, &appended("users", 2, 2), ids, how);
            }
            world.sync(&settings, &catalog([appended("users", 2, 2)]), &complete("users"));
            let rows = rows_by_key(&world.objects());
            assert!(
                rows.contains_key("users.jsonl") && rows.len() == attempts.len(),
                "{how:?}: {rows:?}"
            );
            assert_eq!(all_rows(&world.objects()), ["2@2", "3@2"], "{how:?}: {rows:?}");
        }
    }
}

/// The plain key is free again, because its foreign object or its other stream is gone, or someone
/// removed it: the next sync takes it.
#[test]
fn a_fixed_key_that_is_free_again_is_taken() {
    let settings = settings("{stream_name}.{extension}");
    let overwritten = |sync: u32| stream("users", "overwrite", &generation(sync, sync));
    let one = |id: u32, sync: u32| {
        BTreeMap::from([("users.jsonl".to_owned(), vec![format!("{id}@{sync}")])])
    };

    let world = World::new();
    world.server.put_foreign_object(BUCKET, "users.jsonl", b"mine");
    sync_one(&world, &settings, &overwritten(1), &[1]);
    assert_eq!(world.keys().len(), 2);
    world.server.remove_object(BUCKET, "users.jsonl");
    sync_one(&world, &settings, &overwritten(2), &[2]);
    assert_eq!(rows_by_key(&world.objects()), one(2, 2));

    let world = World::new();
    let at_once = with(settings.clone(), &json!({ "checkpoint_interval_seconds": 0 }));
    let mut session = world.write(&at_once, &catalog([overwritten(1)])).start();
    for id in 1..=2 {
        session.send([records("users", &[id]), state("users", id)].concat());
        session.wait_for_state(SOON);
    }
    session.send(complete("users"));
    session.finish(SOON).expect_success();
    world.server.remove_object(BUCKET, "users.jsonl");
    sync_one(&world, &settings, &overwritten(2), &[3]);
    assert_eq!(rows_by_key(&world.objects()), one(3, 2));

    let world = World::new();
    let sync = |generation: u32, crm: &[u32], shop: &[u32]| {
        let streams =
            ["crm", "shop"].map(|name| within(name, appended("users", generation, generation)));
        let mut input = String::new();
        for (namespace, ids) in [("crm", crm), ("shop", shop)] {
            ids.iter().for_each(|id| {
                input.push_str(&record_within(namespace, "users", &format!("{{\"id\":{id}}}")))
            });
            input.push_str(&complete_descriptor(
                &json!({ "name": "users", "namespace": namespace }),
            ));
        }
        world.sync(&settings, &catalog(streams), &input);
    };
    sync(1, &[1], &[2]);
    sync(2, &[3], &[4]);
    assert_eq!(all_rows(&world.objects()), ["3@2", "4@2"]);
    sync(3, &[], &[5]);
    sync(4, &[], &[6]);
    assert_eq!(rows_by_key(&world.objects()), one(6, 4));
}

/// One look at each old object, however many streams share the folder.
#[test]
fn many_streams_in_one_folder_are_looked_at_once() {
    const STREAMS: usize = 30;
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    let config = with(server.config(BUCKET), &settings("all/{uuid}_{stream_id}.{extension}"));
    let names: Vec<String> = (0..STREAMS).map(|number| format!("stream_{number}")).collect();
    let sync = |number: u32| {
        let streams = names.iter().map(|name| appended(name, number, number));
        let input: String = names.iter().map(|name| good_input(name, &[number])).collect();
        connector().write(&config, &catalog(streams)).input(input).run().expect_success();
    };
    sync(1);
    let before = server.requests().len();
    sync(2);
    assert!(all_rows(&server.objects(BUCKET)).iter().all(|row| row == "2@2"));
    assert_eq!(server.keys(BUCKET).len(), STREAMS);
    let requests = server.requests().split_off(before);
    let count = |operation: Operation| {
        requests.iter().filter(|request| request.operation == operation).count()
    };
    let (heads, lists) = (count(Operation::Head), count(Operation::List));
    assert!(
        // One for each new key before it is written, and one for each object, the new ones
        // included.
        heads <= 3 * STREAMS && lists <= 2 * STREAMS + 2,
        "{heads} looks at {STREAMS} old objects and as many new ones in {lists} listings"
    );
    assert!(count(Operation::DeleteMany) + count(Operation::Delete) <= STREAMS);
}
