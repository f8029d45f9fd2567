//! Finds the key of each file: expands the template, lists the key's own prefix once, numbers on.
//!
//! Not here: the language of templates and the rule of numbers (`key`).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::{Engine, PendingListing};
use crate::error::Failure;
use crate::key::{Allocation, FileValues, KeyStem};
use crate::model::StreamIx;
use crate::pipeline::action::{Action, StoreRequest};
use crate::pipeline::chunk::Segment;
use crate::pipeline::ledger::FileId;
use crate::store::{ObjectInfo, StoreError};

/// S3 keeps user metadata as HTTP headers: ASCII, and 2 KB for all of it.
const HEADER_SAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const LONGEST_NAME_BYTES: usize = 512;

impl Engine {
    /// Asks for a key: at once if the numbers under its stem are known, else after a listing.
    pub(super) fn request_key(&mut self, id: FileId) {
        let Some(file) = self.files.get(&id) else { return };
        let values = FileValues { cursor: file.cursor.highest, uuid: file.token() };
        let stream = &self.settings.streams[file.stream.index()].values;
        match self.settings.template.stem(&self.settings.run, stream, &values) {
            Ok(stem) => {
                self.stems.insert(id, stem.clone());
                self.allocate(id, &stem);
            }
            Err(error) => self.lose(id, Failure::from(error)),
        }
    }

    fn allocate(&mut self, id: FileId, stem: &KeyStem) {
        if let Some(listing) = self.listings.iter_mut().find(|listing| listing.stem == *stem) {
            listing.waiting.push(id);
            return;
        }
        match self.keys.allocate(stem) {
            Allocation::Key { key, .. } => {
                self.with_file(id, |file, cut, out| file.key_ready(key, cut, out));
                if self.renamed.remove(&id) {
                    self.with_file(id, |file, cut, out| file.publish(cut, out));
                }
            }
            Allocation::List { prefix } => {
                self.listings.push(PendingListing { asked_by: id, stem: stem.clone(), waiting: vec![id] });
                self.out.push(Action::Store(id, StoreRequest::List { prefix, stem: stem.clone() }));
            }
        }
    }

    /// The listing that file `id` asked for has come back, for every file that waits for it.
    pub(super) fn listed(&mut self, id: FileId, result: Result<Option<String>, StoreError>) {
        let Some(ix) = self.listings.iter().position(|listing| listing.asked_by == id) else { return };
        let PendingListing { stem, waiting, .. } = self.listings.swap_remove(ix);
        match result {
            Ok(highest) => {
                self.keys.listed(&stem, highest.as_deref().into_iter());
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

    /// Somebody else took the key between the listing and the publication: take the next number. The file's group has
    /// started already, so the file is published as soon as it has its new key.
    pub(super) fn key_taken(&mut self, id: FileId, body: Vec<Segment>) {
        self.with_file(id, |file, _, _| file.key_taken(body));
        if self.stdout_closed {
            self.discard(id);
            return;
        }
        if let Some(stem) = self.stems.get(&id).cloned() {
            self.keys.release(&stem);
            self.renamed.insert(id);
            self.allocate(id, &stem);
        }
    }

    /// The file needs its key no more: it is published or given up.
    pub(super) fn release_key(&mut self, id: FileId) {
        self.renamed.remove(&id);
        if let Some(stem) = self.stems.remove(&id) {
            self.keys.release(&stem);
        }
    }

    /// What the object says about itself.
    pub(super) fn object_info(&self, id: FileId, stream: StreamIx) -> ObjectInfo {
        let run = &self.settings.run;
        let values = &self.settings.streams[stream.index()].values;
        let mut metadata = vec![
            ("stream".to_owned(), header_safe(&values.descriptor.name)),
            ("connection-id".to_owned(), run.connection_id.clone()),
            ("connection-run-id".to_owned(), run.connection_run_id.to_string()),
            ("sync-id".to_owned(), run.sync_id.to_string()),
        ];
        if let Some(namespace) = &values.descriptor.namespace {
            metadata.push(("namespace".to_owned(), header_safe(namespace)));
        }
        if let Some(generation) = values.generation_id {
            metadata.push(("generation-id".to_owned(), generation.to_string()));
        }
        let token = Uuid::new_v5(&self.settings.run_token, &id.0.to_be_bytes());
        ObjectInfo { content_type: self.settings.content_type, token, metadata }
    }
}

/// A name as a header value: percent-encoded, or its hash where that would be too long.
fn header_safe(name: &str) -> String {
    let encoded = utf8_percent_encode(name, HEADER_SAFE).to_string();
    if encoded.len() <= LONGEST_NAME_BYTES {
        encoded
    } else {
        format!("uuid5:{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
    }
}
