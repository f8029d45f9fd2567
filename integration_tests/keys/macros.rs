//! Macros in keys: times of the run, cursors of the rows, and ids.

use std::collections::BTreeMap;
use std::time::SystemTime;

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::{Value, json};

use crate::support::read_back;
use crate::world::{
    EMITTED_AT, World, catalog, complete, jsonl_and, plain, record, refresh, user, users, with,
};

#[test]
fn times_of_the_run_agree_and_follow_the_zone() {
    let names = "{iso_date_time} {date_time} {timestamp} {date} {iso_date} {year} {month} {day} \
        {hour} {minute} {second}";
    for (zone, offset) in [("UTC", "Z"), ("Asia/Kolkata", "+05:30"), ("America/Caracas", "-04:00")]
    {
        let world = World::new();
        let template = format!("{{stream_name}} {names}.{{extension}}");
        let before = seconds_now();
        world.sync(
            &jsonl_and(&json!({ "s3_bucket_key": template, "timezone": zone })),
            &users(),
            &one_user(),
        );
        let keys = world.keys();
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        let times = key.strip_prefix("users ").unwrap().strip_suffix(".jsonl").unwrap();
        let (iso, _) = times.split_once(' ').unwrap();
        assert!(iso.ends_with(offset), "{zone}: {iso}");
        let instant: DateTime<FixedOffset> = DateTime::parse_from_rfc3339(iso).unwrap();
        assert!((before..=seconds_now()).contains(&instant.timestamp()), "{zone}: {iso}");
        let expected = instant
            .format("%Y_%m_%d_%H_%M_%S %Y_%m_%d_%H_%M_%S %Y_%m_%d %Y-%m-%d %Y %m %d %H %M %S");
        assert_eq!(times, format!("{iso} {expected}"), "{zone}");
    }
}

/// A template, the cursors of the records, and the expected keys with the number of rows in each.
type CursorCase<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, usize)]);

/// The date-time macros show the highest cursor of the file, in any of its forms.
#[test]
fn cursor_macros_show_the_highest_cursor_of_the_file() {
    let cases: [CursorCase<'_>; 6] = [
        (
            "{cursor_year}/{cursor_singular_date_time}",
            &[
                "\"2025-04-14T11:23:44Z\"",
                "\"2025-04-14T13:23:45.678+02:00\"",
                "\"2025-01-01T00:00:00Z\"",
            ],
            &[("2025/2025-04-14-11-23-45", 3)],
        ),
        (
            "{cursor_year}-{cursor_month}-{cursor_day}",
            &["\"2025-04-14\"", "\"2025-04-14T23:00:00Z\""],
            &[("2025-04-14", 2)],
        ),
        (
            "{cursor_month}/{cursor_iso_date_time}",
            &["1744629825", "1744629824"],
            &[("04/2025-04-14T11:23:45Z", 2)],
        ),
        ("{cursor_date_time}", &["1744629825999", "1744629825000"], &[("2025_04_14_11_23_45", 2)]),
        // Without a usable cursor the macro shows the time of the record: 2021 here.
        ("{cursor_date_time}", &["\"2025-04-14 11:23:45\"", "null"], &[("2025_04_14_11_23_45", 2)]),
        ("{cursor_year}", &["\"soon\"", "null", "{}"], &[("2021", 3)]),
    ];
    for (number, case) in cases.iter().enumerate() {
        let warnings = store_cursors(case);
        assert_eq!(
            warnings.len(),
            usize::from(number >= 4),
            "one warning per stream: {warnings:?}"
        );
    }
}

