//! Finds the stems that may have given out a key.

use std::collections::{BTreeMap, HashMap};

use crate::key::KeyStem;

/// Stems by the fixed text at both ends of their keys.
#[derive(Debug, Default)]
pub(super) struct StemIndex {
    /// By the beginning, then by the end.
    stems: HashMap<String, HashMap<String, Vec<KeyStem>>>,
    /// How long beginnings and ends are, and how many stems have them so: few pairs, since
    /// templates differ little.
    pub(super) lengths: BTreeMap<(usize, usize), usize>,
}

impl StemIndex {
    pub(super) fn add(&mut self, stem: &KeyStem) {
        let (head, tail) = stem.ends();
        let by_tail = self.stems.entry(head.to_owned()).or_default();
        by_tail.entry(tail.to_owned()).or_default().push(stem.clone());
        *self.lengths.entry((head.len(), tail.len())).or_default() += 1;
    }

    /// The stems that may have given out `key`.
    pub(super) fn candidates<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a KeyStem> {
        let with_ends = |(head, tail): &(usize, usize)| {
            let tail_at = key.len().checked_sub(*tail).filter(|at| at >= head)?;
            self.stems.get(key.get(..*head)?)?.get(key.get(tail_at..)?)
        };
        self.lengths.keys().filter_map(with_ends).flatten()
    }
}
