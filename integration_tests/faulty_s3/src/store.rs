//! Buckets in memory: objects under their keys, and the multipart uploads that are open.
//!
//! Invariants
//! - One lock for everything: a request is carried out wholly or not at all, whatever the others do.
//! - An object is visible only when it is whole; the parts of an upload are not objects.
//!
//! Not here: requests and answers (`api`), what an upload's end checks (`uploads`).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use s3s::dto::{Metadata, Timestamp};
use s3s::{S3Result, s3_error};

use super::checks::{Sums, md5_hex};
use super::quirks::Quirk;

/// A page of a listing has at most this many keys and common prefixes.
const PAGE_LIMIT: usize = 1000;

/// What an object is stored with besides its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Description {
    pub(crate) metadata: Metadata,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_type: Option<String>,
}

/// One visible object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) content: Bytes,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) description: Description,
    pub(crate) sums: Sums,
    pub(crate) modified: Timestamp,
}

impl Object {
    /// An object that was sent in one piece, now.
    pub(crate) fn whole(content: Bytes, description: Description, sums: Sums) -> Self {
        let etag = md5_hex(&content);
        Self { content, etag, description, sums, modified: now() }
    }
}

/// One part of an open upload.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) content: Bytes,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) sums: Sums,
}

/// A multipart upload that was begun and neither completed nor aborted.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) description: Description,
    /// The checksum algorithm that CreateMultipartUpload named.
    pub(crate) algorithm: Option<String>,
    /// Whether CompleteMultipartUpload has to repeat the checksum of each part.
    pub(crate) is_composite: bool,
    pub(crate) parts: BTreeMap<i32, Part>,
}

/// What one lock guards.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    uploads_begun: u64,
    page_keys: Option<usize>,
    pub(crate) quirks: Vec<Quirk>,
    /// The lengths of the parts of each upload that became an object.
    pub(crate) part_lengths: Vec<Vec<usize>>,
}

/// One page of a listing, in order of the names.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<(String, Object)>,
    pub(crate) prefixes: Vec<String>,
    /// What the next page begins after; none: this is the last page.
    pub(crate) next: Option<String>,
}

impl State {
    pub(crate) fn create_bucket(&mut self, bucket: &str) {
        self.buckets.entry(bucket.to_owned()).or_default();
    }

    /// The objects of a bucket.
    pub(crate) fn bucket(&mut self, bucket: &str) -> S3Result<&mut BTreeMap<String, Object>> {
        self.buckets.get_mut(bucket).ok_or_else(|| s3_error!(NoSuchBucket))
    }

    /// All buckets, by their names.
    pub(crate) fn buckets(&self) -> &BTreeMap<String, BTreeMap<String, Object>> {
        &self.buckets
    }

    /// The object at `key`.
    pub(crate) fn object(&mut self, bucket: &str, key: &str) -> S3Result<Object> {
        self.bucket(bucket)?.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// The upload with this id, which must be one of this bucket and key.
    pub(crate) fn upload(&mut self, bucket: &str, key: &str, id: &str) -> S3Result<&mut Upload> {
        self.bucket(bucket)?;
        let upload =
            self.uploads.get_mut(id).filter(|upload| upload.bucket == bucket && upload.key == key);
        upload.ok_or_else(|| s3_error!(NoSuchUpload))
    }

    /// Keeps a new upload and gives its id.
    pub(crate) fn begin(&mut self, upload: Upload) -> S3Result<String> {
        self.bucket(&upload.bucket)?;
        self.uploads_begun += 1;
        let id = format!("upload.{:08}", self.uploads_begun);
        self.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    pub(crate) fn has(&self, quirk: &Quirk) -> bool {
        self.quirks.contains(quirk)
    }

    /// Whether the object may be deleted.
    pub(crate) fn is_deletable(&self, key: &str) -> bool {
        !self
            .quirks
            .iter()
            .any(|quirk| matches!(quirk, Quirk::Undeletable(text) if key.contains(text)))
    }

    /// Sets a limit of the page size below S3's own.
    pub(crate) fn set_page_keys(&mut self, keys: usize) {
        self.page_keys = Some(keys.clamp(1, PAGE_LIMIT));
    }

    /// Keys under `prefix`, after `after`, those with a further `delimiter` rolled up.
    pub(crate) fn list(
        &mut self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        after: Option<&str>,
        max_keys: usize,
    ) -> S3Result<Page> {
        let limit = max_keys.min(self.page_keys.unwrap_or(PAGE_LIMIT));
        let mut page = Page::default();
        let mut last: Option<String> = None;
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        // A folder that the page before ended with is not begun again by its other keys.
        let folder_before = after.filter(|after| delimiter.is_some_and(|end| after.ends_with(end)));
        if limit == 0 {
            return Ok(page);
        }
        for (key, object) in self.bucket(bucket)?.range::<str, _>((start, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(prefix) else { break };
            let folder = delimiter.and_then(|delimiter| {
                let (name, _) = rest.split_once(delimiter)?;
                Some(format!("{prefix}{name}{delimiter}"))
            });
            if folder.is_some() && (folder == last || folder.as_deref() == folder_before) {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == limit {
                page.next = last;
                break;
            }
            match folder {
                Some(folder) => {
                    page.prefixes.push(folder.clone());
                    last = Some(folder);
                }
                None => {
                    page.objects.push((key.clone(), object.clone()));
                    last = Some(key.clone());
                }
            }
        }
        Ok(page)
    }
}

/// The store of one server. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store(Arc<Mutex<State>>);

impl Store {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("the store: no request panics while it holds it")
    }

    /// A store of its own with the same content.
    pub(crate) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }
}

/// The time of a change.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}
