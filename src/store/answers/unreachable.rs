//! Why no connection to the store came about: its name, its port, TLS, or the proxy on the way.
//!
//! The chain of errors below the SDK's HTTP client -> [`Unreachable`], if it is one of these; and
//! the resolver that puts the name that was looked up into that chain.
//!
//! Not here: certificates and the wrong scheme (`handshake`), which of these is tried again
//! (`sending`).

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use rustls::Error as TlsError;

use super::handshake::chain;

/// How long a name may be looked up. Less than a connection may take to make, so that a name server
/// that does not answer is called that; more than the 5 s after which the resolver of Linux asks
/// again.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(9);

/// Why no connection came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// No name server knows the name of the host, or none answers.
    HostNotFound(String),
    /// The host answers, and nothing listens on the port.
    Refused,
    /// The host did not answer in time, or no way leads to it.
    NoAnswer,
    /// Client and server found no way to speak TLS.
    Tls,
    /// The proxy wants a user and a password, or others.
    ProxyAuthentication,
    /// The proxy does not lead to the host.
    ProxyRefused,
}

/// What the chain of errors that begins with `error` says about the connection.
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
        // These two have no type that can be named.
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

/// A host name without an address.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no address was found for the host name \"{host}\"")]
struct NameNotFound {
    host: String,
    /// No name server could be asked, or none answered: the name may exist.
    for_now: bool,
}

/// Whether a name server says that the host's name has no address. One that cannot be asked says
/// nothing of that kind.
#[must_use]
pub(crate) fn host_is_unknown(error: &(dyn StdError + 'static)) -> bool {
    chain(error)
        .any(|error| matches!(error.downcast_ref(), Some(NameNotFound { for_now: false, .. })))
}

/// Whether the lookup failed for now, in the words of glibc and of musl: there is no type for
/// either.
fn is_for_now(error: &io::Error) -> bool {
    let said = error.to_string();
    ["Temporary failure", "Try again"].iter().any(|passing| said.contains(passing))
}

/// The machine's own resolver. Its errors name the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamingResolver;

impl ResolveDns for NamingResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let host = name.to_owned();
            let not_found =
                |for_now| ResolveDnsError::new(NameNotFound { host: name.to_owned(), for_now });
            let lookup = tokio::task::spawn_blocking(move || {
                let addresses = (host.as_str(), 0).to_socket_addrs()?;
                Ok::<_, io::Error>(addresses.map(|address: SocketAddr| address.ip()).collect())
            });
            match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
                Ok(Ok(Ok::<Vec<IpAddr>, _>(addresses))) if !addresses.is_empty() => Ok(addresses),
                Ok(Ok(Ok(_))) => Err(not_found(false)),
                Ok(Ok(Err(error))) => Err(not_found(is_for_now(&error))),
                Ok(Err(_)) | Err(_) => Err(not_found(true)),
            }
        })
    }
}
