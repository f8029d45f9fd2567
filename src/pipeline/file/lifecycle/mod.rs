//! The life of one file: open, sealed, staged, published.
//!
//! A pure state machine. In: chunks of rows, reports of finished pieces, and the answers to its own
//! requests. Out: the [`Action`]s that follow, which every method returns.
//!
//! - *open*: rows are added. They become the bytes of the object (see [`FileBody`]) and, once a
//!   part is full, are uploaded as a part of an unfinished multipart upload; nothing of it is
//!   visible.
//! - *sealed*: no more rows, for a [`SealReason`].
//! - *staged*: all bytes are in S3 as parts, or still in memory if they are less than one part.
//! - *published*: PutObject or CompleteMultipartUpload has succeeded; the rows are visible.
//!
//! Invariants
//! - Every part but the last has exactly `part_bytes`: S3 requires at least 5 MiB, and some stores
//!   require that all parts have the same size.
//! - Once discarded, a file asks for nothing but its own removal: the abort of its upload, and the
//!   deletion of its object if that is visible or may be. The file is gone when these are answered.
//!
//! Not here: how rows become bytes (`body`), when to seal and publish (`engine`), which key
//! (`engine::keys`).

use std::time::Instant;

use crate::error::Failure;
use crate::model::StreamIx;
use crate::pipeline::file::body::{BodyJob, FileBody, PieceSizes};
use crate::pipeline::messages::{
    Action, Chunk, CompressionSample, CursorNotes, FileId, Job, Position, SegmentSlice,
    StoreRequest,
};
use crate::provenance;
use crate::store::{ObjectInfo, PartReceipt};

/// Why a file takes no more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SealReason {
    /// It reached the file size of the settings.
    Size,
    /// A STATE that covers it is due.
    Checkpoint,
    /// Memory was short.
    Memory,
    /// The input has ended.
    End,
}

impl SealReason {
    /// One word, for summaries.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Checkpoint => "checkpoint",
            Self::Memory => "memory",
            Self::End => "end",
        }
    }
}

/// What is the same for all files of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileSettings {
    /// How many rows make a piece of a body.
    pub pieces: PieceSizes,
    /// Bytes of every part but the last, which has as many at most. S3 takes 5 MiB or more, and
    /// 10,000 parts.
    pub part_bytes: usize,
    /// Whether the key is known only once the file is sealed (cursor macros), so that no upload can
    /// be opened before.
    pub key_when_sealed: bool,
}

/// Where the object of a file is.
#[derive(Debug, PartialEq, Eq)]
enum Upload {
    /// Nothing of it is in S3, or no longer.
    None,
    /// CreateMultipartUpload is under way.
    Creating,
    /// Parts can be uploaded under this upload id.
    Open(String),
    /// PutObject is under way, or CompleteMultipartUpload of this upload id.
    Publishing(Option<String>),
    /// The publication failed. The upload may still be open, and the object may be visible all the
    /// same.
    Failed { upload_id: Option<String>, may_be_visible: bool },
    /// The object is visible.
    Visible,
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its identity.
    pub id: FileId,
    /// Whose rows it holds.
    pub stream: StreamIx,
    /// Its first row.
    pub first: Position,
    /// Its last row so far.
    pub last: Position,
    /// Rows so far.
    pub rows: u64,
    /// When its oldest row arrived.
    pub opened_at: Instant,
    /// What its rows say about the cursor.
    pub cursor: CursorNotes,
    /// Where it will be, once that is decided.
    pub key: Option<String>,
    /// Why it takes no more rows, once it does not.
    pub sealed: Option<SealReason>,
    settings: FileSettings,
    object: ObjectInfo,
    /// Whether the object's metadata has the number of rows and the seal reason: S3 fixes the
    /// metadata when the upload is created, which may be before they are known.
    metadata_has_rows: bool,
    body: FileBody,
    upload: Upload,
    /// How many parts were requested.
    parts_begun: i32,
    /// Parts that are in S3, in any order.
    parts: Vec<PartReceipt>,
    /// Everything is uploaded as soon as it is sealed, even less than one part.
    leaves_memory: bool,
    is_discarded: bool,
    /// Requests that are not answered.
    requests_under_way: u32,
    taken_keys: TakenKeys,
}

