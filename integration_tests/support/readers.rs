//! Reads Parquet objects back with DuckDB, polars and pyarrow, and asks the oracle what should be
//! in them.
//!
//! Bytes of objects in, tables out. The engines run in one Python process for the whole test run
//! (`readers/`, one JSON line for each request and answer), in the virtual environment that `make
//! readers` installs. Values come in the canonical form of `readers/canonical.py`, so that a value
//! has one spelling whichever engine read it.
//!
//! Invariants
//! - Every engine reads every file, and a difference between two engines fails the test.
//! - Without the environment, or if it does not match `requirements.txt`, a test fails and says
//!   what to do.
//!
//! Not here: which rows a test expects.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The requirements that the environment must have been installed from.
const REQUIREMENTS: &str = include_str!("../readers/requirements.txt");
/// How many differences a failure shows.
const SHOWN: usize = 12;

/// A table in canonical form.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Table {
    /// Names and types, in order.
    pub(crate) columns: Vec<(String, Value)>,
    /// Rows with one value for each column.
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Table {
    /// Returns the names of the columns, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Returns the position of the column `name`.
    #[track_caller]
    pub(crate) fn position(&self, name: &str) -> usize {
        let found = self.columns.iter().position(|(column, _)| column == name);
        found.unwrap_or_else(|| panic!("no column {name:?} in {:?}", self.names()))
    }

    /// Returns the type of the column `name`.
    #[track_caller]
    pub(crate) fn kind(&self, name: &str) -> &Value {
        &self.columns[self.position(name)].1
    }

    /// Returns the values of the column `name`.
    #[track_caller]
    pub(crate) fn column(&self, name: &str) -> Vec<&Value> {
        let position = self.position(name);
        self.rows.iter().map(|row| &row[position]).collect()
    }
}

/// A file as all engines read it.
#[derive(Clone, Debug)]
pub(crate) struct ParquetFile {
    pub(crate) table: Table,
    /// The footer as pyarrow reads it: `created_by`, `row_groups`, `codecs`, `key_values`,
    /// `leaves`.
    pub(crate) footer: Value,
    /// The nodes of the schema as DuckDB reads them, parents first: `name`, `repetition`,
    /// `children`, `logical`.
    pub(crate) tree: Vec<Value>,
}

/// Reads every file with every engine. Fails the test where two engines disagree.
#[track_caller]
pub(crate) fn read<'a>(files: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<ParquetFile> {
    #[derive(Deserialize)]
    struct Answer {
        files: Vec<FileAnswer>,
    }
    #[derive(Deserialize)]
    struct FileAnswer {
        tables: BTreeMap<String, Box<RawValue>>,
        footer: Value,
        tree: Vec<Value>,
    }
    let folder = TempDir::new().expect("a temporary folder");
    let paths: Vec<PathBuf> = files
        .into_iter()
        .enumerate()
        .map(|(number, bytes)| {
            let path = folder.path().join(format!("{number}.parquet"));
            fs::write(&path, bytes).expect("a file for the engines");
            path
        })
        .collect();
    let answer: Answer = ask(&json!({ "op": "read", "paths": paths }));
    let agreed = |file: FileAnswer| ParquetFile {
        table: agreed(&file.tables),
        footer: file.footer,
        tree: file.tree,
    };
    answer.files.into_iter().map(agreed).collect()
}

/// Reads all objects as one hive-partitioned table with every engine; `newest` is the key of an
/// object that has every column. Columns, types and rows are in each engine's own order.
#[track_caller]
pub(crate) fn read_folder(
    objects: &BTreeMap<String, Vec<u8>>,
    newest: &str,
) -> BTreeMap<String, Table> {
    #[derive(Deserialize)]
    struct Answer {
        tables: BTreeMap<String, Table>,
    }
    let folder = TempDir::new().expect("a temporary folder");
    for (key, bytes) in objects {
        let path = folder.path().join(key);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders for the engines");
        fs::write(&path, bytes).expect("a file for the engines");
    }
    let request = json!({ "op": "read_folder", "folder": folder.path(), "newest": newest });
    ask::<Answer>(&request).tables
}

/// Reads a JSON lines or CSV file (`format`) with the default options of every engine; returns rows
/// of strings. Fails the test if an engine refuses the file.
#[track_caller]
pub(crate) fn read_text(format: &str, bytes: &[u8]) -> BTreeMap<String, Vec<Value>> {
    #[derive(Deserialize)]
    struct Answer {
        engines: BTreeMap<String, Rows>,
    }
    #[derive(Deserialize)]
    struct Rows {
        #[serde(default)]
        rows: Vec<Value>,
        refused: Option<String>,
    }
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join(format!("file.{format}"));
    fs::write(&path, bytes).expect("a file for the engines");
    let answer: Answer = ask(&json!({ "op": "read_text", "path": path, "format": format }));
    let read = |(engine, answer): (String, Rows)| {
        assert_eq!(
            answer.refused,
            None,
            "{engine} refuses the file: {}",
            String::from_utf8_lossy(bytes)
        );
        (engine, answer.rows)
    };
    answer.engines.into_iter().map(read).collect()
}

