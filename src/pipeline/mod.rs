//! From stdin to S3: the stages of one run and what travels between them.
//!
//! ```text
//! stdin → BlockReader → Block → BlockEncoder (workers) → EncodedBlock → Engine → Action → Uploader → S3
//!                                                                        ↑  ↓ Compress → Frame (workers)
//!                                                             Ledger ────┘  └ PrintState → stdout
//! ```
//!
//! `block` cuts stdin. `encode_block` is the parallel work, with `record_reader` and `stream_table`; `row_group` encodes
//! Parquet. `order` restores input order. `engine` decides, with `file` (the life of one file), `frames` (how its rows
//! become its bytes) and `ledger` (what may be acknowledged) as its parts. `upload` talks to the store, `run` wires them
//! together. `budget` bounds the memory of all of it.

pub mod action;
pub mod block;
pub mod budget;
pub mod chunk;
pub mod encode_block;
pub mod engine;
pub mod file;
pub mod frames;
mod half_pairs;
pub mod ledger;
pub mod order;
mod record_reader;
pub mod recycle;
pub mod row_group;
pub mod run;
pub mod stream_table;
pub mod summary;
pub mod upload;
