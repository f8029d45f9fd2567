//! What objects are called: the user's key template, its macros, and numbers for keys that are
//! taken.
//!
//! `s3_bucket_key` → [`KeyTemplate`] (once) → [`KeyStem`] (per file: a key but for its number) → a
//! key, numbered by the [`KeyAllocator`]. [`ids`] makes the ids that macros show, [`cursor`] reads
//! a record's cursor value.
//!
//! Invariants
//! - Pure: the same values give the same key; no clock, no randomness, no I/O.
//! - A value is never scanned for macros and cannot leave its path segment: a stream called
//!   `../{year}` is one segment, `..%2F%7Byear%7D`.
//! - What the user typed is never altered, only empty segments are dropped.
//! - A key has no leading `/`, no `//`, no `.` or `..` segment, and at most 1,024 bytes whatever
//!   its number.
//! - No key is given to two files, even where two streams share a name.
//!
//! Not here: the listing itself and the guarded write (`store`), which rows share a file
//! (`pipeline`). May import: `error`, `model`.

mod allocator;
pub mod cursor;
mod hive;
pub mod ids;
mod macros;
mod render;
mod stem;
mod template;
mod values;

#[cfg(test)]
mod tests;

pub use allocator::{Allocation, KeyAllocator, highest_listed};
pub use render::KeyError;
pub use stem::KeyStem;
pub use template::{KeyTemplate, ShownExtension, TemplateError};
pub use values::{FileValues, RunValues, StreamValues};

/// The longest key that S3 takes, in bytes of UTF-8 ("Naming Amazon S3 objects").
pub const MAX_KEY_BYTES: usize = 1024;
