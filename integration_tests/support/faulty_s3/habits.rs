//! What a store does to every request, for ever: where it is, and what it gets wrong.
//!
//! [`Place`]: below which path and under which host names the store is reached. A request comes in,
//! and the one that S3 would get goes out: the bucket in the path, nothing before it. [`Habits`]:
//! answers that are always wrong.
//!
//! Not here: faults that come and go (`rules`).

use hyper::StatusCode;
use hyper::http::request::Parts;
use s3s::{Body, HttpResponse};

use super::rules::Operation;

/// Where a store is reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// What every path begins with, without a slash at its end: `/s3`.
    pub(crate) path: String,
    /// The host name behind that of a bucket. A request to any other host names its bucket in the
    /// path.
    pub(crate) domain: Option<String>,
}

impl Place {
    /// The head that S3 would get, and the one that came and was signed, where that is another one.
    /// Nothing: the request is not to the store.
    pub(super) fn enter(&self, head: Parts) -> Option<(Parts, Option<Parts>)> {
        let path = head.uri.path();
        let inside = path.strip_prefix(self.path.as_str()).filter(|rest| rest.starts_with('/'))?;
        let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default();
        let of_bucket =
            self.domain.as_deref().and_then(|domain| name.strip_suffix(domain)?.strip_suffix('.'));
        let path = match of_bucket {
            Some(bucket) => format!("/{bucket}{inside}"),
            None if self.path.is_empty() => return Some((head, None)),
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

/// Requests that a store always answers wrongly. (What it gets wrong about what it keeps: `quirks`.)
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// A write with `If-None-Match` is refused with 412, whatever is there.
    pub(crate) refuses_guarded_writes: bool,
    /// Any write with `If-None-Match` is refused with 501.
    pub(crate) lacks_guard: bool,
    /// What HeadObject of a missing key is answered with, in place of 404.
    pub(crate) missing_head: Option<u16>,
}

impl Habits {
    /// The refusal of a request that is not looked at any further: status and code.
    pub(super) fn refusal(self, head: &Parts) -> Option<(u16, &'static str)> {
        let is_guarded = head.headers.contains_key("if-none-match");
        match self {
            Self { refuses_guarded_writes: true, .. } if is_guarded => {
                Some((412, "PreconditionFailed"))
            }
            Self { lacks_guard: true, .. } if is_guarded => Some((501, "NotImplemented")),
            _ => None,
        }
    }

    /// The store's answer, made wrong.
    pub(super) fn spoil(self, operation: Operation, key: &str, answer: &mut HttpResponse) {
        if let Some(status) = self.missing_head
            && operation == Operation::Head
            && !key.is_empty()
            && answer.status() == StatusCode::NOT_FOUND
        {
            *answer = HttpResponse::new(Body::empty());
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
        }
    }
}
