//! The verbs of the program, one file each, and the command line that chooses one.
//!
//! In: arguments, files, stdin, environment. Out: protocol messages on stdout and an exit code.
//! Only this room takes the checked settings apart and hands each stage its part.
//!
//! Files: `spec`, `check`, `write`, `policy` (the verbs); `plan` (what a run does), `connect` (who
//! signs, where the bucket is), `replacing` (removing what a run replaces), `runtime` (threads and
//! signals), `run_error` (why a run fails).

mod check;
mod connect;
mod plan;
mod policy;
mod replacing;
mod run_error;
mod runtime;
mod spec;
mod write;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::runtime::End;
use crate::config::Config;
use crate::error::{Failure, FailureType};
use crate::key;
use crate::protocol::emitter::Emitter;

/// An Airbyte destination that writes CSV, JSONL and Parquet objects to Amazon S3.
#[derive(Debug, Parser)]
#[command(name = "destination-s3", disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the settings that this connector takes, as one SPEC message.
    Spec,
    /// Try the settings against the bucket and print one CONNECTION_STATUS message.
    Check {
        /// JSON file with the settings.
        #[arg(long)]
        config: PathBuf,
    },
    /// Write the records that arrive on stdin to the bucket and print the STATEs that are safe.
    Write {
        /// JSON file with the settings.
        #[arg(long)]
        config: PathBuf,
        /// JSON file with the configured catalog.
        #[arg(long)]
        catalog: PathBuf,
    },
    /// Print the IAM policies that the settings need (for people: no protocol messages).
    Policy(policy::PolicyArgs),
}

/// Runs the verb that the command line names, with this process's stdin and stdout.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let mut emitter = Emitter::stdout();
    // The only error here is that stdout is closed; there is no one left to report it to.
    let end =
        |done: std::io::Result<bool>| if done.unwrap_or(false) { End::Good } else { End::Bad };
    let end = match cli.verb {
        Verb::Spec => end(spec::spec(&mut emitter).map(|()| true)),
        Verb::Check { config } => check::check(&config, &mut emitter),
        Verb::Write { config, catalog } => write::write(config, catalog, &mut emitter),
        Verb::Policy(args) => end(policy::policy(args, emitter.plain(), &mut std::io::stderr())),
    };
    end.into()
}

fn read_file(path: &std::path::Path, what: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        let path = path.display();
        let message = match error.kind() {
            ErrorKind::NotFound => format!("the {what} file {path} does not exist"),
            ErrorKind::PermissionDenied => {
                format!(
                    "the {what} file {path} cannot be read: this process does not have the \
                         permission"
                )
            }
            ErrorKind::IsADirectory => format!(
                "the {what} file {path} cannot be read: it is a \
                                                directory"
            ),
            _ => format!("the {what} file {path} cannot be read: {error}"),
        };
        Failure::new(FailureType::Config, message)
    })
}

fn read_config(path: &std::path::Path) -> Result<Config, Failure> {
    Ok(Config::parse(&read_file(path, "settings")?)?)
}

/// Returns the id of the connection. `variable` is the environment variable `CONNECTION_ID`.
fn connection_id(config: &Config, variable: Option<&str>) -> Result<String, Failure> {
    Ok(key::ids::connection_id(config.connection_id.as_deref(), variable, &config.bucket)?)
}

/// Returns a warning if nothing names the connection. All such connections of the bucket have the
/// same id, and a sync that replaces a stream recognizes its older objects by that id. `variable`
/// is the environment variable `CONNECTION_ID`.
fn default_connection_id(config: &Config, variable: Option<&str>) -> Option<String> {
    let is_default = config.connection_id.is_none() && variable.is_none();
    is_default.then(|| {
        format!(
            "connection_id is not set, nor is the environment variable CONNECTION_ID: all \
             connections without an id that write to bucket \"{}\" count as the same connection, \
             so a sync that replaces a stream also removes what another connection wrote for a \
             stream with the same name and namespace; if several connections write to the bucket, \
             give each its own connection_id",
            config.bucket
        )
    })
}

fn internal(what: &str, error: &std::io::Error) -> Failure {
    Failure { internal: Some(error.to_string()), ..Failure::new(FailureType::System, what) }
}
