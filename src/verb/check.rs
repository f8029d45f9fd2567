//! `check`: whether a sync with this configuration would get its objects into the bucket and back.
//!
//! [`CheckTarget`], a store, the instant and a random id -> nothing, or the [`CheckError`] that becomes the message of
//! a FAILED status.
//!
//! What a sync does is done once, on an object of our own: list, put, get and compare, delete. The listing comes first
//! because some stores take a put to a bucket that does not exist. HeadBucket is not used: it asks for a right of its
//! own on some stores.
//!
//! Invariants
//! - The probe lies where the template leads: it shares folder, beginning and extension with the key of a stream, so that
//!   a policy for a part of the bucket is really tested. A random id in its name keeps it apart from all data.
//! - The probe is deleted whatever came of reading it. Where that fails, the message says so and names it.
//!
//! Not here: reading the configuration (`config`), printing the status (`protocol`).
//! May import: `error`, `key`, `model`, `store`.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::error::{Classified, FailureType};
use crate::key::{FileValues, KeyError, KeyTemplate, MAX_KEY_BYTES, RunValues, StreamValues, ids};
use crate::model::StreamDescriptor;
use crate::store::{Effect, ObjectInfo, S3Store, StoreError};

/// The name of the stream that the probe seems to come from.
const PROBE_STREAM: &str = "airbyte_connection_check";

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
    /// See [`ids::connection_id`].
    pub connection_id: &'a str,
}

/// Why a sync would fail.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The template makes no usable key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A request failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was read back is not what was written.
    #[error(
        "the object \"{key}\" in bucket \"{bucket}\" was read back with other bytes than were written: look for a \
         proxy or a store that alters objects"
    )]
    Altered {
        /// The bucket.
        bucket: String,
        /// The probe's key.
        key: String,
    },
    /// The check failed and could not clean up after itself, or that was all that failed.
    #[error("{error}; the probe object \"{key}\" was left in bucket \"{bucket}\": delete it by hand")]
    LeftBehind {
        /// What went wrong first.
        #[source]
        error: Box<CheckError>,
        /// The bucket.
        bucket: String,
        /// The probe's key.
        key: String,
    },
}

impl Classified for CheckError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Key(error) => error.failure_type(),
            Self::Store(error) => error.failure_type(),
            Self::Altered { .. } => FailureType::Config,
            Self::LeftBehind { error, .. } => error.failure_type(),
        }
    }
}

/// Writes, reads and deletes one small object where a stream's objects would go. `random` must be new for every call.
///
/// # Errors
/// [`CheckError`]: its text is the message of the FAILED status.
pub async fn check(
    target: &CheckTarget<'_>,
    store: &S3Store,
    now: DateTime<Utc>,
    random: Uuid,
) -> Result<(), CheckError> {
    let store = &store.with_attempts(ATTEMPTS);
    let key = probe_key(target, now, random)?;
    // The probe's own name as the prefix: the listing of a folder that holds a million objects would take minutes.
    store.list_keys(&key).await?;
    let body =
        Bytes::from(format!("written by the connection check of destination-s3, may be deleted\n{random}\n"));
    let object =
        ObjectInfo { content_type: "text/plain; charset=utf-8", token: random, metadata: Vec::new() };
    let outcome = match store.put(&key, body.clone(), &object).await {
        Err(error) if error.effect == Effect::NotApplied => return Err(error.into()),
        Err(error) => Err(error.into()),
        Ok(()) => read_back(store, &key, &body).await,
    };
    match (outcome, store.delete(&key).await) {
        (outcome, Ok(())) => outcome,
        (outcome, Err(undeleted)) => Err(CheckError::LeftBehind {
            error: Box::new(outcome.err().unwrap_or(CheckError::Store(undeleted))),
            bucket: store.bucket().to_owned(),
            key,
        }),
    }
}

async fn read_back(store: &S3Store, key: &str, written: &Bytes) -> Result<(), CheckError> {
    if store.get(key).await? == written {
        Ok(())
    } else {
        Err(CheckError::Altered { bucket: store.bucket().to_owned(), key: key.to_owned() })
    }
}

