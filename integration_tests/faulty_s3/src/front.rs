//! Stands in front of the store: identifies each request by its head, applies its fault, and keeps
//! the record.
//!
//! A request comes in with the [`Line`] of its connection; an answer goes out, or [`Broken`], which
//! ends the connection.
//!
//! Invariants
//! - A request is recorded when its head has been read, in that order; the result is added when the
//!   store has answered, before the answer is sent.
//! - Before an answer is sent, the request's body has been read to its end, so that the client sees
//!   the answer and not a broken pipe of its own.

use std::fmt;
use std::pin::Pin;
use std::sync::Mutex;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use s3s::service::S3Service;
use s3s::{Body, HttpRequest, HttpResponse};

use super::addressing::Addressing;
use super::api::RawBody;
use super::keyring::{Keyring, Standing, signer};
use super::loopback::Broken;
use super::quirks;
use super::rules::{Answer, Fault, Operation, Rule, Rules};
use super::signature;
use super::store::Store;
use super::wire::Line;

/// One request that reached the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What was asked.
    pub operation: Operation,
    /// The key; for a listing the prefix; for a copy the key that is written; empty if the head
    /// names none.
    pub key: String,
    /// The fault that was applied.
    pub fault: Option<Fault>,
    /// Whether the store carried the request out: no fault prevented it, and the store did not
    /// refuse it.
    pub done: bool,
    /// The status of the answer, also if a fault then lost it; 0 if the request was cut off before.
    pub status: u16,
    /// The id of the key that the request claims to be signed with; empty if it names none.
    pub signed_by: String,
}

/// The rules and the record, under one lock so that both see the requests in the same order.
#[derive(Debug, Default)]
struct Book {
    rules: Rules,
    addressing: Addressing,
    requests: Vec<Request>,
    targets: Vec<String>,
}

/// The store behind everything that can go wrong.
pub(crate) struct Front {
    store: Store,
    service: S3Service,
    /// The store for requests whose signature has been checked already.
    unsigned: S3Service,
    keys: Keyring,
    book: Mutex<Book>,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("book", &self.book).finish_non_exhaustive()
    }
}

impl Front {
    pub(crate) fn new(
        store: Store,
        service: S3Service,
        unsigned: S3Service,
        keys: Keyring,
    ) -> Self {
        Self { store, service, unsigned, keys, book: Mutex::default() }
    }

    pub(crate) fn set_addressing(&self, addressing: Addressing) {
        self.with_book(|book| book.addressing = addressing);
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        self.with_book(|book| book.targets.clone())
    }

    pub(crate) fn inject(&self, rule: Rule) {
        self.with_book(|book| book.rules.add(rule));
    }

    pub(crate) fn heal(&self) {
        self.with_book(|book| book.rules.clear());
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.with_book(|book| book.requests.clone())
    }

    fn with_book<T>(&self, read: impl FnOnce(&mut Book) -> T) -> T {
        read(&mut self.book.lock().expect("the record of the server"))
    }

