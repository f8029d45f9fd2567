//! Finds the old objects of streams and removes them.
//!
//! Each listing is a task of its own, several in parallel. Page by page: list, HEAD in parallel,
//! delete in batches; plain keys come at the very end.
//!
//! Invariants
//! - Nothing is removed before its listing has been read to the end once.
//! - A refusal for one object does not stop the removal of the others: the first error and the
//!   number of objects are reported at the end.
//! - The observer is told about a stream before its first object is removed, and about each key
//!   when its object is gone.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io;

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::failures::{Failures, RequestKind};
use super::plain_keys::{FinalStep, PlainKeys};
use super::plan::{Fate, ListingGroup, Replacement, Verdict, listing_groups};
use super::{Removal, Removed, ReplaceError, Report, SkippedObjects};
use crate::model::StreamDescriptor;
use crate::shutdown::{Shutdown, Signal};
use crate::store::{Listing, S3Store, StoreError, StoredObject};

/// Parallel listings: a sync may replace thousands of streams, and S3 accepts 5,500 a second for a
/// prefix.
const PARALLEL_LISTINGS: usize = 32;

/// Parallel HEADs of all listings together: each is one short round trip.
const PARALLEL_HEADS: usize = 32;

/// Parallel batches of deletions. Each may become single requests, some of them in parallel.
const PARALLEL_BATCHES: usize = 4;

/// Removes what `replacements` say, and calls `observer` as it happens. Doing it again is safe.
pub(crate) async fn replace(
    store: &S3Store,
    replacements: &[Replacement],
    shutdown: &Shutdown,
    observer: &mut dyn FnMut(&StreamDescriptor, Removal<'_>) -> io::Result<()>,
) -> Report {
    let streams = replacements.len();
    let sweep = Sweep {
        store,
        replacements,
        shutdown,
        heads: Semaphore::new(PARALLEL_HEADS),
        batches: Semaphore::new(PARALLEL_BATCHES),
        progress: RefCell::new(Progress {
            observer,
            announced: vec![false; streams],
            refused: vec![false; streams],
            removed: vec![Removed::default(); streams],
            unmarked: SkippedObjects::default(),
            copies: SkippedObjects::default(),
            failures: Failures::default(),
            output_error: None,
            stopped: None,
        }),
    };
    let listings = stream::iter(listing_groups(replacements)).map(|group| sweep.group(group));
    let steps: Vec<_> = listings.buffer_unordered(PARALLEL_LISTINGS).collect().await;
    // Plain keys of different groups are independent; within a group they are dealt with in order.
    stream::iter(steps)
        .for_each_concurrent(PARALLEL_LISTINGS, |steps| sweep.final_steps(steps))
        .await;
    sweep.progress.into_inner().report()
}

struct Sweep<'a> {
    store: &'a S3Store,
    replacements: &'a [Replacement],
    shutdown: &'a Shutdown,
    heads: Semaphore,
    batches: Semaphore,
    /// Never borrowed across an await.
    progress: RefCell<Progress<'a>>,
}

struct Progress<'a> {
    observer: &'a mut dyn FnMut(&StreamDescriptor, Removal<'_>) -> io::Result<()>,
    /// Whether the observer was told that the removal of a member begins.
    announced: Vec<bool>,
    /// Whether the removal of an object of a member has failed.
    refused: Vec<bool>,
    removed: Vec<Removed>,
    unmarked: SkippedObjects,
    copies: SkippedObjects,
    failures: Failures,
    /// Why the observer can no longer be told.
    output_error: Option<io::Error>,
    stopped: Option<Signal>,
}

/// What is left to do for one group when all groups are done: members and their steps.
type Steps = Vec<(usize, FinalStep)>;

