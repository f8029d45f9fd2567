//! The requests: what each one says to S3, and how a doubtful answer to it is settled.
//!
//! All of them are methods of [`S3Store`](crate::store::S3Store).
//!
//! | file | duty |
//! |---|---|
//! | `publish` | PutObject and CompleteMultipartUpload, which make an object visible |
//! | `multipart` | the parts of an upload |
//! | `read`, `stored_object` | GetObject, HeadObject, and what an object says about itself |
//! | `copy`, `delete` | CopyObject, DeleteObject, DeleteObjects |
//! | `listing`, `pages` | ListObjectsV2, page by page |
//! | `region` | GetBucketLocation |
//!
//! Invariants
//! - Only a copy overwrites an object on purpose.
//! - Every request names the account that must own the bucket, if one is configured.
//!
//! Not here: how requests are sent and retried (`client`), what an answer means (`answers`), which
//! key an object gets (`key`) and in which order objects become visible (`pipeline`).

mod copy;
mod delete;
mod listing;
mod multipart;
mod pages;
mod publish;
mod read;
mod region;
mod stored_object;

pub(crate) use listing::Listing;
pub(crate) use multipart::PartReceipt;
pub(crate) use region::FoundRegion;
pub(crate) use stored_object::StoredObject;
