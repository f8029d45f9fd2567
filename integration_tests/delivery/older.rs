//! An older generation, and other objects in the bucket: what a sync that replaces removes, and
//! what it must not touch.
//!
//! [`Older::write`] makes one with the connector itself; after each attempt of the sync that
//! replaces it, [`Older::wrong`] says what is wrong, and [`Older::newer`] returns the objects of
//! that sync for the oracle.
//!
//! | after | the older rows are |
//! |---|---|
//! | an attempt that was not sent everything | all there |
//! | a good end | gone |
//! | another end | there, or some of them gone |
//!
//! Foreign objects always stay as they were, and a plain key (`users/rows.csv`) always has a
//! complete old or a complete new object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::BUCKET;
use super::attempt::{Attempt, End, Job, Pace};
use super::rows::{self, FOREIGN, Object};
use super::source::{Dialect, Mode, Plan, States};
use crate::support::connector::Connector;
use crate::support::faulty_s3::FaultyS3;

/// The number before the first older record, higher than any newer one.
const FIRST: u64 = 5_000_000;

/// How many files an older generation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// One file of each stream.
    One,
    /// Several files of each stream.
    Several,
}

/// What was there before.
#[derive(Debug)]
pub(crate) struct Older {
    /// How many of its rows are left.
    left: usize,
    /// The unnumbered keys that the older generation has.
    plain: Vec<String>,
    foreign: Vec<(String, Vec<u8>, BTreeMap<String, String>)>,
}

impl Older {
    /// Writes generation 4 of the streams of `plan` with the same settings, and foreign objects.
    pub(crate) fn write(
        connector: &Connector,
        server: &FaultyS3,
        plan: &Plan,
        settings: &Value,
        files: Files,
    ) -> Self {
        let records = 40;
        let old = Plan {
            streams: plan.streams.clone(),
            first: FIRST,
            records,
            state_every: if files == Files::One { records } else { 10 },
            states: States::Stream,
            dialect: Dialect::Refresh,
            mode: Mode::Append,
            generation: 4,
            ..Plan::small(4)
        };
        // With one STATE at a time each STATE makes a file; with one STATE there is one file.
        let mut settings = settings.clone();
        settings["checkpoint_interval_seconds"] = json!(0);
        let mut job = Job::new(connector, server, old, &settings);
        assert!(job.run_to_the_end(Pace::Ahead(1), 1), "the older generation: {:?}", job.attempts);
        let objects = rows::visible(server);
        let plain = objects
            .iter()
            .filter(|object| object.key.contains("/rows."))
            .map(|object| object.key.clone());
        Self {
            left: objects.iter().map(|object| object.rows.len()).sum(),
            plain: plain.collect(),
            foreign: put_foreign_objects(server, &objects[0]),
        }
    }

    /// Returns descriptions of what is wrong after an attempt of the sync that replaces. Called
    /// after each of them.
    pub(crate) fn wrong(
        &mut self,
        server: &FaultyS3,
        attempt: &Attempt,
        objects: &[Object],
    ) -> Vec<String> {
        let mut problems = Vec::new();
        let is_old = |object: &&Object| object.rows.iter().any(|row| row.id > FIRST);
        let left: usize = objects.iter().filter(is_old).map(|object| object.rows.len()).sum();
        if attempt.end == End::Good && left > 0 {
            problems.push(format!("{left} rows of an older generation are left after a good end"));
        }
        // An earlier attempt may have completed, and been killed while it removed them.
        let before = std::mem::replace(&mut self.left, left);
        if !attempt.whole && left != before {
            problems.push(format!(
                "only {left} of {before} older rows are left, but the sync is not complete"
            ));
        }
        let stored = server.objects(BUCKET);
        for key in self.plain.iter().filter(|key| !stored.contains_key(*key)) {
            problems.push(format!("no object has the key {key} any more"));
        }
        for (key, content, metadata) in &self.foreign {
            if stored.get(key) != Some(content) || server.metadata(BUCKET, key) != *metadata {
                problems.push(format!("the foreign object {key} was changed"));
            }
        }
        problems
    }

    /// Returns the objects of the sync that replaces. Before a good end a moved object may be under
    /// both its keys; it counts once.
    pub(crate) fn newer(mut objects: Vec<Object>, end: &End) -> Vec<Object> {
        let mut tokens = BTreeSet::new();
        objects.retain(|object| {
            let is_second = !tokens.insert(object.metadata.get("destination-s3-token").cloned());
            let is_moving = is_second && *end != End::Good;
            !is_moving && object.rows.iter().all(|row| row.id <= FIRST)
        });
        objects
    }
}

/// Puts objects that are not the stream's, or not where its keys are, next to the stream's.
fn put_foreign_objects(
    server: &FaultyS3,
    like: &Object,
) -> Vec<(String, Vec<u8>, BTreeMap<String, String>)> {
    let folder = like.stream();
    let with = |name: &str, value: &str| {
        let mut metadata = like.metadata.clone();
        metadata.insert(name.to_owned(), value.to_owned());
        metadata
    };
    let foreign = [
        (format!("{folder}/rows_foreign{FOREIGN}"), BTreeMap::new()),
        (format!("{folder}/rows_stream{FOREIGN}"), with("stream", "another")),
        (format!("{folder}/rows_namespace{FOREIGN}"), with("namespace", "another")),
        (format!("{folder}/rows_connection{FOREIGN}"), with("connection-id", "another")),
        (format!("archive/{folder}{FOREIGN}"), like.metadata.clone()),
    ];
    let foreign = foreign.map(|(key, metadata)| {
        let content = key.clone().into_bytes();
        let pairs: Vec<(&str, &str)> =
            metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        server.put_object(BUCKET, &key, &content, &pairs);
        (key, content, metadata)
    });
    foreign.to_vec()
}
