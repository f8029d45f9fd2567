//! One case of the fault matrix: a source, a server with one fault, a process, and after a bad end
//! a healed server and another process.
//!
//! | shape | the fault strikes | expected |
//! |---|---|---|
//! | first two | the first two calls | a good end at once; if retries are pointless (denied, expired): as below |
//! | every | every call | a bad end with the right type and nothing visible that no STATE covers, then a good end |
//!
//! [`Case::expected`], [`Case::doubted`] and [`Case::may_leave_uploads`] hold the exceptions, each
//! with its reason. If a sync replaces an older generation, the fault strikes only the removal,
//! when everything is acknowledged.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::BUCKET;
use super::attempt::{Attempt, Break, End, Job, LEFT_OPEN, Pace};
use super::matrix::{Case, Shape, Target, is_final};
use super::older::{Files, Older};
use super::oracle::{Verdict, judge};
use super::rows;
use super::source::{Mode, Plan, States};
use crate::support::connector::Connector;
use crate::support::faulty_s3::{Fault, FaultyS3, Operation, Request, Rule};

/// The result of a case.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    /// Lost, duplicate and foreign rows.
    pub(crate) verdict: Verdict,
    /// How the attempts ended.
    pub(crate) ends: Vec<End>,
    /// How long it took.
    pub(crate) time: Duration,
}

impl Case {
    /// Returns how the first attempt ends.
    pub(crate) fn expected(&self) -> End {
        let bad = |kind: &str| End::Bad(kind.to_owned());
        let helps_itself = match self.target {
            // The denied request ends the sync, whatever happens during the cleanup.
            Target::Abort | Target::TakeBackHead | Target::TakeBackDelete => {
                return bad("config_error");
            }
            // HEAD settles a lost answer.
            Target::Put | Target::Complete | Target::ReplaceCopy => self.fault.is_done(),
            // Objects that cannot be deleted in a batch are deleted one by one, whatever the
            // reason.
            Target::ReplaceDeleteMany => return End::Good,
            Target::Create
            | Target::Part
            | Target::Head
            | Target::List
            | Target::ReplaceList
            | Target::ReplaceHead
            | Target::ReplaceDelete => false,
        };
        match self.shape {
            _ if is_final(self.fault) => bad("config_error"),
            Shape::FirstTwo => End::Good,
            Shape::Every if self.fault == Fault::SlowDrip || helps_itself => End::Good,
            Shape::Every => bad("transient_error"),
        }
    }

    /// Returns whether the requests never get an answer while the fault lasts.
    fn is_refused(&self) -> bool {
        is_final(self.fault) || (self.shape == Shape::Every && self.fault != Fault::SlowDrip)
    }

    /// Returns the keys of objects that stay although no STATE covers them, because S3 refused for
    /// good what the connector needed: to look at an object whose put was not answered, or to look
    /// at or delete an object that it takes back.
    fn doubted(&self, requests: &[Request]) -> BTreeSet<String> {
        let keys = |of: &dyn Fn(&Request) -> bool| -> BTreeSet<String> {
            requests
                .iter()
                .filter(|request| of(request))
                .map(|request| request.key.clone())
                .collect()
        };
        let ours = |request: &Request| {
            request.operation == self.target.operation() && request.fault == Some(self.fault)
        };
        let lost = |request: &Request| {
            request.operation != Operation::Head && request.fault == Some(Fault::ReplyLost)
        };
        match self.target {
            Target::Head if self.is_refused() => keys(&lost),
            Target::TakeBackHead if self.is_refused() => keys(&ours),
            // HEAD shows a deletion that was carried out.
            Target::TakeBackDelete if self.is_refused() && !self.fault.is_done() => keys(&ours),
            Target::Head
            | Target::TakeBackHead
            | Target::TakeBackDelete
            | Target::Put
            | Target::Create
            | Target::Part
            | Target::Complete
            | Target::List
            | Target::Abort
            | Target::ReplaceList
            | Target::ReplaceHead
            | Target::ReplaceDeleteMany
            | Target::ReplaceDelete
            | Target::ReplaceCopy => BTreeSet::new(),
        }
    }

