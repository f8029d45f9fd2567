//! The requests that need no second look: the parts of an upload, and reading back.
//!
//! Invariants
//! - Bodies are in memory: their checksum then travels in a header, which every store understands.
//!   (A streaming body is sent in signed chunks with a trailer, which several stores refuse.)
//! - The checksum algorithm is named when an upload is created, on each part, and each part's
//!   checksum is repeated at the end: the one form that every store accepts.
//! - Every request names the account that must own the bucket, where one is configured.
//!
//! Not here: requests that make an object visible (`publish`), requests about whole objects
//! (`objects`).

use aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadOutput;
use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use crate::error::found_in;
use crate::store::answers::Stalled;
use crate::store::answers::{Effect, StoreError, StoreErrorKind};
use crate::store::client::checksum::Digests;
use crate::store::client::headers::TakesObjectHeaders;
use crate::store::client::s3_store::S3Store;
use crate::store::client::settings::ObjectInfo;
use crate::store::operation::Operation;

/// Proof that a part is in S3. CompleteMultipartUpload takes all of them, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartReceipt {
    /// 1 to 10,000.
    pub part_number: i32,
    /// The part's ETag.
    pub etag: String,
    /// The part's checksum in Base64, where one was sent and the store has confirmed it.
    pub checksum: Option<String>,
}

impl S3Store {
    /// Begins a multipart upload and returns its id. Nothing is visible before
    /// [`S3Store::complete_multipart`].
    ///
    /// # Errors
    /// [`StoreError`]. With [`Effect::Unknown`] an empty upload may have been left behind, which
    /// only a lifecycle rule removes.
    pub async fn create_multipart(
        &self,
        key: &str,
        object: &ObjectInfo,
    ) -> Result<String, StoreError> {
        let request = self
            .inner
            .client
            .create_multipart_upload()
            .bucket(self.bucket())
            .key(key)
            .content_type(object.content_type)
            .set_metadata(Some(object.user_metadata(key)))
            .set_checksum_algorithm(self.inner.checksum.algorithm())
            .set_checksum_type(self.inner.checksum.of_whole_upload())
            .set_expected_bucket_owner(self.bucket_owner())
            .object_headers(&self.inner.headers);
        let created = self
            .send_for(
                Operation::CreateMultipartUpload,
                key,
                self.sending(0),
                |created: &CreateMultipartUploadOutput| {
                    created.upload_id.as_ref().is_some_and(|id| !id.is_empty())
                },
                |with| request.customize().config_override(with).send(),
            )
            .await?;
        Ok(created.upload_id.unwrap_or_default())
    }

    /// Uploads one part: at least 5 MiB unless it is the last one. Doing it again replaces the
    /// part.
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
        let digests = Digests::of(self.inner.checksum, &body);
        let bytes = body.len();
        let request = self
            .inner
            .client
            .upload_part()
            .bucket(self.bucket())
            .key(key)
            .upload_id(upload_id)
            .part_number(part_number)
            .set_expected_bucket_owner(self.bucket_owner())
            .set_checksum_algorithm(self.inner.checksum.algorithm())
            .set_checksum_sha256(digests.sha256.clone())
            .set_content_md5(digests.content_md5.clone())
            .body(ByteStream::from(body));
        let uploaded = self
            .send_for(
                Operation::UploadPart,
                key,
                digests.sign(self.sending(bytes)),
                |uploaded: &UploadPartOutput| uploaded.e_tag.is_some(),
                |with| request.customize().config_override(with).send(),
            )
            .await?;
        let etag = uploaded.e_tag.clone().unwrap_or_default();
        Ok(PartReceipt { part_number, etag, checksum: self.inner.checksum.confirmed(uploaded) })
    }

    /// Discards an upload and its parts. An upload that no longer exists is discarded already.
    ///
    /// # Errors
    /// [`StoreError`]; the parts stay until a lifecycle rule removes them. The vendor's policy does
    /// not grant `s3:AbortMultipartUpload`: callers warn and go on.
    pub async fn abort_multipart(&self, key: &str, upload_id: &str) -> Result<(), StoreError> {
        let request = self
            .inner
            .client
            .abort_multipart_upload()
            .bucket(self.bucket())
            .key(key)
            .upload_id(upload_id)
            .set_expected_bucket_owner(self.bucket_owner());
        let aborted = self
            .send(Operation::AbortMultipartUpload, key, |with| {
                request.customize().config_override(with).send()
            })
            .await;
        match aborted {
            Err(error) if error.kind == StoreErrorKind::NoSuchUpload => Ok(()),
            aborted => aborted.map(drop),
        }
    }

    /// The whole object, in memory.
    ///
    /// # Errors
    /// [`StoreErrorKind::NotFound`] when there is none, else as S3 says.
    pub async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let request = self
            .inner
            .client
            .get_object()
            .bucket(self.bucket())
            .key(key)
            .set_expected_bucket_owner(self.bucket_owner());
        let object = self
            .send(Operation::GetObject, key, |with| {
                request.customize().config_override(with).send()
            })
            .await?;
        match object.body.collect().await {
            Ok(body) => Ok(body.into_bytes()),
            Err(broken) => {
                let stalled = found_in::<Stalled>(&broken).is_some();
                let kind =
                    if stalled { StoreErrorKind::Timeout } else { StoreErrorKind::Connection };
                Err(self
                    .call(Operation::GetObject, key, 1)
                    .without_answer(kind, Effect::NotApplied))
            }
        }
    }
}
