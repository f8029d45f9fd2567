//! Writes the delivery report: `make delivery-report`.
//!
//! `delivery_report BINARY FILE` runs every fault, two hundred kill scenarios and pairs of
//! concurrent processes against the given `destination-s3`, and writes the results to FILE as
//! Markdown. It exits 1 if a record is lost, duplicated without excuse, or otherwise not as
//! promised. It takes about twenty minutes, most of them waiting for retries.
//!
//! Not here: any call into the connector's own code.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output is what this program is for"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a case that cannot run ends with a message of its own"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a separate program: it has arguments, a clock and a terminal"
)]

mod delivery;
mod support;

use std::path::PathBuf;
use std::process::ExitCode;

use support::connector::Connector;

const USAGE: &str = "usage: delivery_report BINARY FILE\n  BINARY  the destination-s3 to \
    run\n  FILE    where to write the page";

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [binary, file] = arguments.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    if !binary.is_file() {
        eprintln!("{} is not there: `cargo build --release` makes it", binary.display());
        return ExitCode::FAILURE;
    }
    let results = delivery::report::run(&Connector::new(binary), |line| println!("{line}"));
    if let Err(error) = std::fs::write(file, results.page()) {
        eprintln!("{} cannot be written: {error}", file.display());
        return ExitCode::FAILURE;
    }
    let total = results.total();
    println!(
        "{} processes, {} records: {} lost, {} twice outside the window, {} twice inside it, {} in \
        doubt; {} minutes",
        total.attempts,
        total.sent,
        total.lost,
        total.outside,
        total.window,
        total.doubtful,
        results.time.as_secs().div_ceil(60)
    );
    if results.is_good() {
        return ExitCode::SUCCESS;
    }
    for problem in &results.problems {
        eprintln!("{problem}");
    }
    ExitCode::FAILURE
}
