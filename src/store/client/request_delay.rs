//! One request that does not succeed at once: since when, and why.
//!
//! `sending` and `retry_classifier` report when an attempt is sent, when one fails and is retried,
//! and how the request ended. Long delays go to the store's [`DelayMonitor`].
//!
//! A request is delayed from its first failed attempt to its end, or while its first attempt waits
//! for the rate limiter. An attempt in flight is not a delay, however long it takes: a slow line is
//! normal. Its time counts only once it has failed, and only if it hung.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delay_monitor::DelayMonitor;
use super::notice::Notice;
use crate::env;
use crate::store::operation::Operation;

/// The delay of one request.
#[derive(Debug)]
pub(super) struct RequestDelay {
    request: String,
    /// Delays of at least this length are reported.
    long: Duration,
    monitor: Arc<DelayMonitor>,
    /// Whether `monitor` counts this request.
    is_counted: bool,
    /// The time of the first failure or, while nothing was sent, of the request's beginning.
    since: Option<Instant>,
    /// When the attempt in flight was sent.
    in_flight: Option<Instant>,
    /// The last attempt that failed: the SDK classifies an answer more than once.
    failed_attempt: u32,
    reason: String,
}

impl RequestDelay {
    pub(super) fn new(
        op: Operation,
        key: &str,
        long: Duration,
        monitor: &Arc<DelayMonitor>,
    ) -> Self {
        let request = if key.is_empty() {
            op.name().to_owned()
        } else {
            format!("{} of \"{key}\"", op.name())
        };
        Self {
            request,
            long,
            monitor: Arc::clone(monitor),
            is_counted: false,
            since: Some(env::instant()),
            in_flight: None,
            failed_attempt: 0,
            reason: "it waits for its turn".to_owned(),
        }
    }

    /// An attempt is sent.
    pub(super) fn attempt_sent(&mut self, now: Instant) {
        if self.failed_attempt == 0 {
            self.since = None;
        }
        self.in_flight = Some(now);
    }

    /// Attempt number `attempt` has failed and is retried, if any attempt is left.
    pub(super) fn attempt_failed(
        &mut self,
        attempt: u32,
        reason: impl FnOnce() -> String,
        is_throttled: bool,
        now: Instant,
    ) {
        if attempt <= self.failed_attempt {
            return;
        }
        self.failed_attempt = attempt;
        self.reason = reason();
        self.count();
        let sent = self.in_flight.take().unwrap_or(now);
        // An attempt that hung was a delay by itself.
        let hung = now.saturating_duration_since(sent) >= self.long;
        let since = *self.since.get_or_insert(if hung { sent } else { now });
        if is_throttled {
            self.monitor.throttled(self.reason.clone(), now);
        }
        self.report_if_long(since, now);
    }

    /// When to call [`RequestDelay::check`] next.
    pub(super) fn next_check(&self, now: Instant) -> Instant {
        match self.since {
            Some(since) if self.in_flight.is_none() && since + self.long > now => since + self.long,
            _ => now + self.long,
        }
    }

    /// Reports the delay if it has become long.
    pub(super) fn check(&mut self, now: Instant) {
        if let (Some(since), None) = (self.since, self.in_flight) {
            self.report_if_long(since, now);
        }
    }

    /// The request has ended. Has no effect the second time.
    pub(super) fn ended(&mut self, succeeded: bool, now: Instant) {
        self.since = None;
        if std::mem::take(&mut self.is_counted) {
            self.monitor.request_ended(succeeded, now);
        }
    }

    fn report_if_long(&mut self, since: Instant, now: Instant) {
        if now.saturating_duration_since(since) >= self.long {
            self.count();
            let (reason, request) = (self.reason.clone(), self.request.clone());
            let notice = Notice::Waiting { reason, throttled: false, request };
            self.monitor.long_delay(notice, since, now);
        }
    }

    fn count(&mut self) {
        if !std::mem::replace(&mut self.is_counted, true) {
            self.monitor.request_delayed();
        }
    }
}
