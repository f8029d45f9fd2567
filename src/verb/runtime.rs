//! What a verb that talks to S3 runs on: the threads of its requests, and the signals that end it.
//!
//! Invariants
//! - From the first moment a signal is taken: the first process of a container ignores signals that
//!   it does not take.
//! - A verb that is stopped while it prepares or connects ends at once: nothing of its work is
//!   waited for.
//!
//! Not here: how a running sync ends (`pipeline`), what a second signal does (`shutdown`).

use std::future::Future;
use std::process::ExitCode;

use super::internal;
use crate::error::{Failure, FailureType};
use crate::shutdown::{Shutdown, Signal};

/// How a verb ended, as its exit code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All was done: 0.
    Good,
    /// Something failed, which has been printed if stdout is open: 1.
    Bad,
    /// It failed after a signal: 128 and the signal's number.
    Stopped(Signal),
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Good => Self::SUCCESS,
            End::Bad => Self::FAILURE,
            End::Stopped(signal) => Self::from(signal.exit_code()),
        }
    }
}

/// The threads and the signals.
#[derive(Debug)]
pub(super) struct Runtime {
    tokio: tokio::runtime::Runtime,
    stop: Shutdown,
}

impl Runtime {
    /// Takes SIGTERM and SIGINT over and starts the threads.
    pub(super) fn start() -> Result<Self, Failure> {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| internal("the asynchronous runtime cannot be started", &error))?;
        let stop = Shutdown::on_signals(tokio.handle())
            .map_err(|error| internal("the signals cannot be taken", &error))?;
        Ok(Self { tokio, stop })
    }

    pub(super) fn handle(&self) -> &tokio::runtime::Handle {
        self.tokio.handle()
    }

    pub(super) fn stop(&self) -> &Shutdown {
        &self.stop
    }

    /// Runs `work` to its end. For work that heeds the signals by itself.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.tokio.block_on(work)
    }

    /// Runs `work` until it ends or a signal comes. `left` says what the signal leaves behind.
    pub(super) fn until_stopped<T>(
        &self,
        left: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let stop = self.stop.clone();
        self.tokio.block_on(async move {
            tokio::select! {
                result = work => result,
                Some(signal) = stop.wait() => Err(Failure::new(
                    FailureType::Transient,
                    format!("stopped by {}: {left}", signal.name()),
                )),
            }
        })
    }

    /// Runs `work`, which waits for files, on a thread of its own until it ends or a signal comes.
    pub(super) fn blocking_until_stopped<T: Send + 'static>(
        &self,
        left: &str,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.until_stopped(left, async {
            let ended = self.tokio.spawn_blocking(work).await;
            ended.unwrap_or_else(|error| {
                Err(internal("a thread ended early", &std::io::Error::other(error)))
            })
        })
    }

    /// Ends the threads without waiting for them: one may be looking up a name, or be blocked on a
    /// stdin that never ends.
    pub(super) fn end(self, is_good: bool) -> End {
        let end = match self.stop.signal() {
            _ if is_good => End::Good,
            Some(signal) => End::Stopped(signal),
            None => End::Bad,
        };
        self.tokio.shutdown_background();
        end
    }
}
