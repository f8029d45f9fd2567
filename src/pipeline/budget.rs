//! One budget of memory for everything between stdin and the receipt.
//!
//! Whoever holds message or file bytes holds a [`Permit`] for them and gives it back by dropping it with the bytes.
//! Only the reader waits ([`Budget::acquire`]); every later stage turns bytes that were already admitted into others and
//! may go over the limit for a moment ([`Budget::take`]), so that no two stages can wait for each other.
//!
//! Not here: what to do when memory is short (`engine::pressure` seals files early).

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The budget; clones share it.
#[derive(Clone, Debug)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit_bytes: u64,
    used_bytes: Mutex<u64>,
    freed: Condvar,
}

impl Budget {
    /// A budget of `limit_bytes`, all free.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Self {
        Self { shared: Arc::new(Shared { limit_bytes, used_bytes: Mutex::new(0), freed: Condvar::new() }) }
    }

    /// Waits until less than the limit is in use, then takes `bytes`, even if that crosses the limit: a single block
    /// larger than the whole budget (one line may be 128 MB) must still get through.
    #[must_use]
    pub fn acquire(&self, bytes: u64) -> Permit {
        let used = self.shared.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self
            .shared
            .freed
            .wait_while(used, |used| *used >= self.shared.limit_bytes)
            .unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Permit { budget: self.clone(), bytes }
    }

    /// Takes `bytes` at once, for bytes that come from others which are already accounted for.
    #[must_use]
    pub fn take(&self, bytes: u64) -> Permit {
        *self.shared.used_bytes.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        Permit { budget: self.clone(), bytes }
    }

    /// Bytes in use now.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        *self.shared.used_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limit that the budget was made with.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.shared.limit_bytes
    }
}

/// The right to hold some bytes; dropping it gives them back.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    bytes: u64,
}

impl Permit {
    /// How many bytes it is for.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Grows or shrinks to the size that the bytes turned out to have.
    pub fn resize(&mut self, bytes: u64) {
        let shared = &self.budget.shared;
        let mut used = shared.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *used = *used + bytes - self.bytes;
        if bytes < self.bytes {
            shared.freed.notify_all();
        }
        self.bytes = bytes;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_waits_and_later_stages_do_not() {
        let budget = Budget::new(10);
        let mut block = budget.acquire(8);
        let chunk = budget.take(8);
        assert_eq!(budget.used_bytes(), 16);
        let waiting = {
            let budget = budget.clone();
            std::thread::spawn(move || drop(budget.acquire(4)))
        };
        block.resize(2);
        assert_eq!(budget.used_bytes(), 10, "still at the limit: the reader goes on waiting");
        drop(chunk);
        waiting.join().unwrap();
        drop(block);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn a_block_larger_than_the_budget_gets_through_when_something_is_free() {
        let budget = Budget::new(10);
        let huge = budget.acquire(1_000);
        assert_eq!(budget.used_bytes(), 1_000);
        drop(huge);
        assert_eq!(budget.used_bytes(), 0);
    }
}
