//! Ends a request that makes no progress. A request that makes progress may take long.
//!
//! The SDK's client for an address -> the same client, whose requests fail with a timeout once
//! nothing has moved for the *read timeout* of the request's settings: the connection took no byte
//! of the body, and no byte of the answer came. Without a read timeout nothing changes.
//!
//! The connection gets a body in pieces, because the progress of a single piece cannot be seen.
//! Bytes that the connection has taken may still be in the kernel. On a slow line these are a few
//! hundred KiB, which are sent within the limit.
//!
//! Not here: how long the limit is (`retry_policy`), what is done about a timeout
//! (`retry_classifier`).

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

/// Size of a piece: small enough that a line of 16 KiB/s takes several within any limit, large
/// enough to cost nothing.
const PIECE_BYTES: usize = 64 * 1024;

/// A client, or a connector of it, whose requests are watched.
#[derive(Debug)]
struct Watched<T> {
    inner: T,
    limit: Duration,
}

/// Returns `client` with requests that are watched if their settings have a read timeout.
pub(super) fn watched(client: SharedHttpClient) -> SharedHttpClient {
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
        // One connector for all limits: each connector has its own pool of connections.
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
            let outgoing =
                OutgoingBody { inner: body, rest: Bytes::new(), progress: progress.clone() };
            *request.body_mut() = SdkBody::from_body_1_x(outgoing);
        }
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = tokio::select! {
                answer = answer => answer?,
                stalled =
                    progress.stalled(limit) => return Err(ConnectorError::timeout(stalled.into())),
            };
            if has_content(answer.body()) {
                let body = answer.take_body();
                *answer.body_mut() =
                    SdkBody::from_body_1_x(IncomingBody { inner: body, limit, stall: None });
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

    /// Completes when nothing has moved for `limit`.
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
struct OutgoingBody {
    inner: SdkBody,
    /// The rest of the inner body's last frame.
    rest: Bytes,
    progress: Progress,
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // The connection asks for more: it has taken the piece before.
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

/// The body of an answer, which must not stall.
#[derive(Debug)]
struct IncomingBody {
    inner: SdkBody,
    limit: Duration,
    /// Completes when the answer has stalled; `None` while nobody waits for it.
    stall: Option<Pin<Box<Sleep>>>,
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            self.stall = None;
            return Poll::Ready(frame);
        }
        let limit = self.limit;
        let stall = self
            .stall
            .get_or_insert_with(|| Box::pin(sleep_until((env::instant() + limit).into())));
        match stall.as_mut().poll(cx) {
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
