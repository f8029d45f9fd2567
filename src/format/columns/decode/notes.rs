//! What is noted about the record that is being read: conversion issues and undeclared members.

use std::ops::Range;

use crate::format::columns::conversion_issues::{IssueKind, IssueLog};
use crate::format::columns::undeclared::UndeclaredLog;

/// Scratch memory that is kept from one block to the next.
const KEPT_BYTES: usize = 16 * 1024;

/// Notes on the record that is being read, and scratch memory.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) issues: IssueLog,
    pub(crate) undeclared: UndeclaredLog,
    /// The positions in the lists that are being read, outermost first.
    pub(super) positions: Vec<u32>,
    /// The text of a string without its escapes.
    pub(super) unescaped: Vec<u8>,
}

/// A position in both logs.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotesPosition {
    issues: usize,
    pub(super) undeclared: usize,
}

impl Notes {
    /// Notes that keep the texts of undeclared members and of values that become null, or only
    /// count them.
    pub(crate) fn new(keeps_texts: bool) -> Self {
        Self {
            issues: IssueLog::new(keeps_texts),
            undeclared: UndeclaredLog::new(keeps_texts),
            ..Self::default()
        }
    }

    /// Whether nothing was noted about the record.
    pub(crate) fn is_empty(&self) -> bool {
        self.issues.is_empty() && self.undeclared.is_empty()
    }

    /// Notes an issue of the value that is being read. `value` is its JSON text.
    #[cold]
    pub(super) fn issue(&mut self, node: u32, kind: IssueKind, value: &[u8]) {
        self.issues.note(node, kind, &self.positions, value);
    }

    pub(super) fn position(&self) -> NotesPosition {
        NotesPosition { issues: self.issues.position(), undeclared: self.undeclared.position() }
    }

    /// Takes back what was noted on `nodes` at `since` or later.
    pub(super) fn undo(&mut self, since: NotesPosition, nodes: &Range<u32>) {
        self.issues.undo(since.issues, nodes);
        self.undeclared.undo(since.undeclared, nodes);
    }

    /// Forgets all notes on the record that was being read.
    pub(crate) fn clear(&mut self) {
        self.issues.clear();
        self.undeclared.clear();
        self.positions.clear();
    }

    /// Releases memory that an unusual record has made the notes take. Must not be called while a
    /// record is being read.
    pub(crate) fn release_memory(&mut self) {
        if self.unescaped.capacity() > KEPT_BYTES {
            self.unescaped = Vec::new();
        }
        self.undeclared.release_memory(KEPT_BYTES);
        self.issues.release_memory();
    }
}
