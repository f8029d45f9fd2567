//! What a stored object says about itself: its metadata and its headers.

use std::collections::HashMap;

use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use uuid::Uuid;

use crate::store::client::{ObjectInfo, key_hash};

/// What an object says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredObject {
    metadata: HashMap<String, String>,
    pub(super) headers: StoredHeaders,
    /// `None` where the store does not say.
    pub(super) size_bytes: Option<u64>,
}

/// The headers that an object is delivered with, other than its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StoredHeaders {
    cache_control: Option<String>,
    content_disposition: Option<String>,
    content_encoding: Option<String>,
    content_language: Option<String>,
    content_type: Option<String>,
    expires: Option<String>,
    website_redirect_location: Option<String>,
}

impl StoredObject {
    /// Returns a user metadata value by its name, without `x-amz-meta-` and in any case: some
    /// stores return names in title case.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.metadata
            .iter()
            .find(|(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the token that the connector gave the object, if it is one of its objects.
    #[must_use]
    pub(crate) fn token(&self) -> Option<&str> {
        self.get(ObjectInfo::TOKEN_KEY)
    }

    /// Whether the object was written to this key. False for a copy that kept the metadata of an
    /// object at another key. Objects of versions that did not store the hash of the key count as
    /// written where they are.
    #[must_use]
    pub(crate) fn was_written_to(&self, key: &str) -> bool {
        self.get(ObjectInfo::KEY_HASH_KEY).is_none_or(|hash| hash == key_hash(key))
    }

    /// Whether the object has the metadata that `put`, `create_multipart` or `copy` gave an object
    /// at `key`: a store may lose it.
    #[must_use]
    pub(crate) fn kept_metadata(&self, key: &str, token: Uuid) -> bool {
        self.token() == Some(token.to_string().as_str())
            && self.get(ObjectInfo::KEY_HASH_KEY) == Some(key_hash(key).as_str())
    }

    /// Returns the metadata for a copy of the object at `key`: all values as they are, except for
    /// the hash of the key.
    pub(super) fn metadata_at(&self, key: &str) -> HashMap<String, String> {
        let kept =
            self.metadata.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let hash = (ObjectInfo::KEY_HASH_KEY.to_owned(), key_hash(key));
        // The last value of a name wins.
        kept.chain([hash]).collect()
    }

    /// An object without a server.
    #[cfg(test)]
    pub(crate) fn for_test(metadata: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            metadata: metadata.iter().map(owned).collect(),
            headers: StoredHeaders::default(),
            size_bytes: None,
        }
    }
}

impl From<HeadObjectOutput> for StoredObject {
    fn from(head: HeadObjectOutput) -> Self {
        Self {
            size_bytes: head.content_length.and_then(|bytes| u64::try_from(bytes).ok()),
            metadata: head.metadata.unwrap_or_default(),
            headers: StoredHeaders {
                cache_control: head.cache_control,
                content_disposition: head.content_disposition,
                content_encoding: head.content_encoding,
                content_language: head.content_language,
                content_type: head.content_type,
                expires: head.expires_string,
                website_redirect_location: head.website_redirect_location,
            },
        }
    }
}

impl StoredHeaders {
    /// Repeats the headers on a copy, because a copy that replaces the metadata loses all headers
    /// that its request does not state.
    pub(super) fn repeat(self, copy: CopyObjectFluentBuilder) -> CopyObjectFluentBuilder {
        let expires =
            self.expires.and_then(|text| DateTime::from_str(&text, DateTimeFormat::HttpDate).ok());
        copy.set_cache_control(self.cache_control)
            .set_content_disposition(self.content_disposition)
            .set_content_encoding(self.content_encoding)
            .set_content_language(self.content_language)
            .set_content_type(self.content_type)
            .set_expires(expires)
            .set_website_redirect_location(self.website_redirect_location)
    }
}
