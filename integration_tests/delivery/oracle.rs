//! Finds lost, duplicate and foreign rows: compares visible rows with what the attempts sent and
//! acknowledged.
//!
//! [`judge`] takes the sources that wrote to a bucket and the bucket's objects, and returns a
//! [`Verdict`]: numbers and messages. A row contains the attempt that sent it, so nothing here
//! depends on keys or times of objects.
//!
//! | a record is | it is |
//! |---|---|
//! | acknowledged, and has no row | lost |
//! | there from several attempts, all but the last of which were killed before its STATE came back | a duplicate of the window |
//! | the same, but S3 left one of them in doubt for good | a duplicate of doubt |
//! | there from several attempts otherwise, or twice from one | a duplicate outside |
//! | there, but that attempt never sent it, or it has another text | a problem |
//! | there from an attempt that ended badly by itself, which did not acknowledge it | a problem |
//!
//! Not here: the metadata of objects (`labels`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use super::attempt::{Attempt, End};
use super::labels;
use super::rows::{Object, Row};
use super::source::Plan;

/// The numbers of a case, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Processes.
    pub(crate) attempts: u64,
    /// Records that the source sent, each counted once.
    pub(crate) sent: u64,
    /// Records that were acknowledged.
    pub(crate) acknowledged: u64,
    /// Rows that are visible.
    pub(crate) found: u64,
    /// Acknowledged records without a row.
    pub(crate) lost: u64,
    /// Surplus rows that a kill between publication and STATE explains.
    pub(crate) window: u64,
    /// Surplus rows that S3 left the connector in doubt about.
    pub(crate) doubtful: u64,
    /// Surplus rows without an excuse.
    pub(crate) outside: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.found += other.found;
        self.lost += other.lost;
        self.window += other.window;
        self.doubtful += other.doubtful;
        self.outside += other.outside;
    }
}

/// The result of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Its numbers.
    pub(crate) tally: Tally,
    /// Killed attempts with visible rows that they had not acknowledged: the job's index and the
    /// attempt's number.
    pub(crate) window_kills: BTreeSet<(usize, u32)>,
    /// Messages about what is wrong; empty if all is well.
    pub(crate) problems: Vec<String>,
}

/// One source and what its attempts did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History<'a> {
    /// What the source sends.
    pub(crate) plan: &'a Plan,
    /// Its attempts, in order.
    pub(crate) attempts: &'a [Attempt],
}

