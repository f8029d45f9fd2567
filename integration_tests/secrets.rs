//! No secret, token or signed header appears in anything that the connector prints or writes.
//!
//! Every test searches its own output (`support::connector` and the servers do). The last test here
//! searches the output of all tests for the secrets of all tests; it runs after the others, in a
//! process of its own (`make test`).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use faulty_s3::keyring::random_text;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sign_in::{Cloud, EXTERNAL_ID, WORKER_KEY_ID, WORKER_SECRET, role};
use crate::support::connector::Connector;
use crate::support::faulty_s3::{Fault, Rule};
use crate::support::scripted_sts::{Action, StsFault};
use crate::support::transcript;
use crate::world::{state, user, users};

/// A secret that no test uses for anything else.
const SECRET: &str = "hunter2/of+the/surroundings";

/// A program in the connector's place that prints what it is told to.
struct Talker(TempDir);

impl Talker {
    fn new(stdout: &str, stderr: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talker");
        let log = json!({ "type": "LOG", "log": { "level": "INFO", "message": stdout } });
        fs::write(
            &path,
            format!("#!/bin/sh\ncat <<'END'\n{log}\nEND\ncat >&2 <<'END'\n{stderr}\nEND\n"),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn connector(&self) -> Connector {
        Connector::new(&self.0.path().join("talker")).unrecorded()
    }
}

#[test]
#[should_panic(expected = "a secret is on stdout: a secret of 27 bytes")]
fn a_secret_of_the_environment_on_stdout_fails_a_test() {
    let talker = Talker::new(&format!("signed in with {SECRET}"), "");
    talker.connector().env("AWS_SECRET_ACCESS_KEY", SECRET).run(&["check"]);
}

#[test]
#[should_panic(expected = "a secret is on stderr: a secret of 27 bytes")]
fn a_secret_in_a_file_of_the_environment_on_stderr_fails_a_test() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    fs::write(&file, format!("[default]\naws_secret_access_key = {SECRET}\n")).unwrap();
    let talker = Talker::new("", &format!("panicked at {SECRET}"));
    talker.connector().env("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()).run(&["check"]);
}

#[test]
#[should_panic(expected = "a secret is on stdout: a secret of 27 bytes")]
fn the_password_of_a_proxy_fails_a_test() {
    let talker = Talker::new(&format!("no way through user:{SECRET}@proxy"), "");
    let proxy = format!("http://me:{SECRET}@proxy:3128");
    talker.connector().env("HTTPS_PROXY", &proxy).run(&["check"]);
}

#[test]
#[should_panic(expected = "a secret is on stdout: the mark")]
fn a_signed_header_fails_a_test() {
    let header =
        "authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/s3/aws4_request";
    Talker::new(header, "").connector().run(&["check"]);
}

/// A token that STS issued is known before the connector gets it.
#[test]
#[should_panic(expected = "a secret is on stdout: a secret of")]
fn a_token_that_sts_issued_fails_a_test() {
    let cloud = Cloud::new();
    let key = cloud.keys.issue(
        "arn:aws:sts::111122223333:assumed-role/lake-writer/x",
        std::time::Duration::from_secs(9),
    );
    let talker = Talker::new(&format!("refused: {}", key.token.unwrap()), "");
    talker.connector().run(&["check"]);
}

/// A server searches the metadata and content of its objects when it stops.
#[test]
fn a_secret_in_an_object_fails_a_test() {
    let secret = [SECRET.to_owned()];
    let clean = [("stream".to_owned(), "users".to_owned())].into();
    let dirty = [("stream".to_owned(), SECRET.to_owned())].into();
    let gzip = |text: &str| {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let leak = |key: &str, metadata, content: &[u8]| {
        transcript::leak_of_object(key, metadata, content, &secret)
    };
    assert_eq!(leak("a.jsonl", &clean, b"{}"), None);
    assert!(leak("a.jsonl", &dirty, b"{}").is_some());
    assert!(leak("a.jsonl", &clean, SECRET.as_bytes()).is_some());
    assert!(leak("a.jsonl.gz", &clean, &gzip(SECRET)).is_some());
    assert_eq!(leak("a.jsonl.gz", &clean, &gzip("{}")), None);
    assert!(leak(SECRET, &clean, b"{}").is_some());
}

/// Every way to sign in, with everything that can go wrong: each of these runs is searched.
#[test]
fn no_refusal_of_any_sign_in_shows_a_secret() {
    let faults = [
        StsFault::RegionDisabled,
        StsFault::ExpiredToken,
        StsFault::InvalidClientTokenId,
        StsFault::SignatureDoesNotMatch,
        StsFault::Portal,
    ];
    for fault in faults {
        let cloud = Cloud::new();
        for action in [Action::AssumeRole, Action::GetCallerIdentity] {
            cloud.sts.fail(action, fault, 100);
        }
        for authentication in [
            role(Some(EXTERNAL_ID)),
            json!({ "auth_type": "default_chain" }),
            json!({ "auth_type": "access_key", "access_key_id": WORKER_KEY_ID,
                "secret_access_key": WORKER_SECRET }),
        ] {
            let config = cloud.config(&authentication);
            cloud.worker().check(&config);
            let mut session =
                cloud.worker().write(&config, &users()).input(user(1) + &state("users", 1)).start();
            session.wait_for(crate::world::SOON, |_| true);
            session.finish(crate::world::SOON);
        }
    }
}

/// S3 repeats the token and the header in its error documents.
#[test]
fn what_s3_repeats_of_a_request_is_not_shown() {
    for fault in [Fault::ExpiredToken, Fault::AccessDenied] {
        let cloud = Cloud::new();
        cloud.s3.inject(Rule::any(fault));
        let token = random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789+/=", 200);
        let settings = json!({ "auth_type": "access_key", "access_key_id": WORKER_KEY_ID,
            "secret_access_key": WORKER_SECRET, "session_token": token });
        for authentication in [settings, role(Some(EXTERNAL_ID))] {
            let outcome = cloud.worker().check(&cloud.config(&authentication));
            assert_eq!(outcome.connection_status().0, "FAILED");
        }
    }
}

/// Searches everything that all processes of the suite kept for all their secrets.
#[test]
#[ignore = "searches the output of the other tests: `make test` runs it after them"]
fn the_whole_suite_shows_no_secret() {
    let folder = transcript::folder().expect("a test has a folder");
    let programs: Vec<PathBuf> =
        fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    let secrets: BTreeSet<String> =
        programs.iter().flat_map(|program| secrets_of(program)).collect();
    let secrets: Vec<String> = secrets.into_iter().collect();
    let (mut runs, mut objects) = (0, 0);
    let mut leaks = Vec::new();
    for program in &programs {
        for (name, count) in [(transcript::PRINTED, &mut runs), (transcript::WRITTEN, &mut objects)]
        {
            let path = program.join(name);
            let content = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            *count += content
                .split(|byte| *byte == b'\n')
                .filter(|line| line.starts_with(b"=== "))
                .count();
            for leak in transcript::leaks(&content, &secrets) {
                leaks.push(format!("{}: {leak}", path.display()));
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    // A part of the suite proves nothing.
    assert!(
        runs >= LEAST_RUNS && objects >= LEAST_OBJECTS && secrets.len() >= LEAST_SECRETS,
        "{} has no transcript of the whole suite: {runs} runs, {objects} objects, {} secrets",
        folder.display(),
        secrets.len()
    );
}

/// Lower bounds: less than the whole suite has (2,152 runs, 9,723 objects and 360 secrets at the
/// last count), more than a part of it.
const LEAST_RUNS: usize = 1500;
const LEAST_OBJECTS: usize = 5000;
const LEAST_SECRETS: usize = 200;

/// Reads a file with one JSON string per line.
fn secrets_of(program: &Path) -> Vec<String> {
    let text = fs::read_to_string(program.join(transcript::SECRETS)).unwrap_or_default();
    let secret =
        |line: &str| serde_json::from_str::<Value>(line).unwrap().as_str().unwrap().to_owned();
    text.lines().map(secret).collect()
}
