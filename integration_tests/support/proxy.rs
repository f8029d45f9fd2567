//! An HTTP proxy on the loopback address that records who uses it.
//!
//! Requests for a host with a route go to a server of the test, whatever the host's name; all
//! others get a 502. A host that does not exist can therefore be reached only through the proxy.
//!
//! The proxy tunnels (CONNECT, for TLS) and forwards (absolute URLs, for plain HTTP). A forwarded
//! request must state the length of its body, and ends its connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use faulty_s3::loopback::Loopback;

/// A running proxy; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    server: Loopback,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy. A route is a host (with its port, if the URL has one) and the server that it
    /// leads to.
    pub(crate) fn start(routes: &[(&str, SocketAddr)]) -> Self {
        let routes: Arc<[(String, SocketAddr)]> =
            routes.iter().map(|(host, address)| ((*host).to_owned(), *address)).collect();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let book = Arc::clone(&seen);
        let server = Loopback::start(move |socket| {
            let (routes, book) = (Arc::clone(&routes), Arc::clone(&book));
            async move {
                // An error is a client or a server that went away.
                let _ = serve(socket, &routes, &book).await;
            }
        });
        Self { server, seen }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Returns the method and host of every request, in the order of arrival.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("the record of the proxy").clone()
    }
}

async fn serve(
    mut client: TcpStream,
    routes: &[(String, SocketAddr)],
    book: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut read = Vec::new();
    let head_bytes = loop {
        if let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&read[..head_bytes]).into_owned();
    let (request_line, headers) = head.split_once("\r\n").expect("a head has lines");
    let mut words = request_line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (host, path) = match target.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => (target, ""),
    };
    book.lock().expect("the record of the proxy").push(format!("{method} {host}"));
    let Some((_, address)) = routes.iter().find(|(route, _)| route == host) else {
        return client
            .write_all(
                b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            )
            .await;
    };
    let mut server = TcpStream::connect(address).await?;
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        server.write_all(&read[head_bytes..]).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let expects = headers.to_ascii_lowercase().contains("expect: 100-continue");
    if expects {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let kept = headers.split("\r\n").filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !["connection", "expect", "proxy-authorization", "proxy-connection", ""].contains(&&*name)
    });
    let kept: Vec<&str> = kept.collect();
    let head =
        format!("{method} /{path} HTTP/1.1\r\n{}\r\nconnection: close\r\n\r\n", kept.join("\r\n"));
    server.write_all(head.as_bytes()).await?;
    server.write_all(&read[head_bytes..]).await?;
    let length = kept.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut missing = length.unwrap_or_default().saturating_sub(read.len() - head_bytes);
    let mut piece = vec![0; 64 * 1024];
    while missing > 0 {
        let limit = missing.min(piece.len());
        let bytes = client.read(&mut piece[..limit]).await?;
        if bytes == 0 {
            return Ok(());
        }
        server.write_all(&piece[..bytes]).await?;
        missing -= bytes;
    }
    tokio::io::copy(&mut server, &mut client).await?;
    client.shutdown().await
}
