//! What many sentences share: names of requests, ARNs, places, counts.

use std::fmt;

use crate::aws::Partition;
use crate::store::answers::error::{ErrorContext, StoreError};
use crate::store::operation::Operation;

impl StoreError {
    /// The ARN of the resource that the request needs a permission on.
    pub(in crate::store::answers) fn arn(&self) -> String {
        let ErrorContext { bucket, key, region, .. } = &*self.context;
        let partition = Partition::of_region(region).id;
        match self.op {
            Operation::GetBucketLocation | Operation::ListObjects => {
                format!("arn:{partition}:s3:::{bucket}")
            }
            // One answer covers many keys.
            Operation::DeleteObjects => format!("arn:{partition}:s3:::{bucket}/*"),
            Operation::PutObject
            | Operation::CreateMultipartUpload
            | Operation::UploadPart
            | Operation::CompleteMultipartUpload
            | Operation::AbortMultipartUpload
            | Operation::GetObject
            | Operation::HeadObject
            | Operation::CopyObject
            | Operation::DeleteObject => format!("arn:{partition}:s3:::{bucket}/{key}"),
        }
    }

    /// The IAM actions of the request: `s3:PutObject and s3:PutObjectTagging`.
    pub(in crate::store::answers) fn actions(&self) -> String {
        let actions: Vec<_> = [self.op.iam_action()]
            .into_iter()
            .chain(self.context.extra_actions.iter().copied())
            .collect();
        match actions.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
            few => few.concat(),
        }
    }

    /// The server that answered, or that should have.
    pub(super) fn server(&self) -> String {
        match &self.context.endpoint {
            Some(endpoint) => format!("the server at {endpoint}"),
            None => format!("S3 in region \"{}\"", self.context.region),
        }
    }

    /// The setting that decides which host receives the request.
    pub(super) fn address_setting(&self) -> &'static str {
        if self.context.endpoint.is_some() { "s3_endpoint" } else { "s3_bucket_region" }
    }

    /// How often the request failed: `once`, `8 times`.
    pub(super) fn times(&self) -> String {
        match self.context.attempts {
            0 | 1 => "once".to_owned(),
            2 => "twice".to_owned(),
            attempts => format!("{attempts} times"),
        }
    }

    /// ` in 8 attempts`, or nothing where there was only one.
    pub(super) fn attempts(&self) -> String {
        match self.context.attempts {
            0 | 1 => String::new(),
            attempts => format!(" in {attempts} attempts"),
        }
    }

    /// `at` the endpoint, or `in` the region.
    pub(super) fn place(&self) -> String {
        match &self.context.endpoint {
            Some(endpoint) => format!("at {endpoint}"),
            None => {
                format!("in region \"{}\"{}", self.context.region, self.context.variant.remark())
            }
        }
    }

    /// ` (HTTP 400, InvalidRequest)`, or nothing.
    pub(super) fn answer(&self) -> String {
        match (self.context.status, &self.context.code) {
            (Some(status), Some(code)) => format!(" (HTTP {status}, {code})"),
            (Some(status), None) => format!(" (HTTP {status})"),
            (None, Some(code)) => format!(" ({code})"),
            (None, None) => String::new(),
        }
    }
}

/// The code, or `-` where the answer has none.
pub(super) fn or_dash(code: &Option<String>) -> &str {
    code.as_deref().unwrap_or("-")
}

/// The request: `PutObject of "key" in bucket "b"`.
pub(super) struct What<'a>(pub(super) &'a StoreError);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorContext { bucket, key, .. } = &*self.0.context;
        match self.0.op {
            Operation::GetBucketLocation => {
                write!(f, "{} of bucket \"{bucket}\"", self.0.op.name())
            }
            Operation::DeleteObjects => write!(f, "{} in bucket \"{bucket}\"", self.0.op.name()),
            Operation::CopyObject => {
                write!(f, "{} to \"{key}\" in bucket \"{bucket}\"", self.0.op.name())
            }
            Operation::ListObjects
            | Operation::PutObject
            | Operation::CreateMultipartUpload
            | Operation::UploadPart
            | Operation::CompleteMultipartUpload
            | Operation::AbortMultipartUpload
            | Operation::GetObject
            | Operation::HeadObject
            | Operation::DeleteObject => {
                write!(f, "{} of \"{key}\" in bucket \"{bucket}\"", self.0.op.name())
            }
        }
    }
}

/// The parts of an access key are three fields: the message names the one to check.
pub(super) struct BadCredentials<'a>(pub(super) Option<&'a str>);

impl fmt::Display for BadCredentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some("InvalidAccessKeyId") => {
                "the store does not know the access key: check access_key_id, and that the key is \
                 active"
            }
            Some("SignatureDoesNotMatch") => {
                "the secret does not belong to the access key: check access_key_id and \
                 secret_access_key"
            }
            Some("InvalidToken") => "the session token is not valid: check session_token",
            _ => {
                "the store does not accept the credentials: check access_key_id, \
                  secret_access_key and session_token"
            }
        })
    }
}
