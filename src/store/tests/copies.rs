//! Copying objects on the server.

use super::*;

fn copied() -> Reply {
    Reply::Answer(
        "200 OK".to_owned(),
        "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>".to_owned(),
    )
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
            "lost forever, yet copied",
            vec![Reply::Lose, Reply::Lose, Reply::Lose, found_with_token(1)],
            "PUT PUT PUT HEAD",
            Ok(()),
        ),
        (
            "lost forever",
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

/// A copy that replaces metadata repeats all values; only the hash of the key is its own.
#[tokio::test]
async fn a_copy_keeps_metadata_and_headers() {
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
