//! What an answer of S3, or its absence, means: the one table from error codes and statuses to
//! [`StoreErrorKind`].
//!
//! An `SdkError` and the [`Call`] that it belongs to -> [`StoreError`].
//!
//! Invariants
//! - The code decides before the status: stores agree on codes more than on statuses.
//! - Nothing that the server says reaches a sentence except a code and a region of harmless
//!   letters. Its message is kept beside the sentence (`server_message`).
//!
//! Not here: the sentences (`error`), what is done about an error (`publish`; the SDK's own
//! retries).

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::borrow::Cow;
use std::error::Error as StdError;

use crate::error::{found_in, harmless, is_web_page};
use crate::store::answers::call::Call;
use crate::store::answers::error::{
    Cause, DenialDetails, Effect, ErrorContext, StoreError, StoreErrorKind,
};
use crate::store::answers::handshake::{ConnectionProblem, asks_for_tls, connection_problem};
use crate::store::answers::server_message::presentable;
use crate::store::answers::unreachable::{Unreachable, host_is_unknown, unreachable};
use crate::store::client::credentials::NoCredentials;
use crate::store::client::headers::refused_setting;
use crate::store::client::http::begins_with;
use crate::store::client::progress::Stalled;
use crate::store::operation::Operation;

/// The header in which S3 names a bucket's region, whether it lets the caller in or not.
pub(crate) const REGION_HEADER: &str = "x-amz-bucket-region";

pub(crate) const NO_SUCH_KEY: &str = "NoSuchKey";

/// What is known of an answer.
#[derive(Clone, Copy, Debug, Default)]
struct Answer<'a> {
    status: u16,
    code: Option<&'a str>,
    /// The bucket's region, from the redirect header or the body, where it is not ours.
    elsewhere: Option<&'a str>,
    body: &'a [u8],
    /// It says that the server wants to be spoken to with TLS.
    wants_tls: bool,
}

/// The error that `error` is for us.
pub(crate) fn classify<E>(call: &Call<'_>, error: &SdkError<E>) -> StoreError
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    let raw = error.raw_response();
    let status = raw.map(|raw| raw.status().as_u16());
    let code = error.code().or_else(|| element(body_of(error), "Code")).and_then(harmless);
    // What kept the request from being signed.
    let none = found_in::<NoCredentials>(error);
    let kind = match error {
        _ if let Some(none) = none => StoreErrorKind::NoCredentials { temporary: none.temporary },
        SdkError::ConstructionFailure(_) => StoreErrorKind::InvalidEndpoint,
        SdkError::TimeoutError(_) => StoreErrorKind::Timeout,
        SdkError::DispatchFailure(_)
            if !is_about_scheme(error)
                && let Some(unreachable) = unreachable(error) =>
        {
            match unreachable {
                Unreachable::HostNotFound(host) => StoreErrorKind::HostNotFound { host },
                Unreachable::Refused => StoreErrorKind::ConnectionRefused,
                Unreachable::NoAnswer => StoreErrorKind::NoConnection,
                Unreachable::Tls => StoreErrorKind::TlsFailed,
                Unreachable::ProxyAuthentication => StoreErrorKind::ProxyAuthentication,
                Unreachable::ProxyRefused => StoreErrorKind::ProxyRefused,
            }
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => StoreErrorKind::Timeout,
        SdkError::DispatchFailure(_) if let Some(problem) = connection_problem(error) => {
            match problem {
                ConnectionProblem::Certificate(distrust) => StoreErrorKind::Certificate(distrust),
                ConnectionProblem::NotTls => StoreErrorKind::NotTls,
                ConnectionProblem::NotHttp if is_plain(call) => StoreErrorKind::NotHttp,
                // Behind TLS it is only an answer that went wrong.
                ConnectionProblem::NotHttp => StoreErrorKind::Connection,
            }
        }
        // It never came to a connection: the SDK could not make an address of bucket, region and
        // endpoint.
        SdkError::DispatchFailure(failure) if failure.is_user() || call.attempts == 0 => {
            StoreErrorKind::InvalidEndpoint
        }
        SdkError::DispatchFailure(_) => StoreErrorKind::Connection,
        SdkError::ResponseError(_) if found_in::<Stalled>(error).is_some() => {
            StoreErrorKind::Timeout
        }
        // Headers came, but no whole body: a connection that broke, or a body that is no answer of
        // S3.
        SdkError::ResponseError(_) => StoreErrorKind::Connection,
        SdkError::ServiceError(_) => {
            let header = raw.and_then(|raw| raw.headers().get(REGION_HEADER));
            let body = body_of(error);
            let region = header
                .or_else(|| element(body, "Region"))
                .or_else(|| region_in(error.message()?))
                .and_then(harmless);
            let elsewhere = region.filter(|region| *region != call.region);
            let wants_tls = status == Some(400) && is_plain(call) && asks_for_tls(body);
            kind_of(
                call.op,
                Answer { wants_tls, status: status.unwrap_or(0), code, elsewhere, body },
            )
        }
        _ => StoreErrorKind::Unknown,
    };
    let request_id = raw.and_then(|raw| raw.headers().get("x-amz-request-id"));
    let effect = effect_of(call.op, &kind, call.attempts);
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
            told: none.and_then(|none| none.sentence.clone()),
            refusal: error.message().map(refusal).unwrap_or_default(),
            words: words_of(error, &call.secrets),
            ..*call.context(code, status)
        }),
        cause: Some(cause(call, error, status, request_id)),
    }
}

