//! The body of a file of compressed text: rows collect into a frame, a worker compresses it.
//!
//! A frame is one gzip member (several, if its text is very long); concatenated members are one
//! gzip file, so that the frames of a file are compressed independently of each other.

use tokio::sync::oneshot;

use super::pieces::Pieces;
use crate::error::Failure;
use crate::pipeline::budget::Budget;
use crate::pipeline::messages::{CompressionSample, Segment, Task, Work, WorkerTools};

/// Rows that wait for their frame, and frames that workers are compressing.
#[derive(Debug)]
pub(super) struct GzipBody {
    level: u8,
    /// Text of one frame, at least.
    min_frame_bytes: usize,
    /// Rows that no frame has taken yet.
    loose: Vec<Segment>,
    loose_bytes: usize,
    /// Memory that the loose rows hold, as the budget counts it.
    loose_held_bytes: u64,
    frames: Pieces<Segment>,
}

impl GzipBody {
    /// `header` is what the text begins with.
    pub(super) fn new(level: u8, min_frame_bytes: usize, header: Option<Segment>) -> Self {
        let mut body = Self {
            level,
            min_frame_bytes,
            loose: Vec::new(),
            loose_bytes: 0,
            loose_held_bytes: 0,
            frames: Pieces::new(),
        };
        header.into_iter().for_each(|header| body.push_loose(header));
        body
    }

    /// Adds rows; returns the frame that they fill, if they do.
    pub(super) fn append(&mut self, rows: Segment) -> Option<(u32, GzipFrame)> {
        self.push_loose(rows);
        if self.loose_bytes >= self.min_frame_bytes { self.cut_frame() } else { None }
    }

    fn push_loose(&mut self, rows: Segment) {
        self.loose_bytes += rows.bytes.len();
        self.loose_held_bytes += rows.held_bytes();
        self.loose.push(rows);
    }

    /// Makes a frame of the loose rows, however few they are.
    pub(super) fn cut_frame(&mut self) -> Option<(u32, GzipFrame)> {
        if self.loose.is_empty() {
            return None;
        }
        let text = std::mem::take(&mut self.loose);
        self.loose_held_bytes = 0;
        let (number, result) = self.frames.begin(std::mem::take(&mut self.loose_bytes) as u64);
        Some((number, GzipFrame { level: self.level, text, result }))
    }

    /// Records that a frame is made. Returns the sizes of its text before and after compression.
    pub(super) fn done(&mut self, number: u32) -> Option<CompressionSample> {
        let (text_bytes, frame) = self.frames.done(number)?;
        Some(CompressionSample { text_bytes, compressed_bytes: frame.bytes.len() as u64 })
    }

    /// The next frame of the file, if it is made.
    pub(super) fn pop(&mut self) -> Option<Segment> {
        self.frames.pop()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.loose.is_empty() && self.frames.is_empty()
    }

    pub(super) fn held_bytes(&self) -> u64 {
        self.loose_held_bytes
    }

    /// Estimates the compressed size of the rows that are not bytes yet. If nothing of the stream
    /// was compressed yet, the ratio of all streams counts.
    pub(super) fn estimated_bytes(&self, own: CompressionSample, all: CompressionSample) -> u64 {
        let ratio = own.ratio().or(all.ratio()).unwrap_or(1.0);
        ((self.loose_bytes as u64 + self.frames.rows_bytes()) as f64 * ratio) as u64
    }
}

/// Text to be compressed: a job of one task.
#[derive(Debug)]
pub(super) struct GzipFrame {
    level: u8,
    text: Vec<Segment>,
    result: oneshot::Sender<Segment>,
}

impl Work for GzipFrame {
    fn is_rationed(&self) -> bool {
        false
    }

    fn into_tasks(self: Box<Self>, _budget: &Budget) -> Vec<Box<dyn Task>> {
        vec![self]
    }

    #[cfg(test)]
    fn text(&self) -> Option<String> {
        let text = |segment: &Segment| String::from_utf8(segment.bytes.clone()).unwrap();
        Some(self.text.iter().map(text).collect())
    }

    #[cfg(test)]
    fn finish_with(self: Box<Self>, piece: Segment) {
        // The receiver is gone if the file was given up.
        let _ = self.result.send(piece);
    }
}

impl Task for GzipFrame {
    fn run(self: Box<Self>, tools: &mut WorkerTools) -> Option<Result<(), Failure>> {
        let Self { level, text, result } = *self;
        let mut bytes = Vec::new();
        // Compressed text is no longer than the text, but for a few bytes.
        let max_bytes = text.iter().map(|segment| segment.bytes.len() as u64).sum();
        let mut permit = tools.budget.take(max_bytes);
        let compressed = tools.gzip(level).and_then(|gzip| {
            let text: Vec<&[u8]> = text.iter().map(|segment| segment.bytes.as_slice()).collect();
            gzip.members(&text, &mut bytes)
        });
        text.into_iter().for_each(|segment| tools.chunk_buffers.give(segment.bytes));
        Some(compressed.map_err(Failure::from).map(|()| {
            permit.resize(bytes.len() as u64);
            // The receiver is gone if the file was given up: the frame goes with it.
            let _ = result.send(Segment { bytes, permit });
        }))
    }
}
