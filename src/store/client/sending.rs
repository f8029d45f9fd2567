//! How a request goes out: the one place that sends, tries again and takes receipts.
//!
//! A request of the SDK that is ready to go -> its answer, or a [`StoreError`].
//!
//! | answer | what is done |
//! |---|---|
//! | 500, 502, 503, 504, timeout, no progress (`progress`), reset, half an answer | the SDK tries again |
//! | every other 5xx, known or not, but 501 | as well: no store means it for ever. 501 names what the store lacks |
//! | SlowDown and its kin, 429, 509, 529 | as well; from the second time on for the same request the SDK's rate limiter joins in (`client`) |
//! | 408, 409 (another request on the key is under way) | as well, for S3 or its kin ask to |
//! | 302, 307 that name no other region | as well: a new bucket's name takes some hours to be known everywhere |
//! | a host name that is not found | as well, but not for `check`, which answers at once |
//! | a proxy that wants a password | nothing: it would be the same again |
//! | 200 with an error's code inside | as well: S3 may begin a long answer before it knows how it ends |
//! | expired credentials that can be renewed | as well, once for each request and signed anew (`credentials`) |
//! | no answer, because of a certificate or because the server does not speak TLS | nothing: it would be the same again |
//! | 200 without the receipt that the request is made for | as well: something in between answered |
//!
//! Invariants
//! - Success is an answer that holds the receipt that the caller asked for.
//!
//! Not here: how often and how patiently (`client`), what is done when trying again does not help
//! (`publish`, `objects`).

use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    InterceptorContext,
};
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::retries::classifiers::RetryClassifierPriority;

use super::credentials::{Signer, Signing};
use super::delay::Trouble;
use crate::env;
use crate::error::harmless;
use crate::store::answers::StoreError;
use crate::store::answers::{ConnectionProblem, connection_problem};
use crate::store::answers::{
    REGION_HEADER, classify, is_expired, is_throttling, is_throttling_status,
};
use crate::store::answers::{Unreachable, unreachable};
use crate::store::client::s3_store::S3Store;
use crate::store::operation::Operation;

impl S3Store {
    /// Sends what `request` makes of the settings that it is given.
    pub(crate) async fn send<T, E, F>(
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
    pub(crate) async fn send_for<T, E, F>(
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
        let inner = &self.inner;
        let sent = AttemptTracker::new(
            op,
            Trouble::new(op, key, inner.retry_policy.long_wait, Arc::clone(&inner.waits)),
        );
        let again = RetryClassifier {
            has_receipt,
            sent: sent.clone(),
            signing: inner.signing.clone(),
            region: inner.region.clone(),
            looks_up_again: inner.retry_policy.looks_up_again,
            error: PhantomData::<fn() -> E>,
        };
        let leave = Leave(sent.clone());
        let answer =
            watch(&sent, request(settings.interceptor(sent.clone()).retry_classifier(again))).await;
        let call = || self.call(op, key, sent.attempts());
        let answer = match answer {
            Ok(answer) if has_receipt(&answer) && !sent.was_page() => {
                inner.has_answered.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            Ok(_) => Err(call().without_receipt()),
            Err(error) => Err(classify(&call(), &error)),
        };
        // A plain "no" is as good an answer as any to a request that looks before it acts.
        let goes_on = answer.as_ref().err().is_none_or(StoreError::is_negative_answer);
        sent.trouble().ended(goes_on, env::instant());
        drop(leave);
        answer
    }
}

/// Waits for the answer, and reports a wait that gets long.
async fn watch<F: Future>(sent: &AttemptTracker, answer: F) -> F::Output {
    let mut answer = std::pin::pin!(answer);
    let mut look = sent.trouble().next_look(env::instant());
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::time::sleep_until(look.into()) => {
                let now = env::instant();
                let mut trouble = sent.trouble();
                trouble.looked(now);
                look = trouble.next_look(now);
            }
        }
    }
}

/// Ends what a request has reported, also where nobody waits for its answer any more.
struct Leave(AttemptTracker);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.trouble().ended(false, env::instant());
    }
}

/// What has gone out of one request. Clones share.
#[derive(Clone, Debug)]
struct AttemptTracker(Arc<Attempts>);

#[derive(Debug)]
struct Attempts {
    op: Operation,
    trouble: Mutex<Trouble>,
    /// The last answer is called a success and is a web page.
    was_page: AtomicBool,
    /// After a second attempt a refusal no longer proves that nothing happened.
    count: AtomicU32,
    /// Who signed the last attempt.
    signer: Mutex<Option<Signer>>,
    /// The attempt, from 1, after which new credentials were worth another one; there is one such
    /// attempt.
    renewed_after: AtomicU32,
}

impl AttemptTracker {
    fn new(op: Operation, trouble: Trouble) -> Self {
        Self(Arc::new(Attempts {
            op,
            trouble: Mutex::new(trouble),
            was_page: AtomicBool::new(false),
            count: AtomicU32::new(0),
            signer: Mutex::new(None),
            renewed_after: AtomicU32::new(0),
        }))
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn was_page(&self) -> bool {
        self.0.was_page.load(Ordering::Relaxed)
    }

    fn attempts(&self) -> u32 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Whether this attempt is the one that new credentials may follow. The SDK classifies an
    /// answer more than once.
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

impl Intercept for AttemptTracker {
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
        self.0.was_page.store(false, Ordering::Relaxed);
        *self.signer() = Signer::of_request(context.request());
        self.trouble().sent(env::instant());
        Ok(())
    }

    /// Any server answers any path with a page. Some stores call an empty answer HTML, too.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let content_type = answer.headers().get("content-type").unwrap_or_default();
        let is_empty = answer.body().bytes().is_some_and(|body| body.trim_ascii().is_empty());
        let is_page = answer.status().is_success()
            && !is_empty
            && !self.0.op.answers_with_object()
            && content_type.trim_start().to_ascii_lowercase().starts_with("text/html");
        self.0.was_page.store(is_page, Ordering::Relaxed);
        Ok(())
    }
}

