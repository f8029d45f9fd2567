//! What the outside reports to the engine.
//!
//! Exactly one event answers every job and every [`StoreRequest`](super::StoreRequest), whatever
//! happens to it.

use super::{EncodedBlock, FileId, JobDone, ReadFault, SegmentSlice};
use crate::shutdown::Signal;
use crate::store::{Notice, PartReceipt, StoreError};

/// How a [`StoreRequest`](super::StoreRequest) ended.
#[derive(Debug)]
pub(crate) enum StoreAnswer {
    /// The key or folder with the highest number, if one is taken.
    Listed(Result<Option<String>, StoreError>),
    /// The upload's id.
    Created(Result<String, StoreError>),
    /// The part's receipt.
    Part(Result<PartReceipt, StoreError>),
    /// The file is visible, from `Put` or `Complete`.
    Published(Result<(), StoreError>),
    /// `Put` found its key taken by another object; the bytes come back for another key. `Created`
    /// says the same with an error for which [`StoreError::asks_for_next_key`] holds.
    KeyTaken(Vec<SegmentSlice>, StoreError),
    /// The request was not sent.
    Skipped,
    /// The upload is gone, or stays behind for a lifecycle rule.
    Aborted(Result<(), StoreError>),
    /// The object is not there, or no longer; or it stays, and holds rows that will be there twice.
    Deleted(Result<(), StoreError>),
}

/// One report from the outside.
#[derive(Debug)]
pub(crate) enum Event {
    /// A worker has finished a block.
    Block(EncodedBlock),
    /// The reader has seen the end of stdin after this many blocks, or could not read on.
    InputEnded {
        /// Blocks in all.
        blocks: u64,
        /// Why reading stopped before the end, if it did.
        fault: Option<ReadFault>,
    },
    /// A piece of a file is made.
    JobDone(JobDone),
    /// An S3 request has ended.
    Stored(FileId, StoreAnswer),
    /// The store makes the sync wait, or no longer does.
    Noticed(Notice),
    /// stdout is closed: the program that started the sync is gone.
    StdoutClosed,
    /// A signal asks the run to end now.
    Stopped(Signal),
    /// A deadline has passed.
    Timer,
}
