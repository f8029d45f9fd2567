//! The answers: what S3, or its silence, means, and the sentence that a user reads.

pub(crate) mod call;
pub(crate) mod classify;
pub(crate) mod error;
pub(crate) mod handshake;
pub(crate) mod sentence;
pub(crate) mod server_message;
pub(crate) mod unreachable;
