//! Policies of several configurations: statements, goldens of both notations.

use std::collections::BTreeSet;

use super::*;
use crate::store::{CannedAcl, Encryption, Tag};

/// The policies on the vendor's page, as a reader would paste them.
const PAGE_PERMISSIONS: &str = r#"{
    "Version": "2012-10-17", "Id": "",
    "Statement": [{
        "Sid": "ExtractBucketAccess", "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:DeleteObject"],
        "Resource": ["arn:aws:s3:::YOUR_S3_BUCKET_NAME", "arn:aws:s3:::YOUR_S3_BUCKET_NAME/*"]
    }]
}"#;
const PAGE_TRUST: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": "623184213151" },
        "Condition": { "StringEquals": { "sts:ExternalId": "YOUR-EXTERNAL-ID-HERE" } }
    }]
}"#;

fn subject() -> PolicySubject {
    PolicySubject {
        partition: "aws".to_owned(),
        bucket: "YOUR_S3_BUCKET_NAME".to_owned(),
        prefix: String::new(),
        asks_for_region: true,
        objects: ObjectOptions::default(),
        role: None,
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(texts) => texts.iter().flat_map(texts_of).collect(),
        other => texts_of(other).collect(),
    }
}

fn texts_of(value: &Value) -> impl Iterator<Item = String> {
    value.as_str().map(str::to_owned).into_iter()
}

/// Returns the pairs of action and resource that have an effect: bucket actions on the bucket,
/// object actions on objects.
fn grants(policy: &Value) -> BTreeSet<(String, String)> {
    let mut grants = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for action in texts(&statement["Action"]) {
            let of_bucket = ["s3:ListBucket", "s3:GetBucketLocation"].contains(&action.as_str());
            for resource in texts(&statement["Resource"]) {
                if of_bucket != resource.contains('/') {
                    grants.insert((action.clone(), resource));
                }
            }
        }
    }
    grants
}

#[test]
fn our_policy_equals_the_vendors_except_for_optional_actions() {
    let page: Value = serde_json::from_str(PAGE_PERMISSIONS).unwrap();
    let mut ours = permissions::policy(&subject());
    let statements = ours["Statement"].as_array_mut().unwrap();
    let optional = statements.pop().unwrap();
    assert_eq!(optional["Sid"], "DiscardUnfinishedUploads");
    assert_eq!(optional["Action"], serde_json::json!(["s3:AbortMultipartUpload"]));
    assert_eq!(grants(&ours), grants(&page));
    assert_eq!(grants(&page).len(), 5);
}

#[test]
fn our_trust_policy_equals_the_vendors() {
    let role = RoleSubject {
        arn: "arn:aws:iam::111122223333:role/lake".to_owned(),
        external_id: Some("YOUR-EXTERNAL-ID-HERE".to_owned()),
        principal: Some("623184213151".parse().unwrap()),
    };
    assert_eq!(trust::policy(&role), serde_json::from_str::<Value>(PAGE_TRUST).unwrap());
    let nobody = RoleSubject { principal: None, ..role };
    assert_eq!(trust::policy(&nobody)["Statement"][0]["Principal"]["AWS"], PRINCIPAL_PLACEHOLDER);
}

