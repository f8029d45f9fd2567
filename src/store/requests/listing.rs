//! What is in the bucket, by name.
//!
//! A prefix -> names, page by page (1,000 names at most): a folder may hold more than memory does.
//!
//! How a listing goes on, whoever asked for it:
//!
//! | the page | what is done |
//! |---|---|
//! | not truncated | the listing is whole |
//! | truncated, with a new token | the next page is asked for with the token |
//! | truncated, without a token or with the one just sent; the page before once more | the next page is asked for with `start-after` and the last name, from now on; an error where names do not come in order, or where there is no name to go on from |
//! | a page that came before | an error |
//! | the folder that came last, once more | it is left out; a page of nothing else has no name |
//! | [`MOST_EMPTY_PAGES`] truncated pages in a row without a name | an error |
//!
//! Invariants
//! - A listing ends: with its last page, or with [`StoreErrorKind::BrokenListing`].
//! - [`Pages::is_whole`] is true only after a page that the store called the last one.
//!
//! Not here: what is done with the names (`replace`, `key`, `check`).

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

use crate::store::answers::{Effect, ListingFault, StoreError, StoreErrorKind};
use crate::store::client::s3_store::S3Store;
use crate::store::operation::Operation;

/// Truncated pages without a name that are followed in a row. Some stores pass over deleted names
/// in steps of a page, so a few are normal; 200 pages are 200,000 names.
const MOST_EMPTY_PAGES: u32 = 200;

/// Names of a full page.
const NAMES_OF_A_PAGE: usize = 1000;

/// The last character of Unicode: behind a folder's name it comes after all keys of the folder, but
/// for those that begin with it.
const LAST_CHARACTER: char = '\u{10FFFF}';

/// What is under a prefix: all of it, or a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Objects.
    pub keys: Vec<String>,
    /// Common prefixes, each with its `/` at the end; none where keys are listed however deep they
    /// are.
    pub folders: Vec<String>,
}

impl Listing {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.folders.is_empty()
    }

    /// The first name, in the order of bytes, if keys and folders are each in this order.
    fn first(&self) -> Option<&String> {
        self.keys.first().into_iter().chain(self.folders.first()).min()
    }

    fn last(&self) -> Option<&String> {
        self.keys.last().into_iter().chain(self.folders.last()).max()
    }

    fn is_in_order(&self) -> bool {
        let ascends = |names: &[String]| names.is_sorted_by(|a, b| a < b);
        ascends(&self.keys) && ascends(&self.folders)
    }
}

/// A listing that is under way.
#[derive(Debug)]
pub struct Pages<'a> {
    store: &'a S3Store,
    prefix: &'a str,
    delimiter: Option<&'static str>,
    next: Next,
    /// Tokens have led nowhere.
    by_name: bool,
    /// All names so far came in the order of their bytes.
    in_order: bool,
    highest: Option<String>,
    empty_pages: u32,
    repeats: Repeats,
}

/// How the next page is asked for.
#[derive(Clone, Debug)]
enum Next {
    First,
    Token(String),
    After(String),
    Whole,
}

impl S3Store {
    /// The keys that begin with `prefix` and have no further `/` after it, from all pages.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed.
    pub async fn list_keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.list(prefix).await.map(|listing| listing.keys)
    }

    /// As [`S3Store::list_keys`], with the folders that the other keys are in: what
    /// `KeyAllocator::listed` takes, which must see folders where the template has `{part}` in a
    /// folder's name.
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
    pub async fn list_pages(
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

    /// All keys that begin with `prefix`, however deep, page by page. Nothing is sent before
    /// [`Pages::next`].
    #[must_use]
    pub fn all_keys<'a>(&'a self, prefix: &'a str) -> Pages<'a> {
        Pages::new(self, prefix, None)
    }

    async fn list_once(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        next: &Next,
    ) -> Result<ListObjectsV2Output, StoreError> {
        let (token, after) = match next {
            Next::First | Next::Whole => (None, None),
            Next::Token(token) => (Some(token.clone()), None),
            Next::After(name) => (None, Some(name.clone())),
        };
        let request = self
            .inner
            .client
            .list_objects_v2()
            .bucket(self.bucket())
            .prefix(prefix)
            .set_expected_bucket_owner(self.bucket_owner())
            .set_delimiter(delimiter.map(str::to_owned))
            .set_continuation_token(token)
            .set_start_after(after);
        self.send(Operation::ListObjects, prefix, |with| {
            request.customize().config_override(with).send()
        })
        .await
    }
}

