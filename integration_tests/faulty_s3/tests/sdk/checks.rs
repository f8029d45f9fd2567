//! What the fault server refuses, with the code and status of S3, and what its listings, copies and
//! reads return.

use std::collections::BTreeSet;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, MetadataDirective};

use faulty_s3::Quirk;
use faulty_s3::keyring::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

use super::{
    BUCKET, Seen, batch, begin, client_as, finish, list_of, listed, part, refused, run, seen,
    server,
};

/// The smallest length of every part but the last.
const SMALLEST_PART_BYTES: usize = 5 * 1024 * 1024;
/// The CRC32 of an empty body.
const WRONG_CRC32: &str = "AAAAAA==";

/// Replaces the body of a request that is already signed.
#[derive(Debug)]
struct Forge(&'static str);

impl Intercept for Forge {
    fn name(&self) -> &'static str {
        "forge"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *context.request_mut().body_mut() = SdkBody::from(self.0);
        Ok(())
    }
}

/// Names, digests and signatures of single requests.
#[test]
fn objects_are_checked() {
    run(async {
        let (server, client) = server();
        let put = |key: &str| {
            client.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"body"))
        };

        assert_eq!(seen(put(&"k".repeat(1024)).send().await), Seen::Fine);
        assert_eq!(seen(put(&"k".repeat(1025)).send().await), refused(400, "KeyTooLongError"));
        assert_eq!(seen(put(&"ü".repeat(513)).send().await), refused(400, "KeyTooLongError"));
        assert_eq!(seen(put("m").metadata("name", "v".repeat(2044)).send().await), Seen::Fine);
        let too_much =
            put("n").metadata("name", "v".repeat(2000)).metadata("other", "v".repeat(40));
        assert_eq!(seen(too_much.send().await), refused(400, "MetadataTooLarge"));
        let create = client.create_multipart_upload().bucket(BUCKET).key("n");
        let create = create.metadata("name", "v".repeat(2045));
        assert_eq!(seen(create.send().await), refused(400, "MetadataTooLarge"));

        assert_eq!(
            seen(put("c").checksum_crc32(WRONG_CRC32).send().await),
            refused(400, "BadDigest")
        );
        assert_eq!(
            seen(put("c").checksum_sha256(WRONG_CRC32).send().await),
            refused(400, "BadDigest")
        );
        assert_eq!(
            seen(put("c").content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await),
            refused(400, "BadDigest")
        );
        assert_eq!(seen(put("c").content_md5("AAAA").send().await), refused(400, "InvalidDigest"));
        let forged = put("c").customize().interceptor(Forge("ydob")).send().await;
        assert_eq!(seen(forged), refused(400, "XAmzContentSHA256Mismatch"));
        for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
            let right = put("right").checksum_algorithm(ChecksumAlgorithm::from(algorithm));
            assert_eq!(seen(right.send().await), Seen::Fine, "{algorithm}");
        }
        // Computed by hand: the MD5 of `body`.
        let right =
            put("right").content_md5("hBotaJrYa9FhFEdFPCLG/A==").send().await.expect("a put");
        assert_eq!(right.e_tag.as_deref(), Some("\"841a2d689ad86bd1611447453c22c6fc\""));

        assert_eq!(
            seen(put("right").if_none_match("*").send().await),
            refused(412, "PreconditionFailed")
        );
        assert_eq!(seen(put("new").if_none_match("*").send().await), Seen::Fine);
        assert_eq!(
            seen(put("right").if_match("\"other\"").send().await),
            refused(412, "PreconditionFailed")
        );
        assert_eq!(seen(put("absent").if_match("*").send().await), refused(404, "NoSuchKey"));

        for (id, secret, code) in [
            (ACCESS_KEY_ID, "wrong", "SignatureDoesNotMatch"),
            ("AKIANOBODY", SECRET_ACCESS_KEY, "InvalidAccessKeyId"),
        ] {
            let stranger = client_as(&server, id, secret);
            let put = stranger.put_object().bucket(BUCKET).key("s");
            assert_eq!(seen(put.send().await), refused(403, code));
        }
        let stored = server.keys(BUCKET);
        assert_eq!(stored, ["k".repeat(1024).as_str(), "m", "new", "right"]);
        let refusals = server.requests().iter().filter(|request| !request.done).count();
        assert_eq!(refusals, 14, "{:#?}", server.requests());
    });
}

