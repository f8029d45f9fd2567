//! Explains a denial: which action on which resource was denied to whom, and where to allow it.
//!
//! A [`StoreError`] and the [`Identity`] that signed -> one sentence. Pure.
//!
//! Not here: messages about other errors (`store::StoreError`, `aws::sign_in::SignInError`).

use crate::aws::sign_in::{Identity, PolicyHolder};
use crate::store::{Denied, StoreError};

/// Returns the message for a denied request. `None`: the error is not a denial and has a message of
/// its own. `prefix` is the beginning of every key: a policy should name it instead of the probe's
/// key.
pub(super) fn denial(
    error: &StoreError,
    signer: Option<&Identity>,
    prefix: &str,
) -> Option<String> {
    let Denied { action, resource, explicitly } = error.denied()?;
    let whom = signer.map(|signer| format!(" to {}", signer.arn)).unwrap_or_default();
    let bucket = resource.split_once('/').map(|(bucket, _)| bucket);
    let cause = if explicitly {
        "a policy denies it explicitly: look for a Deny in the bucket policy, in the policies of \
         the user or role, in its permissions boundary and in the organization's service control \
         policies"
            .to_owned()
    } else {
        let scope = bucket.map(|bucket| format!(" on {bucket}/{prefix}*")).unwrap_or_default();
        let name = if bucket.is_none() { "check s3_bucket_name; " } else { "" };
        let key = if signer.is_none() {
            ". Some stores also answer this way if they do not know the access key"
        } else {
            ""
        };
        format!(
            "allow it{scope} in {}; if it is already allowed there, {name}look in the bucket \
             policy for a Deny and, if the bucket belongs to another account, for a missing \
             Allow{key}",
            where_to_allow(signer)
        )
    };
    Some(format!("{action} on {resource} was denied{whom}: {cause}"))
}

/// Returns the policy in which to allow an action.
pub(super) fn where_to_allow(signer: Option<&Identity>) -> String {
    match signer.map(Identity::holder) {
        Some(PolicyHolder::User(name)) => {
            format!(
                "the policy of the user \"{name}\" (AWS console: IAM > Users > {name} > \
                 Permissions)"
            )
        }
        Some(PolicyHolder::Role(name)) => {
            format!(
                "the policy of the role \"{name}\" (AWS console: IAM > Roles > {name} > \
                 Permissions)"
            )
        }
        Some(PolicyHolder::Root) => {
            "the bucket policy (the account's root user needs no policy of its own)".to_owned()
        }
        Some(PolicyHolder::Other) | None => {
            "the policy of the user or role that signs in".to_owned()
        }
    }
}
