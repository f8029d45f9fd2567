//! Replacements that are interrupted: refusals, kills and transient faults in the middle, and
//! another program that takes the plain key meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::generations::store::{
    FIXED_KEY, fixed, numbered, overwritten, replace, rows, start, two_files,
};
use crate::generations::{all_rows, appended, good_input, records};
use crate::support::faulty_s3::{Fault, FaultyS3, Operation, Request, Rule};
use crate::world::{
    BUCKET, SOON, catalog, complete, connector, cursor, cursors, failure, state, with,
};

/// A refused publication is a bad end: the rows before it are visible, and so are all old objects.
#[test]
fn a_refused_publication_removes_nothing() {
    for (config_of, old_key) in
        [(fixed as fn(&FaultyS3) -> Value, FIXED_KEY), (numbered, "users/0.jsonl")]
    {
        for fault in [Fault::AccessDenied, Fault::ExpiredToken] {
            let server = start();
            let config = with(config_of(&server), &json!({ "checkpoint_interval_seconds": 0 }));
            replace(&config, &[1, 2]).expect_success();
            let old = server.objects(BUCKET);
            assert_eq!(server.keys(BUCKET), [old_key]);

            let mut session = connector().write(&config, &catalog([overwritten()])).start();
            session.send([records("users", &[3]), state("users", 1)].concat());
            assert_eq!(cursor(&session.wait_for_state(SOON)), 1);
            server.inject(Rule::on(Operation::Put, fault));
            session.send([records("users", &[4]), state("users", 2), complete("users")].concat());
            let outcome = session.finish(SOON);
            failure(&outcome, "config_error");
            assert_eq!(cursors(&outcome), [1], "{}", fault.name());
            let mut objects = server.objects(BUCKET);
            assert_eq!(objects.remove(old_key), old.get(old_key).cloned());
            assert_eq!(all_rows(&objects), ["3@1"], "{}", fault.name());

            server.heal();
            replace(&config, &[5]).expect_success();
            assert_eq!(all_rows(&server.objects(BUCKET)), ["5@1"]);
            assert_eq!(server.keys(BUCKET).len(), 1);
        }
    }
}

/// A refused removal: everything is published and acknowledged, and the sync fails with the reason
/// of the refusal. The next sync removes the rest.
#[test]
fn the_next_sync_completes_a_refused_removal() {
    let removals = [Operation::DeleteMany, Operation::Delete];
    let cases = [
        (fixed as fn(&FaultyS3) -> Value, &removals[..]),
        (numbered, &removals),
        (fixed, &[Operation::Copy]),
        (fixed, &[Operation::Head]),
        (numbered, &[Operation::Head]),
    ];
    for (config_of, refused) in cases {
        let server = start();
        let config = config_of(&server);
        replace(&config, &[1, 2]).expect_success();
        let old_key = server.keys(BUCKET).remove(0);

        for operation in refused {
            let rule = Rule::on(*operation, Fault::AccessDenied);
            // Spares the look at a key before it is written.
            server.inject(if *operation == Operation::Head { rule.written() } else { rule });
        }
        let outcome = replace(&config, &[3, 4]);
        failure(&outcome, "config_error");
        assert_eq!(cursors(&outcome), [1], "{refused:?}");
        let all = all_rows(&server.objects(BUCKET));
        let new: Vec<_> = all.iter().filter(|row| ["3@1", "4@1"].contains(&row.as_str())).collect();
        // Copied but not removed at its own key: the rows are there twice until the next sync.
        assert!(new.len() == 2 || (refused == removals && new.len() == 4), "{refused:?}: {all:?}");
        // The plain key holds the copy already, or what it held before.
        let copied = config == fixed(&server) && refused == removals;
        let found = rows(&server).remove(&old_key);
        assert_eq!(
            found.as_deref(),
            Some(
                &[if copied { "3@1" } else { "1@1" }, if copied { "4@1" } else { "2@1" }]
                    .map(str::to_owned)[..]
            ),
            "{refused:?}"
        );

        server.heal();
        replace(&config, &[5]).expect_success();
        let found = rows(&server);
        assert_eq!(found.values().flatten().collect::<Vec<_>>(), ["5@1"], "{refused:?}: {found:?}");
        if config == fixed(&server) {
            assert!(found.contains_key(FIXED_KEY), "{refused:?}: {found:?}");
        }
    }
}

/// A file that was copied over the plain key and could not be removed at its own is there twice.
/// The next attempt of the same generation keeps that generation's rows, each of them once.
#[test]
fn a_copy_whose_original_was_not_removed_leaves_each_row_once() {
    for ids in [&[][..], &[5]] {
        let server = start();
        let config = fixed(&server);
        let sync = |generation: u32, ids: &[u32]| {
            let streams = catalog([appended("users", generation, generation)]);
            connector().write(&config, &streams).input(good_input("users", ids)).run()
        };
        sync(1, &[1, 2]).expect_success();
        server.inject(Rule::on(Operation::DeleteMany, Fault::AccessDenied));
        server.inject(Rule::on(Operation::Delete, Fault::AccessDenied));
        failure(&sync(2, &[3, 4]), "config_error");
        server.heal();
        // The platform retries the job, and the source continues after the last STATE.
        sync(2, ids).expect_success();
        let mut expected = vec!["3@2".to_owned(), "4@2".to_owned()];
        expected.extend(ids.iter().map(|id| format!("{id}@2")));
        assert_eq!(all_rows(&server.objects(BUCKET)), expected, "{:?}", rows(&server));
        assert!(server.keys(BUCKET).contains(&FIXED_KEY.to_owned()), "{:?}", rows(&server));
    }
}

