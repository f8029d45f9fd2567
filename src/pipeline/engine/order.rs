//! Restores the input order of blocks, which workers finish in any order.
//!
//! Push whatever comes, pop what is next. Holds at most the blocks that are in flight, whose number
//! the budget bounds.

use std::collections::BTreeMap;

use crate::pipeline::messages::EncodedBlock;

/// The re-sequencer of one run.
#[derive(Debug, Default)]
pub(super) struct InputOrder {
    next: u64,
    out_of_order: BTreeMap<u64, EncodedBlock>,
    total: Option<u64>,
}

impl InputOrder {
    /// Takes a finished block.
    pub(super) fn push(&mut self, block: EncodedBlock) {
        self.out_of_order.insert(block.index, block);
    }

    /// The next block in input order, if it has come.
    pub(super) fn pop(&mut self) -> Option<EncodedBlock> {
        let block = self.out_of_order.remove(&self.next)?;
        self.next += 1;
        Some(block)
    }

    /// The reader says how many blocks the input had in all.
    pub(super) fn end(&mut self, total: u64) {
        self.total = Some(total);
    }

    /// Whether the input has ended and every block of it was popped.
    #[must_use]
    pub(super) fn is_done(&self) -> bool {
        self.total.is_some_and(|total| self.next >= total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(index: u64) -> EncodedBlock {
        EncodedBlock { index, items: Vec::new(), fault: None, lines: 0 }
    }

    #[test]
    fn blocks_come_out_in_input_order_and_the_end_is_seen_once_all_are_out() {
        let mut order = InputOrder::default();
        order.push(block(2));
        order.push(block(1));
        assert!(order.pop().is_none());
        order.end(3);
        assert!(!order.is_done());
        order.push(block(0));
        let indices: Vec<u64> =
            std::iter::from_fn(|| order.pop()).map(|block| block.index).collect();
        assert_eq!(indices, [0, 1, 2]);
        assert!(order.is_done());
    }
}
