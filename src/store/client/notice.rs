//! What the user is told while the store delays the sync.
//!
//! Not here: when a notice is sent (`delay_monitor`), how it is printed (`pipeline`, `verb`).

use std::fmt;
use std::time::Duration;

/// What the user may want to know while nothing seems to happen. Displayed: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A delay begins.
    Waiting {
        /// Why the last attempt failed.
        reason: String,
        /// Whether the store asked to slow down.
        throttled: bool,
        /// The delayed request.
        request: String,
    },
    /// The delay is over.
    GoingOn {
        /// How long it lasted.
        waited: Duration,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { reason, throttled: true, .. } => write!(
                f,
                "the store asks to slow down ({reason}): requests are sent more slowly and \
                 retried; the sync continues by itself when the store accepts them"
            ),
            Self::Waiting { reason, throttled: false, request } => write!(
                f,
                "{request} has not succeeded yet ({reason}): it is retried; the sync continues by \
                 itself when the store answers"
            ),
            Self::GoingOn { waited } => {
                write!(
                    f,
                    "the store answers again after {} s: the sync continues",
                    waited.as_secs().max(1)
                )
            }
        }
    }
}
