//! An S3 server inside this process: s3s-fs, which serves a folder, on a free port of the loopback address.
//!
//! A folder goes in, an endpoint comes out; [`EmbeddedS3::objects`] reads what is visible from the folder itself, so
//! that a defect of the client library cannot hide one of the connector.
//!
//! How the server uses its folder: an object is the file `BUCKET/KEY` (moved there when it is complete), its metadata is
//! `.bucket-B.object-K.metadata.json` with the two names in base64, an unfinished multipart upload is
//! `.upload-ID.json` with its parts in `.upload_id-ID.part-N`, a write in progress is `.tmp.N.internal.part`.
//!
//! What it cannot do, so that tests stay clear of it: ListMultipartUploads (501), keys over about 140 bytes (the
//! names above would be over 255), a key that is a folder of another, a leading `/`. PutObject to a bucket that does not
//! exist succeeds, an unknown upload id is AccessDenied, and the metadata of a deleted object stays in the folder.
//! It checks signatures and obeys `If-None-Match: *`.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use faulty_s3::keyring::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::transcript;

/// A running server; it stops when this is dropped. The folder stays.
#[derive(Debug)]
pub(crate) struct EmbeddedS3 {
    root: PathBuf,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedS3 {
    /// Serves `root`, which must exist, on a free port. Requests are accepted from the moment this returns.
    pub(crate) fn start(root: &Path) -> Self {
        let files = FileSystem::new(root)
            .unwrap_or_else(|e| panic!("{} cannot be served: {e:?}", root.display()));
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let service = builder.build();

        let listener = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a free port on the loopback address");
        listener.set_nonblocking(true).expect("a listener that tokio can wait for");
        let address = listener.local_addr().expect("the address of the listener");
        // Made here and not in the thread, so that a machine without threads to spare fails the caller.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime for the embedded server");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(serve(listener, service, stopped));
            runtime.shutdown_timeout(Duration::from_secs(2));
        });
        Self { root: root.to_owned(), address, stop: Some(stop), thread: Some(thread) }
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
        fs::create_dir_all(self.root.join(bucket)).expect("a folder for the bucket");
    }

    /// A connector configuration that reaches `bucket` on this server and leaves everything else at its default.
    pub(crate) fn config(&self, bucket: &str) -> Value {
        config(&self.endpoint(), bucket)
    }

    /// Every visible object of `bucket`: key to content.
    pub(crate) fn objects(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = self.root.join(bucket);
        let read = |key: String| {
            let content =
                fs::read(folder.join(&key)).unwrap_or_else(|e| panic!("object {key}: {e}"));
            (key, content)
        };
        self.keys(bucket).into_iter().map(read).collect()
    }

    /// The keys of every visible object of `bucket`, sorted.
    pub(crate) fn keys(&self, bucket: &str) -> Vec<String> {
        let folder = self.root.join(bucket);
        let mut keys = Vec::new();
        let mut open = vec![folder.clone()];
        while let Some(directory) = open.pop() {
            // A folder can vanish under a reader while the connector deletes older generations.
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let key = path.strip_prefix(&folder).expect("a path under the bucket");
                    keys.push(key.to_str().expect("a key that is text").to_owned());
                }
            }
        }
        keys.sort();
        keys
    }

    /// Puts an object that bears no metadata, as somebody else's program would have.
    pub(crate) fn put_foreign_object(&self, bucket: &str, key: &str, content: &[u8]) {
        self.put_object(bucket, key, content, &[]);
    }

    /// Puts an object with user metadata (names without `x-amz-meta-`), as somebody else's program would have.
    pub(crate) fn put_object(
        &self,
        bucket: &str,
        key: &str,
        content: &[u8],
        metadata: &[(&str, &str)],
    ) {
        let path = self.root.join(bucket).join(key);
        fs::create_dir_all(path.parent().expect("a key inside the bucket"))
            .expect("folders of the key");
        fs::write(path, content).expect("a foreign object");
        // Always written: the server leaves the metadata of a deleted object behind.
        let pairs: BTreeMap<_, _> = metadata.iter().copied().collect();
        let attributes = json!({ "user_metadata": pairs });
        fs::write(self.attributes_path(bucket, key), attributes.to_string())
            .expect("metadata of the object");
    }

    /// Removes an object, as somebody else's program would.
    pub(crate) fn remove_object(&self, bucket: &str, key: &str) {
        fs::remove_file(self.root.join(bucket).join(key)).expect("an object to remove");
    }

    /// The user metadata (`x-amz-meta-*`, names without that prefix) of a visible object.
    pub(crate) fn metadata(&self, bucket: &str, key: &str) -> BTreeMap<String, String> {
        let attributes = self.attributes(bucket, key);
        let pairs =
            attributes.get("user_metadata").and_then(Value::as_object).into_iter().flatten();
        pairs
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    /// The `Content-Type` that a visible object was stored with.
    pub(crate) fn content_type(&self, bucket: &str, key: &str) -> Option<String> {
        self.attributes(bucket, key).get("content_type").and_then(Value::as_str).map(str::to_owned)
    }

    /// Multipart uploads that were begun and neither completed nor aborted, in all buckets.
    pub(crate) fn open_uploads(&self) -> usize {
        self.count(|name| name.starts_with(".upload-") && name.ends_with(".json"))
    }

    /// Parts of multipart uploads that still take up room, in all buckets.
    pub(crate) fn open_parts(&self) -> usize {
        self.count(|name| name.starts_with(".upload_id-") && name.contains(".part-"))
    }

    fn buckets(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        folders
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect()
    }

    fn count(&self, wanted: impl Fn(&str) -> bool) -> usize {
        let entries = fs::read_dir(&self.root).expect("the folder of the server");
        entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(&wanted)).count()
    }

    fn attributes(&self, bucket: &str, key: &str) -> Value {
        assert!(self.root.join(bucket).join(key).is_file(), "{key} is not in bucket {bucket}");
        match fs::read(self.attributes_path(bucket, key)) {
            Ok(text) => serde_json::from_slice(&text).expect("metadata that the server wrote"),
            Err(_) => Value::Null,
        }
    }

    fn attributes_path(&self, bucket: &str, key: &str) -> PathBuf {
        let name =
            format!(".bucket-{}.object-{}.metadata.json", base64_url(bucket), base64_url(key));
        self.root.join(name)
    }
}

