//! The platform's own suite for destinations, in every format: the scenarios about refreshes,
//! retries and clears (rows 3, 7 to 12, 15, 17 and 25 to 27 of the reference's list), and the way
//! PyAirbyte calls.
//!
//! Scenarios that interrupt a sync do so in each of the suite's three ways.

use serde_json::{Value, json};

use crate::generations::{
    Break, FORMATS, all_rows, appended, broken_off, format, generation, global_state, good_input,
    legacy_state, records, rows_by_key, stream, sync_one,
};
use crate::world::{World, catalog, complete, failure, plain, record, refresh, state, with};

/// Compares all visible rows.
#[track_caller]
fn assert_rows(world: &World, expected: &[&str], when: &str) {
    assert_eq!(all_rows(&world.objects()), expected, "{when}");
}

/// Runs a scenario in a new world for every format and every kind of interruption.
fn in_all_ways(scenario: impl Fn(&World, &Value, Break, &str)) {
    for name in FORMATS {
        for how in Break::ALL {
            scenario(&World::new(), &format(name), how, &format!("{name}, {how:?}"));
        }
    }
}

/// Row 3.
#[test]
fn mid_sync_checkpointing() {
    in_all_ways(|world, settings, how, case| {
        broken_off(world, settings, &appended("users", 0, 0), &[1], how);
        assert_rows(world, &["1@0"], case);
        world.sync(settings, &catalog([appended("users", 0, 0)]), &complete("users"));
        assert_rows(world, &["1@0"], case);
    });
}

/// Rows 7 and 8, with and without a change of mode: the old rows go when the new generation is
/// complete; those of the interrupted attempt stay.
#[test]
fn truncate_refresh() {
    in_all_ways(|world, settings, how, case| {
        let mode = match how {
            Break::CutOff | Break::Killed => "append",
            Break::Garbled => "append_dedup",
        };
        sync_one(world, settings, &stream("users", mode, &generation(12, 0)), &[1]);
        broken_off(world, settings, &appended("users", 13, 13), &[2], how);
        assert_rows(world, &["1@12", "2@13"], case);
        sync_one(world, settings, &appended("users", 13, 13), &[3]);
        assert_rows(world, &["2@13", "3@13"], case);
    });
}

/// Row 9, the costliest mistake of all: the source resumes and does not send the acknowledged rows
/// again.
#[test]
fn interrupted_truncate_with_prior_data() {
    in_all_ways(|world, settings, how, case| {
        sync_one(world, settings, &appended("users", 41, 0), &[1, 2]);
        let truncated = appended("users", 42, 42);
        broken_off(world, settings, &truncated, &[1, 2], how);
        assert_rows(world, &["1@41", "1@42", "2@41", "2@42"], case);
        broken_off(world, settings, &truncated, &[3], how);
        assert_rows(world, &["1@41", "1@42", "2@41", "2@42", "3@42"], case);
        sync_one(world, settings, &truncated, &[4, 5]);
        assert_rows(world, &["1@42", "2@42", "3@42", "4@42", "5@42"], case);
        // All of it was acknowledged, and the job is retried.
        world.sync(settings, &catalog([truncated.clone()]), &complete("users"));
        assert_rows(world, &["1@42", "2@42", "3@42", "4@42", "5@42"], case);
    });
}

/// Row 10.
#[test]
fn interrupted_truncate_without_prior_data() {
    in_all_ways(|world, settings, how, case| {
        broken_off(world, settings, &appended("users", 42, 42), &[1, 2], how);
        assert_rows(world, &["1@42", "2@42"], case);
        sync_one(world, settings, &appended("users", 42, 42), &[3]);
        assert_rows(world, &["1@42", "2@42", "3@42"], case);
    });
}

