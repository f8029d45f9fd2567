//! Garage, a store that is not like S3 in places, as a child process on free loopback ports.
//!
//! Invariants
//! - One server and one folder for each test; the server is killed by its own handle.
//! - The binary is the one that the variable `GARAGE` names (`make test-garage`); without it the test fails.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::aws::objects_of;

/// Garage's own name of its region.
pub(crate) const REGION: &str = "garage";
const BUCKET: &str = "lake";
const ACCESS_KEY_ID: &str = "GK0123456789abcdef01234567";
const SECRET_ACCESS_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);

/// A running server with one bucket.
#[derive(Debug)]
pub(crate) struct Garage {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Garage {
    /// Starts the server and waits until it answers.
    pub(crate) fn start() -> Self {
        let binary = std::env::var("GARAGE")
            .expect("the variable GARAGE names Garage's binary: run `make test-garage`");
        let folder = TempDir::new().expect("a temporary folder");
        let (address, rpc) = (free_address(), free_address());
        let file = |name: &str| folder.path().join(name);
        let settings = format!(
            "metadata_dir = {:?}\ndata_dir = {:?}\ndb_engine = \"sqlite\"\nreplication_factor = 1\nrpc_bind_addr = \"{rpc}\"\n\
             rpc_public_addr = \"{rpc}\"\nrpc_secret = \"{}\"\n[s3_api]\ns3_region = \"{REGION}\"\napi_bind_addr = \"{address}\"\n",
            file("meta"),
            file("data"),
            "ab".repeat(32),
        );
        let config: PathBuf = file("garage.toml");
        fs::write(&config, settings).expect("the server's settings");
        let child = Command::new(binary)
            .arg("-c")
            .arg(&config)
            .args(["server", "--single-node", "--default-bucket"])
            .env("GARAGE_DEFAULT_ACCESS_KEY", ACCESS_KEY_ID)
            .env("GARAGE_DEFAULT_SECRET_KEY", SECRET_ACCESS_KEY)
            .env("GARAGE_DEFAULT_BUCKET", BUCKET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Garage starts");
        let garage = Self { child, address, _folder: folder };
        let deadline = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "Garage does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        garage
    }

    /// Settings that reach the bucket and leave its region to be found.
    pub(crate) fn config(&self) -> Value {
        json!({
            "s3_bucket_name": BUCKET,
            "s3_endpoint": format!("http://{}", self.address),
            "authentication": {
                "auth_type": "access_key",
                "access_key_id": ACCESS_KEY_ID,
                "secret_access_key": SECRET_ACCESS_KEY,
            },
        })
    }

    /// All objects, as boto3 reads them.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let endpoint = format!("http://{}", self.address);
        objects_of(&endpoint, REGION, ACCESS_KEY_ID, SECRET_ACCESS_KEY, BUCKET)
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}
