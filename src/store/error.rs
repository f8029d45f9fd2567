//! What can go wrong between us and the bucket, who must act on it, and whether the request may have happened.
//!
//! A [`StoreError`] has two axes: [`StoreErrorKind`] (what is wrong, hence who acts) and [`Effect`] (did the write
//! happen). `classify` makes these errors from answers; here they become sentences.
//!
//! Invariants
//! - A sentence names the bucket, the key or the action, and what to do. Text that came from the server is only in
//!   the cause, shortened and freed of secrets.
//!
//! May import: `error`.

use std::fmt;

use super::operation::Operation;
use crate::error::{Classified, FailureType};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// A policy does not allow the request.
    AccessDenied,
    /// The account itself may not use S3 (closed, suspended, not signed up).
    AccountProblem,
    /// There is no such bucket.
    BucketMissing,
    /// The bucket's name cannot be a bucket's name.
    InvalidBucketName,
    /// The bucket is in another region than the one that requests are signed for.
    WrongRegion {
        /// The bucket's region, where the answer names it.
        expected: Option<String>,
    },
    /// The access key, its secret or the session token is not accepted.
    BadCredentials,
    /// Temporary credentials are past their end.
    ExpiredCredentials,
    /// The provider of credentials gave none.
    NoCredentials {
        /// Whether asking later may help.
        temporary: bool,
    },
    /// The bucket's encryption key cannot be used.
    EncryptionKey,
    /// The store is full, or the bucket's quota is spent.
    StorageFull,
    /// The key is not one that the store accepts.
    InvalidKey,
    /// Somebody else's object has the key. Nothing was written.
    KeyTaken,
    /// There is no object with the key.
    NotFound,
    /// The multipart upload does not exist (any more).
    NoSuchUpload,
    /// Another request on the same key was under way, also after several tries.
    Conflict,
    /// This machine's clock is too far from the store's.
    ClockSkew,
    /// The store asked to slow down, also after several tries.
    Throttled,
    /// The store failed, also after several tries.
    Server,
    /// There was no answer in time.
    Timeout,
    /// The connection could not be made, or broke.
    Connection,
    /// The bytes arrived damaged.
    Damaged,
    /// Bucket, region and endpoint make no usable address, or what answers there is not S3.
    InvalidEndpoint,
    /// The store does not implement the request.
    Unsupported,
    /// The store calls the request itself wrong, which is our defect.
    Rejected,
    /// An answer that none of the others describes.
    Unknown,
}

/// Whether the request that failed may have changed the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It surely changed nothing.
    NotApplied,
    /// It may have changed the bucket, or may still do so: look before acting.
    Unknown,
}

/// A request that failed, retries included.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct StoreError {
    /// The request.
    pub op: Operation,
    /// What is wrong.
    pub kind: StoreErrorKind,
    /// Whether the request may have happened.
    pub effect: Effect,
    pub(super) context: Box<ErrorContext>,
    #[source]
    pub(super) cause: Option<Cause>,
}

/// Where a request went and what came back, for the sentence.
#[derive(Clone, Debug, Default)]
pub(super) struct ErrorContext {
    pub(super) bucket: String,
    /// The key, or the prefix of a listing.
    pub(super) key: String,
    pub(super) region: String,
    /// Without user information.
    pub(super) endpoint: Option<String>,
    pub(super) code: Option<String>,
    pub(super) status: Option<u16>,
}

/// What was reported below us, freed of secrets: for whoever debugs, not for the user.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Cause(pub(super) Box<str>);

