//! `check`: whether a sync with these settings would sign in, and get its objects into the bucket
//! and back.
//!
//! A [`CheckTarget`], a [`Session`], the store's settings, the instant and a random id -> a
//! [`Report`], or the [`CheckError`] that becomes the message of a FAILED status.
//!
//! | step | file | a failure |
//! |---|---|---|
//! | keys | `place` | fails |
//! | credentials, the role | here, `sign_in` | fails |
//! | who that is | here, `sign_in` | a note, unless the key itself is refused: STS may be out of reach where S3 is not |
//! | the role without the external id | here, `sign_in` | a note if it works |
//! | region | here, `store` | fails; a note where it was found in spite of a denial |
//! | all that a sync does | `probe` | fails, or a note where some syncs need it and others do not |
//!
//! Invariants
//! - Each failure has its own sentence, which says what to change and where.
//! - The bucket is left as it was, or the message names what is left.
//!
//! Not here: reading the settings (`config`), printing the status (`verb`).
//! May import: `error`, `key`, `model`, `sign_in`, `store`.

mod advice;
mod error;
mod place;
mod probe;
mod report;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

pub use error::CheckError;
pub use report::Report;

use self::advice::denial;
use self::place::ProbeKeys;
use self::probe::{ProbeFailure, ProbeFindings, probe};
use crate::aws::sign_in::{Identity, Session, SignInError, SignInErrorKind};
use crate::key::KeyTemplate;
use crate::store::{FoundRegion, S3Store, StoreError, StoreErrorKind, StoreSettings};

/// Attempts of each request: somebody waits for the answer, and four are 7 s of waiting at most.
const ATTEMPTS: u32 = 4;

/// What of the configuration decides where objects go.
#[derive(Clone, Copy, Debug)]
pub struct CheckTarget<'a> {
    /// The user's key template.
    pub template: &'a KeyTemplate,
    /// The format's extension, without a leading dot.
    pub extension: &'static str,
    /// The zone of all time macros.
    pub timezone: Tz,
    /// See [`ids::connection_id`](crate::key::ids::connection_id).
    pub connection_id: &'a str,
}

/// Does once what a sync does. `settings.region` is where the bucket is looked for first, or, if
/// `region_is_known`, where it is. `random` must be new for every call.
///
/// # Errors
/// [`CheckError`]: its text is the message of the FAILED status.
pub async fn check(
    target: &CheckTarget<'_>,
    session: &Session,
    settings: StoreSettings,
    region_is_known: bool,
    now: DateTime<Utc>,
    random: Uuid,
) -> Result<Report, CheckError> {
    let keys = ProbeKeys::new(target, now, random)?;
    let prefix = target.template.literal_prefix();
    let mut report = Report::default();
    sign_in(session, settings.head_before_put, &mut report).await?;
    let settings = if region_is_known { settings } else { located(settings, &mut report).await? };
    let store = S3Store::new(&settings).with_short_timeouts(ATTEMPTS);
    let (findings, result) = probe(&store, &keys, random).await;
    let ProbeFindings { undeletable, ignores_guard, hides_missing, left } = findings;
    if let Err(trouble) = result {
        let error = explained(trouble, &settings, report.signer.as_ref(), &prefix).await;
        if left.is_empty() {
            return Err(error);
        }
        return Err(CheckError::LeftBehind {
            error: Box::new(error),
            bucket: settings.bucket,
            keys: left,
        });
    }
    if let Some(error) = undeletable {
        report.undeletable(&error, &left);
    }
    if hides_missing {
        report.hides_missing();
    }
    if ignores_guard {
        report.ignores_guard();
    }
    Ok(report)
}

async fn sign_in(
    session: &Session,
    is_s3_compatible: bool,
    report: &mut Report,
) -> Result<(), CheckError> {
    let assumption = session.verify().await?;
    match session.caller().await {
        Ok(caller) => report.caller = caller,
        // The key of another store is none of AWS's.
        Err(SignInError {
            kind: SignInErrorKind::KeyRefused { from_settings: true, .. }, ..
        }) if is_s3_compatible => {}
        Err(error) if matches!(error.kind, SignInErrorKind::KeyRefused { .. }) => {
            return Err(error.into());
        }
        Err(error) => report.unknown_caller(&error),
    }
    report.signer = report.caller.clone();
    if let Some(assumption) = assumption {
        if assumption.is_assumable_without_external_id().await == Some(true) {
            report.open_role();
        }
        report.signer = Some(assumption.identity);
    }
    Ok(())
}

/// The settings with the bucket's own region.
async fn located(
    settings: StoreSettings,
    report: &mut Report,
) -> Result<StoreSettings, CheckError> {
    match S3Store::new(&settings).with_short_timeouts(ATTEMPTS).find_region().await {
        Ok(FoundRegion { region, denied }) => {
            match denied {
                Some(error) => report.region_in_spite_of(&error, &region),
                None => report.found_region = Some(region.clone()),
            }
            Ok(StoreSettings { region, ..settings })
        }
        Err(error) => Err(explained(error.into(), &settings, report.signer.as_ref(), "").await),
    }
}

/// The error for what went wrong, with all that can be found out about it.
async fn explained(
    trouble: ProbeFailure,
    settings: &StoreSettings,
    who: Option<&Identity>,
    prefix: &str,
) -> CheckError {
    let bucket = || settings.bucket.clone();
    let error = match trouble {
        ProbeFailure::Altered { key, is_missing: true } => {
            return CheckError::Vanished { bucket: bucket(), key };
        }
        ProbeFailure::Altered { key, is_missing: false } => {
            return CheckError::Altered { bucket: bucket(), key };
        }
        ProbeFailure::Unmarked { key, written } => {
            return CheckError::MetadataLost {
                bucket: bucket(),
                key,
                written: written.to_string(),
            };
        }
        ProbeFailure::Store(error) => error,
    };
    match &error.kind {
        StoreErrorKind::AccessDenied
            if let Some(expected) = &settings.bucket_owner
                && is_open_without_owner(settings, &error).await =>
        {
            return CheckError::Owner { bucket: bucket(), expected: expected.clone() };
        }
        StoreErrorKind::WrongRegion { expected: None } => {
            if let Ok(found) = S3Store::new(settings).with_short_timeouts(1).find_region().await
                && found.region != settings.region
            {
                return error.in_region(found.region).into();
            }
        }
        _ => {}
    }
    match denial(&error, who, prefix) {
        Some(sentence) => CheckError::Denied { sentence, error },
        None => error.into(),
    }
}

/// S3 does not say why it denies. If the same request passes without the account in it, that was
/// the reason.
async fn is_open_without_owner(settings: &StoreSettings, error: &StoreError) -> bool {
    let asked = StoreSettings { bucket_owner: None, ..settings.clone() };
    S3Store::new(&asked).with_short_timeouts(1).all_keys(error.key()).next().await.is_ok()
}

#[cfg(test)]
mod tests;
