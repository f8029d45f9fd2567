//! From stdin to S3: the stages of one run and what travels between them.
//!
//! ```text
//! stdin → BlockReader → Block → BlockEncoder (workers) → EncodedBlock → Engine → Action → Uploader → S3
//!                                                                        ↑  ↓ Compress → Frame (workers)
//!                                                             Ledger ────┘  └ PrintState → stdout
//! ```
//!
//! `block` cuts stdin. `encode_block` is the parallel work, with `record_reader` and
//! `stream_table`; `row_group` encodes Parquet. `order` restores input order. `engine` decides,
//! with `file` (the life of one file), `frames` (how its rows become its bytes) and `ledger` (what
//! may be acknowledged) as its parts. `upload` talks to the store, `run` wires them together.
//! `budget` bounds the memory of all of it.

pub mod budget;
pub mod buffer_pool;
pub mod engine;
pub mod file;
pub mod input;
pub mod messages;
pub mod run;
pub mod summary;
pub mod upload;
mod worker;
