//! The end of a good `write`: removes what the run replaces, and says so.
//!
//! The [`Replacement`]s of the catalog and what the run has proved ([`RunSummary`]) -> objects are
//! gone, LOG messages; a [`Failure`] if not all of them are.
//!
//! Invariants
//! - A stream whose end is not proved keeps everything.
//! - A line is written to stdout and flushed before the first object of a stream goes: a platform
//!   that cancels a sync has closed our stdout by then, and the line that cannot be written stops
//!   the removal.
//! - Each key that goes is in the log; where nothing goes, there is no line.

use std::cell::RefCell;
use std::io::{self, Write};
use std::time::Duration;

use super::run_error::RunError;
use super::runtime::Runtime;
use crate::error::Failure;
use crate::model::StreamDescriptor;
use crate::pipeline::summary::RunSummary;
use crate::protocol::emitter::{Emitter, LogLevel};
use crate::replace::{
    Removal, Removed, ReplaceError, Replacement, Report, SkippedObjects, replace,
};
use crate::shutdown::{Shutdown, Signal};
use crate::store::{Notice, S3Store};

/// How long a removal that is stopped by a signal waits for the answer to its last request.
const LAST_REQUEST: Duration = Duration::from_secs(5);

/// Removes what this run replaces. Everything of it is published, acknowledged and printed.
pub(super) fn replace_old<W: Write>(
    replacements: Vec<Option<Replacement>>,
    summary: &RunSummary,
    store: &S3Store,
    runtime: &Runtime,
    emitter: &mut Emitter<W>,
) -> Result<(), RunError> {
    let mut proved = Vec::new();
    for (replacement, stream) in replacements.into_iter().zip(&summary.streams) {
        let Some(mut replacement) = replacement else { continue };
        let name = &replacement.descriptor;
        if stream.succeeded {
            replacement.stems.extend(stream.renamed_stems.iter().cloned());
            proved.push(replacement);
        } else {
            let message = format!(
                "stream \"{name}\" is to be overwritten, but no STATE followed its last record, or \
                 it was reported INCOMPLETE, so that its end may be a failure of the source: \
                 objects of earlier syncs, if there are any, stay beside the new ones until a sync \
                 replaces them (or delete them by hand)"
            );
            emitter.log(LogLevel::Warn, &message)?;
        }
    }
    if proved.is_empty() {
        return Ok(());
    }
    // Removals and waits are told as they happen, by turns on this one thread.
    let shared = RefCell::new(&mut *emitter);
    let mut watch = |stream: &StreamDescriptor, removal: Removal<'_>| {
        log_removal(*shared.borrow_mut(), stream, removal)
    };
    let work = async {
        tokio::select! {
            report = replace(store, &proved, runtime.stop(), &mut watch) => report,
            // Each request is safe to lose: the next sync that replaces the stream goes on from
            // what it finds.
            Some(signal) = after_signal(runtime.stop()) => Report::stopped(signal),
        }
    };
    let report = wait_and_tell(work, store, runtime, &shared)?;
    let Report { removed, unmarked, copies, result } = report;
    if let Err(ReplaceError::StdoutClosed(_)) = result {
        return Err(RunError::StdoutClosed);
    }
    for (replacement, removed) in proved.iter().zip(removed) {
        let Removed { objects, kept } = removed;
        if objects > 0 {
            let name = &replacement.descriptor;
            let message =
                format!("stream \"{name}\": {objects} older objects removed, {kept} objects kept");
            emitter.log(LogLevel::Info, &message)?;
        }
    }
    if unmarked.objects > 0 {
        let message = skipped(
            &unmarked,
            "without this connector's metadata",
            "another program wrote them, or the store does not keep metadata and rows of earlier \
             syncs are still there; run `check` to find out which",
        );
        emitter.log(LogLevel::Warn, &message)?;
    }
    if copies.objects > 0 {
        let message = skipped(
            &copies,
            "that this connector wrote under another key",
            "they were copied or moved; delete them by hand if they are not an archive",
        );
        emitter.log(LogLevel::Warn, &message)?;
    }
    result.map_err(|error| Failure::from(error).into())
}

/// Returns some seconds after the first signal, for a removal that hangs in a request.
async fn after_signal(stop: &Shutdown) -> Option<Signal> {
    let signal = stop.clone().wait().await;
    tokio::time::sleep(LAST_REQUEST).await;
    signal
}

/// Waits for `work`, and prints meanwhile when `store` makes it wait.
fn wait_and_tell<W: Write, T>(
    work: impl Future<Output = T>,
    store: &S3Store,
    runtime: &Runtime,
    emitter: &RefCell<&mut Emitter<W>>,
) -> io::Result<T> {
    let (sender, mut notices) = tokio::sync::mpsc::unbounded_channel();
    store.on_notice(move |notice| drop(sender.send(notice)));
    let tell = |notice: Notice| {
        let mut emitter = emitter.borrow_mut();
        emitter.log(LogLevel::Warn, &notice.to_string())?;
        emitter.flush()
    };
    runtime.block_on(async {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                // The store holds the sender.
                Some(notice) = notices.recv() => tell(notice)?,
                done = &mut work => {
                    while let Ok(notice) = notices.try_recv() {
                        tell(notice)?;
                    }
                    return Ok(done);
                }
            }
        }
    })
}

fn log_removal<W: Write>(
    emitter: &mut Emitter<W>,
    stream: &StreamDescriptor,
    removal: Removal<'_>,
) -> io::Result<()> {
    let message = match removal {
        Removal::Begins => format!("stream \"{stream}\": removing what this sync replaces"),
        Removal::Removed { key } => format!("stream \"{stream}\": removed \"{key}\""),
        Removal::Replaced { key } => format!("stream \"{stream}\": replaced \"{key}\""),
        Removal::Moved { from, to } => format!("stream \"{stream}\": moved \"{from}\" to \"{to}\""),
    };
    emitter.log(LogLevel::Info, &message)?;
    if removal == Removal::Begins { emitter.flush() } else { Ok(()) }
}

/// `what` they are, and `why` they may be there.
fn skipped(objects: &SkippedObjects, what: &str, why: &str) -> String {
    let SkippedObjects { objects: number, streams, example } = objects;
    let streams: Vec<String> = streams.iter().map(|name| format!("\"{name}\"")).collect();
    let plural = if *number == 1 { "" } else { "s" };
    format!(
        "did not remove {number} object{plural} {what}, for example \"{example}\", with a key that \
         names a replaced stream ({}): {why}",
        streams.join(", ")
    )
}
