//! The access keys that servers of the tests know: whose they are, and until when they are good.
//!
//! A [`Keyring`] is shared by the STS that hands keys out and the S3 that is opened with them, so that credentials that
//! have run out are really refused.
//!
//! Invariants
//! - Every secret on a keyring is known to the `transcript`, so that it is looked for in everything that is printed.
//! - Ends are whole seconds, as AWS states them.
//!
//! Not here: whether a signature is right (`signature`, and s3s for S3).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::http::request::Parts;

use super::embedded_s3::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use super::transcript;

/// The account and user that [`ACCESS_KEY_ID`] belongs to.
pub(crate) const EMBEDDED_ARN: &str = "arn:aws:iam::111122223333:user/embedded";

/// One access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// Temporary keys have one.
    pub(crate) token: Option<String>,
    /// When the key ends; none: never.
    pub(crate) ends: Option<SystemTime>,
    /// Whose it is.
    pub(crate) arn: String,
    /// It was taken back before its end.
    revoked: bool,
}

impl Key {
    /// The fifth part of the ARN.
    pub(crate) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }
}

/// What a server thinks of the key that a request is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The request names no key at all.
    Unsigned,
    /// There is no such key, or it is a temporary one without its token.
    Unknown,
    /// The token is not the key's.
    WrongToken,
    /// The key is past its end, or was revoked.
    Expired,
    /// The key is good.
    Good(Key),
}

/// Keys by their ids. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Keyring(Arc<Mutex<BTreeMap<String, Key>>>);

impl Keyring {
    /// A keyring with the key of every test's configuration on it.
    pub(crate) fn new() -> Self {
        let keyring = Self(Arc::default());
        keyring.add(ACCESS_KEY_ID, SECRET_ACCESS_KEY, EMBEDDED_ARN);
        keyring
    }

    /// Adds a key that never ends.
    pub(crate) fn add(&self, id: &str, secret: &str, arn: &str) {
        transcript::secret(secret);
        self.put(Key {
            id: id.to_owned(),
            secret: secret.to_owned(),
            token: None,
            ends: None,
            arn: arn.to_owned(),
            revoked: false,
        });
    }

    /// Hands out a new temporary key. It lives for `lifetime` at least, and less than a second longer.
    pub(crate) fn issue(&self, arn: &str, lifetime: Duration) -> Key {
        let ends = SystemTime::now() + lifetime;
        let seconds = ends.duration_since(UNIX_EPOCH).expect("a clock past 1970").as_secs();
        let key = Key {
            id: format!("ASIA{}", random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
            secret: random_text(BASE64, 40),
            token: Some(format!("IQoJb3JpZ2luX2Vj{}==", random_text(BASE64, 300))),
            ends: Some(UNIX_EPOCH + Duration::from_secs(seconds + 1)),
            arn: arn.to_owned(),
            revoked: false,
        };
        // Of a temporary key the id is nobody's business either.
        [Some(&key.id), Some(&key.secret), key.token.as_ref()]
            .into_iter()
            .flatten()
            .for_each(|secret| transcript::secret(secret));
        self.put(key.clone());
        key
    }

    /// From now on the key is past its end, whatever was said about it.
    pub(crate) fn revoke(&self, id: &str) {
        self.lock().get_mut(id).expect("a key to revoke").revoked = true;
    }

    /// The key with this id, dead or alive.
    pub(crate) fn key(&self, id: &str) -> Option<Key> {
        self.lock().get(id).cloned()
    }

    /// Every secret on the keyring.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.lock()
            .values()
            .flat_map(|key| [Some(key.secret.clone()), key.token.clone()])
            .flatten()
            .collect()
    }

    /// The key that a request is signed with, as far as its head tells.
    pub(crate) fn standing(&self, head: &Parts) -> Standing {
        let Some(id) = signer(head) else { return Standing::Unsigned };
        let Some(key) = self.key(&id) else { return Standing::Unknown };
        let token = head.headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
        match (key.token.as_deref(), token) {
            (Some(_), None) => Standing::Unknown,
            (of_key, of_request) if of_key != of_request => Standing::WrongToken,
            _ if key.revoked || key.ends.is_some_and(|ends| SystemTime::now() >= ends) => {
                Standing::Expired
            }
            _ => Standing::Good(key),
        }
    }

    fn put(&self, key: Key) {
        self.lock().insert(key.id.clone(), key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Key>> {
        self.0.lock().expect("the keyring")
    }
}

/// The id of the key that a request says it is signed with.
pub(crate) fn signer(head: &Parts) -> Option<String> {
    let authorization = head.headers.get("authorization")?.to_str().ok()?;
    authorization.split_once("Credential=")?.1.split('/').next().map(str::to_owned)
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Text that nobody has seen before.
pub(crate) fn random_text(alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}
