//! Starts the programs of the benchmark: the connector, the floor, and the sink that both write to.
//!
//! The connector gets a configuration with only the required settings and an empty environment, so
//! that its defaults are measured. `peers` has the programs that it is compared with.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::measure::{Run, measure};

const GZIP_LEVEL: u8 = 6;

pub(crate) type Failure = Box<dyn Error>;

/// Messages and their catalog.
#[derive(Debug)]
pub(crate) struct Input {
    /// The number of records among the messages.
    pub(crate) records: u64,
    /// The size of all messages, from which speeds are computed.
    pub(crate) bytes: u64,
    messages: PathBuf,
    catalog: PathBuf,
}

impl Input {
    /// Makes the input, or uses an existing one, because it has the same bytes in every run. `mode`
    /// contains the arguments of `generate_stream` before the number of records.
    pub(crate) fn made(
        folder: &Path,
        name: &str,
        mode: &[&str],
        records: u64,
    ) -> Result<Self, Failure> {
        let messages = folder.join(format!("{name}-{records}.jsonl"));
        let catalog = folder.join(format!("{name}-{records}.catalog.json"));
        if !messages.is_file() || !catalog.is_file() {
            generate(folder, &messages, |command, unfinished| {
                command.args(mode).arg(records.to_string()).arg(unfinished).arg(&catalog);
            })?;
        }
        Ok(Self { records, bytes: fs::metadata(&messages)?.len(), messages, catalog })
    }
}

/// Lets `generate_stream` write `path`, under another name until it is complete. Otherwise the next
/// run would measure a truncated file.
pub(crate) fn generate(
    folder: &Path,
    path: &Path,
    arguments: impl Fn(&mut Command, &Path),
) -> Result<(), Failure> {
    let unfinished = folder.join("generated.unfinished");
    let mut command = Command::new(beside("generate_stream")?);
    arguments(&mut command, &unfinished);
    if !command.status()?.success() {
        return Err("the stream could not be made".into());
    }
    Ok(fs::rename(unfinished, path)?)
}

/// Runs the connector on `input` and leaves its configuration and stdout in `folder`.
pub(crate) fn run_connector(
    binary: &Path,
    folder: &Path,
    format: &str,
    input: &Input,
    sink: &Sink,
) -> Result<Run, Failure> {
    let mut settings = json!({ "format_type": format });
    if format.ends_with(".gz") {
        settings["gzip_level"] = json!(GZIP_LEVEL);
    }
    let config = json!({
        "s3_bucket_name": "bench",
        "s3_bucket_region": "us-east-1",
        "s3_endpoint": sink.endpoint,
        "authentication": {
            "auth_type": "access_key",
            "access_key_id": "AKIABENCHMARKEXAMPLE",
            "secret_access_key": "no-secret",
        },
        "format": settings,
    });
    let config_path = folder.join(format!("config-{format}.json"));
    fs::write(&config_path, config.to_string())?;
    // A file rather than a pipe, which would need a reader. The last line says what failed.
    let stdout = folder.join("connector.stdout");
    let mut command = Command::new(binary);
    command
        .arg("write")
        .args([Path::new("--config"), &config_path, Path::new("--catalog"), &input.catalog])
        .env_clear()
        .stdin(File::open(&input.messages)?)
        .stdout(File::create(&stdout)?);
    measure("the connector", &mut command).map_err(|e| {
        let said = fs::read_to_string(&stdout).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(3).collect();
        format!("{format}: {e}\n{}", last.join("\n")).into()
    })
}

/// Sends `input` to the sink unchanged.
pub(crate) fn run_floor(input: &Input, sink: &Sink) -> Result<Run, Failure> {
    let mut command = Command::new(beside("copy_floor")?);
    command.args([&sink.endpoint, "bench", "floor"]).stdin(File::open(&input.messages)?);
    let run = measure("copy_floor", &mut command)?;
    let (_, bytes) = sink.totals()?;
    if bytes == input.bytes {
        Ok(run)
    } else {
        Err(format!("the floor sent {bytes} bytes of {}", input.bytes).into())
    }
}

/// A running `s3_sink`. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Sink {
    child: Child,
    endpoint: String,
}

impl Sink {
    /// Starts a sink that discards its objects, or saves them in `folder`.
    pub(crate) fn start(folder: Option<&Path>) -> Result<Self, Failure> {
        let mut command = Command::new(beside("s3_sink")?);
        if let Some(folder) = folder {
            command.arg("--save").arg(folder);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no pipe from the sink")?).read_line(&mut line)?;
        Ok(Self { child, endpoint: line.trim_end().to_owned() })
    }

    /// Returns the objects and bytes that arrived since the previous call.
    pub(crate) fn totals(&self) -> Result<(u64, u64), Failure> {
        let address = self.endpoint.strip_prefix("http://").ok_or("the sink did not start")?;
        let mut socket = TcpStream::connect(address)?;
        socket.write_all(b"GET /-/totals HTTP/1.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let mut numbers = answer.lines().last().unwrap_or_default().split(' ').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(objects)), Some(Ok(bytes))) => Ok((objects, bytes)),
            _ => Err(format!("the sink answered {answer:?}").into()),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the path of a program in the folder of this one.
fn beside(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is missing: use `make bench`", path.display()).into())
    }
}
