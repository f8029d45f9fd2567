//! Why a sync with the checked settings would fail.

use crate::aws::sign_in::SignInError;
use crate::error::{Classified, FailureType};
use crate::key::KeyError;
use crate::store::StoreError;

/// What stopped the check: its text is the message of the FAILED status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    /// The template yields no usable key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There are no credentials to sign with.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// A request failed, for another reason than a denial.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A request was denied.
    #[error("{sentence}")]
    Denied {
        /// What was denied to whom, and where to allow it.
        sentence: String,
        /// The answer.
        #[source]
        error: StoreError,
    },
    /// The bucket belongs to another account than the expected one.
    #[error(
        "bucket \"{bucket}\" does not belong to the account {expected}: correct s3_bucket_name or \
         expected_bucket_owner"
    )]
    Owner {
        /// The bucket.
        bucket: String,
        /// The account that it should belong to.
        expected: String,
    },
    /// What was read back is not what was written.
    #[error(
        "the object \"{key}\" in bucket \"{bucket}\" was read back with different bytes than were \
         written: look for a proxy or a store that alters objects"
    )]
    Altered {
        /// The bucket.
        bucket: String,
        /// The probe's key.
        key: String,
    },
    /// What was written does not exist afterwards.
    #[error(
        "the object \"{key}\" was written to bucket \"{bucket}\", but is not found there: look for \
         something that removes objects, or a store that needs time to show them"
    )]
    Vanished {
        /// The bucket.
        bucket: String,
        /// The probe's key.
        key: String,
    },
    /// The store does not keep the user metadata of objects.
    #[error(
        "the store does not keep the user metadata (x-amz-meta-...) of objects that are {written}: \
         the object \"{key}\" in bucket \"{bucket}\" came back without the values that it was \
         written with. Without them a sync cannot tell its own objects from others: old data would \
         not be replaced, and rows could be duplicated. Use a store, or a gateway in front of it, \
         that keeps user metadata"
    )]
    MetadataLost {
        /// The bucket.
        bucket: String,
        /// The probe's key.
        key: String,
        /// How the object was written, to go behind "objects that are".
        written: String,
    },
    /// The check failed and left probes behind, or removing them was all that failed.
    #[error(
        "{error}; probe objects were left in bucket \"{bucket}\", delete them manually: {}",
        keys.join(", ")
    )]
    LeftBehind {
        /// What went wrong first.
        #[source]
        error: Box<CheckError>,
        /// The bucket.
        bucket: String,
        /// The probes' keys.
        keys: Vec<String>,
    },
}

impl Classified for CheckError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Key(error) => error.failure_type(),
            Self::SignIn(error) => error.failure_type(),
            Self::Store(error) => error.failure_type(),
            Self::Denied { .. }
            | Self::Owner { .. }
            | Self::Altered { .. }
            | Self::Vanished { .. }
            | Self::MetadataLost { .. } => FailureType::Config,
            Self::LeftBehind { error, .. } => error.failure_type(),
        }
    }

    fn store_answer(&self) -> Option<String> {
        match self {
            Self::Store(error) | Self::Denied { error, .. } => error.store_answer(),
            Self::LeftBehind { error, .. } => error.store_answer(),
            Self::Key(_)
            | Self::SignIn(_)
            | Self::Owner { .. }
            | Self::Altered { .. }
            | Self::Vanished { .. }
            | Self::MetadataLost { .. } => None,
        }
    }
}
