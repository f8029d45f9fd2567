//! The IAM policies that a configuration needs, for people to paste.
//!
//! [`PolicySubject`] (the settings that the policies depend on) -> [`Document`]s in IAM's JSON ->
//! text, as JSON or for Terraform.
//!
//! | document | attached to | says |
//! |---|---|---|
//! | permissions | the user or role that signs S3 requests | what may be done in the bucket |
//! | trust | the role | who may assume it, and with which external id |
//! | caller | the identity that the connector runs with | that it may assume the role |
//!
//! Invariants
//! - Least privilege: each action is one that the connector uses with this configuration. Optional
//!   actions have a statement of their own.
//! - The trust policy names no principal that the user has not named.
//!
//! Not here: reading the configuration and printing (`verb`).

mod permissions;
mod terraform;
mod trust;

use serde_json::Value;

use crate::store::ObjectOptions;

pub(crate) use terraform::terraform;
pub(crate) use trust::{PRINCIPAL_PLACEHOLDER, Principal};

/// The settings that the policies depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicySubject {
    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub partition: String,
    /// The bucket.
    pub bucket: String,
    /// What every key begins with.
    pub prefix: String,
    /// Whether the connector asks S3 for the bucket's region.
    pub asks_for_region: bool,
    /// The options of every object.
    pub objects: ObjectOptions,
    /// The role, if the connector signs in with one.
    pub role: Option<RoleSubject>,
}

/// The role that the policies are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleSubject {
    /// The role's ARN.
    pub arn: String,
    /// The external id that the trust policy requires.
    pub external_id: Option<String>,
    /// Who may assume it. `None`: the user has to fill it in.
    pub principal: Option<Principal>,
}

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    /// What may be done in the bucket.
    Permissions,
    /// Who may assume the role.
    Trust,
    /// That the caller may assume the role.
    Caller,
}

/// A policy as IAM accepts it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// Which one it is.
    pub kind: DocumentKind,
    /// What to do with it, in one line.
    pub heading: String,
    /// The policy.
    pub policy: Value,
}

/// Returns the documents of a configuration: one for a key, three for a role.
#[must_use]
pub(crate) fn documents(subject: &PolicySubject) -> Vec<Document> {
    let mut documents = vec![Document {
        kind: DocumentKind::Permissions,
        heading: match &subject.role {
            Some(role) => format!("Permissions policy, for the role {}", role.arn),
            None => "Permissions policy, for the user or role that signs in".to_owned(),
        },
        policy: permissions::policy(subject),
    }];
    if let Some(role) = &subject.role {
        documents.push(Document {
            kind: DocumentKind::Trust,
            heading: format!("Trust policy of the role {}", role.arn),
            policy: trust::policy(role),
        });
        documents.push(Document {
            kind: DocumentKind::Caller,
            heading: "Policy for the identity that the connector runs with (not needed if the \
                      trust policy names exactly this identity and both are in the same account)"
                .to_owned(),
            policy: trust::caller_policy(role),
        });
    }
    documents
}

/// Returns a document as IAM's console accepts it.
#[must_use]
pub(crate) fn json(policy: &Value) -> String {
    format!("{policy:#}\n")
}

/// Returns warnings about a trust policy, one sentence each.
#[must_use]
pub(crate) fn warnings(role: &RoleSubject) -> Vec<String> {
    let mut warnings = Vec::new();
    if role.principal.is_none() {
        warnings.push(format!(
            "nobody may assume the role yet: replace {PRINCIPAL_PLACEHOLDER} with the account or \
             ARN that the connector runs with, or use --principal"
        ));
    }
    if role.external_id.is_none() {
        warnings.push(
            "there is no external id: anyone who can run the connector with settings of their own \
             can use this role; set external_id"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests;
