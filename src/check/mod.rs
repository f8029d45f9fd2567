//! The connection check: tries whether a sync with these settings could sign in and write to the
//! bucket.
//!
//! A [`ConnectionCheck`] -> a [`Report`], or the [`CheckError`] that becomes the message of a
//! FAILED status.
//!
//! | step | file | if it fails |
//! |---|---|---|
//! | make the keys | `probe_keys` | the check fails |
//! | obtain credentials, assume the role | here, `sign_in` | the check fails |
//! | ask who signs | here, `sign_in` | a note: S3 can be reachable where STS is not. The check fails if the key itself is refused |
//! | assume the role without the external id | here, `sign_in` | nothing; a note if it works |
//! | find the region | here, `store` | the check fails; a note if the region was found despite a denial |
//! | do all that a sync does | `probe` | the check fails, or a note if only some syncs need it |
//!
//! Invariants
//! - Each failure has its own sentence, which says what to change and where.
//! - The bucket is left as it was, or the message names what is left behind.
//!
//! Not here: reading the settings (`config`), printing the status (`verb`).

mod denial;
mod error;
mod probe;
mod probe_keys;
mod report;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

pub(crate) use error::CheckError;
pub(crate) use report::Report;

use self::denial::denial;
use self::probe::{ProbeFailure, ProbeFindings, probe};
use self::probe_keys::ProbeKeys;
use crate::aws::sign_in::{Identity, Session, SignInError, SignInErrorKind};
use crate::key::KeyTemplate;
use crate::store::{FoundRegion, S3Store, StoreError, StoreErrorKind, StoreSettings};

/// Attempts per request. A user waits for the answer; four attempts take 7 s of waiting at most.
const ATTEMPTS: u32 = 4;

/// The settings that decide where objects go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckTarget<'a> {
    /// The user's key template.
    pub template: &'a KeyTemplate,
    /// The format's extension, without a leading dot.
    pub extension: &'static str,
    /// The zone of all time macros.
    pub timezone: Tz,
    /// See [`ids::connection_id`](crate::key::ids::connection_id).
    pub connection_id: &'a str,
}

/// What a check needs.
#[derive(Debug)]
pub(crate) struct ConnectionCheck<'a> {
    /// Where objects go.
    pub target: CheckTarget<'a>,
    /// The identity that signs.
    pub session: &'a Session,
    /// The store. `settings.region` is the bucket's region, or a first guess.
    pub settings: StoreSettings,
    /// Whether `settings.region` is the bucket's region.
    pub region_is_known: bool,
    /// The time in keys.
    pub now: DateTime<Utc>,
    /// Random, and new for every check: part of every probe's key.
    pub random: Uuid,
}

/// Does once what a sync does.
///
/// # Errors
/// [`CheckError`]: its text is the message of the FAILED status.
pub(crate) async fn check(check: ConnectionCheck<'_>) -> Result<Report, CheckError> {
    let ConnectionCheck { target, session, settings, region_is_known, now, random } = check;
    let keys = ProbeKeys::new(&target, now, random)?;
    let prefix = target.template.literal_prefix();
    let mut report = Report::default();
    sign_in(session, settings.head_before_put, &mut report).await?;
    let settings =
        if region_is_known { settings } else { with_bucket_region(settings, &mut report).await? };
    let store = S3Store::new(&settings).with_short_timeouts(ATTEMPTS);
    let (findings, result) = probe(&store, &keys, random).await;
    let ProbeFindings { delete_denied, ignores_if_none_match, missing_key_denied, left_behind } =
        findings;
    if let Err(failure) = result {
        let error = explain(failure, &settings, report.signer.as_ref(), &prefix).await;
        if left_behind.is_empty() {
            return Err(error);
        }
        return Err(CheckError::LeftBehind {
            error: Box::new(error),
            bucket: settings.bucket,
            keys: left_behind,
        });
    }
    if let Some(error) = delete_denied {
        report.delete_denied(&error, &left_behind);
    }
    if missing_key_denied {
        report.missing_key_denied();
    }
    if ignores_if_none_match {
        report.ignores_if_none_match();
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
        // AWS does not know the keys of other stores.
        Err(SignInError {
            kind: SignInErrorKind::KeyRefused { from_settings: true, .. }, ..
        }) if is_s3_compatible => {}
        Err(error) if matches!(error.kind, SignInErrorKind::KeyRefused { .. }) => {
            return Err(error.into());
        }
        Err(error) => report.caller_unknown(&error),
    }
    report.signer = report.caller.clone();
    if let Some(assumption) = assumption {
        if assumption.is_assumable_without_external_id().await == Some(true) {
            report.role_open_without_external_id();
        }
        report.signer = Some(assumption.identity);
    }
    Ok(())
}

/// Asks the store for the bucket's region and puts it into the settings.
async fn with_bucket_region(
    settings: StoreSettings,
    report: &mut Report,
) -> Result<StoreSettings, CheckError> {
    match S3Store::new(&settings).with_short_timeouts(ATTEMPTS).find_region().await {
        Ok(FoundRegion { region, denied }) => {
            match denied {
                Some(error) => report.region_found_despite_denial(&error, &region),
                None => report.found_region = Some(region.clone()),
            }
            Ok(StoreSettings { region, ..settings })
        }
        Err(error) => Err(explain(error.into(), &settings, report.signer.as_ref(), "").await),
    }
}

/// Finds out more about a failure, to name its cause: whether the bucket has another owner, or is
/// in another region.
async fn explain(
    failure: ProbeFailure,
    settings: &StoreSettings,
    who: Option<&Identity>,
    prefix: &str,
) -> CheckError {
    let bucket = || settings.bucket.clone();
    let error = match failure {
        ProbeFailure::Altered { key, is_missing: true } => {
            return CheckError::Vanished { bucket: bucket(), key };
        }
        ProbeFailure::Altered { key, is_missing: false } => {
            return CheckError::Altered { bucket: bucket(), key };
        }
        ProbeFailure::MetadataLost { key, written } => {
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

/// Whether a denied request succeeds without the expected owner. S3 does not say why it denies a
/// request, but if it allows this one, the owner was the reason.
async fn is_open_without_owner(settings: &StoreSettings, error: &StoreError) -> bool {
    let asked = StoreSettings { bucket_owner: None, ..settings.clone() };
    S3Store::new(&asked).with_short_timeouts(1).all_keys(error.key()).next().await.is_ok()
}

#[cfg(test)]
mod tests;
