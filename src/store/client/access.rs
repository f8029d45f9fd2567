//! Whose credentials open the bucket.

use std::fmt;

use aws_sdk_s3::config::SharedCredentialsProvider;

/// Whose credentials open the bucket.
#[derive(Clone)]
pub(crate) enum Access {
    /// An access key. One with a session token expires, which ends the sync.
    Key {
        /// Public half of the access key.
        access_key_id: String,
        /// Secret half of the access key.
        secret_access_key: String,
        /// Third part of temporary credentials.
        session_token: Option<String>,
    },
    /// A provider of temporary credentials, which the client asks for new ones in time. If an error
    /// of the provider has a [`Failure`](crate::error::Failure) as its source, the user sees that
    /// message.
    Renewable(SharedCredentialsProvider),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key { .. } => "Key",
            Self::Renewable(_) => "Renewable",
        })
    }
}
