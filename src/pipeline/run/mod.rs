//! Wires the stages of one run together: threads, channels, clock.
//!
//! One thread reads, some encode and compress, tokio uploads, and the calling thread runs the
//! engine and prints. Decides nothing itself.
//!
//! No two of them can wait for each other: only the reader waits for memory, only for stages behind
//! it, and no stage behind it ever waits for a full channel (what is in the channels holds permits
//! of the budget).

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::budget::Budget;
use super::engine::{Engine, EngineSettings};
use super::sampler::CompressionSampler;
use super::summary::RunSummary;
use super::upload::Uploader;
use super::worker::{JobQueue, Worker};
use crate::env;
use crate::error::{Failure, FailureType};
use crate::pipeline::buffer_pool::{BufferPools, LargestBuffers};
use crate::pipeline::input::StreamTable;
use crate::pipeline::input::{BlockEncoder, BlockSeed};
use crate::pipeline::input::{BlockReader, BlockSettings};
use crate::pipeline::messages::Block;
use crate::pipeline::messages::{Action, Event, WorkerTools};
use crate::protocol::emitter::Emitter;
use crate::shutdown::Shutdown;
use crate::store::S3Store;

/// What a run is made of.
#[derive(Debug)]
pub struct RunSettings {
    /// The choices of the ordered stage.
    pub engine: EngineSettings,
    /// The streams and their encoders.
    pub table: StreamTable,
    /// Memory for everything between stdin and the receipts, in bytes.
    pub memory_limit_bytes: u64,
    /// Memory for buffers that wait for their next use, in bytes.
    pub spare_bytes: usize,
    /// Threads that encode and compress.
    pub workers: usize,
    /// How stdin is cut.
    pub blocks: BlockSettings,
    /// S3 requests at once.
    pub upload_concurrency: usize,
    /// Bytes that may wait for S3 before stdin waits for them.
    pub upload_ahead_bytes: u64,
}

/// A chunk of rows is seldom larger: its rows are those of one block, and a little more.
const USUAL_CHUNK_BYTES: usize = 2 * 1024 * 1024;

/// Reads `input` to its end and writes what it holds to `store`; prints freed STATEs as they become
/// free.
///
/// # Errors
/// The summary comes with the failure that ended the run, to be printed as its one TRACE ERROR.
pub fn run<I, W>(
    input: I,
    settings: RunSettings,
    store: S3Store,
    runtime: &tokio::runtime::Handle,
    stop: Shutdown,
    emitter: &mut Emitter<W>,
) -> (RunSummary, Result<(), Failure>)
where
    I: AsFd + Send + 'static,
    W: Write,
{
    let random = match env::random_u64() {
        Ok(random) => random,
        Err(error) => {
            let failure = Failure::new(
                FailureType::System,
                format!("there is no randomness for row ids: {error}"),
            );
            return (RunSummary::default(), Err(failure));
        }
    };
    let budget = Budget::new(settings.memory_limit_bytes, settings.upload_ahead_bytes);
    let (events, incoming) = unbounded();
    let (blocks, blocks_out) = bounded(2 * settings.workers);
    let (tasks, tasks_out) = unbounded();
    let largest = LargestBuffers {
        block: settings.blocks.block_bytes,
        chunk: USUAL_CHUNK_BYTES,
        body: settings.engine.file.part_bytes,
    };
    let buffers = BufferPools::new(largest, settings.spare_bytes);
    let sampler =
        CompressionSampler::new(settings.engine.streams.iter().map(|stream| &stream.format));
    let table = Arc::new(settings.table);
    for _ in 0..settings.workers {
        let worker = Worker {
            encoder: BlockEncoder::new(Arc::clone(&table), budget.clone(), buffers.chunks.clone()),
            sampler: sampler.clone(),
            tools: WorkerTools::new(budget.clone(), buffers.chunks.clone()),
            block_buffers: buffers.blocks.clone(),
            events: events.clone(),
        };
        let (blocks_out, tasks_out) = (blocks_out.clone(), tasks_out.clone());
        if let Err(failure) = spawn("worker", move || worker.work(blocks_out, &tasks_out)) {
            return (RunSummary::default(), Err(failure));
        }
    }
    let reader_events = events.clone();
    let (reader_budget, spare) = (budget.clone(), buffers.blocks.clone());
    let reader = move || {
        let reader = BlockReader::new(&input, settings.blocks, reader_budget, spare);
        read(reader, random, &blocks, &reader_events);
    };
    if let Err(failure) = spawn("reader", reader) {
        return (RunSummary::default(), Err(failure));
    }
    let stopped = events.clone();
    runtime.spawn(async move {
        if let Some(signal) = stop.wait().await {
            // The receiver goes only when the run is over.
            let _ = stopped.send(Event::Stopped(signal));
        }
    });
    let noticed = events.clone();
    // The receiver goes only when the run is over.
    store.on_notice(move |notice| drop(noticed.send(Event::Noticed(notice))));
    let mut jobs = JobQueue::new(budget.clone(), tasks, settings.workers);
    let uploader = Uploader::new(
        runtime.clone(),
        store,
        budget.clone(),
        buffers,
        settings.upload_concurrency,
        events,
    );
    let engine = Engine::new(settings.engine, budget);
    drive(engine, &incoming, &mut jobs, &uploader, emitter).into_outcome()
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    match std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(
            FailureType::System,
            format!(
                "the operating system gives no thread for the {name}: {error}; raise the limit of \
                 processes"
            ),
        )),
    }
}

