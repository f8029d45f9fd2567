//! Whole objects: what they say about themselves, copying them and removing them.
//!
//! | request | answer | what is done |
//! |---|---|---|
//! | HEAD | 400 without a code | it has no body to say why: a GET of the same key does |
//! | CopyObject | timeout, reset, 5xx, an error inside a 200, a refusal after an earlier attempt | HEAD of the target: the token of the object that is copied is success |
//! | CopyObject | success | HEAD of the target: a copy that does not say where it lies is removed ([`S3Store::confirm_copy`]) |
//! | DeleteObjects | 501, 405, or the request is called wrong | the store lacks it: one at a time, from now on |
//! | DeleteObjects | any other error | its keys one at a time: one of them may be the reason, and deleting again does no harm |
//! | DeleteObjects | 200 with errors of single keys | those keys one at a time, which tries again; a missing key is deleted |
//! | DeleteObject in [`S3Store::take_back`] | any error | HEAD: without our token there it is done |
//!
//! An object without any token may be another program's, or ours in a store that does not keep user
//! metadata. Where a request of ours may have written it, that is a doubt
//! ([`StoreErrorKind::LosesMetadata`]) and never a no.
//!
//! Not here: which objects may go (`pipeline`), requests that make a new object visible
//! (`publish`).

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::operation::copy_object::CopyObjectOutput;
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{Delete, MetadataDirective, ObjectIdentifier};
use futures_util::{StreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use crate::store::answers::NO_SUCH_KEY;
use crate::store::answers::{Effect, StoreError, StoreErrorKind};
use crate::store::client::headers::TakesObjectHeaders;
use crate::store::client::s3_store::S3Store;
use crate::store::client::settings::{ObjectInfo, key_hash};
use crate::store::operation::Operation;

/// The most that DeleteObjects takes.
const KEYS_OF_A_BATCH: usize = 1000;

/// How many DeleteObject run at once where a store has nothing better: far below what S3 grants a
/// prefix, and enough that the way there does not count.
const DELETES_AT_ONCE: usize = 16;

/// Letters that stand for themselves in a header with a path in it. S3 decodes the rest, `+`
/// included.
const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What an object says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredObject {
    metadata: HashMap<String, String>,
    headers: StoredHeaders,
    /// Where the store says it.
    size_bytes: Option<u64>,
}

/// The headers that an object is delivered with, other than its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct StoredHeaders {
    cache_control: Option<String>,
    content_disposition: Option<String>,
    content_encoding: Option<String>,
    content_language: Option<String>,
    content_type: Option<String>,
    expires: Option<String>,
    website_redirect_location: Option<String>,
}

impl StoredObject {
    /// A user metadata value by its name (without `x-amz-meta-`, in any case: some stores give
    /// names back in title case).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.metadata
            .iter()
            .find(|(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The token that the connector gave the object, if it is one of its objects.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.get(ObjectInfo::TOKEN_KEY)
    }

    /// Whether the object was written to this key. False for a copy that kept the metadata of an
    /// object elsewhere. Objects of versions that did not note the key down count as written where
    /// they are.
    #[must_use]
    pub fn was_written_to(&self, key: &str) -> bool {
        self.get(ObjectInfo::KEY_HASH_KEY).is_none_or(|hash| hash == key_hash(key))
    }

    /// Whether the object has the metadata that `put`, `create_multipart` or `copy` gave an object
    /// at `key`: a store may lose them.
    #[must_use]
    pub fn kept_metadata(&self, key: &str, token: Uuid) -> bool {
        self.token() == Some(token.to_string().as_str())
            && self.get(ObjectInfo::KEY_HASH_KEY) == Some(key_hash(key).as_str())
    }

    /// The metadata that a copy of the object at `key` gets: all values as they are, but for the
    /// hash of the key.
    fn metadata_at(&self, key: &str) -> HashMap<String, String> {
        let kept =
            self.metadata.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let hash = (ObjectInfo::KEY_HASH_KEY.to_owned(), key_hash(key));
        // The last one of a name counts.
        kept.chain([hash]).collect()
    }

    /// An object without a server.
    #[cfg(test)]
    pub(crate) fn made_up(metadata: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            metadata: metadata.iter().map(owned).collect(),
            headers: StoredHeaders::default(),
            size_bytes: None,
        }
    }
}

