//! What a failed sign-in is called in messages: what happened, and what to change where.

use super::{CredentialSource, KeyProblem, SignInError, SignInErrorKind};
use crate::aws::sign_in::Identity;

impl SignInError {
    pub(super) fn sentence(&self) -> String {
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
            // The sentence contains the code already, or there is no answer with one.
            _ => sentence,
        }
    }

    fn kind_sentence(&self) -> String {
        match &self.kind {
            SignInErrorKind::NoCredentials { role } => {
                let purpose = match role {
                    Some(role) => format!("assume the role {role} with"),
                    None => "sign in with".to_owned(),
                };
                format!(
                    "there are no AWS credentials in the connector's environment to {purpose} \
                     (searched in this order: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the \
                     profile file, a web identity token, container credentials, instance \
                     metadata): give the platform's worker an identity, or set \
                     authentication.auth_type to \"access_key\""
                )
            }
            SignInErrorKind::PairIncomplete { given, missing } => format!(
                "{given} is set in the connector's environment, but {missing} is not: set both, or \
                 remove {given}"
            ),
            SignInErrorKind::SourceMisconfigured { source } => source_misconfigured(*source),
            SignInErrorKind::SourceRefused { source } => self.source_refused(*source),
            SignInErrorKind::SourceUnavailable { source } => format!(
                "the source of the connector's AWS credentials, {}, did not answer or failed{}: \
                 try again, and check the network of the platform's worker",
                source.name(),
                self.in_brackets()
            ),
            SignInErrorKind::MetadataTimeout { attempts } => format!(
                "the instance metadata service accepts connections, but did not answer (asked \
                 {attempts} times): in a container, the instance's hop limit is usually too low; \
                 set it to 2 or more (aws ec2 modify-instance-metadata-options \
                 --http-put-response-hop-limit 2), or give the connector a web identity or \
                 container credentials"
            ),
            SignInErrorKind::MetadataRefused { status: status @ 401 } => format!(
                "the instance metadata service does not accept its own token (HTTP {status}): \
                 check for a proxy or an agent between the connector and the instance metadata \
                 service, or give the connector a web identity or container credentials"
            ),
            SignInErrorKind::MetadataRefused { status } => format!(
                "the instance metadata service refuses the connector (HTTP {status}): enable it in \
                 the metadata options of the EC2 instance, and check whether the cluster keeps \
                 pods from it; or give the connector a web identity or container credentials"
            ),
            SignInErrorKind::NoInstanceRole => {
                "the EC2 instance that the connector runs on has no IAM role: attach an instance \
                 profile with a role to it, or give the connector credentials in another way"
                    .to_owned()
            }
            SignInErrorKind::KeyRefused { from_settings: true, reason, region } => {
                key_of_settings_refused(*reason, region)
            }
            SignInErrorKind::KeyRefused { from_settings: false, reason, region } => {
                let what = match reason {
                    KeyProblem::Unknown => format!(
                        "are not known to AWS in region \"{region}\", or not active, or their \
                         account has not enabled that region (set AWS_REGION to use another one)"
                    ),
                    KeyProblem::Secret => {
                        "have a secret that does not belong to the key".to_owned()
                    }
                    KeyProblem::Expired => "have expired".to_owned(),
                };
                format!(
                    "the AWS credentials in the connector's environment {what}: renew them where \
                     the platform's worker gets them from"
                )
            }
            SignInErrorKind::RoleDenied { role, caller, with_external_id } => {
                role_denied(role, caller.as_ref(), *with_external_id)
            }
            SignInErrorKind::RoleMalformed { role } => format!(
                "AWS STS rejected the request to assume the role {role} as malformed: check \
                 role_arn and external_id"
            ),
            SignInErrorKind::RegionDisabled { region } => format!(
                "AWS STS is not active in region \"{region}\": activate it in the account settings \
                 of IAM, in the account that the connector runs in"
            ),
            SignInErrorKind::Unreachable { location } => format!(
                "AWS STS {location} cannot be reached: check that the region exists (AWS_REGION, \
                 s3_bucket_region), the network of the platform's worker, its proxy settings and \
                 ca_bundle"
            ),
            SignInErrorKind::NotSts { location } => format!(
                "what answers {location} is not AWS STS: check AWS_ENDPOINT_URL_STS and the proxy \
                 settings of the platform's worker"
            ),
            SignInErrorKind::Busy => {
                "AWS STS failed, also after several attempts: try again later".to_owned()
            }
            SignInErrorKind::ClockSkew => {
                "this machine's clock is too far from the clock of AWS: set the clock".to_owned()
            }
            SignInErrorKind::Unknown { code } => format!(
                "AWS STS rejected the connector's request to sign in ({}): check the \
                 authentication settings",
                code.as_deref().unwrap_or("no reason given")
            ),
        }
    }

    /// A source of credentials refuses to provide any.
    fn source_refused(&self, source: CredentialSource) -> String {
        let answer = self.in_brackets();
        match source {
            CredentialSource::WebIdentity => {
                let advice = match self.code.as_deref() {
                    Some("ExpiredToken" | "ExpiredTokenException") => {
                        "the token has expired; check that the platform renews the file that \
                         AWS_WEB_IDENTITY_TOKEN_FILE names"
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
                        "check AWS_ROLE_ARN, the role's trust policy and the file that \
                         AWS_WEB_IDENTITY_TOKEN_FILE names"
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
                format!("{} did not provide credentials{answer}", source.name())
            }
        }
    }

    /// Returns ` (InvalidIdentityToken)`, or nothing where there is no code.
    fn in_brackets(&self) -> String {
        self.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default()
    }
}

fn source_misconfigured(source: CredentialSource) -> String {
    let advice = match source {
        CredentialSource::Environment => {
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
        }
        CredentialSource::Profile => {
            "check the profile file and AWS_PROFILE (SSO and credential_process are not supported)"
        }
        CredentialSource::WebIdentity => {
            "the file that AWS_WEB_IDENTITY_TOKEN_FILE names cannot be read; check that the web \
             identity token is mounted where the connector runs"
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
        "{} in the connector's environment cannot provide AWS credentials: {advice}",
        source.name()
    )
}

fn key_of_settings_refused(reason: KeyProblem, region: &str) -> String {
    match reason {
        KeyProblem::Unknown => format!(
            "AWS does not know the access key (asked in region \"{region}\"): check access_key_id \
             and session_token, and that the key is active; for a bucket in another AWS partition \
             (China, GovCloud, European Sovereign Cloud), check s3_bucket_region"
        ),
        KeyProblem::Secret => "the secret does not belong to the access key: check access_key_id \
                               and secret_access_key"
            .to_owned(),
        KeyProblem::Expired => "the temporary credentials have expired: enter new ones, or use an \
                                access key without a session token"
            .to_owned(),
    }
}

fn role_denied(role: &str, caller: Option<&Identity>, with_external_id: bool) -> String {
    let (whom, principal) = match caller {
        Some(caller) => (caller.to_string(), caller.principal()),
        None => ("the connector's own identity".to_owned(), "that identity".to_owned()),
    };
    let (how, condition) = if with_external_id {
        ("with the configured external id", " and require exactly this external id")
    } else {
        ("without an external id", "; if it requires an external id, set external_id")
    };
    format!(
        "{whom} may not assume the role {role} {how}: the role's trust policy must name \
         {principal} as its principal{condition}. Unless the trust policy names exactly this \
         identity and both are in the same account, the identity also needs a policy that allows \
         sts:AssumeRole on the role (`destination-s3 policy` prints both)"
    )
}
