//! What the removal of old objects did, what it skipped, and why it did not finish.
//!
//! Plain values, filled by `sweep` and printed by the verb.

use std::collections::BTreeSet;
use std::io;

use crate::error::{Classified, FailureType};
use crate::model::StreamDescriptor;
use crate::shutdown::Signal;
use crate::store::StoreError;

/// Something that happens to an object of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal<'a> {
    /// The first object of the stream is about to be removed.
    Begins,
    /// The object is gone.
    Removed {
        /// Where it was.
        key: &'a str,
    },
    /// The object is gone, and a new object has its key.
    Replaced {
        /// Where it was.
        key: &'a str,
    },
    /// The new object has moved to its plain key.
    Moved {
        /// Its numbered key.
        from: &'a str,
        /// The plain key.
        to: &'a str,
    },
}

/// What was done for one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    /// Objects that are gone, including one that was replaced at its plain key.
    pub objects: u64,
    /// Objects of the stream that stay.
    pub kept: u64,
}

/// Objects whose keys name a replaced stream, but which are not ours to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SkippedObjects {
    /// Their number.
    pub objects: u64,
    /// The streams that their keys name, a few at most.
    pub streams: BTreeSet<String>,
    /// The key of one of them.
    pub example: String,
}

impl SkippedObjects {
    /// More streams would not fit on a readable line.
    const MOST_STREAMS: usize = 5;

    pub(super) fn add(&mut self, stream: &StreamDescriptor, key: &str) {
        if self.objects == 0 {
            key.clone_into(&mut self.example);
        }
        self.objects += 1;
        if self.streams.len() < Self::MOST_STREAMS {
            self.streams.insert(stream.to_string());
        }
    }
}

/// All that was done and found.
#[derive(Debug)]
pub(crate) struct Report {
    /// In the order of the replacements.
    pub removed: Vec<Removed>,
    /// Objects without any metadata of ours.
    pub unmarked: SkippedObjects,
    /// Copies of our objects that kept their metadata.
    pub copies: SkippedObjects,
    /// Whether everything was removed.
    pub result: Result<(), ReplaceError>,
}

impl Report {
    /// The report of a removal that a signal interrupted in the middle of a request.
    #[must_use]
    pub(crate) fn stopped(signal: Signal) -> Self {
        Self {
            removed: Vec::new(),
            unmarked: SkippedObjects::default(),
            copies: SkippedObjects::default(),
            result: Err(ReplaceError::Stopped(signal)),
        }
    }
}

/// Why not everything was removed. The run itself is published and acknowledged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplaceError {
    /// Requests failed.
    #[error("{}", failed(first, *objects, *gave_up))]
    Failed {
        /// The first of the errors.
        #[source]
        first: StoreError,
        /// Objects that could not be read or removed.
        objects: u64,
        /// Whether so much failed that the rest was not tried.
        gave_up: bool,
    },
    /// The process has been asked to end.
    #[error("this sync is published and acknowledged, but {} interrupted the removal of the \
             objects that it replaces, so older rows are still there; the next sync that replaces \
             the stream removes them", .0.name())]
    Stopped(Signal),
    /// The platform has closed our stdout, as it does when it cancels a sync.
    #[error("standard output is closed")]
    StdoutClosed(#[source] io::Error),
}

fn failed(first: &StoreError, objects: u64, gave_up: bool) -> String {
    let what = match objects {
        0 => "the objects that it replaces could not all be listed".to_owned(),
        1 => "1 object that it may replace could not be read or deleted".to_owned(),
        more => format!("{more} objects that it may replace could not be read or deleted"),
    };
    let rest = if gave_up { ", and the others were not tried" } else { "" };
    format!(
        "this sync is published and acknowledged, but {what}{rest}, so older rows may still be \
         there; the next sync that replaces the stream tries again. The first error: {first}"
    )
}

impl Classified for ReplaceError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Failed { first, .. } => first.failure_type(),
            Self::Stopped(_) | Self::StdoutClosed(_) => FailureType::Transient,
        }
    }

    fn store_answer(&self) -> Option<String> {
        match self {
            Self::Failed { first, .. } => first.store_answer(),
            Self::Stopped(_) | Self::StdoutClosed(_) => None,
        }
    }
}
