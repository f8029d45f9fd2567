//! Answers of stores, proxies and networks other than Amazon S3, and how `check` and `write` report
//! them.

use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::sign_in::assert_failed;
use crate::support::connector::{Connector, Outcome};
use crate::support::faulty_s3::{Answer, Fault, FaultyS3, Operation, Rule};
use crate::world::{BUCKET, complete, connector, cursors, failure, jsonl, state, user, users};
use faulty_s3::loopback::Loopback;

const XML: &[(&str, &str)] = &[("content-type", "application/xml")];
const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
const BARE: &[(&str, &str)] = &[];

fn server() -> FaultyS3 {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    server
}

fn config(server: &FaultyS3) -> Value {
    let mut config = server.config(BUCKET);
    config["format"] = jsonl()["format"].clone();
    config
}

/// Syncs one record and its STATE, with a good end.
fn sync_with(connector: &Connector, config: &Value) -> Outcome {
    connector
        .write(config, &users())
        .input([user(1), state("users", 1), complete("users")].concat())
        .run()
}

fn sync(server: &FaultyS3) -> Outcome {
    sync_with(&connector(), &config(server))
}

fn asked(server: &FaultyS3, operation: Operation) -> usize {
    server.requests().iter().filter(|request| request.operation == operation).count()
}

/// A cap of the account: its code alone does not say so. Its control character is not even valid
/// XML.
static CAPPED: Answer = Answer {
    status: 403,
    headers: XML,
    body: "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Cannot upload files, \
           storage cap exceeded. See the Caps and Alerts page \
           (https://store.example/caps?account=1) for key AKIAIOSFODNN7REALKEY\u{1b}[2J to \
           increase your cap.</Message></Error>",
};
const CAPPED_WORDS: &str = "the store's own answer: HTTP 403, AccessDenied: \"Cannot upload files, \
                            storage cap exceeded. See the Caps and Alerts page *** for key *** ";

#[test]
fn the_stores_own_words_are_shown_by_check_and_logged_by_write() {
    let server = server();
    server.inject(Rule::on(Operation::Put, Fault::Answer(&CAPPED)));
    let checked = connector().check(&config(&server));
    assert_failed(&checked, &[CAPPED_WORDS, "to increase your cap"]);
    let written = sync(&server);
    let message = failure(&written, "config_error");
    assert!(message.contains("s3:PutObject"), "{message}");
    let logs = written.logs("WARN");
    assert!(logs.iter().any(|log| log.starts_with(CAPPED_WORDS)), "{logs:#?}");
    for outcome in [checked, written] {
        let shown = outcome.stdout_lines.join("\n");
        for secret in ["store.example/caps", "\\u001b"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn a_store_that_demands_the_bucket_in_the_host_name_is_reported() {
    static ANSWER: Answer = Answer {
        status: 403,
        headers: XML,
        body: "<Error><Code>SecondLevelDomainForbidden</Code><Message>The bucket you are \
               attempting to access must be addressed using virtual hosted \
               style.</Message></Error>",
    };
    let server = server();
    server.inject(Rule::any(Fault::Answer(&ANSWER)));
    let outcome = connector().check(&config(&server));
    assert_failed(
        &outcome,
        &["set s3_path_style to off", "SecondLevelDomainForbidden", "virtual hosted style"],
    );
    assert!(!outcome.connection_status().1.contains("policy"), "{outcome:#?}");
    assert!(failure(&sync(&server), "config_error").contains("set s3_path_style to off"));
}

#[test]
fn a_proxy_that_limits_bodies_is_reported() {
    static ANSWER: Answer = Answer {
        status: 413,
        headers: HTML,
        body: "<html><head><title>413 Request Entity Too \
            Large</title></head><body>nginx</body></html>",
    };
    let server = server();
    server.inject(Rule::on(Operation::Part, Fault::Answer(&ANSWER)));
    let outcome = connector().check(&config(&server));
    assert_failed(
        &outcome,
        &["UploadPart", "too large for the proxy in front of the store", "raise its limit"],
    );
    assert_eq!(server.open_uploads(), 0);
}

/// A proxy that demands a password.
#[test]
fn a_proxy_that_demands_a_password_is_reported() {
    let proxy = Loopback::start(async move |mut socket| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if socket.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
                continue;
            }
            return;
        }
        let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic \
                      realm=\"p\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = socket.write_all(answer.as_bytes()).await;
    });
    let server = server();
    for (variable, endpoint) in
        [("HTTP_PROXY", "http://s3.far.invalid"), ("HTTPS_PROXY", "https://s3.far.invalid")]
    {
        let mut config = config(&server);
        config["s3_endpoint"] = json!(endpoint);
        let connector = connector().env(variable, &format!("http://{}", proxy.address()));
        assert_failed(
            &connector.check(&config),
            &["the proxy", "407", "HTTPS_PROXY or HTTP_PROXY"],
        );
        assert!(
            failure(&sync_with(&connector, &config), "config_error").contains("407"),
            "{variable}"
        );
    }
}

