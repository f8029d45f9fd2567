//! The kinds of errors, and who must act on each.
//!
//! Invariants
//! - The `match`es that decide who acts, and whether a write may have happened
//!   (`classify::effect`), have no wildcard arm: a new kind does not compile until someone decides.

use std::fmt;

use super::handshake::Distrust;
use crate::error::FailureType;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreErrorKind {
    /// No policy allows the request, or one denies it.
    AccessDenied,
    /// The account itself may not use S3 (closed, suspended, not signed up).
    AccountProblem,
    /// The bucket does not exist.
    BucketMissing,
    /// The endpoint seems to contain the bucket's name already, and nothing there knows the bucket.
    BucketInEndpoint,
    /// No bucket can have this name.
    InvalidBucketName,
    /// The bucket is in another region than the one that requests are signed for.
    WrongRegion {
        /// The bucket's region, where the answer names it.
        expected: Option<String>,
    },
    /// The store rejects the access key, its secret or the session token.
    BadCredentials,
    /// The temporary credentials have expired.
    ExpiredCredentials,
    /// The credentials provider returned none.
    NoCredentials {
        /// Whether asking again later may help.
        temporary: bool,
    },
    /// The store only accepts requests with the bucket in the host name.
    PathStyleRefused,
    /// The bucket's encryption key cannot be used.
    EncryptionKey,
    /// The bucket has Object Lock, so uploads to it need a checksum.
    ObjectLock,
    /// The store does not accept one of the options of objects.
    OptionRefused {
        /// The setting's name.
        setting: &'static str,
    },
    /// The server's certificate is not trusted.
    Certificate(Distrust),
    /// The endpoint begins with `https://`, but the server does not speak TLS.
    NotTls,
    /// The endpoint begins with `http://`, but the server does not answer in plain HTTP.
    NotHttp,
    /// The store is full, or the bucket's quota is used up.
    StorageFull,
    /// The store does not accept the key.
    InvalidKey,
    /// Another writer's object has the key. Nothing was written.
    KeyTaken,
    /// The conditional write failed as if the key were taken, but HeadObject finds no object there.
    /// Nothing was written.
    RefusesFreeKey,
    /// The store reports an object at a key that was never written. Nothing was written.
    FindsMissing,
    /// The object at the key has none of our metadata, but may still be ours. For a copy: it has
    /// the metadata of another key.
    LosesMetadata,
    /// No object has the key.
    NotFound,
    /// The multipart upload does not exist, or no longer.
    NoSuchUpload,
    /// Another request on the same key was in progress, also after retries.
    Conflict,
    /// This machine's clock and the store's are too far apart.
    ClockSkew,
    /// The store asked to slow down, also after retries.
    Throttled,
    /// The store failed, also after retries.
    Server,
    /// No answer came in time.
    Timeout,
    /// The connection could not be established, or broke.
    Connection,
    /// DNS does not know the host, or no name server answers.
    HostNotFound {
        /// The name that was looked up: the store's (after the bucket's, in virtual-hosted style)
        /// or a proxy's.
        host: String,
    },
    /// The host answers, but nothing listens on the port.
    ConnectionRefused,
    /// The host does not answer, or there is no route to it.
    NoConnection,
    /// The TLS handshake failed.
    TlsFailed,
    /// The proxy requires a user and a password, or different ones.
    ProxyAuthentication,
    /// The proxy does not connect to the store.
    ProxyRefused,
    /// A proxy in front of the store rejects request bodies of this size.
    TooLargeForProxy,
    /// The bytes arrived damaged.
    Damaged,
    /// The store truncates listings, or never ends them, so that other objects may exist.
    BrokenListing(ListingFault),
    /// Bucket, region and endpoint make no usable address.
    InvalidEndpoint,
    /// Whatever answers is not an S3 service: it sent a web page, or a success without the receipt
    /// that S3 sends.
    NotS3,
    /// The store does not implement the request.
    Unsupported,
    /// The store calls the request itself malformed, which is a defect of the connector.
    Rejected,
    /// None of the other kinds describes the answer.
    Unknown,
}

/// Why a truncated listing cannot be continued. Displayed: what the store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListingFault {
    /// The page has no continuation token, and `start-after` does not help.
    NoToken,
    /// The page repeats the continuation token that was just sent, and `start-after` does not help.
    SameToken,
    /// Names repeat that were listed before.
    Repeats,
    /// Page after page is empty.
    Empty,
}

impl fmt::Display for ListingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoToken => "sends no NextContinuationToken to request them with",
            Self::SameToken => "sends the same NextContinuationToken again",
            Self::Repeats => "repeats names that it has listed before",
            Self::Empty => "sends one empty page after another",
        })
    }
}

impl StoreErrorKind {
    /// Who must act.
    #[must_use]
    pub(crate) fn failure_type(&self) -> FailureType {
        match self {
            Self::AccessDenied
            | Self::AccountProblem
            | Self::BucketMissing
            | Self::BucketInEndpoint
            | Self::InvalidBucketName
            | Self::WrongRegion { .. }
            | Self::BadCredentials
            | Self::ExpiredCredentials
            | Self::NoCredentials { temporary: false }
            | Self::PathStyleRefused
            | Self::EncryptionKey
            | Self::ObjectLock
            | Self::OptionRefused { .. }
            | Self::Certificate(_)
            | Self::NotTls
            | Self::NotHttp
            | Self::StorageFull
            | Self::InvalidKey
            | Self::BrokenListing(_)
            | Self::RefusesFreeKey
            | Self::FindsMissing
            | Self::LosesMetadata
            | Self::InvalidEndpoint
            | Self::NotS3
            | Self::ProxyAuthentication
            | Self::TooLargeForProxy
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
            // A wrong name or port looks the same as a name server or a store that is down for a
            // while.
            | Self::HostNotFound { .. }
            | Self::ConnectionRefused
            | Self::NoConnection
            | Self::TlsFailed
            | Self::ProxyRefused
            | Self::Damaged => FailureType::Transient,
            Self::Rejected | Self::Unknown => FailureType::System,
        }
    }
}
