//! Numbers keys, so that no key is used twice.
//!
//! In: a [`KeyStem`] per file, and the keys in the bucket ([`KeyAllocator::listed`]). Out:
//! [`Allocation`]s.
//!
//! Invariants
//! - A key is never allocated while another file has it, nor after that file was published. This
//!   holds for keys of different stems too: a stream called `a_2` and the second file of a stream
//!   called `a` want the same key.
//! - Numbers continue after the highest one that is taken. One listing finds it; numbers are not
//!   tried one by one.
//! - Memory does not grow with the number of files. It holds the stems with files in flight, and
//!   1,024 more or one per stream, whichever is larger.
//! - Time does not grow with the number of stems: [`StemIndex`] finds the few that may have
//!   allocated a key.
//!
//! How clashes between stems are found: the numbers that a stem has allocated are a range. So a key
//! is taken if another stem has allocated the number that would make this key
//! ([`KeyStem::number_of`]), that is, if the number is in that stem's range. A stem can only be
//! forgotten when its files are published, and listings show them from then on. So when stems are
//! forgotten, all remaining stems must list again before their next key.
//!
//! Not here: the listing, and the write that fails if another program took the key meanwhile
//! (`store`).

mod stem_index;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::stem_index::StemIndex;
use super::stem::KeyStem;

/// How many stems without a file in flight are remembered at least, because each that is forgotten
/// costs a listing.
const IDLE_STEMS: usize = 1024;

/// Listed numbers above this are ignored. Our own numbers stay far below, and one foreign object
/// with a large number in its name must not exhaust the numbers.
const HIGHEST_LISTED: u32 = u32::MAX / 2;

/// Returns the listed key or folder of `stem` with the highest number, and that number. This is all
/// of a listing that [`KeyAllocator::listed`] needs.
pub(crate) fn highest_listed<'a>(
    stem: &KeyStem,
    keys: impl Iterator<Item = &'a str>,
) -> Option<(u32, &'a str)> {
    let folder = stem.folder();
    let number_of = |key| stem.number_of(key).or_else(|| folder.as_ref()?.number_of(key));
    keys.filter_map(|key| Some((number_of(key)?, key)))
        .filter(|(number, _)| *number <= HIGHEST_LISTED)
        .max()
}

/// Allocates the keys of one run.
#[derive(Debug)]
pub(crate) struct KeyAllocator {
    stems: HashMap<KeyStem, Taken>,
    by_ends: StemIndex,
    /// The number of stems without a file in flight.
    idle: usize,
    /// How many such stems may be remembered.
    most_idle: usize,
}

/// The answer to a request for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// The file has this key.
    Key {
        /// The whole key.
        key: String,
        /// Its number, as [`KeyStem::key`] counts.
        number: u32,
    },
    /// The taken numbers are not known yet: list the bucket, call [`KeyAllocator::listed`], then
    /// [`KeyAllocator::allocate`] again.
    List {
        /// The prefix to list, with the delimiter `/`.
        prefix: String,
    },
}

/// What is known about a stem's numbers.
#[derive(Debug)]
struct Taken {
    listing: ListingState,
    /// The first number that was allocated. The numbers before it were in the bucket.
    first: u32,
    /// The next number to try. All from `first` to here were allocated, by this stem or another.
    next: u32,
    /// Files that have a key and are neither published nor discarded.
    in_flight: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListingState {
    /// The bucket may have keys that this stem does not know.
    Needed,
    /// The caller is listing the bucket.
    Asked,
    Done,
}

impl Default for KeyAllocator {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyAllocator {
    /// An allocator that knows no key.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            stems: HashMap::new(),
            by_ends: StemIndex::default(),
            idle: 0,
            most_idle: IDLE_STEMS,
        }
    }

    /// As [`Self::new`], for a run of this many streams: it remembers a stem of each, so that
    /// streams that take turns do not list again.
    #[must_use]
    pub(crate) fn for_streams(streams: usize) -> Self {
        Self { most_idle: IDLE_STEMS.max(streams), ..Self::new() }
    }

