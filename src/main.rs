//! The program: the command line and a last word on a panic. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use destination_s3::verb::{self, Cli};

fn main() -> ExitCode {
    destination_s3::panic_hook::install();
    verb::run(Cli::parse())
}
