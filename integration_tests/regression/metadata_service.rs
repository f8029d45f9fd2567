//! Where credentials come from, and how that fails: instance metadata, web identities, containers,
//! STS.

use std::fs;

use serde_json::{Value, json};

use crate::sign_in::{Cloud, EXTERNAL_ID, ROLE, assert_failed, assert_succeeded, role};
use crate::support::connector::Connector;
use crate::support::scripted_sts::{Action, StsFault};
use crate::world::{complete, failure, state, user, users};

const NODE_SESSION: &str = "arn:aws:sts::999988887777:assumed-role/node/i-0123456789abcdef0";
const POD_ROLE: &str = "arn:aws:iam::999988887777:role/pods/worker-pod";
/// More faults than any number of retries.
const ALWAYS: usize = 1000;

fn chain() -> Value {
    json!({ "auth_type": "default_chain" })
}

/// Returns the connector on an instance whose metadata service is the scripted one.
fn on_an_instance(cloud: &Cloud) -> Connector {
    cloud.sts.serve_instance(NODE_SESSION);
    crate::world::connector()
        .env("AWS_ENDPOINT_URL_STS", &cloud.sts.endpoint())
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &cloud.sts.endpoint())
}

/// Runs a sync that must end with this failure type and acknowledge nothing. Returns the message.
#[track_caller]
fn write_fails(connector: &Connector, config: &Value, failure_type: &str) -> String {
    let input = [user(1), state("users", 1), complete("users")].concat();
    let outcome = connector.write(config, &users()).input(input).run();
    assert!(outcome.states().is_empty());
    failure(&outcome, failure_type).to_owned()
}

#[test]
fn a_token_request_without_an_answer_is_tried_again() {
    let cloud = Cloud::new();
    let connector = on_an_instance(&cloud);
    cloud.sts.fail(Action::InstanceMetadata, StsFault::Silence, 1);
    assert_succeeded(&connector.check(&cloud.config(&chain())), &[NODE_SESSION]);
}

/// What a container sees if its instance has a hop limit of 1.
#[test]
fn a_metadata_service_that_never_answers_is_transient_and_names_the_hop_limit() {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let cloud = Cloud::new();
            let connector = on_an_instance(&cloud);
            cloud.sts.fail(Action::InstanceMetadata, StsFault::Silence, ALWAYS);
            assert_failed(
                &connector.check(&cloud.config(&chain())),
                &["instance metadata", "hop limit", "container"],
            );
            assert!(
                cloud.sts.requests_for(Action::InstanceMetadata).len() > 1,
                "it was not retried"
            );
        });
        scope.spawn(|| {
            let cloud = Cloud::new();
            let connector = on_an_instance(&cloud);
            cloud.sts.fail(Action::InstanceMetadata, StsFault::Silence, ALWAYS);
            let config = cloud.config(&role(Some(EXTERNAL_ID)));
            let message = write_fails(&connector, &config, "transient_error");
            assert!(message.contains("hop limit"), "{message}");
        });
    });
}

#[test]
fn a_metadata_service_that_refuses_is_reported() {
    for (status, word) in [(401, "HTTP 401"), (403, "HTTP 403")] {
        let cloud = Cloud::new();
        let connector = on_an_instance(&cloud);
        cloud.sts.fail(Action::InstanceMetadata, StsFault::Status(status), ALWAYS);
        assert_failed(
            &connector.check(&cloud.config(&chain())),
            &["instance metadata service", word],
        );
        let message = write_fails(&connector, &cloud.config(&chain()), "config_error");
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn an_instance_without_a_role_is_reported() {
    let cloud = Cloud::new();
    let connector = on_an_instance(&cloud);
    cloud.sts.serve_instance_without_role();
    assert_failed(
        &connector.check(&cloud.config(&chain())),
        &["EC2 instance", "no IAM role", "instance profile"],
    );
    write_fails(&connector, &cloud.config(&chain()), "config_error");
}

/// The role of the node must not replace the one that is meant.
#[test]
fn an_incomplete_source_does_not_fall_through_to_the_role_of_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "a-token-that-nobody-asks-for").unwrap();
    let token = token.to_str().unwrap();
    let table = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_ARN"),
        ("AWS_ROLE_ARN", POD_ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("AWS_ACCESS_KEY_ID", "AKIAHALFOFAKEY000000", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "half+of/a+key0000000000000000000000000000", "AWS_ACCESS_KEY_ID"),
    ];
    for (given, value, missing) in table {
        for way in [chain(), role(Some(EXTERNAL_ID))] {
            let cloud = Cloud::new();
            let connector = on_an_instance(&cloud).env(given, value);
            let config = cloud.config(&way);
            assert_failed(&connector.check(&config), &[&format!("{given} is set"), missing]);
            write_fails(&connector, &config, "config_error");
            assert!(cloud.sts.requests().is_empty(), "{given}: {:?}", cloud.sts.requests());
        }
    }
}

/// A profile that is not in the files, by its own name or as the source of another profile.
#[test]
fn a_missing_profile_does_not_fall_through_to_the_role_of_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    for (profile, text) in [
        ("loader", "[profile other]\nregion = eu-west-1\n"),
        (
            "default",
            "[default]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = loader\n",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let cloud = Cloud::new();
        let connector = on_an_instance(&cloud)
            .env("AWS_PROFILE", profile)
            .env("AWS_CONFIG_FILE", file.to_str().unwrap());
        let config = cloud.config(&chain());
        assert_failed(&connector.check(&config), &["profile file", "AWS_PROFILE"]);
        write_fails(&connector, &config, "config_error");
    }
}

