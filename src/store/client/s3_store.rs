//! The handle of a bucket.
//!
//! [`StoreSettings`] -> [`S3Store`]. Nothing here uses the network before the first request.
//!
//! Invariants
//! - Credentials, region and endpoint come from the settings alone: no profile file and no `AWS_*`
//!   variable is read. (Proxies are the exception, see `http`. FIPS and dual stack do come from
//!   variables, but reach this module with the settings.)
//! - All handles of a store share everything but their [`RetryPolicy`]: connections, credentials,
//!   the rate limiter, and what was learned about the store.
//!
//! Not here: how requests are sent (`sending`), which answers are retried (`retry_classifier`).

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Region, StalledStreamProtectionConfig};

use super::capabilities::StoreCapabilities;
use super::delay_monitor::DelayMonitor;
use super::headers::ObjectHeaders;
use super::notice::Notice;
use super::progress::watched;
use super::retry_policy::{RetryPolicy, unlimited_retries};
use super::settings::StoreSettings;
use super::signing::Signing;
use crate::aws::EndpointVariant;
use crate::env;
use crate::store::address::without_userinfo;
use crate::store::answers::Call;
use crate::store::operation::Operation;
use crate::store::options::Checksum;

/// One bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct S3Store {
    client: Client,
    retry_policy: RetryPolicy,
    shared: Arc<Shared>,
}

/// What all handles of a store have in common.
struct Shared {
    bucket: String,
    region: String,
    endpoint: Option<String>,
    variant: EndpointVariant,
    endpoint_without_bucket: Option<String>,
    signing: Signing,
    headers: ObjectHeaders,
    checksum: Checksum,
    bucket_owner: Option<String>,
    head_before_put: bool,
    delays: Arc<DelayMonitor>,
    capabilities: StoreCapabilities,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl S3Store {
    /// Creates the store of `settings` with the retry policy of a sync. Does nothing on the network
    /// and needs no runtime.
    #[must_use]
    pub(crate) fn new(settings: &StoreSettings) -> Self {
        Self::with_clock(settings, RetryPolicy::SYNC, env::system_time)
    }

    /// As [`S3Store::new`], with another retry policy.
    #[cfg(test)]
    pub(crate) fn with_retry_policy(settings: &StoreSettings, retry_policy: RetryPolicy) -> Self {
        Self::with_clock(settings, retry_policy, env::system_time)
    }

    /// As [`S3Store::new`], with another retry policy and another clock for the expiry of
    /// credentials.
    pub(crate) fn with_clock(
        settings: &StoreSettings,
        retry_policy: RetryPolicy,
        now: fn() -> SystemTime,
    ) -> Self {
        let signing = Signing::new(&settings.access, now);
        // The SDK rejects a variant of an endpoint that the user has named.
        let variant =
            if settings.endpoint.is_none() { settings.variant } else { EndpointVariant::default() };
        let config = Builder::new().behavior_version(BehaviorVersion::v2026_01_12());
        let mut config = settings
            .checksum
            .configure(signing.configure(config))
            .region(Region::new(settings.region.clone()))
            .force_path_style(settings.path_style)
            // Set explicitly: otherwise the SDK reads the environment.
            .disable_s3_express_session_auth(false)
            // For uploads `progress` replaces this protection, which gives up a request after 20 s
            // below one byte a second. With many parallel parts on a slow line, a part may be that
            // slow.
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().upload_enabled(false).build(),
            )
            .timeout_config(retry_policy.timeouts(retry_policy.answer, 0))
            .retry_config(retry_policy.retry_config())
            .retry_partition(unlimited_retries())
            .use_fips(variant.fips)
            .use_dual_stack(variant.dual_stack);
        config.set_endpoint_url(settings.endpoint.as_deref().map(with_slash));
        config.set_http_client(Some(watched(
            settings.http.for_endpoint(settings.endpoint.as_deref()),
        )));
        Self {
            client: Client::from_conf(config.build()),
            retry_policy,
            shared: Arc::new(Shared {
                bucket: settings.bucket.clone(),
                region: settings.region.clone(),
                endpoint: settings.endpoint.as_deref().map(without_userinfo),
                variant,
                endpoint_without_bucket: settings
                    .endpoint_without_bucket
                    .as_deref()
                    .map(without_userinfo),
                signing,
                headers: ObjectHeaders::from(&settings.objects),
                checksum: settings.checksum,
                bucket_owner: settings.bucket_owner.clone(),
                head_before_put: settings.head_before_put,
                delays: Arc::default(),
                capabilities: StoreCapabilities::default(),
            }),
        }
    }

    /// Returns another handle, with at most `attempts` attempts for each request.
    #[must_use]
    pub(crate) fn with_max_attempts(&self, attempts: u32) -> Self {
        self.with_policy(self.retry_policy.with_max_attempts(attempts))
    }

