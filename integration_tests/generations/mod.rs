//! What the tests of old data share: streams of any mode and generation, attempts that are
//! interrupted, and rows by object.
//!
//! A row is written as `ID@GENERATION` (`7@13`, or `7@-` without a generation), so that a
//! comparison of rows also says which sync they come from. Contents are read back in every format
//! by the readers of `support`.
//!
//! The expectations come from the contract alone: what a mode and its generation fields do to the
//! stream's old objects, and who owns an object.

// Replacements that are refused, killed or disturbed.
mod breaks;
// Which old objects stay when the source may have failed (plain dialect).
mod guard;
// Fixed keys: complete old or complete new content.
mod keys;
// Sync modes, and the metadata of objects.
mod metadata;
// Replacements as S3 sees them: order, refusals, many objects.
pub(crate) mod store;
// The platform's own suite: refreshes, retries, clears.
mod suite;
// What a good end and a bad end do to old objects.
mod table;
// Old objects under every kind of key.
mod templates;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::connector::{Outcome, Session};
use crate::support::{read_back, readers};
use crate::world::{SOON, World, catalog, complete, connector, plain, record, state, with};

/// Every format, compressed and not.
pub(crate) const FORMATS: [&str; 5] = ["jsonl", "jsonl.gz", "csv", "csv.gz", "parquet"];

/// Returns the settings for a format.
pub(crate) fn format(name: &str) -> Value {
    json!({ "format": { "format_type": name } })
}

/// Returns a configured stream with an integer `id`; `fields` are its generation fields, an empty
/// object in the plain dialect.
pub(crate) fn stream(name: &str, mode: &str, fields: &Value) -> Value {
    let stream = plain(name, &json!({ "id": { "type": "integer" } }));
    with(with(stream, &json!({ "destination_sync_mode": mode })), fields)
}

/// Returns generation fields as the platform sends them.
pub(crate) fn generation(generation: u32, minimum: u32) -> Value {
    json!({ "generation_id": generation, "minimum_generation_id": minimum,
        "sync_id": 100 + generation })
}

/// Returns a stream in append mode with this generation and minimum generation.
pub(crate) fn appended(name: &str, generation_id: u32, minimum: u32) -> Value {
    stream(name, "append", &generation(generation_id, minimum))
}

/// Returns RECORDs of a stream, one for each id.
pub(crate) fn records(stream: &str, ids: &[u32]) -> String {
    ids.iter().map(|id| record(stream, &format!("{{\"id\":{id}}}"))).collect()
}

/// Returns the input of one stream that ends well, in the refresh dialect: records, a STATE,
/// COMPLETE.
pub(crate) fn good_input(stream: &str, ids: &[u32]) -> String {
    [records(stream, ids), state(stream, 1), complete(stream)].concat()
}

/// Returns a GLOBAL state.
pub(crate) fn global_state() -> String {
    "{\"type\":\"STATE\",\"state\":{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":{\"lsn\":7},\"stream_states\":[]}}}\n"
        .to_owned()
}

/// Returns a LEGACY state.
pub(crate) fn legacy_state() -> String {
    "{\"type\":\"STATE\",\"state\":{\"type\":\"LEGACY\",\"data\":{\"cursor\":7}}}\n".to_owned()
}

/// Runs a whole sync of one stream that ends well, in the dialect of its fields.
#[track_caller]
pub(crate) fn sync_one(world: &World, settings: &Value, stream: &Value, ids: &[u32]) -> Outcome {
    let name = name_of(stream);
    let mut input = [records(name, ids), state(name, 1)].concat();
    if stream.get("generation_id").is_some() {
        input.push_str(&complete(name));
    }
    world.sync(settings, &catalog([stream.clone()]), &input)
}

/// Returns the name of a configured stream.
pub(crate) fn name_of(stream: &Value) -> &str {
    stream["stream"]["name"].as_str().expect("the name of a stream")
}

/// How an attempt is interrupted once its STATE has come back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Break {
    /// The input ends without COMPLETE.
    CutOff,
    /// A line that is not JSON.
    Garbled,
    /// SIGKILL.
    Killed,
}