/// Returns the rows that the contract demands for a stream. `options` are those of the format, and
/// `metadata_columns`.
#[track_caller]
pub(crate) fn expect(stream: &Value, options: &Value, input: &str) -> Table {
    let folder = TempDir::new().expect("a temporary folder");
    ask(&question("expect", folder.path(), stream, options, input))
}

/// Returns the oracle's table as a Parquet file that pyarrow wrote.
#[track_caller]
pub(crate) fn written_by_pyarrow(stream: &Value, options: &Value, input: &str) -> Vec<u8> {
    let folder = TempDir::new().expect("a temporary folder");
    let mut question = question("self_test", folder.path(), stream, options, input);
    let path = folder.path().join("written.parquet");
    question["path"] = json!(path);
    ask::<Value>(&question);
    fs::read(path).expect("the file that pyarrow wrote")
}

fn question(operation: &str, folder: &Path, stream: &Value, options: &Value, input: &str) -> Value {
    let path = folder.join("input.jsonl");
    fs::write(&path, input).expect("the messages");
    json!({ "op": operation, "stream": stream, "options": options, "input": path })
}

/// Returns the table that all engines read.
#[track_caller]
fn agreed(tables: &BTreeMap<String, Box<RawValue>>) -> Table {
    let parse = |text: &RawValue| serde_json::from_str::<Table>(text.get()).expect("a table");
    let ((first, text), others) = {
        let mut tables = tables.iter();
        (tables.next().expect("an engine"), tables)
    };
    let table = parse(text);
    for (name, other) in others {
        // Equal texts are equal tables; parsing all three would take most of the test's time.
        if other.get() != text.get() {
            assert_same(
                &table,
                &parse(other),
                &format!("{name} reads something else than {first}"),
            );
        }
    }
    table
}

/// Asserts that two tables are equal; shows the first differences.
#[track_caller]
pub(crate) fn assert_same(expected: &Table, found: &Table, what: &str) {
    for (expected, found) in expected.columns.iter().zip(&found.columns) {
        assert_eq!(expected, found, "columns: {what}");
    }
    assert_eq!(expected.names(), found.names(), "columns: {what}");
    assert_eq!(expected.rows.len(), found.rows.len(), "rows: {what}");
    let mut story = String::new();
    let mut count = 0;
    for (number, (expected_row, row)) in expected.rows.iter().zip(&found.rows).enumerate() {
        for ((name, _), (expected, value)) in
            expected.columns.iter().zip(expected_row.iter().zip(row))
        {
            if expected != value {
                count += 1;
                if count <= SHOWN {
                    let _ = write!(
                        story,
                        "\n  row {number}, {name:?}: expected {}, found {}",
                        short(expected),
                        short(value)
                    );
                }
            }
        }
    }
    assert!(count == 0, "{count} values differ: {what}{story}");
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(300).collect()
}

/// The process. The first request starts it; it ends with the tests, because its stdin closes then.
static PROCESS: Mutex<Option<Process>> = Mutex::new(None);

struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

#[track_caller]
fn ask<T: for<'de> Deserialize<'de>>(question: &Value) -> T {
    #[derive(Deserialize)]
    struct Failure {
        error: String,
    }
    let line = {
        let mut process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match &mut *process {
            Some(running) => running,
            absent => absent.insert(start()),
        };
        match running.exchange(&question.to_string()) {
            Ok(line) => line,
            Err(problem) => {
                // The next test starts a new one.
                let ended = process.take().map(|mut process| process.child.wait());
                panic!(
                    "the readers ended ({problem}; {ended:?}), their last words are on stderr: \
                    {question}"
                )
            }
        }
    };
    if line.starts_with("{\"error\":") {
        let failure: Failure = serde_json::from_str(&line).expect("an answer");
        panic!("the readers failed: {}", failure.error);
    }
    serde_json::from_str(&line).unwrap_or_else(|e| {
        panic!("an answer that is not JSON ({e}): {}", line.chars().take(300).collect::<String>())
    })
}

impl Process {
    fn exchange(&mut self, question: &str) -> std::io::Result<String> {
        writeln!(self.questions, "{question}")?;
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }
}

fn start() -> Process {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests/readers/serve.py");
    // -B: write no compiled files into the checkout.
    let mut child = Command::new(python())
        .arg("-B")
        .arg(program)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the readers start");
    let questions = child.stdin.take().expect("a piped stdin");
    let answers = BufReader::new(child.stdout.take().expect("a piped stdout"));
    Process { child, questions, answers }
}

/// Returns the interpreter of the virtual environment in cargo's target folder.
fn python() -> PathBuf {
    let program = std::env::current_exe().expect("the path of the test");
    let mut environments = program.ancestors().map(|folder| folder.join("readers"));
    let Some(environment) = environments.find(|folder| folder.join("bin/python").is_file()) else {
        panic!("the engines that read Parquet back are not installed: run `make readers`");
    };
    let installed = fs::read_to_string(environment.join("requirements.txt")).unwrap_or_default();
    assert!(
        installed == REQUIREMENTS,
        "the engines that read Parquet back are other versions than \
         integration_tests/readers/requirements.txt says: run `make readers`"
    );
    environment.join("bin/python")
}
