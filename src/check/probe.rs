//! Everything that a sync does to a bucket, done once with probe objects.
//!
//! [`ProbeKeys`] and a store -> [`ProbeFindings`], and the first [`ProbeFailure`].
//!
//! | step | why a sync needs it | if it fails |
//! |---|---|---|
//! | list, with the probe's key as prefix | finding taken names | the check fails. This step is first because some stores accept a put to a bucket that does not exist |
//! | put, head, get and compare | files smaller than a part; recognizing its own objects by their metadata | the check fails |
//! | head of a key without an object | settling a lost response | denied: a note; an object is found: the check fails |
//! | put over it with `If-None-Match` | never overwriting | no 412: a note |
//! | copy, head | replacing under a fixed name; the copy has metadata of its own | the check fails; skipped if the template never needs it |
//! | delete | replacing; removing what cannot be acknowledged | denied: a note, because appending works without it |
//! | upload in two parts, head | large files; some stores lose the metadata of these only | the check fails; skipped without the right to delete, because it would leave 5 MiB |
//!
//! Invariants
//! - Every probe is removed, whatever the other steps yield. What could not be removed is named.
//!
//! Not here: explaining a denial (`denial`), the keys of the probes (`probe_keys`).

use std::fmt;

use bytes::Bytes;
use uuid::Uuid;

use super::probe_keys::ProbeKeys;
use crate::store::{Effect, ObjectInfo, Operation, S3Store, StoreError, StoreErrorKind};

/// S3's minimum for every part but the last.
const FIRST_PART_BYTES: usize = 5 * 1024 * 1024;

/// What the probes found out, apart from whether a sync can write.
#[derive(Debug, Default)]
pub(super) struct ProbeFindings {
    /// Deleting was denied, with this error.
    pub(super) delete_denied: Option<StoreError>,
    /// The store writes over an object in spite of `If-None-Match: *`.
    pub(super) ignores_if_none_match: bool,
    /// A HEAD of a key without an object is denied instead of answered with 404.
    pub(super) missing_key_denied: bool,
    /// Objects that are still in the bucket.
    pub(super) left_behind: Vec<String>,
}

/// Why the probes ended early.
#[derive(Debug)]
pub(super) enum ProbeFailure {
    /// A request failed.
    Store(StoreError),
    /// What was read back is not what was written, or does not exist.
    Altered { key: String, is_missing: bool },
    /// The object lacks its metadata, or has that of another object.
    MetadataLost { key: String, written: Written },
}

/// How an object was written. Its text completes "objects that are ...".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    InOneRequest,
    InParts,
    AsCopy,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InOneRequest => "uploaded",
            Self::InParts => "uploaded in parts",
            Self::AsCopy => "copied on the server",
        })
    }
}

impl From<StoreError> for ProbeFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Runs all steps. The findings up to a failure are returned with it.
pub(super) async fn probe(
    store: &S3Store,
    keys: &ProbeKeys,
    random: Uuid,
) -> (ProbeFindings, Result<(), ProbeFailure>) {
    let mut probes = Probes {
        store,
        random,
        tokens: 0,
        written_keys: Vec::new(),
        findings: ProbeFindings::default(),
    };
    let result = probes.run(keys).await;
    let removed = match probes.findings.delete_denied {
        Some(_) => Ok(()),
        None => probes.remove_all().await,
    };
    let Probes { mut findings, written_keys, .. } = probes;
    findings.left_behind.extend(written_keys);
    (findings, result.and(removed.map_err(ProbeFailure::Store)))
}

struct Probes<'a> {
    store: &'a S3Store,
    random: Uuid,
    tokens: u128,
    /// Keys of objects that exist, or may exist, in the bucket.
    written_keys: Vec<String>,
    findings: ProbeFindings,
}

