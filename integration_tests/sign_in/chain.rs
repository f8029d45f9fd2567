//! Where an identity comes from: each source of the AWS default chain, and that no way to sign in
//! replaces another.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sign_in::{
    Cloud, EXTERNAL_ID, ROLE, ROLE_SESSION, WORKER_ARN, WORKER_KEY_ID, WORKER_SECRET,
    assert_failed, assert_succeeded, role,
};
use crate::support::connector::Connector;
use crate::support::proxy::Proxy;
use crate::support::scripted_sts::Action;
use crate::world::BUCKET;
use faulty_s3::keyring::{ACCESS_KEY_ID, DEFAULT_ARN, SECRET_ACCESS_KEY};
use faulty_s3::loopback::Loopback;

/// The role of a container, a pod or an instance, and its session.
const POD_ROLE: &str = "arn:aws:iam::999988887777:role/pods/worker-pod";
pub(super) const POD_SESSION: &str = "arn:aws:sts::999988887777:assumed-role/worker-pod/pod-7f9c";
const BEARER: &str = "Bearer of-the-containers-own-secret";
const WEB_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwb2QifQ.c2lnbmVkLWJ5LXRoZS1jbHVzdGVy";

/// How long `check` may wait for a source that accepts the request and never answers.
const PATIENCE: Duration = Duration::from_secs(60);

fn chain() -> Value {
    json!({ "auth_type": "default_chain" })
}

/// Returns the connector in a pod with a web identity.
fn in_a_pod(cloud: &Cloud, folder: &TempDir) -> Connector {
    let token = folder.path().join("token");
    fs::write(&token, WEB_TOKEN).unwrap();
    cloud.sts.trust_web_identity(WEB_TOKEN, POD_ROLE);
    cloud
        .without_identity()
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap())
        .env("AWS_ROLE_ARN", POD_ROLE)
        .env("AWS_ROLE_SESSION_NAME", "pod-7f9c")
        .env("AWS_REGION", "us-east-1")
}

/// Returns the connector in a container with an endpoint for credentials.
pub(super) fn in_a_container(cloud: &Cloud) -> Connector {
    let address = cloud.sts.serve_container(POD_SESSION, BEARER);
    cloud
        .without_identity()
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", BEARER)
}

/// Checks and syncs with the default chain; S3 sees `arn` and no other identity.
#[track_caller]
fn assert_signs_as(cloud: &Cloud, connector: &Connector, arn: &str) {
    assert_succeeded(&connector.check(&cloud.config(&chain())), &[arn]);
    cloud.sync_one(connector, &chain());
    assert_eq!(cloud.signer_arns(), [arn]);
}

#[test]
fn the_environment() {
    let cloud = Cloud::new();
    assert_signs_as(&cloud, &cloud.worker(), WORKER_ARN);
}

#[test]
fn the_profile_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let profile = |name: &str, id: &str, secret: &str| {
        format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
    };
    let text = profile("default", ACCESS_KEY_ID, SECRET_ACCESS_KEY)
        + &profile("worker", WORKER_KEY_ID, WORKER_SECRET);
    fs::write(&file, text).unwrap();
    for (name, arn) in [(None, DEFAULT_ARN), (Some("worker"), WORKER_ARN)] {
        let cloud = Cloud::new();
        let connector =
            cloud.without_identity().env("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
        let connector =
            name.iter().fold(connector, |connector, name| connector.env("AWS_PROFILE", name));
        assert_signs_as(&cloud, &connector, arn);
    }
}

#[test]
fn a_web_identity() {
    let (cloud, folder) = (Cloud::new(), tempfile::tempdir().unwrap());
    let connector = in_a_pod(&cloud, &folder);
    assert_signs_as(&cloud, &connector, POD_SESSION);
    let asked = cloud.sts.requests_for(Action::AssumeRoleWithWebIdentity);
    assert!(!asked.is_empty());
    assert!(
        asked.iter().all(|request| request.signed_by.is_none() && request.status == 200),
        "{asked:?}"
    );

    cloud.sts.trust_web_identity("another-token-than-the-one-of-the-pod", POD_ROLE);
    let refused = connector.check(&cloud.config(&chain()));
    assert_failed(&refused, &["web identity token"]);
}

