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
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(catalog: &Value) -> Result<Catalog, CatalogError> {
        Catalog::parse(catalog.to_string().as_bytes())
    }

    fn one(stream: &Value, beside: &Value) -> Value {
        let mut entry = json!({"stream": stream, "destination_sync_mode": "append"});
        for (name, value) in beside.as_object().unwrap() {
            entry[name] = value.clone();
        }
        json!({ "streams": [entry] })
    }

    #[test]
    fn a_catalog_of_the_refresh_dialect_is_read_with_all_its_spellings() {
        let catalog = parse(&json!({"unknown": 1, "streams": [
            {
                "stream": {
                    "name": "users", "namespace": "crm", "unknown": [],
                    "json_schema": {"properties": {"z": {"type": "integer"}, "a": true}},
                    "default_cursor_field": ["updated_at"],
                },
                "sync_mode": "incremental", "destination_sync_mode": "append_dedup", "cursor_field": [],
                "generation_id": 4.0, "minimum_generation_id": 4, "sync_id": null,
            },
            {
                "stream": {"name": "users", "namespace": null, "json_schema": null},
                "destination_sync_mode": "append", "cursor_field": ["id", "x"],
                "generation_id": 3, "minimum_generation_id": 0, "sync_id": 71,
            },
        ]}))
        .unwrap();
        assert_eq!((catalog.dialect, catalog.sync_id), (Dialect::Refresh, Some(71)));
        let [first, second] = catalog.streams.as_slice() else { panic!("two streams") };
        let names: Vec<&str> = first.properties.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["z", "a"]);
        assert_eq!(first.mode, DestinationMode::AppendDedup);
        assert_eq!(first.old_objects(), OldObjects::RemoveOlderThan(4));
        assert_eq!(first.cursor_field, ["updated_at"]);
        assert_eq!(
            (second.mode, second.old_objects()),
            (DestinationMode::Append, OldObjects::Keep)
        );
        assert_eq!(second.cursor_field, ["id", "x"]);
        let descriptors: Vec<_> =
            catalog.streams.iter().map(|stream| stream.descriptor.to_string()).collect();
        assert_eq!(descriptors, ["crm.users", "users"]);
        let warnings = catalog.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("stream crm.users "), "{warnings:?}");
    }

    #[test]
    fn without_generations_it_is_the_plain_dialect() {
        for nothing in [
            json!({}),
            json!({"generation_id": null, "minimum_generation_id": null, "sync_id": null}),
        ] {
            let catalog = parse(&one(&json!({"name": "s"}), &nothing)).unwrap();
            assert_eq!((catalog.dialect, catalog.sync_id), (Dialect::Plain, None));
            assert!(catalog.warnings().is_empty());
        }
    }

    #[test]
    fn the_mode_and_the_minimum_say_what_becomes_of_old_objects() {
        use OldObjects::{Keep, RemoveOlderThan, RemoveOthers};
        let cases = [
            ("append", json!(7), json!(0), Keep),
            ("append", json!(0), json!(0), Keep),
            ("append", json!(null), json!(null), Keep),
            ("append", json!(7), json!(null), Keep),
            ("append", json!(-1), json!(-1), Keep),
            ("append", json!(1), json!(1), RemoveOlderThan(1)),
            ("append_dedup", json!(7), json!(7), RemoveOlderThan(7)),
            ("append", json!(7), json!(6), RemoveOlderThan(6)),
            ("overwrite", json!(7), json!(7), RemoveOthers),
            ("overwrite", json!(7), json!(0), RemoveOthers),
            ("overwrite", json!(0), json!(0), RemoveOthers),
            ("overwrite", json!(null), json!(null), RemoveOthers),
        ];
        for (mode, generation, minimum, expected) in cases {
            let ids = json!({
                "destination_sync_mode": mode, "generation_id": generation, "minimum_generation_id": minimum,
            });
            let catalog = parse(&one(&json!({"name": "s"}), &ids)).unwrap();
            assert_eq!(catalog.streams[0].old_objects(), expected, "{ids}");
        }
    }

    #[test]
    fn odd_schemas_have_no_properties_and_odd_cursors_are_none() {
        for odd in
            [json!(null), json!(true), json!("{}"), json!([]), json!({}), json!({"properties": []})]
        {
            let catalog =
                parse(&one(&json!({"name": "s", "json_schema": odd}), &json!({}))).unwrap();
            assert!(catalog.streams[0].properties.is_empty());
        }
        let cursors = [
            (json!(["a"]), json!(["d"]), vec!["a"]),
            (json!("a"), json!(["d"]), vec!["a"]),
            (json!([]), json!(["d", "e"]), vec!["d", "e"]),
            (json!(null), json!(null), vec![]),
            (json!([1]), json!({}), vec![]),
            (json!([""]), json!([]), vec![]),
        ];
        for (own, default, expected) in cursors {
            let catalog = parse(&one(
                &json!({"name": "s", "default_cursor_field": default}),
                &json!({"cursor_field": own}),
            ));
            assert_eq!(catalog.unwrap().streams[0].cursor_field, expected, "{own}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_the_streams_name() {
        let named = json!({"name": "s", "namespace": "n"});
        let mode = |mode: Value| one(&named, &json!({"destination_sync_mode": mode}));
        let plain = &one(&named, &json!({}))["streams"][0];
        let empty = &one(&json!({"name": "s", "namespace": ""}), &json!({}))["streams"][0];
        let absent = &one(&json!({"name": "s"}), &json!({}))["streams"][0];
        let cases = [
            (
                json!([]),
                "the catalog is not a configured catalog: it must be a JSON object with a list \
                 `streams`",
            ),
            (
                json!({"streams": {}}),
                "the catalog is not a configured catalog: it must be a JSON object with a list \
                 `streams`",
            ),
            (
                json!({"streams": []}),
                "the catalog has no streams; select at least one in the connection",
            ),
            (json!({"streams": [plain, 1]}), "stream number 2 of the catalog has no name"),
            (json!({"streams": [{"stream": null}]}), "stream number 1 of the catalog has no name"),
            (one(&json!({"name": ""}), &json!({})), "stream number 1 of the catalog has no name"),
            (
                json!({"streams": [plain, plain]}),
                "stream n.s is in the catalog twice; its records could not be told apart",
            ),
            (
                json!({"streams": [empty, absent]}),
                "stream s is in the catalog twice; its records could not be told apart",
            ),
            (
                mode(json!("update")),
                "stream n.s asks for update, which rows in files cannot do; choose append or \
                 overwrite",
            ),
            (
                mode(json!("soft_delete")),
                "stream n.s asks for soft_delete, which rows in files cannot do; choose append or \
                 overwrite",
            ),
            (
                mode(json!("Append")),
                "stream n.s has an unknown destination_sync_mode; choose append or overwrite",
            ),
            (
                mode(json!(7)),
                "stream n.s has an unknown destination_sync_mode; choose append or overwrite",
            ),
            (
                mode(json!(null)),
                "stream n.s has no destination_sync_mode; choose append or overwrite",
            ),
            (
                one(&named, &json!({"generation_id": "4"})),
                "stream n.s has a generation_id that is not a whole number",
            ),
            (
                one(&named, &json!({"minimum_generation_id": 1e300})),
                "stream n.s has a minimum_generation_id that is not a whole number",
            ),
            (
                one(&named, &json!({"generation_id": 4, "minimum_generation_id": 5})),
                "stream n.s has a minimum_generation_id (5) above its generation_id (4): the rows \
                 of this sync would have to go; report this to the platform",
            ),
            (
                one(&named, &json!({"sync_id": 1.5})),
                "stream n.s has a sync_id that is not a whole number",
            ),
        ];
        for (catalog, expected) in cases {
            let error = parse(&catalog).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.failure_type(), FailureType::Config);
        }
        let settings =
            json!({"s3_bucket_name": "lake", "authentication": {"auth_type": "default_chain"}});
        assert_eq!(
            parse(&settings).unwrap_err().to_string(),
            "the catalog file holds settings: are --config and --catalog swapped?"
        );
        // It was said to have no name.
        let discovered = json!({"streams": [{"name": "users", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}]});
        for catalog in [discovered.clone(), json!({"type": "CATALOG", "catalog": discovered})] {
            let message = parse(&catalog).unwrap_err().to_string();
            assert!(message.starts_with("the catalog is a discovered one"), "{message}");
            assert!(message.contains(r#"{"stream": STREAM, "sync_mode""#), "{message}");
        }
        let yaml = Catalog::parse(b"streams:\n- name: users\n").unwrap_err();
        assert_eq!(
            yaml.to_string(),
            "the catalog is not JSON: it looks like YAML; write it as JSON"
        );
        let marked = [b"\xef\xbb\xbf", one(&named, &json!({})).to_string().as_bytes()].concat();
        assert!(Catalog::parse(&marked).is_ok(), "a byte order mark is no part of a text");
        let error = Catalog::parse(b"{\"streams\": [").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the catalog is not JSON: the JSON text ends too early at line 1, column 13"
        );
    }

    #[test]
    fn a_catalog_that_is_not_json_is_refused_with_the_stream() {
        for (text, expected) in [
            (
                r#"{"streams":[{"stream":{"name":"a"}},{"stream":{"name":"b","namespace":"n","json_schema":{"maximum":NaN}}}]}"#,
                "the catalog is not JSON: NaN is not a JSON number at line 1, column 100, in \
                 stream n.b",
            ),
            (
                r#"{"streams":[{"stream":{"name":"a"}},{"stream":{"json_schema":{"minimum":-Infinity}"#,
                "the catalog is not JSON: -Infinity is not a JSON number at line 1, column 73, in \
                 stream number 2",
            ),
        ] {
            assert_eq!(Catalog::parse(text.as_bytes()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn whatever_is_json_is_a_catalog_and_what_cannot_be_used_is_ignored() {
        let deep = |levels: usize, open: &str, close: &str| {
            open.repeat(levels) + "1" + &close.repeat(levels)
        };
        for (odd, same) in [
            (r#"{"type":"string","description":"cut \ud83d"}"#, None),
            (r#"{"type":"string","maximum":1e400,"minimum":-1e999}"#, None),
            (&format!(r#"{{"type":"string","default":{}}}"#, deep(1_100, "[", "]")), None),
            (&format!(r#"{{"type":"string","default":{}}}"#, deep(500, r#"{"a":"#, "}")), None),
            (&deep(61, r#"{"type":"object","properties":{"a":"#, "}}"), Some(())),
        ] {
            let text = format!(
                r#"{{"streams":[{{"destination_sync_mode":"append","cursor_field":["v"],"stream":{{"name":"s","json_schema":{{"properties":{{"v":{odd},"w":{{"type":"integer"}}}}}}}}}}]}}"#
            );
            let catalog = Catalog::parse(text.as_bytes()).unwrap();
            let [(v, schema), (w, _)] = catalog.streams[0].properties.as_slice() else {
                panic!("{odd}")
            };
            assert_eq!((v.as_str(), w.as_str()), ("v", "w"));
            let kind = if same.is_some() { "object" } else { "string" };
            assert_eq!(schema["type"], kind, "{odd}");
        }
        // A number that decides over old data is not made another one.
        let text = r#"{"streams":[{"destination_sync_mode":"append","generation_id":1e400,"stream":{"name":"s"}}]}"#;
        assert_eq!(
            Catalog::parse(text.as_bytes()).unwrap_err().to_string(),
            "stream s has a generation_id that is not a whole number"
        );
    }

    #[test]
    fn the_example_catalogs_are_what_their_names_say() {
        let example = |text: &str| Catalog::parse(text.as_bytes()).unwrap();
        let append = example(include_str!("../../spec/examples/catalogs/append.json"));
        let plain = example(include_str!("../../spec/examples/catalogs/plain.json"));
        let refresh = example(include_str!("../../spec/examples/catalogs/refresh.json"));
        let overwrite = example(include_str!("../../spec/examples/catalogs/overwrite.json"));
        assert!(append.streams.iter().all(|stream| stream.old_objects() == OldObjects::Keep));
        assert!(
            overwrite.streams.iter().all(|stream| stream.old_objects() == OldObjects::RemoveOthers)
        );
        assert_eq!(refresh.streams[0].old_objects(), OldObjects::RemoveOlderThan(4));
        assert_eq!((plain.dialect, refresh.dialect), (Dialect::Plain, Dialect::Refresh));
        assert_eq!(append.warnings(), Vec::<String>::new());
    }
}
