//! An S3 server inside a test process that enforces what S3 enforces and fails on demand.
//!
//! It speaks real HTTP/1.1 on a free loopback port, with its buckets in memory. A [`Rule`] says
//! which requests meet which [`Fault`]; a [`Quirk`] says what the store always gets wrong;
//! [`FaultyS3::requests`] says what was asked and what became of it. Without rules and quirks it is
//! an S3 that works.
//!
//! What it enforces: signatures and payload hashes; the expiry of temporary keys and their tokens
//! ([`keyring`]); parts of at least 5 MiB, but for the last; the part list of
//! CompleteMultipartUpload (order, ETags, and checksums, which must be repeated if the upload named
//! an algorithm); checksums and Content-MD5 of bodies; `If-None-Match: *` and `If-Match` on Put,
//! Complete and Copy; keys of 1,024 bytes, metadata of 2 KB, batches and pages of 1,000 names. The
//! id of a completed or aborted upload is NoSuchUpload (404).
//!
//! What it lacks: versions, ListParts, ListMultipartUploads, UploadPartCopy (501, and not in the
//! record), conditional reads, and `encoding-type=url` of listings.
//!
//! - `rules`: which request meets which fault; `front`: what a fault does; `wire`: connections that
//!   break;
//! - `quirks`: what is always wrong; `addressing`: where the store is reached;
//! - `api`, `uploads`, `checks`: what S3 does; `store`: buckets;
//! - [`keyring`], [`signature`], [`loopback`]: what other servers of a test use as well.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a server of a test fails the test with a message of its own"
)]
#![allow(clippy::disallowed_methods, reason = "keys expire by the real clock")]

mod addressing;
mod api;
mod checks;
mod front;
pub mod keyring;
pub mod loopback;
mod quirks;
mod rules;
pub mod signature;
mod store;
mod uploads;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::dto::Metadata;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpStream;

pub use self::addressing::Addressing;
use self::checks::Sums;
use self::front::Front;
pub use self::front::Request;
use self::keyring::Keyring;
use self::loopback::Loopback;
pub use self::quirks::Quirk;
pub use self::rules::{Answer, Fault, Operation, Rule};
use self::store::{Description, Object, Store};
use self::wire::{Line, Wire};

/// A running server; it stops when this is dropped, and everything in it is gone.
#[derive(Debug)]
pub struct FaultyS3 {
    server: Loopback,
    store: Store,
    keys: Keyring,
    front: Arc<Front>,
}

impl FaultyS3 {
    /// Starts an empty store on a free port, which accepts [`keyring::ACCESS_KEY_ID`]. Requests are
    /// accepted from the moment this returns.
    pub fn start() -> Self {
        Self::with_keys(&Keyring::new())
    }

    /// As [`FaultyS3::start`], for clients that have a key of `keys`.
    pub fn with_keys(keys: &Keyring) -> Self {
        Self::serve(Store::default(), keys)
    }

    /// Starts another server with the same keys, objects, open uploads and quirks; from then on the
    /// two stores differ.
    pub fn twin(&self) -> Self {
        Self::serve(self.store.copied(), &self.keys)
    }

    fn serve(store: Store, keys: &Keyring) -> Self {
        let mut builder = S3ServiceBuilder::new(store.clone());
        builder.set_auth(keys.clone());
        let unsigned = S3ServiceBuilder::new(store.clone()).build();
        let front = Arc::new(Front::new(store.clone(), builder.build(), unsigned, keys.clone()));
        let served = Arc::clone(&front);
        let server = Loopback::start(move |socket| connection(socket, Arc::clone(&served)));
        Self { server, store, keys: keys.clone(), front }
    }

    /// Stops the server and cuts its connections; its objects can still be read.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Returns the access keys that the server accepts.
    pub fn keyring(&self) -> &Keyring {
        &self.keys
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Creates an empty bucket, unless it exists.
    pub fn create_bucket(&self, bucket: &str) {
        self.store.lock().create_bucket(bucket);
    }

    /// Returns the names of all buckets, sorted.
    pub fn buckets(&self) -> Vec<String> {
        self.store.lock().buckets().keys().cloned().collect()
    }

    /// Returns every visible object of `bucket`: key to content.
    pub fn objects(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        self.read(bucket, |objects| {
            objects.iter().map(|(key, object)| (key.clone(), object.content.to_vec())).collect()
        })
    }

    /// Returns the keys of every visible object of `bucket`, sorted.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.read(bucket, |objects| objects.keys().cloned().collect())
    }

