//! The life of one file: open, sealed, staged, published.
//!
//! A pure state machine. In go chunks, finished frames and the answers to its own requests; out
//! come [`Action`]s.
//!
//! - *open*: rows are added. They become frames (compressed text, or a row group of Parquet) and,
//!   once a part is full, are uploaded as a part of an unfinished multipart upload; nothing of it
//!   is visible.
//! - *sealed*: no more rows, for a [`SealReason`].
//! - *staged*: all bytes are in S3 as parts, or still here if they are less than one part.
//! - *published*: PutObject or CompleteMultipartUpload has answered; the rows are visible.
//!
//! Invariants
//! - Every part but the last has exactly `part_bytes`: S3 wants 5 MiB at least, and some stores one
//!   size for all.
//! - Once discarded, a file asks for nothing but its own removal: the abort of its upload, or,
//!   where its object is visible or may be, that this is taken back. It is gone when that is
//!   answered.
//!
//! Not here: how rows become bytes (`frames`), when to seal and publish (`engine`), which key
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
pub enum SealReason {
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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Checkpoint => "checkpoint",
            Self::Memory => "memory",
            Self::End => "end",
        }
    }
}

/// How bytes are cut; the same for all files of a run.
#[derive(Clone, Debug)]
pub struct CutSettings {
    /// How many rows make a piece of a body.
    pub pieces: PieceSizes,
    /// Bytes of every part but the last, which has as many at most. S3 takes 5 MiB or more, and
    /// 10,000 parts.
    pub part_bytes: usize,
    /// Whether the key is known only once the file is sealed (cursor macros), so that no upload can
    /// be opened before.
    pub key_when_sealed: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Upload {
    /// Nothing of the file is in S3, or no longer.
    None,
    Creating,
    Open(String),
    /// Being put, or completed under the upload id.
    Publishing(Option<String>),
    /// The publication failed. The upload may still be open; with `doubtful` the object may be
    /// visible all the same.
    Failed {
        upload_id: Option<String>,
        doubtful: bool,
    },
    /// The object is there.
    Visible,
}

/// One file.
#[derive(Debug)]
pub struct File {
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
    object: ObjectInfo,
    /// Whether the object's metadata names the rows and the reason: S3 fixes it when the upload is
    /// created.
    tells_rows: bool,
    body: FileBody,
    upload: Upload,
    parts_cut: i32,
    parts: Vec<PartReceipt>,
    stage_everything: bool,
    discarded: bool,
    requests: u32,
    taken: TakenKeys,
}

/// What is known of a file before its first row is appended.
#[derive(Debug)]
pub struct FileStart {
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
pub struct TakenKeys {
    /// In all.
    pub all: u32,
    /// Those where the store then found no object.
    pub free: u32,
}

impl File {
    /// A file whose first row is about to be appended.
    #[must_use]
    pub fn new(start: FileStart) -> Self {
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
            object,
            tells_rows: false,
            body,
            upload: Upload::None,
            parts_cut: 0,
            parts: Vec::new(),
            stage_everything: false,
            discarded: false,
            requests: 0,
            taken: TakenKeys::default(),
        }
    }

    /// Adds rows, of which `last` is the last.
    ///
    /// # Errors
    /// The file cannot be completed: discard it.
    pub fn append(
        &mut self,
        chunk: Chunk,
        last: Position,
        cut: &CutSettings,
        out: &mut Vec<Action>,
    ) -> Result<(), Failure> {
        self.last = last;
        self.rows += chunk.rows;
        self.cursor.join(chunk.cursor);
        let jobs = self.body.append(chunk.data, chunk.rows)?;
        self.start(jobs, out);
        self.advance(cut, out);
        Ok(())
    }

    /// Makes a piece of the rows that none has taken yet, although it could be larger: encoded they
    /// take less memory.
    pub fn cut_piece(&mut self, out: &mut Vec<Action>) {
        let job = self.body.cut_piece();
        self.start(job, out);
    }

    /// Takes no more rows.
    ///
    /// # Errors
    /// The file cannot be completed: discard it.
    pub fn seal(
        &mut self,
        reason: SealReason,
        cut: &CutSettings,
        out: &mut Vec<Action>,
    ) -> Result<(), Failure> {
        self.sealed = Some(reason);
        let job = self.body.seal()?;
        self.start(job, out);
        self.advance(cut, out);
        Ok(())
    }

    /// Sends everything to S3 when sealed, even what is less than one part, so that its memory
    /// becomes free while the file waits to be published.
    pub fn stage_everything(&mut self, cut: &CutSettings, out: &mut Vec<Action>) {
        self.stage_everything = true;
        self.advance(cut, out);
    }

