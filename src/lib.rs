//! destination-s3: an Airbyte destination that writes CSV, JSONL and Parquet objects to Amazon S3.
//!
//! The program is [`verb::run`] behind a command line, with [`panic_hook::install`] before it. All
//! else is private to the crate, so that the compiler finds what nothing uses; `fuzzing` lists the
//! other items that the fuzz targets need. `docs/ARCHITECTURE.md` is the map of the rooms.

mod aws;
mod check;
mod config;
mod env;
mod error;
mod format;
#[doc(hidden)]
pub mod fuzzing;
mod json;
mod key;
mod model;
pub mod panic_hook;
mod pipeline;
mod protocol;
mod provenance;
mod replace;
mod shutdown;
mod store;
pub mod verb;
