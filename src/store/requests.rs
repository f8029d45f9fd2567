//! The requests that need no second look: listing, parts, reading back, deleting.
//!
//! Invariants
//! - Bodies are in memory: their CRC32 then travels in a header, which every store understands. (A streaming body is
//!   sent in signed chunks with a trailer, which several stores refuse.)
//! - The checksum algorithm is named when an upload is created, on each part, and each part's checksum is repeated at the
//!   end: the one form that every store accepts.
//!
//! Not here: requests that make an object visible (`publish`).

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;
use uuid::Uuid;

use super::call::Sent;
use super::classify::classify;
use super::client::S3Store;
use super::error::{Effect, Operation, StoreError, StoreErrorKind};
use super::settings::ObjectInfo;

/// Proof that a part is in S3. CompleteMultipartUpload takes all of them, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartReceipt {
    /// 1 to 10,000.
    pub part_number: i32,
    /// The part's ETag.
    pub etag: String,
    /// The part's CRC32 in Base64, where the store returns it.
    pub crc32: Option<String>,
}

/// What is under a prefix, up to the next `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Objects.
    pub keys: Vec<String>,
    /// Common prefixes, each with its `/` at the end.
    pub folders: Vec<String>,
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// No object.
    Nobody,
    /// The object with the token that was asked for.
    Us,
    /// Another object.
    SomebodyElse,
}

