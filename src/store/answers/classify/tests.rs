//! The tables from answers to kinds and effects, and the sentences of the errors.

use super::*;
use crate::aws::EndpointVariant;
use crate::error::FailureType;
use crate::store::Distrust;
use crate::store::answers::error::Effect;
use crate::store::operation::Operation;
use StoreErrorKind as Kind;

fn region(name: &str) -> Kind {
    Kind::WrongRegion { expected: Some(name.to_owned()) }
}

#[test]
fn codes_decide_before_statuses() {
    use FailureType::{Config, System, Transient};
    let table: &[(&str, u16, Kind, FailureType)] = &[
        ("AccessDenied", 403, Kind::AccessDenied, Config),
        ("AllAccessDisabled", 403, Kind::AccessDenied, Config),
        ("AccountProblem", 403, Kind::AccountProblem, Config),
        ("NotSignedUp", 403, Kind::AccountProblem, Config),
        ("NoSuchBucket", 404, Kind::BucketMissing, Config),
        ("InvalidBucketName", 400, Kind::InvalidBucketName, Config),
        ("PermanentRedirect", 301, region("eu-north-1"), Config),
        ("TemporaryRedirect", 307, region("eu-north-1"), Config),
        ("AuthorizationHeaderMalformed", 400, region("eu-north-1"), Config),
        ("IllegalLocationConstraintException", 400, region("eu-north-1"), Config),
        ("InvalidAccessKeyId", 403, Kind::BadCredentials, Config),
        ("SignatureDoesNotMatch", 403, Kind::BadCredentials, Config),
        ("InvalidToken", 400, Kind::BadCredentials, Config),
        ("ExpiredToken", 400, Kind::ExpiredCredentials, Config),
        ("TokenRefreshRequired", 400, Kind::ExpiredCredentials, Config),
        ("KMS.DisabledException", 400, Kind::EncryptionKey, Config),
        ("KMS.ThrottlingException", 400, Kind::Throttled, Transient),
        ("QuotaExceeded", 403, Kind::StorageFull, Config),
        ("KeyTooLongError", 400, Kind::InvalidKey, Config),
        ("PreconditionFailed", 412, Kind::KeyTaken, Transient),
        ("NoSuchKey", 404, Kind::NotFound, Transient),
        ("NoSuchUpload", 404, Kind::NoSuchUpload, Transient),
        ("NoSuchUpload", 403, Kind::NoSuchUpload, Transient),
        ("ConditionalRequestConflict", 409, Kind::Conflict, Transient),
        ("OperationAborted", 409, Kind::Conflict, Transient),
        ("RequestTimeTooSkewed", 403, Kind::ClockSkew, Transient),
        ("SlowDown", 503, Kind::Throttled, Transient),
        ("TooManyRequests", 429, Kind::Throttled, Transient),
        ("InternalError", 500, Kind::Server, Transient),
        ("InternalError", 200, Kind::Server, Transient),
        ("ServiceUnavailable", 503, Kind::Server, Transient),
        ("RequestTimeout", 400, Kind::Timeout, Transient),
        ("BadDigest", 400, Kind::Damaged, Transient),
        ("IncompleteBody", 400, Kind::Damaged, Transient),
        ("NotImplemented", 501, Kind::Unsupported, Config),
        ("MethodNotAllowed", 405, Kind::Unsupported, Config),
        ("MissingContentMD5", 400, Kind::Rejected, System),
        ("InvalidPart", 400, Kind::Rejected, System),
        ("EntityTooSmall", 400, Kind::Rejected, System),
        ("MalformedXML", 400, Kind::Rejected, System),
        ("SomethingNew", 400, region("eu-north-1"), Config),
        ("SomethingNew", 418, Kind::Unknown, System),
        ("SomethingNew", 502, Kind::Server, Transient),
        ("SomethingNew", 599, Kind::Server, Transient),
        ("SecondLevelDomainForbidden", 403, Kind::PathStyleRefused, Config),
    ];
    for (code, status, kind, failure_type) in table {
        let answer = Answer {
            status: *status,
            code: Some(code),
            other_region: Some("eu-north-1"),
            ..Answer::default()
        };
        let found = kind_of(Operation::PutObject, answer);
        assert_eq!(&found, kind, "{code} {status}");
        assert_eq!(found.failure_type(), *failure_type, "{code} {status}");
    }
}

