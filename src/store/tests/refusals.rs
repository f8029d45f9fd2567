//! Refusals, and servers that are silent or absent.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

#[tokio::test]
async fn refusals_become_sentences_without_secrets() {
    let redirect = "301 Moved Permanently\r\nx-amz-bucket-region: eu-central-1";
    let skewed = || Reply::error("403 Forbidden", "RequestTimeTooSkewed");
    let malformed = Reply::Answer(
        "400 Bad Request".to_owned(),
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>"
            .to_owned(),
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
        (
            vec![Reply::error("403 Forbidden", "InvalidAccessKeyId")],
            Kind::BadCredentials,
            "access_key_id",
        ),
        (
            vec![Reply::error("403 Forbidden", "SignatureDoesNotMatch")],
            Kind::BadCredentials,
            "secret_access_key",
        ),
        (
            vec![Reply::error("400 Bad Request", "ExpiredToken")],
            Kind::ExpiredCredentials,
            "expired",
        ),
        (vec![skewed(), skewed(), skewed()], Kind::ClockSkew, "clock"),
        (vec![web_page()], Kind::NotS3, "is not an S3 service"),
        (
            vec![Reply::error("400 Bad Request", "NeverHeardOf")],
            Kind::Unknown,
            "HTTP 400, NeverHeardOf",
        ),
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
async fn requests_to_silent_and_absent_servers_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let refused =
        S3Store::with_retry_policy(&settings(nobody), NO_BACKOFF).list_keys("").await.unwrap_err();
    assert_eq!(refused.kind, Kind::ConnectionRefused, "{refused:?}");
    assert!(refused.to_string().contains("the connection was refused"), "{refused}");
    assert!(refused.to_string().contains(&nobody.to_string()), "{refused}");

    let server = Scripted::start(vec![Reply::Hang, Reply::Hang, absent()]).await;
    let short = RetryPolicy { attempts: 2, answer: Duration::from_millis(200), ..NO_BACKOFF };
    let silent = S3Store::with_retry_policy(&settings(server.address), short)
        .put("k", ROWS, &object(1))
        .await
        .unwrap_err();
    assert_eq!((&silent.kind, silent.effect), (&Kind::Timeout, Effect::Unknown), "{silent:?}");
    assert_eq!(server.methods(), "PUT PUT HEAD");
}

#[tokio::test]
async fn an_unusable_address_is_a_configuration_error() {
    let mut unusable = settings("127.0.0.1:1".parse().unwrap());
    unusable.endpoint = Some("not an address".to_owned());
    let error = S3Store::with_retry_policy(&unusable, NO_BACKOFF).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::InvalidEndpoint, "{error:?}");
    let mut unusable = settings("127.0.0.1:1".parse().unwrap());
    unusable.endpoint = None;
    unusable.region = "not a region".to_owned();
    let error = S3Store::with_retry_policy(&unusable, NO_BACKOFF).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::InvalidEndpoint, "{error:?}");
}

