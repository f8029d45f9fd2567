//! What a store is made of, and what an object carries besides its bytes.
//!
//! Plain values, checked by whoever makes them (`config`). Their `Debug` never shows a secret.

use std::collections::HashMap;
use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::credentials::Access;
use super::http::HttpClient;
use crate::aws::EndpointVariant;
use crate::store::address::without_userinfo;
use crate::store::options::{Checksum, ObjectOptions};

/// Where the bucket is and whose keys open it.
#[derive(Clone)]
pub struct StoreSettings {
    /// Bucket name.
    pub bucket: String,
    /// Region that requests are signed for.
    pub region: String,
    /// Address of an S3-compatible store; `None` is Amazon S3 itself.
    pub endpoint: Option<String>,
    /// Which of Amazon S3's own endpoints are asked. Has no effect on an `endpoint`.
    pub variant: EndpointVariant,
    /// The same address without the bucket, where it seems to name the bucket.
    pub endpoint_without_bucket: Option<String>,
    /// Whether the bucket stands in the path (`host/bucket/key`) instead of in the host name.
    pub path_style: bool,
    /// Whose keys open it.
    pub access: Access,
    /// What every object gets besides its bytes.
    pub objects: ObjectOptions,
    /// What vouches for the bytes on their way.
    pub checksum: Checksum,
    /// The account that must own the bucket; `None`: whoever does.
    pub bucket_owner: Option<String>,
    /// Whom to trust, and through which proxy to go.
    pub http: HttpClient,
    /// Whether each key is looked at before an object is written to it, besides the guard
    /// `If-None-Match`: for stores that may take the guard and ignore it.
    pub looks_first: bool,
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSettings")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint.as_deref().map(without_userinfo))
            .field("variant", &self.variant)
            .field("path_style", &self.path_style)
            .field("access", &self.access)
            .field("objects", &self.objects)
            .field("checksum", &self.checksum)
            .field("bucket_owner", &self.bucket_owner)
            .finish_non_exhaustive()
    }
}

/// What an object carries besides its bytes.
#[derive(Clone, Debug)]
pub struct ObjectInfo {
    /// The Content-Type header.
    pub content_type: &'static str,
    /// Proves that an object was written by this very call: stored with the object and looked for
    /// after a lost answer. Every object must have its own.
    pub token: Uuid,
    /// User metadata (`x-amz-meta-*`), already ASCII; together at most 2 KB less about 140 bytes
    /// for the token and the hash of the key.
    pub metadata: Vec<(String, String)>,
}

impl ObjectInfo {
    /// The metadata key of the token.
    pub(crate) const TOKEN_KEY: &'static str = "destination-s3-token";

    /// The metadata key of the hash of the object's key.
    pub(crate) const KEY_HASH_KEY: &'static str = "key-hash";

    /// All user metadata of the object at `key`: the token and the hash of the key included.
    pub(crate) fn user_metadata(&self, key: &str) -> HashMap<String, String> {
        let token = (Self::TOKEN_KEY.to_owned(), self.token.to_string());
        let hash = (Self::KEY_HASH_KEY.to_owned(), key_hash(key));
        self.metadata.iter().cloned().chain([token, hash]).collect()
    }
}

/// What an object says about the key that it was written to: a copy elsewhere still says the key of
/// the original.
pub(crate) fn key_hash(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_where_but_not_whose() {
        let settings = StoreSettings {
            bucket: "b".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: Some("http://root:hunter2@localhost:9000/x".to_owned()),
            variant: EndpointVariant::default(),
            endpoint_without_bucket: None,
            path_style: true,
            access: Access::Key {
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: "wJalrXUtnFEMI".to_owned(),
                session_token: Some("FwoGZXIvYXdzE".to_owned()),
            },
            objects: ObjectOptions::default(),
            checksum: Checksum::Crc32,
            bucket_owner: None,
            http: HttpClient::new(None).unwrap(),
            looks_first: false,
        };
        let shown = format!("{settings:?}");
        assert!(shown.contains("http://localhost:9000/x"), "{shown}");
        for secret in ["AKIDEXAMPLE", "wJalrXUtnFEMI", "FwoGZXIvYXdzE", "hunter2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
