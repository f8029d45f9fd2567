//! Single rules of the contract, one story each.

use std::time::Duration;

use super::world::{Fate, Options, Printed, STREAMS, World, failure_type};
use crate::error::FailureType;
use crate::pipeline::messages::{Action, StoreRequest};
use crate::store::StoreErrorKind;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_state_comes_back_by_the_timer_without_further_input() {
    let mut world = World::new(&Options::default());
    world.rows(0, 3);
    world.wait(Duration::from_secs(10));
    world.state(Some(0));
    world.settle();
    assert!(world.objects.is_empty() && world.printed.is_empty());
    assert_eq!(
        world.deadline_in(),
        Some(Duration::from_secs(50)),
        "the oldest row is ten seconds old"
    );
    world.rows(0, 2);
    world.wait(Duration::from_secs(50));
    world.settle();
    assert_eq!(world.visible(0), [1, 2, 3], "rows after the state stay in the tail");
    assert_eq!(world.printed, [Printed { state: 0, records: 3 }]);
    assert_eq!(world.deadline_in(), None);
}

#[test]
fn an_old_row_is_flushed_by_the_next_state_and_an_interval_of_zero_flushes_every_state() {
    let mut world = World::new(&Options::default());
    world.rows(0, 1);
    world.wait(MINUTE);
    world.state(Some(0));
    world.settle();
    assert_eq!(world.printed.len(), 1);

    let mut world = World::new(&Options { interval: Duration::ZERO, ..Options::default() });
    for _ in 0..3 {
        world.rows(1, 2);
        world.state(None);
    }
    world.settle();
    assert_eq!(
        world.objects.len(),
        2,
        "states that come while files are being published share the next file"
    );
    let counts: Vec<u64> = world.printed.iter().map(|printed| printed.records).collect();
    assert_eq!(counts, [2, 2, 2]);
}

#[test]
fn the_test_suites_variable_forces_a_checkpoint_by_records() {
    let mut world = World::new(&Options { checkpoint_records: Some(3), ..Options::default() });
    world.rows(0, 2);
    world.state(Some(0));
    world.settle();
    assert!(world.printed.is_empty());
    world.rows(0, 1);
    world.state(Some(0));
    world.settle();
    assert_eq!(world.printed.len(), 2);
    assert_eq!(world.objects.len(), 1);
}

#[test]
fn a_tail_over_the_limit_moves_into_a_file_that_only_the_next_state_frees() {
    let mut world = World::new(&Options { tail_bytes: 20, ..Options::default() });
    world.rows(0, 2);
    world.state(Some(0));
    world.rows(0, 10);
    world.wait(2 * MINUTE);
    world.settle();
    assert!(world.printed.is_empty(), "the file holds rows that no state covers");
    assert_eq!(world.deadline_in(), None, "and no timer runs in vain");
    world.state(Some(0));
    world.settle();
    assert_eq!(world.printed.len(), 2);
    assert_eq!(world.visible(0).len(), 12);
}

#[test]
fn a_size_roll_between_two_states_is_staged_and_one_that_falls_on_a_state_is_published() {
    let mut world =
        World::new(&Options { file_size_bytes: 100, tail_bytes: 10, ..Options::default() });
    world.rows(0, 40);
    world.rows(0, 5);
    world.settle();
    assert!(world.objects.is_empty());
    assert_eq!(world.uploads.len(), 1, "the rolled file waits as an unfinished upload");
    world.state(Some(0));
    world.settle();
    assert!(world.printed.is_empty(), "the state also needs the open file, which is young");
    world.rows(0, 40);
    world.state(Some(0));
    world.settle();
    assert_eq!(
        world.printed.len(),
        2,
        "everything that the states need is sealed: no wait for the interval"
    );
    assert_eq!(world.visible(0), (1..=85).collect::<Vec<_>>());
}

