//! The headers of each option on each request, and the message when a store refuses one.

use super::*;
use crate::store::{
    CannedAcl, Encryption, ObjectOptions, Operation, StorageClass, StoreErrorKind, StoreSettings,
    Tag,
};

const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd";

fn created() -> Reply {
    let created =
        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    Reply::Answer("200 OK".to_owned(), created.to_owned())
}

fn copied() -> Reply {
    Reply::Answer(
        "200 OK".to_owned(),
        "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>".to_owned(),
    )
}

fn store(server: &Scripted, change: impl FnOnce(&mut StoreSettings)) -> S3Store {
    let mut settings = settings(server.address);
    change(&mut settings);
    S3Store::with_retry_policy(&settings, NO_BACKOFF)
}

fn with(server: &Scripted, objects: ObjectOptions) -> S3Store {
    store(server, |settings| settings.objects = objects)
}

/// Returns S3's own headers about the object, except its checksum, its metadata and its source.
fn options_on((head, _): &(String, Vec<u8>)) -> Vec<String> {
    let other = [
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-user-agent",
        "x-amz-copy-source:",
        "x-amz-metadata-directive:",
    ];
    let mut options: Vec<String> = head
        .lines()
        .filter(|line| line.to_ascii_lowercase().starts_with("x-amz-"))
        .filter(|line| !other.iter().any(|name| line.starts_with(name)))
        .filter(|line| !line.contains("checksum") && !line.starts_with("x-amz-meta-"))
        .map(|line| line.trim_start_matches("x-amz-").to_owned())
        .collect();
    options.sort();
    options
}

/// Each row: an option, and its headers on PutObject, CreateMultipartUpload and CopyObject.
/// UploadPart and CompleteMultipartUpload never have any.
#[tokio::test]
async fn each_option_is_on_each_request_that_creates_an_object() {
    let encrypted = |encryption| ObjectOptions { encryption, ..ObjectOptions::default() };
    let stored = |class| ObjectOptions { storage_class: Some(class), ..ObjectOptions::default() };
    let allowed = |acl| ObjectOptions { acl: Some(acl), ..ObjectOptions::default() };
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    let key = || Some(KEY.to_owned());
    let key_header = format!("server-side-encryption-aws-kms-key-id: {KEY}");
    let rows: Vec<(ObjectOptions, Vec<&str>)> = vec![
        (ObjectOptions::default(), vec![]),
        (encrypted(Encryption::Aes256), vec!["server-side-encryption: AES256"]),
        (
            encrypted(Encryption::Kms { key: None, bucket_key: None }),
            vec!["server-side-encryption: aws:kms"],
        ),
        (
            encrypted(Encryption::Kms { key: key(), bucket_key: Some(true) }),
            vec![
                &key_header,
                "server-side-encryption-bucket-key-enabled: true",
                "server-side-encryption: aws:kms",
            ],
        ),
        (
            encrypted(Encryption::Kms { key: None, bucket_key: Some(false) }),
            vec![
                "server-side-encryption-bucket-key-enabled: false",
                "server-side-encryption: aws:kms",
            ],
        ),
        (
            encrypted(Encryption::KmsDsse { key: key() }),
            vec![&key_header, "server-side-encryption: aws:kms:dsse"],
        ),
        (stored(StorageClass::Standard), vec!["storage-class: STANDARD"]),
        (stored(StorageClass::StandardIa), vec!["storage-class: STANDARD_IA"]),
        (stored(StorageClass::OneZoneIa), vec!["storage-class: ONEZONE_IA"]),
        (stored(StorageClass::IntelligentTiering), vec!["storage-class: INTELLIGENT_TIERING"]),
        (stored(StorageClass::GlacierIr), vec!["storage-class: GLACIER_IR"]),
        (allowed(CannedAcl::Private), vec!["acl: private"]),
        (allowed(CannedAcl::PublicRead), vec!["acl: public-read"]),
        (allowed(CannedAcl::AuthenticatedRead), vec!["acl: authenticated-read"]),
        (allowed(CannedAcl::BucketOwnerRead), vec!["acl: bucket-owner-read"]),
        (allowed(CannedAcl::BucketOwnerFullControl), vec!["acl: bucket-owner-full-control"]),
        (
            ObjectOptions {
                tags: vec![
                    tag("team", "data"),
                    tag("cost centre", "Größe & Co+1/2=~"),
                    tag("empty", ""),
                ],
                ..ObjectOptions::default()
            },
            vec!["tagging: team=data&cost%20centre=Gr%C3%B6%C3%9Fe%20%26%20Co%2B1%2F2%3D~&empty="],
        ),
    ];
    for (objects, expected) in rows {
        let server =
            Scripted::start(vec![ok(), created(), ok(), completed(), found(), copied()]).await;
        let store = with(&server, objects.clone());
        store.put("k", ROWS, &object(1)).await.unwrap();
        let upload = store.create_multipart("k", &object(1)).await.unwrap();
        let part = store.upload_part("k", &upload, 1, ROWS).await.unwrap();
        store.complete_multipart("k", &upload, &[part], &object(1)).await.unwrap();
        store.copy("k", "l", "t").await.unwrap();
        let seen: Vec<_> = server.verbatim().iter().map(options_on).collect();
        let mut of_a_copy = expected.clone();
        if !objects.tags.is_empty() {
            // Sorted after `tagging: `.
            of_a_copy.insert(0, "tagging-directive: REPLACE");
        }
        let nothing: Vec<&str> = Vec::new();
        assert_eq!(
            seen,
            [expected.clone(), expected, nothing.clone(), nothing.clone(), nothing, of_a_copy],
            "{objects:?}"
        );
    }
}

