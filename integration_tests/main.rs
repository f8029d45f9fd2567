//! The connector from outside: the real binary as a child process against an S3 server inside the test process.
//!
//! The expectations come from the contract and the protocol, never from the connector's code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails with a sentence of its own"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "waits are bounded by the real clock, and there is no `env` here"
)]

// The server, the child process, the readers.
mod support;
// A bucket of its own for each test, catalogs and messages.
mod world;
// What was sent, and its comparison with what is stored.
mod sent;

// Kills, faults and two at once, with every row accounted for.
mod delivery;
// What a sync does with the objects of earlier syncs.
mod generations;
// The keys of objects.
mod keys;
// Parquet, read back by other engines.
mod parquet;
// The IAM policies of a configuration, and what they allow.
mod policy;
// Lines of the input, STATE messages, and how a run ends.
mod protocol;
// Faults that were reported, one test each.
mod regression;
// Nothing that was printed or written holds a secret.
mod secrets;
// Roles, identities and their lifetimes.
mod sign_in;
// The store and the way to it.
mod store;
// JSONL and CSV.
mod text;
// `spec`, `check` and `write` as commands.
mod verb;
