//! One file: its life from the first row to the receipt, and how its rows become its bytes.

mod body;
mod lifecycle;

pub use body::{Assembly, Frames, Framing};
pub use body::{ColumnTask, column_tasks};
pub use lifecycle::{CutSettings, File, SealReason, TakenKeys};
