//! Where objects go: the default key, names from the source, numbers instead of overwriting, and
//! file sizes.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::read_back;
use crate::world::{
    BUCKET, World, catalog, complete, complete_descriptor, in_part_order, jsonl_and, noise,
    part_of, plain, record, record_within, refresh, state, user, users, within,
};

#[test]
fn default_keys() {
    let world = World::new();
    let properties = json!({ "id": {} });
    let streams = [
        within("crm", plain("users", &properties)),
        within("shop", plain("users", &properties)),
        plain("users", &properties),
    ];
    let input = [
        record_within("crm", "users", "{\"id\":1}"),
        record_within("shop", "users", "{\"id\":2}"),
        record("users", "{\"id\":3}"),
        record_within("crm", "users", "{\"id\":4}"),
    ];
    world.sync(&json!({}), &catalog(streams), &input.concat());
    let keys = world.keys();
    let shapes: Vec<String> =
        keys.iter().map(|key| key.replace(|c: char| c.is_ascii_digit(), "9")).collect();
    let shape = "users/9999-99-99/9999_99_99_99_99_99_9.jsonl.gz";
    assert_eq!(shapes, [format!("crm/{shape}"), format!("shop/{shape}"), shape.to_owned()]);
    let times: Vec<&str> = keys.iter().map(|key| key.split_once("users/").unwrap().1).collect();
    assert!(times.iter().all(|time| time == &times[0]), "one instant for the whole run: {keys:?}");
    let (date, file) = times[0].split_once('/').unwrap();
    assert!(file.starts_with(&date.replace('-', "_")) && file.ends_with("_0.jsonl.gz"), "{keys:?}");
    let ids =
        read_back::group_by_prefix(&world.objects(), 1).into_iter().map(|(prefix, objects)| {
            let rows = read_back::jsonl_rows(&objects);
            (prefix, rows.iter().map(|row| row.get("id").unwrap().to_owned()).collect::<Vec<_>>())
        });
    let expected = [("crm", vec!["1", "4"]), ("shop", vec!["2"]), ("users", vec!["3"])];
    let expected = expected
        .map(|(prefix, ids)| (prefix.to_owned(), ids.into_iter().map(str::to_owned).collect()));
    assert_eq!(ids.collect::<Vec<_>>(), expected);
}

/// The template does not distinguish the namespaces, and yet nothing is overwritten.
#[test]
fn two_streams_with_one_key_overwrite_nothing() {
    let world = World::new();
    let properties = json!({ "id": {} });
    let streams = [
        within("crm", refresh("users", &properties)),
        within("shop", refresh("users", &properties)),
    ];
    let mut input = String::new();
    for namespace in ["crm", "shop"] {
        input.push_str(&record_within(namespace, "users", "{\"id\":1}"));
        input.push_str(&record_within(namespace, "users", "{\"id\":2}"));
        input.push_str(&complete_descriptor(&json!({ "name": "users", "namespace": namespace })));
    }
    world.sync(
        &jsonl_and(&json!({ "s3_bucket_key": "{stream_name}.{extension}" })),
        &catalog(streams),
        &input,
    );
    assert_eq!(world.keys(), ["users.jsonl", "users_2.jsonl"]);
    assert_eq!(world.ids(), ["1", "1", "2", "2"]);
}

