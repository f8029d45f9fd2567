//! Each step that can fail, against a server with scripted answers; the whole check against an
//! embedded S3.

use super::*;
use crate::aws::sign_in::{BucketLocation, SignInEnvironment};
use crate::config::{AccessKey, Secret, SignIn};
use crate::error::{Classified, Failure, FailureType};
use crate::store::HttpClient;
use crate::store::testing::{Embedded, Reply, SECRET, Scripted, settings};

const RANDOM: Uuid = Uuid::from_u128(7);
const ID: &str = "00000000-0000-0000-0000-000000000007";
/// A template whose files are never replaced by a copy.
const PARTS: &str = "p/{stream_name}/{part}.{extension}";

/// A key of a store that is not AWS: there is no STS to ask for its owner.
async fn session() -> Session {
    let key = AccessKey {
        access_key_id: "AKIDTEST".to_owned(),
        secret_access_key: Secret::new(SECRET),
        session_token: None,
    };
    let bucket =
        BucketLocation { region: Some("us-east-1"), is_s3_compatible: true, partition: None };
    Session::new(
        &SignIn::AccessKey(key),
        bucket,
        &SignInEnvironment::default(),
        &HttpClient::new(None).unwrap(),
    )
}

async fn check_with(
    template: &str,
    settings: StoreSettings,
    region_is_known: bool,
) -> Result<Report, CheckError> {
    let template = KeyTemplate::parse(template).unwrap();
    let connection_id = "f52c7268-2359-567a-f5e8-83c536cb4de8";
    let session = session().await;
    check(ConnectionCheck {
        target: CheckTarget {
            template: &template,
            extension: "csv.gz",
            timezone: Tz::UTC,
            connection_id,
        },
        session: &session,
        settings,
        region_is_known,
        now: DateTime::from_timestamp(1_744_629_825, 0).unwrap(),
        random: RANDOM,
    })
    .await
}

fn xml(body: &str) -> Reply {
    Reply::Answer("200 OK\r\nContent-Type: application/xml".to_owned(), body.to_owned())
}

fn ok() -> Reply {
    Reply::status("200 OK\r\nETag: \"e\"")
}

fn denied() -> Reply {
    Reply::error("403 Forbidden", "AccessDenied")
}

fn taken() -> Reply {
    Reply::error("412 Precondition Failed", "PreconditionFailed")
}

fn gone() -> Reply {
    Reply::status("204 No Content")
}

/// The `number`-th object that the check writes, at `key`.
fn kept(key: &str, number: u128) -> Reply {
    Reply::head_of(key, Uuid::from_u128(7 ^ number))
}

/// The key of a probe under [`PARTS`].
fn parts_key(kind: &str) -> String {
    format!("p/airbyte_connection_check/0_{ID}{kind}.csv.gz")
}

/// The key of a probe under a fixed name.
fn fixed_key(kind: &str) -> String {
    format!("airbyte_connection_check_{ID}{kind}.csv.gz")
}

/// The requests of a check, step by step, and the answers of a good store.
fn good() -> Vec<(&'static str, Reply)> {
    good_at(parts_key)
}

/// [`good`], for probes at these keys.
fn good_at(key: fn(&str) -> String) -> Vec<(&'static str, Reply)> {
    let body = format!(
        "written in one request by the connection check of destination-s3, may be deleted\n{ID}\n"
    );
    vec![
        ("GET", xml("<ListBucketResult></ListBucketResult>")),
        ("PUT", ok()),
        ("HEAD", kept(&key(""), 1)),
        ("GET", Reply::Answer("200 OK".to_owned(), body)),
        ("HEAD", Reply::status("404 Not Found")),
        ("PUT", taken()),
        ("DELETE", gone()),
        (
            "POST",
            xml(
                "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
            ),
        ),
        ("PUT", ok()),
        ("PUT", ok()),
        (
            "POST",
            xml(
                "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
            ),
        ),
        ("HEAD", kept(&key("-parts"), 3)),
        ("DELETE", gone()),
    ]
}

