//! The plain dialect: if the end of the input may hide a failure of the source, only streams that
//! are known to be complete are replaced; a cancelled sync replaces nothing.

use serde_json::{Value, json};

use crate::generations::{
    all_rows, appended, break_stdout, generation, global_state, legacy_state, records, stream,
    sync_one,
};
use crate::support::connector::Outcome;
use crate::world::{
    self, SOON, World, catalog, complete, complete_descriptor, cursor, jsonl_and, plain, state,
    with,
};

/// Rows of `users` and `orders` that exist before the sync.
const OLD: [(&str, &[&str]); 2] = [("users", &["1@3", "2@-"]), ("orders", &["3@-"])];

fn settings() -> Value {
    jsonl_and(&json!({ "s3_bucket_key": "{stream_name}/{part}.{extension}" }))
}

fn before() -> World {
    let world = World::new();
    let properties = json!({ "id": { "type": "integer" } });
    sync_one(&world, &settings(), &appended("users", 3, 0), &[1]);
    sync_one(&world, &settings(), &plain("users", &properties), &[2]);
    sync_one(&world, &settings(), &plain("orders", &properties), &[3]);
    world
}

/// A case: what the source sends, and the streams that must be kept. Records have ids from 10 on.
struct Case<'a> {
    what: &'a str,
    catalog: &'a [&'a str],
    input: Vec<String>,
    kept: &'a [&'a str],
}

const USERS: &[&str] = &["users"];
const BOTH: &[&str] = &["users", "orders"];

fn case<'a>(
    what: &'a str,
    catalog: &'a [&'a str],
    input: impl IntoIterator<Item = String>,
    kept: &'a [&'a str],
) -> Case<'a> {
    Case { what, catalog, input: input.into_iter().collect(), kept }
}

/// Every row of the rule's table.
#[test]
fn an_end_of_input_replaces_only_streams_known_to_be_complete() {
    let user = |id: u32| records("users", &[id]);
    let order = |id: u32| records("orders", &[id]);
    let (global, legacy) = (global_state, legacy_state);
    let untyped = || "{\"type\":\"STATE\",\"state\":{\"data\":{\"cursor\":1}}}\n".to_owned();
    let status = |word: &str| complete("users").replace("COMPLETE", word);
    let within = |namespace: &str| {
        state("users", 1).replace("{\"name\"", &format!("{{\"namespace\":{namespace},\"name\""))
    };
    let cases = [
        case("a STATE after the last record", USERS, [user(10), user(11), state("users", 1)], &[]),
        case(
            "one between and one after",
            USERS,
            [user(10), state("users", 1), user(11), state("users", 2)],
            &[],
        ),
        case("a STATE before the only record", USERS, [state("users", 1), user(10)], USERS),
        case(
            "a record after the last STATE",
            USERS,
            [user(10), state("users", 1), user(11)],
            USERS,
        ),
        case("records and no STATE", USERS, [user(10), user(11)], USERS),
        case("a GLOBAL after", USERS, [user(10), global()], &[]),
        case("a record after the GLOBAL", USERS, [user(10), global(), user(11)], USERS),
        case("a LEGACY after", USERS, [user(10), legacy()], &[]),
        case("an untyped one after", USERS, [user(10), untyped()], &[]),
        case("a record after the LEGACY", USERS, [user(10), legacy(), user(11)], USERS),
        case("a clear", USERS, [state("users", 1)], &[]),
        case("nothing at all", USERS, [], USERS),
        case("another stream's STATE only", BOTH, [state("orders", 1)], USERS),
        case("a stranger's STATE only", USERS, [state("nobody", 1)], USERS),
        case("another stream's STATE after", BOTH, [user(10), state("orders", 1)], USERS),
        case("an empty run under GLOBAL", BOTH, [global()], &[]),
        case("an empty run under LEGACY", BOTH, [legacy()], &[]),
        case("empty, but another stream is not: GLOBAL", BOTH, [order(20), global()], USERS),
        case(
            "empty, but another stream is not: LEGACY",
            BOTH,
            [legacy(), order(20), legacy()],
            USERS,
        ),
        case("empty, but another came later", BOTH, [global(), order(20)], BOTH),
        case(
            "another's record after the GLOBAL",
            BOTH,
            [user(10), global(), order(20)],
            &["orders"],
        ),
        case("both under GLOBAL", BOTH, [user(10), order(20), global()], &[]),
        case("only one is proved", BOTH, [user(10), order(20), state("users", 1)], &["orders"]),
        case(
            "only the other",
            BOTH,
            [user(10), state("users", 1), order(20), state("orders", 1), user(11)],
            USERS,
        ),
        case("an appended stream's records count", USERS, [order(20), global()], USERS),
        case("COMPLETE after records", USERS, [user(10), complete("users")], &[]),
        case("COMPLETE after a tail", USERS, [state("users", 1), user(10), complete("users")], &[]),
        case("COMPLETE and nothing else", USERS, [complete("users")], &[]),
        case(
            "COMPLETE of the other stream",
            BOTH,
            [user(10), order(20), complete("orders")],
            USERS,
        ),
        case("INCOMPLETE", USERS, [user(10), status("INCOMPLETE")], USERS),
        case(
            "INCOMPLETE after a STATE",
            USERS,
            [user(10), state("users", 1), status("INCOMPLETE")],
            USERS,
        ),
        case("RUNNING", USERS, [user(10), status("RUNNING")], USERS),
        case("a null namespace", USERS, [user(10), within("null")], &[]),
        case("an empty namespace", USERS, [user(10), within("\"\"")], &[]),
        case("another namespace", USERS, [user(10), within("\"crm\"")], USERS),
    ];
    let before = before();
    for case in cases {
        check(&before, &case);
    }
}

