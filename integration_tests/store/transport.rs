//! Certificates, plain HTTP and proxies: what lies between the connector and its bucket.
//!
//! The certificates come from a private authority; TLS is terminated in front of the server of the
//! test.

use std::fs;

use serde_json::{Value, json};

use crate::sign_in::{Cloud, EXTERNAL_ID, ROLE_SESSION, assert_failed, assert_succeeded, role};
use crate::support::connector::Connector;
use crate::support::proxy::Proxy;
use crate::support::tls_front::{Authority, TlsFront, Validity};
use crate::world::{
    BUCKET, World, complete, connector, cursors, failure, jsonl_and, state, user, users,
};

/// The common name of the authority.
const AUTHORITY: &str = "Authority of the tests";
/// A host name that does not exist, so that only a proxy leads to it.
const FAR_S3: &str = "s3.far.invalid";
const FAR_STS: &str = "sts.far.invalid";

/// Returns settings with another endpoint.
fn at(world: &World, endpoint: &str) -> Value {
    world.config(&jsonl_and(&json!({ "s3_endpoint": endpoint, "checkpoint_interval_seconds": 0 })))
}

/// Returns settings with another endpoint and a CA bundle.
fn trusting(world: &World, endpoint: &str, pem: &str) -> Value {
    let mut config = at(world, endpoint);
    config["ca_bundle"] = json!(pem);
    config
}

#[track_caller]
fn sync_one(connector: &Connector, config: &Value) {
    let input = [user(1), state("users", 1), complete("users")].concat();
    let outcome = connector.write(config, &users()).input(input).run().expect_success();
    assert_eq!(cursors(&outcome), [1]);
}

#[test]
fn a_bundle_of_the_settings_or_of_a_file_is_trusted() {
    let (world, authority) = (World::new(), Authority::new(AUTHORITY));
    let front =
        TlsFront::start(world.server.address(), authority.server(&["127.0.0.1"], Validity::Now));
    let endpoint = front.endpoint("127.0.0.1");
    let bundle = trusting(&world, &endpoint, &authority.pem());
    assert_succeeded(&connector().check(&bundle), &[]);
    sync_one(&connector(), &bundle);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.pem");
    fs::write(&file, authority.pem()).unwrap();
    let with_file = connector().env("AWS_CA_BUNDLE", file.to_str().unwrap());
    assert_succeeded(&with_file.check(&at(&world, &endpoint)), &[]);
    sync_one(&with_file, &at(&world, &endpoint));
    assert_eq!(world.ids(), ["1", "1"]);

    // The bundle of the settings takes precedence, and the message names both if they are wrong.
    let other = trusting(&world, &endpoint, &Authority::new("Somebody else").pem());
    assert_failed(&with_file.check(&other), &["certificate", "ca_bundle"]);
    let missing = connector().env("AWS_CA_BUNDLE", "/nowhere/bundle.pem");
    assert_failed(
        &missing.check(&at(&world, &endpoint)),
        &["AWS_CA_BUNDLE", "/nowhere/bundle.pem"],
    );
}

/// The same name with another key: a bundle that was right before the CA was re-created.
#[test]
fn a_re_created_authority_is_explained() {
    let (world, authority) = (World::new(), Authority::new(AUTHORITY));
    let front =
        TlsFront::start(world.server.address(), authority.server(&["127.0.0.1"], Validity::Now));
    let old = trusting(&world, &front.endpoint("127.0.0.1"), &Authority::new(AUTHORITY).pem());
    assert_failed(&connector().check(&old), &["certificate", "ca_bundle"]);
}

