//! The programs that the connector is compared with: pigz for the gzip formats, DuckDB for Parquet.
//!
//! `make bench-peers` installs them. Each does only a part of the connector's work, from a local
//! file, and is timed to its advantage: the output of pigz is discarded, and of DuckDB only the
//! COPY counts, not the start of Python.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::measure::{Run, measure};
use crate::programs::{Failure, Input, Sink, generate, run_connector};

const PIGZ: [&str; 4] = ["-p", "2", "-6", "-c"];
const DUCKDB_COPY: &str = include_str!("duckdb_copy.py");

/// The peers that this machine has.
#[derive(Debug)]
pub(crate) struct Peers {
    pigz: bool,
    /// The Python interpreter that has DuckDB, and DuckDB's version.
    duckdb: Option<(PathBuf, String)>,
}

/// A peer and its input.
#[derive(Debug)]
pub(crate) enum Peer {
    /// Compresses the rows that the connector writes.
    Pigz { rows: PathBuf },
    /// Writes the bare records as Parquet.
    DuckDb {
        python: PathBuf,
        version: String,
        bare: PathBuf,
        parquet: PathBuf,
        threads: usize,
        records: u64,
    },
}

impl Peers {
    /// Looks for pigz on the path and for DuckDB in the virtual environment `folder`.
    pub(crate) fn found(folder: &Path) -> Self {
        let pigz = Command::new("pigz")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let python = folder.join("bin/python");
        let version = Command::new(&python)
            .args(["-I", "-c", "import duckdb; print(duckdb.__version__)"])
            .output();
        let duckdb = version
            .ok()
            .filter(|output| output.status.success())
            .map(|output| (python, String::from_utf8_lossy(&output.stdout).trim().to_owned()));
        Self { pigz: pigz.is_ok(), duckdb }
    }

    /// Returns a line about each missing peer.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let mut lines = Vec::new();
        if !self.pigz {
            lines.push(
                "pigz is not installed (make bench-peers): the last columns of the gzip formats \
                 are left out",
            );
        }
        if self.duckdb.is_none() {
            lines.push(
                "DuckDB is not installed (make bench-peers): the last columns of parquet are \
                       left out",
            );
        }
        lines
    }

    /// Returns the peer of `format`, if it exists and is installed. Makes its input, which is not
    /// timed.
    pub(crate) fn of(
        &self,
        binary: &Path,
        folder: &Path,
        format: &str,
        input: &Input,
    ) -> Result<Option<Peer>, Failure> {
        if let (Some(plain), true) = (format.strip_suffix(".gz"), self.pigz) {
            return Ok(Some(Peer::Pigz { rows: plain_rows(binary, folder, plain, input)? }));
        }
        let ("parquet", Some((python, version))) = (format, &self.duckdb) else { return Ok(None) };
        let bare = folder.join(format!("bare-{}.jsonl", input.records));
        if !bare.is_file() {
            generate(folder, &bare, |command, unfinished| {
                command.arg("--bare").arg(input.records.to_string()).arg(unfinished);
            })?;
        }
        Ok(Some(Peer::DuckDb {
            python: python.clone(),
            version: version.clone(),
            bare,
            parquet: folder.join("duckdb.parquet"),
            threads: std::thread::available_parallelism()?.get(),
            records: input.records,
        }))
    }
}

impl Peer {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pigz { .. } => "pigz",
            Self::DuckDb { .. } => "duckdb",
        }
    }

    /// Returns a sentence that explains its figures.
    pub(crate) fn note(&self) -> String {
        match self {
            Self::Pigz { .. } => {
                format!(
                    "pigz: `pigz {}` on the bytes of the same rows, output thrown away.",
                    PIGZ.join(" ")
                )
            }
            Self::DuckDb { version, .. } => format!(
                "duckdb: {version}, `COPY (SELECT * FROM read_json(...)) TO 'x.parquet' (FORMAT \
                 parquet)`, a thread for each\n  processor, types given. It reads the bare records \
                 (no envelope, no STATE, no metadata columns: fewer bytes\n  than the messages \
                 that its MB/s are counted in) and writes a local file. Only the COPY is timed; \
                 its memory\n  includes Python."
            ),
        }
    }

    /// Runs it once. `wall_s` is the time of the work alone.
    pub(crate) fn run(&self) -> Result<Run, Failure> {
        match self {
            Self::Pigz { rows } => {
                let mut command = Command::new("pigz");
                measure("pigz", command.args(PIGZ).stdin(File::open(rows)?).stdout(Stdio::null()))
            }
            Self::DuckDb { python, bare, parquet, threads, records, .. } => {
                let seconds = parquet.with_extension("seconds");
                let mut command = Command::new(python);
                command
                    .args(["-I", "-c", DUCKDB_COPY])
                    .args([bare, parquet])
                    .args([threads.to_string(), records.to_string()])
                    .stdin(Stdio::null())
                    .stdout(File::create(&seconds)?);
                let run = measure("DuckDB", &mut command)?;
                Ok(Run { wall_s: fs::read_to_string(&seconds)?.trim().parse()?, ..run })
            }
        }
    }

    /// Returns the size of its output after a run.
    pub(crate) fn out_bytes(&self) -> Result<u64, Failure> {
        match self {
            Self::Pigz { rows } => {
                let mut child = Command::new("pigz")
                    .args(PIGZ)
                    .stdin(File::open(rows)?)
                    .stdout(Stdio::piped())
                    .spawn()?;
                let mut stdout = child.stdout.take().ok_or("no pipe from pigz")?;
                let bytes = std::io::copy(&mut stdout, &mut std::io::sink())?;
                child.wait()?;
                Ok(bytes)
            }
            Self::DuckDb { parquet, .. } => Ok(fs::metadata(parquet)?.len()),
        }
    }
}

/// Writes the bytes that a `.gz` format compresses: all objects of a run in the `plain` format,
/// concatenated.
fn plain_rows(
    binary: &Path,
    folder: &Path,
    plain: &str,
    input: &Input,
) -> Result<PathBuf, Failure> {
    let saved = folder.join(format!("rows-{plain}"));
    if saved.exists() {
        fs::remove_dir_all(&saved)?;
    }
    let sink = Sink::start(Some(&saved))?;
    run_connector(binary, folder, plain, input, &sink)?;
    let mut objects: Vec<PathBuf> = fs::read_dir(&saved)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    objects.sort();
    let rows = folder.join(format!("rows.{plain}"));
    let mut file = File::create(&rows)?;
    for object in objects {
        std::io::copy(&mut File::open(object)?, &mut file)?;
    }
    fs::remove_dir_all(&saved)?;
    Ok(rows)
}
