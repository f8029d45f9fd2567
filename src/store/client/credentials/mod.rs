//! Credentials that run out: asked for in time, and asked for again when the store says that they
//! have run out.
//!
//! A provider of the SDK -> the credentials that each attempt of a request is signed with. The
//! SDK's own cache believes the stated expiry alone; this one can be told otherwise.
//!
//! | credentials | what a request does |
//! |---|---|
//! | none yet, past their expiry, or refused as expired | waits for new ones; all that wait share one question and its answer |
//! | near their expiry | the first one that comes asks; the others go on with what there is, and so does it if there is no answer |
//! | the provider gave again what was refused | goes out with them and learns that they have expired; it is asked again ten seconds later at the earliest |
//!
//! Invariants
//! - The provider is asked by one request at a time, and at most once because of one refusal.
//! - `Debug` and errors show no secret.
//!
//! Not here: how a provider gets what it gives (a role, an instance), what an answer of the store
//! means (`sending`).

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::{
    Builder, Credentials, IdentityCache, ProvideCredentials, SharedCredentialsProvider,
};

use crate::store::answers::NoCredentials;

/// Whose keys open the bucket.
#[derive(Clone)]
pub enum Access {
    /// An access key. With a session token it ends at some time, which ends the sync.
    Key {
        /// Public half of the access key.
        access_key_id: String,
        /// Secret half of the access key.
        secret_access_key: String,
        /// Third part of temporary credentials.
        session_token: Option<String>,
    },
    /// Credentials for a time, from a provider that is asked again. A [`Failure`](crate::error::Failure) as the source of
    /// its error is what the user is told.
    Renewable(SharedCredentialsProvider),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key { .. } => "Key",
            Self::Renewable(_) => "Renewable",
        })
    }
}

/// What the requests of a store are signed with.
#[derive(Clone)]
pub(crate) enum Signing {
    /// Credentials that cannot be renewed.
    Fixed(Credentials),
    /// Credentials that can.
    Renewing(Arc<Renewing>),
}

impl Signing {
    /// `now` is the clock that tells when credentials end.
    pub(crate) fn new(access: &Access, now: fn() -> SystemTime) -> Self {
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
                Self::Renewing(Arc::new(Renewing::new(provider.clone(), now)))
            }
        }
    }

    /// Settings of a client with these credentials.
    pub(crate) fn sign(&self, config: Builder) -> Builder {
        match self {
            Self::Fixed(credentials) => config.credentials_provider(credentials.clone()),
            Self::Renewing(renewing) => {
                let provider: Arc<dyn ProvideCredentials> = renewing.clone();
                config
                    .credentials_provider(SharedCredentialsProvider::from(provider))
                    .identity_cache(IdentityCache::no_cache())
            }
        }
    }

    /// The store has told a request signed with `used` that its credentials have expired. Says
    /// whether it is worth another attempt.
    pub(crate) fn refused(&self, used: Signer) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Renewing(renewing) => renewing.refused(used),
        }
    }

    /// Whether new credentials can be had.
    pub(crate) fn is_renewable(&self) -> bool {
        matches!(self, Self::Renewing(_))
    }

    /// Values that no message may show.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let parts = |credentials: &Credentials| {
            [
                Some(credentials.access_key_id()),
                Some(credentials.secret_access_key()),
                credentials.session_token(),
            ]
            .into_iter()
            .flatten()
            .filter(|secret| !secret.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
        };
        match self {
            Self::Fixed(credentials) => parts(credentials),
            Self::Renewing(renewing) => {
                let held = renewing.held();
                [&held.current, &held.previous].into_iter().flatten().flat_map(parts).collect()
            }
        }
    }
}

/// How long before their expiry credentials are renewed, if they have a quarter of their life left
/// then.
const EARLY: Duration = Duration::from_secs(300);

/// How long a provider that gave again what had been refused is left alone: what it reads may be
/// written anew by others.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// How long the one request that asks early may wait for it: the old credentials are as good.
const EARLY_PATIENCE: Duration = Duration::from_secs(5);

/// How long requests wait for credentials that they cannot do without. Below the least time that a
/// request may take (`client`), so that the answer, or that there is none, is taken down before the
/// request is given up.
const LATE_PATIENCE: Duration = Duration::from_secs(50);

/// Credentials from a provider, kept until they run out.
pub(crate) struct Renewing {
    provider: SharedCredentialsProvider,
    now: fn() -> SystemTime,
    /// Held by the request that asks.
    turn: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    current: Option<Credentials>,
    /// Those before, which requests under way may still be signed with.
    previous: Option<Credentials>,
    /// When the current ones end, as far as the provider is to be believed.
    expiry: Option<SystemTime>,
    renew_at: Option<SystemTime>,
    refusal: CredentialsStatus,
    /// How often the provider has answered.
    answers: u64,
    /// When it answered last.
    asked_at: Option<SystemTime>,
    /// The last answer, if it was an error.
    failure: Option<NoCredentials>,
}

