//! Whether a failed request may have changed the bucket.

use crate::store::answers::error::Effect;
use crate::store::answers::kind::StoreErrorKind;
use crate::store::operation::Operation;

/// Returns the effect of a failed request. A refusal proves nothing about earlier attempts: one
/// whose answer was lost may have done the work.
pub(super) fn effect_of(op: Operation, kind: &StoreErrorKind, attempts: u32) -> Effect {
    use StoreErrorKind as Kind;
    if !op.writes() || attempts == 0 {
        return Effect::NotApplied;
    }
    match kind {
        // An answer that S3 did not send says nothing about what S3 did.
        Kind::Timeout
        | Kind::Connection
        | Kind::NotTls
        | Kind::NotHttp
        | Kind::Server
        | Kind::Unknown
        | Kind::InvalidEndpoint
        | Kind::NotS3
        // TLS may also break in the middle of an answer, after S3 has acted.
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
