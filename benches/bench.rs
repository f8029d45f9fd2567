//! Measures the connector beside its floor and its peers: `make bench`.
//!
//! Usage: `bench BINARY [--records N] [--streams N] [--runs N] [--formats A,B] [--folder FOLDER]
//! [--peers FOLDER]`. It prints:
//!
//! 1. For each format, one stream of `--records` records (1,000,000). `--runs` times (5) it runs in
//!    turn the connector, the floor (`copy_floor` on the same stdin) and the format's peer if it
//!    has one: pigz for gzip, DuckDB for Parquet. The speed of a machine changes from minute to
//!    minute, so ratios are taken within a turn, and the table shows their median.
//! 2. For `parquet` and `jsonl.gz`, `--streams` interleaved streams of 20 columns (500; 0 leaves
//!    this out), about 300 MB in all at 500 streams. It shows what many open files cost in speed
//!    and memory at the default memory limit.
//! 3. The time of `spec`.
//!
//! `--peers` is the virtual environment that `make bench-peers` creates. Without it the columns of
//! the peers stay empty.
//!
//! The cost of a record must not depend on the number of records. To check that:
//!
//! ```text
//! for n in 10000 100000 1000000 10000000; do
//!   make bench BENCH="--records $n --streams 0 --formats jsonl,parquet"
//! done
//! ```
//!
//! 10,000,000 records are 3.1 GB of messages in `--folder`, and 2.3 GB more for DuckDB. 10,000
//! records take so little time that the start of the program shows.
//!
//! The other programs must be in the folder of this one. Linux only: the program reads peak memory
//! from `/proc` during a run, and CPU time from the kernel's account of its children (a resolution
//! of 10 ms).

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the tables are what this program is for"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a program beside the connector: it measures with the real clock"
)]

mod measure;
mod peers;
mod programs;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use measure::{Run, measure, median};
use peers::{Peer, Peers};
use programs::{Failure, Input, Sink, run_connector, run_floor};

const USAGE: &str = "usage: bench BINARY [--records N] [--streams N] [--runs N] [--formats A,B] \
                     [--folder FOLDER] [--peers FOLDER]";
const FORMATS: &str = "jsonl,jsonl.gz,csv,csv.gz,parquet";
const FORMATS_OF_MANY_STREAMS: [&str; 2] = ["parquet", "jsonl.gz"];
/// 300 MB of messages at 500 streams.
const RECORDS_OF_EACH_STREAM: u64 = 1_100;
const SPEC_RUNS: usize = 20;

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

/// The command line.
#[derive(Debug)]
struct Plan {
    binary: PathBuf,
    records: u64,
    streams: u64,
    runs: usize,
    formats: Vec<String>,
    folder: PathBuf,
    peers: PathBuf,
}

