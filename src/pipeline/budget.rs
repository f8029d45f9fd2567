//! One budget of memory for everything between stdin and the receipt.
//!
//! The holder of message or file bytes also holds a [`Permit`] for them, and drops both together.
//! Only the reader waits ([`Budget::acquire`]). Every later stage turns bytes that were admitted
//! already into other bytes, and may exceed the limit for a moment ([`Budget::take`]), so that no
//! two stages can wait for each other.
//!
//! Bytes that wait for S3 ([`Budget::uploading`]) have a limit of their own, which also only the
//! reader waits for: reading far ahead of a slow S3 would fill the memory and gain nothing.
//!
//! Not here: what to do when memory is short (`engine::pressure` seals files early).

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The budget; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit_bytes: u64,
    max_uploading_bytes: u64,
    used: Mutex<Used>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    uploading_bytes: u64,
}

impl Budget {
    /// A budget of `limit_bytes`, all free. The reader also waits while `max_uploading_bytes` or
    /// more wait for S3.
    #[must_use]
    pub(crate) fn new(limit_bytes: u64, max_uploading_bytes: u64) -> Self {
        let (used, freed) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { limit_bytes, max_uploading_bytes, used, freed }) }
    }

    /// Waits until usage is below both limits, then takes `bytes`, even if that exceeds a limit: a
    /// single block larger than the whole budget (one line may be 128 MB) must still get through.
    /// The `own_bytes` that the reader already holds do not count, because nothing frees them while
    /// it waits.
    #[must_use]
    pub(crate) fn acquire(&self, bytes: u64, own_bytes: u64) -> Permit {
        let shared = &self.shared;
        let full = |used: &mut Used| {
            used.bytes - own_bytes >= shared.limit_bytes
                || used.uploading_bytes >= shared.max_uploading_bytes
        };
        let used = self.used();
        let mut used = shared.freed.wait_while(used, full).unwrap_or_else(PoisonError::into_inner);
        used.bytes += bytes;
        Permit { budget: self.clone(), bytes }
    }

    /// Grows the reader's `permit` to `bytes`, for a line that is longer than a block. First waits
    /// until all other memory in use fits into three quarters of the limit. The permit itself and
    /// the `own_bytes` that the reader also holds do not count. Tails, open files and waiting
    /// STATEs stay below three quarters together, so the wait ends without further input.
    pub(crate) fn grow(&self, permit: &mut Permit, bytes: u64, own_bytes: u64) {
        let shared = &self.shared;
        let own = permit.bytes + own_bytes;
        let full = |used: &mut Used| used.bytes - own > shared.limit_bytes / 4 * 3;
        let used = self.used();
        let mut used = shared.freed.wait_while(used, full).unwrap_or_else(PoisonError::into_inner);
        used.bytes = used.bytes + bytes - permit.bytes;
        permit.bytes = bytes;
    }

    /// Takes `bytes` without waiting, for bytes that are made from others which were admitted
    /// already.
    #[must_use]
    pub(crate) fn take(&self, bytes: u64) -> Permit {
        self.used().bytes += bytes;
        Permit { budget: self.clone(), bytes }
    }

    /// Counts `bytes` as waiting for S3 until the guard is dropped.
    #[must_use]
    pub(crate) fn uploading(&self, bytes: u64) -> Uploading {
        self.used().uploading_bytes += bytes;
        Uploading { budget: self.clone(), bytes }
    }

    /// Bytes in use now.
    #[must_use]
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used().bytes
    }

    /// The limit that the budget was made with.
    #[must_use]
    pub(crate) fn limit_bytes(&self) -> u64 {
        self.shared.limit_bytes
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.shared.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to hold some bytes; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Budget,
    bytes: u64,
}

impl Permit {
    /// How many bytes it is for.
    #[must_use]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Grows or shrinks the permit to the actual size of its bytes.
    pub(crate) fn resize(&mut self, bytes: u64) {
        let mut used = self.budget.used();
        used.bytes = used.bytes + bytes - self.bytes;
        if bytes < self.bytes {
            self.budget.shared.freed.notify_all();
        }
        drop(used);
        self.bytes = bytes;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.resize(0);
    }
}

/// Bytes that wait for S3.
#[derive(Debug)]
pub(crate) struct Uploading {
    budget: Budget,
    bytes: u64,
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.budget.used().uploading_bytes -= self.bytes;
        self.budget.shared.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_waits_and_later_stages_do_not() {
        let budget = Budget::new(10, 10);
        let mut block = budget.acquire(8, 0);
        let chunk = budget.take(8);
        assert_eq!(budget.used_bytes(), 16);
        let waiting = {
            let budget = budget.clone();
            std::thread::spawn(move || drop(budget.acquire(4, 0)))
        };
        block.resize(2);
        assert_eq!(budget.used_bytes(), 10, "still at the limit: the reader goes on waiting");
        drop(chunk);
        waiting.join().unwrap();
        drop(block);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn a_long_line_grows_once_the_others_leave_room_for_it() {
        let budget = Budget::new(100, 100);
        let chunk = budget.take(80);
        let mut block = budget.acquire(10, 0);
        let growing = {
            let budget = budget.clone();
            std::thread::spawn(move || {
                budget.grow(&mut block, 500, 0);
                block
            })
        };
        assert_eq!(budget.used_bytes(), 90, "80 of others are more than three quarters");
        drop(chunk);
        let mut block = growing.join().unwrap();
        let resting = budget.take(75);
        budget.grow(&mut block, 600, 0);
        assert_eq!((block.bytes(), budget.used_bytes()), (600, 675));
        drop((block, resting));
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn the_reader_waits_while_much_is_waiting_for_s3() {
        let budget = Budget::new(100, 10);
        let part = budget.uploading(10);
        let waiting = {
            let budget = budget.clone();
            std::thread::spawn(move || drop(budget.acquire(1, 0)))
        };
        assert_eq!(budget.used_bytes(), 0);
        drop(part);
        waiting.join().unwrap();
    }

    #[test]
    fn a_block_larger_than_the_budget_gets_through_when_something_is_free() {
        let budget = Budget::new(10, 10);
        let huge = budget.acquire(1_000, 0);
        assert_eq!(budget.used_bytes(), 1_000);
        drop(huge);
        assert_eq!(budget.used_bytes(), 0);
    }
}
