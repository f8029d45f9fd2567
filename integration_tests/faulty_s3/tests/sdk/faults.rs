//! Every fault on every operation, as the SDK and a bare socket see it, and which requests a rule
//! picks.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::CompletedPart;
use faulty_s3::{Fault, FaultyS3, Operation, Rule};
use tokio::task::JoinSet;

use super::{BUCKET, SOON, Seen, batch, begin, finish, part, refused, run, seen, server};

/// The object that every request of the matrix is about.
const KEY: &str = "folder/subject";

/// One operation of the matrix, and what it needs.
struct Subject {
    server: FaultyS3,
    client: Client,
    operation: Operation,
    upload: String,
    parts: Vec<CompletedPart>,
}

impl Subject {
    /// Starts a server on which the operation succeeds and, if it writes, changes something.
    async fn new(operation: Operation) -> Self {
        let (server, client) = server();
        let mut subject =
            Self { server, client, operation, upload: String::new(), parts: Vec::new() };
        subject.prepare().await;
        subject
    }

    async fn prepare(&mut self) {
        self.server.remove_object(BUCKET, KEY);
        self.server.put_object(BUCKET, "folder/source", b"of the source", &[]);
        match self.operation {
            Operation::Part | Operation::Complete | Operation::Abort => {
                self.upload = begin(&self.client, KEY).await;
                let content = b"the only part".to_vec();
                self.parts = vec![part(&self.client, KEY, &self.upload, 1, content).await];
            }
            Operation::Head | Operation::Get | Operation::Delete | Operation::DeleteMany => {
                self.server.put_object(BUCKET, KEY, b"of the object", &[]);
            }
            Operation::Put
            | Operation::Create
            | Operation::List
            | Operation::Copy
            | Operation::Location => {}
        }
    }

    /// Returns the state that the operation would change.
    fn trace(&self) -> (Vec<String>, usize, usize) {
        (self.server.keys(BUCKET), self.server.open_uploads(), self.server.open_parts())
    }

    async fn ask(&self) -> Seen {
        let client = &self.client;
        match self.operation {
            Operation::Put => {
                let body = ByteStream::from_static(b"the whole object");
                seen(client.put_object().bucket(BUCKET).key(KEY).body(body).send().await)
            }
            Operation::Create => {
                seen(client.create_multipart_upload().bucket(BUCKET).key(KEY).send().await)
            }
            Operation::Part => {
                let request = client.upload_part().bucket(BUCKET).key(KEY).upload_id(&self.upload);
                seen(request.part_number(2).body(ByteStream::from_static(b"one more")).send().await)
            }
            Operation::Complete => finish(client, KEY, &self.upload, &self.parts).await,
            Operation::Abort => {
                let request = client.abort_multipart_upload().bucket(BUCKET).key(KEY);
                seen(request.upload_id(&self.upload).send().await)
            }
            Operation::Head => seen(client.head_object().bucket(BUCKET).key(KEY).send().await),
            Operation::Get => match client.get_object().bucket(BUCKET).key(KEY).send().await {
                Ok(object) => object.body.collect().await.map_or(Seen::Broken, |_| Seen::Fine),
                refused => seen(refused),
            },
            Operation::List => {
                seen(client.list_objects_v2().bucket(BUCKET).prefix("folder/").send().await)
            }
            Operation::Delete => seen(client.delete_object().bucket(BUCKET).key(KEY).send().await),
            Operation::DeleteMany => {
                let batch = batch([KEY.to_owned()]);
                seen(client.delete_objects().bucket(BUCKET).delete(batch).send().await)
            }
            Operation::Copy => {
                let source = format!("{BUCKET}/folder/source");
                seen(client.copy_object().bucket(BUCKET).key(KEY).copy_source(source).send().await)
            }
            Operation::Location => seen(client.get_bucket_location().bucket(BUCKET).send().await),
        }
    }

