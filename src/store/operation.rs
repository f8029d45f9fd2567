//! The requests to S3 by name, and what each of them needs and does.
//!
//! Invariants
//! - No `match` has a wildcard arm: a new request does not compile until someone decides.

/// A request to S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `GetBucketLocation`.
    GetBucketLocation,
    /// `ListObjectsV2`.
    ListObjects,
    /// `PutObject`.
    PutObject,
    /// `CreateMultipartUpload`.
    CreateMultipartUpload,
    /// `UploadPart`.
    UploadPart,
    /// `CompleteMultipartUpload`.
    CompleteMultipartUpload,
    /// `AbortMultipartUpload`.
    AbortMultipartUpload,
    /// `GetObject`.
    GetObject,
    /// `HeadObject`.
    HeadObject,
    /// `CopyObject`.
    CopyObject,
    /// `DeleteObject`.
    DeleteObject,
    /// `DeleteObjects`.
    DeleteObjects,
}

impl Operation {
    /// S3's name for the request.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GetBucketLocation => "GetBucketLocation",
            Self::ListObjects => "ListObjectsV2",
            Self::PutObject => "PutObject",
            Self::CreateMultipartUpload => "CreateMultipartUpload",
            Self::UploadPart => "UploadPart",
            Self::CompleteMultipartUpload => "CompleteMultipartUpload",
            Self::AbortMultipartUpload => "AbortMultipartUpload",
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::CopyObject => "CopyObject",
            Self::DeleteObject => "DeleteObject",
            Self::DeleteObjects => "DeleteObjects",
        }
    }

    /// The IAM action that allows the request. For a copy, the action on its target (its source
    /// needs `s3:GetObject`).
    #[must_use]
    pub(crate) fn iam_action(self) -> &'static str {
        match self {
            Self::GetBucketLocation => "s3:GetBucketLocation",
            Self::ListObjects => "s3:ListBucket",
            Self::PutObject
            | Self::CreateMultipartUpload
            | Self::UploadPart
            | Self::CompleteMultipartUpload
            | Self::CopyObject => "s3:PutObject",
            Self::AbortMultipartUpload => "s3:AbortMultipartUpload",
            Self::GetObject | Self::HeadObject => "s3:GetObject",
            Self::DeleteObject | Self::DeleteObjects => "s3:DeleteObject",
        }
    }

    /// Whether the request carries options of objects, or their checksum.
    pub(super) fn carries_options(self) -> bool {
        match self {
            Self::PutObject
            | Self::CreateMultipartUpload
            | Self::UploadPart
            | Self::CompleteMultipartUpload
            | Self::CopyObject => true,
            Self::GetBucketLocation
            | Self::ListObjects
            | Self::AbortMultipartUpload
            | Self::GetObject
            | Self::HeadObject
            | Self::DeleteObject
            | Self::DeleteObjects => false,
        }
    }

    /// Whether the request may be conditional (`If-None-Match`).
    pub(super) fn is_guarded(self) -> bool {
        match self {
            Self::PutObject | Self::CompleteMultipartUpload => true,
            Self::GetBucketLocation
            | Self::ListObjects
            | Self::CreateMultipartUpload
            | Self::UploadPart
            | Self::AbortMultipartUpload
            | Self::GetObject
            | Self::HeadObject
            | Self::CopyObject
            | Self::DeleteObject
            | Self::DeleteObjects => false,
        }
    }

    /// Whether the answer is the object itself or its headers, rather than a document of S3.
    pub(super) fn answers_with_object(self) -> bool {
        match self {
            Self::GetObject | Self::HeadObject => true,
            Self::GetBucketLocation
            | Self::ListObjects
            | Self::PutObject
            | Self::CreateMultipartUpload
            | Self::UploadPart
            | Self::CompleteMultipartUpload
            | Self::AbortMultipartUpload
            | Self::CopyObject
            | Self::DeleteObject
            | Self::DeleteObjects => false,
        }
    }

    /// Whether the request is about the bucket, so that its path has no key.
    pub(super) fn is_about_bucket(self) -> bool {
        match self {
            Self::GetBucketLocation | Self::ListObjects | Self::DeleteObjects => true,
            Self::PutObject
            | Self::CreateMultipartUpload
            | Self::UploadPart
            | Self::CompleteMultipartUpload
            | Self::AbortMultipartUpload
            | Self::GetObject
            | Self::HeadObject
            | Self::CopyObject
            | Self::DeleteObject => false,
        }
    }

    /// Whether the request may change the bucket.
    pub(super) fn writes(self) -> bool {
        match self {
            Self::GetBucketLocation | Self::ListObjects | Self::GetObject | Self::HeadObject => {
                false
            }
            Self::PutObject
            | Self::CreateMultipartUpload
            | Self::UploadPart
            | Self::CompleteMultipartUpload
            | Self::AbortMultipartUpload
            | Self::CopyObject
            | Self::DeleteObject
            | Self::DeleteObjects => true,
        }
    }
}
