//! Why signing in failed, in words that say what to change and where.
//!
//! Invariants
//! - A sentence names the role, the caller and the setting. Text that came from a server is only in the cause, and no
//!   external id, key or token is anywhere.

use super::identity::Identity;
use crate::error::{Classified, FailureType};

/// Signing in failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct SignInError {
    /// What is wrong.
    pub kind: SignInErrorKind,
    #[source]
    pub(super) cause: Option<Cause>,
}

/// What was reported below us: for whoever debugs, not for the user.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Cause(pub(super) Box<str>);

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInErrorKind {
    /// The connector's surroundings hold no credentials.
    NobodyThere {
        /// The role that they are needed for, if it is for one.
        role: Option<String>,
    },
    /// The surroundings are set up to give credentials, but wrongly.
    Surroundings,
    /// What gives credentials did not answer, or failed.
    SourceUnavailable,
    /// STS does not accept the key that the request is signed with.
    KeyRefused {
        /// Whether it is the key of the settings rather than one of the surroundings.
        of_settings: bool,
        /// What STS calls it.
        reason: KeyProblem,
    },
    /// The role does not let the caller in.
    RoleDenied {
        /// The role.
        role: String,
        /// Who asked, where it is known.
        caller: Option<Identity>,
        /// Whether an external id was sent.
        with_external_id: bool,
    },
    /// STS calls the request itself wrong: the ARN or the external id is none.
    RoleMalformed {
        /// The role.
        role: String,
    },
    /// STS is switched off in the region.
    RegionDisabled {
        /// The region.
        region: String,
    },
    /// STS cannot be reached, or what answers is not STS.
    Unreachable {
        /// Region or address.
        place: String,
    },
    /// What answers is not STS.
    NotSts {
        /// Region or address.
        place: String,
    },
    /// STS failed, or asked to slow down, also after several tries.
    Busy,
    /// This machine's clock is too far from AWS's.
    ClockSkew,
    /// Another answer.
    Unknown {
        /// The code, if it is harmless.
        code: Option<String>,
    },
}

/// Why a key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// There is no such key, or it is inactive.
    Unknown,
    /// The secret does not belong to it.
    Secret,
    /// It was temporary and is past its end.
    Expired,
}

impl SignInError {
    fn sentence(&self) -> String {
        match &self.kind {
            SignInErrorKind::NobodyThere { role } => {
                let purpose = match role {
                    Some(role) => format!("assume the role {role} with"),
                    None => "sign in with".to_owned(),
                };
                format!(
                    "there are no AWS credentials in the connector's surroundings to {purpose} (looked at, in this order: \
                     AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile file, a web identity token, container \
                     credentials, instance metadata): give the platform's worker an identity, or set \
                     authentication.auth_type to \"access_key\""
                )
            }
            SignInErrorKind::Surroundings => {
                "the AWS credentials in the connector's surroundings are set up in a way that gives none: check the AWS_* \
                 variables, the profile file (SSO and credential_process are not supported) and the web identity token of the \
                 platform's worker"
                    .to_owned()
            }
            SignInErrorKind::SourceUnavailable => {
                "what gives the connector its AWS credentials did not answer (web identity, container or instance \
                 metadata): try again, and check the network of the platform's worker"
                    .to_owned()
            }
            SignInErrorKind::KeyRefused { of_settings: true, reason } => match reason {
                KeyProblem::Unknown => "AWS does not know the access key: check access_key_id and session_token, and that \
                     the key is active"
                    .to_owned(),
                KeyProblem::Secret => {
                    "the secret does not belong to the access key: check access_key_id and secret_access_key".to_owned()
                }
                KeyProblem::Expired => "the temporary credentials have expired: enter new ones, or use an access key without a \
                     session token"
                    .to_owned(),
            },
            SignInErrorKind::KeyRefused { of_settings: false, reason } => {
                let what = match reason {
                    KeyProblem::Unknown => {
                        "are not known to AWS, or not active, or of an account that has not switched on the region that is asked \
                         (AWS_REGION chooses another)"
                    }
                    KeyProblem::Secret => "have a secret that does not belong to the key",
                    KeyProblem::Expired => "have expired",
                };
                format!(
                    "the AWS credentials in the connector's surroundings {what}: renew them where the platform's worker \
                     gets them from"
                )
            }
            SignInErrorKind::RoleDenied { role, caller, with_external_id } => {
                let (whom, principal) = match caller {
                    Some(caller) => (caller.to_string(), caller.principal()),
                    None => ("the connector's own identity".to_owned(), "that identity".to_owned()),
                };
                let (how, demand) = if *with_external_id {
                    ("with the external id that is configured", "and demand this very external id")
                } else {
                    ("without an external id", "; if it demands an external id, enter it as external_id")
                };
                let space = if *with_external_id { " " } else { "" };
                format!(
                    "{whom} may not assume the role {role} {how}: the role's trust policy must name {principal} as its \
                     principal{space}{demand}. Unless the trust policy names that very identity and both are in one account, \
                     the identity also needs a policy that allows sts:AssumeRole on the role (`destination-s3 policy` \
                     prints both)"
                )
            }
            SignInErrorKind::RoleMalformed { role } => {
                format!("AWS cannot use the role {role} in this way: check role_arn and external_id")
            }
            SignInErrorKind::RegionDisabled { region } => format!(
                "AWS STS is not active in region \"{region}\": activate it in the account settings of IAM, in the \
                 account that the connector runs in"
            ),
            SignInErrorKind::Unreachable { place } => format!(
                "AWS STS {place} cannot be reached: check that there is such a region (AWS_REGION, s3_bucket_region), the network \
                 of the platform's worker, its proxy settings and ca_bundle"
            ),
            SignInErrorKind::NotSts { place } => format!(
                "what answers {place} is not AWS STS: check AWS_ENDPOINT_URL_STS and the proxy settings of the \
                 platform's worker"
            ),
            SignInErrorKind::Busy => "AWS STS failed again and again: try again later".to_owned(),
            SignInErrorKind::ClockSkew => {
                "this machine's clock is too far from the clock of AWS: set the clock".to_owned()
            }
            SignInErrorKind::Unknown { code } => format!(
                "AWS STS refused to sign the connector in ({}): check the authentication settings",
                code.as_deref().unwrap_or("no reason given")
            ),
        }
    }
}

impl Classified for SignInError {
    fn failure_type(&self) -> FailureType {
        match &self.kind {
            SignInErrorKind::NobodyThere { .. }
            | SignInErrorKind::Surroundings
            | SignInErrorKind::KeyRefused { .. }
            | SignInErrorKind::RoleDenied { .. }
            | SignInErrorKind::RoleMalformed { .. }
            | SignInErrorKind::RegionDisabled { .. }
            | SignInErrorKind::NotSts { .. }
            | SignInErrorKind::Unknown { .. } => FailureType::Config,
            SignInErrorKind::SourceUnavailable
            | SignInErrorKind::Unreachable { .. }
            | SignInErrorKind::Busy
            | SignInErrorKind::ClockSkew => FailureType::Transient,
        }
    }
}
