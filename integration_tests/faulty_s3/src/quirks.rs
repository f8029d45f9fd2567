//! What a store always gets wrong, or demands beyond S3, as some S3-compatible stores do.
//!
//! Not here: faults that come and go (`rules`).

use hyper::StatusCode;
use hyper::http::request::Parts;
use s3s::{Body, HttpResponse};

use super::rules::Operation;

/// A permanent deviation of the store from S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// Objects are stored without user metadata.
    LosesMetadata,
    /// Objects that were uploaded in parts are stored without user metadata.
    LosesMetadataOfUploads,
    /// A copy has the metadata of its source, whatever the request asked for.
    IgnoresMetadataDirective,
    /// A truncated listing has no continuation token.
    NoToken,
    /// A truncated listing has the same continuation token every time, which leads back to its
    /// first page.
    SameToken,
    /// Every page of a listing is truncated and empty.
    EmptyPages,
    /// A listing ignores `start-after`.
    IgnoresStartAfter,
    /// Objects whose key contains the text cannot be deleted, neither alone nor in a batch.
    Undeletable(String),
    /// CompleteMultipartUpload demands parts of one length, but for the last, as Cloudflare R2
    /// does.
    WantsEqualParts,
    /// A write with `If-None-Match` is always refused with 412.
    RefusesConditionalWrites,
    /// A write with `If-None-Match` is always refused with 501.
    LacksConditionalWrites,
    /// HeadObject of a missing key is answered with this status instead of 404.
    MissingHead(u16),
}

/// Returns status and code of the refusal that a quirk answers a request with, if any does.
pub(crate) fn refusal(quirks: &[Quirk], head: &Parts) -> Option<(u16, &'static str)> {
    if !head.headers.contains_key("if-none-match") {
        return None;
    }
    if quirks.contains(&Quirk::RefusesConditionalWrites) {
        return Some((412, "PreconditionFailed"));
    }
    quirks.contains(&Quirk::LacksConditionalWrites).then_some((501, "NotImplemented"))
}

/// Replaces the store's answer where a quirk gives another one.
pub(crate) fn distort(
    quirks: &[Quirk],
    operation: Operation,
    key: &str,
    answer: &mut HttpResponse,
) {
    let status = quirks.iter().find_map(|quirk| match quirk {
        Quirk::MissingHead(status) => Some(*status),
        _ => None,
    });
    if let Some(status) = status
        && operation == Operation::Head
        && !key.is_empty()
        && answer.status() == StatusCode::NOT_FOUND
    {
        *answer = HttpResponse::new(Body::empty());
        *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    }
}
