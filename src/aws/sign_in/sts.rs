//! Requests to AWS STS: who the caller is, and to assume a role.
//!
//! Credentials that sign -> [`Identity`], credentials of a role, or a [`SignInError`].
//!
//! Invariants
//! - Neither the external id nor a key is in an error.
//!
//! Not here: when a role is assumed again (`store::client`).

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{
    BehaviorVersion, IdentityCache, Region, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use super::error::{KeyProblem, SignInError, SignInErrorKind};
use super::identity::Identity;
use crate::aws::EndpointVariant;
use crate::error::{ErrorText, found_in, harmless, is_web_page};

/// The name of the session in the role's account: what CloudTrail shows.
pub(crate) const SESSION_NAME: &str = "destination-s3";

/// Few, because a user may be waiting for `check`. A sync has time for more: it renews its
/// credentials minutes before they expire.
const ATTEMPTS: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// The endpoint of STS.
#[derive(Clone, Debug)]
pub(crate) struct StsEndpoint {
    pub(crate) region: String,
    /// An explicit endpoint. `None`: the region's own.
    pub(crate) endpoint: Option<String>,
    /// The kind of the region's own endpoint.
    pub(crate) variant: EndpointVariant,
}

/// A client of STS for one signer.
pub(crate) struct Sts {
    client: Client,
    endpoint: StsEndpoint,
    /// Whether the signer's key is from the settings.
    from_settings: bool,
}

impl fmt::Debug for Sts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sts").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// A role that has been assumed.
pub(crate) struct RoleCredentials {
    pub(crate) credentials: Credentials,
    pub(crate) identity: Identity,
}

impl Sts {
    pub(crate) fn new(
        endpoint: StsEndpoint,
        http: SharedHttpClient,
        signer: SharedCredentialsProvider,
        from_settings: bool,
    ) -> Self {
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(endpoint.region.clone()))
            .http_client(http)
            .credentials_provider(signer)
            // A cache would give up a slow source after five seconds, and would save nothing,
            // because STS is asked only once an hour.
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            );
        config = config.use_fips(endpoint.variant.fips).use_dual_stack(endpoint.variant.dual_stack);
        config.set_endpoint_url(endpoint.endpoint.clone());
        Self { client: Client::from_conf(config.build()), endpoint, from_settings }
    }

    /// Asks whose key signs. Needs no permission.
    pub(crate) async fn caller(&self) -> Result<Identity, SignInError> {
        let answer = self
            .client
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| self.failed(&error, SignInErrorKind::Unknown { code: None }))?;
        match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Ok(Identity { account, arn }),
            // Something that is not STS answered "200 OK".
            _ => Err(SignInError {
                kind: SignInErrorKind::NotSts { location: self.location() },
                code: None,
                cause: None,
            }),
        }
    }

    /// Assumes the role.
    pub(crate) async fn assume(
        &self,
        role: &str,
        external_id: Option<&str>,
    ) -> Result<RoleCredentials, SignInError> {
        let answer = self
            .client
            .assume_role()
            .role_arn(role)
            .role_session_name(SESSION_NAME)
            .set_external_id(external_id.map(str::to_owned))
            .send()
            .await
            .map_err(|error| {
                let denied = SignInErrorKind::RoleDenied {
                    role: role.to_owned(),
                    caller: None,
                    with_external_id: external_id.is_some(),
                };
                let mut failed = self.failed(&error, denied);
                if let SignInErrorKind::NoCredentials { role: purpose } = &mut failed.kind {
                    *purpose = Some(role.to_owned());
                } else if matches!(failed.kind, SignInErrorKind::Unknown { .. })
                    && status_of(&error) == Some(400)
                {
                    failed.kind = SignInErrorKind::RoleMalformed { role: role.to_owned() };
                }
                failed
            })?;
        let (Some(keys), Some(user)) = (answer.credentials, answer.assumed_role_user) else {
            return Err(SignInError {
                kind: SignInErrorKind::NotSts { location: self.location() },
                code: None,
                cause: None,
            });
        };
        let account = user.arn.split(':').nth(4).unwrap_or_default().to_owned();
        Ok(RoleCredentials {
            credentials: Credentials::new(
                keys.access_key_id,
                keys.secret_access_key,
                Some(keys.session_token),
                SystemTime::try_from(keys.expiration).ok(),
                "role",
            ),
            identity: Identity { account, arn: user.arn },
        })
    }

    /// Interprets a failed request. `denied` is the kind of error if STS denies the request.
    fn failed<E>(&self, error: &SdkError<E>, denied: SignInErrorKind) -> SignInError
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        // The signer has no credentials: that error already says why.
        if let Some(inner) = found_in::<SignInError>(error) {
            return inner.clone();
        }
        let refused = |reason| SignInErrorKind::KeyRefused {
            from_settings: self.from_settings,
            reason,
            region: self.endpoint.region.clone(),
        };
        let code = error.code();
        let kind = match error {
            SdkError::ServiceError(_) => match code.unwrap_or_default() {
                "AccessDenied" | "AccessDeniedException" => denied,
                "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
                    refused(KeyProblem::Unknown)
                }
                // "Signature expired: 20251122T... is now earlier than ...", and its counterpart
                // for a clock that is fast.
                "SignatureDoesNotMatch"
                    if error.message().is_some_and(|text| text.starts_with("Signature ")) =>
                {
                    SignInErrorKind::ClockSkew
                }
                "SignatureDoesNotMatch" | "IncompleteSignature" => refused(KeyProblem::Secret),
                "ExpiredToken" | "ExpiredTokenException" => refused(KeyProblem::Expired),
                "RegionDisabledException" => {
                    SignInErrorKind::RegionDisabled { region: self.endpoint.region.clone() }
                }
                "RequestTimeTooSkewed" | "RequestExpired" => SignInErrorKind::ClockSkew,
                "Throttling" | "ThrottlingException" | "InternalFailure" | "ServiceUnavailable"
                // 400: STS could not reach the issuer of a web identity.
                | "IDPCommunicationError" => SignInErrorKind::Busy,
                code => match status_of(error) {
                    Some(429 | 500..=599) => SignInErrorKind::Busy,
                    // A page of a proxy or of a captive portal: STS answers in XML.
                    _ if is_page(error) => SignInErrorKind::NotSts { location: self.location() },
                    Some(403) => denied,
                    // A success that cannot be read as an answer of STS.
                    Some(200..=399) => SignInErrorKind::NotSts { location: self.location() },
                    _ => SignInErrorKind::Unknown { code: harmless(code).map(str::to_owned) },
                },
            },
            SdkError::ResponseError(_) => SignInErrorKind::NotSts { location: self.location() },
            _ => SignInErrorKind::Unreachable { location: self.location() },
        };
        SignInError {
            kind,
            code: code.and_then(harmless).map(Into::into),
            cause: cause_of(error, code),
        }
    }

    fn location(&self) -> String {
        match &self.endpoint.endpoint {
            Some(endpoint) => format!("at {endpoint}"),
            None => {
                format!("in region \"{}\"{}", self.endpoint.region, self.endpoint.variant.remark())
            }
        }
    }
}

fn status_of<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

fn is_page<E>(error: &SdkError<E>) -> bool {
    error.raw_response().and_then(|raw| raw.body().bytes()).is_some_and(is_web_page)
}

/// Returns why a request has no answer. If STS has answered, returns only the code, because the
/// message may repeat external ids, keys and tokens.
fn cause_of<E>(error: &SdkError<E>, code: Option<&str>) -> Option<ErrorText>
where
    E: StdError + 'static,
{
    let mut parts: Vec<String> = code.and_then(harmless).map(str::to_owned).into_iter().collect();
    if !matches!(error, SdkError::ServiceError(_)) {
        let mut next = error.source();
        while let Some(below) = next {
            parts.push(below.to_string());
            next = below.source();
        }
    }
    (!parts.is_empty()).then(|| ErrorText::new(parts.join(": ")))
}
