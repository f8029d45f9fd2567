//! The floor for comparison: copies stdin to S3 with nothing in between.
//!
//! `copy_floor ENDPOINT BUCKET KEY` reads stdin in pieces of 8 MiB and sends them, unchanged, as
//! the parts of one multipart upload: from memory, with CRC32, four in flight, through the client
//! library of the connector. It does not parse or encode, and retries only as the library does.

#![allow(
    clippy::print_stderr,
    reason = "a program of its own, whose stderr is for the person who started it"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a program beside the connector: it reads its arguments"
)]

use std::error::Error;
use std::io::Read as _;
use std::process::ExitCode;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const PART_BYTES: usize = 8 * 1024 * 1024;
const IN_FLIGHT: usize = 4;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, bucket, key] = arguments.as_slice() else {
        eprintln!("usage: copy_floor ENDPOINT BUCKET KEY < INPUT");
        return ExitCode::FAILURE;
    };
    match copy(endpoint, bucket, key) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("copy_floor: {e:?}");
            ExitCode::FAILURE
        }
    }
}

fn copy(endpoint: &str, bucket: &str, key: &str) -> Result<(), Failure> {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled().upload_enabled(false).build(),
        )
        .credentials_provider(Credentials::new(
            "AKIABENCHMARKEXAMPLE",
            "no-secret",
            None,
            None,
            "copy_floor",
        ))
        .build();
    let client = Client::from_conf(config);
    let (sender, parts) = mpsc::channel(1);
    let reader = std::thread::spawn(move || read_parts(&sender));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(upload(&client, bucket, key, parts))?;
    reader.join().map_err(|_| "the reader panicked")??;
    Ok(())
}

/// Reads stdin in parts. A closed channel means that the upload failed, which reports that itself.
fn read_parts(parts: &mpsc::Sender<Vec<u8>>) -> std::io::Result<()> {
    let mut stdin = std::io::stdin().lock();
    loop {
        let mut part = Vec::with_capacity(PART_BYTES);
        stdin.by_ref().take(PART_BYTES as u64).read_to_end(&mut part)?;
        if part.is_empty() || parts.blocking_send(part).is_err() {
            return Ok(());
        }
    }
}

async fn upload(
    client: &Client,
    bucket: &str,
    key: &str,
    mut parts: mpsc::Receiver<Vec<u8>>,
) -> Result<(), Failure> {
    let algorithm = ChecksumAlgorithm::Crc32;
    let created = client
        .create_multipart_upload()
        .bucket(bucket)
        .key(key)
        .checksum_algorithm(algorithm.clone())
        .send()
        .await?;
    let upload_id = created.upload_id().ok_or("an upload without an id")?;

    let mut in_flight = JoinSet::new();
    let mut completed = Vec::new();
    let mut number = 0;
    while let Some(bytes) = parts.recv().await {
        number += 1;
        let request = client
            .upload_part()
            .bucket(bucket)
            .key(key)
            .upload_id(upload_id)
            .part_number(number)
            .checksum_algorithm(algorithm.clone())
            .body(ByteStream::from(bytes));
        in_flight.spawn(async move { (number, request.send().await) });
        if in_flight.len() == IN_FLIGHT
            && let Some(joined) = in_flight.join_next().await
        {
            completed.push(joined?);
        }
    }
    while let Some(joined) = in_flight.join_next().await {
        completed.push(joined?);
    }
    completed.sort_by_key(|(number, _)| *number);
    let mut finished = CompletedMultipartUpload::builder();
    for (number, answer) in completed {
        let answer = answer?;
        finished = finished.parts(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag)
                .set_checksum_crc32(answer.checksum_crc32)
                .build(),
        );
    }
    let completion =
        client.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload_id);
    completion.multipart_upload(finished.build()).send().await?;
    Ok(())
}