impl Break {
    /// Every way.
    pub(crate) const ALL: [Self; 3] = [Self::CutOff, Self::Garbled, Self::Killed];
}

/// Runs an attempt that gets its STATE back for `ids` and is then interrupted, with one more record
/// that no STATE covers. Every STATE is due at once, as the platform's suite demands.
#[track_caller]
pub(crate) fn broken_off(world: &World, settings: &Value, stream: &Value, ids: &[u32], how: Break) {
    const UNCOVERED: u32 = 999;
    let name = name_of(stream);
    let connector = connector().env("AIRBYTE_DESTINATION_RECORD_BATCH_SIZE_OVERRIDE", "1");
    let mut session = connector.write(&world.config(settings), &catalog([stream.clone()])).start();
    session.send([records(name, ids), state(name, 1)].concat());
    session.wait_for_state(SOON);
    session.send(records(name, &[UNCOVERED]));
    let failure_type = match how {
        Break::CutOff => Some("transient_error"),
        Break::Garbled => {
            session.send("{\"unparseable");
            Some("system_error")
        }
        Break::Killed => {
            session.kill();
            None
        }
    };
    let outcome = session.finish(SOON);
    match failure_type {
        Some(failure_type) => {
            crate::world::failure(&outcome, failure_type);
        }
        None => assert_eq!(outcome.code(), None, "killed: {outcome:?}"),
    }
}

/// Closes the reading end of stdout and waits until the pipe is broken for the child. `line` must
/// make the child write one line: the reader takes it and ends.
#[track_caller]
pub(crate) fn break_stdout(session: &mut Session, line: &str) {
    let pipe =
        std::fs::read_link(format!("/proc/{}/fd/1", session.pid())).expect("the child's stdout");
    session.close_stdout();
    session.send(line);
    let is_open = || {
        let ours = std::fs::read_dir("/proc/self/fd").expect("our own descriptors").flatten();
        ours.into_iter()
            .any(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| target == pipe))
    };
    let deadline = std::time::Instant::now() + SOON;
    while is_open() {
        assert!(std::time::Instant::now() < deadline, "the child wrote nothing for {line}");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Returns the rows of every object by key, in the order of the object.
#[track_caller]
pub(crate) fn rows_by_key(objects: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<String>> {
    let (parquet, text): (Vec<_>, Vec<_>) =
        objects.iter().partition(|(key, _)| key.ends_with(".parquet"));
    let mut rows: BTreeMap<String, Vec<String>> =
        text.into_iter().map(|(key, bytes)| (key.clone(), rows_of_text(key, bytes))).collect();
    if !parquet.is_empty() {
        let files = readers::read(parquet.iter().map(|(_, bytes)| *bytes));
        for ((key, _), file) in parquet.into_iter().zip(files) {
            let columns = file
                .table
                .column("id")
                .into_iter()
                .zip(file.table.column("_airbyte_generation_id"));
            let written =
                columns.map(|(id, generation)| row(&id.to_string(), &generation.to_string()));
            rows.insert(key.clone(), written.collect());
        }
    }
    rows
}

/// Returns all rows of these objects, sorted and with duplicates.
#[track_caller]
pub(crate) fn all_rows(objects: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut rows: Vec<String> = rows_by_key(objects).into_values().flatten().collect();
    rows.sort();
    rows
}

fn rows_of_text(key: &str, bytes: &[u8]) -> Vec<String> {
    let content = read_back::content(key, bytes);
    if key.contains(".csv") {
        let table = read_back::csv(&content);
        let columns = table.column("id").into_iter().zip(table.column("_airbyte_generation_id"));
        return columns
            .map(|(id, generation)| row(id.expect("an id"), generation.unwrap_or("null")))
            .collect();
    }
    let rows = read_back::jsonl(&content);
    let field = |row: &read_back::JsonRow, name: &str| {
        row.get(name).unwrap_or_else(|| panic!("no {name} in {}", row.text)).to_owned()
    };
    rows.iter()
        .map(|line| row(&field(line, "id"), &field(line, "_airbyte_generation_id")))
        .collect()
}

fn row(id: &str, generation: &str) -> String {
    format!("{id}@{}", if generation == "null" { "-" } else { generation })
}
