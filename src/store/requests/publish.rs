//! The two requests that make an object visible, and how a doubtful answer to them is settled.
//!
//! An object is published at most once and never over another one. The request is guarded with
//! `If-None-Match: *`. What the answer then means:
//!
//! | answer | what is done |
//! |---|---|
//! | 412 | HEAD: with our token it is our own write, whose answer was lost: success. Another object has the key: it is taken |
//! | 412, and HEAD finds no object | the object was deleted in between, or the store is wrong: PutObject may take the next key; CompleteMultipartUpload is sent three times in all |
//! | 409, 503, 429, 200 with an error inside or without an ETag | it is sent again (`sending`); then as the next line |
//! | timeout, reset, 5xx, NoSuchUpload, a refusal after an earlier attempt | HEAD: our token is success, another token is a taken key, no object leaves the error as it is |
//! | 501, or a 400 that names the guard | the store has no such guard: HEAD, and if no object is there the same request without it, from now on |
//! | any, on a store that is not AWS | some take the guard and ignore it, and do not say so: HEAD first, always |
//! | a plain refusal of the only attempt | the error |
//!
//! When is a HEAD no proof?
//! - It finds nothing: a request in flight may still land. Such an error keeps [`Effect::Unknown`].
//! - It finds another object, and the store has not shown that it honours the guard: a request in
//!   flight may still land over that object. As above.
//! - It finds an object without any token, and one of our attempts may have written it: the store
//!   may not keep user metadata ([`StoreErrorKind::LosesMetadata`]), unless the object has another
//!   size than ours.
//! - It finds an object without any token, and would find one at every key
//!   ([`StoreErrorKind::FindsMissing`]).

use std::sync::atomic::Ordering;

use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use super::objects::KeyOwner;
use crate::error::FailureType;
use crate::store::answers::{Effect, StoreError, StoreErrorKind};
use crate::store::client::checksum::Digests;
use crate::store::client::headers::TakesObjectHeaders;
use crate::store::client::s3_store::S3Store;
use crate::store::client::settings::ObjectInfo;
use crate::store::operation::Operation;
use crate::store::options::Checksum;
use crate::store::requests::multipart::PartReceipt;

/// The guard: fail if the key has an object, whatever its ETag.
const NO_OBJECT_YET: &str = "*";

/// How often a completion is sent to a key that is refused as taken and yet has no object: an
/// object may be deleted between the two answers, but hardly three times. (A file that is put takes
/// the next key instead.)
const COMPLETIONS_AT_FREE_KEY: u32 = 3;

/// One of the two requests.
#[derive(Debug)]
enum Publication<'a> {
    Put { body: Bytes },
    Complete { upload_id: &'a str, parts: &'a [PartReceipt] },
}

impl Publication<'_> {
    fn op(&self) -> Operation {
        match self {
            Self::Put { .. } => Operation::PutObject,
            Self::Complete { .. } => Operation::CompleteMultipartUpload,
        }
    }

    /// How often it is sent to a key that is refused as taken and yet has no object.
    fn tries_at_free_key(&self) -> u32 {
        match self {
            Self::Put { .. } => 1,
            Self::Complete { .. } => COMPLETIONS_AT_FREE_KEY,
        }
    }

    /// Whether an object of this size can be what was sent. The sizes of parts are not known any
    /// more.
    fn can_have(&self, size_bytes: Option<u64>) -> bool {
        match (self, size_bytes) {
            (Self::Put { body }, Some(bytes)) => body.len() as u64 == bytes,
            (Self::Put { .. }, None) | (Self::Complete { .. }, _) => true,
        }
    }
}

impl S3Store {
    /// Writes a whole object in one request, if no other object has the key.
    ///
    /// # Errors
    /// [`StoreError::asks_for_next_key`]: nothing was written. With [`Effect::Unknown`] the object
    /// may be there or may still appear; nothing may be acknowledged.
    pub async fn put(&self, key: &str, body: Bytes, object: &ObjectInfo) -> Result<(), StoreError> {
        self.publish(key, object, &Publication::Put { body }).await
    }

