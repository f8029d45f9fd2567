//! Deleting objects: one, many, or only if it is ours.

use super::*;

#[tokio::test]
async fn thousands_of_keys_are_deleted_in_batches() {
    let done = || Reply::Answer("200 OK".to_owned(), "<DeleteResult></DeleteResult>".to_owned());
    let keys = |count: usize| (0..count).map(|number| format!("k{number}")).collect::<Vec<_>>();
    let server = Scripted::start(vec![done(), done(), done()]).await;
    deleted(&server.store(), keys(2500)).await.unwrap();
    assert_eq!(server.methods(), "POST POST POST");
    assert!(server.requests().iter().all(|request| request.starts_with("post /bucket/?delete ")));

    let server = Scripted::start(vec![]).await;
    deleted(&server.store(), Vec::new()).await.unwrap();
    assert_eq!(server.methods(), "");
}

/// Each row: the server's answers, the sorted methods of the requests, and the result.
#[tokio::test]
async fn keys_that_a_batch_does_not_settle_are_deleted_one_by_one() {
    type Row = (&'static str, Vec<Reply>, &'static str, Result<(), Kind>);
    let gone = || Reply::status("204 No Content");
    let with_errors = |errors: &[(&str, &str)]| {
        let error = |(key, code): &(&str, &str)| {
            format!("<Error><Key>{key}</Key><Code>{code}</Code></Error>")
        };
        let errors: String = errors.iter().map(error).collect();
        Reply::Answer("200 OK".to_owned(), format!("<DeleteResult>{errors}</DeleteResult>"))
    };
    let broken = || Reply::error("500 Internal Server Error", "InternalError");
    let table: Vec<Row> = vec![
        ("all gone", vec![with_errors(&[])], "POST", Ok(())),
        ("one was gone", vec![with_errors(&[("a", "NoSuchKey")])], "POST", Ok(())),
        (
            "one hangs on",
            vec![with_errors(&[("b", "InternalError")]), gone()],
            "POST DELETE /bucket/b",
            Ok(()),
        ),
        (
            "one hangs on and is tried again",
            vec![with_errors(&[("b", "SlowDown")]), broken(), gone()],
            "POST DELETE /bucket/b DELETE /bucket/b",
            Ok(()),
        ),
        (
            "one is forbidden",
            vec![
                with_errors(&[("b", "AccessDenied")]),
                Reply::error("403 Forbidden", "AccessDenied"),
            ],
            "POST DELETE /bucket/b",
            Err(Kind::AccessDenied),
        ),
        (
            "one has no name",
            vec![
                Reply::Answer(
                    "200 OK".into(),
                    "<DeleteResult><Error><Code>X</Code></Error></DeleteResult>".into(),
                ),
                gone(),
                gone(),
            ],
            "POST DELETE /bucket/a DELETE /bucket/b",
            Ok(()),
        ),
        (
            "lost",
            vec![Reply::Lose, Reply::Lose, Reply::Lose, gone(), gone()],
            "POST POST POST DELETE /bucket/a DELETE /bucket/b",
            Ok(()),
        ),
        ("lost, then fine", vec![Reply::Lose, with_errors(&[])], "POST POST", Ok(())),
        (
            "an error inside a 200",
            vec![Reply::error("200 OK", "InternalError"), with_errors(&[])],
            "POST POST",
            Ok(()),
        ),
        (
            "a web page",
            vec![web_page(), gone(), gone()],
            "POST DELETE /bucket/a DELETE /bucket/b",
            Ok(()),
        ),
        (
            "nothing at all",
            vec![Reply::status("200 OK"), gone(), gone()],
            "POST DELETE /bucket/a DELETE /bucket/b",
            Ok(()),
        ),
        (
            "refused as a whole for one of them",
            vec![
                Reply::error("403 Forbidden", "AccessDenied"),
                gone(),
                Reply::error("403 Forbidden", "AccessDenied"),
            ],
            "POST DELETE /bucket/a DELETE /bucket/b",
            Err(Kind::AccessDenied),
        ),
        (
            "gone to an exact store",
            vec![broken(), broken(), broken(), Reply::error("404 Not Found", "NoSuchKey"), gone()],
            "POST POST POST DELETE /bucket/a DELETE /bucket/b",
            Ok(()),
        ),
    ];
    for (name, script, expected_requests, expected) in table {
        let server = Scripted::start(script).await;
        let outcome = deleted(&server.store(), vec!["a".to_owned(), "b".to_owned()]).await;
        assert_eq!(outcome.map_err(|error| error.kind), expected, "{name}");
        assert_eq!(deletions(&server), expected_requests, "{name}");
    }
}

/// Returns the posts, then the deletions with their paths, sorted by path: they run in parallel.
fn deletions(server: &Scripted) -> String {
    let requests = server.requests();
    let mut seen: Vec<String> = requests
        .iter()
        .map(|request| {
            let mut words = request.split([' ', '?']);
            match (words.next().unwrap(), words.next().unwrap()) {
                ("post", _) => "POST".to_owned(),
                (method, path) => format!("{} {path}", method.to_uppercase()),
            }
        })
        .collect();
    seen.sort_by_key(|request| (request != "POST", request.clone()));
    seen.join(" ")
}

