//! `s3_endpoint` with a path, with the bucket in its path, and with the bucket in its host name.

use serde_json::{Value, json};

use crate::support::connector::Connector;
use crate::support::faulty_s3::{Addressing, FaultyS3};
use crate::support::proxy::Proxy;
use crate::world::{complete, connector, failure, jsonl, user, users};

const RAW: &str = "raw";
/// A host that does not exist, so that only a proxy leads to it.
const STORE: &str = "store.example";

/// Starts a server with the bucket `raw`, and with the bucket that a path and a bucket together
/// would name.
fn server(path: &str, domain: Option<&str>) -> FaultyS3 {
    let server = FaultyS3::start();
    server.create_bucket(RAW);
    server.create_bucket("s3raw");
    server.set_addressing(Addressing {
        path_prefix: path.to_owned(),
        bucket_domain: domain.map(str::to_owned),
    });
    server
}

fn config(server: &FaultyS3, endpoint: &str, settings: &Value) -> Value {
    let mut config = server.config(RAW);
    config["s3_bucket_key"] = json!("{stream_name}.{extension}");
    config["s3_endpoint"] = json!(endpoint);
    for (name, value) in jsonl().as_object().unwrap().iter().chain(settings.as_object().unwrap()) {
        config[name] = value.clone();
    }
    config
}

fn one_user() -> String {
    [user(1), complete("users")].concat()
}

/// Runs `check`, then a sync that replaces what an earlier one left: every kind of request except
/// those for parts.
fn check_and_replace(connector: &Connector, config: &Value) {
    let check = connector.check(config);
    let (status, message) = check.connection_status();
    assert_eq!(status, "SUCCEEDED", "{message}");
    let mut catalog = users();
    catalog["streams"][0]["destination_sync_mode"] = json!("overwrite");
    for _ in 0..2 {
        connector.write(config, &catalog).input(one_user()).run().expect_success();
    }
}

#[test]
fn a_path_without_a_slash_at_its_end_is_a_folder_before_the_bucket() {
    for path in ["/s3", "/s3/", "/deep/s3"] {
        let server = server(path.trim_end_matches('/'), None);
        let endpoint = format!("{}{path}", server.endpoint());
        check_and_replace(&connector(), &config(&server, &endpoint, &json!({})));
        assert_eq!(server.keys(RAW), ["users.jsonl"], "{path}");
        assert_eq!(server.keys("s3raw"), [""; 0], "{path}");
        let begin = format!("{}{}/raw/", server.address(), path.trim_end_matches('/'));
        let targets = server.targets();
        let astray: Vec<_> = targets.iter().filter(|target| !target.starts_with(&begin)).collect();
        assert!(astray.is_empty() && targets.len() > 10, "{path}: {astray:?}");
    }
}

#[test]
fn a_path_is_a_folder_where_the_bucket_is_in_the_host_name() {
    for path in ["", "/", "/s3", "/s3/"] {
        let server = server(path.trim_end_matches('/'), Some(STORE));
        let host = format!("{RAW}.{STORE}");
        let proxy = Proxy::start(&[(&host, server.address())]);
        let connector = connector().env("HTTP_PROXY", &proxy.endpoint());
        let endpoint = format!("http://{STORE}{path}");
        let config = config(&server, &endpoint, &json!({ "s3_path_style": "off" }));
        check_and_replace(&connector, &config);
        assert_eq!(server.keys(RAW), ["users.jsonl"], "{path}");
        let begin = format!("{host}{}/", path.trim_end_matches('/'));
        let targets = server.targets();
        assert!(targets.iter().all(|target| target.starts_with(&begin)), "{path}: {targets:?}");
    }
}

/// The policy is for the bucket of the settings, and messages show one address for both spellings.
#[test]
fn both_spellings_of_a_path_are_one_address_in_policies_and_sentences() {
    let mut said = Vec::new();
    for path in ["/s3", "/s3/"] {
        let server = server("/s3", None);
        let config = config(&server, &format!("{}{path}", server.endpoint()), &json!({}));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let policy = std::process::Command::new(env!("CARGO_BIN_EXE_destination-s3"))
            .args(["policy", "--only", "permissions", "--config"])
            .arg(&file)
            .env_clear()
            .output()
            .unwrap();
        let policy = String::from_utf8(policy.stdout).unwrap();
        assert!(policy.contains("arn:aws:s3:::raw\"") && !policy.contains("s3raw"), "{policy}");
        let mut missing = config;
        missing["s3_bucket_name"] = json!("missing");
        let outcome = connector().write(&missing, &users()).input(one_user()).run();
        let message = failure(&outcome, "config_error").replace(&server.endpoint(), "ENDPOINT");
        assert!(message.contains("does not exist at ENDPOINT/s3: create it"), "{message}");
        said.push((policy, message));
    }
    assert_eq!(said[0], said[1]);
}

