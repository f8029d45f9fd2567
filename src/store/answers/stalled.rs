//! The error of a request that made no progress.
//!
//! The client's watch over progress (`client::progress`) raises it below the SDK, and `classify`
//! recognizes it as a timeout.

use std::time::Duration;

/// Neither the request's body nor the response moved for this long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no progress for {} ms", .0.as_millis())]
pub(crate) struct Stalled(pub(crate) Duration);
