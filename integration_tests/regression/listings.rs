//! Stores that truncate a listing without saying how to continue, or never end one.

use serde_json::{Value, json};

use crate::generations::store::{numbered, overwritten, replace, start};
use crate::generations::{all_rows, appended, good_input, stream};
use crate::support::connector::Outcome;
use crate::support::faulty_s3::{Fault, FaultyS3, Operation, Quirk, Rule};
use crate::world::{BUCKET, catalog, complete, connector, failure, state, with};

/// Appends one row for each id, each in a file of its own.
fn append(config: &Value, ids: impl IntoIterator<Item = u32>) {
    for id in ids {
        let streams = catalog([appended("users", 1, 0)]);
        connector()
            .write(config, &streams)
            .input(good_input("users", &[id]))
            .run()
            .expect_success();
    }
}

/// Starts a server with five old files of one row, which lists two names per page.
fn five_files() -> (FaultyS3, Value) {
    let server = start();
    let config = numbered(&server);
    append(&config, 1..=5);
    server.set_page_keys(2);
    (server, config)
}

/// Runs a sync that replaces `users` with nothing.
fn clear(config: &Value) -> Outcome {
    let input = [state("users", 1), complete("users")].concat();
    connector().write(config, &catalog([overwritten()])).input(input).run()
}

/// Returns how many requests removed objects, after the first `before`.
fn removals(server: &FaultyS3, before: usize) -> usize {
    let removes = |operation| {
        matches!(operation, Operation::Delete | Operation::DeleteMany | Operation::Copy)
    };
    server.requests().split_off(before).iter().filter(|request| removes(request.operation)).count()
}

#[test]
fn a_truncated_listing_without_a_token_leaves_no_old_file() {
    for quirk in [Quirk::NoToken, Quirk::SameToken] {
        let (server, config) = five_files();
        server.add_quirk(quirk.clone());
        replace(&config, &[6]).expect_success();
        assert_eq!(all_rows(&server.objects(BUCKET)), ["6@1"], "{quirk:?}");
    }
}

#[test]
fn a_truncated_listing_without_a_token_reuses_no_number() {
    for quirk in [Quirk::NoToken, Quirk::SameToken] {
        let (server, config) = five_files();
        server.add_quirk(quirk.clone());
        let before = server.requests().len();
        append(&config, [6]);
        assert_eq!(
            server.keys(BUCKET).last().map(String::as_str),
            Some("users/5.jsonl"),
            "{quirk:?}"
        );
        let puts = server
            .requests()
            .split_off(before)
            .into_iter()
            .filter(|one| one.operation == Operation::Put);
        assert_eq!(puts.count(), 1, "{quirk:?}: a number of the listing was tried");
    }
}

/// Neither tokens nor names lead on: the old files stay, and the sync says why.
#[test]
fn a_listing_that_cannot_be_continued_removes_nothing() {
    for quirk in [Quirk::NoToken, Quirk::SameToken, Quirk::EmptyPages] {
        for with_rows in [true, false] {
            let (server, config) = five_files();
            server.add_quirk(quirk.clone());
            server.add_quirk(Quirk::IgnoresStartAfter);
            let before = server.requests().len();
            let outcome = if with_rows { replace(&config, &[6]) } else { clear(&config) };
            let message = failure(&outcome, "config_error");
            assert!(
                message.contains("cannot be listed") && message.contains("users/"),
                "{message}"
            );
            assert_eq!(removals(&server, before), 0, "{quirk:?}");
            assert_eq!(all_rows(&server.objects(BUCKET)).len(), 5, "{quirk:?}");
        }
    }
}

#[test]
fn a_listing_that_never_ends_fails_the_check() {
    let server = start();
    server.add_quirk(Quirk::EmptyPages);
    let outcome = connector().check(&numbered(&server));
    let (status, message) = outcome.connection_status();
    assert_eq!(status, "FAILED");
    assert!(message.contains("cannot be listed") && message.contains("ListObjectsV2"), "{message}");
    assert_eq!(server.keys(BUCKET), [""; 0]);
}

/// The last of three pages is refused: the objects of the first two stay until a sync sees the end.
#[test]
fn a_listing_that_breaks_off_removes_nothing() {
    let (server, config) = five_files();
    let before = server.requests().len();
    server.inject(Rule::on(Operation::List, Fault::AccessDenied).calls(3..=3));
    let outcome = clear(&config);
    let message = failure(&outcome, "config_error");
    assert!(
        message.contains("published and acknowledged") && message.contains("s3:ListBucket"),
        "{message}"
    );
    assert_eq!(removals(&server, before), 0);
    assert_eq!(server.keys(BUCKET).len(), 5);

    server.heal();
    clear(&config).expect_success();
    assert_eq!(server.keys(BUCKET), [""; 0]);
}

/// Each listing takes two seconds to arrive: one after the other, the second would be requested
/// when the first is complete.
#[test]
fn many_replaced_streams_are_listed_concurrently() {
    let server = start();
    let config = with(numbered(&server), &json!({ "checkpoint_interval_seconds": 0 }));
    let names: Vec<String> = (0..24).map(|number| format!("stream_{number}")).collect();
    let streams = || {
        catalog(
            names
                .iter()
                .map(|name| stream(name, "overwrite", &crate::generations::generation(1, 1))),
        )
    };
    let input: String = names.iter().map(|name| good_input(name, &[1])).collect();
    connector().write(&config, &streams()).input(&input).run().expect_success();

    let before = server.requests().len();
    server.inject(Rule::on(Operation::List, Fault::SlowDrip));
    let input: String =
        names.iter().map(|name| [state(name, 1), complete(name)].concat()).collect();
    connector().write(&config, &streams()).input(&input).run().expect_success();
    assert_eq!(server.keys(BUCKET), [""; 0]);
    let requests = server.requests().split_off(before);
    let at_once =
        requests.iter().take_while(|request| request.operation == Operation::List).count();
    assert!(at_once > 1, "{at_once} listings before anything else");
    let listings = requests.iter().filter(|request| request.operation == Operation::List).count();
    assert_eq!(listings, names.len(), "one page is not asked for twice");
}