#[test]
fn a_path_that_is_the_bucket_is_refused() {
    for path in ["/raw", "/raw/", "//raw"] {
        let server = server("", None);
        let endpoint = format!("{}{path}", server.endpoint());
        for style in ["on", "off"] {
            let config = config(&server, &endpoint, &json!({ "s3_path_style": style }));
            let outcome = connector().write(&config, &users()).input(one_user()).run();
            let message = failure(&outcome, "config_error");
            assert!(
                message.contains("`s3_endpoint`")
                    && message.contains("remove the bucket from the URL"),
                "{message}"
            );
            let check = connector().check(&config);
            let (status, message) = check.connection_status();
            assert_eq!(status, "FAILED");
            assert!(message.contains("remove the bucket from the URL"), "{message}");
        }
        assert_eq!(server.targets(), [""; 0]);
    }
}

/// The server knows the bucket by its host name, and takes the bucket in the path for the beginning
/// of keys: every object would get a key that the settings do not name.
#[test]
fn a_host_that_begins_with_the_bucket_is_named_where_a_listing_finds_no_such_key() {
    for key in ["{stream_name}.{extension}", "{stream_name}_{uuid}.{extension}"] {
        let server = server("", Some(STORE));
        let host = format!("{RAW}.{STORE}");
        let proxy = Proxy::start(&[(&host, server.address())]);
        let connector = connector().env("HTTP_PROXY", &proxy.endpoint());
        let config = config(&server, &format!("http://{host}/"), &json!({ "s3_bucket_key": key }));
        let outcome = connector.write(&config, &users()).input(one_user()).run();
        let message = failure(&outcome, "config_error");
        assert!(message.contains("set s3_endpoint to http://store.example, or"), "{message}");
        let check = connector.check(&config);
        let (status, message) = check.connection_status();
        assert_eq!(status, "FAILED");
        assert!(message.contains("set s3_endpoint to http://store.example, or"), "{message}");
        assert_eq!(server.keys(RAW), [""; 0]);
    }
}

#[test]
fn a_host_that_begins_with_the_bucket_is_named_where_there_is_no_such_bucket() {
    let server = server("", Some(STORE));
    let host = format!("{RAW}.{STORE}");
    let proxy = Proxy::start(&[(&format!("{RAW}.{host}"), server.address())]);
    let connector = connector().env("HTTP_PROXY", &proxy.endpoint());
    let config = config(&server, &format!("http://{host}"), &json!({ "s3_path_style": "off" }));
    let outcome = connector.write(&config, &users()).input(one_user()).run();
    let message = failure(&outcome, "config_error");
    assert!(
        message.contains("NoSuchBucket") && message.contains("set s3_endpoint to http://"),
        "{message}"
    );
}

#[test]
fn a_host_that_begins_with_the_bucket_is_named_where_there_is_no_such_host() {
    let server = server("", None);
    let config = config(&server, "http://raw.nowhere.invalid", &json!({}));
    let check = connector().check(&config);
    let (status, message) = check.connection_status();
    assert_eq!(status, "FAILED");
    assert!(message.contains("set s3_endpoint to http://nowhere.invalid, or"), "{message}");
}

/// It may be right: the bucket may have the name of the store.
#[test]
fn a_host_that_begins_with_the_bucket_may_be_right() {
    let server = server("", None);
    let host = format!("{RAW}.{STORE}");
    let proxy = Proxy::start(&[(&host, server.address())]);
    let connector = connector().env("HTTP_PROXY", &proxy.endpoint());
    check_and_replace(&connector, &config(&server, &format!("http://{host}"), &json!({})));
    assert_eq!(server.keys(RAW), ["users.jsonl"]);
}
