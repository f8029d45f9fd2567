//! The connector inside the shell script with which the platform starts it.
//!
//! The platform's script runs `$AIRBYTE_ENTRYPOINT` with `eval` in a background subshell, between
//! named pipes, waits for a marker file and then sends SIGTERM to that subshell. When the script
//! ends, so does the container: whatever still runs in it is killed. The entrypoint is that of the
//! Dockerfile, with the path of the binary under test.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::world::{SOON, World, jsonl_and, state, user, users};

/// The platform's script, with shorter pauses.
const SCRIPT: &str = r#"
[ -n "$AIRBYTE_ENTRYPOINT" ] || exit 127
mkfifo in out err
touch ready
(
  eval "$AIRBYTE_ENTRYPOINT write --config config.json --catalog catalog.json" 2>err >out <in
) &
connector=$!
(while true; do if [ -f cancelled ]; then kill $connector; exit 0; fi; sleep 0.1; done) &
wait $connector
code=$?
echo $code >exit_code.part
mv exit_code.part exit_code
exit $code
"#;

/// Returns the image's `AIRBYTE_ENTRYPOINT` for the binary under test.
fn entrypoint() -> String {
    let dockerfile =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile")).unwrap();
    let line =
        dockerfile.lines().find_map(|line| line.strip_prefix("ENV AIRBYTE_ENTRYPOINT=")).unwrap();
    let command = line.trim_matches('"');
    assert!(command.ends_with("/usr/local/bin/destination-s3"), "{command}");
    command.replace("/usr/local/bin/destination-s3", env!("CARGO_BIN_EXE_destination-s3"))
}

/// The running script, and the other ends of its pipes.
struct Container {
    script: Child,
    folder: TempDir,
    stdin: Sender<String>,
    stdout: Receiver<Value>,
}

impl Container {
    fn start(config: &Value, catalog: &Value) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        fs::write(folder.path().join("catalog.json"), catalog.to_string()).unwrap();
        let script = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("AIRBYTE_ENTRYPOINT", entrypoint())
            .stdin(Stdio::null())
            // The container's processes, to be killed together.
            .process_group(0)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + SOON;
        while !folder.path().join("ready").exists() {
            assert!(Instant::now() < deadline, "the script created no pipes");
            std::thread::sleep(Duration::from_millis(5));
        }
        let pipe = |name: &str| folder.path().join(name);
        let (err, out, input) = (pipe("err"), pipe("out"), pipe("in"));
        std::thread::spawn(move || {
            let mut text = String::new();
            File::open(err).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "", "stderr is for panics");
        });
        let (sender, stdout) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(File::open(out).unwrap()).lines() {
                let message = serde_json::from_str(&line.unwrap()).unwrap();
                // The test has closed the pipe.
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let (stdin, inputs) = mpsc::channel::<String>();
        std::thread::spawn(move || {
            let mut pipe = File::options().write(true).open(input).unwrap();
            for input in inputs {
                if pipe.write_all(input.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Self { script, folder, stdin, stdout }
    }

    /// Waits for the STATE with this cursor; returns all messages up to it.
    fn wait_for_cursor(&self, cursor: u64) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let message = self.stdout.recv_timeout(SOON).expect("a STATE in time");
            let found = cursor_of(&message) == Some(cursor);
            messages.push(message);
            if found {
                return messages;
            }
        }
    }

    fn cancel(&self) {
        fs::write(self.folder.path().join("cancelled"), "").unwrap();
    }

    /// Waits for the end of the script, which ends the container. Returns the exit code.
    fn end(&mut self) -> i32 {
        let deadline = Instant::now() + SOON;
        let status = loop {
            match self.script.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("the script does not end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        self.kill();
        let code = fs::read_to_string(self.folder.path().join("exit_code")).unwrap();
        assert_eq!(code.trim(), status.code().unwrap().to_string());
        status.code().unwrap()
    }

    fn kill(&self) {
        let group = i32::try_from(self.script.id()).ok().and_then(Pid::from_raw).unwrap();
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.kill();
        let _ = self.script.wait();
    }
}

fn cursor_of(message: &Value) -> Option<u64> {
    message["state"]["stream"]["stream_state"]["cursor"].as_u64()
}

/// Seven STATEs with a hundred rows each, and rows after the last one. The last STATE belongs to a
/// stream that the catalog does not have and comes back at once: everything before it has been read
/// then.
fn input() -> String {
    let mut input = String::new();
    for cursor in 1..=7 {
        input.extend((0..100).map(|row| user(cursor * 100 + row)));
        input.push_str(&state("users", cursor));
    }
    input.extend((0..50).map(|row| user(9000 + row)));
    input + &state("nobody", 99)
}

#[test]
fn a_sync_cancelled_through_the_platforms_script_acknowledges_what_states_cover() {
    let world = World::new();
    let config =
        world.config(&jsonl_and(&serde_json::json!({ "checkpoint_interval_seconds": 3600 })));
    let mut container = Container::start(&config, &users());
    container.stdin.send(input()).unwrap();
    let mut messages = container.wait_for_cursor(99);
    container.cancel();
    let code = container.end();
    messages.extend(container.stdout.iter());
    let cursors: Vec<u64> = messages.iter().filter_map(cursor_of).collect();
    assert_eq!(cursors, [99, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(world.ids().len(), 700, "the rows that STATEs cover, and no others");
    assert_eq!(code, 143);
    let error = messages.iter().find(|message| message["type"] == "TRACE").expect("a TRACE ERROR");
    let error = error["trace"]["error"]["message"].as_str().unwrap();
    assert!(error.contains("SIGTERM"), "{error}");
}

/// An orchestrator that closes the pipes before it cancels: the connector ends by itself, or by the
/// signal.
#[test]
fn a_cancel_that_closes_the_pipes_first_ends_the_container() {
    let world = World::new();
    let config =
        world.config(&jsonl_and(&serde_json::json!({ "checkpoint_interval_seconds": 3600 })));
    let mut container = Container::start(&config, &users());
    container.stdin.send(input()).unwrap();
    container.wait_for_cursor(99);
    (container.stdin, container.stdout) = (mpsc::channel().0, mpsc::channel().1);
    container.cancel();
    let code = container.end();
    assert!(matches!(code, 1 | 143), "{code}");
}

#[test]
fn check_and_spec_start_from_the_entrypoint_of_the_image() {
    let world = World::new();
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("config.json"),
        world.config(&jsonl_and(&serde_json::json!({}))).to_string(),
    )
    .unwrap();
    for (verb, kind) in [("check --config config.json", "CONNECTION_STATUS"), ("spec", "SPEC")] {
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("(eval \"$AIRBYTE_ENTRYPOINT {verb}\") & wait $!")])
            .current_dir(folder.path())
            .env_clear()
            .env("AIRBYTE_ENTRYPOINT", entrypoint())
            .output()
            .unwrap();
        let message: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), message["type"].as_str()), (Some(0), Some(kind)));
    }
}
