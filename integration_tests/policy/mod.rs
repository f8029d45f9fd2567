//! What the tests of policies share: the verb `policy`, and configurations with golden policies.

// Minimal policies, missing actions and roles, under enforced permissions.
mod iam;
// What `policy` prints.
mod printed;
// The requests to S3 against the policies.
mod requests;
// The documents in Terraform snippets.
mod terraform;

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn config(settings: &Value) -> Value {
    let mut config = json!({
        "s3_bucket_name": "acme-lake",
        "authentication": {
            "auth_type": "access_key", "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": KEY
        },
    });
    for (name, value) in settings.as_object().expect("settings") {
        config[name] = value.clone();
    }
    config
}

fn role(arn: &str, external_id: &str) -> Value {
    json!({ "auth_type": "cross_account_role", "role_arn": arn, "external_id": external_id })
}

/// Runs `policy` with an empty environment.
pub(crate) fn policy(config: &Value, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_destination-s3"))
        .env_clear()
        .args(["policy", "--config"])
        .arg(&path)
        .args(options)
        .output()
        .unwrap();
    assert!(!format!("{output:?}").contains(KEY), "a secret is in the output");
    output
}

/// Returns what a successful run printed.
pub(crate) fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the configurations with golden policies, by name.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let arn = "arn:aws:iam::111122223333:role/data/lake-writer";
    let page = role("arn:aws:iam::111122223333:role/lake", "YOUR-EXTERNAL-ID-HERE");
    let kms = |kind: &str, key: &str| json!({ "encryption_type": kind, "kms_key_id": key });
    vec![
        ("page-access-key", config(&json!({ "s3_bucket_name": "your-s3-bucket-name" })), &[]),
        (
            "page-role",
            config(&json!({ "s3_bucket_name": "your-s3-bucket-name", "authentication": page })),
            &["--principal", "623184213151"],
        ),
        (
            "role-of-nobody",
            config(&json!({ "authentication": role(arn, "an-external-id"),
                    "s3_bucket_region": "eu-west-1" })),
            &[],
        ),
        (
            "prefix-tags-acl",
            config(&json!({
                "s3_bucket_key": "raw/a*b/{stream_name}.{extension}",
                "object_tags": [{ "key": "team", "value": "data" }],
                "acl": "bucket-owner-full-control",
            })),
            &[],
        ),
        (
            "kms-key",
            config(&json!({ "server_side_encryption": kms("aws:kms",
                    "arn:aws:kms:eu-west-1:111122223333:key/1234") })),
            &[],
        ),
        (
            "kms-alias",
            config(&json!({ "server_side_encryption": kms("aws:kms:dsse", "alias/lake") })),
            &[],
        ),
        // Text that IAM and HCL would both interpret, and a key by its id.
        (
            "odd-prefix-kms-id",
            config(&json!({
                "s3_bucket_key": "raw/a*b?c$d%{{e}}\"f/{stream_name}.{extension}",
                "server_side_encryption": kms("aws:kms", "mrk-1234"),
            })),
            &[],
        ),
        ("china", config(&json!({ "s3_bucket_region": "cn-north-1" })), &[]),
        (
            "govcloud-role",
            config(&json!({
                "authentication": role(
                    "arn:aws-us-gov:iam::111122223333:role/lake",
                    "an-external-id"
                )
            })),
            &["--principal", "arn:aws-us-gov:iam::444455556666:role/worker"],
        ),
    ]
}
