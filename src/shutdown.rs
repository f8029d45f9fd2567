//! SIGTERM and SIGINT: the run is to end now.
//!
//! The first signal reaches everything that holds a [`Shutdown`]: a sync publishes the rows that
//! STATEs cover, prints those STATEs and ends badly; a removal of old objects stops between two
//! requests; preparations are dropped. A second signal ends the process at once, which is as safe
//! as a crash.
//!
//! Not here: what a stage does about it (`pipeline::engine`, `replace`, `verb::runtime`).

use std::io;

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::panic_hook;

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM: a platform that cancels.
    Terminate,
    /// SIGINT: a person at a terminal.
    Interrupt,
}

impl Signal {
    /// Its name, for a message.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    /// The exit code of a process that ended because of the signal: 128 and the signal's number, as
    /// shells report it. Airbyte's orchestrator accepts 143 while it cancels.
    #[must_use]
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Terminate => 128 + 15,
            Self::Interrupt => 128 + 2,
        }
    }
}

/// Whether the process is to stop. Clones share the answer.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown(watch::Receiver<Option<Signal>>);

impl Shutdown {
    /// Handles the two signals from now on, until the process ends.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(crate) fn on_signals(runtime: &Handle) -> io::Result<Self> {
        let _inside = runtime.enter();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, receiver) = watch::channel(None);
        #[expect(
            clippy::disallowed_methods,
            reason = "signals are taken until the process ends, whatever ends before it"
        )]
        runtime.spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = terminate.recv() => Signal::Terminate,
                    _ = interrupt.recv() => Signal::Interrupt,
                };
                if sender.send_replace(Some(signal)).is_some() {
                    panic_hook::exit(signal.exit_code());
                }
            }
        });
        Ok(Self(receiver))
    }

    /// The signal that came, if one did.
    #[must_use]
    pub(crate) fn signal(&self) -> Option<Signal> {
        *self.0.borrow()
    }

    /// Waits for a signal; `None` if none can come any more.
    pub(crate) async fn wait(mut self) -> Option<Signal> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|signal| *signal)
    }

    /// Makes one that no signal reaches, for tests.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self(watch::channel(None).1)
    }
}
