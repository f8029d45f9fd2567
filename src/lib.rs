//! destination-s3: an Airbyte destination that writes CSV, JSONL and Parquet objects to Amazon S3.
//!
//! The folders are the stages of the pipeline; `docs/ARCHITECTURE.md` draws them. `verb` has one
//! file per verb.

pub mod aws;
pub mod check;
pub mod config;
pub mod env;
pub mod error;
pub mod format;
pub mod json;
pub mod key;
pub mod model;
pub mod panic_hook;
pub mod pipeline;
pub mod protocol;
pub mod provenance;
pub mod replace;
pub mod shutdown;
pub mod store;
pub mod verb;
