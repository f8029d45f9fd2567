//! `write`: makes the settings, the catalog and the environment into one run of the pipeline.
//!
//! Out: freed STATEs while the run goes on, LOG messages, on failure one TRACE ERROR at the end.
//! The exit code is 0 only if everything is durable, every STATE is out, and what the run replaces
//! is gone.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::connect::StoreConnector;
use super::plan::{self, MemoryPlan, PART_BYTES, Scratch};
use super::replacing::replace_old;
use super::runtime::{End, Runtime};
use super::{connection_id, default_connection_id, internal, read_config, read_file};
use crate::config::Config;
use crate::env;
use crate::error::{Failure, FailureType};
use crate::format::columns::{TableSchema, TableSchemaOptions};
use crate::format::parquet::FileLayout;
use crate::format::text::RowEncoder;
use crate::format::{Format, StreamMeta};
use crate::key::{FileValues, RunValues, StreamValues, ids};
use crate::pipeline::engine::{EngineSettings, StreamPlan};
use crate::pipeline::file::{FileSettings, PieceSizes};
use crate::pipeline::input::{BlockSettings, MAX_LINE_BYTES};
use crate::pipeline::input::{StreamEncoding, StreamTable};
use crate::pipeline::messages::{Compression, ParquetLayout, StreamFormat};
use crate::pipeline::run::{Run, RunSettings};
use crate::pipeline::summary::RunSummary;
use crate::protocol::catalog::{Catalog, CatalogStream, Dialect, OldObjects};
use crate::protocol::emitter::{Emitter, LogLevel};
use crate::provenance::{self, Owner};
use crate::replace::Replacement;

/// Text that is compressed at once: large enough that cutting costs no ratio, small enough to
/// spread over workers.
const FRAME_BYTES: usize = 1024 * 1024;

/// Input that is parsed at once.
const BLOCK_BYTES: usize = 1024 * 1024;

const LEAST_BLOCK_BYTES: usize = 64 * 1024;

/// Structs with more members than this are looked at before a row group is given its rows.
const USUAL_MEMBERS: usize = 16;

/// Memory of one value while its column is encoded.
const BYTES_PER_VALUE: u64 = 16;

/// Fewer rows than this would make row groups of little but their own overhead.
const LEAST_ROWS: u64 = 1_000;

/// Streams with more columns than this are read in smaller blocks.
const USUAL_COLUMNS: usize = 250;

/// What a signal leaves while nothing has been read.
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
    let result = match prepared {
        Ok(prepared) => execute(prepared, &runtime, emitter),
        Err(failure) => Ok(Err(failure)),
    };
    let is_good = match result {
        Ok(Ok(())) => emitter.flush().is_ok(),
        Ok(Err(failure)) => {
            // The only error here is that stdout is closed; there is no one left to report it to.
            let _ = report(&failure, emitter);
            false
        }
        Err(_) => false,
    };
    runtime.end(is_good)
}

/// Prints what ended the run, after the store's own words where there are some.
fn report<W: Write>(failure: &Failure, emitter: &mut Emitter<W>) -> io::Result<()> {
    if let Some(answer) = &failure.store_answer {
        emitter.log(LogLevel::Warn, &format!("the store's own answer: {answer}"))?;
    }
    emitter.trace_error(failure, env::unix_ms())
}

struct Prepared {
    config: Config,
    warnings: Vec<String>,
    settings: RunSettings,
    /// One entry per stream of the catalog, in its order: what a good end replaces.
    replacements: Vec<Option<Replacement>>,
}