impl StoreError {
    /// The key that the request was about; the prefix of a listing; nothing for a batch of keys.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.context.key
    }

    /// S3's error code, where the answer had one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.context.code.as_deref()
    }

    /// The answer's HTTP status, where there was an answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.context.status
    }

    /// The same error about another key.
    pub(super) fn about(mut self, key: &str) -> Self {
        key.clone_into(&mut self.context.key);
        self
    }

    fn sentence(&self) -> String {
        let ErrorContext { bucket, key, region, code, .. } = &*self.context;
        let (name, action) = (self.op.name(), self.op.iam_action());
        let what = What(self);
        match &self.kind {
            StoreErrorKind::AccessDenied if self.op == Operation::CopyObject => format!(
                "the copy to {} was denied: allow s3:PutObject on it and s3:GetObject on the object that is copied, \
                 in the policy of the user or role, and look for a bucket policy that denies one of them",
                self.arn()
            ),
            StoreErrorKind::AccessDenied => format!(
                "{action} on {} was denied: allow this action in the policy of the user or role, \
                 and look for a bucket policy that denies it",
                self.arn()
            ),
            StoreErrorKind::AccountProblem => {
                format!("{what} was refused because of the AWS account ({}): check its status", or_dash(code))
            }
            StoreErrorKind::BucketMissing => format!(
                "bucket \"{bucket}\" does not exist {}: create it or correct s3_bucket_name",
                self.place()
            ),
            StoreErrorKind::InvalidBucketName => {
                format!("\"{bucket}\" is not a valid bucket name: correct s3_bucket_name")
            }
            StoreErrorKind::WrongRegion { expected: Some(expected) } => format!(
                "bucket \"{bucket}\" is in region \"{expected}\", not in \"{region}\": \
                 set s3_bucket_region to \"{expected}\""
            ),
            StoreErrorKind::WrongRegion { expected: None } => format!(
                "bucket \"{bucket}\" does not answer requests for region \"{region}\": \
                 set s3_bucket_region to the bucket's own region, and check access_key_id and s3_endpoint"
            ),
            StoreErrorKind::BadCredentials => format!("{}", BadCredentials(code.as_deref())),
            StoreErrorKind::ExpiredCredentials => {
                "the temporary credentials have expired: enter new ones, or use an access key without a session token"
                    .to_owned()
            }
            StoreErrorKind::NoCredentials { temporary: true } => {
                "no credentials could be obtained for now: check the network and try again".to_owned()
            }
            StoreErrorKind::NoCredentials { temporary: false } => {
                "the way of signing in that is configured gives no credentials: check the authentication settings"
                    .to_owned()
            }
            StoreErrorKind::EncryptionKey => format!(
                "{what} failed because the bucket's encryption key cannot be used ({}): \
                 allow the user or role to use the KMS key, and check that the key is enabled",
                or_dash(code)
            ),
            StoreErrorKind::StorageFull => {
                format!("{what} failed because the store is full or the quota of bucket \"{bucket}\" is spent")
            }
            StoreErrorKind::InvalidKey => {
                format!("the store does not accept the key \"{key}\": change s3_bucket_key")
            }
            StoreErrorKind::KeyTaken => {
                format!("bucket \"{bucket}\" already has another object with the key \"{key}\"")
            }
            StoreErrorKind::NotFound => format!("bucket \"{bucket}\" has no object with the key \"{key}\""),
            StoreErrorKind::NoSuchUpload => format!(
                "the multipart upload of \"{key}\" in bucket \"{bucket}\" no longer exists: \
                 if a lifecycle rule aborts incomplete uploads, give it a longer time"
            ),
            StoreErrorKind::Conflict => {
                format!("{what} met another request on the same key: make sure that no second sync writes there")
            }
            StoreErrorKind::ClockSkew => {
                "this machine's clock is too far from the store's clock: set the clock".to_owned()
            }
            StoreErrorKind::Throttled => {
                format!("{what} was refused again and again because the store asked to slow down: try again later")
            }
            StoreErrorKind::Server => {
                format!("{what} failed again and again with an error of the store's own{}: try again later", self.answer())
            }
            StoreErrorKind::Timeout => {
                format!("{what} had no answer in time {}: check the network and try again", self.place())
            }
            StoreErrorKind::Connection => format!(
                "{what} found no working connection {}: check the network{}",
                self.place(),
                if self.context.endpoint.is_some() { " and s3_endpoint" } else { " and s3_bucket_region" }
            ),
            StoreErrorKind::Damaged => {
                format!("{what} arrived damaged{}: check the network and try again", self.answer())
            }
            StoreErrorKind::InvalidEndpoint => format!(
                "{name} could not be sent to an S3 service {}: check s3_bucket_name, s3_bucket_region and s3_endpoint",
                self.place()
            ),
            StoreErrorKind::Unsupported => {
                format!("the store does not implement {name} in the way it is needed{}", self.answer())
            }
            StoreErrorKind::Rejected => format!("{what} was rejected as wrong{}", self.answer()),
            StoreErrorKind::Unknown => format!("{what} failed with an unknown answer{}", self.answer()),
        }
    }

    fn arn(&self) -> String {
        let ErrorContext { bucket, key, region, .. } = &*self.context;
        let partition = match region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        match self.op {
            Operation::ListObjects => format!("arn:{partition}:s3:::{bucket}"),
            // One answer stands for many keys.
            Operation::DeleteObjects => format!("arn:{partition}:s3:::{bucket}/*"),
            Operation::PutObject
            | Operation::CreateMultipartUpload
            | Operation::UploadPart
            | Operation::CompleteMultipartUpload
            | Operation::AbortMultipartUpload
            | Operation::GetObject
            | Operation::HeadObject
            | Operation::CopyObject
            | Operation::DeleteObject => format!("arn:{partition}:s3:::{bucket}/{key}"),
        }
    }

    fn place(&self) -> String {
        match &self.context.endpoint {
            Some(endpoint) => format!("at {endpoint}"),
            None => format!("in region \"{}\"", self.context.region),
        }
    }

    /// ` (HTTP 400, InvalidRequest)`, or nothing.
    fn answer(&self) -> String {
        match (self.context.status, &self.context.code) {
            (Some(status), Some(code)) => format!(" (HTTP {status}, {code})"),
            (Some(status), None) => format!(" (HTTP {status})"),
            (None, Some(code)) => format!(" ({code})"),
            (None, None) => String::new(),
        }
    }
}

