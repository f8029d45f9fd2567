//! One process from start to end, and consecutive attempts until the source is done.
//!
//! A [`Job`] is one source with its connector and bucket. [`Job::attempt`] starts a process, feeds
//! it from the last STATE that came back, breaks it if asked to, and keeps an [`Attempt`]: what was
//! sent, which STATEs came back, how it ended. Each STATE that came back is an obligation, and so
//! is a good end for everything that was sent.
//!
//! Invariants
//! - What no attempt may ever do is checked here: no second TRACE ERROR, nothing on stderr, no
//!   STATE that was not sent, none out of order, none missing after a good end, no unfinished
//!   upload after an end of its own.
//!
//! Not here: what is in the bucket (`oracle`).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::oracle::History;
use super::source::{Cursors, Dialect, Kind, Message, Plan, cursors};
use super::{BUCKET, source};
use crate::support::connector::{Connector, Outcome, Session};
use crate::support::faulty_s3::FaultyS3;

/// The longest time for one process: retries alone may take more than a minute for each of several
/// requests.
const TIME_LIMIT: Duration = Duration::from_secs(400);
/// The pause between two looks at the child and the server: a STATE follows the publication of its
/// file by less than a millisecond.
const LOOK: Duration = Duration::from_micros(100);

/// How fast a source sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Everything as fast as the connector takes it.
    Flood,
    /// At most this many STATEs ahead of the last one that came back. Only where a STATE comes back
    /// without more input.
    Ahead(usize),
}

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// It runs to its end.
    Nothing,
    /// SIGKILL this many microseconds after the attempt's n-th request.
    KillAtRequest(usize, u64),
    /// SIGKILL after this time.
    KillAtTime(Duration),
    /// SIGKILL once this many objects are visible.
    KillAtObject(usize),
    /// SIGKILL once this many STATEs have come back.
    KillAtState(usize),
    /// SIGKILL once this many messages are sent.
    KillAtMessage(usize),
    /// The input ends after this many messages, without COMPLETE: the source has failed.
    CutInput(usize),
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Exit code 0.
    Good,
    /// Exit code 1, and the failure type of its TRACE ERROR.
    Bad(String),
    /// By our signal.
    Killed,
}

/// One process.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// Counted from 1; every record that it was sent contains it.
    pub(crate) number: u32,
    /// How it ended.
    pub(crate) end: End,
    /// Where its input began in each stream.
    pub(crate) from: Cursors,
    /// The last record of each stream that it was sent.
    pub(crate) sent: Cursors,
    /// Whether it was sent everything, up to the last COMPLETE.
    pub(crate) whole: bool,
    /// The last record of each stream that it acknowledged, by a STATE or by a good end.
    pub(crate) acknowledged: Cursors,
    /// How many of its STATEs came back.
    pub(crate) states: usize,
    /// Keys of objects whose fate S3 never disclosed, so that no program could have known it
    /// (`case` says when).
    pub(crate) doubt: BTreeSet<String>,
    /// The text of its WARN messages.
    pub(crate) warnings: Vec<String>,
    /// What it did that no attempt may do.
    pub(crate) problems: Vec<String>,
}

/// A source with its connector and server, and its attempts so far.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// The connector, with its environment.
    pub(crate) connector: Connector,
    /// The server that it writes to.
    pub(crate) server: &'a FaultyS3,
    /// The source.
    pub(crate) plan: Plan,
    /// The connector's settings.
    pub(crate) config: Value,
    /// Whether this job is the server's only one, so that unfinished uploads are its own.
    pub(crate) alone: bool,
    /// The record of each stream after which the next attempt begins.
    pub(crate) position: Cursors,
    /// All attempts, in order.
    pub(crate) attempts: Vec<Attempt>,
}

impl<'a> Job<'a> {
    /// Creates a source that has not begun; the members of `settings` are set in the configuration.
    pub(crate) fn new(
        connector: &Connector,
        server: &'a FaultyS3,
        plan: Plan,
        settings: &Value,
    ) -> Self {
        let mut config = server.config(BUCKET);
        for (name, value) in settings.as_object().expect("settings are an object") {
            config[name] = value.clone();
        }
        let position = plan.beginning();
        let connector = connector.clone().time_limit(TIME_LIMIT);
        Self { connector, server, plan, config, alone: true, position, attempts: Vec::new() }
    }

