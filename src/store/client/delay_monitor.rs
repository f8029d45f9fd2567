//! The delays of one store as the user sees them: one notice when a delay begins, one when it is
//! over.
//!
//! Every request reports its failures and its end ([`RequestDelay`](super::request_delay)). A
//! [`Notice`] goes to the listener, if there is one.
//!
//! | event | notice |
//! |---|---|
//! | the second answer that asks to slow down, while a request that got one has not ended | a delay begins |
//! | a request that failed, or waits for the rate limiter, has not succeeded after [`RetryPolicy::long_delay`](super::retry_policy::RetryPolicy) | a delay begins |
//! | no request is delayed any more | the delay is over |
//!
//! Invariants
//! - All requests of a store share one delay: between two notices that a delay begins there is
//!   always one that it is over, or the sync has failed.
//! - Two delays are announced at least [`QUIET`] apart: a store that throttles now and then does
//!   not fill the log.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::notice::Notice;

/// The least time between two announcements.
const QUIET: Duration = Duration::from_secs(60);

/// Answers that ask to slow down before the user is told: S3 sends some while it grows.
const THROTTLED_ANSWERS: u32 = 2;

type Listener = Box<dyn Fn(Notice) + Send>;

/// The delays of one store. All its handles share it.
#[derive(Default)]
pub(super) struct DelayMonitor(Mutex<Delays>);

#[derive(Default)]
struct Delays {
    listener: Option<Listener>,
    /// Requests that are delayed.
    requests: u32,
    throttled_answers: u32,
    /// When the announced delay began.
    since: Option<Instant>,
    /// When a delay was announced last.
    announced: Option<Instant>,
}

impl fmt::Debug for DelayMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DelayMonitor")
    }
}

impl DelayMonitor {
    /// Calls `listener` from now on, instead of an earlier one. It is called from any thread and
    /// must not block.
    pub(super) fn set_listener(&self, listener: impl Fn(Notice) + Send + 'static) {
        self.delays().listener = Some(Box::new(listener));
    }

    fn delays(&self) -> MutexGuard<'_, Delays> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is delayed. It must report its end with [`DelayMonitor::request_ended`].
    pub(super) fn request_delayed(&self) {
        self.delays().requests += 1;
    }

    /// An answer asked to slow down.
    pub(super) fn throttled(&self, reason: String, now: Instant) {
        let mut delays = self.delays();
        delays.throttled_answers += 1;
        if delays.throttled_answers >= THROTTLED_ANSWERS {
            delays.announce(
                Notice::Waiting { reason, throttled: true, request: String::new() },
                now,
                now,
            );
        }
    }

    /// A request has been delayed for long.
    pub(super) fn long_delay(&self, notice: Notice, since: Instant, now: Instant) {
        self.delays().announce(notice, since, now);
    }

    /// A delayed request has ended.
    pub(super) fn request_ended(&self, succeeded: bool, now: Instant) {
        let mut delays = self.delays();
        delays.requests = delays.requests.saturating_sub(1);
        if delays.requests > 0 {
            return;
        }
        delays.throttled_answers = 0;
        // A failure ends the sync, and its error message says what happened: no notice is needed.
        if let Some(since) = delays.since.take()
            && succeeded
        {
            delays.notify(Notice::GoingOn { waited: now.saturating_duration_since(since) });
        }
    }
}

impl Delays {
    fn announce(&mut self, notice: Notice, since: Instant, now: Instant) {
        let is_quiet =
            self.announced.is_none_or(|last| now.saturating_duration_since(last) >= QUIET);
        if self.since.is_none() && self.requests > 0 && is_quiet {
            self.since = Some(since);
            self.announced = Some(now);
            self.notify(notice);
        }
    }

    fn notify(&self, notice: Notice) {
        if let Some(listener) = &self.listener {
            listener(notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env;

    fn monitored() -> (DelayMonitor, std::sync::mpsc::Receiver<Notice>) {
        let (sender, notices) = std::sync::mpsc::channel();
        let monitor = DelayMonitor::default();
        monitor.delays().listener = Some(Box::new(move |notice| drop(sender.send(notice))));
        (monitor, notices)
    }

    #[test]
    fn one_delay_of_many_requests_is_announced_once() {
        let (monitor, notices) = monitored();
        let start = env::instant();
        let at = |seconds| start + Duration::from_secs(seconds);
        monitor.request_delayed();
        monitor.throttled("HTTP 503".to_owned(), at(0));
        assert_eq!(notices.try_iter().count(), 0, "one throttled answer is normal");
        monitor.request_delayed();
        monitor.throttled("HTTP 503".to_owned(), at(1));
        monitor.throttled("HTTP 503".to_owned(), at(2));
        let begin = notices.try_iter().collect::<Vec<_>>();
        assert!(matches!(begin.as_slice(), [Notice::Waiting { throttled: true, .. }]), "{begin:?}");
        monitor.request_ended(true, at(3));
        assert_eq!(notices.try_iter().count(), 0, "the other request is still delayed");
        monitor.request_ended(true, at(9));
        assert_eq!(
            notices.try_iter().collect::<Vec<_>>(),
            [Notice::GoingOn { waited: Duration::from_secs(8) }]
        );

        let slow = || Notice::Waiting {
            reason: String::new(),
            throttled: false,
            request: "PutObject".to_owned(),
        };
        monitor.request_delayed();
        monitor.long_delay(slow(), at(10), at(20));
        assert_eq!(notices.try_iter().count(), 0, "too soon after the last one");
        monitor.long_delay(slow(), at(10), at(61));
        assert_eq!(notices.try_iter().collect::<Vec<_>>(), [slow()]);
        monitor.request_ended(false, at(70));
        assert_eq!(notices.try_iter().count(), 0, "the sync has failed");
    }
}