/// A name from the source is one segment, whatever it contains, and is never expanded.
#[test]
fn names_are_escaped() {
    let cases = [
        ("a/b ../{year}", "a%2Fb%20..%2F%7Byear%7D"),
        ("Übergröße 漢字+1", "Übergröße%20漢字%2B1"),
        ("a=b&c%41", "a%3Db%26c%2541"),
        ("it's-(fine)_!*.ok", "it's-(fine)_!*.ok"),
    ];
    for (name, segment) in cases {
        let world = World::new();
        let stream = within(name, plain(name, &json!({ "id": {} })));
        let settings =
            jsonl_and(&json!({ "s3_bucket_key": "/in//{namespace}/n={stream_name}.{extension}" }));
        world.sync(&settings, &catalog([stream]), &record_within(name, name, "{\"id\":1}"));
        assert_eq!(world.keys(), [format!("in/{segment}/n={segment}.jsonl")], "{name}");
        assert_eq!(world.ids(), ["1"], "{name}");
    }
    // No name leaves the folder of the template.
    for name in ["..", "."] {
        let world = World::new();
        let stream = plain(name, &json!({ "id": {} }));
        let settings =
            jsonl_and(&json!({ "s3_bucket_key": "in/{stream_name}/{part}.{extension}" }));
        world.sync(&settings, &catalog([stream]), &record(name, "{\"id\":1}"));
        let keys = world.keys();
        let safe = keys.len() == 1
            && keys[0].starts_with("in/")
            && keys[0].split('/').all(|s| s != "." && s != "..");
        assert!(safe, "{name}: {keys:?}");
    }
}

#[test]
fn a_taken_key_gets_the_next_number() {
    let world = World::new();
    let foreign = ["users.csv.bak", "users_backup.csv", "users2.csv", "other/users_9.csv"];
    foreign.iter().for_each(|key| world.server.put_foreign_object(BUCKET, key, key.as_bytes()));
    let settings =
        json!({ "s3_bucket_key": "{stream_name}.csv", "format": { "format_type": "csv" } });
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    let mut run = |key: &str, id: u32| {
        world.sync(&settings, &users(), &[user(id), complete("users")].concat());
        expected.insert(key.to_owned(), id.to_string());
    };
    run("users.csv", 1);
    run("users_2.csv", 2);
    run("users_3.csv", 3);
    world.server.put_foreign_object(BUCKET, "users_7.csv", b"users_7.csv");
    run("users_8.csv", 4);

    let mut objects = world.objects();
    for key in foreign.iter().chain(&["users_7.csv"]) {
        assert_eq!(
            objects.remove(*key).as_deref(),
            Some(key.as_bytes()),
            "a foreign object was changed"
        );
    }
    let ids = |bytes: Vec<u8>| read_back::csv(&bytes).get(0, "id").unwrap().to_owned();
    let stored: BTreeMap<String, String> =
        objects.into_iter().map(|(key, bytes)| (key, ids(bytes))).collect();
    assert_eq!(stored, expected);
}

/// A foreign object has the key of the run's first file: it is not overwritten either.
#[test]
fn a_foreign_object_at_the_key_of_a_file_stays() {
    let world = World::new();
    world.server.put_foreign_object(BUCKET, "users.jsonl", b"mine");
    let settings = jsonl_and(
        &json!({ "s3_bucket_key": "{stream_name}.{extension}", "checkpoint_interval_seconds": 0 }),
    );
    let input =
        [user(1), state("users", 1), user(2), state("users", 2), complete("users")].concat();
    world.sync(&settings, &users(), &input);
    let mut objects = world.objects();
    assert_eq!(objects.remove("users.jsonl").as_deref(), Some(&b"mine"[..]));
    let ids: Vec<String> = read_back::jsonl_rows(&objects)
        .iter()
        .map(|row| row.get("id").unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["1", "2"]);
    assert!(
        objects.keys().all(|key| ["users_2.jsonl", "users_3.jsonl"].contains(&key.as_str())),
        "{:?}",
        objects.keys()
    );
}

/// Returns about 6 MB of records, for a file size of 1 MB.
#[test]
fn files_are_cut_at_their_size() {
    assert_cut("jsonl", 3000);
}

/// The size of a compressed file is its stored size; text that is still being compressed counts
/// with an estimate.
#[test]
fn compressed_files_are_cut_at_their_compressed_size() {
    assert_cut("jsonl.gz", 4000);
    assert_cut("csv.gz", 4000);
}

