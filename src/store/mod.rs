//! The bucket: every request to S3, and what S3's answers mean.
//!
//! [`StoreSettings`] (already checked) -> [`S3Store`]; keys, bytes and [`ObjectInfo`]s go in,
//! receipts and [`StoreError`]s come out.
//!
//! | room | duty | uses |
//! |---|---|---|
//! | `requests` | what each request says, and how a doubtful answer to it is settled | `client`, `answers` |
//! | `client` | how a request is signed, sent, watched and retried | `answers` |
//! | `answers` | what an answer, or the lack of one, means | |
//! | `operation`, `options`, `address` | vocabulary of all three | |
//!
//! Invariants
//! - An object is never overwritten: [`S3Store::put`] and [`S3Store::complete_multipart`] are
//!   conditional (`If-None-Match: *`), or preceded by a HEAD in stores without conditional writes.
//! - Success means that S3 has confirmed the whole object. A lost answer is settled by looking for
//!   our own token in the object's metadata, so our own write is never mistaken for another
//!   writer's.
//! - Credentials that can be renewed are renewed during a sync; other credentials end it when they
//!   expire.
//! - No error holds a secret, a signed header or the content of a record.
//!
//! Not here: which key an object gets (`key`), how many requests run in parallel and in which order
//! objects become visible (`pipeline`), where the settings come from (`config`).

mod address;
mod answers;
mod client;
mod operation;
mod options;
mod requests;

pub(crate) use answers::{Denied, Effect, StoreError, StoreErrorKind};
#[cfg(test)]
pub(crate) use answers::{Distrust, ListingFault};
#[cfg(test)]
pub(crate) use client::HttpError;
pub(crate) use client::{Access, HttpClient, Notice, ObjectInfo, S3Store, StoreSettings};
pub(crate) use operation::Operation;
pub(crate) use options::{CannedAcl, Checksum, Encryption, ObjectOptions, StorageClass, Tag};
pub(crate) use requests::{FoundRegion, Listing, PartReceipt, StoredObject};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
