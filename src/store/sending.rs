//! How a request goes out: the one place that sends, tries again and takes receipts.
//!
//! A request of the SDK that is ready to go -> its answer, or a [`StoreError`].
//!
//! | answer | what is done |
//! |---|---|
//! | 500, 502, 503, 504, timeout, reset, half an answer | the SDK tries again |
//! | SlowDown and its kin, 429 | as well; from the second time on for the same request the SDK's rate limiter joins in (`client`) |
//! | 408, 409 (another request on the key is under way) | as well, for S3 or its kin ask to |
//! | 200 with an error's code inside | as well: S3 may begin a long answer before it knows how it ends |
//! | expired credentials that can be renewed | as well, once for each request and signed anew (`credentials`) |
//! | no answer, because of a certificate or because the server does not speak TLS | nothing: it would be the same again |
//! | 200 without the receipt that the request is made for | as well: something in between answered |
//!
//! Invariants
//! - Success is an answer that holds the receipt that the caller asked for.
//!
//! Not here: how often and how patiently (`client`), what is done when trying again does not help (`publish`,
//! `objects`).

use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::config::interceptors::{BeforeTransmitInterceptorContextRef, InterceptorContext};
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::retries::classifiers::RetryClassifierPriority;

use super::classify::{classify, is_expired};
use super::client::S3Store;
use super::credentials::{Signer, Signing};
use super::error::{Effect, StoreError, StoreErrorKind};
use super::handshake::{ConnectionProblem, connection_problem};
use super::operation::Operation;

impl S3Store {
    /// Sends what `request` makes of the settings that it is given.
    pub(super) async fn send<T, E, F>(
        &self,
        op: Operation,
        key: &str,
        request: impl FnOnce(Builder) -> F,
    ) -> Result<T, StoreError>
    where
        T: fmt::Debug + Send + Sync + 'static,
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        self.send_for(op, key, Builder::new(), |_| true, request).await
    }

    /// As [`S3Store::send`], with settings of its own, for a receipt that an honest answer holds.
    pub(super) async fn send_for<T, E, F>(
        &self,
        op: Operation,
        key: &str,
        settings: Builder,
        has_receipt: fn(&T) -> bool,
        request: impl FnOnce(Builder) -> F,
    ) -> Result<T, StoreError>
    where
        T: fmt::Debug + Send + Sync + 'static,
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        let sent = Sent::default();
        let signing = self.inner.signing.clone();
        let again = Again { has_receipt, sent: sent.clone(), signing, error: PhantomData::<fn() -> E> };
        let answer = request(settings.interceptor(sent.clone()).retry_classifier(again)).await;
        let call = || self.call(op, key, sent.attempts());
        match answer {
            Ok(answer) if has_receipt(&answer) => Ok(answer),
            Ok(_) => Err(call().without_answer(StoreErrorKind::Connection, Effect::Unknown)),
            Err(error) => Err(classify(&call(), &error)),
        }
    }
}

/// What has gone out of one request. Clones share.
#[derive(Clone, Debug, Default)]
struct Sent(Arc<Attempts>);

#[derive(Debug, Default)]
struct Attempts {
    /// After a second attempt a refusal no longer proves that nothing happened.
    count: AtomicU32,
    /// Who signed the last attempt.
    signer: Mutex<Option<Signer>>,
    /// The attempt, from 1, after which new credentials were worth another one; there is one such attempt.
    renewed_after: AtomicU32,
}

impl Sent {
    fn attempts(&self) -> u32 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Whether this attempt is the one that new credentials may follow. The SDK classifies an answer more than once.
    fn may_renew(&self) -> bool {
        let (after, this) = (&self.0.renewed_after, self.attempts());
        match after.compare_exchange(0, this, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => true,
            Err(granted) => granted == this,
        }
    }

    fn signer(&self) -> MutexGuard<'_, Option<Signer>> {
        self.0.signer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "destination-s3 attempts"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        *self.signer() = Signer::of_request(context.request());
        Ok(())
    }
}

/// Which answers are worth another attempt, besides those that the SDK knows of.
struct Again<T, E> {
    has_receipt: fn(&T) -> bool,
    sent: Sent,
    signing: Signing,
    error: PhantomData<fn() -> E>,
}

impl<T, E> fmt::Debug for Again<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}

impl<T, E> ClassifyRetry for Again<T, E>
where
    T: fmt::Debug + Send + Sync + 'static,
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let code = match context.output_or_error() {
            None => return RetryAction::NoActionIndicated,
            Some(Ok(output)) => {
                let honest = output.downcast_ref::<T>().is_none_or(self.has_receipt);
                return if honest { RetryAction::NoActionIndicated } else { RetryAction::transient_error() };
            }
            Some(Err(error))
                if let Some(problem) = error.as_connector_error().and_then(|e| connection_problem(e)) =>
            {
                return match problem {
                    ConnectionProblem::Certificate(_) | ConnectionProblem::NotTls => {
                        RetryAction::RetryForbidden
                    }
                    // Left to the SDK: it may be one answer that went wrong.
                    ConnectionProblem::NotHttp => RetryAction::NoActionIndicated,
                };
            }
            Some(Err(error)) => {
                error.as_operation_error().and_then(|error| error.downcast_ref::<E>()?.code())
            }
        };
        if code.is_some_and(is_expired) {
            let renewed =
                self.sent.may_renew() && self.sent.signer().is_some_and(|used| self.signing.refused(used));
            return if renewed { RetryAction::client_error() } else { RetryAction::NoActionIndicated };
        }
        match (context.response().map(|response| response.status().as_u16()), code) {
            (Some(429), _) | (Some(200), Some("SlowDown")) => RetryAction::throttling_error(),
            (Some(408 | 409), _) | (Some(200), Some(_)) => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn classify_retry_v2(&self, context: &InterceptorContext, previous: &RetryAction) -> RetryAction {
        let action = match self.classify_retry(context) {
            RetryAction::NoActionIndicated => previous.clone(),
            action => action,
        };
        // S3 says SlowDown now and then while it grows; one of them is no reason to slow everything down.
        if action == RetryAction::throttling_error() && self.sent.attempts() < 2 {
            return RetryAction::server_error();
        }
        action
    }

    fn name(&self) -> &'static str {
        "destination-s3 answers"
    }

    fn priority(&self) -> RetryClassifierPriority {
        // Last, for it has the final say.
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
