//! Processes killed at random moments, several in a row, followed by a run to the end.
//!
//! A seed goes in, which stands for a scenario (format, streams, kind of STATE, sizes, pace,
//! moments); its result comes out. An undisturbed run is measured first (time, requests, STATEs,
//! messages); a moment is a share of one of these, from 0 to a little more than all, so that a seed
//! means much the same on a fast and on a slow machine. Some attempts end because the source fails,
//! not by a kill. Some syncs replace an older generation, so that kills also strike while it is
//! being removed.
//!
//! Expected: nothing is lost, and there are no duplicates except those of the window, which are
//! counted. No older object is gone before a sync is complete, and all of them are gone after a
//! good end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::BUCKET;
use super::attempt::{Break, End, Job, Pace};
use super::chance::Chance;
use super::older::{Files, Older};
use super::oracle::{Verdict, judge};
use super::rows;
use super::source::{Dialect, Mode, Plan, States};
use crate::support::connector::Connector;
use crate::support::faulty_s3::FaultyS3;

/// The formats, in the order in which seeds take them.
pub(crate) const FORMATS: [&str; 4] = ["jsonl.gz", "csv", "jsonl", "parquet"];

/// One in this many seeds has multipart files.
const LARGE_ONE_IN: u64 = 8;

/// The scenario of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// The seed.
    pub(crate) seed: u64,
    /// The format of the files.
    pub(crate) format: &'static str,
    /// Whether its files are multipart uploads.
    pub(crate) large: bool,
    plan: Plan,
    settings: Value,
    /// A value for `AIRBYTE_DESTINATION_RECORD_BATCH_SIZE_OVERRIDE`.
    batch: Option<u64>,
    moments: Vec<(Pace, Moment)>,
    last_pace: Pace,
}

/// When an attempt is broken: at a share, in thousandths, of what the rest of the input takes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Killed, by the clock.
    Time(u64),
    /// Killed after a request arrived, this many microseconds later.
    Request(u64, u64),
    /// Killed when a STATE has come back.
    State(u64),
    /// Killed when a message is sent.
    Message(u64),
    /// The source fails.
    Cut(u64),
}

/// What an undisturbed run takes.
#[derive(Clone, Copy, Debug)]
struct Measured {
    time: Duration,
    requests: usize,
    states: usize,
}

/// The result of a scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Killed {
    /// Lost, duplicate and foreign rows.
    pub(crate) verdict: Verdict,
    /// Processes that were killed.
    pub(crate) kills: u64,
    /// Kills inside the window: rows are visible whose STATE had not come back.
    pub(crate) window_kills: u64,
    /// Kills by the clock alone.
    pub(crate) timed_kills: u64,
    /// Kills by the clock alone, inside the window.
    pub(crate) timed_window_kills: u64,
}

/// Returns the scenario of a seed.
pub(crate) fn scenario(seed: u64) -> Scenario {
    let mut chance = Chance::new(seed.wrapping_mul(0x5DEE_CE66D).wrapping_add(11));
    let format = FORMATS[(seed % FORMATS.len() as u64) as usize];
    let large = seed % LARGE_ONE_IN == (seed / LARGE_ONE_IN) % LARGE_ONE_IN;
    let streams = ["users", "orders", "events"];
    let streams = &streams[..if large { 1 } else { chance.between(1, 3) as usize }];
    let refresh = !chance.once_in(3);
    let mut plan = Plan {
        streams: streams.iter().map(|name| (*name).to_owned()).collect(),
        records: chance.between(30, 150),
        early_state: 1,
        state_every: chance.between(1, 25),
        state_at_end: !chance.once_in(3),
        states: if chance.once_in(2) { States::Global } else { States::Stream },
        dialect: if refresh { Dialect::Refresh } else { Dialect::Plain },
        mode: if refresh && chance.once_in(2) { Mode::Truncate } else { Mode::Append },
        text_bytes: chance.between(10, 2000) as usize,
        ..Plan::small(seed)
    };
    if large {
        // Two files of about 13 MB of text that hardly compresses: two parts each.
        (plan.records, plan.state_every, plan.text_bytes) = (60, 25, 500_000);
    }
    // If STATEs wait for their interval or for a number of records, a STATE may wait for more
    // input.
    let at_once = large || !chance.once_in(3);
    let pace = |chance: &mut Chance| {
        if at_once && !chance.once_in(3) {
            Pace::Ahead(chance.between(1, 3) as usize)
        } else {
            Pace::Flood
        }
    };
    let moments =
        (0..chance.between(1, 4)).map(|_| (pace(&mut chance), moment(&mut chance, refresh)));
    let moments = moments.collect();
    let template =
        ["{stream_name}/{date_time}_{part}.{extension}", "{stream_name}/rows.{extension}"];
    let mut settings = json!({
        "format": { "format_type": format },
        "s3_bucket_key": chance.one_of(&template),
    });
    if at_once {
        settings["checkpoint_interval_seconds"] = json!(0);
    }
    let batch = (!at_once).then(|| chance.between(1, 40));
    let last_pace = pace(&mut chance);
    Scenario { seed, format, large, plan, settings, batch, moments, last_pace }
}

