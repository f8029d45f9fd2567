//! The access keys that the servers of a test accept: whose they are, and how long they are valid.
//!
//! An STS that issues keys and an S3 that accepts them share one [`Keyring`], so that expired
//! credentials are really refused.
//!
//! Invariants
//! - Each secret is announced before a client can get it ([`Keyring::announcing`]).
//! - Keys expire at whole seconds, as AWS states them.
//!
//! Not here: whether a signature is right (`signature`, and s3s for S3).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::http::request::Parts;

/// The access key that every keyring has.
pub const ACCESS_KEY_ID: &str = "AKIAEMBEDDEDEXAMPLE0";
/// Its secret: a text that a test can search for.
pub const SECRET_ACCESS_KEY: &str = "embedded/secret+for/the+loopback+server0";
/// The user that [`ACCESS_KEY_ID`] belongs to.
pub const DEFAULT_ARN: &str = "arn:aws:iam::111122223333:user/embedded";

/// One access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token; `None` for a key that is not temporary.
    pub token: Option<String>,
    /// When the key expires; `None` for never.
    pub expires: Option<SystemTime>,
    /// The user or session that the key belongs to.
    pub arn: String,
    /// Whether the key was revoked before it expired.
    revoked: bool,
}

impl Key {
    /// Returns the account of the key: the fifth part of its ARN.
    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }
}

/// What a server makes of the key that a request is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The request names no key.
    Unsigned,
    /// The key does not exist, or it is temporary and the request has no token.
    Unknown,
    /// The token does not belong to the key.
    WrongToken,
    /// The key expired or was revoked.
    Expired,
    /// The key is valid.
    Good(Key),
}

/// Access keys by id. Clones share them.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<Mutex<BTreeMap<String, Key>>>,
    announce: fn(&str),
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Default for Keyring {
    fn default() -> Self {
        Self::new()
    }
}

impl Keyring {
    /// Creates a keyring that holds [`ACCESS_KEY_ID`].
    pub fn new() -> Self {
        Self::announcing(|_| {})
    }

    /// As [`Keyring::new`]; `announce` is called with each secret before the keyring holds it.
    pub fn announcing(announce: fn(&str)) -> Self {
        let keyring = Self { keys: Arc::default(), announce };
        keyring.add(ACCESS_KEY_ID, SECRET_ACCESS_KEY, DEFAULT_ARN);
        keyring
    }

    /// Adds a key that never expires.
    pub fn add(&self, id: &str, secret: &str, arn: &str) {
        (self.announce)(secret);
        self.put(Key {
            id: id.to_owned(),
            secret: secret.to_owned(),
            token: None,
            expires: None,
            arn: arn.to_owned(),
            revoked: false,
        });
    }

    /// Issues a new temporary key, which is valid for `lifetime` rounded up to a whole second.
    pub fn issue(&self, arn: &str, lifetime: Duration) -> Key {
        let expires = SystemTime::now() + lifetime;
        let seconds = expires.duration_since(UNIX_EPOCH).expect("a clock past 1970").as_secs();
        let key = Key {
            id: format!("ASIA{}", random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
            secret: random_text(BASE64, 40),
            token: Some(format!("IQoJb3JpZ2luX2Vj{}==", random_text(BASE64, 300))),
            expires: Some(UNIX_EPOCH + Duration::from_secs(seconds + 1)),
            arn: arn.to_owned(),
            revoked: false,
        };
        // The id of a temporary key is as private as its secret.
        [Some(&key.id), Some(&key.secret), key.token.as_ref()]
            .into_iter()
            .flatten()
            .for_each(|secret| (self.announce)(secret));
        self.put(key.clone());
        key
    }

    /// Makes the key count as expired from now on.
    ///
    /// # Panics
    ///
    /// If the keyring does not hold the key.
    pub fn revoke(&self, id: &str) {
        self.lock().get_mut(id).expect("a key to revoke").revoked = true;
    }

    /// Returns the key with this id, valid or not.
    pub fn key(&self, id: &str) -> Option<Key> {
        self.lock().get(id).cloned()
    }

    /// Returns every secret and token on the keyring.
    pub fn secrets(&self) -> Vec<String> {
        self.lock()
            .values()
            .flat_map(|key| [Some(key.secret.clone()), key.token.clone()])
            .flatten()
            .collect()
    }

    /// Returns the standing of the key that a request is signed with, judged by its head alone.
    pub fn standing(&self, head: &Parts) -> Standing {
        let Some(id) = signer(head) else { return Standing::Unsigned };
        let Some(key) = self.key(&id) else { return Standing::Unknown };
        let token = head.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
        match (key.token.as_deref(), token) {
            (Some(_), None) => Standing::Unknown,
            (of_key, of_request) if of_key != of_request => Standing::WrongToken,
            _ if key.revoked || key.expires.is_some_and(|expires| SystemTime::now() >= expires) => {
                Standing::Expired
            }
            _ => Standing::Good(key),
        }
    }

    fn put(&self, key: Key) {
        self.lock().insert(key.id.clone(), key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Key>> {
        self.keys.lock().expect("the keyring")
    }
}

/// Returns the id of the key that a request claims to be signed with.
pub fn signer(head: &Parts) -> Option<String> {
    let authorization = head.headers.get("authorization")?.to_str().ok()?;
    authorization.split_once("Credential=")?.1.split('/').next().map(str::to_owned)
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns `length` random characters of `alphabet`.
pub fn random_text(alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}
