//! The answers: what a response of S3, or the lack of one, means, and the sentence for the user.
//!
//! The result of a request (an `SdkError` of the SDK) and the [`Call`] it belongs to ->
//! [`StoreError`]: its kind, whether the write may have happened, and a sentence.
//!
//! | file | duty |
//! |---|---|
//! | `call` | what an error needs to know about its request |
//! | `error`, `kind` | the error and its kinds; who must act on each |
//! | `classify` | error codes and statuses -> kinds and effects |
//! | `handshake`, `unreachable` | why there is no connection |
//! | `no_credentials`, `stalled` | errors that the client raises below the SDK, to be found again by `classify` |
//! | `refused_option` | the setting that a refusal is about |
//! | `server_message` | the store's own message, made safe to show |
//! | `sentence` | the message for the user |
//!
//! Invariants
//! - Pure: nothing here sends a request or reads a clock.
//! - No error holds a secret, a signed header or the content of a record.
//!
//! Not here: what is done about an error (`client` retries, `requests` settles).

mod call;
mod classify;
mod error;
mod handshake;
mod kind;
mod no_credentials;
mod refused_option;
mod sentence;
mod server_message;
mod stalled;
mod unreachable;

pub(crate) use call::Call;
pub(crate) use classify::{
    NO_SUCH_KEY, REGION_HEADER, classify, is_expired, is_throttling, is_throttling_status,
};
pub(crate) use error::{Denied, Effect, StoreError};
#[cfg(test)]
pub(crate) use handshake::Distrust;
pub(crate) use handshake::{ConnectionProblem, connection_problem};
pub(crate) use kind::{ListingFault, StoreErrorKind};
pub(crate) use no_credentials::NoCredentials;
pub(crate) use stalled::Stalled;
pub(crate) use unreachable::{NameNotFound, Unreachable, unreachable};
