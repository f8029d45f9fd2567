//! What is in the bucket, by name.
//!
//! A prefix -> keys, page by page (1,000 names at most): a folder may hold more than memory does.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

use super::client::S3Store;
use super::error::StoreError;
use super::operation::Operation;

/// What is under a prefix, up to the next `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Objects.
    pub keys: Vec<String>,
    /// Common prefixes, each with its `/` at the end.
    pub folders: Vec<String>,
}

/// A part of all keys with a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// At most 1,000 keys, in the order of their UTF-8 bytes.
    pub keys: Vec<String>,
    /// What [`S3Store::list_page`] takes for the next page, if there is one.
    pub next: Option<String>,
}

impl S3Store {
    /// The keys that begin with `prefix` and have no further `/` after it, from all pages.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.list(prefix).await.map(|listing| listing.keys)
    }

    /// As [`S3Store::list_keys`], with the folders that the other keys are in: what `KeyAllocator::listed` takes, which
    /// must see folders where the template has `{part}` in a folder's name.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub async fn list(&self, prefix: &str) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        let add = |mut page: Listing| {
            listing.keys.append(&mut page.keys);
            listing.folders.append(&mut page.folders);
        };
        self.list_pages(prefix, add).await?;
        Ok(listing)
    }

    /// As [`S3Store::list`], page by page.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed. Pages may have been seen.
    pub async fn list_pages(&self, prefix: &str, mut see: impl FnMut(Listing)) -> Result<(), StoreError> {
        let mut page = None;
        loop {
            let answer = self.list_once(prefix, Some("/"), page).await?;
            page = next_page(&answer);
            let folders = answer.common_prefixes.unwrap_or_default();
            let objects = answer.contents.unwrap_or_default();
            see(Listing {
                keys: objects.into_iter().filter_map(|object| object.key).collect(),
                folders: folders.into_iter().filter_map(|folder| folder.prefix).collect(),
            });
            if page.is_none() {
                return Ok(());
            }
        }
    }

    /// One page of all keys that begin with `prefix`, however deep; `page` is `next` of the page before.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub async fn list_page(&self, prefix: &str, page: Option<String>) -> Result<KeyPage, StoreError> {
        let answer = self.list_once(prefix, None, page).await?;
        let next = next_page(&answer);
        let keys = answer.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect();
        Ok(KeyPage { keys, next })
    }

    async fn list_once(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        page: Option<String>,
    ) -> Result<ListObjectsV2Output, StoreError> {
        let request = self
            .inner
            .client
            .list_objects_v2()
            .bucket(self.bucket())
            .prefix(prefix)
            .set_expected_bucket_owner(self.bucket_owner())
            .set_delimiter(delimiter.map(str::to_owned))
            .set_continuation_token(page);
        self.send(Operation::ListObjects, prefix, |with| request.customize().config_override(with).send())
            .await
    }
}

fn next_page(answer: &ListObjectsV2Output) -> Option<String> {
    answer.next_continuation_token.clone().filter(|_| answer.is_truncated == Some(true))
}
