//! The error of a request to the bucket.
//!
//! A [`StoreError`] has two axes: its [`StoreErrorKind`] says what is wrong, hence who must act;
//! its [`Effect`] says whether the write may have happened. `classify` makes these errors,
//! `sentence` words them.
//!
//! Invariants
//! - Text from the server appears in two places only: the cause, and the store's own message. Both
//!   are shortened and stripped of secrets.

use super::kind::StoreErrorKind;
use crate::aws::EndpointVariant;
use crate::error::{Classified, ErrorText, FailureType};
use crate::store::operation::Operation;

/// Whether a failed request may have changed the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It certainly changed nothing.
    NotApplied,
    /// It may have changed the bucket, or may still do so: check before acting.
    Unknown,
}

/// A request that failed, retries included.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub(crate) struct StoreError {
    /// The request.
    pub op: Operation,
    /// What is wrong.
    pub kind: StoreErrorKind,
    /// Whether the request may have happened.
    pub effect: Effect,
    pub(crate) context: Box<ErrorContext>,
    #[source]
    pub(crate) cause: Option<ErrorText>,
}

/// Where a request went and what came back: the material of the sentence.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorContext {
    pub(crate) bucket: String,
    /// The key, or the prefix of a listing.
    pub(crate) key: String,
    pub(crate) region: String,
    /// Without user information.
    pub(crate) endpoint: Option<String>,
    pub(crate) variant: EndpointVariant,
    /// The endpoint without the bucket, where it seems to contain the bucket's name.
    pub(crate) endpoint_without_bucket: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) status: Option<u16>,
    /// How many attempts were sent.
    pub(crate) attempts: u32,
    /// The store's own message, safe to show.
    pub(crate) server_message: Option<Box<str>>,
    /// The IAM actions that the options of the object need besides the request's own.
    pub(crate) extra_actions: Vec<&'static str>,
    /// Whether the credentials come from a provider rather than from the settings.
    pub(crate) renewable: bool,
    /// The message of signing in, where that failed.
    pub(crate) sign_in_message: Option<Box<str>>,
    /// What a denial says about itself.
    pub(crate) denial: DenialDetails,
}

/// What AWS says about a denied request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DenialDetails {
    /// The denied action: a PutObject may need several.
    pub(crate) action: Option<String>,
    /// Whether a policy denies the action explicitly. Otherwise no policy allows it.
    pub(crate) explicit: bool,
}

/// A request that no policy allows, or that one denies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// The IAM action.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// Whether the answer says that a policy denies it.
    pub explicitly: bool,
}

impl StoreError {
    /// The key of the request, or the prefix of a listing; empty for a batch of keys.
    #[must_use]
    pub(crate) fn key(&self) -> &str {
        &self.context.key
    }

    /// S3's error code, where the answer had one.
    #[must_use]
    pub(crate) fn code(&self) -> Option<&str> {
        self.context.code.as_deref()
    }

    /// The HTTP status of the answer, where there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        self.context.status
    }

    /// The sentence, followed by the store's own answer.
    #[must_use]
    pub(crate) fn with_store_answer(&self) -> String {
        match self.store_answer() {
            Some(answer) => format!("{self} (the store's own answer: {answer})"),
            None => self.to_string(),
        }
    }

    /// Whether nothing was written because another object has the key, so that the next key may
    /// work.
    #[must_use]
    pub(crate) fn asks_for_next_key(&self) -> bool {
        matches!(self.kind, StoreErrorKind::KeyTaken | StoreErrorKind::RefusesFreeKey)
            && self.effect == Effect::NotApplied
    }

    /// Whether the error is an answer that the caller can use: the object does not exist, or
    /// another object has the key.
    pub(crate) fn is_negative_answer(&self) -> bool {
        matches!(self.kind, StoreErrorKind::NotFound | StoreErrorKind::KeyTaken)
    }

    /// Returns what was denied, if the error is a denial.
    #[must_use]
    pub(crate) fn denied(&self) -> Option<Denied> {
        let DenialDetails { action, explicit } = &self.context.denial;
        (self.kind == StoreErrorKind::AccessDenied).then(|| Denied {
            action: action.clone().unwrap_or_else(|| self.actions()),
            resource: self.arn(),
            explicitly: *explicit,
        })
    }

    /// Returns the same error for a bucket that is known to be in `region`.
    #[must_use]
    pub(crate) fn in_region(self, region: String) -> Self {
        Self { kind: StoreErrorKind::WrongRegion { expected: Some(region) }, ..self }
    }

    /// Returns the same error about another key.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.context.key);
        self
    }
}

impl Classified for StoreError {
    fn failure_type(&self) -> FailureType {
        self.kind.failure_type()
    }

    /// Status, code and message as the store sent them: `HTTP 403, QuotaExceeded: "..."`. `None` if
    /// there was no answer, or if the answer says nothing.
    fn store_answer(&self) -> Option<String> {
        let ErrorContext { status, code, server_message, .. } = &*self.context;
        // A bare status says no more than the kind does.
        let status = status.filter(|_| code.is_some() || server_message.is_some());
        let parts: Vec<String> =
            status.map(|status| format!("HTTP {status}")).into_iter().chain(code.clone()).collect();
        match (parts.join(", "), server_message) {
            (parts, None) => (!parts.is_empty()).then_some(parts),
            (parts, Some(message)) if parts.is_empty() => Some(format!("\"{message}\"")),
            (parts, Some(message)) => Some(format!("{parts}: \"{message}\"")),
        }
    }
}

#[cfg(test)]
impl StoreError {
    /// An error without a server, for the tests of stages that only pass errors on.
    pub(crate) fn for_test(op: Operation, kind: StoreErrorKind) -> Self {
        Self { op, kind, effect: Effect::Unknown, context: Box::default(), cause: None }
    }
}
