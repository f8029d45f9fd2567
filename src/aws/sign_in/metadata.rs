//! Credentials of the role of an EC2 instance, from the instance metadata service.
//!
//! An HTTP client that goes past every proxy -> credentials, or a [`MetadataError`].
//!
//! The service is asked twice, first for a token (IMDSv2). What its answers mean:
//!
//! | answer | means |
//! |---|---|
//! | no connection; to the token request anything but a token, 401, 403 or 5xx | not an EC2 instance |
//! | a connection and then silence, four times | the token does not reach the container: the hop limit |
//! | 401, 403 | the service is switched off for the connector |
//! | 404 to the question for the role | the instance has no role |
//! | 5xx, also after several tries | failed |
//!
//! The SDK itself asks a silent service once, for a second, and then goes on as if there were none.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use aws_config::imds;
use aws_config::imds::client::error::{ImdsError, TokenError};
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::config::http::HttpRequest;
use aws_sdk_sts::config::{RuntimeComponents, SharedHttpClient};
use aws_sdk_sts::error::SdkError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;

use crate::error::found_in;

/// How long and how often the service is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// For a connection. Machines outside EC2 often drop packets to the service's address.
    pub(crate) connect: Duration,
    /// For an answer, the time for the connection included: longer than `connect`.
    pub(crate) answer: Duration,
    /// How often a service that accepts connections is asked if it says nothing, the first time
    /// included.
    pub(crate) tries: u32,
}

impl Waits {
    /// The service answers within milliseconds; on a busy instance it may need more. Eight seconds
    /// in all leave time to say so before the whole chain is given up (12 s).
    pub(crate) const USUAL: Self =
        Self { connect: Duration::from_secs(1), answer: Duration::from_secs(2), tries: 4 };
}

/// Requests that fail with an answer are sent as often as this.
const ATTEMPTS: u32 = 3;

/// Why there are no credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetadataProblem {
    /// This is not an EC2 instance.
    Absent,
    /// Connections are accepted, requests are not answered.
    Silent,
    /// The service does not let the connector in.
    Refused(u16),
    /// The instance has no role.
    NoRole,
    /// The instance has a role that EC2 cannot assume.
    UnusableRole,
    /// The service failed.
    Failed,
}

/// There are no credentials.
#[derive(Debug, thiserror::Error)]
#[error("no credentials from the instance metadata service")]
pub(crate) struct MetadataError {
    pub(crate) problem: MetadataProblem,
    #[source]
    pub(crate) source: CredentialsError,
}

/// The instance metadata service.
#[derive(Debug)]
pub(crate) struct InstanceMetadata {
    provider: ImdsCredentialsProvider,
    tries: u32,
}

impl InstanceMetadata {
    /// The service at the address of the variables and the profile file, else at the usual one.
    pub(crate) fn new(config: &ProviderConfig, http: SharedHttpClient, waits: Waits) -> Self {
        Self::with_client(config, http, waits, imds::Client::builder())
    }

    fn with_client(
        config: &ProviderConfig,
        http: SharedHttpClient,
        waits: Waits,
        client: imds::client::Builder,
    ) -> Self {
        let limited =
            config.clone().with_http_client(AnswerLimit { inner: http, limit: waits.answer });
        let client = client
            .configure(&limited)
            .max_attempts(ATTEMPTS)
            .connect_timeout(waits.connect)
            // Longer than our own limit, whose error tells silence from the lack of a connection.
            .read_timeout(waits.answer * 2)
            .build();
        let provider =
            ImdsCredentialsProvider::builder().configure(&limited).imds_client(client).build();
        Self { provider, tries: waits.tries }
    }

    /// The credentials of the instance's role.
    pub(crate) async fn credentials(&self) -> Result<Credentials, MetadataError> {
        let mut tries = 1;
        loop {
            let source = match self.provider.provide_credentials().await {
                Ok(credentials) => return Ok(credentials),
                Err(error) => error,
            };
            let problem = problem_of(&source);
            if problem != MetadataProblem::Silent || tries >= self.tries {
                return Err(MetadataError { problem, source });
            }
            tries += 1;
        }
    }
}

fn problem_of(error: &CredentialsError) -> MetadataProblem {
    if found_in::<Silence>(error).is_some() {
        return MetadataProblem::Silent;
    }
    if let Some(token) = found_in::<SdkError<TokenError>>(error) {
        let Some(answer) = token.raw_response() else { return MetadataProblem::Absent };
        // Google's service has the same address, and refuses requests that are not for it.
        let is_of_another_cloud = answer.headers().get("metadata-flavor").is_some();
        return match answer.status().as_u16() {
            status @ (401 | 403) if !is_of_another_cloud => MetadataProblem::Refused(status),
            500..=599 => MetadataProblem::Failed,
            _ => MetadataProblem::Absent,
        };
    }
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            // The SDK's words for a 404; a connection that failed has a source of its own.
            let has_cause = error.source().and_then(StdError::source).is_some();
            if has_cause { MetadataProblem::Absent } else { MetadataProblem::NoRole }
        }
        CredentialsError::InvalidConfiguration(_) => MetadataProblem::UnusableRole,
        _ => match found_in::<ImdsError>(error) {
            Some(ImdsError::ErrorResponse(answer)) => match answer.response().status().as_u16() {
                status @ (401 | 403) => MetadataProblem::Refused(status),
                _ => MetadataProblem::Failed,
            },
            _ => MetadataProblem::Failed,
        },
    }
}

/// A limit on the time for an answer, with an error of its own.
#[derive(Debug)]
struct AnswerLimit<T> {
    inner: T,
    limit: Duration,
}

/// The limit was reached: there was a connection, or it would have been given up before.
#[derive(Debug)]
struct Silence;

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connected, but there was no answer in time")
    }
}

impl StdError for Silence {}

impl HttpClient for AnswerLimit<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(AnswerLimit { inner, limit: self.limit })
    }
}

impl HttpConnector for AnswerLimit<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, limit) = (self.inner.call(request), self.limit);
        HttpConnectorFuture::new(async move {
            match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer,
                Err(_) => Err(ConnectorError::timeout(Silence.into())),
            }
        })
    }
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
