//! The two requests that make an object visible, and how a doubtful answer to them is settled.
//!
//! An object is published at most once and never over another one. The request is conditional
//! (`If-None-Match: *`). What its answer means:
//!
//! | answer | what is done |
//! |---|---|
//! | 412 | HEAD: our token means that our own write, whose answer was lost, succeeded. Otherwise the key is taken |
//! | 412, but HEAD finds no object | the object was deleted in between, or the store is wrong: PutObject may take the next key; CompleteMultipartUpload is sent three times in all |
//! | 409, 503, 429, 200 with an error inside or without an ETag | it is retried (`client::retry_classifier`); then as the next line |
//! | timeout, reset, 5xx, NoSuchUpload, a refusal after an earlier attempt | HEAD: our token means success, another token a taken key; without an object the error stands |
//! | 501, or a 400 that names the condition | the store has no conditional writes: HEAD, and if no object is there the same request without the condition, from now on |
//! | any, in a store that is not AWS | some accept the condition and ignore it without saying so: HEAD first, always |
//! | a plain refusal of the only attempt | the error stands |
//!
//! When does a HEAD prove nothing?
//! - It finds nothing: a request in flight may still take effect. The error keeps
//!   [`Effect::Unknown`].
//! - It finds another object, and the store has not shown that it honours the condition: a request
//!   in flight may still overwrite that object. As above.
//! - It finds an object without any token, and one of our attempts may have written it: the store
//!   may not keep user metadata ([`StoreErrorKind::LosesMetadata`]), unless the object's size is
//!   not ours.
//! - It finds an object without any token, and would find one at every key
//!   ([`StoreErrorKind::FindsMissing`]).

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use super::multipart::PartReceipt;
use super::read::KeyOwner;
use crate::error::FailureType;
use crate::store::answers::{Effect, StoreError, StoreErrorKind};
use crate::store::client::{Digests, ObjectInfo, S3Store, TakesObjectHeaders};
use crate::store::operation::Operation;
use crate::store::options::Checksum;

/// How often a completion is sent to a key that is refused as taken but has no object: an object
/// may be deleted between the two answers, but hardly three times. (A PutObject takes the next key
/// instead.)
const COMPLETIONS_AT_FREE_KEY: u32 = 3;

/// An object that is to become visible.
struct Publication<'a> {
    key: &'a str,
    object: &'a ObjectInfo,
    content: Content<'a>,
}

/// What the object is made of, hence which request makes it visible.
enum Content<'a> {
    Body(Bytes),
    Parts { upload_id: &'a str, parts: &'a [PartReceipt] },
}

/// Whether the request is conditional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// `If-None-Match: *`: fail if the key has an object, whatever its ETag.
    IfNoneMatch,
    None,
}

/// What a HEAD of the key says before a write.
enum KeyCheck {
    /// No object: the write may be sent.
    Free,
    /// Our own object: an earlier attempt has written it.
    Published,
    /// Another object, or one that cannot be told from ours.
    Refused(StoreError),
}

impl Publication<'_> {
    fn op(&self) -> Operation {
        match self.content {
            Content::Body(_) => Operation::PutObject,
            Content::Parts { .. } => Operation::CompleteMultipartUpload,
        }
    }

    fn token(&self) -> String {
        self.object.token.to_string()
    }

    /// How often the request is sent to a key that is refused as taken but has no object.
    fn tries_at_free_key(&self) -> u32 {
        match self.content {
            Content::Body(_) => 1,
            Content::Parts { .. } => COMPLETIONS_AT_FREE_KEY,
        }
    }

    /// Whether an object of this size can be the one that was sent. Always true for parts, whose
    /// sizes are no longer known.
    fn can_have(&self, size_bytes: Option<u64>) -> bool {
        match (&self.content, size_bytes) {
            (Content::Body(body), Some(bytes)) => body.len() as u64 == bytes,
            (Content::Body(_), None) | (Content::Parts { .. }, _) => true,
        }
    }
}

impl S3Store {
    /// Writes a whole object in one request, if no other object has the key.
    ///
    /// # Errors
    /// [`StoreError::asks_for_next_key`]: nothing was written. With [`Effect::Unknown`] the object
    /// may be there or may still appear; nothing may be acknowledged.
    pub(crate) async fn put(
        &self,
        key: &str,
        body: Bytes,
        object: &ObjectInfo,
    ) -> Result<(), StoreError> {
        self.publish(&Publication { key, object, content: Content::Body(body) }).await
    }