impl From<HeadObjectOutput> for StoredObject {
    fn from(head: HeadObjectOutput) -> Self {
        Self {
            size_bytes: head.content_length.and_then(|bytes| u64::try_from(bytes).ok()),
            metadata: head.metadata.unwrap_or_default(),
            headers: StoredHeaders {
                cache_control: head.cache_control,
                content_disposition: head.content_disposition,
                content_encoding: head.content_encoding,
                content_language: head.content_language,
                content_type: head.content_type,
                expires: head.expires_string,
                website_redirect_location: head.website_redirect_location,
            },
        }
    }
}

impl StoredHeaders {
    /// A copy that replaces metadata has to name all of these again.
    fn repeat(self, copy: CopyObjectFluentBuilder) -> CopyObjectFluentBuilder {
        let expires =
            self.expires.and_then(|text| DateTime::from_str(&text, DateTimeFormat::HttpDate).ok());
        copy.set_cache_control(self.cache_control)
            .set_content_disposition(self.content_disposition)
            .set_content_encoding(self.content_encoding)
            .set_content_language(self.content_language)
            .set_content_type(self.content_type)
            .set_expires(expires)
            .set_website_redirect_location(self.website_redirect_location)
    }
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOwner {
    /// No object.
    Nobody,
    /// The object with the token that was asked for.
    Us,
    /// An object with another token.
    AnotherWriter,
    /// An object without any token.
    Unmarked {
        /// Where the store says it.
        size_bytes: Option<u64>,
    },
}

impl S3Store {
    /// What the object at `key` says about itself; `None` when there is no object.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub async fn head(&self, key: &str) -> Result<Option<StoredObject>, StoreError> {
        let head = match self.head_once(key).await {
            Err(error) if error.status() == Some(400) && error.code().is_none() => {
                match self.get_first_byte(key).await {
                    Err(told) if told.kind != StoreErrorKind::NotFound => {
                        return Err(StoreError { op: Operation::HeadObject, ..told });
                    }
                    // It was a passing thing: expired credentials have been renewed in the
                    // meantime.
                    Ok(()) | Err(_) => self.head_once(key).await,
                }
            }
            head => head,
        };
        match head {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.kind == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn head_once(&self, key: &str) -> Result<StoredObject, StoreError> {
        let request = self
            .inner
            .client
            .head_object()
            .bucket(self.bucket())
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        self.send(Operation::HeadObject, key, |with| {
            request.customize().config_override(with).send()
        })
        .await
        .map(StoredObject::from)
    }

    async fn get_first_byte(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .inner
            .client
            .get_object()
            .bucket(self.bucket())
            .key(key)
            .range("bytes=0-0")
            .set_expected_bucket_owner(self.bucket_owner());
        self.send(Operation::GetObject, key, |with| {
            request.customize().config_override(with).send()
        })
        .await
        .map(drop)
    }

    /// Whose object is at `key`, going by `token`.
    pub(crate) async fn holder(&self, key: &str, token: &str) -> Result<KeyOwner, StoreError> {
        Ok(match self.head(key).await? {
            None => KeyOwner::Nobody,
            Some(object) => match object.token() {
                Some(held) if held == token => KeyOwner::Us,
                Some(_) => KeyOwner::AnotherWriter,
                None => KeyOwner::Unmarked { size_bytes: object.size_bytes },
            },
        })
    }

    /// That the store finds an object at `key` although there is none.
    #[must_use]
    pub fn finds_missing(&self, op: Operation, key: &str) -> StoreError {
        self.call(op, key, 0).without_answer(StoreErrorKind::FindsMissing, Effect::NotApplied)
    }

    /// Whether the store tells a key that was never written from one that was. Asked once; where
    /// the answer is another error, it counts as a yes.
    async fn tells_missing(&self, never_written: &str) -> bool {
        if self.inner.tells_missing.load(Ordering::Relaxed) {
            return true;
        }
        match self.head(never_written).await {
            Ok(Some(_)) => false,
            Ok(None) => {
                self.inner.tells_missing.store(true, Ordering::Relaxed);
                true
            }
            Err(_) => true,
        }
    }

    /// Fails if there is an object at the `key` for which `object` is meant. A look that fails says
    /// nothing: the write that follows is guarded.
    ///
    /// # Errors
    /// [`StoreErrorKind::KeyTaken`] or [`StoreErrorKind::FindsMissing`], about the request `op`
    /// that was to follow.
    pub async fn expect_free(
        &self,
        op: Operation,
        key: &str,
        object: &ObjectInfo,
    ) -> Result<(), StoreError> {
        match self.head(key).await {
            Ok(Some(found)) if found.token().is_none() => {
                Err(self.taken_by_unmarked(op, key, object).await)
            }
            Ok(Some(_)) => Err(self.taken(op, key)),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// That another object has the key.
    pub(crate) fn taken(&self, op: Operation, key: &str) -> StoreError {
        self.call(op, key, 0).without_answer(StoreErrorKind::KeyTaken, Effect::NotApplied)
    }

    /// That another program's object has the key, or that the store would say so of every key.
    pub(crate) async fn taken_by_unmarked(
        &self,
        op: Operation,
        key: &str,
        object: &ObjectInfo,
    ) -> StoreError {
        // Nobody else knows the token.
        if self.tells_missing(&format!("{key}.{}", object.token)).await {
            self.taken(op, key)
        } else {
            self.finds_missing(op, key)
        }
    }

    /// Copies the object at `from`, which has `token`, over `to` on the server, whatever `to`
    /// holds. Its metadata and headers stay as they are, but for the hash of the key, which is that
    /// of `to`. A reader of `to` sees the old object or the new one, each of them whole. S3 copies
    /// up to 5 GiB so.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`]: the object is not at `from`. With [`Effect::Unknown`] the copy
    /// may be there or may still appear.
    pub async fn copy(&self, from: &str, to: &str, token: &str) -> Result<(), StoreError> {
        let Some(object) = self.head(from).await?.filter(|object| object.token() == Some(token))
        else {
            // Another process may have copied it and removed it where it was.
            if self.holder(to, token).await? == KeyOwner::Us {
                return Ok(());
            }
            let call = self.call(Operation::CopyObject, from, 0);
            return Err(call.without_answer(StoreErrorKind::NotFound, Effect::NotApplied));
        };
        let source = format!("{}/{from}", self.bucket());
        let request = self
            .inner
            .client
            .copy_object()
            .bucket(self.bucket())
            .key(to)
            .copy_source(utf8_percent_encode(&source, UNRESERVED).to_string())
            .set_expected_bucket_owner(self.bucket_owner())
            .set_expected_source_bucket_owner(self.bucket_owner())
            .object_headers(&self.inner.headers)
            .set_tagging_directive(self.inner.headers.tagging_directive())
            .metadata_directive(MetadataDirective::Replace)
            .set_metadata(Some(object.metadata_at(to)));
        let request = object.headers.repeat(request);
        let copied = self
            .send_for(
                Operation::CopyObject,
                to,
                self.working(),
                |copied: &CopyObjectOutput| {
                    copied.copy_object_result.as_ref().is_some_and(|result| result.e_tag.is_some())
                },
                |with| request.customize().config_override(with).send(),
            )
            .await;
        let Err(failed) = copied else { return Ok(()) };
        let source_gone = failed.kind == StoreErrorKind::NotFound;
        if failed.effect == Effect::NotApplied && !source_gone {
            return Err(failed);
        }
        match self.holder(to, token).await {
            Ok(KeyOwner::Us) => Ok(()),
            Ok(KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. } | KeyOwner::Nobody) | Err(_)
                if source_gone =>
            {
                Err(failed.with_key(from))
            }
            Ok(KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. } | KeyOwner::Nobody) | Err(_) => {
                Err(StoreError { effect: Effect::Unknown, ..failed })
            }
        }
    }

    /// Makes sure that the copy at `to` of the object with `token` says that it lies there. Some
    /// stores give a copy the metadata of its source whatever is asked for: such a copy would count
    /// as an archive for ever, and is removed again. A look that fails says nothing.
    ///
    /// # Errors
    /// [`StoreErrorKind::LosesMetadata`]: the copy is gone. Another error: it could not be removed.
    pub async fn confirm_copy(&self, to: &str, token: &str) -> Result<(), StoreError> {
        let is_wrong = match self.head(to).await {
            Ok(Some(found)) => found.token() == Some(token) && !found.was_written_to(to),
            Ok(None) | Err(_) => false,
        };
        if !is_wrong {
            return Ok(());
        }
        self.delete(to).await?;
        let call = self.call(Operation::CopyObject, to, 0);
        Err(call.without_answer(StoreErrorKind::LosesMetadata, Effect::NotApplied))
    }

    /// Deletes the object; in a versioned bucket it becomes invisible. An object that is not there
    /// is deleted already.
    ///
    /// # Errors
    /// [`StoreError`]. With [`Effect::Unknown`] the object may be gone.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .inner
            .client
            .delete_object()
            .bucket(self.bucket())
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        let deleted = self
            .send(Operation::DeleteObject, key, |with| {
                request.customize().config_override(with).send()
            })
            .await;
        match deleted {
            // S3 says 204; some of its kin are more exact.
            Err(error) if error.code() == Some(NO_SUCH_KEY) => Ok(()),
            deleted => deleted.map(drop),
        }
    }

