//! What the program says when it panics, which it should never do.
//!
//! A panic in any thread would leave the others waiting for it: the hook prints one TRACE ERROR, so that the platform
//! shows a reason, and ends the process. Rows that no STATE has acknowledged are sent again by the source.

use std::panic;

use crate::env;
use crate::error::{Failure, FailureType};
use crate::protocol::emitter::Emitter;

/// Installs the hook. Call it first.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let failure = Failure {
            // The payload may hold content of a record; the place says enough to find the defect.
            internal: Some(format!("panic at {place}")),
            ..Failure::new(
                FailureType::System,
                "the connector has a defect and stopped; what was acknowledged is safe, the rest is sent again. Please report this with the log",
            )
        };
        let mut emitter = Emitter::stdout();
        // Another emitter may have written half a line.
        let _ = emitter.line(b"");
        let _ = emitter.trace_error(&failure, env::unix_ms());
        exit();
    }));
}

/// Ends the process where it stands.
#[allow(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the threads of a broken process cannot be joined"
)]
pub(crate) fn exit() -> ! {
    std::process::exit(1)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

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
        let name = "last_word::tests::a_panic_is_one_trace_error_and_exit_code_1";
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
        assert!(place.starts_with("panic at src/last_word.rs"), "{place}");
        assert!(!format!("{stdout}{stderr}").contains("content of a record"), "{stdout}{stderr}");
    }
}
