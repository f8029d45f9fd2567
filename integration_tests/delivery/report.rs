//! Runs all cases and writes their results as a page of Markdown, `docs/DELIVERY.md`.
//!
//! A row of the page is an operation with a fault. It sums up the variants (format, parts) and
//! names them only if their attempts ended differently.
//!
//! The program `delivery_report` handles arguments and files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::attempt::End;
use super::case::Played;
use super::kills::{Killed, Scenario};
use super::matrix::{Case, Shape, Target};
use super::oracle::{Tally, Verdict};
use super::pair::Pair;
use super::window::{self, Windows};
use super::{case, kills, matrix, pair, pool};
use crate::support::connector::Connector;

/// Number of kill scenarios; each has a seed.
pub(crate) const SEEDS: u64 = 200;
/// Numbers of files of one STATE for which the window is measured.
const WINDOW_FILES: [usize; 3] = [1, 3, 10];
/// Cases of the matrix that run concurrently. They wait for retries most of the time.
const MATRIX_THREADS: usize = 80;
/// Kill scenarios that run concurrently. More would keep the processors so busy that kills by the
/// clock would come at the wrong moments.
const KILL_THREADS: usize = 3;

/// The results of all cases.
#[derive(Debug)]
pub(crate) struct Results {
    matrix: Vec<(Case, Played)>,
    kills: Vec<(Scenario, Killed)>,
    pairs: Vec<(Pair, Verdict)>,
    windows: Vec<Windows>,
    /// Broken promises, each with its case.
    pub(crate) problems: Vec<String>,
    /// The duration of the whole run.
    pub(crate) time: Duration,
}

/// Runs all cases. Calls `tell` with a line after each part.
pub(crate) fn run(connector: &Connector, tell: impl Fn(&str)) -> Results {
    let begun = Instant::now();
    let mut results = Results {
        matrix: Vec::new(),
        kills: Vec::new(),
        pairs: Vec::new(),
        windows: WINDOW_FILES.map(|files| window::measure(connector, files, 200)).to_vec(),
        problems: Vec::new(),
        time: begun.elapsed(),
    };
    let problems = &mut results.problems;

    let pairs = pair::all();
    let played = pool::each(&pairs, KILL_THREADS, |pair| pair::play(connector, pair));
    results.pairs = keep(pairs, played, problems, Pair::words, |verdict| &verdict.problems);
    tell(&format!("two processes at once: {} cases", results.pairs.len()));

    let scenarios: Vec<Scenario> = (0..SEEDS).map(kills::scenario).collect();
    let played = pool::each(&scenarios, KILL_THREADS, |scenario| kills::play(connector, scenario));
    results.kills =
        keep(scenarios, played, problems, Scenario::words, |killed| &killed.verdict.problems);
    tell(&format!("kills: {} scenarios", results.kills.len()));

    let cases = matrix::all();
    let played = pool::each(&cases, MATRIX_THREADS, |case| case::play(connector, case));
    results.matrix = keep(cases, played, problems, Case::words, |played| &played.verdict.problems);
    tell(&format!("faults: {} cases", results.matrix.len()));

    results.time = begun.elapsed();
    results
}

/// Pairs cases with their results, and adds their problems to `problems`.
fn keep<C, R>(
    cases: Vec<C>,
    played: Vec<Result<R, String>>,
    problems: &mut Vec<String>,
    words: impl Fn(&C) -> String,
    wrong: impl Fn(&R) -> &[String],
) -> Vec<(C, R)> {
    let mut kept = Vec::new();
    for (case, result) in cases.into_iter().zip(played) {
        match result {
            Ok(result) => {
                problems.extend(
                    wrong(&result).iter().map(|problem| format!("{}: {problem}", words(&case))),
                );
                kept.push((case, result));
            }
            Err(panic) => problems.push(format!("{}: {panic}", words(&case))),
        }
    }
    kept
}

impl Results {
    /// Returns whether nothing is lost or duplicated without excuse, and every promise is kept.
    pub(crate) fn is_good(&self) -> bool {
        let total = self.total();
        total.lost == 0 && total.outside == 0 && self.problems.is_empty()
    }

    /// Returns the sum of all tallies.
    pub(crate) fn total(&self) -> Tally {
        sum([self.matrix_total(), self.kills_total(), self.pairs_total()])
    }

    fn matrix_total(&self) -> Tally {
        sum(self.matrix.iter().map(|(_, played)| played.verdict.tally))
    }

    fn kills_total(&self) -> Tally {
        sum(self.kills.iter().map(|(_, killed)| killed.verdict.tally))
    }

    fn pairs_total(&self) -> Tally {
        sum(self.pairs.iter().map(|(_, verdict)| verdict.tally))
    }

