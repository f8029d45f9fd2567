//! Removes the objects of earlier runs that a successful sync replaces.
//!
//! [`Replacement`]s, one for each stream whose old objects are removed, and the store -> a
//! [`Report`]. Called after everything of the run is published, acknowledged and printed.
//!
//! | file | duty |
//! |---|---|
//! | `plan` | which objects are removed (pure) |
//! | `plain_keys` | what happens at plain keys in the end (pure) |
//! | `failures` | what failed, and when to give up (pure) |
//! | `sweep` | listings, HEADs, deletions, copies |
//! | `report` | what was done |
//!
//! Invariants
//! - An object is removed only if its own metadata says that it belongs to the stream, that it was
//!   written to the key where it lies, and that it is old. A key is never proof.
//! - Nothing is removed before its listing has been read to the end.
//! - The plain key of a fixed name (`users.csv`) always has the whole old object or the whole new
//!   one: the new one is copied over it on the server, at the very end.
//! - Memory does not grow with the number of objects: they are handled page by page.
//! - Doing it again, after a failure in the middle, leads to the same result.
//!
//! Not here: whether a stream may be replaced (`pipeline::engine`, `verb::write`), what is printed
//! (`verb::replacing`).

mod failures;
mod plain_keys;
mod plan;
mod report;
mod sweep;

pub(crate) use plan::Replacement;
pub(crate) use report::{Removal, Removed, ReplaceError, Report, SkippedObjects};
pub(crate) use sweep::replace;
