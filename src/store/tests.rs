//! The store against a real S3 in this process, and against scripted answers that a real one rarely gives.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::client::Pace;
use super::testing::{BUCKET, Embedded, HASTE, Reply, SECRET, Scripted, settings};
use super::{Effect, ObjectInfo, PartReceipt, S3Store, StoreError, StoreErrorKind as Kind};
use crate::error::{Classified, Failure, FailureType};

fn object(token: u128) -> ObjectInfo {
    ObjectInfo {
        content_type: "application/x-ndjson",
        token: Uuid::from_u128(token),
        metadata: vec![("stream".to_owned(), "users".to_owned())],
    }
}

fn found_with_token(token: u128) -> Reply {
    Reply::status(&format!("200 OK\r\nx-amz-meta-Destination-S3-Token: {}", Uuid::from_u128(token)))
}

fn ok() -> Reply {
    Reply::status("200 OK\r\nETag: \"e\"")
}

fn absent() -> Reply {
    Reply::status("404 Not Found")
}

fn completed() -> Reply {
    Reply::Answer(
        "200 OK".to_owned(),
        "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>".to_owned(),
    )
}

const ROWS: Bytes = Bytes::from_static(b"{\"a\":1}\n");

async fn put(server: &Scripted) -> Result<(), StoreError> {
    server.store().put("a/b.jsonl", ROWS, &object(1)).await
}

async fn complete(server: &Scripted) -> Result<(), StoreError> {
    let part = PartReceipt { part_number: 1, etag: "\"e\"".to_owned(), crc32: Some("AAAAAA==".to_owned()) };
    server.store().complete_multipart("a/b.jsonl", "upload", &[part], &object(1)).await
}

