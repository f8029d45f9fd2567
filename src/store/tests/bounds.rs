//! Answers that never change: every request ends, and after a number of attempts that is known.

use futures_util::StreamExt as _;

use super::*;
use crate::store::StoreSettings;

/// Less time for a request that the SDK's rate limiter delays: its first wait is 20 s.
const IMPATIENT: RetryPolicy =
    RetryPolicy { answer: Duration::from_secs(1), work: Duration::from_secs(1), ..NO_BACKOFF };

/// The limit of requests of one call with [`NO_BACKOFF`], whatever the store always answers: a
/// write that is refused (three attempts), a check of the key (a HEAD, the GET that explains it and
/// another HEAD, three attempts each), and for a completion three rounds of that.
const MOST_REQUESTS: usize = 3 * (3 + 9) + 9;

fn answers_for_ever() -> Vec<Reply> {
    let page = |inside: &str| Reply::Answer("200 OK".to_owned(), format!("<html>{inside}</html>"));
    let mut answers: Vec<Reply> = [
        (307, "Temporary Redirect", "TemporaryRedirect"),
        (400, "Bad Request", "ExpiredToken"),
        (400, "Bad Request", "NeverHeardOf"),
        (404, "Not Found", "NoSuchKey"),
        (404, "Not Found", "NoSuchUpload"),
        (408, "Request Timeout", "RequestTimeout"),
        (409, "Conflict", "ConditionalRequestConflict"),
        (412, "Precondition Failed", "PreconditionFailed"),
        (429, "Too Many Requests", "TooManyRequests"),
        (500, "Internal Server Error", "InternalError"),
        (501, "Not Implemented", "NotImplemented"),
        (503, "Slow Down", "SlowDown"),
        (200, "OK", "InternalError"),
    ]
    .into_iter()
    .map(|(status, reason, code)| Reply::error(&format!("{status} {reason}"), code))
    .collect();
    answers.extend(
        [400, 404, 412, 500, 520, 599].map(|status| Reply::status(&format!("{status} Odd"))),
    );
    answers.extend([ok(), page(""), Reply::status("200 OK"), Reply::Lose, Reply::Garble]);
    answers
}

/// Every call, with and without a HEAD before each write.
#[tokio::test]
async fn every_request_ends_even_if_the_answer_never_changes() {
    let cases = answers_for_ever()
        .into_iter()
        .flat_map(|answer| [false, true].map(|head_before_put| (answer.clone(), head_before_put)))
        .flat_map(|(answer, head_before_put)| {
            (0..10).map(move |call| (answer.clone(), head_before_put, call))
        });
    futures_util::stream::iter(cases)
        .for_each_concurrent(32, async |(answer, head_before_put, call)| {
            let same = answer.clone();
            let server = Scripted::deciding(move |_| same.clone()).await;
            let settings = StoreSettings { head_before_put, ..settings(server.address) };
            ask(&S3Store::with_retry_policy(&settings, IMPATIENT), call).await;
            let requests = server.connections();
            assert!(requests <= MOST_REQUESTS, "{answer:?}, call {call}: {requests} requests");
        })
        .await;
}

/// Makes the nth kind of call, however it ends.
async fn ask(store: &S3Store, nth: usize) {
    let object = object(1);
    let part = PartReceipt { part_number: 1, etag: "e".to_owned(), checksum: None };
    match nth {
        0 => drop(store.put("k", ROWS, &object).await),
        1 => drop(store.complete_multipart("k", "u", &[part], &object).await),
        2 => drop(store.create_multipart("k", &object).await),
        3 => drop(store.upload_part("k", "u", 1, ROWS).await),
        4 => drop(store.head("k").await),
        5 => drop(store.copy("k", "l", "t").await),
        6 => drop(store.delete_if_ours("k", object.token).await),
        7 => drop(store.abort_multipart("k", "u").await),
        8 => drop(store.list_keys("k").await),
        _ => store.delete_all(vec!["k".to_owned(), "l".to_owned()], |_, _| true).await,
    }
}