    /// Runs one process to its end.
    pub(crate) fn attempt(&mut self, pace: Pace, broken: Break) -> &mut Attempt {
        let uploads_before = self.server.open_uploads();
        let number = self.attempts.len() as u32 + 1;
        let mut messages = self.plan.messages(&self.position, number);
        let all = messages.len();
        if let Break::CutInput(after) = broken {
            // In the plain dialect the end of the input is a good end.
            assert_eq!(self.plan.dialect, Dialect::Refresh, "a source's failure is visible");
            messages.truncate(after.min(messages.len().saturating_sub(1)));
        }
        let mut session = self.connector.write(&self.config, &self.plan.catalog()).start();
        let sent = self.feed(&mut session, &messages, pace, broken);
        let outcome = session.finish(TIME_LIMIT);
        if outcome.code().is_none() {
            self.settle();
        }

        let mut attempt = Attempt {
            number,
            end: end_of(&outcome),
            from: self.position.clone(),
            sent: self.position.clone(),
            whole: sent == all,
            acknowledged: self.position.clone(),
            states: 0,
            doubt: BTreeSet::new(),
            warnings: outcome.logs("WARN").into_iter().map(str::to_owned).collect(),
            problems: Vec::new(),
        };
        let sent = &messages[..sent];
        for message in sent {
            if let Kind::Record { stream, id } = message.kind {
                attempt.sent.insert(self.plan.streams[stream].clone(), id);
            }
        }
        attempt.take_states(sent, &outcome);
        attempt.check_end(&outcome);
        self.position.clone_from(&attempt.acknowledged);
        if attempt.end == End::Good {
            attempt.acknowledged.clone_from(&attempt.sent);
        }
        let left = self.server.open_uploads().saturating_sub(uploads_before);
        if self.alone && attempt.ended_by_itself() && left > 0 {
            attempt.problems.push(format!("{LEFT_OPEN}: {left}"));
        }
        self.attempts.push(attempt);
        self.attempts.last_mut().expect("the attempt that was just made")
    }

    /// Sends messages until all are sent or the child is gone, and breaks the child when that is
    /// due. Returns how many messages were sent.
    fn feed(
        &self,
        session: &mut Session,
        messages: &[Message],
        pace: Pace,
        broken: Break,
    ) -> usize {
        let requests_before = self.server.requests().len();
        let begun = Instant::now();
        let (mut next, mut states_sent, mut states_back) = (0, 0, 0);
        let mut open = true;
        loop {
            while session.wait_for(Duration::ZERO, is_state).is_some() {
                states_back += 1;
            }
            let due = match broken {
                Break::Nothing | Break::CutInput(_) => false,
                Break::KillAtRequest(request, _) => {
                    self.server.requests().len() - requests_before >= request
                }
                Break::KillAtTime(time) => begun.elapsed() >= time,
                Break::KillAtObject(objects) => self.server.keys(BUCKET).len() >= objects,
                Break::KillAtState(state) => states_back >= state,
                Break::KillAtMessage(message) => next >= message,
            };
            if due {
                if let Break::KillAtRequest(_, later) = broken {
                    let moment = Instant::now() + Duration::from_micros(later);
                    while Instant::now() < moment {
                        std::thread::yield_now();
                    }
                }
                session.kill();
                return next;
            }
            let ahead = match pace {
                Pace::Flood => usize::MAX,
                Pace::Ahead(states) => states,
            };
            if next < messages.len() && states_sent - states_back < ahead {
                let stop =
                    if let Break::KillAtMessage(message) = broken { message } else { usize::MAX };
                let stop = stop.min(messages.len());
                let mut text = String::new();
                while next < stop && states_sent - states_back < ahead && text.len() < 1 << 20 {
                    text.push_str(&messages[next].line);
                    states_sent += usize::from(messages[next].kind == Kind::State);
                    next += 1;
                }
                session.send(text);
                continue;
            }
            if next == messages.len() && open {
                session.close_stdin();
                open = false;
                if matches!(broken, Break::Nothing | Break::CutInput(_)) {
                    return next;
                }
            }
            if session.ends_within(Duration::ZERO) {
                return next;
            }
            assert!(
                begun.elapsed() < TIME_LIMIT,
                "no end and no STATE: {states_back} of {states_sent} STATEs"
            );
            states_back += usize::from(session.wait_for(LOOK, is_state).is_some());
        }
    }