/// The store does not support `If-None-Match`, and calls it an invalid argument, not an unknown
/// feature.
#[test]
fn a_conditional_write_that_the_store_calls_an_invalid_argument() {
    static ARGUMENT: Answer = Answer {
        status: 400,
        headers: XML,
        body: "<Error><Code>InvalidArgument</Code><Message>Invalid argument</Message>\
               <ArgumentName>If-None-Match</ArgumentName></Error>",
    };
    static REQUEST: Answer = Answer {
        status: 400,
        headers: XML,
        body: "<Error><Code>InvalidRequest</Code><Message>The header if-none-match is not \
            supported.</Message></Error>",
    };
    for answer in [&ARGUMENT, &REQUEST] {
        let server = server();
        server.inject(Rule::on(Operation::Put, Fault::Answer(answer)).calls(1..=1));
        let outcome = sync(&server).expect_success();
        assert_eq!(cursors(&outcome), [1]);
        assert_eq!(server.keys(BUCKET).len(), 1);
        assert_eq!(asked(&server, Operation::Put), 2, "conditional, then unconditional");
    }
}

#[test]
fn a_server_that_is_not_s3_is_reported() {
    static PAGE: Answer = Answer {
        status: 200,
        headers: HTML,
        body: "<!doctype html><html><body>It works!</body></html>",
    };
    static EMPTY: Answer = Answer { status: 200, headers: BARE, body: "" };
    static TAGGED: Answer = Answer {
        status: 200,
        headers: &[("content-type", "text/html; charset=utf-8"), ("etag", "\"5e3a\"")],
        body: "<!doctype html><html><body>It works!</body></html>",
    };
    for (operation, answer) in [
        (Operation::List, &PAGE),
        (Operation::Put, &PAGE),
        (Operation::Put, &EMPTY),
        (Operation::Put, &TAGGED),
    ] {
        let server = server();
        server.inject(Rule::on(operation, Fault::Answer(answer)));
        let outcome = connector().check(&config(&server));
        assert_failed(&outcome, &["is not an S3 service", "s3_endpoint"]);
    }
}

/// Each of them once, in the middle of a sync.
#[test]
fn unusual_statuses_are_retried() {
    static ODD: [Answer; 9] =
        [odd(307), odd(408), odd(429), odd(507), odd(509), odd(520), odd(525), odd(530), odd(599)];
    thread::scope(|scope| {
        for answer in &ODD {
            scope.spawn(move || {
                let server = server();
                server.inject(Rule::on(Operation::Put, Fault::Answer(answer)).calls(1..=1));
                let outcome = sync(&server).expect_success();
                assert_eq!(cursors(&outcome), [1], "{answer:?}");
                assert_eq!(asked(&server, Operation::Put), 2, "{answer:?}");
            });
        }
    });
}

const fn odd(status: u16) -> Answer {
    Answer { status, headers: HTML, body: "<html><body>error code</body></html>" }
}

#[test]
fn a_message_states_the_real_number_of_attempts() {
    static ODD: Answer = odd(520);
    let server = server();
    server.inject(Rule::on(Operation::List, Fault::Answer(&ODD)));
    let outcome = connector().check(&config(&server));
    assert_failed(&outcome, &["failed 4 times with a server error (HTTP 520)"]);
    assert_eq!(asked(&server, Operation::List), 4);
}

#[test]
fn a_host_name_that_does_not_exist_is_reported_at_once() {
    let mut config = config(&server());
    config["s3_endpoint"] = json!("http://no-such-host.invalid:9000");
    let outcome = connector().check(&config);
    // One attempt: after several the message says how many.
    assert_failed(
        &outcome,
        &["the host name \"no-such-host.invalid\" was not found in DNS: correct s3_endpoint"],
    );
}

#[test]
fn a_port_without_a_listener_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut config = config(&server());
    config["s3_endpoint"] = json!(format!("http://{address}"));
    let outcome = connector().check(&config);
    assert_failed(&outcome, &["the connection was refused at http://127.0.0.1:", "in 4 attempts"]);
}