/// Whether certificates or the scheme keep client and server apart, which is told first.
fn is_about_scheme(error: &(dyn StdError + 'static)) -> bool {
    connection_problem(error).is_some()
}

/// The store's own message: that of its error document, else a body that is plain text.
fn words_of<E>(error: &SdkError<E>, secrets: &[String]) -> Option<Box<str>>
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    let SdkError::ServiceError(_) = error else { return None };
    let body = body_of(error);
    let is_plain = !body.trim_ascii_start().starts_with(b"<") && !is_web_page(body);
    let message = match error.message().or_else(|| element(body, "Message")) {
        Some(message) => Cow::Borrowed(message),
        None if is_plain => String::from_utf8_lossy(body),
        None => return None,
    };
    presentable(&message, secrets)
}

/// The body of an answer, as far as it was read.
fn body_of<E>(error: &SdkError<E>) -> &[u8] {
    error.raw_response().and_then(|raw| raw.body().bytes()).unwrap_or_default()
}

/// Whether requests go out without TLS.
fn is_plain(call: &Call<'_>) -> bool {
    call.endpoint.is_some_and(|endpoint| begins_with(endpoint, "http://"))
}

/// The table.
fn kind_of(op: Operation, answer: Answer<'_>) -> StoreErrorKind {
    use StoreErrorKind as Kind;
    let wrong_region = || Kind::WrongRegion { expected: answer.elsewhere.map(str::to_owned) };
    // Whatever else they say, it is not S3 that says it.
    match answer.status {
        407 => return Kind::ProxyAuthentication,
        413 => return Kind::TooLargeForProxy,
        _ => {}
    }
    match answer.code.unwrap_or_default() {
        "InvalidRequest" if contains(answer.body, b"Object Lock") => Kind::ObjectLock,
        // Said with a 501 by those that follow S3's documents.
        _ if refuses_guard(op, answer) => Kind::Unsupported,
        code if let Some(setting) = refused_setting(op, code, answer.body) => {
            Kind::OptionRefused { setting }
        }
        // What S3 may not do with the key on the caller's behalf.
        "AccessDenied" if contains(answer.body, b"perform: kms:") => Kind::EncryptionKey,
        "AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "UnauthorizedAccess" => {
            Kind::AccessDenied
        }
        "AccountProblem" | "NotSignedUp" | "OptInRequired" | "InvalidPayer" | "UserSuspended" => {
            Kind::AccountProblem
        }
        // Alibaba, Tencent, Huawei and Volcengine.
        "SecondLevelDomainForbidden"
        | "PathStyleDomainForbidden"
        | "VirtualHostDomainRequired"
        | "InvalidPathAccess" => Kind::PathStyleRefused,
        "NoSuchBucket" => Kind::BucketMissing,
        "InvalidBucketName" => Kind::InvalidBucketName,
        // A new bucket's name takes some hours to be known everywhere.
        "TemporaryRedirect" | "Redirect" if answer.elsewhere.is_none() => Kind::Server,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "Redirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => wrong_region(),
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "InvalidSecurity"
        | "MissingSecurityHeader"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "AuthFailure" => Kind::BadCredentials,
        code if is_expired(code) => Kind::ExpiredCredentials,
        // KMS throttling comes first: all other codes of KMS are about the key.
        code if is_throttling(code) => Kind::Throttled,
        code if code.starts_with("KMS.") => Kind::EncryptionKey,
        "QuotaExceeded"
        | "InsufficientStorage"
        | "XMinioStorageFull"
        | "XMinioAdminBucketQuotaExceeded" => Kind::StorageFull,
        "KeyTooLongError" | "InvalidURI" | "InvalidObjectName" | "XMinioInvalidObjectName" => {
            Kind::InvalidKey
        }
        // No condition was sent with it.
        "PreconditionFailed" if !op.writes() => Kind::Unsupported,
        "PreconditionFailed" => Kind::KeyTaken,
        // The request names no key: what answers takes the bucket for one.
        NO_SUCH_KEY if op.is_about_bucket() => Kind::InvalidEndpoint,
        NO_SUCH_KEY | "NoSuchVersion" => Kind::NotFound,
        "NoSuchUpload" => Kind::NoSuchUpload,
        "ConditionalRequestConflict" | "OperationAborted" => Kind::Conflict,
        "RequestTimeTooSkewed" => Kind::ClockSkew,
        "InternalError"
        | "InternalServerError"
        | "InternalFailure"
        | "ServiceUnavailable"
        | "ServiceFailure"
        | "XMinioServerNotInitialized" => Kind::Server,
        "RequestTimeout" | "RequestTimeoutException" => Kind::Timeout,
        "BadDigest"
        | "InvalidDigest"
        | "IncompleteBody"
        | "XAmzContentSHA256Mismatch"
        | "XAmzContentChecksumMismatch" => Kind::Damaged,
        "NotImplemented" | "MethodNotAllowed" => Kind::Unsupported,
        "EntityTooLarge"
        | "EntityTooSmall"
        | "InvalidPart"
        | "InvalidPartOrder"
        | "InvalidArgument"
        | "InvalidRequest"
        | "MalformedXML"
        | "MetadataTooLarge"
        | "MissingContentLength"
        | "MissingContentMD5" => Kind::Rejected,
        // `NotFound` is what the SDK calls a HEAD's 404, which has no body.
        _ => match answer.status {
            // An answer that is called a success and yet cannot be read: a web page, not S3.
            200..=299 => Kind::NotS3,
            400 if answer.wants_tls => Kind::NotHttp,
            // These say the same whoever answers: a proxy in front of the store sends a page with
            // them.
            408 => Kind::Timeout,
            409 => Kind::Conflict,
            status if is_throttling_status(status) => Kind::Throttled,
            // A proxy's page, or a web console.
            400..=499 if answer.code.is_none() && is_web_page(answer.body) => Kind::NotS3,
            302 | 307 if answer.elsewhere.is_none() => Kind::Server,
            301 | 302 | 307 | 308 => wrong_region(),
            401 => Kind::BadCredentials,
            403 => Kind::AccessDenied,
            404 => not_found(op),
            412 if !op.writes() => Kind::Unsupported,
            412 => Kind::KeyTaken,
            405 | 501 => Kind::Unsupported,
            507 => Kind::StorageFull,
            500..=599 => Kind::Server,
            // A HEAD in the wrong region is a 400 without a body; the header is all that it says.
            400 if answer.elsewhere.is_some() => wrong_region(),
            // It has no body to say why either; in the middle of a run it can only be the
            // credentials.
            400 if op == Operation::HeadObject => Kind::BadCredentials,
            _ => Kind::Unknown,
        },
    }
}

