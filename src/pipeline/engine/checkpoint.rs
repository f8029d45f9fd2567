//! Cuts files for a waiting STATE and publishes what was cut.
//!
//! A STATE's files are cut at once when the oldest of their rows is as old as the interval, when all of them are sealed
//! already (a size roll that fell on the STATE), or when a timer finds them due. They then form a group, which is
//! published once every file of it is staged. While a group of a stream is under way no other is cut for it.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{Engine, Group, GroupId};
use crate::model::StreamIx;
use crate::pipeline::action::Action;
use crate::pipeline::file::{File, SealReason};
use crate::pipeline::ledger::{FileId, Scope};
use crate::protocol::emitter::LogLevel;

impl Engine {
    /// When [`Event::Timer`](crate::pipeline::action::Event::Timer) is wanted, if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.ending.is_some() {
            return None;
        }
        self.waiting_scopes()
            .into_iter()
            .filter(|scope| !self.is_publishing(*scope))
            .filter_map(|scope| {
                let files = self.files_waited_for(scope)?;
                let oldest =
                    files.iter().filter_map(|id| self.files.get(id)).map(|file| file.opened_at).min()?;
                oldest.checked_add(self.settings.checkpoint_interval)
            })
            .min()
    }

    /// Cuts for every waiting STATE whose time has come, or for all of them with `force`; an ending run has no more cuts.
    pub(super) fn checkpoint_waiting(&mut self, now: Instant, force: bool) {
        if self.ending.is_none() {
            for scope in self.waiting_scopes() {
                self.checkpoint(scope, now, force);
            }
        }
    }

    fn waiting_scopes(&self) -> Vec<Scope> {
        if self.ledger.waiting_states() == 0 {
            return Vec::new();
        }
        (0..self.streams.len() as u32)
            .map(|ix| Scope::Stream(StreamIx(ix)))
            .chain([Scope::All])
            .filter(|scope| self.ledger.is_waiting(*scope))
            .collect()
    }

    /// Cuts the files that the latest STATE of `scope` waits for, if they are due or `force` is set.
    pub(super) fn checkpoint(&mut self, scope: Scope, now: Instant, force: bool) {
        if self.is_publishing(scope) || (!force && scope == Scope::All && !self.anything_due(now)) {
            return;
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

    /// Whether an earlier group of the scope's streams is under way. STATEs that come meanwhile are cut for together when
    /// it has ended, so that a STATE with every record does not make a round trip to S3 each.
    fn is_publishing(&self, scope: Scope) -> bool {
        match scope {
            Scope::Stream(stream) => !self.streams[stream.index()].groups.is_empty(),
            Scope::All => !self.groups.is_empty(),
        }
    }

    /// The ungrouped files that the latest STATE of `scope` waits for; `None` if one of them also holds rows that no
    /// STATE covers, so that it cannot be cut before the next one.
    fn files_waited_for(&self, scope: Scope) -> Option<Vec<FileId>> {
        let mut files = Vec::new();
        let streams = match scope {
            Scope::Stream(stream) => stream.0..stream.0 + 1,
            Scope::All => 0..self.streams.len() as u32,
        };
        for ix in streams.map(StreamIx) {
            let covered = self.ledger.covered(ix);
            for id in &self.streams[ix.index()].ungrouped {
                let Some(file) = self.files.get(id).filter(|file| file.first <= covered) else { break };
                if file.last > covered {
                    return None;
                }
                files.push(*id);
            }
        }
        Some(files)
    }

    fn is_due(&self, scope: Scope, files: &[FileId], now: Instant) -> bool {
        let rows: u64 = match scope {
            Scope::Stream(stream) => self.streams[stream.index()].ungrouped_rows,
            Scope::All => self.streams.iter().map(|stream| stream.ungrouped_rows).sum(),
        };
        let files = || files.iter().filter_map(|id| self.files.get(id));
        self.settings.checkpoint_records.is_some_and(|limit| rows >= limit)
            || files().any(|file| {
                now.saturating_duration_since(file.opened_at) >= self.settings.checkpoint_interval
            })
            || files().all(|file| file.sealed.is_some())
    }

    /// A cheap look before the streams are walked: a GLOBAL state may come with every record.
    fn anything_due(&self, now: Instant) -> bool {
        let interval = self.settings.checkpoint_interval;
        self.settings.checkpoint_records.is_some()
            || interval.is_zero()
            || self.streams.iter().all(|stream| stream.open.is_none())
            || self
                .streams
                .iter()
                .filter_map(|stream| stream.ungrouped.front().and_then(|id| self.files.get(id)))
                .any(|file| now.saturating_duration_since(file.opened_at) >= interval)
    }

    /// Takes files out of their streams' queues, to be published together. A file that is in no queue stays where it is:
    /// sealing one of them may have failed, and the end of the run has then sorted the others.
    pub(super) fn group(&mut self, mut files: Vec<FileId>) {
        files.retain(|id| {
            let stream = self.files.get(id).map(|file| file.stream);
            stream.is_some_and(|ix| self.streams[ix.index()].ungrouped.contains(id))
        });
        if files.is_empty() {
            return;
        }
        let id = self.next_group;
        self.next_group += 1;
        let mut streams = BTreeSet::new();
        for file in &files {
            if let Some(file) = self.files.get(file) {
                let stream = &mut self.streams[file.stream.index()];
                stream.ungrouped.retain(|other| *other != file.id);
                stream.ungrouped_rows -= file.rows;
                streams.insert(file.stream);
            }
        }
        for stream in &streams {
            self.streams[stream.index()].groups.push_back(id);
        }
        self.groups.insert(id, Group { files, streams, started: false });
    }

    /// Publishes every group that is staged and whose streams have no earlier group under way.
    pub(super) fn publish_ready_groups(&mut self) {
        let cut = &self.settings.cut;
        let ready: Vec<u64> = self
            .groups
            .iter()
            .filter(|(id, group)| {
                !group.started
                    && group.streams.iter().all(|ix| self.streams[ix.index()].groups.front() == Some(*id))
                    && group.files.iter().all(|id| self.files.get(id).is_none_or(|file| file.is_staged(cut)))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in ready {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            group.started = true;
            for file in group.files.clone() {
                self.with_file(file, |file, cut, out| file.publish(cut, out));
            }
        }
    }

    /// Groups whose files are all visible: their rows are durable.
    pub(super) fn commit_visible_groups(&mut self) {
        let visible: Vec<GroupId> = self
            .groups
            .iter()
            .filter(|(_, group)| {
                group.started && group.files.iter().all(|id| self.files.get(id).is_none_or(File::is_visible))
            })
            .map(|(id, _)| *id)
            .collect();
        for group in visible {
            let files = self.groups.get(&group).map(|group| group.files.clone()).unwrap_or_default();
            for id in files {
                self.leave_group(id);
                self.commit(id);
            }
        }
    }

    /// A receipt: the file is visible and all its rows are durable.
    fn commit(&mut self, id: FileId) {
        let Some(file) = self.files.remove(&id) else { return };
        self.ledger.published(file.stream, id, file.first);
        let stream = &mut self.streams[file.stream.index()];
        stream.summary.published(&file);
        let key = file.key.as_deref().unwrap_or_default();
        if let Some(stem) = self.stems.get(&id).filter(|stem| stem.plain_name_of(key).is_some()) {
            stream.beside.insert(stem.clone());
        }
        if !file.tells_rows() {
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
        let Some((group_id, group)) = self.groups.iter_mut().find(|(_, group)| group.files.contains(&id))
        else {
            return;
        };
        let group_id = *group_id;
        group.files.retain(|other| *other != id);
        if group.files.is_empty() {
            self.group_ended = true;
            let streams = std::mem::take(&mut group.streams);
            self.groups.remove(&group_id);
            for stream in streams {
                self.streams[stream.index()].groups.retain(|other| *other != group_id);
            }
        }
    }
}