/// Writes records with these cursors, compares the keys, and returns the warnings about cursors.
#[track_caller]
fn store_cursors((template, cursors, expected): &CursorCase<'_>) -> Vec<String> {
    let world = World::new();
    let stream = refresh("users", &json!({ "at": { "type": "string" }, "id": {} }));
    let catalog = catalog([with(stream, &json!({ "cursor_field": ["at"] }))]);
    let mut input = String::new();
    for (id, cursor) in cursors.iter().enumerate() {
        let line = record("users", &format!("{{\"id\":{id},\"at\":{cursor}}}"));
        input.push_str(&line.replace(&EMITTED_AT.to_string(), "1625000000000"));
    }
    input.push_str(&complete("users"));
    let template = format!("{{stream_name}}/{template}.{{extension}}");
    let outcome = world.sync(&jsonl_and(&json!({ "s3_bucket_key": template })), &catalog, &input);
    let rows = |(key, bytes): (&String, &Vec<u8>)| (key.clone(), read_back::jsonl(bytes).len());
    let stored: BTreeMap<String, usize> = world.objects().iter().map(rows).collect();
    let expected: BTreeMap<String, usize> =
        expected.iter().map(|(key, rows)| (format!("users/{key}.jsonl"), *rows)).collect();
    assert_eq!(stored, expected, "{template} of {cursors:?}");
    outcome
        .logs("WARN")
        .into_iter()
        .filter(|log| log.contains("cursor"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn ids_of_connection_run_and_stream() {
    let template = "{connection_id}/{connection_run_id}/{stream_run_id}/{stream_id}/{sync_id}.{generation_id}.{part}";
    let ids = |world: &World,
               settings: Value,
               catalog: &Value,
               environment: Option<&str>|
     -> Vec<String> {
        let before = world.keys();
        let mut settings = jsonl_and(&settings);
        settings["s3_bucket_key"] = json!(template);
        let mut connector = crate::world::connector();
        if let Some(id) = environment {
            connector = connector.env("CONNECTION_ID", id);
        }
        let write = connector.write(&world.config(&settings), catalog);
        write.input(one_user()).run().expect_success();
        let mut keys = world.keys();
        keys.retain(|key| !before.contains(key));
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys[0].split('/').map(str::to_owned).collect()
    };
    let world = World::new();
    let configured = json!({ "connection_id": "c1" });
    let first = ids(&world, configured.clone(), &users(), Some("c2"));
    assert_eq!(first[0], "c1", "the configuration takes precedence");
    assert_eq!(first[4], "42.5.0");
    first[1..4].iter().for_each(|id| assert_uuid_v5(id));
    assert_eq!(first[1..4].iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{first:?}");

    let second_attempt = ids(&world, configured.clone(), &users(), None);
    assert_eq!(second_attempt[..4], first[..4], "every attempt of a sync has the same ids");
    let mut next_sync = users();
    next_sync["streams"][0]["sync_id"] = json!(43);
    let next = ids(&world, configured.clone(), &next_sync, None);
    assert_eq!(next[3], first[3], "the stream's id never changes");
    assert!(next[1] != first[1] && next[2] != first[2], "another run: {next:?}");

    let plain = catalog([plain("users", &json!({ "id": {} }))]);
    let runs = [(); 2].map(|()| ids(&world, configured.clone(), &plain, None));
    assert!(runs[0][1] != runs[1][1], "without a sync id the run is random: {runs:?}");
    assert_eq!(runs[0][3], first[3]);

    let from_environment = ids(&world, json!({}), &users(), Some("c2"));
    assert_eq!(from_environment[0], "c2");
    assert!(from_environment[3] != first[3], "another connection, another stream id");
    let from_bucket = [(); 2].map(|()| ids(&world, json!({}), &users(), None));
    assert_uuid_v5(&from_bucket[0][0]);
    assert_eq!(from_bucket[0][..4], from_bucket[1][..4]);
}

#[test]
fn doubled_braces_are_literal() {
    let world = World::new();
    let settings = jsonl_and(&json!({ "s3_bucket_key": "{{x}}/{stream_name}{{.{extension}" }));
    world.sync(&settings, &users(), &one_user());
    assert_eq!(world.keys(), ["{x}/users{.jsonl"]);
}

#[test]
fn a_template_without_the_extension_is_a_warning() {
    let world = World::new();
    let settings = jsonl_and(&json!({ "s3_bucket_key": "{stream_name}/data" }));
    let outcome = world.sync(&settings, &users(), &one_user());
    assert_eq!(world.keys(), ["users/data"]);
    assert!(
        outcome.logs("WARN").iter().any(|log| log.contains("{extension}")),
        "{:?}",
        outcome.logs("WARN")
    );
}

fn one_user() -> String {
    [user(1), complete("users")].concat()
}

fn assert_uuid_v5(id: &str) {
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(id.chars().nth(14), Some('5'), "{id}");
}

fn seconds_now() -> i64 {
    let now: DateTime<Utc> = SystemTime::now().into();
    now.timestamp()
}
