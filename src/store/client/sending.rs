//! How a request is sent: the one place that sends, retries and checks receipts.
//!
//! A [`SdkRequest`] -> its answer, or a [`StoreError`].
//!
//! Invariants
//! - Success is an answer with the receipt that S3 sends for this request.
//! - Each request reports its delays until it has ended, also when its caller drops it.
//!
//! Not here: which answers are retried (`retry_classifier`), how often and how long
//! (`retry_policy`), what is done when retries do not help (`requests`).

use aws_sdk_s3::config::Builder;

use super::attempts::AttemptTracker;
use super::request::SdkRequest;
use super::request_delay::RequestDelay;
use super::retry_classifier::RetryClassifier;
use super::s3_store::S3Store;
use crate::env;
use crate::store::answers::{StoreError, classify};

impl S3Store {
    /// Sends a request about `key`.
    pub(crate) async fn send<R: SdkRequest>(
        &self,
        key: &str,
        request: R,
    ) -> Result<R::Output, StoreError> {
        self.send_with(key, Builder::new(), request).await
    }

    /// As [`S3Store::send`], with `overrides` over the client's settings.
    pub(crate) async fn send_with<R: SdkRequest>(
        &self,
        key: &str,
        overrides: Builder,
        request: R,
    ) -> Result<R::Output, StoreError> {
        let op = R::OPERATION;
        let delay = RequestDelay::new(op, key, self.retry_policy().long_delay, self.delays());
        let attempts = AttemptTracker::new(op, delay);
        let _ended_when_dropped = EndOnDrop(attempts.clone());
        let classifier = RetryClassifier::<R>::new(
            attempts.clone(),
            self.signing().clone(),
            self.region(),
            self.retry_policy().retry_unknown_host,
        );
        let overrides = overrides.interceptor(attempts.clone()).retry_classifier(classifier);
        let result = report_delays(&attempts, request.send_with(overrides)).await;
        let call = || self.call(op, key, attempts.count());
        let result = match result {
            // An answer without a receipt is retried. It gets here only when the attempts are used
            // up, and then it is an error.
            Ok(output) if R::has_receipt(&output) && !attempts.was_web_page() => {
                self.capabilities().set_has_answered();
                Ok(output)
            }
            Ok(_) => Err(call().without_receipt()),
            Err(error) => Err(classify(&call(), &error)),
        };
        // For a request that checks a key before a write, "no object" is a success.
        let succeeded = result.as_ref().err().is_none_or(StoreError::is_negative_answer);
        attempts.delay().ended(succeeded, env::instant());
        result
    }
}

/// Waits for the answer, and reports a delay once it gets long.
async fn report_delays<F: Future>(attempts: &AttemptTracker, answer: F) -> F::Output {
    let mut answer = std::pin::pin!(answer);
    let mut next_check = attempts.delay().next_check(env::instant());
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::time::sleep_until(next_check.into()) => {
                let now = env::instant();
                let mut delay = attempts.delay();
                delay.check(now);
                next_check = delay.next_check(now);
            }
        }
    }
}

/// Ends the report of a request whose caller no longer waits for it. A report that has ended
/// already stays as it is.
struct EndOnDrop(AttemptTracker);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.delay().ended(false, env::instant());
    }
}
