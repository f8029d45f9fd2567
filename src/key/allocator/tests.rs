//! Numbering, and keys that several stems want.

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
                allocator
                    .listed(stem, bucket.iter().copied().filter(|key| key.starts_with(&prefix)));
            }
        }
    }
    panic!("asked for a second listing")
}

#[test]
fn numbering_continues_after_the_highest_taken_number() {
    let taken =
        ["users.csv", "users_7.csv", "users_summary.csv", "users_9.csv.gz", "users_4294967296.csv"];
    let mut allocator = KeyAllocator::new();
    let keys: Vec<_> = (0..3).map(|_| key(&mut allocator, &suffixed("users"), &taken)).collect();
    assert_eq!(keys, ["users_8.csv", "users_9.csv", "users_10.csv"]);
    assert_eq!(key(&mut allocator, &suffixed("orders"), &taken), "orders.csv");

    let part = KeyStem::with_part("users/".to_owned(), vec!["/data.csv".to_owned()], false);
    assert_eq!(
        key(&mut allocator, &part, &["users/3/", "users/x/", "users/5.csv"]),
        "users/4/data.csv"
    );
}

#[test]
fn numbering_continues_after_another_writers_once_the_bucket_is_listed_again() {
    let mut allocator = KeyAllocator::new();
    let users = suffixed("users");
    assert_eq!(key(&mut allocator, &users, &[]), "users.csv");
    assert_eq!(key(&mut allocator, &users, &["users_900.csv"]), "users_2.csv");
    allocator.list_again(&users);
    assert_eq!(key(&mut allocator, &users, &["users_900.csv"]), "users_901.csv");
    allocator.list_again(&users);
    assert_eq!(key(&mut allocator, &users, &[]), "users_902.csv", "a listing may be stale");
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
fn memory_grows_neither_with_files_nor_with_stems() {
    let mut allocator = KeyAllocator::new();
    let slow = suffixed("slow");
    for day in 0..5_000 {
        let stem = suffixed(&format!("day={day}/users"));
        key(&mut allocator, &stem, &[]);
        key(&mut allocator, &stem, &[]);
        // In flight whenever stems are forgotten, and never used again.
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
fn only_stems_that_could_have_allocated_a_key_are_asked() {
    let part =
        |name: &str| KeyStem::with_part("raw/".to_owned(), vec![format!("/{name}.csv")], false);
    let mut allocator = KeyAllocator::for_streams(10_000);
    for stream in 0..10_000 {
        // The number after the stream's name, and before it.
        for stem in [suffixed(&format!("raw/stream_{stream}")), part(&format!("stream_{stream}"))] {
            let key = key(&mut allocator, &stem, &[]);
            // The key's own stem, and those of streams whose names begin alike: 1, 12 and 123.
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

/// Stems whose keys clash in every way that a suffix and a part allow.
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
    fn no_key_is_allocated_twice_whatever_the_bucket_has_and_whichever_stems_clash(
        most_idle in 0..4_usize,
        there in prop::collection::vec((0..12_usize, 0..6_u32), 0..8),
        steps in steps(12),
    ) {
        let stems = clashing();
        let mut bucket: HashSet<String> =
            there.iter().map(|(stem, number)| stems[*stem].key(*number)).collect();
        let mut in_flight: Vec<(usize, String)> = Vec::new();
        let mut answers: HashMap<usize, Vec<String>> = HashMap::new();
        let mut allocator = KeyAllocator { most_idle, ..KeyAllocator::new() };
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
