//! What a sync does to a bucket, done once with objects of our own.
//!
//! [`ProbeKeys`] and a store -> what was learnt, or the first [`StoreError`] or difference.
//!
//! | step | what a sync needs it for | a refusal |
//! |---|---|---|
//! | list, by the probe's own name | finding taken names | fails; it comes first, for some stores take a put to a bucket that does not exist |
//! | put, head, get and compare | files below one part; telling one's own objects by their metadata | fails |
//! | head of a key without an object | settling a lost answer | denied: a note; an object is found: fails |
//! | put over it with `If-None-Match` | never overwriting | no 412: a note |
//! | copy, head | replacing under a fixed name; the copy has metadata of its own | fails; not tried where no template leads to it |
//! | delete | replacing; taking back what cannot be acknowledged | a note: appending works without it |
//! | upload in two parts, head | large files; some stores lose the metadata of these alone | fails; not tried without the right to delete, for it would leave 5 MiB |
//!
//! Invariants
//! - Every probe is removed whatever comes of the others. What could not be removed is named.
//!
//! Not here: what to say about a refusal (`advice`), where the probes lie (`place`).

use std::fmt;

use bytes::Bytes;
use uuid::Uuid;

use super::place::ProbeKeys;
use crate::store::{Effect, ObjectInfo, Operation, S3Store, StoreError, StoreErrorKind};

/// S3's minimum for every part but the last.
const FIRST_PART_BYTES: usize = 5 * 1024 * 1024;

/// What the probes have shown, besides that a sync can write.
#[derive(Debug, Default)]
pub(super) struct ProbeFindings {
    /// Deleting was refused.
    pub(super) undeletable: Option<StoreError>,
    /// The store writes over an object in spite of `If-None-Match: *`.
    pub(super) ignores_guard: bool,
    /// A look at a key without an object is denied.
    pub(super) hides_missing: bool,
    /// Objects that are still in the bucket.
    pub(super) left: Vec<String>,
}

/// Why the probes ended early.
#[derive(Debug)]
pub(super) enum ProbeFailure {
    /// A request failed.
    Store(StoreError),
    /// What was read back is not what was written, or is not there.
    Altered { key: String, is_missing: bool },
    /// An object that was written so lacks its metadata, or has that of another object.
    Unmarked { key: String, written: Written },
}

/// How an object was written. As text: behind "objects that are".
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

/// Does it all. What was found so far comes with an error, too.
pub(super) async fn probe(
    store: &S3Store,
    keys: &ProbeKeys,
    random: Uuid,
) -> (ProbeFindings, Result<(), ProbeFailure>) {
    let mut probes =
        Probes { store, random, tokens: 0, there: Vec::new(), findings: ProbeFindings::default() };
    let result = probes.all(keys).await;
    let removed = match probes.findings.undeletable {
        Some(_) => Ok(()),
        None => probes.remove_all().await,
    };
    let Probes { mut findings, there, .. } = probes;
    findings.left.extend(there);
    (findings, result.and(removed.map_err(ProbeFailure::Store)))
}

struct Probes<'a> {
    store: &'a S3Store,
    random: Uuid,
    tokens: u128,
    /// Objects that are, or may be, in the bucket.
    there: Vec<String>,
    findings: ProbeFindings,
}

impl Probes<'_> {
    async fn all(&mut self, keys: &ProbeKeys) -> Result<(), ProbeFailure> {
        let (store, single) = (self.store, keys.single.as_str());
        store.list_keys(single).await?;

        let object = self.object();
        let body = self.body("one request");
        let put = store.put(single, body.clone(), &object).await;
        self.wrote(single, put)?;
        self.look_back(single, object.token, Written::InOneRequest).await?;
        self.read_back(single, &body).await?;
        match store.head(&keys.multipart).await {
            Ok(None) => {}
            Ok(Some(_)) => {
                return Err(store.finds_missing(Operation::PutObject, &keys.multipart).into());
            }
            Err(error) if error.kind == StoreErrorKind::AccessDenied => {
                self.findings.hides_missing = true
            }
            Err(error) => return Err(error.into()),
        }
        let twin = self.object();
        self.findings.ignores_guard = !store.honours_guard(single, body, &twin).await?;
        if let Some(copy) = &keys.copy {
            // What lies there now is the first object or, where the store ignores the guard, its
            // twin.
            let token = if self.findings.ignores_guard { twin.token } else { object.token };
            let copied = store.copy(single, copy, &token.to_string()).await;
            self.wrote(copy, copied)?;
            self.look_back(copy, token, Written::AsCopy).await?;
        }
        if let Err(error) = self.remove_all().await {
            if error.kind != StoreErrorKind::AccessDenied {
                return Err(error.into());
            }
            self.findings.undeletable = Some(error);
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
        let completed = self.wrote(large, completed);
        if discarded.is_err() {
            self.findings.left.push(format!("the unfinished upload of {large}"));
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

    /// Looks whether the object is there with its metadata, by which a sync knows its own objects.
    async fn look_back(
        &self,
        key: &str,
        token: Uuid,
        written: Written,
    ) -> Result<(), ProbeFailure> {
        match self.store.head(key).await? {
            None => Err(ProbeFailure::Altered { key: key.to_owned(), is_missing: true }),
            Some(object) if object.kept_metadata(key, token) => Ok(()),
            Some(_) => Err(ProbeFailure::Unmarked { key: key.to_owned(), written }),
        }
    }

    async fn read_back(&self, key: &str, written: &Bytes) -> Result<(), ProbeFailure> {
        if self.store.get(key).await? == written {
            Ok(())
        } else {
            Err(ProbeFailure::Altered { key: key.to_owned(), is_missing: false })
        }
    }

    /// Takes down that there is, or may be, an object at `key`.
    fn wrote(&mut self, key: &str, result: Result<(), StoreError>) -> Result<(), StoreError> {
        if result.as_ref().err().is_none_or(|error| error.effect == Effect::Unknown) {
            self.there.push(key.to_owned());
        }
        result
    }

    /// Removes what is there. What cannot be removed stays on the list; the first reason is the
    /// error.
    async fn remove_all(&mut self) -> Result<(), StoreError> {
        let mut first = Ok(());
        for key in std::mem::take(&mut self.there) {
            if let Err(error) = self.store.delete(&key).await {
                self.there.push(key);
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

    /// Every object needs a token of its own.
    fn object(&mut self) -> ObjectInfo {
        self.tokens += 1;
        let token = Uuid::from_u128(self.random.as_u128() ^ self.tokens);
        ObjectInfo { content_type: "text/plain; charset=utf-8", token, metadata: Vec::new() }
    }
}