fn execute<W: Write>(
    prepared: Prepared,
    runtime: &Runtime,
    emitter: &mut Emitter<W>,
) -> io::Result<Result<(), Failure>> {
    for warning in &prepared.warnings {
        emitter.log(LogLevel::Warn, warning)?;
    }
    if prepared.config.is_elsewhere() {
        let message = "s3_endpoint names a store that is not AWS: each key is looked at before it \
                       is written, for some stores ignore If-None-Match (`check` says whether this \
                       one does)";
        emitter.log(LogLevel::Info, message)?;
    }
    let prefix = prepared.config.template.literal_prefix();
    let connecting = async { StoreConnector::new(&prepared.config).await?.open(&prefix).await };
    let store = match runtime.until_stopped(NOTHING_READ, connecting) {
        Ok(store) => store,
        Err(failure) => return Ok(Err(failure)),
    };
    let run = Run {
        input: io::stdin(),
        settings: prepared.settings,
        store: store.clone(),
        runtime: runtime.handle(),
        shutdown: runtime.stop().clone(),
    };
    let (summary, result) = run.run(emitter);
    let result = match result {
        Ok(()) => replace_old(prepared.replacements, &summary, &store, runtime, emitter)?,
        Err(failure) => Err(failure),
    };
    log_summary(&summary, emitter)?;
    Ok(result)
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

fn prepare(config: &Path, catalog: &Path) -> Result<Prepared, Failure> {
    let config = read_config(config)?;
    let catalog = Catalog::parse(&read_file(catalog, "catalog")?)?;
    let mut warnings: Vec<String> =
        config.warnings().into_iter().chain(catalog.warnings()).collect();
    let run_values = run_values(&config, &catalog)?;
    let attempt_id =
        env::random_uuid().map_err(|error| internal("there is no randomness", &error))?;
    let streams: Vec<StreamValues> =
        catalog.streams.iter().map(|stream| stream_values(&run_values, stream)).collect();
    let mut replacements = Vec::new();
    for (stream, values) in catalog.streams.iter().zip(&streams) {
        replacements.push(replacement(&config, &run_values, stream, values, attempt_id)?);
    }
    if replacements.iter().any(Option::is_some) {
        warnings.extend(default_connection_id(&config));
    }
    let memory_limit =
        plan::limit_bytes(config.memory_limit_bytes, env::cgroup_memory_limit_bytes());
    let cursor_macros = config.template.uses_cursor();
    let meta_sync_id = run_values.sync_id;
    let mut plans = Vec::new();
    let mut encodings = Vec::new();
    for (stream, values) in catalog.streams.iter().zip(streams) {
        let meta = StreamMeta { generation_id: stream.generation_id, sync_id: meta_sync_id };
        let format = stream_format(&config, stream, &meta, memory_limit, &mut warnings)?;
        let names = file_names(&format, stream);
        let clashes = config.template.hive_clashes(names.iter().copied());
        warnings.extend(clashes.map(|clash| format!("stream \"{}\": {clash}", stream.descriptor)));
        plans.push(StreamPlan { values, format: format.clone() });
        let cursor_field = cursor_macros.then(|| stream.cursor_field.clone());
        encodings.push((stream.descriptor.clone(), StreamEncoding { format, cursor_field }));
    }
    let table = StreamTable::new(encodings);
    let scratch = match (&config.format, config.format.gzip_level()) {
        (Format::Parquet { .. }, _) => Scratch::Columns(table.all_columns()),
        (Format::Csv { .. } | Format::Jsonl { .. }, Some(_)) => Scratch::Gzip,
        (Format::Csv { .. } | Format::Jsonl { .. }, None) => Scratch::None,
    };
    let plan = MemoryPlan::new(memory_limit, env::processors(), catalog.streams.len(), scratch);
    let memory = plan.data_bytes;
    let file_size_bytes = config.file_size_bytes;
    let settings = RunSettings {
        engine: EngineSettings {
            template: config.template.clone(),
            run: run_values,
            streams: plans,
            content_type: config.format.content_type(),
            file: FileSettings {
                pieces: piece_sizes(&config.format, file_size_bytes, memory),
                part_bytes: PART_BYTES,
                key_when_sealed: cursor_macros,
            },
            // A file whose key shows its highest cursor stays in memory until it is sealed.
            file_size_bytes: if cursor_macros {
                file_size_bytes.min(memory / 4)
            } else {
                file_size_bytes
            },
            checkpoint_interval: config.checkpoint_interval,
            checkpoint_records: checkpoint_records()?,
            tail_bytes: plan.tail_bytes,
            expects_complete: catalog.dialect == Dialect::Refresh,
            attempt_id,
        },
        blocks: block_settings(&table, file_size_bytes),
        table,
        memory_limit_bytes: memory,
        spare_bytes: plan.spare_bytes,
        workers: plan.workers,
        upload_concurrency: plan.upload_concurrency,
        upload_ahead_bytes: plan.upload_ahead_bytes,
    };
    Ok(Prepared { config, warnings, settings, replacements })
}

/// What a good end replaces of the stream. Its name is tried as well: a key that cannot be made is
/// found here rather than after an hour.
fn replacement(
    config: &Config,
    run: &RunValues,
    stream: &CatalogStream,
    values: &StreamValues,
    attempt_id: Uuid,
) -> Result<Option<Replacement>, Failure> {
    let file = FileValues { cursor: None, uuid: run.connection_run_id };
    let stem = config.template.stem(run, values, &file)?;
    let rule = stream.old_objects();
    Ok((rule != OldObjects::Keep).then(|| Replacement {
        descriptor: values.descriptor.clone(),
        owner: Owner::new(&values.descriptor, &run.connection_id),
        rule,
        prefix: config.template.constant_prefix(run, values),
        // Keys that name no stream are all looked at: their metadata says whose they are.
        marks: if config.template.names_stream() { values.marks() } else { vec![String::new()] },
        // With cursor macros each file has a name of its own: the run says which it used.
        stems: if config.template.uses_cursor() { BTreeSet::new() } else { BTreeSet::from([stem]) },
        attempt_id,
    }))
}

/// The names of the top-level columns that readers of the files see.
fn file_names<'a>(format: &'a StreamFormat, stream: &'a CatalogStream) -> Vec<&'a str> {
    match format {
        StreamFormat::Parquet(layout) => {
            layout.schema.fields.iter().map(|field| field.name.as_str()).collect()
        }
        StreamFormat::Text { encoder, .. } => match encoder.column_names() {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => stream.properties.iter().map(|(name, _)| name.as_str()).collect(),
        },
    }
}

/// What both the encoder of the stream's records and the bodies of its files are made from.
fn stream_format(
    config: &Config,
    stream: &CatalogStream,
    meta: &StreamMeta,
    memory_limit_bytes: u64,
    warnings: &mut Vec<String>,
) -> Result<StreamFormat, Failure> {
    let names: Vec<String> = stream.properties.iter().map(|(name, _)| name.clone()).collect();
    let name = &stream.descriptor;
    let mut warn = |sentences: &[String]| {
        warnings.extend(sentences.iter().map(|warning| format!("stream \"{name}\": {warning}")));
    };
    if let Some(encoder) = RowEncoder::new(&config.format, config.metadata_columns, meta, &names) {
        warn(&encoder.warnings());
        let compression = match config.format.gzip_level() {
            Some(level) => Compression::Gzip { level },
            None => Compression::None,
        };
        return Ok(StreamFormat::text(encoder, compression));
    }
    let options = config.format.parquet().copied().unwrap_or_default();
    let schema_options = TableSchemaOptions {
        metadata: config.metadata_columns,
        undeclared_fields: options.undeclared_fields,
        types: options.types,
    };
    let schema = TableSchema::new(&schema_options, meta, &stream.properties);
    warn(&schema.warnings);
    let footer =
        provenance::parquet_footer(name, meta.sync_id, meta.generation_id, schema.renamed());
    let file_layout = FileLayout::new(&schema.to_arrow(), options.codec, footer)?;
    let max_row_group_rows =
        max_row_group_rows(&schema, options.row_group_rows, memory_limit_bytes);
    Ok(StreamFormat::Parquet(ParquetLayout {
        schema: Arc::new(schema),
        file_layout: Arc::new(file_layout),
        max_row_group_rows,
    }))
}

/// Rows of one row group. A member that most records lack takes no memory until its column is
/// encoded, all members of a top-level column at once: a wide struct must not take more than an
/// eighth of the memory then.
fn max_row_group_rows(schema: &TableSchema, row_group_rows: u64, memory_limit_bytes: u64) -> u64 {
    let widest = schema.widest_column();
    if widest <= USUAL_MEMBERS {
        return row_group_rows;
    }
    let rows = memory_limit_bytes / 8 / (widest as u64 * BYTES_PER_VALUE);
    rows.max(LEAST_ROWS).min(row_group_rows)
}

/// How many rows make a frame or a row group. None may be so large that the size of a file, or the
/// memory, is missed by much.
fn piece_sizes(format: &Format, file_size_bytes: u64, memory_bytes: u64) -> PieceSizes {
    let frame_bytes = usize::try_from(file_size_bytes / 8).unwrap_or(FRAME_BYTES);
    // One row group may be in work while the next one is being filled.
    let row_group_bytes = format.parquet().copied().unwrap_or_default().row_group_bytes;
    PieceSizes {
        min_frame_bytes: frame_bytes.min(FRAME_BYTES),
        min_row_group_bytes: row_group_bytes.min(memory_bytes / 4).min(file_size_bytes),
    }
}

fn block_settings(table: &StreamTable, file_size_bytes: u64) -> BlockSettings {
    // Rows of one block stay together, so small files want small blocks; and a field that many
    // records lack takes room in columns although it takes none in the input, so wide streams want
    // them too.
    let wide = BLOCK_BYTES.saturating_mul(USUAL_COLUMNS) / table.most_columns().max(USUAL_COLUMNS);
    let small = usize::try_from(file_size_bytes / 4).unwrap_or(BLOCK_BYTES);
    BlockSettings {
        block_bytes: small.min(wide).clamp(LEAST_BLOCK_BYTES, BLOCK_BYTES),
        max_line_bytes: MAX_LINE_BYTES,
    }
}

fn run_values(config: &Config, catalog: &Catalog) -> Result<RunValues, Failure> {
    let connection_id = connection_id(config)?;
    let random = env::random_uuid().map_err(|error| internal("there is no randomness", &error))?;
    let connection_run_id = ids::connection_run_id(&connection_id, catalog.sync_id, random);
    let job_id = || env::var("WORKER_JOB_ID").and_then(|id| id.parse().ok());
    Ok(RunValues {
        extension: config.format.extension(),
        started_at: env::utc_now().with_timezone(&config.timezone),
        connection_id,
        connection_run_id,
        sync_id: catalog.sync_id.or_else(job_id).unwrap_or(0),
    })
}

fn stream_values(run: &RunValues, stream: &CatalogStream) -> StreamValues {
    let stream_id = ids::stream_id(&run.connection_id, &stream.descriptor);
    StreamValues {
        descriptor: stream.descriptor.clone(),
        stream_id,
        stream_run_id: ids::stream_run_id(run.connection_run_id, stream_id),
        generation_id: stream.generation_id,
    }
}

/// Test suites of the platform force a checkpoint every n records with this variable.
fn checkpoint_records() -> Result<Option<u64>, Failure> {
    const NAME: &str = "AIRBYTE_DESTINATION_RECORD_BATCH_SIZE_OVERRIDE";
    env::var(NAME)
        .map(|text| match text.parse::<u64>() {
            Ok(records) if records > 0 => Ok(records),
            _ => Err(Failure::new(
                FailureType::Config,
                format!(
                    "the environment variable {NAME} must be a whole number of records, 1 or more"
                ),
            )),
        })
        .transpose()
}
