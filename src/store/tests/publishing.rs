//! Doubtful answers to the requests that make an object visible.

use super::*;
use crate::store::StoreSettings;

/// An object of the size of [`ROWS`] without any metadata.
fn unmarked() -> Reply {
    let rows = String::from_utf8(ROWS.to_vec()).unwrap();
    Reply::Answer("200 OK\r\nETag: \"e\"".to_owned(), rows)
}

/// Each row: the server's answers, the requests, and the result.
#[tokio::test]
async fn doubtful_answers_to_a_put_are_settled() {
    use Effect::{NotApplied, Unknown};
    type Row = (&'static str, Vec<Reply>, &'static str, Result<(), (Kind, Effect)>);
    let refused = || Reply::error("412 Precondition Failed", "PreconditionFailed");
    let conflict = || Reply::error("409 Conflict", "ConditionalRequestConflict");
    let broken = || Reply::error("500 Internal Server Error", "InternalError");
    let lacking = || Reply::error("501 Not Implemented", "NotImplemented");
    let denied = || Reply::error("403 Forbidden", "AccessDenied");
    let table: Vec<Row> = vec![
        (
            "lost, then our own",
            vec![Reply::Lose, refused(), found_with_token(1)],
            "PUT PUT HEAD",
            Ok(()),
        ),
        (
            "foreign",
            vec![refused(), found_with_token(2)],
            "PUT HEAD",
            Err((Kind::KeyTaken, NotApplied)),
        ),
        (
            "without a token",
            vec![refused(), unmarked(), absent()],
            "PUT HEAD HEAD",
            Err((Kind::KeyTaken, NotApplied)),
        ),
        (
            "an object at every key",
            vec![refused(), unmarked(), unmarked()],
            "PUT HEAD HEAD",
            Err((Kind::FindsMissing, NotApplied)),
        ),
        (
            "a look that is refused as if it had a condition",
            vec![refused(), Reply::status("412 Precondition Failed")],
            "PUT HEAD",
            Err((Kind::Unsupported, Unknown)),
        ),
        (
            "deleted since",
            vec![refused(), absent()],
            "PUT HEAD",
            Err((Kind::RefusesFreeKey, NotApplied)),
        ),
        (
            "lost, then taken by nothing",
            vec![Reply::Lose, refused(), absent()],
            "PUT PUT HEAD",
            Err((Kind::Conflict, Unknown)),
        ),
        (
            "lost, then without metadata",
            vec![Reply::Lose, refused(), unmarked()],
            "PUT PUT HEAD",
            Err((Kind::LosesMetadata, Unknown)),
        ),
        (
            "lost forever, then without metadata",
            vec![Reply::Lose, Reply::Lose, Reply::Lose, unmarked()],
            "PUT PUT PUT HEAD",
            Err((Kind::LosesMetadata, Unknown)),
        ),
        (
            "lost, then of another size",
            vec![Reply::Lose, refused(), ok(), absent()],
            "PUT PUT HEAD HEAD",
            Err((Kind::KeyTaken, NotApplied)),
        ),
        (
            "lost, no guard, then without metadata",
            vec![Reply::Lose, lacking(), unmarked()],
            "PUT PUT HEAD",
            Err((Kind::LosesMetadata, Unknown)),
        ),
        (
            "lost, no guard, then not to be looked at",
            vec![Reply::Lose, lacking(), denied()],
            "PUT PUT HEAD",
            Err((Kind::AccessDenied, Unknown)),
        ),
        (
            "lost, no guard, then denied",
            vec![Reply::Lose, lacking(), absent(), denied(), absent()],
            "PUT PUT HEAD PUT HEAD",
            Err((Kind::AccessDenied, Unknown)),
        ),
        (
            "no guard, then denied",
            vec![lacking(), absent(), denied()],
            "PUT HEAD PUT",
            Err((Kind::AccessDenied, NotApplied)),
        ),
        ("whose?", vec![refused(), denied()], "PUT HEAD", Err((Kind::AccessDenied, Unknown))),
        ("lost, then fine", vec![Reply::Lose, ok()], "PUT PUT", Ok(())),
        (
            "busy, then fine",
            vec![Reply::error("503 Slow Down", "SlowDown"), ok()],
            "PUT PUT",
            Ok(()),
        ),
        ("conflict, then fine", vec![conflict(), ok()], "PUT PUT", Ok(())),
        (
            "conflict, then ours",
            vec![conflict(), refused(), found_with_token(1)],
            "PUT PUT HEAD",
            Ok(()),
        ),
        (
            "conflict forever",
            vec![conflict(), conflict(), conflict(), absent()],
            "PUT PUT PUT HEAD",
            Err((Kind::Conflict, Unknown)),
        ),
        (
            "broken, yet written",
            vec![broken(), broken(), broken(), found_with_token(1)],
            "PUT PUT PUT HEAD",
            Ok(()),
        ),
        (
            "broken",
            vec![broken(), broken(), broken(), absent()],
            "PUT PUT PUT HEAD",
            Err((Kind::Server, Unknown)),
        ),
        (
            "broken, and foreign",
            vec![broken(), broken(), broken(), found_with_token(2)],
            "PUT PUT PUT HEAD",
            Err((Kind::KeyTaken, NotApplied)),
        ),
        (
            "lost forever",
            vec![Reply::Lose, Reply::Lose, Reply::Lose, absent()],
            "PUT PUT PUT HEAD",
            Err((Kind::Connection, Unknown)),
        ),
        // A proxy's page, or an answer that lost its headers: it proves nothing.
        ("no receipt, then fine", vec![Reply::status("200 OK"), ok()], "PUT PUT", Ok(())),
        (
            "no receipt, yet written",
            vec![Reply::status("200 OK"), refused(), found_with_token(1)],
            "PUT PUT HEAD",
            Ok(()),
        ),
        (
            "never a receipt",
            vec![Reply::status("200 OK"), web_page(), Reply::status("200 OK"), absent()],
            "PUT PUT PUT HEAD",
            Err((Kind::NotS3, Unknown)),
        ),
        (
            "an error inside a 200, then fine",
            vec![
                Reply::error("200 OK", "InternalError"),
                Reply::error("200 OK", "NeverHeardOf"),
                ok(),
            ],
            "PUT PUT PUT",
            Ok(()),
        ),
        ("denied at once", vec![denied()], "PUT", Err((Kind::AccessDenied, NotApplied))),
        (
            "lost, then denied",
            vec![Reply::Lose, denied(), absent()],
            "PUT PUT HEAD",
            Err((Kind::AccessDenied, Unknown)),
        ),
        (
            "lost, then denied, yet written",
            vec![Reply::Lose, denied(), found_with_token(1)],
            "PUT PUT HEAD",
            Ok(()),
        ),
        ("no guard", vec![lacking(), absent(), ok()], "PUT HEAD PUT", Ok(())),
        (
            "no guard, foreign",
            vec![lacking(), found_with_token(2)],
            "PUT HEAD",
            Err((Kind::KeyTaken, NotApplied)),
        ),
        (
            "no guard, lost, and foreign",
            vec![lacking(), absent(), Reply::Lose, Reply::Lose, Reply::Lose, found_with_token(2)],
            "PUT HEAD PUT PUT PUT HEAD",
            Err((Kind::Connection, Unknown)),
        ),
        (
            "the guard is an invalid argument",
            vec![unknown_header("InvalidArgument"), absent(), ok()],
            "PUT HEAD PUT",
            Ok(()),
        ),
        (
            "the guard is an invalid request",
            vec![unknown_header("InvalidRequest"), absent(), ok()],
            "PUT HEAD PUT",
            Ok(()),
        ),
        (
            "the guard is of no known code",
            vec![unknown_header("BadHeader"), absent(), ok()],
            "PUT HEAD PUT",
            Ok(()),
        ),
        (
            "no put at all",
            vec![lacking(), absent(), lacking()],
            "PUT HEAD PUT",
            Err((Kind::Unsupported, NotApplied)),
        ),
    ];
    for (name, script, requests, expected) in table {
        let server = Scripted::start(script).await;
        let outcome = put(&server).await.map_err(|error| (error.kind, error.effect));
        assert_eq!(outcome, expected, "{name}");
        assert_eq!(server.methods(), requests, "{name}");
    }
}

