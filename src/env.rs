//! The outside world that is not a stream of bytes: clock, randomness, environment, size of the
//! machine.
//!
//! This is the only module that reads any of them; `clippy.toml` keeps the others from doing so.
//! Stages get values.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the module that the lint sends everybody to"
)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Wall clock, for keys and for the protocol's `emitted_at`.
#[must_use]
pub fn utc_now() -> DateTime<Utc> {
    Utc::now()
}

/// Wall clock in epoch milliseconds.
#[must_use]
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Wall clock, for the end of credentials.
#[must_use]
pub fn system_time() -> SystemTime {
    SystemTime::now()
}

/// Monotonic clock, for checkpoint ages.
#[must_use]
pub fn instant() -> Instant {
    Instant::now()
}

/// Eight random bytes from the operating system.
///
/// # Errors
/// When the operating system has no randomness to give, which ends the run.
pub fn random_u64() -> Result<u64, std::io::Error> {
    getrandom::u64().map_err(std::io::Error::other)
}

/// A random (version 4) UUID.
///
/// # Errors
/// As [`random_u64`].
pub fn random_uuid() -> Result<Uuid, std::io::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// An environment variable that is set, is text and is not empty.
#[must_use]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How many threads encode: one per processor that this process may use.
#[must_use]
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// The memory limit of the control group in bytes, where there is one.
#[must_use]
pub fn cgroup_memory_limit_bytes() -> Option<u64> {
    // Version 2 first; version 1 says "no limit" with a number near 2^63.
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .find_map(|text| text.trim().parse::<u64>().ok())
        .filter(|limit| *limit < 1 << 60)
}
