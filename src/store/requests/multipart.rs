//! The parts of a multipart upload: begin, upload, abort.
//!
//! Invariants
//! - Bodies are in memory: their checksum is then a header, which every store understands. (A
//!   streaming body is sent in signed chunks with a trailer, which several stores refuse.)
//! - The checksum algorithm is named when an upload is created and on each part, and each part's
//!   checksum is repeated at the end: the one form that every store accepts.
//!
//! Not here: the request that makes the object visible (`publish`).

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use crate::store::answers::{StoreError, StoreErrorKind};
use crate::store::client::{Digests, ObjectInfo, S3Store, TakesObjectHeaders};

/// Proof that a part is in S3. CompleteMultipartUpload takes all of them, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartReceipt {
    /// 1 to 10,000.
    pub part_number: i32,
    /// The part's ETag.
    pub etag: String,
    /// The part's checksum in Base64, if one was sent and the store has confirmed it.
    pub checksum: Option<String>,
}

impl S3Store {
    /// Begins a multipart upload and returns its id. Nothing is visible before
    /// [`S3Store::complete_multipart`].
    ///
    /// # Errors
    /// [`StoreError`]. With [`Effect::Unknown`](crate::store::Effect::Unknown) an empty upload may
    /// have been left behind, which only a lifecycle rule removes.
    pub(crate) async fn create_multipart(
        &self,
        key: &str,
        object: &ObjectInfo,
    ) -> Result<String, StoreError> {
        let request = self
            .client()
            .create_multipart_upload()
            .bucket(self.bucket())
            .key(key)
            .content_type(object.content_type)
            .set_metadata(Some(object.user_metadata(key)))
            .set_checksum_algorithm(self.checksum().algorithm())
            .set_checksum_type(self.checksum().of_whole_upload())
            .set_expected_bucket_owner(self.bucket_owner())
            .object_headers(self.headers());
        let created = self.send_with(key, self.body_timeouts(0), request).await?;
        Ok(created.upload_id.unwrap_or_default())
    }

    /// Uploads one part: at least 5 MiB unless it is the last one. Uploading it again replaces the
    /// part.
    ///
    /// # Errors
    /// [`StoreError`]; the upload is intact, so the part may be sent again.
    pub(crate) async fn upload_part(
        &self,
        key: &str,
        upload_id: &str,
        part_number: i32,
        body: Bytes,
    ) -> Result<PartReceipt, StoreError> {
        let digests = Digests::of(self.checksum(), &body);
        let bytes = body.len();
        let request = self
            .client()
            .upload_part()
            .bucket(self.bucket())
            .key(key)
            .upload_id(upload_id)
            .part_number(part_number)
            .set_expected_bucket_owner(self.bucket_owner())
            .set_checksum_algorithm(self.checksum().algorithm())
            .set_checksum_sha256(digests.sha256.clone())
            .set_content_md5(digests.content_md5.clone())
            .body(ByteStream::from(body));
        let overrides = digests.sign(self.body_timeouts(bytes));
        let uploaded = self.send_with(key, overrides, request).await?;
        let etag = uploaded.e_tag.clone().unwrap_or_default();
        Ok(PartReceipt { part_number, etag, checksum: self.checksum().confirmed(uploaded) })
    }

    /// Discards an upload and its parts. An upload that no longer exists counts as discarded.
    ///
    /// # Errors
    /// [`StoreError`]; the parts stay until a lifecycle rule removes them. The vendor's policy does
    /// not grant `s3:AbortMultipartUpload`: callers warn and go on.
    pub(crate) async fn abort_multipart(
        &self,
        key: &str,
        upload_id: &str,
    ) -> Result<(), StoreError> {
        let request = self
            .client()
            .abort_multipart_upload()
            .bucket(self.bucket())
            .key(key)
            .upload_id(upload_id)
            .set_expected_bucket_owner(self.bucket_owner());
        match self.send(key, request).await {
            Err(error) if error.kind == StoreErrorKind::NoSuchUpload => Ok(()),
            aborted => aborted.map(drop),
        }
    }
}