/// Kills the connector during a replacement, after everything is acknowledged: wherever the kill
/// struck, the next attempt of the same generation leaves each row once, and nothing old.
#[test]
fn a_kill_during_a_replacement_leaves_each_row_once() {
    let removals = [Operation::DeleteMany, Operation::Delete];
    let cases = [
        (fixed as fn(&FaultyS3) -> Value, &[Operation::Head][..]),
        (fixed, &[Operation::Copy]),
        (fixed, &removals),
        (numbered, &[Operation::Head]),
        (numbered, &removals),
    ];
    for (config_of, slow) in cases {
        for ids in [&[][..], &[5]] {
            let server = start();
            let config = config_of(&server);
            let streams = |generation: u32| catalog([appended("users", generation, generation)]);
            connector()
                .write(&config, &streams(1))
                .input(good_input("users", &[1, 2]))
                .run()
                .expect_success();
            let before = server.requests().len();
            slow.iter().for_each(|operation| server.inject(Rule::on(*operation, Fault::SlowDrip)));
            let mut session =
                connector().write(&config, &streams(2)).input(good_input("users", &[3, 4])).start();
            session.close_stdin();
            session.wait_for_state(SOON);
            wait_for(&server, before, slow);
            session.kill();
            session.finish(SOON);
            server.heal();
            let between = rows(&server);

            connector()
                .write(&config, &streams(2))
                .input(good_input("users", ids))
                .run()
                .expect_success();
            let mut expected = vec!["3@2".to_owned(), "4@2".to_owned()];
            expected.extend(ids.iter().map(|id| format!("{id}@2")));
            let found = rows(&server);
            let case = format!("{slow:?} was slow, then {ids:?}: from {between:?} to {found:?}");
            assert_eq!(all_rows(&server.objects(BUCKET)), expected, "{case}");
            assert!(config != fixed(&server) || found.contains_key(FIXED_KEY), "{case}");
        }
    }
}

/// Another program takes the plain key while older objects are being removed: its object is neither
/// overwritten nor removed.
#[test]
fn an_object_that_takes_the_plain_key_during_a_replacement_is_kept() {
    const MINE: &[u8] = b"{\"mine\":1}\n";
    for ids in [&[3][..], &[]] {
        let server = start();
        let config = with(fixed(&server), &json!({ "checkpoint_interval_seconds": 0 }));
        // Two old objects, so that there is one to remove before the plain key is replaced.
        two_files(&config);
        assert_eq!(server.keys(BUCKET), [FIXED_KEY, "users_2.jsonl"]);

        let before = server.requests().len();
        let removals = [Operation::DeleteMany, Operation::Delete];
        removals.iter().for_each(|operation| server.inject(Rule::on(*operation, Fault::SlowDrip)));
        let mut session = connector()
            .write(&config, &catalog([overwritten()]))
            .input(good_input("users", ids))
            .start();
        session.close_stdin();
        wait_for(&server, before, &removals);
        server.put_object(BUCKET, FIXED_KEY, MINE, &[]);
        session.finish(SOON).expect_success();
        let mut objects = server.objects(BUCKET);
        assert_eq!(objects.remove(FIXED_KEY).as_deref(), Some(MINE), "{ids:?}");
        let expected: Vec<_> = ids.iter().map(|id| format!("{id}@1")).collect();
        assert_eq!(all_rows(&objects), expected);
    }
}

/// Waits until one of these operations was carried out after the first `before` requests.
#[track_caller]
fn wait_for(server: &FaultyS3, before: usize, operations: &[Operation]) {
    let deadline = Instant::now() + SOON;
    let is_done = |request: &Request| operations.contains(&request.operation) && request.done;
    while !server.requests().split_off(before).iter().any(is_done) {
        assert!(Instant::now() < deadline, "none of {operations:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// S3 fails once, in every transient way: the sync succeeds and leaves only the new rows.
#[test]
fn a_removal_survives_every_transient_fault() {
    let passes = |fault: &Fault| !matches!(fault, Fault::ExpiredToken | Fault::AccessDenied);
    // All at once, because they mostly wait.
    std::thread::scope(|scope| {
        for fault in Fault::ALL.into_iter().filter(passes) {
            scope.spawn(move || removal_survives(fault));
        }
    });
}

#[track_caller]
fn removal_survives(fault: Fault) {
    let server = start();
    let config = with(fixed(&server), &json!({ "checkpoint_interval_seconds": 0 }));
    two_files(&config);
    let removals = [Operation::Head, Operation::DeleteMany, Operation::Delete];
    // The SDK slows down for tens of seconds after each throttled request.
    let throttles = matches!(fault, Fault::TooManyRequests | Fault::SlowDown);
    let others = if throttles { &[][..] } else { &[Operation::List, Operation::Copy] };
    for operation in
        removals.iter().chain(others).copied().filter(|operation| fault.fits(*operation))
    {
        server.inject(Rule::on(operation, fault).calls(1..=1));
    }
    let outcome = replace(&config, &[3, 4]);
    assert_eq!(outcome.code(), Some(0), "{}: {outcome:#?}", fault.name());
    let expected =
        BTreeMap::from([(FIXED_KEY.to_owned(), vec!["3@1".to_owned(), "4@1".to_owned()])]);
    assert_eq!(rows(&server), expected, "{}", fault.name());
}
