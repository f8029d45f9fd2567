//! Finds the stems that may have allocated a key, without asking all stems.

use std::collections::{BTreeMap, HashMap};

use crate::key::KeyStem;

/// Stems by the fixed text that all their keys begin and end with.
#[derive(Debug, Default)]
pub(super) struct StemIndex {
    /// By the beginning of the keys, then by their end.
    stems: HashMap<String, HashMap<String, Vec<KeyStem>>>,
    /// The lengths of beginnings and ends, with the number of stems that have them. There are few
    /// such pairs, because the stems of a run come from one template and differ in the streams'
    /// names.
    pub(super) lengths: BTreeMap<(usize, usize), usize>,
}

impl StemIndex {
    pub(super) fn add(&mut self, stem: &KeyStem) {
        let (head, tail) = stem.ends();
        let by_tail = self.stems.entry(head.to_owned()).or_default();
        by_tail.entry(tail.to_owned()).or_default().push(stem.clone());
        *self.lengths.entry((head.len(), tail.len())).or_default() += 1;
    }

    /// Returns the stems that may have allocated `key`.
    pub(super) fn candidates<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a KeyStem> {
        let with_ends = |(head, tail): &(usize, usize)| {
            let tail_at = key.len().checked_sub(*tail).filter(|at| at >= head)?;
            self.stems.get(key.get(..*head)?)?.get(key.get(tail_at..)?)
        };
        self.lengths.keys().filter_map(with_ends).flatten()
    }
}
