//! Seals the files that a STATE waits for, and publishes them together.
//!
//! A checkpoint is due when the oldest row that the STATE covers is as old as the interval, when
//! all of the STATE's files are sealed already (the last one was rolled right before the STATE), or
//! when as many rows wait as the settings allow. Its files form a group, which is published once
//! all of them are staged. While a group of a stream is under way, no other group is made for that
//! stream: STATEs that arrive in the meantime share the next one.

use std::collections::BTreeSet;
use std::time::Instant;

use super::Engine;
use super::groups::{GroupId, PublishGroup};
use crate::model::StreamIx;
use crate::pipeline::file::{File, SealReason};
use crate::pipeline::messages::{Action, FileId};
use crate::protocol::emitter::LogLevel;
use crate::protocol::state::StateScope;

impl Engine {
    /// When [`Event::Timer`](crate::pipeline::messages::Event::Timer) is due, unless something else
    /// happens before.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.ending.is_some() {
            return None;
        }
        let of_streams = self.index.deadlines().next().map(|(due, _)| due);
        [of_streams, self.deadline_of_all()].into_iter().flatten().min()
    }

    /// Returns when the STATE over all streams is due: one interval after the arrival of the oldest
    /// row that it covers. Rows that it does not cover arrived later, so files with only such rows
    /// are the youngest. Therefore the oldest file with a covered row has the oldest covered row.
    fn deadline_of_all(&self) -> Option<Instant> {
        if !self.ledger.is_waiting(StateScope::All)
            || self.is_publishing(StateScope::All)
            || self.index.any_straddles()
        {
            return None;
        }
        let is_covered = |ix: StreamIx| {
            let first =
                self.streams[ix.index()].ungrouped.front().and_then(|id| self.files.get(id));
            first.is_some_and(|file| file.first <= self.ledger.covered(ix))
        };
        let (oldest, _) = self.index.oldest().find(|(_, ix)| is_covered(*ix))?;
        oldest.checked_add(self.settings.checkpoint_interval)
    }

    /// Makes a checkpoint for every waiting STATE whose deadline has passed.
    pub(super) fn checkpoint_due(&mut self, now: Instant) {
        self.refresh();
        let due =
            self.index.deadlines().take_while(|(due, _)| *due <= now).map(|(_, stream)| stream);
        self.streams_to_recheck.extend(due);
        if self.ending.is_none() {
            self.checkpoint(StateScope::All, now, false);
        }
    }

    /// Makes checkpoints for the streams in which a group has ended or a file was sealed, if their
    /// STATEs are due now.
    pub(super) fn checkpoint_rechecked(&mut self, now: Instant) {
        let streams = std::mem::take(&mut self.streams_to_recheck);
        if streams.is_empty() || self.ending.is_some() {
            return;
        }
        for stream in streams {
            self.count_visits(1);
            self.checkpoint(StateScope::Stream(stream), now, self.states_fill_memory);
        }
        self.checkpoint(StateScope::All, now, self.states_fill_memory);
    }

    /// Makes a checkpoint for every waiting STATE, due or not.
    pub(super) fn checkpoint_waiting(&mut self, now: Instant) {
        for stream in self.ledger.waiting_streams().clone() {
            self.count_visits(1);
            self.checkpoint(StateScope::Stream(stream), now, true);
        }
        self.checkpoint(StateScope::All, now, true);
    }

    /// Seals the files that the latest waiting STATE of `scope` waits for and groups them, if they
    /// are due or `force` is set. A run that is ending makes no checkpoints: its end seals all
    /// files.
    pub(super) fn checkpoint(&mut self, scope: StateScope, now: Instant, force: bool) {
        if self.ending.is_some() || !self.ledger.is_waiting(scope) || self.is_publishing(scope) {
            return;
        }
        if scope == StateScope::All {
            self.refresh();
            if self.index.any_straddles() || !(force || self.anything_due(now)) {
                return;
            }
        }
        let Some(files) = self.files_waited_for(scope) else { return };
        if files.is_empty() || !(force || self.is_due(scope, &files, now)) {
            return;
        }
        for id in &files {
            self.seal(*id, SealReason::Checkpoint);
        }
        self.group(files);
    }

    /// Whether an earlier group of the scope's streams is under way. STATEs that arrive until it
    /// has ended share one checkpoint. Otherwise a source that sends a STATE with every record
    /// would cost a round trip to S3 for each of them.
    fn is_publishing(&self, scope: StateScope) -> bool {
        match scope {
            StateScope::Stream(stream) => !self.streams[stream.index()].groups.is_empty(),
            StateScope::All => !self.groups.by_id.is_empty(),
        }
    }

    /// The ungrouped files that the latest STATE of `scope` waits for; `None` if one of them also
    /// holds rows that no STATE covers, so that only the next STATE can free it.
    fn files_waited_for(&self, scope: StateScope) -> Option<Vec<FileId>> {
        let mut files = Vec::new();
        let streams: Vec<StreamIx> = match scope {
            StateScope::Stream(stream) => vec![stream],
            StateScope::All => self.index.oldest().map(|(_, stream)| stream).collect(),
        };
        for ix in streams {
            let covered = self.ledger.covered(ix);
            self.count_visits(1);
            for id in &self.streams[ix.index()].ungrouped {
                let Some(file) = self.files.get(id).filter(|file| file.first <= covered) else {
                    break;
                };
                if file.last > covered {
                    return None;
                }
                self.count_visits(1);
                files.push(*id);
            }
        }
        Some(files)
    }

    fn is_due(&self, scope: StateScope, files: &[FileId], now: Instant) -> bool {
        let rows: u64 = match scope {
            StateScope::Stream(stream) => self.streams[stream.index()].ungrouped_rows,
            StateScope::All => self.index.rows(),
        };
        let files = || files.iter().filter_map(|id| self.files.get(id));
        self.settings.checkpoint_records.is_some_and(|limit| rows >= limit)
            || files().any(|file| {
                now.saturating_duration_since(file.opened_at) >= self.settings.checkpoint_interval
            })
            || files().all(|file| file.sealed.is_some())
    }

    /// A cheap test before the files are visited: a GLOBAL state may come with every record.
    fn anything_due(&self, now: Instant) -> bool {
        let interval = self.settings.checkpoint_interval;
        self.settings.checkpoint_records.is_some_and(|limit| self.index.rows() >= limit)
            || !self.index.any_open()
            || self
                .index
                .oldest()
                .next()
                .is_some_and(|(oldest, _)| now.saturating_duration_since(oldest) >= interval)
    }

    /// Takes files out of their streams' queues, to be published together. A file that is in no
    /// queue is left alone: if sealing one of the files failed, the run has ended badly, and the
    /// bad end has grouped or discarded the others already.
    pub(super) fn group(&mut self, mut files: Vec<FileId>) {
        files.retain(|id| {
            let Some(file) = self.files.get(id) else { return false };
            self.streams[file.stream.index()].dequeue(*id, file.rows)
        });
        if files.is_empty() {
            return;
        }
        let id = self.groups.next_id;
        self.groups.next_id += 1;
        let streams: BTreeSet<StreamIx> =
            files.iter().filter_map(|file| self.files.get(file)).map(|file| file.stream).collect();
        let mut earlier_groups = 0;
        for stream in &streams {
            let groups = &mut self.streams[stream.index()].groups;
            earlier_groups += usize::from(!groups.is_empty());
            groups.push_back(id);
        }
        let files: BTreeSet<FileId> = files.into_iter().collect();
        self.groups.of_file.extend(files.iter().map(|file| (*file, id)));
        let group = PublishGroup {
            files: files.clone(),
            awaited: files.clone(),
            streams,
            earlier_groups,
            started: false,
        };
        self.groups.by_id.insert(id, group);
        files.into_iter().for_each(|file| self.file_changed(file));
    }

    /// Publishes every group that is staged and whose streams have no earlier group under way.
    pub(super) fn publish_ready_groups(&mut self) {
        for id in std::mem::take(&mut self.groups.changed) {
            let Some(group) = self.groups.by_id.get_mut(&id) else { continue };
            if group.started || group.earlier_groups > 0 || !group.awaited.is_empty() {
                continue;
            }
            // A file that was staged may have lost its key to another writer since.
            let is_awaited =
                |id: &&FileId| self.files.get(*id).is_some_and(|file| !file.is_staged());
            group.awaited = group.files.iter().filter(is_awaited).copied().collect();
            if !group.awaited.is_empty() {
                continue;
            }
            group.started = true;
            group.awaited.clone_from(&group.files);
            let files = group.files.clone();
            self.count_visits(files.len());
            for file in files {
                self.with_file(file, File::publish);
            }
        }
    }

    /// Commits the groups whose files are all visible: their rows are durable.
    pub(super) fn commit_visible_groups(&mut self) {
        let is_visible = |id: &GroupId| {
            self.groups.by_id.get(id).is_some_and(|group| group.started && group.awaited.is_empty())
        };
        let visible: Vec<GroupId> =
            self.groups.changed.iter().copied().filter(is_visible).collect();
        for group in visible {
            let files =
                self.groups.by_id.get(&group).map(|group| group.files.clone()).unwrap_or_default();
            self.count_visits(files.len());
            for id in files {
                self.leave_group(id);
                self.commit(id);
            }
        }
    }

    /// Takes the receipt of a file: it is visible, so all its rows are durable.
    fn commit(&mut self, id: FileId) {
        let Some(file) = self.forget(id) else { return };
        self.ledger.published(file.stream, id, file.first);
        let stream = &mut self.streams[file.stream.index()];
        stream.summary.published(&file);
        let key = file.key.as_deref().unwrap_or_default();
        if let Some(stem) =
            self.keys.stems.get(&id).filter(|stem| stem.plain_name_of(key).is_some())
        {
            stream.renamed_stems.insert(stem.clone());
        }
        if !file.metadata_has_rows() {
            let reason = file.sealed.map(SealReason::as_str).unwrap_or_default();
            self.out.push(Action::Log(
                LogLevel::Info,
                format!("published \"{key}\": {} rows, sealed by {reason}", file.rows),
            ));
        }
        self.release_key(id);
    }

    /// A file is out of its group, committed or lost; the group ends with its last file.
    pub(super) fn leave_group(&mut self, id: FileId) {
        let Some(group_id) = self.groups.of_file.remove(&id) else { return };
        let Some(group) = self.groups.by_id.get_mut(&group_id) else { return };
        group.files.remove(&id);
        group.awaited.remove(&id);
        if !group.files.is_empty() {
            if group.awaited.is_empty() {
                self.groups.changed.insert(group_id);
            }
            return;
        }
        let streams = std::mem::take(&mut group.streams);
        self.groups.by_id.remove(&group_id);
        for stream in streams {
            let groups = &mut self.streams[stream.index()].groups;
            let was_first = groups.front() == Some(&group_id);
            groups.retain(|other| *other != group_id);
            if let Some(next) = groups.front().filter(|_| was_first)
                && let Some(group) = self.groups.by_id.get_mut(next)
            {
                group.earlier_groups -= 1;
                self.groups.changed.insert(*next);
            }
            self.index.touch(stream);
            self.streams_to_recheck.insert(stream);
        }
    }
}