/// The loop of the ordered stage.
fn drive<W: Write>(
    mut engine: Engine,
    incoming: &Receiver<Event>,
    jobs: &mut JobQueue,
    uploader: &Uploader,
    emitter: &mut Emitter<W>,
) -> Engine {
    loop {
        let mut printed = Ok(());
        let mut flush = false;
        for action in engine.actions() {
            match action {
                Action::Job(job) => jobs.submit(job),
                Action::Store(file, request) => uploader.submit(file, request),
                Action::Skip(file) => uploader.skip(file),
                Action::PrintState(line) => {
                    flush = true;
                    printed = printed.and_then(|()| emitter.line(&line));
                }
                Action::Log(level, message) => {
                    flush = true;
                    printed = printed.and_then(|()| emitter.log(level, &message));
                }
            }
        }
        if flush {
            printed = printed.and_then(|()| emitter.flush());
        }
        if printed.is_err() {
            engine.handle(Event::StdoutClosed, env::instant());
            continue;
        }
        if engine.is_finished() {
            return engine;
        }
        let event = match engine.deadline() {
            // A queue that is never empty must not keep a STATE waiting.
            Some(deadline) if deadline <= env::instant() => Event::Timer,
            Some(deadline) => incoming.recv_deadline(deadline).unwrap_or(Event::Timer),
            None => match incoming.recv() {
                Ok(event) => event,
                // Every sender is gone, which the uploader's own clone rules out while this
                // function runs.
                Err(_) => return engine,
            },
        };
        let is_rationed = matches!(&event, Event::JobDone(done) if done.is_rationed);
        engine.handle(event, env::instant());
        if is_rationed {
            jobs.rationed_job_done();
        }
    }
}

/// The reader's thread. `random` makes the row ids of the run unique, with the block's number and
/// time.
fn read(
    mut reader: BlockReader<'_>,
    random: u64,
    blocks: &Sender<(Block, BlockSeed)>,
    events: &Sender<Event>,
) {
    let fault = loop {
        match reader.next_block() {
            Ok(Some(block)) => {
                let seed = BlockSeed {
                    unix_ms: env::unix_ms(),
                    random: block_random(random, block.index),
                };
                if blocks.send((block, seed)).is_err() {
                    return;
                }
            }
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        }
    };
    let _ = events.send(Event::InputEnded { blocks: reader.blocks(), fault });
}

/// A number that looks random for each block of a run: the run's random bytes and the block's
/// number, hashed.
fn block_random(run: u64, block: u64) -> u64 {
    let name = [run.to_be_bytes(), block.to_be_bytes()].concat();
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &name).as_u64_pair().1
}

#[cfg(test)]
mod tests;
