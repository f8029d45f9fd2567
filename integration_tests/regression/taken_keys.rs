//! Stores that always say that a key is taken, writers that take keys, and stores that lose what
//! identifies objects.

use serde_json::{Value, json};

use crate::support::connector::Outcome;
use crate::support::faulty_s3::{Fault, FaultyS3, Operation, Quirk, Rule};
use crate::world::{
    BUCKET, catalog, complete, connector, cursors, failure, jsonl, noise, plain, record, state,
    user, users,
};

const SLOW_STORE: std::time::Duration = std::time::Duration::from_secs(300);

fn server() -> FaultyS3 {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    server
}

fn server_with(quirk: Quirk) -> FaultyS3 {
    let server = server();
    server.add_quirk(quirk);
    server
}

fn config(server: &FaultyS3) -> Value {
    let mut config = server.config(BUCKET);
    config["s3_bucket_key"] = json!("{stream_name}.{extension}");
    config["format"] = jsonl()["format"].clone();
    config
}

fn sync(server: &FaultyS3, input: &str) -> Outcome {
    connector().time_limit(SLOW_STORE).write(&config(server), &users()).input(input).run()
}

fn one_user() -> String {
    [user(1), state("users", 1), complete("users")].concat()
}

/// Returns a record of more than one part.
fn large_user() -> String {
    let text = noise(7, 9 << 20);
    [
        record("users", &format!("{{\"id\":1,\"text\":\"{text}\"}}")),
        state("users", 1),
        complete("users"),
    ]
    .concat()
}

fn count(server: &FaultyS3, operation: Operation) -> usize {
    server.requests().iter().filter(|request| request.operation == operation).count()
}

