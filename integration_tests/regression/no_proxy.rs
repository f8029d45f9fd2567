//! Hosts that are reached without a proxy.

use serde_json::{Value, json};

use crate::sign_in::{assert_failed, assert_succeeded};
use crate::support::connector::Connector;
use crate::support::proxy::Proxy;
use crate::support::tls_front::{Authority, TlsFront, Validity};
use crate::world::{World, connector, jsonl};

/// Returns the connector with a proxy that rejects everyone.
fn behind(proxy: &Proxy, no_proxy: &str) -> Connector {
    connector()
        .env("HTTP_PROXY", &proxy.endpoint())
        .env("HTTPS_PROXY", &proxy.endpoint())
        .env("NO_PROXY", no_proxy)
}

fn config(world: &World) -> Value {
    world.config(&jsonl())
}

#[test]
fn an_asterisk_a_port_an_address_and_a_network_lead_past_the_proxy() {
    let world = World::new();
    let port = world.server.address().port();
    for no_proxy in [
        "*".to_owned(),
        "example.com, *".to_owned(),
        format!("127.0.0.1:{port}"),
        format!("example.com:443 127.0.0.1:{port}"),
        "127.0.0.1".to_owned(),
        "127.0.0.0/8".to_owned(),
        "10.0.0.0/8,127.0.0.1/32".to_owned(),
    ] {
        let proxy = Proxy::start(&[]);
        assert_succeeded(&behind(&proxy, &no_proxy).check(&config(&world)), &[]);
        assert_eq!(proxy.seen(), [""; 0], "{no_proxy}");
    }
}

#[test]
fn another_port_or_network_leads_through_the_proxy() {
    let world = World::new();
    let port = world.server.address().port();
    for no_proxy in [
        format!("127.0.0.1:{}", port ^ 1),
        "10.0.0.0/8".to_owned(),
        "127.0.0.1.example.com".to_owned(),
    ] {
        let proxy = Proxy::start(&[]);
        assert_failed(&behind(&proxy, &no_proxy).check(&config(&world)), &[]);
        assert!(!proxy.seen().is_empty(), "{no_proxy}: the proxy was bypassed");
    }
}

#[test]
fn an_asterisk_covers_tls() {
    let (world, authority) = (World::new(), Authority::new("Authority of the tests"));
    let front =
        TlsFront::start(world.server.address(), authority.server(&["127.0.0.1"], Validity::Now));
    let mut config = config(&world);
    config["s3_endpoint"] = json!(front.endpoint("127.0.0.1"));
    config["ca_bundle"] = json!(authority.pem());
    let proxy = Proxy::start(&[]);
    assert_succeeded(&behind(&proxy, "*").check(&config), &[]);
    assert_eq!(proxy.seen(), [""; 0]);
}
