//! What an answer of S3, or its absence, means: the one table from error codes and statuses to [`StoreErrorKind`].
//!
//! An `SdkError` and the [`Call`] that it belongs to -> [`StoreError`].
//!
//! Invariants
//! - The code decides before the status: stores agree on codes more than on statuses.
//! - Nothing that the server says reaches a sentence except a code and a region of harmless letters.
//!
//! Not here: the sentences (`error`), what is done about an error (`publish`; the SDK's own retries).

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::error::Error as StdError;

use super::call::Call;
use super::error::{Cause, Effect, Operation, StoreError, StoreErrorKind};

/// What is known of an answer.
#[derive(Clone, Copy, Debug, Default)]
struct Answer<'a> {
    status: u16,
    code: Option<&'a str>,
    /// The bucket's region, from the redirect header or the body, where it is not ours.
    elsewhere: Option<&'a str>,
}

/// The error that `error` is for us.
pub(super) fn classify<E>(call: &Call<'_>, error: &SdkError<E>) -> StoreError
where
    E: StdError + ProvideErrorMetadata + 'static,
{
    let raw = error.raw_response();
    let status = raw.map(|raw| raw.status().as_u16());
    let code = error.code().and_then(harmless);
    let kind = match error {
        SdkError::ConstructionFailure(_) => StoreErrorKind::InvalidEndpoint,
        SdkError::TimeoutError(_) => StoreErrorKind::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => StoreErrorKind::Timeout,
        // It never came to a connection: the SDK could not make an address of bucket, region and endpoint.
        SdkError::DispatchFailure(failure) if failure.is_user() || call.attempts == 0 => {
            StoreErrorKind::InvalidEndpoint
        }
        SdkError::DispatchFailure(_) => StoreErrorKind::Connection,
        // Headers came, but no whole body: a connection that broke, or a body that is no answer of S3.
        SdkError::ResponseError(_) => StoreErrorKind::Connection,
        SdkError::ServiceError(_) => {
            let header = raw.and_then(|raw| raw.headers().get("x-amz-bucket-region"));
            let body = raw.and_then(|raw| raw.body().bytes());
            let region = header.or_else(|| body.and_then(region_element)).and_then(harmless);
            let elsewhere = region.filter(|region| *region != call.region);
            kind_of(call.op, Answer { status: status.unwrap_or(0), code, elsewhere })
        }
        _ => StoreErrorKind::Unknown,
    };
    let request_id = raw.and_then(|raw| raw.headers().get("x-amz-request-id"));
    StoreError {
        effect: effect_of(call.op, &kind, call.attempts),
        kind,
        op: call.op,
        context: call.context(code, status),
        cause: Some(cause(call, error, status, request_id)),
    }
}

/// The table.
fn kind_of(op: Operation, answer: Answer<'_>) -> StoreErrorKind {
    use StoreErrorKind as Kind;
    let wrong_region = || Kind::WrongRegion { expected: answer.elsewhere.map(str::to_owned) };
    match answer.code.unwrap_or_default() {
        "AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "UnauthorizedAccess" => {
            Kind::AccessDenied
        }
        "AccountProblem" | "NotSignedUp" | "OptInRequired" | "InvalidPayer" | "UserSuspended" => {
            Kind::AccountProblem
        }
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
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired" => {
            Kind::ExpiredCredentials
        }
        // KMS throttling comes first: all other codes of KMS are about the key.
        "KMS.ThrottlingException" => Kind::Throttled,
        code if code.starts_with("KMS.") => Kind::EncryptionKey,
        "QuotaExceeded" | "InsufficientStorage" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" => {
            Kind::StorageFull
        }
        "KeyTooLongError" | "InvalidURI" | "InvalidObjectName" | "XMinioInvalidObjectName" => {
            Kind::InvalidKey
        }
        "PreconditionFailed" => Kind::KeyTaken,
        "NoSuchKey" | "NoSuchVersion" => Kind::NotFound,
        "NoSuchUpload" => Kind::NoSuchUpload,
        "ConditionalRequestConflict" | "OperationAborted" => Kind::Conflict,
        "RequestTimeTooSkewed" => Kind::ClockSkew,
        "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded" => Kind::Throttled,
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
        "NotImplemented" => Kind::Unsupported,
        "EntityTooLarge"
        | "EntityTooSmall"
        | "InvalidPart"
        | "InvalidPartOrder"
        | "InvalidArgument"
        | "InvalidRequest"
        | "MalformedXML"
        | "MetadataTooLarge"
        | "MissingContentLength" => Kind::Rejected,
        // `NotFound` is what the SDK calls a HEAD's 404, which has no body.
        _ => match answer.status {
            // An answer that is called a success and yet cannot be read: a web page, not S3.
            200..=299 => Kind::InvalidEndpoint,
            302 | 307 if answer.elsewhere.is_none() => Kind::Server,
            301 | 302 | 307 | 308 => wrong_region(),
            401 => Kind::BadCredentials,
            403 => Kind::AccessDenied,
            404 => not_found(op),
            408 => Kind::Timeout,
            409 => Kind::Conflict,
            412 => Kind::KeyTaken,
            429 => Kind::Throttled,
            501 => Kind::Unsupported,
            507 => Kind::StorageFull,
            500..=599 => Kind::Server,
            // A HEAD in the wrong region is a 400 without a body; the header is all that it says.
            400 if answer.elsewhere.is_some() => wrong_region(),
            _ => Kind::Unknown,
        },
    }
}

