//! The loop of the ordered stage: hands events to the engine and starts what it asks for.
//!
//! The one thread that prints. It never waits for anything but the next event, and for stdout.

use std::io::{self, Write};

use crossbeam_channel::Receiver;

use crate::env;
use crate::pipeline::engine::Engine;
use crate::pipeline::messages::{Action, Event};
use crate::pipeline::upload::Uploader;
use crate::pipeline::worker::JobQueue;
use crate::protocol::emitter::Emitter;

/// What the loop works with.
#[derive(Debug)]
pub(super) struct EventLoop {
    pub(super) engine: Engine,
    pub(super) events: Receiver<Event>,
    pub(super) jobs: JobQueue,
    pub(super) uploader: Uploader,
}

impl EventLoop {
    /// Runs until the engine is finished; returns it.
    pub(super) fn run<W: Write>(mut self, emitter: &mut Emitter<W>) -> Engine {
        loop {
            if self.start_actions(emitter).is_err() {
                self.engine.handle(Event::StdoutClosed, env::instant());
                continue;
            }
            if self.engine.is_finished() {
                return self.engine;
            }
            let Some(event) = self.next_event() else { return self.engine };
            let is_rationed = matches!(&event, Event::JobDone(done) if done.is_rationed);
            self.engine.handle(event, env::instant());
            // Only now has the engine taken the job's result, which freed memory.
            if is_rationed {
                self.jobs.rationed_job_done();
            }
        }
    }

    /// Starts everything that the engine asks for. An error means that stdout is closed; it does
    /// not keep the other actions from being started.
    fn start_actions<W: Write>(&mut self, emitter: &mut Emitter<W>) -> io::Result<()> {
        let mut printed = Ok(());
        let mut has_printed = false;
        for action in self.engine.actions() {
            match action {
                Action::Job(job) => self.jobs.submit(job),
                Action::Store(file, request) => self.uploader.submit(file, request),
                Action::Skip(file) => self.uploader.skip(file),
                Action::PrintState(line) => {
                    has_printed = true;
                    printed = printed.and_then(|()| emitter.line(&line));
                }
                Action::Log(level, message) => {
                    has_printed = true;
                    printed = printed.and_then(|()| emitter.log(level, &message));
                }
            }
        }
        if has_printed { printed.and_then(|()| emitter.flush()) } else { printed }
    }

    /// Waits for the next event, the engine's deadline among them. `None` if none can come any
    /// more, which the uploader's own sender rules out.
    fn next_event(&self) -> Option<Event> {
        match self.engine.deadline() {
            // A queue that is never empty must not keep a STATE waiting.
            Some(deadline) if deadline <= env::instant() => Some(Event::Timer),
            Some(deadline) => Some(self.events.recv_deadline(deadline).unwrap_or(Event::Timer)),
            None => self.events.recv().ok(),
        }
    }
}