/// The good answers before step `at`, then these; and the requests that they belong to.
fn until(at: usize, rest: Vec<(&'static str, Reply)>) -> (Vec<Reply>, String) {
    let steps: Vec<_> = good().into_iter().take(at).chain(rest).collect();
    let methods: Vec<&str> = steps.iter().map(|(method, _)| *method).collect();
    (steps.iter().map(|(_, reply)| reply.clone()).collect(), methods.join(" "))
}

#[tokio::test]
async fn a_good_bucket_passes_and_is_left_as_it_was() {
    let server = Embedded::start();
    for template in ["out/{stream_name}.{extension}", PARTS] {
        let report = check_with(template, settings(server.address), true).await.unwrap();
        assert_eq!(report, Report::default());
        assert_eq!(report.to_string(), "");
        assert_eq!(server.store().list_keys("").await.unwrap(), Vec::<String>::new());
    }
    let other_bucket = StoreSettings { bucket: "elsewhere".to_owned(), ..settings(server.address) };
    let error = check_with(PARTS, other_bucket, true).await.unwrap_err();
    assert!(error.to_string().contains("\"elsewhere\" does not exist"), "{error}");
}

/// Each row: the answers and the requests, the failure type, and words of the message.
#[tokio::test]
async fn each_step_that_fails_is_named_and_leaves_nothing() {
    let other = || Reply::Answer("200 OK".to_owned(), "other bytes".to_owned());
    let odd = || Reply::error("400 Bad Request", "NobodyKnowsWhat");
    let missing = || Reply::status("404 Not Found");
    type Row = ((Vec<Reply>, String), FailureType, &'static [&'static str]);
    let config = FailureType::Config;
    let table: Vec<Row> = vec![
        (
            until(0, vec![("GET", denied())]),
            config,
            &[
                "s3:ListBucket on arn:aws:s3:::bucket was denied: allow it in the policy",
                "check s3_bucket_name",
            ],
        ),
        (
            until(1, vec![("PUT", denied())]),
            config,
            &[
                "s3:PutObject on arn:aws:s3:::bucket/p/airbyte_connection_check/0_",
                "allow it on arn:aws:s3:::bucket/p/* in",
            ],
        ),
        (
            // The put may have succeeded: the check looks for the object and removes it.
            until(1, vec![("PUT", odd()), ("HEAD", missing()), ("DELETE", gone())]),
            FailureType::System,
            &["PutObject", "NobodyKnowsWhat"],
        ),
        (until(2, vec![("HEAD", missing()), ("DELETE", gone())]), config, &["is not found there"]),
        (
            until(4, vec![("HEAD", ok()), ("DELETE", gone())]),
            config,
            &["finds an object at every key", "HeadObject"],
        ),
        (
            until(3, vec![("GET", denied()), ("DELETE", gone())]),
            config,
            &["s3:GetObject on arn:aws:s3:::bucket/p/"],
        ),
        (until(3, vec![("GET", other()), ("DELETE", gone())]), config, &["different bytes"]),
        (
            until(3, vec![("GET", denied()), ("DELETE", denied())]),
            config,
            &[
                "s3:GetObject",
                "were left in bucket \"bucket\"",
                "p/airbyte_connection_check/0_",
                ID,
            ],
        ),
        (
            until(6, vec![("DELETE", odd()), ("DELETE", odd())]),
            FailureType::System,
            &["DeleteObject", "NobodyKnowsWhat", "left in bucket \"bucket\""],
        ),
        (until(7, vec![("POST", denied())]), config, &["s3:PutObject on"]),
        (
            until(8, vec![("PUT", denied()), ("DELETE", denied())]),
            config,
            &[
                "s3:PutObject on",
                "left in bucket \"bucket\"",
                "the unfinished upload of p/",
                "-parts.csv.gz",
            ],
        ),
        (
            until(10, vec![("POST", denied()), ("DELETE", gone())]),
            config,
            &["s3:PutObject on", "-parts.csv.gz"],
        ),
    ];
    for ((script, requests), failure_type, words) in table {
        let server = Scripted::start(script).await;
        let error = check_with(PARTS, settings(server.address), true).await.unwrap_err();
        assert_eq!(server.methods(), requests, "{error}");
        let failure = Failure::from(error);
        assert_eq!(failure.failure_type, failure_type, "{failure:?}");
        for word in words {
            assert!(failure.message.contains(word), "{word:?} is missing in {}", failure.message);
        }
        assert!(!format!("{failure:?}").contains(SECRET), "{failure:?}");
    }
}

