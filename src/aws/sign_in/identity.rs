//! The identity behind a request, as AWS names it, and what its policies are attached to.
//!
//! The ARN in an answer of GetCallerIdentity or AssumeRole -> [`Identity`]. Pure.

use std::fmt;

/// The identity that signs requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The account: twelve digits on AWS.
    pub account: String,
    /// `arn:aws:iam::ACCOUNT:user/NAME` or `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`.
    pub arn: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (account {})", self.arn, self.account)
    }
}

/// What a policy is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyHolder<'a> {
    /// An IAM user, by its name.
    User(&'a str),
    /// An IAM role, by its name.
    Role(&'a str),
    /// The account itself, which no policy of its own limits.
    Root,
    /// Another kind of identity.
    Other,
}

impl Identity {
    /// Returns the principal for a trust policy that lets this identity in. For a session of a role
    /// that is the role itself: the next session has another name.
    #[must_use]
    pub(crate) fn principal(&self) -> String {
        let partition = self.arn.split(':').nth(1).unwrap_or("aws");
        match self.holder() {
            // The ARN of a session does not contain the path of the role.
            PolicyHolder::Role(name) if self.arn.contains(":assumed-role/") => {
                format!(
                    "arn:{partition}:iam::{}:role/{name} (with its path, if it has one)",
                    self.account
                )
            }
            PolicyHolder::User(_)
            | PolicyHolder::Role(_)
            | PolicyHolder::Root
            | PolicyHolder::Other => self.arn.clone(),
        }
    }

    /// Returns what a policy for this identity is attached to.
    #[must_use]
    pub(crate) fn holder(&self) -> PolicyHolder<'_> {
        let resource = self.arn.splitn(6, ':').nth(5).unwrap_or_default();
        match resource.split_once('/') {
            None if resource == "root" => PolicyHolder::Root,
            // The path of a user is not part of its name.
            Some(("user", name)) => PolicyHolder::User(name.rsplit('/').next().unwrap_or(name)),
            // The ARN of an assumed role does not contain the path either.
            Some(("assumed-role", name)) => {
                PolicyHolder::Role(name.split('/').next().unwrap_or(name))
            }
            Some(("role", name)) => PolicyHolder::Role(name.rsplit('/').next().unwrap_or(name)),
            Some(_) | None => PolicyHolder::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_policy_is_read_from_the_arn() {
        let table = [
            ("arn:aws:iam::123456789012:user/loader", PolicyHolder::User("loader")),
            ("arn:aws:iam::123456789012:user/teams/data/loader", PolicyHolder::User("loader")),
            (
                "arn:aws:sts::123456789012:assumed-role/lake-writer/destination-s3",
                PolicyHolder::Role("lake-writer"),
            ),
            (
                "arn:aws-cn:iam::123456789012:role/service/lake-writer",
                PolicyHolder::Role("lake-writer"),
            ),
            ("arn:aws:iam::123456789012:root", PolicyHolder::Root),
            ("arn:aws:sts::123456789012:federated-user/someone", PolicyHolder::Other),
            ("nonsense", PolicyHolder::Other),
            ("", PolicyHolder::Other),
        ];
        for (arn, holder) in table {
            let identity = Identity { account: String::new(), arn: arn.to_owned() };
            assert_eq!(identity.holder(), holder, "{arn}");
        }
    }

    #[test]
    fn a_trust_policy_names_the_role_and_not_its_session() {
        let principal = |arn: &str| {
            Identity { account: "123456789012".to_owned(), arn: arn.to_owned() }.principal()
        };
        let session = principal("arn:aws-cn:sts::123456789012:assumed-role/worker/i-0123");
        assert!(session.starts_with("arn:aws-cn:iam::123456789012:role/worker ("), "{session}");
        for arn in ["arn:aws:iam::123456789012:user/loader", "arn:aws:iam::123456789012:root"] {
            assert_eq!(principal(arn), arn);
        }
    }
}
