//! Under enforced permissions: the minimal policy is enough, each missing action is named, and
//! roles are assumed as AWS lets them be.
//!
//! These tests use moto's S3, STS and IAM (`support::aws`). Where moto differs from AWS, something
//! else covers the difference:
//!
//! | moto 5.2.5 | what covers it |
//! |---|---|
//! | A missing external id passes a trust policy that demands one, so each check of a role warns that it is open. | a scripted STS (`sign_in`) |
//! | Credentials never expire. | a scripted STS (`sign_in::lifetimes`) |
//! | A trust policy's principal is compared literally: an account id matches no one. | the page's trust policy is a golden case of `policy` |
//! | A copy needs no permission to read its source. | each request against the policy (`requests`) |
//! | DeleteObjects demands `s3:DeleteObject` on the bucket, not on objects; the connector deletes one by one. | each request against the policy (`requests`) |
//! | HeadBucket demands a permission of its own. | it is never called (`requests`) |
//! | Tags and ACLs need no permission. | `policy`, and what `store` sends |
//! | Conditions on actions of S3 are ignored. | no policy here has any (`requests`) |
//! | `${*}` in a resource is not a literal `*`. | `requests` |
//! | A denial names neither action nor reason. | the unit tests of `store::answers` |
//!
//! `golden/iam/` holds the whole message of each check; `UPDATE_GOLDEN=1` rewrites the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::aws::{Aws, User};
use crate::support::connector::{Connector, Outcome};
use crate::support::read_back;
use crate::world::{
    catalog, complete, connector, cursors, failure, noise, record, refresh, state, with,
};

