//! What to say about a refusal: which action on what was denied to whom, and where to allow it.
//!
//! A [`StoreError`], the [`Identity`] that signed -> one sentence. Pure.
//!
//! Not here: sentences about everything else (`store::StoreError`, `sign_in::SignInError`).

use crate::aws::sign_in::{Identity, PolicyHolder};
use crate::store::{Denied, StoreError};

/// The sentence for a denied request; `None` where the error is another one, which speaks for
/// itself. `prefix` is the text that every key begins with: the probe's own key is not what a
/// policy should name.
pub(super) fn denial(error: &StoreError, who: Option<&Identity>, prefix: &str) -> Option<String> {
    let Denied { action, resource, explicitly } = error.denied()?;
    let whom = who.map(|who| format!(" to {}", who.arn)).unwrap_or_default();
    let bucket = resource.split_once('/').map(|(bucket, _)| bucket);
    let cause = if explicitly {
        "a policy denies it explicitly: look for a Deny in the bucket policy, in the policies of \
         the user or role, in a permissions boundary and in the organisation's control policies"
            .to_owned()
    } else {
        let scope = bucket.map(|bucket| format!(" on {bucket}/{prefix}*")).unwrap_or_default();
        let name = if bucket.is_none() { "check s3_bucket_name; " } else { "" };
        let key = if who.is_none() {
            ". Some stores also say so where they do not know the access key"
        } else {
            ""
        };
        format!(
            "allow it{scope} in {}; if it is allowed there, {name}look for a Deny in the bucket \
             policy and, where the bucket belongs to another account, for a missing Allow{key}",
            place(who)
        )
    };
    Some(format!("{action} on {resource} was denied{whom}: {cause}"))
}

/// Where an action is allowed.
pub(super) fn place(who: Option<&Identity>) -> String {
    match who.map(Identity::holder) {
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