/// Compares the rows of a bucket with the sources that wrote to it. Sources of one stream send
/// different records.
pub(crate) fn judge(histories: &[History<'_>], objects: &[Object]) -> Verdict {
    let mut verdict = Verdict { problems: labels::wrong(histories, objects), ..Verdict::default() };
    let mut rows: BTreeMap<(&str, u64), Vec<(&str, &Row)>> = BTreeMap::new();
    for object in objects {
        for row in &object.rows {
            rows.entry((object.stream(), row.id)).or_default().push((&object.key, row));
            verdict.tally.found += 1;
        }
    }
    for (place, job) in histories.iter().enumerate() {
        verdict.tally.attempts += job.attempts.len() as u64;
        for stream in &job.plan.streams {
            for id in job.plan.first + 1..=job.plan.last() {
                let copies = rows.remove(&(stream.as_str(), id)).unwrap_or_default();
                judge_record((place, job), stream, id, &copies, &mut verdict);
            }
        }
    }
    for ((stream, id), copies) in rows {
        verdict
            .problems
            .push(format!("{} rows of {stream} {id}, which was never sent", copies.len()));
    }
    // A few messages of a kind are enough.
    verdict.problems.truncate(12);
    verdict
}

fn judge_record(
    (place, job): (usize, &History<'_>),
    stream: &str,
    id: u64,
    copies: &[(&str, &Row)],
    verdict: &mut Verdict,
) {
    let tally = &mut verdict.tally;
    let sent = |attempt: &Attempt| attempt.from[stream] < id && id <= attempt.sent[stream];
    let acknowledged = |attempt: &Attempt| sent(attempt) && id <= attempt.acknowledged[stream];
    tally.sent += u64::from(job.attempts.iter().any(sent));
    if job.attempts.iter().any(acknowledged) {
        tally.acknowledged += 1;
        if copies.is_empty() {
            tally.lost += 1;
            verdict.problems.push(format!("lost: {stream} {id}"));
        }
    }
    let mut by_attempt: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for (key, row) in copies {
        by_attempt.entry(row.attempt).or_default().push(key);
        if row.text != job.plan.text(stream, id) {
            verdict.problems.push(format!("another text in {stream} {id}"));
        }
    }
    let last = by_attempt.keys().next_back().copied();
    for (number, keys) in by_attempt {
        let count = keys.len() as u64;
        if count > 1 {
            tally.outside += count - 1;
            verdict.problems.push(format!("attempt {number} stored {stream} {id} {count} times"));
        }
        let Some(attempt) = job
            .attempts
            .iter()
            .find(|attempt| attempt.number == number)
            .filter(|attempt| sent(attempt))
        else {
            verdict
                .problems
                .push(format!("{stream} {id} from attempt {number}, which did not send it"));
            continue;
        };
        let covered = acknowledged(attempt);
        match attempt.end {
            End::Good => {}
            End::Killed if !covered => {
                verdict.window_kills.insert((place, number));
                tally.window += u64::from(last != Some(number));
            }
            End::Bad(_) if !covered && keys.iter().all(|key| attempt.doubt.contains(*key)) => {
                tally.doubtful += u64::from(last != Some(number))
            }
            End::Bad(_) if !covered => {
                verdict
                    .problems
                    .push(format!("{stream} {id} of attempt {number} is visible without a STATE"));
                tally.outside += u64::from(last != Some(number));
            }
            End::Killed | End::Bad(_) => {}
        }
        if covered && last != Some(number) {
            tally.outside += 1;
            verdict.problems.push(format!(
                "{stream} {id} was stored again after attempt {number} acknowledged it"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "users/rows.jsonl";

    /// Returns an attempt for a plan with one stream.
    fn attempt(number: u32, end: End, from: u64, sent: u64, acknowledged: u64) -> Attempt {
        let cursors = |last| BTreeMap::from([("users".to_owned(), last)]);
        Attempt {
            number,
            end,
            from: cursors(from),
            sent: cursors(sent),
            whole: true,
            acknowledged: cursors(acknowledged),
            states: 0,
            doubt: BTreeSet::new(),
            warnings: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn object(token: u32, rows: Vec<Row>) -> Object {
        let labels = [("destination-s3-token", token.to_string()), ("stream", "users".to_owned())];
        let metadata = labels.map(|(name, value)| (name.to_owned(), value)).into();
        Object { key: KEY.to_owned(), metadata, rows }
    }

    /// Returns the verdict on rows, given as (id, attempt).
    fn verdict(attempts: &[Attempt], rows: &[(u64, u32)]) -> Verdict {
        let plan = Plan { records: 4, ..Plan::small(1) };
        let row = |(id, attempt): &(u64, u32)| Row {
            id: *id,
            attempt: *attempt,
            text: plan.text("users", *id),
        };
        let objects: Vec<Object> =
            rows.iter().zip(1..).map(|(row_of, token)| object(token, vec![row(row_of)])).collect();
        judge(&[History { plan: &plan, attempts }], &objects)
    }

    fn bad() -> End {
        End::Bad("transient_error".to_owned())
    }

    #[test]
    fn each_record_once_has_no_problems() {
        let attempts = [attempt(1, bad(), 0, 4, 2), attempt(2, End::Good, 2, 4, 4)];
        let found = verdict(&attempts, &[(1, 1), (2, 1), (3, 2), (4, 2)]);
        let tally = Tally { attempts: 2, sent: 4, acknowledged: 4, found: 4, ..Tally::default() };
        assert_eq!(found, Verdict { tally, ..Verdict::default() });
    }

    #[test]
    fn an_acknowledged_record_without_a_row_is_lost() {
        let found = verdict(&[attempt(1, End::Killed, 0, 4, 2)], &[(1, 1)]);
        assert_eq!(
            (found.tally.acknowledged, found.tally.lost, found.problems.len()),
            (2, 1, 1),
            "{found:?}"
        );
    }

    #[test]
    fn a_duplicate_is_excused_by_a_kill_before_its_state_and_by_nothing_else() {
        let twice = [(1, 1), (1, 2), (2, 2), (3, 2), (4, 2)];
        for (end, acknowledged, doubt, window, doubtful, outside) in [
            (End::Killed, 0, false, 1, 0, 0),
            (End::Killed, 1, false, 0, 0, 1),
            (bad(), 0, false, 0, 0, 1),
            (bad(), 0, true, 0, 1, 0),
            (End::Good, 4, false, 0, 0, 1),
        ] {
            let mut first = attempt(1, end.clone(), 0, 4, acknowledged);
            first.doubt.extend(doubt.then(|| KEY.to_owned()));
            let found = verdict(&[first, attempt(2, End::Good, 0, 4, 4)], &twice);
            let numbers = (found.tally.window, found.tally.doubtful, found.tally.outside);
            assert_eq!(numbers, (window, doubtful, outside), "{end:?} {acknowledged}: {found:?}");
            assert_eq!(
                found.problems.is_empty(),
                outside == 0,
                "{end:?} {acknowledged}: {found:?}"
            );
            assert_eq!(found.window_kills.len() as u64, window);
        }
        let found = verdict(&[attempt(1, End::Killed, 0, 4, 0)], &[(3, 1), (3, 1)]);
        assert_eq!(found.tally.outside, 1, "twice from one attempt: {found:?}");
    }

    #[test]
    fn rows_of_a_bad_end_without_a_state_are_a_problem() {
        let found = verdict(&[attempt(1, bad(), 0, 4, 2)], &[(1, 1), (2, 1), (3, 1)]);
        assert_eq!((found.tally.outside, found.problems.len()), (0, 1), "{found:?}");
    }

    #[test]
    fn rows_that_were_never_sent_or_have_another_text_are_a_problem() {
        let attempts = [attempt(1, End::Killed, 0, 2, 0), attempt(2, End::Killed, 1, 4, 1)];
        for row in [(3, 1), (1, 2), (5, 1), (2, 9)] {
            assert_eq!(verdict(&attempts, &[(1, 1), row]).problems.len(), 1, "{row:?}");
        }
        let plan = Plan::small(1);
        let changed = Row { id: 1, attempt: 1, text: plan.text("users", 2) };
        let history = History { plan: &plan, attempts: &attempts };
        assert_eq!(judge(&[history], &[object(1, vec![changed])]).problems.len(), 1);
    }
}