/// What is missing when a 404 does not say.
fn not_found(op: Operation) -> StoreErrorKind {
    match op {
        Operation::ListObjects | Operation::PutObject | Operation::CreateMultipartUpload => {
            StoreErrorKind::BucketMissing
        }
        Operation::UploadPart | Operation::CompleteMultipartUpload | Operation::AbortMultipartUpload => {
            StoreErrorKind::NoSuchUpload
        }
        Operation::GetObject | Operation::HeadObject | Operation::DeleteObject => StoreErrorKind::NotFound,
    }
}

/// Whether a failed request may have happened. A refusal speaks for its own attempt only: an earlier attempt, whose
/// answer was lost, may have done the work.
fn effect_of(op: Operation, kind: &StoreErrorKind, attempts: u32) -> Effect {
    use StoreErrorKind as Kind;
    if !op.writes() || attempts == 0 {
        return Effect::NotApplied;
    }
    match kind {
        Kind::Timeout | Kind::Connection | Kind::Server | Kind::Unknown => Effect::Unknown,
        Kind::AccessDenied
        | Kind::AccountProblem
        | Kind::BucketMissing
        | Kind::InvalidBucketName
        | Kind::WrongRegion { .. }
        | Kind::BadCredentials
        | Kind::ExpiredCredentials
        | Kind::EncryptionKey
        | Kind::StorageFull
        | Kind::InvalidKey
        | Kind::KeyTaken
        | Kind::NotFound
        | Kind::NoSuchUpload
        | Kind::Conflict
        | Kind::ClockSkew
        | Kind::Throttled
        | Kind::Damaged
        | Kind::InvalidEndpoint
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

/// A code or region that is fit for a sentence: nothing else a server sends is.
fn harmless(text: &str) -> Option<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(fits)).then_some(text)
}

/// The text of `<Region>` in an error's body, which the SDK does not model.
fn region_element(body: &[u8]) -> Option<&str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<Region>")?;
    rest.split_once("</Region>").map(|(region, _)| region)
}

