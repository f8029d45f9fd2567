//! Looks at every object that may be a stream's, and removes those that go.
//!
//! Page by page: list, HEAD in parallel, delete in batches; at the very end the plain names, one after the other.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::plan::{LastStep, PlainNames, Replacement, Verdict, prefixes};
use crate::error::{Classified, FailureType};
use crate::stop::{Signal, Stop};
use crate::store::{S3Store, StoreError, StoredObject};

/// HEADs at once: each is one small round trip, and S3 takes 5,500 a second for a prefix.
const HEADS_AT_ONCE: usize = 32;

/// What was done for one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Objects that are gone, the one under a plain name that was replaced included.
    pub objects: u64,
    /// Objects that are the stream's and stay.
    pub kept: u64,
}

/// Why not everything was removed. The run itself is published and acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// A request failed.
    #[error(
        "this sync is published and acknowledged, but what it replaces could not all be removed, so that older rows are still there; the next sync that replaces them removes them: {0}"
    )]
    Store(#[from] StoreError),
    /// Somebody wants the process to end.
    #[error("this sync is published and acknowledged, but {} stopped the removal of what it replaces, so that older rows are still there; the next sync that replaces them removes them", .0.name())]
    Stopped(Signal),
}

impl Classified for ReplaceError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Store(error) => error.failure_type(),
            Self::Stopped(_) => FailureType::Transient,
        }
    }
}

/// Removes what `replacements` say. Gives what was done, in their order.
///
/// # Errors
/// [`ReplaceError`]: some of it may be left; doing it again is safe.
pub async fn replace(
    store: &S3Store,
    replacements: &[Replacement],
    stop: &Stop,
) -> Result<Vec<Removed>, ReplaceError> {
    let mut sweep = Sweep {
        store,
        replacements,
        stop,
        removed: vec![Removed::default(); replacements.len()],
        plain_names: replacements.iter().map(|_| PlainNames::default()).collect(),
    };
    for prefix in prefixes(replacements) {
        sweep.prefix(prefix).await?;
    }
    sweep.plain_names().await?;
    Ok(sweep.removed)
}

struct Sweep<'a> {
    store: &'a S3Store,
    replacements: &'a [Replacement],
    stop: &'a Stop,
    removed: Vec<Removed>,
    plain_names: Vec<PlainNames>,
}

impl Sweep<'_> {
    fn go_on(&self) -> Result<(), ReplaceError> {
        self.stop.signal().map_or(Ok(()), |signal| Err(ReplaceError::Stopped(signal)))
    }

    async fn prefix(&mut self, prefix: &str) -> Result<(), ReplaceError> {
        let mut page = None;
        loop {
            self.go_on()?;
            let listed = self.store.list_page(prefix, page).await?;
            let candidates = listed
                .keys
                .into_iter()
                .filter(|key| self.replacements.iter().any(|replacement| replacement.may_own(key)));
            let objects = look_at(self.store, candidates).await?;
            let doomed =
                objects.into_iter().filter(|(key, object)| self.is_doomed(key, object)).map(|(key, _)| key);
            let doomed: Vec<String> = doomed.collect();
            self.go_on()?;
            if !doomed.is_empty() {
                self.store.delete_all(doomed).await?;
            }
            page = listed.next;
            if page.is_none() {
                return Ok(());
            }
        }
    }

    /// Whether the object is to be deleted with its page. Counts it for the stream whose it is.
    fn is_doomed(&mut self, key: &str, object: &StoredObject) -> bool {
        let token = object.token().unwrap_or_default();
        for (ix, replacement) in self.replacements.iter().enumerate() {
            let verdict =
                if replacement.may_own(key) { replacement.verdict(object) } else { Verdict::NotOurs };
            let counts = &mut self.removed[ix];
            match verdict {
                Verdict::NotOurs => continue,
                Verdict::Keep => counts.kept += 1,
                Verdict::Remove => counts.objects += 1,
            }
            let left_for_last = self.plain_names[ix].see(&replacement.stems, key, token, verdict);
            return verdict == Verdict::Remove && !left_for_last;
        }
        false
    }

    async fn plain_names(&mut self) -> Result<(), ReplaceError> {
        for names in std::mem::take(&mut self.plain_names) {
            for step in names.last_steps() {
                self.go_on()?;
                // Others may have put an object there since these keys were looked at.
                match step {
                    LastStep::Delete { key, token } => {
                        let there = self.store.head(&key).await?;
                        if there.is_some_and(|there| there.token() == Some(&token)) {
                            self.store.delete_all(vec![key]).await?;
                        }
                    }
                    LastStep::Move { from, to, token, over } => {
                        let there = self.store.head(&to).await?;
                        if there.is_none_or(|there| over.is_some() && there.token() == over.as_deref()) {
                            self.store.copy(&from, &to, &token).await?;
                            self.store.delete_all(vec![from]).await?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// The objects at `keys` that are still there, with what they say about themselves.
async fn look_at(
    store: &S3Store,
    keys: impl Iterator<Item = String>,
) -> Result<Vec<(String, StoredObject)>, StoreError> {
    let heads = keys.map(async |key| Ok(store.head(&key).await?.map(|object| (key, object))));
    stream::iter(heads)
        .buffer_unordered(HEADS_AT_ONCE)
        .try_filter_map(async |object| Ok(object))
        .try_collect()
        .await
}
