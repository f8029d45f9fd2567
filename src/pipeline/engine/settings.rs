//! The choices that the engine gets once, at the start of a run.
//!
//! Not here: how they follow from the settings and the catalog (`verb::plan`, `verb::write`).

use std::time::Duration;

use uuid::Uuid;

use crate::key::{KeyTemplate, RunValues, StreamValues};
use crate::pipeline::file::FileSettings;
use crate::pipeline::messages::StreamFormat;

/// A stream as the engine sees it.
#[derive(Clone, Debug)]
pub(crate) struct StreamPlan {
    /// Its values in keys.
    pub values: StreamValues,
    /// The format of its files.
    pub format: StreamFormat,
}

/// The choices of one run.
#[derive(Clone, Debug)]
pub(crate) struct EngineSettings {
    /// How keys are spelt.
    pub template: KeyTemplate,
    /// The run's values in keys.
    pub run: RunValues,
    /// One entry per stream of the catalog, in its order.
    pub streams: Vec<StreamPlan>,
    /// Content-Type of every object.
    pub content_type: &'static str,
    /// What all its files have in common.
    pub file: FileSettings,
    /// A file is sealed when it reaches this encoded size.
    pub file_size_bytes: u64,
    /// A waiting STATE is due when the oldest row that it covers is this old; zero means at once.
    pub checkpoint_interval: Duration,
    /// A waiting STATE is due when it covers this many rows, whatever their age (for test suites).
    pub checkpoint_records: Option<u64>,
    /// A larger tail joins its file without waiting for a STATE.
    pub tail_bytes: u64,
    /// Whether the source says COMPLETE for every stream when it has succeeded (the refresh
    /// dialect); else the end of the input is a success by itself.
    pub expects_complete: bool,
    /// Random: with the number of a file it makes the token that proves an object to be ours.
    pub attempt_id: Uuid,
}
