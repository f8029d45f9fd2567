//! The table from error codes and statuses to kinds.
//!
//! Invariants
//! - The code decides before the status: stores agree on codes more than on statuses.

use super::contains;
use crate::error::is_web_page;
use crate::store::answers::kind::StoreErrorKind;
use crate::store::answers::refused_option::refused_setting;
use crate::store::operation::Operation;

pub(crate) const NO_SUCH_KEY: &str = "NoSuchKey";

/// What is known about an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) code: Option<&'a str>,
    /// The bucket's region, from the header or body of a redirect, if the request was signed for
    /// another region.
    pub(super) other_region: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// The server says that it wants TLS.
    pub(super) wants_tls: bool,
}

/// Returns what `answer` to a request means.
pub(super) fn kind_of(op: Operation, answer: Answer<'_>) -> StoreErrorKind {
    use StoreErrorKind as Kind;
    let wrong_region = || Kind::WrongRegion { expected: answer.other_region.map(str::to_owned) };
    // S3 sends neither status: the answer is a proxy's, whatever else it says.
    match answer.status {
        407 => return Kind::ProxyAuthentication,
        413 => return Kind::TooLargeForProxy,
        _ => {}
    }
    match answer.code.unwrap_or_default() {
        "InvalidRequest" if contains(answer.body, b"Object Lock") => Kind::ObjectLock,
        // Stores that follow S3's documentation answer 501 instead.
        _ if refuses_guard(op, answer) => Kind::Unsupported,
        code if let Some(setting) = refused_setting(op, code, answer.body) => {
            Kind::OptionRefused { setting }
        }
        // S3 is denied the use of the KMS key on the caller's behalf.
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
        // DNS takes some hours to learn the name of a new bucket.
        "TemporaryRedirect" | "Redirect" if answer.other_region.is_none() => Kind::Server,
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
        // KMS throttling is matched first: all other codes of KMS are about the key.
        code if is_throttling(code) => Kind::Throttled,
        code if code.starts_with("KMS.") => Kind::EncryptionKey,
        "QuotaExceeded"
        | "InsufficientStorage"
        | "XMinioStorageFull"
        | "XMinioAdminBucketQuotaExceeded" => Kind::StorageFull,
        "KeyTooLongError" | "InvalidURI" | "InvalidObjectName" | "XMinioInvalidObjectName" => {
            Kind::InvalidKey
        }
        // A read is sent without a condition: the store invents one.
        "PreconditionFailed" if !op.writes() => Kind::Unsupported,
        "PreconditionFailed" => Kind::KeyTaken,
        // The request names no key: the server has mistaken the bucket's name for one.
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
        // A HEAD's 404 also ends here: it has no body, so the SDK calls it `NotFound`.
        _ => match answer.status {
            // A success that cannot be parsed: a web page, not S3.
            200..=299 => Kind::NotS3,
            400 if answer.wants_tls => Kind::NotHttp,
            // These mean the same from S3 and from a proxy in front of it, which adds a page.
            408 => Kind::Timeout,
            409 => Kind::Conflict,
            status if is_throttling_status(status) => Kind::Throttled,
            // A page of a proxy or of a web console.
            400..=499 if answer.code.is_none() && is_web_page(answer.body) => Kind::NotS3,
            302 | 307 if answer.other_region.is_none() => Kind::Server,
            301 | 302 | 307 | 308 => wrong_region(),
            401 => Kind::BadCredentials,
            403 => Kind::AccessDenied,
            404 => not_found(op),
            412 if !op.writes() => Kind::Unsupported,
            412 => Kind::KeyTaken,
            405 | 501 => Kind::Unsupported,
            507 => Kind::StorageFull,
            500..=599 => Kind::Server,
            // A HEAD in the wrong region is a 400 without a body; only its header says why.
            400 if answer.other_region.is_some() => wrong_region(),
            // A HEAD has no body to say why; in the middle of a run only the credentials can
            // cause a 400.
            400 if op == Operation::HeadObject => Kind::BadCredentials,
            _ => Kind::Unknown,
        },
    }
}

/// Whether an error code says that the credentials have expired.
pub(crate) fn is_expired(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired"
    )
}

/// Whether an error code asks to slow down.
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

/// Whether a status asks to slow down, whatever the code: 509 means that the bandwidth is used up,
/// 529 that the service is overloaded.
pub(crate) fn is_throttling_status(status: u16) -> bool {
    matches!(status, 429 | 509 | 529)
}

/// Whether the store says that it does not implement `If-None-Match`, rather than that the key is
/// taken.
fn refuses_guard(op: Operation, answer: Answer<'_>) -> bool {
    let names_guard = |body| {
        let text = String::from_utf8_lossy(body).to_ascii_lowercase();
        text.contains("if-none-match") || text.contains("ifnonematch")
    };
    op.is_guarded() && matches!(answer.status, 400 | 405 | 501) && names_guard(answer.body)
}

/// Returns what is missing when a 404 has no code.
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
