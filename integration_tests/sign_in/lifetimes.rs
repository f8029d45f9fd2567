//! Syncs that outlive their credentials. S3 refuses every expired key, and the server records that
//! it did.

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::chain::{POD_SESSION, in_a_container};
use crate::sign_in::{Cloud, EXTERNAL_ID, ROLE_SESSION, WORKER_ARN, role};
use crate::support::connector::{Outcome, Session};
use crate::support::faulty_s3::Operation;
use crate::support::read_back;
use crate::support::scripted_sts::{Action, StsFault};
use crate::world::{BUCKET, SOON, complete, cursor, noise, record, state, user, users};

/// Short, and yet far longer than any request takes from its signature to its arrival.
const LIFETIME: Duration = Duration::from_secs(8);
/// The pause between two rows of a slow source.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a slow source sends rows at most.
const LONGEST: Duration = Duration::from_secs(120);

/// A sync whose rows come one by one; each is acknowledged before the next one is sent.
struct SlowSync<'a> {
    cloud: &'a Cloud,
    session: Session,
    rows: u32,
}

impl<'a> SlowSync<'a> {
    fn start(cloud: &'a Cloud, authentication: &Value) -> Self {
        let session = cloud.worker().write(&cloud.config(authentication), &users()).start();
        Self { cloud, session, rows: 0 }
    }

    /// Sends one more row and waits until it is acknowledged.
    fn row(&mut self) {
        self.rows += 1;
        self.session.send(user(self.rows) + &state("users", self.rows));
        assert_eq!(cursor(&self.session.wait_for_state(SOON)), u64::from(self.rows));
    }

    /// Sends rows until `enough`.
    fn rows_until(&mut self, what: &str, enough: impl Fn(&Cloud) -> bool) {
        let begin = Instant::now();
        while !enough(self.cloud) {
            assert!(begin.elapsed() < LONGEST, "{what}: not within {LONGEST:?}");
            self.row();
            std::thread::sleep(PAUSE);
        }
        self.row();
    }

    /// Waits for the connector to end without waiting for the source, which could run for hours.
    fn ends_by_itself(mut self) -> Outcome {
        assert!(self.session.ends_within(LONGEST), "it keeps running");
        self.session.finish(SOON)
    }

    /// Ends the input and asserts that every row is there once.
    fn finish(mut self) {
        self.session.send(complete("users"));
        self.session.finish(SOON).expect_success();
        let objects = self.cloud.s3.objects(BUCKET);
        let rows = objects.values().flat_map(|content| read_back::jsonl(content));
        let mut ids: Vec<u32> = rows.map(|row| row.get("id").unwrap().parse().unwrap()).collect();
        ids.sort_unstable();
        assert!(
            ids.iter().copied().eq(1..=self.rows),
            "{} rows were sent, but {ids:?} are stored",
            self.rows
        );
    }
}

/// Returns how many keys signed the requests to S3.
fn keys_used(cloud: &Cloud) -> usize {
    cloud.signers().len()
}

/// Returns how many requests S3 refused because of their key.
fn refused(cloud: &Cloud) -> usize {
    cloud.s3.requests().iter().filter(|request| [400, 401, 403].contains(&request.status)).count()
}

