//! Two servers for tests: an S3 that works, and one that follows a script.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faulty_s3::FaultyS3;
use faulty_s3::keyring::{DEFAULT_ARN, Keyring};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Access, Checksum, HttpClient, ObjectOptions, S3Store, StoreSettings};
use crate::aws::EndpointVariant;
use crate::store::client::RetryPolicy;

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const SECRET: &str = "secret-of-the-tests";

/// Three attempts without waiting in between.
pub(crate) const NO_BACKOFF: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_backoff: Duration::from_millis(1),
    longest_backoff: Duration::from_millis(1),
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(20),
    work: Duration::from_secs(20),
    slowest_bytes_per_second: 1024 * 1024,
    long_delay: Duration::from_secs(20),
    retry_unknown_host: true,
};

pub(crate) fn settings(address: SocketAddr) -> StoreSettings {
    StoreSettings {
        bucket: BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(format!("http://{address}")),
        variant: EndpointVariant::default(),
        endpoint_without_bucket: None,
        path_style: true,
        access: access_key(SECRET),
        objects: ObjectOptions::default(),
        checksum: Checksum::Crc32,
        bucket_owner: None,
        http: HttpClient::new(None).unwrap(),
        head_before_put: false,
    }
}

pub(crate) fn access_key(secret_access_key: &str) -> Access {
    Access::Key {
        access_key_id: "AKIDTEST".to_owned(),
        secret_access_key: secret_access_key.to_owned(),
        session_token: None,
    }
}

/// An S3 that works, with one bucket: the fault server without faults.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) address: SocketAddr,
    server: FaultyS3,
}

impl Embedded {
    pub(crate) fn start() -> Self {
        let keys = Keyring::new();
        keys.add("AKIDTEST", SECRET, DEFAULT_ARN);
        let server = FaultyS3::with_keys(&keys);
        server.create_bucket(BUCKET);
        Self { address: server.address(), server }
    }

    pub(crate) fn store(&self) -> S3Store {
        S3Store::with_retry_policy(&settings(self.address), NO_BACKOFF)
    }

    /// Returns every visible object: key to content.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.server.objects(BUCKET)
    }
}

/// What the scripted server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status line and headers after `HTTP/1.1 `, and a body.
    Answer(String, String),
    /// Reads the request and closes the connection.
    Lose,
    /// Reads the request and never answers.
    Hang,
    /// Answers with bytes that are not HTTP.
    Garble,
}

impl Reply {
    pub(crate) fn status(status: &str) -> Self {
        Self::Answer(status.to_owned(), String::new())
    }

    /// The answer to a HEAD of an object that the connector wrote to `key`.
    pub(crate) fn head_of(key: &str, token: uuid::Uuid) -> Self {
        let hash = crate::store::client::key_hash(key);
        Self::status(&format!(
            "200 OK\r\nx-amz-meta-destination-s3-token: {token}\r\nx-amz-meta-key-hash: {hash}"
        ))
    }

    pub(crate) fn error(status: &str, code: &str) -> Self {
        let message = format!("Nothing of this {SECRET} is shown");
        let body = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        Self::Answer(format!("{status}\r\nContent-Type: application/xml"), body)
    }
}

/// A server that answers requests in the order of a script, one connection each, and keeps the
/// requests.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// A request: the first line and the headers, and the body.
#[derive(Clone, Debug)]
struct Request {
    head: String,
    body: Vec<u8>,
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Scripted {
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        let mut script = VecDeque::from(script);
        let over = || Reply::error("400 Bad Request", "ScriptIsOver");
        Self::deciding(move |_| script.pop_front().unwrap_or_else(over)).await
    }

    /// A server that chooses the answer by the first line and the headers of the request.
    pub(crate) async fn deciding(answer: impl FnMut(&str) -> Reply + Send + 'static) -> Self {
        Self::listening(None, answer).await
    }

    /// As [`Scripted::start`], behind TLS.
    pub(crate) async fn behind_tls(tls: TlsAcceptor, script: Vec<Reply>) -> Self {
        let mut script = VecDeque::from(script);
        let over = || Reply::error("400 Bad Request", "ScriptIsOver");
        Self::listening(Some(tls), move |_| script.pop_front().unwrap_or_else(over)).await
    }

    async fn listening(
        tls: Option<TlsAcceptor>,
        mut answer: impl FnMut(&str) -> Reply + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (seen, accepted) = (Arc::clone(&requests), Arc::clone(&connections));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut hanging = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let mut socket: Box<dyn Socket> = match &tls {
                    None => Box::new(socket),
                    Some(tls) => match tls.accept(socket).await {
                        Ok(socket) => Box::new(socket),
                        Err(_) => continue,
                    },
                };
                let Some(request) = read_request(&mut socket).await else { continue };
                let head_only = request.head.starts_with("HEAD ");
                let reply = answer(&request.head);
                seen.lock().unwrap().push(request);
                match reply {
                    Reply::Answer(head, body) => {
                        // HTTP requires the length that a GET would have.
                        let length = body.len();
                        let body = if head_only { "" } else { body.as_str() };
                        let answer = format!(
                            "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: \
                             close\r\n\r\n{body}"
                        );
                        socket.write_all(answer.as_bytes()).await.unwrap();
                        socket.shutdown().await.unwrap();
                    }
                    Reply::Lose => {}
                    Reply::Garble => {
                        socket.write_all(b"\x15\x03\x03\0\x02\x02F\r\n\r\n").await.unwrap();
                        socket.shutdown().await.unwrap();
                    }
                    Reply::Hang => hanging.push(socket),
                }
            }
        });
        Self { address, requests, connections, _tasks: tasks }
    }

    pub(crate) fn store(&self) -> S3Store {
        S3Store::with_retry_policy(&settings(self.address), NO_BACKOFF)
    }

    /// First lines and headers, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|request| request.head.to_lowercase()).collect()
    }

    /// First lines and headers as received, and bodies.
    pub(crate) fn verbatim(&self) -> Vec<(String, Vec<u8>)> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|request| (request.head.clone(), request.body.clone()))
            .collect()
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The methods of all requests, in order.
    pub(crate) fn methods(&self) -> String {
        let first = |request: &Request| request.head.split(' ').next().unwrap().to_owned();
        self.requests.lock().unwrap().iter().map(first).collect::<Vec<_>>().join(" ")
    }
}

async fn read_request(socket: &mut Box<dyn Socket>) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    while bytes.len() < end + 4 + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { head, body: bytes.split_off(end + 4) })
}
