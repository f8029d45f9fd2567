//! How often, how fast and how long a request is tried.
//!
//! [`RetryPolicy`] -> the retry and timeout settings of the SDK.
//!
//! Retries are adaptive: once a store has throttled the same request twice (`retry_classifier`),
//! the SDK's rate limiter holds back all requests of this store, to two thirds of the rate of that
//! moment, and releases them as answers improve. Parts wait instead of using up their attempts.
//! Measured with 8 to 20 small puts at once, 160 to 400 in all, on a store that throttles:
//!
//! | store | backoff alone | adaptive from the first SlowDown | adaptive from the second (this) |
//! |---|---|---|---|
//! | everything for 20 / 50 s | 2 / 14 puts fail | none fails | none fails, nor after 90 s |
//! | 1 % / 5 % / 20 % of all requests | 4 / 5 / 11 s | 20 / 21 / 98 s | 5 / 5 / 10 s |
//! | half of all requests | 68 s | 360 s | 186 s |
//! | more than 30 requests a second | 189 refusals, 18 s | 10 refusals, 20 s | 31 refusals, 16 s |
//!
//! (Before aws-smithy-runtime of May 2026, smithy-rs#4632, the limiter went into debt and starved
//! parallel requests.)
//!
//! Not here: which answers are retried (`retry_classifier`).

use std::time::Duration;

use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::TimeoutConfig;

/// How long a TCP and TLS connection may take: distant regions and busy gateways need more than the
/// SDK's 3.1 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one attempt may take while a person waits: a healthy store answers within a second.
const SHORT_ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// How often, how fast and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// Attempts of a request, including the first.
    pub(crate) attempts: u32,
    /// Longest wait before the second attempt; it doubles with each attempt.
    pub(crate) first_backoff: Duration,
    /// Longest wait before any attempt.
    pub(crate) longest_backoff: Duration,
    /// How long a TCP and TLS connection may take.
    pub(crate) connect: Duration,
    /// The time limit of an attempt without a body, and the longest time that any attempt may go
    /// without progress.
    pub(crate) answer: Duration,
    /// The same for requests that S3 works on before it answers: CompleteMultipartUpload, which
    /// according to its documentation "can take several minutes" for a large object, CopyObject and
    /// DeleteObjects.
    pub(crate) work: Duration,
    /// The slowest usable line, per request: the time that a body needs at this rate is added to
    /// the limit.
    pub(crate) slowest_bytes_per_second: u32,
    /// A request that has not succeeded this long after its first failure is reported (`notice`).
    pub(crate) long_delay: Duration,
    /// Whether a host name that was not found is looked up again.
    pub(crate) retry_unknown_host: bool,
}

impl RetryPolicy {
    /// The policy of a sync.
    ///
    /// Eight attempts wait about 35 s in total on average, and 140 s at most while the rate limiter
    /// sets the pace. S3 may say SlowDown for that long while it spreads a busy prefix over more
    /// servers. Giving up earlier would waste a whole sync.
    ///
    /// 16 KiB/s give an 8 MiB part nine and a half minutes, so eight parallel parts fit through a
    /// line of 1 Mbit/s. A dead line is given up after a minute (`progress`).
    pub(crate) const SYNC: Self = Self {
        attempts: 8,
        first_backoff: Duration::from_secs(1),
        longest_backoff: Duration::from_secs(20),
        connect: CONNECT_TIMEOUT,
        answer: Duration::from_secs(60),
        work: Duration::from_secs(300),
        slowest_bytes_per_second: 16 * 1024,
        long_delay: Duration::from_secs(10),
        retry_unknown_host: true,
    };

    /// Returns the same policy with `attempts` attempts at most.
    pub(super) fn with_max_attempts(self, attempts: u32) -> Self {
        Self { attempts: attempts.clamp(1, self.attempts), ..self }
    }

    /// Returns the same policy for a caller who waits for the answer: no long timeouts, and no
    /// second lookup of a host name that was not found.
    pub(super) fn with_short_timeouts(self) -> Self {
        Self {
            answer: self.answer.min(SHORT_ANSWER_TIMEOUT),
            work: self.work.min(SHORT_ANSWER_TIMEOUT),
            retry_unknown_host: false,
            ..self
        }
    }

    pub(super) fn retry_config(&self) -> RetryConfig {
        RetryConfig::adaptive()
            .with_max_attempts(self.attempts)
            .with_initial_backoff(self.first_backoff)
            .with_max_backoff(self.longest_backoff)
    }

    /// Returns the timeouts of a request with `bytes` of body that S3 answers within `answer`.
    ///
    /// The operation may take two full attempts and one more answer, not eight attempts: retries
    /// are meant for errors that come quickly. The read timeout limits the time without progress
    /// (`progress`). It is `answer` as well, so that a store may be silent while it works on its
    /// answer.
    pub(super) fn timeouts(&self, answer: Duration, bytes: usize) -> TimeoutConfig {
        let sending =
            Duration::from_secs(bytes as u64 / u64::from(self.slowest_bytes_per_second.max(1)));
        let attempt = answer.saturating_add(sending);
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .read_timeout(answer)
            .operation_attempt_timeout(attempt)
            .operation_timeout(attempt.saturating_mul(2).saturating_add(self.answer))
            .build()
    }
}

/// A retry quota that never runs out.
///
/// The SDK's own quota (500 tokens per process, five or ten per retry) protects servers with many
/// clients. A few dozen parts that meet one short outage would use it up and then not be retried at
/// all. Our retries are bounded by the number of parallel uploads and the attempts of each. Handles
/// of one store share its rate limiter.
pub(super) fn unlimited_retries() -> RetryPartition {
    RetryPartition::custom("destination-s3").token_bucket(TokenBucket::unlimited()).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_gets_the_time_that_it_needs_on_a_slow_line() {
        let empty = RetryPolicy::SYNC.timeouts(RetryPolicy::SYNC.answer, 0);
        assert_eq!(empty.operation_attempt_timeout(), Some(Duration::from_secs(60)));
        assert_eq!(empty.operation_timeout(), Some(Duration::from_secs(180)));
        let part = RetryPolicy::SYNC.timeouts(RetryPolicy::SYNC.answer, 8 << 20);
        assert_eq!(part.operation_attempt_timeout(), Some(Duration::from_secs(60 + 512)));
        assert_eq!(part.connect_timeout(), Some(CONNECT_TIMEOUT));
        assert_eq!(
            part.read_timeout(),
            Some(Duration::from_secs(60)),
            "the longest time without progress"
        );
    }
}
