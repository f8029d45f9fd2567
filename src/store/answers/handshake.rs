//! Why a connection never came to a request: certificates that are not trusted, TLS where there is
//! none, and none where there is.
//!
//! The chain of errors below the SDK's HTTP client -> [`ConnectionProblem`], if it is one of these.
//!
//! Not here: whom we trust (`http`), connections that cannot be made or that break (`classify`).

use std::error::Error as StdError;
use std::fmt;
use std::io;

use rustls::{CertificateError, Error as TlsError};

/// What keeps client and server from talking to each other, for ever and not by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionProblem {
    /// The server's certificate is not accepted.
    Certificate(Distrust),
    /// We speak TLS, and the server does not.
    NotTls,
    /// We speak plain HTTP, and the server does not: most often it speaks TLS.
    NotHttp,
}

/// Why a certificate is not accepted. As text: the reason and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// No authority that we trust has signed it.
    UnknownIssuer,
    /// An authority of the name that we trust has signed it, with another key.
    OtherIssuer,
    /// It is past its end.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for other host names.
    OtherName,
    /// It is an authority's own certificate, which is not for servers.
    Authority,
    /// It is damaged, revoked, or for another purpose.
    Unusable,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherIssuer => {
                "an authority of the name that is trusted has signed it, but with another key, as \
                 one does that was made anew; put its new certificate into ca_bundle"
            }
            Self::UnknownIssuer => {
                "no authority that this machine knows has signed it; put the certificate of the \
                 authority that has (your own one, or that of a proxy that opens TLS connections) \
                 into ca_bundle"
            }
            Self::Expired => "it has expired; renew it on the server, or set this machine's clock",
            Self::NotYetValid => "it is not valid yet; set this machine's clock, or wait",
            Self::OtherName => {
                "it is for another host name; correct s3_endpoint, set s3_path_style to on if the \
                 bucket's name stands before the host name, or give the server a certificate for \
                 this name"
            }
            Self::Authority => {
                "it is the certificate of an authority and not of a server; give the server a \
                 certificate that is signed by it, with CA:FALSE"
            }
            Self::Unusable => {
                "it is damaged, revoked or not for servers; give the server another \
                               certificate"
            }
        })
    }
}

/// What the chain of errors that begins with `error` says about the connection.
#[must_use]
pub fn connection_problem(error: &(dyn StdError + 'static)) -> Option<ConnectionProblem> {
    chain(error).find_map(|error| match error.downcast_ref::<TlsError>() {
        Some(TlsError::InvalidCertificate(error)) => {
            Some(ConnectionProblem::Certificate(distrust(error)))
        }
        // What came in place of a handshake is no message of TLS.
        Some(TlsError::InvalidMessage(_)) => Some(ConnectionProblem::NotTls),
        Some(_) => None,
        None => {
            let answered_otherwise =
                error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
            answered_otherwise.then_some(ConnectionProblem::NotHttp)
        }
    })
}

/// What servers with TLS say to a request without it: 400, and one of these.
const SPEAKS_TLS: [&str; 3] = [
    // Go, hence MinIO.
    "http request to an https server",
    // nginx.
    "http request was sent to https port",
    // Apache.
    "speaking plain http to an ssl-enabled server port",
];

/// Whether the body of a 400 says that the server speaks TLS and wants us to do so.
pub(crate) fn asks_for_tls(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    SPEAKS_TLS.iter().any(|said| text.contains(said))
}

fn distrust(error: &CertificateError) -> Distrust {
    match error {
        CertificateError::UnknownIssuer => Distrust::UnknownIssuer,
        CertificateError::BadSignature => Distrust::OtherIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Distrust::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Distrust::OtherName
        }
        // Of the errors without a name of their own this is the one that people meet.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            Distrust::Authority
        }
        _ => Distrust::Unusable,
    }
}

/// `error` and all that it comes from. What an `io::Error` holds is asked for by `get_ref`:
/// `source` skips it.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|held| held as &(dyn StdError + 'static)),
        None => error.source(),
    })
}