    /// Allocates the next key of a stem. The file counts as in flight until [`Self::release`].
    ///
    /// Asks for one listing per stem, and for another one after this stem or others were forgotten.
    /// A stem with `{uuid}` is never listed, so each file must have a stem of its own.
    pub(crate) fn allocate(&mut self, stem: &KeyStem) -> Allocation {
        if !self.stems.contains_key(stem) {
            self.make_room();
            self.stems.insert(stem.clone(), Taken::default());
            self.by_ends.add(stem);
            self.idle += 1;
        }
        if let Some(prefix) = stem.listing_prefix()
            && self.stems.get(stem).is_some_and(|taken| taken.listing != ListingState::Done)
        {
            self.update(stem, |taken| taken.listing = ListingState::Asked);
            return Allocation::List { prefix: prefix.to_owned() };
        }
        let from = self.stems.get(stem).map_or(0, |taken| taken.next);
        let (key, number) = self.first_free(stem, from);
        self.update(stem, |taken| {
            taken.listing = ListingState::Done;
            taken.next = number.saturating_add(1);
            taken.in_flight += 1;
        });
        Allocation::Key { key, number }
    }

    /// Takes the result of a listing of the stem's prefix: keys, and folders (common prefixes, with
    /// their slash), which matter where `{part}` is in a folder's name. Keys of other stems are
    /// ignored.
    ///
    /// There may be one listing per stem at a time, and it must have begun after the
    /// [`Allocation::List`] that asked for it. If stems were forgotten meanwhile, the next
    /// [`Self::allocate`] asks again.
    pub(crate) fn listed<'a>(&mut self, stem: &KeyStem, keys: impl Iterator<Item = &'a str>) {
        let highest = highest_listed(stem, keys).map(|(number, _)| number);
        let after = highest.map_or(0, |number| number + 1);
        self.update(stem, |taken| {
            let none_allocated = taken.first == taken.next;
            taken.next = taken.next.max(after);
            if none_allocated {
                taken.first = taken.next;
            }
            if taken.listing == ListingState::Asked {
                taken.listing = ListingState::Done;
            }
        });
    }

    /// Records that the bucket has keys of this stem that no listing has shown. The next
    /// [`Self::allocate`] asks for a listing.
    pub(crate) fn list_again(&mut self, stem: &KeyStem) {
        if let Some(taken) = self.stems.get_mut(stem) {
            taken.listing = ListingState::Needed;
        }
    }

    /// Records that one file of this stem was either published, and so is visible to listings, or
    /// discarded.
    pub(crate) fn release(&mut self, stem: &KeyStem) {
        self.update(stem, |taken| taken.in_flight = taken.in_flight.saturating_sub(1));
    }

    /// Changes what is known about a stem, if it is known, and keeps count of the idle ones.
    fn update(&mut self, stem: &KeyStem, change: impl FnOnce(&mut Taken)) {
        if let Some(taken) = self.stems.get_mut(stem) {
            self.idle -= usize::from(taken.is_idle());
            change(taken);
            self.idle += usize::from(taken.is_idle());
        }
    }

    fn first_free(&self, stem: &KeyStem, from: u32) -> (String, u32) {
        let mut number = from;
        loop {
            let key = stem.key(number);
            // `u32::MAX` files cannot occur; stop there anyway so the loop terminates.
            if number == u32::MAX || !self.others_allocated(stem, &key) {
                return (key, number);
            }
            number += 1;
        }
    }

    fn others_allocated(&self, stem: &KeyStem, key: &str) -> bool {
        self.by_ends.candidates(key).filter(|other| *other != stem).any(|other| {
            let allocated = self.stems.get(other).map_or(0..0, |taken| taken.first..taken.next);
            other.number_of(key).is_some_and(|number| allocated.contains(&number))
        })
    }

    /// Forgets all idle stems at once, because each time costs every other stem a listing.
    fn make_room(&mut self) {
        if self.idle < self.most_idle {
            return;
        }
        self.stems.retain(|_, taken| !taken.is_idle());
        self.by_ends = StemIndex::default();
        for (stem, taken) in &mut self.stems {
            taken.listing = ListingState::Needed;
            self.by_ends.add(stem);
        }
        // `Asked` has become `Needed`, so a stem whose caller is listing counts as idle again.
        self.idle = self.stems.values().filter(|taken| taken.is_idle()).count();
    }
}

impl Default for Taken {
    fn default() -> Self {
        Self { listing: ListingState::Needed, first: 0, next: 0, in_flight: 0 }
    }
}

impl Taken {
    /// Whether no file is in flight and no caller is listing the bucket.
    fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.listing != ListingState::Asked
    }
}
