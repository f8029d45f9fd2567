//! The configured catalog: the streams of a sync, the mode of each, and the dialect that the
//! platform speaks.
//!
//! In: the JSON text of the `--catalog` file. Out: a [`Catalog`].
//!
//! Invariants
//! - Members that a destination does not need are ignored: unknown ones, `sync_mode`, a malformed
//!   schema, numbers and nesting beyond what a program can use (`json::value`). A null member
//!   counts as absent, an absent namespace as the empty one.
//! - What decides whether old data is deleted is never guessed. A generation that is not a whole
//!   number, or a mode that is unknown, absent or not offered, is an error that names the stream.
//! - A catalog has at least one stream, and no two streams have the same name.
//!
//! Not here: what the schema of a property means (`format`), which stream a record is of
//! (`pipeline::input`), the deletion itself (`replace`).

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::error::{Classified, FailureType};
use crate::json::value::Broken;
use crate::json::{self, ForeignText, JsonFault, without_byte_order_mark};
use crate::model::StreamDescriptor;

/// The streams of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Catalog {
    /// In the order of the file; never empty. A [`StreamIx`](crate::model::StreamIx) is a position
    /// here.
    pub streams: Vec<CatalogStream>,
    /// The id of the platform's job, the same for every attempt of the job.
    pub sync_id: Option<i64>,
    /// What the end of the input means.
    pub dialect: Dialect,
}

/// Whether the platform gives the streams generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// It does. A sync has succeeded only when every stream has sent COMPLETE.
    Refresh,
    /// It does not. COMPLETE never comes, and the end of the input is a good end.
    Plain,
}

/// A stream of the catalog.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CatalogStream {
    /// Its name.
    pub descriptor: StreamDescriptor,
    /// The declared top-level properties with their schemas, in the order of the schema.
    pub properties: Vec<(String, Value)>,
    /// What happens to the stream's old data.
    pub mode: DestinationMode,
    /// The path of the cursor field: the connection's, else the stream's default, else empty.
    pub cursor_field: Vec<String>,
    /// The generation of this run's rows.
    pub generation_id: Option<i64>,
    /// The oldest generation to keep.
    pub minimum_generation_id: Option<i64>,
}

/// What the platform asks a destination to do with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DestinationMode {
    /// Keep what is there.
    Append,
    /// Keep what is there, one row per primary key.
    AppendDedup,
    /// Replace what is there.
    Overwrite,
}

/// What a good end does to the stream's objects of earlier runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldObjects {
    /// Keeps them.
    Keep,
    /// Removes those of an older generation than this, and those without a generation. Objects of
    /// this generation stay, even those of an earlier attempt: the source may have resumed after
    /// them, and then it does not send their rows again.
    RemoveOlderThan(i64),
    /// Removes all that this process did not write.
    RemoveOthers,
}

/// Why a catalog is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogError {
    /// The text is not JSON.
    #[error("the catalog is not JSON: {fault} at line {line}, column {column}{within}")]
    NotJson {
        /// What is wrong there.
        fault: JsonFault,
        /// Line, from 1.
        line: usize,
        /// Column, from 1 (0: before the first).
        column: usize,
        /// The stream in which the fault is, as the end of the sentence; empty if that is unknown.
        within: String,
    },
    /// The text is of another, recognised kind.
    #[error("the catalog is not JSON: it {0}")]
    Foreign(ForeignText),
    /// There is no list of streams.
    #[error(
        "the catalog is not a configured catalog: it must be a JSON object with a list `streams`"
    )]
    NotACatalog,
    /// The file holds the connector's settings.
    #[error("the catalog file holds settings: are --config and --catalog swapped?")]
    Settings,
    /// The file holds the answer of a source's `discover`.
    #[error(
        "the catalog is a discovered catalog, the answer of a source's `discover`, but a \
         configured catalog is needed: put each stream into an object such as {{\"stream\": \
         STREAM, \"sync_mode\": \"full_refresh\", \"destination_sync_mode\": \"append\"}}"
    )]
    Discovered,
    /// The list of streams is empty.
    #[error("the catalog has no streams; select at least one in the connection")]
    NoStreams,
    /// An entry has no stream or no name.
    #[error("stream number {number} of the catalog has no name")]
    NoName {
        /// Position, from 1.
        number: usize,
    },
    /// Two entries have the same name.
    #[error(
        "the catalog has two streams with the name {stream}, so their records cannot be told \
         apart; remove one, or give them different namespaces"
    )]
    Twice {
        /// The stream.
        stream: StreamDescriptor,
    },
    /// The run would have to remove its own rows.
    #[error(
        "stream {stream} has minimum_generation_id {minimum}, which is above its generation_id \
         {generation}, so this sync would have to remove its own rows; report this to the platform"
    )]
    MinimumAboveGeneration {
        /// The stream.
        stream: StreamDescriptor,
        /// The oldest generation to keep.
        minimum: i64,
        /// The generation of this run; 0 where the catalog has none.
        generation: i64,
    },
    /// The mode is absent.
    #[error("stream {stream} has no destination_sync_mode; choose append or overwrite")]
    NoMode {
        /// The stream.
        stream: StreamDescriptor,
    },
    /// The protocol does not have this mode.
    #[error("stream {stream} has an unknown destination_sync_mode; choose append or overwrite")]
    UnknownMode {
        /// The stream.
        stream: StreamDescriptor,
    },
    /// The protocol has this mode, but a file destination cannot support it.
    #[error(
        "stream {stream} uses the sync mode {mode}, which a file destination does not support; \
         choose append or overwrite"
    )]
    ModeNotOffered {
        /// The stream.
        stream: StreamDescriptor,
        /// The mode's name.
        mode: &'static str,
    },
    /// A generation or the sync id is not a whole number.
    #[error("stream {stream} has a {field} that is not a whole number")]
    NotANumber {
        /// The stream.
        stream: StreamDescriptor,
        /// Name of the member.
        field: &'static str,
    },
}

