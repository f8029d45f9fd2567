//! FIPS and dual stack: the hosts of S3 and STS.

use std::fs;

use serde_json::json;

use super::partitions::FarCloud;
use crate::sign_in::{assert_failed, assert_succeeded};
use crate::world::{World, connector, jsonl};
use faulty_s3::keyring::DEFAULT_ARN;

const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

#[test]
fn the_variables_choose_the_hosts_of_s3_and_sts() {
    type Row = (&'static [(&'static str, &'static str)], &'static str, &'static str);
    let table: [Row; 5] = [
        (&[], "s3.us-east-2.amazonaws.com", "sts.us-east-1.amazonaws.com"),
        (&[(FIPS, "true")], "s3-fips.us-east-2.amazonaws.com", "sts-fips.us-east-1.amazonaws.com"),
        (&[(DUAL_STACK, "true")], "s3.dualstack.us-east-2.amazonaws.com", "sts.us-east-1.api.aws"),
        (
            &[(FIPS, "TRUE"), (DUAL_STACK, "true")],
            "s3-fips.dualstack.us-east-2.amazonaws.com",
            "sts-fips.us-east-1.api.aws",
        ),
        (&[(FIPS, "false")], "s3.us-east-2.amazonaws.com", "sts.us-east-1.amazonaws.com"),
    ];
    for (variables, s3, sts) in table {
        let far = FarCloud::new(s3, sts, &[]);
        let connector = variables
            .iter()
            .fold(far.connector(), |connector, (name, value)| connector.env(name, value));
        assert_succeeded(&connector.check(&far.config("us-east-2")), &[DEFAULT_ARN]);
        assert_eq!(far.hosts(), [s3, sts], "{variables:?}");
    }
}

#[test]
fn a_web_identity_is_exchanged_at_the_same_sts() {
    const TOKEN: &str = "a-web-identity-behind-a-fips-endpoint";
    const POD_ROLE: &str = "arn:aws:iam::999988887777:role/pods/worker-pod";
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, TOKEN).unwrap();
    let (s3, sts) = ("s3-fips.us-east-2.amazonaws.com", "sts-fips.us-east-2.amazonaws.com");
    let far = FarCloud::new(s3, sts, &[]);
    far.cloud.sts.trust_web_identity(TOKEN, POD_ROLE);
    let connector = far
        .connector()
        .env(FIPS, "true")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap())
        .env("AWS_ROLE_ARN", POD_ROLE);
    let mut config = far.config("us-east-2");
    config["authentication"] = json!({ "auth_type": "default_chain" });
    assert_succeeded(&connector.check(&config), &["assumed-role/worker-pod/destination-s3"]);
    assert_eq!(far.hosts(), [s3, sts]);
}

/// The variables concern AWS's own endpoints; an endpoint in the settings is used as it is.
#[test]
fn an_endpoint_of_the_settings_is_asked_as_it_is() {
    let world = World::new();
    let connector = connector().env(FIPS, "true").env(DUAL_STACK, "true");
    assert_succeeded(&connector.check(&world.config(&jsonl())), &[]);
}

/// A typing error must not bypass FIPS.
#[test]
fn a_value_that_is_neither_true_nor_false_is_refused() {
    let world = World::new();
    for variable in [FIPS, DUAL_STACK] {
        let connector = connector().env(variable, "1");
        assert_failed(&connector.check(&world.config(&jsonl())), &[variable, "true", "false"]);
    }
}