#[test]
fn rows_after_the_last_state_are_published_by_a_good_end_only() {
    for good in [true, false] {
        let mut world = World::new(&Options { expects_complete: true, ..Options::default() });
        world.rows(0, 3);
        world.state(Some(0));
        world.rows(0, 3);
        world.rows(1, 3);
        (0..if good { 3 } else { 2 }).for_each(|stream| world.complete(stream));
        world.end_of_input();
        world.settle();
        assert!(world.is_finished());
        assert_eq!(world.visible(0).len(), if good { 6 } else { 3 });
        assert_eq!(world.visible(1).len(), if good { 3 } else { 0 });
        assert_eq!(world.printed, [Printed { state: 0, records: 3 }]);
        let (_, result) = world.finish();
        assert_eq!(failure_type(&result), (!good).then_some(FailureType::Transient));
        if let Err(failure) = result {
            assert!(failure.message.contains("\"s2\"") && !failure.message.contains("\"s0\""));
        }
    }
}

#[test]
fn the_end_of_the_input_is_success_in_the_plain_dialect() {
    let mut world = World::new(&Options::default());
    world.rows(0, 3);
    world.end_of_input();
    world.settle();
    assert_eq!(world.visible(0), [1, 2, 3]);
    assert_eq!(world.finish().1, Ok(()));
}

#[test]
fn a_garbled_line_is_reported_by_number_and_rows_before_the_last_state_are_kept() {
    let mut world = World::new(&Options::default());
    world.rows(0, 3);
    world.state(Some(0));
    world.rows(0, 1);
    world.fault();
    world.settle();
    assert!(world.is_finished());
    assert_eq!((world.visible(0), world.printed.len()), (vec![1, 2, 3], 1));
    let failure = world.finish().1.unwrap_err();
    assert_eq!(failure.failure_type, FailureType::System);
    assert!(failure.message.starts_with("line 4 of the input is garbled"), "{}", failure.message);
}

#[test]
fn a_global_state_after_a_discarded_file_keeps_the_other_files_invisible_too() {
    let mut world = World::new(&Options { tail_bytes: 20, ..Options::default() });
    world.rows(0, 2);
    world.state(None);
    world.rows(1, 2);
    world.state(None);
    world.rows(1, 20);
    world.fault();
    world.settle();
    assert_eq!(world.visible(1), Vec::<u64>::new(), "its file holds uncovered rows");
    assert_eq!(world.visible(0), [1, 2], "the first global state needs only this one");
    assert_eq!(world.printed, [Printed { state: 0, records: 2 }]);
    assert!(world.uploads.is_empty(), "what is given up is aborted");
}

#[test]
fn a_record_after_complete_is_a_defect_of_the_source() {
    let mut world = World::new(&Options { expects_complete: true, ..Options::default() });
    world.complete(0);
    world.rows(0, 1);
    world.settle();
    assert_eq!(failure_type(&world.finish().1), Some(FailureType::System));
}

#[test]
fn a_closed_stdout_ends_the_run_and_nothing_more_is_printed_or_published() {
    let mut world = World::new(&Options::default());
    world.rows(0, 3);
    world.state(Some(0));
    world.stdout_closed();
    world.settle();
    assert!(world.is_finished() && world.printed.is_empty());
    assert!(
        world.objects.is_empty(),
        "no STATE can be given back, so the source will send these rows again"
    );
    assert_eq!(failure_type(&world.finish().1), Some(FailureType::System));
}

#[test]
fn a_taken_key_is_never_overwritten_and_the_file_takes_the_next_number() {
    let mut world =
        World::new(&Options { template: "{stream_name}.{extension}", ..Options::default() });
    world.objects.insert("s0.jsonl".to_owned(), String::new());
    world.objects.insert("s0_7.jsonl".to_owned(), String::new());
    world.rows(0, 1);
    world.end_of_input();
    // The listing is answered, then another writer takes the number that it led to.
    world.answer(0, Fate::Done);
    world.objects.insert("s0_8.jsonl".to_owned(), String::new());
    world.settle();
    assert_eq!(world.objects.get("s0_9.jsonl").map(String::as_str), Some("0:1;"));
    assert!(world.is_finished());
}

