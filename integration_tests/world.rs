//! Builds the world of a test: a bucket of its own, catalogs, and messages as lines of text.
//!
//! Messages are text and not values, because a value would already have lost digits, order and
//! duplicate members.
//!
//! Invariant: when a [`World`] is dropped, its server holds no unfinished multipart upload,
//! whatever the test did.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::connector::{Connector, Outcome, PendingWrite};
use crate::support::read_back::{self, JsonRow};
use crate::support::server::Server;

/// The bucket of every test.
pub(crate) const BUCKET: &str = "lake";
/// How long a test waits for what should come at once.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// The `emitted_at` of records that need no particular one.
pub(crate) const EMITTED_AT: i64 = 1_795_347_447_038;

/// A server with one empty bucket.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) server: Server,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { server: Server::start(BUCKET) }
    }

    /// Starts another server with the same objects; from then on the two differ.
    pub(crate) fn twin(&self) -> Self {
        Self { server: self.server.twin() }
    }

    /// Returns a configuration that reaches the bucket, with the members of `settings` replaced.
    pub(crate) fn config(&self, settings: &Value) -> Value {
        let mut config = self.server.config(BUCKET);
        for (name, value) in settings.as_object().expect("settings are an object") {
            config[name] = value.clone();
        }
        config
    }

    /// Prepares a `write` with an empty environment.
    pub(crate) fn write(&self, settings: &Value, catalog: &Value) -> PendingWrite {
        connector().write(&self.config(settings), catalog)
    }

    /// Runs a whole sync, which must succeed.
    #[track_caller]
    pub(crate) fn sync(&self, settings: &Value, catalog: &Value, input: &str) -> Outcome {
        self.write(settings, catalog).input(input).run().expect_success()
    }

    /// Returns every visible object.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.server.objects(BUCKET)
    }

    /// Returns the keys of every visible object, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.server.keys(BUCKET)
    }

    /// Returns the user metadata of every visible object.
    pub(crate) fn metadata(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.keys()
            .into_iter()
            .map(|key| {
                let metadata = self.server.metadata(BUCKET, &key);
                (key, metadata)
            })
            .collect()
    }

    /// Returns the rows of all JSONL objects, in the order of their part numbers.
    pub(crate) fn rows(&self) -> Vec<JsonRow> {
        let objects = self.objects();
        let contents = in_part_order(&objects).into_iter();
        contents
            .flat_map(|(key, bytes)| read_back::jsonl(&read_back::content(key, bytes)))
            .collect()
    }

    /// Returns the text of the field `id` of every visible row, sorted.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.rows().iter().map(|row| row.get("id").expect("a field id").to_owned()).collect();
        ids.sort();
        ids
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.server.open_uploads(), 0, "unfinished multipart uploads are left");
            assert_eq!(self.server.open_parts(), 0, "parts of multipart uploads are left");
        }
    }
}

/// Returns the binary under test.
pub(crate) fn connector() -> Connector {
    Connector::new(Path::new(env!("CARGO_BIN_EXE_destination-s3")))
}

/// Returns the settings for uncompressed JSONL, which most tests read.
pub(crate) fn jsonl() -> Value {
    json!({ "format": { "format_type": "jsonl" } })
}

/// Returns [`jsonl`] with other settings added.
pub(crate) fn jsonl_and(settings: &Value) -> Value {
    let mut merged = jsonl();
    for (name, value) in settings.as_object().expect("settings are an object") {
        merged[name] = value.clone();
    }
    merged
}

/// Returns a catalog's stream in the plain dialect: append mode, without generation fields.
pub(crate) fn plain(name: &str, properties: &Value) -> Value {
    json!({
        "stream": {
            "name": name,
            "json_schema": { "type": "object", "properties": properties },
            "supported_sync_modes": ["full_refresh", "incremental"],
        },
        "sync_mode": "incremental",
        "destination_sync_mode": "append",
    })
}

/// Returns a catalog's stream in the refresh dialect: generation 5, nothing older to delete, sync
/// 42.
pub(crate) fn refresh(name: &str, properties: &Value) -> Value {
    with(
        plain(name, properties),
        &json!({ "generation_id": 5, "minimum_generation_id": 0, "sync_id": 42 }),
    )
}

/// Returns a configured stream with these members set.
pub(crate) fn with(mut stream: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().expect("members of a stream") {
        stream[name] = value.clone();
    }
    stream
}

/// Returns a configured stream in a namespace.
pub(crate) fn within(namespace: &str, mut stream: Value) -> Value {
    stream["stream"]["namespace"] = json!(namespace);
    stream
}

pub(crate) fn catalog(streams: impl IntoIterator<Item = Value>) -> Value {
    json!({ "streams": streams.into_iter().collect::<Vec<_>>() })
}

