//! An S3 server that answers as S3 would and discards the objects, so that a benchmark measures the
//! client.
//!
//! `s3_sink [--save FOLDER]` prints its endpoint (`http://127.0.0.1:PORT`) as the only line of
//! stdout and serves until it is killed. It reads bodies into one buffer per connection and drops
//! them: no hashing, no signatures, no storing. With `--save` it stores the objects as files, named
//! after the path of the request with `+` for `/`.
//!
//! Every bucket exists and is always empty: ListObjectsV2 returns nothing, GetObject and HeadObject
//! return 404. PutObject, the requests of a multipart upload and deletes succeed. `GET /-/totals`
//! (no bucket can have that name) returns the objects and body bytes since the previous call, as
//! one line `OBJECTS BYTES`.
//!
//! Invariants
//! - One thread per connection, blocking, keep-alive. A body is never copied inside this process,
//!   except to save it.
//! - An unknown request gets 501, so that a benchmark fails instead of measuring nonsense.

#![allow(
    clippy::print_stderr,
    reason = "a program of its own, whose stderr is for the person who started it"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a program beside the connector: its stdout is its own"
)]

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Fits the second-level cache of most machines. Larger buffers need fewer reads, but are slower.
const BUFFER_BYTES: usize = 512 * 1024;
const HEAD_LIMIT_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => None,
        ["--save", folder] => Some(PathBuf::from(folder)),
        _ => {
            eprintln!("usage: s3_sink [--save FOLDER]");
            return ExitCode::FAILURE;
        }
    };
    match serve(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("s3_sink: {e}");
            ExitCode::FAILURE
        }
    }
}

fn serve(folder: Option<PathBuf>) -> io::Result<()> {
    if let Some(folder) = &folder {
        fs::create_dir_all(folder)?;
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut stdout = io::stdout();
    writeln!(stdout, "http://{}", listener.local_addr()?)?;
    stdout.flush()?;

    let sink = Arc::new(Sink { folder, ..Sink::default() });
    for socket in listener.incoming() {
        let socket = socket?;
        let sink = Arc::clone(&sink);
        std::thread::spawn(move || {
            // A client that disconnects in the middle of a request is not an error of this server.
            let _ = Connection::new(socket).and_then(|mut connection| connection.serve(&sink));
        });
    }
    Ok(())
}

/// The state that all connections share.
#[derive(Debug, Default)]
struct Sink {
    folder: Option<PathBuf>,
    objects: AtomicU64,
    bytes: AtomicU64,
    uploads: AtomicU64,
}

/// The operation that a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    PutObject,
    UploadPart { upload: u64, part: u32 },
    CreateMultipartUpload,
    CompleteMultipartUpload { upload: u64 },
    Delete,
    DeleteMany,
    List,
    ListUploads,
    Location,
    HeadBucket,
    Absent,
    Totals,
    Unknown,
}

/// The relevant parts of a request's head.
#[derive(Debug, Default)]
struct Head {
    method: String,
    /// Percent-encoded, without the query.
    path: String,
    query: String,
    length: u64,
    chunked: bool,
    expects_continue: bool,
    closes: bool,
    /// Whether the body has signatures between its bytes (`aws-chunked`).
    streaming: bool,
    /// `x-amz-checksum-*` headers, which S3 repeats in its answer.
    checksums: Vec<(String, String)>,
}

impl Head {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?, first.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut head = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        };
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let (name, value) = (name.to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "content-length" => head.length = value.parse().ok()?,
                "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
                "expect" => head.expects_continue = value.eq_ignore_ascii_case("100-continue"),
                "connection" => head.closes = value.eq_ignore_ascii_case("close"),
                "content-encoding" => head.streaming |= value.contains("aws-chunked"),
                "x-amz-content-sha256" => head.streaming |= value.starts_with("STREAMING-"),
                _ if name.starts_with("x-amz-checksum-") => {
                    head.checksums.push((name, value.to_owned()))
                }
                _ => {}
            }
        }
        Some(head)
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }

    fn request(&self) -> Request {
        let upload = self.parameter("uploadId").map(|id| id.parse().unwrap_or(u64::MAX));
        let part = self.parameter("partNumber").and_then(|number| number.parse().ok());
        let has = |name| self.parameter(name).is_some();
        let is_bucket = !self.path.trim_matches('/').contains('/');
        match (self.method.as_str(), upload, part) {
            ("PUT", Some(upload), Some(part)) => Request::UploadPart { upload, part },
            ("PUT", None, None) if !is_bucket => Request::PutObject,
            ("POST", Some(upload), None) => Request::CompleteMultipartUpload { upload },
            ("POST", None, None) if has("uploads") => Request::CreateMultipartUpload,
            ("POST", None, None) if has("delete") => Request::DeleteMany,
            // Also an abort: nothing is stored.
            ("DELETE", _, None) => Request::Delete,
            ("GET", ..) if self.path == "/-/totals" => Request::Totals,
            ("GET", ..) if is_bucket && has("location") => Request::Location,
            ("GET", ..) if is_bucket && has("uploads") => Request::ListUploads,
            ("GET", ..) if is_bucket => Request::List,
            ("HEAD", ..) if is_bucket => Request::HeadBucket,
            ("GET" | "HEAD", ..) => Request::Absent,
            _ => Request::Unknown,
        }
    }
}

