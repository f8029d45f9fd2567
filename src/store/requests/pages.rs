//! How one page of a listing leads to the next.
//!
//! | page | what is done |
//! |---|---|
//! | not truncated | the listing is complete |
//! | truncated, with a new token | the next page is requested with the token |
//! | truncated, without a token or with the one just sent; or the previous page again | from now on the next page is requested with `start-after` and the last name; an error if names are not in order, or if there is no name yet |
//! | an earlier page again | an error |
//! | begins with the folder that the previous page ended with | the folder is dropped; a page of nothing else counts as empty |
//! | [`MAX_EMPTY_PAGES`] truncated pages in a row without a name | an error |
//!
//! Invariants
//! - A listing ends: with its last page, or with [`StoreErrorKind::BrokenListing`].
//! - [`Pages::is_complete`] is true only after a page that the store called the last one.

use std::hash::{DefaultHasher, Hash, Hasher};

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

use super::listing::Listing;
use crate::store::answers::{Effect, ListingFault, StoreError, StoreErrorKind};
use crate::store::client::S3Store;
use crate::store::operation::Operation;

/// The limit of truncated pages in a row without a name. Some stores skip deleted names in steps of
/// a page, so a few are normal; 200 pages are 200,000 names.
const MAX_EMPTY_PAGES: u32 = 200;

/// Names on a full page.
const NAMES_PER_PAGE: usize = 1000;

/// The last character of Unicode. Appended to a folder's name, it sorts after all keys of the
/// folder, except those that begin with it.
const LAST_CHARACTER: char = '\u{10FFFF}';

/// A listing in progress.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    store: &'a S3Store,
    prefix: &'a str,
    delimiter: Option<&'static str>,
    next: Next,
    /// Whether tokens have failed, so that pages are requested by name.
    by_name: bool,
    /// Whether all names so far came in byte order.
    in_order: bool,
    /// The greatest name so far.
    highest: Option<String>,
    /// Pages without a name, in a row.
    empty_pages: u32,
    cycle: CycleDetector,
}

