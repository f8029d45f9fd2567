//! The fault-injecting S3 under the real SDK client, and one sync of the connector against it.
//!
//! The tests of delivery believe this server; these tests, `checks` and `faults` are why they may.

// What it refuses, as S3 does.
mod checks;
// How it fails.
mod faults;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use serde_json::json;

use crate::support::embedded_s3::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use crate::support::faulty_s3::{FaultyS3, Operation};
use crate::support::read_back;
use crate::world::{BUCKET, complete, connector, cursors, jsonl_and, noise, record, state, users};

/// How a client sees the end of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Fine,
    /// Status, and the code of the error document where there is one.
    Refused(u16, Option<String>),
    /// No answer, or a part of one.
    Broken,
}

/// A refusal with a code.
pub(crate) fn refused(status: u16, code: &str) -> Seen {
    Seen::Refused(status, Some(code.to_owned()))
}

/// What became of one attempt. Whatever is neither a refusal nor a broken line fails the test: a timeout, for one.
pub(crate) fn seen<T, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E, HttpResponse>>,
) -> Seen {
    match result {
        Ok(_) => Seen::Fine,
        Err(SdkError::ServiceError(error)) => {
            Seen::Refused(error.raw().status().as_u16(), error.err().code().map(str::to_owned))
        }
        Err(SdkError::DispatchFailure(failure)) if failure.is_io() || failure.is_other() => {
            Seen::Broken
        }
        Err(SdkError::ResponseError(_)) => Seen::Broken,
        Err(other) => panic!("{other:?}"),
    }
}

/// A client that tries once.
pub(crate) fn client_as(server: &FaultyS3, access_key_id: &str, secret_access_key: &str) -> Client {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(
            access_key_id,
            secret_access_key,
            None,
            None,
            "test",
        ))
        .region(Region::new("us-east-1"))
        .endpoint_url(server.endpoint())
        .force_path_style(true)
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// A server with an empty bucket, and a client that it knows.
pub(crate) fn server() -> (FaultyS3, Client) {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    let client = client_as(&server, ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    (server, client)
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test);
}

/// Begins a multipart upload.
pub(crate) async fn begin(client: &Client, key: &str) -> String {
    let created =
        client.create_multipart_upload().bucket(BUCKET).key(key).send().await.expect("an upload");
    created.upload_id.expect("its id")
}

/// What CompleteMultipartUpload says of one part.
pub(crate) fn listed(part_number: i32, etag: &str) -> CompletedPart {
    CompletedPart::builder().part_number(part_number).e_tag(etag).build()
}

/// Uploads a part; gives what CompleteMultipartUpload says of it.
pub(crate) async fn part(
    client: &Client,
    key: &str,
    upload: &str,
    number: i32,
    content: Vec<u8>,
) -> CompletedPart {
    let request =
        client.upload_part().bucket(BUCKET).key(key).upload_id(upload).part_number(number);
    let sent = request.body(ByteStream::from(content)).send().await.expect("a part");
    listed(number, &sent.e_tag.expect("its ETag"))
}

pub(crate) fn list_of(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build()
}

/// Completes an upload, if the key is free.
pub(crate) async fn finish(
    client: &Client,
    key: &str,
    upload: &str,
    parts: &[CompletedPart],
) -> Seen {
    let request = client.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(upload);
    seen(request.if_none_match("*").multipart_upload(list_of(parts)).send().await)
}

pub(crate) fn batch(keys: impl IntoIterator<Item = String>) -> Delete {
    let keys =
        keys.into_iter().map(|key| ObjectIdentifier::builder().key(key).build().expect("a key"));
    Delete::builder().set_objects(Some(keys.collect())).build().expect("a batch")
}

/// What a sync of one small object asks for.
const WHOLE: [Operation; 3] = [Operation::List, Operation::Head, Operation::Put];
/// As [`WHOLE`], for 18 MiB in parts of 8 MiB.
const IN_PARTS: [Operation; 8] = [
    Operation::List,
    Operation::Head,
    Operation::Create,
    Operation::Part,
    Operation::Part,
    Operation::Part,
    Operation::Head,
    Operation::Complete,
];

/// Whole syncs of the connector, small and in several parts, are stored as they were sent, request by request.
#[test]
fn syncs_without_faults() {
    for (rows, row_bytes, operations) in [(3, 10, &WHOLE[..]), (18, 1 << 20, &IN_PARTS[..])] {
        let server = FaultyS3::start();
        server.create_bucket(BUCKET);
        let mut config = server.config(BUCKET);
        config["format"] = jsonl_and(&json!({}))["format"].clone();
        let pads: Vec<String> = (1..=rows).map(|id| noise(id, row_bytes)).collect();
        let line = |(id, pad): (u32, &String)| {
            record("users", &format!("{{\"id\":{id},\"pad\":\"{pad}\"}}"))
        };
        let records: String = (1..).zip(&pads).map(line).collect();
        let input = records + &state("users", 7) + &complete("users");
        let outcome = connector().write(&config, &users()).input(input).run().expect_success();
        assert_eq!(cursors(&outcome), [7]);

        let objects = server.objects(BUCKET);
        let (key, content) = objects.first_key_value().expect("an object");
        assert_eq!(objects.len(), 1, "{:?}", objects.keys());
        let stored = read_back::jsonl(content);
        let stored = stored.iter().map(|row| row.get("pad").expect("a pad").trim_matches('"'));
        assert!(stored.eq(&pads), "{rows} rows are not what was sent");

        let metadata = server.metadata(BUCKET, key);
        assert_eq!(metadata["stream"], "users");
        assert_eq!(metadata["generation-id"], "5");
        assert_eq!(metadata["destination-s3-token"].len(), 36);
        let requests = server.requests();
        let asked: Vec<Operation> = requests.iter().map(|request| request.operation).collect();
        assert_eq!(asked, operations);
        for request in &requests {
            // The key is free.
            let is_look = request.operation == Operation::Head;
            assert_eq!(request.status, if is_look { 404 } else { 200 }, "{requests:#?}");
            assert!(request.done || is_look, "{requests:#?}");
        }
        assert!(requests[1..].iter().all(|request| request.key == *key), "{requests:#?}");
        assert_eq!((server.open_uploads(), server.open_parts()), (0, 0));
        let parts = if rows == 3 { "" } else { "-3" };
        assert!(server.etag(BUCKET, key).ends_with(parts));
    }
}