    /// A piece is made: returns what its rows came to.
    ///
    /// # Errors
    /// The file cannot be completed: discard it.
    pub fn piece_done(
        &mut self,
        piece: u32,
        cut: &CutSettings,
        out: &mut Vec<Action>,
    ) -> Result<Option<CompressionSample>, Failure> {
        let sample = self.body.piece_done(piece)?;
        self.advance(cut, out);
        Ok(sample)
    }

    /// The key is decided.
    pub fn key_ready(&mut self, key: String, cut: &CutSettings, out: &mut Vec<Action>) {
        self.key = Some(key);
        self.advance(cut, out);
    }

    /// The multipart upload is open.
    pub fn created(&mut self, upload_id: String, cut: &CutSettings, out: &mut Vec<Action>) {
        self.requests -= 1;
        self.upload = Upload::Open(upload_id);
        // S3 has it now, and tens of thousands of files may wait for a STATE.
        self.object.metadata = Vec::new();
        self.advance(cut, out);
    }

    /// A part is in S3.
    pub fn part_uploaded(&mut self, receipt: PartReceipt, out: &mut Vec<Action>) {
        self.requests -= 1;
        if self.parts.is_empty() {
            // Most files have one part.
            self.parts.reserve_exact(1);
        }
        self.parts.push(receipt);
        self.remove_if_discarded(out);
    }

    /// One of this file's requests failed, or was not sent. The file can no longer be published;
    /// discard it. With `doubtful` it may have happened all the same.
    pub fn request_failed(&mut self, doubtful: bool, out: &mut Vec<Action>) {
        self.requests -= 1;
        match &mut self.upload {
            Upload::Creating => self.upload = Upload::None,
            Upload::Publishing(upload_id) => {
                self.upload = Upload::Failed { upload_id: upload_id.take(), doubtful };
            }
            Upload::None | Upload::Open(_) | Upload::Failed { .. } | Upload::Visible => {}
        }
        self.remove_if_discarded(out);
    }

    /// The receipt: the object is visible.
    pub fn published(&mut self, out: &mut Vec<Action>) {
        self.requests -= 1;
        self.upload = Upload::Visible;
        self.remove_if_discarded(out);
    }

    /// Whether the object is visible and stays so.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.upload == Upload::Visible && !self.discarded
    }

    /// Whether the object's metadata names its rows and why it was sealed.
    #[must_use]
    pub fn tells_rows(&self) -> bool {
        self.tells_rows
    }

    /// Whether all bytes are where they wait for publication.
    #[must_use]
    pub fn is_staged(&self, cut: &CutSettings) -> bool {
        self.body.is_complete()
            && self.key.is_some()
            && match &self.upload {
                Upload::None => self.body.ready_bytes() < cut.part_bytes && !self.stage_everything,
                Upload::Open(_) => {
                    self.body.ready_bytes() == 0 && self.parts.len() == self.parts_cut as usize
                }
                Upload::Creating
                | Upload::Publishing(_)
                | Upload::Failed { .. }
                | Upload::Visible => false,
            }
    }

    /// Makes a staged file visible; does nothing to a file that is not staged.
    pub fn publish(&mut self, cut: &CutSettings, out: &mut Vec<Action>) {
        let Some(key) = self.key.clone().filter(|_| self.is_staged(cut)) else { return };
        let object = self.object_info();
        let request = if let Upload::Open(upload_id) = &self.upload {
            let upload_id = upload_id.clone();
            let mut parts = std::mem::take(&mut self.parts);
            parts.sort_by_key(|part| part.part_number);
            self.upload = Upload::Publishing(Some(upload_id.clone()));
            StoreRequest::Complete { key, upload_id, parts, object }
        } else {
            self.upload = Upload::Publishing(None);
            self.tells_rows = true;
            StoreRequest::Put { key, object, body: self.body.take_part(usize::MAX) }
        };
        self.request(request, out);
    }

    /// The key was taken by another object before the file could be put: it needs another one, and
    /// then to be published again.
    pub fn key_taken(&mut self, body: Vec<SegmentSlice>) {
        self.upload_not_begun();
        if !self.discarded {
            self.body.put_back(body);
        }
    }

    /// The key was taken by another object before an upload was begun: the file needs another one.
    pub fn upload_not_begun(&mut self) {
        self.requests -= 1;
        self.key = None;
        self.upload = Upload::None;
    }