/// A store that wants equal parts refuses parts of different lengths, whatever their order, and a
/// longer last one.
#[test]
fn parts_of_different_lengths_are_refused_on_demand() {
    run(async {
        let (server, client) = server();
        server.add_quirk(Quirk::WantsEqualParts);
        let part_of = |more: usize| vec![b'a'; SMALLEST_PART_BYTES + more];
        for (lengths, is_taken) in [
            ([0, 0, 0], true),
            ([1, 1, 0], true),
            ([1, 0, 0], false),
            ([0, 1, 0], false),
            ([0, 0, 1], false),
        ] {
            let key = &format!("folder/{lengths:?}");
            let upload = begin(&client, key).await;
            let mut parts = Vec::new();
            for (number, more) in (1..).zip(lengths) {
                parts.push(part(&client, key, &upload, number, part_of(more)).await);
            }
            let outcome = finish(&client, key, &upload, &parts).await;
            assert_eq!(
                outcome == refused(400, "InvalidPart"),
                !is_taken,
                "{lengths:?}: {outcome:?}"
            );
        }
        assert_eq!(server.part_lengths().len(), 2);
    });
}

/// The part list of CompleteMultipartUpload, and what else can be wrong with an upload.
#[test]
fn uploads_are_checked() {
    run(async {
        let (server, client) = server();
        let key = "folder/whole";
        let large = vec![b'a'; SMALLEST_PART_BYTES];
        let upload = begin(&client, key).await;
        let first = part(&client, key, &upload, 1, large.clone()).await;
        let short = part(&client, key, &upload, 2, vec![b'b'; SMALLEST_PART_BYTES - 1]).await;
        let last = part(&client, key, &upload, 7, b"end".to_vec()).await;
        let wrong_etag = listed(7, &first.e_tag.clone().unwrap());
        let never_sent = listed(3, &last.e_tag.clone().unwrap());
        let mut wrong_sum = last.clone();
        wrong_sum.checksum_crc32 = Some(WRONG_CRC32.to_owned());
        for (parts, code) in [
            (vec![first.clone(), short.clone(), last.clone()], "EntityTooSmall"),
            (vec![last.clone(), first.clone()], "InvalidPartOrder"),
            (vec![first.clone(), first.clone()], "InvalidPartOrder"),
            (vec![first.clone(), wrong_etag], "InvalidPart"),
            (vec![first.clone(), never_sent], "InvalidPart"),
            (vec![first.clone(), wrong_sum], "InvalidPart"),
            (vec![], "MalformedXML"),
        ] {
            assert_eq!(
                finish(&client, key, &upload, &parts).await,
                refused(400, code),
                "{parts:?}"
            );
        }
        let send = |upload: &str, number: i32| {
            let request =
                client.upload_part().bucket(BUCKET).key(key).upload_id(upload).part_number(number);
            request.body(ByteStream::from_static(b"body"))
        };
        let wrong = send(&upload, 8).checksum_crc32(WRONG_CRC32);
        assert_eq!(seen(wrong.send().await), refused(400, "BadDigest"));
        let wrong = send(&upload, 8).content_md5("AAAAAAAAAAAAAAAAAAAAAA==");
        assert_eq!(seen(wrong.send().await), refused(400, "BadDigest"));
        assert_eq!(seen(send(&upload, 0).send().await), refused(400, "InvalidArgument"));
        assert_eq!(seen(send(&upload, 10_001).send().await), refused(400, "InvalidArgument"));
        assert_eq!(seen(send("unknown", 1).send().await), refused(404, "NoSuchUpload"));

        // The object appears while the upload is open: the upload stays, and can be completed once
        // the object is gone.
        let good = [first, last];
        server.put_object(BUCKET, key, b"foreign", &[]);
        assert_eq!(finish(&client, key, &upload, &good).await, refused(412, "PreconditionFailed"));
        assert_eq!((server.open_uploads(), server.open_parts()), (1, 3));
        server.remove_object(BUCKET, key);
        // Of two parts with the same number the later one counts.
        let last = part(&client, key, &upload, 7, b"END".to_vec()).await;
        assert_eq!(finish(&client, key, &upload, &good).await, refused(400, "InvalidPart"));
        let [first, _] = good;
        let good = [first, last];
        assert_eq!(
            finish(&client, "folder/other", &upload, &good).await,
            refused(404, "NoSuchUpload")
        );
        assert_eq!(finish(&client, key, &upload, &good).await, Seen::Fine);
        assert_eq!(server.objects(BUCKET)[key], [&large[..], b"END"].concat());
        // Computed by hand: the MD5 of the MD5s of the two parts.
        assert_eq!(server.etag(BUCKET, key), "079b819d7668c6eb3855e74bef07cb32-2");
        assert_eq!(finish(&client, key, &upload, &good).await, refused(404, "NoSuchUpload"));
        assert_eq!(seen(send(&upload, 1).send().await), refused(404, "NoSuchUpload"));
        let abort = |upload: &str| {
            client.abort_multipart_upload().bucket(BUCKET).key(key).upload_id(upload)
        };
        assert_eq!(seen(abort(&upload).send().await), refused(404, "NoSuchUpload"));

        // An upload that names its checksum algorithm demands it for every part, and again at the
        // end.
        let create = client.create_multipart_upload().bucket(BUCKET).key("named");
        let create = create.checksum_algorithm(ChecksumAlgorithm::Sha256);
        let upload = create.send().await.expect("an upload").upload_id.expect("its id");
        let send = |number: i32| {
            let request = client.upload_part().bucket(BUCKET).key("named").upload_id(&upload);
            request.part_number(number).body(ByteStream::from_static(b"body"))
        };
        assert_eq!(seen(send(1).send().await), refused(400, "InvalidRequest"));
        let sent =
            send(1).checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.expect("a part");
        let bare = listed(1, &sent.e_tag.expect("its ETag"));
        assert_eq!(
            finish(&client, "named", &upload, std::slice::from_ref(&bare)).await,
            refused(400, "InvalidRequest")
        );
        let mut repeated = bare;
        repeated.checksum_sha256 = sent.checksum_sha256;
        assert_eq!(finish(&client, "named", &upload, &[repeated]).await, Seen::Fine);
        assert_eq!(server.open_uploads(), 0);

        let upload = begin(&client, key).await;
        assert_eq!(seen(abort(&upload).send().await), Seen::Fine);
        assert_eq!(seen(abort(&upload).send().await), refused(404, "NoSuchUpload"));
        assert_eq!(server.open_uploads(), 0);
    });
}

