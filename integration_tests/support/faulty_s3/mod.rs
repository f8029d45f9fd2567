//! An S3 server inside this process that enforces what S3 enforces and fails as it is told to.
//!
//! Real HTTP/1.1 on a free loopback port, in front of buckets in memory. A [`Rule`] says which requests meet which
//! [`Fault`]; [`FaultyS3::requests`] says what was asked and what became of it. Without rules it is an S3 that works.
//!
//! What it enforces: signatures and payload hashes; the end of temporary keys and their tokens (`keyring`); parts of 5 MiB at least, but for the last; the part list of
//! CompleteMultipartUpload (order, ETags, checksums, which have to be repeated if the upload named an algorithm);
//! checksums and Content-MD5 of bodies; `If-None-Match: *` and `If-Match` on Put, Complete and Copy; keys of 1,024 bytes,
//! metadata of 2 KB, batches and pages of 1,000 names. A completed or aborted upload id is NoSuchUpload (404).
//!
//! What it lacks: versions, ListParts, ListMultipartUploads, UploadPartCopy (501, and not in the record), conditional
//! reads, and `encoding-type=url` of listings.
//!
//! A store can also be reached below a path or under host names of its buckets ([`Place`]), and
//! have [`Habits`]: answers that are always wrong.
//!
//! - `rules`: which request meets which fault; - `front`: what a fault does;
//! - `habits`: what is always wrong with requests for one object, and where the store is;
//! - On demand it wants what only some stores want: parts of one length
//!   ([`FaultyS3::want_equal_parts`]).
//! - `quirks`: what is always wrong with listings and metadata; - `wire`: connections that break;
//! - `api`, `uploads`, `checks`: what S3 does; - `store`: buckets.

mod api;
mod checks;
mod front;
mod habits;
mod quirks;
mod rules;
mod store;
mod uploads;
mod wire;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::dto::Metadata;
use s3s::service::S3ServiceBuilder;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use self::checks::Sums;
use self::front::Front;
use self::store::{Description, Object, Store};
use self::wire::{Line, Wire};
#[allow(unused_imports, reason = "each program takes its share of the helpers")]
pub(crate) use self::{
    front::Request,
    habits::{Habits, Place},
    quirks::Quirk,
    rules::{Answer, Fault, Operation, Rule},
};
use super::keyring::Keyring;
use super::{embedded_s3, transcript};