    /// Returns whether uploads may be left that cannot be ended: the abort is refused, or the
    /// upload's id never arrived.
    fn may_leave_uploads(&self) -> bool {
        match self.target {
            Target::Abort => self.is_refused() && !self.fault.is_done(),
            Target::Create => self.fault.is_done(),
            Target::Put
            | Target::Part
            | Target::Complete
            | Target::Head
            | Target::List
            | Target::TakeBackHead
            | Target::TakeBackDelete
            | Target::ReplaceList
            | Target::ReplaceHead
            | Target::ReplaceDeleteMany
            | Target::ReplaceDelete
            | Target::ReplaceCopy => false,
        }
    }

    /// Returns whether the user must be told about something that is left.
    fn must_warn(&self, doubted: &BTreeSet<String>) -> bool {
        let taking_back = matches!(self.target, Target::TakeBackHead | Target::TakeBackDelete);
        (self.target == Target::Abort && self.may_leave_uploads())
            || (taking_back && !doubted.is_empty())
    }

    /// Describes the case in the message of a failure.
    pub(crate) fn words(&self) -> String {
        let parts = if self.large { "several parts" } else { "one part" };
        let Self { target, fault, shape, format, .. } = self;
        format!("{}: {} {shape:?}, {format}, {parts}", target.name(), fault.name())
    }

    fn plan(&self) -> Plan {
        let mode = match (self.target.replaces(), self.format) {
            (false, _) => Mode::Append,
            (true, "parquet") => Mode::Overwrite,
            (true, _) => Mode::Truncate,
        };
        if self.large {
            // A small file for the first STATE, then 14 MB that hardly compress, then a small rest.
            return Plan {
                records: 60,
                early_state: 2,
                state_every: 50,
                text_bytes: 280_000,
                mode,
                ..Plan::small(1)
            };
        }
        let plan = Plan { records: 90, state_every: 30, mode, ..Plan::small(2) };
        let two = ["users", "orders"].map(str::to_owned).to_vec();
        match self.target {
            // Two files for one STATE.
            Target::TakeBackHead | Target::TakeBackDelete => {
                Plan { streams: two, states: States::Global, ..plan }
            }
            Target::Put
            | Target::Create
            | Target::Part
            | Target::Complete
            | Target::Head
            | Target::List => Plan { streams: two, ..plan },
            // One stream: its first file is numbered with one listing.
            Target::Abort
            | Target::ReplaceList
            | Target::ReplaceHead
            | Target::ReplaceDeleteMany
            | Target::ReplaceDelete
            | Target::ReplaceCopy => plan,
        }
    }

    fn settings(&self) -> Value {
        let mut settings =
            json!({ "format": { "format_type": self.format }, "checkpoint_interval_seconds": 0 });
        if self.older_files() == Files::One {
            settings["s3_bucket_key"] = json!("{stream_name}/rows.{extension}");
        }
        settings
    }

    /// A single file under the template's only key is replaced by a copy; several files are deleted
    /// in a batch.
    fn older_files(&self) -> Files {
        if matches!(self.target, Target::ReplaceCopy | Target::ReplaceDelete) {
            Files::One
        } else {
            Files::Several
        }
    }

    fn break_the_server(&self, server: &FaultyS3) {
        // Spares the listing before the first file.
        let first = if self.target == Target::ReplaceList { 2 } else { 1 };
        let calls = match self.shape {
            Shape::Every => first..=u32::MAX,
            Shape::FirstTwo => first..=first + 1,
        };
        let rule = Rule::on(self.target.operation(), self.fault).calls(calls.clone());
        // Spares the look at a key before it is written.
        server.inject(if self.target.operation() == Operation::Head {
            rule.written()
        } else {
            rule
        });
        if self.target.operation() == Operation::Head && self.fault == Fault::ExpiredToken {
            // A refused HEAD has no document; the GET that asks for the reason has the same
            // credentials.
            server.inject(Rule::on(Operation::Get, self.fault).calls(calls));
        }
        match self.target {
            Target::Abort => {
                server.inject(Rule::on(Operation::Part, Fault::AccessDenied).calls(2..=u32::MAX));
            }
            Target::Head => {
                let publishing = if self.large { Operation::Complete } else { Operation::Put };
                server.inject(Rule::on(publishing, Fault::ReplyLost).calls(1..=1));
            }
            Target::TakeBackHead | Target::TakeBackDelete => {
                server.inject(Rule::on(Operation::Put, Fault::AccessDenied).key("orders"));
            }
            Target::Put
            | Target::Create
            | Target::Part
            | Target::Complete
            | Target::List
            | Target::ReplaceList
            | Target::ReplaceHead
            | Target::ReplaceDeleteMany
            | Target::ReplaceDelete
            | Target::ReplaceCopy => {}
        }
    }
}

