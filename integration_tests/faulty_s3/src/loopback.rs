//! A TCP server on a free port of the loopback address, with one task for each connection.
//!
//! A function that serves one connection goes in, an address comes out; [`http`] answers HTTP/1.1
//! on a connection.
//!
//! Invariants
//! - Connections are accepted from the moment [`Loopback::start`] returns.
//! - Everything ends when the [`Loopback`] is stopped or dropped; open connections are cut.
//!
//! Not here: what is answered.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
pub use s3s::{Body, HttpResponse};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Starts a server that calls `serve` with every connection.
    pub fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a free port on the loopback address");
        listener.set_nonblocking(true).expect("a listener that tokio can wait for");
        let address = listener.local_addr().expect("the address of the listener");
        // Made here and not in the thread, so that a machine that is out of threads fails the
        // caller.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime for the server");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(accept(listener, serve, stopped));
            runtime.shutdown_timeout(Duration::from_secs(2));
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server and cuts its connections; a second call does nothing.
    ///
    /// # Panics
    ///
    /// If serving a connection panicked.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            // A second panic while a test fails would hide the first one's message.
            assert!(ended.is_ok() || std::thread::panicking(), "a server of the test panicked");
        }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Accepts connections until the other end of `stopped` is dropped; open connections are then cut.
async fn accept<F>(
    listener: std::net::TcpListener,
    serve: impl Fn(TcpStream) -> F,
    mut stopped: oneshot::Receiver<Infallible>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let listener =
        tokio::net::TcpListener::from_std(listener).expect("a listener inside the runtime");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(ended) =
                connections.join_next() => ended.expect("connections are served without a panic"),
            accepted = listener.accept() => {
                // Out of file descriptors, for example: the client sees a refused connection and
                // says so.
                let Ok((socket, _)) = accepted else { continue };
                let _ = socket.set_nodelay(true);
                connections.spawn(serve(socket));
            }
        }
    }
}

/// Ends a connection without an answer.
#[derive(Debug)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is broken on purpose")
    }
}

impl std::error::Error for Broken {}

/// Answers the HTTP/1.1 requests of one connection, each with its body in memory, until either side
/// ends it.
pub async fn http<F>(socket: TcpStream, answer: impl Fn(Parts, Bytes) -> F)
where
    F: Future<Output = Result<HttpResponse, Broken>>,
{
    let answer = &answer;
    let answer = service_fn(move |request: hyper::Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let body = Body::from(body).store_all_limited(usize::MAX).await.map_err(|_| Broken)?;
        answer(head, body).await
    });
    // An error is a client that went away, or a connection that was ended on purpose.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(socket), answer)
        .await;
}
