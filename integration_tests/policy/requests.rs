//! Compares each request that the connector sends with the policies that should allow it, action by
//! action and ARN by ARN.
//!
//! moto does not check everything that AWS checks (see the table in `iam`): here a store without
//! permissions records a check and syncs of every kind, and the test says what AWS would have asked
//! for.
//!
//! Where the record does not show enough, the test assumes the worst: a copy may read, and a
//! DeleteObjects may remove, any object that was ever written.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::policy::iam::{page_policy, printed_policy};
use crate::support::faulty_s3::{FaultyS3, Operation, Request};
use crate::world::{
    BUCKET, SOON, catalog, complete, connector, cursors, noise, record, refresh, state, with,
};

/// An action, and the ARN of its resource.
type Need = (&'static str, String);

const ABORT: &str = "s3:AbortMultipartUpload";

fn arn(key: &str) -> String {
    let slash = if key.is_empty() { "" } else { "/" };
    format!("arn:aws:s3:::{BUCKET}{slash}{key}")
}

/// Returns the permissions that AWS demands for this request.
fn needs(request: &Request, written: &BTreeSet<String>) -> Vec<Need> {
    let of_object = |action: &'static str| vec![(action, arn(&request.key))];
    let of_any_object = |action: &'static str| written.iter().map(move |key| (action, arn(key)));
    match request.operation {
        Operation::Put | Operation::Create | Operation::Part | Operation::Complete => {
            of_object("s3:PutObject")
        }
        Operation::Abort => of_object(ABORT),
        Operation::Head | Operation::Get => {
            assert_ne!(request.key, "", "HeadBucket");
            of_object("s3:GetObject")
        }
        Operation::List => vec![("s3:ListBucket", arn(""))],
        Operation::Location => vec![("s3:GetBucketLocation", arn(""))],
        Operation::Delete => of_object("s3:DeleteObject"),
        Operation::DeleteMany => of_any_object("s3:DeleteObject").collect(),
        Operation::Copy => {
            of_object("s3:PutObject").into_iter().chain(of_any_object("s3:GetObject")).collect()
        }
    }
}

/// Returns the strings of a value that is a string or a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(texts) => texts.iter().map(|text| text.as_str().expect("a text")).collect(),
        text => vec![text.as_str().expect("a text")],
    }
}

/// Returns whether a policy of plain Allow statements allows the action.
fn allows(policy: &Value, (action, resource): &Need) -> bool {
    let statements = policy["Statement"].as_array().expect("statements");
    statements.iter().any(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        // The statement has neither a condition nor a principal, which this function would ignore.
        for name in statement.as_object().expect("a statement").keys() {
            assert!(
                ["Sid", "Effect", "Action", "Resource"].contains(&name.as_str()),
                "{statement}"
            );
        }
        texts(&statement["Action"]).contains(action)
            && texts(&statement["Resource"]).iter().any(|pattern| is_match(pattern, resource))
    })
}

/// Matches IAM's wildcards: `*` is any text, `?` any character, `${*}`, `${?}` and `${$}` the
/// character itself.
fn is_match(pattern: &str, text: &str) -> bool {
    let mut behind = text.chars();
    let rest = behind.next().map(|_| behind.as_str());
    for literal in ["*", "?", "$"] {
        if let Some(pattern) = pattern.strip_prefix(&format!("${{{literal}}}")) {
            return text.strip_prefix(literal).is_some_and(|text| is_match(pattern, text));
        }
    }
    let mut characters = pattern.chars();
    match characters.next() {
        None => text.is_empty(),
        Some('*') => {
            is_match(characters.as_str(), text) || rest.is_some_and(|rest| is_match(pattern, rest))
        }
        Some('?') => rest.is_some_and(|rest| is_match(characters.as_str(), rest)),
        Some(character) => {
            text.strip_prefix(character).is_some_and(|text| is_match(characters.as_str(), text))
        }
    }
}

