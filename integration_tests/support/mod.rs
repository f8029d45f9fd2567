//! What the integration tests and the quickstart share: servers, the connector as a child process,
//! and readers.
//!
//! Nothing here calls the connector's own code. The binary is driven through its arguments, stdin
//! and stdout as the platform drives it, and objects are read back by readers that know nothing of
//! the writers.
//!
//! Not here: what a test expects of an object or a message (the tests), and the input of the
//! benchmark (`benches`).

#![allow(dead_code, reason = "each program uses a part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what tests share fails the test with a message of its own"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "waits are bounded by the real clock, and there is no `env` here"
)]

pub(crate) mod aws;
pub(crate) mod boto;
pub(crate) mod connector;
pub(crate) mod faulty_s3;
pub(crate) mod garage;
pub(crate) mod gate;
pub(crate) mod proxy;
pub(crate) mod read_back;
pub(crate) mod readers;
pub(crate) mod scripted_sts;
pub(crate) mod server;
pub(crate) mod tls_front;
pub(crate) mod transcript;
