//! The plan of a run: which streams are written how, in how much memory.
//!
//! In: the [`Config`], the [`Catalog`] and a [`RunContext`] (the machine, the environment
//! variables, the clock and the randomness that the run needs). Out: a [`RunPlan`], or the
//! [`Failure`] that makes the run impossible.
//!
//! Invariants
//! - Pure: the same input gives the same plan. Nothing here reads a clock, a file or a variable.
//! - A key that cannot be made fails here, not after an hour of work.
//!
//! Files: `memory` divides the memory limit and chooses the number of workers, `sizes` derives the
//! sizes of blocks, frames, row groups and files, `streams` plans each stream.
//!
//! Not here: reading the files and the environment (`verb::write`), the run itself
//! (`pipeline::run`), removing old objects (`replace`).

mod memory;
mod sizes;
mod streams;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use self::memory::{MemoryPlan, PART_BYTES, ScratchKind};
use self::sizes::{block_bytes, file_size_bytes, frame_bytes, row_group_bytes};
use self::streams::{file_names, replacement, run_values, stream_format, stream_values};
use super::default_connection_id;
use crate::config::Config;
use crate::error::{Failure, FailureType};
use crate::format::{Format, StreamMeta};
use crate::key::StreamValues;
use crate::pipeline::engine::{EngineSettings, StreamPlan};
use crate::pipeline::file::{FileSettings, PieceSizes};
use crate::pipeline::input::{BlockSettings, MAX_LINE_BYTES, StreamEncoding, StreamTable};
use crate::pipeline::run::RunSettings;
use crate::protocol::catalog::{Catalog, Dialect};
use crate::replace::Replacement;

/// The variable with which test suites of the platform force a checkpoint every n records.
pub(super) const BATCH_SIZE_VARIABLE: &str = "AIRBYTE_DESTINATION_RECORD_BATCH_SIZE_OVERRIDE";

/// The machine that the run gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// Processors that this process may use.
    pub(super) processors: usize,
    /// The memory limit of the container, if it has one.
    pub(super) control_group_limit_bytes: Option<u64>,
}

/// Environment variables that the plan depends on. `None`: not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunVariables {
    /// `CONNECTION_ID`.
    pub(super) connection_id: Option<String>,
    /// `WORKER_JOB_ID`: the platform's number of the job.
    pub(super) worker_job_id: Option<String>,
    /// [`BATCH_SIZE_VARIABLE`].
    pub(super) batch_size_override: Option<String>,
}

/// Everything that the plan depends on, except for the settings and the catalog.
#[derive(Clone, Debug)]
pub(super) struct RunContext {
    /// The machine.
    pub(super) machine: Machine,
    /// Environment variables.
    pub(super) variables: RunVariables,
    /// When the run started.
    pub(super) started_at: DateTime<Utc>,
    /// Random: the id of the run if the platform does not number its jobs.
    pub(super) random_run_id: Uuid,
    /// Random: the id of this process, which tells its objects from those of other attempts.
    pub(super) attempt_id: Uuid,
}

/// What a run does.
#[derive(Debug)]
pub(super) struct RunPlan {
    /// The settings of the pipeline.
    pub(super) settings: RunSettings,
    /// One entry per stream of the catalog, in its order: what a good end replaces.
    pub(super) replacements: Vec<Option<Replacement>>,
    /// One sentence each, for the log.
    pub(super) warnings: Vec<String>,
}