    /// Waits until the server has processed what a killed process sent: it would count for the next
    /// process.
    fn settle(&self) {
        let look =
            || (self.server.requests().len(), self.server.open_uploads(), self.server.keys(BUCKET));
        let mut before = look();
        loop {
            std::thread::sleep(Duration::from_millis(5));
            let now = look();
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// Runs unbroken attempts until one ends well, at most `most`; returns whether one did.
    pub(crate) fn run_to_the_end(&mut self, pace: Pace, most: usize) -> bool {
        (0..most).any(|_| self.attempt(pace, Break::Nothing).end == End::Good)
    }

    /// Returns the source and its attempts, for the oracle.
    pub(crate) fn history(&self) -> History<'_> {
        History { plan: &self.plan, attempts: &self.attempts }
    }

    /// Returns the problems of all attempts, each with the attempt's number.
    pub(crate) fn problems(&self) -> Vec<String> {
        let all = self.attempts.iter().flat_map(|attempt| {
            attempt
                .problems
                .iter()
                .map(move |problem| format!("attempt {}: {problem}", attempt.number))
        });
        all.collect()
    }
}

/// The problem of unfinished uploads, which a case may expect (a store that refuses the abort).
pub(crate) const LEFT_OPEN: &str = "unfinished multipart uploads are left";

impl Attempt {
    /// Returns whether the process ended by itself.
    pub(crate) fn ended_by_itself(&self) -> bool {
        self.end != End::Killed
    }

    /// Records the STATEs that came back, and checks that they are what was sent, in order.
    fn take_states(&mut self, sent: &[Message], outcome: &Outcome) {
        let lines = sent.iter().filter(|message| message.kind == Kind::State);
        let mut expected: Vec<Cursors> = lines
            .map(|message| {
                source::cursors(&serde_json::from_str(&message.line).expect("our own STATE"))
            })
            .collect();
        for message in outcome.messages.iter().filter(|message| is_state(message)) {
            self.states += 1;
            let back = cursors(message);
            // STATEs of different streams may overtake each other.
            let scope = |other: &&Cursors| other.keys().eq(back.keys());
            let place = expected.iter().position(|other| scope(&other));
            match place.map(|place| expected.remove(place)) {
                Some(next) if next == back => self.acknowledged.extend(back),
                Some(next) => {
                    self.problems
                        .push(format!("the STATE {back:?} came back, but {next:?} was due"));
                    return;
                }
                None => {
                    self.problems.push(format!("the STATE {back:?} came back and was not sent"))
                }
            }
        }
        if self.end == End::Good && !expected.is_empty() {
            self.problems
                .push(format!("a good end, but {} STATEs did not come back", expected.len()));
        }
    }

    fn check_end(&mut self, outcome: &Outcome) {
        let errors = outcome.errors();
        let expected = match self.end {
            End::Good => 0,
            End::Bad(_) => 1,
            // A process may be killed after its last line.
            End::Killed => errors.len().min(1),
        };
        if errors.len() != expected {
            self.problems.push(format!("{} TRACE ERRORs: {errors:?}", errors.len()));
        }
        if !outcome.stderr.is_empty() {
            self.problems.push(format!("on stderr: {}", outcome.stderr));
        }
    }
}

fn end_of(outcome: &Outcome) -> End {
    match outcome.code() {
        Some(0) => End::Good,
        None => End::Killed,
        Some(_) => {
            let errors = outcome.errors();
            let failure_type = errors.first().and_then(|error| error["failure_type"].as_str());
            End::Bad(failure_type.unwrap_or("no TRACE ERROR").to_owned())
        }
    }
}

fn is_state(message: &Value) -> bool {
    message["type"] == "STATE"
}
