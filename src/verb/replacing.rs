//! The last step of a successful `write`: removes the objects that the run replaces, and logs it.
//!
//! The [`Replacement`]s of the plan and the [`RunSummary`] -> the objects are removed, LOG
//! messages; a [`RunError`] if some could not be removed.
//!
//! Invariants
//! - Nothing of a stream is removed unless the source is known to have completed it.
//! - A line is written to stdout and flushed before the first object of a stream is removed. If the
//!   platform has cancelled the sync, stdout is closed, the write fails, and nothing is removed.
//! - The log names each key that is removed. If nothing is removed, nothing is logged.
//!
//! Not here: which objects are removed, and how (`replace`).

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

/// How long a removal waits for the answer to its last request after a signal.
const LAST_REQUEST: Duration = Duration::from_secs(5);

/// Removes what this run replaces. Call it when everything of the run is published, acknowledged
/// and printed.
///
/// # Errors
/// Some objects could not be removed, or stdout is closed.
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
                "stream \"{name}\" was not overwritten: the source sent no STATE after its last \
                 record, or reported it INCOMPLETE, so its data may be incomplete. Objects of \
                 earlier syncs were kept, beside the new ones; the next complete sync removes \
                 them, or delete them manually"
            );
            emitter.log(LogLevel::Warn, &message)?;
        }
    }
    if proved.is_empty() {
        return Ok(());
    }
    // Two sources write to the log, by turns on this one thread: removals, and notices of the
    // store.
    let shared = RefCell::new(&mut *emitter);
    let mut watch = |stream: &StreamDescriptor, removal: Removal<'_>| {
        log_removal(*shared.borrow_mut(), stream, removal)
    };
    let work = async {
        tokio::select! {
            report = replace(store, &proved, runtime.shutdown(), &mut watch) => report,
            // Any request may get lost: the next sync that replaces the stream continues from what
            // it finds.
            Some(signal) = after_signal(runtime.shutdown()) => Report::stopped(signal),
        }
    };
    let report = wait_and_log(work, store, runtime, &shared)?;
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
            "they were copied or moved; delete them manually if they are not an archive",
        );
        emitter.log(LogLevel::Warn, &message)?;
    }
    result.map_err(|error| Failure::from(error).into())
}

/// Returns some seconds after the first signal, to end a removal that hangs in a request.
async fn after_signal(shutdown: &Shutdown) -> Option<Signal> {
    let signal = shutdown.clone().wait().await;
    tokio::time::sleep(LAST_REQUEST).await;
    signal
}

/// Waits for `work`, and logs the notices of `store` meanwhile.
fn wait_and_log<W: Write, T>(
    work: impl Future<Output = T>,
    store: &S3Store,
    runtime: &Runtime,
    emitter: &RefCell<&mut Emitter<W>>,
) -> io::Result<T> {
    let (sender, mut notices) = tokio::sync::mpsc::unbounded_channel();
    store.on_notice(move |notice| drop(sender.send(notice)));
    let log = |notice: Notice| {
        let mut emitter = emitter.borrow_mut();
        emitter.log(LogLevel::Warn, &notice.to_string())?;
        emitter.flush()
    };
    runtime.block_on(async {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                // Never ends: the store holds the sender.
                Some(notice) = notices.recv() => log(notice)?,
                done = &mut work => {
                    while let Ok(notice) = notices.try_recv() {
                        log(notice)?;
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

/// Returns the message about objects that were not removed: `what` they are, and `why` they may
/// exist.
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