impl Plan {
    fn from_arguments() -> Result<Self, Failure> {
        let mut arguments = std::env::args().skip(1);
        let mut plan = Self {
            binary: arguments.next().ok_or("no BINARY")?.into(),
            records: 1_000_000,
            streams: 500,
            runs: 5,
            formats: FORMATS.split(',').map(str::to_owned).collect(),
            folder: "target/bench".into(),
            peers: "target/bench-peers".into(),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--records" => plan.records = value.parse()?,
                "--streams" => plan.streams = value.parse()?,
                "--runs" => plan.runs = value.parse::<usize>()?.max(1),
                "--formats" => plan.formats = value.split(',').map(str::to_owned).collect(),
                "--folder" => plan.folder = value.into(),
                "--peers" => plan.peers = value.into(),
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        Ok(plan)
    }
}

fn bench(plan: &Plan) -> Result<(), Failure> {
    fs::create_dir_all(&plan.folder)?;
    let peers = Peers::found(&plan.peers);
    let sink = Sink::start(None)?;
    one_stream(plan, &peers, &sink)?;
    if plan.streams > 0 {
        many_streams(plan, &sink)?;
    }
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

/// Prints the first table: one stream per format.
fn one_stream(plan: &Plan, peers: &Peers, sink: &Sink) -> Result<(), Failure> {
    let input = Input::made(&plan.folder, "messages", &[], plan.records)?;
    println!(
        "{} records, {} of messages, {} runs of each, {} processors",
        plan.records,
        megabytes(input.bytes),
        plan.runs,
        std::thread::available_parallelism()?
    );
    for line in peers.missing() {
        println!("{line}");
    }
    println!(
        "\n{:<9} {COST_HEADER} {:>18} {:>8} {:>12} {:>15} {:>9} {:>8}",
        "format", "floor MB/s", "of floor", "x peer", "peer MB/s", "peak MiB", "out MB"
    );
    let mut notes = Vec::new();
    for format in &plan.formats {
        let peer = peers.of(&plan.binary, &plan.folder, format, &input)?;
        println!("{}", compare(plan, format, &input, sink, peer.as_ref())?);
        notes.extend(peer.map(|peer| peer.note()).filter(|note| !notes.contains(note)));
    }
    println!(
        "\nMB/s: of the messages on stdin, also the floor's and the peers', whatever they read; \
         median (lowest-highest).\n\
         peak: the highest of the runs. of floor, x peer (how many times as fast as it): medians \
         of the ratios within a turn.\n\
         The connector parses and uploads to a server on this machine."
    );
    for note in notes {
        println!("{note}");
    }
    Ok(())
}

/// Runs the programs in turn and returns the format's line of the first table.
fn compare(
    plan: &Plan,
    format: &str,
    input: &Input,
    sink: &Sink,
    peer: Option<&Peer>,
) -> Result<String, Failure> {
    let mut connector = Vec::new();
    let mut floor = Vec::new();
    let mut beside = Vec::new();
    let mut out_bytes = 0;
    for turn in 1..=plan.runs {
        eprint!("\r{format}: turn {turn} of {} ", plan.runs);
        let (run, _, bytes) = uploaded(plan, format, input, sink)?;
        connector.push(run);
        out_bytes = bytes;
        floor.push(run_floor(input, sink)?);
        if let Some(peer) = peer {
            beside.push(peer.run()?);
        }
    }
    eprint!("\r{:40}\r", "");

    // Ratios of two runs of one turn: more than 1 if the connector is faster.
    let ratio = |others: &[Run]| {
        let ratios: Vec<f64> =
            others.iter().zip(&connector).map(|(other, run)| other.wall_s / run.wall_s).collect();
        median(&ratios)
    };
    let mut line = format!(
        "{format:<9} {} {:>18} {:>7.0}%",
        cost(&connector, input.bytes, out_bytes),
        speeds(&floor, input.bytes),
        ratio(&floor) * 100.0,
    );
    if let Some(peer) = peer {
        let times = format!("{:.2} x {}", ratio(&beside), peer.name());
        line += &format!(
            " {times:>12} {:>15} {:>9.0} {:>8.1}",
            speeds(&beside, input.bytes),
            peak_mebibytes(&beside),
            peer.out_bytes()? as f64 / 1e6
        );
    }
    Ok(line)
}

/// Prints the second table: many streams.
fn many_streams(plan: &Plan, sink: &Sink) -> Result<(), Failure> {
    let formats: Vec<&str> = FORMATS_OF_MANY_STREAMS
        .into_iter()
        .filter(|format| plan.formats.iter().any(|wanted| wanted == format))
        .collect();
    if formats.is_empty() {
        return Ok(());
    }
    let streams = plan.streams.to_string();
    let name = format!("streams-{streams}");
    let input = Input::made(
        &plan.folder,
        &name,
        &["--streams", &streams],
        plan.streams * RECORDS_OF_EACH_STREAM,
    )?;
    println!(
        "\n{streams} interleaved streams of 20 columns, {} records, {} of messages, {} runs of \
         each",
        input.records,
        megabytes(input.bytes),
        plan.runs
    );
    println!("\n{:<9} {COST_HEADER} {:>8}", "format", "objects");
    for format in formats {
        let mut runs = Vec::new();
        let mut totals = (0, 0);
        for turn in 1..=plan.runs {
            eprint!("\r{format}: turn {turn} of {} ", plan.runs);
            let (run, objects, bytes) = uploaded(plan, format, &input, sink)?;
            runs.push(run);
            totals = (objects, bytes);
        }
        eprint!("\r{:40}\r", "");
        println!("{format:<9} {} {:>8}", cost(&runs, input.bytes, totals.1), totals.0);
    }
    Ok(())
}

/// Runs the connector once. Returns its cost, and the objects and bytes that it uploaded.
fn uploaded(
    plan: &Plan,
    format: &str,
    input: &Input,
    sink: &Sink,
) -> Result<(Run, u64, u64), Failure> {
    sink.totals()?;
    let run = run_connector(&plan.binary, &plan.folder, format, input, sink)?;
    let (objects, bytes) = sink.totals()?;
    if objects == 0 {
        return Err(format!("{format}: the connector wrote no object").into());
    }
    Ok((run, objects, bytes))
}

const COST_HEADER: &str = "    MB/s (min-max)  wall s   cpu s peak MiB   out MB";

/// Returns the cells below [`COST_HEADER`]: the costs of the connector's runs.
fn cost(runs: &[Run], input_bytes: u64, out_bytes: u64) -> String {
    let of = |value: fn(&Run) -> f64| median(&runs.iter().map(value).collect::<Vec<_>>());
    format!(
        "{:>18} {:>7.2} {:>7.2} {:>8.0} {:>8.1}",
        speeds(runs, input_bytes),
        of(|run| run.wall_s),
        of(|run| run.cpu_s),
        peak_mebibytes(runs),
        out_bytes as f64 / 1e6,
    )
}

/// Returns MB of messages per second as `median (lowest-highest)`.
fn speeds(runs: &[Run], input_bytes: u64) -> String {
    let speeds: Vec<f64> = runs.iter().map(|run| input_bytes as f64 / run.wall_s / 1e6).collect();
    let low = speeds.iter().copied().fold(f64::INFINITY, f64::min);
    let high = speeds.iter().copied().fold(0.0, f64::max);
    format!("{:.0} ({low:.0}-{high:.0})", median(&speeds))
}

fn peak_mebibytes(runs: &[Run]) -> f64 {
    runs.iter().map(|run| run.peak_bytes).max().unwrap_or(0) as f64 / f64::from(1 << 20)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
