//! What is asked of AWS STS: who the caller is, and to become a role.
//!
//! Credentials that sign -> [`Identity`], credentials of a role, or a [`SignInError`].
//!
//! Invariants
//! - Neither the external id nor a key is in an error.
//!
//! Not here: when a role is assumed again (`store::credentials`).

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
pub const SESSION_NAME: &str = "destination-s3";

/// Somebody may wait for the answer, and a sync in need of new credentials begins to ask minutes
/// before.
const ATTEMPTS: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where STS is.
#[derive(Clone, Debug)]
pub(crate) struct StsEndpoint {
    pub(crate) region: String,
    /// `None`: the region's own.
    pub(crate) endpoint: Option<String>,
    /// Which of the region's own endpoints is asked.
    pub(crate) variant: EndpointVariant,
}

/// STS, for one signer.
pub(crate) struct Sts {
    client: Client,
    place: StsEndpoint,
    /// Whether the signer's key stands in the settings.
    of_settings: bool,
}

impl fmt::Debug for Sts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sts").field("place", &self.place).finish_non_exhaustive()
    }
}

/// A role that has been assumed.
pub(crate) struct Assumed {
    pub(crate) credentials: Credentials,
    pub(crate) identity: Identity,
}

impl Sts {
    pub(crate) fn new(
        place: StsEndpoint,
        http: SharedHttpClient,
        signer: SharedCredentialsProvider,
        of_settings: bool,
    ) -> Self {
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(place.region.clone()))
            .http_client(http)
            .credentials_provider(signer)
            // A cache would give up a slow source after five seconds, and STS is asked once in an
            // hour.
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            );
        config = config.use_fips(place.variant.fips).use_dual_stack(place.variant.dual_stack);
        config.set_endpoint_url(place.endpoint.clone());
        Self { client: Client::from_conf(config.build()), place, of_settings }
    }

    /// Whose key signs. Needs no permission.
    pub(crate) async fn caller(&self) -> Result<Identity, SignInError> {
        let answer = self
            .client
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| self.failed(&error, SignInErrorKind::Unknown { code: None }))?;
        match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Ok(Identity { account, arn }),
            // Something answers "200 OK" there, and it is not STS.
            _ => Err(SignInError {
                kind: SignInErrorKind::NotSts { place: self.place() },
                code: None,
                cause: None,
            }),
        }
    }

    /// Becomes the role.
    pub(crate) async fn assume(
        &self,
        role: &str,
        external_id: Option<&str>,
    ) -> Result<Assumed, SignInError> {
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
                if let SignInErrorKind::NobodyThere { role: purpose } = &mut failed.kind {
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
                kind: SignInErrorKind::NotSts { place: self.place() },
                code: None,
                cause: None,
            });
        };
        let account = user.arn.split(':').nth(4).unwrap_or_default().to_owned();
        Ok(Assumed {
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

    /// `denied` is what a refusal means for this request.
    fn failed<E>(&self, error: &SdkError<E>, denied: SignInErrorKind) -> SignInError
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        // The signer's own credentials could not be had: that error has its own words.
        if let Some(inner) = found_in::<SignInError>(error) {
            return inner.clone();
        }
        let refused = |reason| SignInErrorKind::KeyRefused {
            of_settings: self.of_settings,
            reason,
            region: self.place.region.clone(),
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
                    SignInErrorKind::RegionDisabled { region: self.place.region.clone() }
                }
                "RequestTimeTooSkewed" | "RequestExpired" => SignInErrorKind::ClockSkew,
                "Throttling" | "ThrottlingException" | "InternalFailure" | "ServiceUnavailable"
                // 400: STS could not reach the issuer of a web identity.
                | "IDPCommunicationError" => SignInErrorKind::Busy,
                code => match status_of(error) {
                    Some(429 | 500..=599) => SignInErrorKind::Busy,
                    // A page of a proxy's, or of a captive network: STS and its kin answer in XML.
                    _ if is_page(error) => SignInErrorKind::NotSts { place: self.place() },
                    Some(403) => denied,
                    // Called a success, and yet not to be read; or a refusal without a word of
                    // STS's.
                    Some(200..=399) => SignInErrorKind::NotSts { place: self.place() },
                    _ => SignInErrorKind::Unknown { code: harmless(code).map(str::to_owned) },
                },
            },
            SdkError::ResponseError(_) => SignInErrorKind::NotSts { place: self.place() },
            _ => SignInErrorKind::Unreachable { place: self.place() },
        };
        SignInError {
            kind,
            code: code.and_then(harmless).map(Into::into),
            cause: cause_of(error, code),
        }
    }

    fn place(&self) -> String {
        match &self.place.endpoint {
            Some(endpoint) => format!("at {endpoint}"),
            None => format!("in region \"{}\"{}", self.place.region, self.place.variant.remark()),
        }
    }
}

fn status_of<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

fn is_page<E>(error: &SdkError<E>) -> bool {
    error.raw_response().and_then(|raw| raw.body().bytes()).is_some_and(is_web_page)
}

/// What kept a request from having an answer. What STS says itself is left out but for its code: it
/// repeats external ids, keys and tokens.
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