impl Classified for CatalogError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::NotJson { .. }
            | Self::Foreign(_)
            | Self::NotACatalog
            | Self::Settings
            | Self::Discovered
            | Self::NoStreams
            | Self::NoName { .. }
            | Self::Twice { .. }
            | Self::MinimumAboveGeneration { .. }
            | Self::NoMode { .. }
            | Self::UnknownMode { .. }
            | Self::ModeNotOffered { .. }
            | Self::NotANumber { .. } => FailureType::Config,
        }
    }
}

impl Catalog {
    /// Reads the text of a configured catalog.
    ///
    /// # Errors
    /// [`CatalogError`], which ends `write` before any record is read; the user must change the
    /// connection.
    pub(crate) fn parse(json_text: &[u8]) -> Result<Self, CatalogError> {
        let json_text = without_byte_order_mark(json_text);
        let catalog = json::value::parse(json_text).map_err(|broken| {
            ForeignText::recognise(json_text)
                .map_or_else(|| not_json(&broken), CatalogError::Foreign)
        })?;
        let Value::Object(mut catalog) = catalog else { return Err(CatalogError::NotACatalog) };
        if let Some(error) = other_document(&catalog) {
            return Err(error);
        }
        let Some(Value::Array(entries)) = catalog.remove("streams") else {
            return Err(CatalogError::NotACatalog);
        };
        if entries.is_empty() {
            return Err(CatalogError::NoStreams);
        }
        let mut streams = Vec::with_capacity(entries.len());
        let mut names = HashSet::with_capacity(entries.len());
        let mut sync_id = None;
        for (position, entry) in entries.into_iter().enumerate() {
            let no_name = CatalogError::NoName { number: position + 1 };
            let Value::Object(entry) = entry else { return Err(no_name) };
            let (stream, of_job) = CatalogStream::read(entry, no_name)?;
            if !names.insert(stream.descriptor.clone()) {
                return Err(CatalogError::Twice { stream: stream.descriptor });
            }
            sync_id = sync_id.or(of_job);
            streams.push(stream);
        }
        let has_generations = streams
            .iter()
            .any(|stream| stream.generation_id.is_some() || stream.minimum_generation_id.is_some());
        let dialect = if has_generations { Dialect::Refresh } else { Dialect::Plain };
        Ok(Self { streams, sync_id, dialect })
    }

    /// Returns one sentence for each request of the catalog that the connector fulfils differently.
    #[must_use]
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for stream in &self.streams {
            let name = &stream.descriptor;
            if stream.mode == DestinationMode::AppendDedup {
                warnings.push(format!(
                    "stream {name} asks for deduplication, but rows in files cannot be replaced: \
                     every record is appended"
                ));
            }
        }
        warnings
    }
}

impl CatalogStream {
    /// Returns what a good end does to the stream's objects of earlier runs.
    #[must_use]
    pub(crate) fn old_objects(&self) -> OldObjects {
        match (self.mode, self.minimum_generation_id) {
            (DestinationMode::Overwrite, _) => OldObjects::RemoveOthers,
            (DestinationMode::Append | DestinationMode::AppendDedup, Some(minimum))
                if minimum > 0 =>
            {
                OldObjects::RemoveOlderThan(minimum)
            }
            (DestinationMode::Append | DestinationMode::AppendDedup, _) => OldObjects::Keep,
        }
    }

