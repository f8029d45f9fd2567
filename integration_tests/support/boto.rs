//! Buckets as boto3 sees them, through a Python program (`servers/aws.py`) in the virtual
//! environment that `make servers` installs.
//!
//! A store and a bucket go in; [`Bucket`] reads, puts and removes objects as another program would.
//!
//! Invariants
//! - Without the environment, or if it does not match `requirements.txt`, a test fails and says
//!   what to do.
//! - The program sees neither proxies nor profiles of the machine.
//! - The program ends when its stdin closes, that is with the tests.
//!
//! Not here: the AWS that the same program can serve (`aws`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::transcript;

/// The requirements that the environment must have been installed from.
const REQUIREMENTS: &str = include_str!("../servers/requirements.txt");

/// The Python program, which answers one command at a time.
#[derive(Debug)]
pub(super) struct Program(Mutex<Running>);

#[derive(Debug)]
struct Running {
    _child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts the program; returns its first answer as well.
    pub(super) fn start(arguments: &[&str]) -> (Self, Value) {
        let folder = environment();
        let mut child = Command::new(folder.join("bin/python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests/servers/aws.py"))
            .args(arguments)
            .env_clear()
            .envs(
                ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| (name, "/dev/null")),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python of the servers' environment");
        let stdin = child.stdin.take().expect("a piped stdin");
        let stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let mut running = Running { _child: child, stdin, stdout };
        let hello = running.answer();
        (Self(Mutex::new(running)), hello)
    }

    /// Sends a command and returns the answer.
    pub(super) fn ask(&self, command: &Value) -> Value {
        // A test that panicked here had already read the whole answer.
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(running.stdin, "{command}").expect("the servers' program runs");
        running.answer()
    }
}

impl Running {
    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the servers' program answers");
        let mut answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the servers' program ended: {line:?}"));
        assert!(answer.get("error").is_none(), "{}", answer["error"]);
        answer["ok"].take()
    }
}

/// Returns the folder of the virtual environment in cargo's target folder, after checking it.
fn environment() -> PathBuf {
    let program = std::env::current_exe().expect("the path of the test");
    let mut folders = program.ancestors().map(|folder| folder.join("servers"));
    let Some(folder) = folders.find(|folder| folder.join("bin/python").is_file()) else {
        panic!("the servers of the tests are not installed: run `make servers`");
    };
    let made_from = fs::read_to_string(folder.join("requirements.txt")).unwrap_or_default();
    assert!(
        made_from == REQUIREMENTS,
        "the servers of the tests do not match integration_tests/servers/requirements.txt: run \
        `make servers`"
    );
    folder
}

/// A bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    program: &'static Program,
    place: Value,
}

impl Bucket {
    /// Opens a bucket of any store.
    pub(crate) fn elsewhere(
        endpoint: &str,
        region: &str,
        access_key_id: &str,
        secret_access_key: &str,
        name: &str,
    ) -> Self {
        static PROGRAM: OnceLock<Program> = OnceLock::new();
        transcript::secret(secret_access_key);
        let key = json!({ "id": access_key_id, "secret": secret_access_key });
        let place = json!({ "endpoint": endpoint, "key": key, "region": region, "bucket": name });
        Self { program: PROGRAM.get_or_init(|| Program::start(&["elsewhere"]).0), place }
    }

    /// Opens a bucket of the store that the program itself serves.
    pub(super) fn served_by(program: &'static Program, name: &str) -> Self {
        Self { program, place: json!({ "bucket": name }) }
    }

    fn ask(&self, command: &str, arguments: &Value) -> Value {
        let mut asked = arguments.clone();
        asked["do"] = json!(command);
        asked["in"] = self.place.clone();
        self.program.ask(&asked)
    }

    /// Returns every object: key to content.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let objects: BTreeMap<String, String> = self.read("objects", &json!({}));
        objects.into_iter().map(|(key, content)| (key, from_hex(&content))).collect()
    }

    /// Returns the keys of every object, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.read("keys", &json!({}));
        keys.sort();
        keys
    }

    /// Returns the user metadata of an object (names without `x-amz-meta-`).
    pub(crate) fn metadata(&self, key: &str) -> BTreeMap<String, String> {
        self.described(key).0
    }

    /// Returns the `Content-Type` of an object.
    pub(crate) fn content_type(&self, key: &str) -> Option<String> {
        self.described(key).1
    }

    fn described(&self, key: &str) -> (BTreeMap<String, String>, Option<String>) {
        self.read("describe", &json!({ "object": key }))
    }

    /// Puts an object.
    pub(crate) fn put(&self, key: &str, content: &[u8], metadata: &BTreeMap<String, String>) {
        let content: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
        self.ask("put", &json!({ "object": key, "content": content, "metadata": metadata }));
    }

    /// Removes an object.
    pub(crate) fn remove(&self, key: &str) {
        self.ask("remove", &json!({ "object": key }));
    }

    /// Returns how many multipart uploads are neither completed nor aborted.
    pub(crate) fn open_uploads(&self) -> usize {
        self.read("uploads", &json!({}))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, command: &str, arguments: &Value) -> T {
        serde_json::from_value(self.ask(command, arguments)).expect("an answer of that kind")
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
}
