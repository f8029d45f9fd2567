//! The connector as a child process, driven as the platform drives it: arguments, stdin, stdout, exit code.
//!
//! [`Connector`] (which binary, which environment) gives an [`Outcome`] for each verb; `write` can also be a [`Session`]
//! whose stdin stays open while the test waits for messages.
//!
//! Invariants
//! - The child's environment is empty but for what the test passes.
//! - Every wait has a time limit; a child that outlives it, or its `Session`, is killed by its own handle.
//! - Every line of stdout is one JSON object, or the test fails.
//! - No secret of a configuration, of the child's environment or of any server of the tests is ever on stdout or stderr,
//!   and nothing of a signed request, or the test fails. What was printed is kept (`transcript`).
//!
//! Not here: what the messages ought to say.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use super::transcript;

/// How long a whole run may take unless a test says otherwise: far more than any needs, so that a hang is a failure.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// Environment variables that are secret.
const SECRET_VARIABLES: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];
/// Environment variables that name files with nothing but a secret.
const SECRET_FILES: [&str; 2] =
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
/// Members of a configuration that are secret. The id of a key is none to AWS, but to the form.
const SECRET_MEMBERS: [&str; 3] = ["access_key_id", "secret_access_key", "session_token"];
/// How long the pipes of a child that has ended are read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Of AWS's own documents, and an example in the specification.
const PUBLIC_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// Pauses between two looks at a child that closed its stdout and has yet to exit.
const EXIT_POLL: Duration = Duration::from_millis(2);

/// A connector binary and the environment that it runs in.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    time_limit: Duration,
    is_recorded: bool,
}

impl Connector {
    /// The binary at `binary`, with an empty environment.
    pub(crate) fn new(binary: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            environment: Vec::new(),
            time_limit: TIME_LIMIT,
            is_recorded: true,
        }
    }

    /// Adds an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets how long one run may take before it is killed and the test fails.
    pub(crate) fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Keeps neither what is printed nor what is secret: for tests of the alarm itself.
    pub(crate) fn unrecorded(mut self) -> Self {
        self.is_recorded = false;
        self
    }

    /// The texts that the environment holds wherever a secret belongs, files that it names included.
    fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for (name, value) in &self.environment {
            if SECRET_VARIABLES.contains(&name.as_str()) {
                secrets.push(value.clone());
            } else if SECRET_FILES.contains(&name.as_str()) {
                secrets.push(fs::read_to_string(value).unwrap_or_default().trim().to_owned());
            } else if name == "AWS_SHARED_CREDENTIALS_FILE" {
                let text = fs::read_to_string(value).unwrap_or_default();
                let pairs = text.lines().filter_map(|line| line.split_once('='));
                let secret =
                    pairs.filter(|(name, _)| name.contains("key") || name.contains("token"));
                secrets.extend(secret.map(|(_, value)| value.trim().to_owned()));
            } else if name.to_ascii_uppercase().ends_with("_PROXY") {
                secrets.extend(password_of(value));
            }
        }
        secrets
    }

    /// Runs `spec`.
    pub(crate) fn spec(&self) -> Outcome {
        self.run(&["spec"])
    }

    /// Runs `check` with `config` in a temporary file.
    pub(crate) fn check(&self, config: &Value) -> Outcome {
        self.start_check(config).finish(self.time_limit)
    }

    /// Starts `check` with `config` in a temporary file.
    pub(crate) fn start_check(&self, config: &Value) -> Session {
        let files = Files::new(&[("config.json", config)]);
        let config = files.path("config.json");
        Session::start(self, &["check", "--config", &config], Some(files))
    }

    /// Prepares `write`; nothing runs before [`PendingWrite::run`] or [`PendingWrite::start`].
    pub(crate) fn write(&self, config: &Value, catalog: &Value) -> PendingWrite {
        let files = Files::new(&[("config.json", config), ("catalog.json", catalog)]);
        PendingWrite { connector: self.clone(), files, input: Vec::new() }
    }

    /// Runs the binary with exactly these arguments and an empty stdin.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        Session::start(self, arguments, None).finish(self.time_limit)
    }
}

/// A `write` that has not started yet.
#[derive(Debug)]
pub(crate) struct PendingWrite {
    connector: Connector,
    files: Files,
    input: Vec<u8>,
}

