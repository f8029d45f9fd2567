//! The connector at work, for somebody who sees it for the first time: `make quickstart`.
//!
//! `quickstart BINARY [FOLDER]` starts an S3 server in this process, then runs the given
//! `destination-s3` three ways as the platform would: `spec`, `check`, and `write` of a recorded
//! sync of 700 records, once as jsonl.gz and once as csv. It prints what went in and what came out,
//! keeps the objects in FOLDER (new or empty; without it a temporary folder that goes at the end),
//! and exits 1 as soon as anything is off. No network beyond the loopback address, no account.
//!
//! Not here: any call into the connector's own code.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output is what this program is for"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a program beside the connector: it has arguments and a terminal"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};
use support::connector::{Connector, Outcome};
use support::faulty_s3::FaultyS3;
use support::read_back;

const BUCKET: &str = "quickstart";
const MESSAGES: &str = include_str!("fixtures/faker_300.jsonl");
const CATALOG: &str = include_str!("fixtures/faker_catalog.json");
const ROWS_SHOWN: usize = 3;
const LINES_PER_ROW: usize = 3;
const USAGE: &str = "usage: quickstart BINARY [FOLDER]\n  BINARY  the destination-s3 to \
                     run\n  FOLDER  where to keep the objects: new or empty";

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (binary, folder) = match arguments.as_slice() {
        [binary] => (binary, None),
        [binary, folder] => (binary, Some(folder.as_path())),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    match tour(binary, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("\nquickstart: {what}");
            ExitCode::FAILURE
        }
    }
}

fn tour(binary: &Path, folder: Option<&Path>) -> Result<(), String> {
    if !binary.is_file() {
        return Err(format!("{} is not there: `cargo build --release` makes it", binary.display()));
    }
    let temporary = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let root = folder.unwrap_or(temporary.path());
    fs::create_dir_all(root).map_err(|e| format!("{} cannot be made: {e}", root.display()))?;
    if fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("{} is not empty: name another folder or remove it", root.display()));
    }

    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    println!("S3 server   {} (in this process)", server.endpoint());
    println!("bucket      {BUCKET}");
    println!("connector   {}", binary.display());

    let connector = Connector::new(binary);
    show_spec(&connector.spec())?;
    let catalog: Value =
        serde_json::from_str(CATALOG).map_err(|e| format!("the catalog is broken: {e}"))?;
    for (position, format) in ["jsonl.gz", "csv"].into_iter().enumerate() {
        let mut config = server.config(BUCKET);
        config["format"] = json!({ "format_type": format });
        // Without an id all connections into a bucket would count as one.
        config["connection_id"] = json!("quickstart");
        if position == 0 {
            show_check(&connector.check(&config))?;
        }
        title(&format!("write: {format}"));
        show_config(&config);
        let before = server.keys(BUCKET);
        let outcome = connector.write(&config, &catalog).input(MESSAGES).run();
        let mut objects = server.objects(BUCKET);
        objects.retain(|key, _| !before.contains(key));
        keep(&root.join(BUCKET), &objects)
            .map_err(|e| format!("the objects cannot be kept: {e}"))?;
        show_write(format, &outcome, &objects)?;
        if server.open_uploads() > 0 {
            return Err(format!("{} multipart uploads were left open", server.open_uploads()));
        }
    }

    title("where things are");
    match folder {
        Some(folder) => println!("the objects   {}", folder.join(BUCKET).display()),
        None => {
            println!("the objects   gone with their temporary folder; name a FOLDER to keep them")
        }
    }
    println!("the input     integration_tests/fixtures/faker_300.jsonl, faker_catalog.json");
    println!("the binary    {}", binary.display());
    println!("this program  integration_tests/quickstart.rs");
    println!(
        "\nAll is well: every record that was sent is in an object, and the last STATE of every \
        stream came back."
    );
    Ok(())
}

/// Writes objects to files below `folder`.
fn keep(folder: &Path, objects: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    for (key, content) in objects {
        let file = folder.join(key);
        fs::create_dir_all(file.parent().unwrap_or(folder))?;
        fs::write(file, content)?;
    }
    Ok(())
}

