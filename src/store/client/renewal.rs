//! Temporary credentials: renewed in time, and again when the store calls them expired.
//!
//! A provider of the SDK -> the credentials that each attempt of a request is signed with. The
//! SDK's own cache believes only the stated expiry; this one also believes the store.
//!
//! | credentials | what a request does |
//! |---|---|
//! | none yet, past their expiry, or refused as expired | waits for new ones; all waiting requests share one call of the provider and its result |
//! | close to their expiry | the first request calls the provider, the others go on with the current credentials, and so does the first if the call fails |
//! | the provider returned the refused credentials again | is sent with them and learns that they have expired; the provider is called again after ten seconds at the earliest |
//!
//! Invariants
//! - One request at a time calls the provider, and at most once for one status.
//! - `Debug` and errors show no secret.
//!
//! Not here: how a provider obtains credentials (a role, an instance), what an answer of the store
//! means (`retry_classifier`).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_s3::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};

use super::signing::CredentialsId;
use crate::store::answers::NoCredentials;

/// How long before their expiry credentials are renewed, unless that is more than a quarter of the
/// time they have left.
const EARLY_RENEWAL: Duration = Duration::from_secs(300);

/// How long to wait before calling a provider again that has returned refused credentials. It may
/// read a file that another program will rewrite.
const REPEAT_AFTER: Duration = Duration::from_secs(10);

/// How long an early renewal may take: the current credentials are still good.
const EARLY_RENEWAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long requests wait for credentials that they cannot do without. Less than the shortest
/// operation timeout (`retry_policy`), so that a failure of the provider is recorded before the
/// request is given up.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(50);

/// Credentials from a provider, kept until they expire.
pub(crate) struct RenewingCredentials {
    provider: SharedCredentialsProvider,
    now: fn() -> SystemTime,
    /// Held by the request that calls the provider.
    turn: tokio::sync::Mutex<()>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    current: Option<Credentials>,
    /// The ones before: requests in flight may still be signed with them.
    previous: Option<Credentials>,
    /// When the current ones expire, according to the provider.
    expiry: Option<SystemTime>,
    renew_at: Option<SystemTime>,
    status: CredentialsStatus,
    /// How many calls of the provider have ended.
    calls: u64,
    /// When the last call ended.
    called_at: Option<SystemTime>,
    /// The result of the last call, if it was an error.
    failure: Option<NoCredentials>,
}

/// What the store has said about the current credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CredentialsStatus {
    #[default]
    None,
    /// They have expired.
    Expired,
    /// They have expired, and the provider has no others.
    Final,
}

/// What a request finds in the cache.
enum Validity {
    Valid(Credentials),
    ExpiresSoon(Credentials),
    /// There are none, or they have expired. `calls` is the number of calls so far.
    Expired {
        calls: u64,
    },
}

impl RenewingCredentials {
    pub(super) fn new(provider: SharedCredentialsProvider, now: fn() -> SystemTime) -> Self {
        Self { provider, now, turn: tokio::sync::Mutex::default(), cache: Mutex::default() }
    }

    /// Records that the store calls the credentials `used` expired. Returns whether another attempt
    /// may succeed.
    pub(super) fn refused(&self, used: CredentialsId) -> bool {
        let mut cache = self.cache();
        if cache.current.as_ref().map(CredentialsId::of) == Some(used) {
            let since = cache.called_at.and_then(|at| (self.now)().duration_since(at).ok());
            // `None`: the clock was set back since the call, so it is unknown whether ten seconds
            // have passed.
            if cache.status == CredentialsStatus::Final
                && since.is_none_or(|since| since < REPEAT_AFTER)
            {
                return false;
            }
            cache.status = CredentialsStatus::Expired;
        }
        // Otherwise they were renewed while the request was in flight: the next attempt is signed
        // with the new ones.
        true
    }

    /// The current and the previous credentials.
    pub(super) fn recent(&self) -> Vec<Credentials> {
        let cache = self.cache();
        [&cache.current, &cache.previous].into_iter().flatten().cloned().collect()
    }

    async fn credentials(&self) -> Result<Credentials, NoCredentials> {
        match self.validity() {
            Validity::Valid(credentials) => Ok(credentials),
            Validity::ExpiresSoon(credentials) => {
                // Another request is renewing them already: no reason to wait.
                let Ok(_turn) = self.turn.try_lock() else { return Ok(credentials) };
                Ok(self.call_provider(EARLY_RENEWAL_TIMEOUT).await.unwrap_or(credentials))
            }
            Validity::Expired { calls: before } => {
                let _turn = self.turn.lock().await;
                match self.validity() {
                    Validity::Valid(credentials) | Validity::ExpiresSoon(credentials) => {
                        Ok(credentials)
                    }
                    Validity::Expired { calls } if calls == before => {
                        self.call_provider(RENEWAL_TIMEOUT).await
                    }
                    // Another request called the provider while this one waited for its turn: the
                    // failure holds for both.
                    Validity::Expired { .. } => {
                        let failure = self.cache().failure.clone();
                        match failure {
                            Some(failure) => Err(failure),
                            // There were new credentials, and the store has refused them since.
                            None => self.call_provider(RENEWAL_TIMEOUT).await,
                        }
                    }
                }
            }
        }
    }

    fn validity(&self) -> Validity {
        let cache = self.cache();
        let Some(current) = &cache.current else { return Validity::Expired { calls: cache.calls } };
        let now = (self.now)();
        if cache.expiry.is_some_and(|expiry| now >= expiry)
            || cache.status == CredentialsStatus::Expired
        {
            Validity::Expired { calls: cache.calls }
        } else if cache.renew_at.is_some_and(|at| now >= at) {
            Validity::ExpiresSoon(current.clone())
        } else {
            Validity::Valid(current.clone())
        }
    }

    /// Calls the provider; no result within `timeout` is an error. The caller holds the turn.
    async fn call_provider(&self, timeout: Duration) -> Result<Credentials, NoCredentials> {
        let result = tokio::time::timeout(timeout, self.provider.provide_credentials())
            .await
            .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(timeout)));
        let (now, mut cache) = ((self.now)(), self.cache());
        cache.calls += 1;
        cache.called_at = Some(now);
        let result = match result {
            Ok(new) => {
                let is_same =
                    cache.current.as_ref().map(CredentialsId::of) == Some(CredentialsId::of(&new));
                cache.status = if is_same && cache.status != CredentialsStatus::None {
                    CredentialsStatus::Final
                } else {
                    CredentialsStatus::None
                };
                if !is_same {
                    cache.previous = cache.current.take();
                }
                cache.failure = None;
                // An expiry in the past means that one of the clocks is wrong: let the store
                // decide.
                cache.expiry = new.expiry().filter(|expiry| now < *expiry);
                cache.current = Some(new.clone());
                Ok(new)
            }
            Err(error) => {
                let failure = NoCredentials::from(&error);
                cache.failure = Some(failure.clone());
                Err(failure)
            }
        };
        // Also after a failure: the next early renewal comes when a quarter of the remaining time
        // is left.
        cache.renew_at = cache.expiry.and_then(|expiry| {
            let left = expiry.duration_since(now).ok()?;
            Some(expiry - EARLY_RENEWAL.min(left / 4))
        });
        result
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProvideCredentials for RenewingCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.credentials().await.map_err(CredentialsError::provider_error)
        })
    }
}

impl fmt::Debug for RenewingCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RenewingCredentials")
    }
}
