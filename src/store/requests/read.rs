//! Reading objects, and what a read says about a key: is it free, and whose object does it hold?
//!
//! | request | answer | what is done |
//! |---|---|---|
//! | HEAD | 400 without a code | a HEAD has no body to say why: a GET of the same key does |
//!
//! An object without any token may be another program's, or ours in a store that does not keep user
//! metadata. Where one of our requests may have written it, that is a doubt
//! ([`StoreErrorKind::LosesMetadata`]) and never a no.

use bytes::Bytes;

use super::stored_object::StoredObject;
use crate::error::found_in;
use crate::store::answers::{Effect, Stalled, StoreError, StoreErrorKind};
use crate::store::client::{ObjectInfo, S3Store};
use crate::store::operation::Operation;

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyOwner {
    /// No object.
    Nobody,
    /// The object with the expected token.
    Us,
    /// An object with another token.
    AnotherWriter,
    /// An object without any token.
    Unmarked {
        /// `None` where the store does not say.
        size_bytes: Option<u64>,
    },
}

impl S3Store {
    /// Returns the whole object, in memory.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`] if there is none.
    pub(crate) async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let request = self
            .client()
            .get_object()
            .bucket(self.bucket())
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        let object = self.send(key, request).await?;
        match object.body.collect().await {
            Ok(body) => Ok(body.into_bytes()),
            Err(broken) => {
                let stalled = found_in::<Stalled>(&broken).is_some();
                let kind =
                    if stalled { StoreErrorKind::Timeout } else { StoreErrorKind::Connection };
                let call = self.call(Operation::GetObject, key, 1);
                Err(call.without_answer(kind, Effect::NotApplied))
            }
        }
    }

    /// Returns what the object at `key` says about itself, or `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<StoredObject>, StoreError> {
        let head = match self.head_once(key).await {
            Err(error) if error.status() == Some(400) && error.code().is_none() => {
                match self.get_first_byte(key).await {
                    Err(explained) if explained.kind != StoreErrorKind::NotFound => {
                        return Err(StoreError { op: Operation::HeadObject, ..explained });
                    }
                    // The reason has passed: the GET has renewed expired credentials.
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
            .client()
            .head_object()
            .bucket(self.bucket())
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        self.send(key, request).await.map(StoredObject::from)
    }

    async fn get_first_byte(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .client()
            .get_object()
            .bucket(self.bucket())
            .key(key)
            .range("bytes=0-0")
            .set_expected_bucket_owner(self.bucket_owner());
        self.send(key, request).await.map(drop)
    }

    /// Returns whose object is at `key`, going by `token`.
    pub(super) async fn key_owner(&self, key: &str, token: &str) -> Result<KeyOwner, StoreError> {
        Ok(match self.head(key).await? {
            None => KeyOwner::Nobody,
            Some(object) => match object.token() {
                Some(held) if held == token => KeyOwner::Us,
                Some(_) => KeyOwner::AnotherWriter,
                None => KeyOwner::Unmarked { size_bytes: object.size_bytes },
            },
        })
    }

    /// Fails if there is an object at the `key` that `object` is meant for. A HEAD that fails is
    /// ignored, because the write that follows is conditional.
    ///
    /// # Errors
    /// [`StoreErrorKind::KeyTaken`] or [`StoreErrorKind::FindsMissing`], about the request `op`
    /// that was to follow.
    pub(crate) async fn expect_free(
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

    /// The error that another object has the key.
    pub(super) fn taken(&self, op: Operation, key: &str) -> StoreError {
        self.call(op, key, 0).without_answer(StoreErrorKind::KeyTaken, Effect::NotApplied)
    }

    /// The error that another program's object has the key, or that the store would report one at
    /// every key.
    pub(super) async fn taken_by_unmarked(
        &self,
        op: Operation,
        key: &str,
        object: &ObjectInfo,
    ) -> StoreError {
        // Nobody else knows the token, so nobody else has written to this key.
        if self.reports_missing_keys(&format!("{key}.{}", object.token)).await {
            self.taken(op, key)
        } else {
            self.finds_missing(op, key)
        }
    }

    /// The error that the store reports an object at `key` although there is none.
    #[must_use]
    pub(crate) fn finds_missing(&self, op: Operation, key: &str) -> StoreError {
        self.call(op, key, 0).without_answer(StoreErrorKind::FindsMissing, Effect::NotApplied)
    }

    /// Whether the store reports no object at a key that was never written. Asked once; if the
    /// answer is another error, it counts as a yes.
    async fn reports_missing_keys(&self, never_written: &str) -> bool {
        if self.capabilities().reports_missing_keys() {
            return true;
        }
        match self.head(never_written).await {
            Ok(Some(_)) => false,
            Ok(None) => {
                self.capabilities().set_reports_missing_keys();
                true
            }
            Err(_) => true,
        }
    }
}