    /// Makes an object of the parts of an upload, if no other object has the key. `object` is the
    /// one that the upload was created with; `parts` are in order of their numbers.
    ///
    /// # Errors
    /// [`StoreErrorKind::KeyTaken`]: nothing was written and the upload still exists, for
    /// [`S3Store::abort_multipart`]. [`StoreErrorKind::NoSuchUpload`]: the parts are gone. With
    /// [`Effect::Unknown`] the object may be there or may still appear; nothing may be
    /// acknowledged.
    pub async fn complete_multipart(
        &self,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        object: &ObjectInfo,
    ) -> Result<(), StoreError> {
        self.publish(key, object, &Publication::Complete { upload_id, parts }).await
    }

    /// Whether the store keeps its promise not to write over an object: tries to, with `object`, at
    /// a `key` that has one. Where it does not, the object is replaced.
    ///
    /// # Errors
    /// [`StoreError`]; the object may have been replaced.
    pub async fn honours_guard(
        &self,
        key: &str,
        body: Bytes,
        object: &ObjectInfo,
    ) -> Result<bool, StoreError> {
        match self.send_publication(key, object, &Publication::Put { body }, true).await {
            Ok(()) => Ok(false),
            Err(StoreError { kind: StoreErrorKind::KeyTaken, .. }) => Ok(true),
            // It says so, and every write then looks first.
            Err(StoreError { kind: StoreErrorKind::Unsupported, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn publish(
        &self,
        key: &str,
        object: &ObjectInfo,
        what: &Publication<'_>,
    ) -> Result<(), StoreError> {
        let mut doubtful = false;
        if !self.inner.lacks_conditional_writes.load(Ordering::Relaxed) {
            if self.inner.looks_first
                && let Some(found) = self.found(key, object, what, doubtful).await?
            {
                return found;
            }
            for tries_left in (0..what.tries_at_free_key()).rev() {
                match self.send_publication(key, object, what, true).await {
                    Ok(()) => return Ok(()),
                    Err(refused) if refused.kind == StoreErrorKind::Unsupported => {
                        doubtful = refused.effect == Effect::Unknown;
                        break;
                    }
                    Err(failed) => match self.settle(key, object, what, failed, true).await {
                        Err(StoreError { kind: StoreErrorKind::RefusesFreeKey, .. })
                            if tries_left > 0 => {}
                        settled => return settled,
                    },
                }
            }
        }
        match self.found(key, object, what, doubtful).await {
            Ok(Some(found)) => return found,
            Ok(None) => {}
            // Nobody could look whether the earlier attempt has written the object.
            Err(unseen) if doubtful => {
                return Err(StoreError { effect: Effect::Unknown, ..unseen });
            }
            Err(unseen) => return Err(unseen),
        }
        match self.send_publication(key, object, what, false).await {
            Ok(()) => {
                self.inner.lacks_conditional_writes.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(failed) => {
                // An earlier attempt stays doubtful, however plainly this one is refused.
                let effect = if doubtful { Effect::Unknown } else { failed.effect };
                self.settle(key, object, what, StoreError { effect, ..failed }, false).await
            }
        }
    }

    /// How a publication ends at a key that has an object already; `None` where the key is free.
    /// `doubtful`: an attempt may have written the object.
    async fn found(
        &self,
        key: &str,
        object: &ObjectInfo,
        what: &Publication<'_>,
        doubtful: bool,
    ) -> Result<Option<Result<(), StoreError>>, StoreError> {
        Ok(match self.holder(key, &object.token.to_string()).await? {
            KeyOwner::Us => Some(Ok(())),
            KeyOwner::AnotherWriter => Some(Err(self.taken(what.op(), key))),
            KeyOwner::Unmarked { size_bytes } if doubtful && what.can_have(size_bytes) => {
                Some(Err(self.loses_metadata(what.op(), key)))
            }
            KeyOwner::Unmarked { .. } => {
                Some(Err(self.taken_by_unmarked(what.op(), key, object).await))
            }
            KeyOwner::Nobody => None,
        })
    }

    /// Turns a failed publication into what really happened.
    async fn settle(
        &self,
        key: &str,
        object: &ObjectInfo,
        what: &Publication<'_>,
        failed: StoreError,
        guarded: bool,
    ) -> Result<(), StoreError> {
        let taken = failed.kind == StoreErrorKind::KeyTaken;
        let upload_gone = failed.kind == StoreErrorKind::NoSuchUpload;
        let doubtful = failed.effect == Effect::Unknown;
        if !doubtful && !taken && !upload_gone {
            return Err(failed);
        }
        let unknown = |error: StoreError| StoreError { effect: Effect::Unknown, ..error };
        // A store that is not AWS may ignore the guard; a 412 shows that it does not.
        let guard_holds = taken || (guarded && !self.inner.looks_first);
        match self.holder(key, &object.token.to_string()).await {
            Ok(KeyOwner::Us) => Ok(()),
            Ok(KeyOwner::Unmarked { size_bytes }) if doubtful && what.can_have(size_bytes) => {
                Err(self.loses_metadata(what.op(), key))
            }
            // No request can land any more: the parts are gone.
            Ok(KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. } | KeyOwner::Nobody)
                if upload_gone =>
            {
                Err(StoreError { effect: Effect::NotApplied, ..failed })
            }
            Ok(KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. }) if doubtful && !guard_holds => {
                Err(unknown(failed))
            }
            Ok(KeyOwner::AnotherWriter) => Err(self.taken(failed.op, key)),
            Ok(KeyOwner::Unmarked { .. }) => {
                Err(self.taken_by_unmarked(what.op(), key, object).await)
            }
            // An attempt may have written the object, and it was deleted since, or is not shown
            // yet.
            Ok(KeyOwner::Nobody) if taken && doubtful => {
                Err(StoreError { kind: StoreErrorKind::Conflict, ..failed })
            }
            Ok(KeyOwner::Nobody) if taken => {
                Err(StoreError { kind: StoreErrorKind::RefusesFreeKey, ..failed })
            }
            Ok(KeyOwner::Nobody) => Err(unknown(failed)),
            // Whose object it is cannot be told: the reason is what the user can do something
            // about.
            Err(unseen) if taken || unseen.kind.failure_type() == FailureType::Config => {
                Err(unknown(unseen))
            }
            Err(_) => Err(unknown(failed)),
        }
    }

    fn loses_metadata(&self, op: Operation, key: &str) -> StoreError {
        self.call(op, key, 0).without_answer(StoreErrorKind::LosesMetadata, Effect::Unknown)
    }

    /// Sends it, for an ETag: a 200 without one is no answer of S3, but of something on the way
    /// there.
    async fn send_publication(
        &self,
        key: &str,
        object: &ObjectInfo,
        what: &Publication<'_>,
        guarded: bool,
    ) -> Result<(), StoreError> {
        let guard = guarded.then(|| NO_OBJECT_YET.to_owned());
        let (op, client, checksum) = (what.op(), &self.inner.client, self.inner.checksum);
        match what {
            Publication::Put { body } => {
                let digests = Digests::of(checksum, body);
                let request = client
                    .put_object()
                    .bucket(self.bucket())
                    .key(key)
                    .content_type(object.content_type)
                    .set_metadata(Some(object.user_metadata(key)))
                    .set_expected_bucket_owner(self.bucket_owner())
                    .object_headers(&self.inner.headers)
                    .set_checksum_algorithm(checksum.algorithm())
                    .set_checksum_sha256(digests.sha256.clone())
                    .set_content_md5(digests.content_md5.clone())
                    .set_if_none_match(guard)
                    .body(ByteStream::from(body.clone()));
                let settings = digests.sign(self.sending(body.len()));
                self.send_for(
                    op,
                    key,
                    settings,
                    |put: &PutObjectOutput| put.e_tag.is_some(),
                    |with| request.customize().config_override(with).send(),
                )
                .await
                .map(drop)
            }
            Publication::Complete { upload_id, parts } => {
                let request = client
                    .complete_multipart_upload()
                    .bucket(self.bucket())
                    .key(key)
                    .upload_id(*upload_id)
                    .set_expected_bucket_owner(self.bucket_owner())
                    .multipart_upload(completed(parts, checksum))
                    .set_if_none_match(guard);
                self.send_for(
                    op,
                    key,
                    self.working(),
                    |completed: &CompleteMultipartUploadOutput| completed.e_tag.is_some(),
                    |with| request.customize().config_override(with).send(),
                )
                .await
                .map(drop)
            }
        }
    }
}

fn completed(parts: &[PartReceipt], checksum: Checksum) -> CompletedMultipartUpload {
    let parts = parts.iter().map(|part| {
        let builder = CompletedPart::builder().part_number(part.part_number).e_tag(&part.etag);
        checksum.repeat(builder, part.checksum.clone()).build()
    });
    CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build()
}
