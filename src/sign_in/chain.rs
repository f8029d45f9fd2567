//! The identity that the connector's surroundings give it: the AWS default chain.
//!
//! Environment, profile file, web identity, container, instance metadata, in this order -> credentials, or a
//! [`SignInError`] that says where was looked.
//!
//! This is the one place besides `env` that looks at the environment: the SDK does, by its own documented rules, which is
//! what `default_chain` means.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::config::{Region, SharedHttpClient};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::Surroundings;
use super::error::{Cause, SignInError, SignInErrorKind};
use crate::error::found_in;

/// How long all places together may take: some of them have no limit of their own. Less than a request to STS may take,
/// which includes this, so that the right one gets the blame.
const PATIENCE: Duration = Duration::from_secs(12);

/// The default chain, with errors in our words.
pub(super) struct Chain {
    chain: DefaultCredentialsChain,
    surroundings: Surroundings,
    has_answered: AtomicBool,
}

impl Chain {
    /// `region` is where a web identity is exchanged for credentials. Nothing goes out yet.
    pub(super) async fn new(http: SharedHttpClient, region: String, surroundings: &Surroundings) -> Self {
        let config = ProviderConfig::without_region().with_http_client(http);
        let region = Region::new(region);
        let chain = DefaultCredentialsChain::builder().configure(config).region(region).build().await;
        Self { chain, surroundings: surroundings.clone(), has_answered: AtomicBool::new(false) }
    }

    /// The credentials of the first place that has any.
    pub(super) async fn credentials(&self) -> Result<Credentials, SignInError> {
        let error = match tokio::time::timeout(PATIENCE, self.chain.provide_credentials()).await {
            Ok(Ok(credentials)) => {
                self.has_answered.store(true, Ordering::Relaxed);
                return Ok(credentials);
            }
            Ok(Err(error)) => error,
            Err(_) => CredentialsError::provider_timed_out(PATIENCE),
        };
        let kind = match &error {
            CredentialsError::CredentialsNotLoaded(_) => SignInErrorKind::NobodyThere { role: None },
            CredentialsError::InvalidConfiguration(_) => SignInErrorKind::Surroundings,
            _ if self.surroundings.lacks_token_file || is_refused_token(&error) => {
                SignInErrorKind::Surroundings
            }
            // The last place in the chain is the instance metadata service, which most machines do not have.
            _ if !self.surroundings.names_a_source && !self.has_answered.load(Ordering::Relaxed) => {
                SignInErrorKind::NobodyThere { role: None }
            }
            _ => SignInErrorKind::SourceUnavailable,
        };
        Err(SignInError { kind, cause: Some(cause_of(&error)) })
    }
}

/// What kept the chain from giving anything: the kind of error, and what the machine says. What a server says is left out, for it
/// may repeat tokens.
fn cause_of(error: &CredentialsError) -> Cause {
    let mut parts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(below) = next {
        parts.extend(below.downcast_ref::<io::Error>().map(ToString::to_string));
        next = below.source();
    }
    Cause(parts.join(": ").into())
}

/// Whether STS has refused a web identity: its role does not trust the token, or the token is past its end.
fn is_refused_token(error: &CredentialsError) -> bool {
    found_in::<SdkError<AssumeRoleWithWebIdentityError>>(error).is_some_and(|error| {
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        error.code() != Some("Throttling") && status.is_some_and(|status| (400..429).contains(&status))
    })
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

// The SDK's own Debug of a chain shows what it has read.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain")
    }
}