#[tokio::test]
async fn doubtful_answers_to_a_completion_are_settled() {
    use Effect::{NotApplied, Unknown};
    type Row = (&'static str, Vec<Reply>, &'static str, Result<(), (Kind, Effect)>);
    // S3 may send 200 before it knows the result: an error is then in the body.
    let late = |code| Reply::error("200 OK", code);
    let gone = || Reply::error("404 Not Found", "NoSuchUpload");
    let refused = || Reply::error("412 Precondition Failed", "PreconditionFailed");
    let without_etag = || {
        let body = "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>";
        Reply::Answer("200 OK".to_owned(), body.to_owned())
    };
    let table: Vec<Row> = vec![
        ("fine", vec![completed()], "POST", Ok(())),
        ("late error, then fine", vec![late("InternalError"), completed()], "POST POST", Ok(())),
        (
            "late error of another kind",
            vec![late("ServiceUnavailable"), completed()],
            "POST POST",
            Ok(()),
        ),
        (
            "late error, yet written",
            vec![late("SlowDown"), gone(), found_with_token(1)],
            "POST POST HEAD",
            Ok(()),
        ),
        (
            "late errors forever",
            vec![late("InternalError"), late("InternalError"), late("InternalError"), absent()],
            "POST POST POST HEAD",
            Err((Kind::Server, Unknown)),
        ),
        ("no receipt, then fine", vec![without_etag(), completed()], "POST POST", Ok(())),
        (
            "no receipt, yet written",
            vec![without_etag(), gone(), found_with_token(1)],
            "POST POST HEAD",
            Ok(()),
        ),
        ("a web page, yet written", vec![web_page(), found_with_token(1)], "POST HEAD", Ok(())),
        ("a web page", vec![web_page(), absent()], "POST HEAD", Err((Kind::NotS3, Unknown))),
        (
            "lost, and it had worked",
            vec![Reply::Lose, gone(), found_with_token(1)],
            "POST POST HEAD",
            Ok(()),
        ),
        ("upload gone", vec![gone(), absent()], "POST HEAD", Err((Kind::NoSuchUpload, NotApplied))),
        (
            "upload gone, foreign",
            vec![gone(), ok()],
            "POST HEAD",
            Err((Kind::NoSuchUpload, NotApplied)),
        ),
        (
            "lost, then gone, without metadata",
            vec![Reply::Lose, gone(), unmarked()],
            "POST POST HEAD",
            Err((Kind::LosesMetadata, Unknown)),
        ),
        (
            "deleted since, then fine",
            vec![refused(), absent(), refused(), absent(), completed()],
            "POST HEAD POST HEAD POST",
            Ok(()),
        ),
        (
            "refused forever",
            vec![refused(), absent(), refused(), absent(), refused(), absent()],
            "POST HEAD POST HEAD POST HEAD",
            Err((Kind::RefusesFreeKey, NotApplied)),
        ),
        (
            "taken",
            vec![
                Reply::error("412 Precondition Failed", "PreconditionFailed"),
                found_with_token(2),
            ],
            "POST HEAD",
            Err((Kind::KeyTaken, NotApplied)),
        ),
        (
            "no guard",
            vec![Reply::error("501 Not Implemented", "NotImplemented"), absent(), completed()],
            "POST HEAD POST",
            Ok(()),
        ),
    ];
    for (name, script, requests, expected) in table {
        let server = Scripted::start(script).await;
        let outcome = complete(&server).await.map_err(|error| (error.kind, error.effect));
        assert_eq!(outcome, expected, "{name}");
        assert_eq!(server.methods(), requests, "{name}");
    }
}

