//! Checks AWS Signature Version 4, as a server does.
//!
//! The head and body of a request and the secret of its key go in; whether the signature is right
//! comes out. For STS the signature covers the hash of the body; for S3 it covers the hash that the
//! client put into a header.
//!
//! Not here: which key it is and whether it is valid (`keyring`); bodies in chunks (s3s).

use hyper::http::request::Parts;
use s3s::crypto::{Checksum as _, Sha256};

/// The block size of HMAC with SHA-256.
const BLOCK_BYTES: usize = 64;

/// Returns whether a request was signed with `secret`.
pub fn is_right(head: &Parts, body: &[u8], secret: &str) -> bool {
    matches(head, &hex(&Sha256::checksum(body)), secret) == Some(true)
}

/// Returns whether the head of a request to S3 was signed with `secret`.
pub(crate) fn is_right_for_s3(head: &Parts, secret: &str) -> bool {
    let hash = head.headers.get("x-amz-content-sha256").and_then(|hash| hash.to_str().ok());
    hash.is_some_and(|hash| matches(head, hash, secret) == Some(true))
}

fn matches(head: &Parts, body_hash: &str, secret: &str) -> Option<bool> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let part = |wanted: &str| {
        let mut pairs = authorization.split(',').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let (_, scope) = part("Credential")?.split_once('/')?;
    let signed = part("SignedHeaders")?;
    let headers: Option<String> =
        signed.split(';').map(|name| Some(format!("{name}:{}\n", header(name)?.trim()))).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{}\n{signed}\n{}",
        head.method,
        head.uri.path(),
        canonical_query(head.uri.query().unwrap_or_default()),
        headers?,
        body_hash,
    );
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        header("x-amz-date")?,
        hex(&Sha256::checksum(canonical.as_bytes()))
    );
    let secret = format!("AWS4{secret}").into_bytes();
    let key = scope.split('/').fold(secret, |key, part| hmac(&key, part.as_bytes()).to_vec());
    Some(hex(&hmac(&key, text.as_bytes())) == part("Signature")?)
}

/// Returns the parameters sorted by name, each with a value.
fn canonical_query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Returns the region that a request is signed for.
pub fn region(head: &Parts) -> Option<String> {
    let authorization = head.headers.get("authorization")?.to_str().ok()?;
    authorization.split_once("Credential=")?.1.split('/').nth(2).map(str::to_owned)
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..32].copy_from_slice(&Sha256::checksum(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8, text: &[u8]| {
        let padded: Vec<u8> =
            block.iter().map(|byte| byte ^ pad).chain(text.iter().copied()).collect();
        Sha256::checksum(&padded)
    };
    padded(0x5c, &padded(0x36, text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{hex, hmac};

    /// RFC 4231, cases 2 and 6.
    #[test]
    fn known_codes() {
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
