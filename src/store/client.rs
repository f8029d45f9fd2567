//! The S3 client: how patient it is, what it retries, and what it never reads.
//!
//! [`StoreSettings`] -> [`S3Store`]. Nothing here touches the network before the first request.
//!
//! Invariants
//! - Credentials, region and endpoint come from the settings alone: no profile file and no `AWS_*` variable is read.
//!   (The SDK's HTTP client honours `HTTPS_PROXY` and its kin, which belong to the machine, not to the account.)
//! - Retries are the SDK's; what they cannot settle is settled in `publish`.
//!
//! Not here: the requests (`requests`, `publish`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction, RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region, StalledStreamProtectionConfig};

use super::call::{Call, Sent};
use super::error::Operation;
use super::settings::{StoreSettings, without_userinfo};

/// How long a TCP and TLS connection may take to make: far regions and busy gateways need more than the SDK's 3.1 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often, how fast and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Attempts of a request, the first included.
    pub(crate) attempts: u32,
    /// Longest wait before the second attempt; it doubles from one attempt to the next, up to 20 s.
    pub(crate) first_backoff: Duration,
    /// How long one attempt of a request without a body may take.
    pub(crate) answer: Duration,
    /// The same for CompleteMultipartUpload. S3 documents that it "can take several minutes" for a large object.
    pub(crate) complete: Duration,
    /// The slowest line that still works, for one request: a body gets the time that it needs at this rate on top.
    pub(crate) slowest_bytes_per_second: u32,
}

impl Pace {
    /// Eight attempts are about 35 s of waiting on average and 71 s at most: S3 says SlowDown for as long as that while
    /// it spreads a busy prefix over more servers, and failing then would throw a whole sync away.
    ///
    /// 16 KiB/s gives an 8 MiB part nine and a half minutes, so that eight parts at once pass over a line of 1 Mbit/s,
    /// while a line that is dead is still given up before the kernel does so (15 minutes).
    pub(crate) const SYNC: Self = Self {
        attempts: 8,
        first_backoff: Duration::from_secs(1),
        answer: Duration::from_secs(60),
        complete: Duration::from_secs(300),
        slowest_bytes_per_second: 16 * 1024,
    };

    /// The two limits of a request with `bytes` of body. An attempt may use its whole time twice, not eight times:
    /// retries are for errors that come quickly.
    fn timeouts(&self, answer: Duration, bytes: usize) -> TimeoutConfig {
        let sending = Duration::from_secs(bytes as u64 / u64::from(self.slowest_bytes_per_second.max(1)));
        let attempt = answer.saturating_add(sending);
        TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(attempt)
            .operation_timeout(attempt.saturating_mul(2).saturating_add(self.answer))
            .build()
    }
}

