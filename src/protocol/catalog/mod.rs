//! The configured catalog: which streams come, what becomes of each, and in which dialect the
//! platform speaks.
//!
//! JSON text of the `--catalog` file -> [`Catalog`].
//!
//! Invariants
//! - What does not matter to a destination is not looked at: unknown members, `sync_mode`, a
//!   stream's odd schema, numbers and nesting beyond what a program can use (`json::value`). A
//!   member that is null counts as absent, an absent namespace as the empty one.
//! - What decides over old data is never guessed: a generation that is not a whole number, a mode
//!   that is unknown, absent or not offered is an error that names the stream.
//! - A catalog has at least one stream and no two of one name.
//!
//! Not here: the meaning of a property's schema (`format`), looking up a record's stream
//! (`pipeline`), the deletion itself (`replace`). May import: `error`, `json`, `model`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::error::{Classified, FailureType};
use crate::json::value::Broken;
use crate::json::{self, ForeignText, JsonFault, without_byte_order_mark};
use crate::model::StreamDescriptor;

/// The streams of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalog {
    /// In the order of the file; never empty. A [`StreamIx`] is a position here.
    pub streams: Vec<CatalogStream>,
    /// The platform's job: the same for every attempt of it.
    pub sync_id: Option<i64>,
    /// What end of input means.
    pub dialect: Dialect,
}

/// Whether the platform speaks of generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Generations are given; a COMPLETE of every stream ends a good run, and its absence is a
    /// failure.
    Refresh,
    /// No stream has a generation; no COMPLETE ever comes, end of input is a good end.
    Plain,
}

/// A stream of the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogStream {
    /// Its name.
    pub descriptor: StreamDescriptor,
    /// The declared top-level properties with their schemas, in the order of the schema.
    pub properties: Vec<(String, Value)>,
    /// What becomes of the stream's old data.
    pub mode: DestinationMode,
    /// Path of the cursor: the connection's, else the stream's default, else empty.
    pub cursor_field: Vec<String>,
    /// The generation of this run's rows.
    pub generation_id: Option<i64>,
    /// The oldest generation that is to stay.
    pub minimum_generation_id: Option<i64>,
}

/// What the platform asks a destination to do with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationMode {
    /// Keep what is there.
    Append,
    /// Keep what is there, one row per primary key.
    AppendDedup,
    /// Replace what is there.
    Overwrite,
}

/// What a good end does to the stream's objects of earlier runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldObjects {
    /// They stay.
    Keep,
    /// Those of an older generation than this go, and those without a generation. Objects of this
    /// generation stay, also those of an earlier attempt: the source may have resumed and not sent
    /// their rows again.
    RemoveOlderThan(i64),
    /// All that this process did not write go.
    RemoveOthers,
}

/// Why a catalog is refused.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The text is not JSON.
    #[error("the catalog is not JSON: {fault} at line {line}, column {column}{within}")]
    NotJson {
        /// What is wrong there.
        fault: JsonFault,
        /// Line, from 1.
        line: usize,
        /// Column, from 1 (0: before the first).
        column: usize,
        /// Which stream the place belongs to, as the end of the sentence; empty where that is not
        /// known.
        within: String,
    },
    /// The text is something else that is recognised.
    #[error("the catalog is not JSON: it {0}")]
    Foreign(ForeignText),
    /// There is no list of streams.
    #[error(
        "the catalog is not a configured catalog: it must be a JSON object with a list `streams`"
    )]
    NotACatalog,
    /// It is the connector's settings.
    #[error("the catalog file holds settings: are --config and --catalog swapped?")]
    Settings,
    /// It is what a source's `discover` answers.
    #[error(
        "the catalog is a discovered one, the answer of a source's `discover`, and not a \
         configured one: put each stream into an object such as {{\"stream\": STREAM, \
         \"sync_mode\": \"full_refresh\", \"destination_sync_mode\": \"append\"}}"
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
    /// Two entries have one name.
    #[error("stream {stream} is in the catalog twice; its records could not be told apart")]
    Twice {
        /// The stream.
        stream: StreamDescriptor,
    },
    /// The rows of this very run would have to go.
    #[error(
        "stream {stream} has a minimum_generation_id ({minimum}) above its generation_id \
         ({generation}): the rows of this sync would have to go; report this to the platform"
    )]
    MinimumAboveGeneration {
        /// The stream.
        stream: StreamDescriptor,
        /// The oldest generation that is to stay.
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
    /// The mode is none that the protocol knows.
    #[error("stream {stream} has an unknown destination_sync_mode; choose append or overwrite")]
    UnknownMode {
        /// The stream.
        stream: StreamDescriptor,
    },
    /// The mode is one that files cannot do.
    #[error(
        "stream {stream} asks for {mode}, which rows in files cannot do; choose append or overwrite"
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
    pub fn parse(json_text: &[u8]) -> Result<Self, CatalogError> {
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

    /// What the catalog asks for and this version does otherwise, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for stream in &self.streams {
            let name = &stream.descriptor;
            if stream.mode == DestinationMode::AppendDedup {
                warnings.push(format!(
                    "stream {name} asks for deduplication: rows in files cannot be replaced, so \
                     all are appended"
                ));
            }
        }
        warnings
    }
}

impl CatalogStream {
    /// What a good end does to the stream's objects of earlier runs.
    #[must_use]
    pub fn old_objects(&self) -> OldObjects {
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

    /// An entry of the catalog, and the sync id that it names.
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

/// The stream that was being read when a catalog turned out not to be JSON.
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

/// What an object is that is known and is no configured catalog.
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

/// A whole number, also where a client writes it as `4.0`.
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

/// A path that has at least one name. One name without a list around it is taken too.
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
