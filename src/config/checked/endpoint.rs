//! The address of an S3-compatible store.
//!
//! Text of `s3_endpoint` -> [`Endpoint`]: a URL with a scheme, a host, and optionally a port and a
//! path, and nothing else.
//!
//! Invariants
//! - No message repeats any part of the URL: people put passwords into URLs.
//! - A slash at the end of the URL is ignored.
//!
//! Not here: whether a store answers there (`store`).

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::Port;

use crate::aws::Partition;

/// The address of a store that is not AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The URL without slashes at its end.
    pub url: String,
    /// How to talk to it.
    pub scheme: Scheme,
    /// Name or address of the host, an IPv6 address without its brackets.
    pub host: String,
    uri: Uri,
}

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Not encrypted.
    Http,
    /// Encrypted.
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Why a text is not the URL of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointError {
    /// An empty text.
    #[error("the URL is empty; leave the field out to use AWS")]
    Empty,
    /// Another scheme, or no scheme.
    #[error(
        "the URL must begin with `https://` or `http://`, for example \
         `https://minio.example.com:9000`"
    )]
    Scheme,
    /// A user name or a password before the host.
    #[error("the URL must not contain a user name or a password; put keys under `authentication`")]
    Credentials,
    /// A query or a fragment after the path.
    #[error("the URL must not have a query (`?`) or a fragment (`#`)")]
    QueryOrFragment,
    /// A character that no URL contains.
    #[error("the URL contains white space or another character that is not allowed in a URL")]
    Character,
    /// No host, or an invalid host name.
    #[error("the URL must name a host, for example `https://minio.example.com:9000`")]
    Host,
    /// Not a port number.
    #[error("the port in the URL must be a number from 1 to 65535")]
    Port,
    /// The path is the bucket. Every request would name it twice.
    #[error(
        "the path of the URL is the bucket, which the connector adds itself: remove the bucket \
         from the URL"
    )]
    PathIsBucket,
}

