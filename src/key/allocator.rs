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

use std::collections::{BTreeMap, HashMap};

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
    by_ends: StemsByEnds,
    /// Stems without a file in flight, now and at most.
    idle: usize,
    idle_stems: usize,
}

/// Stems by the fixed text at both ends of their keys.
#[derive(Debug, Default)]
struct StemsByEnds {
    /// By the beginning, then by the end.
    stems: HashMap<String, HashMap<String, Vec<KeyStem>>>,
    /// How long beginnings and ends are, and how many stems have them so: few pairs, since
    /// templates differ little.
    lengths: BTreeMap<(usize, usize), usize>,
}

impl StemsByEnds {
    fn add(&mut self, stem: &KeyStem) {
        let (head, tail) = stem.ends();
        let by_tail = self.stems.entry(head.to_owned()).or_default();
        by_tail.entry(tail.to_owned()).or_default().push(stem.clone());
        *self.lengths.entry((head.len(), tail.len())).or_default() += 1;
    }

    /// The stems that may have given out `key`.
    fn candidates<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a KeyStem> {
        let with_ends = |(head, tail): &(usize, usize)| {
            let tail_at = key.len().checked_sub(*tail).filter(|at| at >= head)?;
            self.stems.get(key.get(..*head)?)?.get(key.get(tail_at..)?)
        };
        self.lengths.keys().filter_map(with_ends).flatten()
    }
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
            by_ends: StemsByEnds::default(),
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
        self.by_ends = StemsByEnds::default();
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

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    fn suffixed(head: &str) -> KeyStem {
        KeyStem::with_suffix(head.to_owned(), ".csv".to_owned(), false)
    }

    /// Answers listings from `bucket` until there is a key.
    fn key(allocator: &mut KeyAllocator, stem: &KeyStem, bucket: &[&str]) -> String {
        for _ in 0..2 {
            match allocator.allocate(stem) {
                Allocation::Key { key, number } => {
                    assert_eq!(stem.key(number), key);
                    return key;
                }
                Allocation::List { prefix } => {
                    allocator.listed(
                        stem,
                        bucket.iter().copied().filter(|key| key.starts_with(&prefix)),
                    );
                }
            }
        }
        panic!("asked for a second listing")
    }

    #[test]
    fn numbering_goes_on_after_the_highest_taken_number() {
        let taken = [
            "users.csv",
            "users_7.csv",
            "users_summary.csv",
            "users_9.csv.gz",
            "users_4294967296.csv",
        ];
        let mut allocator = KeyAllocator::new();
        let keys: Vec<_> =
            (0..3).map(|_| key(&mut allocator, &suffixed("users"), &taken)).collect();
        assert_eq!(keys, ["users_8.csv", "users_9.csv", "users_10.csv"]);
        assert_eq!(key(&mut allocator, &suffixed("orders"), &taken), "orders.csv");

        let part = KeyStem::with_part("users/".to_owned(), vec!["/data.csv".to_owned()], false);
        assert_eq!(
            key(&mut allocator, &part, &["users/3/", "users/x/", "users/5.csv"]),
            "users/4/data.csv"
        );
    }

    #[test]
    fn numbering_goes_on_after_another_writer_once_the_bucket_is_listed_again() {
        let mut allocator = KeyAllocator::new();
        let users = suffixed("users");
        assert_eq!(key(&mut allocator, &users, &[]), "users.csv");
        assert_eq!(key(&mut allocator, &users, &["users_900.csv"]), "users_2.csv");
        allocator.list_again(&users);
        assert_eq!(key(&mut allocator, &users, &["users_900.csv"]), "users_901.csv");
        allocator.list_again(&users);
        assert_eq!(key(&mut allocator, &users, &[]), "users_902.csv", "a listing may be behind");
    }

    #[test]
    fn streams_that_want_the_same_key_get_different_ones() {
        let mut allocator = KeyAllocator::new();
        let (a, a_2) = (suffixed("a"), suffixed("a_2"));
        assert_eq!(key(&mut allocator, &a, &[]), "a.csv");
        assert_eq!(key(&mut allocator, &a_2, &[]), "a_2.csv");
        // Two namespaces under a template without {namespace} have equal stems.
        assert_eq!(key(&mut allocator, &a, &[]), "a_3.csv");
        assert_eq!(key(&mut allocator, &a_2, &[]), "a_2_2.csv");
    }

    #[test]
    fn a_key_with_a_random_id_needs_no_listing() {
        let stem = KeyStem::with_suffix("6f96".to_owned(), String::new(), true);
        let first = KeyAllocator::new().allocate(&stem);
        assert_eq!(first, Allocation::Key { key: "6f96".to_owned(), number: 0 });
    }