    /// Creates an object from the parts of an upload, if no other object has the key. `object` is
    /// the one that the upload was created with; `parts` are in order of their numbers.
    ///
    /// # Errors
    /// [`StoreErrorKind::KeyTaken`]: nothing was written and the upload still exists, for
    /// [`S3Store::abort_multipart`]. [`StoreErrorKind::NoSuchUpload`]: the parts are gone. With
    /// [`Effect::Unknown`] the object may be there or may still appear; nothing may be
    /// acknowledged.
    pub(crate) async fn complete_multipart(
        &self,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        object: &ObjectInfo,
    ) -> Result<(), StoreError> {
        self.publish(&Publication { key, object, content: Content::Parts { upload_id, parts } })
            .await
    }

    /// Whether the store honours the condition of a write: tries to write `object` at a `key` that
    /// has an object. If the store does not, the object is replaced.
    ///
    /// # Errors
    /// [`StoreError`]; the object may have been replaced.
    pub(crate) async fn honours_guard(
        &self,
        key: &str,
        body: Bytes,
        object: &ObjectInfo,
    ) -> Result<bool, StoreError> {
        let publication = Publication { key, object, content: Content::Body(body) };
        match self.send_publication(&publication, Guard::IfNoneMatch).await {
            Ok(()) => Ok(false),
            Err(StoreError { kind: StoreErrorKind::KeyTaken, .. }) => Ok(true),
            // The store says that it lacks conditional writes, so a HEAD will precede every write.
            Err(StoreError { kind: StoreErrorKind::Unsupported, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn publish(&self, publication: &Publication<'_>) -> Result<(), StoreError> {
        // Whether an attempt may have written the object although it was refused.
        let mut doubtful = false;
        if !self.capabilities().lacks_conditional_writes() {
            if self.head_before_put() {
                match self.check_key(publication, doubtful).await? {
                    KeyCheck::Free => {}
                    KeyCheck::Published => return Ok(()),
                    KeyCheck::Refused(error) => return Err(error),
                }
            }
            for tries_left in (0..publication.tries_at_free_key()).rev() {
                match self.send_publication(publication, Guard::IfNoneMatch).await {
                    Ok(()) => return Ok(()),
                    // No conditional writes: continue below, without the condition.
                    Err(refused) if refused.kind == StoreErrorKind::Unsupported => {
                        doubtful = refused.effect == Effect::Unknown;
                        break;
                    }
                    Err(failed) => {
                        match self.settle(publication, failed, Guard::IfNoneMatch).await {
                            Err(StoreError { kind: StoreErrorKind::RefusesFreeKey, .. })
                                if tries_left > 0 => {}
                            settled => return settled,
                        }
                    }
                }
            }
        }
        match self.check_key(publication, doubtful).await {
            Ok(KeyCheck::Free) => {}
            Ok(KeyCheck::Published) => return Ok(()),
            Ok(KeyCheck::Refused(error)) => return Err(error),
            // Without a HEAD it is unknown whether the earlier attempt has written the object.
            Err(unseen) if doubtful => {
                return Err(StoreError { effect: Effect::Unknown, ..unseen });
            }
            Err(unseen) => return Err(unseen),
        }
        match self.send_publication(publication, Guard::None).await {
            // Only now it is known that the condition was the reason of the refusal.
            Ok(()) => {
                self.capabilities().set_lacks_conditional_writes();
                Ok(())
            }
            Err(failed) => {
                // An earlier attempt stays doubtful, however plainly this one is refused.
                let effect = if doubtful { Effect::Unknown } else { failed.effect };
                self.settle(publication, StoreError { effect, ..failed }, Guard::None).await
            }
        }
    }

    /// Checks the key before a write. `doubtful`: an earlier attempt may have written the object.
    async fn check_key(
        &self,
        publication: &Publication<'_>,
        doubtful: bool,
    ) -> Result<KeyCheck, StoreError> {
        let Publication { key, object, .. } = publication;
        let op = publication.op();
        Ok(match self.key_owner(key, &publication.token()).await? {
            KeyOwner::Nobody => KeyCheck::Free,
            KeyOwner::Us => KeyCheck::Published,
            KeyOwner::AnotherWriter => KeyCheck::Refused(self.taken(op, key)),
            KeyOwner::Unmarked { size_bytes } if doubtful && publication.can_have(size_bytes) => {
                KeyCheck::Refused(self.loses_metadata(op, key))
            }
            KeyOwner::Unmarked { .. } => {
                KeyCheck::Refused(self.taken_by_unmarked(op, key, object).await)
            }
        })
    }

    /// Finds out what really happened in a publication that `failed`.
    async fn settle(
        &self,
        publication: &Publication<'_>,
        failed: StoreError,
        guard: Guard,
    ) -> Result<(), StoreError> {
        let Publication { key, object, .. } = publication;
        let is_taken = failed.kind == StoreErrorKind::KeyTaken;
        let upload_is_gone = failed.kind == StoreErrorKind::NoSuchUpload;
        let doubtful = failed.effect == Effect::Unknown;
        if !doubtful && !is_taken && !upload_is_gone {
            return Err(failed);
        }
        let unknown = |error: StoreError| StoreError { effect: Effect::Unknown, ..error };
        // A store that is not AWS may ignore the condition. A 412 shows that this one does not.
        let guard_holds = is_taken || (guard == Guard::IfNoneMatch && !self.head_before_put());
        match self.key_owner(key, &publication.token()).await {
            Ok(KeyOwner::Us) => Ok(()),
            Ok(KeyOwner::Unmarked { size_bytes })
                if doubtful && publication.can_have(size_bytes) =>
            {
                Err(self.loses_metadata(publication.op(), key))
            }
            // The parts are gone, so no request in flight can take effect.
            Ok(KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. } | KeyOwner::Nobody)
                if upload_is_gone =>
            {
                Err(StoreError { effect: Effect::NotApplied, ..failed })
            }
            Ok(KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. }) if doubtful && !guard_holds => {
                Err(unknown(failed))
            }
            Ok(KeyOwner::AnotherWriter) => Err(self.taken(failed.op, key)),
            Ok(KeyOwner::Unmarked { .. }) => {
                Err(self.taken_by_unmarked(publication.op(), key, object).await)
            }
            // An attempt may have written the object, which was deleted since or is not visible
            // yet.
            Ok(KeyOwner::Nobody) if is_taken && doubtful => {
                Err(StoreError { kind: StoreErrorKind::Conflict, ..failed })
            }
            Ok(KeyOwner::Nobody) if is_taken => {
                Err(StoreError { kind: StoreErrorKind::RefusesFreeKey, ..failed })
            }
            Ok(KeyOwner::Nobody) => Err(unknown(failed)),
            // The HEAD failed. Its error is reported if the user can act on it, or if the write was
            // refused as taken: that refusal means nothing without a HEAD.
            Err(unseen) if is_taken || unseen.kind.failure_type() == FailureType::Config => {
                Err(unknown(unseen))
            }
            Err(_) => Err(unknown(failed)),
        }
    }

    fn loses_metadata(&self, op: Operation, key: &str) -> StoreError {
        self.call(op, key, 0).without_answer(StoreErrorKind::LosesMetadata, Effect::Unknown)
    }

    async fn send_publication(
        &self,
        publication: &Publication<'_>,
        guard: Guard,
    ) -> Result<(), StoreError> {
        let Publication { key, object, content } = publication;
        let if_none_match = match guard {
            Guard::IfNoneMatch => Some("*".to_owned()),
            Guard::None => None,
        };
        match content {
            Content::Body(body) => {
                let digests = Digests::of(self.checksum(), body);
                let request = self
                    .client()
                    .put_object()
                    .bucket(self.bucket())
                    .key(*key)
                    .content_type(object.content_type)
                    .set_metadata(Some(object.user_metadata(key)))
                    .set_expected_bucket_owner(self.bucket_owner())
                    .object_headers(self.headers())
                    .set_checksum_algorithm(self.checksum().algorithm())
                    .set_checksum_sha256(digests.sha256.clone())
                    .set_content_md5(digests.content_md5.clone())
                    .set_if_none_match(if_none_match)
                    .body(ByteStream::from(body.clone()));
                let overrides = digests.sign(self.body_timeouts(body.len()));
                self.send_with(key, overrides, request).await.map(drop)
            }
            Content::Parts { upload_id, parts } => {
                let request = self
                    .client()
                    .complete_multipart_upload()
                    .bucket(self.bucket())
                    .key(*key)
                    .upload_id(*upload_id)
                    .set_expected_bucket_owner(self.bucket_owner())
                    .multipart_upload(completed(parts, self.checksum()))
                    .set_if_none_match(if_none_match);
                self.send_with(key, self.work_timeouts(), request).await.map(drop)
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
