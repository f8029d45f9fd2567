//! Why signing in failed, in words that say what to change and where.
//!
//! Invariants
//! - A sentence names the role, the caller, the source and the setting. Of what a server says it
//!   has a code of harmless letters at most, and no external id, key or token is anywhere.

use super::identity::Identity;
use crate::error::{Classified, ErrorText, FailureType};

/// Signing in failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct SignInError {
    /// What is wrong.
    pub kind: SignInErrorKind,
    /// What the server called it: a short code of its own, or a status.
    pub(crate) code: Option<Box<str>>,
    #[source]
    pub(crate) cause: Option<ErrorText>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInErrorKind {
    /// The connector's environment has no credentials.
    NobodyThere {
        /// The role that they are needed for, if it is for one.
        role: Option<String>,
    },
    /// A source that two variables set up has one of them only.
    HalfSetUp {
        /// The variable that is set.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A source is set up in a way that cannot work.
    NotSetUpRight {
        /// The source.
        source: CredentialSource,
    },
    /// A source refuses to give credentials: asking again would not help.
    SourceRefused {
        /// The source.
        source: CredentialSource,
    },
    /// A source did not answer, or failed.
    SourceUnavailable {
        /// The source.
        source: CredentialSource,
    },
    /// The instance metadata service accepts connections and does not answer.
    MetadataSilent {
        /// How often it was asked.
        tries: u32,
    },
    /// The instance metadata service refuses requests.
    MetadataRefused {
        /// The HTTP status: 401 or 403.
        status: u16,
    },
    /// The EC2 instance has no role.
    NoInstanceRole,
    /// STS does not accept the key that the request is signed with.
    KeyRefused {
        /// Whether it is the key of the settings rather than one of the environment.
        of_settings: bool,
        /// What STS calls it.
        reason: KeyProblem,
        /// Where STS was asked.
        region: String,
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

/// Where the default chain looks for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// `AWS_ACCESS_KEY_ID` and its companions.
    Environment,
    /// The profile files.
    Profile,
    /// A token that STS exchanges for credentials.
    WebIdentity,
    /// The endpoint of a container platform.
    Container,
    /// The metadata service of an EC2 instance.
    InstanceMetadata,
}

impl CredentialSource {
    /// All of them, as the chain asks them.
    pub(crate) const IN_ORDER: [Self; 5] = [
        Self::Environment,
        Self::Profile,
        Self::WebIdentity,
        Self::Container,
        Self::InstanceMetadata,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Environment => "the environment variables",
            Self::Profile => "the profile file",
            Self::WebIdentity => "the web identity token",
            Self::Container => "the container credentials",
            Self::InstanceMetadata => "the instance metadata",
        }
    }
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
        let sentence = self.kind_sentence();
        match (&self.kind, &self.code) {
            (
                SignInErrorKind::KeyRefused { .. }
                | SignInErrorKind::RoleDenied { .. }
                | SignInErrorKind::RoleMalformed { .. }
                | SignInErrorKind::RegionDisabled { .. }
                | SignInErrorKind::Busy
                | SignInErrorKind::ClockSkew,
                Some(code),
            ) => format!("{sentence} (STS answered {code})"),
            // They have the code inside, or there is no answer with one.
            _ => sentence,
        }
    }

    /// What a source of credentials has refused, and what to do.
    fn source_refused(&self, source: CredentialSource) -> String {
        let answer = self.in_brackets();
        match source {
            CredentialSource::WebIdentity => {
                let advice = match self.code.as_deref() {
                    Some("ExpiredToken" | "ExpiredTokenException") => {
                        "the token has expired; check that the platform renews the file of \
                         AWS_WEB_IDENTITY_TOKEN_FILE"
                    }
                    Some("AccessDenied" | "AccessDeniedException") => {
                        "the trust policy of the role in AWS_ROLE_ARN must allow \
                         sts:AssumeRoleWithWebIdentity to this service account"
                    }
                    Some("InvalidIdentityToken" | "InvalidIdentityTokenException") => {
                        "check that IAM in the role's account has an OIDC provider for the issuer \
                         of the token, and that the token is for the audience that it expects"
                    }
                    _ => {
                        "check AWS_ROLE_ARN, the role's trust policy and the file of \
                         AWS_WEB_IDENTITY_TOKEN_FILE"
                    }
                };
                format!(
                    "AWS STS refused the web identity token in the connector's \
                     environment{answer}: {advice}"
                )
            }
            CredentialSource::Profile => format!(
                "AWS STS refused the role of the profile file in the connector's \
                 environment{answer}: check its role_arn, external_id and source_profile, and the \
                 role's trust policy"
            ),
            CredentialSource::Container => format!(
                "the endpoint for container credentials refused the connector{answer}: check the \
                 task role or the pod identity association, and AWS_CONTAINER_AUTHORIZATION_TOKEN \
                 or its file"
            ),
            CredentialSource::Environment | CredentialSource::InstanceMetadata => {
                format!("{} did not give the connector credentials{answer}", source.name())
            }
        }
    }

    /// ` (InvalidIdentityToken)`, or nothing.
    fn in_brackets(&self) -> String {
        self.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default()
    }

    fn kind_sentence(&self) -> String {
        match &self.kind {
            SignInErrorKind::NobodyThere { role } => {
                let purpose = match role {
                    Some(role) => format!("assume the role {role} with"),
                    None => "sign in with".to_owned(),
                };
                format!(
                    "there are no AWS credentials in the connector's environment to {purpose} \
                     (looked at, in this order: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the \
                     profile file, a web identity token, container credentials, instance \
                     metadata): give the platform's worker an identity, or set \
                     authentication.auth_type to \"access_key\""
                )
            }
            SignInErrorKind::HalfSetUp { given, missing } => format!(
                "{given} is set in the connector's environment, but {missing} is not: set both, or \
                 remove {given}"
            ),
            SignInErrorKind::NotSetUpRight { source } => not_set_up_right(*source),
            SignInErrorKind::SourceRefused { source } => self.source_refused(*source),
            SignInErrorKind::SourceUnavailable { source } => format!(
                "the source of the connector's AWS credentials did not answer, or failed{}: {}; \
                 try again, and check the network of the platform's worker",
                self.in_brackets(),
                source.name()
            ),
            SignInErrorKind::MetadataSilent { tries } => format!(
                "the instance metadata service accepts connections, but did not answer (asked \
                 {tries} times): in a container, the instance's hop limit is usually too low; set \
                 it to 2 or more (aws ec2 modify-instance-metadata-options \
                 --http-put-response-hop-limit 2), or give the connector a web identity or \
                 container credentials"
            ),
            SignInErrorKind::MetadataRefused { status: status @ 401 } => format!(
                "the instance metadata service does not accept its own token (HTTP {status}): \
                 check for a proxy or an agent between the connector and the instance metadata \
                 service, or give the connector a web identity or container credentials"
            ),
            SignInErrorKind::MetadataRefused { status } => format!(
                "the instance metadata service refuses the connector (HTTP {status}): switch it on \
                 in the metadata options of the EC2 instance, and check the rules of the cluster \
                 that keep pods from it; or give the connector a web identity or container \
                 credentials"
            ),
            SignInErrorKind::NoInstanceRole => {
                "the EC2 instance that the connector runs on has no IAM role: attach an instance \
                 profile with a role to it, or give the connector credentials in another way"
                    .to_owned()
            }
            SignInErrorKind::KeyRefused { of_settings: true, reason, region } => match reason {
                KeyProblem::Unknown => format!(
                    "AWS does not know the access key (asked in region \"{region}\"): check \
                     access_key_id and session_token, that the key is active and, for a bucket in \
                     another partition of AWS (China, GovCloud, European Sovereign Cloud), \
                     s3_bucket_region"
                ),
                KeyProblem::Secret => {
                    "the secret does not belong to the access key: check access_key_id and \
                     secret_access_key"
                        .to_owned()
                }
                KeyProblem::Expired => {
                    "the temporary credentials have expired: enter new ones, or \
                                        use an access key without a session token"
                        .to_owned()
                }
            },
            SignInErrorKind::KeyRefused { of_settings: false, reason, region } => {
                let what = match reason {
                    KeyProblem::Unknown => format!(
                        "are not known to AWS in region \"{region}\", or not active, or their \
                         account has not switched that region on (AWS_REGION chooses another)"
                    ),
                    KeyProblem::Secret => "have a secret that does not belong to the \
                                           key"
                    .to_owned(),
                    KeyProblem::Expired => "have expired".to_owned(),
                };
                format!(
                    "the AWS credentials in the connector's environment {what}: renew them where \
                     the platform's worker gets them from"
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
                    (
                        "without an external id",
                        "; if it demands an external id, enter it as \
                                                external_id",
                    )
                };
                let space = if *with_external_id { " " } else { "" };
                format!(
                    "{whom} may not assume the role {role} {how}: the role's trust policy must \
                     name {principal} as its principal{space}{demand}. Unless the trust policy \
                     names that very identity and both are in one account, the identity also needs \
                     a policy that allows sts:AssumeRole on the role (`destination-s3 policy` \
                     prints both)"
                )
            }
            SignInErrorKind::RoleMalformed { role } => {
                format!(
                    "AWS cannot use the role {role} in this way: check role_arn and \
                         external_id"
                )
            }
            SignInErrorKind::RegionDisabled { region } => format!(
                "AWS STS is not active in region \"{region}\": activate it in the account settings \
                 of IAM, in the account that the connector runs in"
            ),
            SignInErrorKind::Unreachable { place } => format!(
                "AWS STS {place} cannot be reached: check that there is such a region (AWS_REGION, \
                 s3_bucket_region), the network of the platform's worker, its proxy settings and \
                 ca_bundle"
            ),
            SignInErrorKind::NotSts { place } => format!(
                "what answers {place} is not AWS STS: check AWS_ENDPOINT_URL_STS and the proxy \
                 settings of the platform's worker"
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

fn not_set_up_right(source: CredentialSource) -> String {
    let advice = match source {
        CredentialSource::Environment => {
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
        }
        CredentialSource::Profile => {
            "check the profile file and AWS_PROFILE (SSO and credential_process are not supported)"
        }
        CredentialSource::WebIdentity => {
            "the file of AWS_WEB_IDENTITY_TOKEN_FILE cannot be read; check that the web identity \
             token is mounted where the connector runs"
        }
        CredentialSource::Container => {
            "check AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and \
             the token for them"
        }
        CredentialSource::InstanceMetadata => {
            "EC2 cannot assume the instance's role; check that the role's trust policy allows \
             ec2.amazonaws.com"
        }
    };
    format!(
        "{} in the connector's environment cannot give AWS credentials: {advice}",
        source.name()
    )
}

impl Classified for SignInError {
    fn failure_type(&self) -> FailureType {
        match &self.kind {
            SignInErrorKind::NobodyThere { .. }
            | SignInErrorKind::HalfSetUp { .. }
            | SignInErrorKind::NotSetUpRight { .. }
            | SignInErrorKind::SourceRefused { .. }
            | SignInErrorKind::MetadataRefused { .. }
            | SignInErrorKind::NoInstanceRole
            | SignInErrorKind::KeyRefused { .. }
            | SignInErrorKind::RoleDenied { .. }
            | SignInErrorKind::RoleMalformed { .. }
            | SignInErrorKind::RegionDisabled { .. }
            | SignInErrorKind::NotSts { .. }
            | SignInErrorKind::Unknown { .. } => FailureType::Config,
            SignInErrorKind::SourceUnavailable { .. }
            | SignInErrorKind::MetadataSilent { .. }
            | SignInErrorKind::Unreachable { .. }
            | SignInErrorKind::Busy
            | SignInErrorKind::ClockSkew => FailureType::Transient,
        }
    }
}
