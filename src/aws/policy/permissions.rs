//! The permissions policy: what the connector may do in the bucket.
//!
//! `s3:AbortMultipartUpload` has a statement of its own, because the connector works without it.

use serde_json::{Value, json};

use super::PolicySubject;
use crate::store::Encryption;

pub(crate) fn policy(subject: &PolicySubject) -> Value {
    let PolicySubject { partition, bucket, prefix, asks_for_region, objects, role: _ } = subject;
    let bucket_arn = format!("arn:{partition}:s3:::{bucket}");
    let objects_arn = format!("{bucket_arn}/{}*", escaped(prefix));

    let mut of_bucket = vec!["s3:ListBucket"];
    if *asks_for_region {
        of_bucket.push("s3:GetBucketLocation");
    }
    let mut of_objects = vec!["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
    if !objects.tags.is_empty() {
        of_objects.push("s3:PutObjectTagging");
    }
    if objects.acl.is_some() {
        of_objects.push("s3:PutObjectAcl");
    }
    let mut statements = vec![
        // Without a condition on `s3:prefix`: under one, S3 answers the HEAD of a missing key with
        // 403 instead of 404.
        statement("FindFiles", &of_bucket, &bucket_arn),
        statement("ReadAndWriteFiles", &of_objects, &objects_arn),
        // The only optional one: without it parts of failed uploads stay until a lifecycle rule
        // removes them.
        statement("DiscardUnfinishedUploads", &["s3:AbortMultipartUpload"], &objects_arn),
    ];
    let (Encryption::Kms { key, .. } | Encryption::KmsDsse { key }) = &objects.encryption else {
        return document(&statements);
    };
    // Everyone in the account may use the account's own key for S3, through S3.
    if let Some(key) = key {
        statements.push(use_key(partition, key));
    }
    document(&statements)
}

/// An upload in parts reads back what it has encrypted, and so do a copy and a GET.
const KEY_ACTIONS: [&str; 2] = ["kms:GenerateDataKey", "kms:Decrypt"];

fn use_key(partition: &str, key: &str) -> Value {
    let alias = key.starts_with("alias/").then_some(key).or_else(|| {
        let name = key.splitn(6, ':').nth(5)?;
        name.starts_with("alias/").then_some(name)
    });
    if let Some(alias) = alias {
        // A policy cannot name a key by its alias. It can only require that the key has the alias.
        let mut statement = statement("UseEncryptionKey", &KEY_ACTIONS, "*");
        statement["Condition"] =
            json!({ "ForAnyValue:StringEquals": { "kms:ResourceAliases": alias } });
        return statement;
    }
    let arn = if key.starts_with("arn:") {
        key.to_owned()
    } else {
        format!("arn:{partition}:kms:*:*:key/{key}")
    };
    statement("UseEncryptionKey", &KEY_ACTIONS, &arn)
}

fn statement(sid: &str, actions: &[&str], resource: &str) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource })
}

pub(crate) fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Escapes the characters that IAM would take for wildcards and variables.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '*' | '?' | '$' => {
                escaped.push_str("${");
                escaped.push(character);
                escaped.push('}');
            }
            _ => escaped.push(character),
        }
    }
    escaped
}
