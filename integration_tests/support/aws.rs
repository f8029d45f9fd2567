//! An AWS with enforced permissions: moto's S3, STS and IAM on loopback (`servers/aws.py`), in the virtual environment that
//! `make servers` makes. The same program looks into other stores.
//!
//! Invariants
//! - One moto for the whole run of the tests; tests share nothing in it but its administrator, by names of their own.
//! - Without the environment, or with another one than `requirements.txt` says, a test fails and says what to do.
//! - The process ends with its stdin, that is with the tests.
//!
//! moto is not AWS. It lets a missing external id pass where the trust policy demands one, its credentials never end, its
//! DeleteObjects asks for no right, and HeadBucket asks for one of its own: `sign_in` has a scripted STS for the first two.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::transcript;

/// What the environment must have been made from.
const REQUIREMENTS: &str = include_str!("../servers/requirements.txt");

/// A key, and who it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) arn: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

impl User {
    /// The sign-in of a configuration with this key.
    pub(crate) fn sign_in(&self) -> Value {
        json!({
            "auth_type": "access_key",
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
        })
    }
}

/// The python program.
#[derive(Debug)]
struct Program {
    _child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    endpoint: Option<String>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let folder = environment();
        let mut child = Command::new(folder.join("bin/python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests/servers/aws.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python of the servers' environment");
        let stdin = child.stdin.take().expect("a piped stdin");
        let stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let mut program = Self { _child: child, stdin, stdout, endpoint: None };
        program.endpoint = program.answer()["endpoint"].as_str().map(str::to_owned);
        program
    }

    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.stdin, "{command}").expect("the servers' program runs");
        self.answer()
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the servers' program answers");
        let mut answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the servers' program ended: {line:?}"));
        assert!(answer.get("error").is_none(), "{}", answer["error"]);
        answer["ok"].take()
    }
}

/// The folder of the virtual environment, which is in cargo's target folder, as this program is; checked.
fn environment() -> PathBuf {
    let program = std::env::current_exe().expect("the path of the test");
    let mut folders = program.ancestors().map(|folder| folder.join("servers"));
    let Some(folder) = folders.find(|folder| folder.join("bin/python").is_file()) else {
        panic!("the servers of the tests are not installed: run `make servers`");
    };
    let made_from = fs::read_to_string(folder.join("requirements.txt")).unwrap_or_default();
    assert!(
        made_from == REQUIREMENTS,
        "the servers of the tests are other versions than integration_tests/servers/requirements.txt says: run `make servers`"
    );
    folder
}

/// moto.
#[derive(Debug)]
pub(crate) struct Aws(Mutex<Program>);

impl Aws {
    /// The one of this run.
    pub(crate) fn get() -> &'static Self {
        static AWS: OnceLock<Aws> = OnceLock::new();
        AWS.get_or_init(|| Self(Mutex::new(Program::start(&[]))))
    }

    fn program(&self) -> MutexGuard<'_, Program> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where all of its services are.
    pub(crate) fn endpoint(&self) -> String {
        self.program().endpoint.clone().expect("an endpoint")
    }

    /// Makes a bucket.
    pub(crate) fn create_bucket(&self, name: &str) {
        self.program().ask(&json!({ "do": "bucket", "name": name }));
    }

    /// Makes a user with a policy and a key.
    pub(crate) fn create_user(&self, name: &str, policy: &Value) -> User {
        let made = self.program().ask(&json!({ "do": "user", "name": name, "policy": policy }));
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        transcript::secret(&text("secret"));
        User { arn: text("arn"), access_key_id: text("id"), secret_access_key: text("secret") }
    }

    /// Makes a role and gives its ARN.
    pub(crate) fn create_role(&self, name: &str, trust: &Value, policy: &Value) -> String {
        let made =
            self.program().ask(&json!({ "do": "role", "name": name, "trust": trust, "policy": policy }));
        made.as_str().expect("an ARN").to_owned()
    }

    /// All objects of a bucket.
    pub(crate) fn objects(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        contents(&self.program().ask(&json!({ "do": "objects", "bucket": bucket })))
    }

    /// How many multipart uploads are unfinished.
    pub(crate) fn open_uploads(&self, bucket: &str) -> u64 {
        self.program().ask(&json!({ "do": "uploads", "bucket": bucket })).as_u64().expect("a number")
    }
}

/// All objects of a bucket of another store.
pub(crate) fn objects_of(
    endpoint: &str,
    region: &str,
    access_key_id: &str,
    secret_access_key: &str,
    bucket: &str,
) -> BTreeMap<String, Vec<u8>> {
    let key = json!({ "id": access_key_id, "secret": secret_access_key });
    let command =
        json!({ "do": "objects", "endpoint": endpoint, "key": key, "region": region, "bucket": bucket });
    contents(&Program::start(&["elsewhere"]).ask(&command))
}

fn contents(objects: &Value) -> BTreeMap<String, Vec<u8>> {
    let bytes = |hex: &str| {
        let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
    };
    let objects = objects.as_object().expect("objects by their keys");
    objects.iter().map(|(key, hex)| (key.clone(), bytes(hex.as_str().expect("a text")))).collect()
}
