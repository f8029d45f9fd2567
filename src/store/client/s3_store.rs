//! The S3 client: how patient it is, what it retries, and what it never reads.
//!
//! [`StoreSettings`] -> [`S3Store`]. Nothing here touches the network before the first request.
//!
//! Invariants
//! - Credentials, region and endpoint come from the settings alone: no profile file and no `AWS_*`
//!   variable is read. (Proxies are the exception: `http`. FIPS and dual stack come from variables,
//!   too, but with the settings.)
//! - Retries are the SDK's; what they cannot settle is settled in `publish` and `objects`.
//!
//! Retries are adaptive: once a store has throttled the same request twice (`sending`), a rate
//! limiter of the SDK's holds back all requests of this store, to two thirds of the pace of then,
//! and lets them go again as answers get better. Parts wait instead of using up their attempts.
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
//! Not here: which answers are worth another attempt (`sending`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Region, StalledStreamProtectionConfig};

use super::credentials::Signing;
use super::headers::ObjectHeaders;
use super::notice::{Notice, Waits};
use super::progress::watched;
use super::settings::StoreSettings;
use crate::aws::EndpointVariant;
use crate::env;
use crate::store::address::without_userinfo;
use crate::store::answers::Call;
use crate::store::operation::Operation;
use crate::store::options::Checksum;

/// How long a TCP and TLS connection may take to make: far regions and busy gateways need more than
/// the SDK's 3.1 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one attempt may take while somebody waits: a good store answers within a second.
const SHORT_ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// How often, how fast and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// Attempts of a request, the first included.
    pub(crate) attempts: u32,
    /// Longest wait before the second attempt; it doubles from one attempt to the next.
    pub(crate) first_backoff: Duration,
    /// Longest wait before any attempt.
    pub(crate) longest_backoff: Duration,
    /// How long a TCP and TLS connection may take to make.
    pub(crate) connect: Duration,
    /// How long one attempt of a request without a body may take, and how long any attempt may make
    /// no progress.
    pub(crate) answer: Duration,
    /// The same for requests that S3 works on: CompleteMultipartUpload, of which it documents that
    /// it "can take several minutes" for a large object, CopyObject and DeleteObjects.
    pub(crate) work: Duration,
    /// The slowest line that still works, for one request: a body gets the time that it needs at
    /// this rate on top.
    pub(crate) slowest_bytes_per_second: u32,
    /// A request that has not succeeded for this long after its first failure is reported
    /// (`notice`).
    pub(crate) long_wait: Duration,
    /// Whether a host name that was not found is looked up again.
    pub(crate) looks_up_again: bool,
}

impl RetryPolicy {
    /// Eight attempts are about 35 s of waiting on average, and 140 s at most while the rate
    /// limiter sets the pace: S3 says SlowDown for as long as that while it spreads a busy prefix
    /// over more servers, and failing then would throw a whole sync away.
    ///
    /// 16 KiB/s gives an 8 MiB part nine and a half minutes, so that eight parts at once pass over
    /// a line of 1 Mbit/s. A line that is dead is given up after a minute (`progress`).
    pub(crate) const SYNC: Self = Self {
        attempts: 8,
        first_backoff: Duration::from_secs(1),
        longest_backoff: Duration::from_secs(20),
        connect: CONNECT_TIMEOUT,
        answer: Duration::from_secs(60),
        work: Duration::from_secs(300),
        slowest_bytes_per_second: 16 * 1024,
        long_wait: Duration::from_secs(10),
        looks_up_again: true,
    };

    fn retries(&self) -> RetryConfig {
        RetryConfig::adaptive()
            .with_max_attempts(self.attempts)
            .with_initial_backoff(self.first_backoff)
            .with_max_backoff(self.longest_backoff)
    }