#[tokio::test]
async fn every_request_names_the_owner_of_the_bucket() {
    const OWNER: &str = "x-amz-expected-bucket-owner: 123456789012";
    let mut heads = 0;
    let server = Scripted::deciding(move |request| {
        let page = |body: &str| Reply::Answer("200 OK".to_owned(), body.to_owned());
        match request.split(' ').collect::<Vec<_>>().as_slice() {
            ["GET", path, ..] if path.contains("list-type") => {
                page("<ListBucketResult></ListBucketResult>")
            }
            ["GET", ..] => page("rows"),
            ["POST", path, ..] if path.contains("?uploads") => created(),
            ["POST", path, ..] if path.contains("?delete") => page("<DeleteResult></DeleteResult>"),
            ["POST", ..] => completed(),
            ["PUT", ..] if request.contains("x-amz-copy-source") => copied(),
            // A GET must explain the first one.
            ["HEAD", ..] => {
                heads += 1;
                if heads == 1 { Reply::status("400 Bad Request") } else { found() }
            }
            _ => ok(),
        }
    })
    .await;
    for owner in [Some("123456789012".to_owned()), None] {
        let store = store(&server, |settings| settings.bucket_owner.clone_from(&owner))
            .with_max_attempts(2);
        let before = server.requests().len();
        store.list_keys("").await.unwrap();
        store.all_keys("").next().await.unwrap();
        store.put("k", ROWS, &object(1)).await.unwrap();
        store.create_multipart("k", &object(1)).await.unwrap();
        let part = store.upload_part("k", "u", 1, ROWS).await.unwrap();
        store.complete_multipart("k", "u", &[part], &object(1)).await.unwrap();
        store.abort_multipart("k", "u").await.unwrap();
        store.head("k").await.unwrap();
        store.get("k").await.unwrap();
        store.copy("k", "l", "t").await.unwrap();
        store.delete("k").await.unwrap();
        store.delete_all(vec!["a".to_owned(), "b".to_owned()], |_, _| true).await;
        let requests = server.requests().split_off(before);
        assert!(requests.len() >= 12, "{}", requests.len());
        for request in requests {
            assert_eq!(request.contains(OWNER), owner.is_some(), "{request}");
            let source = request.contains("x-amz-source-expected-bucket-owner: 123456789012");
            assert_eq!(
                source,
                owner.is_some() && request.contains("x-amz-copy-source"),
                "{request}"
            );
        }
    }
}

/// An object that has the token "t".
fn found() -> Reply {
    Reply::status("200 OK\r\nx-amz-meta-destination-s3-token: t")
}

fn every_option() -> ObjectOptions {
    ObjectOptions {
        encryption: Encryption::Aes256,
        storage_class: Some(StorageClass::StandardIa),
        tags: vec![Tag { key: "team".to_owned(), value: "data".to_owned() }],
        acl: Some(CannedAcl::BucketOwnerFullControl),
    }
}