fn show_spec(outcome: &Outcome) -> Result<(), String> {
    title("spec");
    expect_exit_0("spec", outcome)?;
    let fields = outcome.specification()["connectionSpecification"]["properties"].as_object();
    let fields = fields.ok_or("`spec` describes no fields")?;
    let size: usize = outcome.stdout_lines.iter().map(|line| line.len() + 1).sum();
    println!("{size} bytes of JSON, {} fields:", fields.len());
    let mut line = String::from(" ");
    for name in fields.keys() {
        if line.len() + 1 + name.len() > width() {
            println!("{line}");
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(name);
    }
    println!("{line}");
    Ok(())
}

fn show_check(outcome: &Outcome) -> Result<(), String> {
    title("check");
    expect_exit_0("check", outcome)?;
    let (status, message) = outcome.connection_status();
    println!("{}", [status, message].join(" ").trim_end());
    if status == "SUCCEEDED" {
        Ok(())
    } else {
        Err(format!("`check` answered {status}: {message}"))
    }
}

fn show_config(config: &Value) {
    let mut shown = config.clone();
    shown["authentication"]["secret_access_key"] = json!("********");
    println!("config:");
    for line in serde_json::to_string_pretty(&shown).unwrap_or_default().lines() {
        println!("  {line}");
    }
}

/// Prints what a `write` left behind and holds it against what was sent.
fn show_write(
    format: &str,
    outcome: &Outcome,
    objects: &BTreeMap<String, Vec<u8>>,
) -> Result<(), String> {
    expect_exit_0("write", outcome)?;
    let sent = Sent::count();

    let total: usize = objects.values().map(Vec::len).sum();
    println!("{} objects, {total} bytes:", objects.len());
    for (key, bytes) in objects {
        println!("  {:>8}  {key}", bytes.len());
    }
    if let Some((key, bytes)) = objects.first_key_value() {
        println!("the beginning of {key}:");
        let header = usize::from(format.starts_with("csv"));
        let content = String::from_utf8_lossy(&read_back::content(key, bytes)).into_owned();
        for line in content.lines().take(ROWS_SHOWN + header) {
            print_wrapped(line);
        }
    }

    let states = outcome.states();
    println!("{} STATE messages came back of {} sent, the last:", states.len(), sent.states);
    for message in
        outcome.messages.iter().filter(|message| message["type"] == "STATE").rev().take(1)
    {
        print_wrapped(&message.to_string());
    }
    let stored = stored(format, objects);
    println!("records, sent and stored:");
    for (stream, count) in &sent.records {
        println!("  {stream:<12} {count:>6} {:>6}", stored.get(stream).copied().unwrap_or(0));
    }
    if stored != sent.records {
        return Err(format!("sent {:?}, but the objects hold {stored:?}", sent.records));
    }
    let last_states: BTreeMap<_, _> = states.into_iter().map(stream_and_state).collect();
    if last_states != sent.last_states {
        return Err(format!(
            "the last STATE of each stream was {:?}, but {last_states:?} came back",
            sent.last_states
        ));
    }
    Ok(())
}

/// What the recorded sync holds.
#[derive(Debug, Default)]
struct Sent {
    records: BTreeMap<String, usize>,
    states: usize,
    last_states: BTreeMap<String, Value>,
}

impl Sent {
    fn count() -> Self {
        let mut sent = Self::default();
        for line in MESSAGES.lines() {
            let message: Value = serde_json::from_str(line).unwrap_or_default();
            match message["type"].as_str() {
                Some("RECORD") => {
                    let stream = message["record"]["stream"].as_str().unwrap_or_default();
                    *sent.records.entry(stream.to_owned()).or_default() += 1;
                }
                Some("STATE") => {
                    sent.states += 1;
                    sent.last_states.extend([stream_and_state(&message["state"])]);
                }
                _ => {}
            }
        }
        sent
    }
}

/// Whose state it is, and the state itself without what the platform or the connector adds.
fn stream_and_state(state: &Value) -> (String, Value) {
    let stream = state["stream"]["stream_descriptor"]["name"].as_str().unwrap_or_default();
    (stream.to_owned(), state["stream"]["stream_state"].clone())
}

/// Rows of each stream in the objects: the first segment of a default key is the stream, as these
/// have no namespace.
fn stored(format: &str, objects: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, usize> {
    let rows = |(key, bytes): (&String, &Vec<u8>)| {
        let content = read_back::content(key, bytes);
        if format.starts_with("csv") {
            read_back::csv(&content).rows.len()
        } else {
            read_back::jsonl(&content).len()
        }
    };
    let streams = read_back::group_by_prefix(objects, 1);
    streams.into_iter().map(|(stream, objects)| (stream, objects.iter().map(rows).sum())).collect()
}

fn expect_exit_0(verb: &str, outcome: &Outcome) -> Result<(), String> {
    if outcome.code() == Some(0) {
        return Ok(());
    }
    let errors: Vec<_> =
        outcome.errors().iter().filter_map(|error| error["message"].as_str()).collect();
    Err(format!("`{verb}` ended with {}: {} {}", outcome.status, errors.join("; "), outcome.stderr))
}

fn title(text: &str) {
    println!("\n== {text} {}", "=".repeat(width().saturating_sub(text.len() + 4)));
}

/// Prints a long line on at most three lines of the terminal, and how much of it is left out.
fn print_wrapped(line: &str) {
    let room = width().saturating_sub(4);
    let characters: Vec<char> = line.chars().collect();
    for (position, piece) in characters.chunks(room).enumerate().take(LINES_PER_ROW) {
        let indent = if position == 0 { "  " } else { "    " };
        println!("{indent}{}", piece.iter().collect::<String>());
    }
    if let Some(left @ 1..) = characters.len().checked_sub(LINES_PER_ROW * room) {
        println!("    ... and {left} characters more");
    }
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.unwrap_or(100).clamp(60, 200)
}
