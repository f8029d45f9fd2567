//! Every checksum, on the wire and against a store that verifies them.

use super::*;
use crate::store::{Checksum, StoreSettings};

const ALL: [Checksum; 7] = [
    Checksum::None,
    Checksum::Crc32,
    Checksum::Crc32C,
    Checksum::Crc64Nvme,
    Checksum::Sha256,
    Checksum::Md5,
    // Twice, to show that no other checksum leaves anything behind.
    Checksum::None,
];

fn store(address: std::net::SocketAddr, checksum: Checksum) -> S3Store {
    S3Store::with_retry_policy(&StoreSettings { checksum, ..settings(address) }, NO_BACKOFF)
}

/// Returns the headers about checksums, sorted.
fn checksums_on(head: &str) -> Vec<String> {
    let about = |line: &&str| {
        let (name, _) = line.split_once(": ").unwrap_or_default();
        name.contains("checksum") || name == "content-md5"
    };
    let mut lines: Vec<String> = head
        .lines()
        .filter(about)
        .map(|line| line.trim_start_matches("x-amz-").to_owned())
        .collect();
    lines.sort();
    lines
}

fn header(head: &str, name: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
}

struct Row {
    checksum: Checksum,
    /// On a body of [`ROWS`].
    body: &'static [&'static str],
    /// On CreateMultipartUpload.
    create: &'static [&'static str],
    /// In the list of parts.
    part: &'static str,
}

/// The values were computed by another program.
const TABLE: [Row; 6] = [
    Row { checksum: Checksum::None, body: &[], create: &[], part: "" },
    Row {
        checksum: Checksum::Crc32,
        body: &["checksum-crc32: dOijRg==", "sdk-checksum-algorithm: CRC32"],
        create: &["checksum-algorithm: CRC32"],
        part: "<ChecksumCRC32>dOijRg==</ChecksumCRC32>",
    },
    Row {
        checksum: Checksum::Crc32C,
        body: &["checksum-crc32c: M3Q35g==", "sdk-checksum-algorithm: CRC32C"],
        create: &["checksum-algorithm: CRC32C"],
        part: "<ChecksumCRC32C>M3Q35g==</ChecksumCRC32C>",
    },
    Row {
        checksum: Checksum::Crc64Nvme,
        body: &["checksum-crc64nvme: H+PRJOqY7SU=", "sdk-checksum-algorithm: CRC64NVME"],
        create: &["checksum-algorithm: CRC64NVME", "checksum-type: FULL_OBJECT"],
        part: "<ChecksumCRC64NVME>H+PRJOqY7SU=</ChecksumCRC64NVME>",
    },
    Row {
        checksum: Checksum::Sha256,
        body: &[
            "checksum-sha256: 40ZDICGwQXlRjZYU81YMzXE1Sk7hAd3LiT1pWanWMBw=",
            "sdk-checksum-algorithm: SHA256",
        ],
        create: &["checksum-algorithm: SHA256"],
        part: "<ChecksumSHA256>40ZDICGwQXlRjZYU81YMzXE1Sk7hAd3LiT1pWanWMBw=</ChecksumSHA256>",
    },
    Row {
        checksum: Checksum::Md5,
        body: &["content-md5: RYj/N5e3jYGdhY+jvdgrCQ=="],
        create: &[],
        part: "",
    },
];

