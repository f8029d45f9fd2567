//! One file: its life from the first row to the receipt, and how its rows become its bytes.

mod body;
mod lifecycle;

pub(crate) use body::{FileBody, MIN_EARLY_PIECE_BYTES, PieceSizes};
pub(crate) use lifecycle::{File, FileSettings, FileStart, SealReason};
