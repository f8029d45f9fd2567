//! `write`: reads the settings and the catalog, plans the run, connects, runs the pipeline, removes
//! what the run replaces, and reports.
//!
//! Out: freed STATEs while the run goes on, LOG messages, on failure one TRACE ERROR at the end.
//! The exit code is 0 only if everything is durable, every STATE is out, and what the run replaces
//! is gone.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::connect::StoreConnector;
use super::plan::{self, BATCH_SIZE_VARIABLE, Machine, RunContext, RunPlan, RunVariables};
use super::replacing::replace_old;
use super::run_error::RunError;
use super::runtime::{End, Runtime};
use super::{internal, read_config, read_file};
use crate::config::Config;
use crate::env;
use crate::error::Failure;
use crate::pipeline::run::Run;
use crate::pipeline::summary::RunSummary;
use crate::protocol::catalog::Catalog;
use crate::protocol::emitter::{Emitter, LogLevel};

/// Completes "stopped by SIGTERM: " while nothing has been read.
const NOTHING_READ: &str = "nothing was read or written yet";

/// Runs the verb. A failure has been printed, unless stdout is closed.
pub(super) fn write<W: Write>(config: PathBuf, catalog: PathBuf, emitter: &mut Emitter<W>) -> End {
    let runtime = match Runtime::start() {
        Ok(runtime) => runtime,
        Err(failure) => {
            let _ = emitter.trace_error(&failure, env::unix_ms());
            return End::Bad;
        }
    };
    let prepared = runtime.blocking_until_stopped(NOTHING_READ, move || prepare(&config, &catalog));
    let result = prepared
        .map_err(RunError::from)
        .and_then(|(config, plan)| execute(&config, plan, &runtime, emitter));
    let is_good = match result {
        Ok(()) => emitter.flush().is_ok(),
        Err(RunError::Failed(failure)) => {
            // The only error here is that stdout is closed; there is no one left to report it to.
            let _ = report(&failure, emitter);
            false
        }
        Err(RunError::StdoutClosed) => false,
    };
    runtime.end(is_good)
}

/// Prints the failure that ended the run, after the store's own answer if there is one.
fn report<W: Write>(failure: &Failure, emitter: &mut Emitter<W>) -> io::Result<()> {
    if let Some(answer) = &failure.store_answer {
        emitter.log(LogLevel::Warn, &format!("the store's own answer: {answer}"))?;
    }
    emitter.trace_error(failure, env::unix_ms())
}

/// Reads the two files and the environment, and plans the run.
fn prepare(config: &Path, catalog: &Path) -> Result<(Config, RunPlan), Failure> {
    let config = read_config(config)?;
    let catalog = Catalog::parse(&read_file(catalog, "catalog")?)?;
    let plan = plan::plan(&config, &catalog, &run_context()?)?;
    Ok((config, plan))
}

fn run_context() -> Result<RunContext, Failure> {
    let random_uuid = || {
        env::random_uuid()
            .map_err(|error| internal("the operating system provides no random numbers", &error))
    };
    Ok(RunContext {
        machine: Machine {
            processors: env::processors(),
            control_group_limit_bytes: env::cgroup_memory_limit_bytes(),
        },
        variables: RunVariables {
            connection_id: env::var("CONNECTION_ID"),
            worker_job_id: env::var("WORKER_JOB_ID"),
            batch_size_override: env::var(BATCH_SIZE_VARIABLE),
        },
        started_at: env::utc_now(),
        random_run_id: random_uuid()?,
        attempt_id: random_uuid()?,
    })
}

fn execute<W: Write>(
    config: &Config,
    plan: RunPlan,
    runtime: &Runtime,
    emitter: &mut Emitter<W>,
) -> Result<(), RunError> {
    for warning in &plan.warnings {
        emitter.log(LogLevel::Warn, warning)?;
    }
    if config.is_s3_compatible() {
        let message = "s3_endpoint names a store that is not AWS: the connector checks that a key \
                       is free before it writes to it, because some stores ignore If-None-Match \
                       (`check` tells whether this one does)";
        emitter.log(LogLevel::Info, message)?;
    }
    let prefix = config.template.literal_prefix();
    let connecting = async { StoreConnector::new(config).await?.open(&prefix).await };
    let store = runtime.until_stopped(NOTHING_READ, connecting)?;
    let run = Run {
        input: io::stdin(),
        settings: plan.settings,
        store: store.clone(),
        runtime: runtime.handle(),
        shutdown: runtime.shutdown().clone(),
    };
    let (summary, result) = run.run(emitter);
    let result = match result {
        Ok(()) => replace_old(plan.replacements, &summary, &store, runtime, emitter),
        Err(failure) => Err(failure.into()),
    };
    // The streams are summed up after a failure too, unless nobody reads stdout any more.
    if !matches!(result, Err(RunError::StdoutClosed)) {
        log_summary(&summary, emitter)?;
    }
    result
}

fn log_summary<W: Write>(summary: &RunSummary, emitter: &mut Emitter<W>) -> io::Result<()> {
    for stream in &summary.streams {
        emitter.log(
            LogLevel::Info,
            &format!("stream \"{}\": {}", stream.descriptor, stream.summary),
        )?;
    }
    Ok(())
}
