//! The AWS partitions besides `aws`: a proxy of the test leads to their hosts.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::sign_in::{Cloud, assert_succeeded};
use crate::support::connector::Connector;
use crate::support::proxy::Proxy;
use crate::support::scripted_sts::{Action, ScriptedSts, StsFault};
use crate::support::tls_front::{Authority, TlsFront, Validity};
use crate::world::{BUCKET, connector};
use faulty_s3::keyring::DEFAULT_ARN;

/// S3 and STS under the host names of AWS.
pub(super) struct FarCloud {
    pub(super) cloud: Cloud,
    pub(super) proxy: Proxy,
    authority: Authority,
    _fronts: Vec<TlsFront>,
}

impl FarCloud {
    /// Serves S3 at the first host and STS at the second. `more` routes hosts to other servers.
    pub(super) fn new(s3: &str, sts: &str, more: &[(&str, SocketAddr)]) -> Self {
        let (cloud, authority) = (Cloud::new(), Authority::new("Authority of the tests"));
        let address_of_sts = address(&cloud.sts);
        let mut servers = vec![(s3, cloud.s3.address()), (sts, address_of_sts)];
        servers.extend(more);
        let fronts: Vec<TlsFront> = servers
            .iter()
            .map(|(host, target)| {
                TlsFront::start(*target, authority.server(&[host], Validity::Now))
            })
            .collect();
        let routes: Vec<(String, SocketAddr)> = servers
            .iter()
            .zip(&fronts)
            .map(|((host, _), front)| (format!("{host}:443"), front.address()))
            .collect();
        let routes: Vec<(&str, SocketAddr)> =
            routes.iter().map(|(host, to)| (host.as_str(), *to)).collect();
        Self { cloud, proxy: Proxy::start(&routes), authority, _fronts: fronts }
    }

    /// Returns settings with a key, without an endpoint.
    pub(super) fn config(&self, region: &str) -> Value {
        let mut config = self.cloud.s3.config(BUCKET);
        config.as_object_mut().unwrap().remove("s3_endpoint");
        config["s3_bucket_region"] = json!(region);
        // So that the host does not depend on the bucket.
        config["s3_path_style"] = json!("on");
        config["ca_bundle"] = json!(self.authority.pem());
        config
    }

    pub(super) fn connector(&self) -> Connector {
        connector().env("HTTPS_PROXY", &self.proxy.endpoint())
    }

    /// Returns every host that was asked, each once, in alphabetical order.
    pub(super) fn hosts(&self) -> Vec<String> {
        let seen = self.proxy.seen();
        let mut hosts: Vec<String> = seen
            .iter()
            .map(|request| {
                request.trim_start_matches("CONNECT ").trim_end_matches(":443").to_owned()
            })
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

fn address(sts: &ScriptedSts) -> SocketAddr {
    sts.endpoint().trim_start_matches("http://").parse().unwrap()
}

/// Also if the platform's worker runs in another partition: its region must not be asked about the
/// key.
#[test]
fn an_access_key_in_another_partition_passes_check() {
    let table = [
        ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-west-1", "s3.us-iso-west-1.c2s.ic.gov", "sts.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov", "sts.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "s3.eu-isoe-west-1.cloud.adc-e.uk", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
        (
            "us-isof-south-1",
            "s3.us-isof-south-1.csp.hci.ic.gov",
            "sts.us-isof-south-1.csp.hci.ic.gov",
        ),
        ("cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-east-1", "s3.us-gov-east-1.amazonaws.com", "sts.us-gov-west-1.amazonaws.com"),
    ];
    for (region, s3, sts) in table {
        for of_worker in [None, Some("us-east-1")] {
            // The STS of `aws`, which does not know the key.
            let other = ScriptedSts::start(&crate::support::faulty_s3::keyring());
            other.fail(Action::GetCallerIdentity, StsFault::InvalidClientTokenId, 1000);
            let far = FarCloud::new(s3, sts, &[("sts.us-east-1.amazonaws.com", address(&other))]);
            let connector = of_worker
                .iter()
                .fold(far.connector(), |connector, region| connector.env("AWS_REGION", region));
            assert_succeeded(&connector.check(&far.config(region)), &[DEFAULT_ARN]);
            assert_eq!(far.hosts(), [s3, sts], "{region} {of_worker:?}");
        }
    }
}

/// Of a denial and of a policy as well.
#[test]
fn a_policy_has_the_arns_of_the_partition() {
    let cloud = Cloud::new();
    for (region, start) in [
        ("eusc-de-east-1", "arn:aws-eusc:s3:::"),
        ("us-isof-south-1", "arn:aws-iso-f:s3:::"),
        ("eu-isoe-west-1", "arn:aws-iso-e:s3:::"),
        ("eu-west-1", "arn:aws:s3:::"),
    ] {
        let mut config = cloud.s3.config(BUCKET);
        config["s3_bucket_region"] = json!(region);
        let text = crate::policy::stdout(&crate::policy::policy(&config, &[]));
        assert!(text.contains(&format!("\"{start}{BUCKET}\"")), "{region}: {text}");
        config.as_object_mut().unwrap().remove("s3_bucket_region");
        // The endpoint shows the partition where no region does.
        config["s3_endpoint"] = json!(format!("https://s3.{region}.{}", suffix(region)));
        let text = crate::policy::stdout(&crate::policy::policy(&config, &[]));
        assert!(text.contains(&format!("\"{start}{BUCKET}\"")), "{region}: {text}");
    }
}

fn suffix(region: &str) -> &'static str {
    match region {
        "eusc-de-east-1" => "amazonaws.eu",
        "us-isof-south-1" => "csp.hci.ic.gov",
        "eu-isoe-west-1" => "cloud.adc-e.uk",
        _ => "amazonaws.com",
    }
}

/// AWS endpoints are not taken for other stores: no additional look at each key, and STS is asked
/// who signs.
#[test]
fn an_endpoint_of_another_partition_counts_as_aws() {
    let (s3, sts) = ("s3.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.amazonaws.eu");
    let far = FarCloud::new(s3, sts, &[]);
    let mut config = far.config("eusc-de-east-1");
    config["s3_endpoint"] = json!(format!("https://{s3}"));
    assert_succeeded(&far.connector().check(&config), &[DEFAULT_ARN]);
    assert_eq!(far.hosts(), [s3, sts]);
}
