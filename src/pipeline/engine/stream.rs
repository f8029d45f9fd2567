//! What the engine knows of one stream: its tail, its files and its account.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use super::groups::GroupId;
use crate::key::KeyStem;
use crate::pipeline::messages::{Chunk, CompressionSample, FileId, Position};
use crate::pipeline::summary::StreamSummary;

/// Rows of a stream that came after its last STATE and are not in a file yet.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// With the first and the last row of each.
    pub(super) chunks: Vec<(Chunk, Position, Position)>,
    pub(super) bytes: u64,
    /// When the oldest of the rows arrived.
    pub(super) since: Option<Instant>,
}

/// What the engine knows of one stream.
#[derive(Debug)]
pub(super) struct StreamFiles {
    pub(super) tail: Tail,
    /// The file that takes rows.
    pub(super) open: Option<FileId>,
    /// Files that no group has taken yet, oldest first; the open one is the last.
    pub(super) ungrouped: VecDeque<FileId>,
    /// Rows in these files.
    pub(super) ungrouped_rows: u64,
    /// Bytes that rest in these files.
    pub(super) resident_bytes: u64,
    /// The groups that have files of the stream, oldest first.
    pub(super) groups: VecDeque<GroupId>,
    /// How much smaller rows became so far when they were encoded: an estimate for the next ones.
    pub(super) compression: CompressionSample,
    /// The source has reported it COMPLETE.
    pub(super) complete: bool,
    /// The source has reported it INCOMPLETE.
    pub(super) incomplete: bool,
    /// The last row that came; 0 before the first.
    pub(super) last_row: Position,
    /// A STREAM state came.
    pub(super) has_own_state: bool,
    /// Stems whose plain key was taken by another writer's object, so that our file was published
    /// under a numbered key.
    pub(super) renamed_stems: BTreeSet<KeyStem>,
    /// Whether the log says already that a key was taken.
    pub(super) key_taken_logged: bool,
    /// First row of this stream's files that will never be published.
    pub(super) first_lost_row: Position,
    pub(super) summary: StreamSummary,
}

impl StreamFiles {
    /// Makes the entry of a stream before its first row.
    pub(super) fn new() -> Self {
        Self {
            tail: Tail::default(),
            open: None,
            ungrouped: VecDeque::new(),
            ungrouped_rows: 0,
            resident_bytes: 0,
            groups: VecDeque::new(),
            compression: CompressionSample::default(),
            complete: false,
            incomplete: false,
            last_row: 0,
            has_own_state: false,
            renamed_stems: BTreeSet::new(),
            key_taken_logged: false,
            first_lost_row: Position::MAX,
            summary: StreamSummary::default(),
        }
    }

    /// Takes a file of `rows` rows out of the queue; returns whether it was there. Ids grow, so the
    /// queue is sorted.
    pub(super) fn dequeue(&mut self, id: FileId, rows: u64) -> bool {
        let Ok(place) = self.ungrouped.binary_search(&id) else { return false };
        self.ungrouped.remove(place);
        self.ungrouped_rows -= rows;
        true
    }
}