impl<'a> Pages<'a> {
    fn new(store: &'a S3Store, prefix: &'a str, delimiter: Option<&'static str>) -> Self {
        Self {
            store,
            prefix,
            delimiter,
            next: Next::First,
            by_name: false,
            in_order: true,
            highest: None,
            empty_pages: 0,
            repeats: Repeats::default(),
        }
    }

    /// The next page, which may be empty; `None` when all were given.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed. After an error it is not known what else there is.
    pub async fn next(&mut self) -> Result<Option<Listing>, StoreError> {
        if self.is_whole() {
            return Ok(None);
        }
        let answer = self.store.list_once(self.prefix, self.delimiter, &self.next).await?;
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
        // A store that leaves the word out can only have cut a page that is full.
        let is_full = page.keys.len() + page.folders.len() >= NAMES_OF_A_PAGE;
        let is_truncated = answer.is_truncated.unwrap_or(token.is_some() || is_full);
        let is_repeated = self.see(&mut page).map_err(|fault| self.broken(fault))?;
        self.next = if is_truncated {
            self.after_truncated(&page, token, is_repeated).map_err(|fault| self.broken(fault))?
        } else {
            Next::Whole
        };
        Ok(Some(page))
    }

    /// Whether the page that came last was the last one of the listing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.next, Next::Whole)
    }

    /// Takes note of a page and leaves its new names in it. Returns whether it is one that came
    /// before.
    fn see(&mut self, page: &mut Listing) -> Result<bool, ListingFault> {
        let goes_by_name = matches!(self.next, Next::After(_));
        if let Some(highest) = &self.highest {
            // Some stores name a folder again on each page that its keys would have filled.
            page.folders.retain(|name| name != highest);
            page.keys.retain(|name| !goes_by_name || name != highest);
        }
        let is_repeated = self.repeats.see(page);
        if is_repeated {
            *page = Listing::default();
        }
        let begins_after = page.first().is_none_or(|first| Some(first) > self.highest.as_ref());
        self.in_order &= page.is_in_order() && begins_after;
        if goes_by_name && !self.in_order {
            // It does not know `start-after`, or sorts names in another way than we go on by.
            return Err(ListingFault::Repeats);
        }
        if let Some(last) = page.last()
            && Some(last) > self.highest.as_ref()
        {
            self.highest = Some(last.clone());
        }
        Ok(is_repeated)
    }

    /// How to go on after a page that is not the last one.
    fn after_truncated(
        &mut self,
        page: &Listing,
        token: Option<String>,
        is_repeated: bool,
    ) -> Result<Next, ListingFault> {
        self.empty_pages = if page.is_empty() { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err(ListingFault::Empty);
        }
        let fault = match (token, &self.next) {
            _ if is_repeated => ListingFault::Repeats,
            (None, _) => ListingFault::NoToken,
            (Some(token), Next::Token(sent)) if token == *sent => ListingFault::SameToken,
            (Some(token), _) if !self.by_name => return Ok(Next::Token(token)),
            (Some(_), _) => ListingFault::Repeats,
        };
        self.by_name = true;
        // Names that come in no order, or that the store has listed already: what lies between
        // would be left out.
        let stands_still = matches!(self.next, Next::After(_)) && page.is_empty();
        match &self.highest {
            Some(highest) if self.in_order && !stands_still => {
                Ok(Next::After(self.start_after(highest)))
            }
            Some(_) | None => Err(fault),
        }
    }

    /// What `start-after` must say so that the page begins with the name after this one.
    fn start_after(&self, name: &str) -> String {
        match self.delimiter {
            // Else the keys of the folder come, as the same folder once more.
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

/// Finds out that pages go round in a circle, by comparing each page with one of those before: the
/// n-th with the highest power of two below n (Brent). No name is listed twice, so no two pages
/// with names are equal.
#[derive(Debug, Default)]
struct Repeats {
    kept: Option<u64>,
    seen: u64,
}

impl Repeats {
    fn see(&mut self, page: &Listing) -> bool {
        if page.is_empty() {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        (&page.keys, &page.folders).hash(&mut hasher);
        let page = hasher.finish();
        if self.kept == Some(page) {
            return true;
        }
        self.seen += 1;
        if self.seen.is_power_of_two() {
            self.kept = Some(page);
        }
        false
    }
}