/// Whether a code says that credentials are past their end.
pub(crate) fn is_expired(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired"
    )
}

/// Whether a code asks to slow down.
pub(crate) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "KMS.ThrottlingException"
            | "SlowDown"
            | "SlowDownRead"
            | "SlowDownWrite"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequests"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
    )
}

/// Whether a status asks to slow down, whatever its code: 509 is a spent bandwidth, 529 an
/// overloaded service.
pub(crate) fn is_throttling_status(status: u16) -> bool {
    matches!(status, 429 | 509 | 529)
}

/// Whether the store says that it does not know `If-None-Match`, rather than that the key is taken.
fn refuses_guard(op: Operation, answer: Answer<'_>) -> bool {
    let names_guard = |body| {
        let text = String::from_utf8_lossy(body).to_ascii_lowercase();
        text.contains("if-none-match") || text.contains("ifnonematch")
    };
    op.is_guarded() && matches!(answer.status, 400 | 405 | 501) && names_guard(answer.body)
}

/// What is missing when a 404 does not say.
fn not_found(op: Operation) -> StoreErrorKind {
    match op {
        Operation::GetBucketLocation
        | Operation::ListObjects
        | Operation::PutObject
        | Operation::CreateMultipartUpload
        | Operation::DeleteObjects => StoreErrorKind::BucketMissing,
        Operation::UploadPart
        | Operation::CompleteMultipartUpload
        | Operation::AbortMultipartUpload => StoreErrorKind::NoSuchUpload,
        Operation::GetObject
        | Operation::HeadObject
        | Operation::CopyObject
        | Operation::DeleteObject => StoreErrorKind::NotFound,
    }
}