#[test]
fn a_bare_status_is_read_by_what_was_asked() {
    let table: &[(Operation, u16, Kind)] = &[
        (Operation::ListObjects, 404, Kind::BucketMissing),
        (Operation::PutObject, 404, Kind::BucketMissing),
        (Operation::UploadPart, 404, Kind::NoSuchUpload),
        (Operation::CompleteMultipartUpload, 404, Kind::NoSuchUpload),
        (Operation::HeadObject, 404, Kind::NotFound),
        (Operation::HeadObject, 400, Kind::BadCredentials),
        (Operation::PutObject, 400, Kind::Unknown),
        (Operation::HeadObject, 301, Kind::WrongRegion { expected: None }),
        (Operation::PutObject, 307, Kind::Server),
        (Operation::HeadObject, 401, Kind::BadCredentials),
        (Operation::HeadObject, 403, Kind::AccessDenied),
        (Operation::PutObject, 408, Kind::Timeout),
        (Operation::PutObject, 409, Kind::Conflict),
        (Operation::PutObject, 412, Kind::KeyTaken),
        (Operation::PutObject, 429, Kind::Throttled),
        (Operation::PutObject, 500, Kind::Server),
        (Operation::PutObject, 501, Kind::Unsupported),
        (Operation::PutObject, 503, Kind::Server),
        (Operation::PutObject, 507, Kind::StorageFull),
        (Operation::PutObject, 509, Kind::Throttled),
        (Operation::PutObject, 520, Kind::Server),
        (Operation::PutObject, 529, Kind::Throttled),
        (Operation::PutObject, 599, Kind::Server),
        (Operation::ListObjects, 200, Kind::NotS3),
        (Operation::CopyObject, 404, Kind::NotFound),
        (Operation::DeleteObjects, 404, Kind::BucketMissing),
        (Operation::DeleteObjects, 405, Kind::Unsupported),
    ];
    for (op, status, kind) in table {
        assert_eq!(
            &kind_of(*op, Answer { status: *status, ..Answer::default() }),
            kind,
            "{op:?} {status}"
        );
    }
}

/// What a refusal says in its text, where its code is not enough.
#[test]
fn some_refusals_are_read_to_the_end() {
    let table: &[(u16, Option<&str>, &str, Kind)] = &[
        (
            403,
            Some("AccessDenied"),
            "<Message>User: arn:aws:iam::1:user/x is not authorized to perform: \
             kms:GenerateDataKey on resource: arn:aws:kms:..</Message>",
            Kind::EncryptionKey,
        ),
        (403, Some("AccessDenied"), "<Message>Access Denied</Message>", Kind::AccessDenied),
        (
            400,
            Some("InvalidRequest"),
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with \
             Object Lock parameters",
            Kind::ObjectLock,
        ),
        (400, Some("InvalidRequest"), "something else", Kind::Rejected),
        (403, None, "<html><body>Forbidden by the proxy</body></html>", Kind::NotS3),
        (405, None, "<html>", Kind::NotS3),
        (408, None, "<html>", Kind::Timeout),
        (409, None, "<html>", Kind::Conflict),
        (429, None, "<html>", Kind::Throttled),
        (407, None, "<html>", Kind::ProxyAuthentication),
        (413, None, "<html>", Kind::TooLargeForProxy),
        (
            400,
            Some("InvalidArgument"),
            "<ArgumentName>If-None-Match</ArgumentName>",
            Kind::Unsupported,
        ),
        (
            400,
            Some("InvalidRequest"),
            "x-amz-tagging",
            Kind::OptionRefused { setting: "object_tags" },
        ),
        (412, Some("PreconditionFailed"), "<Condition>If-None-Match</Condition>", Kind::KeyTaken),
        (403, None, "", Kind::AccessDenied),
        (503, None, "<html>", Kind::Server),
    ];
    for (status, code, body, kind) in table {
        let answer =
            Answer { status: *status, code: *code, body: body.as_bytes(), ..Answer::default() };
        assert_eq!(&kind_of(Operation::PutObject, answer), kind, "{status} {body}");
    }
}

#[test]
fn a_denial_is_quoted_for_its_action_and_nothing_else() {
    let table = [
        (
            "User: arn:aws:iam::1:user/x is not authorized to perform: s3:PutObjectTagging on \
             resource: \"arn:aws:s3:::b/k\" because no identity-based policy allows the \
             s3:PutObjectTagging action",
            Some("s3:PutObjectTagging"),
            false,
        ),
        (
            "User: x is not authorized to perform: s3:PutObject on resource: y with an explicit \
             deny in a resource-based policy",
            Some("s3:PutObject"),
            true,
        ),
        ("Access Denied", None, false),
        ("is not authorized to perform: <script>:x on resource", None, false),
        ("is not authorized to perform: ", None, false),
    ];
    for (message, action, explicit) in table {
        assert_eq!(
            denial_details(message),
            DenialDetails { action: action.map(str::to_owned), explicit },
            "{message}"
        );
    }
}