/// A source that cannot resume starts over in a new generation: the rows of the interrupted attempt
/// go with the old ones.
#[test]
fn a_truncate_that_starts_over() {
    in_all_ways(|world, settings, how, case| {
        sync_one(world, settings, &appended("users", 41, 41), &[1, 2]);
        broken_off(world, settings, &appended("users", 42, 42), &[1], how);
        sync_one(world, settings, &appended("users", 43, 43), &[1, 2]);
        assert_rows(world, &["1@43", "2@43"], case);
    });
}

/// Row 11: the truncation was cancelled, and the next sync does not ask for it.
#[test]
fn resume_after_cancelled_truncate() {
    in_all_ways(|world, settings, how, case| {
        sync_one(world, settings, &appended("users", 41, 0), &[1]);
        broken_off(world, settings, &appended("users", 42, 42), &[2], how);
        sync_one(world, settings, &appended("users", 43, 0), &[3]);
        assert_rows(world, &["1@41", "2@42", "3@43"], case);
    });
}

/// Rows 12 and 15, and the calls of PyAirbyte, which calls every sync the first one.
#[test]
fn appended_and_overwritten() {
    for name in FORMATS {
        let settings = format(name);
        let world = World::new();
        sync_one(&world, &settings, &appended("users", 0, 0), &[1, 2]);
        sync_one(&world, &settings, &appended("users", 0, 0), &[2, 3]);
        assert_rows(&world, &["1@0", "2@0", "2@0", "3@0"], name);

        // The new generation has a schema of its own.
        let world = World::new();
        sync_one(&world, &settings, &appended("users", 1, 0), &[1]);
        let changed = |minimum: u32| {
            let properties = json!({ "name": { "type": "string" }, "id": { "type": "integer" } });
            with(refresh("users", &properties), &generation(2, minimum))
        };
        let named =
            [record("users", "{\"name\":\"x\",\"id\":2}"), state("users", 1), complete("users")];
        world.sync(&settings, &catalog([changed(2)]), &named.concat());
        assert_rows(&world, &["2@2"], name);
        sync_one(&world, &settings, &changed(0), &[3]);
        assert_rows(&world, &["2@2", "3@2"], name);

        let world = World::new();
        let fields = json!({ "generation_id": 1, "minimum_generation_id": 1, "sync_id": 1 });
        for ids in [&[1, 2][..], &[2, 3], &[4]] {
            sync_one(&world, &settings, &stream("users", "overwrite", &fields), ids);
            let expected: Vec<String> = ids.iter().map(|id| format!("{id}@1")).collect();
            assert_eq!(all_rows(&world.objects()), expected, "{name}");
        }
        // The sync fails in the middle: old and new rows are both there until the next good end.
        broken_off(&world, &settings, &stream("users", "overwrite", &fields), &[5], Break::CutOff);
        assert_rows(&world, &["4@1", "5@1"], name);
        sync_one(&world, &settings, &stream("users", "overwrite", &fields), &[6]);
        assert_rows(&world, &["6@1"], name);
    }
}

/// Row 17, twice: the second sync replaces everything that the first one wrote, stream by stream.
#[test]
fn many_streams_complete() {
    for name in FORMATS {
        let world = World::new();
        let names: Vec<String> = (1..=21).map(|number| format!("stream_{number}")).collect();
        for generation in [42, 43] {
            let streams = names.iter().map(|name| appended(name, generation, generation));
            let all = |message: &dyn Fn(&str) -> String| {
                names.iter().map(|name| message(name)).collect::<String>()
            };
            let input =
                [all(&|name| records(name, &[generation])), all(&|name| complete(name))].concat();
            world.sync(&format(name), &catalog(streams), &input);
            let rows = rows_by_key(&world.objects());
            let mut streams: Vec<&str> =
                rows.keys().map(|key| key.split('/').next().unwrap()).collect();
            streams
                .sort_by_key(|name| name.split('_').next_back().unwrap().parse::<u32>().unwrap());
            assert_eq!(streams, names, "{name}: one object for each stream");
            assert!(
                rows.values().all(|rows| *rows == [format!("{generation}@{generation}")]),
                "{name}: {rows:?}"
            );
        }
    }
}

