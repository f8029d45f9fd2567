//! Wires the stages of one run together: threads, channels, signals.
//!
//! One thread reads, some encode blocks and make pieces of files, tokio uploads, and the calling
//! thread runs the engine and prints (`event_loop`). Decides nothing itself.
//!
//! Invariants
//! - No two stages can wait for each other: only the reader waits for memory, which later stages
//!   free, and no later stage ever waits for a full channel (what is in the channels holds permits
//!   of the budget).
//! - No asynchronous task outlives what it works for. Requests and the watch for signals are in
//!   `JoinSet`s, which end with the run. The one detached task of the program is that of
//!   `shutdown`, which takes signals until the process ends. The threads of the workers and of the
//!   reader end when the other ends of their channels are gone; nobody waits for them, since the
//!   reader may be blocked on a stdin that never ends.

mod event_loop;

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use self::event_loop::EventLoop;
use super::budget::Budget;
use super::engine::{Engine, EngineSettings};
use super::sampler::CompressionSampler;
use super::summary::RunSummary;
use super::upload::{Uploader, UploaderParts};
use super::worker::{JobQueue, QueuedTask, Worker};
use crate::env;
use crate::error::{Failure, FailureType};
use crate::pipeline::buffer_pool::{BufferPools, LargestBuffers};
use crate::pipeline::input::{BlockEncoder, BlockReader, BlockSeed, BlockSettings, StreamTable};
use crate::pipeline::messages::{Block, Event, WorkerTools};
use crate::protocol::emitter::Emitter;
use crate::shutdown::Shutdown;
use crate::store::S3Store;

/// The choices of one run.
#[derive(Debug)]
pub(crate) struct RunSettings {
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

/// What a run reads from, writes to and runs on.
#[derive(Debug)]
pub(crate) struct Run<'a, I> {
    /// The messages.
    pub input: I,
    /// The choices.
    pub settings: RunSettings,
    /// Where files go.
    pub store: S3Store,
    /// Where requests run.
    pub runtime: &'a Handle,
    /// Whether the run is to end now.
    pub shutdown: Shutdown,
}

/// A chunk of rows is seldom larger: its rows are those of one block, and a little more.
const USUAL_CHUNK_BYTES: usize = 2 * 1024 * 1024;

/// Blocks per worker that may wait to be encoded.
const BLOCKS_AHEAD_PER_WORKER: usize = 2;

impl<I: AsFd + Send + 'static> Run<'_, I> {
    /// Reads the input to its end and writes what it holds to the store; prints STATEs as they
    /// become free.
    ///
    /// # Errors
    /// The summary comes with the failure that ended the run, to be printed as its one TRACE ERROR.
    pub(crate) fn run<W: Write>(
        self,
        emitter: &mut Emitter<W>,
    ) -> (RunSummary, Result<(), Failure>) {
        // The watch ends where this function does.
        let mut watch = JoinSet::new();
        match self.start(&mut watch) {
            Ok(event_loop) => event_loop.run(emitter).into_outcome(),
            Err(failure) => (RunSummary::default(), Err(failure)),
        }
    }

    /// Starts every stage but the one that the calling thread runs.
    fn start(self, watch: &mut JoinSet<()>) -> Result<EventLoop, Failure> {
        let Self { input, settings, store, runtime, shutdown } = self;
        let random = env::random_u64().map_err(|error| {
            Failure::new(
                FailureType::System,
                format!("the operating system returned no random bytes for row ids: {error}"),
            )
        })?;
        let budget = Budget::new(settings.memory_limit_bytes, settings.upload_ahead_bytes);
        let largest = LargestBuffers {
            block: settings.blocks.block_bytes,
            chunk: USUAL_CHUNK_BYTES,
            body: settings.engine.file.part_bytes,
        };
        let buffers = BufferPools::new(largest, settings.spare_bytes);
        let (events, incoming) = unbounded();
        let (blocks, blocks_out) = bounded(BLOCKS_AHEAD_PER_WORKER * settings.workers);
        let (tasks, tasks_out) = unbounded();

        let formats = settings.engine.streams.iter().map(|stream| &stream.format);
        let crew = Crew {
            table: Arc::new(settings.table),
            sampler: CompressionSampler::new(formats),
            budget: budget.clone(),
            buffers: buffers.clone(),
            blocks: blocks_out,
            tasks: tasks_out,
            events: events.clone(),
        };
        for _ in 0..settings.workers {
            crew.start_worker()?;
        }

        let (reader_events, reader_budget) = (events.clone(), budget.clone());
        let spare = buffers.blocks.clone();
        start_thread("reader", move || {
            let reader = BlockReader::new(&input, settings.blocks, reader_budget, spare);
            read(reader, random, &blocks, &reader_events);
        })?;

        let stopped = events.clone();
        watch.spawn_on(
            async move {
                if let Some(signal) = shutdown.wait().await {
                    // The receiver goes only when the run is over.
                    let _ = stopped.send(Event::Stopped(signal));
                }
            },
            runtime,
        );
        let noticed = events.clone();
        // The receiver goes only when the run is over.
        store.on_notice(move |notice| drop(noticed.send(Event::Noticed(notice))));

        let uploader = Uploader::new(UploaderParts {
            runtime: runtime.clone(),
            store,
            budget: budget.clone(),
            buffers,
            concurrency: settings.upload_concurrency,
            events,
        });
        Ok(EventLoop {
            jobs: JobQueue::new(budget.clone(), tasks, settings.workers),
            uploader,
            engine: Engine::new(settings.engine, budget),
            events: incoming,
        })
    }
}

/// What all workers share.
struct Crew {
    table: Arc<StreamTable>,
    sampler: CompressionSampler,
    budget: Budget,
    buffers: BufferPools,
    blocks: Receiver<(Block, BlockSeed)>,
    tasks: Receiver<QueuedTask>,
    events: Sender<Event>,
}

impl Crew {
    fn start_worker(&self) -> Result<(), Failure> {
        let chunk_buffers = &self.buffers.chunks;
        let worker = Worker {
            encoder: BlockEncoder::new(
                Arc::clone(&self.table),
                self.budget.clone(),
                chunk_buffers.clone(),
            ),
            sampler: self.sampler.clone(),
            tools: WorkerTools::new(self.budget.clone(), chunk_buffers.clone()),
            block_buffers: self.buffers.blocks.clone(),
            events: self.events.clone(),
        };
        let (blocks, tasks) = (self.blocks.clone(), self.tasks.clone());
        start_thread("worker", move || worker.work(blocks, &tasks))
    }
}

fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    match std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(
            FailureType::System,
            format!(
                "the operating system refused to start the {name} thread: {error}; raise the limit \
                 on processes"
            ),
        )),
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