/// Runs a case and judges it after every attempt.
pub(crate) fn play(connector: &Connector, case: &Case) -> Played {
    let begun = Instant::now();
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    let (plan, settings) = (case.plan(), case.settings());
    let mut older = (case.target.replaces())
        .then(|| Older::write(connector, &server, &plan, &settings, case.older_files()));
    let requests_before = server.requests().len();
    case.break_the_server(&server);
    let mut job = Job::new(connector, &server, plan, &settings);
    let mut problems = Vec::new();
    let mut verdict;
    loop {
        let first = job.attempts.is_empty();
        if case.plan().mode == Mode::Overwrite {
            // Such a source begins again: the sync also replaces what an earlier attempt wrote.
            job.position = job.plan.beginning();
        }
        let attempt = job.attempt(Pace::Flood, Break::Nothing);
        if first {
            let requests = server.requests().split_off(requests_before);
            problems.extend(first_attempt(case, attempt, &requests));
            server.heal();
        } else if attempt.end != End::Good {
            problems.push(format!(
                "attempt {} ends as {:?} on a healed server",
                attempt.number, attempt.end
            ));
        }
        let (attempt, mut objects) = (attempt.clone(), rows::visible(&server));
        let mut wrong = Vec::new();
        if let Some(older) = &mut older {
            wrong.extend(older.wrong(&server, &attempt, &objects));
            objects = Older::newer(objects, &attempt.end);
        }
        verdict = judge(&[job.history()], &objects);
        wrong.append(&mut verdict.problems);
        problems.extend(
            wrong.into_iter().map(|problem| format!("after attempt {}: {problem}", attempt.number)),
        );
        if attempt.end == End::Good || attempt.number > 2 {
            break;
        }
    }
    if verdict.tally.acknowledged != job.plan.all_records() {
        problems.push("not all records are acknowledged at the end".to_owned());
    }
    problems.extend(job.problems());
    verdict.problems = problems;
    let ends = job.attempts.into_iter().map(|attempt| attempt.end).collect();
    Played { verdict, ends, time: begun.elapsed() }
}

/// Returns what is wrong with the attempt that met the fault. Records in it what the fault excuses.
fn first_attempt(case: &Case, attempt: &mut Attempt, requests: &[Request]) -> Vec<String> {
    let mut problems = Vec::new();
    let expected = case.expected();
    if attempt.end != expected {
        problems
            .push(format!("the first attempt ends as {:?}, but {expected:?} was due", attempt.end));
    }
    attempt.doubt = case.doubted(requests);
    if case.must_warn(&attempt.doubt) && attempt.warnings.is_empty() {
        problems.push("something is left behind without a warning".to_owned());
    }
    if case.may_leave_uploads() {
        attempt.problems.retain(|problem| !problem.starts_with(LEFT_OPEN));
    }
    if case.target.replaces() && attempt.acknowledged != attempt.sent {
        problems.push("a removal began before everything was acknowledged".to_owned());
    }
    // A case whose fault did not strike proves nothing. A request that is not retried is struck
    // once.
    let struck = |request: &&Request| {
        request.operation == case.target.operation() && request.fault == Some(case.fault)
    };
    let strikes = requests.iter().filter(struck).count();
    let due = if is_final(case.fault) || case.fault == Fault::SlowDrip { 1 } else { 2 };
    if strikes < due {
        problems.push(format!("the fault struck only {strikes} times"));
    }
    problems
}
