//! Why `write` ends badly.

use std::io;

use crate::error::Failure;

/// Why a run ended badly. Either can happen at almost every step, so both travel with `?`.
#[derive(Debug)]
pub(super) enum RunError {
    /// stdout is closed: there is no one left to report to, not even this error.
    StdoutClosed,
    /// Anything else, to be printed as the one TRACE ERROR.
    Failed(Failure),
}

/// The only I/O that a run does itself is writing to stdout.
impl From<io::Error> for RunError {
    fn from(_: io::Error) -> Self {
        Self::StdoutClosed
    }
}

impl From<Failure> for RunError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
