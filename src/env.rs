//! The environment: clock, randomness, environment variables, size of the machine.
//!
//! This is the only module that reads any of them, and `clippy.toml` keeps other modules from it.
//! They take values instead, which makes them testable.

#![allow(clippy::disallowed_methods, reason = "the lint sends all other modules here")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The wall clock, for keys and for the protocol's `emitted_at`.
#[must_use]
pub(crate) fn utc_now() -> DateTime<Utc> {
    Utc::now()
}

/// The wall clock in epoch milliseconds.
#[must_use]
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock, for the expiry of credentials.
#[must_use]
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}

/// The monotonic clock, for the age of checkpoints.
#[must_use]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Returns eight random bytes from the operating system.
///
/// # Errors
/// If the operating system has no source of randomness: end the run.
pub(crate) fn random_u64() -> Result<u64, std::io::Error> {
    getrandom::u64().map_err(std::io::Error::other)
}

/// Returns a random (version 4) UUID.
///
/// # Errors
/// As [`random_u64`].
pub(crate) fn random_uuid() -> Result<Uuid, std::io::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// Returns an environment variable that is set, is text and is not empty.
#[must_use]
pub(crate) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns how many processors this process may use, which is how many threads encode.
#[must_use]
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// Returns the memory limit of the control group in bytes, if there is one.
#[must_use]
pub(crate) fn cgroup_memory_limit_bytes() -> Option<u64> {
    // Version 2 first, where "max" is not a number. Version 1 says "no limit" with a number near
    // 2^63.
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .find_map(|text| text.trim().parse::<u64>().ok())
        .filter(|limit| *limit < 1 << 60)
}
