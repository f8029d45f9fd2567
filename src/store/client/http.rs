//! The HTTP client of everything that speaks to AWS: whom it trusts, and through which proxy it
//! goes.
//!
//! A bundle of certificates in PEM, or none -> [`HttpClient`] -> the SDK's client for an address.
//!
//! Invariants
//! - The machine's own certificates stay trusted; a bundle adds to them.
//! - `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (of either case) are honoured, as by
//!   the SDK's own client: they belong to the machine, not to the account. `NO_PROXY` has curl's
//!   rules (`no_proxy`).
//! - The machine's certificates are not read for an address without TLS: that took two thirds of
//!   the time to a first answer on loopback (50 ms with them, 15 to 25 ms without, debug build).
//!
//! Not here: where a bundle comes from (`config`, the environment), what a refused certificate
//! means (`handshake`).

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    self as aws, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};

use super::no_proxy::NoProxy;
use super::resolver::NamingResolver;
use crate::env;
use crate::error::{Classified, FailureType};
use crate::store::address;

/// A bundle that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No certificate in it at all.
    #[error(
        "the CA bundle holds no certificate: it must be PEM text, with a line -----BEGIN \
         CERTIFICATE----- before each certificate"
    )]
    Empty,
    /// One of them is damaged.
    #[error(
        "certificate {number} of the CA bundle cannot be read ({reason}): copy it again, with its \
         BEGIN and END lines and all line breaks"
    )]
    Damaged {
        /// Counted from 1.
        number: usize,
        /// In the words of whoever tried to read it; never text of the bundle.
        reason: &'static str,
    },
    /// The TLS library does not start.
    #[error("TLS cannot be set up")]
    Setup,
}

impl Classified for HttpError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Empty | Self::Damaged { .. } => FailureType::Config,
            Self::Setup => FailureType::System,
        }
    }
}

/// The HTTP client that S3 and STS share. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct HttpClient {
    /// Trusts the machine's certificates and the bundle's.
    tls: SharedHttpClient,
    /// Trusts nobody, for where nobody has to be trusted.
    plain: SharedHttpClient,
    /// As `plain`, past every proxy.
    direct: SharedHttpClient,
}

impl HttpClient {
    /// A client that trusts the certificates of `ca_bundle_pem` besides the machine's own. Reads no
    /// file and does nothing on the network.
    ///
    /// # Errors
    /// [`HttpError`] when one of the certificates cannot be used.
    pub fn new(ca_bundle_pem: Option<&[u8]>) -> Result<Self, HttpError> {
        let mut trusted = TrustStore::default();
        if let Some(bundle) = ca_bundle_pem {
            check_bundle(bundle)?;
            trusted.add_pem_certificate(bundle);
        }
        let no_proxy = Arc::new(no_proxy());
        let routed = |trusted: TrustStore| -> Result<SharedHttpClient, HttpError> {
            let through_proxy = client(trusted.clone(), ProxyConfig::from_env)?;
            if no_proxy.is_empty() {
                return Ok(through_proxy);
            }
            let direct = client(trusted, ProxyConfig::disabled)?;
            Ok(SharedHttpClient::new(Routed {
                through_proxy,
                direct,
                no_proxy: Arc::clone(&no_proxy),
            }))
        };
        Ok(Self {
            tls: routed(trusted)?,
            plain: routed(TrustStore::empty())?,
            direct: client(TrustStore::empty(), ProxyConfig::disabled)?,
        })
    }

    /// The SDK's client for requests to `endpoint`; `None` is AWS's own endpoint, with TLS.
    #[must_use]
    pub fn for_endpoint(&self, endpoint: Option<&str>) -> SharedHttpClient {
        let without_tls = endpoint.is_some_and(address::is_http);
        if without_tls && !proxy_speaks_tls() { self.plain.clone() } else { self.tls.clone() }
    }

