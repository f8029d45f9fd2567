//! The settings of a store.
//!
//! Plain values, checked by their maker (`config`). Their `Debug` shows no secret.

use std::fmt;

use super::access::Access;
use super::http::HttpClient;
use crate::aws::EndpointVariant;
use crate::store::address::without_userinfo;
use crate::store::options::{Checksum, ObjectOptions};

/// Where the bucket is, whose credentials open it, and how objects are written.
#[derive(Clone)]
pub(crate) struct StoreSettings {
    /// Bucket name.
    pub bucket: String,
    /// Region that requests are signed for.
    pub region: String,
    /// Address of an S3-compatible store; `None` means Amazon S3.
    pub endpoint: Option<String>,
    /// Which of Amazon S3's own endpoints receive the requests. Has no effect on an `endpoint`.
    pub variant: EndpointVariant,
    /// The endpoint without the bucket, where it seems to contain the bucket's name.
    pub endpoint_without_bucket: Option<String>,
    /// Whether the bucket is in the path (`host/bucket/key`) instead of in the host name.
    pub path_style: bool,
    /// Whose credentials open the bucket.
    pub access: Access,
    /// Options of every object.
    pub objects: ObjectOptions,
    /// The checksum of every body.
    pub checksum: Checksum,
    /// The account that must own the bucket; `None` means any.
    pub bucket_owner: Option<String>,
    /// Trusted certificates and proxies.
    pub http: HttpClient,
    /// Whether a HEAD of the key precedes each write, although the write is conditional: for stores
    /// that may accept `If-None-Match` and ignore it.
    pub head_before_put: bool,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_address_and_no_secret() {
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
            head_before_put: false,
        };
        let shown = format!("{settings:?}");
        assert!(shown.contains("http://localhost:9000/x"), "{shown}");
        for secret in ["AKIDEXAMPLE", "wJalrXUtnFEMI", "FwoGZXIvYXdzE", "hunter2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
