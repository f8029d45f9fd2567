//! Requests that hang, and notices of long delays.

use std::sync::mpsc::{Receiver, channel};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::store::Notice;

/// Much more than the kernel buffers.
const PART_BYTES: usize = 24 * 1024 * 1024;

/// An attempt may take an hour as long as it makes progress.
fn watchful(answer: Duration) -> RetryPolicy {
    RetryPolicy { answer, slowest_bytes_per_second: 256, ..NO_BACKOFF }
}

#[tokio::test]
async fn a_part_without_progress_is_given_up_long_before_its_timeout() {
    let body = Bytes::from(vec![b'x'; 1024 * 1024]);
    let server = Scripted::start(vec![Reply::Hang, ok()]).await;
    let store =
        S3Store::with_retry_policy(&settings(server.address), watchful(Duration::from_secs(2)));
    store.upload_part("k", "u", 1, body.clone()).await.unwrap();
    assert_eq!(server.methods(), "PUT PUT");
    let sent: Vec<bool> = server.verbatim().iter().map(|(_, sent)| *sent == body).collect();
    assert_eq!(sent, [true; 2], "a body in pieces is the same body");

    let server = Scripted::start(vec![Reply::Hang; 3]).await;
    let store =
        S3Store::with_retry_policy(&settings(server.address), watchful(Duration::from_millis(300)));
    let error = store.upload_part("k", "u", 1, body).await.unwrap_err();
    assert_eq!((&error.kind, error.effect), (&Kind::Timeout, Effect::Unknown), "{error:?}");
    assert!(error.to_string().contains("in 3 attempts"), "{error}");
}

/// The server never reads from the first connection, and slowly from the others.
#[tokio::test]
async fn a_part_with_progress_may_take_longer_than_one_without() {
    const LIMIT: Duration = Duration::from_secs(2);
    const PAUSES: usize = 30;
    let socket = TcpSocket::new_v4().unwrap();
    // Otherwise the kernel would buffer the whole part.
    socket.set_recv_buffer_size(256 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let address = listener.local_addr().unwrap();
    let mut connections = JoinSet::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut silent = None;
        while let Ok((socket, _)) = listener.accept().await {
            if silent.is_none() {
                silent = Some(socket);
            } else {
                connections.spawn(read_slowly(socket, LIMIT * 2 / PAUSES as u32, PAUSES));
            }
        }
    });
    let store = S3Store::with_retry_policy(&settings(address), watchful(LIMIT));
    let began = crate::env::instant();
    store.upload_part("k", "u", 1, Bytes::from(vec![b'x'; PART_BYTES])).await.unwrap();
    assert!(began.elapsed() > LIMIT * 2, "the second attempt was slower than the limit");
}

/// Reads a whole request with pauses, and answers.
async fn read_slowly(mut socket: TcpStream, pause: Duration, pauses: usize) {
    let mut buffer = vec![0; PART_BYTES / pauses + 1];
    for _ in 0..pauses {
        tokio::time::sleep(pause).await;
        let mut read = 0;
        while read < buffer.len() {
            match tokio::time::timeout(Duration::from_millis(500), socket.read(&mut buffer[read..]))
                .await
            {
                Ok(Ok(bytes)) if bytes > 0 => read += bytes,
                _ => break,
            }
        }
    }
    let answer = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n";
    let _ = socket.write_all(answer.as_bytes()).await;
    // Until the client has read the answer.
    let _ = socket.read(&mut buffer).await;
}

#[tokio::test]
async fn an_answer_that_stalls_in_the_middle_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
            open.push(socket);
        }
    });
    let store =
        S3Store::with_retry_policy(&settings(address), watchful(Duration::from_millis(200)));
    let error = store.get("k").await.unwrap_err();
    assert_eq!(error.kind, Kind::Timeout, "{error:?}");
}

fn listened(store: &S3Store) -> Receiver<Notice> {
    let (sender, notices) = channel();
    store.on_notice(move |notice| drop(sender.send(notice)));
    notices
}