    /// Returns the page.
    pub(crate) fn page(&self) -> String {
        let mut page = String::from(HEAD);
        self.write_totals(&mut page);
        self.write_problems(&mut page);
        self.write_kills(&mut page);
        self.write_pairs(&mut page);
        self.write_matrix(&mut page);
        page
    }

    fn write_totals(&self, page: &mut String) {
        let _ = writeln!(page, "## Totals\n\n| | cases |{COLUMNS}\n|---|---:|{RULES}");
        let rows = [
            ("faults of S3", self.matrix.len(), self.matrix_total()),
            ("kills", self.kills.len(), self.kills_total()),
            ("two processes at once", self.pairs.len(), self.pairs_total()),
        ];
        let cases = rows.iter().map(|(_, cases, _)| cases).sum();
        for (name, cases, tally) in rows.into_iter().chain([("**all**", cases, self.total())]) {
            let _ = writeln!(page, "| {name} | {cases} |{}", cells(&tally));
        }
        page.push('\n');
    }

    fn write_problems(&self, page: &mut String) {
        if self.problems.is_empty() {
            page.push_str("Every case ended as promised.\n\n");
            return;
        }
        let _ = writeln!(page, "## Not as promised\n");
        for problem in &self.problems {
            let _ = writeln!(page, "- {problem}");
        }
        page.push('\n');
    }

    fn write_kills(&self, page: &mut String) {
        let count =
            |of: fn(&Killed) -> u64| self.kills.iter().map(|(_, killed)| of(killed)).sum::<u64>();
        let timed = (count(|killed| killed.timed_window_kills), count(|killed| killed.timed_kills));
        let all = (count(|killed| killed.window_kills), count(|killed| killed.kills));
        let _ = write!(page, "{KILLS}");
        let _ = writeln!(
            page,
            "| kills | number | hit the window |\n|---|---:|---:|\n| by the clock, at any moment | \
             {} | {} |\n| aimed: after a request arrives, after a STATE comes back, or at a \
             message | {} | {} |\n",
            timed.1,
            share(timed.0, timed.1),
            all.1 - timed.1,
            share(all.0 - timed.0, all.1 - timed.1),
        );
        page.push_str(WINDOW);
        for windows in &self.windows {
            let _ = writeln!(
                page,
                "| {} | {} | {:.2} ms | {:.2} ms |",
                windows.files,
                windows.sorted.len(),
                milliseconds(windows.median()),
                milliseconds(windows.longest())
            );
        }
        page.push('\n');
        let _ = writeln!(page, "| format | scenarios | kills |{COLUMNS}\n|---|---:|---:|{RULES}");
        for format in kills::FORMATS {
            for large in [false, true] {
                let of = self
                    .kills
                    .iter()
                    .filter(|(scenario, _)| scenario.format == format && scenario.large == large);
                let of: Vec<&Killed> = of.map(|(_, killed)| killed).collect();
                let kills: u64 = of.iter().map(|killed| killed.kills).sum();
                let tally = sum(of.iter().map(|killed| killed.verdict.tally));
                let parts = parts(large);
                let _ = writeln!(
                    page,
                    "| {format}, {parts} | {} | {kills} |{}",
                    of.len(),
                    cells(&tally)
                );
            }
        }
        page.push('\n');
    }

    fn write_pairs(&self, page: &mut String) {
        let _ = writeln!(page, "{PAIRS}| format | key template |{COLUMNS}\n|---|---|{RULES}");
        for (pair, verdict) in &self.pairs {
            let Pair { format, template, large } = pair;
            let _ = writeln!(
                page,
                "| {format}, {} | `{template}` |{}",
                parts(*large),
                cells(&verdict.tally)
            );
        }
        page.push('\n');
    }

    fn write_matrix(&self, page: &mut String) {
        let _ = writeln!(page, "{MATRIX}");
        for target in Target::ALL {
            let name = target.name();
            let _ = writeln!(
                page,
                "### {name}\n\n| fault | first two calls | every call | cases \
                |{COLUMNS}\n|---|---|---|---:|{RULES}"
            );
            let of_target = self.matrix.iter().filter(|(case, _)| case.target == target);
            let mut faults: BTreeMap<_, Vec<&(Case, Played)>> = BTreeMap::new();
            of_target.for_each(|played| faults.entry(played.0.fault).or_default().push(played));
            for (fault, played) in faults {
                let ends = [Shape::FirstTwo, Shape::Every].map(|shape| ends(&played, shape));
                let tally = sum(played.iter().map(|(_, played)| played.verdict.tally));
                let [first, every] = ends;
                let _ = writeln!(
                    page,
                    "| {} | {first} | {every} | {} |{}",
                    fault.name(),
                    played.len(),
                    cells(&tally)
                );
            }
            page.push('\n');
        }
    }
}

