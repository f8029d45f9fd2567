//! The bucket: everything that is said to S3, and what S3's answers mean.
//!
//! [`StoreSettings`] (already checked) makes an [`S3Store`]; keys, bytes and [`ObjectInfo`] go in,
//! receipts and [`StoreError`]s come out.
//!
//! Invariants
//! - An object is never overwritten: [`S3Store::put`] and [`S3Store::complete_multipart`] are
//!   guarded with `If-None-Match: *`, or by a look at the key where a store has no such guard.
//! - Success means that S3 has confirmed the whole object. An answer that got lost is settled by
//!   looking for our own token in the object's metadata, so that our own write is never mistaken
//!   for somebody else's.
//! - Credentials that can be renewed are renewed in mid-sync; those that cannot end it when they
//!   have expired.
//! - No error holds a secret, a signed header or the content of a record.
//!
//! Not here: which key an object gets (`key`), how many requests run at once and in which order
//! objects become visible (`pipeline`), where the settings come from (`config`). May import: `env`,
//! `error`.

mod address;
mod answers;
mod client;
mod operation;
mod options;
mod requests;

pub use answers::{Denied, Distrust, Effect, ListingFault, StoreError, StoreErrorKind};
pub use client::credentials::Access;
pub use client::http::{HttpClient, HttpError};
pub use client::notice::Notice;
pub use client::s3_store::S3Store;
pub use client::settings::{ObjectInfo, StoreSettings};
pub use operation::Operation;
pub use options::{CannedAcl, Checksum, Encryption, ObjectOptions, StorageClass, Tag};
pub use requests::listing::{Listing, Pages};
pub use requests::multipart::PartReceipt;
pub use requests::objects::StoredObject;
pub use requests::region::FoundRegion;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