/// A connection and its buffer. `start..end` of the buffer has been read and not yet used.
#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Connection {
    fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: vec![0; BUFFER_BYTES].into_boxed_slice(), start: 0, end: 0 })
    }

    fn serve(&mut self, sink: &Sink) -> io::Result<()> {
        while let Some(head) = self.head()? {
            if head.expects_continue {
                self.socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            self.answer(sink, &head)?;
            if head.closes {
                break;
            }
        }
        Ok(())
    }

    /// Reads the body, performs the operation and answers.
    fn answer(&mut self, sink: &Sink, head: &Head) -> io::Result<()> {
        let request = head.request();
        let mut file = match &request {
            Request::PutObject => sink.file(&object_name(head))?,
            Request::UploadPart { upload, part } => sink.file(&part_name(*upload, *part))?,
            _ => None,
        };
        if file.is_some() && head.streaming {
            return self.respond(
                head,
                "501 Not Implemented",
                "",
                "a signed streaming body cannot be saved\n",
            );
        }
        let length = self.body(head, file.as_mut())?;
        if matches!(request, Request::PutObject | Request::UploadPart { .. }) {
            sink.bytes.fetch_add(length, Ordering::Relaxed);
        }
        if matches!(request, Request::PutObject | Request::CompleteMultipartUpload { .. }) {
            sink.objects.fetch_add(1, Ordering::Relaxed);
        }
        let (bucket, key) = bucket_and_key(&head.path);
        let etag = "ETag: \"0123456789abcdef0123456789abcdef\"\r\n";
        match request {
            Request::PutObject | Request::UploadPart { .. } => {
                let mut headers = etag.to_owned();
                for (name, value) in &head.checksums {
                    headers += &format!("{name}: {value}\r\n");
                }
                self.respond(head, "200 OK", &headers, "")
            }
            Request::CreateMultipartUpload => {
                let upload = sink.uploads.fetch_add(1, Ordering::Relaxed);
                let xml = format!(
                    "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
                );
                self.respond(head, "200 OK", "", &xml)
            }
            Request::CompleteMultipartUpload { upload } => {
                sink.join_parts(upload, &object_name(head))?;
                let xml = format!(
                    "<CompleteMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key><ETag>\"0123456789abcdef0123456789abcdef-1\"</ETag></CompleteMultipartUploadResult>"
                );
                self.respond(head, "200 OK", "", &xml)
            }
            Request::Delete => self.respond(head, "204 No Content", "", ""),
            Request::DeleteMany => {
                self.respond(head, "200 OK", "", "<DeleteResult></DeleteResult>")
            }
            Request::List => {
                let xml = format!(
                    "<ListBucketResult><Name>{bucket}</Name><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"
                );
                self.respond(head, "200 OK", "", &xml)
            }
            Request::ListUploads => {
                let xml = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>";
                self.respond(head, "200 OK", "", xml)
            }
            Request::Location => self.respond(
                head,
                "200 OK",
                "",
                "<LocationConstraint>us-east-1</LocationConstraint>",
            ),
            Request::HeadBucket => {
                self.respond(head, "200 OK", "x-amz-bucket-region: us-east-1\r\n", "")
            }
            Request::Absent => {
                let xml = "<Error><Code>NoSuchKey</Code><Message>The sink keeps \
                           nothing.</Message></Error>";
                self.respond(head, "404 Not Found", "", xml)
            }
            Request::Totals => {
                let objects = sink.objects.swap(0, Ordering::Relaxed);
                let bytes = sink.bytes.swap(0, Ordering::Relaxed);
                self.respond(head, "200 OK", "", &format!("{objects} {bytes}\n"))
            }
            Request::Unknown => {
                eprintln!("s3_sink: unknown request {} {}?{}", head.method, head.path, head.query);
                self.respond(
                    head,
                    "501 Not Implemented",
                    "",
                    "<Error><Code>NotImplemented</Code></Error>",
                )
            }
        }
    }

    fn respond(&mut self, head: &Head, status: &str, headers: &str, body: &str) -> io::Result<()> {
        let length = if status.starts_with("204") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let body = if head.method == "HEAD" { "" } else { body };
        let answer =
            format!("HTTP/1.1 {status}\r\nx-amz-request-id: 0\r\n{headers}{length}\r\n{body}");
        self.socket.write_all(answer.as_bytes())
    }

    /// Returns the next request's head, or `None` if the client has closed the connection.
    fn head(&mut self) -> io::Result<Option<Head>> {
        let mut searched = self.start;
        loop {
            let window = &self.buffer[searched..self.end];
            if let Some(found) = window.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let text = std::str::from_utf8(&self.buffer[self.start..searched + found]);
                let head = text
                    .ok()
                    .and_then(Head::parse)
                    .ok_or_else(|| io::Error::other("a head that is not HTTP"))?;
                self.start = searched + found + 4;
                return Ok(Some(head));
            }
            if self.end - self.start > HEAD_LIMIT_BYTES {
                return Err(io::Error::other("a head without an end"));
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            // The marker may span two reads.
            searched = self.end.saturating_sub(3);
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads a body to its end, into `file` if there is one, and returns its length.
    fn body(&mut self, head: &Head, mut file: Option<&mut File>) -> io::Result<u64> {
        if !head.chunked {
            self.pass(head.length, file)?;
            return Ok(head.length);
        }
        let mut total = 0;
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                // Trailers, up to an empty line.
                while !self.line()?.is_empty() {}
                return Ok(total);
            }
            self.pass(size, file.as_deref_mut())?;
            total += size;
            self.line()?;
        }
    }

    /// Reads `left` bytes from the connection.
    fn pass(&mut self, mut left: u64, mut file: Option<&mut File>) -> io::Result<()> {
        while left > 0 {
            if self.start == self.end {
                (self.start, self.end) = (0, 0);
                if !self.fill()? {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(self.end - self.start);
            if let Some(file) = &mut file {
                file.write_all(&self.buffer[self.start..self.start + here])?;
            }
            self.start += here;
            left -= here as u64;
        }
        Ok(())
    }

    /// Returns a line of a chunked body, without its line end.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        loop {
            if self.start == self.end {
                (self.start, self.end) = (0, 0);
                if !self.fill()? || line.len() > HEAD_LIMIT_BYTES {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let byte = self.buffer[self.start];
            self.start += 1;
            match byte {
                b'\n' => return String::from_utf8(line).map_err(io::Error::other),
                b'\r' => {}
                _ => line.push(byte),
            }
        }
    }

    /// Reads more bytes after `end`. Returns false at the end of the connection.
    fn fill(&mut self) -> io::Result<bool> {
        let read = self.socket.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read > 0)
    }
}

impl Sink {
    fn file(&self, name: &str) -> io::Result<Option<File>> {
        self.folder.as_ref().map(|folder| File::create(folder.join(name))).transpose()
    }

    /// Concatenates an upload's parts to one file, in the order of their numbers.
    fn join_parts(&self, upload: u64, name: &str) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut object = File::create(folder.join(name))?;
        for part in 1u32.. {
            let path = folder.join(part_name(upload, part));
            if !Path::exists(&path) {
                break;
            }
            io::copy(&mut File::open(&path)?, &mut object)?;
            fs::remove_file(&path)?;
        }
        Ok(())
    }
}

fn object_name(head: &Head) -> String {
    head.path.trim_matches('/').replace('/', "+")
}

fn part_name(upload: u64, part: u32) -> String {
    format!(".upload-{upload}-part-{part}")
}

/// `bucket` and `key` come from the path. They are percent-encoded, so they need no escaping in
/// XML.
fn bucket_and_key(path: &str) -> (&str, &str) {
    let path = path.trim_start_matches('/');
    path.split_once('/').unwrap_or((path, ""))
}