    /// Returns another handle for a caller who waits for the answer, as the user of `check` does:
    /// at most `attempts` attempts, short timeouts, and no second lookup of a host name that was
    /// not found.
    #[must_use]
    pub(crate) fn with_short_timeouts(&self, attempts: u32) -> Self {
        self.with_policy(self.retry_policy.with_max_attempts(attempts).with_short_timeouts())
    }

    fn with_policy(&self, retry_policy: RetryPolicy) -> Self {
        let config = self
            .client
            .config()
            .to_builder()
            .retry_config(retry_policy.retry_config())
            .timeout_config(retry_policy.timeouts(retry_policy.answer, 0));
        Self {
            client: Client::from_conf(config.build()),
            retry_policy,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Calls `listener` from now on, instead of an earlier listener, when this store delays the
    /// sync. The listener is called from any thread and must not block.
    pub(crate) fn on_notice(&self, listener: impl Fn(Notice) + Send + 'static) {
        self.shared.delays.set_listener(listener);
    }

    /// The bucket's name.
    #[must_use]
    pub(crate) fn bucket(&self) -> &str {
        &self.shared.bucket
    }

    /// The region that requests are signed for.
    pub(crate) fn region(&self) -> &str {
        &self.shared.region
    }

    /// The account that must own the bucket. Every request names it, and S3 rejects requests to a
    /// bucket of another account.
    pub(crate) fn bucket_owner(&self) -> Option<String> {
        self.shared.bucket_owner.clone()
    }

    /// The SDK's client, for its request builders.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The headers of every object.
    pub(crate) fn headers(&self) -> &ObjectHeaders {
        &self.shared.headers
    }

    /// The checksum of every body.
    pub(crate) fn checksum(&self) -> Checksum {
        self.shared.checksum
    }

    /// Whether a HEAD precedes each write, although the write is conditional.
    pub(crate) fn head_before_put(&self) -> bool {
        self.shared.head_before_put
    }

    /// What was learned about the store.
    pub(crate) fn capabilities(&self) -> &StoreCapabilities {
        &self.shared.capabilities
    }

    pub(super) fn retry_policy(&self) -> &RetryPolicy {
        &self.retry_policy
    }

    pub(super) fn signing(&self) -> &Signing {
        &self.shared.signing
    }

    pub(super) fn delays(&self) -> &Arc<DelayMonitor> {
        &self.shared.delays
    }

    /// What an error about a request needs to know.
    pub(crate) fn call<'a>(&'a self, op: Operation, key: &'a str, attempts: u32) -> Call<'a> {
        let shared = &*self.shared;
        Call {
            op,
            key,
            bucket: &shared.bucket,
            region: &shared.region,
            endpoint: shared.endpoint.as_deref(),
            variant: shared.variant,
            // A store that has answered before has the right address.
            endpoint_without_bucket: shared
                .endpoint_without_bucket
                .as_deref()
                .filter(|_| !shared.capabilities.has_answered()),
            attempts,
            extra_actions: shared.headers.actions(op),
            renewable: shared.signing.is_renewable(),
            secrets: shared.signing.secrets(),
        }
    }

    /// Overrides for a request with `bytes` of body.
    pub(crate) fn body_timeouts(&self, bytes: usize) -> Builder {
        let policy = &self.retry_policy;
        Builder::new().timeout_config(policy.timeouts(policy.answer, bytes))
    }

    /// Overrides for a request that S3 works on for a while before it answers.
    pub(crate) fn work_timeouts(&self) -> Builder {
        let policy = &self.retry_policy;
        Builder::new().timeout_config(policy.timeouts(policy.work, 0))
    }
}

/// Returns the endpoint with one slash at its end. The SDK puts no slash between the path and the
/// bucket: `http://host/s3` and the bucket `raw` would become `/s3raw/`.
fn with_slash(endpoint: &str) -> String {
    format!("{}/", endpoint.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::settings;

    #[test]
    fn a_derived_handle_knows_what_another_has_learned() {
        let store = S3Store::new(&settings("127.0.0.1:1".parse().unwrap()));
        let patient = store.with_max_attempts(2);
        let hasty = store.with_short_timeouts(1);
        assert!(!hasty.capabilities().lacks_conditional_writes());
        patient.capabilities().set_lacks_conditional_writes();
        hasty.capabilities().set_lacks_batch_deletes();
        for handle in [&store, &patient, &hasty, &patient.with_max_attempts(1)] {
            let learned = handle.capabilities();
            assert!(learned.lacks_conditional_writes() && learned.lacks_batch_deletes());
            assert!(!learned.has_answered() && !learned.reports_missing_keys());
        }
    }
}
