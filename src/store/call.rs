//! A request on its way: what an error about it needs to know.
//!
//! [`Sent`] goes with the request and counts; [`Call`] is made when it is over.
//!
//! May import: `error`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use super::error::{Effect, ErrorContext, Operation, StoreError, StoreErrorKind};

/// Counts how often a request goes out: after a second attempt a refusal no longer proves that nothing happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent(Arc<AtomicU32>);

impl Sent {
    pub(super) fn attempts(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "destination-s3 attempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A request that was made, for the error that may come of it.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) op: Operation,
    pub(super) key: &'a str,
    pub(super) bucket: &'a str,
    pub(super) region: &'a str,
    pub(super) endpoint: Option<&'a str>,
    /// How often the request went out, as far as it is known.
    pub(super) attempts: u32,
    /// Values that must not appear in a cause.
    pub(super) secrets: &'a [String],
}

impl Call<'_> {
    /// An error that no answer of S3 stands for: a body that broke off, a key found taken.
    pub(super) fn without_answer(&self, kind: StoreErrorKind, effect: Effect) -> StoreError {
        StoreError { op: self.op, kind, effect, context: self.context(None, None), cause: None }
    }

    /// What the error's sentence is made of.
    pub(super) fn context(&self, code: Option<&str>, status: Option<u16>) -> Box<ErrorContext> {
        Box::new(ErrorContext {
            bucket: self.bucket.to_owned(),
            key: self.key.to_owned(),
            region: self.region.to_owned(),
            endpoint: self.endpoint.map(str::to_owned),
            code: code.map(str::to_owned),
            status,
        })
    }
}