/// The key of the probe stream's first file with `random` before its extension.
fn probe_key(target: &CheckTarget<'_>, now: DateTime<Utc>, random: Uuid) -> Result<String, KeyError> {
    let descriptor = StreamDescriptor::new(None, PROBE_STREAM);
    let connection_run_id = ids::connection_run_id(target.connection_id, None, random);
    let stream_id = ids::stream_id(target.connection_id, &descriptor);
    let run = RunValues {
        extension: target.extension,
        started_at: now.with_timezone(&target.timezone),
        connection_id: target.connection_id.to_owned(),
        connection_run_id,
        sync_id: 0,
    };
    let stream = StreamValues {
        descriptor,
        stream_id,
        stream_run_id: ids::stream_run_id(connection_run_id, stream_id),
        generation_id: None,
    };
    let file = FileValues { cursor: None, uuid: random };
    let key = target.template.stem(&run, &stream, &file)?.key(0);

    let (folder, name) = match key.rfind('/') {
        Some(slash) => key.split_at(slash + 1),
        None => ("", key.as_str()),
    };
    let dotted = format!(".{}", target.extension);
    let (beginning, extension) = match name.strip_suffix(&dotted) {
        Some(beginning) => (beginning, dotted.as_str()),
        None => (name, ""),
    };
    let probe = format!("{folder}{beginning}_{random}{extension}");
    // A key near S3's limit has no room for the id: then the id is the whole name.
    Ok(if probe.len() <= MAX_KEY_BYTES { probe } else { format!("{folder}{random}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;
    use crate::store::testing::{Embedded, Reply, Scripted};
    use crate::store::{StoreErrorKind, StoreSettings};

    const RANDOM: Uuid = Uuid::from_u128(7);
    const ID: &str = "00000000-0000-0000-0000-000000000007";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_744_629_825, 0).unwrap()
    }

    fn target(template: &KeyTemplate) -> CheckTarget<'_> {
        let connection_id = "f52c7268-2359-567a-f5e8-83c536cb4de8";
        CheckTarget { template, extension: "csv.gz", timezone: Tz::UTC, connection_id }
    }

    async fn check_with(template: &str, store: &S3Store) -> Result<(), CheckError> {
        let template = KeyTemplate::parse(template).unwrap();
        check(&target(&template), store, now(), RANDOM).await
    }

    #[test]
    fn the_probe_lies_where_the_template_leads() {
        let table = [
            ("in/{stream_name}/{iso_date}.{extension}", format!("in/{PROBE_STREAM}/2025-04-14_{ID}.csv.gz")),
            ("{namespace}/x-{stream_name}.{extension}", format!("x-{PROBE_STREAM}_{ID}.csv.gz")),
            ("a/{stream_name}", format!("a/{PROBE_STREAM}_{ID}")),
            ("{stream_name}/{part}.{extension}", format!("{PROBE_STREAM}/0_{ID}.csv.gz")),
        ];
        for (template, expected) in table {
            let template = KeyTemplate::parse(template).unwrap();
            assert_eq!(probe_key(&target(&template), now(), RANDOM).unwrap(), expected);
        }
        let long = KeyTemplate::parse(&format!("a/{{stream_name}}{}", "x".repeat(970))).unwrap();
        assert_eq!(probe_key(&target(&long), now(), RANDOM).unwrap(), format!("a/{ID}"));
    }

    #[tokio::test]
    async fn a_good_bucket_passes_and_is_left_as_it_was() {
        let server = Embedded::start().await;
        check_with("out/{stream_name}.{extension}", &server.store()).await.unwrap();
        assert_eq!(server.store().list_keys("out/").await.unwrap(), Vec::<String>::new());
        check_with("out/{stream_name}.{extension}", &server.store()).await.unwrap();
    }

    #[tokio::test]
    async fn a_missing_bucket_is_found_out_before_anything_is_written() {
        let server = Embedded::start().await;
        let settings = StoreSettings { bucket: "elsewhere".to_owned(), ..server.settings() };
        let error = check_with("{stream_name}.{extension}", &S3Store::new(&settings)).await.unwrap_err();
        assert!(matches!(&error, CheckError::Store(error) if error.kind == StoreErrorKind::BucketMissing));
        assert!(error.to_string().contains("\"elsewhere\" does not exist"), "{error}");
    }

    /// Each row: the answers, the requests that they lead to, and words of the message.
    #[tokio::test]
    async fn each_step_that_fails_is_named() {
        let ok = || Reply::status("200 OK\r\nETag: \"e\"");
        let nothing =
            || Reply::Answer("200 OK".to_owned(), "<ListBucketResult></ListBucketResult>".to_owned());
        let denied = || Reply::error("403 Forbidden", "AccessDenied");
        let other = || Reply::Answer("200 OK".to_owned(), "other bytes".to_owned());
        let body = || {
            let text = format!("written by the connection check of destination-s3, may be deleted\n{ID}\n");
            Reply::Answer("200 OK".to_owned(), text)
        };
        let table: Vec<(Vec<Reply>, &str, &[&str])> = vec![
            (vec![denied()], "GET", &["s3:ListBucket on arn:aws:s3:::bucket was denied"]),
            (vec![nothing(), denied()], "GET PUT", &["s3:PutObject on arn:aws:s3:::bucket/p/"]),
            (
                vec![nothing(), ok(), denied(), ok()],
                "GET PUT GET DELETE",
                &["s3:GetObject on arn:aws:s3:::bucket/p/"],
            ),
            (vec![nothing(), ok(), other(), ok()], "GET PUT GET DELETE", &["other bytes"]),
            (
                vec![nothing(), ok(), body(), denied()],
                "GET PUT GET DELETE",
                &["s3:DeleteObject on arn:aws:s3:::bucket/p/", "was left in bucket \"bucket\"", ID],
            ),
            (
                vec![nothing(), ok(), denied(), denied()],
                "GET PUT GET DELETE",
                &["s3:GetObject", "was left in bucket \"bucket\"", ID],
            ),
        ];
        for (script, requests, words) in table {
            let server = Scripted::start(script).await;
            let error = check_with("p/{stream_name}.{extension}", &server.store()).await.unwrap_err();
            assert_eq!(server.methods(), requests, "{error}");
            let failure = Failure::from(error);
            assert_eq!(failure.failure_type, FailureType::Config, "{failure:?}");
            for word in words {
                assert!(failure.message.contains(word), "{word:?} is missing in {}", failure.message);
            }
        }
    }

    #[tokio::test]
    async fn a_put_that_may_have_happened_is_cleaned_up() {
        let nothing = Reply::Answer("200 OK".to_owned(), "<ListBucketResult></ListBucketResult>".to_owned());
        let broken = || Reply::error("500 Internal Server Error", "InternalError");
        let script = vec![
            nothing,
            broken(),
            broken(),
            broken(),
            Reply::status("404 Not Found"),
            Reply::status("204 Gone"),
        ];
        let server = Scripted::start(script).await;
        let error = check_with("p/{stream_name}.{extension}", &server.store()).await.unwrap_err();
        assert_eq!(error.failure_type(), FailureType::Transient);
        assert_eq!(server.methods(), "GET PUT PUT PUT HEAD DELETE");
    }
}
