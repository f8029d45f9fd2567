//! Where the store is reached: below which path, and under which host names.
//!
//! A request comes in; the request that S3 would get goes out: the bucket first in its path.

use hyper::http::request::Parts;

/// The address of the store. The default is the address of S3 itself: the bucket comes first in the
/// path, whatever the host.
#[derive(Clone, Debug, Default)]
pub struct Addressing {
    /// What every path begins with, without a slash at its end: `/s3`.
    pub path_prefix: String,
    /// The domain of virtual-hosted buckets: `BUCKET.DOMAIN`. Under any other host name the bucket
    /// is in the path.
    pub bucket_domain: Option<String>,
}

impl Addressing {
    /// Returns the head that S3 would get and, if that differs from the head that came and was
    /// signed, the latter as well. Returns `None` for a request that is not to the store.
    pub(crate) fn resolve(&self, head: Parts) -> Option<(Parts, Option<Parts>)> {
        let path = head.uri.path();
        let inside =
            path.strip_prefix(self.path_prefix.as_str()).filter(|rest| rest.starts_with('/'))?;
        let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        let of_bucket = self
            .bucket_domain
            .as_deref()
            .and_then(|domain| name.strip_suffix(domain)?.strip_suffix('.'));
        let path = match of_bucket {
            Some(bucket) => format!("/{bucket}{inside}"),
            None if self.path_prefix.is_empty() => return Some((head, None)),
            None => inside.to_owned(),
        };
        let target = match head.uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let signed = head.clone();
        let mut head = head;
        head.uri = target.parse().expect("a part of a path is a path");
        head.headers.remove("authorization");
        Some((head, Some(signed)))
    }
}
