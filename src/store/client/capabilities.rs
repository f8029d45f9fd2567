//! What a run has learned about its store.
//!
//! All handles of a store share one [`StoreCapabilities`]: what one request learns, no other
//! request has to learn again, whichever handle sends it.
//!
//! Invariants
//! - A flag is set once and never cleared: a store does not change its dialect within a run.

use std::sync::atomic::{AtomicBool, Ordering};

/// Facts about a store that only its answers tell.
#[derive(Debug, Default)]
pub(crate) struct StoreCapabilities {
    has_answered: Flag,
    lacks_conditional_writes: Flag,
    lacks_batch_deletes: Flag,
    reports_missing_keys: Flag,
}

impl StoreCapabilities {
    /// Whether the store has carried out any request, so that its address is known to be right.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered.is_set()
    }

    pub(crate) fn set_has_answered(&self) {
        self.has_answered.set();
    }

    /// Whether the store has refused `If-None-Match` and has accepted the same write without it.
    pub(crate) fn lacks_conditional_writes(&self) -> bool {
        self.lacks_conditional_writes.is_set()
    }

    pub(crate) fn set_lacks_conditional_writes(&self) {
        self.lacks_conditional_writes.set();
    }

    /// Whether the store has refused DeleteObjects.
    pub(crate) fn lacks_batch_deletes(&self) -> bool {
        self.lacks_batch_deletes.is_set()
    }

    pub(crate) fn set_lacks_batch_deletes(&self) {
        self.lacks_batch_deletes.set();
    }

    /// Whether the store has reported no object at a key that was never written.
    pub(crate) fn reports_missing_keys(&self) -> bool {
        self.reports_missing_keys.is_set()
    }

    pub(crate) fn set_reports_missing_keys(&self) {
        self.reports_missing_keys.set();
    }
}

/// A fact that is learned once.
#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Flag {
    // Relaxed: no other memory depends on a flag. A request that misses one learns it again.
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