/// After a `false` no further request is sent, and requests in flight are reported.
#[tokio::test]
async fn deletions_stop_when_the_caller_says_so() {
    let server = Scripted::deciding(|_| Reply::error("403 Forbidden", "AccessDenied")).await;
    let keys: Vec<String> = (0..200).map(|number| format!("k{number}")).collect();
    let mut reported = 0;
    let count = |_: String, _: Result<(), StoreError>| {
        reported += 1;
        reported < 5
    };
    server.store().delete_all(keys, count).await;
    assert!((5..=40).contains(&reported), "{reported}");
    assert_eq!(server.requests().len(), 1 + reported, "one batch, and single ones");
}

/// Each of these objects is gone, so the log must name it.
#[tokio::test]
async fn a_deleted_batch_is_reported_to_its_end_after_a_stop() {
    let server =
        Scripted::deciding(|_| Reply::Answer("200 OK".to_owned(), "<DeleteResult/>".to_owned()))
            .await;
    let keys: Vec<String> = (0..1500).map(|number| format!("k{number}")).collect();
    let mut reported = 0;
    let count = |_: String, _: Result<(), StoreError>| {
        reported += 1;
        reported < 5
    };
    server.store().delete_all(keys, count).await;
    assert_eq!((reported, server.methods().as_str()), (1000, "POST"));
}

#[tokio::test]
async fn a_store_without_batch_deletes_is_remembered() {
    let gone = || Reply::status("204 No Content");
    for (status, code) in [
        ("501 Not Implemented", "NotImplemented"),
        ("405 Method Not Allowed", "MethodNotAllowed"),
        ("400 Bad Request", "MissingContentMD5"),
        ("400 Bad Request", "MalformedXML"),
        ("400 Bad Request", "InvalidRequest"),
    ] {
        let server =
            Scripted::start(vec![Reply::error(status, code), gone(), gone(), gone(), gone()]).await;
        let store = server.store();
        let keys = || vec!["a".to_owned(), "b".to_owned()];
        deleted(&store, keys()).await.unwrap();
        deleted(&store.clone(), keys()).await.unwrap();
        assert_eq!(server.methods(), "POST DELETE DELETE DELETE DELETE", "{code}");
    }
}

#[tokio::test]
async fn only_our_own_object_is_deleted() {
    type Row = (&'static str, Vec<Reply>, &'static str, Result<(), Kind>);
    let gone = || Reply::status("204 No Content");
    let denied = || Reply::error("403 Forbidden", "AccessDenied");
    let table: Vec<Row> = vec![
        ("ours", vec![found_with_token(1), gone()], "HEAD DELETE", Ok(())),
        ("foreign", vec![found_with_token(2)], "HEAD", Ok(())),
        ("without a token, which may be ours", vec![ok()], "HEAD", Err(Kind::LosesMetadata)),
        ("nothing", vec![absent()], "HEAD", Ok(())),
        (
            "denied",
            vec![found_with_token(1), denied(), found_with_token(1)],
            "HEAD DELETE HEAD",
            Err(Kind::AccessDenied),
        ),
        (
            "lost, yet deleted",
            vec![found_with_token(1), Reply::Lose, Reply::Lose, Reply::Lose, absent()],
            "HEAD DELETE DELETE DELETE HEAD",
            Ok(()),
        ),
        (
            "lost, and another one came",
            vec![found_with_token(1), Reply::Lose, Reply::Lose, Reply::Lose, found_with_token(2)],
            "HEAD DELETE DELETE DELETE HEAD",
            Ok(()),
        ),
        (
            "lost, and nobody can look",
            vec![found_with_token(1), Reply::Lose, Reply::Lose, Reply::Lose, denied()],
            "HEAD DELETE DELETE DELETE HEAD",
            Err(Kind::Connection),
        ),
        ("nobody can look at first", vec![denied()], "HEAD", Err(Kind::AccessDenied)),
    ];
    for (name, script, requests, expected) in table {
        let server = Scripted::start(script).await;
        let outcome = server.store().delete_if_ours("k", Uuid::from_u128(1)).await;
        assert_eq!(outcome.map_err(|error| error.kind), expected, "{name}");
        assert_eq!(server.methods(), requests, "{name}");
    }
    let server = Embedded::start();
    let store = server.store();
    store.put("k", ROWS, &object(1)).await.unwrap();
    store.delete_if_ours("k", Uuid::from_u128(2)).await.unwrap();
    assert!(store.head("k").await.unwrap().is_some(), "another token");
    store.delete_if_ours("k", Uuid::from_u128(1)).await.unwrap();
    assert_eq!(store.head("k").await.unwrap(), None);
}