#[test]
fn a_web_identity_without_a_token_file_is_reported() {
    let cloud = Cloud::new();
    let connector = cloud
        .without_identity()
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")
        .env("AWS_ROLE_ARN", POD_ROLE);
    let outcome = connector.check(&cloud.config(&chain()));
    assert_failed(&outcome, &["web identity token"]);
}

#[test]
fn container_credentials() {
    let cloud = Cloud::new();
    let connector = in_a_container(&cloud);
    assert_signs_as(&cloud, &connector, POD_SESSION);

    cloud.sts.serve_container(POD_SESSION, "Bearer of-another-container");
    assert_failed(&connector.check(&cloud.config(&chain())), &["container"]);
}

/// Its token is secret, and its address is local.
#[test]
fn container_credentials_bypass_the_proxy() {
    let cloud = Cloud::new();
    let proxy = Proxy::start(&[]);
    let connector = in_a_container(&cloud)
        .env("HTTP_PROXY", &proxy.endpoint())
        .env("AWS_ENDPOINT_URL_STS", &cloud.sts.endpoint());
    // S3 and STS are behind the proxy, which leads nowhere.
    connector.check(&cloud.config(&chain()));
    let seen = proxy.seen();
    assert!(
        seen.iter().any(|request| request.contains(&cloud.s3.address().to_string())),
        "{seen:?}"
    );
    let container = cloud.sts.endpoint().trim_start_matches("http://").to_owned();
    assert!(!seen.contains(&format!("GET {container}")), "{seen:?}");
    assert!(!cloud.sts.requests_for(Action::Container).is_empty(), "asked without the proxy");
}

/// A source that accepts the request and never answers is reported in time, as what it is.
#[test]
fn a_source_that_never_answers_is_reported_in_time() {
    let silent = Loopback::start(|connection| async move {
        let _connection = connection;
        std::future::pending::<()>().await;
    });
    let (cloud, folder) = (Cloud::new(), tempfile::tempdir().unwrap());
    let address = format!("http://{}", silent.address());
    let in_a_pod = in_a_pod(&cloud, &folder).env("AWS_ENDPOINT_URL_STS", &address);
    let in_a_container =
        cloud.without_identity().env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address);
    // In parallel: waiting takes no CPU.
    std::thread::scope(|scope| {
        for (connector, source) in [(in_a_pod, "web identity"), (in_a_container, "container")] {
            for way in [chain(), role(Some(EXTERNAL_ID))] {
                let (connector, config) =
                    (connector.clone().time_limit(PATIENCE), cloud.config(&way));
                scope.spawn(move || {
                    assert_failed(&connector.check(&config), &["did not answer", source])
                });
            }
        }
    });
}

#[test]
fn container_credentials_with_a_token_from_a_file() {
    let (cloud, folder) = (Cloud::new(), tempfile::tempdir().unwrap());
    let token = folder.path().join("token");
    fs::write(&token, BEARER).unwrap();
    let connector = cloud
        .without_identity()
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &cloud.sts.serve_container(POD_SESSION, BEARER))
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap());
    assert_signs_as(&cloud, &connector, POD_SESSION);
}

#[test]
fn instance_metadata() {
    let cloud = Cloud::new();
    cloud.sts.serve_instance(POD_SESSION);
    let connector = crate::world::connector()
        .env("AWS_ENDPOINT_URL_STS", &cloud.sts.endpoint())
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &cloud.sts.endpoint());
    assert_signs_as(&cloud, &connector, POD_SESSION);
}