/// Returns the policy of the documentation page that this product implements.
pub(crate) fn page_policy(bucket: &str) -> Value {
    let actions: Vec<String> = PAGE_ACTIONS.iter().map(|action| (*action).to_owned()).collect();
    json!({
        "Version": "2012-10-17",
        "Id": "",
        "Statement": [{
            "Sid": "ExtractBucketAccess",
            "Effect": "Allow",
            "Action": actions,
            "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        }],
    })
}

const PAGE_ACTIONS: [&str; 5] =
    ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:DeleteObject"];

/// Returns the page's policy without one of its actions.
fn policy_without(bucket: &str, action: &str) -> Value {
    let mut policy = page_policy(bucket);
    let actions = policy["Statement"][0]["Action"].as_array_mut().expect("actions");
    actions.retain(|allowed| allowed != action);
    assert_eq!(actions.len(), PAGE_ACTIONS.len() - 1);
    policy
}

/// Returns settings that leave the region to be found out.
fn config(bucket: &str, sign_in: &Value) -> Value {
    json!({
        "s3_bucket_name": bucket,
        "s3_endpoint": Aws::get().endpoint(),
        "s3_bucket_key": "raw/{stream_name}.{extension}",
        "authentication": sign_in,
        "format": { "format_type": "jsonl" },
        "checkpoint_interval_seconds": 0,
        "connection_id": "c1",
    })
}

/// Returns the connector with STS at moto's endpoint.
fn with_sts() -> Connector {
    connector().env("AWS_ENDPOINT_URL_STS", &Aws::get().endpoint())
}

/// Returns the connector with this user as its base identity.
fn running_as(user: &User) -> Connector {
    with_sts()
        .env("AWS_ACCESS_KEY_ID", &user.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &user.secret_access_key)
}

/// Syncs `users` once in this generation: two checkpoints, and a multipart upload if `large`.
fn sync(
    connector: &Connector,
    config: &Value,
    mode: &str,
    generation: u32,
    large: bool,
) -> Outcome {
    let properties = json!({ "id": { "type": "integer" } });
    let minimum = if mode == "overwrite" { generation } else { 0 };
    let generations = json!({
        "destination_sync_mode": mode, "generation_id": generation, "minimum_generation_id": minimum
    });
    let catalog = catalog([with(refresh("users", &properties), &generations)]);
    let pad = if large { noise(7, 9 << 20) } else { String::new() };
    let row = |id: u32, pad: &str| {
        record("users", &format!("{{\"id\":{id},\"of\":{generation},\"pad\":\"{pad}\"}}"))
    };
    let input = [row(1, ""), state("users", 1), row(2, &pad), state("users", 2), complete("users")]
        .concat();
    connector.write(config, &catalog).input(input).run()
}

/// Returns the rows of a bucket as `id@generation`, sorted.
fn rows(bucket: &str) -> Vec<String> {
    let objects: BTreeMap<String, Vec<u8>> = Aws::get().objects(bucket);
    let mut rows: Vec<String> = read_back::jsonl_rows(&objects)
        .iter()
        .map(|row| {
            format!("{}@{}", row.get("id").expect("an id"), row.get("of").expect("a generation"))
        })
        .collect();
    rows.sort();
    rows
}

/// Runs a check, syncs that append, one with a multipart upload, then syncs that overwrite, and
/// reads each back.
fn everything_works(connector: &Connector, bucket: &str, sign_in: &Value) {
    let config = config(bucket, sign_in);
    let outcome = connector.check(&config);
    assert_eq!(outcome.connection_status().0, "SUCCEEDED", "{outcome:#?}");
    golden(bucket, &outcome);
    assert!(Aws::get().objects(bucket).is_empty(), "the check left objects behind");

    for (mode, generation, large, expected) in [
        ("append", 1, true, &["1@1", "2@1"][..]),
        ("append", 2, false, &["1@1", "1@2", "2@1", "2@2"]),
        ("overwrite", 3, true, &["1@3", "2@3"]),
        ("overwrite", 4, false, &["1@4", "2@4"]),
    ] {
        let outcome = sync(connector, &config, mode, generation, large).expect_success();
        assert_eq!(cursors(&outcome), [1, 2], "{mode} {generation}");
        assert_eq!(rows(bucket), expected, "{mode} {generation}");
    }
    assert_eq!(Aws::get().open_uploads(bucket), 0);
}

#[test]
fn the_pages_own_policy_is_enough_for_an_access_key() {
    let aws = Aws::get();
    aws.create_bucket("page-key");
    let user = aws.create_user("page-key", &page_policy("page-key"));
    everything_works(&with_sts(), "page-key", &user.sign_in());
}

#[test]
fn the_pages_own_policy_is_enough_for_a_role() {
    let aws = Aws::get();
    aws.create_bucket("page-role");
    let assume = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*" }],
    });
    let platform = aws.create_user("platform", &assume);
    let trust = trust_policy(&platform.arn, "the-right-one");
    let role = aws.create_role("page-role", &trust, &page_policy("page-role"));
    let sign_in = |external_id: Option<&str>| {
        let mut sign_in = json!({ "auth_type": "cross_account_role", "role_arn": role });
        if let Some(external_id) = external_id {
            sign_in["external_id"] = json!(external_id);
        }
        sign_in
    };
    let platform = running_as(&platform);
    everything_works(&platform, "page-role", &sign_in(Some("the-right-one")));
    // moto accepts this; AWS would refuse it.
    let outcome = platform.check(&config("page-role", &sign_in(None)));
    assert_eq!(outcome.connection_status().0, "SUCCEEDED", "moto now refuses this: {outcome:#?}");

    // The variable replaces a missing field, never a field with another value.
    let from_variable = platform.clone().env("AWS_ASSUME_ROLE_EXTERNAL_ID", "the-right-one");
    let outcome = from_variable.check(&config("page-role", &sign_in(None)));
    assert_eq!(outcome.connection_status().0, "SUCCEEDED", "{outcome:#?}");
    let outcome = from_variable.check(&config("page-role", &sign_in(Some("a-wrong-one"))));
    golden("role-with-a-wrong-external-id", &outcome);
    let outcome =
        sync(&platform, &config("page-role", &sign_in(Some("a-wrong-one"))), "append", 9, false);
    assert!(failure(&outcome, "config_error").contains(&role), "{outcome:#?}");

    // An identity that may not assume the role is told so as well.
    let stranger = aws.create_user("stranger", &assume);
    let outcome =
        running_as(&stranger).check(&config("page-role", &sign_in(Some("the-right-one"))));
    golden("role-that-trusts-somebody-else", &outcome);
}