/// One bucket. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct S3Store {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) bucket: String,
    pub(super) region: String,
    endpoint: Option<String>,
    secrets: Vec<String>,
    pub(super) pace: Pace,
    /// Set once the store has refused `If-None-Match` and has taken the same write without it.
    pub(super) lacks_conditional_writes: AtomicBool,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl S3Store {
    /// A store for `settings`, patient enough for a sync. Does nothing on the network and needs no runtime.
    #[must_use]
    pub fn new(settings: &StoreSettings) -> Self {
        Self::with_pace(settings, Pace::SYNC)
    }

    /// As [`S3Store::new`], with another patience.
    pub(crate) fn with_pace(settings: &StoreSettings, pace: Pace) -> Self {
        let credentials = Credentials::new(
            &settings.access_key_id,
            &settings.secret_access_key,
            settings.session_token.clone(),
            None,
            "settings",
        );
        let mut config = Builder::new()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(credentials)
            .region(Region::new(settings.region.clone()))
            .force_path_style(settings.path_style)
            // Said outright, for otherwise the SDK asks the environment.
            .disable_s3_express_session_auth(false)
            // A part goes to the connection in one piece, so that the SDK cannot see it move: on a slow line the
            // protection would only do harm. The attempt timeout takes its place; downloads keep it.
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().upload_enabled(false).build())
            .timeout_config(pace.timeouts(pace.answer, 0))
            .retry_classifier(RetryOnStatus);
        config.set_endpoint_url(settings.endpoint.clone());
        Self {
            inner: Arc::new(Inner {
                client: Client::from_conf(with_retries(config, pace).build()),
                bucket: settings.bucket.clone(),
                region: settings.region.clone(),
                endpoint: settings.endpoint.as_deref().map(without_userinfo),
                secrets: settings.secrets(),
                pace,
                lacks_conditional_writes: AtomicBool::new(false),
            }),
        }
    }

    /// The same store with fewer attempts for each request: `check` has somebody waiting for its answer.
    #[must_use]
    pub fn with_attempts(&self, attempts: u32) -> Self {
        let inner = &self.inner;
        let pace = Pace { attempts: attempts.clamp(1, inner.pace.attempts), ..inner.pace };
        Self {
            inner: Arc::new(Inner {
                client: Client::from_conf(with_retries(inner.client.config().to_builder(), pace).build()),
                bucket: inner.bucket.clone(),
                region: inner.region.clone(),
                endpoint: inner.endpoint.clone(),
                secrets: inner.secrets.clone(),
                pace,
                lacks_conditional_writes: AtomicBool::new(
                    inner.lacks_conditional_writes.load(Ordering::Relaxed),
                ),
            }),
        }
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.inner.bucket
    }

    /// What an error about a request needs to know.
    pub(super) fn call<'a>(&'a self, op: Operation, key: &'a str, sent: &Sent) -> Call<'a> {
        Call {
            op,
            key,
            bucket: &self.inner.bucket,
            region: &self.inner.region,
            endpoint: self.inner.endpoint.as_deref(),
            attempts: sent.attempts(),
            secrets: &self.inner.secrets,
        }
    }

    /// Overrides for a request with `bytes` of body.
    pub(super) fn sending(&self, bytes: usize) -> Builder {
        Builder::new().timeout_config(self.inner.pace.timeouts(self.inner.pace.answer, bytes))
    }

    /// Overrides for CompleteMultipartUpload.
    pub(super) fn completing(&self) -> Builder {
        Builder::new().timeout_config(self.inner.pace.timeouts(self.inner.pace.complete, 0))
    }
}

fn with_retries(config: Builder, pace: Pace) -> Builder {
    // The SDK's own quota (500 tokens for the whole process, five or ten a retry) is there for servers with many
    // clients; a few dozen parts that meet one short outage would use it up and then not be retried at all. Ours is
    // bounded by the number of uploads at once and by the attempts of each.
    let quota = RetryPartition::custom("destination-s3").token_bucket(TokenBucket::unlimited()).build();
    config.retry_partition(quota).retry_config(
        RetryConfig::standard().with_max_attempts(pace.attempts).with_initial_backoff(pace.first_backoff),
    )
}

/// Statuses that the SDK does not retry and S3 or its kin ask to: 408, 409 (another request on the key is under way)
/// and 429 (other stores' SlowDown).
#[derive(Debug)]
struct RetryOnStatus;

impl ClassifyRetry for RetryOnStatus {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(408 | 409) => RetryAction::transient_error(),
            Some(429) => RetryAction::throttling_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "destination-s3 statuses"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_gets_the_time_that_it_needs_on_a_slow_line() {
        let empty = Pace::SYNC.timeouts(Pace::SYNC.answer, 0);
        assert_eq!(empty.operation_attempt_timeout(), Some(Duration::from_secs(60)));
        assert_eq!(empty.operation_timeout(), Some(Duration::from_secs(180)));
        let part = Pace::SYNC.timeouts(Pace::SYNC.answer, 8 << 20);
        assert_eq!(part.operation_attempt_timeout(), Some(Duration::from_secs(60 + 512)));
        assert_eq!(part.connect_timeout(), Some(CONNECT_TIMEOUT));
        assert_eq!(part.read_timeout(), None, "it would count the time of sending");
    }
}
