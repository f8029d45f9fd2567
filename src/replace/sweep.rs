//! Looks at every object that may be a stream's, and removes those that go.
//!
//! Each listing is a task of its own, some at once. Page by page: list, HEAD in parallel, delete in
//! batches; at the very end the plain names.
//!
//! Invariants
//! - Nothing is removed before the listing that shows it has been seen to end.
//! - What is refused for one object keeps no other one: the first error and the number of objects
//!   are reported at the end.
//! - The watcher hears of a stream before its first object goes, and of each key when it is gone.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io;

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::failures::{Failures, Step};
use super::plan::{Group, LastStep, PlainNames, Replacement, Verdict, groups};
use super::{Removal, Removed, ReplaceError, Report, SkippedObjects};
use crate::model::StreamDescriptor;
use crate::shutdown::{Shutdown, Signal};
use crate::store::{Listing, S3Store, StoreError, StoredObject};

/// Listings at once: a sync may replace thousands of streams, and S3 takes 5,500 a second for a
/// prefix.
const LISTINGS_AT_ONCE: usize = 32;

/// HEADs at once, of all listings together: each is one small round trip.
const HEADS_AT_ONCE: usize = 32;

/// Batches of deletions at once; each may become single requests, some at a time.
const BATCHES_AT_ONCE: usize = 4;

