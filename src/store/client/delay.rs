//! One request that does not succeed at once: since when, why, and what is told of it (`notice`).
//!
//! `sending` reports when an attempt goes out, when one fails and is tried again, and how the
//! request ended.
//!
//! A request is in trouble from its first attempt that fails to its end, or while its first attempt
//! waits for its turn. What is in flight is not a wait, however long it takes: a slow line is no
//! trouble.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::notice::{Notice, Waits};
use crate::env;
use crate::store::operation::Operation;

/// What is told of one request.
#[derive(Debug)]
pub(crate) struct Trouble {
    request: String,
    /// Trouble of at least this long is told.
    long: Duration,
    waits: Arc<Waits>,
    /// The request is one of those that `waits` counts.
    is_counted: bool,
    /// The first failure, or the beginning where nothing has gone out yet.
    since: Option<Instant>,
    /// When the attempt went out that is in flight.
    in_flight: Option<Instant>,
    /// The last attempt that failed; an answer is looked at more than once.
    failed_attempt: u32,
    reason: String,
}

impl Trouble {
    pub(crate) fn new(op: Operation, key: &str, long: Duration, waits: Arc<Waits>) -> Self {
        let request = if key.is_empty() {
            op.name().to_owned()
        } else {
            format!("{} of \"{key}\"", op.name())
        };
        Self {
            request,
            long,
            waits,
            is_counted: false,
            since: Some(env::instant()),
            in_flight: None,
            failed_attempt: 0,
            reason: "it waits for its turn".to_owned(),
        }
    }

    /// An attempt goes out.
    pub(crate) fn sent(&mut self, now: Instant) {
        if self.failed_attempt == 0 {
            self.since = None;
        }
        self.in_flight = Some(now);
    }

    /// Attempt number `attempt` has failed and is tried again, if there is still an attempt left.
    pub(crate) fn failed(
        &mut self,
        attempt: u32,
        reason: impl FnOnce() -> String,
        throttled: bool,
        now: Instant,
    ) {
        if attempt <= self.failed_attempt {
            return;
        }
        self.failed_attempt = attempt;
        self.reason = reason();
        self.count();
        let began = self.in_flight.take().unwrap_or(now);
        // An attempt that hung was a wait of its own.
        let hung = now.saturating_duration_since(began) >= self.long;
        let since = *self.since.get_or_insert(if hung { began } else { now });
        if throttled {
            self.waits.throttled(self.reason.clone(), now);
        }
        self.tell_if_long(since, now);
    }

    /// When to look whether the wait has got long.
    pub(crate) fn next_look(&self, now: Instant) -> Instant {
        match self.since {
            Some(since) if self.in_flight.is_none() && since + self.long > now => since + self.long,
            _ => now + self.long,
        }
    }

    /// It is time to look.
    pub(crate) fn looked(&mut self, now: Instant) {
        if let (Some(since), None) = (self.since, self.in_flight) {
            self.tell_if_long(since, now);
        }
    }

    /// The request has ended.
    pub(crate) fn ended(&mut self, succeeded: bool, now: Instant) {
        self.since = None;
        if std::mem::take(&mut self.is_counted) {
            self.waits.leave(succeeded, now);
        }
    }

    fn tell_if_long(&mut self, since: Instant, now: Instant) {
        if now.saturating_duration_since(since) >= self.long {
            self.count();
            let (reason, request) = (self.reason.clone(), self.request.clone());
            self.waits.long(Notice::Waiting { reason, throttled: false, request }, since, now);
        }
    }

    fn count(&mut self) {
        if !std::mem::replace(&mut self.is_counted, true) {
            self.waits.enter();
        }
    }
}
