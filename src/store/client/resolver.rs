//! The machine's own DNS resolver, with errors that name the host.
//!
//! A host name -> its addresses, or [`NameNotFound`]. The SDK's resolver returns an error without
//! the name, which a user needs to see: it may be a proxy's, or the bucket's.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};

use crate::store::answers::NameNotFound;

/// How long a lookup may take. Shorter than the connect timeout, so that a name server that does
/// not answer is reported as such; longer than the 5 s after which Linux's resolver asks again.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(9);

/// The machine's own resolver.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamingResolver;

impl ResolveDns for NamingResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let host = name.to_owned();
            let not_found =
                |temporary| ResolveDnsError::new(NameNotFound { host: name.to_owned(), temporary });
            let lookup = tokio::task::spawn_blocking(move || {
                let addresses = (host.as_str(), 0).to_socket_addrs()?;
                Ok::<_, io::Error>(addresses.map(|address: SocketAddr| address.ip()).collect())
            });
            match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
                Ok(Ok(Ok::<Vec<IpAddr>, _>(addresses))) if !addresses.is_empty() => Ok(addresses),
                Ok(Ok(Ok(_))) => Err(not_found(false)),
                Ok(Ok(Err(error))) => Err(not_found(is_temporary(&error))),
                Ok(Err(_)) | Err(_) => Err(not_found(true)),
            }
        })
    }
}

/// Whether no name server answered. `io::Error` has no kind for it: these are the messages of
/// glibc and musl.
fn is_temporary(error: &io::Error) -> bool {
    let message = error.to_string();
    ["Temporary failure", "Try again"].iter().any(|text| message.contains(text))
}
