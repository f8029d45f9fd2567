//! The programs of the bench, as they are called: the connector, the floor, the sink that both
//! write to.
//!
//! An [`Input`] in, a [`Run`] out. The connector gets a configuration with nothing but what it must
//! have, so that its defaults are what is measured, and an empty environment.
//!
//! Not here: the programs that the connector is compared with (`peers`), and what is made of the
//! figures.

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

/// Messages, and the catalog that they are written by.
#[derive(Debug)]
pub(crate) struct Input {
    /// How many messages are records.
    pub(crate) records: u64,
    /// All messages: what a speed is counted in.
    pub(crate) bytes: u64,
    messages: PathBuf,
    catalog: PathBuf,
}

impl Input {
    /// Makes the input, or takes the one that is there: it is the same bytes at every run. `mode`
    /// is what `generate_stream` wants before the number of records.
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

/// Has `generate_stream` make `path`, under another name until it is whole: a file that was cut off
/// would be measured next time.
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
    // To a file: the last line tells what went wrong, and a pipe would want a reader.
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

/// Sends `input` to the sink as it is.
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

/// A running `s3_sink`; dropping this ends it.
#[derive(Debug)]
pub(crate) struct Sink {
    child: Child,
    endpoint: String,
}

impl Sink {
    /// Starts one that forgets, or that saves its objects in `folder`.
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

    /// Objects and bytes that arrived since this was last asked.
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

/// A program in the folder of this one.
fn beside(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is missing: use `make bench`", path.display()).into())
    }
}
