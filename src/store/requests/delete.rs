//! Deleting objects.
//!
//! | request | answer | what is done |
//! |---|---|---|
//! | DeleteObjects | 501, 405, or the request is called malformed | the store lacks it: single deletions from now on |
//! | DeleteObjects | any other error | its keys one at a time: one of them may be the reason, and deleting again does no harm |
//! | DeleteObjects | 200 with errors of single keys | those keys one at a time, with retries; a missing key is deleted |
//! | DeleteObject in [`S3Store::delete_if_ours`] | any error | HEAD: if our token is not there, it is deleted |
//!
//! Not here: which objects are deleted (`pipeline`, `replace`, `check`).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::read::KeyOwner;
use crate::store::answers::{Effect, NO_SUCH_KEY, StoreError, StoreErrorKind};
use crate::store::client::S3Store;
use crate::store::operation::Operation;

/// The limit of DeleteObjects.
const KEYS_PER_BATCH: usize = 1000;

/// Parallel DeleteObject requests in a store without DeleteObjects: far below what S3 allows for a
/// prefix, and enough to hide the round trips.
const PARALLEL_DELETES: usize = 16;

impl S3Store {
    /// Deletes the object; in a versioned bucket it becomes invisible. A missing object counts as
    /// deleted.
    ///
    /// # Errors
    /// [`StoreError`]. With [`Effect::Unknown`] the object may be gone.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .client()
            .delete_object()
            .bucket(self.bucket())
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        match self.send(key, request).await {
            // S3 answers 204 for a missing object; some other stores answer 404.
            Err(error) if error.code() == Some(NO_SUCH_KEY) => Ok(()),
            deleted => deleted.map(drop),
        }
    }

    /// Deletes objects. Missing objects count as deleted. `settled` is called with each key and its
    /// result, in any order, and returns whether to go on: after a `false` no further request is
    /// sent, and only keys of requests that were sent are reported. A key that failed may be gone
    /// all the same; deleting it again does no harm.
    pub(crate) async fn delete_all(
        &self,
        keys: Vec<String>,
        mut settled: impl FnMut(String, Result<(), StoreError>) -> bool,
    ) {
        let mut left_over = Vec::new();
        // Batches first: a key that is refused must not delay the others.
        for batch in keys.chunks(KEYS_PER_BATCH) {
            let left = self.delete_batch(batch).await;
            let is_left: HashSet<&String> = left.iter().collect();
            let mut goes_on = true;
            // Reports every key, even after a `false`: all of these objects are deleted.
            for key in batch.iter().filter(|key| !is_left.contains(key)) {
                goes_on &= settled(key.clone(), Ok(()));
            }
            if !goes_on {
                return;
            }
            left_over.extend(left);
        }
        let stopped = AtomicBool::new(false);
        let keys = left_over.into_iter().take_while(|_| !stopped.load(Ordering::Relaxed));
        let deletions = stream::iter(keys)
            .map(async |key: String| {
                let deleted = self.delete(&key).await;
                (key, deleted)
            })
            .buffer_unordered(PARALLEL_DELETES);
        let mut deletions = std::pin::pin!(deletions);
        // Continues even when stopped, because requests in flight still take effect.
        while let Some((key, deleted)) = deletions.next().await {
            if !settled(key, deleted) {
                stopped.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Deletes what can be deleted at once, and returns the keys that must be deleted one at a
    /// time.
    async fn delete_batch(&self, keys: &[String]) -> Vec<String> {
        if keys.len() == 1 || self.capabilities().lacks_batch_deletes() {
            return keys.to_vec();
        }
        let object = |key| ObjectIdentifier::builder().key(key).build();
        let objects = keys.iter().map(object).collect::<Result<Vec<_>, _>>();
        let batch =
            objects.and_then(|keys| Delete::builder().set_objects(Some(keys)).quiet(true).build());
        // The builders only fail without a key, and each of these has one.
        let Ok(batch) = batch else { return keys.to_vec() };
        let request = self
            .client()
            .delete_objects()
            .bucket(self.bucket())
            .delete(batch)
            .set_expected_bucket_owner(self.bucket_owner())
            .set_checksum_algorithm(self.checksum().algorithm());
        match self.send_with("", self.work_timeouts(), request).await {
            Ok(answer) => {
                let errors = answer.errors.unwrap_or_default();
                let failed: Vec<_> =
                    errors.into_iter().filter(|error| error.code() != Some(NO_SUCH_KEY)).collect();
                // An error without a key may be about any of them.
                failed
                    .into_iter()
                    .map(|error| error.key)
                    .collect::<Option<_>>()
                    .unwrap_or(keys.to_vec())
            }
            Err(error) => {
                if matches!(error.kind, StoreErrorKind::Unsupported | StoreErrorKind::Rejected) {
                    self.capabilities().set_lacks_batch_deletes();
                }
                keys.to_vec()
            }
        }
    }

    /// Deletes the object at `key` if it has `token`. An object with another token stays as it is.
    ///
    /// # Errors
    /// [`StoreError`]; the object may still be there. [`StoreErrorKind::LosesMetadata`]: an object
    /// that may be ours stays.
    pub(crate) async fn delete_if_ours(&self, key: &str, token: Uuid) -> Result<(), StoreError> {
        let token = token.to_string();
        match self.key_owner(key, &token).await? {
            KeyOwner::Us => {}
            KeyOwner::Nobody | KeyOwner::AnotherWriter => return Ok(()),
            KeyOwner::Unmarked { .. } => {
                let call = self.call(Operation::DeleteObject, key, 0);
                return Err(call.without_answer(StoreErrorKind::LosesMetadata, Effect::Unknown));
            }
        }
        let Err(failed) = self.delete(key).await else { return Ok(()) };
        match self.key_owner(key, &token).await {
            Ok(KeyOwner::Nobody | KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. }) => Ok(()),
            Ok(KeyOwner::Us) | Err(_) => Err(failed),
        }
    }
}
