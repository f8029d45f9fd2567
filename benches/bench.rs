//! Measures the connector against its floor and against pigz, side by side: `make bench`.
//!
//! `bench BINARY [--records N] [--runs N] [--formats A,B] [--folder FOLDER]` makes the stream once (`generate_stream`),
//! starts `s3_sink`, and for each text format runs in turn, N times: the connector, the floor (`copy_floor` on the same
//! stdin) and, for the gzip formats, `pigz -p 2 -6` on the uncompressed bytes of the same rows. Machines change their
//! speed from minute to minute, so ratios are taken within a turn and their median is given. It prints one table, then
//! the time of `spec`.
//!
//! The other programs are expected beside this one. Linux only: peak memory is read from `/proc` while a run lasts, CPU
//! time from this process's own account of its children (a resolution of 10 ms).

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table is what this program is for")]
#![allow(
    clippy::disallowed_methods,
    reason = "a program beside the connector: it measures with the real clock"
)]

mod measure;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use measure::{Run, measure, median};
use serde_json::json;

const USAGE: &str = "usage: bench BINARY [--records N] [--runs N] [--formats A,B] [--folder FOLDER]";
const FORMATS: &str = "jsonl,jsonl.gz,csv,csv.gz";
const GZIP_LEVEL: u8 = 6;
const PIGZ: [&str; 4] = ["-p", "2", "-6", "-c"];
const SPEC_RUNS: usize = 20;

type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let plan = match Plan::from_arguments() {
        Ok(plan) => plan,
        Err(e) => {
            eprintln!("bench: {e}\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    match bench(&plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bench: {e}");
            ExitCode::FAILURE
        }
    }
}

/// What to measure.
#[derive(Debug)]
struct Plan {
    binary: PathBuf,
    records: u64,
    runs: usize,
    formats: Vec<String>,
    folder: PathBuf,
}

