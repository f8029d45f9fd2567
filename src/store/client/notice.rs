//! What a long wait for the store is called while it lasts: one notice when it begins, one when it
//! is over.
//!
//! Every request reports here: answers after which it is tried again, and its end. A [`Notice`]
//! goes to the listener that [`Waits::listen`] names; without one nobody is told.
//!
//! | what | notice |
//! |---|---|
//! | the second answer that asks to slow down, while a request that got one is not through yet | a wait begins |
//! | a request that failed, or waits for its turn, is not through after [`RetryPolicy::long_wait`](crate::store::client::s3_store::RetryPolicy) | a wait begins |
//! | no request is in trouble any more | the wait is over |
//!
//! Invariants
//! - All requests of a store share one wait: between two notices of a beginning there is always one
//!   of an end.
//! - Two waits are announced at least [`QUIET`] apart: a store that throttles now and then does not
//!   fill the log.
//!
//! Not here: how a notice is printed (`pipeline`, `verb`).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two announcements.
const QUIET: Duration = Duration::from_secs(60);

/// Answers that ask to slow down before it is said: S3 says so now and then while it grows.
const THROTTLED_ANSWERS: u32 = 2;

/// What the user may want to know while nothing seems to happen. As text: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A wait begins.
    Waiting {
        /// What the store did: in brackets behind the sentence.
        reason: String,
        /// It asked for it.
        throttled: bool,
        /// Which request waits.
        request: String,
    },
    /// The wait is over.
    GoingOn {
        /// How long it was.
        waited: Duration,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { reason, throttled: true, .. } => write!(
                f,
                "the store asks to slow down ({reason}): requests are sent more slowly and tried \
                 again; the sync goes on by itself when the store lets it"
            ),
            Self::Waiting { reason, throttled: false, request } => write!(
                f,
                "{request} has not succeeded yet ({reason}): it is tried again; the sync goes on \
                 by itself when the store answers"
            ),
            Self::GoingOn { waited } => {
                write!(
                    f,
                    "the store answers again after {} s: the sync goes on",
                    waited.as_secs().max(1)
                )
            }
        }
    }
}

type Listener = Box<dyn Fn(Notice) + Send>;

/// The waits of one store. Shared by its clones.
#[derive(Default)]
pub(crate) struct Waits(Mutex<State>);

#[derive(Default)]
struct State {
    listener: Option<Listener>,
    /// Requests that are in trouble.
    requests: u32,
    throttled_answers: u32,
    /// Since when the wait lasts that was announced.
    since: Option<Instant>,
    announced: Option<Instant>,
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waits")
    }
}

impl Waits {
    /// Tells `listener`, from now on and instead of an earlier one. It is called from any thread
    /// and must not block.
    pub(crate) fn listen(&self, listener: impl Fn(Notice) + Send + 'static) {
        self.state().listener = Some(Box::new(listener));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request gets into trouble; it must [`Waits::leave`].
    pub(crate) fn enter(&self) {
        self.state().requests += 1;
    }

    /// An answer asked to slow down.
    pub(crate) fn throttled(&self, reason: String, now: Instant) {
        let mut state = self.state();
        state.throttled_answers += 1;
        if state.throttled_answers >= THROTTLED_ANSWERS {
            state.announce(
                Notice::Waiting { reason, throttled: true, request: String::new() },
                now,
                now,
            );
        }
    }

    /// A request in trouble has waited for long.
    pub(crate) fn long(&self, notice: Notice, since: Instant, now: Instant) {
        self.state().announce(notice, since, now);
    }

    /// A request is out of trouble, one way or the other.
    pub(crate) fn leave(&self, succeeded: bool, now: Instant) {
        let mut state = self.state();
        state.requests = state.requests.saturating_sub(1);
        if state.requests > 0 {
            return;
        }
        state.throttled_answers = 0;
        // After a failure nothing goes on: its own message says what happened.
        if let Some(since) = state.since.take()
            && succeeded
        {
            state.tell(Notice::GoingOn { waited: now.saturating_duration_since(since) });
        }
    }
}

impl State {
    fn announce(&mut self, notice: Notice, since: Instant, now: Instant) {
        let is_quiet =
            self.announced.is_none_or(|last| now.saturating_duration_since(last) >= QUIET);
        if self.since.is_none() && self.requests > 0 && is_quiet {
            self.since = Some(since);
            self.announced = Some(now);
            self.tell(notice);
        }
    }

    fn tell(&self, notice: Notice) {
        if let Some(listener) = &self.listener {
            listener(notice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env;

    fn told() -> (Waits, std::sync::mpsc::Receiver<Notice>) {
        let (sender, notices) = std::sync::mpsc::channel();
        let waits = Waits::default();
        waits.state().listener = Some(Box::new(move |notice| drop(sender.send(notice))));
        (waits, notices)
    }

    #[test]
    fn one_wait_of_many_requests_is_announced_once() {
        let (waits, notices) = told();
        let start = env::instant();
        let at = |seconds| start + Duration::from_secs(seconds);
        waits.enter();
        waits.throttled("HTTP 503".to_owned(), at(0));
        assert_eq!(notices.try_iter().count(), 0, "one answer is no reason");
        waits.enter();
        waits.throttled("HTTP 503".to_owned(), at(1));
        waits.throttled("HTTP 503".to_owned(), at(2));
        let begin = notices.try_iter().collect::<Vec<_>>();
        assert!(matches!(begin.as_slice(), [Notice::Waiting { throttled: true, .. }]), "{begin:?}");
        waits.leave(true, at(3));
        assert_eq!(notices.try_iter().count(), 0, "the other request still waits");
        waits.leave(true, at(9));
        assert_eq!(
            notices.try_iter().collect::<Vec<_>>(),
            [Notice::GoingOn { waited: Duration::from_secs(8) }]
        );

        let slow = || Notice::Waiting {
            reason: String::new(),
            throttled: false,
            request: "PutObject".to_owned(),
        };
        waits.enter();
        waits.long(slow(), at(10), at(20));
        assert_eq!(notices.try_iter().count(), 0, "too soon after the last one");
        waits.long(slow(), at(10), at(61));
        assert_eq!(notices.try_iter().collect::<Vec<_>>(), [slow()]);
        waits.leave(false, at(70));
        assert_eq!(notices.try_iter().count(), 0, "nothing goes on");
    }
}
