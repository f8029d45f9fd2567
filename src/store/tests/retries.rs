//! Answers after which the same request is made again.

use super::*;

#[tokio::test]
async fn statuses_that_ask_for_another_attempt_get_one() {
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
    for answer in
        [Reply::error("403 Forbidden", "AccessDenied"), Reply::error("400 Bad Request", "BadDigest")]
    {
        let server = Scripted::start(vec![answer.clone(), ok()]).await;
        server.store().upload_part("k", "u", 1, ROWS).await.unwrap_err();
        assert_eq!(server.methods(), "PUT", "{answer:?}");
    }
}

#[tokio::test]
async fn a_part_without_an_etag_is_sent_again() {
    let bare = || Reply::status("200 OK");
    let server = Scripted::start(vec![bare(), ok()]).await;
    assert_eq!(server.store().upload_part("k", "u", 1, ROWS).await.unwrap().etag, "\"e\"");
    let server = Scripted::start(vec![bare(), bare(), bare()]).await;
    let error = server.store().upload_part("k", "u", 1, ROWS).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (Kind::Connection, Effect::Unknown));
}

/// With patience for an hour a request that the rate limiter held up would not be back in time: the limiter's first
/// wait is 20 s.
#[tokio::test]
async fn one_slow_down_slows_nothing_down() {
    let patient = Pace { longest_backoff: Duration::from_secs(3600), ..HASTE };
    let server = Scripted::start(vec![Reply::error("503 Slow Down", "SlowDown"), ok(), ok(), ok()]).await;
    let store = S3Store::with_pace(&settings(server.address), patient);
    let puts = async {
        for key in ["a", "b", "c"] {
            store.put(key, ROWS, &object(1)).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(15), puts).await.expect("held up by the rate limiter");
}

/// Enough retries to use the SDK's own quota up (500 tokens, five for each).
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