/// What is known of a file before its first row is appended.
#[derive(Debug)]
pub(crate) struct FileStart {
    /// Its identity.
    pub id: FileId,
    /// Whose rows it is for.
    pub stream: StreamIx,
    /// Its first row.
    pub first: Position,
    /// When that row arrived.
    pub opened_at: Instant,
    /// What the object says about itself.
    pub object: ObjectInfo,
    /// What takes the rows.
    pub body: FileBody,
}

/// How many of the keys that a file was given were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenKeys {
    /// In all.
    pub all: u32,
    /// Those where the store then found no object.
    pub free: u32,
}

impl File {
    /// A file whose first row is about to be appended.
    #[must_use]
    pub(crate) fn new(start: FileStart, settings: FileSettings) -> Self {
        let FileStart { id, stream, first, opened_at, object, body } = start;
        Self {
            id,
            stream,
            first,
            last: first,
            rows: 0,
            opened_at,
            cursor: CursorNotes::default(),
            key: None,
            sealed: None,
            settings,
            object,
            metadata_has_rows: false,
            body,
            upload: Upload::None,
            parts_begun: 0,
            parts: Vec::new(),
            leaves_memory: false,
            is_discarded: false,
            requests_under_way: 0,
            taken_keys: TakenKeys::default(),
        }
    }

    /// Adds rows; `last` is the position of the last one.
    ///
    /// # Errors
    /// The file cannot be completed: discard it.
    pub(crate) fn append(&mut self, chunk: Chunk, last: Position) -> Result<Vec<Action>, Failure> {
        self.last = last;
        self.rows += chunk.rows;
        self.cursor.add(chunk.cursor);
        let jobs = self.body.append(chunk.data, chunk.rows)?;
        Ok(self.jobs_then_advance(jobs))
    }

    /// Makes a piece of the rows that are in no piece yet, although it could be larger, because
    /// encoded rows take less memory.
    #[must_use]
    pub(crate) fn cut_piece(&mut self) -> Vec<Action> {
        let job = self.body.cut_piece();
        self.jobs_then_advance(job)
    }

    /// Takes no more rows.
    ///
    /// # Errors
    /// The file cannot be completed: discard it.
    pub(crate) fn seal(&mut self, reason: SealReason) -> Result<Vec<Action>, Failure> {
        self.sealed = Some(reason);
        let job = self.body.seal()?;
        Ok(self.jobs_then_advance(job))
    }

    /// Uploads everything once it is sealed, even less than one part, so that its memory becomes
    /// free while the file waits to be published.
    #[must_use]
    pub(crate) fn leave_memory(&mut self) -> Vec<Action> {
        self.leaves_memory = true;
        self.advance()
    }

    /// Records that a piece is made. Also returns the sizes of its rows before and after encoding.
    ///
    /// # Errors
    /// The file cannot be completed: discard it.
    pub(crate) fn piece_done(
        &mut self,
        piece: u32,
    ) -> Result<(Vec<Action>, Option<CompressionSample>), Failure> {
        let sample = self.body.piece_done(piece)?;
        Ok((self.advance(), sample))
    }

    /// The key is decided.
    #[must_use]
    pub(crate) fn key_ready(&mut self, key: String) -> Vec<Action> {
        self.key = Some(key);
        self.advance()
    }

    /// The multipart upload is open.
    #[must_use]
    pub(crate) fn created(&mut self, upload_id: String) -> Vec<Action> {
        self.requests_under_way -= 1;
        self.upload = Upload::Open(upload_id);
        // S3 has it now, and tens of thousands of files may wait for a STATE.
        self.object.metadata = Vec::new();
        self.advance()
    }

    /// A part is in S3.
    #[must_use]
    pub(crate) fn part_uploaded(&mut self, receipt: PartReceipt) -> Vec<Action> {
        self.requests_under_way -= 1;
        if self.parts.is_empty() {
            // Most files have one part.
            self.parts.reserve_exact(1);
        }
        self.parts.push(receipt);
        self.remove_if_discarded()
    }

    /// One of this file's requests failed, or was not sent. The file can no longer be published;
    /// discard it. With `may_have_happened` S3 may have done it all the same.
    #[must_use]
    pub(crate) fn request_failed(&mut self, may_have_happened: bool) -> Vec<Action> {
        self.requests_under_way -= 1;
        match &mut self.upload {
            Upload::Creating => self.upload = Upload::None,
            Upload::Publishing(upload_id) => {
                self.upload = Upload::Failed {
                    upload_id: upload_id.take(),
                    may_be_visible: may_have_happened,
                };
            }
            Upload::None | Upload::Open(_) | Upload::Failed { .. } | Upload::Visible => {}
        }
        self.remove_if_discarded()
    }

