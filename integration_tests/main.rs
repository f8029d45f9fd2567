//! Tests the connector from outside: the real binary as a child process against an S3 server inside
//! the test process.
//!
//! The expectations come from the contract and the protocol, never from the connector's code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails with a message of its own"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "waits are bounded by the real clock, and there is no `env` here"
)]

// Servers, the connector as a child process, and readers of objects.
mod support;
// A bucket for each test, catalogs and messages.
mod world;
// What was sent, compared with what is stored.
mod sent;

// Kills, faults and concurrent syncs, with every row accounted for.
mod delivery;
// What a sync does with the objects of earlier syncs.
mod generations;
// Rules of the house that a machine checks.
mod house;
// The keys of objects.
mod keys;
// Parquet, read back by other engines.
mod parquet;
// The IAM policies for a configuration, and what they allow.
mod policy;
// Input lines, STATE messages, and how a run ends.
mod protocol;
// Reported faults, one test each.
mod regression;
// No secret is ever printed or written.
mod secrets;
// Roles, identities, and the lifetimes of credentials.
mod sign_in;
// The store, and the connection to it.
mod store;
// JSONL and CSV.
mod text;
// `spec`, `check` and `write` as commands.
mod verb;