    /// The limits of a request with `bytes` of body. An attempt may use its whole time twice, not
    /// eight times: retries are for errors that come quickly. The read timeout is the longest time
    /// without progress (`progress`): `answer` again, so that a store which works for minutes
    /// before it says anything gets them.
    fn timeouts(&self, answer: Duration, bytes: usize) -> TimeoutConfig {
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

/// The SDK's own quota (500 tokens for the whole process, five or ten a retry) is there for servers
/// with many clients; a few dozen parts that meet one short outage would use it up and then not be
/// retried at all. Ours is bounded by the number of uploads at once and by the attempts of each.
/// The rate limiter of a store is shared by its clones.
fn unlimited_retries() -> RetryPartition {
    RetryPartition::custom("destination-s3").token_bucket(TokenBucket::unlimited()).build()
}

/// The SDK puts the bucket right behind the address's path: `http://host/s3` with the bucket `raw`
/// would become `/s3raw/`.
fn with_slash(endpoint: &str) -> String {
    format!("{}/", endpoint.trim_end_matches('/'))
}

/// One bucket. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct S3Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) bucket: String,
    pub(crate) region: String,
    endpoint: Option<String>,
    variant: EndpointVariant,
    /// The endpoint without the bucket, where it seems to name the bucket.
    endpoint_without_bucket: Option<String>,
    /// Set once the store has done anything that was asked: its address is then right.
    pub(crate) has_answered: AtomicBool,
    pub(crate) signing: Signing,
    pub(crate) headers: ObjectHeaders,
    pub(crate) checksum: Checksum,
    /// Goes with every request: S3 refuses those to a bucket of another account.
    pub(crate) bucket_owner: Option<String>,
    pub(crate) retry_policy: RetryPolicy,
    /// Whether each key is looked at before it is written, guard or not.
    pub(crate) looks_first: bool,
    /// What is told of long waits.
    pub(crate) waits: Arc<Waits>,
    /// Set once the store has refused `If-None-Match` and has taken the same write without it.
    pub(crate) lacks_conditional_writes: AtomicBool,
    /// Set once the store has said of a key that was never written that there is no object.
    pub(crate) tells_missing: AtomicBool,
    /// Set once the store has refused DeleteObjects.
    pub(crate) lacks_batch_deletes: AtomicBool,
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
    /// Tells `listener`, from now on and instead of an earlier one, when this store or a clone of
    /// it makes the sync wait. The listener is called from any thread and must not block.
    pub fn tell(&self, listener: impl Fn(Notice) + Send + 'static) {
        self.inner.waits.listen(listener);
    }

    /// A store for `settings`, patient enough for a sync. Does nothing on the network and needs no
    /// runtime.
    #[must_use]
    pub fn new(settings: &StoreSettings) -> Self {
        Self::with_clock(settings, RetryPolicy::SYNC, env::system_time)
    }

    /// As [`S3Store::new`], with another patience.
    #[cfg(test)]
    pub(crate) fn with_pace(settings: &StoreSettings, retry_policy: RetryPolicy) -> Self {
        Self::with_clock(settings, retry_policy, env::system_time)
    }

    /// As [`S3Store::new`], with another patience and another clock for the end of credentials.
    pub(crate) fn with_clock(
        settings: &StoreSettings,
        retry_policy: RetryPolicy,
        now: fn() -> SystemTime,
    ) -> Self {
        let signing = Signing::new(&settings.access, now);
        let config = Builder::new().behavior_version(BehaviorVersion::v2026_01_12());
        let mut config = settings
            .checksum
            .configure(signing.sign(config))
            .region(Region::new(settings.region.clone()))
            .force_path_style(settings.path_style)
            // Said outright, for otherwise the SDK asks the environment.
            .disable_s3_express_session_auth(false)
            // It gives an upload up where the whole line is slow: after 20 s at less than a byte a
            // second, which many parts at once may see. `progress` takes its place; downloads keep
            // it.
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().upload_enabled(false).build(),
            )
            .timeout_config(retry_policy.timeouts(retry_policy.answer, 0))
            .retry_config(retry_policy.retries())
            .retry_partition(unlimited_retries());
        // The SDK refuses a variant of an endpoint that somebody else has named.
        let variant =
            if settings.endpoint.is_none() { settings.variant } else { EndpointVariant::default() };
        config = config.use_fips(variant.fips).use_dual_stack(variant.dual_stack);
        config.set_endpoint_url(settings.endpoint.as_deref().map(with_slash));
        config.set_http_client(Some(watched(
            settings.http.for_endpoint(settings.endpoint.as_deref()),
        )));
        Self {
            inner: Arc::new(Inner {
                client: Client::from_conf(config.build()),
                bucket: settings.bucket.clone(),
                region: settings.region.clone(),
                endpoint: settings.endpoint.as_deref().map(without_userinfo),
                variant,
                endpoint_without_bucket: settings
                    .endpoint_without_bucket
                    .as_deref()
                    .map(without_userinfo),
                has_answered: AtomicBool::new(false),
                signing,
                headers: ObjectHeaders::from(&settings.objects),
                checksum: settings.checksum,
                bucket_owner: settings.bucket_owner.clone(),
                retry_policy,
                waits: Arc::default(),
                looks_first: settings.looks_first,
                lacks_conditional_writes: AtomicBool::new(false),
                tells_missing: AtomicBool::new(false),
                lacks_batch_deletes: AtomicBool::new(false),
            }),
        }
    }

