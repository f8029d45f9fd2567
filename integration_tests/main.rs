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

// `check` with good and bad configurations.
mod check;
// Kills, faults and two at once, with every row accounted for.
mod delivery;
// Delimiters, quoting, headers and nulls of CSV.
mod csv_options;
// Good and bad ends of the input.
mod ends;
// Old data: what its tests share.
mod generations;
// Replacing that is refused, killed or disturbed.
mod generations_breaks;
// Which old objects a stream's new rows leave in the plain dialect.
mod generations_guard;
// Fixed keys: the old whole or the new whole.
mod generations_keys;
// Modes, and what an object says about itself.
mod generations_metadata;
// Replacing as S3 sees it: order, refusals, many objects.
mod generations_store;
// The platform's own suite: refreshes, retries, clears.
mod generations_suite;
// What a good end and a bad end leave of old objects.
mod generations_table;
// Old objects under every kind of key.
mod generations_templates;
// Broken, odd and huge lines.
mod lines;
// The S3 that fails on demand, under the SDK's client.
mod faulty_s3;
// What it refuses, as S3 does.
mod faulty_s3_checks;
// How it fails.
mod faulty_s3_faults;
// A second store: Garage.
mod garage;
// Least policies, missing actions, roles.
mod iam;
// What is asked of S3 against the policies.
mod iam_requests;
// Captured syncs and interleaved streams, record by record.
mod formats;
// Key templates, numbering and file sizes.
mod keys;
// Times, cursors and ids in keys.
mod macros;
// Memory, and what happens when S3 is slow.
mod memory;
// Parquet: what its tests share.
mod parquet;
// An example for every type of column and every bad value.
mod parquet_examples;
// Codec, row groups, footer and schema of Parquet files, and folders of them.
mod parquet_files;
// Names of Parquet columns.
mod parquet_names;
// The platform's own suite, on Parquet.
mod parquet_suite;
// Whole syncs into Parquet.
mod parquet_syncs;
// Every value in every Parquet column, and the options of types.
mod parquet_types;
// The IAM policies of a configuration.
mod policy;
// What Terraform makes of them.
mod policy_terraform;
// `write` with a configuration, catalog or store that cannot work.
mod refusals;
// Faults that were reported, one test each.
mod regression;
// Nothing that was printed or written holds a secret.
mod secrets;
// Signing in with a role.
mod sign_in;
// Where an identity comes from.
mod sign_in_chain;
// Syncs that outlive their credentials.
mod sign_in_lifetimes;
// `spec`.
mod spec;
// STATE messages: their content, their counts, when they come back.
mod states;
// Certificates and proxies.
mod transport;
// Values that writers tend to change, and fields with odd names.
mod values;