#[test]
fn the_key_shows_the_highest_cursor_of_the_file() {
    let template = "{stream_name}/{cursor_singular_date_time}.{extension}";
    let mut world = World::new(&Options { template, ..Options::default() });
    world.rows(0, 30);
    world.rows(0, 5);
    world.end_of_input();
    world.settle();
    assert_eq!(world.objects.keys().collect::<Vec<_>>(), ["s0/1970-01-01-00-00-31.jsonl"]);
    assert_eq!(world.visible(0).len(), 35);
}

#[test]
fn short_memory_stages_or_publishes_the_largest_streams_early() {
    let mut world =
        World::new(&Options { memory_bytes: 400, compress: true, ..Options::default() });
    for round in 0..40 {
        world.rows(round % 2, 3);
        world.settle();
        if round == 20 {
            world.state(Some(0));
            world.settle();
            assert!(!world.printed.is_empty() || world.used_bytes() <= 400);
        }
        assert!(world.used_bytes() <= 400, "round {round}: {} bytes in use", world.used_bytes());
    }
    assert!(!world.uploads.is_empty(), "rows without a state wait in S3, not in memory");
    world.end_of_input();
    world.settle();
    assert_eq!((world.visible(0).len(), world.visible(1).len()), (60, 60));
    assert!(world.uploads.is_empty());
    assert_eq!(world.used_bytes(), 0);
}

#[test]
fn many_waiting_states_are_flushed_before_they_fill_the_memory() {
    let mut world = World::new(&Options { memory_bytes: 4_000, ..Options::default() });
    for _ in 0..200 {
        world.rows(0, 1);
        world.state(Some(0));
        world.settle();
    }
    assert!(world.printed.len() > 100, "{}", world.printed.len());
    assert!(world.used_bytes() < 4_000);
}

#[test]
fn an_object_that_can_no_longer_be_acknowledged_is_deleted() {
    for fate in [Fate::Refused, Fate::AnswerLost] {
        let mut world = World::new(&Options { interval: Duration::ZERO, ..Options::default() });
        world.rows(0, 2);
        world.rows(1, 2);
        world.rows(2, 2);
        world.state(None);
        // Three listings, then three puts.
        for _ in 0..3 {
            world.answer(0, Fate::Done);
        }
        world.answer(0, Fate::Done);
        assert_eq!(world.visible(0), [1, 2]);
        world.answer(0, fate);
        world.settle();
        assert!(world.is_finished());
        assert!(
            world.objects.is_empty(),
            "the state cannot be printed, so all rows will be sent again"
        );
        assert!(world.printed.is_empty());
        assert_eq!(failure_type(&world.finish().1), Some(FailureType::Transient));
    }
}

#[test]
fn which_streams_the_source_has_completed() {
    type Steps = fn(&mut World);
    let table: &[(&str, Steps, [bool; 3])] = &[
        ("nothing came", |_| {}, [false; 3]),
        ("no state", |world| world.rows(0, 1), [false; 3]),
        (
            "a state after the last row",
            |world| {
                world.rows(0, 1);
                world.rows(1, 1);
                world.state(Some(0));
                world.state(Some(1));
                world.rows(1, 1);
            },
            [true, false, false],
        ),
        (
            "one over all streams",
            |world| {
                world.rows(0, 1);
                world.state(None);
                world.rows(1, 1);
            },
            [true, false, false],
        ),
        (
            "no rows, a state of its own",
            |world| {
                world.rows(0, 1);
                world.state(Some(1));
            },
            [false, true, false],
        ),
        ("no rows at all, a state over all streams", |world| world.state(None), [true; 3]),
        ("COMPLETE", |world| (0..2).for_each(|stream| world.complete(stream)), [true, true, false]),
    ];
    for (what, steps, expected) in table {
        let mut world = World::new(&Options::default());
        steps(&mut world);
        world.end_of_input();
        world.settle();
        let (summary, result) = world.finish();
        assert_eq!(result, Ok(()));
        let succeeded: Vec<bool> = summary.streams.iter().map(|stream| stream.succeeded).collect();
        assert_eq!(succeeded, expected, "{what}");
    }
}