#[test]
fn each_option_needs_its_own_action_and_no_other() {
    let plain = grants(&permissions::policy(&subject()));
    let tags = vec![Tag { key: "team".to_owned(), value: "data".to_owned() }];
    let kms = |key: Option<&str>| Encryption::Kms { key: key.map(str::to_owned), bucket_key: None };
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234";
    let table: [(ObjectOptions, &[(&str, &str)]); 8] = [
        (
            ObjectOptions { tags, ..Default::default() },
            &[("s3:PutObjectTagging", "arn:aws:s3:::YOUR_S3_BUCKET_NAME/*")],
        ),
        (
            ObjectOptions { acl: Some(CannedAcl::Private), ..Default::default() },
            &[("s3:PutObjectAcl", "arn:aws:s3:::YOUR_S3_BUCKET_NAME/*")],
        ),
        (ObjectOptions { encryption: Encryption::Aes256, ..Default::default() }, &[]),
        (ObjectOptions { encryption: kms(None), ..Default::default() }, &[]),
        (
            ObjectOptions { encryption: kms(Some(arn)), ..Default::default() },
            &[("kms:GenerateDataKey", arn), ("kms:Decrypt", arn)],
        ),
        (
            ObjectOptions {
                encryption: Encryption::KmsDsse { key: Some("1234".to_owned()) },
                ..Default::default()
            },
            &[
                ("kms:GenerateDataKey", "arn:aws:kms:*:*:key/1234"),
                ("kms:Decrypt", "arn:aws:kms:*:*:key/1234"),
            ],
        ),
        (ObjectOptions { encryption: kms(Some("alias/lake")), ..Default::default() }, &[]),
        (
            ObjectOptions {
                encryption: kms(Some("arn:aws:kms:eu-west-1:111122223333:alias/lake")),
                ..Default::default()
            },
            &[],
        ),
    ];
    for (objects, extra) in table {
        let is_alias = format!("{:?}", objects.encryption).contains("alias/lake");
        let policy = permissions::policy(&PolicySubject { objects, ..subject() });
        let mut expected = plain.clone();
        expected.extend(
            extra.iter().map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned())),
        );
        assert_eq!(grants(&policy), expected);
        let last = policy["Statement"].as_array().unwrap().last().unwrap();
        if is_alias {
            assert_eq!(last["Resource"], "*");
            assert_eq!(
                last["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"],
                "alias/lake"
            );
        } else {
            assert_eq!(last.get("Condition"), None);
        }
    }
}

#[test]
fn a_prefix_limits_objects_and_its_wildcards_are_escaped() {
    let policy =
        permissions::policy(&PolicySubject { prefix: "raw/a*b?c$d/".to_owned(), ..subject() });
    assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:s3:::YOUR_S3_BUCKET_NAME");
    assert_eq!(
        policy["Statement"][1]["Resource"],
        "arn:aws:s3:::YOUR_S3_BUCKET_NAME/raw/a${*}b${?}c${$}d/*"
    );
}

#[test]
fn a_principal_is_an_account_or_an_identity_in_it_and_never_everyone() {
    for good in [
        "623184213151",
        "arn:aws:iam::623184213151:role/worker",
        "arn:aws-cn:iam::623184213151:user/a/b",
    ] {
        assert!(good.parse::<Principal>().is_ok(), "{good}");
    }
    let session: Principal =
        "arn:aws:sts::623184213151:assumed-role/worker/i-0123456789".parse().unwrap();
    assert_eq!(
        session,
        "arn:aws:iam::623184213151:role/worker".parse().unwrap(),
        "sessions come and go"
    );
    for bad in [
        "*",
        "",
        "62318421315",
        "arn:aws:iam::*:root",
        "arn:aws:iam::623184213151:*",
        "arn:aws:s3:::bucket",
        PRINCIPAL_PLACEHOLDER,
    ] {
        assert!(bad.parse::<Principal>().is_err(), "{bad}");
    }
}

#[test]
fn an_incomplete_trust_policy_causes_a_warning() {
    let role = RoleSubject {
        arn: "arn:aws:iam::111122223333:role/lake".to_owned(),
        external_id: Some("of-the-platform".to_owned()),
        principal: None,
    };
    let [warning] = warnings(&role).try_into().unwrap();
    assert!(warning.contains(PRINCIPAL_PLACEHOLDER), "{warning}");
    let named = RoleSubject { principal: Some("623184213151".parse().unwrap()), ..role };
    assert_eq!(warnings(&named), Vec::<String>::new());
    let [warning] = warnings(&RoleSubject { external_id: None, ..named }).try_into().unwrap();
    assert!(warning.contains("no external id"), "{warning}");
}