impl Plan {
    fn from_arguments() -> Result<Self, Failure> {
        let mut arguments = std::env::args().skip(1);
        let mut plan = Self {
            binary: arguments.next().ok_or("no BINARY")?.into(),
            records: 1_000_000,
            runs: 5,
            formats: FORMATS.split(',').map(str::to_owned).collect(),
            folder: "target/bench".into(),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--records" => plan.records = value.parse()?,
                "--runs" => plan.runs = value.parse::<usize>()?.max(1),
                "--formats" => plan.formats = value.split(',').map(str::to_owned).collect(),
                "--folder" => plan.folder = value.into(),
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        Ok(plan)
    }

    fn messages(&self) -> PathBuf {
        self.folder.join(format!("messages-{}.jsonl", self.records))
    }

    fn catalog(&self) -> PathBuf {
        self.folder.join("catalog.json")
    }
}

fn bench(plan: &Plan) -> Result<(), Failure> {
    fs::create_dir_all(&plan.folder)?;
    let (messages, catalog) = (plan.messages(), plan.catalog());
    if !messages.is_file() || !catalog.is_file() {
        // Under another name until it is whole: a stream that was cut off would be measured next time.
        let unfinished = plan.folder.join("messages.unfinished");
        let status = Command::new(beside("generate_stream")?)
            .arg(plan.records.to_string())
            .args([&unfinished, &catalog])
            .status()?;
        if !status.success() {
            return Err("the stream could not be made".into());
        }
        fs::rename(unfinished, &messages)?;
    }
    let input_bytes = fs::metadata(&messages)?.len();
    let has_pigz =
        Command::new("pigz").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    println!(
        "{} records, {} of messages, {} runs of each, {} processors",
        plan.records,
        megabytes(input_bytes),
        plan.runs,
        std::thread::available_parallelism()?
    );
    if !has_pigz {
        println!("pigz is not installed: its columns are left out");
    }

    println!(
        "\n{:<9} {:>20} {:>7} {:>7} {:>9} {:>9} {:>20} {:>9} {:>17} {:>9} {:>9}",
        "format",
        "MB/s (min-max)",
        "wall s",
        "cpu s",
        "peak MiB",
        "out MB",
        "floor MB/s",
        "of floor",
        "pigz wall s",
        "x pigz",
        "pigz MB"
    );
    let sink = Sink::start(None)?;
    for format in &plan.formats {
        let rows = if has_pigz { plain_rows(plan, format)? } else { None };
        let line = compare(plan, format, &sink, rows.as_deref(), input_bytes)?;
        println!("{line}");
    }
    println!(
        "\nMB/s: messages on stdin, median of the runs. of floor, x pigz: medians of the ratios within a turn."
    );
    println!(
        "x pigz: how many times as fast as `pigz {}` on the same rows' bytes, parsing and",
        PIGZ.join(" ")
    );
    println!("upload included.");

    let spec: Vec<f64> = (0..SPEC_RUNS)
        .map(|_| {
            let mut command = Command::new(&plan.binary);
            command.arg("spec").env_clear().stdin(Stdio::null()).stdout(Stdio::null());
            measure("spec", &mut command).map(|run| run.wall_s * 1_000.0)
        })
        .collect::<Result<_, _>>()?;
    println!("\nspec: {:.1} ms, median of {SPEC_RUNS} runs", median(&spec));
    println!("binary: {}", megabytes(fs::metadata(&plan.binary)?.len()));
    Ok(())
}

/// Runs the contenders in turn and gives the format's line of the table.
fn compare(
    plan: &Plan,
    format: &str,
    sink: &Sink,
    rows: Option<&Path>,
    input_bytes: u64,
) -> Result<String, Failure> {
    let mut connector = Vec::new();
    let mut floor = Vec::new();
    let mut pigz = Vec::new();
    let mut out_bytes = 0;
    for turn in 1..=plan.runs {
        eprint!("\r{format}: turn {turn} of {} ", plan.runs);
        sink.totals()?;
        connector.push(run_connector(plan, format, &sink.endpoint)?);
        let (objects, bytes) = sink.totals()?;
        if objects == 0 {
            return Err(format!("{format}: the connector wrote no object").into());
        }
        out_bytes = bytes;

        let mut command = Command::new(beside("copy_floor")?);
        command.args([&sink.endpoint, "bench", "floor"]).stdin(File::open(plan.messages())?);
        floor.push(measure("copy_floor", &mut command)?);
        let (_, bytes) = sink.totals()?;
        if bytes != input_bytes {
            return Err(format!("the floor sent {bytes} bytes of {input_bytes}").into());
        }

        if let Some(rows) = rows {
            let mut command = Command::new("pigz");
            command.args(PIGZ).stdin(File::open(rows)?).stdout(Stdio::null());
            pigz.push(measure("pigz", &mut command)?);
        }
    }
    eprint!("\r{:40}\r", "");

    let speeds =
        |runs: &[Run]| runs.iter().map(|run| input_bytes as f64 / run.wall_s / 1e6).collect::<Vec<_>>();
    let ratios = |others: &[Run]| {
        others.iter().zip(&connector).map(|(other, run)| other.wall_s / run.wall_s).collect::<Vec<_>>()
    };
    let of = |runs: &[Run], value: fn(&Run) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
    let mut line = format!(
        "{format:<9} {:>20} {:>7.2} {:>7.2} {:>9.0} {:>9.1} {:>20} {:>8.0}%",
        spread(&speeds(&connector)),
        of(&connector, |run| run.wall_s),
        of(&connector, |run| run.cpu_s),
        of(&connector, |run| run.peak_bytes as f64) / f64::from(1 << 20),
        out_bytes as f64 / 1e6,
        spread(&speeds(&floor)),
        median(&ratios(&floor)) * 100.0,
    );
    if let Some(rows) = rows {
        let walls: Vec<f64> = pigz.iter().map(|run| run.wall_s).collect();
        line += &format!(
            " {:>17} {:>9.2} {:>9.1}",
            spread_with(&walls, 2),
            median(&ratios(&pigz)),
            pigz_bytes(rows)? as f64 / 1e6
        );
    }
    Ok(line)
}

fn run_connector(plan: &Plan, format: &str, endpoint: &str) -> Result<Run, Failure> {
    let mut settings = json!({ "format_type": format });
    if format.ends_with(".gz") {
        settings["gzip_level"] = json!(GZIP_LEVEL);
    }
    let config = json!({
        "s3_bucket_name": "bench",
        "s3_bucket_region": "us-east-1",
        "s3_endpoint": endpoint,
        "authentication": {
            "auth_type": "access_key",
            "access_key_id": "AKIABENCHMARKEXAMPLE",
            "secret_access_key": "no-secret",
        },
        "format": settings,
    });
    let config_path = plan.folder.join(format!("config-{format}.json"));
    fs::write(&config_path, config.to_string())?;
    // To a file: the last line tells what went wrong, and a pipe would want a reader.
    let stdout = plan.folder.join("connector.stdout");
    let mut command = Command::new(&plan.binary);
    command
        .arg("write")
        .args([Path::new("--config"), &config_path, Path::new("--catalog"), &plan.catalog()])
        .env_clear()
        .stdin(File::open(plan.messages())?)
        .stdout(File::create(&stdout)?);
    measure("the connector", &mut command).map_err(|e| {
        let said = fs::read_to_string(&stdout).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(3).collect();
        format!("{format}: {e}\n{}", last.join("\n")).into()
    })
}

/// The bytes that a `.gz` format compresses: all objects of a run in the plain format, one after the other.
fn plain_rows(plan: &Plan, format: &str) -> Result<Option<PathBuf>, Failure> {
    let Some(plain) = format.strip_suffix(".gz") else { return Ok(None) };
    let folder = plan.folder.join(format!("rows-{plain}"));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let sink = Sink::start(Some(&folder))?;
    run_connector(plan, plain, &sink.endpoint)?;
    let mut objects: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    objects.sort();
    let rows = plan.folder.join(format!("rows.{plain}"));
    let mut file = File::create(&rows)?;
    for object in objects {
        std::io::copy(&mut File::open(object)?, &mut file)?;
    }
    fs::remove_dir_all(&folder)?;
    Ok(Some(rows))
}

/// How big pigz makes `rows`; not timed.
fn pigz_bytes(rows: &Path) -> Result<u64, Failure> {
    let mut child =
        Command::new("pigz").args(PIGZ).stdin(File::open(rows)?).stdout(Stdio::piped()).spawn()?;
    let mut stdout = child.stdout.take().ok_or("no pipe from pigz")?;
    let bytes = std::io::copy(&mut stdout, &mut std::io::sink())?;
    child.wait()?;
    Ok(bytes)
}

/// A running `s3_sink`; dropping this ends it.
#[derive(Debug)]
struct Sink {
    child: Child,
    endpoint: String,
}

impl Sink {
    fn start(folder: Option<&Path>) -> Result<Self, Failure> {
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
    fn totals(&self) -> Result<(u64, u64), Failure> {
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

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn spread(values: &[f64]) -> String {
    spread_with(values, 0)
}

/// `median (min-max)`.
fn spread_with(values: &[f64], digits: usize) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!("{:.digits$} ({low:.digits$}-{high:.digits$})", median(values))
}