#[test]
fn rejected_certificates_are_explained() {
    let (world, authority) = (World::new(), Authority::new(AUTHORITY));
    let cases = [
        (&["127.0.0.1"][..], Validity::Now, false, ["certificate", "ca_bundle"]),
        (&["127.0.0.1"], Validity::Past, true, ["certificate", "expired"]),
        (&["minio.example.com"], Validity::Now, true, ["certificate", "host name"]),
    ];
    for (names, validity, is_trusted, words) in cases {
        let front = TlsFront::start(world.server.address(), authority.server(names, validity));
        let endpoint = front.endpoint("127.0.0.1");
        let config = if is_trusted {
            trusting(&world, &endpoint, &authority.pem())
        } else {
            at(&world, &endpoint)
        };
        let outcome = connector().check(&config);
        assert_failed(&outcome, &words);
        assert_failed(&outcome, &[&front.address().to_string()]);

        let mut session =
            connector().write(&config, &users()).input(user(1) + &state("users", 1)).start();
        assert!(session.ends_within(crate::world::SOON), "{words:?}: it keeps running");
        let outcome = session.finish(crate::world::SOON);
        assert!(failure(&outcome, "config_error").contains(words[1]), "{outcome:#?}");
    }
    assert_eq!(world.keys(), [""; 0]);
}

#[test]
fn a_mix_up_of_http_and_https_is_explained() {
    let (world, authority) = (World::new(), Authority::new(AUTHORITY));
    let plain = world.server.address();
    assert_failed(
        &connector().check(&trusting(&world, &format!("https://{plain}"), &authority.pem())),
        &["does not speak TLS", "http://", "s3_endpoint"],
    );
    let front = TlsFront::start(plain, authority.server(&["127.0.0.1"], Validity::Now));
    assert_failed(
        &connector().check(&at(&world, &format!("http://{}", front.address()))),
        &["plain HTTP", "https://", "s3_endpoint"],
    );
    assert_eq!(world.keys(), [""; 0]);
}

/// STS is trusted by the same bundle as S3.
#[test]
fn sts_is_trusted_by_the_same_bundle() {
    let (cloud, authority) = (Cloud::new(), Authority::new(AUTHORITY));
    let sts = cloud.sts.endpoint();
    let target = sts.trim_start_matches("http://").parse().unwrap();
    let front = TlsFront::start(target, authority.server(&["localhost"], Validity::Now));
    let connector = cloud.worker().env("AWS_ENDPOINT_URL_STS", &front.endpoint("localhost"));
    let mut config = cloud.config(&role(Some(EXTERNAL_ID)));
    assert_failed(&connector.check(&config), &["STS", &front.endpoint("localhost"), "ca_bundle"]);
    config["ca_bundle"] = json!(authority.pem());
    assert_succeeded(&connector.check(&config), &[ROLE_SESSION]);
    sync_one(&connector, &config);
}

#[test]
fn plain_http_uses_the_proxy_of_the_environment() {
    let cloud = Cloud::new();
    let sts = cloud.sts.endpoint().trim_start_matches("http://").parse().unwrap();
    let proxy = Proxy::start(&[(FAR_S3, cloud.s3.address()), (FAR_STS, sts)]);
    let mut config = cloud.config(&role(Some(EXTERNAL_ID)));
    config["s3_endpoint"] = json!(format!("http://{FAR_S3}"));
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let before = proxy.seen().len();
        let connector = cloud
            .worker()
            .env("AWS_ENDPOINT_URL_STS", &format!("http://{FAR_STS}"))
            .env(variable, &proxy.endpoint());
        let outcome = connector.check(&config);
        // Everyone on the way can read the data.
        assert_succeeded(&outcome, &[ROLE_SESSION, "http://"]);
        let seen = proxy.seen().split_off(before);
        assert!(seen.contains(&format!("POST {FAR_STS}")), "{variable}: {seen:?}");
        assert!(seen.contains(&format!("PUT {FAR_S3}")), "{variable}: {seen:?}");
    }
    let connector = cloud
        .worker()
        .env("AWS_ENDPOINT_URL_STS", &format!("http://{FAR_STS}"))
        .env("HTTP_PROXY", &proxy.endpoint());
    sync_one(&connector, &config);
    assert_eq!(cloud.signer_arns(), [ROLE_SESSION]);
}