/// Reading, copying, deleting and listing, and a bucket that does not exist.
#[test]
fn objects_are_read_copied_and_removed() {
    run(async {
        let (server, client) = server();
        let put = client
            .put_object()
            .bucket(BUCKET)
            .key("a/ü +%&.txt")
            .body(ByteStream::from_static(b"body"));
        let put = put.content_type("text/x").metadata("Stream", "users").metadata("other", "1");
        put.send().await.expect("a put");
        let key = "a/ü +%&.txt";
        let head =
            client.head_object().bucket(BUCKET).key(key).checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.expect("a head");
        // Computed by hand: the CRC32 of `body`.
        assert_eq!(head.checksum_crc32.as_deref(), Some("26gLsg=="));
        assert_eq!((head.content_length, head.content_type.as_deref()), (Some(4), Some("text/x")));
        assert_eq!(head.metadata.expect("metadata")["stream"], "users");
        assert_eq!(server.metadata(BUCKET, key)["other"], "1");
        assert_eq!(server.content_type(BUCKET, key).as_deref(), Some("text/x"));
        let get = client.get_object().bucket(BUCKET).key(key);
        let read = get.clone().send().await.expect("a get").body.collect().await.expect("a body");
        assert_eq!(read.into_bytes(), b"body".as_slice());
        let range = get.range("bytes=1-2").send().await.expect("a range");
        assert_eq!(range.content_range.as_deref(), Some("bytes 1-2/4"));
        assert_eq!(range.body.collect().await.expect("a body").into_bytes(), b"od".as_slice());

        let source = format!("{BUCKET}/a/%C3%BC%20%2B%25%26.txt");
        let copy = |to: &str| client.copy_object().bucket(BUCKET).key(to).copy_source(&source);
        assert_eq!(seen(copy("kept").send().await), Seen::Fine);
        assert_eq!(server.metadata(BUCKET, "kept"), server.metadata(BUCKET, key));
        assert_eq!(server.content_type(BUCKET, "kept").as_deref(), Some("text/x"));
        let replaced =
            copy("replaced").metadata_directive(MetadataDirective::Replace).metadata("new", "2");
        assert_eq!(seen(replaced.send().await), Seen::Fine);
        assert_eq!(server.metadata(BUCKET, "replaced"), [("new".into(), "2".into())].into());
        assert_eq!(server.objects(BUCKET)["replaced"], b"body");
        assert_eq!(seen(copy(key).send().await), refused(400, "InvalidRequest"));
        let missing = copy("x").copy_source(format!("{BUCKET}/missing"));
        assert_eq!(seen(missing.send().await), refused(404, "NoSuchKey"));
        let stale = copy("x").copy_source_if_match("\"other\"");
        assert_eq!(seen(stale.send().await), refused(412, "PreconditionFailed"));

        let delete = |key: &str| client.delete_object().bucket(BUCKET).key(key);
        assert_eq!(seen(delete("kept").send().await), Seen::Fine);
        assert_eq!(seen(delete("kept").send().await), Seen::Fine);
        let many = |keys: Vec<String>| client.delete_objects().bucket(BUCKET).delete(batch(keys));
        let names = |count: u32| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
        assert_eq!(seen(many(names(1001)).send().await), refused(400, "MalformedXML"));
        assert_eq!(seen(many(vec![]).send().await), refused(400, "MalformedXML"));
        let wrong = many(vec![key.into()]).customize().mutate_request(|request| {
            request.headers_mut().insert("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
        });
        assert_eq!(seen(wrong.send().await), refused(400, "BadDigest"));
        let gone = many([names(998), vec![key.into(), "replaced".into()]].concat());
        let gone = gone.send().await.expect("a batch");
        assert_eq!((gone.deleted().len(), gone.errors().len()), (1000, 0));
        assert_eq!(server.keys(BUCKET), [""; 0]);

        assert_eq!(seen(client.head_bucket().bucket(BUCKET).send().await), Seen::Fine);
        let location =
            client.get_bucket_location().bucket(BUCKET).send().await.expect("a location");
        assert_eq!(
            location.location_constraint.map(|region| region.to_string()).unwrap_or_default(),
            ""
        );
        let head = client.head_object().bucket(BUCKET).key("missing").send().await;
        assert_eq!(seen(head), Seen::Refused(404, Some("NotFound".into())));
        let get = client.get_object().bucket(BUCKET).key("missing").send().await;
        assert_eq!(seen(get), refused(404, "NoSuchKey"));
        server.put_object(BUCKET, "k", b"", &[]);
        let bucket = "missing-bucket";
        let complete = client.complete_multipart_upload().bucket(bucket).key("k").upload_id("u");
        let refusals = [
            seen(client.put_object().bucket(bucket).key("k").send().await),
            seen(client.get_object().bucket(bucket).key("k").send().await),
            seen(client.create_multipart_upload().bucket(bucket).key("k").send().await),
            seen(
                client
                    .upload_part()
                    .bucket(bucket)
                    .key("k")
                    .upload_id("u")
                    .part_number(1)
                    .send()
                    .await,
            ),
            seen(complete.multipart_upload(list_of(&[listed(1, "e")])).send().await),
            seen(
                client.abort_multipart_upload().bucket(bucket).key("k").upload_id("u").send().await,
            ),
            seen(client.copy_object().bucket(bucket).key("k").copy_source("lake/k").send().await),
            seen(client.list_objects_v2().bucket(bucket).send().await),
            seen(client.delete_object().bucket(bucket).key("k").send().await),
            seen(client.delete_objects().bucket(bucket).delete(batch(names(1))).send().await),
            seen(client.get_bucket_location().bucket(bucket).send().await),
        ];
        for (number, refusal) in refusals.into_iter().enumerate() {
            assert_eq!(refusal, refused(404, "NoSuchBucket"), "number {number}");
        }
    });
}

/// Returns all names of a listing, page by page: keys, folders, and how many names each page had.
async fn pages(
    client: &Client,
    prefix: &str,
    delimiter: Option<&str>,
) -> (Vec<String>, Vec<String>, Vec<i32>) {
    let (mut keys, mut folders, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    let mut token = None;
    loop {
        let request = client.list_objects_v2().bucket(BUCKET).prefix(prefix);
        let request =
            request.set_delimiter(delimiter.map(str::to_owned)).set_continuation_token(token);
        let page = request.send().await.expect("a page");
        keys.extend(page.contents().iter().filter_map(|object| object.key.clone()));
        folders.extend(page.common_prefixes().iter().filter_map(|folder| folder.prefix.clone()));
        counts.push(page.key_count.expect("a count"));
        assert!(counts.len() < 100, "the listing does not end: {counts:?}");
        assert_eq!(page.is_truncated == Some(true), page.next_continuation_token.is_some());
        token = page.next_continuation_token;
        if token.is_none() {
            return (keys, folders, counts);
        }
    }
}

/// Every page size returns the same names, each once and in order; 1,000 is the limit.
#[test]
fn listings_come_in_pages() {
    run(async {
        let (server, client) = server();
        for key in ["a", "b/1", "b/2", "b/c/3", "b-", "b0", "d/", "d/x y", "z", "ü/1"] {
            server.put_object(BUCKET, key, key.as_bytes(), &[]);
        }
        let all = server.keys(BUCKET);
        for page_keys in 1..=11 {
            server.set_page_keys(page_keys);
            assert_eq!(pages(&client, "", None).await.0, all, "{page_keys}");
            let (keys, folders, counts) = pages(&client, "", Some("/")).await;
            assert_eq!(keys, ["a", "b-", "b0", "z"], "{page_keys}");
            assert_eq!(folders, ["b/", "d/", "ü/"], "{page_keys}");
            let (last, others) = counts.split_last().expect("a page");
            assert!(
                others.iter().all(|count| *count == page_keys as i32) && *last > 0,
                "{counts:?}"
            );
            let (keys, folders, _) = pages(&client, "b/", Some("/")).await;
            assert_eq!((keys, folders), (vec!["b/1".into(), "b/2".into()], vec!["b/c/".into()]));
            assert_eq!(pages(&client, "d/", Some("/")).await.0, ["d/", "d/x y"]);
        }
        let list = || client.list_objects_v2().bucket(BUCKET);
        let two = list().max_keys(2).send().await.expect("a page");
        assert_eq!((two.contents().len(), two.is_truncated), (2, Some(true)));
        assert_eq!(two.contents()[0].size, Some(1));
        let none = list().max_keys(0).send().await.expect("a page");
        assert_eq!((none.contents().len(), none.is_truncated), (0, Some(false)));
        let rest = list().start_after("d/").send().await.expect("a page");
        assert_eq!(rest.contents()[0].key.as_deref(), Some("d/x y"));
        assert_eq!(
            seen(list().continuation_token("odd").send().await),
            refused(400, "InvalidArgument")
        );
        assert_eq!(seen(list().max_keys(-1).send().await), refused(400, "InvalidArgument"));

        server.set_page_keys(1000);
        let many: BTreeSet<String> = (0..2001).map(|number| format!("many/{number}")).collect();
        many.iter().for_each(|key| server.put_object(BUCKET, key, b"", &[]));
        let (keys, _, counts) = pages(&client, "many/", Some("/")).await;
        assert!(keys.into_iter().eq(many));
        assert_eq!(counts, [1000, 1000, 1]);
        assert_eq!(list().max_keys(5000).send().await.expect("a page").contents().len(), 1000);
    });
}
