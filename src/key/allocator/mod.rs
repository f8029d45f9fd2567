//! Numbers keys, so that none is given twice.
//!
//! [`KeyStem`]s, one per file → [`Allocation`]s; what the bucket holds comes in through
//! [`KeyAllocator::listed`].
//!
//! Invariants
//! - A key is never given out while another file has it, nor after that file was published,
//!   whichever stems meet: a stream called `a_2` and the second file of a stream called `a` want
//!   the same key.
//! - Numbers go on after the highest one that is taken, found by one listing, not by trying.
//! - Memory does not grow with files: it holds the stems with files in flight, and 1,024 more, or
//!   one per stream.
//! - Time does not grow with stems: of the others only those are asked whose keys begin and end as
//!   the key does.
//!
//! How two stems are kept apart. What one stem has given out is a range of numbers, so "is this key
//! taken?" is asked of each known stem by [`KeyStem::number_of`]. A forgotten stem's files are
//! published, that is to say visible to listings from then on; so when stems are forgotten, all
//! that stay must list again before their next key.
//!
//! Not here: the listing, and the write that refuses a key which another program took meanwhile
//! (`store`).

mod stem_index;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::stem_index::StemIndex;
use super::stem::KeyStem;

/// How many stems without a file in flight are remembered at least, to spare their listing.
const IDLE_STEMS: usize = 1024;

/// Listed numbers above this are left out. Nothing of ours gets there, and numbering must not run
/// out because somebody put one object with a large number in its name.
const HIGHEST_LISTED: u32 = u32::MAX / 2;

/// Of some listed keys and folders the one that decides where a stem's numbers go on, with its
/// number: all of a listing that [`KeyAllocator::listed`] needs, however many keys there are.
pub fn highest_listed<'a>(
    stem: &KeyStem,
    keys: impl Iterator<Item = &'a str>,
) -> Option<(u32, &'a str)> {
    let folder = stem.folder();
    let number_of = |key| stem.number_of(key).or_else(|| folder.as_ref()?.number_of(key));
    keys.filter_map(|key| Some((number_of(key)?, key)))
        .filter(|(number, _)| *number <= HIGHEST_LISTED)
        .max()
}

/// Hands out the keys of one run.
#[derive(Debug)]
pub struct KeyAllocator {
    stems: HashMap<KeyStem, Taken>,
    by_ends: StemIndex,
    /// Stems without a file in flight, now and at most.
    idle: usize,
    idle_stems: usize,
}

/// What to do for a file that needs a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// The key is the file's alone.
    Key {
        /// The whole key.
        key: String,
        /// Its number, as [`KeyStem::key`] counts.
        number: u32,
    },
    /// It is not known yet which numbers are taken: list the bucket, call [`KeyAllocator::listed`],
    /// then [`KeyAllocator::allocate`] again.
    List {
        /// List what begins with this, with the delimiter `/`.
        prefix: String,
    },
}

/// What is known of a stem's numbers.
#[derive(Debug)]
struct Taken {
    listing: ListingState,
    /// Where the numbers given out begin; those before it were in the bucket.
    first: u32,
    /// The next number to try. From `first` to here all were given out or found with another stem.
    next: u32,
    /// Files that have a key and are neither published nor discarded.
    in_flight: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListingState {
    /// The bucket may hold keys that this stem does not know of.
    Needed,
    /// The caller is on its way to the bucket.
    Asked,
    Done,
}

impl Default for KeyAllocator {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyAllocator {
    /// An allocator that knows of no key.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stems: HashMap::new(),
            by_ends: StemIndex::default(),
            idle: 0,
            idle_stems: IDLE_STEMS,
        }
    }

    /// As [`Self::new`], for a run of this many streams: none of them forgets its stem while the
    /// others take their turns.
    #[must_use]
    pub fn for_streams(streams: usize) -> Self {
        Self { idle_stems: IDLE_STEMS.max(streams), ..Self::new() }
    }

    /// The next key of a stem. The file counts as in flight until [`Self::release`].
    ///
    /// Asks for one listing per stem, and for another one after the stem was forgotten or others
    /// were. A stem with `{uuid}` is never listed: each file must have a stem of its own.
    pub fn allocate(&mut self, stem: &KeyStem) -> Allocation {
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

    /// Takes in what a listing of the stem's prefix found: keys, and folders (common prefixes, with
    /// their slash), which matter where `{part}` stands in a folder's name. Other keys under the
    /// prefix do no harm.
    ///
    /// There may be one listing per stem at a time; it must have begun after the
    /// [`Allocation::List`] that asked for it. When stems were forgotten meanwhile, the next
    /// [`Self::allocate`] asks again.
    pub fn listed<'a>(&mut self, stem: &KeyStem, keys: impl Iterator<Item = &'a str>) {
        let highest = highest_listed(stem, keys).map(|(number, _)| number);
        let after = highest.map_or(0, |number| number + 1);
        self.update(stem, |taken| {
            let none_given = taken.first == taken.next;
            taken.next = taken.next.max(after);
            if none_given {
                taken.first = taken.next;
            }
            if taken.listing == ListingState::Asked {
                taken.listing = ListingState::Done;
            }
        });
    }

    /// Says that the bucket holds keys under this stem which no listing has shown: the next
    /// [`Self::allocate`] asks for one.
    pub fn list_again(&mut self, stem: &KeyStem) {
        if let Some(taken) = self.stems.get_mut(stem) {
            taken.listing = ListingState::Needed;
        }
    }

    /// Says that one file under this stem was published (visible to listings from now on) or
    /// discarded.
    pub fn release(&mut self, stem: &KeyStem) {
        self.update(stem, |taken| taken.in_flight = taken.in_flight.saturating_sub(1));
    }

    /// Changes what is known of a stem, if anything is, and keeps count of the idle ones.
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
            // Four thousand million files are out of reach; an endless loop must be, too.
            if number == u32::MAX || !self.others_gave(stem, &key) {
                return (key, number);
            }
            number += 1;
        }
    }

    fn others_gave(&self, stem: &KeyStem, key: &str) -> bool {
        self.by_ends.candidates(key).filter(|other| *other != stem).any(|other| {
            let given = self.stems.get(other).map_or(0..0, |taken| taken.first..taken.next);
            other.number_of(key).is_some_and(|number| given.contains(&number))
        })
    }

    /// Forgets the idle stems, all at once: each time costs the others a listing.
    fn make_room(&mut self) {
        if self.idle < self.idle_stems {
            return;
        }
        self.stems.retain(|_, taken| !taken.is_idle());
        self.by_ends = StemIndex::default();
        for (stem, taken) in &mut self.stems {
            taken.listing = ListingState::Needed;
            self.by_ends.add(stem);
        }
        // A caller that was asked for a listing is no longer waited for.
        self.idle = self.stems.values().filter(|taken| taken.is_idle()).count();
    }
}

impl Default for Taken {
    fn default() -> Self {
        Self { listing: ListingState::Needed, first: 0, next: 0, in_flight: 0 }
    }
}

impl Taken {
    /// Without a file in flight, and without a caller that is about to come back with a listing.
    fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.listing != ListingState::Asked
    }
}