#[tokio::test]
async fn a_store_without_conditional_writes_is_remembered() {
    let lacking = Reply::error("501 Not Implemented", "NotImplemented");
    let server = Scripted::start(vec![lacking, absent(), ok(), absent(), ok()]).await;
    let store = server.store();
    store.put("a", ROWS, &object(1)).await.unwrap();
    store.clone().put("b", ROWS, &object(2)).await.unwrap();
    assert_eq!(server.methods(), "PUT HEAD PUT HEAD PUT");
    let guarded: Vec<bool> =
        server.requests().iter().map(|request| request.contains("if-none-match")).collect();
    assert_eq!(guarded, [true, false, false, false, false]);
}

/// A proxy garbles one answer: a HEAD finds out whether the object is there, as after any lost
/// answer.
#[tokio::test]
async fn an_answer_that_is_not_http_proves_nothing() {
    let server = Scripted::start(vec![Reply::Garble, found_with_token(1)]).await;
    put(&server).await.unwrap();
    assert_eq!(server.methods(), "PUT HEAD");
    let server = Scripted::start(vec![Reply::Garble, absent()]).await;
    let error = put(&server).await.unwrap_err();
    assert_eq!((&error.kind, error.effect), (&Kind::NotHttp, Effect::Unknown), "{error:?}");
}

