//! Two servers for tests: a real S3 in this process, and one that says what it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::client::Pace;
use super::{Access, S3Store, StoreSettings};

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const SECRET: &str = "secret-of-the-tests";

/// Three attempts without waiting in between.
pub(crate) const HASTE: Pace = Pace {
    attempts: 3,
    first_backoff: Duration::from_millis(1),
    longest_backoff: Duration::from_millis(1),
    answer: Duration::from_secs(20),
    work: Duration::from_secs(20),
    slowest_bytes_per_second: 1024 * 1024,
};

pub(crate) fn settings(address: SocketAddr) -> StoreSettings {
    StoreSettings {
        bucket: BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(format!("http://{address}")),
        path_style: true,
        access: access_key(SECRET),
    }
}

pub(crate) fn access_key(secret_access_key: &str) -> Access {
    Access::Key {
        access_key_id: "AKIDTEST".to_owned(),
        secret_access_key: secret_access_key.to_owned(),
        session_token: None,
    }
}

/// s3s-fs on a free loopback port, with one bucket.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) address: SocketAddr,
    folder: tempfile::TempDir,
    _tasks: JoinSet<()>,
}

impl Embedded {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("AKIDTEST", SECRET));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    drop(http.serve_connection(TokioIo::new(socket), service).await);
                });
            }
        });
        Self { address, folder, _tasks: tasks }
    }

    pub(crate) fn store(&self) -> S3Store {
        S3Store::with_pace(&settings(self.address), HASTE)
    }

    pub(crate) fn settings(&self) -> StoreSettings {
        settings(self.address)
    }

    pub(crate) fn bucket_folder(&self) -> std::path::PathBuf {
        Path::join(self.folder.path(), BUCKET)
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
}

impl Reply {
    pub(crate) fn status(status: &str) -> Self {
        Self::Answer(status.to_owned(), String::new())
    }

    pub(crate) fn error(status: &str, code: &str) -> Self {
        let message = format!("Nothing of this {SECRET} is shown");
        let body =
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::Answer(format!("{status}\r\nContent-Type: application/xml"), body)
    }
}

/// A server that answers requests in the order of a script, one connection each, and keeps their first lines and
/// headers.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Scripted {
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        let mut script = VecDeque::from(script);
        let over = || Reply::error("400 Bad Request", "ScriptIsOver");
        Self::deciding(move |_| script.pop_front().unwrap_or_else(over)).await
    }

    /// A server that decides on the answer by the request's first line and headers.
    pub(crate) async fn deciding(mut answer: impl FnMut(&str) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut hanging = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let Some(head) = read_request(&mut socket).await else { continue };
                let head_only = head.starts_with("HEAD ");
                let reply = answer(&head);
                seen.lock().unwrap().push(head);
                match reply {
                    Reply::Answer(head, body) => {
                        let length = if head_only { 0 } else { body.len() };
                        let body = if head_only { "" } else { body.as_str() };
                        let answer = format!(
                            "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                        );
                        socket.write_all(answer.as_bytes()).await.unwrap();
                        socket.shutdown().await.unwrap();
                    }
                    Reply::Lose => {}
                    Reply::Hang => hanging.push(socket),
                }
            }
        });
        Self { address, requests, _tasks: tasks }
    }

    pub(crate) fn store(&self) -> S3Store {
        S3Store::with_pace(&settings(self.address), HASTE)
    }

    /// First lines and headers, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|head| head.to_lowercase()).collect()
    }

    /// The methods of all requests, in order.
    pub(crate) fn methods(&self) -> String {
        let first = |head: &String| head.split(' ').next().unwrap().to_owned();
        self.requests.lock().unwrap().iter().map(first).collect::<Vec<_>>().join(" ")
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
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
    Some(head)
}
