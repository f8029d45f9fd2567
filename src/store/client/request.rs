//! The requests of the SDK, as far as sending them is concerned.
//!
//! The SDK's request builders have the same methods but no trait in common. [`SdkRequest`] is
//! that trait: it names the operation, sends the request with settings of its own, and knows what
//! confirms its success.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::abort_multipart_upload::builders::AbortMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::abort_multipart_upload::{
    AbortMultipartUploadError, AbortMultipartUploadOutput,
};
use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::complete_multipart_upload::{
    CompleteMultipartUploadError, CompleteMultipartUploadOutput,
};
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::copy_object::{CopyObjectError, CopyObjectOutput};
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::create_multipart_upload::{
    CreateMultipartUploadError, CreateMultipartUploadOutput,
};
use aws_sdk_s3::operation::delete_object::builders::DeleteObjectFluentBuilder;
use aws_sdk_s3::operation::delete_object::{DeleteObjectError, DeleteObjectOutput};
use aws_sdk_s3::operation::delete_objects::builders::DeleteObjectsFluentBuilder;
use aws_sdk_s3::operation::delete_objects::{DeleteObjectsError, DeleteObjectsOutput};
use aws_sdk_s3::operation::get_bucket_location::builders::GetBucketLocationFluentBuilder;
use aws_sdk_s3::operation::get_bucket_location::{GetBucketLocationError, GetBucketLocationOutput};
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::head_object::builders::HeadObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::operation::upload_part::builders::UploadPartFluentBuilder;
use aws_sdk_s3::operation::upload_part::{UploadPartError, UploadPartOutput};

use crate::store::operation::Operation;

/// A request that is ready to be sent.
pub(crate) trait SdkRequest: 'static {
    /// Which request it is.
    const OPERATION: Operation;

    type Output: fmt::Debug + Send + Sync + 'static;
    type Error: StdError + ProvideErrorMetadata + Send + Sync + 'static;

    /// Whether a success holds the receipt that S3 sends with it: an ETag, an upload id. A success
    /// without one was not sent by S3.
    fn has_receipt(output: &Self::Output) -> bool;

    /// Sends the request with `overrides` over the client's settings.
    fn send_with(
        self,
        overrides: Builder,
    ) -> impl Future<Output = Result<Self::Output, SdkError<Self::Error>>> + Send;
}

macro_rules! sdk_request {
    ($operation:ident, $builder:ty, $output:ty, $error:ty, $has_receipt:expr) => {
        impl SdkRequest for $builder {
            const OPERATION: Operation = Operation::$operation;

            type Output = $output;
            type Error = $error;

            fn has_receipt(output: &Self::Output) -> bool {
                let has_receipt: fn(&Self::Output) -> bool = $has_receipt;
                has_receipt(output)
            }

            async fn send_with(
                self,
                overrides: Builder,
            ) -> Result<Self::Output, SdkError<Self::Error>> {
                self.customize().config_override(overrides).send().await
            }
        }
    };
}

sdk_request!(
    GetBucketLocation,
    GetBucketLocationFluentBuilder,
    GetBucketLocationOutput,
    GetBucketLocationError,
    |_| true
);
sdk_request!(
    ListObjects,
    ListObjectsV2FluentBuilder,
    ListObjectsV2Output,
    ListObjectsV2Error,
    |_| true
);
sdk_request!(HeadObject, HeadObjectFluentBuilder, HeadObjectOutput, HeadObjectError, |_| true);
sdk_request!(GetObject, GetObjectFluentBuilder, GetObjectOutput, GetObjectError, |_| true);
sdk_request!(PutObject, PutObjectFluentBuilder, PutObjectOutput, PutObjectError, |put| {
    put.e_tag.is_some()
});
sdk_request!(
    CreateMultipartUpload,
    CreateMultipartUploadFluentBuilder,
    CreateMultipartUploadOutput,
    CreateMultipartUploadError,
    |created| created.upload_id.as_ref().is_some_and(|id| !id.is_empty())
);
sdk_request!(UploadPart, UploadPartFluentBuilder, UploadPartOutput, UploadPartError, |part| {
    part.e_tag.is_some()
});
sdk_request!(
    CompleteMultipartUpload,
    CompleteMultipartUploadFluentBuilder,
    CompleteMultipartUploadOutput,
    CompleteMultipartUploadError,
    |completed| completed.e_tag.is_some()
);
sdk_request!(
    AbortMultipartUpload,
    AbortMultipartUploadFluentBuilder,
    AbortMultipartUploadOutput,
    AbortMultipartUploadError,
    |_| true
);
sdk_request!(CopyObject, CopyObjectFluentBuilder, CopyObjectOutput, CopyObjectError, |copied| {
    copied.copy_object_result.as_ref().is_some_and(|result| result.e_tag.is_some())
});
sdk_request!(
    DeleteObject,
    DeleteObjectFluentBuilder,
    DeleteObjectOutput,
    DeleteObjectError,
    |_| true
);
sdk_request!(
    DeleteObjects,
    DeleteObjectsFluentBuilder,
    DeleteObjectsOutput,
    DeleteObjectsError,
    |_| true
);
