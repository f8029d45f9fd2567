//! The verbs of the program, one file each, and the command line that chooses one.
//!
//! In: arguments, files, stdin, environment. Out: protocol messages on stdout and an exit code. This is the one place
//! that takes the checked settings apart and hands each stage its piece.

pub mod check;
mod spec;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::error::{Failure, FailureType};
use crate::protocol::emitter::Emitter;
use crate::store::{Access, S3Store, StoreSettings};
use crate::{env, key};

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
}

/// Runs the verb that the command line names, with this process's stdin and stdout.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let mut emitter = Emitter::stdout();
    let done = match cli.verb {
        Verb::Spec => spec::spec(&mut emitter).map(|()| true),
        Verb::Check { config } => check_verb(&config, &mut emitter).map(|()| true),
        Verb::Write { config, catalog } => write::write(&config, &catalog, &mut emitter),
    };
    // An error here is a closed stdout: nobody is left to tell.
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn check_verb(config: &std::path::Path, emitter: &mut Emitter<std::io::Stdout>) -> std::io::Result<()> {
    let result = read_config(config).and_then(|config| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| internal("the asynchronous runtime cannot be started", &error))?;
        let random = env::random_uuid().map_err(|error| internal("there is no randomness", &error))?;
        let connection_id = connection_id(&config)?;
        let target = check::CheckTarget {
            template: &config.template,
            extension: config.format.extension(),
            timezone: config.timezone,
            connection_id: &connection_id,
        };
        let store = open_store(&config);
        runtime
            .block_on(check::check(&target, &store, env::utc_now(), random))
            .map_err(Failure::from)
            .map(|()| config.warnings())
    });
    let status = match result {
        Ok(warnings) if warnings.is_empty() => serde_json::json!({"status": "SUCCEEDED"}),
        Ok(warnings) => serde_json::json!({"status": "SUCCEEDED", "message": warnings.join("; ")}),
        Err(failure) => serde_json::json!({"status": "FAILED", "message": failure.message}),
    };
    emitter.message(&serde_json::json!({"type": "CONNECTION_STATUS", "connectionStatus": status}))?;
    emitter.flush()
}

fn read_file(path: &std::path::Path, what: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::new(
            FailureType::Config,
            format!("the {what} file {} cannot be read: {error}", path.display()),
        )
    })
}

fn read_config(path: &std::path::Path) -> Result<Config, Failure> {
    Ok(Config::parse(&read_file(path, "settings")?)?)
}

fn connection_id(config: &Config) -> Result<String, Failure> {
    let environment = env::var("CONNECTION_ID");
    Ok(key::ids::connection_id(config.connection_id.as_deref(), environment.as_deref(), &config.bucket)?)
}

fn open_store(config: &Config) -> S3Store {
    S3Store::new(&StoreSettings {
        bucket: config.bucket.clone(),
        region: config.region.clone(),
        endpoint: config.endpoint.as_ref().map(|endpoint| endpoint.url.clone()),
        path_style: config.path_style,
        access: Access::Key {
            access_key_id: config.access.access_key_id.clone(),
            secret_access_key: config.access.secret_access_key.expose().to_owned(),
            session_token: config.access.session_token.as_ref().map(|token| token.expose().to_owned()),
        },
    })
}

fn internal(what: &str, error: &std::io::Error) -> Failure {
    Failure { internal: Some(error.to_string()), ..Failure::new(FailureType::System, what) }
}
