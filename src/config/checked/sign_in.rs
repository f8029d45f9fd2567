//! The methods to sign in: the rules that a schema cannot express.
//!
//! Raw authentication -> [`SignIn`], or everything that is wrong ([`ConfigErrors`]).
//!
//! Invariants
//! - No key, secret or token is in an error.
//!
//! Not here: whose credentials these are and whether they work (`crate::aws::sign_in`), what the
//! environment may add (`verb::connect`).

use std::fmt;

use crate::config::error::{ConfigError, ConfigErrors, Problems, shown};
use crate::config::form::settings::RawAuthentication;
use crate::config::secret::Secret;

/// How to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// By assuming a role, usually of the bucket's account.
    Role(Role),
    /// With the access key in the settings.
    AccessKey(AccessKey),
    /// With the identity that the AWS default chain finds.
    DefaultChain,
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// `arn:PARTITION:iam::ACCOUNT:role/NAME`, the name with its path.
    pub arn: String,
    /// The external id that the role's trust policy requires. `None`: the environment may have it.
    pub external_id: Option<String>,
}

/// The keys of an IAM user, or temporary keys with their token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessKey {
    /// The id of the key. The form treats it as a secret, so its `Debug` is `***` too.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret,
    /// Belongs to temporary keys.
    pub session_token: Option<Secret>,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("access_key_id", &format_args!("***"))
            .field("secret_access_key", &self.secret_access_key)
            .field("session_token", &self.session_token)
            .finish()
    }
}

/// Checks the method to sign in.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn checked_sign_in(raw: RawAuthentication) -> Result<SignIn, ConfigErrors> {
    let mut problems = Problems::default();
    let sign_in = match raw {
        RawAuthentication::CrossAccountRole { role_arn, external_id } => {
            problems.take(check_role_arn(&role_arn));
            problems.take(external_id.as_deref().map(check_external_id).transpose());
            SignIn::Role(Role { arn: role_arn, external_id })
        }
        RawAuthentication::AccessKey { access_key_id, secret_access_key, session_token } => {
            // The id and the token are sent in headers. The secret is not, and in some stores users
            // choose it: it may be a sentence.
            problems.take(check_header_text("authentication.access_key_id", &access_key_id));
            problems.take(check_secret_key("authentication.secret_access_key", &secret_access_key));
            if let Some(token) = &session_token {
                problems.take(check_header_text("authentication.session_token", token));
            }
            let access_key_id = access_key_id.expose().to_owned();
            SignIn::AccessKey(AccessKey { access_key_id, secret_access_key, session_token })
        }
        RawAuthentication::DefaultChain {} => SignIn::DefaultChain,
    };
    problems.finish(Some(sign_in))
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
fn check_role_arn(arn: &str) -> Result<(), ConfigError> {
    let wrong = |problem| {
        Err(ConfigError::RoleArn { problem, given: arn.starts_with("arn:").then(|| shown(arn)) })
    };
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    if next() != "arn" {
        return wrong("it does not begin with `arn:`");
    }
    let (partition, service, region, account, resource) = (next(), next(), next(), next(), next());
    if partition != "aws" && !partition.starts_with("aws-") {
        return wrong("its second part is not an AWS partition");
    }
    if service == "sts" {
        return wrong("it is the ARN of a session of a role; use the ARN of the role itself");
    }
    if service != "iam" || !region.is_empty() {
        return wrong("it is not an ARN of IAM");
    }
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("its account is not 12 digits");
    }
    let Some(("role", name)) = resource.split_once('/') else {
        return wrong("it is not the ARN of a role");
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte);
    if name.is_empty() || name.ends_with('/') || !name.bytes().all(fits) {
        return wrong("its role name is not valid");
    }
    Ok(())
}

/// Whether AWS accepts the text as an external id.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
#[must_use]
pub(crate) fn is_external_id(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    (2..=1224).contains(&text.len()) && text.chars().all(fits)
}

fn check_external_id(external_id: &str) -> Result<(), ConfigError> {
    if is_external_id(external_id) { Ok(()) } else { Err(ConfigError::ExternalId) }
}

fn check_header_text(path: &'static str, secret: &Secret) -> Result<(), ConfigError> {
    if secret.expose().is_empty() {
        return Err(ConfigError::EmptyKey { path });
    }
    if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem =
            "contains white space, a line break or another character that no key contains";
        return Err(ConfigError::GarbledKey { path, problem });
    }
    Ok(())
}

fn check_secret_key(path: &'static str, secret: &Secret) -> Result<(), ConfigError> {
    let text = secret.expose();
    if text.is_empty() {
        return Err(ConfigError::EmptyKey { path });
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        let problem = "begins or ends with white space, or contains a line break";
        return Err(ConfigError::GarbledKey { path, problem });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arn_of_a_role_is_accepted() {
        let table = [
            ("arn:aws:iam::123456789012:role/lake", None),
            ("arn:aws:iam::123456789012:role/teams/data/lake-writer", None),
            ("arn:aws-cn:iam::123456789012:role/lake", None),
            ("arn:aws-us-gov:iam::123456789012:role/lake", None),
            ("lake", Some("does not begin with `arn:`")),
            ("", Some("does not begin with `arn:`")),
            (" arn:aws:iam::123456789012:role/lake", Some("does not begin with `arn:`")),
            ("arn:gcp:iam::123456789012:role/lake", Some("not an AWS partition")),
            ("arn:aws:s3:::bucket", Some("not an ARN of IAM")),
            ("arn:aws:sts::123456789012:assumed-role/lake/session", Some("of the role itself")),
            ("arn:aws:iam::12345678901:role/lake", Some("12 digits")),
            ("arn:aws:iam::ACCOUNT_ID___:role/lake", Some("12 digits")),
            ("arn:aws:iam::123456789012:user/loader", Some("not the ARN of a role")),
            ("arn:aws:iam::123456789012:role", Some("not the ARN of a role")),
            ("arn:aws:iam::123456789012:role/", Some("role name is not valid")),
            ("arn:aws:iam::123456789012:role/a b", Some("role name is not valid")),
            ("arn:aws:iam::123456789012:role/*", Some("role name is not valid")),
            ("arn:aws:iam::123456789012:role/la?e", Some("role name is not valid")),
        ];
        for (arn, problem) in table {
            let checked = check_role_arn(arn);
            match problem {
                None => assert!(checked.is_ok(), "{arn}: {checked:?}"),
                Some(problem) => {
                    let message = checked.unwrap_err().to_string();
                    assert!(
                        message.contains("`authentication.role_arn`") && message.contains(problem),
                        "{message}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_external_id_has_the_characters_that_aws_accepts() {
        for good in
            ["12", "f52c7268-2359-567a-f5e8-83c536cb4de8", "a+b=c,d.e@f:g/h_i", &"x".repeat(1224)]
        {
            assert!(check_external_id(good).is_ok(), "{good}");
        }
        for bad in ["1", "a b", "ä-ö", "a\n", &"x".repeat(1225)] {
            let message = check_external_id(bad).unwrap_err().to_string();
            assert!(message.contains("`authentication.external_id`"), "{message}");
            assert!(!message.contains(bad) || bad == "1", "{message}");
        }
    }
}
