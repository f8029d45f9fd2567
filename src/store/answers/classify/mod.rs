//! What an answer of S3, or the lack of one, means.
//!
//! An `SdkError` and the [`Call`] it belongs to -> [`StoreError`]. `kinds` has the one table from
//! error codes and statuses to [`StoreErrorKind`]s, `effect` says whether the write may have
//! happened.
//!
//! Invariants
//! - The only text from the server that reaches a sentence is a code, an IAM action and a region,
//!   each a short identifier. The server's message is kept beside the sentence (`server_message`).
//!
//! Not here: the sentences (`sentence`), what is done about an error (`client::retry_classifier`,
//! `requests::publish`).

mod effect;
mod kinds;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::error::Error as StdError;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use self::effect::effect_of;
use self::kinds::{Answer, kind_of};
use super::call::Call;
use super::error::{DenialDetails, ErrorContext, StoreError};
use super::handshake::{ConnectionProblem, asks_for_tls, connection_problem};
use super::kind::StoreErrorKind;
use super::no_credentials::NoCredentials;
use super::server_message::presentable;
use super::stalled::Stalled;
use super::unreachable::{Unreachable, host_is_unknown, unreachable};
use crate::error::{ErrorText, found_in, harmless, is_web_page};
use crate::store::address;

pub(crate) use self::kinds::{NO_SUCH_KEY, is_expired, is_throttling, is_throttling_status};

/// The header in which S3 names a bucket's region, whether or not it lets the caller in.
pub(crate) const REGION_HEADER: &str = "x-amz-bucket-region";

/// Converts an error of the SDK.
pub(crate) fn classify<E>(call: &Call<'_>, error: &SdkError<E>) -> StoreError
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    let raw = error.raw_response();
    let status = raw.map(|raw| raw.status().as_u16());
    // The SDK finds the code in well-formed XML only.
    let code = error.code().or_else(|| element(body_of(error), "Code")).and_then(harmless);
    let no_credentials = found_in::<NoCredentials>(error);
    let kind = match error {
        // Without credentials the request was not signed; the SDK reports that as one of several
        // variants.
        _ if let Some(none) = no_credentials => {
            StoreErrorKind::NoCredentials { temporary: none.temporary }
        }
        SdkError::ConstructionFailure(_) => StoreErrorKind::InvalidEndpoint,
        SdkError::TimeoutError(_) => StoreErrorKind::Timeout,
        SdkError::DispatchFailure(failure) => {
            kind_without_connection(call, error, failure.is_timeout(), failure.is_user())
        }
        SdkError::ResponseError(_) if found_in::<Stalled>(error).is_some() => {
            StoreErrorKind::Timeout
        }
        // The headers came, but no whole body: the connection broke, or the body is not an answer
        // of S3.
        SdkError::ResponseError(_) => StoreErrorKind::Connection,
        SdkError::ServiceError(_) => {
            let header = raw.and_then(|raw| raw.headers().get(REGION_HEADER));
            let body = body_of(error);
            let region = header
                .or_else(|| element(body, "Region"))
                .or_else(|| region_in(error.message()?))
                .and_then(harmless);
            let answer = Answer {
                status: status.unwrap_or(0),
                code,
                other_region: region.filter(|region| *region != call.region),
                body,
                wants_tls: status == Some(400) && is_plain_http(call) && asks_for_tls(body),
            };
            kind_of(call.op, answer)
        }
        _ => StoreErrorKind::Unknown,
    };
    let request_id = raw.and_then(|raw| raw.headers().get("x-amz-request-id"));
    let effect = effect_of(call.op, &kind, call.attempts);
    // An endpoint that already contains the bucket's name shows in one of three ways: no such
    // bucket, a listing that finds no such key, or a host name that DNS does not know.
    let no_bucket = match kind {
        StoreErrorKind::BucketMissing => true,
        StoreErrorKind::InvalidEndpoint => code == Some(NO_SUCH_KEY),
        StoreErrorKind::HostNotFound { .. } => host_is_unknown(error),
        _ => false,
    };
    let is_suspect = no_bucket && call.endpoint_without_bucket.is_some();
    StoreError {
        effect,
        kind: if is_suspect { StoreErrorKind::BucketInEndpoint } else { kind },
        op: call.op,
        context: Box::new(ErrorContext {
            sign_in_message: no_credentials.and_then(|none| none.message.clone()),
            denial: error.message().map(denial_details).unwrap_or_default(),
            server_message: server_message(error, &call.secrets),
            ..*call.context(code, status)
        }),
        cause: Some(cause(call, error, status, request_id)),
    }
}

