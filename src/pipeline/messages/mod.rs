//! What travels between the stages of a run.
//!
//! | message | from | to |
//! |---|---|---|
//! | [`Block`] | `input::BlockReader` | `input::BlockEncoder` |
//! | [`EncodedBlock`] | `input::BlockEncoder` | `engine` |
//! | [`Action`] | `engine` | `run`, which starts it |
//! | [`Event`] | workers, `upload`, timer, signals | `engine` |
//!
//! Types only, with what follows from their own fields. Not here: any stage.

mod action;
mod block;
mod encoded_block;
mod event;
mod ids;
mod job;
mod segment;

pub use action::{Action, StoreRequest};
pub use block::{Block, ReadFault};
pub use encoded_block::{
    Chunk, CompressionSample, CursorNotes, EncodedBlock, Item, LineFault, Rows,
};
pub use event::{Event, StoreAnswer};
pub use ids::{FileId, Position};
pub use job::{Frame, ParquetLayout};
pub use segment::{ColumnSegment, Segment, SegmentSlice};