/// All that was reported below us in one line: status, code, request id, the server's message and the chain of causes.
fn cause<E>(call: &Call<'_>, error: &SdkError<E>, status: Option<u16>, request_id: Option<&str>) -> Cause
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
    for secret in call.secrets {
        text = text.replace(secret, "***");
    }
    let text: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_CAUSE_CHARS).collect();
    Cause(text.into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureType;
    use StoreErrorKind as Kind;

    fn region(name: &str) -> Kind {
        Kind::WrongRegion { expected: Some(name.to_owned()) }
    }

    #[test]
    fn codes_decide_before_statuses() {
        use FailureType::{Config, System, Transient};
        let table: &[(&str, u16, Kind, FailureType)] = &[
            ("AccessDenied", 403, Kind::AccessDenied, Config),
            ("AllAccessDisabled", 403, Kind::AccessDenied, Config),
            ("AccountProblem", 403, Kind::AccountProblem, Config),
            ("NotSignedUp", 403, Kind::AccountProblem, Config),
            ("NoSuchBucket", 404, Kind::BucketMissing, Config),
            ("InvalidBucketName", 400, Kind::InvalidBucketName, Config),
            ("PermanentRedirect", 301, region("eu-north-1"), Config),
            ("TemporaryRedirect", 307, region("eu-north-1"), Config),
            ("AuthorizationHeaderMalformed", 400, region("eu-north-1"), Config),
            ("IllegalLocationConstraintException", 400, region("eu-north-1"), Config),
            ("InvalidAccessKeyId", 403, Kind::BadCredentials, Config),
            ("SignatureDoesNotMatch", 403, Kind::BadCredentials, Config),
            ("InvalidToken", 400, Kind::BadCredentials, Config),
            ("ExpiredToken", 400, Kind::ExpiredCredentials, Config),
            ("TokenRefreshRequired", 400, Kind::ExpiredCredentials, Config),
            ("KMS.DisabledException", 400, Kind::EncryptionKey, Config),
            ("KMS.ThrottlingException", 400, Kind::Throttled, Transient),
            ("QuotaExceeded", 403, Kind::StorageFull, Config),
            ("KeyTooLongError", 400, Kind::InvalidKey, Config),
            ("PreconditionFailed", 412, Kind::KeyTaken, Transient),
            ("NoSuchKey", 404, Kind::NotFound, Transient),
            ("NoSuchUpload", 404, Kind::NoSuchUpload, Transient),
            ("NoSuchUpload", 403, Kind::NoSuchUpload, Transient),
            ("ConditionalRequestConflict", 409, Kind::Conflict, Transient),
            ("OperationAborted", 409, Kind::Conflict, Transient),
            ("RequestTimeTooSkewed", 403, Kind::ClockSkew, Transient),
            ("SlowDown", 503, Kind::Throttled, Transient),
            ("TooManyRequests", 429, Kind::Throttled, Transient),
            ("InternalError", 500, Kind::Server, Transient),
            ("InternalError", 200, Kind::Server, Transient),
            ("ServiceUnavailable", 503, Kind::Server, Transient),
            ("RequestTimeout", 400, Kind::Timeout, Transient),
            ("BadDigest", 400, Kind::Damaged, Transient),
            ("IncompleteBody", 400, Kind::Damaged, Transient),
            ("NotImplemented", 501, Kind::Unsupported, Config),
            ("InvalidPart", 400, Kind::Rejected, System),
            ("EntityTooSmall", 400, Kind::Rejected, System),
            ("MalformedXML", 400, Kind::Rejected, System),
            ("SomethingNew", 400, region("eu-north-1"), Config),
            ("SomethingNew", 418, Kind::Unknown, System),
            ("SomethingNew", 502, Kind::Server, Transient),
        ];
        for (code, status, kind, failure_type) in table {
            let answer = Answer { status: *status, code: Some(code), elsewhere: Some("eu-north-1") };
            let found = kind_of(Operation::PutObject, answer);
            assert_eq!(&found, kind, "{code} {status}");
            assert_eq!(found.failure_type(), *failure_type, "{code} {status}");
        }
    }

    #[test]
    fn a_bare_status_is_read_by_what_was_asked() {
        let table: &[(Operation, u16, Kind)] = &[
            (Operation::ListObjects, 404, Kind::BucketMissing),
            (Operation::PutObject, 404, Kind::BucketMissing),
            (Operation::UploadPart, 404, Kind::NoSuchUpload),
            (Operation::CompleteMultipartUpload, 404, Kind::NoSuchUpload),
            (Operation::HeadObject, 404, Kind::NotFound),
            (Operation::HeadObject, 400, Kind::Unknown),
            (Operation::HeadObject, 301, Kind::WrongRegion { expected: None }),
            (Operation::PutObject, 307, Kind::Server),
            (Operation::HeadObject, 401, Kind::BadCredentials),
            (Operation::HeadObject, 403, Kind::AccessDenied),
            (Operation::PutObject, 408, Kind::Timeout),
            (Operation::PutObject, 409, Kind::Conflict),
            (Operation::PutObject, 412, Kind::KeyTaken),
            (Operation::PutObject, 429, Kind::Throttled),
            (Operation::PutObject, 500, Kind::Server),
            (Operation::PutObject, 501, Kind::Unsupported),
            (Operation::PutObject, 503, Kind::Server),
            (Operation::PutObject, 507, Kind::StorageFull),
            (Operation::ListObjects, 200, Kind::InvalidEndpoint),
        ];
        for (op, status, kind) in table {
            assert_eq!(
                &kind_of(*op, Answer { status: *status, ..Answer::default() }),
                kind,
                "{op:?} {status}"
            );
        }
    }

    #[test]
    fn only_a_single_refused_attempt_surely_changed_nothing() {
        use Effect::{NotApplied, Unknown};
        let table: &[(Operation, Kind, u32, Effect)] = &[
            (Operation::PutObject, Kind::AccessDenied, 1, NotApplied),
            (Operation::PutObject, Kind::AccessDenied, 2, Unknown),
            (Operation::PutObject, Kind::Timeout, 1, Unknown),
            (Operation::PutObject, Kind::Server, 1, Unknown),
            (Operation::PutObject, Kind::Connection, 0, NotApplied),
            (Operation::CompleteMultipartUpload, Kind::Unknown, 1, Unknown),
            (Operation::GetObject, Kind::Timeout, 5, NotApplied),
        ];
        for (op, kind, attempts, effect) in table {
            assert_eq!(effect_of(*op, kind, *attempts), *effect, "{op:?} {kind:?} {attempts}");
        }
    }

    #[test]
    fn sentences_name_the_thing_and_what_to_do() {
        let call = |op, region| Call {
            op,
            key: "a/b.csv",
            bucket: "sales",
            region,
            endpoint: None,
            attempts: 1,
            secrets: &[],
        };
        let text = |op, region, kind| call(op, region).without_answer(kind, Effect::NotApplied).to_string();
        let put = text(Operation::UploadPart, "eu-west-1", Kind::AccessDenied);
        assert!(put.starts_with("s3:PutObject on arn:aws:s3:::sales/a/b.csv was denied: allow"), "{put}");
        let list = text(Operation::ListObjects, "us-gov-west-1", Kind::AccessDenied);
        assert!(list.starts_with("s3:ListBucket on arn:aws-us-gov:s3:::sales was denied"), "{list}");
        let wrong = text(Operation::ListObjects, "us-east-1", region("eu-west-1"));
        assert!(wrong.ends_with("set s3_bucket_region to \"eu-west-1\""), "{wrong}");
        let missing = text(Operation::ListObjects, "us-east-1", Kind::BucketMissing);
        assert!(missing.contains("s3_bucket_name") && missing.contains("\"sales\""), "{missing}");
    }

    #[test]
    fn server_text_is_kept_out_unless_harmless() {
        assert_eq!(harmless("eu-west-1"), Some("eu-west-1"));
        assert_eq!(harmless("eu west"), None);
        assert_eq!(harmless(""), None);
        assert_eq!(harmless(&"x".repeat(65)), None);
        assert_eq!(region_element(b"<Error><Region>eu-west-1</Region></Error>"), Some("eu-west-1"));
        assert_eq!(region_element(b"<Error><Region>eu"), None);
    }
}