/// In a store that may ignore the condition, neither request writes to a key that has an object.
#[tokio::test]
async fn a_head_precedes_each_write_if_the_store_may_ignore_the_condition() {
    let completed = || {
        let body =
            "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
        Reply::Answer("200 OK".to_owned(), body.to_owned())
    };
    let denied = || Reply::error("403 Forbidden", "AccessDenied");
    let parts = [PartReceipt { part_number: 1, etag: "\"e\"".to_owned(), checksum: None }];
    let store = |server: &Scripted| {
        S3Store::with_retry_policy(
            &StoreSettings { head_before_put: true, ..settings(server.address) },
            NO_BACKOFF,
        )
    };
    for (script, requests, expected) in [
        (vec![absent(), ok()], "HEAD PUT", Ok(())),
        (vec![found_with_token(2)], "HEAD", Err(Kind::KeyTaken)),
        (vec![found_with_token(1)], "HEAD", Ok(())),
        (vec![denied()], "HEAD", Err(Kind::AccessDenied)),
        (vec![unmarked(), absent()], "HEAD HEAD", Err(Kind::KeyTaken)),
        (vec![unmarked(), unmarked()], "HEAD HEAD", Err(Kind::FindsMissing)),
        (vec![Reply::status("412 Precondition Failed")], "HEAD", Err(Kind::Unsupported)),
    ] {
        let server = Scripted::start(script).await;
        let put = store(&server).put("a", ROWS, &object(1)).await;
        assert_eq!(
            (put.map_err(|error| error.kind), server.methods().as_str()),
            (expected, requests)
        );
    }
    // The store may ignore the condition: a put whose answer is lost may still overwrite the
    // object.
    let lost = || Reply::Lose;
    let server = Scripted::start(vec![absent(), lost(), lost(), lost(), found_with_token(2)]).await;
    let error = store(&server).put("a", ROWS, &object(1)).await.unwrap_err();
    assert_eq!((&error.kind, error.effect), (&Kind::Connection, Effect::Unknown), "{error:?}");
    assert!(!error.asks_for_next_key());
    // The store has shown that it honours the condition.
    let refused = Reply::error("412 Precondition Failed", "PreconditionFailed");
    let server = Scripted::start(vec![absent(), lost(), refused, found_with_token(2)]).await;
    let error = store(&server).put("a", ROWS, &object(1)).await.unwrap_err();
    assert!(error.asks_for_next_key(), "{error:?}");
    for (script, requests, expected) in [
        (vec![absent(), completed()], "HEAD POST", Ok(())),
        (vec![found_with_token(2)], "HEAD", Err(Kind::KeyTaken)),
    ] {
        let server = Scripted::start(script).await;
        let done = store(&server).complete_multipart("a", "u", &parts, &object(1)).await;
        assert_eq!(
            (done.map_err(|error| error.kind), server.methods().as_str()),
            (expected, requests)
        );
    }
}

/// A store without conditional writes that does not answer with a 501.
fn unknown_header(code: &str) -> Reply {
    let body = format!(
        "<Error><Code>{code}</Code><Message>Unsupported \
         header.</Message><ArgumentName>If-None-Match</ArgumentName></Error>"
    );
    Reply::Answer("400 Bad Request\r\nContent-Type: application/xml".to_owned(), body)
}

#[tokio::test]
async fn a_completion_whose_condition_is_an_invalid_argument_is_sent_without_it_after_a_head() {
    let server =
        Scripted::start(vec![unknown_header("InvalidArgument"), absent(), completed()]).await;
    complete(&server).await.unwrap();
    assert_eq!(server.methods(), "POST HEAD POST");
    let guards: Vec<bool> =
        server.requests().iter().map(|head| head.contains("if-none-match: *")).collect();
    assert_eq!(guards, [true, false, false]);
}

/// A static server may even send an ETag.
#[tokio::test]
async fn a_web_page_with_an_etag_is_not_a_receipt() {
    let page = || {
        let head = "200 OK\r\nETag: \"e\"\r\nContent-Type: text/html; charset=utf-8";
        Reply::Answer(head.to_owned(), "<!doctype html><title>It works!</title>".to_owned())
    };
    let server = Scripted::start(vec![page(), page(), page(), absent()]).await;
    let error = put(&server).await.unwrap_err();
    assert_eq!((&error.kind, error.effect), (&Kind::NotS3, Effect::Unknown), "{error:?}");
}

/// Flask, hence moto, labels every answer without a content type as HTML, also one without a body.
#[tokio::test]
async fn an_empty_answer_labelled_html_is_not_a_web_page() {
    let named_html =
        Reply::Answer("200 OK\r\nETag: \"e\"\r\nContent-Type: text/html".to_owned(), String::new());
    let server = Scripted::start(vec![named_html]).await;
    put(&server).await.unwrap();
    assert_eq!(server.methods(), "PUT");
}
