//! The store of tests that every store should pass: the fault server in this process or, in `make
//! test-garage`, Garage.
//!
//! Invariant: the choice holds for a whole run: Garage if the variable `GARAGE` names its binary.
//!
//! Not here: stores that fail on demand (`faulty_s3`) or enforce permissions (`aws`).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::faulty_s3::FaultyS3;
use super::garage::{self, Garage};
use super::transcript;

/// A running store with one bucket; when this is dropped, the store stops and its content is gone.
#[derive(Debug)]
pub(crate) enum Server {
    /// The fault server without a fault.
    InProcess(FaultyS3),
    /// Garage.
    Garage(Garage),
}

impl Server {
    /// Starts the store of this run with an empty bucket.
    pub(crate) fn start(bucket: &str) -> Self {
        if std::env::var_os(garage::BINARY).is_some() {
            assert_eq!(bucket, garage::BUCKET);
            return Self::Garage(Garage::start());
        }
        let server = FaultyS3::start();
        server.create_bucket(bucket);
        Self::InProcess(server)
    }

    /// Starts another store with the same objects; from then on the two differ.
    pub(crate) fn twin(&self) -> Self {
        match self {
            Self::InProcess(server) => Self::InProcess(server.twin()),
            Self::Garage(from) => {
                let twin = Garage::start();
                for (key, content) in from.bucket().objects() {
                    twin.bucket().put(&key, &content, &from.bucket().metadata(&key));
                }
                Self::Garage(twin)
            }
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        match self {
            Self::InProcess(server) => server.endpoint(),
            Self::Garage(garage) => garage.endpoint(),
        }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::InProcess(server) => server.address(),
            Self::Garage(garage) => garage.address(),
        }
    }

    /// Returns a connector configuration that reaches `bucket` and leaves everything else at its
    /// default.
    pub(crate) fn config(&self, bucket: &str) -> Value {
        match self {
            Self::InProcess(server) => server.config(bucket),
            Self::Garage(garage) => {
                let mut config = garage.config();
                config["s3_bucket_region"] = json!(garage::REGION);
                config
            }
        }
    }

    /// Returns every visible object of `bucket`: key to content.
    pub(crate) fn objects(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        match self {
            Self::InProcess(server) => server.objects(bucket),
            Self::Garage(garage) => garage.bucket().objects(),
        }
    }

    /// Returns the keys of every visible object of `bucket`, sorted.
    pub(crate) fn keys(&self, bucket: &str) -> Vec<String> {
        match self {
            Self::InProcess(server) => server.keys(bucket),
            Self::Garage(garage) => garage.bucket().keys(),
        }
    }

    /// Puts an object without metadata, as another program would.
    pub(crate) fn put_foreign_object(&self, bucket: &str, key: &str, content: &[u8]) {
        self.put_object(bucket, key, content, &[]);
    }

    /// Puts an object with user metadata (names without `x-amz-meta-`), as another program would.
    pub(crate) fn put_object(
        &self,
        bucket: &str,
        key: &str,
        content: &[u8],
        metadata: &[(&str, &str)],
    ) {
        match self {
            Self::InProcess(server) => server.put_object(bucket, key, content, metadata),
            Self::Garage(garage) => {
                let owned =
                    |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
                garage.bucket().put(key, content, &metadata.iter().map(owned).collect());
            }
        }
    }

    /// Removes an object, as another program would.
    pub(crate) fn remove_object(&self, bucket: &str, key: &str) {
        match self {
            Self::InProcess(server) => {
                assert!(server.remove_object(bucket, key), "{key} is not in bucket {bucket}");
            }
            Self::Garage(garage) => garage.bucket().remove(key),
        }
    }

    /// Returns the user metadata (`x-amz-meta-*`, names without that prefix) of a visible object.
    pub(crate) fn metadata(&self, bucket: &str, key: &str) -> BTreeMap<String, String> {
        match self {
            Self::InProcess(server) => server.metadata(bucket, key),
            Self::Garage(garage) => garage.bucket().metadata(key),
        }
    }

    /// Returns the `Content-Type` that a visible object was stored with.
    pub(crate) fn content_type(&self, bucket: &str, key: &str) -> Option<String> {
        match self {
            Self::InProcess(server) => server.content_type(bucket, key),
            Self::Garage(garage) => garage.bucket().content_type(key),
        }
    }

    /// Returns how many multipart uploads are neither completed nor aborted.
    pub(crate) fn open_uploads(&self) -> usize {
        match self {
            Self::InProcess(server) => server.open_uploads(),
            Self::Garage(garage) => garage.bucket().open_uploads(),
        }
    }

    /// Returns how many parts of multipart uploads take up space. Garage shows only those of open
    /// uploads.
    pub(crate) fn open_parts(&self) -> usize {
        match self {
            Self::InProcess(server) => server.open_parts(),
            Self::Garage(_) => self.open_uploads(),
        }
    }
}

impl Drop for Server {
    /// The fault server searches its own objects.
    fn drop(&mut self) {
        let Self::Garage(garage) = self else { return };
        if std::thread::panicking() {
            return;
        }
        let secrets = [garage::SECRET_ACCESS_KEY.to_owned()];
        for (key, content) in garage.bucket().objects() {
            let leak =
                transcript::written(&key, &garage.bucket().metadata(&key), &content, &secrets);
            assert!(leak.is_none(), "{} is in {key} or its metadata", leak.unwrap_or_default());
        }
    }
}
