//! Garage, an S3-compatible store that differs from S3 in places, as a child process on free
//! loopback ports.
//!
//! Invariants
//! - Each test has a server and a folder of its own; the server is killed by its handle.
//! - The variable `GARAGE` names the binary (`make test-garage`); without it the test fails.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::boto::Bucket;

/// The variable that names the binary.
pub(crate) const BINARY: &str = "GARAGE";
/// The name of Garage's region.
pub(crate) const REGION: &str = "garage";
/// The only bucket.
pub(crate) const BUCKET: &str = "lake";
/// The only access key.
const ACCESS_KEY_ID: &str = "GK0123456789abcdef01234567";
/// Its secret.
pub(crate) const SECRET_ACCESS_KEY: &str =
    "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);
/// How often the server is started again because another process took its port in the meantime.
const STARTS: usize = 5;

/// A running server with one bucket.
#[derive(Debug)]
pub(crate) struct Garage {
    child: Child,
    address: SocketAddr,
    bucket: Bucket,
    _folder: TempDir,
}

impl Garage {
    /// Starts the server and waits until it answers: it listens once its key and bucket exist.
    pub(crate) fn start() -> Self {
        let mut told = String::new();
        for _ in 0..STARTS {
            match Self::try_start() {
                Ok(garage) => return garage,
                Err(log) => told = log,
            }
        }
        panic!("Garage does not start:\n{told}");
    }

    /// The error is what the server printed before it ended.
    fn try_start() -> Result<Self, String> {
        let folder = TempDir::new().expect("a temporary folder");
        let (address, rpc) = (free_address(), free_address());
        let log = folder.path().join("garage.log");
        let mut child = serve(folder.path(), address, rpc, &log);
        let deadline = Instant::now() + START;
        while [address, rpc].into_iter().any(|address| TcpStream::connect(address).is_err()) {
            let has_ended = child.try_wait().expect("the state of the server").is_some();
            if has_ended || Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                return Err(fs::read_to_string(&log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let endpoint = format!("http://{address}");
        let bucket = Bucket::elsewhere(&endpoint, REGION, ACCESS_KEY_ID, SECRET_ACCESS_KEY, BUCKET);
        Ok(Self { child, address, bucket, _folder: folder })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns settings that reach the bucket and leave its region to be found out.
    pub(crate) fn config(&self) -> Value {
        json!({
            "s3_bucket_name": BUCKET,
            "s3_endpoint": self.endpoint(),
            "authentication": {
                "auth_type": "access_key",
                "access_key_id": ACCESS_KEY_ID,
                "secret_access_key": SECRET_ACCESS_KEY,
            },
        })
    }

    /// Returns the bucket as boto3 sees it.
    pub(crate) fn bucket(&self) -> &Bucket {
        &self.bucket
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(folder: &Path, address: SocketAddr, rpc: SocketAddr, log: &Path) -> Child {
    let binary = std::env::var(BINARY).unwrap_or_else(|_| {
        panic!("the variable {BINARY} names Garage's binary: run `make test-garage`")
    });
    let settings = format!(
        "metadata_dir = {:?}\ndata_dir = {:?}\ndb_engine = \"sqlite\"\nreplication_factor = \
         1\nrpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\nrpc_secret = \
         \"{}\"\n[s3_api]\ns3_region = \"{REGION}\"\napi_bind_addr = \"{address}\"\n",
        folder.join("meta"),
        folder.join("data"),
        "ab".repeat(32),
    );
    let config = folder.join("garage.toml");
    fs::write(&config, settings).expect("the server's settings");
    Command::new(&binary)
        .arg("-c")
        .arg(&config)
        .args(["server", "--single-node", "--default-bucket"])
        .env_clear()
        .env("GARAGE_DEFAULT_ACCESS_KEY", ACCESS_KEY_ID)
        .env("GARAGE_DEFAULT_SECRET_KEY", SECRET_ACCESS_KEY)
        .env("GARAGE_DEFAULT_BUCKET", BUCKET)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(log).expect("a file for the log"))
        .spawn()
        .unwrap_or_else(|error| panic!("{binary} does not start: {error}"))
}

/// Returns a port that was free a moment ago. It is outside the range of ephemeral ports, so that
/// no connection of another test takes it before the server does.
fn free_address() -> SocketAddr {
    const PORTS: std::ops::Range<u16> = 16_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    // Processes that run at the same time begin at different ports.
    let first = std::process::id().wrapping_mul(601);
    (0..count)
        .find_map(|_| {
            let offset = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count;
            let port = PORTS.start + u16::try_from(offset).ok()?;
            TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().ok()
        })
        .expect("a free port")
}