impl PendingWrite {
    /// Takes this text for the catalog, or for the configuration: values of `serde_json` cannot hold all that is JSON.
    pub(crate) fn file_text(self, name: &str, text: &str) -> Self {
        fs::write(self.files.path(name), text).expect("a file in a temporary folder");
        self
    }

    /// Appends to what the child reads from stdin.
    pub(crate) fn input(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.input.extend_from_slice(bytes.as_ref());
        self
    }

    /// Appends messages to the input, one line each.
    pub(crate) fn messages<'a>(mut self, messages: impl IntoIterator<Item = &'a Value>) -> Self {
        for message in messages {
            self.input.extend_from_slice(&line_of(message));
        }
        self
    }

    /// Runs to the end: all input, then end of file.
    pub(crate) fn run(self) -> Outcome {
        let limit = self.connector.time_limit;
        self.start().finish(limit)
    }

    /// Starts the child, sends what [`PendingWrite::input`] gave and leaves stdin open.
    pub(crate) fn start(self) -> Session {
        let (config, catalog) = (self.files.path("config.json"), self.files.path("catalog.json"));
        let arguments = ["write", "--config", &config, "--catalog", &catalog];
        let mut session = Session::start(&self.connector, &arguments, Some(self.files));
        session.send(self.input);
        session
    }
}

/// A running child. Dropping it kills the child.
#[derive(Debug)]
pub(crate) struct Session {
    child: Child,
    // To the thread that writes stdin: a full pipe must not stop the test. Dropped, it is end of file.
    stdin: Option<Sender<Vec<u8>>>,
    pending: Arc<AtomicUsize>,
    // None: the test has walked away from stdout.
    lines: Option<Receiver<Line>>,
    seen: Vec<String>,
    cut: Option<String>,
    stderr: Receiver<String>,
    next: usize,
    killed: bool,
    arguments: Vec<String>,
    // Of this run alone; the transcript knows the others.
    secrets: Vec<String>,
    is_recorded: bool,
    was_kept: bool,
    _files: Option<Files>,
}

/// One line of stdout, and whether its end arrived.
#[derive(Debug)]
struct Line {
    bytes: Vec<u8>,
    whole: bool,
}