    /// The SDK's client for what gives the connector its own credentials: without TLS it goes past
    /// every proxy.
    #[must_use]
    pub fn for_surroundings(&self) -> SharedHttpClient {
        SharedHttpClient::new(NoProxyMetadata {
            neighbours: self.direct.clone(),
            others: self.tls.clone(),
        })
    }
}

/// For what gives credentials: requests without TLS go to this machine's own neighbours (instance
/// and container metadata, an agent), and bear tokens that no proxy is to see. A proxy could only
/// answer with an identity of its own.
#[derive(Debug)]
struct NoProxyMetadata<T> {
    neighbours: T,
    others: T,
}

impl aws::HttpClient for NoProxyMetadata<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(NoProxyMetadata {
            neighbours: self.neighbours.http_connector(settings, components),
            others: self.others.http_connector(settings, components),
        })
    }
}

impl HttpConnector for NoProxyMetadata<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if address::is_http(request.uri()) {
            self.neighbours.call(request)
        } else {
            self.others.call(request)
        }
    }
}

/// Sends requests to the hosts of `NO_PROXY` past the proxy. The SDK's own matcher does not cover
/// all of them.
#[derive(Debug)]
struct Routed {
    through_proxy: SharedHttpClient,
    direct: SharedHttpClient,
    no_proxy: Arc<NoProxy>,
}

impl aws::HttpClient for Routed {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let deferred = |client: &SharedHttpClient| Deferred {
            client: client.clone(),
            settings: settings.clone(),
            components: components.clone(),
            connector: OnceLock::new(),
        };
        SharedHttpConnector::new(RoutedConnector {
            through_proxy: deferred(&self.through_proxy),
            direct: deferred(&self.direct),
            no_proxy: Arc::clone(&self.no_proxy),
        })
    }
}

#[derive(Debug)]
struct RoutedConnector {
    through_proxy: Deferred,
    direct: Deferred,
    no_proxy: Arc<NoProxy>,
}

impl HttpConnector for RoutedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_direct = self.no_proxy.covers(request.uri());
        if is_direct { self.direct.call(request) } else { self.through_proxy.call(request) }
    }
}

/// A connector that is made for its first request: making one reads the machine's certificates.
#[derive(Debug)]
struct Deferred {
    client: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
    connector: OnceLock<SharedHttpConnector>,
}

impl Deferred {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.connector
            .get_or_init(|| {
                aws::HttpClient::http_connector(&self.client, &self.settings, &self.components)
            })
            .call(request)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// As the SDK's default client, with another trust store: that one cannot be given one.
fn client(
    trusted: TrustStore,
    proxies: fn() -> ProxyConfig,
) -> Result<SharedHttpClient, HttpError> {
    let context =
        TlsContext::builder().with_trust_store(trusted).build().map_err(|_| HttpError::Setup)?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .proxy_config(proxies())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.build_with_resolver(NamingResolver)
    }))
}

/// The SDK's client panics over a bundle that it cannot read: what is looked at here is what it
/// does.
fn check_bundle(bundle: &[u8]) -> Result<(), HttpError> {
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(bundle)) {
        let damaged = |reason| HttpError::Damaged { number, reason };
        let certificate = certificate.map_err(|error| damaged(pem_reason(&error)))?;
        roots.add(certificate).map_err(|_| damaged("it is not an X.509 certificate"))?;
    }
    if roots.is_empty() { Err(HttpError::Empty) } else { Ok(()) }
}

fn pem_reason(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "its END line is missing",
        PemError::IllegalSectionStart { .. } => "its BEGIN line is damaged",
        PemError::Base64Decode(_) => "it is not Base64",
        _ => "it is not PEM",
    }
}

/// The hosts of `NO_PROXY`, else of `no_proxy`.
fn no_proxy() -> NoProxy {
    let text = ["NO_PROXY", "no_proxy"].iter().find_map(|name| env::var(name));
    NoProxy::parse(&text.unwrap_or_default())
}

/// Whether requests without TLS go through a proxy with it.
fn proxy_speaks_tls() -> bool {
    ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .filter_map(|name| env::var(name))
        .any(|proxy| address::is_https(&proxy))
}