/// The store refuses every key as taken: few numbers are tried where it finds no object, a few more
/// where it finds one.
#[test]
fn a_store_that_refuses_every_key_as_taken_ends_the_run() {
    let table = [
        (StoreErrorKind::RefusesFreeKey, 8, FailureType::Config),
        (StoreErrorKind::KeyTaken, 20, FailureType::Transient),
    ];
    for (kind, keys, expected) in table {
        let mut world = World::new(&Options::default());
        world.refuses_keys = Some(kind);
        world.rows(0, 3);
        world.state(Some(0));
        world.end_of_input();
        let mut puts = 0;
        while !world.pending.is_empty() {
            puts +=
                u32::from(matches!(world.pending[0], Action::Store(_, StoreRequest::Put { .. })));
            assert!(puts <= keys, "no end");
            world.answer(0, Fate::Done);
        }
        assert_eq!(puts, keys);
        let takes: Vec<_> =
            world.logs.iter().filter(|log| log.contains("takes the next number")).collect();
        assert_eq!(takes.len(), 1, "said once for each stream");
        assert!(world.is_finished() && world.printed.is_empty() && world.objects.is_empty());
        let (_, result) = world.finish();
        assert_eq!(failure_type(&result), Some(expected));
        let message = result.unwrap_err().message;
        assert!(
            message.starts_with(&format!("{keys} keys in a row were refused as taken")),
            "{message}"
        );
    }
}

/// The other writer is far ahead: two numbers are tried, then the bucket tells.
#[test]
fn one_listing_passes_another_writer_that_is_thousands_of_files_ahead() {
    let mut world =
        World::new(&Options { template: "{stream_name}.{extension}", ..Options::default() });
    world.rows(0, 3);
    world.state(Some(0));
    world.end_of_input();
    while !matches!(world.pending[0], Action::Store(_, StoreRequest::Put { .. })) {
        world.answer(0, Fate::Done);
    }
    world.objects.insert("s0.jsonl".to_owned(), String::new());
    (2..=5_000).for_each(|number| {
        world.objects.insert(format!("s0_{number}.jsonl"), String::new());
    });
    world.settle();
    assert!(world.requests < 12, "{} requests", world.requests);
    assert_eq!(world.objects["s0_5001.jsonl"], "0:1;0:2;0:3;");
    assert_eq!(world.printed.len(), 1);
}

/// Before an upload is begun its file can take another key; afterwards it could not.
#[test]
fn a_key_that_is_taken_before_an_upload_is_created_costs_a_number_and_not_the_sync() {
    let mut world = World::new(&Options {
        template: "{stream_name}.{extension}",
        file_size_bytes: 100,
        tail_bytes: 10,
        ..Options::default()
    });
    world.rows(0, 40);
    world.rows(0, 5);
    while !matches!(world.pending[0], Action::Store(_, StoreRequest::Create { .. })) {
        world.answer(0, Fate::Done);
    }
    world.take_key();
    world.state(Some(0));
    world.end_of_input();
    world.settle();
    assert!(world.is_finished());
    assert_eq!(world.objects.get("s0.jsonl").map(String::as_str), Some(""), "not ours");
    let mut visible = world.visible(0);
    visible.sort_unstable();
    assert_eq!(visible, (1..=45).collect::<Vec<_>>());
    assert!(world.finish().1.is_ok());
}

/// The reader waits with a long line until three quarters of the limit are enough for all else. A
/// STATE that only further input can free must not be what it waits for.
#[test]
fn a_large_state_that_waits_for_input_leaves_room_for_a_long_line() {
    let options = Options { memory_bytes: 400, tail_bytes: 30, ..Options::default() };
    let mut world = World::new(&options);
    world.rows(0, 3);
    world.state(None);
    world.wait(options.interval);
    // While those files are published a large STATE comes, and then rows that join the file which
    // it waits for.
    world.state_padding = 130;
    world.rows(0, 1);
    world.state(None);
    world.rows(0, 10);
    world.settle();
    for round in 0..30 {
        assert_eq!(world.printed.len(), 1, "the large STATE waits for the next one");
        assert!(
            world.used_bytes() <= 300,
            "{} bytes rest after {round} rounds",
            world.used_bytes()
        );
        world.rows(round % STREAMS, 7);
        world.settle();
    }
    world.state(None);
    world.settle();
    assert_eq!(world.printed.len(), 3);
}
