//! A request that was made: what an error needs to know about it.

use super::error::{DenialDetails, Effect, ErrorContext, StoreError};
use super::kind::StoreErrorKind;
use crate::aws::EndpointVariant;
use crate::store::operation::Operation;

/// A request that was made, as an error about it describes it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) op: Operation,
    pub(crate) key: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) region: &'a str,
    pub(crate) endpoint: Option<&'a str>,
    /// Which of AWS's endpoints received it.
    pub(crate) variant: EndpointVariant,
    /// The endpoint without the bucket's name, if the endpoint seems to contain it and no answer
    /// has yet shown that the endpoint is right.
    pub(crate) endpoint_without_bucket: Option<&'a str>,
    /// How many attempts were sent, as far as is known.
    pub(crate) attempts: u32,
    /// The IAM actions that the options of the object need besides the request's own.
    pub(crate) extra_actions: Vec<&'static str>,
    /// Whether the credentials come from a provider rather than from the settings.
    pub(crate) renewable: bool,
    /// Values that must not appear in an error.
    pub(crate) secrets: Vec<String>,
}

impl Call<'_> {
    /// An error that does not come from an answer of S3: a body that broke off, a key that a HEAD
    /// found taken.
    pub(crate) fn without_answer(&self, kind: StoreErrorKind, effect: Effect) -> StoreError {
        StoreError { op: self.op, kind, effect, context: self.context(None, None), cause: None }
    }

    /// The error of a 200 without the receipt that S3 confirms success with. S3 did not send it, so
    /// it proves nothing about the write.
    pub(crate) fn without_receipt(&self) -> StoreError {
        StoreError {
            op: self.op,
            kind: StoreErrorKind::NotS3,
            effect: Effect::Unknown,
            context: self.context(None, Some(200)),
            cause: None,
        }
    }

    /// The material of the error's sentence.
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
            server_message: None,
            sign_in_message: None,
            denial: DenialDetails::default(),
            extra_actions: self.extra_actions.clone(),
            renewable: self.renewable,
        })
    }
}