#[tokio::test]
async fn a_failure_that_affects_only_some_syncs_is_a_note() {
    let (script, requests) = until(6, vec![("DELETE", denied())]);
    let server = Scripted::start(script).await;
    let report = check_with(PARTS, settings(server.address), true).await.unwrap().to_string();
    assert_eq!(server.methods(), requests, "the upload would leave 5 MiB");
    for words in [
        "s3:DeleteObject on arn:aws:s3:::bucket/p/",
        "no stream can be overwritten",
        "left in the bucket: p/airbyte",
        ID,
    ] {
        assert!(report.contains(words), "{report}");
    }

    let mut steps = good();
    steps[4] = ("HEAD", Reply::status("403 Forbidden"));
    let server = Scripted::start(steps.into_iter().map(|(_, reply)| reply).collect()).await;
    let report = check_with(PARTS, settings(server.address), true).await.unwrap().to_string();
    assert!(report.contains("s3:ListBucket is restricted to some prefixes"), "{report}");

    let mut steps = good();
    steps[5] = ("PUT", ok());
    let server = Scripted::start(steps.into_iter().map(|(_, reply)| reply).collect()).await;
    let report = check_with(PARTS, settings(server.address), true).await.unwrap().to_string();
    assert!(report.contains("ignores If-None-Match"), "{report}");
}

#[tokio::test]
async fn a_copy_is_tried_where_a_sync_may_need_one() {
    const FIXED: &str = "{stream_name}.{extension}";
    let copied = || xml("<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>");
    let script = |rest: Vec<(&'static str, Reply)>| {
        let steps: Vec<_> = good_at(fixed_key).into_iter().take(6).chain(rest).collect();
        let methods: Vec<&str> = steps.iter().map(|(method, _)| *method).collect();
        (steps.iter().map(|(_, reply)| reply.clone()).collect::<Vec<_>>(), methods.join(" "))
    };
    let source = || ("HEAD", kept(&fixed_key(""), 1));
    let (replies, requests) = script(vec![source(), ("PUT", denied()), ("DELETE", gone())]);
    let server = Scripted::start(replies).await;
    let error = check_with(FIXED, settings(server.address), true).await.unwrap_err();
    assert_eq!(server.methods(), requests, "{error}");
    assert!(error.to_string().contains("s3:PutObject"), "{error}");

    let copy = ("HEAD", kept(&fixed_key("-copy"), 1));
    let (mut replies, _) = script(vec![source(), ("PUT", copied()), copy, ("DELETE", gone())]);
    replies.extend(good_at(fixed_key).into_iter().skip(6).map(|(_, reply)| reply));
    let server = Scripted::start(replies).await;
    check_with(FIXED, settings(server.address), true).await.unwrap();

    // The store ignores the directive, so the copy has the metadata of the original.
    let copy = ("HEAD", kept(&fixed_key(""), 1));
    let (replies, requests) =
        script(vec![source(), ("PUT", copied()), copy, ("DELETE", gone()), ("DELETE", gone())]);
    let server = Scripted::start(replies).await;
    let error = check_with(FIXED, settings(server.address), true).await.unwrap_err();
    assert_eq!(server.methods(), requests, "{error}");
    assert!(error.to_string().contains("objects that are copied on the server"), "{error}");
}

