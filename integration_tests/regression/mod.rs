//! Faults that users of this and of other connectors reported: one test each, named after the fault.
//!
//! A module is an area. A listing of these files tells a reader the hard cases. Faults of one unit have their test
//! beside the unit. Where the right behaviour is a decision, SEMANTICS.md says it.

// What a store or a proxy answers.
mod answers;
// Catalogs and settings that are JSON, but not as usual.
mod catalogs;
// CSV cells that readers change.
mod csv_cells;
// The address of the store: a path in it, the bucket in it.
mod endpoint;
// FIPS and dual stack.
mod endpoint_variants;
// The input: byte order marks, text that is not Airbyte's, statuses.
mod inputs;
// Half surrogate pairs, bare NaN, deep nesting, repeated members.
mod json_text;
// Listings that are cut or never end.
mod listings;
// Many streams: file sizes, GLOBAL states.
mod many_streams;
// Memory: long lines, many streams, many processors.
mod memory;
// Stores that lose the metadata by which objects are known, and objects without any.
mod metadata;
// Credentials of an instance, a web identity and a container, and how they fail.
mod metadata_service;
// Names of columns, folders and files that engines read in their own way.
mod names;
// Hosts that are reached without a proxy.
mod no_proxy;
// Types and names of Parquet columns that engines refuse, or that change between syncs.
mod parquet_types;
// Values that a Parquet column cannot take.
mod parquet_values;
// The clouds of AWS besides `aws`.
mod partitions;
// Multipart uploads on a store that wants parts of one size.
mod parts;
// Old objects that cannot be removed, and what is said about removals.
mod replacement;
// Messages about settings and catalogs.
mod settings;
// SIGTERM and SIGINT at every moment, and exit codes.
mod signals;
// Stores that let a sync wait.
mod stalls;
// Stores that say that keys are taken, other writers, lost metadata.
mod taken_keys;
// The platform's shell script around the connector.
mod wrapper;