/// What the store thinks of the current credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CredentialsStatus {
    #[default]
    None,
    /// They have expired.
    Expired,
    /// They have expired, and the provider has no others.
    Final,
}

/// What a request finds.
enum Standing {
    Good(Credentials),
    /// Good for now, but not for long.
    Ending(Credentials),
    /// To be asked for; the number of answers so far.
    Needed(u64),
}

impl Renewing {
    fn new(provider: SharedCredentialsProvider, now: fn() -> SystemTime) -> Self {
        Self { provider, now, turn: tokio::sync::Mutex::default(), held: Mutex::default() }
    }

    fn refused(&self, used: Signer) -> bool {
        let mut held = self.held();
        if held.current.as_ref().map(Signer::of) == Some(used) {
            let since = held.asked_at.and_then(|at| (self.now)().duration_since(at).ok());
            if held.refusal == CredentialsStatus::Final
                && since.is_none_or(|since| since < AGAIN_AFTER)
            {
                return false;
            }
            held.refusal = CredentialsStatus::Expired;
        }
        // Otherwise they have been renewed since.
        true
    }

    async fn credentials(&self) -> Result<Credentials, NoCredentials> {
        match self.standing() {
            Standing::Good(credentials) => Ok(credentials),
            Standing::Ending(credentials) => {
                let Ok(_turn) = self.turn.try_lock() else { return Ok(credentials) };
                Ok(self.ask(EARLY_PATIENCE).await.unwrap_or(credentials))
            }
            Standing::Needed(answers) => {
                let _turn = self.turn.lock().await;
                match self.standing() {
                    Standing::Good(credentials) | Standing::Ending(credentials) => Ok(credentials),
                    Standing::Needed(now) if now == answers => self.ask(LATE_PATIENCE).await,
                    // Somebody has asked while this request waited: the answer is for all.
                    Standing::Needed(_) => {
                        let failure = self.held().failure.clone();
                        // Without one there were new credentials, and they have been refused since.
                        if let Some(failure) = failure {
                            Err(failure)
                        } else {
                            self.ask(LATE_PATIENCE).await
                        }
                    }
                }
            }
        }
    }

    fn standing(&self) -> Standing {
        let held = self.held();
        let Some(current) = &held.current else { return Standing::Needed(held.answers) };
        let now = (self.now)();
        if held.expiry.is_some_and(|expiry| now >= expiry)
            || held.refusal == CredentialsStatus::Expired
        {
            Standing::Needed(held.answers)
        } else if held.renew_at.is_some_and(|at| now >= at) {
            Standing::Ending(current.clone())
        } else {
            Standing::Good(current.clone())
        }
    }

    /// Asks the provider, and takes no answer within `patience` for none. The caller has the turn.
    async fn ask(&self, patience: Duration) -> Result<Credentials, NoCredentials> {
        let answer = tokio::time::timeout(patience, self.provider.provide_credentials())
            .await
            .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(patience)));
        let (now, mut held) = ((self.now)(), self.held());
        held.answers += 1;
        held.asked_at = Some(now);
        let answer = match answer {
            Ok(new) => {
                let again = held.current.as_ref().map(Signer::of) == Some(Signer::of(&new));
                held.refusal = if again && held.refusal != CredentialsStatus::None {
                    CredentialsStatus::Final
                } else {
                    CredentialsStatus::None
                };
                if !again {
                    held.previous = held.current.take();
                }
                held.failure = None;
                // Past already: one of the clocks is wrong, and the store decides.
                held.expiry = new.expiry().filter(|expiry| now < *expiry);
                held.current = Some(new.clone());
                Ok(new)
            }
            Err(error) => {
                let failure = NoCredentials::from(&error);
                held.failure = Some(failure.clone());
                Err(failure)
            }
        };
        // After a failure, too: what is left of their life is divided again.
        held.renew_at = held.expiry.and_then(|expiry| {
            let left = expiry.duration_since(now).ok()?;
            Some(expiry - EARLY.min(left / 4))
        });
        answer
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProvideCredentials for Renewing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.credentials().await.map_err(CredentialsError::provider_error)
        })
    }
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewing")
    }
}

// Credentials' own Debug shows the access key id.
impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed(_) => "Fixed",
            Self::Renewing(_) => "Renewing",
        })
    }
}

/// Tells credentials apart without being them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signer(u64);

impl Signer {
    fn of(credentials: &Credentials) -> Self {
        Self::new(credentials.session_token().unwrap_or(credentials.access_key_id()))
    }

    /// Whose credentials `request` is signed with.
    pub(crate) fn of_request(request: &HttpRequest) -> Option<Self> {
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
