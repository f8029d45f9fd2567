//! From stdin to encoded blocks: the stages that run in parallel.

mod block_encoder;
mod block_reader;
mod line_reader;
mod stream_table;
mod surrogate_repair;

pub use block_encoder::{BlockEncoder, BlockSeed};
pub use block_reader::{BlockReader, BlockSettings, MAX_LINE_BYTES};
pub use line_reader::COLUMN_SCRATCH_BYTES;
pub use stream_table::{RowMaker, StreamEncoding, StreamTable};