#[tokio::test]
async fn a_store_that_asks_to_slow_down_is_reported_once() {
    let busy = || Reply::error("503 Slow Down", "SlowDown");
    let server = Scripted::start(vec![busy(), ok(), busy(), busy(), ok(), ok()]).await;
    let store = server.store();
    let notices = listened(&store);
    store.put("a", ROWS, &object(1)).await.unwrap();
    assert_eq!(notices.try_iter().count(), 0, "one is no reason");
    store.put("b", ROWS, &object(2)).await.unwrap();
    let received: Vec<Notice> = notices.try_iter().collect();
    let [begin @ Notice::Waiting { throttled: true, reason, .. }, Notice::GoingOn { .. }] =
        received.as_slice()
    else {
        panic!("{received:?}")
    };
    assert_eq!(reason, "HTTP 503, SlowDown");
    assert!(
        begin.to_string().starts_with("the store asks to slow down (HTTP 503, SlowDown)"),
        "{begin}"
    );
    store.put("c", ROWS, &object(3)).await.unwrap();
    assert_eq!(notices.try_iter().count(), 0);
}

/// A HEAD before a write: "no object" is the desired answer.
#[tokio::test]
async fn a_delay_that_ends_with_a_missing_object_is_reported_as_over() {
    let busy = || Reply::status("429 Too Many Requests");
    let server = Scripted::start(vec![busy(), busy(), absent()]).await;
    let store = server.store();
    let notices = listened(&store);
    assert_eq!(store.head("a").await.unwrap(), None);
    let received: Vec<Notice> = notices.try_iter().collect();
    assert!(
        matches!(
            received.as_slice(),
            [Notice::Waiting { throttled: true, .. }, Notice::GoingOn { .. }]
        ),
        "{received:?}"
    );
}

#[tokio::test]
async fn a_long_delay_is_reported_while_it_lasts() {
    // The random wait before the second attempt is shorter than a millisecond once in a thousand
    // times.
    let retry_policy = RetryPolicy {
        long_delay: Duration::from_millis(1),
        first_backoff: Duration::from_secs(1),
        longest_backoff: Duration::from_secs(1),
        ..NO_BACKOFF
    };
    let server =
        Scripted::start(vec![Reply::status("520 Odd"), Reply::status("520 Odd"), ok()]).await;
    let store = S3Store::with_retry_policy(&settings(server.address), retry_policy);
    let notices = listened(&store);
    store.put("a", ROWS, &object(1)).await.unwrap();
    let received: Vec<Notice> = notices.try_iter().collect();
    let [begin @ Notice::Waiting { throttled: false, .. }, Notice::GoingOn { .. }] =
        received.as_slice()
    else {
        panic!("{received:?}")
    };
    assert!(
        begin.to_string().starts_with("PutObject of \"a\" has not succeeded yet (HTTP 520)"),
        "{begin}"
    );
}

/// Before it is given up, it looks like a slow line.
#[tokio::test]
async fn an_attempt_that_hung_is_reported_when_it_is_given_up() {
    let retry_policy =
        RetryPolicy { long_delay: Duration::from_millis(500), ..watchful(Duration::from_secs(1)) };
    let server = Scripted::start(vec![Reply::Hang, ok()]).await;
    let store = S3Store::with_retry_policy(&settings(server.address), retry_policy);
    let notices = listened(&store);
    store.put("a", ROWS, &object(1)).await.unwrap();
    let received: Vec<Notice> = notices.try_iter().collect();
    let [Notice::Waiting { reason, .. }, Notice::GoingOn { waited }] = received.as_slice() else {
        panic!("{received:?}")
    };
    assert_eq!(reason, "no answer in time");
    assert!(*waited >= retry_policy.long_delay, "{waited:?}");

    let server = Scripted::start(vec![Reply::Hang; 3]).await;
    let store = S3Store::with_retry_policy(&settings(server.address), retry_policy);
    let notices = listened(&store);
    store.list_keys("").await.unwrap_err();
    assert_eq!(notices.try_iter().count(), 1, "the error says the rest");
}