#[tokio::test]
async fn what_is_put_is_listed_got_and_deleted() {
    let server = Embedded::start().await;
    let store = server.store();
    for key in ["f/one.jsonl", "f/two%20.jsonl", "f/deeper/three.jsonl", "four.jsonl"] {
        store.put(key, ROWS, &object(1)).await.unwrap();
    }
    let mut keys = store.list_keys("f/").await.unwrap();
    keys.sort();
    assert_eq!(keys, ["f/one.jsonl", "f/two%20.jsonl"], "keys under a further folder are not of the prefix");
    assert_eq!(store.list("f/").await.unwrap().folders, ["f/deeper/"]);
    assert_eq!(store.list_keys("f/o").await.unwrap(), ["f/one.jsonl"]);
    assert_eq!(store.get("f/one.jsonl").await.unwrap(), ROWS);
    store.delete("f/one.jsonl").await.unwrap();
    assert_eq!(store.get("f/one.jsonl").await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_taken_key_is_never_overwritten() {
    let server = Embedded::start().await;
    let store = server.store();
    store.put("k.jsonl", ROWS, &object(1)).await.unwrap();
    let error = store.put("k.jsonl", Bytes::from_static(b"other"), &object(2)).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (Kind::KeyTaken, Effect::NotApplied));
    assert_eq!(store.get("k.jsonl").await.unwrap(), ROWS);
    store.put("k.jsonl", ROWS, &object(1)).await.expect("the same write again is the same write");
}

#[tokio::test]
async fn a_multipart_object_appears_whole_and_once() {
    let server = Embedded::start().await;
    let store = server.store();
    let upload = store.create_multipart("m.jsonl", &object(1)).await.unwrap();
    let body = Bytes::from(vec![b'x'; 5 << 20]);
    let first = store.upload_part("m.jsonl", &upload, 1, body.clone()).await.unwrap();
    let last = store.upload_part("m.jsonl", &upload, 2, ROWS).await.unwrap();
    assert!(!first.etag.is_empty());
    assert!(!server.bucket_folder().join("m.jsonl").exists(), "visible too early");
    store.complete_multipart("m.jsonl", &upload, &[first, last], &object(1)).await.unwrap();
    assert_eq!(store.get("m.jsonl").await.unwrap().len(), body.len() + ROWS.len());

    let late = store.create_multipart("m.jsonl", &object(2)).await.unwrap();
    let part = store.upload_part("m.jsonl", &late, 1, ROWS).await.unwrap();
    let error = store.complete_multipart("m.jsonl", &late, &[part], &object(2)).await.unwrap_err();
    assert_eq!(error.kind, Kind::KeyTaken);
    store.abort_multipart("m.jsonl", &late).await.unwrap();
}

#[tokio::test]
async fn real_refusals_are_told_apart() {
    let server = Embedded::start().await;
    let wrong = |change: fn(&mut super::StoreSettings)| {
        let mut settings = settings(server.address);
        change(&mut settings);
        S3Store::with_pace(&settings, HASTE)
    };
    let missing = wrong(|settings| settings.bucket = "elsewhere".to_owned()).list_keys("").await.unwrap_err();
    assert_eq!(missing.kind, Kind::BucketMissing);
    let secret =
        wrong(|settings| settings.secret_access_key = "wrong".to_owned()).list_keys("").await.unwrap_err();
    assert_eq!(secret.kind, Kind::BadCredentials);
    assert_eq!(secret.failure_type(), FailureType::Config);
}

#[tokio::test]
async fn a_listing_reads_every_page() {
    let page = |key: &str, next: &str| {
        let body = format!(
            "<ListBucketResult><IsTruncated>{}</IsTruncated>{next}<Contents><Key>{key}</Key></Contents></ListBucketResult>",
            !next.is_empty()
        );
        Reply::Answer("200 OK".to_owned(), body)
    };
    let next = "<NextContinuationToken>more</NextContinuationToken>";
    let server = Scripted::start(vec![page("p/1", next), page("p/2", "")]).await;
    assert_eq!(server.store().list_keys("p/").await.unwrap(), ["p/1", "p/2"]);
    let requests = server.requests();
    assert!(!requests[0].contains("continuation-token"), "{}", requests[0]);
    assert!(requests[1].contains("continuation-token=more") && requests[1].contains("delimiter=%2f"));
}

#[tokio::test]
async fn writes_are_guarded_and_carry_a_checksum_and_the_token() {
    let server = Scripted::start(vec![ok()]).await;
    put(&server).await.unwrap();
    let request = server.requests().remove(0);
    for header in [
        "if-none-match: *",
        "x-amz-checksum-crc32: ",
        "content-type: application/x-ndjson",
        "x-amz-meta-stream: users",
        "x-amz-meta-destination-s3-token: 00000000-0000-0000-0000-000000000001",
    ] {
        assert!(request.contains(header), "{header} is missing in {request}");
    }
    assert!(!request.contains("aws-chunked"), "{request}");
}

#[tokio::test]
async fn the_checksum_algorithm_is_named_from_the_beginning_of_an_upload() {
    let created = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    let server = Scripted::start(vec![
        Reply::Answer("200 OK".to_owned(), created.to_owned()),
        Reply::status("200 OK\r\nETag: \"e\"\r\nx-amz-checksum-crc32: AAAAAA=="),
    ])
    .await;
    let store = server.store();
    assert_eq!(store.create_multipart("k", &object(1)).await.unwrap(), "u");
    let receipt = store.upload_part("k", "u", 7, ROWS).await.unwrap();
    assert_eq!(receipt, PartReceipt { part_number: 7, etag: "\"e\"".into(), crc32: Some("AAAAAA==".into()) });
    let requests = server.requests();
    assert!(requests[0].contains("x-amz-checksum-algorithm: crc32"), "{}", requests[0]);
    assert!(requests[1].contains("x-amz-checksum-crc32: "), "{}", requests[1]);
}

/// Each row: the server's answers, the requests that they lead to, and what the caller learns.
#[tokio::test]
async fn doubtful_answers_to_a_put_are_settled() {
    use Effect::{NotApplied, Unknown};
    type Row = (&'static str, Vec<Reply>, &'static str, Result<(), (Kind, Effect)>);
    let refused = || Reply::error("412 Precondition Failed", "PreconditionFailed");
    let conflict = || Reply::error("409 Conflict", "ConditionalRequestConflict");
    let broken = || Reply::error("500 Internal Server Error", "InternalError");
    let lacking = || Reply::error("501 Not Implemented", "NotImplemented");
    let denied = || Reply::error("403 Forbidden", "AccessDenied");
    let table: Vec<Row> = vec![
        ("lost, then our own", vec![Reply::Lose, refused(), found_with_token(1)], "PUT PUT HEAD", Ok(())),
        ("foreign", vec![refused(), found_with_token(2)], "PUT HEAD", Err((Kind::KeyTaken, NotApplied))),
        ("without a token", vec![refused(), ok()], "PUT HEAD", Err((Kind::KeyTaken, NotApplied))),
        ("deleted since", vec![refused(), absent()], "PUT HEAD", Err((Kind::KeyTaken, NotApplied))),
        ("whose?", vec![refused(), denied()], "PUT HEAD", Err((Kind::AccessDenied, Unknown))),
        ("lost, then fine", vec![Reply::Lose, ok()], "PUT PUT", Ok(())),
        ("busy, then fine", vec![Reply::error("503 Slow Down", "SlowDown"), ok()], "PUT PUT", Ok(())),
        ("conflict, then fine", vec![conflict(), ok()], "PUT PUT", Ok(())),
        ("conflict, then ours", vec![conflict(), refused(), found_with_token(1)], "PUT PUT HEAD", Ok(())),
        (
            "conflict for ever",
            vec![conflict(), conflict(), conflict(), absent()],
            "PUT PUT PUT HEAD",
            Err((Kind::Conflict, Unknown)),
        ),
        (
            "broken, yet written",
            vec![broken(), broken(), broken(), found_with_token(1)],
            "PUT PUT PUT HEAD",
            Ok(()),
        ),
        (
            "broken",
            vec![broken(), broken(), broken(), absent()],
            "PUT PUT PUT HEAD",
            Err((Kind::Server, Unknown)),
        ),
        (
            "broken, and foreign",
            vec![broken(), broken(), broken(), found_with_token(2)],
            "PUT PUT PUT HEAD",
            Err((Kind::KeyTaken, NotApplied)),
        ),
        (
            "lost for ever",
            vec![Reply::Lose, Reply::Lose, Reply::Lose, absent()],
            "PUT PUT PUT HEAD",
            Err((Kind::Connection, Unknown)),
        ),
        ("denied at once", vec![denied()], "PUT", Err((Kind::AccessDenied, NotApplied))),
        (
            "lost, then denied",
            vec![Reply::Lose, denied(), absent()],
            "PUT PUT HEAD",
            Err((Kind::AccessDenied, Unknown)),
        ),
        (
            "lost, then denied, yet written",
            vec![Reply::Lose, denied(), found_with_token(1)],
            "PUT PUT HEAD",
            Ok(()),
        ),
        ("no guard", vec![lacking(), absent(), ok()], "PUT HEAD PUT", Ok(())),
        ("no guard, foreign", vec![lacking(), ok()], "PUT HEAD", Err((Kind::KeyTaken, NotApplied))),
        (
            "no put at all",
            vec![lacking(), absent(), lacking()],
            "PUT HEAD PUT",
            Err((Kind::Unsupported, NotApplied)),
        ),
    ];
    for (name, script, requests, expected) in table {
        let server = Scripted::start(script).await;
        let outcome = put(&server).await.map_err(|error| (error.kind, error.effect));
        assert_eq!(outcome, expected, "{name}");
        assert_eq!(server.methods(), requests, "{name}");
    }
}

#[tokio::test]
async fn doubtful_answers_to_a_completion_are_settled() {
    use Effect::{NotApplied, Unknown};
    type Row = (&'static str, Vec<Reply>, &'static str, Result<(), (Kind, Effect)>);
    // S3 may say 200 before it knows: the error is then in the body.
    let late = |code| Reply::error("200 OK", code);
    let gone = || Reply::error("404 Not Found", "NoSuchUpload");
    let table: Vec<Row> = vec![
        ("fine", vec![completed()], "POST", Ok(())),
        ("late error, then fine", vec![late("InternalError"), completed()], "POST POST", Ok(())),
        (
            "late error, then written",
            vec![late("ServiceUnavailable"), found_with_token(1)],
            "POST HEAD",
            Ok(()),
        ),
        ("late error", vec![late("ServiceUnavailable"), absent()], "POST HEAD", Err((Kind::Server, Unknown))),
        ("lost, and it had worked", vec![Reply::Lose, gone(), found_with_token(1)], "POST POST HEAD", Ok(())),
        ("upload gone", vec![gone(), absent()], "POST HEAD", Err((Kind::NoSuchUpload, NotApplied))),
        ("upload gone, foreign", vec![gone(), ok()], "POST HEAD", Err((Kind::NoSuchUpload, NotApplied))),
        (
            "taken",
            vec![Reply::error("412 Precondition Failed", "PreconditionFailed"), found_with_token(2)],
            "POST HEAD",
            Err((Kind::KeyTaken, NotApplied)),
        ),
        (
            "no guard",
            vec![Reply::error("501 Not Implemented", "NotImplemented"), absent(), completed()],
            "POST HEAD POST",
            Ok(()),
        ),
    ];
    for (name, script, requests, expected) in table {
        let server = Scripted::start(script).await;
        let outcome = complete(&server).await.map_err(|error| (error.kind, error.effect));
        assert_eq!(outcome, expected, "{name}");
        assert_eq!(server.methods(), requests, "{name}");
    }
}

#[tokio::test]
async fn a_store_without_the_guard_is_remembered() {
    let lacking = Reply::error("501 Not Implemented", "NotImplemented");
    let server = Scripted::start(vec![lacking, absent(), ok(), absent(), ok()]).await;
    let store = server.store();
    store.put("a", ROWS, &object(1)).await.unwrap();
    store.clone().put("b", ROWS, &object(2)).await.unwrap();
    assert_eq!(server.methods(), "PUT HEAD PUT HEAD PUT");
    let guarded: Vec<bool> =
        server.requests().iter().map(|request| request.contains("if-none-match")).collect();
    assert_eq!(guarded, [true, false, false, false, false]);
}

#[tokio::test]
async fn refusals_become_sentences_without_secrets() {
    let redirect = "301 Moved Permanently\r\nx-amz-bucket-region: eu-central-1";
    let skewed = || Reply::error("403 Forbidden", "RequestTimeTooSkewed");
    let malformed = Reply::Answer(
        "400 Bad Request".to_owned(),
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>".to_owned(),
    );
    let web_page = Reply::Answer("200 OK\r\nContent-Type: text/html".to_owned(), "<html></html>".to_owned());
    let region = |name: &str| Kind::WrongRegion { expected: Some(name.to_owned()) };
    let table: Vec<(Vec<Reply>, Kind, &str)> = vec![
        (
            vec![Reply::error("403 Forbidden", "AccessDenied")],
            Kind::AccessDenied,
            "s3:ListBucket on arn:aws:s3:::bucket",
        ),
        (
            vec![Reply::error("404 Not Found", "NoSuchBucket")],
            Kind::BucketMissing,
            "bucket \"bucket\" does not exist",
        ),
        (
            vec![Reply::error(redirect, "PermanentRedirect")],
            region("eu-central-1"),
            "set s3_bucket_region to \"eu-central-1\"",
        ),
        (vec![malformed], region("eu-west-3"), "\"eu-west-3\""),
        (vec![Reply::error("403 Forbidden", "InvalidAccessKeyId")], Kind::BadCredentials, "access_key_id"),
        (
            vec![Reply::error("403 Forbidden", "SignatureDoesNotMatch")],
            Kind::BadCredentials,
            "secret_access_key",
        ),
        (vec![Reply::error("400 Bad Request", "ExpiredToken")], Kind::ExpiredCredentials, "expired"),
        (vec![skewed(), skewed(), skewed()], Kind::ClockSkew, "clock"),
        (vec![web_page], Kind::InvalidEndpoint, "s3_endpoint"),
        (vec![Reply::error("400 Bad Request", "NeverHeardOf")], Kind::Unknown, "HTTP 400, NeverHeardOf"),
    ];
    for (script, kind, text) in table {
        let server = Scripted::start(script).await;
        let error = server.store().list_keys("a/").await.unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
        let debug = format!("{error:?}");
        let shown = format!("{debug} {:?}", Failure::from(error));
        assert!(!shown.contains(SECRET) && !shown.contains("AKIDTEST"), "{shown}");
    }
}

#[tokio::test]
async fn silence_and_absence_end_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let refused = S3Store::with_pace(&settings(nobody), HASTE).list_keys("").await.unwrap_err();
    assert_eq!(refused.kind, Kind::Connection, "{refused:?}");
    assert!(refused.to_string().contains(&nobody.to_string()), "{refused}");

    let server = Scripted::start(vec![Reply::Hang, Reply::Hang, absent()]).await;
    let short = Pace { attempts: 2, answer: Duration::from_millis(200), ..HASTE };
    let silent =
        S3Store::with_pace(&settings(server.address), short).put("k", ROWS, &object(1)).await.unwrap_err();
    assert_eq!((&silent.kind, silent.effect), (&Kind::Timeout, Effect::Unknown), "{silent:?}");
    assert_eq!(server.methods(), "PUT PUT HEAD");
}

