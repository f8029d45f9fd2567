//! What an object says about itself, and keys with odd characters.

use super::*;
use crate::store::StoredObject;

/// Keys that are encoded in a path or a header.
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

#[tokio::test]
async fn an_object_returns_its_metadata() {
    let server = Embedded::start();
    let store = server.store();
    assert_eq!(store.head("k.jsonl").await.unwrap(), None);
    store.put("k.jsonl", ROWS, &object(7)).await.unwrap();
    let found = store.head("k.jsonl").await.unwrap().unwrap();
    assert_eq!((found.get("stream"), found.get("namespace")), (Some("users"), None));
    assert_eq!(found.token(), Some(token(7).as_str()));
}

#[test]
fn metadata_names_are_case_insensitive() {
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
