//! The workers: threads that encode blocks and do the jobs of files.
//!
//! In: blocks from the reader, [`Job`]s from the engine through the [`JobQueue`]. Out: one
//! [`Event`] for each.
//!
//! Not here: how a block is encoded (`input`), what a job does (`file::body`).

use std::collections::VecDeque;

use crossbeam_channel::{Receiver, Sender, never, select_biased};

use super::budget::Budget;
use super::buffer_pool::BufferPool;
use super::input::{BlockEncoder, BlockSeed};
use super::messages::{Block, Event, FileId, Job, JobDone, Task, WorkerTools};
use super::sampler::CompressionSampler;

/// Rationed jobs per worker that may be under way: handed out, and their results not yet taken by
/// the engine.
pub(super) const RATIONED_JOBS_PER_WORKER: usize = 4;

/// A task for any worker, with the parts of its job that the answer repeats.
#[derive(Debug)]
pub(super) struct QueuedTask {
    file: FileId,
    piece: u32,
    is_rationed: bool,
    task: Box<dyn Task>,
}

/// Hands jobs to the workers: rationed ones a few at a time, the others at once.
#[derive(Debug)]
pub(super) struct JobQueue {
    budget: Budget,
    tasks: Sender<QueuedTask>,
    /// Rationed jobs that are not handed out.
    waiting: VecDeque<Job>,
    /// Rationed jobs that have not come back.
    rationed_in_work: usize,
    max_rationed_in_work: usize,
}

impl JobQueue {
    /// A queue for this many workers, which take from the other end of `tasks`.
    pub(super) fn new(budget: Budget, tasks: Sender<QueuedTask>, workers: usize) -> Self {
        Self {
            budget,
            tasks,
            waiting: VecDeque::new(),
            rationed_in_work: 0,
            max_rationed_in_work: RATIONED_JOBS_PER_WORKER * workers,
        }
    }

    /// Takes a job; does not wait.
    pub(super) fn submit(&mut self, job: Job) {
        if job.work.is_rationed() {
            self.waiting.push_back(job);
            self.hand_out_rationed();
        } else {
            self.hand_out(job);
        }
    }

    /// Records that a rationed job has come back and the engine has taken its result.
    pub(super) fn rationed_job_done(&mut self) {
        self.rationed_in_work -= 1;
        self.hand_out_rationed();
    }

    fn hand_out_rationed(&mut self) {
        while self.rationed_in_work < self.max_rationed_in_work
            && let Some(job) = self.waiting.pop_front()
        {
            self.rationed_in_work += 1;
            self.hand_out(job);
        }
    }

    fn hand_out(&self, Job { file, piece, work }: Job) {
        let is_rationed = work.is_rationed();
        for task in work.into_tasks(&self.budget) {
            // The workers go only when this queue is gone.
            let _ = self.tasks.send(QueuedTask { file, piece, is_rationed, task });
        }
    }
}

/// One worker's thread.
pub(super) struct Worker {
    pub(super) encoder: BlockEncoder,
    pub(super) sampler: CompressionSampler,
    pub(super) tools: WorkerTools,
    /// Takes back the buffers of blocks that have been encoded.
    pub(super) block_buffers: BufferPool,
    pub(super) events: Sender<Event>,
}

impl Worker {
    /// Works until the queue is gone. Tasks come before blocks: what is nearer to S3 frees memory
    /// sooner.
    pub(super) fn work(
        mut self,
        mut blocks: Receiver<(Block, BlockSeed)>,
        tasks: &Receiver<QueuedTask>,
    ) {
        loop {
            let event = select_biased! {
                recv(tasks) -> task => match task {
                    Ok(task) => match self.run(task) {
                        Some(done) => Event::JobDone(done),
                        None => continue,
                    },
                    Err(_) => return,
                },
                recv(blocks) -> block => match block {
                    Ok((block, seed)) => self.encode(block, seed),
                    Err(_) => {
                        blocks = never();
                        continue;
                    }
                },
            };
            if self.events.send(event).is_err() {
                return;
            }
        }
    }

    /// Returns `None` while other tasks of the job are not finished.
    fn run(&mut self, task: QueuedTask) -> Option<JobDone> {
        let QueuedTask { file, piece, is_rationed, task } = task;
        let result = task.run(&mut self.tools)?;
        Some(JobDone { file, piece, result, is_rationed })
    }

    fn encode(&mut self, mut block: Block, seed: BlockSeed) -> Event {
        let mut encoded = self.encoder.encode(&mut block, seed);
        self.sampler.sample(&mut encoded, &mut self.tools);
        self.block_buffers.give(block.bytes);
        Event::Block(encoded)
    }
}
