//! Work on one piece of a file that any worker may do.
//!
//! The body of a file makes a [`Job`] and keeps the receiving end of a channel for the result. The
//! piece goes straight to that body; the [`JobDone`] that the engine gets only says that the piece
//! is there. So a body never gets a piece of another format.
//!
//! Not here: the work itself (`file::body`), who hands it out (`worker`).

use std::fmt;

use super::FileId;
use crate::error::Failure;
use crate::format::text::{GzipCompressor, GzipError};
use crate::pipeline::budget::Budget;
use crate::pipeline::buffer_pool::BufferPool;

/// One piece of a file to be made.
#[derive(Debug)]
pub(crate) struct Job {
    /// Whose piece.
    pub file: FileId,
    /// Position of the piece in its file, from 0.
    pub piece: u32,
    /// What is to be done.
    pub work: Box<dyn Work>,
}

/// A job has ended.
#[derive(Debug)]
pub(crate) struct JobDone {
    /// Whose piece.
    pub file: FileId,
    /// Position of the piece in its file.
    pub piece: u32,
    /// `Ok` if the body can take the piece, or why there is no piece.
    pub result: Result<(), Failure>,
    /// As the job's [`Work::is_rationed`].
    pub is_rationed: bool,
}

/// What a job does.
pub(crate) trait Work: fmt::Debug + Send {
    /// Whether workers may have only a few such jobs at once, because the result of one holds far
    /// more memory than its bytes.
    fn is_rationed(&self) -> bool;

    /// Cuts the work into tasks that different workers may run at the same time; at least one.
    fn into_tasks(self: Box<Self>, budget: &Budget) -> Vec<Box<dyn Task>>;

    /// Returns the text of the piece, for tests with a compressor of their own; `None` where a
    /// piece is made of columns.
    #[cfg(test)]
    fn text(&self) -> Option<String>;

    /// Ends the work on text with a piece that a test has made.
    #[cfg(test)]
    fn finish_with(self: Box<Self>, piece: super::Segment);
}

/// A share of a job, for one worker.
pub(crate) trait Task: fmt::Debug + Send {
    /// Runs to the end. `Some` from the task of a job that ends last: how the job ended.
    fn run(self: Box<Self>, tools: &mut WorkerTools) -> Option<Result<(), Failure>>;
}

/// What a worker keeps from task to task.
#[derive(Debug)]
pub(crate) struct WorkerTools {
    /// The run's memory.
    pub budget: Budget,
    /// Takes back the buffers of rows that have been encoded.
    pub chunk_buffers: BufferPool,
    gzip: Option<(u8, GzipCompressor)>,
}

impl WorkerTools {
    /// Nothing is kept yet.
    #[must_use]
    pub(crate) fn new(budget: Budget, chunk_buffers: BufferPool) -> Self {
        Self { budget, chunk_buffers, gzip: None }
    }

    /// The worker's compressor for this level, made at its first use: its tables take a while.
    ///
    /// # Errors
    /// The level does not exist: a defect, the settings should not have let it pass.
    pub(crate) fn gzip(&mut self, level: u8) -> Result<&mut GzipCompressor, GzipError> {
        let compressor = match self.gzip.take() {
            Some((of_level, compressor)) if of_level == level => compressor,
            Some(_) | None => GzipCompressor::new(level)?,
        };
        let (_, compressor) = self.gzip.insert((level, compressor));
        Ok(compressor)
    }
}
