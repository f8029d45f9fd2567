//! Reports a panic, which should never happen, and ends the process.
//!
//! A panic in any thread would leave the others waiting for it. The hook prints one TRACE ERROR, so
//! that the platform shows a reason, and ends the process. The source sends the rows again that no
//! STATE has acknowledged.
//!
//! Invariant: the process ends within little more than [`REPORT_TIMEOUT`], also where nobody reads
//! stdout. The lock of `std::io::stdout` is not taken: another thread may hold it while it waits
//! for a full pipe.

use std::io;
use std::panic;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::env;
use crate::error::{Failure, FailureType};
use crate::protocol::emitter::Emitter;

/// How long the hook waits for a reader of stdout. A platform reads all the time, but may be busy.
const REPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that a pipe takes without waiting once it is ready for writing (PIPE_BUF of Linux).
const READY_BYTES: usize = 4096;

/// Installs the hook. Call it before anything else.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        // What is written below cannot wait by itself, unless another thread fills the pipe at the
        // same moment.
        let _ = std::thread::Builder::new().spawn(|| {
            std::thread::sleep(REPORT_TIMEOUT);
            exit(1);
        });
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let failure = Failure {
            // The payload may hold content of a record; the place says enough to find the defect.
            internal: Some(format!("panic at {place}")),
            ..Failure::new(
                FailureType::System,
                "the connector stopped because of a defect; rows that were acknowledged are safe, \
                 and the source sends the others again. Please report this with the log",
            )
        };
        let mut report = Vec::new();
        let mut emitter = Emitter::new(&mut report);
        // Another emitter may have written half a line.
        let _ = emitter.line(b"");
        let _ = emitter.trace_error(&failure, env::unix_ms());
        drop(emitter);
        let _ = write_to_stdout(&report);
        exit(1);
    }));
}

/// Writes to stdout, past the lock and the buffer of the process, for as long as there is room.
fn write_to_stdout(report: &[u8]) -> io::Result<()> {
    let stdout = rustix::stdio::stdout();
    let timeout = Timespec::try_from(REPORT_TIMEOUT).map_err(io::Error::other)?;
    let mut rest = report;
    while !rest.is_empty() {
        if poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], Some(&timeout))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let written = rustix::io::write(stdout, rest.get(..READY_BYTES).unwrap_or(rest))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Ends the process at once, without joining its threads.
#[allow(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the threads of a broken process cannot be joined"
)]
pub(crate) fn exit(code: u8) -> ! {
    std::process::exit(code.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use crate::env;

    const ROLE: &str = "DESTINATION_S3_TEST_PANICS";

    /// Runs itself as a child process, in which a thread panics while the others wait for it.
    #[test]
    fn a_panic_is_one_trace_error_and_exit_code_1() {
        if env::var(ROLE).is_some() {
            super::install();
            let (_never, waits) = std::sync::mpsc::channel::<()>();
            std::thread::spawn(|| panic!("the content of a record"));
            let _ = waits.recv();
            unreachable!("the hook ends the process");
        }
        let name = "panic_hook::tests::a_panic_is_one_trace_error_and_exit_code_1";
        let child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--test-threads=1"])
            .env(ROLE, "1")
            .output()
            .unwrap();
        let (stdout, stderr) =
            (String::from_utf8(child.stdout).unwrap(), String::from_utf8(child.stderr).unwrap());
        assert_eq!(child.status.code(), Some(1), "{stdout}{stderr}");
        let traces: Vec<serde_json::Value> =
            stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let [trace] = traces.as_slice() else { panic!("one line of JSON, not {stdout}") };
        assert_eq!(trace["trace"]["error"]["failure_type"], "system_error");
        let place = trace["trace"]["error"]["internal_message"].as_str().unwrap();
        assert!(place.starts_with("panic at src/panic_hook.rs"), "{place}");
        assert!(!format!("{stdout}{stderr}").contains("content of a record"), "{stdout}{stderr}");
    }

    /// Nobody reads the child's stdout while one of its threads holds the lock of it and waits for
    /// a full pipe.
    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the lock of stdout is what the hook must not take"
    )]
    fn a_panic_ends_the_process_although_stdout_is_full() {
        if env::var(ROLE).is_some() {
            super::install();
            std::thread::spawn(|| {
                let mut stdout = std::io::stdout().lock();
                while stdout.write_all(&[b'x'; 4096]).and_then(|()| stdout.flush()).is_ok() {}
            });
            // More than a pipe holds is there by now, or soon: the hook must not wait for it either
            // way.
            std::thread::sleep(Duration::from_millis(200));
            std::thread::spawn(|| panic!("the content of a record"));
            loop {
                std::thread::park();
            }
        }
        let name = "panic_hook::tests::a_panic_ends_the_process_although_stdout_is_full";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--test-threads=1"])
            .env(ROLE, "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut polls = 0;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            polls += 1;
            if polls > 6000 {
                child.kill().unwrap();
                panic!("it waits for a reader of stdout");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(1));
    }
}