/// Without metadata a sync does not recognize its own objects. Some stores lose all metadata, some
/// only that of multipart uploads.
#[tokio::test]
async fn lost_metadata_fails_and_leaves_nothing() {
    let bare = || Reply::status("200 OK");
    let only_token = || {
        let token = Uuid::from_u128(7 ^ 1);
        Reply::status(&format!("200 OK\r\nx-amz-meta-destination-s3-token: {token}"))
    };
    let table = [
        (until(2, vec![("HEAD", bare()), ("DELETE", gone())]), "objects that are uploaded: "),
        (until(2, vec![("HEAD", only_token()), ("DELETE", gone())]), "objects that are uploaded: "),
        (
            until(2, vec![("HEAD", kept("other", 1)), ("DELETE", gone())]),
            "objects that are uploaded: ",
        ),
        (
            until(11, vec![("HEAD", bare()), ("DELETE", gone())]),
            "objects that are uploaded in parts: ",
        ),
    ];
    for ((script, requests), words) in table {
        let server = Scripted::start(script).await;
        let error = check_with(PARTS, settings(server.address), true).await.unwrap_err();
        assert_eq!(server.methods(), requests, "{error}");
        assert_eq!(error.failure_type(), FailureType::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// If the settings have no region: which answers tell it, and the message if none does.
#[tokio::test]
async fn the_region_is_found_in_any_answer_that_tells_it() {
    let location =
        |region: &str| xml(&format!("<LocationConstraint>{region}</LocationConstraint>"));
    let empty = || xml("<LocationConstraint/>");
    let list = || xml("<ListBucketResult></ListBucketResult>");
    let with_header = |status: &str, code: &str, region: &str| {
        let body = format!("<Error><Code>{code}</Code></Error>");
        Reply::Answer(format!("{status}\r\nx-amz-bucket-region: {region}"), body)
    };
    let malformed = Reply::Answer(
        "400 Bad Request".to_owned(),
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>garage</Region></Error>"
            .to_owned(),
    );
    // S3 answers this way in a region that has to be enabled first.
    let incompatible = Reply::Answer(
        "400 Bad Request".to_owned(),
        "<Error><Code>IllegalLocationConstraintException</Code><Message>The me-south-1 location \
         constraint is incompatible for the region specific endpoint this request was sent \
         to.</Message></Error>"
            .to_owned(),
    );
    let table: Vec<(Vec<Reply>, &str, bool)> = vec![
        (vec![location("eu-central-1")], "eu-central-1", false),
        (vec![location("EU")], "eu-west-1", false),
        (vec![empty()], "us-east-1", false),
        (
            vec![with_header("301 Moved Permanently", "PermanentRedirect", "ap-south-1")],
            "ap-south-1",
            false,
        ),
        (vec![malformed], "garage", false),
        (vec![with_header("403 Forbidden", "AccessDenied", "eu-north-1")], "eu-north-1", true),
        (vec![denied(), list()], "us-east-1", true),
        (vec![Reply::error("501 Not Implemented", "NotImplemented"), list()], "us-east-1", false),
        (vec![incompatible], "me-south-1", false),
        (
            vec![denied(), with_header("403 Forbidden", "AccessDenied", "eu-north-1")],
            "eu-north-1",
            true,
        ),
        (
            vec![denied(), with_header("301 Moved", "PermanentRedirect", "sa-east-1")],
            "sa-east-1",
            true,
        ),
    ];
    for (mut script, region, is_denied) in table {
        script.extend(good().into_iter().map(|(_, reply)| reply));
        let server = Scripted::start(script).await;
        let report = check_with(PARTS, settings(server.address), false).await.unwrap().to_string();
        assert!(report.contains(&format!("in region \"{region}\"")), "{region}: {report}");
        assert_eq!(report.contains("s3:GetBucketLocation"), is_denied, "{report}");
        let signed = server.requests().last().unwrap().clone();
        assert!(signed.contains(&format!("/{region}/s3/aws4_request")), "{signed}");
    }
    let server = Scripted::start(vec![denied(), denied()]).await;
    let error = check_with(PARTS, settings(server.address), false).await.unwrap_err();
    assert!(
        error.to_string().contains("s3:GetBucketLocation on arn:aws:s3:::bucket was denied"),
        "{error}"
    );
    let odd = xml(
        "<LocationConstraint>nowhere; set s3_endpoint to http://example.com</LocationConstraint>",
    );
    let server = Scripted::start(vec![odd]).await;
    let error = check_with(PARTS, settings(server.address), false).await.unwrap_err().to_string();
    assert!(error.contains("s3_endpoint") && !error.contains("example.com"), "{error}");
    let missing = || Reply::error("404 Not Found", "NoSuchBucket");
    let server = Scripted::start(vec![missing()]).await;
    let error = check_with(PARTS, settings(server.address), false).await.unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

/// S3 says no more than "denied": the same request without the expected owner tells the reason.
#[tokio::test]
async fn another_owner_is_told_from_a_missing_permission() {
    let owned = |server: &Scripted| StoreSettings {
        bucket_owner: Some("111122223333".to_owned()),
        ..settings(server.address)
    };
    let server =
        Scripted::start(vec![denied(), xml("<ListBucketResult></ListBucketResult>")]).await;
    let error = check_with(PARTS, owned(&server), true).await.unwrap_err();
    assert_eq!(error.failure_type(), FailureType::Config);
    assert!(error.to_string().contains("does not belong to the account 111122223333"), "{error}");
    let asked: Vec<bool> = server
        .requests()
        .iter()
        .map(|head| head.contains("x-amz-expected-bucket-owner: 111122223333"))
        .collect();
    assert_eq!(asked, [true, false]);

    let server = Scripted::start(vec![denied(), denied()]).await;
    let error = check_with(PARTS, owned(&server), true).await.unwrap_err();
    assert!(error.to_string().contains("s3:ListBucket"), "{error}");
}

/// The message about a wrong region names the right one, even if the answer does not.
#[tokio::test]
async fn the_right_region_is_named() {
    let redirect = || Reply::error("301 Moved Permanently", "PermanentRedirect");
    let location = xml("<LocationConstraint>eu-central-1</LocationConstraint>");
    let server = Scripted::start(vec![redirect(), location]).await;
    let error = check_with(PARTS, settings(server.address), true).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is in region \"eu-central-1\", not in \"us-east-1\": set s3_bucket_region"),
        "{error}"
    );
}