    /// Answers one request.
    pub(crate) async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        line: &Line,
    ) -> Result<HttpResponse, Broken> {
        line.heal();
        let (head, body) = request.into_parts();
        let addressing = self.with_book(|book| {
            book.targets.push(target(&head));
            book.addressing.clone()
        });
        let Some((head, signed)) = addressing.resolve(head) else {
            whole(body).await?;
            let mut answer = HttpResponse::new(Body::from("<html>nothing here</html>".to_owned()));
            *answer.status_mut() = StatusCode::NOT_FOUND;
            return Ok(answer);
        };
        let claims = signed.clone().unwrap_or_else(|| head.clone());
        // No rule concerns a request that is not one of the operations.
        let Some((operation, key)) = asked(&head) else {
            let body = whole(body).await?;
            return self.ask_store(head, signed, body).await;
        };
        let (fault, number) = self.with_book(|book| {
            let fault = book.rules.fault_of(operation, &key);
            let signed_by = signer(&claims).unwrap_or_default();
            book.requests.push(Request {
                operation,
                key: key.clone(),
                fault,
                done: false,
                status: 0,
                signed_by,
            });
            (fault, book.requests.len() - 1)
        });
        let head_only = head.method == Method::HEAD;
        let answer = match fault {
            Some(Fault::ResetBefore) => {
                line.reset();
                return Err(Broken);
            }
            Some(Fault::ResetInBody) => {
                read_half(&head, body).await;
                line.reset();
                return Err(Broken);
            }
            Some(Fault::TooManyRequests) => refuse(body, 429, "TooManyRequests").await?,
            Some(Fault::InternalError) => refuse(body, 500, "InternalError").await?,
            Some(Fault::SlowDown) => refuse(body, 503, "SlowDown").await?,
            Some(Fault::ErrorInside) => refuse(body, 200, "InternalError").await?,
            Some(Fault::ExpiredToken) => refuse(body, 400, "ExpiredToken").await?,
            Some(Fault::AccessDenied) => refuse(body, 403, "AccessDenied").await?,
            Some(Fault::Answer(answer)) => say(body, answer).await?,
            None | Some(Fault::SlowDrip | Fault::TruncatedReply | Fault::ReplyLost) => {
                let quirks = self.store.lock().quirks.clone();
                let standing = self.keys.standing(&claims);
                match refusal(&standing).or_else(|| quirks::refusal(&quirks, &head)) {
                    Some((status, code)) => refuse(body, status, code).await?,
                    None => {
                        let body = whole(body).await?;
                        let mut answer = self.ask_store(head, signed, body).await?;
                        quirks::distort(&quirks, operation, &key, &mut answer);
                        answer
                    }
                }
            }
        };
        self.with_book(|book| {
            let status = answer.status();
            book.requests[number].status = status.as_u16();
            book.requests[number].done = status.is_success() && fault.is_none_or(Fault::is_done);
        });
        let body_bytes =
            if head_only { 0 } else { answer.body().bytes().map_or(0, |bytes| bytes.len()) };
        match fault {
            Some(Fault::ReplyLost) => {
                line.reset();
                return Err(Broken);
            }
            Some(Fault::TruncatedReply) if body_bytes > 0 => line.cut_body(body_bytes / 2),
            Some(Fault::TruncatedReply) => line.cut_head(),
            Some(Fault::SlowDrip) => line.drip(head_bytes(&answer) + body_bytes),
            None
            | Some(
                Fault::TooManyRequests
                | Fault::InternalError
                | Fault::SlowDown
                | Fault::ResetBefore
                | Fault::ResetInBody
                | Fault::ErrorInside
                | Fault::ExpiredToken
                | Fault::AccessDenied
                | Fault::Answer(_),
            ) => {}
        }
        Ok(answer)
    }

    /// Returns the store's answer, with its body in memory. `signed` is the head that the client
    /// signed, if it differs from `head`.
    async fn ask_store(
        &self,
        head: Parts,
        signed: Option<Parts>,
        body: Bytes,
    ) -> Result<HttpResponse, Broken> {
        let mut request = HttpRequest::from_parts(head, Body::from(body.clone()));
        request.extensions_mut().insert(RawBody(body));
        let service = match &signed {
            None => &self.service,
            Some(signed) => {
                if let Standing::Good(key) = self.keys.standing(signed)
                    && !signature::is_right_for_s3(signed, &key.secret)
                {
                    return Ok(error_document(403, "SignatureDoesNotMatch"));
                }
                &self.unsigned
            }
        };
        let answer = service.call(request).await.map_err(|_| Broken)?;
        let (head, mut body) = answer.into_parts();
        let body = body.store_all_limited(usize::MAX).await.map_err(|_| Broken)?;
        Ok(HttpResponse::from_parts(head, Body::from(body)))
    }
}