#[tokio::test]
async fn a_handle_with_fewer_attempts_sends_fewer() {
    let busy = || Reply::error("503 Slow Down", "SlowDown");
    let server = Scripted::start(vec![busy(), busy(), busy()]).await;
    let error = server.store().with_max_attempts(2).list_keys("").await.unwrap_err();
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

/// The store's message is kept apart from the sentence, without anything that may be secret.
#[tokio::test]
async fn the_stores_own_message_is_kept_for_the_user() {
    let error_of = async |answer: Reply| {
        let server = Scripted::start(vec![answer]).await;
        let error = server.store().put("k", ROWS, &object(1)).await.unwrap_err();
        let failure = Failure::from(error.clone());
        assert_eq!(failure.store_answer, error.store_answer());
        failure
    };
    let capped = "<Error><Code>AccessDenied</Code><Message>Transaction cap exceeded, see \
                  https://example.com/caps?key=1 (key AKIAIOSFODNN7EXAMPLE)&#xA;Increase \
                  it.</Message></Error>";
    let failure = error_of(Reply::Answer("403 Forbidden".to_owned(), capped.to_owned())).await;
    let expected =
        "HTTP 403, AccessDenied: \"Transaction cap exceeded, see *** (key ***) Increase it.\"";
    assert_eq!(failure.store_answer.as_deref(), Some(expected));
    assert!(!failure.message.contains("cap exceeded"), "{}", failure.message);

    let failure = error_of(Reply::error("403 Forbidden", "QuotaExceeded")).await;
    let expected = "HTTP 403, QuotaExceeded: \"Nothing of this *** is shown\"";
    assert_eq!(failure.store_answer.as_deref(), Some(expected));

    let text = Reply::Answer(
        "400 Bad Request".to_owned(),
        "bucket is read-only for maintenance\n".to_owned(),
    );
    let failure = error_of(text).await;
    assert_eq!(
        failure.store_answer.as_deref(),
        Some("HTTP 400: \"bucket is read-only for maintenance\"")
    );
    let page = Reply::Answer("403 Forbidden".to_owned(), "<html>no entry</html>".to_owned());
    for silent in [Reply::status("403 Forbidden"), page] {
        assert_eq!(error_of(silent).await.store_answer, None);
    }
}

#[tokio::test]
async fn an_unknown_host_name_is_reported_as_such() {
    let mut nowhere = settings("127.0.0.1:1".parse().unwrap());
    nowhere.endpoint = Some("http://no-such-host.invalid:9000".to_owned());
    let store = S3Store::with_retry_policy(&nowhere, NO_BACKOFF);
    let error = store.list_keys("").await.unwrap_err();
    assert_eq!(
        error.kind,
        Kind::HostNotFound { host: "no-such-host.invalid".to_owned() },
        "{error:?}"
    );
    let text = "the host name \"no-such-host.invalid\" was not found in DNS in 3 attempts: correct \
                s3_endpoint";
    assert!(error.to_string().starts_with(text), "{error}");
    // The user of `check` waits for the answer.
    let error = store.with_short_timeouts(3).list_keys("").await.unwrap_err();
    assert!(error.to_string().contains("was not found in DNS: correct s3_endpoint"), "{error}");
}

/// A host whose queue of connections is full drops packets, as a firewall does.
#[tokio::test]
async fn a_host_that_does_not_answer_is_reported_as_such() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(connected)) =
        tokio::time::timeout(Duration::from_millis(500), tokio::net::TcpStream::connect(address))
            .await
    {
        waiting.push(connected);
    }
    let hasty = RetryPolicy { connect: Duration::from_millis(300), ..NO_BACKOFF };
    let error = S3Store::with_retry_policy(&settings(address), hasty)
        .put("k", ROWS, &object(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::NoConnection, "{error:?}");
    assert!(
        error.to_string().contains("no connection could be established at http://127.0.0.1:"),
        "{error}"
    );
}

/// A server that ends each handshake with an alert.
#[tokio::test]
async fn a_failed_handshake_is_reported_as_such() {
    const HANDSHAKE_FAILURE: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 0x28];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(&HANDSHAKE_FAILURE).await;
        }
    });
    let mut with_tls = settings(address);
    with_tls.endpoint = Some(format!("https://{address}"));
    let error = S3Store::with_retry_policy(&with_tls, NO_BACKOFF).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::TlsFailed, "{error:?}");
    assert!(error.to_string().contains("the TLS handshake with"), "{error}");
}

