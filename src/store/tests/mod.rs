//! The store against a working S3 in this process, and against scripted answers that a real one
//! rarely sends.

mod bounds;
mod checksums;
mod copies;
mod credentials;
mod deletions;
mod listings;
mod objects;
mod options;
mod publishing;
mod refusals;
mod retries;
mod stalls;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::testing::{BUCKET, Embedded, NO_BACKOFF, Reply, SECRET, Scripted, access_key, settings};
use super::{Effect, ObjectInfo, PartReceipt, S3Store, StoreError, StoreErrorKind as Kind};
use crate::error::{Classified, Failure, FailureType};
use crate::store::client::RetryPolicy;

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

fn web_page() -> Reply {
    Reply::Answer("200 OK\r\nContent-Type: text/html".to_owned(), "<html></html>".to_owned())
}

const ROWS: Bytes = Bytes::from_static(b"{\"a\":1}\n");

async fn put(server: &Scripted) -> Result<(), StoreError> {
    server.store().put("a/b.jsonl", ROWS, &object(1)).await
}

async fn complete(server: &Scripted) -> Result<(), StoreError> {
    let part = PartReceipt {
        part_number: 1,
        etag: "\"e\"".to_owned(),
        checksum: Some("AAAAAA==".to_owned()),
    };
    server.store().complete_multipart("a/b.jsonl", "upload", &[part], &object(1)).await
}

/// Deletes all keys and returns the first error.
async fn deleted(store: &S3Store, keys: Vec<String>) -> Result<(), StoreError> {
    let mut result = Ok(());
    store
        .delete_all(keys, |_, settled| {
            result = std::mem::replace(&mut result, Ok(())).and(settled);
            true
        })
        .await;
    result
}

fn token(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

#[tokio::test]
async fn an_object_is_put_listed_read_and_deleted() {
    let server = Embedded::start();
    let store = server.store();
    for key in ["f/one.jsonl", "f/two%20.jsonl", "f/deeper/three.jsonl", "four.jsonl"] {
        store.put(key, ROWS, &object(1)).await.unwrap();
    }
    let mut keys = store.list_keys("f/").await.unwrap();
    keys.sort();
    assert_eq!(
        keys,
        ["f/one.jsonl", "f/two%20.jsonl"],
        "keys under a further folder are not of the prefix"
    );
    assert_eq!(store.list("f/").await.unwrap().folders, ["f/deeper/"]);
    assert_eq!(store.list_keys("f/o").await.unwrap(), ["f/one.jsonl"]);
    let mut deep = store.all_keys("f/").next().await.unwrap().unwrap().keys;
    deep.sort();
    assert_eq!(deep, ["f/deeper/three.jsonl", "f/one.jsonl", "f/two%20.jsonl"]);
    assert_eq!(store.get("f/one.jsonl").await.unwrap(), ROWS);
    store.delete("f/one.jsonl").await.unwrap();
    assert_eq!(store.get("f/one.jsonl").await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_taken_key_is_never_overwritten() {
    let server = Embedded::start();
    let store = server.store();
    store.put("k.jsonl", ROWS, &object(1)).await.unwrap();
    let error = store.put("k.jsonl", Bytes::from_static(b"other"), &object(2)).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (Kind::KeyTaken, Effect::NotApplied));
    assert_eq!(store.get("k.jsonl").await.unwrap(), ROWS);
    store.put("k.jsonl", ROWS, &object(1)).await.expect("the same write again is the same write");
}

#[tokio::test]
async fn a_multipart_object_appears_whole_and_once() {
    let server = Embedded::start();
    let store = server.store();
    let upload = store.create_multipart("m.jsonl", &object(1)).await.unwrap();
    let body = Bytes::from(vec![b'x'; 5 << 20]);
    let first = store.upload_part("m.jsonl", &upload, 1, body.clone()).await.unwrap();
    let last = store.upload_part("m.jsonl", &upload, 2, ROWS).await.unwrap();
    assert!(!first.etag.is_empty());
    assert!(!server.objects().contains_key("m.jsonl"), "visible too early");
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
    let server = Embedded::start();
    let wrong = |change: fn(&mut super::StoreSettings)| {
        let mut settings = settings(server.address);
        change(&mut settings);
        S3Store::with_retry_policy(&settings, NO_BACKOFF)
    };
    let missing =
        wrong(|settings| settings.bucket = "elsewhere".to_owned()).list_keys("").await.unwrap_err();
    assert_eq!(missing.kind, Kind::BucketMissing);
    let secret =
        wrong(|settings| settings.access = access_key("wrong")).list_keys("").await.unwrap_err();
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
    assert!(
        requests[1].contains("continuation-token=more") && requests[1].contains("delimiter=%2f")
    );

    let server = Scripted::start(vec![page("p/1", next), page("p/q/2", "")]).await;
    let store = server.store();
    let mut pages = store.all_keys("p/");
    assert_eq!(pages.next().await.unwrap().unwrap().keys, ["p/1"]);
    assert!(!pages.is_complete());
    assert_eq!(pages.next().await.unwrap().unwrap().keys, ["p/q/2"]);
    assert!(pages.is_complete() && pages.next().await.unwrap().is_none());
    let requests = server.requests();
    assert!(requests[1].contains("continuation-token=more"), "{}", requests[1]);
    assert!(!requests[0].contains("delimiter"), "folders are not folded: {}", requests[0]);
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
        // `printf %s a/b.jsonl | sha256sum`
        "x-amz-meta-key-hash: f74d49bc32cd1328a8a02845e4a1be2ecf6d58d79099fc4dab42fe176d4fb325",
    ] {
        assert!(request.contains(header), "{header} is missing in {request}");
    }
    assert!(!request.contains("aws-chunked"), "{request}");
}

#[tokio::test]
async fn the_checksum_algorithm_is_named_when_an_upload_is_created() {
    let created =
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    let server = Scripted::start(vec![
        Reply::Answer("200 OK".to_owned(), created.to_owned()),
        Reply::status("200 OK\r\nETag: \"e\"\r\nx-amz-checksum-crc32: AAAAAA=="),
    ])
    .await;
    let store = server.store();
    assert_eq!(store.create_multipart("k", &object(1)).await.unwrap(), "u");
    let receipt = store.upload_part("k", "u", 7, ROWS).await.unwrap();
    assert_eq!(
        receipt,
        PartReceipt { part_number: 7, etag: "\"e\"".into(), checksum: Some("AAAAAA==".into()) }
    );
    let requests = server.requests();
    assert!(requests[0].contains("x-amz-checksum-algorithm: crc32"), "{}", requests[0]);
    assert!(requests[1].contains("x-amz-checksum-crc32: "), "{}", requests[1]);
}

/// The pipeline moves these futures between threads.
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
    may_move(&store.head("k"));
    may_move(&store.all_keys("p").next());
    may_move(&store.copy("k", "l", "t"));
    may_move(&store.delete_all(Vec::new(), |_, _| true));
    may_move(&store.delete_if_ours("k", object.token));
}
