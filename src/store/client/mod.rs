//! The client: who signs, whom it trusts, how a request is sent, watched and retried.
//!
//! [`StoreSettings`] -> [`S3Store`], whose `send` takes a request of the SDK and returns its answer
//! or a `StoreError`.
//!
//! | file | duty |
//! |---|---|
//! | `settings`, `access`, `object_info` | plain values from outside |
//! | `s3_store`, `capabilities` | the handle of a bucket, and what a run has learned about its store |
//! | `request`, `sending`, `attempts` | how a request is sent |
//! | `retry_policy`, `retry_classifier` | how often and how long, and after which answers |
//! | `request_delay`, `delay_monitor`, `notice` | what the user hears of long delays |
//! | `signing`, `renewal` | credentials, and new ones in time |
//! | `headers`, `checksum` | what every object and every body carries |
//! | `http`, `proxy`, `no_proxy`, `resolver`, `progress` | connections: trust, proxies, DNS, stalls |
//!
//! Invariants
//! - Every request to S3 goes through `sending`.
//! - No `Debug` and no error shows a secret.
//!
//! Not here: what an answer means (`answers`), which requests there are and how doubtful answers to
//! them are settled (`requests`).

mod access;
mod attempts;
mod capabilities;
mod checksum;
mod delay_monitor;
mod headers;
mod http;
mod no_proxy;
mod notice;
mod object_info;
mod progress;
mod proxy;
mod renewal;
mod request;
mod request_delay;
mod resolver;
mod retry_classifier;
mod retry_policy;
mod s3_store;
mod sending;
mod settings;
mod signing;

pub(crate) use access::Access;
pub(crate) use checksum::Digests;
pub(crate) use headers::TakesObjectHeaders;
pub(crate) use http::HttpClient;
#[cfg(test)]
pub(crate) use http::HttpError;
pub(crate) use notice::Notice;
pub(crate) use object_info::ObjectInfo;
pub(crate) use object_info::key_hash;
#[cfg(test)]
pub(crate) use retry_policy::RetryPolicy;
pub(crate) use s3_store::S3Store;
pub(crate) use settings::StoreSettings;
