//! The documents of STS, spelled exactly as AWS spells them.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use faulty_s3::loopback::{Body, HttpResponse};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::script::StsFault;
use faulty_s3::keyring::Key;

/// The namespace of every document.
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The id of every request.
const REQUEST_ID: &str = "c6104cbe-af31-11e0-8154-cbc7ccf896c7";

/// Returns the answer of GetCallerIdentity.
pub(super) fn identity(key: &Key) -> HttpResponse {
    let (arn, account, id) = (&key.arn, key.account(), unique_id(key));
    document(
        200,
        &format!(
            "<GetCallerIdentityResponse \
             xmlns=\"{NAMESPACE}\">\n\
             \x20 <GetCallerIdentityResult>\n\
             \x20   <Arn>{arn}</Arn>\n\
             \x20   <UserId>{id}</UserId>\n\
             \x20   <Account>{account}</Account>\n\
             \x20 </GetCallerIdentityResult>\n\
             \x20 <ResponseMetadata>\n\
             \x20   <RequestId>{REQUEST_ID}</RequestId>\n\
             \x20 </ResponseMetadata>\n\
             </GetCallerIdentityResponse>\n"
        ),
    )
}

/// Returns the answer of AssumeRole and AssumeRoleWithWebIdentity: a new key.
pub(super) fn assumed(action: &str, key: &Key) -> HttpResponse {
    let session = key.arn.rsplit('/').next().unwrap_or_default();
    let (id, arn, secret) = (unique_id(key), &key.arn, &key.secret);
    let (key_id, token) = (&key.id, key.token.as_deref().unwrap_or_default());
    let ends = instant(key.expires.expect("keys of a role end"));
    document(
        200,
        &format!(
            "<{action}Response \
             xmlns=\"{NAMESPACE}\">\n\
             \x20 <{action}Result>\n\
             \x20   <AssumedRoleUser>\n\
             \x20     <AssumedRoleId>{id}:{session}</AssumedRoleId>\n\
             \x20     <Arn>{arn}</Arn>\n\
             \x20   </AssumedRoleUser>\n\
             \x20   <Credentials>\n\
             \x20     <AccessKeyId>{key_id}</AccessKeyId>\n\
             \x20     <SecretAccessKey>{secret}</SecretAccessKey>\n\
             \x20     <SessionToken>{token}</SessionToken>\n\
             \x20     <Expiration>{ends}</Expiration>\n\
             \x20   </Credentials>\n\
             \x20 </{action}Result>\n\
             \x20 <ResponseMetadata>\n\
             \x20   <RequestId>{REQUEST_ID}</RequestId>\n\
             \x20 </ResponseMetadata>\n\
             </{action}Response>\n"
        ),
    )
}

/// What [`StsFault::Repeats`] repeats, in place of the request's own text.
pub(crate) const REPEATED: &str = "said-in-confidence";

/// Returns the answer for a fault, except for [`StsFault::NoAnswer`] and [`StsFault::Silence`].
pub(super) fn fault(fault: StsFault) -> HttpResponse {
    match fault {
        StsFault::InternalFailure => refusal(
            500,
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        StsFault::Throttling => refusal(400, "Throttling", "Rate exceeded"),
        StsFault::RegionDisabled => refusal(
            403,
            "RegionDisabledException",
            "STS is not activated in this region for account:999988887777. Your account \
             administrator can activate STS in this region using the IAM Console.",
        ),
        StsFault::ExpiredToken => {
            refusal(403, "ExpiredToken", "The security token included in the request is expired")
        }
        StsFault::InvalidClientTokenId => refusal(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        StsFault::SignatureDoesNotMatch => refusal(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.",
        ),
        StsFault::Page => page(503, "<html><body><h1>503 Service Unavailable</h1></body></html>"),
        StsFault::ForbiddenPage => page(403, "<!DOCTYPE html><html><body>Blocked</body></html>"),
        StsFault::SignatureExpired => refusal(
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20261122T230000Z is now earlier than 20261122T231500Z \
            (20261122T233000Z - 15 min.)",
        ),
        StsFault::Repeats => refusal(
            400,
            "ValidationError",
            &format!(
                "Value '{REPEATED}' at 'externalId' failed to satisfy constraint; token {REPEATED}"
            ),
        ),
        StsFault::Status(status) => answer(status, "text/plain", ""),
        StsFault::Refusal(status, code) => refusal(status, code, "No."),
        StsFault::Portal | StsFault::NoAnswer | StsFault::Silence => {
            page(200, "<html><body>Please sign in</body></html>")
        }
    }
}

/// Returns an error document.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> HttpResponse {
    let whose = if status < 500 { "Sender" } else { "Receiver" };
    document(
        status,
        &format!(
            "<ErrorResponse \
             xmlns=\"{NAMESPACE}\">\n\
             \x20 <Error>\n\
             \x20   <Type>{whose}</Type>\n\
             \x20   <Code>{code}</Code>\n\
             \x20   <Message>{message}</Message>\n\
             \x20 </Error>\n\
             \x20 <RequestId>{REQUEST_ID}</RequestId>\n\
             </ErrorResponse>\n"
        ),
    )
}

fn document(status: u16, text: &str) -> HttpResponse {
    let mut answer = answer(status, "text/xml", text);
    answer.headers_mut().insert("x-amzn-requestid", HeaderValue::from_static(REQUEST_ID));
    answer
}

fn page(status: u16, text: &str) -> HttpResponse {
    answer(status, "text/html", text)
}

/// Returns an answer with this status, type and text.
pub(super) fn answer(status: u16, content_type: &'static str, text: &str) -> HttpResponse {
    let mut answer = HttpResponse::new(Body::from(text.to_owned()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// Formats a time as `2026-11-22T10:07:00Z`.
pub(super) fn instant(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns AWS's internal id of a user or role, which is not part of the ARN.
fn unique_id(key: &Key) -> &'static str {
    if key.token.is_some() { "AROA3XFRBF535PLBIFPI4" } else { "AIDA3XFRBF535PLBIFPI4" }
}