/// Whether a failed request may have happened. A refusal speaks for its own attempt only: an
/// earlier attempt, whose answer was lost, may have done the work.
fn effect_of(op: Operation, kind: &StoreErrorKind, attempts: u32) -> Effect {
    use StoreErrorKind as Kind;
    if !op.writes() || attempts == 0 {
        return Effect::NotApplied;
    }
    match kind {
        // An answer that S3 did not give says nothing about what S3 did.
        Kind::Timeout
        | Kind::Connection
        | Kind::NotTls
        | Kind::NotHttp
        | Kind::Server
        | Kind::Unknown
        | Kind::InvalidEndpoint
        | Kind::NotS3
        // TLS may also break in the middle of an answer.
        | Kind::TlsFailed => Effect::Unknown,
        Kind::AccessDenied
        | Kind::AccountProblem
        | Kind::BucketMissing
        | Kind::BucketInEndpoint
        | Kind::InvalidBucketName
        | Kind::WrongRegion { .. }
        | Kind::BadCredentials
        | Kind::ExpiredCredentials
        | Kind::NoCredentials { .. }
        | Kind::PathStyleRefused
        | Kind::HostNotFound { .. }
        | Kind::ConnectionRefused
        | Kind::NoConnection
        | Kind::ProxyAuthentication
        | Kind::ProxyRefused
        | Kind::TooLargeForProxy
        | Kind::EncryptionKey
        | Kind::ObjectLock
        | Kind::OptionRefused { .. }
        | Kind::Certificate(_)
        | Kind::StorageFull
        | Kind::InvalidKey
        | Kind::KeyTaken
        | Kind::RefusesFreeKey
        | Kind::FindsMissing
        | Kind::LosesMetadata
        | Kind::NotFound
        | Kind::NoSuchUpload
        | Kind::Conflict
        | Kind::ClockSkew
        | Kind::Throttled
        | Kind::Damaged
        | Kind::BrokenListing(_)
        | Kind::Unsupported
        | Kind::Rejected => {
            if attempts == 1 {
                Effect::NotApplied
            } else {
                Effect::Unknown
            }
        }
    }
}

/// What AWS says about a denial: "User: ... is not authorized to perform: s3:PutObject on resource:
/// ... because no identity-based policy allows the s3:PutObject action", or "... with an explicit
/// deny in a resource-based policy".
fn refusal(message: &str) -> DenialDetails {
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

fn contains(body: &[u8], words: &[u8]) -> bool {
    memchr::memmem::find(body, words).is_some()
}

/// The text of an element of an error's body: of those that the SDK does not model, and of bodies
/// that are not quite XML.
fn element<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// The bucket's region in the one error that has it nowhere else: "The me-south-1 location
/// constraint is incompatible for the region specific endpoint this request was sent to."
fn region_in(message: &str) -> Option<&str> {
    let (region, _) =
        message.strip_prefix("The ")?.split_once(" location constraint is incompatible")?;
    (region != "unspecified").then_some(region)
}

/// All that was reported below us in one line: status, code, request id, the server's message and
/// the chain of causes.
fn cause<E>(
    call: &Call<'_>,
    error: &SdkError<E>,
    status: Option<u16>,
    request_id: Option<&str>,
) -> Cause
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    /// Long enough for every message of S3, short enough for a log line.
    const LONGEST_CAUSE_CHARS: usize = 1000;

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
    // A store that repeats what it was sent: everything from here on may be of the signature.
    if let Some((before, _)) = text.split_once("AWS4-HMAC-SHA256") {
        text = format!("{before}***");
    }
    let text: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_CAUSE_CHARS).collect();
    Cause(text.into_boxed_str())
}

#[cfg(test)]
mod tests;
