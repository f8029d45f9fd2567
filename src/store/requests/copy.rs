//! Copying objects on the server.
//!
//! | request | answer | what is done |
//! |---|---|---|
//! | CopyObject | timeout, reset, 5xx, an error inside a 200, a refusal after an earlier attempt | HEAD of the target: the token of the copied object means success |
//! | CopyObject | success | HEAD of the target: a copy without the hash of its own key is removed ([`S3Store::confirm_copy`]) |
//!
//! Not here: which objects are copied (`replace`).

use aws_sdk_s3::types::MetadataDirective;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::read::KeyOwner;
use crate::store::answers::{Effect, StoreError, StoreErrorKind};
use crate::store::client::{S3Store, TakesObjectHeaders};
use crate::store::operation::Operation;

/// Characters that a path in a header need not encode. S3 decodes the others, including `+`.
const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

impl S3Store {
    /// Copies the object at `from`, which has `token`, over `to` on the server, whatever `to`
    /// holds. The copy keeps the metadata and headers, except for the hash of the key, which
    /// becomes the hash of `to`. A reader of `to` sees either the whole old object or the whole new
    /// one. S3 copies up to 5 GiB in this way.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`]: the object is not at `from`. With [`Effect::Unknown`] the copy
    /// may be there or may still appear.
    pub(crate) async fn copy(&self, from: &str, to: &str, token: &str) -> Result<(), StoreError> {
        let Some(object) = self.head(from).await?.filter(|object| object.token() == Some(token))
        else {
            // Another process may have copied it and deleted the original.
            if self.key_owner(to, token).await? == KeyOwner::Us {
                return Ok(());
            }
            let call = self.call(Operation::CopyObject, from, 0);
            return Err(call.without_answer(StoreErrorKind::NotFound, Effect::NotApplied));
        };
        let source = format!("{}/{from}", self.bucket());
        let request = self
            .client()
            .copy_object()
            .bucket(self.bucket())
            .key(to)
            .copy_source(utf8_percent_encode(&source, UNRESERVED).to_string())
            .set_expected_bucket_owner(self.bucket_owner())
            .set_expected_source_bucket_owner(self.bucket_owner())
            .object_headers(self.headers())
            .set_tagging_directive(self.headers().tagging_directive())
            .metadata_directive(MetadataDirective::Replace)
            .set_metadata(Some(object.metadata_at(to)));
        let request = object.headers.repeat(request);
        let Err(failed) = self.send_with(to, self.work_timeouts(), request).await else {
            return Ok(());
        };
        let source_is_gone = failed.kind == StoreErrorKind::NotFound;
        if failed.effect == Effect::NotApplied && !source_is_gone {
            return Err(failed);
        }
        match self.key_owner(to, token).await {
            Ok(KeyOwner::Us) => Ok(()),
            Ok(KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. } | KeyOwner::Nobody) | Err(_)
                if source_is_gone =>
            {
                Err(failed.with_key(from))
            }
            Ok(KeyOwner::AnotherWriter | KeyOwner::Unmarked { .. } | KeyOwner::Nobody) | Err(_) => {
                Err(StoreError { effect: Effect::Unknown, ..failed })
            }
        }
    }

    /// Checks that the copy at `to` of the object with `token` has the hash of its own key. Some
    /// stores give a copy the metadata of its source whatever the request says. Such a copy would
    /// count as an archive forever, so it is removed. If the HEAD fails, the copy is left as it is.
    ///
    /// # Errors
    /// [`StoreErrorKind::LosesMetadata`]: the copy was removed. Another error: it could not be.
    pub(crate) async fn confirm_copy(&self, to: &str, token: &str) -> Result<(), StoreError> {
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
}
