//! The part of the delivery tests that `make test` runs.

use serde_json::json;

use super::attempt::{Break, End, Job, Pace};
use super::oracle::{Tally, judge};
use super::pair::Pair;
use super::source::Plan;
use super::{BUCKET, case, kills, matrix, pair, pool, rows};
use crate::support::faulty_s3::{Fault, FaultyS3, Operation, Rule};
use crate::world::connector;

/// Returns the problems of cases, each with the case's name.
fn problems<C, R>(
    cases: &[C],
    played: &[Result<R, String>],
    words: impl Fn(&C) -> String,
    wrong: impl Fn(&R) -> &[String],
) -> Vec<String> {
    let mut all = Vec::new();
    for (case, result) in cases.iter().zip(played) {
        let found = match result {
            Ok(result) => wrong(result).to_vec(),
            Err(panic) => vec![panic.clone()],
        };
        all.extend(found.into_iter().map(|problem| format!("{}: {problem}", words(case))));
    }
    all
}

/// Fails with every problem.
#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn no_kill_loses_or_duplicates_a_record() {
    let scenarios: Vec<_> = (0..20).map(kills::scenario).collect();
    let played = pool::each(&scenarios, 4, |scenario| kills::play(&connector(), scenario));
    assert_none(&problems(&scenarios, &played, kills::Scenario::words, |killed| {
        &killed.verdict.problems
    }));
    let kills: u64 = played.iter().flatten().map(|killed| killed.kills).sum();
    assert!(kills >= 15, "only {kills} kills in 20 scenarios: most come too late");
}

/// A kill that is certainly inside the window: the file is visible, and S3 takes two seconds to say
/// so.
#[test]
fn a_kill_between_publication_and_state_makes_duplicates_and_loses_nothing() {
    for (large, operation) in [(false, Operation::Put), (true, Operation::Complete)] {
        let server = FaultyS3::start();
        server.create_bucket(BUCKET);
        server.inject(Rule::on(operation, Fault::SlowDrip));
        let plan = match large {
            false => Plan { records: 40, ..Plan::small(5) },
            true => Plan { records: 24, state_every: 24, text_bytes: 400_000, ..Plan::small(5) },
        };
        let settings =
            json!({ "format": { "format_type": "jsonl" }, "checkpoint_interval_seconds": 0 });
        let mut job = Job::new(&connector(), &server, plan, &settings);
        assert_eq!(job.attempt(Pace::Ahead(1), Break::KillAtObject(1)).end, End::Killed);
        server.heal();
        assert!(job.run_to_the_end(Pace::Flood, 1), "{:?}", job.attempts);
        let verdict = judge(&[job.history()], &rows::visible(&server));
        let Tally { lost, window, outside, .. } = verdict.tally;
        assert_eq!((lost, window, outside), (0, job.plan.state_every, 0), "{verdict:?}");
        assert_none(&[verdict.problems, job.problems()].concat());
    }
}

#[test]
fn two_processes_at_once_share_a_bucket() {
    let pairs = pair::all();
    let played = pool::each(&pairs, 4, |pair| pair::play(&connector(), pair));
    assert_none(&problems(&pairs, &played, Pair::words, |verdict| &verdict.problems));
}

#[test]
fn no_fault_of_s3_loses_or_duplicates_a_record() {
    let cases = matrix::cut();
    let played = pool::each(&cases, 16, |case| case::play(&connector(), case));
    assert_none(&problems(&cases, &played, matrix::Case::words, |played| &played.verdict.problems));
}
