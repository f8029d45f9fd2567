//! Compares the metadata of objects with the rows in them.
//!
//! - `destination-s3-token`: every object has one, and no two have the same.
//! - `stream`: the stream of the key.
//! - `attempt-id`: one per process. All rows of an object have the same attempt, and all objects of
//!   an attempt the same ID.
//! - `rows`, `sealed-by`: the number of rows and a known reason. They are absent if S3 wanted the
//!   metadata before the file was closed.

use std::collections::{BTreeMap, BTreeSet};

use super::oracle::History;
use super::rows::{Object, Row};

/// Why a file was closed.
const REASONS: [&str; 4] = ["size", "checkpoint", "memory", "end"];

/// Returns a sentence for each mismatch.
pub(crate) fn wrong(histories: &[History<'_>], objects: &[Object]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut tokens = BTreeSet::new();
    // A process is a source and its attempt. Each has one ID, and no two have the same.
    let mut processes: BTreeMap<(usize, u32), BTreeSet<&str>> = BTreeMap::new();
    let mut ids: BTreeMap<&str, BTreeSet<(usize, u32)>> = BTreeMap::new();
    for object in objects {
        let key = &object.key;
        let label = |name: &str| object.metadata.get(name).map(String::as_str);
        match label("destination-s3-token") {
            None => problems.push(format!("{key} has no token")),
            Some(token) if !tokens.insert(token) => {
                problems.push(format!("another object has the token of {key}"))
            }
            Some(_) => {}
        }
        if label("stream") != Some(object.stream()) {
            problems.push(format!("{key} names {:?} as its stream", label("stream")));
        }
        let writers: BTreeSet<(usize, u32)> =
            object.rows.iter().map(|row| writer(histories, row)).collect();
        if writers.len() != 1 {
            problems.push(format!("{key} contains rows of {} processes", writers.len()));
        }
        if let Some(id) = label("attempt-id") {
            for process in writers {
                processes.entry(process).or_default().insert(id);
                ids.entry(id).or_default().insert(process);
            }
        }
        if label("rows").is_some_and(|rows| rows != object.rows.len().to_string()) {
            problems.push(format!(
                "{key} has {} rows, but its metadata says {:?}",
                object.rows.len(),
                label("rows")
            ));
        }
        if label("sealed-by").is_some_and(|reason| !REASONS.contains(&reason)) {
            problems.push(format!("{key} has the unknown sealed-by {:?}", label("sealed-by")));
        }
    }
    let two_ids = processes.iter().filter(|(_, ids)| ids.len() > 1);
    problems.extend(
        two_ids.map(|((_, attempt), ids)| format!("attempt {attempt} has the IDs {ids:?}")),
    );
    let shared = ids.iter().filter(|(_, processes)| processes.len() > 1);
    problems.extend(
        shared.map(|(id, processes)| format!("the attempts {processes:?} share the ID {id}")),
    );
    problems
}

/// Returns the process that sent a row: the position of its source, and its attempt.
fn writer(histories: &[History<'_>], row: &Row) -> (usize, u32) {
    let sent = |history: &History<'_>| history.plan.first < row.id && row.id <= history.plan.last();
    (histories.iter().position(sent).unwrap_or(usize::MAX), row.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::source::Plan;

    /// Returns an object of `users` with these labels, and a row for each of `attempts`.
    fn object(labels: &[(&str, &str)], attempts: &[u32]) -> Object {
        let metadata =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let row = |(id, attempt): (usize, &u32)| Row {
            id: id as u64 + 1,
            attempt: *attempt,
            text: String::new(),
        };
        let rows = attempts.iter().enumerate().map(row).collect();
        Object { key: "users/rows.jsonl".to_owned(), metadata, rows }
    }

    fn problems(objects: &[Object]) -> usize {
        wrong(&[History { plan: &Plan::small(1), attempts: &[] }], objects).len()
    }

    #[test]
    fn wrong_metadata_is_found() {
        let honest = |token, id| {
            [
                ("destination-s3-token", token),
                ("stream", "users"),
                ("attempt-id", id),
                ("rows", "2"),
                ("sealed-by", "end"),
            ]
        };
        assert_eq!(
            problems(&[object(&honest("1", "a"), &[1, 1]), object(&honest("2", "b"), &[2, 2])]),
            0
        );
        // Two IDs of one attempt, one ID of two attempts, one token of two objects, rows of two
        // attempts.
        assert_eq!(
            problems(&[object(&honest("1", "a"), &[1, 1]), object(&honest("2", "b"), &[1, 1])]),
            1
        );
        assert_eq!(
            problems(&[object(&honest("1", "a"), &[1, 1]), object(&honest("2", "a"), &[2, 2])]),
            1
        );
        assert_eq!(
            problems(&[object(&honest("1", "a"), &[1, 1]), object(&honest("1", "a"), &[1, 1])]),
            1
        );
        assert!(problems(&[object(&honest("1", "a"), &[1, 2])]) >= 1);
        // A wrong count, a wrong stream, an unknown reason, no token.
        for (place, name, value) in
            [(3, "rows", "3"), (1, "stream", "orders"), (4, "sealed-by", "whim"), (0, "other", "x")]
        {
            let mut labels = honest("1", "a");
            labels[place] = (name, value);
            assert_eq!(problems(&[object(&labels, &[1, 1])]), 1, "{name}");
        }
    }
}