    /// The receipt: the object is visible.
    #[must_use]
    pub(crate) fn published(&mut self) -> Vec<Action> {
        self.requests_under_way -= 1;
        self.upload = Upload::Visible;
        self.remove_if_discarded()
    }

    /// Whether the object is visible and stays so.
    #[must_use]
    pub(crate) fn is_visible(&self) -> bool {
        self.upload == Upload::Visible && !self.is_discarded
    }

    /// Whether the object's metadata has its number of rows and why it was sealed.
    #[must_use]
    pub(crate) fn metadata_has_rows(&self) -> bool {
        self.metadata_has_rows
    }

    /// Whether the file is ready to be published: it has its key, and all bytes are in S3 as parts,
    /// or in memory if they are less than one part.
    #[must_use]
    pub(crate) fn is_staged(&self) -> bool {
        let ready_bytes = self.body.ready_bytes();
        self.body.is_complete()
            && self.key.is_some()
            && match &self.upload {
                // Less than one part is put from memory.
                Upload::None => ready_bytes < self.settings.part_bytes && !self.leaves_memory,
                Upload::Open(_) => {
                    ready_bytes == 0 && self.parts.len() == self.parts_begun as usize
                }
                Upload::Creating
                | Upload::Publishing(_)
                | Upload::Failed { .. }
                | Upload::Visible => false,
            }
    }

    /// Makes a staged file visible; does nothing to a file that is not staged.
    #[must_use]
    pub(crate) fn publish(&mut self) -> Vec<Action> {
        let Some(key) = self.key.clone().filter(|_| self.is_staged()) else { return Vec::new() };
        let object = self.object_info();
        let request = if let Upload::Open(upload_id) = &self.upload {
            let upload_id = upload_id.clone();
            let mut parts = std::mem::take(&mut self.parts);
            parts.sort_by_key(|part| part.part_number);
            self.upload = Upload::Publishing(Some(upload_id.clone()));
            StoreRequest::Complete { key, upload_id, parts, object }
        } else {
            self.upload = Upload::Publishing(None);
            self.metadata_has_rows = true;
            StoreRequest::Put { key, object, body: self.body.take_part(usize::MAX) }
        };
        vec![self.request(request)]
    }

    /// The key was taken by another object before the file could be put: it needs another one, and
    /// then to be published again.
    pub(crate) fn key_taken(&mut self, body: Vec<SegmentSlice>) {
        self.upload_not_begun();
        if !self.is_discarded {
            self.body.put_back(body);
        }
    }

    /// The key was taken by another object before an upload was begun: the file needs another one.
    pub(crate) fn upload_not_begun(&mut self) {
        self.requests_under_way -= 1;
        self.key = None;
        self.upload = Upload::None;
    }

    /// Counts a key that was taken.
    pub(crate) fn count_taken_key(&mut self, is_free: bool) -> TakenKeys {
        self.taken_keys.all += 1;
        self.taken_keys.free += u32::from(is_free);
        self.taken_keys
    }

    /// Abandons the file: frees its memory, and removes its parts or its object from S3 as soon as
    /// none of its requests is under way.
    #[must_use]
    pub(crate) fn discard(&mut self) -> Vec<Action> {
        if std::mem::replace(&mut self.is_discarded, true) {
            return Vec::new();
        }
        self.body.discard();
        let mut actions = vec![Action::Skip(self.id)];
        actions.extend(self.remove_if_discarded());
        actions
    }

    /// Whether a discarded file has nothing left to wait for.
    #[must_use]
    pub(crate) fn is_gone(&self) -> bool {
        self.is_discarded && self.requests_under_way == 0
    }

    /// Whether the file was given up.
    #[must_use]
    pub(crate) fn is_discarded(&self) -> bool {
        self.is_discarded
    }

    /// A removal of the discarded file has been answered.
    #[must_use]
    pub(crate) fn removed(&mut self) -> Vec<Action> {
        self.requests_under_way -= 1;
        self.remove_if_discarded()
    }

