//! The connector as a child process, driven as the platform drives it: arguments, stdin, stdout,
//! exit code.
//!
//! A [`Connector`] (a binary and its environment) returns an [`Outcome`] for each verb; `write` can
//! also be a [`Session`] whose stdin stays open while the test waits for messages.
//!
//! Invariants
//! - The child's environment is empty except for what the test passes.
//! - Every wait has a time limit; a child that outlives it, or its `Session`, is killed by its
//!   handle.
//! - Every line of stdout is one JSON object, or the test fails.
//! - No secret of a configuration, of the child's environment or of a server of the tests, and
//!   nothing of a signed request, is on stdout or stderr, or the test fails. The output is recorded
//!   (`transcript`).
//!
//! Not here: what the messages should say.

mod files;
mod outcome;
mod session;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use self::files::Files;
pub(crate) use self::outcome::Outcome;
pub(crate) use self::session::Session;

/// How long a whole run may take unless a test says otherwise: far more than any run needs, so that
/// a hang is a failure.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A connector binary and the environment that it runs in.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    time_limit: Duration,
    is_recorded: bool,
}

impl Connector {
    /// Uses the binary at `binary` with an empty environment.
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

    /// Records neither output nor secrets: for tests of the secret search itself.
    pub(crate) fn unrecorded(mut self) -> Self {
        self.is_recorded = false;
        self
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
    /// Replaces the catalog or the configuration by this text, because values of `serde_json`
    /// cannot represent all JSON.
    pub(crate) fn file_text(self, name: &str, text: &str) -> Self {
        fs::write(self.files.path(name), text).expect("a file in a temporary folder");
        self
    }

    /// Appends to the child's stdin.
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

fn line_of(message: &Value) -> Vec<u8> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}
