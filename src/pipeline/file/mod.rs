//! One file: its life from the first row to the receipt, and how its rows become its bytes.

mod body;
mod lifecycle;
mod row_group;

pub use body::{Assembly, Frames, Framing};
pub use lifecycle::{CutSettings, File, SealReason, TakenKeys};
pub use row_group::{ColumnTask, column_tasks};