    /// Returns the user metadata of a visible object: names in lower case, without `x-amz-meta-`.
    pub fn metadata(&self, bucket: &str, key: &str) -> BTreeMap<String, String> {
        self.object(bucket, key).description.metadata.into_iter().collect()
    }

    /// Returns the `Content-Type` that a visible object was stored with.
    pub fn content_type(&self, bucket: &str, key: &str) -> Option<String> {
        self.object(bucket, key).description.content_type
    }

    /// Returns the ETag of a visible object, without quotes.
    pub fn etag(&self, bucket: &str, key: &str) -> String {
        self.object(bucket, key).etag
    }

    /// Stores an object as another program would; replaces an object that has the key.
    pub fn put_object(&self, bucket: &str, key: &str, content: &[u8], metadata: &[(&str, &str)]) {
        let metadata: Metadata = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let description = Description { metadata, ..Description::default() };
        let object = Object::whole(Bytes::copy_from_slice(content), description, Sums::new());
        self.store.lock().bucket(bucket).expect("a bucket").insert(key.to_owned(), object);
    }

    /// Removes an object as another program would; returns whether it existed.
    pub fn remove_object(&self, bucket: &str, key: &str) -> bool {
        self.store.lock().bucket(bucket).expect("a bucket").remove(key).is_some()
    }

    /// Returns how many multipart uploads of all buckets are neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.store.lock().uploads.len()
    }

    /// Returns how many parts of open multipart uploads all buckets hold.
    pub fn open_parts(&self) -> usize {
        self.store.lock().uploads.values().map(|upload| upload.parts.len()).sum()
    }

    /// Returns the lengths of the parts of each upload that became an object, in all buckets.
    pub fn part_lengths(&self) -> Vec<Vec<usize>> {
        self.store.lock().part_lengths.clone()
    }

    /// Limits the pages of listings to this many names (1 to 1,000).
    pub fn set_page_keys(&self, keys: usize) {
        self.store.lock().set_page_keys(keys);
    }

    /// Adds a quirk to the store, for good.
    pub fn add_quirk(&self, quirk: Quirk) {
        self.store.lock().quirks.push(quirk);
    }

    /// Moves the store to this address; it is no longer reached at any other.
    pub fn set_addressing(&self, addressing: Addressing) {
        self.front.set_addressing(addressing);
    }

    /// Adds a rule. Rules are tried in order, and the first that acts on a request decides.
    pub fn inject(&self, rule: Rule) {
        self.front.inject(rule);
    }

    /// Removes all rules and their counts.
    pub fn heal(&self) {
        self.front.heal();
    }

    /// Returns host and path of every HTTP request, in the order of arrival, also of those that are
    /// not to the store.
    pub fn targets(&self) -> Vec<String> {
        self.front.targets()
    }

    /// Returns every request to the store, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.front.requests()
    }

    fn read<T>(&self, bucket: &str, read: impl FnOnce(&BTreeMap<String, Object>) -> T) -> T {
        read(self.store.lock().bucket(bucket).expect("a bucket"))
    }

    fn object(&self, bucket: &str, key: &str) -> Object {
        let object = self.read(bucket, |objects| objects.get(key).cloned());
        object.unwrap_or_else(|| panic!("{key} is not in bucket {bucket}"))
    }
}

/// Answers the requests of one connection until either side ends it.
async fn connection(socket: TcpStream, front: Arc<Front>) {
    let line = Line::new();
    let wire = TokioIo::new(Wire::new(socket, line.clone()));
    let answer = service_fn(move |request| {
        let (front, line) = (Arc::clone(&front), line.clone());
        async move { front.answer(request, &line).await }
    });
    // An error is a client that went away, or a fault that was asked for.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(wire, answer).await;
}