    /// Sends one request under one fault and checks what the client sees, what is recorded, and
    /// what has changed.
    async fn check(&mut self, fault: Fault) {
        let case = format!("{} under {}", self.operation.name(), fault.name());
        self.prepare().await;
        let before = self.trace();
        let asked_before = self.server.requests().len();
        self.server.inject(Rule::on(self.operation, fault));
        let began = Instant::now();
        let answer = self.ask().await;
        let took = began.elapsed();
        self.server.heal();

        let changed = self.trace() != before;
        assert_eq!(changed, fault.is_done() && self.writes(), "{case}: whether the store changed");
        let requests = self.server.requests().split_off(asked_before);
        let [request] = requests.as_slice() else { panic!("{case}: {requests:#?}") };
        assert_eq!((request.operation, request.fault), (self.operation, Some(fault)), "{case}");
        assert_eq!(request.done, fault.is_done(), "{case}");
        assert_eq!(request.key, self.recorded_key(), "{case}");

        // HeadObject has no document that could contain the code.
        let has_document = self.operation != Operation::Head;
        let with_code = |status, code: &str| {
            (Seen::Refused(status, has_document.then(|| code.to_owned())), status)
        };
        let is_removal = [Operation::Delete, Operation::Abort].contains(&self.operation);
        let usual = if is_removal { 204 } else { 200 };
        let (expected, status) = match fault {
            Fault::TooManyRequests => with_code(429, "TooManyRequests"),
            Fault::InternalError => with_code(500, "InternalError"),
            Fault::SlowDown => with_code(503, "SlowDown"),
            Fault::ExpiredToken => with_code(400, "ExpiredToken"),
            Fault::AccessDenied => with_code(403, "AccessDenied"),
            Fault::ErrorInside => with_code(200, "InternalError"),
            Fault::ResetBefore | Fault::ResetInBody => (Seen::Broken, 0),
            Fault::TruncatedReply | Fault::ReplyLost => (Seen::Broken, usual),
            Fault::SlowDrip => (Seen::Fine, usual),
            Fault::Answer(_) => panic!("{case}: not in Operation::ALL"),
        };
        assert_eq!(answer, expected, "{case}");
        assert_eq!(request.status, status, "{case}");
        let is_slow = took > Duration::from_secs(1);
        assert!(is_slow || fault != Fault::SlowDrip, "{case}: only {took:?}");

        // The same client continues, on this connection or another.
        self.prepare().await;
        assert_eq!(self.ask().await, Seen::Fine, "after {case}");
    }

    fn writes(&self) -> bool {
        match self.operation {
            Operation::Put
            | Operation::Create
            | Operation::Part
            | Operation::Complete
            | Operation::Abort
            | Operation::Delete
            | Operation::DeleteMany
            | Operation::Copy => true,
            Operation::Head | Operation::Get | Operation::List | Operation::Location => false,
        }
    }

    fn recorded_key(&self) -> &'static str {
        match self.operation {
            Operation::List => "folder/",
            Operation::DeleteMany | Operation::Location => "",
            Operation::Put
            | Operation::Create
            | Operation::Part
            | Operation::Complete
            | Operation::Abort
            | Operation::Head
            | Operation::Get
            | Operation::Delete
            | Operation::Copy => KEY,
        }
    }
}

/// Every fault on every operation that it fits: the client sees it, and the store has done what
/// `Fault` says.
#[test]
fn faults_on_every_operation() {
    run(async {
        let mut operations = JoinSet::new();
        for operation in Operation::ALL {
            operations.spawn(async move {
                let mut subject = Subject::new(operation).await;
                let fitting = Fault::ALL.into_iter().filter(|fault| fault.fits(operation));
                for fault in fitting {
                    subject.check(fault).await;
                }
                // A rule for every request skips those that its fault does not fit.
                subject.server.inject(Rule::any(Fault::ErrorInside));
                subject.server.put_object(BUCKET, KEY, b"of the object", &[]);
                let refusals = !Fault::ErrorInside.fits(operation);
                assert_eq!(subject.ask().await == Seen::Fine, refusals, "{}", operation.name());
            });
        }
        while let Some(ended) = operations.join_next().await {
            ended.expect("an operation under every fault");
        }
    });
}