#[track_caller]
fn check(before: &World, case: &Case<'_>) {
    let world = before.twin();
    let input = case.input.concat();
    // `orders` is in append mode where the case is about `users` only.
    let mut streams: Vec<_> =
        case.catalog.iter().map(|name| stream(name, "overwrite", &json!({}))).collect();
    if case.catalog.len() == 1 {
        streams.push(stream("orders", "append", &json!({})));
    }
    let outcome = world.sync(&settings(), &catalog(streams), &input);
    let mut expected = Vec::new();
    for (name, old) in OLD {
        if case.kept.contains(&name) || !case.catalog.contains(&name) {
            expected.extend(old.iter().map(|row| (*row).to_owned()));
        }
    }
    let new = input.lines().filter(|line| line.contains("\"RECORD\"")).map(|line| {
        let id: String = line
            .split("\"id\":")
            .nth(1)
            .unwrap()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        format!("{id}@-")
    });
    expected.extend(new);
    expected.sort();
    assert_eq!(all_rows(&world.objects()), expected, "{}", case.what);
    let states = input.lines().filter(|line| line.contains("\"type\":\"STATE\"")).count();
    assert_eq!(outcome.states().len(), states, "{}", case.what);
    assert!(outcome.errors().is_empty(), "{}: {outcome:#?}", case.what);
    for name in BOTH {
        assert_eq!(
            warnings(&outcome, name),
            usize::from(case.kept.contains(name)),
            "{}: {name}",
            case.what
        );
    }
}

/// Returns how many warnings name a stream, not counting the one that repeats the status the source
/// reported.
fn warnings(outcome: &Outcome, name: &str) -> usize {
    let warnings = outcome.logs("WARN");
    warnings.iter().filter(|text| text.contains(name) && !text.contains("INCOMPLETE:")).count()
}

/// Two namespaces: the STATE of one says nothing about the other, and the warning distinguishes
/// them.
#[test]
fn a_stream_in_another_namespace_is_another_stream() {
    let world = World::new();
    let settings =
        jsonl_and(&json!({ "s3_bucket_key": "{namespace}/{stream_name}/{part}.{extension}",
            "connection_id": "c1" }));
    let streams = || {
        ["crm", "shop"].map(|name| world::within(name, stream("users", "overwrite", &json!({}))))
    };
    let record = |namespace: &str, id: u32| {
        world::record_within(namespace, "users", &format!("{{\"id\":{id}}}"))
    };
    let state = |namespace: &str| {
        state("users", 1).replace("{\"name\"", &format!("{{\"namespace\":\"{namespace}\",\"name\""))
    };
    let good = [record("crm", 1), record("shop", 2), state("crm"), state("shop")].concat();
    world.sync(&settings, &catalog(streams()), &good);
    let outcome = world.sync(
        &settings,
        &catalog(streams()),
        &[record("crm", 3), record("shop", 4), state("shop")].concat(),
    );
    assert_eq!(world.ids(), ["1", "3", "4"]);
    let warnings = outcome.logs("WARN");
    assert!(
        warnings.len() == 1 && warnings[0].contains("users") && warnings[0].contains("crm"),
        "{warnings:?}"
    );
    let named = complete_descriptor(&json!({ "namespace": "crm", "name": "users" }));
    world.sync(&settings, &catalog(streams()), &named);
    assert_eq!(world.ids(), ["4"]);
}

/// A platform that cancels closes our stdout first: after that not even a proved end replaces
/// anything.
#[test]
fn a_cancelled_sync_replaces_nothing() {
    let before = before();
    let cases = [
        ("plain", stream("users", "overwrite", &json!({})), ""),
        ("plain, COMPLETE", stream("users", "overwrite", &json!({})), &*complete("users")),
        (
            "refresh, overwrite",
            stream("users", "overwrite", &generation(5, 5)),
            &*complete("users"),
        ),
        ("refresh, truncated", appended("users", 5, 5), &*complete("users")),
    ]
    .map(|(case, stream, end)| (case, stream, end.to_owned()));
    for (case, stream, end) in cases {
        for records in [records("users", &[10]), String::new()] {
            let world = before.twin();
            let objects = world.objects();
            let settings = with(settings(), &json!({ "checkpoint_interval_seconds": 0 }));
            let mut session = world.write(&settings, &catalog([stream.clone()])).start();
            session.send([&*records, &*state("users", 1)].concat());
            assert_eq!(cursor(&session.wait_for_state(SOON)), 1, "{case}");
            let published = world.objects();
            // Everything is acknowledged, and the connector's next line finds the pipe broken.
            break_stdout(&mut session, &state("users", 2));
            session.send(&*end);
            let outcome = session.finish(SOON);
            assert_eq!(outcome.code(), Some(1), "{case}: {outcome:#?}");
            assert_eq!(outcome.stderr, "", "{case}");
            assert_eq!(world.objects(), published, "{case}");
            assert!(objects.iter().all(|(key, bytes)| published.get(key) == Some(bytes)), "{case}");
        }
    }
}
