//! Credentials of the role of an EC2 instance, from the instance metadata service.
//!
//! In: an HTTP client that uses no proxy. Out: credentials, or a [`MetadataError`].
//!
//! A client first requests a token from the service, then the credentials (IMDSv2). What the
//! answers mean:
//!
//! | answer | meaning |
//! |---|---|
//! | no connection; to the token request anything but a token, 401, 403 or 5xx | not an EC2 instance |
//! | a connection, but no answer, four times | the hop limit keeps the token from the container |
//! | 401, 403 | the service is switched off for the connector |
//! | 404 to the request for the role | the instance has no role |
//! | 5xx, also after several attempts | the service failed |
//!
//! The SDK alone would wait one second for an answer, once, and then go on as if there were no
//! service.

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

/// How long to wait for the service, and how often to ask it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetadataTimeouts {
    /// For a connection. Machines outside EC2 often drop packets to the service's address.
    pub(crate) connect: Duration,
    /// For an answer, including the time for the connection: longer than `connect`.
    pub(crate) answer: Duration,
    /// How often to ask a service that accepts connections but does not answer, including the first
    /// time.
    pub(crate) attempts: u32,
}

impl MetadataTimeouts {
    /// The service usually answers within milliseconds, on a busy instance within a second or two.
    /// Eight seconds in all end before the time limit of the whole chain (12 s), so that the error
    /// names this service.
    pub(crate) const DEFAULT: Self =
        Self { connect: Duration::from_secs(1), answer: Duration::from_secs(2), attempts: 4 };
}

/// How often a request is sent if its answer is a failure.
const ATTEMPTS_PER_REQUEST: u32 = 3;

/// Why there are no credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetadataProblem {
    /// This is not an EC2 instance.
    Absent,
    /// The service accepts connections, but does not answer.
    NoAnswer,
    /// The service rejects the connector, with this status.
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
    attempts: u32,
}

impl InstanceMetadata {
    /// The service at the address of the variables and the profile file, else at the usual one.
    pub(crate) fn new(
        config: &ProviderConfig,
        http: SharedHttpClient,
        waits: MetadataTimeouts,
    ) -> Self {
        Self::with_client(config, http, waits, imds::Client::builder())
    }

    fn with_client(
        config: &ProviderConfig,
        http: SharedHttpClient,
        waits: MetadataTimeouts,
        client: imds::client::Builder,
    ) -> Self {
        let limited =
            config.clone().with_http_client(AnswerLimit { inner: http, limit: waits.answer });
        let client = client
            .configure(&limited)
            .max_attempts(ATTEMPTS_PER_REQUEST)
            .connect_timeout(waits.connect)
            // Longer than our own limit, whose error distinguishes a missing answer from a missing
            // connection.
            .read_timeout(waits.answer * 2)
            .build();
        let provider =
            ImdsCredentialsProvider::builder().configure(&limited).imds_client(client).build();
        Self { provider, attempts: waits.attempts }
    }

    /// The credentials of the instance's role.
    pub(crate) async fn credentials(&self) -> Result<Credentials, MetadataError> {
        let mut attempts = 1;
        loop {
            let source = match self.provider.provide_credentials().await {
                Ok(credentials) => return Ok(credentials),
                Err(error) => error,
            };
            let problem = problem_of(&source);
            if problem != MetadataProblem::NoAnswer || attempts >= self.attempts {
                return Err(MetadataError { problem, source });
            }
            attempts += 1;
        }
    }
}

fn problem_of(error: &CredentialsError) -> MetadataProblem {
    if found_in::<AnswerTimeout>(error).is_some() {
        return MetadataProblem::NoAnswer;
    }
    if let Some(token) = found_in::<SdkError<TokenError>>(error) {
        let Some(answer) = token.raw_response() else { return MetadataProblem::Absent };
        // The metadata service of Google Cloud has the same address and rejects AWS's requests.
        let is_of_another_cloud = answer.headers().get("metadata-flavor").is_some();
        return match answer.status().as_u16() {
            status @ (401 | 403) if !is_of_another_cloud => MetadataProblem::Refused(status),
            500..=599 => MetadataProblem::Failed,
            _ => MetadataProblem::Absent,
        };
    }
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            // This is how the SDK reports a 404. A connection that failed has a source of its own.
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

/// A client that limits the time for an answer and reports it with an error of its own.
#[derive(Debug)]
struct AnswerLimit<T> {
    inner: T,
    limit: Duration,
}

/// There was no answer in time. There was a connection: its own limit is shorter.
#[derive(Debug)]
struct AnswerTimeout;

impl fmt::Display for AnswerTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connected, but there was no answer in time")
    }
}

impl StdError for AnswerTimeout {}

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
                Err(_) => Err(ConnectorError::timeout(AnswerTimeout.into())),
            }
        })
    }
}

#[cfg(test)]
mod tests;