fn trust_policy(principal: &str, external_id: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": { "AWS": principal },
            "Condition": { "StringEquals": { "sts:ExternalId": external_id } },
        }],
    })
}

/// Returns the permissions that `policy` prints for a configuration.
pub(crate) fn printed_policy(config: &Value) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_destination-s3"))
        .args(["policy", "--only", "permissions", "--config"])
        .arg(&path)
        .env_clear()
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    serde_json::from_slice(&printed.stdout).unwrap()
}

#[test]
fn the_policy_that_the_policy_verb_prints_is_enough() {
    let aws = Aws::get();
    aws.create_bucket("own-policy");
    let without_identity =
        json!({ "auth_type": "access_key", "access_key_id": "x", "secret_access_key": "y" });
    let policy = printed_policy(&config("own-policy", &without_identity));
    assert!(policy.to_string().contains("arn:aws:s3:::own-policy/raw/*"), "{policy}");
    let user = aws.create_user("own-policy", &policy);
    everything_works(&with_sts(), "own-policy", &user.sign_in());
}

/// Removes each action of the page's policy in turn.
#[test]
fn each_missing_action_is_named() {
    let aws = Aws::get();
    for action in PAGE_ACTIONS {
        let name = action.strip_prefix("s3:").expect("an action of S3");
        let bucket = format!("without-{}", name.to_ascii_lowercase());
        aws.create_bucket(&bucket);
        let user = aws.create_user(&bucket, &policy_without(&bucket, action));
        let config = config(&bucket, &user.sign_in());
        let outcome = with_sts().check(&config);
        let (status, message) = outcome.connection_status();
        assert!(message.contains(action) && message.contains(&user.arn), "{action}: {message}");
        golden(name, &outcome);

        // A sync still works without these.
        let works = matches!(action, "s3:GetBucketLocation" | "s3:DeleteObject");
        assert_eq!(status == "SUCCEEDED", works, "{message}");
        let outcome = sync(&with_sts(), &config, "append", 1, false);
        if works {
            assert_eq!(cursors(&outcome.expect_success()), [1, 2]);
            let objects = aws.objects(&bucket);
            let ours: BTreeMap<_, _> =
                objects.into_iter().filter(|(key, _)| !key.contains("connection_check")).collect();
            assert_eq!(ours.len(), 2, "{:?}", ours.keys());
            assert_eq!(read_back::jsonl_rows(&ours).len(), 2);
        } else {
            assert!(failure(&outcome, "config_error").contains(action), "{outcome:#?}");
        }
    }
}

/// With a region in the settings the permission to ask for it is not needed.
#[test]
fn a_region_of_the_settings_needs_no_permission() {
    let aws = Aws::get();
    let bucket = "region-given";
    aws.create_bucket(bucket);
    let user = aws.create_user(bucket, &policy_without(bucket, "s3:GetBucketLocation"));
    let mut config = config(bucket, &user.sign_in());
    config["s3_bucket_region"] = json!("us-east-1");
    let outcome = with_sts().check(&config);
    let signed_in = format!("signed in as {} (account 123456789012)", user.arn);
    assert_eq!(outcome.connection_status(), ("SUCCEEDED", signed_in.as_str()));
    assert_eq!(cursors(&sync(&with_sts(), &config, "append", 1, false).expect_success()), [1, 2]);
}

/// Without the permission to delete, old objects stay, and the sync says why. Nothing is lost: old
/// and new rows are there.
#[test]
fn an_overwrite_without_the_right_to_delete_says_so() {
    let aws = Aws::get();
    let bucket = "undeletable";
    aws.create_bucket(bucket);
    let user = aws.create_user(bucket, &policy_without(bucket, "s3:DeleteObject"));
    let config = config(bucket, &user.sign_in());
    assert_eq!(cursors(&sync(&with_sts(), &config, "append", 1, false).expect_success()), [1, 2]);
    let outcome = sync(&with_sts(), &config, "overwrite", 2, false);
    let message = failure(&outcome, "config_error");
    assert!(message.contains("s3:DeleteObject"), "{message}");
    assert_eq!(cursors(&outcome), [1, 2]);
    assert_eq!(rows(bucket), ["1@1", "1@2", "2@1", "2@2"]);
}