    #[test]
    fn memory_does_not_grow_with_files_nor_with_stems() {
        let mut allocator = KeyAllocator::new();
        let slow = suffixed("slow");
        for day in 0..5_000 {
            let stem = suffixed(&format!("day={day}/users"));
            key(&mut allocator, &stem, &[]);
            key(&mut allocator, &stem, &[]);
            // In flight across each time of forgetting, and never asked for again.
            let straggler = suffixed(&format!("straggler={}", (day + 512) / 1024));
            if day % 1024 == 512 {
                key(&mut allocator, &straggler, &[]);
            }
            key(&mut allocator, &slow, &["slow.csv"]);
            allocator.release(&stem);
            allocator.release(&stem);
            if day % 1024 == 511 {
                allocator.release(&straggler);
            }
        }
        assert!(allocator.stems.len() <= IDLE_STEMS + 3, "{}", allocator.stems.len());
        let stragglers =
            allocator.stems.keys().filter(|stem| stem.key(0).starts_with("straggler")).count();
        assert!(stragglers <= 2, "{stragglers}");
    }

    #[test]
    fn a_key_is_looked_for_among_the_stems_that_could_have_given_it_and_not_among_all() {
        let part =
            |name: &str| KeyStem::with_part("raw/".to_owned(), vec![format!("/{name}.csv")], false);
        let mut allocator = KeyAllocator::for_streams(10_000);
        for stream in 0..10_000 {
            // The number behind the stream's name, and before it.
            for stem in
                [suffixed(&format!("raw/stream_{stream}")), part(&format!("stream_{stream}"))]
            {
                let key = key(&mut allocator, &stem, &[]);
                // Its own stem, and those of streams whose names begin the same: 1, 12 and 123.
                assert!(allocator.by_ends.candidates(&key).count() <= 5, "{key}");
                assert!(allocator.by_ends.lengths.len() <= 20);
            }
        }
        assert_eq!(allocator.idle, 0);
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// A file of that stem needs a key; its listing is answered when it asks again.
        Allocate(usize),
        /// A file in flight is published, or else discarded.
        Release(prop::sample::Index, bool),
    }

    fn steps(stems: usize) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0..stems).prop_map(Step::Allocate),
            1 => (any::<prop::sample::Index>(), any::<bool>())
                .prop_map(|(at, good)| Step::Release(at, good)),
        ];
        prop::collection::vec(step, 0..120)
    }

    /// Stems whose keys meet in every way that a suffix and a part can.
    fn clashing() -> Vec<KeyStem> {
        let part = |head: &str, tails: &[&str]| {
            KeyStem::with_part(
                head.to_owned(),
                tails.iter().map(|&tail| tail.to_owned()).collect(),
                false,
            )
        };
        vec![
            suffixed("a"),
            suffixed("a_2"),
            suffixed("a_2_2"),
            suffixed("a_3"),
            KeyStem::with_suffix("a".to_owned(), "_2.csv".to_owned(), false),
            KeyStem::with_suffix("a_2.csv".to_owned(), String::new(), false),
            part("a_", &[".csv"]),
            part("a_2", &[".csv"]),
            part("a_", &["0.csv"]),
            part("a_", &["_", ".csv"]),
            part("", &["/b", "/c"]),
            part("1", &["/b1/c"]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn no_key_is_given_twice_whatever_was_there_and_whichever_stems_meet(
            idle_stems in 0..4_usize,
            there in prop::collection::vec((0..12_usize, 0..6_u32), 0..8),
            steps in steps(12),
        ) {
            let stems = clashing();
            let mut bucket: HashSet<String> =
                there.iter().map(|(stem, number)| stems[*stem].key(*number)).collect();
            let mut in_flight: Vec<(usize, String)> = Vec::new();
            let mut answers: HashMap<usize, Vec<String>> = HashMap::new();
            let mut allocator = KeyAllocator { idle_stems, ..KeyAllocator::new() };
            for step in steps {
                match step {
                    Step::Allocate(at) => {
                        if let Some(keys) = answers.remove(&at) {
                            allocator.listed(&stems[at], keys.iter().map(String::as_str));
                        }
                        match allocator.allocate(&stems[at]) {
                            Allocation::List { prefix } => {
                                let found = bucket.iter().filter(|key| key.starts_with(&prefix));
                                answers.insert(at, found.cloned().collect());
                            }
                            Allocation::Key { key, number } => {
                                prop_assert_eq!(stems[at].number_of(&key), Some(number));
                                prop_assert!(!bucket.contains(&key), "{} is published", key);
                                prop_assert!(
                                    in_flight.iter().all(|(_, other)| *other != key),
                                    "{} is in flight",
                                    key
                                );
                                in_flight.push((at, key));
                            }
                        }
                    }
                    Step::Release(at, good) if !in_flight.is_empty() => {
                        let (stem, key) = in_flight.swap_remove(at.index(in_flight.len()));
                        if good {
                            bucket.insert(key);
                        }
                        allocator.release(&stems[stem]);
                    }
                    Step::Release(..) => {}
                }
            }
        }
    }
}