/// Returns the stream `users` alone, with an integer `id`, in the refresh dialect.
pub(crate) fn users() -> Value {
    catalog([refresh("users", &json!({ "id": { "type": "integer" } }))])
}

/// Returns a RECORD with this text as its data.
pub(crate) fn record(stream: &str, data: &str) -> String {
    let stream = json!(stream);
    format!(
        "{{\"type\":\"RECORD\",\"record\":{{\"stream\":{stream},\"data\":{data},\"emitted_at\":{EMITTED_AT}}}}}\n"
    )
}

/// Returns a RECORD of a stream in a namespace.
pub(crate) fn record_within(namespace: &str, stream: &str, data: &str) -> String {
    let (namespace, stream) = (json!(namespace), json!(stream));
    format!(
        "{{\"type\":\"RECORD\",\"record\":{{\"namespace\":{namespace},\"stream\":{stream},\"data\":{data},\
         \"emitted_at\":{EMITTED_AT}}}}}\n"
    )
}

/// Returns a RECORD of `users` with this id.
pub(crate) fn user(id: u32) -> String {
    record("users", &format!("{{\"id\":{id}}}"))
}

/// Returns a STATE of type STREAM; `cursor` identifies it.
pub(crate) fn state(stream: &str, cursor: u32) -> String {
    let stream = json!(stream);
    format!(
        "{{\"type\":\"STATE\",\"state\":{{\"type\":\"STREAM\",\"stream\":{{\"stream_descriptor\":{{\"name\":{stream}}},\
         \"stream_state\":{{\"cursor\":{cursor}}}}}}}}}\n"
    )
}

/// Returns a STREAM_STATUS COMPLETE.
pub(crate) fn complete(stream: &str) -> String {
    complete_descriptor(&json!({ "name": stream }))
}

/// Returns a STREAM_STATUS COMPLETE for any descriptor.
pub(crate) fn complete_descriptor(descriptor: &Value) -> String {
    format!(
        "{{\"type\":\"TRACE\",\"trace\":{{\"type\":\"STREAM_STATUS\",\"emitted_at\":{EMITTED_AT}.25,\"stream_status\":\
         {{\"stream_descriptor\":{descriptor},\"status\":\"COMPLETE\"}}}}}}\n"
    )
}

/// Returns the cursors of the STATEs that came back, in order, for STATEs that [`state`] made.
pub(crate) fn cursors(outcome: &Outcome) -> Vec<u64> {
    let cursor =
        |state: &&Value| state["stream"]["stream_state"]["cursor"].as_u64().expect("a cursor");
    outcome.states().iter().map(cursor).collect()
}

/// Returns the cursor of one STATE message.
pub(crate) fn cursor(message: &Value) -> u64 {
    message["state"]["stream"]["stream_state"]["cursor"].as_u64().expect("a cursor")
}

/// Returns the number that a key ends in, before its extension (`..._12.jsonl.gz`).
pub(crate) fn part_of(key: &str) -> Option<u32> {
    let name = key.rsplit('/').next()?;
    name.split('.').next()?.rsplit('_').next()?.parse().ok()
}

/// Returns objects sorted by the part number in their keys.
pub(crate) fn in_part_order(objects: &BTreeMap<String, Vec<u8>>) -> Vec<(&String, &Vec<u8>)> {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort_by_key(|(key, _)| part_of(key));
    sorted
}

/// Asserts a failed run: exit code 1 and exactly one TRACE ERROR, of this type. Returns its
/// message.
#[track_caller]
pub(crate) fn failure<'a>(outcome: &'a Outcome, failure_type: &str) -> &'a str {
    failure_with_code(outcome, failure_type, 1)
}

/// Asserts the end of a run that a signal stopped: exactly one TRACE ERROR, `transient_error`, and
/// this exit code. Returns its message.
#[track_caller]
pub(crate) fn stopped(outcome: &Outcome, code: i32) -> &str {
    failure_with_code(outcome, "transient_error", code)
}

#[track_caller]
fn failure_with_code<'a>(outcome: &'a Outcome, failure_type: &str, code: i32) -> &'a str {
    let errors = outcome.errors();
    let [error] = errors.as_slice() else { panic!("{} TRACE ERRORs: {outcome:#?}", errors.len()) };
    assert_eq!(error["failure_type"], failure_type, "{error:#}");
    assert_eq!(outcome.code(), Some(code), "{error:#}");
    assert_eq!(outcome.stderr, "", "stderr is for panics");
    error["message"].as_str().expect("a TRACE ERROR has a message")
}

/// Returns text that does not compress, of letters and digits; the same seed gives the same text.
pub(crate) fn noise(seed: u64, length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::with_capacity(length + 10);
    while text.len() < length {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        text.extend(
            (0..10).map(|sextet| char::from(ALPHABET[(random >> (6 * sextet)) as usize & 63])),
        );
    }
    text.truncate(length);
    text
}