/// Sends a request over a socket; returns the bytes of the answer and how the stream ended.
fn exchange(server: &FaultyS3, request: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let address = server.endpoint().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(SOON)).expect("a limit");
    socket.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    let ended = socket.read_to_end(&mut answer);
    (answer, ended.err().map(|error| error.kind()))
}

/// Below HTTP: resets are RST, truncated answers end in the right place, trickling ones are
/// complete.
#[test]
fn faults_on_the_line() {
    let (server, _client) = server();
    let get = format!("GET /{BUCKET}/{KEY} HTTP/1.1\r\nhost: s3\r\nconnection: close\r\n\r\n");
    let head = get.replace("GET", "HEAD");
    // The request is unsigned: the store answers 403, which is an answer like any other.
    let (whole, end) = exchange(&server, &get);
    assert_eq!(end, None);
    let body_of = |answer: &[u8]| {
        let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        answer[head_end + 4..].to_vec()
    };
    assert!(whole.starts_with(b"HTTP/1.1 403 Forbidden\r\n") && whole.ends_with(b"</Error>"));

    for fault in [Fault::ResetBefore, Fault::ResetInBody, Fault::ReplyLost] {
        server.heal();
        server.inject(Rule::any(fault));
        assert_eq!(
            exchange(&server, &get),
            (Vec::new(), Some(ErrorKind::ConnectionReset)),
            "{fault:?}"
        );
    }
    server.heal();
    server.inject(Rule::any(Fault::TruncatedReply));
    let (cut, end) = exchange(&server, &get);
    assert_eq!((body_of(&cut).len(), end), (body_of(&whole).len() / 2, None));
    let (cut, end) = exchange(&server, &head);
    assert!(
        cut.starts_with(b"HTTP/1.1 403 Forbidden\r\n") && !cut.ends_with(b"\r\n\r\n"),
        "{cut:?}"
    );
    assert_eq!((cut.len(), end), (40, None));
    server.heal();
    server.inject(Rule::any(Fault::SlowDrip));
    let began = Instant::now();
    let (dripped, end) = exchange(&server, &get);
    assert_eq!((body_of(&dripped), end), (body_of(&whole), None));
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
    // The store refused all of them, so none is done, whatever the fault.
    assert!(server.requests().iter().all(|request| !request.done), "{:#?}", server.requests());
    assert_eq!(server.requests().last().map(|request| request.status), Some(403));
}

/// A body that fits no buffer is cut off half way; a fault does not hide what the store refuses;
/// requests concurrent with a broken one are answered.
#[test]
fn faults_beside_other_requests() {
    run(async {
        let (server, client) = server();
        server.inject(Rule::on(Operation::Put, Fault::ResetInBody).key("large").calls(1..=1));
        server.inject(Rule::on(Operation::Put, Fault::SlowDown).key("large"));
        // The client reads the refusal although its body was not wanted.
        for expected in [Seen::Broken, refused(503, "SlowDown")] {
            let large = ByteStream::from(vec![b'a'; 16 << 20]);
            let put = client.put_object().bucket(BUCKET).key("large").body(large);
            assert_eq!(seen(put.send().await), expected);
        }
        assert_eq!(server.keys(BUCKET), [""; 0]);

        server.put_object(BUCKET, "taken", b"first", &[]);
        server.inject(Rule::on(Operation::Put, Fault::SlowDrip).key("taken"));
        let put = client.put_object().bucket(BUCKET).key("taken").if_none_match("*");
        assert_eq!(seen(put.send().await), refused(412, "PreconditionFailed"));
        let last = server.requests().pop().expect("a request");
        assert_eq!((last.fault, last.done, last.status), (Some(Fault::SlowDrip), false, 412));

        for fault in [Fault::ResetBefore, Fault::TruncatedReply, Fault::ReplyLost, Fault::SlowDrip]
        {
            server.heal();
            server.inject(Rule::on(Operation::Put, fault).key("unlucky"));
            let mut puts = JoinSet::new();
            for number in 0..32 {
                let unlucky = number % 4 == 0;
                let key = format!("{fault:?}/{number}{}", if unlucky { "-unlucky" } else { "" });
                let put =
                    client.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"x"));
                puts.spawn(async move { (unlucky, seen(put.send().await)) });
            }
            while let Some(ended) = puts.join_next().await {
                let (unlucky, answer) = ended.expect("a put");
                let is_broken = unlucky && fault != Fault::SlowDrip;
                assert_eq!(answer, if is_broken { Seen::Broken } else { Seen::Fine }, "{fault:?}");
            }
            let stored = server
                .keys(BUCKET)
                .iter()
                .filter(|key| key.starts_with(&format!("{fault:?}/")))
                .count();
            assert_eq!(stored, if fault == Fault::ResetBefore { 24 } else { 32 }, "{fault:?}");
        }
    });
}

