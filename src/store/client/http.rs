//! The HTTP client of all requests to AWS: whom it trusts, and which proxy it uses.
//!
//! A bundle of certificates in PEM, or none -> [`HttpClient`] -> the SDK's client for an address.
//!
//! Invariants
//! - The machine's own certificates stay trusted; a bundle adds to them.
//! - `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (in either case) are honoured, as by
//!   the SDK's own client: they belong to the machine, not to the account. `NO_PROXY` has curl's
//!   rules (`no_proxy`).
//! - The machine's certificates are not read for an address without TLS: that took two thirds of
//!   the time to a first answer on loopback (50 ms with them, 15 to 25 ms without, debug build).
//!
//! Not here: where a bundle comes from (`config`, the environment), which requests go past the
//! proxy (`proxy`), what a refused certificate means (`answers::handshake`).

use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};

use super::proxy::{NoProxyMetadata, NoProxyRouter, no_proxy_from_env, proxy_speaks_tls};
use super::resolver::NamingResolver;
use crate::error::{Classified, FailureType};
use crate::store::address;

/// Why a bundle of certificates cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// It has no certificate.
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
        /// The reason; never text from the bundle.
        reason: &'static str,
    },
    /// The TLS library cannot be initialized.
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
pub(crate) struct HttpClient {
    /// Trusts the machine's certificates and the bundle's.
    tls: SharedHttpClient,
    /// Trusts nobody, for addresses without TLS.
    plain: SharedHttpClient,
    /// As `plain`, past every proxy.
    direct: SharedHttpClient,
}

impl HttpClient {
    /// Creates a client that trusts the certificates of `ca_bundle_pem` in addition to the
    /// machine's own. Reads no file and does nothing on the network.
    ///
    /// # Errors
    /// [`HttpError`] when one of the certificates cannot be used.
    pub(crate) fn new(ca_bundle_pem: Option<&[u8]>) -> Result<Self, HttpError> {
        let mut trusted = TrustStore::default();
        if let Some(bundle) = ca_bundle_pem {
            check_bundle(bundle)?;
            trusted.add_pem_certificate(bundle);
        }
        let no_proxy = Arc::new(no_proxy_from_env());
        let routed = |trusted: TrustStore| -> Result<SharedHttpClient, HttpError> {
            let through_proxy = client(trusted.clone(), ProxyConfig::from_env)?;
            if no_proxy.is_empty() {
                return Ok(through_proxy);
            }
            let direct = client(trusted, ProxyConfig::disabled)?;
            Ok(SharedHttpClient::new(NoProxyRouter {
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

    /// Returns the SDK's client for requests to `endpoint`; `None` is AWS's own endpoint, with TLS.
    #[must_use]
    pub(crate) fn for_endpoint(&self, endpoint: Option<&str>) -> SharedHttpClient {
        let without_tls = endpoint.is_some_and(address::is_http);
        if without_tls && !proxy_speaks_tls() { self.plain.clone() } else { self.tls.clone() }
    }

    /// Returns the SDK's client for services that provide the connector's own credentials: requests
    /// without TLS go past every proxy.
    #[must_use]
    pub(crate) fn for_metadata_services(&self) -> SharedHttpClient {
        SharedHttpClient::new(NoProxyMetadata {
            direct: self.direct.clone(),
            through_proxy: self.tls.clone(),
        })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// Builds the SDK's default client, but with `trusted`: the default one takes no trust store.
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

/// Checks a bundle as the SDK's client would read it, because that client panics if the bundle is
/// bad.
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