/// 412 to every conditional write, while HEAD says 404.
#[test]
fn a_store_that_refuses_every_conditional_write_ends_the_sync_after_a_few_numbers() {
    let server = server_with(Quirk::RefusesConditionalWrites);
    let outcome = sync(&server, &one_user());
    let message = failure(&outcome, "config_error");
    for said in [
        "8 keys in a row",
        "HTTP 412, PreconditionFailed",
        "HeadObject finds no object",
        "If-None-Match",
    ] {
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(count(&server, Operation::Put), 8);
    assert!(server.requests().len() < 40, "{} requests", server.requests().len());
    let warned =
        outcome.logs("WARN").iter().filter(|log| log.contains("takes the next number")).count();
    assert_eq!(warned, 1, "{:?}", outcome.logs("WARN"));
    assert_eq!((server.keys(BUCKET).len(), outcome.states().len()), (0, 0));

    let check = connector().check(&config(&server));
    let (status, message) = check.connection_status();
    assert_eq!(status, "FAILED");
    assert!(message.contains("HTTP 412") && message.contains("If-None-Match"), "{message}");
}

/// The same for a multipart file, which cannot take another key.
#[test]
fn a_store_that_refuses_every_conditional_completion_ends_the_sync() {
    let server = server_with(Quirk::RefusesConditionalWrites);
    let outcome = sync(&server, &large_user());
    let message = failure(&outcome, "config_error");
    assert!(
        message.contains("CompleteMultipartUpload") && message.contains("HTTP 412"),
        "{message}"
    );
    assert_eq!(count(&server, Operation::Complete), 3);
    assert_eq!((server.keys(BUCKET).len(), server.open_uploads()), (0, 0));
}

/// HEAD of a missing key is answered as if there were an object, or as if a condition had failed.
#[test]
fn a_store_that_finds_an_object_at_every_key_ends_the_sync() {
    for (status, said) in [(200, "finds an object at every key"), (412, "HTTP 412")] {
        for input in [one_user(), large_user()] {
            let server = server_with(Quirk::MissingHead(status));
            let outcome = sync(&server, &input);
            let message = failure(&outcome, "config_error");
            assert!(message.contains(said) && message.contains("HeadObject"), "{message}");
            assert!(server.requests().len() < 20, "{} requests", server.requests().len());
            assert_eq!((server.keys(BUCKET).len(), server.open_uploads()), (0, 0));
            let check = connector().check(&config(&server));
            let (status, message) = check.connection_status();
            assert_eq!(status, "FAILED", "{message}");
            assert!(message.contains(said), "{message}");
        }
    }
}

/// An answer is lost, and the object has no metadata that would identify its writer: nothing is
/// acknowledged, and a warning names the object that may hold the rows.
#[test]
fn a_lost_answer_of_a_store_that_loses_metadata_is_a_doubt() {
    let cases = [
        (Quirk::LosesMetadata, Operation::Put, one_user()),
        (Quirk::LosesMetadata, Operation::Complete, large_user()),
        (Quirk::LosesMetadataOfUploads, Operation::Complete, large_user()),
    ];
    for (quirk, operation, input) in cases {
        let server = server_with(quirk);
        server.inject(Rule::on(operation, Fault::ReplyLost).calls(1..=1));
        let outcome = sync(&server, &input);
        let message = failure(&outcome, "config_error");
        assert!(message.contains("does not keep user metadata"), "{message}");
        assert_eq!(
            server.keys(BUCKET),
            ["users.jsonl"],
            "written once, and not under the next number"
        );
        assert_eq!(cursors(&outcome), [0_u64; 0]);
        let warnings = outcome.logs("WARN");
        let named = warnings.iter().any(|log| log.contains("\"users.jsonl\" may hold rows"));
        assert!(named, "{warnings:?}");
    }
}

/// A store without conditional writes: a put whose answer is lost may still arrive and overwrite
/// another writer's object.
#[test]
fn an_unconditional_put_that_may_still_arrive_is_a_doubt_and_not_a_taken_key() {
    let server = server_with(Quirk::LacksConditionalWrites);
    // The conditional put is refused and does not count; the answers to all others are lost.
    server.inject(Rule::on(Operation::Put, Fault::ResetInBody).calls(2..=u32::MAX));
    let mut settings = config(&server);
    settings["checkpoint_interval_seconds"] = json!(0);
    let write = connector().time_limit(SLOW_STORE).write(&settings, &users());
    let session = write.input(one_user()).start();
    let deadline = std::time::Instant::now() + SLOW_STORE;
    while count(&server, Operation::Put) < 3 {
        assert!(std::time::Instant::now() < deadline, "no second attempt");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.put_object(BUCKET, "users.jsonl", b"of another writer", &[]);
    // This ends the attempts; an earlier one may still arrive.
    server.heal();
    server.inject(Rule::on(Operation::Put, Fault::AccessDenied));
    let outcome = session.finish(SLOW_STORE);
    let message = failure(&outcome, "config_error");
    assert!(message.contains("s3:PutObject"), "{message}");
    assert_eq!(server.keys(BUCKET), ["users.jsonl"], "not under the next number");
    assert_eq!(server.objects(BUCKET)["users.jsonl"], b"of another writer");
}

/// Taken before the first part: the next number. Taken afterwards: an end that says why.
#[test]
fn a_key_that_is_taken_before_a_multipart_upload_costs_only_a_number() {
    let server = server();
    let stream =
        plain("users", &json!({ "id": { "type": "integer" }, "text": { "type": "string" } }));
    let mut settings = config(&server);
    settings["checkpoint_interval_seconds"] = json!(0);
    let mut session = connector().write(&settings, &catalog([stream])).start();
    // The bucket is listed for the first file; the key of the second file is taken after that.
    let first = large_user();
    session.send(first.split_inclusive('\n').take(2).collect::<String>());
    session.wait_for_state(SLOW_STORE);
    server.put_object(BUCKET, "users_2.jsonl", b"of another writer", &[]);
    session.send(large_user());
    let outcome = session.finish(SLOW_STORE).expect_success();
    assert_eq!(server.keys(BUCKET), ["users.jsonl", "users_2.jsonl", "users_3.jsonl"]);
    assert_eq!(server.objects(BUCKET)["users_2.jsonl"], b"of another writer");
    let warnings = outcome.logs("WARN");
    assert!(warnings.iter().any(|log| log.contains("takes the next number")), "{warnings:?}");
    assert_eq!(server.open_uploads(), 0);
}

#[test]
fn a_key_that_is_taken_during_a_multipart_upload_ends_the_sync_and_says_why() {
    let server = server();
    let mut session = connector().time_limit(SLOW_STORE).write(&config(&server), &users()).start();
    // The first part is sent while the file grows; its key is taken then.
    let input = large_user();
    let rows: Vec<&str> = input.split_inclusive('\n').take(2).collect();
    session.send(rows.concat());
    let deadline = std::time::Instant::now() + SLOW_STORE;
    while count(&server, Operation::Part) == 0 {
        assert!(std::time::Instant::now() < deadline, "no part");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.put_object(BUCKET, "users.jsonl", b"of another writer", &[]);
    session.send(complete("users"));
    let outcome = session.finish(SLOW_STORE);
    let message = failure(&outcome, "transient_error");
    for said in [
        "while a file was being uploaded",
        "ties the parts of an upload to its key",
        "takes the next number",
    ] {
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(server.objects(BUCKET)["users.jsonl"], b"of another writer");
    assert_eq!((server.keys(BUCKET).len(), server.open_uploads()), (1, 0));
    // As the message says.
    sync(&server, &large_user()).expect_success();
    assert_eq!(server.keys(BUCKET), ["users.jsonl", "users_2.jsonl"]);
}