/// Rows 25 and 26: no records.
#[test]
fn no_data() {
    for name in FORMATS {
        let settings = format(name);
        let world = World::new();
        world.sync(&settings, &catalog([appended("users", 0, 0)]), &complete("users"));
        assert_eq!(world.keys(), [""; 0], "{name}");
        world.sync(&settings, &catalog([appended("users", 1, 1)]), &complete("users"));
        assert_eq!(world.keys(), [""; 0], "{name}");

        sync_one(&world, &settings, &appended("users", 2, 0), &[1, 2]);
        sync_one(&world, &settings, &appended("users", 3, 0), &[3]);
        let attempt = world.write(&settings, &catalog([appended("users", 4, 4)])).run();
        failure(&attempt, "transient_error");
        assert_rows(&world, &["1@2", "2@2", "3@3"], name);
        world.sync(&settings, &catalog([appended("users", 4, 4)]), &complete("users"));
        assert_eq!(world.keys(), [""; 0], "{name}");
    }
}

/// Row 27 with every kind of STATE that a clear comes with, in both dialects: the streams of the
/// catalog are empty afterwards, the others are unchanged, and the STATE comes back.
#[test]
fn a_clear_empties_the_streams_of_its_catalog() {
    let named = |state: &str| format!("{{\"type\":\"STATE\",\"state\":{state}}}\n");
    let by_stream = |state: &str| {
        named(&format!(
            "{{\"type\":\"STREAM\",\"stream\":{{\"stream_descriptor\":{{\"name\":\"users\"}}{state}}}}}"
        ))
    };
    let states = [
        by_stream(""),
        by_stream(",\"stream_state\":null"),
        named(
            "{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":null,\"stream_states\":[{\"stream_descriptor\":{\"name\":\"users\"}}]}}",
        ),
        named(
            "{\"type\":\"GLOBAL\",\"global\":{\"stream_states\":[{\"stream_descriptor\":{\"name\":\"users\"}},{\"stream_descriptor\":{\"name\":\"orders\"},\"stream_state\":{\"a\":1}}]}}",
        ),
        named("{\"type\":\"LEGACY\",\"data\":{}}"),
        global_state(),
        legacy_state(),
    ];
    let before = World::new();
    let settings = format("jsonl.gz");
    let both = catalog([appended("users", 1, 0), appended("orders", 1, 0)]);
    before.sync(
        &settings,
        &both,
        &[good_input("users", &[1, 2]), good_input("orders", &[3])].concat(),
    );
    sync_one(&before, &settings, &plain("users", &json!({ "id": { "type": "integer" } })), &[4]);
    for state in &states {
        let catalogs = [
            ("refresh", appended("users", 2, 2), complete("users")),
            (
                "refresh, overwrite",
                stream("users", "overwrite", &generation(2, 2)),
                complete("users"),
            ),
            ("plain", stream("users", "overwrite", &json!({})), String::new()),
        ];
        for (dialect, stream, end) in catalogs {
            let world = before.twin();
            let outcome = world.sync(&settings, &catalog([stream]), &[&**state, &*end].concat());
            assert_rows(&world, &["3@1"], &format!("{dialect}: {state}"));
            assert_eq!(outcome.states().len(), 1, "{dialect}: {state}");
            assert_eq!(
                outcome.states()[0]["destinationStats"]["recordCount"],
                0.0,
                "{dialect}: {state}"
            );
        }
    }
    // The suite's own case: generation 1, after a first sync without generations.
    let world = World::new();
    sync_one(&world, &settings, &appended("users", 0, 0), &[1]);
    let input = [&*states[2], &*complete("users")].concat();
    world.sync(&settings, &catalog([appended("users", 1, 1)]), &input);
    assert_eq!(world.keys(), [""; 0]);
}
