//! Faults that users of this and of other connectors reported: one test each, named after the
//! fault.
//!
//! Each module is an area; a listing of the tests shows the hard cases. Faults of one unit have
//! their test next to the unit. Where the right behaviour is a decision, SEMANTICS.md states it.

// Answers of stores and proxies.
mod answers;
// Catalogs and settings that are unusual but valid JSON.
mod catalogs;
// CSV cells that readers change.
mod csv_cells;
// The endpoint of the store: with a path, with the bucket in it.
mod endpoint;
// FIPS and dual stack.
mod endpoint_variants;
// The input: byte order marks, text that is no Airbyte message, statuses.
mod inputs;
// Half surrogate pairs, bare NaN, deep nesting, duplicate members.
mod json_text;
// Listings that are truncated or never end.
mod listings;
// Many streams: file sizes, GLOBAL states.
mod many_streams;
// Memory: long lines, many streams, many CPUs.
mod memory;
// Stores that lose the metadata that identifies objects, and objects without any.
mod metadata;
// Credentials of an instance, a web identity and a container, and how they fail.
mod metadata_service;
// Names of columns, folders and files that engines read in their own way.
mod names;
// Hosts that are reached without a proxy.
mod no_proxy;
// Types and names of Parquet columns that engines refuse, or that change between syncs.
mod parquet_types;
// Values that a Parquet column cannot hold.
mod parquet_values;
// The AWS partitions besides `aws`.
mod partitions;
// Multipart uploads to a store that wants parts of one size.
mod parts;
// Old objects that cannot be removed, and the messages about removals.
mod replacement;
// Messages about settings and catalogs.
mod settings;
// SIGTERM and SIGINT at every moment, and exit codes.
mod signals;
// Stores that make a sync wait.
mod stalls;
// Stores that say that keys are taken, other writers, lost metadata.
mod taken_keys;
// The platform's shell script around the connector.
mod wrapper;