/// Each row: the answer of the store, the setting, and a part of the message.
#[tokio::test]
async fn a_refused_option_is_named() {
    let naming = |code: &str, text: &str| {
        let body = format!("<Error><Code>{code}</Code>{text}</Error>");
        Reply::Answer("400 Bad Request\r\nContent-Type: application/xml".to_owned(), body)
    };
    let argument =
        |name: &str| naming("InvalidArgument", &format!("<ArgumentName>{name}</ArgumentName>"));
    let lacking = |name: &str| {
        let message = format!("<Message>Header '{name}' with value 'x' not implemented</Message>");
        naming("NotImplemented", &message)
    };
    let table: Vec<(Reply, &str, &str)> = vec![
        (
            naming("InvalidStorageClass", ""),
            "storage_class",
            "storage_class (HTTP 400, InvalidStorageClass)",
        ),
        (
            argument("x-amz-storage-class"),
            "storage_class",
            "storage_class (HTTP 400, InvalidArgument)",
        ),
        (naming("InvalidTag", ""), "object_tags", "object_tags (HTTP 400, InvalidTag)"),
        (argument("x-amz-tagging"), "object_tags", "object_tags"),
        (lacking("x-amz-tagging"), "object_tags", "object_tags (HTTP 400, NotImplemented)"),
        (naming("AccessControlListNotSupported", ""), "acl", "ACLs switched off"),
        (argument("x-amz-acl"), "acl", "setting acl (HTTP 400, InvalidArgument)"),
        (
            naming("InvalidEncryptionAlgorithmError", ""),
            "server_side_encryption",
            "server_side_encryption",
        ),
        (
            argument("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"),
            "server_side_encryption",
            "change it or",
        ),
        (
            naming(
                "InvalidRequest",
                "<Message>Value for x-amz-checksum-crc32 header is invalid.</Message>",
            ),
            "checksum",
            "setting checksum (HTTP 400, InvalidRequest)",
        ),
    ];
    for (reply, setting, text) in table {
        let server =
            Scripted::start(vec![reply.clone(), reply.clone(), found(), reply.clone()]).await;
        let store = with(&server, every_option());
        let put = store.put("k", ROWS, &object(1)).await.unwrap_err();
        let create = store.create_multipart("k", &object(1)).await.unwrap_err();
        let copy = store.copy("k", "l", "t").await.unwrap_err();
        for error in [put, create, copy] {
            assert_eq!(error.kind, StoreErrorKind::OptionRefused { setting }, "{error}");
            assert_eq!(
                (error.effect, error.failure_type()),
                (Effect::NotApplied, FailureType::Config)
            );
            assert!(error.to_string().contains(text), "{error}");
        }
        assert_eq!(
            server.methods(),
            "PUT POST HEAD PUT",
            "{setting}: looking at the key changes nothing"
        );
    }
    // Not about an option.
    for (reply, kind) in [
        (argument("partNumber"), Kind::Rejected),
        (naming("InvalidRequest", "<Message>x</Message>"), Kind::Rejected),
    ] {
        let server = Scripted::start(vec![reply]).await;
        assert_eq!(put(&server).await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn a_denial_names_the_actions_that_the_options_need() {
    let tags = ObjectOptions { tags: every_option().tags, ..ObjectOptions::default() };
    let acl = ObjectOptions { acl: every_option().acl, ..ObjectOptions::default() };
    let table: [(ObjectOptions, &str, &str); 4] = [
        (
            ObjectOptions::default(),
            "s3:PutObject on arn:aws:s3:::bucket/k was denied: allow this action",
            "allow s3:PutObject on it and s3:GetObject",
        ),
        (
            tags,
            "it needs s3:PutObject and s3:PutObjectTagging;",
            "allow s3:PutObject and s3:PutObjectTagging on it",
        ),
        (
            acl,
            "it needs s3:PutObject and s3:PutObjectAcl;",
            "allow s3:PutObject and s3:PutObjectAcl on it",
        ),
        (
            every_option(),
            "it needs s3:PutObject, s3:PutObjectTagging and s3:PutObjectAcl; allow all",
            "allow s3:PutObject, s3:PutObjectTagging and s3:PutObjectAcl on it",
        ),
    ];
    for (objects, expected, of_a_copy) in table {
        let server = Scripted::deciding(|request| match request.starts_with("HEAD ") {
            true => found(),
            false => Reply::error("403 Forbidden", "AccessDenied"),
        })
        .await;
        let store = with(&server, objects);
        let put = store.put("k", ROWS, &object(1)).await.unwrap_err();
        assert!(put.to_string().contains(expected), "{put}");
        let action = put.denied().unwrap().action;
        assert!(expected.contains(&action.replace(" or ", " and ")), "{action}");
        let create = store.create_multipart("k", &object(1)).await.unwrap_err();
        assert!(create.to_string().contains(expected), "{create}");
        let copy = store.copy("k", "l", "t").await.unwrap_err();
        assert!(copy.to_string().contains(of_a_copy), "{copy}");
        for error in [
            store.upload_part("k", "u", 1, ROWS).await.unwrap_err(),
            store.delete("k").await.unwrap_err(),
        ] {
            assert!(
                !error.to_string().contains("Tagging") && !error.to_string().contains("Acl"),
                "{error}"
            );
            assert!(matches!(error.op, Operation::UploadPart | Operation::DeleteObject));
        }
    }
}