/// Plans the run of `catalog` under `config`.
///
/// # Errors
/// A setting, a variable or a stream makes the run impossible.
pub(super) fn plan(
    config: &Config,
    catalog: &Catalog,
    context: &RunContext,
) -> Result<RunPlan, Failure> {
    let mut warnings: Vec<String> =
        config.warnings().into_iter().chain(catalog.warnings()).collect();
    let run_values = run_values(config, catalog, context)?;
    let attempt_id = context.attempt_id;
    let streams: Vec<StreamValues> =
        catalog.streams.iter().map(|stream| stream_values(&run_values, stream)).collect();
    let mut replacements = Vec::new();
    for (stream, values) in catalog.streams.iter().zip(&streams) {
        replacements.push(replacement(config, &run_values, stream, values, attempt_id)?);
    }
    if replacements.iter().any(Option::is_some) {
        warnings.extend(default_connection_id(config, context.variables.connection_id.as_deref()));
    }
    let memory_limit =
        memory::limit_bytes(config.memory_limit_bytes, context.machine.control_group_limit_bytes);
    let cursor_macros = config.template.uses_cursor();
    let meta_sync_id = run_values.sync_id;
    let mut plans = Vec::new();
    let mut encodings = Vec::new();
    for (stream, values) in catalog.streams.iter().zip(streams) {
        let meta = StreamMeta { generation_id: stream.generation_id, sync_id: meta_sync_id };
        let format = stream_format(config, stream, &meta, memory_limit, &mut warnings)?;
        let names = file_names(&format, stream);
        let clashes = config.template.hive_clashes(names.iter().copied());
        warnings.extend(clashes.map(|clash| format!("stream \"{}\": {clash}", stream.descriptor)));
        plans.push(StreamPlan { values, format: format.clone() });
        let cursor_field = cursor_macros.then(|| stream.cursor_field.clone());
        encodings.push((stream.descriptor.clone(), StreamEncoding { format, cursor_field }));
    }
    let table = StreamTable::new(encodings);
    let scratch = match (&config.format, config.format.gzip_level()) {
        (Format::Parquet { .. }, _) => ScratchKind::Columns(table.all_columns()),
        (Format::Csv { .. } | Format::Jsonl { .. }, Some(_)) => ScratchKind::Gzip,
        (Format::Csv { .. } | Format::Jsonl { .. }, None) => ScratchKind::None,
    };
    let processors = context.machine.processors;
    let plan = MemoryPlan::new(memory_limit, processors, catalog.streams.len(), scratch);
    let memory = plan.data_bytes;
    let settings = RunSettings {
        engine: EngineSettings {
            template: config.template.clone(),
            run: run_values,
            streams: plans,
            content_type: config.format.content_type(),
            file: FileSettings {
                pieces: piece_sizes(&config.format, config.file_size_bytes, memory),
                part_bytes: PART_BYTES,
                key_when_sealed: cursor_macros,
            },
            file_size_bytes: file_size_bytes(config.file_size_bytes, cursor_macros, memory),
            checkpoint_interval: config.checkpoint_interval,
            checkpoint_records: checkpoint_records(&context.variables)?,
            tail_bytes: plan.tail_bytes,
            expects_complete: catalog.dialect == Dialect::Refresh,
            attempt_id,
        },
        blocks: BlockSettings {
            block_bytes: block_bytes(table.most_columns(), config.file_size_bytes),
            max_line_bytes: MAX_LINE_BYTES,
        },
        table,
        memory_limit_bytes: memory,
        spare_bytes: plan.spare_bytes,
        workers: plan.workers,
        upload_concurrency: plan.upload_concurrency,
        upload_ahead_bytes: plan.upload_ahead_bytes,
    };
    Ok(RunPlan { settings, replacements, warnings })
}

/// Decides how many rows make a frame or a row group.
fn piece_sizes(format: &Format, file_size_bytes: u64, memory_bytes: u64) -> PieceSizes {
    let options = format.parquet().copied().unwrap_or_default();
    PieceSizes {
        min_frame_bytes: frame_bytes(file_size_bytes),
        min_row_group_bytes: row_group_bytes(
            options.row_group_bytes,
            memory_bytes,
            file_size_bytes,
        ),
    }
}

/// Returns the number of records after which a checkpoint is due, if a test suite sets one.
fn checkpoint_records(variables: &RunVariables) -> Result<Option<u64>, Failure> {
    let Some(text) = &variables.batch_size_override else { return Ok(None) };
    match text.parse::<u64>() {
        Ok(records) if records > 0 => Ok(Some(records)),
        _ => Err(Failure::new(
            FailureType::Config,
            format!(
                "the environment variable {BATCH_SIZE_VARIABLE} must be a whole number of records, \
                 1 or more"
            ),
        )),
    }
}
