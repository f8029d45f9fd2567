//! The server under the real SDK client.
//!
//! The tests of the connector trust this server; these tests justify that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails with a message of its own"
)]
#![allow(clippy::disallowed_methods, reason = "faults are measured by the real clock")]

// What it refuses, as S3 does.
mod checks;
// How it fails.
mod faults;

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use faulty_s3::FaultyS3;
use faulty_s3::keyring::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

/// The bucket of every test.
const BUCKET: &str = "lake";
/// How long a test waits for an answer that should come at once.
const SOON: Duration = Duration::from_secs(30);

/// How a client sees the end of a request.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Fine,
    /// Status, and the code of the error document where there is one.
    Refused(u16, Option<String>),
    /// No answer, or an incomplete one.
    Broken,
}

/// Returns a refusal with a code.
fn refused(status: u16, code: &str) -> Seen {
    Seen::Refused(status, Some(code.to_owned()))
}

/// Returns how one attempt ended. Anything but a refusal or a broken connection fails the test, a
/// timeout for example.
fn seen<T, E: ProvideErrorMetadata + std::fmt::Debug>(
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

/// Returns a client that tries once.
fn client_as(server: &FaultyS3, access_key_id: &str, secret_access_key: &str) -> Client {
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

/// Starts a server with an empty bucket, and a client that it accepts.
fn server() -> (FaultyS3, Client) {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    let client = client_as(&server, ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    (server, client)
}

fn run(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(test);
}

/// Creates a multipart upload.
async fn begin(client: &Client, key: &str) -> String {
    let created =
        client.create_multipart_upload().bucket(BUCKET).key(key).send().await.expect("an upload");
    created.upload_id.expect("its id")
}

/// Returns the entry of one part in the list of CompleteMultipartUpload.
fn listed(part_number: i32, etag: &str) -> CompletedPart {
    CompletedPart::builder().part_number(part_number).e_tag(etag).build()
}

/// Uploads a part; returns its entry for CompleteMultipartUpload.
async fn part(
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

fn list_of(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build()
}

/// Completes an upload, if the key is free.
async fn finish(client: &Client, key: &str, upload: &str, parts: &[CompletedPart]) -> Seen {
    let request = client.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(upload);
    seen(request.if_none_match("*").multipart_upload(list_of(parts)).send().await)
}

fn batch(keys: impl IntoIterator<Item = String>) -> Delete {
    let keys =
        keys.into_iter().map(|key| ObjectIdentifier::builder().key(key).build().expect("a key"));
    Delete::builder().set_objects(Some(keys.collect())).build().expect("a batch")
}
