//! The trust policy of the role, and the policy of the identity that assumes it.

use serde_json::{Value, json};

use super::RoleSubject;
use super::permissions::document;

/// The placeholder for a principal that the user has not named. IAM rejects it, so nobody is
/// trusted by accident.
pub(crate) const PRINCIPAL_PLACEHOLDER: &str = "ACCOUNT_ID_OF_WHOEVER_RUNS_THE_CONNECTOR";

/// An account, or an identity in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal(String);

/// The text is neither an account nor an identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be the 12 digits of an account, or the ARN of a user or role (`check` names the one \
     it runs with)"
)]
pub(crate) struct PrincipalError;

impl std::str::FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        let is_account =
            |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_account(text) {
            return Ok(Self(text.to_owned()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts.as_slice() else {
            return Err(PrincipalError);
        };
        // Only characters of IAM names: `*` would trust everyone, and `${` begins a variable.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte);
        let is_partition = *partition == "aws" || partition.starts_with("aws-");
        if !is_partition || !is_account(account) || !resource.bytes().all(fits) {
            return Err(PrincipalError);
        }
        match (*service, resource.split_once('/')) {
            ("iam", Some(("user" | "role", name))) if !name.is_empty() => Ok(Self(text.to_owned())),
            ("iam", None) if *resource == "root" => Ok(Self(text.to_owned())),
            // `check` shows a session of a role. Sessions come and go; the role itself is meant.
            ("sts", Some(("assumed-role", session))) => {
                let name = session.split('/').next().unwrap_or_default();
                Ok(Self(format!("arn:{partition}:iam::{account}:role/{name}")))
            }
            _ => Err(PrincipalError),
        }
    }
}

pub(crate) fn policy(role: &RoleSubject) -> Value {
    let principal =
        role.principal.as_ref().map_or(PRINCIPAL_PLACEHOLDER, |Principal(principal)| principal);
    let mut statement =
        json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": principal } });
    if let Some(external_id) = &role.external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": external_id } });
    }
    document(&[statement])
}

pub(crate) fn caller_policy(role: &RoleSubject) -> Value {
    document(&[json!({
        "Sid": "AssumeRoleOfBucket", "Effect": "Allow", "Action": "sts:AssumeRole",
        "Resource": role.arn
    })])
}
