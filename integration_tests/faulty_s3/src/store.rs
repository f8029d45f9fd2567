//! Buckets in memory: objects by key, and open multipart uploads.
//!
//! Invariants
//! - One lock guards everything: a request is carried out completely or not at all.
//! - An object is visible only when it is whole; the parts of an upload are not objects.
//!
//! Not here: requests and answers (`api`), the checks at the end of an upload (`uploads`).

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

/// What is stored with an object besides its content.
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
    /// Creates an object that was sent in one piece, now.
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

/// A multipart upload that is neither completed nor aborted.
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
    /// The name after which the next page begins; `None` on the last page.
    pub(crate) next: Option<String>,
}

impl State {
    pub(crate) fn create_bucket(&mut self, bucket: &str) {
        self.buckets.entry(bucket.to_owned()).or_default();
    }

    /// Returns the objects of a bucket.
    pub(crate) fn bucket(&mut self, bucket: &str) -> S3Result<&mut BTreeMap<String, Object>> {
        self.buckets.get_mut(bucket).ok_or_else(|| s3_error!(NoSuchBucket))
    }

    /// Returns all buckets by name.
    pub(crate) fn buckets(&self) -> &BTreeMap<String, BTreeMap<String, Object>> {
        &self.buckets
    }

    /// Returns the object at `key`.
    pub(crate) fn object(&mut self, bucket: &str, key: &str) -> S3Result<Object> {
        self.bucket(bucket)?.get(key).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// Returns the upload with this id, which must belong to this bucket and key.
    pub(crate) fn upload(&mut self, bucket: &str, key: &str, id: &str) -> S3Result<&mut Upload> {
        self.bucket(bucket)?;
        let upload =
            self.uploads.get_mut(id).filter(|upload| upload.bucket == bucket && upload.key == key);
        upload.ok_or_else(|| s3_error!(NoSuchUpload))
    }

    /// Stores a new upload and returns its id.
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

    /// Returns whether the object may be deleted.
    pub(crate) fn is_deletable(&self, key: &str) -> bool {
        !self
            .quirks
            .iter()
            .any(|quirk| matches!(quirk, Quirk::Undeletable(text) if key.contains(text)))
    }

    /// Lowers the page size below S3's own limit.
    pub(crate) fn set_page_keys(&mut self, keys: usize) {
        self.page_keys = Some(keys.clamp(1, PAGE_LIMIT));
    }

    /// Lists the keys with `prefix` after `after`; keys that contain a further `delimiter` are
    /// rolled up.
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
        // The other keys of a folder that ended the previous page do not begin it again.
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

    /// Returns a separate store with the same content.
    pub(crate) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }
}

/// Returns the modification time of a change that happens now.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}
