//! The client: who signs, whom it trusts, how a request is sent, watched and retried.

pub(crate) mod checksum;
pub(crate) mod credentials;
pub(crate) mod delay;
pub(crate) mod headers;
pub(crate) mod http;
pub(crate) mod no_proxy;
pub(crate) mod notice;
pub(crate) mod progress;
mod resolver;
pub(crate) mod s3_store;
pub(crate) mod sending;
pub(crate) mod settings;
