//! Facts about AWS as a whole: its partitions, and which kind of endpoint of a service is asked.
//!
//! Invariant: a fact about AWS that more than one folder needs has its only copy here.
//!
//! May import: nothing of this crate.

mod endpoints;
mod partition;
pub mod policy;
pub mod sign_in;

pub use endpoints::{EndpointVariant, VariantError};
pub use partition::Partition;
