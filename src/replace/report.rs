//! What the removal of old objects did, what it left alone, and why it did not end.
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
pub enum Removal<'a> {
    /// The first object of the stream is about to go.
    Begins,
    /// The object is gone.
    Removed {
        /// Where it was.
        key: &'a str,
    },
    /// The object is gone, and a new one has its key.
    Replaced {
        /// Where it was.
        key: &'a str,
    },
    /// The new object has its plain name, and not the other one any more.
    Moved {
        /// The other one.
        from: &'a str,
        /// The plain name.
        to: &'a str,
    },
}

/// What was done for one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Objects that are gone, the one under a plain name that was replaced included.
    pub objects: u64,
    /// Objects that are the stream's and stay.
    pub kept: u64,
}

/// Objects whose keys name a replaced stream and that are not ours to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkippedObjects {
    /// Their number.
    pub objects: u64,
    /// The streams that their keys name, a few at most.
    pub streams: BTreeSet<String>,
    /// The key of one of them.
    pub example: String,
}

impl SkippedObjects {
    /// Streams that are named; more would make no useful line.
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
pub struct Report {
    /// In the order of the replacements.
    pub removed: Vec<Removed>,
    /// Objects without any metadata of ours.
    pub unmarked: SkippedObjects,
    /// Copies of our objects that kept their metadata.
    pub copies: SkippedObjects,
    /// Whether all is gone that was to go.
    pub result: Result<(), ReplaceError>,
}

impl Report {
    /// Of a removal that was cut off in the middle of a request.
    #[must_use]
    pub fn stopped(signal: Signal) -> Self {
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
pub enum ReplaceError {
    /// Requests failed.
    #[error("{}", failed(first, *objects, *gave_up))]
    Failed {
        /// The first of the errors.
        #[source]
        first: StoreError,
        /// Objects that could not be looked at or removed.
        objects: u64,
        /// So much failed that the rest was not tried.
        gave_up: bool,
    },
    /// The process has been asked to end.
    #[error("this sync is published and acknowledged, but {} stopped the removal of what it \
             replaces, so that older rows are still there; the next sync that replaces them \
             removes them", .0.name())]
    Stopped(Signal),
    /// What happens cannot be told any more: the platform has closed our stdout, as it does when it
    /// cancels a sync.
    #[error("standard output is closed")]
    StdoutClosed(#[source] io::Error),
}

fn failed(first: &StoreError, objects: u64, gave_up: bool) -> String {
    let what = match objects {
        0 => "what it replaces could not all be found".to_owned(),
        1 => "1 object that it may replace could not be read or removed".to_owned(),
        more => format!("{more} objects that it may replace could not be read or removed"),
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
