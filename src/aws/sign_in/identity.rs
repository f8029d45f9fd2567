//! Who a request comes from, as AWS names it, and where a policy for it is written.
//!
//! The ARN of GetCallerIdentity or AssumeRole -> [`Identity`]. Pure.

use std::fmt;

/// Who signs: an account and the ARN in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits on AWS.
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
pub enum PolicyHolder<'a> {
    /// An IAM user, by its name.
    User(&'a str),
    /// An IAM role, by its name.
    Role(&'a str),
    /// The account itself, which no policy of its own limits.
    Root,
    /// A kind of identity that is not among these.
    Other,
}

impl Identity {
    /// What a trust policy names to let this identity in: of a role's session, which has another
    /// name tomorrow, the role.
    #[must_use]
    pub fn principal(&self) -> String {
        let partition = self.arn.split(':').nth(1).unwrap_or("aws");
        match self.holder() {
            // The path of the role is not in the ARN of its session.
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

    /// What a policy for this identity is attached to.
    #[must_use]
    pub fn holder(&self) -> PolicyHolder<'_> {
        let resource = self.arn.splitn(6, ':').nth(5).unwrap_or_default();
        match resource.split_once('/') {
            None if resource == "root" => PolicyHolder::Root,
            // The path of a user is not part of its name.
            Some(("user", name)) => PolicyHolder::User(name.rsplit('/').next().unwrap_or(name)),
            // Of an assumed role the ARN leaves the path out.
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
