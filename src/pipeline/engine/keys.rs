//! Finds the key of each file: expands the template, lists what is below the key's prefix once, and
//! counts on from the highest number.
//!
//! Not here: the language of templates and the rules of numbering (`key`).

use std::collections::HashMap;

use uuid::Uuid;

use super::{Engine, EngineSettings};
use crate::error::{Classified, Failure};
use crate::key::{Allocation, FileValues, KeyAllocator, KeyStem};
use crate::model::StreamIx;
use crate::pipeline::file::File;
use crate::pipeline::messages::{Action, FileId, SegmentSlice, StoreRequest};
use crate::protocol::emitter::LogLevel;
use crate::provenance::{Owner, Provenance};
use crate::store::{ObjectInfo, StoreError, StoreErrorKind};

/// How many keys of one file the store may refuse as taken although it finds no object there. An
/// object may be deleted between the two answers, but hardly that often. After that many, the store
/// is expected to be wrong about every key.
const MOST_FREE_KEYS_REFUSED: u32 = 8;

/// How many keys in a row a file may find taken. Other writers can be that fast once or twice, but
/// not forever: each listing shows how far they are.
const MOST_KEYS_TAKEN: u32 = 20;

/// From this taken key of a file on, the bucket is listed again before the next attempt, because
/// another writer may be thousands of files ahead.
const LIST_AGAIN_AFTER: u32 = 3;

/// The keys of the files that are under way, and the listings that they wait for.
#[derive(Debug)]
pub(super) struct FileKeys {
    pub(super) allocator: KeyAllocator,
    /// The stem of each file that has asked for a key.
    pub(super) stems: HashMap<FileId, KeyStem>,
    /// The listings by the file that asked for each.
    pub(super) listings: HashMap<FileId, PendingListing>,
    pub(super) listing_of_stem: HashMap<KeyStem, FileId>,
    /// Files that wait for another key because theirs was taken, and whether their group has
    /// started to publish.
    pub(super) waiting_for_next: HashMap<FileId, bool>,
}

impl FileKeys {
    /// No file has asked for a key.
    pub(super) fn new(streams: usize) -> Self {
        Self {
            allocator: KeyAllocator::for_streams(streams),
            stems: HashMap::new(),
            listings: HashMap::new(),
            listing_of_stem: HashMap::new(),
            waiting_for_next: HashMap::new(),
        }
    }
}

/// A listing that is under way, and the files that wait for what it finds.
#[derive(Debug)]
pub(super) struct PendingListing {
    pub(super) stem: KeyStem,
    pub(super) waiting: Vec<FileId>,
}

impl Engine {
    /// Asks for a key: at once if the numbers under its stem are known, else after a listing.
    pub(super) fn request_key(&mut self, id: FileId) {
        let Some(file) = self.files.get(&id) else { return };
        let values = FileValues { cursor: file.cursor.highest, uuid: file.token() };
        let stream = &self.settings.streams[file.stream.index()].values;
        match self.settings.template.stem(&self.settings.run, stream, &values) {
            Ok(stem) => {
                self.keys.stems.insert(id, stem.clone());
                self.allocate(id, &stem);
            }
            Err(error) => self.lose(id, Failure::from(error)),
        }
    }

    fn allocate(&mut self, id: FileId, stem: &KeyStem) {
        if let Some(listing) =
            self.keys.listing_of_stem.get(stem).and_then(|asked| self.keys.listings.get_mut(asked))
        {
            listing.waiting.push(id);
            return;
        }
        match self.keys.allocator.allocate(stem) {
            Allocation::Key { key, .. } => {
                self.with_file(id, |file| file.key_ready(key));
                if let Some(group_has_started) = self.keys.waiting_for_next.remove(&id) {
                    // The key that was taken.
                    self.keys.allocator.release(stem);
                    if group_has_started {
                        self.with_file(id, File::publish);
                    }
                }
            }
            Allocation::List { prefix } => {
                self.keys.listing_of_stem.insert(stem.clone(), id);
                self.keys
                    .listings
                    .insert(id, PendingListing { stem: stem.clone(), waiting: vec![id] });
                self.out.push(Action::Store(id, StoreRequest::List { prefix, stem: stem.clone() }));
            }
        }
    }

    /// Takes the listing that file `id` asked for, on behalf of every file that waits for it.
    pub(super) fn listed(&mut self, id: FileId, result: Result<Option<String>, StoreError>) {
        let Some(PendingListing { stem, waiting }) = self.keys.listings.remove(&id) else { return };
        self.keys.listing_of_stem.remove(&stem);
        match result {
            Ok(highest) => {
                self.keys.allocator.listed(&stem, highest.as_deref().into_iter());
                for id in waiting {
                    self.allocate(id, &stem);
                }
            }
            Err(error) => {
                let failure = Failure::from(error);
                for id in waiting {
                    self.lose(id, failure.clone());
                }
            }
        }
    }

    /// Another writer took the key between the listing and the publication: take the next number.
    /// The file's group has started already, so the file is published as soon as it has its new
    /// key.
    pub(super) fn key_taken(&mut self, id: FileId, body: Vec<SegmentSlice>, error: &StoreError) {
        self.with_file(id, |file| {
            file.key_taken(body);
            Vec::new()
        });
        self.take_next_key(id, true, error);
    }

    /// Finds another key for a file that has just lost its own, or gives the file up if too many
    /// were taken in a row.
    pub(super) fn take_next_key(
        &mut self,
        id: FileId,
        group_has_started: bool,
        error: &StoreError,
    ) {
        let Some(file) = self.files.get_mut(&id).filter(|file| !file.is_discarded()) else {
            return;
        };
        let taken = file.count_taken_key(error.kind == StoreErrorKind::RefusesFreeKey);
        let stream = file.stream;
        let Some(stem) = self.keys.stems.get(&id).cloned() else { return };
        if taken.free >= MOST_FREE_KEYS_REFUSED || taken.all >= MOST_KEYS_TAKEN {
            let message =
                format!("{} keys in a row were refused as taken; the last: {error}", taken.all);
            self.lose(id, Failure::new(error.failure_type(), message));
            return;
        }
        if !std::mem::replace(&mut self.streams[stream.index()].key_taken_logged, true) {
            self.out.push(Action::Log(
                LogLevel::Warn,
                format!("{error}; the file takes the next number"),
            ));
        }
        self.keys.waiting_for_next.insert(id, group_has_started);
        if taken.all >= LIST_AGAIN_AFTER {
            self.keys.allocator.list_again(&stem);
        }
        self.allocate(id, &stem);
    }

    /// Forgets the key of a file that is published or given up.
    pub(super) fn release_key(&mut self, id: FileId) {
        self.keys.waiting_for_next.remove(&id);
        if let Some(stem) = self.keys.stems.remove(&id) {
            self.keys.allocator.release(&stem);
        }
    }

    /// What the object says about itself.
    pub(super) fn object_info(&self, id: FileId, stream: StreamIx) -> ObjectInfo {
        let EngineSettings { run, attempt_id, content_type, .. } = &self.settings;
        let values = &self.settings.streams[stream.index()].values;
        let provenance = Provenance {
            owner: Owner::new(&values.descriptor, &run.connection_id),
            connection_run_id: run.connection_run_id,
            sync_id: run.sync_id,
            generation_id: values.generation_id,
            attempt_id: *attempt_id,
        };
        ObjectInfo {
            content_type,
            token: Uuid::new_v5(attempt_id, &id.0.to_be_bytes()),
            metadata: provenance.metadata(),
        }
    }
}