    /// Deletes objects. Those that are not there are deleted already. `settled` is told of each key
    /// how it went, in any order, and says whether to go on: after a `false` no further request is
    /// begun, and only the keys that one was begun for are told. A key that failed may be gone all
    /// the same; doing it again does no harm.
    pub async fn delete_all(
        &self,
        keys: Vec<String>,
        mut settled: impl FnMut(String, Result<(), StoreError>) -> bool,
    ) {
        let mut singly = Vec::new();
        // What one key is refused for must not keep the others: batches first.
        for batch in keys.chunks(KEYS_OF_A_BATCH) {
            let left = self.delete_batch(batch).await;
            let is_left: HashSet<&String> = left.iter().collect();
            let mut goes_on = true;
            // To the end of the batch, for all of these are gone.
            for key in batch.iter().filter(|key| !is_left.contains(key)) {
                goes_on &= settled(key.clone(), Ok(()));
            }
            if !goes_on {
                return;
            }
            singly.extend(left);
        }
        let stopped = AtomicBool::new(false);
        let keys = singly.into_iter().take_while(|_| !stopped.load(Ordering::Relaxed));
        let deletions = stream::iter(keys)
            .map(async |key: String| {
                let deleted = self.delete(&key).await;
                (key, deleted)
            })
            .buffer_unordered(DELETES_AT_ONCE);
        let mut deletions = std::pin::pin!(deletions);
        // To the end, for what is under way happens.
        while let Some((key, deleted)) = deletions.next().await {
            if !settled(key, deleted) {
                stopped.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Deletes what can be deleted at once and returns the keys that must be tried one at a time.
    async fn delete_batch(&self, keys: &[String]) -> Vec<String> {
        if keys.len() == 1 || self.inner.lacks_batch_deletes.load(Ordering::Relaxed) {
            return keys.to_vec();
        }
        let object = |key| ObjectIdentifier::builder().key(key).build();
        let objects = keys.iter().map(object).collect::<Result<Vec<_>, _>>();
        let batch =
            objects.and_then(|keys| Delete::builder().set_objects(Some(keys)).quiet(true).build());
        // The builders miss nothing that we leave out.
        let Ok(batch) = batch else { return keys.to_vec() };
        let request = self
            .inner
            .client
            .delete_objects()
            .bucket(self.bucket())
            .delete(batch)
            .set_expected_bucket_owner(self.bucket_owner())
            .set_checksum_algorithm(self.inner.checksum.algorithm());
        let deleted = self
            .send_for(
                Operation::DeleteObjects,
                "",
                self.working(),
                |_| true,
                |with| request.customize().config_override(with).send(),
            )
            .await;
        match deleted {
            Ok(answer) => {
                let errors = answer.errors.unwrap_or_default();
                let kept: Vec<_> =
                    errors.into_iter().filter(|error| error.code() != Some(NO_SUCH_KEY)).collect();
                // An error that does not name its key may be about any of them.
                kept.into_iter()
                    .map(|error| error.key)
                    .collect::<Option<_>>()
                    .unwrap_or(keys.to_vec())
            }
            Err(error) => {
                if matches!(error.kind, StoreErrorKind::Unsupported | StoreErrorKind::Rejected) {
                    self.inner.lacks_batch_deletes.store(true, Ordering::Relaxed);
                }
                keys.to_vec()
            }
        }
    }

    /// Removes the object at `key` if it has `token`. An object with another token is left as it
    /// is.
    ///
    /// # Errors
    /// [`StoreError`]; the object may still be there. [`StoreErrorKind::LosesMetadata`]: there is
    /// an object that cannot be told from ours; it stays.
    pub async fn take_back(&self, key: &str, token: Uuid) -> Result<(), StoreError> {
        let token = token.to_string();
        match self.holder(key, &token).await? {
            KeyOwner::Us => {}
            KeyOwner::Nobody | KeyOwner::AnotherWriter => return Ok(()),
            KeyOwner::Unmarked { .. } => {
                let call = self.call(Operation::DeleteObject, key, 0);
                return Err(call.without_answer(StoreErrorKind::LosesMetadata, Effect::Unknown));
            }
        }
        let Err(failed) = self.delete(key).await else { return Ok(()) };
        match self.holder(key, &token).await {
            Ok(KeyOwner::Nobody | KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. }) => Ok(()),
            Ok(KeyOwner::Us) | Err(_) => Err(failed),
        }
    }
}