impl Session {
    fn start(connector: &Connector, arguments: &[&str], files: Option<Files>) -> Self {
        let mut secrets = connector.secrets();
        secrets.extend(files.iter().flat_map(|files| files.secrets.iter().cloned()));
        secrets.retain(|secret| !secret.is_empty() && secret != PUBLIC_KEY_ID);
        if connector.is_recorded {
            secrets.iter().for_each(|secret| transcript::secret(secret));
        }
        let mut child = Command::new(&connector.binary)
            .args(arguments)
            .env_clear()
            .envs(connector.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", connector.binary.display()));

        let mut pipe = child.stdin.take().expect("a piped stdin");
        let (stdin, inputs) = mpsc::channel::<Vec<u8>>();
        let pending = Arc::new(AtomicUsize::new(0));
        let unread = Arc::clone(&pending);
        std::thread::spawn(move || {
            for input in inputs {
                for piece in input.chunks(64 * 1024) {
                    // The child is gone: its exit code tells the story.
                    if pipe.write_all(piece).is_err() {
                        return;
                    }
                    unread.fetch_sub(piece.len(), Ordering::Relaxed);
                }
            }
        });

        let mut stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let whole = line.last() == Some(&b'\n');
                if whole {
                    line.pop();
                }
                if sender.send(Line { bytes: std::mem::take(&mut line), whole }).is_err() {
                    return;
                }
            }
        });

        let mut pipe = child.stderr.take().expect("a piped stderr");
        let (sender, stderr) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });

        Self {
            child,
            stdin: Some(stdin),
            pending,
            lines: Some(lines),
            seen: Vec::new(),
            cut: None,
            stderr,
            next: 0,
            killed: false,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            secrets,
            is_recorded: connector.is_recorded,
            was_kept: false,
            _files: files,
        }
    }

    /// Sends bytes to the child's stdin without waiting for them to be read.
    pub(crate) fn send(&mut self, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        let stdin = self.stdin.as_ref().expect("stdin was closed before");
        self.pending.fetch_add(bytes.len(), Ordering::Relaxed);
        // Fails when the child closed its stdin; its exit code tells the story.
        let _ = stdin.send(bytes);
    }

    /// Sends one message as a line.
    pub(crate) fn send_message(&mut self, message: &Value) {
        self.send(line_of(message));
    }

    /// Bytes that were sent and that not even the pipe has taken: more than 0 for long means back pressure.
    pub(crate) fn pending_input(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// End of file on stdin, after everything that was sent.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The child's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next STATE message that no earlier wait returned; fails the test when none comes in time.
    pub(crate) fn wait_for_state(&mut self, timeout: Duration) -> Value {
        match self.wait_for(timeout, |message| message["type"] == "STATE") {
            Some(message) => message,
            None => panic!("no STATE within {timeout:?}; {}", self.story()),
        }
    }

    /// The next message that `wanted` picks and that no earlier wait passed over, or none within `timeout`.
    pub(crate) fn wait_for(
        &mut self,
        timeout: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        let deadline = Instant::now() + timeout;
        loop {
            while self.next < self.seen.len() {
                let message = message_of(&self.seen[self.next]);
                self.next += 1;
                if wanted(&message) {
                    return Some(message);
                }
            }
            let lines = self.lines.as_ref().expect("stdout was closed before");
            let line =
                lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
            self.keep(line);
        }
    }

    /// Ends the child at once, as a crash of the machine would (SIGKILL).
    pub(crate) fn kill(&mut self) {
        self.killed = true;
        self.child.kill().expect("a child that can be killed");
    }

    /// Sends the child a signal, as whoever cancels a sync does.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("a child that takes signals");
    }

    /// Closes the reading end of stdout, as a platform does that cancels: the pipe breaks once the child has written
    /// one line more.
    pub(crate) fn close_stdout(&mut self) {
        self.lines = None;
    }

    /// Whether the child ends by itself within `timeout`, with stdin as it is.
    pub(crate) fn ends_within(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.child.try_wait().expect("the state of the child").is_none() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(EXIT_POLL);
        }
        true
    }

    /// Closes stdin, waits for the child's end and gives everything that it said.
    pub(crate) fn finish(mut self, timeout: Duration) -> Outcome {
        self.close_stdin();
        let deadline = Instant::now() + timeout;
        while let Some(lines) = &self.lines {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.keep(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.give_up(timeout),
            }
        }
        let status = loop {
            match self.child.try_wait().expect("the state of the child") {
                Some(status) => break status,
                None if Instant::now() >= deadline => self.give_up(timeout),
                None => std::thread::sleep(EXIT_POLL),
            }
        };
        let stderr = self.stderr.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
        self.record(&stderr);
        let stdout_lines = std::mem::take(&mut self.seen);
        if let Some(cut) = self.cut.take() {
            assert!(self.killed, "stdout ends inside a line: {cut}");
        }
        self.secrets.extend(transcript::secrets());
        for (name, text) in [("stdout", stdout_lines.join("\n")), ("stderr", stderr.clone())] {
            if let Some(leak) = transcript::leak(text.as_bytes(), &self.secrets) {
                panic!("a secret is on {name}: {leak}");
            }
        }
        let messages = stdout_lines.iter().map(|line| message_of(line)).collect();
        Outcome { status, messages, stdout_lines, stderr }
    }

    /// Keeps what was printed, once.
    fn record(&mut self, stderr: &str) {
        if self.is_recorded && !std::mem::replace(&mut self.was_kept, true) {
            transcript::printed(&self.arguments, &self.seen, stderr);
        }
    }

    fn keep(&mut self, line: Line) {
        if line.whole {
            self.seen.push(String::from_utf8(line.bytes).expect("a line of stdout is UTF-8"));
        } else {
            self.cut = Some(String::from_utf8_lossy(&line.bytes).into_owned());
        }
    }

    fn give_up(&mut self, timeout: Duration) -> ! {
        let _ = self.child.kill();
        panic!("the connector did not end within {timeout:?}; {}", self.story())
    }

    /// What the child said last, for the message of a failed wait.
    fn story(&mut self) -> String {
        let gone = matches!(self.child.try_wait(), Ok(Some(_)));
        let mut story = format!("{} lines of stdout, the last:", self.seen.len());
        for line in self.seen.iter().rev().take(5).rev() {
            let _ = write!(story, "\n  {}", line.chars().take(400).collect::<String>());
        }
        if gone && let Ok(stderr) = self.stderr.recv_timeout(Duration::from_secs(1)) {
            let _ = write!(story, "\nthe child has ended; stderr:\n{stderr}");
        }
        story
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.was_kept {
            // Nobody has waited for the end: a test that fails, or that has seen enough.
            while let Some(Ok(line)) =
                self.lines.as_ref().map(|lines| lines.recv_timeout(LAST_WORDS))
            {
                self.seen.push(String::from_utf8_lossy(&line.bytes).into_owned());
            }
            let stderr = self.stderr.recv_timeout(LAST_WORDS).unwrap_or_default();
            self.record(&stderr);
        }
    }
}

