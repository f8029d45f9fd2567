//! Implements the operations of S3 on the [`Store`].
//!
//! Bodies are read and hashed before the store is locked; each operation then happens under one
//! lock.
//!
//! Not implemented, and answered with 501: everything that the connector never asks for, such as
//! versions and listings of uploads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::HeaderMap;
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::*;
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

use super::checks::{check_conditions, check_names, headers_of, md5_hex, verified, whole};
use super::keyring::Keyring;
use super::quirks::Quirk;
use super::store::{Description, Object, Page, Part, Store, Upload};
use super::uploads::{assemble, check_equal, check_number, check_part, part_lengths};

/// The region of every bucket.
const REGION: &str = "us-east-1";
/// A batch of DeleteObjects has at most this many keys.
const BATCH_LIMIT: usize = 1000;
/// The type of an object that was stored without one.
const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// The body of a request as it was sent, kept in the request's extensions: DeleteObjects is parsed
/// before it gets here, but its digest covers the text.
#[derive(Clone, Debug)]
pub(crate) struct RawBody(pub(crate) Bytes);

/// The members that PutObject, CreateMultipartUpload and CopyObject have in common.
macro_rules! description {
    ($input:expr) => {
        Description {
            metadata: $input.metadata.unwrap_or_default(),
            cache_control: $input.cache_control,
            content_disposition: $input.content_disposition,
            content_encoding: $input.content_encoding,
            content_language: $input.content_language,
            content_type: $input.content_type,
        }
    };
}

