//! Which answers are retried, besides those that the SDK retries itself.
//!
//! | answer | retried? |
//! |---|---|
//! | 500, 502, 503, 504, timeout, no progress (`progress`), reset, half an answer | yes, by the SDK's own rules |
//! | every other 5xx but 501, known or not | yes: no store means it permanently. 501 says what the store lacks |
//! | SlowDown and its like, 429, 509, 529 | yes; from the second time on for the same request the SDK's rate limiter joins in (`retry_policy`) |
//! | 408, 409 (another request on the key is in progress) | yes: S3 and similar stores ask for it |
//! | 302, 307 that name no other region | yes: DNS takes some hours to learn the name of a new bucket |
//! | a host name that was not found | yes, except for `check`, which answers at once |
//! | a proxy that requires a password | no: it would refuse again |
//! | 200 with an error code inside | yes: S3 may begin a long answer before it knows how it ends |
//! | 200 without the receipt of the request | yes: something in between answered |
//! | expired credentials that can be renewed | yes, once for each request, signed with new ones (`renewal`) |
//! | no answer, because of a certificate or because the server does not speak TLS | no: it would fail again |
//!
//! Not here: how often and how long (`retry_policy`).

use std::fmt;
use std::marker::PhantomData;

use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::RetryClassifierPriority;

use super::attempts::AttemptTracker;
use super::request::SdkRequest;
use super::signing::Signing;
use crate::env;
use crate::error::harmless;
use crate::store::answers::{
    ConnectionProblem, REGION_HEADER, Unreachable, connection_problem, is_expired, is_throttling,
    is_throttling_status, unreachable,
};

/// Decides for the requests of type `R`.
pub(super) struct RetryClassifier<R> {
    attempts: AttemptTracker,
    signing: Signing,
    /// The region that requests are signed for.
    region: String,
    retry_unknown_host: bool,
    request: PhantomData<fn() -> R>,
}

impl<R> RetryClassifier<R> {
    pub(super) fn new(
        attempts: AttemptTracker,
        signing: Signing,
        region: &str,
        retry_unknown_host: bool,
    ) -> Self {
        let region = region.to_owned();
        Self { attempts, signing, region, retry_unknown_host, request: PhantomData }
    }

    /// Decides on an attempt that got no answer. Returns `None` if there was an answer, or if it is
    /// unknown why there was not.
    fn without_connection<E>(&self, error: &OrchestratorError<E>) -> Option<RetryAction>
    where
        E: fmt::Debug,
    {
        let error = error.as_connector_error()?;
        let is_final = match (connection_problem(error), unreachable(error)) {
            (Some(ConnectionProblem::Certificate(_) | ConnectionProblem::NotTls), _) => true,
            // One answer may be garbled.
            (Some(ConnectionProblem::NotHttp), _) => false,
            (None, Some(Unreachable::ProxyAuthentication)) => true,
            (None, Some(Unreachable::HostNotFound(_))) => !self.retry_unknown_host,
            (
                None,
                Some(
                    Unreachable::Refused
                    | Unreachable::NoAnswer
                    | Unreachable::Tls
                    | Unreachable::ProxyRefused,
                ),
            ) => false,
            (None, None) => return None,
        };
        // What is not forbidden is left to the SDK, which retries all of these.
        Some(if is_final { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated })
    }
}

impl<R> fmt::Debug for RetryClassifier<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryClassifier")
    }
}

impl<R: SdkRequest> ClassifyRetry for RetryClassifier<R> {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let code = match context.output_or_error() {
            None => return RetryAction::NoActionIndicated,
            Some(Ok(output)) => {
                let is_receipt = output.downcast_ref::<R::Output>().is_none_or(R::has_receipt)
                    && !self.attempts.was_web_page();
                return if is_receipt {
                    RetryAction::NoActionIndicated
                } else {
                    RetryAction::transient_error()
                };
            }
            Some(Err(error)) => {
                if let Some(action) = self.without_connection(error) {
                    return action;
                }
                error
                    .as_operation_error()
                    .and_then(|error| error.downcast_ref::<R::Error>()?.code())
            }
        };
        if code.is_some_and(is_expired) {
            let is_renewed = self.attempts.may_renew()
                && self.attempts.signed_with().is_some_and(|used| self.signing.refused(used));
            return if is_renewed {
                RetryAction::client_error()
            } else {
                RetryAction::NoActionIndicated
            };
        }
        let Some(response) = context.response() else { return RetryAction::NoActionIndicated };
        let names_other_region =
            || response.headers().get(REGION_HEADER).is_some_and(|region| region != self.region);
        match (response.status().as_u16(), code) {
            (_, Some(code)) if is_throttling(code) => RetryAction::throttling_error(),
            (status, _) if is_throttling_status(status) => RetryAction::throttling_error(),
            (408 | 409, _) | (200, Some(_)) => RetryAction::transient_error(),
            (302 | 307, _) if !names_other_region() => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    /// Has the final say: `previous` is the decision of the SDK's own classifiers.
    fn classify_retry_v2(
        &self,
        context: &InterceptorContext,
        previous: &RetryAction,
    ) -> RetryAction {
        let action = match self.classify_retry(context) {
            // The SDK knows four of the 5xx statuses.
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
        let is_throttled = action == RetryAction::throttling_error();
        if !matches!(action, RetryAction::NoActionIndicated | RetryAction::RetryForbidden) {
            let count = self.attempts.count();
            let reason = || failure_reason::<R>(context);
            self.attempts.delay().attempt_failed(count, reason, is_throttled, env::instant());
        }
        // S3 says SlowDown now and then while it grows. One of them must not start the rate
        // limiter, which would slow every request down.
        if is_throttled && self.attempts.count() < 2 {
            return RetryAction::server_error();
        }
        action
    }

    fn name(&self) -> &'static str {
        "destination-s3 answers"
    }

    fn priority(&self) -> RetryClassifierPriority {
        // After the last of the SDK's own.
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// Returns why an attempt failed, in a few words.
fn failure_reason<R: SdkRequest>(context: &InterceptorContext) -> String {
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
        .and_then(|error| error.as_operation_error()?.downcast_ref::<R::Error>()?.code())
        .and_then(harmless);
    match code {
        Some(code) => format!("{status}, {code}"),
        None => status,
    }
}