/// An answer of a proxy is not an answer of S3.
#[tokio::test]
async fn proxies_and_path_style_refusals_have_messages_of_their_own() {
    let large = "<html><head><title>413 Request Entity Too Large</title></head></html>";
    let table = [
        (
            Reply::Answer("413 Request Entity Too Large".to_owned(), large.to_owned()),
            Kind::TooLargeForProxy,
            "raise its limit",
        ),
        (
            Reply::error("413 Payload Too Large", "EntityTooLarge"),
            Kind::TooLargeForProxy,
            "proxy in front of the store",
        ),
        (
            Reply::status("407 Proxy Authentication Required"),
            Kind::ProxyAuthentication,
            "HTTPS_PROXY",
        ),
        (
            Reply::error("403 Forbidden", "SecondLevelDomainForbidden"),
            Kind::PathStyleRefused,
            "set s3_path_style to off",
        ),
    ];
    for (answer, kind, words) in table {
        let server = Scripted::start(vec![answer]).await;
        let error = server.store().upload_part("k", "u", 1, ROWS).await.unwrap_err();
        assert_eq!((&error.kind, error.failure_type()), (&kind, FailureType::Config), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// The endpoint contains the bucket's name already: each way in which that shows, and errors that
/// have other causes.
#[tokio::test]
async fn a_bucket_in_the_endpoint_is_named_as_the_likely_cause() {
    let suspect = |address, endpoint: Option<&str>| {
        let mut suspect = settings(address);
        suspect.endpoint_without_bucket = Some("http://store.example".to_owned());
        suspect.endpoint = endpoint.map(str::to_owned).or(suspect.endpoint);
        S3Store::with_retry_policy(&suspect, NO_BACKOFF)
    };
    let no_bucket = || Reply::error("404 Not Found", "NoSuchBucket");
    let no_key = || Reply::error("404 Not Found", "NoSuchKey");
    for (script, kind) in [
        (vec![no_bucket()], Kind::BucketInEndpoint),
        (vec![no_key()], Kind::BucketInEndpoint),
        (vec![absent()], Kind::BucketInEndpoint),
        (vec![Reply::error("403 Forbidden", "AccessDenied")], Kind::AccessDenied),
        (vec![web_page()], Kind::NotS3),
    ] {
        let server = Scripted::start(script).await;
        let error = suspect(server.address, None).list_keys("").await.unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
        assert_eq!(error.failure_type(), FailureType::Config);
        let named = error.to_string().contains("set s3_endpoint to http://store.example, or");
        assert_eq!(named, kind == Kind::BucketInEndpoint, "{error}");
    }
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let host =
        suspect(nowhere, Some("http://bucket.nowhere.invalid")).list_keys("").await.unwrap_err();
    assert_eq!(
        (&host.kind, host.failure_type()),
        (&Kind::BucketInEndpoint, FailureType::Config),
        "{host:?}"
    );
    let refused = suspect(nowhere, None).list_keys("").await.unwrap_err();
    assert_eq!(refused.kind, Kind::ConnectionRefused, "{refused:?}");

    // Without the name in the endpoint, and in a store that has answered before.
    let server = Scripted::start(vec![no_key()]).await;
    let error = server.store().list_keys("").await.unwrap_err();
    assert_eq!((&error.kind, error.failure_type()), (&Kind::InvalidEndpoint, FailureType::Config));
    let server = Scripted::start(vec![ok(), no_bucket()]).await;
    let store = suspect(server.address, None);
    store.put("k", ROWS, &object(1)).await.unwrap();
    assert_eq!(store.list_keys("").await.unwrap_err().kind, Kind::BucketMissing);
}

/// The SDK would append the bucket to the path without a slash.
#[tokio::test]
async fn a_path_in_the_endpoint_stays_a_folder_of_its_own() {
    let list = || {
        let body = "<ListBucketResult></ListBucketResult>";
        Reply::Answer("200 OK".to_owned(), body.to_owned())
    };
    for path in ["/s3", "/s3/", "/s3//"] {
        let server = Scripted::start(vec![list(), ok()]).await;
        let mut settings = settings(server.address);
        settings.endpoint = Some(format!("http://{}{path}", server.address));
        let store = S3Store::with_retry_policy(&settings, NO_BACKOFF);
        store.list_keys("a/").await.unwrap();
        store.put("a/b", ROWS, &object(1)).await.unwrap();
        let lines: Vec<String> = server
            .requests()
            .iter()
            .map(|request| request.split(['?', ' ']).nth(1).unwrap().to_owned())
            .collect();
        assert_eq!(lines, ["/s3/bucket/", "/s3/bucket/a/b"], "{path}");
    }
}