/// Returns the kind of an error without an answer: there was no connection, or it broke before one
/// came.
fn kind_without_connection(
    call: &Call<'_>,
    error: &(dyn StdError + 'static),
    is_timeout: bool,
    is_user: bool,
) -> StoreErrorKind {
    let problem = connection_problem(error);
    match (problem, unreachable(error)) {
        // Certificates and the wrong scheme come first: they are errors of TLS as well.
        (None, Some(unreachable)) => match unreachable {
            Unreachable::HostNotFound(host) => StoreErrorKind::HostNotFound { host },
            Unreachable::Refused => StoreErrorKind::ConnectionRefused,
            Unreachable::NoAnswer => StoreErrorKind::NoConnection,
            Unreachable::Tls => StoreErrorKind::TlsFailed,
            Unreachable::ProxyAuthentication => StoreErrorKind::ProxyAuthentication,
            Unreachable::ProxyRefused => StoreErrorKind::ProxyRefused,
        },
        _ if is_timeout => StoreErrorKind::Timeout,
        (Some(ConnectionProblem::Certificate(distrust)), _) => {
            StoreErrorKind::Certificate(distrust)
        }
        (Some(ConnectionProblem::NotTls), _) => StoreErrorKind::NotTls,
        (Some(ConnectionProblem::NotHttp), _) if is_plain_http(call) => StoreErrorKind::NotHttp,
        // Behind TLS a garbled answer is a broken connection.
        (Some(ConnectionProblem::NotHttp), _) => StoreErrorKind::Connection,
        // Nothing was sent: the SDK could not make an address of bucket, region and endpoint.
        (None, None) if is_user || call.attempts == 0 => StoreErrorKind::InvalidEndpoint,
        (None, None) => StoreErrorKind::Connection,
    }
}

/// Returns the store's own message: the one in its error document, or else a body in plain text.
fn server_message<E>(error: &SdkError<E>, secrets: &[String]) -> Option<Box<str>>
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    let SdkError::ServiceError(_) = error else { return None };
    let body = body_of(error);
    let is_text = !body.trim_ascii_start().starts_with(b"<") && !is_web_page(body);
    let message = match error.message().or_else(|| element(body, "Message")) {
        Some(message) => Cow::Borrowed(message),
        None if is_text => String::from_utf8_lossy(body),
        None => return None,
    };
    presentable(&message, secrets)
}

/// The body of an answer, as far as it was read.
fn body_of<E>(error: &SdkError<E>) -> &[u8] {
    error.raw_response().and_then(|raw| raw.body().bytes()).unwrap_or_default()
}

/// Whether requests are sent without TLS.
fn is_plain_http(call: &Call<'_>) -> bool {
    call.endpoint.is_some_and(address::is_http)
}

/// Reads what AWS says about a denial: "User: ... is not authorized to perform: s3:PutObject on
/// resource: ... because no identity-based policy allows the s3:PutObject action", or "... with an
/// explicit deny in a resource-based policy".
fn denial_details(message: &str) -> DenialDetails {
    let action = message
        .split_once("is not authorized to perform: ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .filter(|action| {
            action
                .split_once(':')
                .is_some_and(|(service, name)| harmless(service).and(harmless(name)).is_some())
        });
    DenialDetails { action: action.map(str::to_owned), explicit: message.contains("explicit deny") }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    memchr::memmem::find(body, text).is_some()
}

/// Returns the text of an element of an error's body. The SDK does not model all elements, and some
/// bodies are not quite XML.
fn element<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// Returns the bucket's region from the one error that has it only in its message: "The me-south-1
/// location constraint is incompatible for the region specific endpoint this request was sent to."
fn region_in(message: &str) -> Option<&str> {
    let (region, _) =
        message.strip_prefix("The ")?.split_once(" location constraint is incompatible")?;
    (region != "unspecified").then_some(region)
}

/// Returns all details of an error on one line: status, code, request id, the server's message and
/// the chain of causes.
fn cause<E>(
    call: &Call<'_>,
    error: &SdkError<E>,
    status: Option<u16>,
    request_id: Option<&str>,
) -> ErrorText
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    /// Long enough for every message of S3, short enough for a log line.
    const MAX_CHARS: usize = 1000;

    let mut parts = Vec::new();
    parts.extend(status.map(|status| format!("HTTP {status}")));
    parts.extend(error.code().map(str::to_owned));
    match error {
        SdkError::ServiceError(_) => parts.extend(error.message().map(str::to_owned)),
        _ => {
            let mut next: Option<&(dyn StdError + 'static)> = error.source();
            while let Some(below) = next {
                parts.push(below.to_string());
                next = below.source();
            }
        }
    }
    parts.extend(request_id.map(|id| format!("request id {id}")));
    if call.attempts > 1 {
        parts.push(format!("{} attempts", call.attempts));
    }
    let mut text = parts.join(": ");
    for secret in &call.secrets {
        text = text.replace(secret, "***");
    }
    // Some stores repeat the request: everything from here on may belong to the signature.
    if let Some((before, _)) = text.split_once("AWS4-HMAC-SHA256") {
        text = format!("{before}***");
    }
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    ErrorText::new(text)
}