/// A running server; it stops when this is dropped, and everything in it is gone.
#[derive(Debug)]
pub(crate) struct FaultyS3 {
    address: SocketAddr,
    store: Store,
    keys: Keyring,
    front: Arc<Front>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultyS3 {
    /// Serves an empty store on a free port. Requests are accepted from the moment this returns.
    pub(crate) fn start() -> Self {
        Self::with_keys(&Keyring::new())
    }

    /// As [`FaultyS3::start`], for whoever has a key of `keys`.
    pub(crate) fn with_keys(keys: &Keyring) -> Self {
        let store = Store::default();
        let mut builder = S3ServiceBuilder::new(store.clone());
        builder.set_auth(keys.clone());
        let unsigned = S3ServiceBuilder::new(store.clone()).build();
        let front = Arc::new(Front::new(builder.build(), unsigned, keys.clone()));

        let listener = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a free port on the loopback address");
        listener.set_nonblocking(true).expect("a listener that tokio can wait for");
        let address = listener.local_addr().expect("the address of the listener");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime for the server");
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&front);
        let thread = std::thread::spawn(move || {
            runtime.block_on(serve(listener, &served, stopped));
            runtime.shutdown_timeout(Duration::from_secs(2));
        });
        Self { address, store, keys: keys.clone(), front, stop: Some(stop), thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes an empty bucket (a name that S3 allows: 3 to 63 characters); one that exists is left as it is.
    pub(crate) fn create_bucket(&self, bucket: &str) {
        self.store.lock().create_bucket(bucket);
    }

    /// A connector configuration that reaches `bucket` on this server and leaves everything else at its default.
    pub(crate) fn config(&self, bucket: &str) -> Value {
        embedded_s3::config(&self.endpoint(), bucket)
    }

    /// Every visible object of `bucket`: key to content.
    pub(crate) fn objects(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        self.read(bucket, |objects| {
            objects.iter().map(|(key, object)| (key.clone(), object.content.to_vec())).collect()
        })
    }

    /// The keys of every visible object of `bucket`, sorted.
    pub(crate) fn keys(&self, bucket: &str) -> Vec<String> {
        self.read(bucket, |objects| objects.keys().cloned().collect())
    }

    /// The user metadata of a visible object: names in lower case, without `x-amz-meta-`.
    pub(crate) fn metadata(&self, bucket: &str, key: &str) -> BTreeMap<String, String> {
        self.object(bucket, key).description.metadata.into_iter().collect()
    }

    /// The `Content-Type` that a visible object was stored with.
    pub(crate) fn content_type(&self, bucket: &str, key: &str) -> Option<String> {
        self.object(bucket, key).description.content_type
    }

    /// The ETag of a visible object, without quotes.
    pub(crate) fn etag(&self, bucket: &str, key: &str) -> String {
        self.object(bucket, key).etag
    }

    /// Puts an object, over another one if there is one, as another program would.
    pub(crate) fn put_object(
        &self,
        bucket: &str,
        key: &str,
        content: &[u8],
        metadata: &[(&str, &str)],
    ) {
        let metadata: Metadata = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let description = Description { metadata, ..Description::default() };
        let object = Object::whole(Bytes::copy_from_slice(content), description, Sums::new());
        self.store.lock().bucket(bucket).expect("a bucket").insert(key.to_owned(), object);
    }

    /// Removes an object, as another program would; gives whether it was there.
    pub(crate) fn remove_object(&self, bucket: &str, key: &str) -> bool {
        self.store.lock().bucket(bucket).expect("a bucket").remove(key).is_some()
    }

    /// Multipart uploads that were begun and neither completed nor aborted, in all buckets.
    pub(crate) fn open_uploads(&self) -> usize {
        self.store.lock().uploads.len()
    }

    /// Parts of multipart uploads that still take up room, in all buckets.
    pub(crate) fn open_parts(&self) -> usize {
        self.store.lock().uploads.values().map(|upload| upload.parts.len()).sum()
    }

    /// Pages of listings have at most this many names from now on (1 to 1,000).
    pub(crate) fn set_page_keys(&self, keys: usize) {
        self.store.lock().set_page_keys(keys);
    }

    /// Gives the store a bad habit, for good.
    pub(crate) fn quirk(&self, quirk: Quirk) {
        self.store.lock().quirks.push(quirk);
    }

    /// Completes an upload from now on only if all its parts but the last have the same length, as Cloudflare R2 does.
    pub(crate) fn want_equal_parts(&self) {
        self.store.lock().wants_equal_parts = true;
    }

    /// The lengths of the parts of each upload that became an object, in all buckets.
    pub(crate) fn part_lengths(&self) -> Vec<Vec<usize>> {
        self.store.lock().part_lengths.clone()
    }

    /// Adds a rule. Rules are looked at in order, and the first that acts on a request decides.
    pub(crate) fn inject(&self, rule: Rule) {
        self.front.inject(rule);
    }

    /// Forgets all rules and what they have counted.
    pub(crate) fn heal(&self) {
        self.front.heal();
    }

    /// The store is reached there from now on, and nowhere else.
    pub(crate) fn set_place(&self, place: Place) {
        self.front.set_place(place);
    }

    /// The store answers so from now on.
    pub(crate) fn set_habits(&self, habits: Habits) {
        self.front.set_habits(habits);
    }

    /// Host and path of everything that came, in the order of arrival, whether or not it is a
    /// request to the store.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.front.targets()
    }

    /// Everything that was asked, in the order of arrival.
    pub(crate) fn requests(&self) -> Vec<Request> {
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

impl Drop for FaultyS3 {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A second panic while a test fails would hide the first one's message.
        let fails = std::thread::panicking();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || fails, "the faulty server panicked");
        }
        let secrets = self.keys.secrets();
        for (key, object) in self.store.lock().buckets().values().flatten() {
            let metadata = object.description.metadata.clone().into_iter().collect();
            let leak = transcript::written(key, &metadata, &object.content, &secrets);
            assert!(
                leak.is_none() || fails,
                "{} is in {key} or its metadata",
                leak.unwrap_or_default()
            );
        }
    }
}

/// Answers connections until the other end of `stopped` is dropped; open connections are then cut.
async fn serve(
    listener: std::net::TcpListener,
    front: &Arc<Front>,
    mut stopped: oneshot::Receiver<Infallible>,
) {
    let listener =
        tokio::net::TcpListener::from_std(listener).expect("a listener inside the runtime");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(ended) = connections.join_next() => ended.expect("requests are answered without a panic"),
            accepted = listener.accept() => {
                // Out of file descriptors, for example: the client sees a refused connection and says so.
                let Ok((socket, _)) = accepted else { continue };
                let _ = socket.set_nodelay(true);
                connections.spawn(connection(socket, Arc::clone(front)));
            }
        }
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
