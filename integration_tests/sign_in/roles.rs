//! Signing in with a role, as STS and S3 see it and as `check` explains it.

use std::time::{Duration, Instant};

use faulty_s3::keyring::ACCESS_KEY_ID;
use serde_json::json;

use super::{
    Cloud, EXTERNAL_ID, ROLE, ROLE_SESSION, WORKER_ARN, WORKER_KEY_ID, WORKER_SECRET, WRONG_ID,
    assert_failed, assert_succeeded, role,
};
use crate::support::connector::Outcome;
use crate::support::scripted_sts::{Action, REPEATED, StsFault, Trust};
use crate::world::{BUCKET, SOON, complete, connector, cursors, failure, state, user, users};

/// How long `check` may take if there is no identity: people wait for it.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn the_role_signs_with_the_external_id_of_the_settings() {
    let cloud = Cloud::new();
    let outcome = cloud.worker().check(&cloud.config(&role(Some(EXTERNAL_ID))));
    assert_succeeded(&outcome, &[ROLE_SESSION, "111122223333", WORKER_ARN]);
    let (_, message) = outcome.connection_status();
    assert!(!message.contains("without the external id"), "{message}");

    let asked = cloud.sts.requests_for(Action::AssumeRole);
    for request in &asked {
        assert_eq!(request.role.as_deref(), Some(ROLE));
        assert_eq!(request.session.as_deref(), Some("destination-s3"));
        assert_eq!(request.signed_by.as_deref(), Some(WORKER_KEY_ID));
        assert_eq!(request.region.as_deref(), Some("us-east-1"));
    }
    let tried: Vec<_> =
        asked.iter().map(|request| (request.external_id.as_deref(), request.status)).collect();
    assert!(tried.contains(&(Some(EXTERNAL_ID), 200)), "{tried:?}");
    assert!(
        tried.contains(&(None, 403)),
        "no request tried whether the external id is demanded: {tried:?}"
    );
    assert_eq!(cloud.signer_arns(), [ROLE_SESSION]);
    assert_eq!(cloud.s3.keys(BUCKET), [""; 0]);

    let outcome = cloud.sync_one(&cloud.worker(), &role(Some(EXTERNAL_ID)));
    assert!(outcome.logs("WARN").is_empty(), "{outcome:#?}");
    assert_eq!(cloud.signer_arns(), [ROLE_SESSION]);
}

#[test]
fn the_external_id_of_the_settings_wins_over_the_variable() {
    let cases = [
        (None, Some(EXTERNAL_ID), EXTERNAL_ID, true),
        (Some(EXTERNAL_ID), Some(WRONG_ID), EXTERNAL_ID, true),
        (Some(WRONG_ID), Some(EXTERNAL_ID), WRONG_ID, false),
        // Forms send an empty string for a field that was left blank.
        (Some(""), Some(EXTERNAL_ID), EXTERNAL_ID, true),
    ];
    for (field, variable, said, works) in cases {
        let cloud = Cloud::new();
        let connector = variable.iter().fold(cloud.worker(), |connector, value| {
            connector.env("AWS_ASSUME_ROLE_EXTERNAL_ID", value)
        });
        let outcome = connector.check(&cloud.config(&role(field)));
        if works {
            assert_succeeded(&outcome, &[ROLE_SESSION]);
        } else {
            assert_failed(&outcome, &[ROLE]);
        }
        let first = cloud.sts.requests_for(Action::AssumeRole).remove(0);
        assert_eq!(first.external_id.as_deref(), Some(said), "{field:?} {variable:?}");
    }
}

#[test]
fn a_wrong_or_missing_external_id_is_explained() {
    for (external_id, words) in
        [(Some(WRONG_ID), ["trust policy", "external id"]), (None, ["trust policy", "external_id"])]
    {
        let cloud = Cloud::new();
        let outcome = cloud.worker().check(&cloud.config(&role(external_id)));
        assert_failed(
            &outcome,
            &[ROLE, WORKER_ARN, "999988887777", "sts:AssumeRole", "destination-s3 policy"],
        );
        assert_failed(&outcome, &words);
        assert_eq!(cloud.s3.requests(), [], "S3 was asked without an identity");

        let input = [user(1), state("users", 1)].concat();
        let mut session =
            cloud.worker().write(&cloud.config(&role(external_id)), &users()).input(input).start();
        // The failure comes before the source has run for hours: stdin stays open here.
        assert!(session.ends_within(SOON), "it keeps running");
        let outcome = session.finish(SOON);
        let message = crate::world::failure(&outcome, "config_error");
        for word in [ROLE, WORKER_ARN, words[0], words[1]] {
            assert!(message.contains(word), "{word} is missing in: {message}");
        }
        assert!(outcome.states().is_empty());
    }
}

