//! Why no connection to the store could be established: its name, its port, TLS, or the proxy on
//! the way.
//!
//! The chain of errors below the SDK's HTTP client -> [`Unreachable`], if it is one of these.
//!
//! Not here: certificates and the wrong scheme (`handshake`), which of these is retried
//! (`client::retry_classifier`), the resolver that raises [`NameNotFound`] (`client::resolver`).

use std::error::Error as StdError;
use std::io;

use rustls::Error as TlsError;

use super::handshake::chain;

/// Why no connection could be established.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// DNS does not know the host's name, or no name server answers.
    HostNotFound(String),
    /// The host answers, but nothing listens on the port.
    Refused,
    /// The host did not answer in time, or there is no route to it.
    NoAnswer,
    /// The TLS handshake failed.
    Tls,
    /// The proxy requires a user and a password, or different ones.
    ProxyAuthentication,
    /// The proxy does not connect to the host.
    ProxyRefused,
}

/// Returns what the chain of errors that begins with `error` says about the connection.
pub(crate) fn unreachable(error: &(dyn StdError + 'static)) -> Option<Unreachable> {
    chain(error).find_map(|error| {
        if let Some(NameNotFound { host, .. }) = error.downcast_ref() {
            return Some(Unreachable::HostNotFound(host.clone()));
        }
        if error.downcast_ref::<TlsError>().is_some() {
            return Some(Unreachable::Tls);
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return match io.kind() {
                io::ErrorKind::ConnectionRefused => Some(Unreachable::Refused),
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    Some(Unreachable::NoAnswer)
                }
                _ => None,
            };
        }
        // The SDK's connect timeout and hyper-util's tunnel errors are private types: only their
        // text tells them apart.
        let text = error.to_string();
        if text.starts_with("HTTP connect timeout") {
            return Some(Unreachable::NoAnswer);
        }
        match text.strip_prefix("tunnel error: ") {
            Some("proxy authorization required") => Some(Unreachable::ProxyAuthentication),
            Some("unsuccessful") => Some(Unreachable::ProxyRefused),
            _ => None,
        }
    })
}

/// No address was found for a host name.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no address was found for the host name \"{host}\"")]
pub(crate) struct NameNotFound {
    pub(crate) host: String,
    /// Whether no name server answered, so that the name may exist.
    pub(crate) temporary: bool,
}

/// Whether a name server says that the host's name has no address. If no name server answers, the
/// host is not known to be missing.
pub(super) fn host_is_unknown(error: &(dyn StdError + 'static)) -> bool {
    chain(error)
        .any(|error| matches!(error.downcast_ref(), Some(NameNotFound { temporary: false, .. })))
}
