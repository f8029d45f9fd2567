//! The requests: what each one says to S3, and how a doubtful answer to it is settled.

pub(crate) mod listing;
pub(crate) mod multipart;
pub(crate) mod objects;
pub(crate) mod publish;
pub(crate) mod region;
