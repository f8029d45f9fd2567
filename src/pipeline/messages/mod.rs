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

pub use action::{Action, StoreRequest};
pub use block::{Block, ReadFault};
pub use encoded_block::{
    Chunk, CompressionSample, CursorNotes, EncodedBlock, Item, LineFault, Rows,
};
pub use event::{Event, StoreAnswer};
pub use ids::{FileId, Position};
pub use job::{Job, JobDone, Task, Work, WorkerTools};
pub use segment::{ColumnSegment, Segment, SegmentSlice};
pub use stream_format::{Compression, ParquetLayout, StreamFormat};
