//! Two processes with the same settings and catalog at the same time.
//!
//! Expected: every row of both, once; neither overwrites an object of the other. A large file whose
//! key the other process takes meanwhile may end a process with a transient error; the next attempt
//! continues.

use serde_json::json;

use super::BUCKET;
use super::attempt::{End, Job, LEFT_OPEN, Pace};
use super::oracle::{Verdict, judge};
use super::rows;
use super::source::Plan;
use crate::support::connector::Connector;
use crate::support::faulty_s3::FaultyS3;

/// The format, template and size of a pair's files.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The format of the files.
    pub(crate) format: &'static str,
    /// The key template.
    pub(crate) template: &'static str,
    /// Whether the files are multipart uploads.
    pub(crate) large: bool,
}

/// Returns pairs of every format with a fixed key and the default key, and of large files.
pub(crate) fn all() -> Vec<Pair> {
    let templates =
        ["{stream_name}/rows.{extension}", "{stream_name}/{date_time}_{part}.{extension}"];
    let mut pairs = Vec::new();
    for format in super::kills::FORMATS {
        pairs.extend(templates.map(|template| Pair { format, template, large: false }));
    }
    pairs.extend(["jsonl.gz", "parquet"].map(|format| Pair {
        format,
        template: templates[0],
        large: true,
    }));
    pairs
}

/// Runs both processes to their ends.
pub(crate) fn play(connector: &Connector, pair: &Pair) -> Verdict {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    let settings = json!({
        "format": { "format_type": pair.format },
        "s3_bucket_key": pair.template,
        "checkpoint_interval_seconds": 0,
    });
    let plans = [0, 1_000_000].map(|first| plan(pair, first));
    let mut jobs = plans.map(|plan| Job::new(connector, &server, plan, &settings));
    jobs.iter_mut().for_each(|job| job.alone = false);
    std::thread::scope(|scope| {
        for job in &mut jobs {
            scope.spawn(|| while !job.run_to_the_end(Pace::Ahead(1), 1) && may_go_on(job) {});
        }
    });
    let mut verdict = judge(&jobs.each_ref().map(|job| job.history()), &rows::visible(&server));
    for (job, name) in jobs.iter().zip(["first", "second"]) {
        verdict
            .problems
            .extend(job.problems().into_iter().map(|problem| format!("{name}: {problem}")));
        if job.attempts.last().is_none_or(|attempt| attempt.end != End::Good) {
            let ends: Vec<_> = job.attempts.iter().map(|attempt| &attempt.end).collect();
            verdict.problems.push(format!("the {name} did not end well: {ends:?}"));
        }
    }
    if server.open_uploads() > 0 {
        verdict.problems.push(format!("{LEFT_OPEN}: {}", server.open_uploads()));
    }
    verdict
}

fn plan(pair: &Pair, first: u64) -> Plan {
    let plan = Plan { first, records: 60, state_every: 6, ..Plan::small(3) };
    if pair.large {
        Plan { records: 40, state_every: 20, text_bytes: 600_000, ..plan }
    } else {
        plan
    }
}

/// Returns whether a retry makes sense: a key was taken.
fn may_go_on(job: &Job<'_>) -> bool {
    let transient = End::Bad("transient_error".to_owned());
    job.attempts.len() < 20 && job.attempts.last().is_some_and(|attempt| attempt.end == transient)
}

impl Pair {
    /// Describes the pair.
    pub(crate) fn words(&self) -> String {
        let parts = if self.large { "several parts" } else { "one part" };
        format!("two processes, {}, {}, {parts}", self.format, self.template)
    }
}
