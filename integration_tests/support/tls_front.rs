//! TLS in front of a server that speaks plain HTTP, with certificates of a private authority.
//!
//! An [`Authority`] issues certificates for names and periods; a [`TlsFront`] terminates TLS and
//! forwards the bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use faulty_s3::loopback::Loopback;

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    Now,
    Past,
}

/// A certificate authority that only this test knows.
#[derive(Debug)]
pub(crate) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(&[], Validity::Now, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Returns the content of a CA bundle.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Returns a TLS configuration with a certificate for these names (or addresses) and its key.
    pub(crate) fn server(&self, names: &[&str], validity: Validity) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let leaf = params(names, validity, "Server of the tests")
            .signed_by(&key, &self.issuer)
            .expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a certificate and its key")
    }
}

fn params(names: &[&str], validity: Validity, common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names for a certificate");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let day = |days: i64| {
        let day: DateTime<Utc> = Utc::now() + TimeDelta::days(days);
        date_time_ymd(
            day.year(),
            u8::try_from(day.month()).expect("a month"),
            u8::try_from(day.day()).expect("a day"),
        )
    };
    (params.not_before, params.not_after) = match validity {
        Validity::Now => (day(-2), day(30)),
        Validity::Past => (day(-30), day(-2)),
    };
    params
}

/// A running front; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct TlsFront {
    server: Loopback,
}

impl TlsFront {
    /// Starts a front for the server at `target`.
    pub(crate) fn start(target: SocketAddr, config: ServerConfig) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self {
            server: Loopback::start(move |socket| {
                let acceptor = acceptor.clone();
                async move {
                    // A client that does not trust the certificate goes away.
                    let Ok(mut outside) = acceptor.accept(socket).await else { return };
                    let Ok(mut inside) = TcpStream::connect(target).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                }
            }),
        }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `https://HOST:PORT`.
    pub(crate) fn endpoint(&self, host: &str) -> String {
        format!("https://{host}:{}", self.server.address().port())
    }
}
