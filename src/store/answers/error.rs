//! What can go wrong between us and the bucket, who must act on it, and whether the request may
//! have happened.
//!
//! A [`StoreError`] has two axes: [`StoreErrorKind`] (what is wrong, hence who acts) and [`Effect`]
//! (did the write happen). `classify` makes these errors from answers, `sentence` makes sentences
//! of them.
//!
//! Invariants
//! - Text that came from the server is in the cause and in the store's own words only, shortened
//!   and freed of secrets.
//!
//! May import: `error`.

use std::fmt;

use super::handshake::Distrust;
use crate::aws::EndpointVariant;
use crate::error::{Classified, FailureType};
use crate::store::operation::Operation;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// A policy does not allow the request.
    AccessDenied,
    /// The account itself may not use S3 (closed, suspended, not signed up).
    AccountProblem,
    /// There is no such bucket.
    BucketMissing,
    /// The endpoint seems to name the bucket, and what answers there, if anything, does not know
    /// it.
    BucketInEndpoint,
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
    /// The store takes only requests that have the bucket in the host name.
    PathStyleRefused,
    /// The bucket's encryption key cannot be used.
    EncryptionKey,
    /// The bucket has Object Lock, and uploads to it need a checksum.
    ObjectLock,
    /// The store does not accept one of the options of objects.
    OptionRefused {
        /// The setting's name.
        setting: &'static str,
    },
    /// The server's certificate is not accepted.
    Certificate(Distrust),
    /// The endpoint begins with `https://`, and the server does not speak TLS.
    NotTls,
    /// The endpoint begins with `http://`, and the server does not answer in plain HTTP.
    NotHttp,
    /// The store is full, or the bucket's quota is spent.
    StorageFull,
    /// The key is not one that the store accepts.
    InvalidKey,
    /// Somebody else's object has the key. Nothing was written.
    KeyTaken,
    /// The guarded write was refused as if the key were taken, and the store finds no object there.
    /// Nothing was written.
    RefusesFreeKey,
    /// The store finds an object at a key that was never written. Nothing was written.
    FindsMissing,
    /// The object at the key has none of our metadata, and may be ours all the same. Of a copy: it
    /// has the metadata of another key.
    LosesMetadata,
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
    /// No name server knows the host, or none answers.
    HostNotFound {
        /// The name that was looked up: the store's, with the bucket where it stands before it, or
        /// a proxy's.
        host: String,
    },
    /// The host answers, but nothing listens on the port.
    ConnectionRefused,
    /// The host does not answer at all, or no way leads to it.
    NoConnection,
    /// Client and server found no way to speak TLS.
    TlsFailed,
    /// The proxy wants a user and a password, or others.
    ProxyAuthentication,
    /// The proxy does not lead to the store.
    ProxyRefused,
    /// A proxy in front of the store does not let a body of this size through.
    TooLargeForProxy,
    /// The bytes arrived damaged.
    Damaged,
    /// The store cuts listings, or never ends them: what else there is cannot be known.
    BrokenListing(ListingFault),
    /// Bucket, region and endpoint make no usable address.
    InvalidEndpoint,
    /// What answers is not an S3 service: a web page, or a success without what S3 confirms it
    /// with.
    NotS3,
    /// The store does not implement the request.
    Unsupported,
    /// The store calls the request itself wrong, which is our defect.
    Rejected,
    /// An answer that none of the others describes.
    Unknown,
}

/// Why a listing that the store calls cut cannot be continued. As text: what the store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingFault {
    /// There is no continuation token, and `start-after` does not help.
    NoToken,
    /// The continuation token is the one that was just sent, and `start-after` does not help.
    SameToken,
    /// Names come that came before.
    Repeats,
    /// Page after page comes without a name.
    Empty,
}

impl fmt::Display for ListingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoToken => "does not say where they begin (there is no NextContinuationToken)",
            Self::SameToken => "sends the same NextContinuationToken again",
            Self::Repeats => "lists names again that it has listed before",
            Self::Empty => "lists none of them, page after page",
        })
    }
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
    pub(crate) context: Box<ErrorContext>,
    #[source]
    pub(crate) cause: Option<Cause>,
}

