//! A scripted metadata service, and what is said about each of its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::store::HttpClient as OurHttpClient;

const SHORT: MetadataTimeouts = MetadataTimeouts {
    connect: Duration::from_millis(10),
    answer: Duration::from_millis(20),
    attempts: 4,
};
/// For servers that answer: this machine may be busy.
const LONG: MetadataTimeouts = MetadataTimeouts {
    connect: Duration::from_secs(20),
    answer: Duration::from_secs(30),
    attempts: 1,
};

const TOKEN: &str = "HTTP/1.1 200 OK\r\nx-aws-ec2-metadata-token-ttl-seconds: \
                     21600\r\ncontent-length: 5\r\n\r\ntoken";

/// Asks a service that sends these answers to the request for a token and to that for the role.
async fn ask(token: &'static str, role: &'static str) -> MetadataProblem {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            connections.spawn(serve(socket, token, role));
        }
    };
    let http = OurHttpClient::new(None).unwrap().for_metadata_services();
    let builder = imds::Client::builder().endpoint(endpoint).unwrap();
    let metadata =
        InstanceMetadata::with_client(&ProviderConfig::without_region(), http, LONG, builder);
    let error = tokio::select! {
        answer = metadata.credentials() => answer.unwrap_err(),
        () = service => unreachable!("it serves forever"),
    };
    error.problem
}

async fn serve(mut socket: TcpStream, token: &str, role: &str) {
    let mut head = Vec::new();
    while socket.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let answer = if head.starts_with(b"PUT /latest/api/token ") { token } else { role };
        socket.write_all(answer.as_bytes()).await.unwrap();
        head.clear();
    }
}

/// A service that accepts every request and never answers.
#[derive(Clone, Debug, Default)]
struct Silent(Arc<AtomicUsize>);

impl HttpClient for Silent {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Silent {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert!(request.uri().ends_with("/latest/api/token"), "{}", request.uri());
        self.0.fetch_add(1, Ordering::Relaxed);
        HttpConnectorFuture::new(std::future::pending())
    }
}

#[tokio::test]
async fn a_token_request_without_an_answer_is_repeated_three_times() {
    let service = Silent::default();
    let http = SharedHttpClient::new(service.clone());
    let config = ProviderConfig::without_region();
    let metadata = InstanceMetadata::with_client(&config, http, SHORT, imds::Client::builder());
    assert_eq!(metadata.credentials().await.unwrap_err().problem, MetadataProblem::NoAnswer);
    assert_eq!(service.0.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn each_answer_has_its_meaning() {
    let answer = |status: &str, more: &str| -> &'static str {
        format!("HTTP/1.1 {status}\r\n{more}content-length: 0\r\n\r\n").leak()
    };
    let table = [
        (answer("401 Unauthorized", ""), "", MetadataProblem::Refused(401)),
        (answer("403 Forbidden", ""), "", MetadataProblem::Refused(403)),
        (answer("403 Forbidden", "Metadata-Flavor: Google\r\n"), "", MetadataProblem::Absent),
        (answer("404 Not Found", ""), "", MetadataProblem::Absent),
        (answer("405 Method Not Allowed", ""), "", MetadataProblem::Absent),
        (TOKEN, answer("404 Not Found", ""), MetadataProblem::NoRole),
        (TOKEN, answer("403 Forbidden", ""), MetadataProblem::Refused(403)),
    ];
    for (token, role, expected) in table {
        assert_eq!(ask(token, role).await, expected, "{token} {role}");
    }
}

#[tokio::test]
async fn without_a_listener_there_is_no_service() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let http = OurHttpClient::new(None).unwrap().for_metadata_services();
    let builder = imds::Client::builder().endpoint(endpoint).unwrap();
    let metadata =
        InstanceMetadata::with_client(&ProviderConfig::without_region(), http, LONG, builder);
    assert_eq!(metadata.credentials().await.unwrap_err().problem, MetadataProblem::Absent);
}