#[test]
fn wildcards_are_those_of_iam() {
    for (pattern, text, expected) in [
        ("a/*", "a/b/c", true),
        ("a/*", "a/", true),
        ("a/*", "a", false),
        ("a", "a/b", false),
        ("a/*", "b/a/c", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("a${*}/*", "a*/b", true),
        ("a${*}/*", "ab/b", false),
        ("${?}${$}", "?$", true),
        ("*.csv", "ü.csv", true),
    ] {
        assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
    }
}

/// Returns all requests of a check, of syncs that append and replace, in single and multipart
/// uploads, and of one that is interrupted.
fn requests(server: &FaultyS3, config: &Value) -> Vec<Request> {
    server.create_bucket(BUCKET);
    let outcome = connector().check(config);
    assert_eq!(outcome.connection_status().0, "SUCCEEDED", "{outcome:#?}");

    let row = |id: u32, pad: &str| record("users", &format!("{{\"id\":{id},\"pad\":\"{pad}\"}}"));
    let run = |mode: &str, generation: u32| {
        let (minimum, seconds) = if mode == "overwrite" { (generation, 3600) } else { (0, 0) };
        let members = json!({
            "destination_sync_mode": mode, "generation_id": generation,
            "minimum_generation_id": minimum
        });
        let users = refresh("users", &json!({ "id": { "type": "integer" } }));
        let mut config = config.clone();
        config["checkpoint_interval_seconds"] = json!(seconds);
        connector().write(&config, &catalog([with(users, &members)]))
    };
    let large = noise(7, 9 << 20);
    for (mode, generation, pad) in [
        ("append", 1, large.as_str()),
        ("append", 2, ""),
        ("overwrite", 3, large.as_str()),
        ("overwrite", 4, ""),
    ] {
        let input =
            [row(1, pad), state("users", 1), row(2, ""), state("users", 2), complete("users")]
                .concat();
        let outcome = run(mode, generation).input(input).run().expect_success();
        assert_eq!(cursors(&outcome), [1, 2], "{mode} {generation}");
    }
    // Too much data to hold in memory for a STATE that never comes: an upload that must be aborted.
    let mut session = run("append", 4).start();
    (3..8).for_each(|id| session.send(row(id, &large)));
    let deadline = Instant::now() + SOON;
    while server.open_parts() == 0 {
        assert!(Instant::now() < deadline, "no part was uploaded while stdin was open");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(session.finish(SOON).code(), Some(1));
    server.requests()
}

/// Every request is allowed by the printed policy, and every printed action is used by a request.
#[test]
fn each_request_is_allowed_by_the_policies() {
    // With fixed keys, a file that replaces an older one is copied over it; wildcards in a prefix
    // are literal.
    for (template, is_region_given, copies) in [
        ("raw/{stream_name}.{extension}", false, true),
        ("{stream_name}/{iso_date}_{part}.{extension}", true, false),
        ("r$w/a*b?/{stream_name}/{uuid}.{extension}", false, false),
    ] {
        let server = FaultyS3::start();
        let mut config = server.config(BUCKET);
        config["s3_bucket_key"] = json!(template);
        config["format"] = json!({ "format_type": "jsonl" });
        if !is_region_given {
            config.as_object_mut().expect("settings").remove("s3_bucket_region");
        }
        let requests = requests(&server, &config);
        let done =
            |operation: Operation| requests.iter().any(|request| request.operation == operation);
        assert_eq!(done(Operation::Copy), copies, "{template}: {requests:#?}");
        assert_eq!(done(Operation::Location), !is_region_given, "{template}");
        assert!(
            done(Operation::Complete) && done(Operation::DeleteMany),
            "{template}: {requests:#?}"
        );

        let makes = [Operation::Put, Operation::Complete, Operation::Copy];
        let of_objects = requests.iter().filter(|request| makes.contains(&request.operation));
        let written = of_objects.map(|request| request.key.clone()).collect();
        let needs: BTreeSet<Need> =
            requests.iter().flat_map(|request| needs(request, &written)).collect();
        let (ours, page) = (printed_policy(&config), page_policy(BUCKET));
        for need in &needs {
            assert!(allows(&ours, need), "{template}: {need:?} in {ours:#}");
            assert_eq!(allows(&page, need), need.0 != ABORT, "{template}: {need:?}");
        }
        let statements = ours["Statement"].as_array().expect("statements");
        let granted: BTreeSet<&str> =
            statements.iter().flat_map(|statement| texts(&statement["Action"])).collect();
        let needed: BTreeSet<&str> = needs.iter().map(|(action, _)| *action).collect();
        assert_eq!(granted, needed, "{template}");
    }
}
