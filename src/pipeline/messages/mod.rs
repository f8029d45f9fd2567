//! What travels between the stages of a run.
//!
//! | message | from | to |
//! |---|---|---|
//! | [`Block`] | `input::BlockReader` | `input::BlockEncoder` |
//! | [`EncodedBlock`] | `input::BlockEncoder` | `engine` |
//! | [`Action`] | `engine` | `run`, which starts it |
//! | [`Event`] | workers, `upload`, timer, signals | `engine` |
//! | [`Job`] | `file::body`, in an [`Action`] | workers |
//! | [`JobDone`] | workers, in an [`Event`] | `file::body` |
//!
//! Besides, what the two ends agree on: the [`StreamFormat`]. Types only, with what follows from
//! their own fields. Not here: any stage.

mod action;
mod block;
mod encoded_block;
mod event;
mod ids;
mod job;
mod segment;
mod stream_format;

pub(crate) use action::{Action, StoreRequest};
pub(crate) use block::{Block, ReadFault};
pub(crate) use encoded_block::{
    Chunk, CompressionSample, CursorNotes, EncodedBlock, Item, LineFault, Rows,
};
pub(crate) use event::{Event, StoreAnswer};
pub(crate) use ids::{FileId, Position};
pub(crate) use job::{Job, JobDone, Task, Work, WorkerTools};
pub(crate) use segment::{ColumnSegment, Segment, SegmentSlice};
pub(crate) use stream_format::{Compression, ParquetLayout, StreamFormat};
