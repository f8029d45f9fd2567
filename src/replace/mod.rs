//! Removes the objects of earlier runs that a good end replaces.
//!
//! [`Replacement`]s, one for each stream whose old objects are to go, and the store -> the objects
//! are gone, and a [`Report`]. Called when everything of the run is published, acknowledged and
//! printed, and not before.
//!
//! Invariants
//! - An object is removed only if its own metadata says that it belongs to the stream, that it was
//!   written to the key where it lies, and that it is one of those to go. A key is never proof.
//! - Nothing is removed before the listing that shows it has been seen to end.
//! - The plain name of a fixed key (`users.csv`) always has the whole old object or the whole new
//!   one: the new one is copied over it on the server, last of all.
//! - Memory does not grow with the number of objects: they are taken page by page.
//! - Doing it again, after a failure in the middle, ends the same.
//!
//! Files: `plan` (pure: which objects), `sweep` (listing, HEADs, deletions, copies), `failures`
//! (pure: what failed, and when to give up), `report` (what was done). Not here: whether a stream
//! may be replaced (`pipeline::engine`, `verb::write`), what is printed (`verb::replacing`). May
//! import: `error`, `key`, `model`, `protocol::catalog`, `provenance`, `shutdown`, `store`.

mod failures;
mod plan;
mod report;
mod sweep;

pub use plan::Replacement;
pub use report::{Removal, Removed, ReplaceError, Report, SkippedObjects};
pub use sweep::replace;