impl Drop for EmbeddedS3 {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A second panic while a test fails would hide the first one's message.
        let fails = std::thread::panicking();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || fails, "the embedded server panicked");
        }
        let secrets = [SECRET_ACCESS_KEY.to_owned()];
        for bucket in self.buckets() {
            for (key, content) in self.objects(&bucket) {
                let leak =
                    transcript::written(&key, &self.metadata(&bucket, &key), &content, &secrets);
                assert!(
                    leak.is_none() || fails,
                    "{} is in {key} or its metadata",
                    leak.unwrap_or_default()
                );
            }
        }
    }
}

/// A connector configuration that reaches `bucket` at `endpoint` and leaves everything else at its default.
pub(super) fn config(endpoint: &str, bucket: &str) -> Value {
    json!({
        "s3_bucket_name": bucket,
        "s3_bucket_region": "us-east-1",
        "s3_endpoint": endpoint,
        "authentication": {
            "auth_type": "access_key",
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
        },
    })
}

/// Answers connections until the other end of `stopped` is dropped; open connections are then cut.
async fn serve(
    listener: std::net::TcpListener,
    service: S3Service,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener =
        tokio::net::TcpListener::from_std(listener).expect("a listener inside the runtime");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // Out of file descriptors, for example: the client sees a refused connection and says so.
                let Ok((socket, _)) = accepted else { continue };
                let _ = socket.set_nodelay(true);
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone());
                connections.spawn(connection);
            }
        }
    }
}

/// Base64 with the alphabet for URLs and no padding: how the server spells names of buckets and keys.
fn base64_url(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for position in 0..=group.len() {
            let sextet = bits >> (18 - 6 * position) & 63;
            out.push(char::from(ALPHABET[sextet as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64_url;

    #[test]
    fn names_are_spelled_as_the_server_spells_them() {
        for (text, spelled) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("a/ü?>", "YS_DvD8-")]
        {
            assert_eq!(base64_url(text), spelled);
        }
    }
}