/// How the next page is requested.
#[derive(Clone, Debug)]
enum Next {
    First,
    Token(String),
    After(String),
    Complete,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        store: &'a S3Store,
        prefix: &'a str,
        delimiter: Option<&'static str>,
    ) -> Self {
        Self {
            store,
            prefix,
            delimiter,
            next: Next::First,
            by_name: false,
            in_order: true,
            highest: None,
            empty_pages: 0,
            cycle: CycleDetector::default(),
        }
    }

    /// Returns the next page, which may be empty, or `None` after the last one.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed. After an error it is unknown what else there is.
    pub(crate) async fn next(&mut self) -> Result<Option<Listing>, StoreError> {
        if self.is_complete() {
            return Ok(None);
        }
        let answer = self.request_page().await?;
        let token = answer.next_continuation_token.filter(|token| !token.is_empty());
        let folders = answer.common_prefixes.unwrap_or_default();
        let mut page = Listing {
            keys: answer
                .contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|object| object.key)
                .collect(),
            folders: folders.into_iter().filter_map(|folder| folder.prefix).collect(),
        };
        // A store that leaves `IsTruncated` out can only have truncated a full page.
        let is_full = page.keys.len() + page.folders.len() >= NAMES_PER_PAGE;
        let is_truncated = answer.is_truncated.unwrap_or(token.is_some() || is_full);
        let is_repeated = self.record(&mut page).map_err(|fault| self.broken(fault))?;
        self.next = if is_truncated {
            self.after_truncated(&page, token, is_repeated).map_err(|fault| self.broken(fault))?
        } else {
            Next::Complete
        };
        Ok(Some(page))
    }

    /// Whether the store called the previous page the last one.
    #[must_use]
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.next, Next::Complete)
    }

    async fn request_page(&self) -> Result<ListObjectsV2Output, StoreError> {
        let (token, after) = match &self.next {
            Next::First | Next::Complete => (None, None),
            Next::Token(token) => (Some(token.clone()), None),
            Next::After(name) => (None, Some(name.clone())),
        };
        let request = self
            .store
            .client()
            .list_objects_v2()
            .bucket(self.store.bucket())
            .prefix(self.prefix)
            .set_expected_bucket_owner(self.store.bucket_owner())
            .set_delimiter(self.delimiter.map(str::to_owned))
            .set_continuation_token(token)
            .set_start_after(after);
        self.store.send(self.prefix, request).await
    }

    /// Records a page and leaves only its new names in it. Returns whether the page is an earlier
    /// one again.
    fn record(&mut self, page: &mut Listing) -> Result<bool, ListingFault> {
        let was_by_name = matches!(self.next, Next::After(_));
        if let Some(highest) = &self.highest {
            // Some stores repeat a folder on each page that its keys would have filled.
            page.folders.retain(|name| name != highest);
            // Some stores take `start-after` as "start at".
            page.keys.retain(|name| !was_by_name || name != highest);
        }
        let is_repeated = self.cycle.sees_again(page);
        if is_repeated {
            *page = Listing::default();
        }
        let begins_after = page.first().is_none_or(|first| Some(first) > self.highest.as_ref());
        self.in_order &= page.is_in_order() && begins_after;
        if was_by_name && !self.in_order {
            // The store ignores `start-after`, or sorts names in another order than bytes.
            return Err(ListingFault::Repeats);
        }
        if let Some(last) = page.last()
            && Some(last) > self.highest.as_ref()
        {
            self.highest = Some(last.clone());
        }
        Ok(is_repeated)
    }

    /// Decides how to go on after a page that is not the last one.
    fn after_truncated(
        &mut self,
        page: &Listing,
        token: Option<String>,
        is_repeated: bool,
    ) -> Result<Next, ListingFault> {
        self.empty_pages = if page.is_empty() { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(ListingFault::Empty);
        }
        // The fault to report if pages cannot be requested by name either.
        let fault = match (token, &self.next) {
            _ if is_repeated => ListingFault::Repeats,
            (None, _) => ListingFault::NoToken,
            (Some(token), Next::Token(sent)) if token == *sent => ListingFault::SameToken,
            (Some(token), _) if !self.by_name => return Ok(Next::Token(token)),
            // Once tokens have failed, later ones are not trusted.
            (Some(_), _) => ListingFault::Repeats,
        };
        self.by_name = true;
        // If names are not in order, `start-after` would skip some of them. If a page by name was
        // empty, the next one would be the same.
        let stands_still = matches!(self.next, Next::After(_)) && page.is_empty();
        match &self.highest {
            Some(highest) if self.in_order && !stands_still => {
                Ok(Next::After(self.start_after(highest)))
            }
            Some(_) | None => Err(fault),
        }
    }

    /// Returns the `start-after` of a page that begins with the name after `name`.
    fn start_after(&self, name: &str) -> String {
        match self.delimiter {
            // Keys of the folder come after its name: they would be listed as the same folder
            // again.
            Some(delimiter) if name.ends_with(delimiter) => format!("{name}{LAST_CHARACTER}"),
            Some(_) | None => name.to_owned(),
        }
    }

    fn broken(&self, fault: ListingFault) -> StoreError {
        self.store
            .call(Operation::ListObjects, self.prefix, 1)
            .without_answer(StoreErrorKind::BrokenListing(fault), Effect::NotApplied)
    }
}

/// Detects that pages go round in a circle, in constant memory.
///
/// Brent's algorithm: each page is compared with one earlier page, the last one whose number is a
/// power of two. Once that page is part of the circle, the second round finds the circle at the
/// latest. No name is listed twice, so two pages with names are equal only in a circle.
#[derive(Debug, Default)]
struct CycleDetector {
    /// The hash of the page to compare with.
    kept: Option<u64>,
    pages: u64,
}

impl CycleDetector {
    fn sees_again(&mut self, page: &Listing) -> bool {
        if page.is_empty() {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        (&page.keys, &page.folders).hash(&mut hasher);
        let page = hasher.finish();
        if self.kept == Some(page) {
            return true;
        }
        self.pages += 1;
        if self.pages.is_power_of_two() {
            self.kept = Some(page);
        }
        false
    }
}
