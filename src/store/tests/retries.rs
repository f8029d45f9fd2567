//! Answers after which a request is retried.

use super::*;

#[tokio::test]
async fn retryable_statuses_are_retried() {
    let answers = [
        Reply::status("408 Request Timeout"),
        Reply::error("409 Conflict", "OperationAborted"),
        Reply::status("429 Too Many Requests"),
        Reply::error("429 Too Many Requests", "TooManyRequests"),
        Reply::error("500 Internal Server Error", "InternalError"),
        Reply::status("502 Bad Gateway"),
        Reply::error("503 Slow Down", "SlowDown"),
        Reply::error("503 Service Unavailable", "ServiceUnavailable"),
        Reply::status("504 Gateway Timeout"),
        Reply::error("200 OK", "SlowDown"),
        Reply::error("200 OK", "InternalError"),
        Reply::Lose,
    ];
    for answer in answers {
        let server = Scripted::start(vec![answer.clone(), answer.clone(), ok()]).await;
        server.store().upload_part("k", "u", 1, ROWS).await.unwrap();
        assert_eq!(server.methods(), "PUT PUT PUT", "{answer:?}");
    }
    for answer in [
        Reply::error("403 Forbidden", "AccessDenied"),
        Reply::error("400 Bad Request", "BadDigest"),
    ] {
        let server = Scripted::start(vec![answer.clone(), ok()]).await;
        server.store().upload_part("k", "u", 1, ROWS).await.unwrap_err();
        assert_eq!(server.methods(), "PUT", "{answer:?}");
    }
}

#[tokio::test]
async fn a_part_without_an_etag_is_retried() {
    let bare = || Reply::status("200 OK");
    let server = Scripted::start(vec![bare(), ok()]).await;
    assert_eq!(server.store().upload_part("k", "u", 1, ROWS).await.unwrap().etag, "\"e\"");
    let server = Scripted::start(vec![bare(), bare(), bare()]).await;
    let error = server.store().upload_part("k", "u", 1, ROWS).await.unwrap_err();
    assert_eq!((&error.kind, error.effect), (&Kind::NotS3, Effect::Unknown));
    assert!(error.to_string().contains("is not an S3 service"), "{error}");
}

/// Known or not, with a code or without. Only 501 says what the store lacks, so it is not retried.
#[tokio::test]
async fn every_5xx_is_retried_and_so_are_408_429_and_307() {
    for status in (500..=599).filter(|status| *status != 501).chain([302, 307, 408, 429]) {
        for answer in [
            Reply::status(&format!("{status} Odd")),
            Reply::error(&format!("{status} Odd"), "NeverHeardOf"),
        ] {
            let server = Scripted::start(vec![answer.clone(), answer.clone(), ok()]).await;
            server.store().upload_part("k", "u", 1, ROWS).await.unwrap();
            assert_eq!(server.methods(), "PUT PUT PUT", "{answer:?}");
        }
    }
    let lacking = Reply::error("501 Not Implemented", "NotImplemented");
    let server = Scripted::start(vec![lacking, ok()]).await;
    assert_eq!(
        server.store().upload_part("k", "u", 1, ROWS).await.unwrap_err().kind,
        Kind::Unsupported
    );
    assert_eq!(server.methods(), "PUT");
    // A retry would be redirected again.
    let other_region = Reply::error(
        "307 Temporary Redirect\r\nx-amz-bucket-region: eu-west-3",
        "TemporaryRedirect",
    );
    let server = Scripted::start(vec![other_region, ok()]).await;
    let error = server.store().upload_part("k", "u", 1, ROWS).await.unwrap_err();
    assert_eq!(error.kind, Kind::WrongRegion { expected: Some("eu-west-3".to_owned()) });
    assert_eq!(server.methods(), "PUT");
}

/// Codes that ask to slow down do so whatever their status.
#[tokio::test]
async fn throttling_by_kms_is_retried() {
    let busy = Reply::error("400 Bad Request", "KMS.ThrottlingException");
    let server = Scripted::start(vec![busy, ok()]).await;
    server.store().upload_part("k", "u", 1, ROWS).await.unwrap();
    assert_eq!(server.methods(), "PUT PUT");
}

#[tokio::test]
async fn the_message_says_how_many_attempts_failed() {
    let table = [
        (Reply::status("520 Unknown"), 3, "failed 3 times with a server error (HTTP 520)"),
        (Reply::status("520 Unknown"), 2, "failed twice with a server error"),
        (Reply::status("599 Odd"), 1, "failed once with a server error"),
        (
            Reply::error("503 Slow Down", "SlowDown"),
            3,
            "was refused 3 times because the store asked to slow down (HTTP 503, SlowDown)",
        ),
        (
            Reply::status("509 Bandwidth Limit Exceeded"),
            1,
            "was refused once because the store asked to slow down",
        ),
        (Reply::Lose, 3, "had no working connection"),
        (Reply::Lose, 3, "in 3 attempts"),
    ];
    for (answer, attempts, words) in table {
        let server = Scripted::start(vec![answer; 3]).await;
        let error = server.store().with_max_attempts(attempts).list_keys("").await.unwrap_err();
        assert!(error.to_string().contains(words), "{words} is not in: {error}");
        assert_eq!(server.requests().len(), attempts as usize, "{error}");
    }
}

/// A request that the rate limiter delays would not end in time: its first wait is 20 s.
#[tokio::test]
async fn one_slow_down_does_not_start_the_rate_limiter() {
    let patient = RetryPolicy { longest_backoff: Duration::from_secs(3600), ..NO_BACKOFF };
    let server =
        Scripted::start(vec![Reply::error("503 Slow Down", "SlowDown"), ok(), ok(), ok()]).await;
    let store = S3Store::with_retry_policy(&settings(server.address), patient);
    let puts = async {
        for key in ["a", "b", "c"] {
            store.put(key, ROWS, &object(1)).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(15), puts).await.expect("held up by the rate limiter");
}

/// Enough retries to use up the SDK's own quota (500 tokens, five for each).
#[tokio::test]
async fn retries_have_no_quota() {
    let mut turn = 0;
    let server = Scripted::deciding(move |_| {
        turn += 1;
        if turn % 3 == 0 { ok() } else { Reply::status("500 Internal Server Error") }
    })
    .await;
    let store = server.store();
    for number in 0..60 {
        store.put(&format!("k{number}"), ROWS, &object(1)).await.unwrap();
    }
}
