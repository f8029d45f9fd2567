//! Whole objects: head, copy and delete.

use super::*;
use crate::store::StoredObject;

/// Keys that a path or a header would carry as something else.
const ODD_KEYS: [&str; 8] = [
    "plain.csv",
    "a b/c  d.csv",
    "1+1=2.csv",
    "100%.csv",
    "100%25.csv",
    "größe/日本.csv",
    "q?versionId=x&y#z.csv",
    "'\"(){}[];:@,!$&*.csv",
];

fn copied() -> Reply {
    Reply::Answer(
        "200 OK".to_owned(),
        "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>".to_owned(),
    )
}

/// Deletes all, and gives the first error.
async fn deleted(store: &S3Store, keys: Vec<String>) -> Result<(), StoreError> {
    let mut result = Ok(());
    store
        .delete_all(keys, |_, settled| {
            result = std::mem::replace(&mut result, Ok(())).and(settled);
            true
        })
        .await;
    result
}

fn token(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

#[tokio::test]
async fn an_object_tells_what_it_was_given() {
    let server = Embedded::start();
    let store = server.store();
    assert_eq!(store.head("k.jsonl").await.unwrap(), None);
    store.put("k.jsonl", ROWS, &object(7)).await.unwrap();
    let found = store.head("k.jsonl").await.unwrap().unwrap();
    assert_eq!((found.get("stream"), found.get("namespace")), (Some("users"), None));
    assert_eq!(found.token(), Some(token(7).as_str()));
}

#[test]
fn metadata_names_have_no_case() {
    let found = StoredObject::for_test(&[("Destination-S3-Token", "t"), ("Stream", "users")]);
    assert_eq!(
        (found.token(), found.get("stream"), found.get("STREAM")),
        (Some("t"), Some("users"), Some("users"))
    );
    assert_eq!(StoredObject::for_test(&[("token", "t")]).token(), None);
}

#[tokio::test]
async fn odd_keys_are_copied_over_others_and_deleted() {
    let server = Embedded::start();
    let store = server.store();
    for (number, key) in (1..).zip(ODD_KEYS) {
        let to = format!("to/{key}");
        let rows = Bytes::from(key);
        store.put(key, rows.clone(), &object(number)).await.unwrap();
        store.put(&to, ROWS, &object(100 + number)).await.unwrap();
        store.copy(key, &to, &token(number)).await.unwrap();
        assert_eq!(store.get(&to).await.unwrap(), rows, "{key}");
        let copy = store.head(&to).await.unwrap().unwrap();
        assert!(copy.kept_metadata(&to, Uuid::from_u128(number)), "{copy:?}");
        assert_eq!(copy.get("stream"), Some("users"), "{key}");
        let source = store.head(key).await.unwrap().unwrap();
        assert!(source.was_written_to(key) && !source.was_written_to(&to), "{key}");
    }
    store.put("stays.csv", ROWS, &object(200)).await.unwrap();
    let gone: Vec<String> =
        ODD_KEYS.iter().flat_map(|key| [(*key).to_owned(), format!("to/{key}")]).collect();
    deleted(&store, gone).await.unwrap();
    assert_eq!(store.all_keys("").next().await.unwrap().unwrap().keys, ["stays.csv"]);
}

#[tokio::test]
async fn a_copy_needs_its_source() {
    let server = Embedded::start();
    let error = server.store().copy("nothing.csv", "to.csv", &token(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.to_string().contains("\"nothing.csv\""), "{error}");
}

#[tokio::test]
async fn the_source_of_a_copy_is_encoded() {
    let server = Scripted::start(vec![found_with_token(1), copied()]).await;
    server.store().copy("a b/1+1%20é.csv", "to", &token(1)).await.unwrap();
    let request = server.requests().remove(1);
    assert!(request.contains("x-amz-copy-source: bucket/a%20b/1%2b1%2520%c3%a9.csv"), "{request}");
    assert!(!request.contains("if-none-match"), "whatever the target holds: {request}");
}

#[tokio::test]
async fn doubtful_answers_to_a_copy_are_settled() {
    use Effect::{NotApplied, Unknown};
    type Row = (&'static str, Vec<Reply>, &'static str, Result<(), (Kind, Effect)>);
    let late = |code| Reply::error("200 OK", code);
    let empty =
        || Reply::Answer("200 OK".to_owned(), "<CopyObjectResult></CopyObjectResult>".to_owned());
    let missing = || Reply::error("404 Not Found", "NoSuchKey");
    let denied = || Reply::error("403 Forbidden", "AccessDenied");
    let table: Vec<Row> = vec![
        ("fine", vec![copied()], "PUT", Ok(())),
        ("late error, then fine", vec![late("InternalError"), copied()], "PUT PUT", Ok(())),
        ("late SlowDown, then fine", vec![late("SlowDown"), copied()], "PUT PUT", Ok(())),
        (
            "late errors, yet copied",
            vec![
                late("InternalError"),
                late("InternalError"),
                late("InternalError"),
                found_with_token(1),
            ],
            "PUT PUT PUT HEAD",
            Ok(()),
        ),
        (
            "late errors",
            vec![
                late("InternalError"),
                late("InternalError"),
                late("InternalError"),
                found_with_token(2),
            ],
            "PUT PUT PUT HEAD",
            Err((Kind::Server, Unknown)),
        ),
        ("no receipt, then fine", vec![empty(), copied()], "PUT PUT", Ok(())),
        ("a web page, yet copied", vec![web_page(), found_with_token(1)], "PUT HEAD", Ok(())),
        ("lost, then fine", vec![Reply::Lose, copied()], "PUT PUT", Ok(())),
        (
            "lost for ever, yet copied",
            vec![Reply::Lose, Reply::Lose, Reply::Lose, found_with_token(1)],
            "PUT PUT PUT HEAD",
            Ok(()),
        ),
        (
            "lost for ever",
            vec![Reply::Lose, Reply::Lose, Reply::Lose, absent()],
            "PUT PUT PUT HEAD",
            Err((Kind::Connection, Unknown)),
        ),
        (
            "lost, and nobody can look",
            vec![Reply::Lose, Reply::Lose, Reply::Lose, denied()],
            "PUT PUT PUT HEAD",
            Err((Kind::Connection, Unknown)),
        ),
        ("copied and removed meanwhile", vec![missing(), found_with_token(1)], "PUT HEAD", Ok(())),
        (
            "no source",
            vec![missing(), found_with_token(2)],
            "PUT HEAD",
            Err((Kind::NotFound, NotApplied)),
        ),
        ("denied", vec![denied()], "PUT", Err((Kind::AccessDenied, NotApplied))),
        (
            "lost, then denied, yet copied",
            vec![Reply::Lose, denied(), found_with_token(1)],
            "PUT PUT HEAD",
            Ok(()),
        ),
    ];
    for (name, mut script, requests, expected) in table {
        script.insert(0, found_with_token(1));
        let server = Scripted::start(script).await;
        let outcome = server
            .store()
            .copy("from", "to", &token(1))
            .await
            .map_err(|error| (error.kind, error.effect));
        assert_eq!(outcome, expected, "{name}");
        assert_eq!(server.methods(), format!("HEAD {requests}"), "{name}");
    }
    let table: Vec<Row> = vec![
        ("copied and removed before", vec![absent(), found_with_token(1)], "HEAD HEAD", Ok(())),
        ("no source", vec![absent(), absent()], "HEAD HEAD", Err((Kind::NotFound, NotApplied))),
        (
            "another object is there",
            vec![found_with_token(2), found_with_token(2)],
            "HEAD HEAD",
            Err((Kind::NotFound, NotApplied)),
        ),
        ("nobody can look", vec![denied()], "HEAD", Err((Kind::AccessDenied, NotApplied))),
    ];
    for (name, script, requests, expected) in table {
        let server = Scripted::start(script).await;
        let outcome = server
            .store()
            .copy("from", "to", &token(1))
            .await
            .map_err(|error| (error.kind, error.effect));
        assert_eq!(outcome, expected, "{name}");
        assert_eq!(server.methods(), requests, "{name}");
    }
}

/// A copy that replaces metadata names all values again; only the hash of the key is its own.
#[tokio::test]
async fn a_copy_keeps_what_the_object_says_of_itself() {
    let headers = [
        ("Content-Type", "application/x-ndjson"),
        ("Content-Encoding", "identity"),
        ("Content-Disposition", "attachment"),
        ("Content-Language", "de"),
        ("Cache-Control", "no-store"),
        ("Expires", "Thu, 01 Dec 2050 16:00:00 GMT"),
        ("x-amz-website-redirect-location", "/elsewhere"),
        ("x-amz-meta-Stream", "users"),
        ("x-amz-meta-key-hash", "of another key"),
        ("x-amz-meta-Destination-S3-Token", &token(1)),
    ];
    let lines: String =
        headers.iter().map(|(name, value)| format!("\r\n{name}: {value}")).collect();
    let server = Scripted::start(vec![Reply::status(&format!("200 OK{lines}")), copied()]).await;
    server.store().copy("from", "to", &token(1)).await.unwrap();
    let request = server.requests().remove(1);
    assert!(request.contains("x-amz-metadata-directive: replace"), "{request}");
    for (name, value) in headers.iter().filter(|(name, _)| !name.contains("hash")) {
        let line = format!("{name}: {value}").to_lowercase();
        assert!(request.contains(&line), "{line} is not in {request}");
    }
    // `printf %s to | sha256sum`
    let hash =
        "x-amz-meta-key-hash: 663ea1bfffe5038f3f0cf667f14c4257eff52d77ce7f2a218f72e9286616ea39";
    assert_eq!(
        (request.matches("key-hash").count() - 1, request.contains(hash)),
        (1, true),
        "{request}"
    );
}

#[tokio::test]
async fn a_head_without_a_reason_is_explained_by_a_get() {
    let bare = || Reply::status("400 Bad Request");
    let expired = Reply::error("400 Bad Request", "ExpiredToken");
    let server = Scripted::start(vec![bare(), expired]).await;
    let error = server.store().head("k").await.unwrap_err();
    assert_eq!(
        (&error.kind, error.op.name()),
        (&Kind::ExpiredCredentials, "HeadObject"),
        "{error:?}"
    );
    assert_eq!(error.failure_type(), FailureType::Config);

    let missing = Reply::error("404 Not Found", "NoSuchKey");
    let server = Scripted::start(vec![bare(), missing, absent()]).await;
    assert_eq!(server.store().head("k").await.unwrap(), None);
    assert_eq!(server.methods(), "HEAD GET HEAD");

    let server = Scripted::start(vec![bare(), Reply::status("206 Partial Content"), bare()]).await;
    assert_eq!(server.store().head("k").await.unwrap_err().kind, Kind::BadCredentials);
}

#[tokio::test]
async fn thousands_are_deleted_in_batches() {
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

/// Each row: the server's answers, how the methods of the requests end up sorted, and what the
/// caller learns.
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

/// Posts, then the deletions with their paths, in the order of the paths: they run side by side.
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

/// After a `false` nothing else is begun, and what is under way is told to its end.
#[tokio::test]
async fn deletions_stop_when_they_are_told_to() {
    let server = Scripted::deciding(|_| Reply::error("403 Forbidden", "AccessDenied")).await;
    let keys: Vec<String> = (0..200).map(|number| format!("k{number}")).collect();
    let mut told = 0;
    let count = |_: String, _: Result<(), StoreError>| {
        told += 1;
        told < 5
    };
    server.store().delete_all(keys, count).await;
    assert!((5..=40).contains(&told), "{told}");
    assert_eq!(server.requests().len(), 1 + told, "one batch, and single ones");
}

/// Each of them is gone, and the log is to name it.
#[tokio::test]
async fn a_batch_that_is_deleted_is_told_whole_although_nothing_else_is_begun() {
    let server =
        Scripted::deciding(|_| Reply::Answer("200 OK".to_owned(), "<DeleteResult/>".to_owned()))
            .await;
    let keys: Vec<String> = (0..1500).map(|number| format!("k{number}")).collect();
    let mut told = 0;
    let count = |_: String, _: Result<(), StoreError>| {
        told += 1;
        told < 5
    };
    server.store().delete_all(keys, count).await;
    assert_eq!((told, server.methods().as_str()), (1000, "POST"));
}

#[tokio::test]
async fn a_store_without_batches_is_remembered() {
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
async fn only_our_own_object_is_taken_back() {
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