impl S3Store {
    /// The keys that begin with `prefix` and have no further `/` after it, from all pages.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.list(prefix).await.map(|listing| listing.keys)
    }

    /// As [`S3Store::list_keys`], with the folders that the other keys are in: what `KeyAllocator::listed` takes, which
    /// must see folders where the template has `{part}` in a folder's name.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub async fn list(&self, prefix: &str) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        let add = |mut page: Listing| {
            listing.keys.append(&mut page.keys);
            listing.folders.append(&mut page.folders);
        };
        self.list_pages(prefix, add).await?;
        Ok(listing)
    }

    /// As [`S3Store::list`], page by page (1,000 names at most): a folder may hold more than memory does.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed. Pages may have been seen.
    pub async fn list_pages(&self, prefix: &str, mut see: impl FnMut(Listing)) -> Result<(), StoreError> {
        let mut next_page = None;
        loop {
            let sent = Sent::default();
            let page = self
                .inner
                .client
                .list_objects_v2()
                .bucket(self.bucket())
                .prefix(prefix)
                .delimiter("/")
                .set_continuation_token(next_page.take())
                .customize()
                .interceptor(sent.clone())
                .send()
                .await
                .map_err(|error| classify(&self.call(Operation::ListObjects, prefix, &sent), &error))?;
            let (objects, folders) =
                (page.contents.unwrap_or_default(), page.common_prefixes.unwrap_or_default());
            see(Listing {
                keys: objects.into_iter().filter_map(|object| object.key).collect(),
                folders: folders.into_iter().filter_map(|folder| folder.prefix).collect(),
            });
            next_page = page.next_continuation_token.filter(|_| page.is_truncated == Some(true));
            if next_page.is_none() {
                return Ok(());
            }
        }
    }

    /// Begins a multipart upload and returns its id. Nothing is visible before [`S3Store::complete_multipart`].
    ///
    /// # Errors
    /// [`StoreError`]. With [`Effect::Unknown`] an empty upload may have been left behind, which only a lifecycle rule
    /// removes.
    pub async fn create_multipart(&self, key: &str, object: &ObjectInfo) -> Result<String, StoreError> {
        let sent = Sent::default();
        let created = self
            .inner
            .client
            .create_multipart_upload()
            .bucket(self.bucket())
            .key(key)
            .content_type(object.content_type)
            .set_metadata(Some(object.user_metadata()))
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .customize()
            .interceptor(sent.clone())
            .send()
            .await;
        let call = self.call(Operation::CreateMultipartUpload, key, &sent);
        let created = created.map_err(|error| classify(&call, &error))?;
        created
            .upload_id
            .filter(|id| !id.is_empty())
            .ok_or_else(|| call.without_answer(StoreErrorKind::Unknown, Effect::Unknown))
    }

    /// Uploads one part: at least 5 MiB unless it is the last one. Doing it again replaces the part.
    ///
    /// # Errors
    /// [`StoreError`]; the upload is as good as before, so that the part may be sent again.
    pub async fn upload_part(
        &self,
        key: &str,
        upload_id: &str,
        part_number: i32,
        body: Bytes,
    ) -> Result<PartReceipt, StoreError> {
        let sent = Sent::default();
        let overrides = self.sending(body.len());
        let uploaded = self
            .inner
            .client
            .upload_part()
            .bucket(self.bucket())
            .key(key)
            .upload_id(upload_id)
            .part_number(part_number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(body))
            .customize()
            .config_override(overrides)
            .interceptor(sent.clone())
            .send()
            .await;
        let call = self.call(Operation::UploadPart, key, &sent);
        let uploaded = uploaded.map_err(|error| classify(&call, &error))?;
        let etag =
            uploaded.e_tag.ok_or_else(|| call.without_answer(StoreErrorKind::Unknown, Effect::Unknown))?;
        Ok(PartReceipt { part_number, etag, crc32: uploaded.checksum_crc32 })
    }

    /// Discards an upload and its parts. An upload that no longer exists is discarded already.
    ///
    /// # Errors
    /// [`StoreError`]; the parts stay until a lifecycle rule removes them. The vendor's policy does not grant
    /// `s3:AbortMultipartUpload`: callers warn and go on.
    pub async fn abort_multipart(&self, key: &str, upload_id: &str) -> Result<(), StoreError> {
        let sent = Sent::default();
        let aborted = self
            .inner
            .client
            .abort_multipart_upload()
            .bucket(self.bucket())
            .key(key)
            .upload_id(upload_id)
            .customize()
            .interceptor(sent.clone())
            .send()
            .await;
        match aborted {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = classify(&self.call(Operation::AbortMultipartUpload, key, &sent), &error);
                if error.kind == StoreErrorKind::NoSuchUpload { Ok(()) } else { Err(error) }
            }
        }
    }

    /// The whole object, in memory.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`] when there is none, else as S3 says.
    pub async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let sent = Sent::default();
        let object = self
            .inner
            .client
            .get_object()
            .bucket(self.bucket())
            .key(key)
            .customize()
            .interceptor(sent.clone())
            .send()
            .await;
        let call = self.call(Operation::GetObject, key, &sent);
        let object = object.map_err(|error| classify(&call, &error))?;
        match object.body.collect().await {
            Ok(body) => Ok(body.into_bytes()),
            Err(_) => Err(call.without_answer(StoreErrorKind::Connection, Effect::NotApplied)),
        }
    }

    /// Deletes the object; in a versioned bucket it becomes invisible. An object that is not there is deleted already.
    ///
    /// # Errors
    /// [`StoreError`]. With [`Effect::Unknown`] the object may be gone.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let sent = Sent::default();
        self.inner
            .client
            .delete_object()
            .bucket(self.bucket())
            .key(key)
            .customize()
            .interceptor(sent.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| classify(&self.call(Operation::DeleteObject, key, &sent), &error))
    }

    /// Whose object is at `key`, going by `token`.
    pub(super) async fn holder(&self, key: &str, token: Uuid) -> Result<Holder, StoreError> {
        let sent = Sent::default();
        let head = self
            .inner
            .client
            .head_object()
            .bucket(self.bucket())
            .key(key)
            .customize()
            .interceptor(sent.clone())
            .send()
            .await;
        match head {
            Ok(head) => {
                let token = token.to_string();
                // Some stores give metadata keys back in title case.
                let ours =
                    head.metadata.unwrap_or_default().into_iter().any(|(name, value)| {
                        name.eq_ignore_ascii_case(ObjectInfo::TOKEN_KEY) && value == token
                    });
                Ok(if ours { Holder::Us } else { Holder::SomebodyElse })
            }
            Err(error) => {
                let error = classify(&self.call(Operation::HeadObject, key, &sent), &error);
                if error.kind == StoreErrorKind::NotFound { Ok(Holder::Nobody) } else { Err(error) }
            }
        }
    }
}