#[tokio::test]
async fn an_unusable_address_is_a_configuration_error() {
    let mut unusable = settings("127.0.0.1:1".parse().unwrap());
    unusable.endpoint = Some("not an address".to_owned());
    let error = S3Store::with_pace(&unusable, HASTE).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::InvalidEndpoint, "{error:?}");
    let mut unusable = settings("127.0.0.1:1".parse().unwrap());
    unusable.endpoint = None;
    unusable.region = "not a region".to_owned();
    let error = S3Store::with_pace(&unusable, HASTE).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::InvalidEndpoint, "{error:?}");
}

#[tokio::test]
async fn fewer_attempts_are_fewer() {
    let busy = || Reply::error("503 Slow Down", "SlowDown");
    let server = Scripted::start(vec![busy(), busy(), busy()]).await;
    let error = server.store().with_attempts(2).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::Throttled);
    assert_eq!(server.methods(), "GET GET");
}

#[tokio::test]
async fn an_upload_that_is_gone_is_aborted_already() {
    let server = Scripted::start(vec![
        Reply::error("404 Not Found", "NoSuchUpload"),
        Reply::error("403 Forbidden", "AccessDenied"),
    ])
    .await;
    let store = server.store();
    store.abort_multipart("k", "u").await.unwrap();
    let denied = store.abort_multipart("k", "u").await.unwrap_err();
    assert!(
        denied
            .to_string()
            .starts_with(&format!("s3:AbortMultipartUpload on arn:aws:s3:::{BUCKET}/k was denied"))
    );
}

/// The pipeline moves these between threads.
#[test]
fn requests_may_be_made_on_any_thread() {
    fn may_move<T: Send>(_: &T) {}
    let store = S3Store::new(&settings("127.0.0.1:1".parse().unwrap()));
    let object = object(1);
    may_move(&store.put("k", ROWS, &object));
    may_move(&store.complete_multipart("k", "u", &[], &object));
    may_move(&store.upload_part("k", "u", 1, ROWS));
    may_move(&store.list("p"));
    may_move(&store.get("k"));
}
