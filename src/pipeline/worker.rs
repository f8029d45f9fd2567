//! The workers: threads that encode blocks and do the jobs of files.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, never, select_biased};

use super::budget::Budget;
use super::buffer_pool::BufferPools;
use super::file::{ColumnTask, column_tasks};
use super::input::{BlockEncoder, BlockSeed};
use super::messages::{
    Block, ColumnSegment, CompressionSample, EncodedBlock, Event, FileId, Frame, Item,
    ParquetLayout, Rows, Segment,
};
use crate::error::{Failure, FailureType};
use crate::format::text::GzipCompressor;

/// Text that a worker compresses to learn what a stream's text compresses to.
const SAMPLE_BYTES: usize = 64 * 1024;

/// Chunks of less text say little, and of thousands of streams they come by the thousand.
const LEAST_SAMPLE_BYTES: usize = 4 * 1024;

/// Work on a frame of a file.
pub(super) struct FrameTask {
    pub(super) file: FileId,
    pub(super) frame: u32,
    pub(super) work: FrameWork,
}

pub(super) enum FrameWork {
    /// Text to be compressed.
    Compress(Vec<Segment>),
    /// One column of a row group to be encoded.
    Column(ColumnTask),
}

/// Row groups that each worker may have in work or handed back: encoded columns hold far more than
/// their bytes, tens of KiB for a row group of one row, and thousands of files may be closed at
/// once.
pub(super) const ROW_GROUPS_PER_WORKER: usize = 4;

/// Hands frames to the workers: text at once, row groups a few at a time.
pub(super) struct FrameQueue {
    pub(super) budget: Budget,
    pub(super) tasks: Sender<FrameTask>,
    pub(super) waiting: VecDeque<(FileId, u32, ParquetLayout, Vec<ColumnSegment>)>,
    /// Row groups that have not come back.
    pub(super) in_work: usize,
    pub(super) most_in_work: usize,
}

/// One worker's thread.
pub(super) struct Worker {
    pub(super) encoder: BlockEncoder,
    pub(super) compressor: Option<GzipCompressor>,
    /// By stream: whether what its text compresses to has been tried.
    pub(super) sampled: Arc<[AtomicBool]>,
    pub(super) budget: Budget,
    pub(super) buffers: BufferPools,
    pub(super) events: Sender<Event>,
}

impl FrameQueue {
    pub(super) fn compress(&self, file: FileId, frame: u32, text: Vec<Segment>) {
        let _ = self.tasks.send(FrameTask { file, frame, work: FrameWork::Compress(text) });
    }

    pub(super) fn encode(
        &mut self,
        file: FileId,
        frame: u32,
        layout: ParquetLayout,
        rows: Vec<ColumnSegment>,
    ) {
        self.waiting.push_back((file, frame, layout, rows));
        self.hand_out();
    }

    /// A frame has come back.
    pub(super) fn is_back(&mut self) {
        self.in_work = self.in_work.saturating_sub(1);
        self.hand_out();
    }

    fn hand_out(&mut self) {
        while self.in_work < self.most_in_work
            && let Some((file, frame, layout, rows)) = self.waiting.pop_front()
        {
            self.in_work += 1;
            for task in column_tasks(layout, rows, &self.budget) {
                let _ = self.tasks.send(FrameTask { file, frame, work: FrameWork::Column(task) });
            }
        }
    }
}

impl Worker {
    /// Compresses before it encodes: what is nearer to S3 frees memory sooner.
    pub(super) fn work(
        mut self,
        mut blocks: Receiver<(Block, BlockSeed)>,
        frames: &Receiver<FrameTask>,
    ) {
        loop {
            let event = select_biased! {
                recv(frames) -> frame => match frame {
                    Ok(task) => match self.frame(task) {
                        Some(event) => event,
                        None => continue,
                    },
                    Err(_) => return,
                },
                recv(blocks) -> block => match block {
                    Ok((mut block, seed)) => {
                        let mut encoded = self.encoder.encode(&mut block, seed);
                        self.sample(&mut encoded);
                        self.buffers.blocks.give(block.bytes);
                        Event::Block(encoded)
                    }
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

    /// Tries once what each stream's text compresses to.
    fn sample(&mut self, block: &mut EncodedBlock) {
        let Some(compressor) = self.compressor.as_mut() else { return };
        for item in &mut block.items {
            let Item::Chunk(chunk) = item else { continue };
            let Rows::Text(segment) = &chunk.data else { continue };
            let is_new = |sampled: &AtomicBool| !sampled.load(Ordering::Relaxed);
            if segment.bytes.len() < LEAST_SAMPLE_BYTES
                || !self.sampled.get(chunk.stream.index()).is_some_and(is_new)
            {
                continue;
            }
            let text = segment.bytes.get(..SAMPLE_BYTES).unwrap_or(&segment.bytes);
            let mut compressed = Vec::new();
            if compressor.members(&[text], &mut compressed).is_ok() {
                if let Some(sampled) = self.sampled.get(chunk.stream.index()) {
                    sampled.store(true, Ordering::Relaxed);
                }
                chunk.sample = Some(CompressionSample {
                    text_bytes: text.len() as u64,
                    compressed_bytes: compressed.len() as u64,
                });
            }
        }
    }

    /// `None` while other columns of the row group are in work.
    fn frame(&mut self, task: FrameTask) -> Option<Event> {
        let FrameTask { file, frame, work } = task;
        let result = match work {
            FrameWork::Compress(text) => self.compress(text).map(Frame::Bytes),
            FrameWork::Column(column) => column.run()?,
        };
        Some(Event::Framed { file, frame, result })
    }

    fn compress(&mut self, text: Vec<Segment>) -> Result<Segment, Failure> {
        let mut bytes = Vec::new();
        // What comes of it is no longer than the text, but for some bytes.
        let most = text.iter().map(|segment| segment.bytes.len() as u64).sum();
        let mut permit = self.budget.take(most);
        let result = match &mut self.compressor {
            Some(compressor) => {
                let text: Vec<&[u8]> =
                    text.iter().map(|segment| segment.bytes.as_slice()).collect();
                compressor.members(&text, &mut bytes).map_err(Failure::from)
            }
            None => Err(Failure::new(
                FailureType::System,
                "a frame was cut for a format without compression",
            )),
        };
        text.into_iter().for_each(|segment| self.buffers.chunks.give(segment.bytes));
        result.map(|()| {
            permit.resize(bytes.len() as u64);
            Segment { bytes, permit }
        })
    }
}
