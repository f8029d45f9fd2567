//! A running connector: its stdin stays open while the test waits for messages.
//!
//! Every wait has a time limit; a child that outlives it, or its [`Session`], is killed by its
//! handle.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use super::super::transcript;
use super::files::{Files, secrets_of_environment};
use super::outcome::Outcome;
use super::{Connector, line_of};

/// How long the pipes of a child that has ended are read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The key id of AWS's own documents, which is an example in the specification.
const PUBLIC_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// The pause between two looks at a child that closed its stdout and has yet to exit.
const EXIT_POLL: Duration = Duration::from_millis(2);

/// A running child. Dropping it kills the child.
#[derive(Debug)]
pub(crate) struct Session {
    child: Child,
    // Leads to the thread that writes stdin, so that a full pipe does not block the test. Dropping
    // it closes stdin.
    stdin: Option<Sender<Vec<u8>>>,
    pending: Arc<AtomicUsize>,
    // `None` once the test has closed stdout.
    lines: Option<Receiver<Line>>,
    seen: Vec<String>,
    cut: Option<String>,
    stderr: Receiver<String>,
    next: usize,
    killed: bool,
    arguments: Vec<String>,
    // Of this run only; the transcript knows the others.
    secrets: Vec<String>,
    is_recorded: bool,
    was_kept: bool,
    _files: Option<Files>,
}

/// One line of stdout, and whether its line feed arrived.
#[derive(Debug)]
struct Line {
    bytes: Vec<u8>,
    whole: bool,
}

impl Session {
    pub(super) fn start(connector: &Connector, arguments: &[&str], files: Option<Files>) -> Self {
        let mut secrets = secrets_of_environment(&connector.environment);
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
                    // The child is gone: its exit code shows why.
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
        // Fails if the child closed its stdin; its exit code shows why.
        let _ = stdin.send(bytes);
    }

    /// Sends one message as a line.
    pub(crate) fn send_message(&mut self, message: &Value) {
        self.send(line_of(message));
    }

    /// Returns how many sent bytes the pipe has not taken yet: more than 0 for long means back
    /// pressure.
    pub(crate) fn pending_input(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Closes stdin after everything that was sent.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Returns the child's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the next STATE message that no earlier wait returned; fails the test if none comes
    /// in time.
    pub(crate) fn wait_for_state(&mut self, timeout: Duration) -> Value {
        match self.wait_for(timeout, |message| message["type"] == "STATE") {
            Some(message) => message,
            None => panic!("no STATE within {timeout:?}; {}", self.story()),
        }
    }

    /// Returns the next message that `wanted` accepts and no earlier wait skipped; `None` if none
    /// comes within `timeout`.
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

    /// Kills the child at once (SIGKILL), as a crash of the machine would.
    pub(crate) fn kill(&mut self) {
        self.killed = true;
        self.child.kill().expect("a child that can be killed");
    }

    /// Sends the child a signal, as the platform does to cancel a sync.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("a child that takes signals");
    }

    /// Closes the reading end of stdout, as a platform does that cancels a sync: the child's next
    /// line breaks the pipe.
    pub(crate) fn close_stdout(&mut self) {
        self.lines = None;
    }

    /// Returns whether the child ends within `timeout` while stdin stays as it is.
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

    /// Closes stdin, waits until the child ends, and returns everything that it printed.
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

    /// Records the output once.
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

    /// Describes the child's last output for the message of a failed wait.
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
            // No one waited for the end: the test failed, or has seen enough.
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

/// Decodes a line of stdout; anything but one JSON object fails the test.
fn message_of(line: &str) -> Value {
    match serde_json::from_str::<Value>(line) {
        Ok(message) if message.is_object() => message,
        Ok(_) => panic!("a line of stdout is not a JSON object: {line}"),
        Err(e) => panic!("a line of stdout is not JSON ({e}): {line}"),
    }
}
