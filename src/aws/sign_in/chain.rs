//! The AWS default chain: the identity that the connector's environment provides.
//!
//! Sources, in this order: environment variables, profile file, web identity, container, instance
//! metadata -> credentials, or a [`SignInError`] that names the source and what is wrong with it.
//!
//! Invariants
//! - If a source is set up but does not work, that is an error. The next source is not asked
//!   instead: it would be another identity than the one that was meant.
//! - A source that is set up only in part is an error, too.
//!
//! The SDK's providers read the environment themselves, by AWS's documented rules, which is what
//! `default_chain` means. No other code besides `env` does.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::config::{Region, SharedHttpClient};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::error::{CredentialSource, SignInError, SignInErrorKind};
use super::metadata::{InstanceMetadata, MetadataProblem, MetadataTimeouts};
use super::{EnvironmentVariables, SESSION_NAME, SignInEnvironment};
use crate::error::{ErrorText, found_in, harmless};

/// How long all sources together may take: some of them have no limit of their own. This is less
/// than the limit of a request to STS, which includes it, so that an error names the source and not
/// STS.
const CHAIN_TIMEOUT: Duration = Duration::from_secs(12);

/// The default chain, with errors that say what to change.
pub(crate) struct Chain {
    profile: ProfileFileCredentialsProvider,
    web_identity: Option<WebIdentityTokenCredentialsProvider>,
    container: EcsCredentialsProvider,
    metadata: Option<Arc<InstanceMetadata>>,
    variables: EnvironmentVariables,
    has_answered: AtomicBool,
}

/// Why a source yields no credentials.
enum SourceError {
    /// It is not set up: ask the next one.
    NotSetUp(Option<ErrorText>),
    /// It is set up and fails.
    Failed(SignInError),
}

impl Chain {
    /// Prepares the sources. Sends no request. `region` is where a web identity is exchanged for
    /// credentials.
    pub(crate) fn new(
        http: SharedHttpClient,
        region: String,
        environment: &SignInEnvironment,
    ) -> Self {
        // The SDK rejects FIPS and dual stack together with an explicit endpoint.
        let variant = environment.sts_variant();
        let config = ProviderConfig::without_region()
            .with_http_client(http.clone())
            .with_region(Some(Region::new(region)))
            // `None` rather than `Some(false)`: a profile may ask for them itself.
            .with_use_fips(variant.fips.then_some(true))
            .with_use_dual_stack(variant.dual_stack.then_some(true));
        let variables = environment.variables.clone();
        let metadata = (!variables.metadata_is_disabled)
            .then(|| Arc::new(InstanceMetadata::new(&config, http, MetadataTimeouts::DEFAULT)));
        let mut profile = ProfileFileCredentialsProvider::builder().configure(&config);
        if let Some(metadata) = &metadata {
            // Same time limits and same errors as without a profile.
            profile = profile
                .with_custom_provider("Ec2InstanceMetadata", ProfileMetadata(Arc::clone(metadata)));
        }
        let web_identity = variables.token_file.as_ref().zip(variables.role_arn.as_ref());
        Self {
            profile: profile.build(),
            web_identity: web_identity.map(|(token_file, role_arn)| {
                WebIdentityTokenCredentialsProvider::builder()
                    .configure(&config)
                    .static_configuration(StaticConfiguration {
                        web_identity_token_file: token_file.into(),
                        role_arn: role_arn.clone(),
                        session_name: variables
                            .session_name
                            .clone()
                            .unwrap_or_else(|| SESSION_NAME.to_owned()),
                    })
                    .build()
            }),
            container: EcsCredentialsProvider::builder().configure(&config).build(),
            metadata,
            variables,
            has_answered: AtomicBool::new(false),
        }
    }

