//! The plan of each stream: its values in keys, its format and the objects that a good end
//! replaces.
//!
//! A [`CatalogStream`] and the [`Config`] -> [`StreamValues`], a [`StreamFormat`], a
//! [`Replacement`].

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::RunContext;
use super::sizes::most_rows;
use crate::config::Config;
use crate::error::Failure;
use crate::format::StreamMeta;
use crate::format::columns::{TableSchema, TableSchemaOptions};
use crate::format::parquet::FileLayout;
use crate::format::text::RowEncoder;
use crate::key::{FileValues, RunValues, StreamValues, ids};
use crate::pipeline::messages::{Compression, ParquetLayout, StreamFormat};
use crate::protocol::catalog::{Catalog, CatalogStream, OldObjects};
use crate::provenance::{self, Owner};
use crate::replace::Replacement;
use crate::verb::connection_id;

/// Returns the values of the run in keys.
pub(super) fn run_values(
    config: &Config,
    catalog: &Catalog,
    context: &RunContext,
) -> Result<RunValues, Failure> {
    let variables = &context.variables;
    let connection_id = connection_id(config, variables.connection_id.as_deref())?;
    let connection_run_id =
        ids::connection_run_id(&connection_id, catalog.sync_id, context.random_run_id);
    let job_id = || variables.worker_job_id.as_ref().and_then(|id| id.parse().ok());
    Ok(RunValues {
        extension: config.format.extension(),
        started_at: context.started_at.with_timezone(&config.timezone),
        connection_id,
        connection_run_id,
        sync_id: catalog.sync_id.or_else(job_id).unwrap_or(0),
    })
}

/// Returns the values of a stream in keys.
pub(super) fn stream_values(run: &RunValues, stream: &CatalogStream) -> StreamValues {
    let stream_id = ids::stream_id(&run.connection_id, &stream.descriptor);
    StreamValues {
        descriptor: stream.descriptor.clone(),
        stream_id,
        stream_run_id: ids::stream_run_id(run.connection_run_id, stream_id),
        generation_id: stream.generation_id,
    }
}

/// Returns what a successful end replaces of the stream. Makes a key as well, so that an impossible
/// key is an error now rather than after an hour.
pub(super) fn replacement(
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
        // If keys do not name their stream, every object is a candidate: its metadata decides.
        marks: if config.template.names_stream() { values.marks() } else { vec![String::new()] },
        // With cursor macros each file has a name of its own, which only the run knows.
        stems: if config.template.uses_cursor() { BTreeSet::new() } else { BTreeSet::from([stem]) },
        attempt_id,
    }))
}

/// Returns the names of the top-level columns that readers of the files see.
pub(super) fn file_names<'a>(format: &'a StreamFormat, stream: &'a CatalogStream) -> Vec<&'a str> {
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

/// Makes the [`StreamFormat`] of a stream, from which both the encoder of its records and the
/// bodies of its files are made. Adds warnings about it to `warnings`.
pub(super) fn stream_format(
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
        most_rows(schema.widest_column(), options.row_group_rows, memory_limit_bytes);
    Ok(StreamFormat::Parquet(ParquetLayout {
        schema: Arc::new(schema),
        file_layout: Arc::new(file_layout),
        max_row_group_rows,
    }))
}