    /// The same store with fewer attempts for each request.
    #[must_use]
    pub fn with_attempts(&self, attempts: u32) -> Self {
        let retry_policy = self.inner.retry_policy;
        self.at(RetryPolicy { attempts: attempts.clamp(1, retry_policy.attempts), ..retry_policy })
    }

    /// The same store with fewer attempts, none of which waits long for an answer, and none follows
    /// a host name that was not found: a person waits for the answer of `check`.
    #[must_use]
    pub fn with_short_timeouts(&self, attempts: u32) -> Self {
        let retry_policy = self.inner.retry_policy;
        self.at(RetryPolicy {
            attempts: attempts.clamp(1, retry_policy.attempts),
            answer: retry_policy.answer.min(SHORT_ANSWER_TIMEOUT),
            work: retry_policy.work.min(SHORT_ANSWER_TIMEOUT),
            looks_up_again: false,
            ..retry_policy
        })
    }

    fn at(&self, retry_policy: RetryPolicy) -> Self {
        let inner = &self.inner;
        Self {
            inner: Arc::new(Inner {
                client: Client::from_conf(
                    inner
                        .client
                        .config()
                        .to_builder()
                        .retry_config(retry_policy.retries())
                        .timeout_config(retry_policy.timeouts(retry_policy.answer, 0))
                        .build(),
                ),
                bucket: inner.bucket.clone(),
                region: inner.region.clone(),
                endpoint: inner.endpoint.clone(),
                variant: inner.variant,
                endpoint_without_bucket: inner.endpoint_without_bucket.clone(),
                has_answered: AtomicBool::new(inner.has_answered.load(Ordering::Relaxed)),
                signing: inner.signing.clone(),
                headers: inner.headers.clone(),
                checksum: inner.checksum,
                bucket_owner: inner.bucket_owner.clone(),
                retry_policy,
                waits: Arc::clone(&inner.waits),
                looks_first: inner.looks_first,
                lacks_conditional_writes: AtomicBool::new(
                    inner.lacks_conditional_writes.load(Ordering::Relaxed),
                ),
                tells_missing: AtomicBool::new(inner.tells_missing.load(Ordering::Relaxed)),
                lacks_batch_deletes: AtomicBool::new(
                    inner.lacks_batch_deletes.load(Ordering::Relaxed),
                ),
            }),
        }
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.inner.bucket
    }

    /// The account that must own the bucket, as every request says it.
    pub(crate) fn bucket_owner(&self) -> Option<String> {
        self.inner.bucket_owner.clone()
    }

    /// What an error about a request needs to know.
    pub(crate) fn call<'a>(&'a self, op: Operation, key: &'a str, attempts: u32) -> Call<'a> {
        Call {
            op,
            key,
            bucket: &self.inner.bucket,
            region: &self.inner.region,
            endpoint: self.inner.endpoint.as_deref(),
            variant: self.inner.variant,
            endpoint_without_bucket: self
                .inner
                .endpoint_without_bucket
                .as_deref()
                .filter(|_| !self.inner.has_answered.load(Ordering::Relaxed)),
            attempts,
            extra_actions: self.inner.headers.actions(op),
            renewable: self.inner.signing.is_renewable(),
            secrets: self.inner.signing.secrets(),
        }
    }

    /// Overrides for a request with `bytes` of body.
    pub(crate) fn sending(&self, bytes: usize) -> Builder {
        Builder::new()
            .timeout_config(self.inner.retry_policy.timeouts(self.inner.retry_policy.answer, bytes))
    }

    /// Overrides for a request that S3 works on for a while before it answers.
    pub(crate) fn working(&self) -> Builder {
        Builder::new()
            .timeout_config(self.inner.retry_policy.timeouts(self.inner.retry_policy.work, 0))
    }
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
