//! The only writer to stdout: one JSON object per line, nothing else.
//!
//! Lines are buffered. They are flushed when a message must be seen at once: a STATE, a LOG, an
//! error, the end of a verb. An error from stdout goes to the caller, who ends the run: the
//! platform no longer reads.
//!
//! Not here: which messages there are to print (`verb`, `pipeline::run`).

use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};

use crate::error::Failure;

/// Levels of a LOG message that this connector uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogLevel {
    /// What a run does.
    Info,
    /// Something the user should look at; nothing is lost.
    Warn,
}

impl LogLevel {
    fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
        }
    }
}

/// Writes protocol messages.
#[derive(Debug)]
pub(crate) struct Emitter<W: Write> {
    out: BufWriter<W>,
}

impl Emitter<io::Stdout> {
    /// The emitter on the process's stdout. Make one per process.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the one writer to stdout")]
    pub(crate) fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> Emitter<W> {
    /// An emitter on any writer.
    pub(crate) fn new(out: W) -> Self {
        Self { out: BufWriter::new(out) }
    }

    /// Where a verb for people writes its text, which is no message.
    pub(crate) fn plain(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Writes a message and a line end.
    ///
    /// # Errors
    /// When stdout is closed: stop the run.
    pub(crate) fn message(&mut self, message: &Value) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, message)?;
        self.out.write_all(b"\n")
    }

    /// Writes a line that is JSON already, such as an echoed STATE.
    ///
    /// # Errors
    /// As [`Emitter::message`].
    pub(crate) fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.out.write_all(line)?;
        self.out.write_all(b"\n")
    }

    /// Writes a LOG message and flushes it: people watch a run by its LOGs. `message` must hold no
    /// secret and no content of records.
    ///
    /// # Errors
    /// As [`Emitter::message`].
    pub(crate) fn log(&mut self, level: LogLevel, message: &str) -> io::Result<()> {
        self.message(
            &json!({"type": "LOG", "log": {"level": level.as_str(), "message": message}}),
        )?;
        self.flush()
    }

    /// Writes the TRACE ERROR of a failed run and flushes it. `now_ms` is the wall clock in epoch
    /// milliseconds.
    ///
    /// # Errors
    /// As [`Emitter::message`].
    pub(crate) fn trace_error(&mut self, failure: &Failure, now_ms: u64) -> io::Result<()> {
        let mut error =
            json!({"message": failure.message, "failure_type": failure.failure_type.as_str()});
        if let Some(internal) = &failure.internal {
            error["internal_message"] = json!(internal);
        }
        self.message(&json!({"type": "TRACE",
                "trace": {"type": "ERROR", "emitted_at": now_ms as f64, "error": error}}))?;
        self.flush()
    }

    /// Makes everything written visible to the reader.
    ///
    /// # Errors
    /// As [`Emitter::message`].
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureType;

    /// A reader that sees what was flushed, and nothing else.
    #[derive(Default)]
    struct Reader {
        arriving: Vec<u8>,
        seen: Vec<u8>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.arriving.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.seen.append(&mut self.arriving);
            Ok(())
        }
    }

    #[test]
    fn a_log_is_seen_at_once() {
        let mut emitter = Emitter::new(Reader::default());
        emitter.line(b"{}").unwrap();
        assert_eq!(emitter.out.get_ref().seen, b"");
        emitter.log(LogLevel::Info, "m").unwrap();
        assert!(emitter.out.get_ref().seen.ends_with(b"\"m\"}}\n"), "a LOG waits in the buffer");
    }

    #[test]
    fn messages_have_the_members_that_the_platform_demands() {
        let mut bytes = Vec::new();
        let mut emitter = Emitter::new(&mut bytes);
        emitter.log(LogLevel::Warn, "a \"quoted\"\nword").unwrap();
        let mut failure = Failure::new(FailureType::Transient, "bucket is slow");
        failure.internal = Some("503".to_owned());
        emitter.trace_error(&failure, 1_700_000_000_123).unwrap();
        emitter.line(br#"{"type":"STATE"}"#).unwrap();
        drop(emitter);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            concat!(
                r#"{"type":"LOG","log":{"level":"WARN","message":"a \"quoted\"\nword"}}"#,
                "\n",
                r#"{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1700000000123.0,"error":{"message":"bucket is slow","failure_type":"transient_error","internal_message":"503"}}}"#,
                "\n",
                r#"{"type":"STATE"}"#,
                "\n",
            )
        );
    }
}
