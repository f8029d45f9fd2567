//! The hosts that are reached past the proxy.
//!
//! The text of `NO_PROXY` -> [`NoProxy`] -> yes or no for a URL. Pure.
//!
//! The rules are curl's (<https://curl.se/libcurl/c/CURLOPT_NOPROXY.html>):
//!
//! | entry | covers |
//! |---|---|
//! | `*` | every host, addresses included |
//! | `example.com`, `.example.com` | the host and all below it |
//! | `example.com:9000` | the same, at this port only |
//! | `10.1.2.3`, `::1`, `[::1]` | the address, where the URL has the address |
//! | `10.1.2.3:9000`, `[::1]:9000` | the same, at this port only |
//! | `10.0.0.0/8`, `fd00::/8` | every address in the network |
//!
//! Commas and blanks separate entries. Case and a trailing dot do not matter. `*.example.com` means
//! `.example.com`, as in many other tools.
//!
//! The SDK's own matcher (of `hyper-util`) ignores ports, and its `*` does not cover addresses.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

/// The entries of `NO_PROXY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Everything,
    /// In lower case, without dots at either end.
    Domain(String, Option<u16>),
    Address(IpAddr, Option<u16>),
    Network(IpAddr, u8),
}

impl NoProxy {
    /// Parses the text of the variable. Entries that fit none of the rules cover nothing.
    pub(super) fn parse(text: &str) -> Self {
        let entries = text.split([',', ' ', '\t', '\n']).filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Entry::parse).collect())
    }

    /// Whether nothing is covered.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the server of an `http://` or `https://` URL is covered.
    pub(super) fn covers(&self, url: &str) -> bool {
        let Ok(uri) = url.parse::<Uri>() else { return false };
        let (Some(scheme), Some(host)) = (uri.scheme(), uri.host()) else { return false };
        let default_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default_port);
        // `Uri` keeps the brackets of an IPv6 address.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<IpAddr>().ok();
        let host = plain(host);
        self.0.iter().any(|entry| match (entry, address) {
            (Entry::Everything, _) => true,
            (Entry::Domain(domain, at), None) => {
                at.is_none_or(|at| at == port) && is_at_or_below(&host, domain)
            }
            (Entry::Address(covered, at), Some(address)) => {
                at.is_none_or(|at| at == port) && *covered == address
            }
            (Entry::Network(network, bits), Some(address)) => is_in(address, *network, *bits),
            (Entry::Domain(..), Some(_)) | (Entry::Address(..) | Entry::Network(..), None) => false,
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everything);
        }
        if let Some((network, bits)) = text.split_once('/') {
            let network: IpAddr = network.parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            let longest = if network.is_ipv4() { 32 } else { 128 };
            return (bits <= longest).then_some(Self::Network(network, bits));
        }
        let (host, port) = host_and_port(text);
        if let Ok(address) = host.parse() {
            return Some(Self::Address(address, port));
        }
        let domain = plain(host.strip_prefix('*').unwrap_or(host));
        (!domain.is_empty()).then_some(Self::Domain(domain, port))
    }
}

/// Splits `[::1]:9000` into `::1` and 9000. The port is `None` if it is missing or out of range.
fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    if let Some((host, after)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, after.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match authority.split_once(':') {
        // More colons are an IPv6 address without brackets.
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (authority, None),
        },
        Some(_) | None => (authority, None),
    }
}

/// Returns a name in the form in which names are compared.
fn plain(name: &str) -> String {
    let name = name.strip_prefix('.').unwrap_or(name);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_at_or_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differing = u32::from(address) ^ u32::from(network);
            differing.leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differing = u128::from(address) ^ u128::from(network);
            differing.leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_entry_covers_what_curl_says() {
        let table = [
            // Everything.
            ("*", "https://bucket.s3.eu-west-1.amazonaws.com/key", true),
            ("*", "http://127.0.0.1:9000/bucket", true),
            ("*", "http://[::1]:9000/", true),
            ("example.com, *", "http://10.0.0.1/", true),
            // Names.
            ("example.com", "https://example.com/", true),
            ("example.com", "https://minio.example.com:9000/bucket", true),
            ("example.com", "https://EXAMPLE.com./", true),
            ("Example.COM.", "https://example.com", true),
            (".example.com", "https://minio.example.com/", true),
            (".example.com", "https://example.com/", true),
            ("*.example.com", "https://minio.example.com/", true),
            ("example.com", "https://notexample.com/", false),
            ("minio.example.com", "https://example.com/", false),
            ("a,example.com", "https://example.com/", true),
            ("a b\texample.com", "https://example.com/", true),
            ("a , ,example.com,", "https://example.com/", true),
            // Ports.
            ("minio:9000", "http://minio:9000/bucket", true),
            ("minio:9000", "http://minio:9001/bucket", false),
            ("minio:9000", "http://minio/bucket", false),
            ("example.com:443", "https://minio.example.com/", true),
            ("example.com:443", "http://minio.example.com/", false),
            ("example.com:80", "http://minio.example.com?list-type=2", true),
            ("minio:x", "http://minio/", false),
            // Addresses.
            ("127.0.0.1", "http://127.0.0.1:9000/bucket", true),
            ("127.0.0.1:9000", "http://127.0.0.1:9000/bucket", true),
            ("127.0.0.1:9001", "http://127.0.0.1:9000/bucket", false),
            ("::1", "http://[::1]:9000/", true),
            ("[::1]", "http://[::1]:9000/", true),
            ("[::1]:9000", "http://[::1]:9000/", true),
            ("[::1]:9001", "http://[::1]:9000/", false),
            ("0.0.1", "http://127.0.0.1:9000/", false),
            // Networks.
            ("10.0.0.0/8", "http://10.200.3.4:9000/", true),
            ("10.0.0.0/8", "http://11.0.0.1/", false),
            ("192.168.4.0/22", "http://192.168.7.255/", true),
            ("192.168.4.0/22", "http://192.168.8.0/", false),
            ("10.1.2.3/32", "http://10.1.2.3/", true),
            ("10.1.2.3/32", "http://10.1.2.2/", false),
            ("10.1.2.3/33", "http://10.1.2.3/", false),
            ("0.0.0.0/0", "http://203.0.113.9/", true),
            ("0.0.0.0/0", "http://[::1]/", false),
            ("fd00::/8", "http://[fd12:3456::1]/", true),
            ("fd00::/8", "http://[fe80::1]/", false),
            ("10.0.0.0/8", "http://minio.example.com/", false),
            // Nothing.
            ("", "http://example.com/", false),
            (".", "http://example.com/", false),
            ("example.com", "example.com", false),
            // The name before an @ is not the host.
            ("example.com", "http://example.com@proxy.invalid/", false),
        ];
        for (entries, url, expected) in table {
            assert_eq!(NoProxy::parse(entries).covers(url), expected, "{entries:?} {url}");
        }
    }

    #[test]
    fn an_entry_that_fits_no_rule_covers_nothing() {
        for text in ["", " , ", "10.0.0.0/x", "/8", "."] {
            assert!(NoProxy::parse(text).is_empty(), "{text:?}");
        }
    }
}
