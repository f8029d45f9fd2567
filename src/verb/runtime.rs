//! The threads for requests to S3, and the signals that end a verb.
//!
//! Invariants
//! - Signal handlers are installed first of all: the first process of a container ignores signals
//!   without a handler.
//! - A verb that is stopped while it prepares or connects ends at once, without waiting for its
//!   work.
//!
//! Not here: how a running sync ends (`pipeline`), what a second signal does (`shutdown`).

use std::future::Future;
use std::process::ExitCode;

use super::internal;
use crate::error::{Failure, FailureType};
use crate::shutdown::{Shutdown, Signal};

/// How a verb ended. Each variant has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything was done: 0.
    Good,
    /// Something failed: 1. The failure has been printed, unless stdout is closed.
    Bad,
    /// The verb failed after a signal: 128 plus the number of the signal.
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
    shutdown: Shutdown,
}

impl Runtime {
    /// Installs the handlers of SIGTERM and SIGINT, and starts the threads.
    pub(super) fn start() -> Result<Self, Failure> {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| internal("the asynchronous runtime cannot be started", &error))?;
        let shutdown = Shutdown::on_signals(tokio.handle())
            .map_err(|error| internal("the signal handlers cannot be installed", &error))?;
        Ok(Self { tokio, shutdown })
    }

    pub(super) fn handle(&self) -> &tokio::runtime::Handle {
        self.tokio.handle()
    }

    pub(super) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Runs `work` to its end, for work that handles the signals itself.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.tokio.block_on(work)
    }

    /// Runs `work` until it ends or a signal arrives. `left` completes the message: what the verb
    /// leaves behind.
    pub(super) fn until_stopped<T>(
        &self,
        left: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let shutdown = self.shutdown.clone();
        self.tokio.block_on(async move {
            tokio::select! {
                result = work => result,
                Some(signal) = shutdown.wait() => Err(Failure::new(
                    FailureType::Transient,
                    format!("stopped by {}: {left}", signal.name()),
                )),
            }
        })
    }

    /// Runs `work`, which reads files, on a thread of its own until it ends or a signal arrives.
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

    /// Ends the threads without waiting for them: one may hang in a DNS lookup, or in a read of a
    /// stdin that never ends.
    pub(super) fn end(self, is_good: bool) -> End {
        let end = match self.shutdown.signal() {
            _ if is_good => End::Good,
            Some(signal) => End::Stopped(signal),
            None => End::Bad,
        };
        self.tokio.shutdown_background();
        end
    }
}