fn or_dash(code: &Option<String>) -> &str {
    code.as_deref().unwrap_or("-")
}

/// `PutObject of "key" in bucket "b"`.
struct What<'a>(&'a StoreError);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorContext { bucket, key, .. } = &*self.0.context;
        match self.0.op {
            Operation::DeleteObjects => write!(f, "{} in bucket \"{bucket}\"", self.0.op.name()),
            Operation::CopyObject => write!(f, "{} to \"{key}\" in bucket \"{bucket}\"", self.0.op.name()),
            Operation::ListObjects
            | Operation::PutObject
            | Operation::CreateMultipartUpload
            | Operation::UploadPart
            | Operation::CompleteMultipartUpload
            | Operation::AbortMultipartUpload
            | Operation::GetObject
            | Operation::HeadObject
            | Operation::DeleteObject => {
                write!(f, "{} of \"{key}\" in bucket \"{bucket}\"", self.0.op.name())
            }
        }
    }
}

/// The three parts of an access key are three fields: say which one to look at.
struct BadCredentials<'a>(Option<&'a str>);

impl fmt::Display for BadCredentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some("InvalidAccessKeyId") => {
                "the store does not know the access key: check access_key_id, and that the key is active"
            }
            Some("SignatureDoesNotMatch") => {
                "the secret does not belong to the access key: check access_key_id and secret_access_key"
            }
            Some("InvalidToken") => "the session token is not valid: check session_token",
            _ => "the store does not accept the credentials: check access_key_id, secret_access_key and session_token",
        })
    }
}

impl Classified for StoreError {
    fn failure_type(&self) -> FailureType {
        self.kind.failure_type()
    }
}

impl StoreErrorKind {
    /// Who must act. No wildcard: a new kind does not compile until someone decides.
    #[must_use]
    pub fn failure_type(&self) -> FailureType {
        match self {
            Self::AccessDenied
            | Self::AccountProblem
            | Self::BucketMissing
            | Self::InvalidBucketName
            | Self::WrongRegion { .. }
            | Self::BadCredentials
            | Self::ExpiredCredentials
            | Self::NoCredentials { temporary: false }
            | Self::EncryptionKey
            | Self::StorageFull
            | Self::InvalidKey
            | Self::InvalidEndpoint
            | Self::Unsupported => FailureType::Config,
            Self::KeyTaken
            | Self::NotFound
            | Self::NoCredentials { temporary: true }
            | Self::NoSuchUpload
            | Self::Conflict
            | Self::ClockSkew
            | Self::Throttled
            | Self::Server
            | Self::Timeout
            | Self::Connection
            | Self::Damaged => FailureType::Transient,
            Self::Rejected | Self::Unknown => FailureType::System,
        }
    }
}

#[cfg(test)]
impl StoreError {
    /// An error without a server, for the tests of stages that only pass errors on.
    pub(crate) fn made_up(op: Operation, kind: StoreErrorKind) -> Self {
        Self { op, kind, effect: Effect::Unknown, context: Box::default(), cause: None }
    }
}
