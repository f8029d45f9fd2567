//! What S3 checks about a request besides its signature: digests of the body, the size of metadata,
//! and conditions.
//!
//! Headers and a body go in; an error with S3's code and status comes out, or the checksums that
//! the request declared.
//!
//! Not here: what depends on the state of an upload (`uploads`).

use std::collections::BTreeMap;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{ETag, ETagCondition, StreamingBlob};
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Result, s3_error};

/// The limit of user metadata, names and values together.
const METADATA_LIMIT_BYTES: usize = 2048;
/// The limit of a key in UTF-8.
const KEY_LIMIT_BYTES: usize = 1024;
/// The length of an MD5 in base64.
const MD5_DIGITS: usize = 24;
/// The prefix of the headers of user metadata.
const METADATA_PREFIX: &str = "x-amz-meta-";

/// The name of an algorithm in `x-amz-checksum-algorithm`, and the function that computes the
/// checksum in base64.
type Algorithm = (&'static str, fn(&[u8]) -> String);

/// Every algorithm of S3.
const ALGORITHMS: [Algorithm; 5] = [
    ("CRC32", sum::<Crc32>),
    ("CRC32C", sum::<Crc32c>),
    ("CRC64NVME", sum::<Crc64Nvme>),
    ("SHA1", sum::<Sha1>),
    ("SHA256", sum::<Sha256>),
];

/// Verified checksums of a body: algorithm to base64.
pub(crate) type Sums = BTreeMap<&'static str, String>;

/// Reads the whole body of an upload.
pub(crate) async fn whole(body: Option<StreamingBlob>) -> S3Result<bytes::Bytes> {
    let Some(body) = body else { return Ok(bytes::Bytes::new()) };
    Body::from(body).store_all_limited(usize::MAX).await.map_err(|error| {
        // The error of s3s is not public; only its text distinguishes a wrong hash from a short
        // body.
        if error.to_string().contains("Sha256Mismatch") {
            refusal(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match",
            )
        } else {
            S3Error::with_source(S3ErrorCode::IncompleteBody, error)
        }
    })
}

/// Compares every digest that was sent with the body, in headers or trailers, with the body.
pub(crate) fn verified<T>(request: &S3Request<T>, body: &[u8]) -> S3Result<Sums> {
    if let Some(declared) = request.headers.get("content-md5") {
        if declared.len() != MD5_DIGITS {
            return Err(s3_error!(InvalidDigest));
        }
        if declared.as_bytes() != sum::<Md5>(body).as_bytes() {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match"));
        }
    }
    let trailers =
        request.trailing_headers.as_ref().and_then(s3s::TrailingHeaders::take).unwrap_or_default();
    let mut sums = Sums::new();
    for (name, sum) in ALGORITHMS {
        let header = header_of(name);
        if let Some(declared) = request.headers.get(&header).or_else(|| trailers.get(&header)) {
            let found = sum(body);
            if declared.as_bytes() != found.as_bytes() {
                return Err(s3_error!(BadDigest, "The {name} you specified did not match"));
            }
            sums.insert(name, found);
        }
    }
    Ok(sums)
}

/// Returns the headers that repeat checksums in an answer.
pub(crate) fn headers_of(sums: &Sums) -> HeaderMap {
    let header = |(name, sum): (&&str, &String)| {
        (header_of(name), HeaderValue::from_str(sum).expect("base64 is a header value"))
    };
    sums.iter().map(header).collect()
}

/// Returns the MD5 of a body in the form of an ETag.
pub(crate) fn md5_hex(body: &[u8]) -> String {
    hex(&Md5::checksum(body))
}

/// Returns the ETag of an object that was assembled from parts with these ETags.
pub(crate) fn multipart_etag<'a>(parts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = parts.len();
    let mut hash = Md5::new();
    for etag in parts {
        let byte = |index| u8::from_str_radix(etag.get(index..index + 2).unwrap_or(""), 16);
        for index in (0..etag.len()).step_by(2) {
            hash.update(&[byte(index).expect("the ETag of a part is an MD5")]);
        }
    }
    format!("{}-{count}", hex(&hash.finalize()))
}

/// Refuses a key that is too long and metadata that is too large.
pub(crate) fn check_names<T>(request: &S3Request<T>, key: &str) -> S3Result<()> {
    if key.len() > KEY_LIMIT_BYTES {
        return Err(s3_error!(KeyTooLongError));
    }
    let metadata = request.headers.iter().filter_map(|(name, value)| {
        name.as_str().strip_prefix(METADATA_PREFIX).map(|name| name.len() + value.len())
    });
    if metadata.sum::<usize>() > METADATA_LIMIT_BYTES {
        return Err(s3_error!(MetadataTooLarge));
    }
    Ok(())
}

/// Checks `If-None-Match: *` and `If-Match` against the ETag of the object that has the key.
pub(crate) fn check_conditions<T>(request: &S3Request<T>, current: Option<&str>) -> S3Result<()> {
    if let Some(condition) = request.headers.get("if-none-match") {
        if condition != "*" {
            return Err(s3_error!(NotImplemented, "If-None-Match takes nothing but *"));
        }
        if current.is_some() {
            return Err(s3_error!(PreconditionFailed));
        }
    }
    if let Some(condition) = request.headers.get("if-match") {
        let condition = ETagCondition::parse_http_header(condition.as_bytes())
            .map_err(|e| s3_error!(e, InvalidArgument))?;
        let Some(current) = current else { return Err(s3_error!(NoSuchKey)) };
        if condition
            .as_etag()
            .is_some_and(|wanted| !wanted.strong_cmp(&ETag::Strong(current.to_owned())))
        {
            return Err(s3_error!(PreconditionFailed));
        }
    }
    Ok(())
}

/// Returns a 400 with a code that s3s does not know.
fn refusal(code: &'static str, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(hyper::StatusCode::BAD_REQUEST);
    error
}

fn header_of(algorithm: &str) -> HeaderName {
    let name = format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase());
    HeaderName::try_from(name).expect("the name of a header")
}

fn sum<C: Checksum>(body: &[u8]) -> String {
    base64(C::checksum(body).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for position in 0..4 {
            let sextet = bits >> (18 - 6 * position) & 63;
            text.push(if position > group.len() {
                '='
            } else {
                char::from(ALPHABET[sextet as usize])
            });
        }
    }
    text
}