#[test]
fn a_sync_of_three_lifetimes_without_one_refused_request() {
    let cloud = Cloud::new();
    cloud.sts.set_lifetime(LIFETIME);
    let begin = SystemTime::now();
    let mut sync = SlowSync::start(&cloud, &role(Some(EXTERNAL_ID)));
    sync.rows_until("three lifetimes", |_| begin.elapsed().unwrap() > 3 * LIFETIME);
    assert!(sync.rows > 30, "{} rows", sync.rows);
    sync.finish();

    let requests = cloud.s3.requests();
    // HEAD of a free key is 404.
    let bad: Vec<_> = requests
        .iter()
        .filter(|request| {
            !(request.status == 200
                || request.operation == Operation::Head && request.status == 404)
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(cloud.signer_arns(), [ROLE_SESSION]);
    let assumed = cloud.sts.requests_for(Action::AssumeRole);
    assert!(assumed.len() >= 3, "{assumed:#?}");
    assert!(assumed.len() <= 8, "assumed far more often than there were lifetimes: {assumed:#?}");
    assert!(
        assumed.iter().all(|request| request.external_id.as_deref() == Some(EXTERNAL_ID)),
        "{assumed:#?}"
    );
    assert_eq!(keys_used(&cloud), assumed.len());
    // Each key was renewed before it expired.
    let ends = cloud.signers().into_iter().map(|id| cloud.keys.key(&id).unwrap().expires.unwrap());
    for (ends, next) in ends.zip(&assumed[1..]) {
        assert!(
            next.at < ends - Duration::from_secs(1),
            "renewed at {:?} and ended at {ends:?}",
            next.at
        );
    }
    // The first key has expired by now: S3 would have refused it.
    let first = cloud.keys.key(&requests[0].signed_by).unwrap();
    assert!(first.expires.unwrap() < SystemTime::now());
}

/// A multipart upload that three keys sign.
#[test]
fn an_upload_outlives_its_credentials() {
    let cloud = Cloud::new();
    cloud.sts.set_lifetime(LIFETIME);
    let mut config = cloud.config(&role(Some(EXTERNAL_ID)));
    config["checkpoint_interval_seconds"] = 3600.into();
    let mut session = cloud.worker().write(&config, &users()).start();
    let signers_of_parts = || {
        let requests = cloud.s3.requests();
        let mut signers: Vec<_> = requests
            .into_iter()
            .filter(|request| request.operation == Operation::Part && request.done)
            .map(|request| request.signed_by)
            .collect();
        let parts = signers.len();
        signers.dedup();
        signers.sort();
        signers.dedup();
        (parts, signers.len())
    };
    let begin = Instant::now();
    let mut rows = 0;
    while signers_of_parts().1 < 3 {
        assert!(begin.elapsed() < LONGEST, "{:?} parts and keys", signers_of_parts());
        // One more part, and no further rows before it has arrived.
        let before = signers_of_parts().0;
        while signers_of_parts().0 == before {
            assert!(begin.elapsed() < LONGEST, "{before} parts");
            if session.pending_input() == 0 {
                rows += 1;
                session.send(record(
                    "users",
                    &format!("{{\"id\":{rows},\"pad\":\"{}\"}}", noise(rows, 1 << 20)),
                ));
            }
            std::thread::sleep(PAUSE);
        }
    }
    session.send(state("users", 1) + &complete("users"));
    session.finish(LONGEST).expect_success();

    let objects = cloud.s3.objects(BUCKET);
    let (_, content) = objects.first_key_value().unwrap();
    assert_eq!(objects.len(), 1, "{:?}", objects.keys());
    let stored: Vec<u64> = read_back::jsonl(content)
        .iter()
        .map(|row| row.get("id").unwrap().parse().unwrap())
        .collect();
    assert!(
        stored.iter().copied().eq(1..=rows),
        "{rows} rows were sent, but {stored:?} are stored"
    );
    assert_eq!(refused(&cloud), 0, "{:#?}", cloud.s3.requests());
    assert_eq!(cloud.s3.open_uploads(), 0);
}

/// S3 decides when a key has expired, whatever was promised when it was issued.
#[test]
fn revoked_credentials_are_renewed() {
    let cloud = Cloud::new();
    let mut sync = SlowSync::start(&cloud, &role(Some(EXTERNAL_ID)));
    sync.row();
    for round in 2..=4 {
        cloud.keys.revoke(&cloud.s3.requests().last().unwrap().signed_by);
        sync.row();
        assert_eq!(cloud.sts.requests_for(Action::AssumeRole).len(), round);
        sync.row();
    }
    // A refused HEAD has no document, so a second request may ask for the reason.
    assert!((3..=6).contains(&refused(&cloud)), "{:#?}", cloud.s3.requests());
    sync.finish();
    assert_eq!(keys_used(&cloud), 4);
}

#[test]
fn container_credentials_are_renewed() {
    let cloud = Cloud::new();
    let connector = in_a_container(&cloud);
    let config = cloud.config(&serde_json::json!({ "auth_type": "default_chain" }));
    let session = connector.write(&config, &users()).start();
    let mut sync = SlowSync { cloud: &cloud, session, rows: 0 };
    sync.row();
    for _ in 0..2 {
        cloud.keys.revoke(&cloud.s3.requests().last().unwrap().signed_by);
        sync.row();
    }
    sync.finish();
    assert_eq!(keys_used(&cloud), 3);
    assert_eq!(cloud.signer_arns(), [POD_SESSION]);
}

/// The base identity expires as well: the role is assumed again with a new one.
#[test]
fn a_base_identity_that_ends_is_renewed() {
    let cloud = Cloud::new();
    let connector = in_a_container(&cloud);
    let session = connector.write(&cloud.config(&role(Some(EXTERNAL_ID))), &users()).start();
    let mut sync = SlowSync { cloud: &cloud, session, rows: 0 };
    sync.row();
    let base = cloud.sts.requests_for(Action::AssumeRole)[0].signed_by.clone().unwrap();
    cloud.keys.revoke(&base);
    cloud.keys.revoke(&cloud.s3.requests().last().unwrap().signed_by);
    sync.row();
    sync.finish();
    let assumed = cloud.sts.requests_for(Action::AssumeRole);
    let last = assumed.last().unwrap();
    assert_eq!(last.status, 200, "{assumed:#?}");
    assert_ne!(last.signed_by.as_deref(), Some(&*base));
    assert_eq!(cloud.signer_arns(), [ROLE_SESSION]);
}

/// While STS is away, the existing credentials are used until they expire; then STS is back, and
/// the sync is not disturbed.
#[test]
fn a_short_absence_of_sts_does_not_disturb_a_sync() {
    let cloud = Cloud::new();
    // A quarter of the lifetime is left when renewal is due: longer than all attempts of one
    // request take together.
    cloud.sts.set_lifetime(4 * LIFETIME);
    let mut sync = SlowSync::start(&cloud, &role(Some(EXTERNAL_ID)));
    sync.row();
    cloud.sts.fail(Action::AssumeRole, StsFault::InternalFailure, 10_000);
    let asked_in_vain = |cloud: &Cloud| {
        cloud
            .sts
            .requests_for(Action::AssumeRole)
            .iter()
            .filter(|request| request.status == 500)
            .count()
    };
    sync.rows_until("STS is asked in vain", |cloud| asked_in_vain(cloud) >= 4);
    // The row that triggered the renewal went on with the existing key.
    assert_eq!(keys_used(&cloud), 1);
    cloud.sts.heal();
    sync.rows_until("another key", |cloud| keys_used(cloud) == 2);
    sync.finish();
    assert_eq!(refused(&cloud), 0, "{:#?}", cloud.s3.requests());
}

/// STS stays away until the credentials have expired: the sync ends with a message that says so,
/// and what was acknowledged is there.
#[test]
fn a_long_absence_of_sts_ends_a_sync_with_an_explanation() {
    let cloud = Cloud::new();
    let mut sync = SlowSync::start(&cloud, &role(Some(EXTERNAL_ID)));
    sync.row();
    sync.row();
    cloud.sts.fail(Action::AssumeRole, StsFault::InternalFailure, 10_000);
    cloud.keys.revoke(&cloud.s3.requests().last().unwrap().signed_by);
    sync.session.send(user(3) + &state("users", 3));
    let outcome = sync.ends_by_itself();
    let message = crate::world::failure(&outcome, "transient_error");
    assert!(message.contains("STS"), "{message}");
    assert_eq!(crate::world::cursors(&outcome), [1, 2]);
    assert_eq!(cloud.s3.keys(BUCKET).len(), 2);
}

/// The role's trust policy changes during the sync: a person must act, and the message says so.
#[test]
fn a_role_revoked_during_a_sync_is_explained() {
    let cloud = Cloud::new();
    let mut sync = SlowSync::start(&cloud, &role(Some(EXTERNAL_ID)));
    sync.row();
    cloud.sts.add_role(
        crate::sign_in::ROLE,
        crate::support::scripted_sts::Trust::demanding("another-one"),
    );
    cloud.keys.revoke(&cloud.s3.requests().last().unwrap().signed_by);
    sync.session.send(user(2) + &state("users", 2));
    let outcome = sync.ends_by_itself();
    let message = crate::world::failure(&outcome, "config_error");
    for word in [crate::sign_in::ROLE, WORKER_ARN, "trust policy"] {
        assert!(message.contains(word), "{word} is missing in: {message}");
    }
    assert_eq!(crate::world::cursors(&outcome), [1]);
}