#[test]
fn only_a_single_refused_attempt_surely_changed_nothing() {
    use Effect::{NotApplied, Unknown};
    let table: &[(Operation, Kind, u32, Effect)] = &[
        (Operation::PutObject, Kind::AccessDenied, 1, NotApplied),
        (Operation::PutObject, Kind::AccessDenied, 2, Unknown),
        (Operation::PutObject, Kind::Timeout, 1, Unknown),
        (Operation::PutObject, Kind::Server, 1, Unknown),
        (Operation::PutObject, Kind::Connection, 0, NotApplied),
        // An answer that was garbled on its way: the object may be there.
        (Operation::PutObject, Kind::NotHttp, 1, Unknown),
        (Operation::PutObject, Kind::NotTls, 1, Unknown),
        (Operation::PutObject, Kind::Certificate(Distrust::UnknownIssuer), 1, NotApplied),
        (Operation::CompleteMultipartUpload, Kind::Unknown, 1, Unknown),
        (Operation::CopyObject, Kind::InvalidEndpoint, 1, Unknown),
        (Operation::PutObject, Kind::InvalidEndpoint, 0, NotApplied),
        (Operation::DeleteObjects, Kind::AccessDenied, 1, NotApplied),
        (Operation::GetObject, Kind::Timeout, 5, NotApplied),
    ];
    for (op, kind, attempts, effect) in table {
        assert_eq!(effect_of(*op, kind, *attempts), *effect, "{op:?} {kind:?} {attempts}");
    }
}

#[test]
fn sentences_name_the_thing_and_what_to_do() {
    let call = |op, region| Call {
        op,
        key: "a/b.csv",
        bucket: "sales",
        region,
        endpoint: None,
        variant: EndpointVariant::default(),
        endpoint_without_bucket: None,
        attempts: 1,
        extra_actions: Vec::new(),
        renewable: false,
        secrets: Vec::new(),
    };
    let text =
        |op, region, kind| call(op, region).without_answer(kind, Effect::NotApplied).to_string();
    let put = text(Operation::UploadPart, "eu-west-1", Kind::AccessDenied);
    assert!(
        put.starts_with("s3:PutObject on arn:aws:s3:::sales/a/b.csv was denied: allow"),
        "{put}"
    );
    let list = text(Operation::ListObjects, "us-gov-west-1", Kind::AccessDenied);
    assert!(list.starts_with("s3:ListBucket on arn:aws-us-gov:s3:::sales was denied"), "{list}");
    let list = text(Operation::ListObjects, "eusc-de-east-1", Kind::AccessDenied);
    assert!(list.starts_with("s3:ListBucket on arn:aws-eusc:s3:::sales was denied"), "{list}");
    let delete = text(Operation::DeleteObjects, "eu-west-1", Kind::AccessDenied);
    assert!(
        delete.starts_with("s3:DeleteObject on arn:aws:s3:::sales/* was denied: allow"),
        "{delete}"
    );
    let copy = text(Operation::CopyObject, "eu-west-1", Kind::AccessDenied);
    for needed in ["arn:aws:s3:::sales/a/b.csv", "s3:PutObject", "s3:GetObject"] {
        assert!(copy.contains(needed), "{copy}");
    }
    let wrong = text(Operation::ListObjects, "us-east-1", region("eu-west-1"));
    assert!(wrong.ends_with("set s3_bucket_region to \"eu-west-1\""), "{wrong}");
    let key = text(Operation::ListObjects, "us-east-1", Kind::BadCredentials);
    assert!(key.contains("check access_key_id"), "{key}");
    let role = |kind| {
        let call = Call { renewable: true, ..call(Operation::ListObjects, "us-east-1") };
        call.without_answer(kind, Effect::NotApplied).to_string()
    };
    for kind in [Kind::BadCredentials, Kind::ExpiredCredentials] {
        let sentence = role(kind);
        assert!(sentence.contains("role or the connector's environment"), "{sentence}");
        assert!(!sentence.contains("access_key_id"), "{sentence}");
    }
    let completed = text(Operation::CompleteMultipartUpload, "us-east-1", Kind::KeyTaken);
    for needed in [
        "ties the parts of an upload to its key",
        "the next attempt takes the next number",
        "{uuid}",
    ] {
        assert!(completed.contains(needed), "{completed}");
    }
    let missing = text(Operation::ListObjects, "us-east-1", Kind::BucketMissing);
    assert!(missing.contains("s3_bucket_name") && missing.contains("\"sales\""), "{missing}");
}

#[test]
fn server_text_is_kept_out_unless_harmless() {
    assert_eq!(harmless("eu-west-1"), Some("eu-west-1"));
    assert_eq!(harmless("eu west"), None);
    assert_eq!(harmless(""), None);
    assert_eq!(harmless(&"x".repeat(65)), None);
    assert_eq!(element(b"<Error><Region>eu-west-1</Region></Error>", "Region"), Some("eu-west-1"));
    assert_eq!(element(b"<Error><Region>eu", "Region"), None);
    assert_eq!(element(b"<Error><Region>eu", "Code"), None);
}
