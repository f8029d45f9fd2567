//! From stdin to S3: the stages of one run and what travels between them.
//!
//! ```text
//! stdin → BlockReader → Block → BlockEncoder → EncodedBlock → Engine → Action → Uploader → S3
//!                               (workers)                     ↑  ↓ Job → JobDone (workers)
//!                                                  Ledger ────┘  └ PrintState → stdout
//! ```
//!
//! `messages` has what travels and the `StreamFormat` that both ends of it are made from. `input`
//! cuts stdin and encodes its records, in parallel. `engine` restores their order and decides, with
//! `engine::ledger` for what may be acknowledged. `file` is the life of one file, `file::body` how
//! its rows become its bytes. `worker` runs what is parallel, `sampler` tries what text compresses
//! to, `upload` talks to the store, `run` wires them together. `budget` bounds the memory of all of
//! it.

pub(crate) mod budget;
pub(crate) mod buffer_pool;
pub(crate) mod engine;
pub(crate) mod file;
pub(crate) mod input;
pub(crate) mod messages;
pub(crate) mod run;
mod sampler;
pub(crate) mod summary;
pub(crate) mod upload;
mod worker;
