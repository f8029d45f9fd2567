//! Metadata makes an object the connector's own: stores that lose it, objects without it, and
//! copies that carry it to a wrong place.

use serde_json::{Value, json};

use crate::generations::store::{FIXED_KEY, fixed, numbered, overwritten, replace, rows, start};
use crate::generations::{all_rows, appended, good_input};
use crate::support::connector::Outcome;
use crate::support::faulty_s3::{FaultyS3, Quirk};
use crate::world::{BUCKET, catalog, connector, cursors, failure, noise, record, with};

const ROW: &[u8] = b"{\"id\":77,\"_airbyte_generation_id\":1}\n";

/// Returns the warnings that contain these words.
fn warnings(outcome: &Outcome, words: &str) -> Vec<String> {
    outcome
        .logs("WARN")
        .into_iter()
        .filter(|text| text.contains(words))
        .map(|text| text.to_owned())
        .collect()
}

/// Returns the metadata of an object, for another object to have the same.
fn metadata(server: &FaultyS3, key: &str) -> Vec<(String, String)> {
    server.metadata(BUCKET, key).into_iter().collect()
}

fn put(server: &FaultyS3, key: &str, metadata: &[(String, String)]) {
    let borrowed: Vec<(&str, &str)> =
        metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    server.put_object(BUCKET, key, ROW, &borrowed);
}

