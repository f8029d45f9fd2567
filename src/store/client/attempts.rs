//! What is known about the attempts of one request.
//!
//! As an interceptor of the SDK it sees every attempt leave and every answer arrive; the retry
//! classifier and the sender ask it afterwards.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use super::request_delay::RequestDelay;
use super::signing::CredentialsId;
use crate::env;
use crate::store::operation::Operation;

/// The attempts of one request. Clones share.
#[derive(Clone, Debug)]
pub(super) struct AttemptTracker(Arc<Attempts>);

#[derive(Debug)]
struct Attempts {
    op: Operation,
    delay: Mutex<RequestDelay>,
    /// Whether the last answer calls itself a success and is a web page.
    was_web_page: AtomicBool,
    /// Attempts that were sent. From the second on, a refusal no longer proves that nothing
    /// happened.
    count: AtomicU32,
    /// Which credentials signed the last attempt.
    signed_with: Mutex<Option<CredentialsId>>,
    /// The number of the attempt, from 1, after which credentials may be renewed; 0 if no attempt
    /// has asked yet.
    renewed_after: AtomicU32,
}

impl AttemptTracker {
    pub(super) fn new(op: Operation, delay: RequestDelay) -> Self {
        Self(Arc::new(Attempts {
            op,
            delay: Mutex::new(delay),
            was_web_page: AtomicBool::new(false),
            count: AtomicU32::new(0),
            signed_with: Mutex::new(None),
            renewed_after: AtomicU32::new(0),
        }))
    }

    pub(super) fn delay(&self) -> MutexGuard<'_, RequestDelay> {
        self.0.delay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the last answer calls itself a success and is a web page.
    pub(super) fn was_web_page(&self) -> bool {
        self.0.was_web_page.load(Ordering::Relaxed)
    }

    /// How many attempts were sent.
    pub(super) fn count(&self) -> u32 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Whether credentials may be renewed after the current attempt: each request may renew them
    /// once. The SDK classifies an answer more than once, so the result is the same for the same
    /// attempt.
    pub(super) fn may_renew(&self) -> bool {
        let (after, current) = (&self.0.renewed_after, self.count());
        match after.compare_exchange(0, current, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => true,
            Err(granted) => granted == current,
        }
    }

    /// Which credentials signed the last attempt.
    pub(super) fn signed_with(&self) -> Option<CredentialsId> {
        *self.0.signed_with.lock().unwrap_or_else(PoisonError::into_inner)
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
        let attempts = &self.0;
        attempts.count.fetch_add(1, Ordering::Relaxed);
        attempts.was_web_page.store(false, Ordering::Relaxed);
        *attempts.signed_with.lock().unwrap_or_else(PoisonError::into_inner) =
            CredentialsId::of_request(context.request());
        self.delay().attempt_sent(env::instant());
        Ok(())
    }

    /// Recognizes web pages: any web server answers any path with one. Some stores also label an
    /// empty answer as HTML.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let content_type = answer.headers().get("content-type").unwrap_or_default();
        let is_empty = answer.body().bytes().is_some_and(|body| body.trim_ascii().is_empty());
        let is_web_page = answer.status().is_success()
            && !is_empty
            // The content type of an object is the object's own.
            && !self.0.op.answers_with_object()
            && content_type.trim_start().to_ascii_lowercase().starts_with("text/html");
        self.0.was_web_page.store(is_web_page, Ordering::Relaxed);
        Ok(())
    }
}