#[track_caller]
fn assert_cut(format: &str, row_bytes: usize) {
    let world = World::new();
    let catalog = catalog([refresh("users", &json!({ "id": {}, "noise": {} }))]);
    let mut input: String = (0..2000).map(|id| noisy(id, row_bytes)).collect();
    input.push_str(&[state("users", 1), complete("users")].concat());
    world.sync(
        &json!({ "file_size_mb": 1, "format": { "format_type": format } }),
        &catalog,
        &input,
    );

    let objects = world.objects();
    let ordered = in_part_order(&objects);
    let parts: Vec<_> = ordered.iter().map(|(key, _)| part_of(key).unwrap()).collect();
    assert_eq!(parts, (0..ordered.len() as u32).collect::<Vec<_>>(), "{format}");
    let ids: Vec<u32> = if format == "csv.gz" {
        let tables: Vec<_> = ordered
            .iter()
            .map(|(key, bytes)| read_back::csv(&read_back::content(key, bytes)))
            .collect();
        tables
            .iter()
            .flat_map(|table| table.column("id"))
            .map(|id| id.unwrap().parse().unwrap())
            .collect()
    } else {
        world.rows().iter().map(|row| row.get("id").unwrap().parse().unwrap()).collect()
    };
    assert_eq!(ids, (0..2000).collect::<Vec<_>>(), "{format}");
    let sizes: Vec<_> = ordered.iter().map(|(_, bytes)| bytes.len()).collect();
    let (last, full) = sizes.split_last().unwrap();
    assert!(full.len() >= 4, "{format}: {sizes:?}");
    assert!(full.iter().all(|size| (800_000..1_600_000).contains(size)), "{format}: {sizes:?}");
    assert!(*last < 1_600_000, "{format}: {sizes:?}");
}

fn noisy(id: u32, bytes: usize) -> String {
    record("users", &format!("{{\"id\":{id},\"noise\":\"{}\"}}", noise(u64::from(id) + 1, bytes)))
}

/// The files of a run differ by {part}, which continues over runs, or by {uuid}; without either
/// they get a number.
#[test]
fn files_of_a_run_differ_by_part_or_uuid() {
    for template in [
        "{stream_name}-{part}.{extension}",
        "{stream_name}/{uuid}.{extension}",
        "{stream_id}/x.{extension}",
    ] {
        let world = World::new();
        let settings =
            jsonl_and(&json!({ "s3_bucket_key": template, "checkpoint_interval_seconds": 0 }));
        for run in 0..2 {
            let rows: String =
                (0..3).map(|id| [user(run * 3 + id), state("users", id)].concat()).collect();
            // Waits between the states, because they could share a file otherwise.
            let mut session = world.write(&settings, &users()).start();
            for pair in rows.split_inclusive("}}}}\n") {
                session.send(pair);
                session.wait_for_state(crate::world::SOON);
            }
            session.send(complete("users"));
            session.finish(crate::world::SOON).expect_success();
        }
        let keys = world.keys();
        assert_eq!(keys.len(), 6, "{template}: {keys:?}");
        if template.contains("{part}") {
            let expected: Vec<_> = (0..6).map(|part| format!("users-{part}.jsonl")).collect();
            assert_eq!(keys, expected);
        }
        assert_eq!(world.ids(), ["0", "1", "2", "3", "4", "5"], "{template}");
    }
}

/// The metadata of every object says who owns it and what it is.
#[test]
fn objects_have_a_content_type_and_an_owner() {
    let types = [
        ("jsonl", ["application/x-ndjson", "application/jsonl", "application/json"]),
        ("csv", ["text/csv", "text/csv; charset=utf-8", "text/csv; header=present"]),
    ];
    for (format, types) in types {
        let world = World::new();
        let settings = json!({ "format": { "format_type": format }, "connection_id": "conn-1" });
        world.sync(&settings, &users(), &[user(1), user(2), complete("users")].concat());
        let key = world.keys().remove(0);
        let content_type = world.server.content_type(BUCKET, &key).unwrap_or_default();
        assert!(types.contains(&content_type.as_str()), "{content_type}");
        let metadata = world.server.metadata(BUCKET, &key);
        let has = |value: &str| metadata.values().any(|text| text == value);
        for value in ["users", "conn-1", "5", "42"] {
            assert!(has(value), "stream, connection, generation and sync: {metadata:?}");
        }
    }
}