    /// Reads an entry of the catalog, and the sync id in it.
    fn read(
        mut entry: Map<String, Value>,
        no_name: CatalogError,
    ) -> Result<(Self, Option<i64>), CatalogError> {
        let Some(Value::Object(mut stream)) = entry.remove("stream") else { return Err(no_name) };
        let namespace = stream.get("namespace").and_then(Value::as_str);
        let descriptor = match stream.get("name").and_then(Value::as_str) {
            Some(name) if !name.is_empty() => StreamDescriptor::new(namespace, name),
            _ => return Err(no_name),
        };
        let mode = mode(&entry, &descriptor)?;
        let whole_number = |field: &'static str| {
            whole_number(entry.get(field))
                .map_err(|NotWhole| CatalogError::NotANumber { stream: descriptor.clone(), field })
        };
        let generation_id = whole_number("generation_id")?;
        let minimum_generation_id = whole_number("minimum_generation_id")?;
        let sync_id = whole_number("sync_id")?;
        let (generation, minimum) =
            (generation_id.unwrap_or(0), minimum_generation_id.unwrap_or(0));
        if minimum > generation.max(0) {
            return Err(CatalogError::MinimumAboveGeneration {
                stream: descriptor,
                minimum,
                generation,
            });
        }
        let cursor_field = path(entry.get("cursor_field"))
            .or_else(|| path(stream.get("default_cursor_field")))
            .unwrap_or_default();
        let properties = properties(stream.remove("json_schema"));
        let read = Self {
            descriptor,
            properties,
            mode,
            cursor_field,
            generation_id,
            minimum_generation_id,
        };
        Ok((read, sync_id))
    }
}

fn not_json(broken: &Broken) -> CatalogError {
    let (fault, line, column) = (broken.error.fault, broken.line, broken.column);
    CatalogError::NotJson {
        fault,
        line,
        column,
        within: broken_stream(&broken.before).unwrap_or_default(),
    }
}

/// Returns the stream in which a catalog turned out not to be JSON.
fn broken_stream(before: &Value) -> Option<String> {
    let streams = before.get("streams")?.as_array()?;
    let stream = streams.last()?.get("stream");
    let text = |name| stream.and_then(|stream| stream.get(name)).and_then(Value::as_str);
    let number = streams.len();
    Some(match text("name") {
        Some(name) => format!(", in stream {}", StreamDescriptor::new(text("namespace"), name)),
        None => format!(", in stream number {number}"),
    })
}

/// Recognises documents that users pass for a configured catalog by mistake.
fn other_document(catalog: &Map<String, Value>) -> Option<CatalogError> {
    let is_discovered = |entry: &Value| {
        entry.get("stream").is_none() && entry.get("name").is_some_and(Value::is_string)
    };
    match catalog.get("streams") {
        Some(Value::Array(entries)) => {
            entries.first().is_some_and(is_discovered).then_some(CatalogError::Discovered)
        }
        Some(_) => None,
        // The message that `discover` prints.
        None if catalog.get("type").is_some_and(|kind| kind == "CATALOG") => {
            Some(CatalogError::Discovered)
        }
        None => {
            let is_settings =
                catalog.contains_key("s3_bucket_name") || catalog.contains_key("authentication");
            is_settings.then_some(CatalogError::Settings)
        }
    }
}

fn mode(
    entry: &Map<String, Value>,
    stream: &StreamDescriptor,
) -> Result<DestinationMode, CatalogError> {
    let not_offered = |mode| Err(CatalogError::ModeNotOffered { stream: stream.clone(), mode });
    match entry.get("destination_sync_mode") {
        None | Some(Value::Null) => Err(CatalogError::NoMode { stream: stream.clone() }),
        Some(mode) => match mode.as_str() {
            Some("append") => Ok(DestinationMode::Append),
            Some("append_dedup") => Ok(DestinationMode::AppendDedup),
            Some("overwrite") => Ok(DestinationMode::Overwrite),
            Some("update") => not_offered("update"),
            Some("soft_delete") => not_offered("soft_delete"),
            _ => Err(CatalogError::UnknownMode { stream: stream.clone() }),
        },
    }
}

struct NotWhole;

/// Reads a whole number. Some clients write `4.0`.
fn whole_number(value: Option<&Value>) -> Result<Option<i64>, NotWhole> {
    // Above 2^53 a float no longer says which whole number was meant.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(_) => return Err(NotWhole),
    };
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => Ok(Some(whole)),
        (None, Some(float)) if float.fract() == 0.0 && float.abs() <= EXACT => {
            Ok(Some(float as i64))
        }
        _ => Err(NotWhole),
    }
}

/// Reads a path of at least one name. A single name may stand without a list around it.
fn path(value: Option<&Value>) -> Option<Vec<String>> {
    let names: Option<Vec<String>> = match value? {
        Value::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        Value::String(name) => Some(vec![name.clone()]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    names.filter(|names| !names.is_empty() && !names.iter().any(String::is_empty))
}

fn properties(schema: Option<Value>) -> Vec<(String, Value)> {
    let Some(Value::Object(mut schema)) = schema else { return Vec::new() };
    match schema.remove("properties") {
        Some(Value::Object(properties)) => properties.into_iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
