//! Why a TLS handshake, or its absence, kept a request from being answered: a certificate that is
//! not trusted, TLS where the server has none, plain HTTP where the server wants TLS.
//!
//! The chain of errors below the SDK's HTTP client -> [`ConnectionProblem`], if it is one of these.
//!
//! Not here: whom we trust (`client::http`), connections that cannot be established
//! (`unreachable`).

use std::error::Error as StdError;
use std::fmt;
use std::io;

use rustls::{CertificateError, Error as TlsError};

/// What keeps client and server from talking to each other, permanently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionProblem {
    /// The server's certificate is not trusted.
    Certificate(Distrust),
    /// We speak TLS, and the server does not.
    NotTls,
    /// We speak plain HTTP, and the server does not: most often it speaks TLS.
    NotHttp,
}

/// Why a certificate is not trusted. Displayed: the reason and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// No trusted certificate authority (CA) has signed it.
    UnknownIssuer,
    /// A CA with the name of a trusted one has signed it, with another key.
    OtherIssuer,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for other host names.
    OtherName,
    /// It is a CA's own certificate, which servers must not use.
    Authority,
    /// It is damaged, revoked, or for another purpose.
    Unusable,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherIssuer => {
                "it was signed by a CA with the name of a trusted one but with a different key, \
                 which usually means that the CA was re-created; add the new CA certificate to \
                 ca_bundle"
            }
            Self::UnknownIssuer => {
                "it was signed by a CA that this machine does not trust; add the certificate of \
                 that CA (your own, or that of a proxy that intercepts TLS connections) to \
                 ca_bundle"
            }
            Self::Expired => "it has expired; renew it on the server, or set this machine's clock",
            Self::NotYetValid => "it is not valid yet; set this machine's clock, or wait",
            Self::OtherName => {
                "it is for another host name; correct s3_endpoint, set s3_path_style to on if the \
                 bucket's name is part of the host name, or give the server a certificate for this \
                 name"
            }
            Self::Authority => {
                "it is the certificate of a CA and not of a server; give the server a certificate \
                 that the CA has signed, with CA:FALSE"
            }
            Self::Unusable => {
                "it is damaged, revoked or not meant for servers; give the server another \
                 certificate"
            }
        })
    }
}

/// Returns what the chain of errors that begins with `error` says about the handshake.
pub(crate) fn connection_problem(error: &(dyn StdError + 'static)) -> Option<ConnectionProblem> {
    chain(error).find_map(|error| match error.downcast_ref::<TlsError>() {
        Some(TlsError::InvalidCertificate(error)) => {
            Some(ConnectionProblem::Certificate(distrust(error)))
        }
        // The bytes that came in place of a handshake are not TLS.
        Some(TlsError::InvalidMessage(_)) => Some(ConnectionProblem::NotTls),
        Some(_) => None,
        None => {
            let is_not_http =
                error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
            is_not_http.then_some(ConnectionProblem::NotHttp)
        }
    })
}

/// What TLS servers answer to a request in plain HTTP: 400, and one of these.
const WANTS_TLS: [&str; 3] = [
    // Go, hence MinIO.
    "http request to an https server",
    // nginx.
    "http request was sent to https port",
    // Apache.
    "speaking plain http to an ssl-enabled server port",
];

/// Whether the body of a 400 says that the server wants TLS.
pub(super) fn asks_for_tls(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    WANTS_TLS.iter().any(|message| text.contains(message))
}

fn distrust(error: &CertificateError) -> Distrust {
    match error {
        CertificateError::UnknownIssuer => Distrust::UnknownIssuer,
        // The issuer was found by its name, and its key does not verify the signature.
        CertificateError::BadSignature => Distrust::OtherIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Distrust::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Distrust::OtherName
        }
        // rustls passes the verifier's other errors on. Users meet this one: a self-signed
        // certificate made for a CA.
        CertificateError::Other(other)
            if matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
        {
            Distrust::Authority
        }
        _ => Distrust::Unusable,
    }
}

/// Iterates over `error` and its sources. For an `io::Error` it takes the wrapped error from
/// `get_ref`, because `source` skips one level.
pub(super) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|held| held as &(dyn StdError + 'static)),
        None => error.source(),
    })
}