    /// Bytes that stay in memory until the file moves on: the memory that sealing it early would
    /// free.
    #[must_use]
    pub(crate) fn resident_bytes(&self) -> u64 {
        if self.leaves_memory || matches!(self.upload, Upload::Publishing(_) | Upload::Visible) {
            return 0;
        }
        self.body.held_bytes()
    }

    /// Its rows and bytes.
    #[must_use]
    pub(crate) fn body(&self) -> &FileBody {
        &self.body
    }

    /// The token that the object carries, which proves that it is this file.
    #[must_use]
    pub(crate) fn token(&self) -> uuid::Uuid {
        self.object.token
    }

    fn jobs_then_advance(&mut self, jobs: impl IntoIterator<Item = BodyJob>) -> Vec<Action> {
        let file = self.id;
        let job = |BodyJob { piece, work }| Action::Job(Job { file, piece, work });
        let mut actions: Vec<Action> = jobs.into_iter().map(job).collect();
        actions.extend(self.advance());
        actions
    }

    /// Does whatever can be done next: opens the upload, sends parts. Nothing changes if nothing
    /// can be done, so that it may be called after any change.
    fn advance(&mut self) -> Vec<Action> {
        if self.is_discarded {
            return self.remove_if_discarded();
        }
        let mut actions = Vec::new();
        if self.settings.key_when_sealed && self.sealed.is_none() {
            return actions;
        }
        loop {
            let ready_bytes = self.body.ready_bytes();
            // What is left may be less than one part. It stays in memory, to be put in one request,
            // unless the upload is there already or the memory is needed.
            let is_last_part = self.body.is_complete()
                && ready_bytes > 0
                && (self.leaves_memory
                    || matches!(self.upload, Upload::Open(_) | Upload::Creating));
            if ready_bytes < self.settings.part_bytes && !is_last_part {
                return actions;
            }
            let Some(key) = self.key.clone() else { return actions };
            match &self.upload {
                Upload::None => {
                    self.upload = Upload::Creating;
                    let object = self.object_info();
                    self.metadata_has_rows = self.sealed.is_some();
                    actions.push(self.request(StoreRequest::Create { key, object }));
                    return actions;
                }
                Upload::Open(upload_id) => {
                    let upload_id = upload_id.clone();
                    self.parts_begun += 1;
                    let number = self.parts_begun;
                    let body = self.body.take_part(self.settings.part_bytes);
                    actions.push(self.request(StoreRequest::Part { key, upload_id, number, body }));
                }
                Upload::Creating
                | Upload::Publishing(_)
                | Upload::Failed { .. }
                | Upload::Visible => return actions,
            }
        }
    }

    /// Asks for the next removal that is owed, one at a time. `Creating` and `Publishing` are
    /// requests under way: their answers come first, and decide what there is to remove.
    fn remove_if_discarded(&mut self) -> Vec<Action> {
        if !self.is_discarded || self.requests_under_way > 0 {
            return Vec::new();
        }
        let Some(key) = self.key.clone() else { return Vec::new() };
        let token = self.object.token;
        let request = match std::mem::replace(&mut self.upload, Upload::None) {
            Upload::None | Upload::Creating | Upload::Publishing(_) => return Vec::new(),
            Upload::Open(upload_id) => StoreRequest::Abort { key, upload_id },
            // The upload goes first: while it is there, a late CompleteMultipartUpload could still
            // make the object visible after its deletion.
            Upload::Failed { upload_id: Some(upload_id), may_be_visible } => {
                self.upload = Upload::Failed { upload_id: None, may_be_visible };
                StoreRequest::Abort { key, upload_id }
            }
            Upload::Failed { upload_id: None, may_be_visible: false } => return Vec::new(),
            Upload::Failed { upload_id: None, may_be_visible: true } | Upload::Visible => {
                StoreRequest::DeleteObject { key, token }
            }
        };
        vec![self.request(request)]
    }

    /// What the object says about itself, with what is known of the file by now.
    fn object_info(&self) -> ObjectInfo {
        let mut object = self.object.clone();
        if let Some(reason) = self.sealed {
            object.metadata.extend(provenance::of_file(self.rows, reason.as_str()));
        }
        object
    }

    fn request(&mut self, request: StoreRequest) -> Action {
        self.requests_under_way += 1;
        Action::Store(self.id, request)
    }
}

#[cfg(test)]
mod tests;
