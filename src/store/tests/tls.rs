//! Whom the HTTP client trusts, with a real TLS server and a CA of the test's own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::store::{Distrust, HttpClient, HttpError, StoreSettings};

/// A certificate authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Returns the TLS of a server with a certificate for `host`.
    fn server(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        acceptor(certificate.der().clone(), &key)
    }
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn store(address: std::net::SocketAddr, scheme: &str, bundle: Option<&str>) -> S3Store {
    let settings = StoreSettings {
        endpoint: Some(format!("{scheme}://{address}")),
        http: HttpClient::new(bundle.map(str::as_bytes)).unwrap(),
        ..settings(address)
    };
    S3Store::with_retry_policy(&settings, NO_BACKOFF)
}

#[tokio::test]
async fn a_bundle_makes_its_cas_trusted() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let both = format!("a comment\n{}\n{}", other.pem, ours.pem);
    for (bundle, trusted) in [
        (Some(ours.pem.as_str()), true),
        (Some(&both), true),
        (Some(&other.pem), false),
        (None, false),
    ] {
        let server = Scripted::behind_tls(ours.server("127.0.0.1", |_| ()), vec![ok()]).await;
        let answer = store(server.address, "https", bundle).put("k", ROWS, &object(1)).await;
        if trusted {
            answer.unwrap();
            assert_eq!(server.methods(), "PUT");
            continue;
        }
        let error = answer.unwrap_err();
        assert_eq!(error.kind, Kind::Certificate(Distrust::UnknownIssuer), "{error:?}");
        assert_eq!((error.effect, error.failure_type()), (Effect::NotApplied, FailureType::Config));
        let place = format!("the certificate of the server at https://{}", server.address);
        assert!(
            error.to_string().starts_with(&place) && error.to_string().contains("ca_bundle"),
            "{error}"
        );
        assert_eq!(
            (server.connections(), server.methods().as_str()),
            (1, ""),
            "it would be the same again"
        );
    }
}

#[tokio::test]
async fn certificates_are_refused_with_the_reason() {
    let authority = Authority::new("ours");
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).map(|mut params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    });
    let key = KeyPair::generate().unwrap();
    let own = own.unwrap().self_signed(&key).unwrap();
    let expired =
        authority.server("127.0.0.1", |params| params.not_after = date_time_ymd(2001, 1, 1));
    let early =
        authority.server("127.0.0.1", |params| params.not_before = date_time_ymd(3001, 1, 1));
    let named = authority.server("elsewhere.example", |_| ());
    let table = [
        (expired, authority.pem.clone(), Distrust::Expired, "it has expired"),
        (early, authority.pem.clone(), Distrust::NotYetValid, "clock"),
        (named, authority.pem.clone(), Distrust::OtherName, "it is for another host name"),
        (acceptor(own.der().clone(), &key), own.pem(), Distrust::Authority, "CA:FALSE"),
    ];
    for (tls, bundle, distrust, text) in table {
        let server = Scripted::behind_tls(tls, vec![ok()]).await;
        let error = store(server.address, "https", Some(&bundle)).list_keys("").await.unwrap_err();
        assert_eq!(error.kind, Kind::Certificate(distrust), "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(server.connections(), 1, "{distrust:?}");
    }
}

/// With the bucket's name twice in the host name, no wildcard certificate covers it.
#[tokio::test]
async fn a_certificate_for_another_name_may_be_due_to_the_bucket_in_the_endpoint() {
    let authority = Authority::new("ours");
    let tls = authority.server("elsewhere.example", |_| ());
    let server = Scripted::behind_tls(tls, vec![ok()]).await;
    let settings = StoreSettings {
        endpoint: Some(format!("https://{}", server.address)),
        endpoint_without_bucket: Some("https://store.example".to_owned()),
        http: HttpClient::new(Some(authority.pem.as_bytes())).unwrap(),
        ..settings(server.address)
    };
    let error = S3Store::with_retry_policy(&settings, NO_BACKOFF).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::Certificate(Distrust::OtherName), "{error:?}");
    let sentence = error.to_string();
    assert!(
        sentence.contains("another host name")
            && sentence.contains("set s3_endpoint to https://store.example,"),
        "{sentence}"
    );
}

#[tokio::test]
async fn the_wrong_scheme_is_named() {
    let authority = Authority::new("ours");
    let plain = Embedded::start();
    let error = store(plain.address, "https", None).list_keys("").await.unwrap_err();
    assert_eq!(
        (&error.kind, error.failure_type()),
        (&Kind::NotTls, FailureType::Config),
        "{error:?}"
    );
    let text = format!(
        "the server at https://{} does not speak TLS: begin s3_endpoint with http://",
        plain.address
    );
    assert!(error.to_string().starts_with(&text), "{error}");

    let server = Scripted::behind_tls(authority.server("127.0.0.1", |_| ()), vec![ok()]).await;
    let error =
        store(server.address, "http", Some(&authority.pem)).list_keys("").await.unwrap_err();
    assert_eq!(
        (&error.kind, error.failure_type()),
        (&Kind::NotHttp, FailureType::Config),
        "{error:?}"
    );
    let text = format!(
        "the server at http://{} does not answer in plain HTTP: begin s3_endpoint with https://",
        server.address
    );
    assert!(error.to_string().starts_with(&text), "{error}");
    assert_eq!(server.connections(), 1);

    for said in [
        "Client sent an HTTP request to an HTTPS server.\n",
        "<html><center>The plain HTTP request was sent to HTTPS port</center></html>",
        "You're speaking plain HTTP to an SSL-enabled server port.<br />",
    ] {
        let server =
            Scripted::start(vec![Reply::Answer("400 Bad Request".to_owned(), said.to_owned())])
                .await;
        let error = server.store().list_keys("").await.unwrap_err();
        assert_eq!(error.kind, Kind::NotHttp, "{said}");
    }
}

#[test]
fn a_bundle_that_cannot_be_used_is_refused() {
    let good = Authority::new("ours").pem;
    let begin = "-----BEGIN CERTIFICATE-----\n";
    let end = "-----END CERTIFICATE-----\n";
    let key = KeyPair::generate().unwrap().serialize_pem();
    let damaged = |number, reason| HttpError::Damaged { number, reason };
    let table: [(String, HttpError); 9] = [
        (String::new(), HttpError::Empty),
        ("not PEM".to_owned(), HttpError::Empty),
        ("\0\u{ff}\u{1F512}".to_owned(), HttpError::Empty),
        (key, HttpError::Empty),
        (format!("{begin}{end}"), damaged(1, "it is not an X.509 certificate")),
        (format!("{good}{begin}AAAA\n{end}"), damaged(2, "it is not an X.509 certificate")),
        (format!("{begin}!!!!\n{end}"), damaged(1, "it is not Base64")),
        (format!("{good}{begin}AAAA\n"), damaged(2, "its END line is missing")),
        (good.replace('\n', " "), damaged(1, "its END line is missing")),
    ];
    for (bundle, expected) in table {
        let error = HttpClient::new(Some(bundle.as_bytes())).unwrap_err();
        assert_eq!((&error, error.failure_type()), (&expected, FailureType::Config), "{bundle}");
        assert!(error.to_string().contains("the CA bundle"), "{error}");
    }
    HttpClient::new(Some(good.replace('\n', "\r\n").as_bytes())).unwrap();
}