/// The user's policy allows everything, the bucket's policy denies one action. moto's answer to
/// that has no body.
#[test]
fn a_bucket_policy_that_denies_is_named() {
    let aws = Aws::get();
    let bucket = "denies-put";
    aws.create_bucket(bucket);
    aws.deny_in_bucket_policy(bucket, "s3:PutObject");
    let user = aws.create_user(bucket, &page_policy(bucket));
    golden("bucket-policy-denies-PutObject", &with_sts().check(&config(bucket, &user.sign_in())));
    let outcome = sync(&with_sts(), &config(bucket, &user.sign_in()), "append", 1, false);
    assert!(failure(&outcome, "config_error").contains("s3:PutObject"), "{outcome:#?}");
}

/// The denial names the role, because the role's policy is the one to change.
#[test]
fn a_role_without_the_policy_is_named_instead_of_its_caller() {
    let aws = Aws::get();
    aws.create_bucket("bare-role");
    let all = json!({ "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let mighty = aws.create_user("mighty", &all);
    let role = aws.create_role(
        "bare-role",
        &trust_policy(&mighty.arn, "the-right-one"),
        &policy_without("bare-role", "s3:PutObject"),
    );
    let sign_in = json!({ "auth_type": "cross_account_role", "role_arn": role,
        "external_id": "the-right-one" });
    golden("role-without-PutObject", &running_as(&mighty).check(&config("bare-role", &sign_in)));
    let outcome = sync(&running_as(&mighty), &config("bare-role", &sign_in), "append", 1, false);
    assert!(failure(&outcome, "config_error").contains("s3:PutObject"), "{outcome:#?}");
    // The environment's own identity may do everything, and is never used instead of the role.
    let outcome =
        running_as(&mighty).check(&config("bare-role", &json!({ "auth_type": "default_chain" })));
    assert_eq!(outcome.connection_status().0, "SUCCEEDED", "{outcome:#?}");
}

/// A key in the environment never replaces the one of the settings.
#[test]
fn no_way_of_signing_in_overrides_another() {
    let aws = Aws::get();
    aws.create_bucket("no-override");
    let able = aws.create_user("able", &page_policy("no-override"));
    let unable = aws.create_user("unable", &policy_without("no-override", "s3:PutObject"));
    let outcome = running_as(&able).check(&config("no-override", &unable.sign_in()));
    let (status, message) = outcome.connection_status();
    assert!(status == "FAILED" && message.contains(&unable.arn), "{message}");
    let outcome = running_as(&unable).check(&config("no-override", &able.sign_in()));
    assert_eq!(outcome.connection_status().0, "SUCCEEDED", "{outcome:#?}");
}

/// Compares a status with its golden file, except for the ids of probes.
#[track_caller]
fn golden(name: &str, outcome: &Outcome) {
    let (status, message) = outcome.connection_status();
    let shown = format!("{status}\n{}\n", without_ids(message));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("integration_tests/golden/iam/{name}.txt"));
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        fs::write(&path, &shown).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == expected, "{} differs from the message:\n{shown}", path.display());
}

/// Returns the message with `ID` in place of each UUID.
fn without_ids(message: &str) -> String {
    const LENGTH: usize = 36;
    let is_id = |text: &str| uuid::Uuid::try_parse(text).is_ok();
    let mut shown = String::new();
    let mut skip = 0;
    for (at, character) in message.char_indices() {
        if at < skip {
            continue;
        }
        if message.get(at..at + LENGTH).is_some_and(is_id) {
            shown.push_str("ID");
            skip = at + LENGTH;
        } else {
            shown.push(character);
        }
    }
    shown
}
