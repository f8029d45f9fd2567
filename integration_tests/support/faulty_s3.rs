//! The fault server as the tests use it: its secrets are known to the [`transcript`], and its
//! objects are searched for them when it goes.
//!
//! Not here: the server itself (the crate `faulty_s3`).

use std::ops::Deref;

use ::faulty_s3::keyring::{ACCESS_KEY_ID, Keyring, SECRET_ACCESS_KEY};
#[allow(unused_imports, reason = "each program uses a part of this")]
pub(crate) use ::faulty_s3::{Addressing, Answer, Fault, Operation, Quirk, Request, Rule};
use serde_json::{Value, json};

use super::transcript;

/// Creates a keyring whose secrets are all known to the transcript.
pub(crate) fn keyring() -> Keyring {
    Keyring::announcing(transcript::secret)
}

/// A running server; it stops when this is dropped, and everything in it is gone.
#[derive(Debug)]
pub(crate) struct FaultyS3(::faulty_s3::FaultyS3);

impl FaultyS3 {
    /// Starts an empty store on a free port. Requests are accepted from the moment this returns.
    pub(crate) fn start() -> Self {
        Self::with_keys(&keyring())
    }

    /// As [`FaultyS3::start`], for clients that have a key of `keys`.
    pub(crate) fn with_keys(keys: &Keyring) -> Self {
        Self(::faulty_s3::FaultyS3::with_keys(keys))
    }

    /// Starts another server with the same objects; from then on the two stores differ.
    pub(crate) fn twin(&self) -> Self {
        Self(self.0.twin())
    }

    /// Returns a connector configuration that reaches `bucket` and leaves everything else at its
    /// default.
    pub(crate) fn config(&self, bucket: &str) -> Value {
        json!({
            "s3_bucket_name": bucket,
            "s3_bucket_region": "us-east-1",
            "s3_endpoint": self.endpoint(),
            "authentication": {
                "auth_type": "access_key",
                "access_key_id": ACCESS_KEY_ID,
                "secret_access_key": SECRET_ACCESS_KEY,
            },
        })
    }
}

impl Deref for FaultyS3 {
    type Target = ::faulty_s3::FaultyS3;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for FaultyS3 {
    fn drop(&mut self) {
        self.0.stop();
        // A second panic while a test fails would hide the first one's message.
        let fails = std::thread::panicking();
        let secrets = self.keyring().secrets();
        for bucket in self.buckets() {
            for (key, content) in self.objects(&bucket) {
                let leak =
                    transcript::written(&key, &self.metadata(&bucket, &key), &content, &secrets);
                assert!(
                    leak.is_none() || fails,
                    "{} is in {key} or its metadata",
                    leak.unwrap_or_default()
                );
            }
        }
    }
}