/// Returns a moment from the start to a little after the end.
fn moment(chance: &mut Chance, refresh: bool) -> Moment {
    let share = chance.between(0, 1050);
    match chance.between(0, 9) {
        0..=3 => Moment::Time(share),
        4..=6 => Moment::Request(share, chance.between(0, 2500)),
        7 => Moment::State(share),
        8 if refresh => Moment::Cut(share),
        _ => Moment::Message(share),
    }
}

/// Runs a scenario and judges it after every attempt.
pub(crate) fn play(connector: &Connector, scenario: &Scenario) -> Killed {
    let mut connector = connector.clone();
    if let Some(records) = scenario.batch {
        connector =
            connector.env("AIRBYTE_DESTINATION_RECORD_BATCH_SIZE_OVERRIDE", &records.to_string());
    }
    let measured = measure(&connector, scenario);
    let server = server();
    let mut older = older(&connector, &server, scenario);
    let mut job = Job::new(&connector, &server, scenario.plan.clone(), &scenario.settings);
    let mut killed = Killed::default();
    let mut timed = Vec::new();
    let moments = scenario.moments.iter().map(|(pace, moment)| (*pace, Some(*moment)));
    for (pace, moment) in moments.chain([(scenario.last_pace, None)]) {
        let broken = moment.map_or(Break::Nothing, |moment| broken(&job, measured, moment));
        let attempt = job.attempt(pace, broken);
        if attempt.end == End::Killed {
            killed.kills += 1;
            timed.extend(matches!(broken, Break::KillAtTime(_)).then_some((0, attempt.number)));
        }
        let attempt = attempt.clone();
        let mut problems = std::mem::take(&mut killed.verdict.problems);
        let mut wrong = Vec::new();
        let mut objects = rows::visible(&server);
        if let Some(older) = &mut older {
            wrong.extend(older.wrong(&server, &attempt, &objects));
            objects = Older::newer(objects, &attempt.end);
        }
        killed.verdict = judge(&[job.history()], &objects);
        wrong.append(&mut killed.verdict.problems);
        problems.extend(
            wrong.iter().map(|problem| format!("after attempt {}: {problem}", attempt.number)),
        );
        killed.verdict.problems = problems;
        if attempt.end == End::Good {
            break;
        }
    }
    let verdict = &mut killed.verdict;
    if verdict.tally.acknowledged != scenario.plan.all_records() {
        verdict.problems.push("not all records are acknowledged at the end".to_owned());
    }
    verdict.problems.extend(job.problems());
    killed.window_kills = verdict.window_kills.len() as u64;
    killed.timed_kills = timed.len() as u64;
    killed.timed_window_kills =
        timed.iter().filter(|kill| verdict.window_kills.contains(kill)).count() as u64;
    killed
}

fn server() -> FaultyS3 {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    server
}

/// Writes what the sync of a scenario replaces, if it replaces anything.
fn older(connector: &Connector, server: &FaultyS3, scenario: &Scenario) -> Option<Older> {
    let write =
        || Older::write(connector, server, &scenario.plan, &scenario.settings, Files::Several);
    (scenario.plan.mode != Mode::Append).then(write)
}

fn measure(connector: &Connector, scenario: &Scenario) -> Measured {
    let server = server();
    older(connector, &server, scenario);
    let requests_before = server.requests().len();
    let mut job = Job::new(connector, &server, scenario.plan.clone(), &scenario.settings);
    let begun = Instant::now();
    let (pace, _) = scenario.moments[0];
    let states = job.attempt(pace, Break::Nothing).states;
    Measured { time: begun.elapsed(), requests: server.requests().len() - requests_before, states }
}

/// Returns how to break the next attempt of `job`, part of which may be done already.
fn broken(job: &Job<'_>, measured: Measured, moment: Moment) -> Break {
    let left: u64 = job.position.values().map(|position| job.plan.last() - position).sum();
    let part = |whole: u64, share: u64| whole * share * left / (1000 * job.plan.all_records());
    let messages = || job.plan.messages(&job.position, job.attempts.len() as u32 + 1).len() as u64;
    match moment {
        // Not before the process has started.
        Moment::Time(share) => {
            let least = (measured.time / 4).min(Duration::from_millis(20)).as_micros() as u64
                * share
                / 1000;
            let time = part(measured.time.as_micros() as u64, share).max(least);
            Break::KillAtTime(Duration::from_micros(time))
        }
        Moment::Request(share, later) => {
            Break::KillAtRequest(part(measured.requests as u64, share) as usize, later)
        }
        Moment::State(share) => Break::KillAtState(part(measured.states as u64, share) as usize),
        Moment::Message(share) => Break::KillAtMessage((messages() * share / 1000) as usize),
        Moment::Cut(share) => Break::CutInput((messages() * share / 1000) as usize),
    }
}

impl Scenario {
    /// Describes the scenario in the message of a failure.
    pub(crate) fn words(&self) -> String {
        let Plan { streams, records, state_every, states, dialect, mode, text_bytes, .. } =
            &self.plan;
        format!(
            "seed {}: {}, {} streams of {records} records of {text_bytes} bytes, {states:?} STATE \
             every {state_every}, {dialect:?}, {mode:?}, batch {:?}, {:?}, last {:?}, {}",
            self.seed,
            self.format,
            streams.len(),
            self.batch,
            self.moments,
            self.last_pace,
            self.settings,
        )
    }
}
