//! Refusals, silence and absence.

use super::*;

#[tokio::test]
async fn refusals_become_sentences_without_secrets() {
    let redirect = "301 Moved Permanently\r\nx-amz-bucket-region: eu-central-1";
    let skewed = || Reply::error("403 Forbidden", "RequestTimeTooSkewed");
    let malformed = Reply::Answer(
        "400 Bad Request".to_owned(),
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>".to_owned(),
    );
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
        (vec![web_page()], Kind::InvalidEndpoint, "s3_endpoint"),
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
