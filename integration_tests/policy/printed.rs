//! `policy`: what it prints, byte for byte (`golden/policy/`; `UPDATE_GOLDEN=1` rewrites the
//! files).
//!
//! Not here: what a snippet means to Terraform (`terraform`).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{cases, config, policy, stdout};

#[test]
fn printed_policies_match_the_golden_files() {
    for (name, config, options) in cases() {
        golden(&format!("{name}.txt"), &stdout(&policy(&config, options)));
        let terraform: Vec<&str> = options.iter().copied().chain(["--terraform"]).collect();
        golden(&format!("{name}.tf"), &stdout(&policy(&config, &terraform)));
    }
}

#[track_caller]
fn golden(name: &str, shown: &str) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests/golden/policy").join(name);
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        fs::write(&path, shown).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == expected, "{} differs from the output:\n{shown}", path.display());
}

#[test]
fn a_single_document_is_plain_json() {
    let (_, config, options) = cases().swap_remove(1);
    for (which, action) in [
        ("permissions", "s3:ListBucket"),
        ("trust", "sts:AssumeRole"),
        ("caller", "sts:AssumeRole"),
    ] {
        let options: Vec<&str> = options.iter().copied().chain(["--only", which]).collect();
        let document: Value = serde_json::from_str(&stdout(&policy(&config, &options))).unwrap();
        assert_eq!(document["Version"], "2012-10-17");
        assert!(document["Statement"][0]["Action"].to_string().contains(action), "{document:#}");
    }
}

#[test]
fn errors_go_to_stderr() {
    let key = config(&json!({}));
    let cases: [(&Value, &[&str], i32, &str); 5] = [
        (&key, &["--only", "trust"], 1, "sign in without a role"),
        (&key, &["--principal", "623184213151"], 1, "--principal is for a role"),
        (&key, &["--principal", "*"], 2, "12 digits of an account"),
        (&key, &["--only", "permissions", "--terraform"], 2, "--terraform"),
        (&json!({ "s3_bucket_nam": "x" }), &[], 1, "s3_bucket_name"),
    ];
    for (config, options, code, words) in cases {
        let output = policy(config, options);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(words) && output.stdout.is_empty(), "{output:?}");
    }
    let open = config(&json!({
        "authentication": { "auth_type": "cross_account_role",
            "role_arn": "arn:aws:iam::111122223333:role/lake" }
    }));
    for (options, is_said) in [
        (&[][..], true),
        (&["--only", "trust"], true),
        (&["--terraform"], true),
        (&["--only", "caller"], false),
    ] {
        let output = policy(&open, options);
        let stderr = String::from_utf8_lossy(&output.stderr);
        for words in ["note: there is no external id", "note: nobody may assume the role yet"] {
            assert_eq!(stderr.contains(words), is_said, "{options:?}: {output:?}");
        }
    }
}
