//! A request that was made: what an error about it needs to know.
//!
//! May import: `error`.

use super::error::{DenialDetails, Effect, ErrorContext, StoreError, StoreErrorKind};
use crate::aws::EndpointVariant;
use crate::store::operation::Operation;

/// A request that was made, for the error that may come of it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) op: Operation,
    pub(crate) key: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) region: &'a str,
    pub(crate) endpoint: Option<&'a str>,
    /// Which of AWS's endpoints it went to.
    pub(crate) variant: EndpointVariant,
    /// The endpoint without the bucket, where it seems to name the bucket and nothing has shown yet
    /// that it is right.
    pub(crate) endpoint_without_bucket: Option<&'a str>,
    /// How often the request went out, as far as it is known.
    pub(crate) attempts: u32,
    /// The IAM actions that the object's options need besides the one of the request.
    pub(crate) more_actions: Vec<&'static str>,
    /// Whether the credentials come from somewhere that gives new ones, rather than from the
    /// settings.
    pub(crate) renewable: bool,
    /// Values that must not appear in a cause.
    pub(crate) secrets: Vec<String>,
}

impl Call<'_> {
    /// An error that no answer of S3 stands for: a body that broke off, a key found taken.
    pub(crate) fn without_answer(&self, kind: StoreErrorKind, effect: Effect) -> StoreError {
        StoreError { op: self.op, kind, effect, context: self.context(None, None), cause: None }
    }

    /// The error of an answer that is called a success and lacks what S3 confirms one with: S3 did
    /// not give it.
    pub(crate) fn without_receipt(&self) -> StoreError {
        let context = self.context(None, Some(200));
        StoreError {
            op: self.op,
            kind: StoreErrorKind::NotS3,
            effect: Effect::Unknown,
            context,
            cause: None,
        }
    }

    /// What the error's sentence is made of.
    pub(crate) fn context(&self, code: Option<&str>, status: Option<u16>) -> Box<ErrorContext> {
        Box::new(ErrorContext {
            bucket: self.bucket.to_owned(),
            key: self.key.to_owned(),
            region: self.region.to_owned(),
            endpoint: self.endpoint.map(str::to_owned),
            variant: self.variant,
            endpoint_without_bucket: self.endpoint_without_bucket.map(str::to_owned),
            code: code.map(str::to_owned),
            status,
            attempts: self.attempts,
            words: None,
            told: None,
            refusal: DenialDetails::default(),
            more_actions: self.more_actions.clone(),
            renewable: self.renewable,
        })
    }
}
