//! The program: the command line, an allocator, a last word on a panic. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use destination_s3::verb::{self, Cli};

/// Blocks and chunks of about 1 MiB come and go all the time; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    destination_s3::last_word::install();
    verb::run(Cli::parse())
}
