//! Object keys: the user's key template, its macros, and numbers for keys that are taken.
//!
//! The text of `s3_bucket_key` → [`KeyTemplate`] (once) → [`KeyStem`] (per file: a key without its
//! number) → a key, which the [`KeyAllocator`] numbers. [`ids`] makes the ids that macros show, and
//! [`cursor`] reads a record's cursor value.
//!
//! Invariants
//! - Pure: the same values give the same key; no clock, no randomness, no I/O.
//! - A value is never scanned for macros and cannot leave its path segment: a stream called
//!   `../{year}` is one segment, `..%2F%7Byear%7D`.
//! - The text that the user typed is never changed, except that empty segments are dropped.
//! - A key has no leading `/`, no `//`, no `.` or `..` segment, and at most 1,024 bytes whatever
//!   its number.
//! - No two files get one key, even where two streams have one name.
//!
//! Not here: the listing and the guarded write (`store`), which rows share a file (`pipeline`).

mod allocator;
pub(crate) mod cursor;
mod hive;
pub(crate) mod ids;
mod macros;
mod render;
mod stem;
mod template;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use allocator::{Allocation, KeyAllocator, highest_listed};
pub(crate) use render::KeyError;
pub(crate) use stem::KeyStem;
pub use template::KeyTemplate;
pub(crate) use template::TemplateError;
pub use values::{FileValues, RunValues, StreamValues};

/// The longest key that S3 takes, in bytes of UTF-8 ("Naming Amazon S3 objects").
pub const MAX_KEY_BYTES: usize = 1024;