#[test]
fn a_store_that_loses_metadata_fails_the_check() {
    type Row = (Quirk, fn(&FaultyS3) -> Value, &'static str);
    let table: [Row; 3] = [
        (Quirk::LosesMetadata, numbered, "objects that are uploaded: "),
        (Quirk::LosesMetadataOfUploads, numbered, "objects that are uploaded in parts: "),
        (Quirk::IgnoresMetadataDirective, fixed, "objects that are copied on the server: "),
    ];
    for (quirk, config_of, words) in table {
        let server = start();
        server.add_quirk(quirk.clone());
        let outcome = connector().check(&config_of(&server));
        let (status, message) = outcome.connection_status();
        assert_eq!(status, "FAILED", "{quirk:?}");
        assert!(
            message.contains(words) && message.contains("does not keep the user metadata"),
            "{message}"
        );
        assert_eq!(server.keys(BUCKET), [""; 0], "{quirk:?}");
    }
    // Files are never copied under such keys.
    let server = start();
    server.add_quirk(Quirk::IgnoresMetadataDirective);
    assert_eq!(connector().check(&numbered(&server)).connection_status().0, "SUCCEEDED");
}

/// The metadata of the copy at the plain key would name another key, and no later sync would
/// replace it.
#[test]
fn a_file_is_not_moved_where_copies_keep_the_metadata_of_their_source() {
    let server = start();
    server.add_quirk(Quirk::IgnoresMetadataDirective);
    let config = fixed(&server);
    replace(&config, &[1]).expect_success();
    for id in 2..=3 {
        let outcome = replace(&config, &[id]);
        let message = failure(&outcome, "config_error");
        assert!(
            message.contains("x-amz-metadata-directive") && message.contains(FIXED_KEY),
            "{message}"
        );
        assert_eq!(cursors(&outcome), [1]);
        assert_eq!(
            all_rows(&server.objects(BUCKET)),
            [format!("{id}@1")],
            "once, under another name"
        );
    }
}

/// Old rows stay, because their owner is unknown, and the sync says so once.
#[test]
fn replacing_where_metadata_is_lost_says_what_is_left() {
    let server = start();
    server.add_quirk(Quirk::LosesMetadata);
    let config = numbered(&server);
    replace(&config, &[1]).expect_success();
    let outcome = replace(&config, &[2]).expect_success();
    assert_eq!(all_rows(&server.objects(BUCKET)), ["1@1", "2@1"]);
    let told = warnings(&outcome, "metadata");
    // The new object has no metadata either.
    assert!(
        told.len() == 1 && told[0].contains(" 2 objects ") && told[0].contains("\"users\""),
        "{told:?}"
    );
}

#[test]
fn replacing_where_metadata_of_uploads_is_lost_says_what_is_left() {
    let server = start();
    server.add_quirk(Quirk::LosesMetadataOfUploads);
    let config = numbered(&server);
    // Large enough for a multipart upload.
    let large: String = (0..24_u32)
        .map(|id| {
            record(
                "users",
                &format!("{{\"id\":{id},\"noise\":\"{}\"}}", noise(u64::from(id), 1 << 19)),
            )
        })
        .collect();
    let input = [large, good_input("users", &[99])].concat();
    connector().write(&config, &catalog([overwritten()])).input(input).run().expect_success();
    assert_eq!(server.metadata(BUCKET, "users/0.jsonl").len(), 0, "it was uploaded in parts");
    let outcome = replace(&config, &[100]).expect_success();
    let told = warnings(&outcome, "metadata");
    assert!(
        told.len() == 1 && told[0].contains(" 1 object ") && told[0].contains("users/0.jsonl"),
        "{told:?}"
    );
}

/// Without a message: other streams' objects, folders made by the AWS console, and objects whose
/// key names another stream.
#[test]
fn foreign_objects_do_not_count_as_lost_metadata() {
    let server = start();
    let config = numbered(&server);
    replace(&config, &[1]).expect_success();
    let mut of_another_stream = metadata(&server, "users/0.jsonl");
    of_another_stream
        .iter_mut()
        .filter(|(name, _)| name == "stream")
        .for_each(|(_, value)| *value = "orders".into());
    put(&server, "users/orders.jsonl", &of_another_stream);
    put(&server, "users/", &[]);
    put(&server, "orders/0.jsonl", &[]);
    let outcome = replace(&config, &[2]).expect_success();
    assert_eq!(warnings(&outcome, "metadata"), [""; 0]);

    put(&server, "users/mine.jsonl", &[("owner".to_owned(), "me".to_owned())]);
    let outcome = replace(&config, &[3]).expect_success();
    let told = warnings(&outcome, "metadata");
    assert!(told.len() == 1 && told[0].contains("users/mine.jsonl"), "{told:?}");
    assert!(server.keys(BUCKET).contains(&"users/mine.jsonl".to_owned()));
}

/// `aws s3 cp` keeps metadata: an archive next to the data must not be removed.
#[test]
fn a_copy_of_an_object_of_ours_is_not_ours() {
    let server = start();
    let config = numbered(&server);
    replace(&config, &[1]).expect_success();
    let original = metadata(&server, "users/0.jsonl");
    put(&server, "users/archive/users-0.jsonl", &original);
    let outcome = replace(&config, &[2]).expect_success();
    assert_eq!(server.keys(BUCKET), ["users/1.jsonl", "users/archive/users-0.jsonl"]);
    let told = warnings(&outcome, "another key");
    assert!(told.len() == 1 && told[0].contains("users/archive/users-0.jsonl"), "{told:?}");
}

/// Their metadata does not name their key.
#[test]
fn objects_of_older_versions_are_still_ours() {
    let server = start();
    let config = numbered(&server);
    replace(&config, &[1]).expect_success();
    let mut old = metadata(&server, "users/0.jsonl");
    old.retain(|(name, _)| name != "key-hash");
    assert_eq!(old.len(), metadata(&server, "users/0.jsonl").len() - 1);
    put(&server, "users/0.jsonl", &old);
    put(&server, "users/older.jsonl", &old);
    replace(&config, &[2]).expect_success();
    assert_eq!(all_rows(&server.objects(BUCKET)), ["2@1"]);
}

/// A file that is moved to its plain key says that it is there, and otherwise what it said before:
/// the next sync replaces it.
#[test]
fn a_file_moved_to_its_plain_key_is_ours() {
    let server = start();
    let config = with(fixed(&server), &json!({ "checkpoint_interval_seconds": 0 }));
    replace(&config, &[1]).expect_success();
    let names =
        |of: &[(String, String)]| of.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let first = metadata(&server, FIXED_KEY);
    for id in 2..=3 {
        replace(&config, &[id]).expect_success();
        let moved = metadata(&server, FIXED_KEY);
        assert_eq!(names(&moved), names(&first));
        let differ: Vec<&str> = moved
            .iter()
            .filter(|pair| !first.contains(pair))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            differ,
            ["attempt-id", "destination-s3-token"],
            "the hash is that of the same key"
        );
        assert_eq!(server.content_type(BUCKET, FIXED_KEY).as_deref(), Some("application/x-ndjson"));
        assert_eq!(
            rows(&server).into_iter().collect::<Vec<_>>(),
            [(FIXED_KEY.to_owned(), vec![format!("{id}@1")])]
        );
    }
    // An older version copied it there, with the hash of its old key or without one.
    let mut old = metadata(&server, FIXED_KEY);
    old.retain(|(name, _)| name != "key-hash");
    put(&server, FIXED_KEY, &old);
    let streams = catalog([appended("users", 2, 2)]);
    connector().write(&config, &streams).input(good_input("users", &[4])).run().expect_success();
    assert_eq!(all_rows(&server.objects(BUCKET)), ["4@2"]);
    assert_eq!(server.keys(BUCKET), [FIXED_KEY]);
}
