//! The error of a credentials provider that returned no credentials.
//!
//! It travels through the SDK as the source of an `SdkError`, where `classify` finds it again.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;

use crate::error::{Failure, FailureType};

/// The credentials provider returned no credentials, so that a request could not be signed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct NoCredentials {
    /// Whether asking again later may help.
    pub(crate) temporary: bool,
    /// The message for the user, where the provider has one: signing in knows better than S3 what
    /// is wrong.
    pub(crate) message: Option<Box<str>>,
    /// The chain of errors, for debugging. `classify` removes secrets from it before it is shown.
    text: Box<str>,
}

impl From<&CredentialsError> for NoCredentials {
    fn from(error: &CredentialsError) -> Self {
        let failure = error.source().and_then(|source| source.downcast_ref::<Failure>());
        let temporary = match error {
            _ if let Some(failure) = failure => failure.failure_type == FailureType::Transient,
            CredentialsError::CredentialsNotLoaded(_)
            | CredentialsError::InvalidConfiguration(_) => false,
            // The provider has used up its own retries; what remains is mostly the network.
            _ => true,
        };
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(below) = next {
            text.push_str(": ");
            text.push_str(&below.to_string());
            next = below.source();
        }
        if let Some(internal) = failure.and_then(|failure| failure.internal.as_deref()) {
            text.push_str(": ");
            text.push_str(internal);
        }
        Self {
            temporary,
            message: failure.map(|failure| failure.message.as_str().into()),
            text: text.into(),
        }
    }
}
