//! Delivery: a numbered source, the connector under faults and kills, and an oracle that reads what
//! is visible.
//!
//! - [`source`]: what is sent: numbered streams that continue after the last STATE that came back;
//! - [`attempt`]: one process from start to end, and a [`attempt::Job`]: attempts until the source
//!   is done;
//! - [`rows`]: every visible row, read back; [`oracle`]: lost, duplicate and foreign rows;
//!   [`labels`]: the metadata of objects;
//! - [`older`]: what is in the bucket already when a sync replaces it;
//! - [`kills`], [`matrix`] with [`case`], [`pair`]: what is done to the connector; [`window`]: how
//!   long a duplicate is possible; [`pool`]: concurrent cases;
//! - [`report`]: all of it as a page (the program `delivery_report`); `tests`: the part that `make
//!   test` runs.
//!
//! Invariants
//! - All randomness comes from a seed, which a failure names.
//! - A case never stops half-way: what is wrong with it becomes a message
//!   ([`oracle::Verdict::problems`]), so that one broken case does not hide the others.
//!
//! Not here: the S3 server and its faults (the crate `faulty_s3`), what a file contains besides
//! rows (other tests).

#![allow(dead_code, reason = "the tests and the report each use a part of it")]

pub(crate) mod attempt;
pub(crate) mod case;
pub(crate) mod chance;
pub(crate) mod kills;
pub(crate) mod labels;
pub(crate) mod matrix;
pub(crate) mod older;
pub(crate) mod oracle;
pub(crate) mod pair;
pub(crate) mod pool;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod source;
pub(crate) mod window;

#[cfg(test)]
mod tests;

/// The bucket of every case.
pub(crate) const BUCKET: &str = "lake";