/// Forms and templates set variables that were left blank.
#[test]
fn an_empty_variable_is_not_set() {
    let cloud = Cloud::new();
    let connector = on_an_instance(&cloud)
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", "")
        .env("AWS_ROLE_ARN", "")
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    assert_succeeded(&connector.check(&cloud.config(&chain())), &[NODE_SESSION]);
}

#[test]
fn a_refusal_of_sts_names_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "a-web-identity-that-is-refused").unwrap();
    for (status, code) in [
        (400, "InvalidIdentityToken"),
        (400, "ExpiredTokenException"),
        (403, "AccessDenied"),
        (400, "PackedPolicyTooLarge"),
    ] {
        let cloud = Cloud::new();
        let connector = cloud
            .without_identity()
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap())
            .env("AWS_ROLE_ARN", POD_ROLE);
        cloud.sts.fail(Action::AssumeRoleWithWebIdentity, StsFault::Refusal(status, code), ALWAYS);
        assert_failed(&connector.check(&cloud.config(&chain())), &["web identity token", code]);
        write_fails(&connector, &cloud.config(&chain()), "config_error");
    }
    for (action, fault, code) in [
        (Action::AssumeRole, StsFault::Refusal(403, "AccessDenied"), "AccessDenied"),
        (Action::AssumeRole, StsFault::RegionDisabled, "RegionDisabledException"),
        (Action::AssumeRole, StsFault::ExpiredToken, "ExpiredToken"),
        (Action::AssumeRole, StsFault::InvalidClientTokenId, "InvalidClientTokenId"),
        (Action::AssumeRole, StsFault::SignatureDoesNotMatch, "SignatureDoesNotMatch"),
        (Action::AssumeRole, StsFault::Refusal(400, "ValidationError"), "ValidationError"),
    ] {
        let cloud = Cloud::new();
        cloud.sts.fail(action, fault, ALWAYS);
        assert_failed(&cloud.worker().check(&cloud.config(&role(Some(EXTERNAL_ID)))), &[code]);
    }
}

/// STS could not reach the cluster's issuer: a retry may work.
#[test]
fn an_issuer_that_sts_cannot_reach_is_transient() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "a-web-identity-of-an-issuer-that-is-away").unwrap();
    let cloud = Cloud::new();
    let connector = cloud
        .without_identity()
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap())
        .env("AWS_ROLE_ARN", POD_ROLE);
    let fault = StsFault::Refusal(400, "IDPCommunicationError");
    cloud.sts.fail(Action::AssumeRoleWithWebIdentity, fault, ALWAYS);
    let message = write_fails(&connector, &cloud.config(&chain()), "transient_error");
    assert!(message.contains("IDPCommunicationError"), "{message}");
}

#[test]
fn a_container_endpoint_that_refuses_is_not_transient() {
    let cloud = Cloud::new();
    let address = cloud.sts.serve_container(NODE_SESSION, "Bearer of-another-container");
    let connector = cloud
        .without_identity()
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer of-nobody-in-particular");
    let message = write_fails(&connector, &cloud.config(&chain()), "config_error");
    for word in ["container credentials", "HTTP 404", "pod identity association"] {
        assert!(message.contains(word), "{word} is missing in: {message}");
    }
}

/// The field is empty, as forms send it: `write` takes the variable, as `check` does.
#[test]
fn a_sync_takes_the_external_id_of_the_environment() {
    let cloud = Cloud::new();
    let connector = cloud.worker().env("AWS_ASSUME_ROLE_EXTERNAL_ID", EXTERNAL_ID);
    cloud.sync_one(&connector, &role(Some("")));
    let asked = cloud.sts.requests_for(Action::AssumeRole);
    assert!(!asked.is_empty());
    for request in asked {
        assert_eq!(request.role.as_deref(), Some(ROLE));
        assert_eq!(request.external_id.as_deref(), Some(EXTERNAL_ID));
    }
}

/// A profile that uses the role of the instance retries as often, and says the same.
#[test]
fn a_profile_with_instance_credentials_reports_the_instance() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let text = format!(
        "[default]\nrole_arn = {ROLE}\nexternal_id = {EXTERNAL_ID}\nrole_session_name = \
         of-the-profile\ncredential_source = Ec2InstanceMetadata\n"
    );
    fs::write(&file, text).unwrap();
    let cloud = Cloud::new();
    let connector = on_an_instance(&cloud).env("AWS_CONFIG_FILE", file.to_str().unwrap());
    cloud.sts.fail(Action::InstanceMetadata, StsFault::Silence, 1);
    let session = "assumed-role/lake-writer/of-the-profile";
    assert_succeeded(&connector.check(&cloud.config(&chain())), &[session]);
    cloud.sts.serve_instance_without_role();
    assert_failed(&connector.check(&cloud.config(&chain())), &["no IAM role"]);
    let fault = StsFault::Refusal(403, "AccessDenied");
    cloud.sts.serve_instance(NODE_SESSION);
    cloud.sts.fail(Action::AssumeRole, fault, ALWAYS);
    assert_failed(
        &connector.check(&cloud.config(&chain())),
        &["profile file", "AccessDenied", "trust policy"],
    );
}
