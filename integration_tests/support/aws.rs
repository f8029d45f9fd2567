//! An AWS with enforced permissions: moto's S3, STS and IAM on loopback, served by the program of
//! `boto`.
//!
//! Invariant: one moto serves the whole test run; tests share only its administrator, and use names
//! of their own.
//!
//! moto differs from AWS: `policy::iam` lists where, and what covers the difference.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::boto::{Bucket, Program};
use super::transcript;

/// A key and the user that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) arn: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

impl User {
    /// Returns the `authentication` of a configuration for this key.
    pub(crate) fn sign_in(&self) -> Value {
        json!({
            "auth_type": "access_key",
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
        })
    }
}

/// A running moto.
#[derive(Debug)]
pub(crate) struct Aws {
    program: Program,
    endpoint: String,
}

impl Aws {
    /// Returns the moto of this test run.
    pub(crate) fn get() -> &'static Self {
        static AWS: OnceLock<Aws> = OnceLock::new();
        AWS.get_or_init(|| {
            let (program, hello) = Program::start(&[]);
            Self { program, endpoint: hello["endpoint"].as_str().expect("an endpoint").to_owned() }
        })
    }

    /// Returns the endpoint of all its services.
    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Creates a bucket.
    pub(crate) fn create_bucket(&self, name: &str) {
        self.program.ask(&json!({ "do": "bucket", "name": name }));
    }

    /// Denies everyone an action on the bucket's objects, in the bucket policy.
    pub(crate) fn deny_in_bucket_policy(&self, bucket: &str, action: &str) {
        self.program.ask(&json!({ "do": "deny", "name": bucket, "action": action }));
    }

    /// Creates a user with a policy and a key.
    pub(crate) fn create_user(&self, name: &str, policy: &Value) -> User {
        let made = self.program.ask(&json!({ "do": "user", "name": name, "policy": policy }));
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        transcript::secret(&text("secret"));
        User { arn: text("arn"), access_key_id: text("id"), secret_access_key: text("secret") }
    }

    /// Creates a role and returns its ARN.
    pub(crate) fn create_role(&self, name: &str, trust: &Value, policy: &Value) -> String {
        let made = self
            .program
            .ask(&json!({ "do": "role", "name": name, "trust": trust, "policy": policy }));
        made.as_str().expect("an ARN").to_owned()
    }

    /// Returns all objects of a bucket.
    pub(crate) fn objects(&'static self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        Bucket::served_by(&self.program, bucket).objects()
    }

    /// Returns how many multipart uploads are unfinished.
    pub(crate) fn open_uploads(&'static self, bucket: &str) -> usize {
        Bucket::served_by(&self.program, bucket).open_uploads()
    }
}
