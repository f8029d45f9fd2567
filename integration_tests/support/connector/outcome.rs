//! What a run left behind besides its objects: exit status, messages and stderr.

use std::process::ExitStatus;

use serde_json::Value;

/// Everything that a run left behind besides its objects.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How the process ended.
    pub(crate) status: ExitStatus,
    /// Every line of stdout, decoded.
    pub(crate) messages: Vec<Value>,
    /// Every line of stdout as it came, without its line feed.
    pub(crate) stdout_lines: Vec<String>,
    /// Everything on stderr.
    pub(crate) stderr: String,
}

impl Outcome {
    /// Returns the exit code; `None` if a signal ended the process.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails the test, with the connector's own messages, unless the exit code is 0.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        let words: Vec<_> =
            self.errors().into_iter().chain(self.messages.iter().rev().take(3)).collect();
        assert_eq!(self.code(), Some(0), "the run failed: {words:#?}\nstderr: {}", self.stderr);
        self
    }

    /// Returns the `state` of every STATE message, in order.
    pub(crate) fn states(&self) -> Vec<&Value> {
        self.of_type("STATE").map(|message| &message["state"]).collect()
    }

    /// Returns the `error` of every TRACE ERROR, in order.
    pub(crate) fn errors(&self) -> Vec<&Value> {
        self.of_type("TRACE")
            .filter(|m| m["trace"]["type"] == "ERROR")
            .map(|m| &m["trace"]["error"])
            .collect()
    }

    /// Returns the text of every LOG of `level` (`INFO`, `WARN`, ...), in order.
    pub(crate) fn logs(&self, level: &str) -> Vec<&str> {
        let logs = self.of_type("LOG").filter(|message| message["log"]["level"] == level);
        logs.map(|message| message["log"]["message"].as_str().expect("a LOG has a message"))
            .collect()
    }

    /// Returns the answer of `check`: status and message. Fails the test unless there is exactly
    /// one.
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

    /// Returns the answer of `spec`. Fails the test unless there is exactly one.
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