/// Returns how the cases of a shape ended: one phrase if all ended alike, else one per variant.
fn ends(played: &[&(Case, Played)], shape: Shape) -> String {
    let mut ways: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (case, played) in played.iter().filter(|(case, _)| case.shape == shape) {
        let way: Vec<&str> = played.ends.iter().map(end_word).collect();
        let variant = format!("{}, {}", case.format, parts(case.large));
        ways.entry(way.join(", then ")).or_default().push(variant);
    }
    if ways.len() < 2 {
        return ways.into_keys().next().unwrap_or_default();
    }
    let ways: Vec<String> = ways
        .into_iter()
        .map(|(way, variants)| format!("{way} ({})", variants.join("; ")))
        .collect();
    ways.join("; ")
}

fn end_word(end: &End) -> &str {
    match end {
        End::Good => "good",
        End::Bad(failure_type) => failure_type,
        End::Killed => "killed",
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn parts(large: bool) -> &'static str {
    if large { "several parts" } else { "one part" }
}

fn share(hits: u64, of: u64) -> String {
    if of == 0 {
        "-".to_owned()
    } else {
        format!("{hits} ({:.1} %)", 100.0 * hits as f64 / of as f64)
    }
}

fn sum(tallies: impl IntoIterator<Item = Tally>) -> Tally {
    tallies.into_iter().fold(Tally::default(), |mut sum, tally| {
        sum += tally;
        sum
    })
}

/// The columns of every table.
const COLUMNS: &str = " attempts | sent | acknowledged | found | lost | twice: window | twice: \
    doubt | twice: outside |";
const RULES: &str = "---:|---:|---:|---:|---:|---:|---:|---:|";

fn cells(tally: &Tally) -> String {
    let Tally { attempts, sent, acknowledged, found, lost, window, doubtful, outside } = tally;
    let numbers = [attempts, sent, acknowledged, found, lost, window, doubtful, outside];
    numbers.iter().fold(String::new(), |mut cells, number| {
        let _ = write!(cells, " {number} |");
        cells
    })
}

const HEAD: &str = "# Delivery, measured

`make delivery-report` writes this page; do not edit it. The command builds the release binary and
runs it as the platform does: as a process with stdin and stdout. The S3 server is inside the test
process, speaks real HTTP to the connector's real S3 client, enforces what S3 enforces, and fails on
demand.

A numbered source sends records and STATEs. Every STATE that comes back is an obligation. After an
attempt that fails, another one continues after the last STATE that came back, with the same catalog
and sync ID, as a platform does. After every attempt all visible objects are read (gzip, CSV and
JSON by independent readers, Parquet by the `parquet` crate's), and every row is compared with what
was sent.

- **sent**: records of the source, each counted once however often it was sent.
- **acknowledged**: records that a returned STATE or exit code 0 covers.
- **found**: visible rows.
- **lost**: records that are acknowledged and not found.
- **twice: window**: surplus rows because a process was killed after their file was published and
  before their STATE came back, so that the source had to send them again. No program can close that
  window without the platform's help; see [SEMANTICS](SEMANTICS.md#when-rows-can-occur-twice).
- **twice: doubt**: surplus rows because S3 stored an object, its answer was lost, and S3 then
  refused for good to say whether the object exists.
- **twice: outside**: surplus rows without such an excuse.

";

const KILLS: &str = "## Kills

A scenario runs one to four processes in a row. Each is killed with SIGKILL at a random moment
between its start and a little past its end; some end by a failing source instead. A last process
then runs to its end. Scenarios have one to three streams, STREAM and GLOBAL states, catalogs with
and without generations, and files of one part and of several.

";

const WINDOW: &str = "\
These syncs live for a tenth of a second and consist of checkpoints, and most kills are aimed, so
the share says little about a real sync. What matters there is the length of the window, from the
first visible file of a STATE to the STATE on stdout. It was measured over the loopback interface;
over a network, add a round trip to S3 for the other files and for the last answer.

| files of the STATE | measured | median | longest |
|---:|---:|---:|---:|
";

const PAIRS: &str = "## Two processes at once

Two processes with the same settings and catalog start together, with checkpoints at every STATE, so
that they compete for the same keys.

";

const MATRIX: &str = "## Faults of S3

Each case is one operation with one fault: on its first two calls, or on every call until the
attempt has ended. Cells say how the attempts ended. A case runs as jsonl.gz and as Parquet, with
files of one part or of several, as the operation requires.

- HEAD is called to settle a lost answer to a put or a completion, so those cases lose that answer,
  too.
- An upload is aborted because its second part is denied, so the first attempt of those cases always
  ends as a config_error.
";