#[test]
fn a_role_that_does_not_trust_the_caller_or_does_not_exist_is_explained() {
    let cloud = Cloud::new();
    let trust = Trust {
        caller: Some("arn:aws:iam::999988887777:user/other".to_owned()),
        ..Trust::demanding(EXTERNAL_ID)
    };
    cloud.sts.add_role(ROLE, trust);
    assert_failed(
        &cloud.worker().check(&cloud.config(&role(Some(EXTERNAL_ID)))),
        &[ROLE, WORKER_ARN, "trust policy", "principal"],
    );
    let mut nowhere = role(Some(EXTERNAL_ID));
    nowhere["role_arn"] = json!("arn:aws:iam::111122223333:role/nowhere");
    assert_failed(
        &cloud.worker().check(&cloud.config(&nowhere)),
        &["arn:aws:iam::111122223333:role/nowhere", WORKER_ARN, "trust policy"],
    );
}

#[test]
fn a_role_that_does_not_demand_the_external_id_is_pointed_out() {
    let cloud = Cloud::new();
    cloud.sts.add_role(ROLE, Trust::anybody());
    assert_succeeded(
        &cloud.worker().check(&cloud.config(&role(Some(EXTERNAL_ID)))),
        &[ROLE_SESSION, "without the external id", "sts:ExternalId", "trust policy"],
    );
    // Without an external id there is nothing to protect: nothing is tried, and nothing reported.
    let cloud = Cloud::new();
    cloud.sts.add_role(ROLE, Trust::anybody());
    let outcome = cloud.worker().check(&cloud.config(&role(None)));
    assert_succeeded(&outcome, &[ROLE_SESSION]);
    assert!(!outcome.connection_status().1.contains("external id"), "{outcome:#?}");
}

#[test]
fn a_role_needs_a_base_identity() {
    let cloud = Cloud::new();
    let begin = Instant::now();
    let outcome = cloud.without_identity().check(&cloud.config(&role(Some(EXTERNAL_ID))));
    assert_no_identity(&outcome);
    assert!(outcome.connection_status().1.contains("role"), "{outcome:#?}");
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    assert!(cloud.sts.requests().is_empty(), "{:?}", cloud.sts.requests());

    let input = [user(1), state("users", 1)].concat();
    let mut session = cloud
        .without_identity()
        .write(&cloud.config(&role(Some(EXTERNAL_ID))), &users())
        .input(input)
        .start();
    assert!(session.ends_within(SOON), "it keeps running");
    let outcome = session.finish(SOON);
    let message = crate::world::failure(&outcome, "config_error");
    assert!(message.contains("AWS_ACCESS_KEY_ID"), "{message}");
    assert!(outcome.states().is_empty());
}

/// Most machines have no instance metadata service: its address does not answer, or something else
/// does.
#[test]
fn a_missing_metadata_service_costs_little_time() {
    let cloud = Cloud::new();
    for endpoint in ["http://127.0.0.1:9".to_owned(), cloud.sts.endpoint()] {
        let connector = connector()
            .env("AWS_ENDPOINT_URL_STS", &cloud.sts.endpoint())
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
        for authentication in [role(Some(EXTERNAL_ID)), json!({ "auth_type": "default_chain" })] {
            let begin = Instant::now();
            assert_no_identity(&connector.check(&cloud.config(&authentication)));
            assert!(begin.elapsed() < PATIENCE, "{endpoint}: {:?}", begin.elapsed());
        }
    }
    assert_eq!(cloud.s3.requests(), []);
}

/// Asserts FAILED, with every source that was tried for an identity.
#[track_caller]
fn assert_no_identity(outcome: &Outcome) {
    assert_failed(
        outcome,
        &["AWS_ACCESS_KEY_ID", "profile file", "web identity", "container", "instance metadata"],
    );
}

