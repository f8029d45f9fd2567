//! From stdin to encoded blocks: the stages that run in parallel.
//!
//! ```text
//! stdin → BlockReader → Block → BlockEncoder (LineReader, StreamTable) → EncodedBlock
//! ```
//!
//! One reader thread makes blocks; any number of workers encode them. No stage here knows what the
//! others have seen: the order of blocks is restored in `engine::order`.
//!
//! | file | duty |
//! |---|---|
//! | `block_reader` | divides stdin into blocks of whole lines |
//! | `surrogate_repair` | replaces half surrogate pairs in a block before it is read |
//! | `line_reader` | says which stream a line is of, and reads its record |
//! | `block_encoder` | fills the chunks of a block |
//! | `stream_table` | finds streams, and what makes their rows |

mod block_encoder;
mod block_reader;
mod line_reader;
mod stream_table;
mod surrogate_repair;

pub(crate) use block_encoder::{BlockEncoder, BlockSeed};
pub(crate) use block_reader::{BlockReader, BlockSettings, MAX_LINE_BYTES};
pub(crate) use line_reader::COLUMN_SCRATCH_BYTES;
pub(crate) use stream_table::{StreamEncoding, StreamTable};
