//! A request that makes no progress is given up, however long it may take while it makes some.
//!
//! The SDK's client for an address -> the same client, whose requests fail with a timeout once
//! nothing has moved for the *read timeout* of the request's settings: no byte of its body was
//! taken by the connection, and no byte of the answer came. Without a read timeout nothing changes.
//!
//! A body goes to the connection in pieces, for otherwise it could not be seen to move. What the
//! connection has taken may still be in the kernel: some hundred KiB on a slow line, which leave
//! within the limit.
//!
//! Not here: how long the limit is (`client`), what is done about a timeout (`sending`).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    self as aws, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::{Error as BodyError, SdkBody};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep_until};

use crate::env;
use crate::store::answers::Stalled;

/// Pieces of a body: small enough that a line of 16 KiB/s takes several within any limit, large
/// enough to cost nothing.
const PIECE_BYTES: usize = 64 * 1024;

/// A client, or a connector of it, whose requests are watched.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    inner: T,
    limit: Duration,
}

/// `client`, whose requests are watched where their settings have a read timeout.
pub(crate) fn watched(client: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Watched { inner: client, limit: Duration::MAX })
}

impl aws::HttpClient for Watched<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let mut unwatched = HttpConnectorSettings::builder();
        unwatched.set_connect_timeout(settings.connect_timeout());
        // One connector for all limits, for each has connections of its own.
        let inner = self.inner.http_connector(&unwatched.build(), components);
        match settings.read_timeout() {
            Some(limit) => SharedHttpConnector::new(Watched { inner, limit }),
            None => inner,
        }
    }
}

impl HttpConnector for Watched<SharedHttpConnector> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (limit, progress) = (self.limit, Progress::default());
        if has_content(request.body()) {
            let body = request.take_body();
            let outgoing = Outgoing { inner: body, rest: Bytes::new(), progress: progress.clone() };
            *request.body_mut() = SdkBody::from_body_1_x(outgoing);
        }
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = tokio::select! {
                answer = answer => answer?,
                stalled = progress.stalled(limit) => return Err(ConnectorError::timeout(stalled.into())),
            };
            if has_content(answer.body()) {
                let body = answer.take_body();
                *answer.body_mut() =
                    SdkBody::from_body_1_x(Incoming { inner: body, limit, quiet: None });
            }
            Ok(answer)
        })
    }
}

fn has_content(body: &SdkBody) -> bool {
    body.content_length() != Some(0)
}

/// When something moved last.
#[derive(Clone, Debug)]
struct Progress(Arc<Mutex<Instant>>);

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(env::instant())))
    }
}

impl Progress {
    fn moved(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = env::instant();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when nothing has moved for `limit`.
    async fn stalled(&self, limit: Duration) -> Stalled {
        loop {
            let end = self.last() + limit;
            if end <= env::instant() {
                return Stalled(limit);
            }
            sleep_until(end.into()).await;
        }
    }
}

/// The body of a request, in pieces.
#[derive(Debug)]
struct Outgoing {
    inner: SdkBody,
    /// What is left of the inner body's last piece.
    rest: Bytes,
    progress: Progress,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.progress.moved();
        if self.rest.is_empty() {
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        let piece_bytes = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(piece_bytes);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && Body::is_end_stream(&self.inner)
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = Body::size_hint(&self.inner);
        let rest = self.rest.len() as u64;
        match hint.exact() {
            Some(exact) => SizeHint::with_exact(exact + rest),
            None => {
                hint.set_lower(hint.lower() + rest);
                hint
            }
        }
    }
}

/// The body of an answer, which must not fall silent.
#[derive(Debug)]
struct Incoming {
    inner: SdkBody,
    limit: Duration,
    /// Ends when the answer has been silent for too long; `None` while nobody waits for it.
    quiet: Option<Pin<Box<Sleep>>>,
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.quiet = None;
            return Poll::Ready(frame);
        }
        let limit = self.limit;
        let quiet = self
            .quiet
            .get_or_insert_with(|| Box::pin(sleep_until((env::instant() + limit).into())));
        match quiet.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Stalled(limit).into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        Body::is_end_stream(&self.inner)
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.inner)
    }
}
