//! Delivery: a numbered source, the connector under faults and kills, and an oracle that reads what is visible.
//!
//! - [`source`]: what is sent: numbered streams that go on after the last STATE that came back;
//! - [`attempt`]: one process from its start to its end, and a [`attempt::Job`]: attempts until the source is through;
//! - [`rows`]: every visible row, read back; [`oracle`]: what is lost, twice or foreign; [`labels`]: what the metadata says;
//! - [`older`]: what lies in the bucket already, where a sync replaces it;
//! - [`kills`], [`matrix`] with [`case`], [`pair`]: what is done to the connector; [`window`]: how long a duplicate is possible; [`pool`]: several cases at once;
//! - [`report`]: all of it as a page (the program `delivery_report`); `tests`: the cut of it that `make test` runs.
//!
//! Invariants
//! - Everything random comes from a seed that is named when something is wrong.
//! - A case never fails half-way: what is wrong with it becomes a sentence ([`oracle::Verdict::problems`]), so that one
//!   broken case does not hide the others.
//!
//! Not here: the S3 server and its faults (`support::faulty_s3`), what a file looks like beyond its rows (other tests).

#![allow(dead_code, reason = "the tests and the report each take their share")]

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
