//! Errors, sorted by who must act on them.
//!
//! Every module has a small error enum of its own. Beside it, a `match` without a wildcard says
//! which of the protocol's three failure types each variant has ([`Classified`]). At the edge of
//! the program an error becomes a [`Failure`], the only form that is printed.
//!
//! Invariants
//! - A message names the thing and what to do. It never contains a secret or a part of a record.
//! - This module imports no other module, so that every module may import it.

use std::error::Error as StdError;

/// The protocol's `failure_type` of a TRACE ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureType {
    /// The user must change something: a setting, a permission, the bucket.
    Config,
    /// The same run may succeed later.
    Transient,
    /// The source sent a broken message or an unknown stream, or this program has a defect.
    System,
}

impl FailureType {
    /// The text that the protocol uses.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config_error",
            Self::Transient => "transient_error",
            Self::System => "system_error",
        }
    }
}

/// An error that says who must act on it.
pub(crate) trait Classified: StdError {
    /// Who must act. Implementations `match` without a wildcard arm, so that a new variant does not
    /// compile until someone decides.
    fn failure_type(&self) -> FailureType;

    /// The store's own message, safe to show, if an answer of the store is the error.
    fn store_answer(&self) -> Option<String> {
        None
    }
}

/// An error on its way to the user. A TRACE ERROR and a FAILED status are made of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// Who must act.
    pub failure_type: FailureType,
    /// A sentence for the user: what is wrong, where, and what to do.
    pub message: String,
    /// The chain of causes, for whoever debugs the connector.
    pub internal: Option<String>,
    /// The store's own message, shortened and without anything that looks like a key, a token or a
    /// URL.
    pub store_answer: Option<String>,
}

impl Failure {
    /// A failure with a message and no causes.
    pub(crate) fn new(failure_type: FailureType, message: impl Into<String>) -> Self {
        Self { failure_type, message: message.into(), internal: None, store_answer: None }
    }
}

impl<E: Classified> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut causes = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        Self {
            failure_type: error.failure_type(),
            message: error.to_string(),
            internal: (!causes.is_empty()).then(|| causes.join(": ")),
            store_answer: error.store_answer(),
        }
    }
}

/// What a lower layer reported, without secrets: for whoever debugs the connector, not for the
/// user.
///
/// Errors of the SDK own their requests and answers. An `ErrorText` is the part of them that is
/// worth keeping as a `source`. Its maker has left out whatever may hold credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ErrorText(Box<str>);

impl ErrorText {
    pub(crate) fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }
}

/// Returns the first error of this type in the chain of sources that begins with `error`.
#[must_use]
pub(crate) fn found_in<'a, E: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Returns `text` if it is a short identifier (an error code, a region) that is safe to show in a
/// message. Messages contain no other text of servers.
#[must_use]
pub(crate) fn harmless(text: &str) -> Option<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(fits)).then_some(text)
}

/// Whether an answer is a web page, as proxies and consoles send, instead of the XML of an AWS
/// service.
#[must_use]
pub(crate) fn is_web_page(body: &[u8]) -> bool {
    [&b"<html"[..], b"<HTML", b"<!DOCTYPE html", b"<!doctype html"]
        .iter()
        .any(|begin| memchr::memmem::find(body, begin).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("bucket \"b\" is missing")]
    struct Outer(#[source] std::io::Error);

    impl Classified for Outer {
        fn failure_type(&self) -> FailureType {
            FailureType::Config
        }
    }

    #[test]
    fn an_error_is_found_at_any_depth() {
        let error = Outer(std::io::Error::other("no such host"));
        assert!(
            found_in::<std::io::Error>(&error).is_some() && found_in::<Outer>(&error).is_some()
        );
        assert!(found_in::<std::fmt::Error>(&error).is_none());
    }

    #[test]
    fn a_failure_keeps_the_sentence_and_the_chain_apart() {
        let failure = Failure::from(Outer(std::io::Error::other("no such host")));
        assert_eq!(failure.message, "bucket \"b\" is missing");
        assert_eq!(failure.internal.as_deref(), Some("no such host"));
        assert_eq!(failure.failure_type.as_str(), "config_error");
    }
}