impl Probes<'_> {
    async fn run(&mut self, keys: &ProbeKeys) -> Result<(), ProbeFailure> {
        let (store, single) = (self.store, keys.single.as_str());
        store.list_keys(single).await?;

        let object = self.object();
        let body = self.body("one request");
        let put = store.put(single, body.clone(), &object).await;
        self.record_write(single, put)?;
        self.look_back(single, object.token, Written::InOneRequest).await?;
        self.read_back(single, &body).await?;
        match store.head(&keys.multipart).await {
            Ok(None) => {}
            Ok(Some(_)) => {
                return Err(store.finds_missing(Operation::PutObject, &keys.multipart).into());
            }
            Err(error) if error.kind == StoreErrorKind::AccessDenied => {
                self.findings.missing_key_denied = true
            }
            Err(error) => return Err(error.into()),
        }
        let twin = self.object();
        self.findings.ignores_if_none_match = !store.honours_guard(single, body, &twin).await?;
        if let Some(copy) = &keys.copy {
            // The key now has the first object or, if the store ignores If-None-Match, its twin.
            let token = if self.findings.ignores_if_none_match { twin.token } else { object.token };
            let copied = store.copy(single, copy, &token.to_string()).await;
            self.record_write(copy, copied)?;
            self.look_back(copy, token, Written::AsCopy).await?;
        }
        if let Err(error) = self.remove_all().await {
            if error.kind != StoreErrorKind::AccessDenied {
                return Err(error.into());
            }
            self.findings.delete_denied = Some(error);
            return Ok(());
        }

        let large = keys.multipart.as_str();
        let body = self.body("two parts");
        let object = self.object();
        let upload_id = store.create_multipart(large, &object).await?;
        let completed = self.complete(large, &upload_id, &body, &object).await;
        let discarded = match &completed {
            Ok(()) => Ok(()),
            Err(_) => store.abort_multipart(large, &upload_id).await,
        };
        let completed = self.record_write(large, completed);
        if discarded.is_err() {
            self.findings.left_behind.push(format!("the unfinished upload of {large}"));
        }
        completed?;
        self.look_back(large, object.token, Written::InParts).await
    }

    async fn complete(
        &self,
        key: &str,
        upload_id: &str,
        last: &Bytes,
        object: &ObjectInfo,
    ) -> Result<(), StoreError> {
        let first = Bytes::from(vec![b'\n'; FIRST_PART_BYTES]);
        let parts = [
            self.store.upload_part(key, upload_id, 1, first).await?,
            self.store.upload_part(key, upload_id, 2, last.clone()).await?,
        ];
        self.store.complete_multipart(key, upload_id, &parts, object).await
    }

    /// Checks that the object exists with its metadata, by which a sync recognizes its own objects.
    async fn look_back(
        &self,
        key: &str,
        token: Uuid,
        written: Written,
    ) -> Result<(), ProbeFailure> {
        match self.store.head(key).await? {
            None => Err(ProbeFailure::Altered { key: key.to_owned(), is_missing: true }),
            Some(object) if object.kept_metadata(key, token) => Ok(()),
            Some(_) => Err(ProbeFailure::MetadataLost { key: key.to_owned(), written }),
        }
    }

    async fn read_back(&self, key: &str, written: &Bytes) -> Result<(), ProbeFailure> {
        if self.store.get(key).await? == written {
            Ok(())
        } else {
            Err(ProbeFailure::Altered { key: key.to_owned(), is_missing: false })
        }
    }

    /// Records that an object exists, or may exist, at `key`.
    fn record_write(
        &mut self,
        key: &str,
        result: Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if result.as_ref().err().is_none_or(|error| error.effect == Effect::Unknown) {
            self.written_keys.push(key.to_owned());
        }
        result
    }

    /// Removes all probes. What cannot be removed stays in the list; the first error is returned.
    async fn remove_all(&mut self) -> Result<(), StoreError> {
        let mut first = Ok(());
        for key in std::mem::take(&mut self.written_keys) {
            if let Err(error) = self.store.delete(&key).await {
                self.written_keys.push(key);
                first = first.and(Err(error));
            }
        }
        first
    }

    fn body(&self, how: &str) -> Bytes {
        let random = self.random;
        Bytes::from(format!(
            "written in {how} by the connection check of destination-s3, may be deleted\n{random}\n"
        ))
    }

    /// Returns the headers of the next object. Every object needs a token of its own.
    fn object(&mut self) -> ObjectInfo {
        self.tokens += 1;
        let token = Uuid::from_u128(self.random.as_u128() ^ self.tokens);
        ObjectInfo { content_type: "text/plain; charset=utf-8", token, metadata: Vec::new() }
    }
}
