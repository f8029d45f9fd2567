//! What the tests about identities share: an S3 and an STS that accept the same keys, and a role.
//!
//! The scripted STS denies an external id that is wrong or missing, as AWS does.

// Where an identity comes from.
mod chain;
// Syncs that outlive their credentials.
mod lifetimes;
// Roles, and what STS refuses.
mod roles;

use faulty_s3::keyring::Keyring;
use serde_json::{Value, json};

use crate::support::connector::{Connector, Outcome};
use crate::support::faulty_s3::{FaultyS3, keyring};
use crate::support::scripted_sts::{ScriptedSts, Trust};
use crate::world::{BUCKET, complete, connector, cursors, state, user, users};

/// The base identity: the key of the platform's worker.
pub(crate) const WORKER_KEY_ID: &str = "AKIAWORKEREXAMPLE000";
pub(crate) const WORKER_SECRET: &str = "worker/secret+of/the+base+identity00000";
pub(crate) const WORKER_ARN: &str = "arn:aws:iam::999988887777:user/platform/worker";
/// The role in the bucket's account. Its path is not in the ARN of its sessions.
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/lake/lake-writer";
pub(crate) const ROLE_SESSION: &str =
    "arn:aws:sts::111122223333:assumed-role/lake-writer/destination-s3";
pub(crate) const EXTERNAL_ID: &str = "f52c7268-2359-567a-f5e8-83c536cb4de8";
const WRONG_ID: &str = "0badc0de-2359-567a-f5e8-83c536cb4de8";

/// An S3 and an STS that accept the same keys, with one bucket and one role.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) keys: Keyring,
    pub(crate) s3: FaultyS3,
    pub(crate) sts: ScriptedSts,
}

impl Cloud {
    /// Starts both; the role demands [`EXTERNAL_ID`].
    pub(crate) fn new() -> Self {
        let keys = keyring();
        keys.add(WORKER_KEY_ID, WORKER_SECRET, WORKER_ARN);
        let s3 = FaultyS3::with_keys(&keys);
        s3.create_bucket(BUCKET);
        let sts = ScriptedSts::start(&keys);
        sts.add_role(ROLE, Trust::demanding(EXTERNAL_ID));
        Self { keys, s3, sts }
    }

    /// Returns a configuration with this `authentication` that acknowledges every STATE at once.
    pub(crate) fn config(&self, authentication: &Value) -> Value {
        let mut config = self.s3.config(BUCKET);
        config["authentication"] = authentication.clone();
        config["format"] = json!({ "format_type": "jsonl" });
        config["checkpoint_interval_seconds"] = json!(0);
        config
    }

    /// Returns the connector in an environment without an identity.
    pub(crate) fn without_identity(&self) -> Connector {
        connector()
            .env("AWS_ENDPOINT_URL_STS", &self.sts.endpoint())
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// Returns the connector with the worker's key in its environment.
    pub(crate) fn worker(&self) -> Connector {
        self.without_identity()
            .env("AWS_ACCESS_KEY_ID", WORKER_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", WORKER_SECRET)
    }

    /// Returns the ids of the keys that signed requests to S3, each once.
    pub(crate) fn signers(&self) -> Vec<String> {
        let mut signers: Vec<String> = Vec::new();
        for request in self.s3.requests() {
            if !signers.contains(&request.signed_by) {
                signers.push(request.signed_by);
            }
        }
        signers
    }

    /// Returns the ARNs of the identities that signed requests to S3, each once.
    pub(crate) fn signer_arns(&self) -> Vec<String> {
        let arn = |id: String| self.keys.key(&id).map(|key| key.arn).unwrap_or(id);
        let mut arns: Vec<String> = self.signers().into_iter().map(arn).collect();
        arns.dedup();
        arns
    }

    /// Runs a sync of one row, which must end well.
    #[track_caller]
    pub(crate) fn sync_one(&self, connector: &Connector, authentication: &Value) -> Outcome {
        let input = [user(1), state("users", 1), complete("users")].concat();
        let outcome = connector
            .write(&self.config(authentication), &users())
            .input(input)
            .run()
            .expect_success();
        assert_eq!(cursors(&outcome), [1]);
        assert_eq!(self.s3.keys(BUCKET).len(), 1);
        outcome
    }
}

/// Returns the `authentication` for the role, with or without an external id.
pub(crate) fn role(external_id: Option<&str>) -> Value {
    match external_id {
        Some(external_id) => {
            json!({ "auth_type": "cross_account_role", "role_arn": ROLE,
                "external_id": external_id })
        }
        None => json!({ "auth_type": "cross_account_role", "role_arn": ROLE }),
    }
}

/// Asserts that a check failed with every one of `words` in its message, and no external id.
#[track_caller]
pub(crate) fn assert_failed(outcome: &Outcome, words: &[&str]) {
    let (status, message) = outcome.connection_status();
    assert_eq!(status, "FAILED", "{message}");
    assert_message(outcome, message, words);
}

/// Asserts the same of a check that succeeded.
#[track_caller]
pub(crate) fn assert_succeeded(outcome: &Outcome, words: &[&str]) {
    let (status, message) = outcome.connection_status();
    assert_eq!(status, "SUCCEEDED", "{message}");
    assert_message(outcome, message, words);
}

#[track_caller]
fn assert_message(outcome: &Outcome, message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word} is missing in: {message}");
    }
    for external_id in [EXTERNAL_ID, WRONG_ID] {
        assert!(!outcome.stdout_lines.concat().contains(external_id), "{message}");
    }
    assert_eq!(outcome.code(), Some(0));
    assert_eq!(outcome.stderr, "");
}