/// Which answers are worth another attempt, besides those that the SDK knows of.
struct RetryClassifier<T, E> {
    has_receipt: fn(&T) -> bool,
    sent: AttemptTracker,
    signing: Signing,
    /// The region that requests are signed for.
    region: String,
    looks_up_again: bool,
    error: PhantomData<fn() -> E>,
}

impl<T, E> fmt::Debug for RetryClassifier<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryClassifier")
    }
}

impl<T, E> ClassifyRetry for RetryClassifier<T, E>
where
    T: fmt::Debug + Send + Sync + 'static,
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let code = match context.output_or_error() {
            None => return RetryAction::NoActionIndicated,
            Some(Ok(output)) => {
                let honest = output.downcast_ref::<T>().is_none_or(self.has_receipt)
                    && !self.sent.was_page();
                return if honest {
                    RetryAction::NoActionIndicated
                } else {
                    RetryAction::transient_error()
                };
            }
            Some(Err(error))
                if let Some(problem) =
                    error.as_connector_error().and_then(|e| connection_problem(e)) =>
            {
                return match problem {
                    ConnectionProblem::Certificate(_) | ConnectionProblem::NotTls => {
                        RetryAction::RetryForbidden
                    }
                    // Left to the SDK: it may be one answer that went wrong.
                    ConnectionProblem::NotHttp => RetryAction::NoActionIndicated,
                };
            }
            Some(Err(error))
                if let Some(problem) = error.as_connector_error().and_then(|e| unreachable(e)) =>
            {
                let is_final = match problem {
                    Unreachable::ProxyAuthentication => true,
                    Unreachable::HostNotFound(_) => !self.looks_up_again,
                    Unreachable::Refused
                    | Unreachable::NoAnswer
                    | Unreachable::Tls
                    | Unreachable::ProxyRefused => false,
                };
                return if is_final {
                    RetryAction::RetryForbidden
                } else {
                    RetryAction::NoActionIndicated
                };
            }
            Some(Err(error)) => {
                error.as_operation_error().and_then(|error| error.downcast_ref::<E>()?.code())
            }
        };
        if code.is_some_and(is_expired) {
            let renewed = self.sent.may_renew()
                && self.sent.signer().is_some_and(|used| self.signing.refused(used));
            return if renewed {
                RetryAction::client_error()
            } else {
                RetryAction::NoActionIndicated
            };
        }
        let Some(response) = context.response() else { return RetryAction::NoActionIndicated };
        let elsewhere =
            || response.headers().get(REGION_HEADER).is_some_and(|region| region != self.region);
        match (response.status().as_u16(), code) {
            (_, Some(code)) if is_throttling(code) => RetryAction::throttling_error(),
            (status, _) if is_throttling_status(status) => RetryAction::throttling_error(),
            (408 | 409, _) | (200, Some(_)) => RetryAction::transient_error(),
            (302 | 307, _) if !elsewhere() => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn classify_retry_v2(
        &self,
        context: &InterceptorContext,
        previous: &RetryAction,
    ) -> RetryAction {
        let action = match self.classify_retry(context) {
            RetryAction::NoActionIndicated if *previous == RetryAction::NoActionIndicated => {
                match context.response().map(|response| response.status().as_u16()) {
                    Some(501) | None => RetryAction::NoActionIndicated,
                    Some(500..=599) => RetryAction::server_error(),
                    Some(_) => RetryAction::NoActionIndicated,
                }
            }
            RetryAction::NoActionIndicated => previous.clone(),
            action => action,
        };
        let is_tried_again =
            !matches!(action, RetryAction::NoActionIndicated | RetryAction::RetryForbidden);
        if is_tried_again {
            let throttled = action == RetryAction::throttling_error();
            let attempts = self.sent.attempts();
            self.sent.trouble().failed(
                attempts,
                || reason::<E>(context),
                throttled,
                env::instant(),
            );
        }
        // S3 says SlowDown now and then while it grows; one of them is no reason to slow everything
        // down.
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

/// Why an attempt failed, in few words.
fn reason<E>(context: &InterceptorContext) -> String
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    let error = context.output_or_error().and_then(Result::err);
    if let Some(problem) =
        error.and_then(|error| error.as_connector_error()).and_then(|e| unreachable(e))
    {
        return match problem {
            Unreachable::HostNotFound(host) => format!("the host name \"{host}\" was not found"),
            Unreachable::Refused => "the connection was refused".to_owned(),
            Unreachable::NoAnswer => "the host does not answer".to_owned(),
            Unreachable::Tls => "TLS failed".to_owned(),
            Unreachable::ProxyAuthentication | Unreachable::ProxyRefused => {
                "the proxy refused".to_owned()
            }
        };
    }
    let timed_out = error.is_some_and(|error| {
        error.is_timeout_error()
            || error.as_connector_error().is_some_and(|error| error.is_timeout())
    });
    if timed_out {
        return "no answer in time".to_owned();
    }
    let Some(response) = context.response() else { return "the connection broke".to_owned() };
    let status = format!("HTTP {}", response.status().as_u16());
    let code = error
        .and_then(|error| error.as_operation_error()?.downcast_ref::<E>()?.code())
        .and_then(harmless);
    match code {
        Some(code) => format!("{status}, {code}"),
        None => status,
    }
}
