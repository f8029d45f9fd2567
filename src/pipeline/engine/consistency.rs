//! Checks the engine's collections against each other, in debug builds only.
//!
//! Several collections hold the same facts in different forms, so that no event has to visit every
//! stream: sums, queues and the index of streams, groups and the files in them, keys and who waits
//! for them. Each is kept up to date by hand; this module counts everything again.

use super::Engine;
use crate::model::StreamIx;
use crate::pipeline::file::File;
use crate::pipeline::messages::FileId;

/// Streams and files that are looked at per event, on average: a run of thousands of streams is
/// checked now and then, a small one after every event.
const VISITS_PER_EVENT: usize = 16;

impl Engine {
    /// Panics if two collections disagree. Call it when the index is up to date.
    pub(super) fn debug_assert_consistent(&mut self) {
        self.unchecked_events += 1;
        let visits = self.streams.len() + self.files.len();
        if self.unchecked_events * VISITS_PER_EVENT < visits {
            return;
        }
        self.unchecked_events = 0;
        self.assert_streams();
        self.assert_groups();
        self.assert_keys();
    }

    /// Sums, queues and the index agree with every stream and file.
    fn assert_streams(&self) {
        let (mut rows, mut resident, mut all_facts) = (0, 0, Vec::new());
        for (ix, stream) in (0..).map(StreamIx).zip(&self.streams) {
            let files = || stream.ungrouped.iter().map(|id| &self.files[id]);
            assert!(stream.ungrouped.iter().is_sorted());
            assert!(files().zip(files().skip(1)).all(|(file, next)| file.last < next.first));
            assert!(files().all(|file| file.stream == ix));
            assert!(stream.open.is_none_or(|id| stream.ungrouped.back() == Some(&id)));
            assert_eq!(stream.ungrouped_rows, files().map(|file| file.rows).sum::<u64>());
            assert_eq!(stream.resident_bytes, files().map(File::resident_bytes).sum::<u64>());
            assert_eq!(self.streams_with_tail.contains(&ix), !stream.tail.chunks.is_empty());
            let covered = self.ledger.covered(ix);
            let straddles = |file: &File| file.first <= covered && file.last > covered;
            let facts = self.facts(ix);
            assert_eq!(facts.straddles, files().any(straddles));
            all_facts.push((ix, facts));
            rows += stream.ungrouped_rows;
            resident += facts.resident_bytes;
        }
        assert_eq!((self.index.rows(), self.index.resident_bytes()), (rows, resident));
        self.index.assert_facts(&all_facts);
        let summed: u64 = self.streams.iter().map(|stream| stream.resident_bytes).sum();
        assert_eq!(self.resident.values().sum::<u64>(), summed);
    }

    /// A file is in the queue of its stream, in one group, or given up.
    fn assert_groups(&self) {
        let is_awaited = |id: &FileId, started: bool| {
            let file = &self.files[id];
            if started { !file.is_visible() } else { !file.is_staged() }
        };
        for (id, group) in &self.groups.by_id {
            assert!(!group.files.is_empty());
            for file in &group.files {
                assert_eq!(self.groups.of_file.get(file), Some(id));
                // The other way round a file that was staged may have lost its key.
                assert!(group.awaited.contains(file) || !group.started || !is_awaited(file, true));
                assert!(!group.awaited.contains(file) || is_awaited(file, group.started));
            }
            let is_first =
                |stream: &&StreamIx| self.streams[stream.index()].groups.front() == Some(id);
            let first_in = group.streams.iter().filter(is_first).count();
            assert_eq!(group.earlier_groups, group.streams.len() - first_in);
        }
        let grouped: usize = self.groups.by_id.values().map(|group| group.files.len()).sum();
        assert_eq!(grouped, self.groups.of_file.len());
        let queued: usize = self.streams.iter().map(|stream| stream.ungrouped.len()).sum();
        let given_up = self.files.values().filter(|file| file.is_discarded()).count();
        assert_eq!(queued + grouped + given_up, self.files.len());
    }

    /// Only files that exist have a stem or wait for a key, and every listing is found by its stem.
    fn assert_keys(&self) {
        assert!(self.keys.stems.keys().all(|id| self.files.contains_key(id)));
        assert!(self.keys.waiting_for_next.keys().all(|id| self.keys.stems.contains_key(id)));
        assert_eq!(self.keys.listings.len(), self.keys.listing_of_stem.len());
        for (stem, id) in &self.keys.listing_of_stem {
            assert_eq!(self.keys.listings.get(id).map(|listing| &listing.stem), Some(stem));
        }
    }
}