    /// Counts a key that was taken.
    pub fn count_taken_key(&mut self, is_free: bool) -> TakenKeys {
        self.taken.all += 1;
        self.taken.free += u32::from(is_free);
        self.taken
    }

    /// Gives the file up: frees its memory, and removes what is in S3 of it as soon as no request
    /// of its own is under way.
    pub fn discard(&mut self, out: &mut Vec<Action>) {
        if !std::mem::replace(&mut self.discarded, true) {
            out.push(Action::Skip(self.id));
            self.body.discard();
            self.remove_if_discarded(out);
        }
    }

    /// Whether a discarded file has nothing left to wait for.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.discarded && self.requests == 0
    }

    /// Whether the file was given up.
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        self.discarded
    }

    /// A removal of the discarded file has been answered.
    pub fn removed(&mut self, out: &mut Vec<Action>) {
        self.requests -= 1;
        self.remove_if_discarded(out);
    }

    /// Bytes that stay in memory until something makes the file move: what sealing it early would
    /// set free.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        if self.stage_everything || matches!(self.upload, Upload::Publishing(_) | Upload::Visible) {
            return 0;
        }
        self.body.held_bytes()
    }

    /// Its rows and bytes.
    #[must_use]
    pub fn body(&self) -> &FileBody {
        &self.body
    }

    /// The token that the object carries, which proves that it is this file.
    #[must_use]
    pub fn token(&self) -> uuid::Uuid {
        self.object.token
    }

    fn start(&self, jobs: impl IntoIterator<Item = BodyJob>, out: &mut Vec<Action>) {
        let job = |BodyJob { piece, work }| Action::Job(Job { file: self.id, piece, work });
        out.extend(jobs.into_iter().map(job));
    }

    /// Does whatever can be done next: open the upload, cut parts.
    fn advance(&mut self, cut: &CutSettings, out: &mut Vec<Action>) {
        if self.discarded {
            self.remove_if_discarded(out);
            return;
        }
        if cut.key_when_sealed && self.sealed.is_none() {
            return;
        }
        loop {
            let last_part = self.body.is_complete()
                && self.body.ready_bytes() > 0
                && (self.stage_everything
                    || matches!(self.upload, Upload::Open(_) | Upload::Creating));
            if self.body.ready_bytes() < cut.part_bytes && !last_part {
                return;
            }
            let Some(key) = self.key.clone() else { return };
            match &self.upload {
                Upload::None => {
                    self.upload = Upload::Creating;
                    let object = self.object_info();
                    self.tells_rows = self.sealed.is_some();
                    self.request(StoreRequest::Create { key, object }, out);
                    return;
                }
                Upload::Open(upload_id) => {
                    let upload_id = upload_id.clone();
                    self.parts_cut += 1;
                    let number = self.parts_cut;
                    let body = self.body.take_part(cut.part_bytes);
                    self.request(StoreRequest::Part { key, upload_id, number, body }, out);
                }
                Upload::Creating
                | Upload::Publishing(_)
                | Upload::Failed { .. }
                | Upload::Visible => return,
            }
        }
    }

    /// Asks for the next removal that is owed. `Creating` and `Publishing` are requests under way:
    /// their answers come first.
    fn remove_if_discarded(&mut self, out: &mut Vec<Action>) {
        if !self.discarded || self.requests > 0 {
            return;
        }
        let Some(key) = self.key.clone() else { return };
        let token = self.object.token;
        match std::mem::replace(&mut self.upload, Upload::None) {
            Upload::None | Upload::Creating | Upload::Publishing(_) => {}
            Upload::Open(upload_id) => self.request(StoreRequest::Abort { key, upload_id }, out),
            // First the upload, so that nothing can become visible any more.
            Upload::Failed { upload_id: Some(upload_id), doubtful } => {
                self.upload = Upload::Failed { upload_id: None, doubtful };
                self.request(StoreRequest::Abort { key, upload_id }, out);
            }
            Upload::Failed { upload_id: None, doubtful: false } => {}
            Upload::Failed { upload_id: None, doubtful: true } | Upload::Visible => {
                self.request(StoreRequest::TakeBack { key, token }, out);
            }
        }
    }

    /// What the object says about itself, with what is known of the file by now.
    fn object_info(&self) -> ObjectInfo {
        let mut object = self.object.clone();
        if let Some(reason) = self.sealed {
            object.metadata.extend(provenance::of_file(self.rows, reason.as_str()));
        }
        object
    }

    fn request(&mut self, request: StoreRequest, out: &mut Vec<Action>) {
        self.requests += 1;
        out.push(Action::Store(self.id, request));
    }
}

#[cfg(test)]
mod tests;