/// Returns which of these calls of HeadObject meet a fault, in order.
async fn struck(client: &Client, keys: &[&str]) -> Vec<bool> {
    let mut struck = Vec::new();
    for key in keys {
        struck.push(seen(client.head_object().bucket(BUCKET).key(*key).send().await) != Seen::Fine);
    }
    struck
}

/// Rules act by operation, key, number of the call and seeded chance, in order, and on nothing
/// else.
#[test]
fn rules_pick_requests() {
    run(async {
        let (server, client) = server();
        for key in ["a", "b", "ab"] {
            server.put_object(BUCKET, key, b"", &[]);
        }
        let faults = |server: &FaultyS3| -> Vec<Option<Fault>> {
            server.requests().iter().map(|request| request.fault).collect()
        };
        server.inject(Rule::on(Operation::Get, Fault::SlowDown));
        assert_eq!(struck(&client, &["a", "b"]).await, [false, false]);
        server.inject(Rule::on(Operation::Head, Fault::SlowDown).key("a"));
        assert_eq!(struck(&client, &["a", "b", "ab"]).await, [true, false, true]);
        server.heal();
        assert_eq!(struck(&client, &["a", "b", "ab"]).await, [false; 3]);

        // Calls that match the key are counted, whatever an earlier rule does.
        server.inject(Rule::on(Operation::Head, Fault::AccessDenied).key("a").calls(2..=2));
        server.inject(Rule::any(Fault::SlowDown).key("a").calls(2..=3));
        assert_eq!(
            struck(&client, &["a", "b", "a", "b", "a", "a"]).await,
            [false, false, true, false, true, false]
        );
        let seen_faults = faults(&server).split_off(8);
        let (denied, slow) = (Some(Fault::AccessDenied), Some(Fault::SlowDown));
        assert_eq!(seen_faults, [None, None, denied, None, slow, None]);
        // Healing resets the counts.
        server.heal();
        server.inject(Rule::any(Fault::SlowDown).key("a").calls(1..=1));
        assert_eq!(struck(&client, &["a", "a"]).await, [true, false]);

        // The same seed gives the same luck, whatever other rules do.
        let calls = ["a"; 100];
        let mut runs = Vec::new();
        for (probability, seed) in [(0.25, 7), (0.25, 7), (0.25, 8), (0.0, 7), (1.0, 7)] {
            server.heal();
            server.inject(Rule::any(Fault::InternalError).chance(probability, seed));
            runs.push(struck(&client, &calls).await);
        }
        let count = |run: &[bool]| run.iter().filter(|struck| **struck).count();
        assert_eq!(runs[0], runs[1]);
        assert_ne!(runs[0], runs[2]);
        assert!((15..=35).contains(&count(&runs[0])), "{}", count(&runs[0]));
        assert_eq!((count(&runs[3]), count(&runs[4])), (0, 100));
    });
}