#[async_trait]
impl S3 for Store {
    async fn put_object(
        &self,
        mut req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let content = whole(req.input.body.take()).await?;
        check_names(&req, &req.input.key)?;
        let sums = verified(&req, &content)?;
        let headers = headers_of(&sums);

        let mut state = self.lock();
        let loses = state.has(&Quirk::LosesMetadata);
        let bucket = state.bucket(&req.input.bucket)?;
        check_conditions(&req, bucket.get(&req.input.key).map(|object| object.etag.as_str()))?;
        let mut object = Object::whole(content, description!(req.input), sums);
        if loses {
            object.description.metadata.clear();
        }
        let e_tag = Some(ETag::Strong(object.etag.clone()));
        bucket.insert(req.input.key, object);
        Ok(S3Response::with_headers(PutObjectOutput { e_tag, ..Default::default() }, headers))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        check_names(&req, &req.input.key)?;
        let input = req.input;
        let algorithm =
            input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned());
        let checksum_type = input.checksum_type.as_ref().map(ChecksumType::as_str);
        let upload = Upload {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            is_composite: algorithm.as_deref() != Some("CRC64NVME")
                && checksum_type != Some("FULL_OBJECT"),
            algorithm,
            description: description!(input),
            parts: BTreeMap::new(),
        };
        let output = CreateMultipartUploadOutput {
            upload_id: Some(self.lock().begin(upload)?),
            bucket: Some(input.bucket),
            key: Some(input.key),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn upload_part(
        &self,
        mut req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let content = whole(req.input.body.take()).await?;
        check_number(req.input.part_number)?;
        let sums = verified(&req, &content)?;
        let headers = headers_of(&sums);
        let etag = md5_hex(&content);

        let mut state = self.lock();
        let upload = state.upload(&req.input.bucket, &req.input.key, &req.input.upload_id)?;
        check_part(upload, &sums)?;
        upload.parts.insert(req.input.part_number, Part { content, etag: etag.clone(), sums });
        let output = UploadPartOutput { e_tag: Some(ETag::Strong(etag)), ..Default::default() };
        Ok(S3Response::with_headers(output, headers))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let listed = req.input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref());

        let mut state = self.lock();
        let upload = state.upload(&req.input.bucket, &req.input.key, &req.input.upload_id)?;
        let lengths = part_lengths(upload);
        let mut object = assemble(upload, listed.unwrap_or_default())?;
        if state.has(&Quirk::WantsEqualParts) {
            check_equal(&lengths)?;
        }
        if state.has(&Quirk::LosesMetadata) || state.has(&Quirk::LosesMetadataOfUploads) {
            object.description.metadata.clear();
        }
        let bucket = state.bucket(&req.input.bucket)?;
        check_conditions(&req, bucket.get(&req.input.key).map(|object| object.etag.as_str()))?;
        let e_tag = Some(ETag::Strong(object.etag.clone()));
        bucket.insert(req.input.key.clone(), object);
        state.part_lengths.push(lengths);
        state.uploads.remove(&req.input.upload_id);
        let (bucket, key) = (Some(req.input.bucket), Some(req.input.key));
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket,
            key,
            e_tag,
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let mut state = self.lock();
        state.upload(&req.input.bucket, &req.input.key, &req.input.upload_id)?;
        state.uploads.remove(&req.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        check_names(&req, &req.input.key)?;
        let CopySource::Bucket { bucket: from_bucket, key: from_key, version_id: None } =
            &req.input.copy_source
        else {
            return Err(s3_error!(NotImplemented));
        };
        let replaces =
            req.input.metadata_directive.as_ref().map(MetadataDirective::as_str) == Some("REPLACE");

        let mut state = self.lock();
        let replaces = replaces && !state.has(&Quirk::IgnoresMetadataDirective);
        let source = state.object(from_bucket, from_key)?;
        if let Some(condition) = &req.input.copy_source_if_match
            && condition
                .as_etag()
                .is_some_and(|etag| !etag.strong_cmp(&ETag::Strong(source.etag.clone())))
        {
            return Err(s3_error!(PreconditionFailed));
        }
        if !replaces && **from_bucket == *req.input.bucket && **from_key == *req.input.key {
            return Err(s3_error!(
                InvalidRequest,
                "An object cannot be copied to itself without a change"
            ));
        }
        let bucket = state.bucket(&req.input.bucket)?;
        check_conditions(&req, bucket.get(&req.input.key).map(|object| object.etag.as_str()))?;
        let input = req.input;
        let description = if replaces { description!(input) } else { source.description };
        let object = Object::whole(source.content, description, source.sums);
        let result = CopyObjectResult {
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(object.modified.clone()),
            ..Default::default()
        };
        bucket.insert(input.key, object);
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            ..Default::default()
        }))
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let object = self.lock().object(&input.bucket, &input.key)?;
        let size = object.content.len() as u64;
        let wanted = input.range.map(|range| range.check(size)).transpose()?;
        let content = match &wanted {
            None => object.content.clone(),
            Some(range) => object.content.slice(range.start as usize..range.end as usize),
        };
        let output = GetObjectOutput {
            content_length: Some(content.len() as i64),
            content_range: wanted
                .map(|range| format!("bytes {}-{}/{size}", range.start, range.end - 1)),
            body: Some(StreamingBlob::from(Body::from(content))),
            accept_ranges: Some("bytes".to_owned()),
            cache_control: object.description.cache_control,
            content_disposition: object.description.content_disposition,
            content_encoding: object.description.content_encoding,
            content_language: object.description.content_language,
            content_type: Some(
                object.description.content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.into()),
            ),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified),
            metadata: Some(object.description.metadata),
            ..Default::default()
        };
        // S3 returns no checksum for a range.
        let gives_sums = input.checksum_mode.is_some() && input.range.is_none();
        let sums = if gives_sums { headers_of(&object.sums) } else { HeaderMap::new() };
        Ok(S3Response::with_headers(output, sums))
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let object = self.lock().object(&input.bucket, &input.key)?;
        let output = HeadObjectOutput {
            content_length: Some(object.content.len() as i64),
            accept_ranges: Some("bytes".to_owned()),
            cache_control: object.description.cache_control,
            content_disposition: object.description.content_disposition,
            content_encoding: object.description.content_encoding,
            content_language: object.description.content_language,
            content_type: Some(
                object.description.content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.into()),
            ),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified),
            metadata: Some(object.description.metadata),
            ..Default::default()
        };
        let gives_sums = input.checksum_mode.is_some();
        let sums = if gives_sums { headers_of(&object.sums) } else { HeaderMap::new() };
        Ok(S3Response::with_headers(output, sums))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let max_keys = match input.max_keys {
            Some(keys) => usize::try_from(keys).map_err(|e| s3_error!(e, InvalidArgument))?,
            None => usize::MAX,
        };
        let token = input.continuation_token.as_deref().map(from_token).transpose()?;
        let mut state = self.lock();
        let same_token = state.has(&Quirk::SameToken);
        let start_after =
            input.start_after.as_deref().filter(|_| !state.has(&Quirk::IgnoresStartAfter));
        let after = token.as_deref().filter(|_| !same_token).or(start_after);
        let (prefix, delimiter) = (input.prefix.unwrap_or_default(), input.delimiter);
        let mut page = state.list(&input.bucket, &prefix, delimiter.as_deref(), after, max_keys)?;
        if state.has(&Quirk::EmptyPages) {
            page = Page {
                next: Some(format!("{}+", token.as_deref().unwrap_or_default())),
                ..Page::default()
            };
        }
        let no_token = state.has(&Quirk::NoToken);
        let next_token = page.next.as_deref().filter(|_| !no_token);
        let next_token = next_token.map(|next| to_token(if same_token { "same" } else { next }));
        drop(state);
        let object = |(key, object): (String, Object)| s3s::dto::Object {
            key: Some(key),
            size: Some(object.content.len() as i64),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified),
            ..Default::default()
        };
        let output = ListObjectsV2Output {
            name: Some(input.bucket),
            key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
            max_keys: Some(input.max_keys.unwrap_or(1000).min(1000)),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: next_token,
            contents: Some(page.objects.into_iter().map(object).collect()),
            common_prefixes: Some(
                page.prefixes
                    .into_iter()
                    .map(|prefix| CommonPrefix { prefix: Some(prefix) })
                    .collect(),
            ),
            prefix: Some(prefix),
            delimiter,
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let mut state = self.lock();
        if !state.is_deletable(&req.input.key) {
            return Err(s3_error!(AccessDenied));
        }
        state.bucket(&req.input.bucket)?.remove(&req.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let text = req.extensions.get::<RawBody>().expect("the front keeps the body").0.clone();
        if verified(&req, &text)?.is_empty() && !req.headers.contains_key("content-md5") {
            return Err(s3_error!(
                InvalidRequest,
                "Missing required header: Content-MD5 OR x-amz-checksum-*"
            ));
        }
        let keys = req.input.delete.objects;
        if keys.is_empty() || keys.len() > BATCH_LIMIT {
            return Err(s3_error!(MalformedXML));
        }
        let mut state = self.lock();
        let mut deleted = Vec::new();
        let mut errors = Vec::new();
        for ObjectIdentifier { key, .. } in keys {
            if !state.is_deletable(&key) {
                let code = Some("AccessDenied".to_owned());
                errors.push(Error { key: Some(key), code, ..Default::default() });
                continue;
            }
            state.bucket(&req.input.bucket)?.remove(&key);
            deleted.push(DeletedObject { key: Some(key), ..Default::default() });
        }
        let deleted = (req.input.delete.quiet != Some(true)).then_some(deleted);
        let errors = (!errors.is_empty()).then_some(errors);
        Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, ..Default::default() }))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.lock().bucket(&req.input.bucket)?;
        // An empty answer is how S3 says us-east-1.
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.lock().bucket(&req.input.bucket)?;
        let bucket_region = Some(REGION.to_owned());
        Ok(S3Response::new(HeadBucketOutput { bucket_region, ..Default::default() }))
    }
}

#[async_trait]
impl S3Auth for Keyring {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let key = self.key(access_key).ok_or_else(|| s3_error!(InvalidAccessKeyId))?;
        Ok(SecretKey::from(key.secret))
    }
}

/// Encodes a name as a continuation token: opaque, and of characters that need no escaping.
fn to_token(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_token(token: &str) -> S3Result<String> {
    let digits =
        |index| token.get(index..index + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(digits).collect();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}