    /// Returns the credentials of the first source that has any.
    pub(crate) async fn credentials(&self) -> Result<Credentials, SignInError> {
        let deadline = tokio::time::Instant::now() + CHAIN_TIMEOUT;
        let mut last_cause = None;
        for source in CredentialSource::IN_ORDER {
            match tokio::time::timeout_at(deadline, self.ask(source)).await {
                Ok(Ok(credentials)) => {
                    self.has_answered.store(true, Ordering::Relaxed);
                    return Ok(credentials);
                }
                Ok(Err(SourceError::NotSetUp(cause))) => last_cause = cause,
                Ok(Err(SourceError::Failed(error))) => return Err(error),
                Err(_) => {
                    let kind = SignInErrorKind::SourceUnavailable { source };
                    let cause = ErrorText::new(format!("no answer within {CHAIN_TIMEOUT:?}"));
                    return Err(SignInError { kind, code: None, cause: Some(cause) });
                }
            }
        }
        Err(SignInError {
            kind: SignInErrorKind::NoCredentials { role: None },
            code: None,
            cause: last_cause,
        })
    }

    async fn ask(&self, source: CredentialSource) -> Result<Credentials, SourceError> {
        let variables = &self.variables;
        match source {
            CredentialSource::Environment => {
                check_pair(
                    variables.has_key_id,
                    variables.has_secret,
                    "AWS_ACCESS_KEY_ID",
                    "AWS_SECRET_ACCESS_KEY",
                )?;
                let answer =
                    EnvironmentVariableCredentialsProvider::new().provide_credentials().await;
                answer.map_err(|error| self.source_error(source, &error))
            }
            CredentialSource::Profile => self
                .profile
                .provide_credentials()
                .await
                .map_err(|error| self.source_error(source, &error)),
            CredentialSource::WebIdentity => {
                let (has_file, has_role) =
                    (variables.token_file.is_some(), variables.role_arn.is_some());
                check_pair(has_file, has_role, "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")?;
                let Some(provider) = &self.web_identity else {
                    return Err(SourceError::NotSetUp(None));
                };
                provider
                    .provide_credentials()
                    .await
                    .map_err(|error| self.source_error(source, &error))
            }
            CredentialSource::Container => self
                .container
                .provide_credentials()
                .await
                .map_err(|error| self.source_error(source, &error)),
            CredentialSource::InstanceMetadata => {
                let Some(metadata) = &self.metadata else {
                    return Err(SourceError::NotSetUp(None));
                };
                metadata.credentials().await.map_err(|error| match metadata_kind(error.problem) {
                    Some(kind) => SourceError::Failed(SignInError {
                        kind,
                        code: None,
                        cause: Some(cause_of(&error.source)),
                    }),
                    // The service was there before, so this is a failure.
                    None if self.has_answered.load(Ordering::Relaxed) => {
                        let kind = SignInErrorKind::SourceUnavailable { source };
                        SourceError::Failed(SignInError {
                            kind,
                            code: None,
                            cause: Some(cause_of(&error.source)),
                        })
                    }
                    None => SourceError::NotSetUp(Some(cause_of(&error.source))),
                })
            }
        }
    }

    /// Interprets an error of one of the SDK's providers.
    fn source_error(&self, source: CredentialSource, error: &CredentialsError) -> SourceError {
        // The instance metadata that a profile asks for.
        if let Some(error) = found_in::<SignInError>(error) {
            return SourceError::Failed(error.clone());
        }
        let cause = Some(cause_of(error));
        let (kind, code) = match error {
            // The profile files lack the profile of AWS_PROFILE, or a source_profile. The SDK would
            // go on to the next source, which is another identity than the one that was meant. Only
            // the text of its error tells this case from the others.
            CredentialsError::CredentialsNotLoaded(_)
                if source == CredentialSource::Profile
                    && error
                        .source()
                        .is_some_and(|text| text.to_string().contains("was not defined")) =>
            {
                (SignInErrorKind::SourceMisconfigured { source }, None)
            }
            CredentialsError::CredentialsNotLoaded(_) => return SourceError::NotSetUp(cause),
            CredentialsError::InvalidConfiguration(_) => {
                (SignInErrorKind::SourceMisconfigured { source }, None)
            }
            _ => match Answer::of(error) {
                Some(answer) if answer.is_final() => {
                    (SignInErrorKind::SourceRefused { source }, answer.code)
                }
                Some(answer) => (SignInErrorKind::SourceUnavailable { source }, answer.code),
                // No request was sent: the token file cannot be read. Later in a sync the platform
                // may just be replacing it.
                None if source == CredentialSource::WebIdentity
                    && !self.has_answered.load(Ordering::Relaxed) =>
                {
                    (SignInErrorKind::SourceMisconfigured { source }, None)
                }
                None => (SignInErrorKind::SourceUnavailable { source }, None),
            },
        };
        SourceError::Failed(SignInError { kind, code, cause })
    }
}

