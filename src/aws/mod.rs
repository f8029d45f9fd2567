//! AWS itself: its partitions and endpoints, how to sign in, and which IAM policies are needed.
//!
//! Files: `partition` and `endpoints` (facts, pure), `sign_in` (settings and environment ->
//! credentials), `policy` (settings -> IAM policies).
//!
//! Invariant: a fact about AWS that more than one room needs has its only copy here.
//!
//! Not here: requests to S3 (`store`).

mod endpoints;
mod partition;
pub(crate) mod policy;
pub(crate) mod sign_in;

pub(crate) use endpoints::EndpointVariant;
pub(crate) use partition::Partition;