/// Where a request went and what came back, for the sentence.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorContext {
    pub(crate) bucket: String,
    /// The key, or the prefix of a listing.
    pub(crate) key: String,
    pub(crate) region: String,
    /// Without user information.
    pub(crate) endpoint: Option<String>,
    pub(crate) variant: EndpointVariant,
    /// The same without the bucket, where it seems to name the bucket.
    pub(crate) endpoint_without_bucket: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) status: Option<u16>,
    /// How often the request went out.
    pub(crate) attempts: u32,
    /// The store's own message, fit to be shown.
    pub(crate) words: Option<Box<str>>,
    /// The IAM actions that the object's options need besides the one of the request.
    pub(crate) more_actions: Vec<&'static str>,
    /// Whether the credentials do not stand in the settings.
    pub(crate) renewable: bool,
    /// What signing in says of itself.
    pub(crate) told: Option<Box<str>>,
    /// What a refusal says of itself, where it does.
    pub(crate) refusal: DenialDetails,
}

/// What AWS says about a request that it denies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DenialDetails {
    /// The action that was denied: a put may need more than one.
    pub(crate) action: Option<String>,
    /// A policy forbids it, rather than that none allows it.
    pub(crate) explicit: bool,
}

/// A request that no policy allows, or that one forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The IAM action.
    pub action: String,
    /// The ARN of what it was denied on.
    pub resource: String,
    /// Whether the answer says that a policy forbids it.
    pub explicitly: bool,
}

/// What was reported below us, freed of secrets: for whoever debugs, not for the user.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Cause(pub(crate) Box<str>);

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
    pub(crate) fn status(&self) -> Option<u16> {
        self.context.status
    }

    /// Status, code and message of the answer as the store gave them: `HTTP 403, QuotaExceeded:
    /// "..."`. `None` where there was no answer, or one that says nothing.
    #[must_use]
    pub fn answer_of_store(&self) -> Option<String> {
        let ErrorContext { status, code, words, .. } = &*self.context;
        let status = status.filter(|_| code.is_some() || words.is_some());
        let parts: Vec<String> =
            status.map(|status| format!("HTTP {status}")).into_iter().chain(code.clone()).collect();
        match (parts.join(", "), words) {
            (parts, None) => (!parts.is_empty()).then_some(parts),
            (parts, Some(words)) if parts.is_empty() => Some(format!("\"{words}\"")),
            (parts, Some(words)) => Some(format!("{parts}: \"{words}\"")),
        }
    }

    /// The sentence, and the store's own answer behind it.
    #[must_use]
    pub fn in_full(&self) -> String {
        match self.answer_of_store() {
            Some(answer) => format!("{self} (the store's own answer: {answer})"),
            None => self.to_string(),
        }
    }

    /// Whether nothing was written because another object has the key, so that the next key may do.
    #[must_use]
    pub fn asks_for_next_key(&self) -> bool {
        matches!(self.kind, StoreErrorKind::KeyTaken | StoreErrorKind::RefusesFreeKey)
            && self.effect == Effect::NotApplied
    }

    /// Whether the store has said that the object is not there, or that another one is: the caller
    /// goes on from there.
    pub(crate) fn is_plain_no(&self) -> bool {
        matches!(self.kind, StoreErrorKind::NotFound | StoreErrorKind::KeyTaken)
    }

    /// What was denied, if that is what is wrong.
    #[must_use]
    pub fn denied(&self) -> Option<Denied> {
        let DenialDetails { action, explicit } = &self.context.refusal;
        (self.kind == StoreErrorKind::AccessDenied).then(|| Denied {
            action: action.clone().unwrap_or_else(|| self.actions()),
            resource: self.arn(),
            explicitly: *explicit,
        })
    }

    /// The same error, of a bucket that is known to be in `region`.
    #[must_use]
    pub fn in_region(self, region: String) -> Self {
        Self { kind: StoreErrorKind::WrongRegion { expected: Some(region) }, ..self }
    }

    /// The same error about another key.
    pub(crate) fn about(mut self, key: &str) -> Self {
        key.clone_into(&mut self.context.key);
        self
    }
}

impl Classified for StoreError {
    fn failure_type(&self) -> FailureType {
        self.kind.failure_type()
    }

    fn store_answer(&self) -> Option<String> {
        self.answer_of_store()
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
            // A name server or a service that is away for a while looks the same as a wrong name or
            // port.
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

#[cfg(test)]
impl StoreError {
    /// An error without a server, for the tests of stages that only pass errors on.
    pub(crate) fn made_up(op: Operation, kind: StoreErrorKind) -> Self {
        Self { op, kind, effect: Effect::Unknown, context: Box::default(), cause: None }
    }
}
