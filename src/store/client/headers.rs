//! The options of every object in the SDK's types, and the one place that sets them on a request.
//!
//! [`ObjectOptions`] -> [`ObjectHeaders`], made once for a store -> the three requests that create
//! an object.
//!
//! Invariants
//! - A copy inherits neither storage class, ACL nor encryption: its request states all of them.
//! - Configured tags replace those of the copied object, so that S3 need not read them (which would
//!   require `s3:GetObjectTagging`).
//!
//! Not here: the same table read backwards, from a refused header to its setting
//! (`answers::refused_option`).

use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::types::{
    ObjectCannedAcl, ServerSideEncryption, StorageClass as Class, TaggingDirective,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::store::operation::Operation;
use crate::store::options::{CannedAcl, Encryption, ObjectOptions, StorageClass, Tag};

/// Characters that a tag need not encode. S3 decodes the others.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The headers with which every object of a store is created. `None` leaves a choice to the bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectHeaders {
    encryption: Option<ServerSideEncryption>,
    kms_key_id: Option<String>,
    bucket_key: Option<bool>,
    storage_class: Option<Class>,
    /// `key=value&key=value`, with percent-encoded keys and values.
    tagging: Option<String>,
    acl: Option<ObjectCannedAcl>,
}

impl From<&ObjectOptions> for ObjectHeaders {
    fn from(options: &ObjectOptions) -> Self {
        let (encryption, kms_key_id, bucket_key) = match &options.encryption {
            Encryption::BucketDefault => (None, None, None),
            Encryption::Aes256 => (Some(ServerSideEncryption::Aes256), None, None),
            Encryption::Kms { key, bucket_key } => {
                (Some(ServerSideEncryption::AwsKms), key.clone(), *bucket_key)
            }
            Encryption::KmsDsse { key } => {
                (Some(ServerSideEncryption::AwsKmsDsse), key.clone(), None)
            }
        };
        Self {
            encryption,
            kms_key_id,
            bucket_key,
            storage_class: options.storage_class.map(class),
            tagging: (!options.tags.is_empty()).then(|| tagging(&options.tags)),
            acl: options.acl.map(canned),
        }
    }
}

impl ObjectHeaders {
    /// Returns the IAM actions that these headers need on `op`, besides the action of `op` itself.
    pub(super) fn actions(&self, op: Operation) -> Vec<&'static str> {
        match op {
            Operation::PutObject | Operation::CreateMultipartUpload | Operation::CopyObject => {
                let tagging = self.tagging.as_ref().map(|_| "s3:PutObjectTagging");
                let acl = self.acl.as_ref().map(|_| "s3:PutObjectAcl");
                tagging.into_iter().chain(acl).collect()
            }
            Operation::GetBucketLocation
            | Operation::ListObjects
            | Operation::UploadPart
            | Operation::CompleteMultipartUpload
            | Operation::AbortMultipartUpload
            | Operation::GetObject
            | Operation::HeadObject
            | Operation::DeleteObject
            | Operation::DeleteObjects => Vec::new(),
        }
    }

    /// Returns what a copy does with the tags of its source.
    pub(crate) fn tagging_directive(&self) -> Option<TaggingDirective> {
        self.tagging.as_ref().map(|_| TaggingDirective::Replace)
    }
}

/// A request that creates an object.
pub(crate) trait TakesObjectHeaders {
    /// Returns the request with `headers` on it.
    fn object_headers(self, headers: &ObjectHeaders) -> Self;
}

// The SDK's builders have the same setters but no trait in common.
macro_rules! takes_object_headers {
    ($($builder:ty),*) => {$(
        impl TakesObjectHeaders for $builder {
            fn object_headers(self, headers: &ObjectHeaders) -> Self {
                let headers = headers.clone();
                self.set_server_side_encryption(headers.encryption)
                    .set_ssekms_key_id(headers.kms_key_id)
                    .set_bucket_key_enabled(headers.bucket_key)
                    .set_storage_class(headers.storage_class)
                    .set_tagging(headers.tagging)
                    .set_acl(headers.acl)
            }
        }
    )*};
}

takes_object_headers!(
    PutObjectFluentBuilder,
    CreateMultipartUploadFluentBuilder,
    CopyObjectFluentBuilder
);

fn class(class: StorageClass) -> Class {
    match class {
        StorageClass::Standard => Class::Standard,
        StorageClass::StandardIa => Class::StandardIa,
        StorageClass::OneZoneIa => Class::OnezoneIa,
        StorageClass::IntelligentTiering => Class::IntelligentTiering,
        StorageClass::GlacierIr => Class::GlacierIr,
    }
}

fn canned(acl: CannedAcl) -> ObjectCannedAcl {
    match acl {
        CannedAcl::Private => ObjectCannedAcl::Private,
        CannedAcl::PublicRead => ObjectCannedAcl::PublicRead,
        CannedAcl::AuthenticatedRead => ObjectCannedAcl::AuthenticatedRead,
        CannedAcl::BucketOwnerRead => ObjectCannedAcl::BucketOwnerRead,
        CannedAcl::BucketOwnerFullControl => ObjectCannedAcl::BucketOwnerFullControl,
    }
}

fn tagging(tags: &[Tag]) -> String {
    let encoded = |text| utf8_percent_encode(text, UNRESERVED);
    let pairs = tags.iter().map(|tag| format!("{}={}", encoded(&tag.key), encoded(&tag.value)));
    pairs.collect::<Vec<_>>().join("&")
}