/// What STS says about the signing key, and about itself.
#[test]
fn what_sts_refuses_is_explained() {
    let cases = [
        (StsFault::RegionDisabled, vec!["us-east-1", "not active", "IAM"]),
        (StsFault::InvalidClientTokenId, vec!["not known to AWS", "worker"]),
        (StsFault::ExpiredToken, vec!["expired", "worker"]),
        (StsFault::SignatureDoesNotMatch, vec!["secret", "worker"]),
        (StsFault::InternalFailure, vec!["STS", "later"]),
        (StsFault::Throttling, vec!["STS", "later"]),
        (StsFault::Page, vec!["STS", "later"]),
        (StsFault::SignatureExpired, vec!["clock"]),
    ];
    for (fault, words) in cases {
        let cloud = Cloud::new();
        for action in [Action::AssumeRole, Action::GetCallerIdentity] {
            cloud.sts.fail(action, fault, 100);
        }
        let begin = Instant::now();
        assert_failed(&cloud.worker().check(&cloud.config(&role(Some(EXTERNAL_ID)))), &words);
        assert!(begin.elapsed() < PATIENCE, "{fault:?}: {:?}", begin.elapsed());
        assert_eq!(cloud.s3.requests(), [], "{fault:?}");
    }
    for (fault, words) in [
        (StsFault::Portal, "is not AWS STS"),
        (StsFault::ForbiddenPage, "is not AWS STS"),
        (StsFault::NoAnswer, "cannot be reached"),
    ] {
        let cloud = Cloud::new();
        for action in [Action::AssumeRole, Action::GetCallerIdentity] {
            cloud.sts.fail(action, fault, 100);
        }
        let words = ["STS", &cloud.sts.endpoint(), words];
        assert_failed(&cloud.worker().check(&cloud.config(&role(Some(EXTERNAL_ID)))), &words);
    }
}

#[test]
fn a_wrong_secret_is_distinguished_from_an_unknown_key() {
    let cloud = Cloud::new();
    let keys = |id: &str, secret: &str| {
        cloud.without_identity().env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret)
    };
    let config = cloud.config(&role(Some(EXTERNAL_ID)));
    assert_failed(
        &keys(WORKER_KEY_ID, "somebody/elses+secret").check(&config),
        &["secret", "environment"],
    );
    assert_failed(
        &keys("AKIANOBODYKNOWSTHIS0", WORKER_SECRET).check(&config),
        &["not known", "environment"],
    );
}

#[test]
fn a_short_failure_of_sts_is_retried() {
    for fault in
        [StsFault::InternalFailure, StsFault::Throttling, StsFault::Page, StsFault::NoAnswer]
    {
        let cloud = Cloud::new();
        cloud.sts.fail(Action::AssumeRole, fault, 2);
        let outcome = cloud.worker().check(&cloud.config(&role(Some(EXTERNAL_ID))));
        assert_succeeded(&outcome, &[ROLE_SESSION]);
        cloud.sts.fail(Action::AssumeRole, fault, 2);
        cloud.sync_one(&cloud.worker(), &role(Some(EXTERNAL_ID)));
    }
}

/// A source that stops early and a role that is denied: the message tells the user what the user
/// can fix, and not that something was published.
#[test]
fn a_denied_role_is_not_hidden_by_a_source_that_did_not_finish() {
    let cloud = Cloud::new();
    let config = cloud.config(&role(Some("not-the-right-one")));
    let outcome = cloud.worker().write(&config, &users()).input(user(1) + &state("users", 1)).run();
    let message = failure(&outcome, "config_error");
    assert!(message.contains("may not assume the role"), "{message}");
    assert_eq!(cursors(&outcome), [0; 0]);
}

/// AWS repeats invalid parameters; what it repeats is nowhere in our messages, internal ones
/// included.
#[test]
fn what_sts_repeats_is_not_shown() {
    let cloud = Cloud::new();
    for action in [Action::AssumeRole, Action::GetCallerIdentity] {
        cloud.sts.fail(action, StsFault::Repeats, 100);
    }
    let outcome = cloud.worker().check(&cloud.config(&role(Some(EXTERNAL_ID))));
    assert_failed(&outcome, &["check role_arn and external_id"]);
    let input = [user(1), state("users", 1), complete("users")].concat();
    let config = cloud.config(&role(Some(EXTERNAL_ID)));
    let failed = cloud.worker().write(&config, &users()).input(input).run();
    assert!(
        failed.code() == Some(1) && format!("{failed:?}").contains("ValidationError"),
        "{failed:#?}"
    );
    for outcome in [outcome, failed] {
        assert!(!format!("{outcome:?}").contains(REPEATED), "{outcome:#?}");
    }
}

/// With a key in the settings S3 works without STS: only the key's owner cannot be named then.
#[test]
fn an_identity_that_cannot_be_looked_up_is_a_note() {
    let cloud = Cloud::new();
    let config = cloud.s3.config(BUCKET);
    assert_succeeded(
        &cloud.without_identity().check(&config),
        &["arn:aws:iam::111122223333:user/embedded", "111122223333"],
    );
    for fault in
        [StsFault::RegionDisabled, StsFault::InternalFailure, StsFault::Portal, StsFault::NoAnswer]
    {
        cloud.sts.heal();
        cloud.sts.fail(Action::GetCallerIdentity, fault, 100);
        let outcome = cloud.without_identity().check(&config);
        assert_succeeded(&outcome, &["could not be determined"]);
    }
    assert_eq!(cloud.signers(), [ACCESS_KEY_ID]);
}