/// All that a run left behind besides its objects.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How the process ended.
    pub(crate) status: ExitStatus,
    /// Every line of stdout, decoded.
    pub(crate) messages: Vec<Value>,
    /// Every line of stdout as it came, without its line end.
    pub(crate) stdout_lines: Vec<String>,
    /// Everything on stderr.
    pub(crate) stderr: String,
}

impl Outcome {
    /// The exit code; none when a signal ended the process.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails the test, with the connector's own words, unless the exit code is 0.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        let words: Vec<_> =
            self.errors().into_iter().chain(self.messages.iter().rev().take(3)).collect();
        assert_eq!(self.code(), Some(0), "the run failed: {words:#?}\nstderr: {}", self.stderr);
        self
    }

    /// The `state` of every STATE message, in order.
    pub(crate) fn states(&self) -> Vec<&Value> {
        self.of_type("STATE").map(|message| &message["state"]).collect()
    }

    /// The `error` of every TRACE ERROR, in order.
    pub(crate) fn errors(&self) -> Vec<&Value> {
        self.of_type("TRACE")
            .filter(|m| m["trace"]["type"] == "ERROR")
            .map(|m| &m["trace"]["error"])
            .collect()
    }

    /// The text of every LOG of `level` (`INFO`, `WARN`, ...), in order.
    pub(crate) fn logs(&self, level: &str) -> Vec<&str> {
        let logs = self.of_type("LOG").filter(|message| message["log"]["level"] == level);
        logs.map(|message| message["log"]["message"].as_str().expect("a LOG has a message"))
            .collect()
    }

    /// The answer of `check`: status and message. Fails the test unless there is exactly one.
    #[track_caller]
    pub(crate) fn connection_status(&self) -> (&str, &str) {
        let answers: Vec<_> =
            self.of_type("CONNECTION_STATUS").map(|m| &m["connectionStatus"]).collect();
        let [answer] = answers.as_slice() else {
            panic!("{} CONNECTION_STATUS in {self:#?}", answers.len())
        };
        (
            answer["status"].as_str().unwrap_or_default(),
            answer["message"].as_str().unwrap_or_default(),
        )
    }

    /// The answer of `spec`. Fails the test unless there is exactly one.
    #[track_caller]
    pub(crate) fn specification(&self) -> &Value {
        let answers: Vec<_> = self.of_type("SPEC").map(|message| &message["spec"]).collect();
        let [answer] = answers.as_slice() else { panic!("{} SPEC in {self:#?}", answers.len()) };
        answer
    }

    fn of_type(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.messages.iter().filter(move |message| message["type"] == kind)
    }
}

/// Files for the arguments of one run; they go when this is dropped.
#[derive(Debug)]
struct Files {
    folder: TempDir,
    secrets: Vec<String>,
}

impl Files {
    fn new(files: &[(&str, &Value)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        for (name, content) in files {
            fs::write(folder.path().join(name), content.to_string())
                .expect("a file in a temporary folder");
        }
        let mut secrets = Vec::new();
        files.iter().for_each(|(_, content)| collect_secrets(content, &mut secrets));
        Self { folder, secrets }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a path that is text").to_owned()
    }
}

/// The texts that a configuration holds wherever a secret belongs.
fn collect_secrets(value: &Value, secrets: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        match member {
            Value::String(text) if SECRET_MEMBERS.contains(&name.as_str()) => {
                secrets.push(text.clone());
            }
            Value::String(text) if name == "s3_endpoint" => secrets.extend(password_of(text)),
            _ => collect_secrets(member, secrets),
        }
    }
}

/// The password in `scheme://user:password@host`.
fn password_of(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password.to_owned())
}

fn line_of(message: &Value) -> Vec<u8> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Decodes a line of stdout; anything but one JSON object on it is a failure.
fn message_of(line: &str) -> Value {
    match serde_json::from_str::<Value>(line) {
        Ok(message) if message.is_object() => message,
        Ok(_) => panic!("a line of stdout is not a JSON object: {line}"),
        Err(e) => panic!("a line of stdout is not JSON ({e}): {line}"),
    }
}