/// Every source can be the base identity of a role.
#[test]
fn a_role_with_every_base_identity() {
    let folder = tempfile::tempdir().unwrap();
    for place in ["web identity", "container", "instance"] {
        let cloud = Cloud::new();
        let connector = match place {
            "web identity" => in_a_pod(&cloud, &folder),
            "container" => in_a_container(&cloud),
            _ => {
                cloud.sts.serve_instance(POD_SESSION);
                cloud
                    .without_identity()
                    .env("AWS_EC2_METADATA_DISABLED", "false")
                    .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &cloud.sts.endpoint())
            }
        };
        let outcome = connector.check(&cloud.config(&role(Some(EXTERNAL_ID))));
        assert_succeeded(&outcome, &[ROLE_SESSION, POD_SESSION]);
        cloud.sync_one(&connector, &role(Some(EXTERNAL_ID)));
        assert_eq!(cloud.signer_arns(), [ROLE_SESSION], "{place}");
    }
}

#[test]
fn the_key_of_the_settings_is_not_overridden_by_the_environment() {
    let (cloud, folder) = (Cloud::new(), tempfile::tempdir().unwrap());
    let settings = cloud.s3.config(BUCKET)["authentication"].clone();
    let address = cloud.sts.serve_container(POD_SESSION, BEARER);
    // Everything at once that could take precedence over the key.
    let connector = in_a_pod(&cloud, &folder)
        .env("AWS_ACCESS_KEY_ID", WORKER_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", WORKER_SECRET)
        .env("AWS_SESSION_TOKEN", "a-token-of-somebody-else")
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", BEARER)
        .env("AWS_ASSUME_ROLE_EXTERNAL_ID", EXTERNAL_ID)
        .env("AWS_PROFILE", "nobody")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        .env("AWS_DEFAULT_REGION", "eu-nowhere-1");
    assert_succeeded(&connector.check(&cloud.config(&settings)), &[DEFAULT_ARN]);
    cloud.sync_one(&connector, &settings);
    assert_eq!(cloud.signers(), [ACCESS_KEY_ID]);
    for request in cloud.sts.requests() {
        assert_eq!(
            (request.action, request.signed_by.as_deref()),
            (Action::GetCallerIdentity, Some(ACCESS_KEY_ID))
        );
    }
}

/// The default chain is the environment's own identity: an external id in the environment does not
/// make it assume a role.
#[test]
fn the_default_chain_assumes_no_role() {
    let cloud = Cloud::new();
    let connector =
        cloud.worker().env("AWS_ASSUME_ROLE_EXTERNAL_ID", EXTERNAL_ID).env("AWS_ROLE_ARN", ROLE);
    assert_signs_as(&cloud, &connector, WORKER_ARN);
    assert!(cloud.sts.requests_for(Action::AssumeRole).is_empty());
}

/// If the key of an environment is incomplete or rejected, the next source does not replace it.
#[test]
fn a_refused_identity_is_not_replaced_by_another_one() {
    let cloud = Cloud::new();
    let connector = in_a_container(&cloud)
        .env("AWS_ACCESS_KEY_ID", "AKIANOBODYKNOWSTHIS0")
        .env("AWS_SECRET_ACCESS_KEY", WORKER_SECRET);
    assert_failed(&connector.check(&cloud.config(&chain())), &[]);
    assert_failed(&connector.check(&cloud.config(&role(Some(EXTERNAL_ID)))), &["not known"]);
    assert!(cloud.sts.requests_for(Action::Container).is_empty());
}

/// A role together with a key is refused: neither is silently ignored.
#[test]
fn a_role_beside_a_key_is_refused() {
    let cloud = Cloud::new();
    let mut both = cloud.s3.config(BUCKET)["authentication"].clone();
    both["role_arn"] = json!(ROLE);
    assert_failed(
        &cloud.worker().check(&cloud.config(&both)),
        &["role_arn", "cannot be used with"],
    );
    let mut both = role(None);
    both["access_key_id"] = json!(ACCESS_KEY_ID);
    assert_failed(
        &cloud.worker().check(&cloud.config(&both)),
        &["access_key_id", "cannot be used with"],
    );
    assert!(cloud.sts.requests().is_empty());
    assert_eq!(cloud.s3.requests(), []);
}