/// Returns the refusal that the standing of the key causes. Wrong signatures are left to s3s.
fn refusal(standing: &Standing) -> Option<(u16, &'static str)> {
    match standing {
        Standing::Unknown => Some((403, "InvalidAccessKeyId")),
        Standing::WrongToken => Some((400, "InvalidToken")),
        Standing::Expired => Some((400, "ExpiredToken")),
        Standing::Unsigned | Standing::Good(_) => None,
    }
}

/// Returns the operation and key of a request, from its head alone.
fn asked(head: &Parts) -> Option<(Operation, String)> {
    let path = head.uri.path().strip_prefix('/').unwrap_or_default();
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket.is_empty() {
        return None;
    }
    let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
    let query = head.uri.query().unwrap_or_default();
    let parameter = |wanted: &str| {
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.into_iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let has = |name: &str| parameter(name).is_some();
    let operation = match (head.method.as_str(), key.is_empty()) {
        ("PUT", false) if has("partNumber") && !head.headers.contains_key("x-amz-copy-source") => {
            Operation::Part
        }
        ("PUT", false) if has("partNumber") => return None,
        ("PUT", false) if head.headers.contains_key("x-amz-copy-source") => Operation::Copy,
        ("PUT", false) => Operation::Put,
        ("POST", false) if has("uploads") => Operation::Create,
        ("POST", false) if has("uploadId") => Operation::Complete,
        ("DELETE", false) if has("uploadId") => Operation::Abort,
        ("DELETE", false) => Operation::Delete,
        ("HEAD", _) => Operation::Head,
        ("GET", false) if !has("uploadId") => Operation::Get,
        ("GET", true) if has("list-type") => {
            let prefix = parameter("prefix").unwrap_or_default().replace('+', " ");
            return Some((
                Operation::List,
                percent_decode_str(&prefix).decode_utf8_lossy().into_owned(),
            ));
        }
        ("GET", true) if has("location") => Operation::Location,
        ("POST", true) if has("delete") => Operation::DeleteMany,
        _ => return None,
    };
    Some((operation, key))
}

/// Reads a body to its end. A client that goes away before that has asked for nothing.
async fn whole(body: Incoming) -> Result<Bytes, Broken> {
    Body::from(body).store_all_limited(usize::MAX).await.map_err(|_| Broken)
}

/// Reads about half of a body, in the pieces that arrive.
async fn read_half(head: &Parts, mut body: Incoming) {
    let length = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let half = length.unwrap_or_default() / 2;
    let mut read = 0;
    while read < half {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let Some(Ok(frame)) = frame else { return };
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// Returns the approximate length of an answer's head: hyper adds `date` and `content-length`.
fn head_bytes(answer: &HttpResponse) -> usize {
    const STATUS_LINE_AND_WHAT_HYPER_ADDS: usize = 80;
    let headers =
        answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    STATUS_LINE_AND_WHAT_HYPER_ADDS + headers.sum::<usize>()
}

/// Returns an answer that the test supplies, without asking the store.
async fn say(body: Incoming, answer: &Answer) -> Result<HttpResponse, Broken> {
    whole(body).await?;
    let mut said = HttpResponse::new(Body::from(answer.body.to_owned()));
    *said.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    for (name, value) in answer.headers {
        said.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    Ok(said)
}

/// Returns an error document of S3, without asking the store.
async fn refuse(body: Incoming, status: u16, code: &str) -> Result<HttpResponse, Broken> {
    whole(body).await?;
    Ok(error_document(status, code))
}

/// Returns the host and path of a request.
fn target(head: &Parts) -> String {
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("{host}{}", head.uri.path())
}

fn error_document(status: u16, code: &str) -> HttpResponse {
    let document = format!(
        "<?xml version=\"1.0\" \
         encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>injected</Message><RequestId>FAULTY0000000000</RequestId><HostId>faulty</HostId></Error>"
    );
    let mut answer = HttpResponse::new(Body::from(document));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}
