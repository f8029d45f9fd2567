//! What an object carries besides its bytes.
//!
//! The token later proves who wrote the object at a key. The hash of the key distinguishes an
//! object from its copies.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What an object carries besides its bytes.
#[derive(Clone, Debug)]
pub(crate) struct ObjectInfo {
    /// The Content-Type header.
    pub content_type: &'static str,
    /// Proves that this very call wrote an object: it is stored with the object and looked for
    /// after a lost answer. Every object must have its own.
    pub token: Uuid,
    /// User metadata (`x-amz-meta-*`), already ASCII; together at most 2 KB less about 140 bytes
    /// for the token and the hash of the key.
    pub metadata: Vec<(String, String)>,
}

impl ObjectInfo {
    /// The metadata name of the token.
    pub(crate) const TOKEN_KEY: &'static str = "destination-s3-token";

    /// The metadata name of the hash of the object's key.
    pub(crate) const KEY_HASH_KEY: &'static str = "key-hash";

    /// Returns all user metadata of the object at `key`, including the token and the hash of the
    /// key.
    pub(crate) fn user_metadata(&self, key: &str) -> HashMap<String, String> {
        let token = (Self::TOKEN_KEY.to_owned(), self.token.to_string());
        let hash = (Self::KEY_HASH_KEY.to_owned(), key_hash(key));
        self.metadata.iter().cloned().chain([token, hash]).collect()
    }
}

/// Returns the hash of `key`, which an object that is written to this key stores. A copy made by
/// another program still has the hash of the original key.
pub(crate) fn key_hash(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}
