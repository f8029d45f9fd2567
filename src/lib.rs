//! destination-s3: an Airbyte destination that writes CSV, JSONL and Parquet objects to Amazon S3.
//!
//! The folders are the stages of the pipeline; `docs/ARCHITECTURE.md` draws them. `verb` has one file per verb.

pub mod aws;
pub mod check;
pub mod columns;
pub mod config;
pub mod encode;
pub mod env;
pub mod error;
pub mod json;
pub mod key;
pub mod last_word;
pub mod model;
pub mod parquet_file;
pub mod pipeline;
pub mod policy;
pub mod protocol;
pub mod provenance;
pub mod replace;
pub mod sign_in;
pub mod stop;
pub mod store;
pub mod verb;