#[tokio::test]
async fn each_checksum_is_where_s3_expects_it() {
    for Row { checksum, body, create, part } in TABLE {
        // A store that confirms the checksums it received.
        let server = Scripted::deciding(|request| {
            let created =
                "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
            match request.split(' ').next().unwrap() {
                "GET" => Reply::Answer("200 OK".to_owned(), "rows".to_owned()),
                "POST" if request.contains("?uploads") => {
                    Reply::Answer("200 OK".to_owned(), created.to_owned())
                }
                "POST" => completed(),
                _ => {
                    let sums = request.lines().filter(|line| line.starts_with("x-amz-checksum-"));
                    let sums: String = sums.map(|line| format!("\r\n{line}")).collect();
                    Reply::status(&format!("200 OK\r\nETag: \"e\"{sums}"))
                }
            }
        })
        .await;
        let store = store(server.address, checksum);
        store.put("k", ROWS, &object(1)).await.unwrap();
        let upload = store.create_multipart("k", &object(1)).await.unwrap();
        let receipt = store.upload_part("k", &upload, 1, ROWS).await.unwrap();
        store.complete_multipart("k", &upload, &[receipt], &object(1)).await.unwrap();
        store.get("k").await.unwrap();
        let requests = server.verbatim();
        let seen: Vec<_> = requests.iter().map(|(head, _)| checksums_on(head)).collect();
        let get: &[&str] = match checksum {
            Checksum::None | Checksum::Md5 => &[],
            Checksum::Crc32 | Checksum::Crc32C | Checksum::Crc64Nvme | Checksum::Sha256 => {
                &["checksum-mode: ENABLED"]
            }
        };
        assert_eq!(seen, [body, create, body, &[], get], "{checksum:?}");
        let list = String::from_utf8(requests[3].1.clone()).unwrap();
        let without_sum = list.replace(part, "");
        assert!(list.contains(part) && !without_sum.contains("Checksum"), "{checksum:?}: {list}");
        for (head, _) in [&requests[0], &requests[2]] {
            // Every body is signed with its own hash, also where we pass the hash to the SDK.
            assert_eq!(
                header(head, "x-amz-content-sha256"),
                "e346432021b04179518d9614f3560ccd71354a4ee101ddcb893d6959a9d6301c",
                "{checksum:?}"
            );
            assert!(!head.contains("aws-chunked"), "{head}");
        }
    }
}

/// DeleteObjects requires one, whatever is configured.
#[tokio::test]
async fn a_batch_of_deletions_always_has_a_checksum() {
    for (checksum, algorithm) in [
        (Checksum::None, "x-amz-checksum-crc32: "),
        (Checksum::Md5, "x-amz-checksum-crc32: "),
        (Checksum::Crc32, "x-amz-checksum-crc32: "),
        (Checksum::Crc32C, "x-amz-checksum-crc32c: "),
        (Checksum::Crc64Nvme, "x-amz-checksum-crc64nvme: "),
        (Checksum::Sha256, "x-amz-checksum-sha256: "),
    ] {
        let done = Reply::Answer("200 OK".to_owned(), "<DeleteResult></DeleteResult>".to_owned());
        let server = Scripted::start(vec![done]).await;
        store(server.address, checksum)
            .delete_all(vec!["a".to_owned(), "b".to_owned()], |_, _| true)
            .await;
        let request = server.requests().remove(0);
        assert!(request.contains(algorithm), "{checksum:?}: {request}");
    }
}

#[tokio::test]
async fn a_real_store_accepts_every_checksum() {
    let server = Embedded::start();
    for (number, checksum) in (1..).zip(ALL) {
        let store = store(server.address, checksum);
        let key = |name: &str| format!("{number}/{name}");
        store.put(&key("whole"), ROWS, &object(number)).await.unwrap();
        let upload = store.create_multipart(&key("parts"), &object(number)).await.unwrap();
        let long = Bytes::from(vec![b'x'; 5 << 20]);
        let first = store.upload_part(&key("parts"), &upload, 1, long.clone()).await.unwrap();
        let last = store.upload_part(&key("parts"), &upload, 2, ROWS).await.unwrap();
        store
            .complete_multipart(&key("parts"), &upload, &[first, last], &object(number))
            .await
            .unwrap();
        let token = Uuid::from_u128(number).to_string();
        store.copy(&key("parts"), &key("copy"), &token).await.unwrap();
        assert_eq!(store.get(&key("whole")).await.unwrap(), ROWS, "{checksum:?}");
        for name in ["parts", "copy"] {
            let body = store.get(&key(name)).await.unwrap();
            assert_eq!(body.len(), long.len() + ROWS.len(), "{checksum:?} {name}");
            assert!(body.starts_with(&long) && body.ends_with(&ROWS), "{checksum:?} {name}");
        }
        store.delete_all(vec![key("whole"), key("parts"), key("copy")], |_, _| true).await;
        assert_eq!(
            store.all_keys("").next().await.unwrap().unwrap().keys,
            Vec::<String>::new(),
            "{checksum:?}"
        );
    }
}
