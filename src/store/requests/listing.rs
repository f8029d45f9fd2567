//! Listing what is under a prefix.
//!
//! A prefix -> names, page by page (1,000 names at most): a folder may hold more than memory does.
//!
//! Not here: how one page leads to the next (`pages`), what is done with the names (`replace`,
//! `key`, `check`).

use super::pages::Pages;
use crate::store::answers::StoreError;
use crate::store::client::S3Store;

/// What is under a prefix: all of it, or one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Objects.
    pub keys: Vec<String>,
    /// Common prefixes, each ending with `/`; empty where keys are listed at every depth.
    pub folders: Vec<String>,
}

impl Listing {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.folders.is_empty()
    }

    /// The first name in byte order, if keys and folders are each in this order.
    pub(super) fn first(&self) -> Option<&String> {
        self.keys.first().into_iter().chain(self.folders.first()).min()
    }

    /// The last name in byte order, if keys and folders are each in this order.
    pub(super) fn last(&self) -> Option<&String> {
        self.keys.last().into_iter().chain(self.folders.last()).max()
    }

    pub(super) fn is_in_order(&self) -> bool {
        let ascends = |names: &[String]| names.is_sorted_by(|a, b| a < b);
        ascends(&self.keys) && ascends(&self.folders)
    }
}

impl S3Store {
    /// Returns the keys that begin with `prefix` and have no further `/` after it, from all pages.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub(crate) async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.list(prefix).await.map(|listing| listing.keys)
    }

    /// As [`S3Store::list_keys`], with the folders that contain the other keys:
    /// `KeyAllocator::listed` needs them for templates with `{part}` in the name of a folder.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Listing, StoreError> {
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
    /// [`StoreError`]; nothing was changed. `see` may have been called with some pages.
    pub(crate) async fn list_pages(
        &self,
        prefix: &str,
        mut see: impl FnMut(Listing),
    ) -> Result<(), StoreError> {
        let mut pages = Pages::new(self, prefix, Some("/"));
        while let Some(page) = pages.next().await? {
            see(page);
        }
        Ok(())
    }

    /// Lists all keys that begin with `prefix`, at every depth, page by page. Nothing is sent
    /// before [`Pages::next`].
    #[must_use]
    pub(crate) fn all_keys<'a>(&'a self, prefix: &'a str) -> Pages<'a> {
        Pages::new(self, prefix, None)
    }
}
