//! The result of a check that passed: who signs, where the bucket is, and notes.
//!
//! Notes, one sentence each -> the message of the SUCCEEDED status.

use std::fmt;

use super::denial::{denial, where_to_allow};
use crate::aws::sign_in::{Identity, SignInError};
use crate::store::StoreError;

/// The result of a check that passed. Its text is the message of the SUCCEEDED status; it may be
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// The owner of the key, or the base identity of a role.
    pub caller: Option<Identity>,
    /// The identity that S3 sees: the role if there is one, or else the caller.
    pub signer: Option<Identity>,
    /// The bucket's region, if the settings do not name it.
    pub found_region: Option<String>,
    notes: Vec<String>,
}

impl Report {
    /// Adds a note, one sentence.
    pub(crate) fn add(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(super) fn caller_unknown(&mut self, error: &SignInError) {
        self.add(format!(
            "the identity that signs in could not be determined, which a sync does not need: \
             {error}"
        ));
    }

    pub(super) fn role_open_without_external_id(&mut self) {
        self.add(
            "warning: the role can also be assumed without the external id, so the external id \
             protects nothing: add the condition \"sts:ExternalId\" to the role's trust policy"
                .to_owned(),
        );
    }

    pub(super) fn region_found_despite_denial(&mut self, error: &StoreError, region: &str) {
        let denial =
            denial(error, self.signer.as_ref(), "").unwrap_or_else(|| error.with_store_answer());
        self.add(format!(
            "the bucket was found in region \"{region}\" although the request for its region was \
             denied: set s3_bucket_region to \"{region}\", or allow the action ({denial})"
        ));
    }

    pub(super) fn delete_denied(&mut self, error: &StoreError, left: &[String]) {
        let denied = match error.denied() {
            Some(denied) => format!("{} on {} was denied", denied.action, denied.resource),
            None => error.with_store_answer(),
        };
        self.add(format!(
            "{denied}: appending works without it, but no stream can be overwritten or refreshed, \
             and rows may be duplicated after a failed sync; allow it in {}. For the same reason \
             multipart uploads were not tried, and probe objects were left in the bucket: {}",
            where_to_allow(self.signer.as_ref()),
            left.join(", ")
        ));
    }

    pub(super) fn missing_key_denied(&mut self) {
        self.add(
            "s3:ListBucket is restricted to some prefixes, so S3 answers 403 instead of 404 for an \
             object that does not exist: after a lost response, a sync could not tell whether its \
             object exists, and would fail; allow s3:ListBucket on the bucket without a condition \
             on s3:prefix"
                .to_owned(),
        );
    }

    pub(super) fn ignores_if_none_match(&mut self) {
        self.add(
            "the store ignores If-None-Match: the connector checks that a key is free before it \
             writes to it, but two syncs that write to the same keys at the same time could still \
             overwrite each other's files: if that can happen, use {connection_id} or {uuid} in \
             s3_bucket_key"
                .to_owned(),
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sentences = Vec::new();
        match (&self.signer, &self.caller) {
            (Some(signer), Some(caller)) if signer != caller => {
                sentences
                    .push(format!("signed in as {signer}, a role that {} has assumed", caller.arn));
            }
            (Some(signer), _) => sentences.push(format!("signed in as {signer}")),
            (None, _) => {}
        }
        sentences.extend(
            self.found_region
                .as_ref()
                .map(|region| format!("the bucket is in region \"{region}\"")),
        );
        sentences.extend(self.notes.iter().cloned());
        f.write_str(&sentences.join("; "))
    }
}