impl Sweep<'_> {
    /// Whether another request may begin.
    fn may_continue(&self) -> bool {
        let mut progress = self.progress.borrow_mut();
        if progress.stopped.is_none() {
            progress.stopped = self.shutdown.signal();
        }
        progress.stopped.is_none()
            && progress.output_error.is_none()
            && !progress.failures.gave_up()
    }

    /// Goes through one listing. If it breaks off, its plain keys stay as they are.
    async fn group(&self, group: ListingGroup<'_>) -> Steps {
        let mut plain_keys: HashMap<usize, PlainKeys> =
            group.members.iter().map(|member| (*member, PlainKeys::default())).collect();
        match self.pages(&group, &mut plain_keys).await {
            Ok(true) => {}
            Ok(false) => return Vec::new(),
            Err(error) => {
                self.progress.borrow_mut().failures.listing_failed(error);
                return Vec::new();
            }
        }
        plain_keys
            .into_iter()
            .flat_map(|(member, keys)| {
                keys.final_steps().into_iter().map(move |step| (member, step))
            })
            .collect()
    }

    /// Goes through the pages of a listing. Returns whether it got to the end.
    async fn pages(
        &self,
        group: &ListingGroup<'_>,
        plain_keys: &mut HashMap<usize, PlainKeys>,
    ) -> Result<bool, StoreError> {
        if !self.may_continue() {
            return Ok(false);
        }
        let mut pages = self.store.all_keys(group.prefix);
        let mut page = pages.next().await?;
        if !pages.is_complete() {
            // A listing of several pages is read twice: once to see that it ends, and again to act
            // on it. Keeping it in memory would need room for all keys.
            while pages.next().await?.is_some() {
                if !self.may_continue() {
                    return Ok(false);
                }
            }
            pages = self.store.all_keys(group.prefix);
            page = pages.next().await?;
        }
        while let Some(listed) = page {
            self.page(group, listed, plain_keys).await;
            if !pages.is_complete() && !self.may_continue() {
                return Ok(false);
            }
            page = pages.next().await?;
        }
        Ok(true)
    }

    async fn page(
        &self,
        group: &ListingGroup<'_>,
        listed: Listing,
        plain_keys: &mut HashMap<usize, PlainKeys>,
    ) {
        let may_own = |member: &&usize, key: &str| {
            self.replacements.get(**member).is_some_and(|replacement| replacement.may_own(key))
        };
        let candidates = listed
            .keys
            .into_iter()
            .filter(|key| group.members.iter().any(|member| may_own(&member, key)));
        let mut heads =
            stream::iter(candidates).map(|key| self.head(key)).buffer_unordered(PARALLEL_HEADS);
        let mut to_remove = BTreeMap::new();
        while let Some((key, object)) = heads.next().await {
            let owners = group.members.iter().filter(|member| may_own(member, &key));
            match object {
                Some(Ok(object)) => {
                    if let Some(member) = self.classify(owners, &key, &object, plain_keys) {
                        to_remove.insert(key, member);
                    }
                }
                Some(Err(error)) => {
                    for member in owners {
                        if let (Some(keys), Some(replacement)) =
                            (plain_keys.get_mut(member), self.replacements.get(*member))
                        {
                            keys.mark_unclear(&replacement.stems, &key);
                        }
                    }
                    self.progress.borrow_mut().failures.object_failed(RequestKind::Read, error);
                }
                None => {}
            }
        }
        drop(heads);
        self.remove(to_remove).await;
    }

    /// Reads an object's metadata. `None`: there is no object, or the removal has ended.
    async fn head(&self, key: String) -> (String, Option<Result<StoredObject, StoreError>>) {
        // The semaphore is never closed.
        let _permit = self.heads.acquire().await;
        if !self.may_continue() {
            return (key, None);
        }
        let head = self.store.head(&key).await;
        if head.is_ok() {
            self.progress.borrow_mut().failures.succeeded(RequestKind::Read);
        }
        (key, head.transpose())
    }

    /// Counts an object. Returns its member if it is to be deleted with its page.
    fn classify<'m>(
        &self,
        owners: impl Iterator<Item = &'m usize>,
        key: &str,
        object: &StoredObject,
        plain_keys: &mut HashMap<usize, PlainKeys>,
    ) -> Option<usize> {
        let mut progress = self.progress.borrow_mut();
        let mut skipped = None;
        for &member in owners {
            let replacement = self.replacements.get(member)?;
            let fate = match replacement.verdict(key, object) {
                Verdict::NotOurs => continue,
                // Another member may own it.
                verdict @ (Verdict::Unmarked | Verdict::Copy) => {
                    skipped = skipped.or(Some((verdict, replacement)));
                    continue;
                }
                Verdict::Ours(fate) => fate,
            };
            if fate == Fate::Keep {
                progress.removed.get_mut(member)?.kept += 1;
            }
            let token = object.token().unwrap_or_default();
            let is_left_for_last =
                plain_keys.get_mut(&member)?.record(&replacement.stems, key, token, fate);
            return (fate == Fate::Remove && !is_left_for_last).then_some(member);
        }
        let (verdict, replacement) = skipped?;
        let objects =
            if verdict == Verdict::Copy { &mut progress.copies } else { &mut progress.unmarked };
        objects.add(&replacement.descriptor, key);
        None
    }

    /// Deletes objects, each of them with its member.
    async fn remove(&self, to_remove: BTreeMap<String, usize>) {
        let announced = to_remove.values().all(|member| self.announce(*member));
        if to_remove.is_empty() || !announced || !self.may_continue() {
            return;
        }
        let _permit = self.batches.acquire().await;
        if !self.may_continue() {
            return;
        }
        let keys = to_remove.keys().cloned().collect();
        let settled = |key: String, deleted: Result<(), StoreError>| {
            match (deleted, to_remove.get(&key)) {
                (Ok(()), Some(member)) => {
                    self.record_removal(*member, Removal::Removed { key: &key })
                }
                (Ok(()), None) => {}
                (Err(error), member) => self.record_refusal(member.copied(), error),
            }
            self.may_continue()
        };
        self.store.delete_all(keys, settled).await;
    }

    /// Tells the observer, once, that objects of the stream are about to be removed. Returns
    /// whether it could be told.
    fn announce(&self, member: usize) -> bool {
        let mut progress = self.progress.borrow_mut();
        let was_announced = progress
            .announced
            .get_mut(member)
            .is_none_or(|announced| std::mem::replace(announced, true));
        if !was_announced {
            progress.notify(self.replacements, member, Removal::Begins);
        }
        progress.output_error.is_none()
    }

    fn record_removal(&self, member: usize, removal: Removal<'_>) {
        let mut progress = self.progress.borrow_mut();
        progress.failures.succeeded(RequestKind::Removal);
        if let (Removal::Removed { .. } | Removal::Replaced { .. }, Some(removed)) =
            (&removal, progress.removed.get_mut(member))
        {
            removed.objects += 1;
        }
        progress.notify(self.replacements, member, removal);
    }

    fn record_refusal(&self, member: Option<usize>, error: StoreError) {
        let mut progress = self.progress.borrow_mut();
        if let Some(refused) = member.and_then(|member| progress.refused.get_mut(member)) {
            *refused = true;
        }
        progress.failures.object_failed(RequestKind::Removal, error);
    }

    /// Whether objects of the member can be removed, as far as is known. If they cannot, a new
    /// object that is copied to its plain key would also stay at its numbered key, and readers
    /// would see its rows twice.
    fn can_remove(&self, member: usize) -> bool {
        let progress = self.progress.borrow();
        let is_refused = progress.refused.get(member).is_some_and(|refused| *refused);
        !is_refused || progress.removed.get(member).is_some_and(|removed| removed.objects > 0)
    }

    async fn final_steps(&self, steps: Steps) {
        for (member, step) in steps {
            if !self.may_continue() {
                return;
            }
            if self.can_remove(member)
                && let Err(error) = self.final_step(member, &step).await
            {
                self.record_refusal(Some(member), error);
            }
        }
    }

    /// Takes one final step, after a HEAD: another writer may have put an object there since.
    async fn final_step(&self, member: usize, step: &FinalStep) -> Result<(), StoreError> {
        match step {
            FinalStep::Delete { key, token } => {
                let found = self.store.head(key).await?;
                if found.is_some_and(|found| found.token() == Some(token)) && self.announce(member)
                {
                    self.store.delete(key).await?;
                    self.record_removal(member, Removal::Removed { key });
                }
            }
            FinalStep::Move { from, to, token, over } => {
                let found = self.store.head(to).await?;
                let is_as_listed =
                    found.is_none_or(|found| over.is_some() && found.token() == over.as_deref());
                if is_as_listed && self.announce(member) {
                    self.store.copy(from, to, token).await?;
                    self.store.confirm_copy(to, token).await?;
                    if over.is_some() {
                        self.record_removal(member, Removal::Replaced { key: to });
                    }
                    self.store.delete(from).await?;
                    self.record_removal(member, Removal::Moved { from, to });
                }
            }
        }
        Ok(())
    }
}

impl Progress<'_> {
    fn notify(&mut self, replacements: &[Replacement], member: usize, removal: Removal<'_>) {
        if self.output_error.is_none()
            && let Some(replacement) = replacements.get(member)
        {
            self.output_error = (self.observer)(&replacement.descriptor, removal).err();
        }
    }

    fn report(self) -> Report {
        let Self { removed, unmarked, copies, failures, output_error, stopped, .. } = self;
        let result = match (output_error, stopped, failures.into_error()) {
            (Some(error), _, _) => Err(ReplaceError::StdoutClosed(error)),
            (None, Some(signal), _) => Err(ReplaceError::Stopped(signal)),
            (None, None, Some(failed)) => Err(failed),
            (None, None, None) => Ok(()),
        };
        Report { removed, unmarked, copies, result }
    }
}