/// Removes what `replacements` say, and tells `watch` as it happens. Doing it again is safe.
pub async fn replace(
    store: &S3Store,
    replacements: &[Replacement],
    stop: &Shutdown,
    watch: &mut dyn FnMut(&StreamDescriptor, Removal<'_>) -> io::Result<()>,
) -> Report {
    let streams = replacements.len();
    let sweep = Sweep {
        store,
        replacements,
        stop,
        heads: Semaphore::new(HEADS_AT_ONCE),
        batches: Semaphore::new(BATCHES_AT_ONCE),
        state: RefCell::new(State {
            watch,
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
    let listings = stream::iter(groups(replacements)).map(|group| sweep.group(group));
    let steps: Vec<_> = listings.buffer_unordered(LISTINGS_AT_ONCE).collect().await;
    // The names of two groups have nothing to do with each other; those of one may.
    stream::iter(steps)
        .for_each_concurrent(LISTINGS_AT_ONCE, |steps| sweep.last_steps(steps))
        .await;
    sweep.state.into_inner().report()
}

struct Sweep<'a> {
    store: &'a S3Store,
    replacements: &'a [Replacement],
    stop: &'a Shutdown,
    heads: Semaphore,
    batches: Semaphore,
    /// Never held across a wait.
    state: RefCell<State<'a>>,
}

struct State<'a> {
    watch: &'a mut dyn FnMut(&StreamDescriptor, Removal<'_>) -> io::Result<()>,
    announced: Vec<bool>,
    /// Whether an object of the member could not be removed.
    refused: Vec<bool>,
    removed: Vec<Removed>,
    unmarked: SkippedObjects,
    copies: SkippedObjects,
    failures: Failures,
    /// The watcher cannot be told any more.
    output_error: Option<io::Error>,
    stopped: Option<Signal>,
}

/// What is left to do of one group when all groups are through: the member, and its step.
type Steps = Vec<(usize, LastStep)>;

impl Sweep<'_> {
    /// Whether to begin anything else.
    fn may_continue(&self) -> bool {
        let mut state = self.state.borrow_mut();
        if state.stopped.is_none() {
            state.stopped = self.stop.signal();
        }
        state.stopped.is_none() && state.output_error.is_none() && !state.failures.gave_up()
    }

    /// All of one listing. Without its end, nothing of its plain names is touched.
    async fn group(&self, group: Group<'_>) -> Steps {
        let mut names: HashMap<usize, PlainNames> =
            group.members.iter().map(|member| (*member, PlainNames::default())).collect();
        match self.pages(&group, &mut names).await {
            Ok(true) => {}
            Ok(false) => return Vec::new(),
            Err(error) => {
                self.state.borrow_mut().failures.listing(error);
                return Vec::new();
            }
        }
        let steps = names.into_iter().map(|(member, names)| (member, names.last_steps()));
        steps
            .flat_map(|(member, steps)| steps.into_iter().map(move |step| (member, step)))
            .collect()
    }

    /// Whether all pages were gone through.
    async fn pages(
        &self,
        group: &Group<'_>,
        names: &mut HashMap<usize, PlainNames>,
    ) -> Result<bool, StoreError> {
        if !self.may_continue() {
            return Ok(false);
        }
        let mut pages = self.store.all_keys(group.prefix);
        let mut page = pages.next().await?;
        if !pages.is_complete() {
            // Seen to its end first, and then again: more than a page is not kept in memory.
            while pages.next().await?.is_some() {
                if !self.may_continue() {
                    return Ok(false);
                }
            }
            pages = self.store.all_keys(group.prefix);
            page = pages.next().await?;
        }
        while let Some(listed) = page {
            self.page(group, listed, names).await;
            if !pages.is_complete() && !self.may_continue() {
                return Ok(false);
            }
            page = pages.next().await?;
        }
        Ok(true)
    }

    async fn page(
        &self,
        group: &Group<'_>,
        listed: Listing,
        names: &mut HashMap<usize, PlainNames>,
    ) {
        let may_own = |member: &&usize, key: &str| {
            self.replacements.get(**member).is_some_and(|replacement| replacement.may_own(key))
        };
        let candidates = listed
            .keys
            .into_iter()
            .filter(|key| group.members.iter().any(|member| may_own(&member, key)));
        let mut looks =
            stream::iter(candidates).map(|key| self.head(key)).buffer_unordered(HEADS_AT_ONCE);
        let mut to_remove = BTreeMap::new();
        while let Some((key, object)) = looks.next().await {
            let owners = group.members.iter().filter(|member| may_own(member, &key));
            match object {
                Some(Ok(object)) => {
                    if let Some(member) = self.classify(owners, &key, &object, names) {
                        to_remove.insert(key, member);
                    }
                }
                Some(Err(error)) => {
                    for member in owners {
                        if let (Some(names), Some(replacement)) =
                            (names.get_mut(member), self.replacements.get(*member))
                        {
                            names.mark_unclear(&replacement.stems, &key);
                        }
                    }
                    self.state.borrow_mut().failures.object(Step::Look, error);
                }
                None => {}
            }
        }
        drop(looks);
        self.remove(to_remove).await;
    }

    /// The object, if there is one and nothing has ended the removal.
    async fn head(&self, key: String) -> (String, Option<Result<StoredObject, StoreError>>) {
        // The semaphore is never closed.
        let _permit = self.heads.acquire().await;
        if !self.may_continue() {
            return (key, None);
        }
        let head = self.store.head(&key).await;
        if head.is_ok() {
            self.state.borrow_mut().failures.succeeded(Step::Look);
        }
        (key, head.transpose())
    }

    /// The member whose object it is, if it is to be deleted with its page. Counts it where it
    /// belongs.
    fn classify<'m>(
        &self,
        owners: impl Iterator<Item = &'m usize>,
        key: &str,
        object: &StoredObject,
        names: &mut HashMap<usize, PlainNames>,
    ) -> Option<usize> {
        let mut state = self.state.borrow_mut();
        let mut foreign = None;
        for &member in owners {
            let replacement = self.replacements.get(member)?;
            let verdict = replacement.verdict(key, object);
            match verdict {
                Verdict::NotOurs => continue,
                Verdict::Unmarked | Verdict::Copy => {
                    foreign = foreign.or(Some((verdict, replacement)));
                    continue;
                }
                Verdict::Keep => state.removed.get_mut(member)?.kept += 1,
                Verdict::Remove => {}
            }
            let token = object.token().unwrap_or_default();
            let left_for_last =
                names.get_mut(&member)?.see(&replacement.stems, key, token, verdict);
            return (verdict == Verdict::Remove && !left_for_last).then_some(member);
        }
        let (verdict, replacement) = foreign?;
        let left = if verdict == Verdict::Copy { &mut state.copies } else { &mut state.unmarked };
        left.add(&replacement.descriptor, key);
        None
    }

    /// Deletes objects, each with the member whose it is.
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

    /// Tells that objects of the stream are about to go, once. Whether it could be told.
    fn announce(&self, member: usize) -> bool {
        let mut state = self.state.borrow_mut();
        let is_told = state
            .announced
            .get_mut(member)
            .is_none_or(|announced| std::mem::replace(announced, true));
        if !is_told {
            state.tell(self.replacements, member, Removal::Begins);
        }
        state.output_error.is_none()
    }

    /// An object of the stream is gone.
    fn record_removal(&self, member: usize, removal: Removal<'_>) {
        let mut state = self.state.borrow_mut();
        state.failures.succeeded(Step::Remove);
        if let (Removal::Removed { .. } | Removal::Replaced { .. }, Some(removed)) =
            (&removal, state.removed.get_mut(member))
        {
            removed.objects += 1;
        }
        state.tell(self.replacements, member, removal);
    }

    fn record_refusal(&self, member: Option<usize>, error: StoreError) {
        let mut state = self.state.borrow_mut();
        if let Some(refused) = member.and_then(|member| state.refused.get_mut(member)) {
            *refused = true;
        }
        state.failures.object(Step::Remove, error);
    }

    /// Whether objects of the member can be removed, as far as was seen. Where none can, a file
    /// that is copied to its plain name would stay beside it as well, and its rows would come
    /// twice.
    fn can_remove(&self, member: usize) -> bool {
        let state = self.state.borrow();
        let is_refused = state.refused.get(member).is_some_and(|refused| *refused);
        !is_refused || state.removed.get(member).is_some_and(|removed| removed.objects > 0)
    }

    async fn last_steps(&self, steps: Steps) {
        for (member, step) in steps {
            if !self.may_continue() {
                return;
            }
            if self.can_remove(member)
                && let Err(error) = self.last_step(member, &step).await
            {
                self.record_refusal(Some(member), error);
            }
        }
    }

    /// One of them. Others may have put an object there since these keys were looked at.
    async fn last_step(&self, member: usize, step: &LastStep) -> Result<(), StoreError> {
        match step {
            LastStep::Delete { key, token } => {
                let there = self.store.head(key).await?;
                if there.is_some_and(|there| there.token() == Some(token)) && self.announce(member)
                {
                    self.store.delete(key).await?;
                    self.record_removal(member, Removal::Removed { key });
                }
            }
            LastStep::Move { from, to, token, over } => {
                let there = self.store.head(to).await?;
                let is_as_seen =
                    there.is_none_or(|there| over.is_some() && there.token() == over.as_deref());
                if is_as_seen && self.announce(member) {
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

impl State<'_> {
    fn tell(&mut self, replacements: &[Replacement], member: usize, removal: Removal<'_>) {
        if self.output_error.is_none()
            && let Some(replacement) = replacements.get(member)
        {
            self.output_error = (self.watch)(&replacement.descriptor, removal).err();
        }
    }

    fn report(self) -> Report {
        let Self { removed, unmarked, copies, failures, output_error, stopped, .. } = self;
        let result = match (output_error, stopped, failures.end()) {
            (Some(error), _, _) => Err(ReplaceError::StdoutClosed(error)),
            (None, Some(signal), _) => Err(ReplaceError::Stopped(signal)),
            (None, None, Some(failed)) => Err(failed),
            (None, None, None) => Ok(()),
        };
        Report { removed, unmarked, copies, result }
    }
}