impl Endpoint {
    /// Checks the text of `s3_endpoint`.
    ///
    /// # Errors
    /// [`EndpointError`] says what the user must change.
    pub(crate) fn parse(url: &str) -> Result<Self, EndpointError> {
        if url.is_empty() {
            return Err(EndpointError::Empty);
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointError::Character);
        }
        let (scheme, rest) = url.split_once("://").ok_or(EndpointError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(EndpointError::Scheme),
        };
        // The parser drops a fragment, and its errors do not say what the user must change.
        if rest.contains('@') {
            return Err(EndpointError::Credentials);
        }
        if rest.contains(['?', '#']) {
            return Err(EndpointError::QueryOrFragment);
        }
        if rest.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
            return Err(EndpointError::Character);
        }
        let uri: Uri = url.parse().map_err(|_| EndpointError::Host)?;
        let authority = uri.authority().ok_or(EndpointError::Host)?;
        let bracketed = authority.host();
        let host = match bracketed.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => {
                address.parse::<Ipv6Addr>().map_err(|_| EndpointError::Host)?;
                address
            }
            None if is_host_name(bracketed) => bracketed,
            None => return Err(EndpointError::Host),
        };
        // The parser also takes `host:` and `host:+80`, and reports no port where it is too large.
        let has_port = authority.as_str().len() > bracketed.len();
        let is_number = |port: Port<&str>| {
            port.as_str().bytes().all(|byte| byte.is_ascii_digit()) && port.as_u16() > 0
        };
        if has_port && !authority.port().is_some_and(is_number) {
            return Err(EndpointError::Port);
        }
        Ok(Self { url: url.trim_end_matches('/').to_owned(), scheme, host: host.to_owned(), uri })
    }

    /// Checks the URL against the bucket that requests to it will name.
    ///
    /// # Errors
    /// [`EndpointError::PathIsBucket`].
    pub(crate) fn check_bucket(&self, bucket: &str) -> Result<(), EndpointError> {
        if self.path().trim_start_matches('/') == bucket {
            Err(EndpointError::PathIsBucket)
        } else {
            Ok(())
        }
    }

    /// Returns the URL without the bucket, if its host begins with the bucket's name or its path
    /// ends with it. That is not an error, because the store may be called so; but if requests
    /// fail, it is the likely cause.
    #[must_use]
    pub(crate) fn without_bucket(&self, bucket: &str) -> Option<String> {
        let authority = self.uri.authority()?.as_str();
        let path = self.path();
        let scheme = self.scheme.as_str();
        let label =
            authority.get(..bucket.len()).filter(|label| label.eq_ignore_ascii_case(bucket));
        if label.is_some()
            && self.host.parse::<Ipv4Addr>().is_err()
            && let Some(rest) =
                authority.get(bucket.len()..).and_then(|rest| rest.strip_prefix('.'))
            && !rest.is_empty()
        {
            return Some(format!("{scheme}://{rest}{path}"));
        }
        let before = path.strip_suffix(bucket)?.strip_suffix('/')?;
        Some(format!("{scheme}://{authority}{before}"))
    }

    /// The path without slashes at its end: empty where the URL has none.
    fn path(&self) -> &str {
        self.uri.path().trim_end_matches('/')
    }

    /// Whether it is an endpoint of AWS itself, such as an endpoint in a private network.
    #[must_use]
    pub(crate) fn is_aws(&self) -> bool {
        Partition::of_host(&self.host).is_some()
    }

    /// Whether the store is on this machine, so that no data passes through a network.
    #[must_use]
    pub(crate) fn is_loopback(&self) -> bool {
        let name = self.host.to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || name.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Whether a host may have this name. Underscores are common in the names of containers.
fn is_host_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !name.is_empty() && name.bytes().all(fits) && !name.starts_with('.') && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_aws_are_told_from_other_stores() {
        let table = [
            ("https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com", true),
            ("https://s3.cn-north-1.AMAZONAWS.com.cn.:443", true),
            ("https://s3.eusc-de-east-1.amazonaws.eu", true),
            ("https://amazonaws.com.example.com", false),
            ("https://notamazonaws.com", false),
            ("http://127.0.0.1:9000", false),
        ];
        for (url, is_aws) in table {
            assert_eq!(Endpoint::parse(url).unwrap().is_aws(), is_aws, "{url}");
        }
    }

    #[test]
    fn slashes_at_the_end_are_ignored() {
        for url in ["http://h/s3", "http://h/s3/", "http://h/s3//"] {
            assert_eq!(Endpoint::parse(url).unwrap().url, "http://h/s3", "{url}");
        }
        for url in ["https://h:9000", "https://h:9000/"] {
            assert_eq!(Endpoint::parse(url).unwrap().url, "https://h:9000", "{url}");
        }
    }

    #[test]
    fn a_bucket_in_the_url_is_rejected_or_suspected() {
        let refused = Err(EndpointError::PathIsBucket);
        let cases = [
            ("http://h", Ok(()), None),
            ("http://h/raw", refused, Some("http://h")),
            ("http://h/raw/", refused, Some("http://h")),
            ("http://h//raw/", refused, Some("http://h/")),
            ("http://h:1/s3/raw", Ok(()), Some("http://h:1/s3")),
            ("http://h/s3raw", Ok(()), None),
            ("http://h/RAW", Ok(()), None),
            ("http://h/raw/s3", Ok(()), None),
            ("http://raw.store.example", Ok(()), Some("http://store.example")),
            ("HTTPS://Raw.store.example:9000/s3/", Ok(()), Some("https://store.example:9000/s3")),
            ("http://raw", Ok(()), None),
            ("http://raw.", Ok(()), None),
            ("http://rawer.store.example", Ok(()), None),
            ("http://[::1]:9000/raw/x", Ok(()), None),
        ];
        for (url, checked, without) in cases {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.check_bucket("raw"), checked, "{url}");
            assert_eq!(endpoint.without_bucket("raw").as_deref(), without, "{url}");
        }
        assert_eq!(Endpoint::parse("http://127.0.0.1").unwrap().without_bucket("127"), None);
        let dotted = Endpoint::parse("http://a.b.store.example").unwrap();
        assert_eq!(dotted.without_bucket("a.b").as_deref(), Some("http://store.example"));
    }

    #[test]
    fn a_url_of_a_store_is_accepted_and_anything_else_has_its_own_error() {
        let cases = [
            ("https://minio.example.com", Ok((Scheme::Https, "minio.example.com", false))),
            ("HTTP://minio_1:9000/", Ok((Scheme::Http, "minio_1", false))),
            (
                "https://gateway.example.com/s3/v1",
                Ok((Scheme::Https, "gateway.example.com", false)),
            ),
            ("http://127.0.0.1:9000", Ok((Scheme::Http, "127.0.0.1", true))),
            ("http://LOCALHOST:9000", Ok((Scheme::Http, "LOCALHOST", true))),
            ("http://s3.localhost", Ok((Scheme::Http, "s3.localhost", true))),
            ("http://[::1]:9000/x", Ok((Scheme::Http, "::1", true))),
            ("hTTpS://[2001:DB8::1]/", Ok((Scheme::Https, "2001:DB8::1", false))),
            ("http://[::ffff:127.0.0.1]:1", Ok((Scheme::Http, "::ffff:127.0.0.1", false))),
            ("https://host:65535/a//b/", Ok((Scheme::Https, "host", false))),
            ("https://host:0080", Ok((Scheme::Https, "host", false))),
            ("https://host./a:b/c%20d", Ok((Scheme::Https, "host.", false))),
            ("http://127.0.0.1.example.com", Ok((Scheme::Http, "127.0.0.1.example.com", false))),
            ("", Err(EndpointError::Empty)),
            ("minio:9000", Err(EndpointError::Scheme)),
            ("s3://bucket", Err(EndpointError::Scheme)),
            ("https://user:pw@host", Err(EndpointError::Credentials)),
            ("https://host/a@b", Err(EndpointError::Credentials)),
            ("https://host?x=1", Err(EndpointError::QueryOrFragment)),
            ("https://host/#top", Err(EndpointError::QueryOrFragment)),
            (" https://host", Err(EndpointError::Character)),
            ("https://host\n", Err(EndpointError::Character)),
            ("https://{host}", Err(EndpointError::Character)),
            ("https://höst", Err(EndpointError::Character)),
            ("https://", Err(EndpointError::Host)),
            ("https:///path", Err(EndpointError::Host)),
            ("https://:9000", Err(EndpointError::Host)),
            ("https://a..b", Err(EndpointError::Host)),
            ("https://[fe80", Err(EndpointError::Host)),
            ("https://[host]", Err(EndpointError::Host)),
            ("https://host:", Err(EndpointError::Port)),
            ("https://host:+80", Err(EndpointError::Port)),
            ("https://host:0", Err(EndpointError::Port)),
            ("https://host:65536", Err(EndpointError::Port)),
            ("https://[::1]9000", Err(EndpointError::Port)),
            ("https://[::1]:", Err(EndpointError::Port)),
            ("https://[::1]:0", Err(EndpointError::Port)),
            ("https://fe80::1", Err(EndpointError::Host)),
            ("https://::1:9000", Err(EndpointError::Host)),
            ("https://[::1", Err(EndpointError::Host)),
            ("https://[]", Err(EndpointError::Host)),
            ("https://[fe80::1%25eth0]", Err(EndpointError::Host)),
            ("https://ho%73t", Err(EndpointError::Host)),
            ("https://user@", Err(EndpointError::Credentials)),
            ("https://@host", Err(EndpointError::Credentials)),
            ("https://user:p@ss@[::1]:9000/x", Err(EndpointError::Credentials)),
            ("HTTPS://user:pw@host", Err(EndpointError::Credentials)),
            ("https://host:9000?", Err(EndpointError::QueryOrFragment)),
            ("https://host:9000/a?b=c/d", Err(EndpointError::QueryOrFragment)),
            ("https://host#", Err(EndpointError::QueryOrFragment)),
            ("https://user@host?x", Err(EndpointError::Credentials)),
            ("https://host/a b", Err(EndpointError::Character)),
            ("https://host/{a}", Err(EndpointError::Character)),
            ("https//host", Err(EndpointError::Scheme)),
            ("//host", Err(EndpointError::Scheme)),
            ("/path", Err(EndpointError::Scheme)),
            ("ftp://user@host", Err(EndpointError::Scheme)),
        ];
        for (url, expected) in cases {
            let parsed = Endpoint::parse(url);
            match expected {
                Ok((scheme, host, loopback)) => {
                    let endpoint = parsed.unwrap();
                    assert_eq!(
                        (endpoint.url.as_str(), endpoint.scheme, endpoint.host.as_str()),
                        (url.trim_end_matches('/'), scheme, host)
                    );
                    assert_eq!(endpoint.is_loopback(), loopback, "{url}");
                }
                Err(error) => assert_eq!(parsed, Err(error), "{url}"),
            }
        }
    }
}