#[test]
fn tls_is_tunnelled_through_the_proxy_of_the_environment() {
    let (world, authority) = (World::new(), Authority::new(AUTHORITY));
    let front = TlsFront::start(world.server.address(), authority.server(&[FAR_S3], Validity::Now));
    let proxy = Proxy::start(&[(&format!("{FAR_S3}:443"), front.address())]);
    let config = trusting(&world, &format!("https://{FAR_S3}"), &authority.pem());
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let before = proxy.seen().len();
        let connector = connector().env(variable, &proxy.endpoint());
        assert_succeeded(&connector.check(&config), &[]);
        let seen = proxy.seen().split_off(before);
        assert!(!seen.is_empty(), "{variable}");
        assert!(
            seen.iter().all(|seen| *seen == format!("CONNECT {FAR_S3}:443")),
            "{variable}: {seen:?}"
        );
    }
    sync_one(&connector().env("HTTPS_PROXY", &proxy.endpoint()), &config);
    assert_eq!(world.ids(), ["1"]);
}

#[test]
fn no_proxy_hosts_bypass_the_proxy() {
    let world = World::new();
    // This proxy rejects every host.
    let proxy = Proxy::start(&[]);
    for variable in ["NO_PROXY", "no_proxy"] {
        let connector = connector()
            .env("HTTP_PROXY", &proxy.endpoint())
            .env("HTTPS_PROXY", &proxy.endpoint())
            .env(variable, "example.com,127.0.0.1");
        assert_succeeded(&connector.check(&at(&world, &world.server.endpoint())), &[]);
        assert_eq!(proxy.seen(), [""; 0], "{variable}");
    }
    let connector = connector().env("HTTP_PROXY", &proxy.endpoint()).env("NO_PROXY", "example.com");
    assert_failed(&connector.check(&at(&world, &world.server.endpoint())), &[]);
    assert!(!proxy.seen().is_empty(), "the proxy was bypassed");
}

/// The password of a proxy is a secret as well, and the output is searched for it.
#[test]
fn a_missing_proxy_with_a_password_is_reported_without_it() {
    let world = World::new();
    let connector = connector().env("HTTP_PROXY", "http://me:hunter2-of-the-proxy@127.0.0.1:9");
    let outcome = connector.check(&at(&world, &world.server.endpoint()));
    assert_failed(&outcome, &["127.0.0.1"]);
}

/// On the machine itself there is no one in between.
#[test]
fn plain_http_beyond_loopback_is_a_warning() {
    let world = World::new();
    for host in ["127.0.0.1", "localhost"] {
        let endpoint = format!("http://{host}:{}", world.server.address().port());
        let config = at(&world, &endpoint);
        let outcome = connector().check(&config);
        assert_succeeded(&outcome, &[]);
        assert!(!outcome.connection_status().1.contains("http://"), "{outcome:#?}");
        let input = [user(1), state("users", 1), complete("users")].concat();
        let outcome = connector().write(&config, &users()).input(input).run().expect_success();
        assert!(outcome.logs("WARN").is_empty(), "{outcome:#?}");
    }
    let proxy = Proxy::start(&[(FAR_S3, world.server.address())]);
    let connector = connector().env("HTTP_PROXY", &proxy.endpoint());
    let config = at(&world, &format!("http://{FAR_S3}"));
    assert_succeeded(&connector.check(&config), &["s3_endpoint", "http://", "https://"]);
    let input = [user(1), state("users", 1), complete("users")].concat();
    let outcome = connector.write(&config, &users()).input(input).run().expect_success();
    let warnings = outcome.logs("WARN");
    assert!(warnings.len() == 1 && warnings[0].contains("http://"), "{warnings:?}");
    assert_eq!(world.server.objects(BUCKET).len(), 3);
}