/// The instance metadata, for a profile with `credential_source = Ec2InstanceMetadata`.
#[derive(Debug)]
struct ProfileMetadata(Arc<InstanceMetadata>);

impl ProvideCredentials for ProfileMetadata {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.0.credentials().await.map_err(|error| {
                let absent =
                    SignInErrorKind::SourceMisconfigured { source: CredentialSource::Profile };
                let kind = metadata_kind(error.problem).unwrap_or(absent);
                let cause = Some(cause_of(&error.source));
                CredentialsError::provider_error(SignInError { kind, code: None, cause })
            })
        })
    }
}

/// Returns the error for a problem with the instance metadata. `None`: there is no such service.
fn metadata_kind(problem: MetadataProblem) -> Option<SignInErrorKind> {
    let source = CredentialSource::InstanceMetadata;
    match problem {
        MetadataProblem::Absent => None,
        MetadataProblem::NoAnswer => {
            Some(SignInErrorKind::MetadataTimeout { attempts: MetadataTimeouts::DEFAULT.attempts })
        }
        MetadataProblem::Refused(status) => Some(SignInErrorKind::MetadataRefused { status }),
        MetadataProblem::NoRole => Some(SignInErrorKind::NoInstanceRole),
        MetadataProblem::UnusableRole => Some(SignInErrorKind::SourceMisconfigured { source }),
        MetadataProblem::Failed => Some(SignInErrorKind::SourceUnavailable { source }),
    }
}

/// Checks that both variables of a source are set, or neither.
fn check_pair(
    has_first: bool,
    has_second: bool,
    first: &'static str,
    second: &'static str,
) -> Result<(), SourceError> {
    let (given, missing) = match (has_first, has_second) {
        (true, false) => (first, second),
        (false, true) => (second, first),
        (true, true) | (false, false) => return Ok(()),
    };
    let kind = SignInErrorKind::PairIncomplete { given, missing };
    Err(SourceError::Failed(SignInError { kind, code: None, cause: None }))
}

/// A server's answer to a request for credentials. Without status and code there was none.
struct Answer {
    status: Option<u16>,
    code: Option<Box<str>>,
}

impl Answer {
    /// Finds the answer in an error. `None`: no request was sent, as far as the error tells.
    fn of(error: &CredentialsError) -> Option<Self> {
        if let Some(error) = found_in::<SdkError<AssumeRoleWithWebIdentityError>>(error) {
            return Some(Self::of_sts(error));
        }
        if let Some(error) = found_in::<SdkError<AssumeRoleError>>(error) {
            return Some(Self::of_sts(error));
        }
        // For a container's endpoint, the SDK keeps the status only in the text of its error.
        let text = error.source()?.to_string();
        let (_, status) = text.split_once("StatusCode(")?;
        let status: u16 = status.split(')').next()?.parse().ok()?;
        Some(Self { status: Some(status), code: Some(format!("HTTP {status}").into()) })
    }

    fn of_sts<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Self {
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        Self { status, code: error.code().and_then(harmless).map(Into::into) }
    }

    /// Whether the same request would be refused again. STS also answers 400 if it cannot reach the
    /// issuer of a token, or if requests come too fast; those may pass later.
    fn is_final(&self) -> bool {
        let may_change =
            ["Throttling", "ThrottlingException", "RequestThrottled", "IDPCommunicationError"];
        let passes = self.code.as_deref().is_some_and(|code| may_change.contains(&code));
        !passes && self.status.is_some_and(|status| matches!(status, 400..=407 | 409..=428))
    }
}

/// Returns the kind of error and the messages of I/O errors below it. Messages of servers are left
/// out: they may repeat tokens.
fn cause_of(error: &CredentialsError) -> ErrorText {
    let mut parts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(below) = next {
        parts.extend(below.downcast_ref::<io::Error>().map(ToString::to_string));
        next = below.source();
    }
    ErrorText::new(parts.join(": "))
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.credentials().await.map_err(CredentialsError::provider_error)
        })
    }
}

// The `Debug` of the SDK's providers shows what they have read.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain")
    }
}
