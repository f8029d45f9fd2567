//! What a check has found out that does not keep a sync from working.
//!
//! Notes, one sentence each -> the message of the SUCCEEDED status.

use std::fmt;

use super::advice::{denial, place};
use crate::aws::sign_in::{Identity, SignInError};
use crate::store::StoreError;

/// The result of a check that passed. Its text is the message of the SUCCEEDED status; it may be
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whose key it is, or the base identity of a role.
    pub caller: Option<Identity>,
    /// Who S3 sees: the caller or, with a role, the role.
    pub signer: Option<Identity>,
    /// The bucket's region, where the settings leave it out.
    pub found_region: Option<String>,
    notes: Vec<String>,
}

impl Report {
    /// Adds a sentence of the settings' own.
    pub fn add(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(super) fn unknown_caller(&mut self, error: &SignInError) {
        self.add(format!(
            "whose key it is could not be found out, which a sync does not need: {error}"
        ));
    }

    pub(super) fn open_role(&mut self) {
        self.add(
            "warning: the role can also be assumed without the external id, so that it protects \
             nothing: add the condition \"sts:ExternalId\" to the role's trust policy"
                .to_owned(),
        );
    }

    pub(super) fn region_in_spite_of(&mut self, error: &StoreError, region: &str) {
        let denial =
            denial(error, self.signer.as_ref(), "").unwrap_or_else(|| error.with_store_answer());
        self.add(format!(
            "the bucket answers in region \"{region}\", although it may not be asked for it: set \
             s3_bucket_region to \"{region}\", or grant the action ({denial})"
        ));
    }

    pub(super) fn undeletable(&mut self, error: &StoreError, left: &[String]) {
        let denied = match error.denied() {
            Some(denied) => format!("{} on {} was denied", denied.action, denied.resource),
            None => error.with_store_answer(),
        };
        self.add(format!(
            "{denied}: streams that are appended to work without it, but none can be overwritten \
             or refreshed, and a failed sync may leave rows that come twice; allow it in {}. For \
             the same reason uploads in parts were not tried, and probe objects are left: {}",
            place(self.signer.as_ref()),
            left.join(", ")
        ));
    }

    pub(super) fn hides_missing(&mut self) {
        self.add(
            "s3:ListBucket is allowed for some prefixes only, so that S3 denies a look at a file \
             that is not there instead of saying so: a sync then cannot find out whether a file is \
             there whose confirmation got lost, and fails; allow s3:ListBucket on the bucket \
             without a condition on s3:prefix"
                .to_owned(),
        );
    }

    pub(super) fn ignores_guard(&mut self) {
        self.add(
            "the store ignores If-None-Match: the connector looks whether a key is free before it \
             writes, but two syncs that write to the same keys at the same moment could overwrite \
             each other's files: see to it that s3_bucket_key holds {connection_id} or {uuid} if \
             there may be two"
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
