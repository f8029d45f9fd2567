//! The credentials that requests are signed with.
//!
//! [`Access`] -> [`Signing`] -> settings of the SDK's client, and whether a refusal is worth
//! another attempt with new credentials.
//!
//! Invariants
//! - `Debug` and errors show no secret.
//!
//! Not here: when credentials are renewed (`renewal`), what an answer of the store means
//! (`retry_classifier`).

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::{
    Builder, Credentials, IdentityCache, ProvideCredentials, SharedCredentialsProvider,
};

use super::access::Access;
use super::renewal::RenewingCredentials;

/// What the requests of a store are signed with.
#[derive(Clone)]
pub(crate) enum Signing {
    /// Credentials that cannot be renewed.
    Fixed(Credentials),
    /// Credentials that are renewed.
    Renewing(Arc<RenewingCredentials>),
}

impl Signing {
    /// `now` is the clock that credentials expire by.
    pub(super) fn new(access: &Access, now: fn() -> SystemTime) -> Self {
        match access {
            Access::Key { access_key_id, secret_access_key, session_token } => {
                Self::Fixed(Credentials::new(
                    access_key_id,
                    secret_access_key,
                    session_token.clone(),
                    None,
                    "settings",
                ))
            }
            Access::Renewable(provider) => {
                Self::Renewing(Arc::new(RenewingCredentials::new(provider.clone(), now)))
            }
        }
    }

    /// Adds these credentials to the settings of a client.
    pub(super) fn configure(&self, config: Builder) -> Builder {
        match self {
            Self::Fixed(credentials) => config.credentials_provider(credentials.clone()),
            Self::Renewing(renewing) => {
                let provider: Arc<dyn ProvideCredentials> = renewing.clone();
                config
                    .credentials_provider(SharedCredentialsProvider::from(provider))
                    // The SDK's cache would keep credentials that the store calls expired.
                    .identity_cache(IdentityCache::no_cache())
            }
        }
    }

    /// Records that the store calls the credentials `used` expired. Returns whether another attempt
    /// may succeed.
    pub(super) fn refused(&self, used: CredentialsId) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Renewing(renewing) => renewing.refused(used),
        }
    }

    /// Whether new credentials can be obtained.
    pub(super) fn is_renewable(&self) -> bool {
        matches!(self, Self::Renewing(_))
    }

    /// Values that no message may show.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Fixed(credentials) => parts(credentials),
            Self::Renewing(renewing) => renewing.recent().iter().flat_map(parts).collect(),
        }
    }
}

// The Debug of `Credentials` shows the access key id.
impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed",
            Self::Renewing(_) => "Renewing",
        })
    }
}

fn parts(credentials: &Credentials) -> Vec<String> {
    [
        Some(credentials.access_key_id()),
        Some(credentials.secret_access_key()),
        credentials.session_token(),
    ]
    .into_iter()
    .flatten()
    .filter(|secret| !secret.is_empty())
    .map(str::to_owned)
    .collect()
}

/// Distinguishes credentials without holding them: a hash of the session token or the access key
/// id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CredentialsId(u64);

impl CredentialsId {
    pub(super) fn of(credentials: &Credentials) -> Self {
        Self::new(credentials.session_token().unwrap_or(credentials.access_key_id()))
    }

    /// The credentials that signed `request`.
    pub(super) fn of_request(request: &HttpRequest) -> Option<Self> {
        let headers = request.headers();
        let key = || headers.get("authorization")?.split_once("Credential=")?.1.split('/').next();
        headers.get("x-amz-security-token").or_else(key).map(Self::new)
    }

    fn new(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self(hasher.finish())
    }
}
