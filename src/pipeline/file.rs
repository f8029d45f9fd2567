//! The life of one file: open, sealed, staged, published.
//!
//! A pure state machine. In go chunks, compressed frames and the answers to its own requests; out come [`Action`]s.
//!
//! - *open*: rows are added. Text is compressed frame by frame and, once a part is full, uploaded as a part of an
//!   unfinished multipart upload; nothing of it is visible.
//! - *sealed*: no more rows, for a [`SealReason`].
//! - *staged*: all bytes are in S3 as parts, or still here if they are less than one part.
//! - *published*: PutObject or CompleteMultipartUpload has answered.
//!
//! Invariants
//! - Frames join the body in order, whatever order they are compressed in.
//! - Every part but the last has at least `part_bytes`.
//! - Once discarded, a file asks for nothing but the abort of its upload.
//!
//! Not here: when to seal and publish (`engine`), which key (`engine::keys`).

use std::collections::BTreeMap;
use std::time::Instant;

use super::action::{Action, StoreRequest};
use super::chunk::{Chunk, CursorNotes, Segment};
use super::ledger::{FileId, Position};
use crate::model::StreamIx;
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
    /// Whether text is compressed before it joins the body.
    pub compress: bool,
    /// Text of one frame, at least.
    pub frame_bytes: usize,
    /// Bytes of one part, at least: S3 wants 5 MiB for every part but the last, and at most 10,000 parts.
    pub part_bytes: usize,
    /// Whether the key is known only once the file is sealed (cursor macros), so that no upload can be opened before.
    pub key_when_sealed: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Upload {
    None,
    Creating,
    Open(String),
    /// Being put, or completed under the upload id.
    Publishing(Option<String>),
    Aborting,
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
    /// Bytes of the object so far, in their final form.
    pub encoded_bytes: u64,
    object: ObjectInfo,
    text: Vec<Segment>,
    text_bytes: usize,
    /// Memory that the text and the body hold, as the budget counts it.
    held_bytes: u64,
    frames_cut: u32,
    frames_joined: u32,
    early_frames: BTreeMap<u32, Segment>,
    /// Text of each frame that has not joined the body.
    frame_text: BTreeMap<u32, u64>,
    body: Vec<Segment>,
    body_bytes: usize,
    upload: Upload,
    parts_cut: i32,
    parts: Vec<PartReceipt>,
    stage_everything: bool,
    discarded: bool,
    requests: u32,
}

impl File {
    /// An empty file whose first row is about to be appended. `header` is what every file of the stream begins with.
    #[must_use]
    pub fn new(
        id: FileId,
        stream: StreamIx,
        first: Position,
        opened_at: Instant,
        object: ObjectInfo,
        header: Option<Segment>,
    ) -> Self {
        let text_bytes = header.as_ref().map_or(0, |segment| segment.bytes.len());
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
            encoded_bytes: 0,
            object,
            held_bytes: header.as_ref().map_or(0, Segment::held_bytes),
            text: header.into_iter().collect(),
            text_bytes,
            frames_cut: 0,
            frames_joined: 0,
            early_frames: BTreeMap::new(),
            frame_text: BTreeMap::new(),
            body: Vec::new(),
            body_bytes: 0,
            upload: Upload::None,
            parts_cut: 0,
            parts: Vec::new(),
            stage_everything: false,
            discarded: false,
            requests: 0,
        }
    }

    /// Adds rows, of which `last` is the last.
    pub fn append(&mut self, chunk: Chunk, last: Position, cut: &CutSettings, out: &mut Vec<Action>) {
        self.last = last;
        self.rows += chunk.rows;
        self.cursor.join(chunk.cursor);
        self.text_bytes += chunk.segment.bytes.len();
        self.held_bytes += chunk.segment.held_bytes();
        self.text.push(chunk.segment);
        if !cut.compress || self.text_bytes >= cut.frame_bytes {
            self.cut_frame(cut, out);
            self.advance(cut, out);
        }
    }

    /// Takes no more rows.
    pub fn seal(&mut self, reason: SealReason, cut: &CutSettings, out: &mut Vec<Action>) {
        self.sealed = Some(reason);
        self.cut_frame(cut, out);
        self.advance(cut, out);
    }

    /// Sends everything to S3 when sealed, even what is less than one part, so that its memory becomes free while the
    /// file waits to be published.
    pub fn stage_everything(&mut self, cut: &CutSettings, out: &mut Vec<Action>) {
        self.stage_everything = true;
        self.advance(cut, out);
    }

    /// A compressed frame has come back.
    pub fn framed(&mut self, frame: u32, segment: Segment, cut: &CutSettings, out: &mut Vec<Action>) {
        self.early_frames.insert(frame, segment);
        while let Some(segment) = self.early_frames.remove(&self.frames_joined) {
            self.frame_text.remove(&self.frames_joined);
            self.frames_joined += 1;
            self.join_body(segment);
        }
        self.advance(cut, out);
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
        self.advance(cut, out);
    }

    /// A part is in S3.
    pub fn part_uploaded(&mut self, receipt: PartReceipt, out: &mut Vec<Action>) {
        self.requests -= 1;
        self.parts.push(receipt);
        self.abort_if_discarded(out);
    }

    /// One of this file's requests failed. The file can no longer be published; discard it.
    pub fn request_failed(&mut self) {
        self.requests -= 1;
        if self.upload == Upload::Creating {
            self.upload = Upload::None;
        }
    }

    /// Whether all bytes are where they wait for publication.
    #[must_use]
    pub fn is_staged(&self, cut: &CutSettings) -> bool {
        self.is_encoded()
            && self.key.is_some()
            && match &self.upload {
                Upload::None => self.body_bytes < cut.part_bytes && !self.stage_everything,
                Upload::Open(_) => self.body.is_empty() && self.parts.len() == self.parts_cut as usize,
                Upload::Creating | Upload::Publishing(_) | Upload::Aborting => false,
            }
    }

    /// Makes a staged file visible; does nothing to a file that is not staged.
    pub fn publish(&mut self, cut: &CutSettings, out: &mut Vec<Action>) {
        let Some(key) = self.key.clone().filter(|_| self.is_staged(cut)) else { return };
        let object = self.object.clone();
        let request = if let Upload::Open(upload_id) = &self.upload {
            let upload_id = upload_id.clone();
            let mut parts = std::mem::take(&mut self.parts);
            parts.sort_by_key(|part| part.part_number);
            self.upload = Upload::Publishing(Some(upload_id.clone()));
            StoreRequest::Complete { key, upload_id, parts, object }
        } else {
            self.upload = Upload::Publishing(None);
            (self.body_bytes, self.held_bytes) = (0, 0);
            StoreRequest::Put { key, object, body: std::mem::take(&mut self.body) }
        };
        self.request(request, out);
    }

    /// The key was taken by somebody else's object before the file could be put: it needs another one, and then to be
    /// published again.
    pub fn key_taken(&mut self, body: Vec<Segment>) {
        self.requests -= 1;
        self.key = None;
        self.upload = Upload::None;
        self.body_bytes = body.iter().map(|segment| segment.bytes.len()).sum();
        self.held_bytes = held_bytes(&body);
        self.body = body;
    }

    /// Gives the file up: frees its memory and aborts its upload as soon as no request of its own is under way.
    pub fn discard(&mut self, out: &mut Vec<Action>) {
        self.discarded = true;
        out.push(Action::Skip(self.id));
        self.text = Vec::new();
        self.body = Vec::new();
        self.early_frames.clear();
        (self.text_bytes, self.body_bytes, self.held_bytes) = (0, 0, 0);
        self.abort_if_discarded(out);
    }

    /// Whether a discarded file has nothing left to wait for.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.discarded
            && self.requests == 0
            && !matches!(self.upload, Upload::Open(_) | Upload::Publishing(Some(_)))
    }

    /// Whether the file was given up.
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        self.discarded
    }

    /// A request of the discarded file was not sent.
    pub fn request_skipped(&mut self, out: &mut Vec<Action>) {
        self.request_failed();
        self.abort_if_discarded(out);
    }

    /// The abort of a discarded file's upload has been answered.
    pub fn aborted(&mut self) {
        self.requests -= 1;
    }

    /// Bytes that stay in memory until something makes the file move: what sealing it early would set free.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        if self.stage_everything || matches!(self.upload, Upload::Publishing(_)) {
            return 0;
        }
        self.held_bytes
    }

    /// Bytes of the object, with text that is not compressed yet counted at `ratio` (compressed per text byte).
    #[must_use]
    pub fn estimated_bytes(&self, ratio: f64) -> u64 {
        let text = (self.text_bytes as u64 + self.frame_text.values().sum::<u64>()) as f64;
        self.encoded_bytes + (text * ratio) as u64
    }

    /// Text of the given frame, if it is still being compressed.
    #[must_use]
    pub fn frame_text_bytes(&self, frame: u32) -> u64 {
        self.frame_text.get(&frame).copied().unwrap_or_default()
    }

    /// The token that the object carries, which proves that it is this file.
    #[must_use]
    pub fn token(&self) -> uuid::Uuid {
        self.object.token
    }

    /// Whether all the bytes that the object will have are here, or were.
    fn is_encoded(&self) -> bool {
        self.sealed.is_some() && self.text.is_empty() && self.frames_joined == self.frames_cut
    }

    fn cut_frame(&mut self, cut: &CutSettings, out: &mut Vec<Action>) {
        if self.text.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        let text_bytes = std::mem::take(&mut self.text_bytes);
        self.held_bytes -= held_bytes(&text);
        if cut.compress {
            let frame = self.frames_cut;
            self.frames_cut += 1;
            self.frame_text.insert(frame, text_bytes as u64);
            out.push(Action::Compress { file: self.id, frame, text });
        } else {
            text.into_iter().for_each(|segment| self.join_body(segment));
        }
    }

    fn join_body(&mut self, segment: Segment) {
        if self.discarded {
            return;
        }
        self.encoded_bytes += segment.bytes.len() as u64;
        self.body_bytes += segment.bytes.len();
        self.held_bytes += segment.held_bytes();
        self.body.push(segment);
    }

    /// Does whatever can be done next: open the upload, cut parts.
    fn advance(&mut self, cut: &CutSettings, out: &mut Vec<Action>) {
        if self.discarded {
            self.abort_if_discarded(out);
            return;
        }
        if cut.key_when_sealed && self.sealed.is_none() {
            return;
        }
        loop {
            let last_part = self.is_encoded()
                && !self.body.is_empty()
                && (self.stage_everything || matches!(self.upload, Upload::Open(_) | Upload::Creating));
            if self.body_bytes < cut.part_bytes && !last_part {
                return;
            }
            let Some(key) = self.key.clone() else { return };
            match &self.upload {
                Upload::None => {
                    self.upload = Upload::Creating;
                    let object = self.object.clone();
                    self.request(StoreRequest::Create { key, object }, out);
                    return;
                }
                Upload::Open(upload_id) => {
                    let upload_id = upload_id.clone();
                    self.parts_cut += 1;
                    let number = self.parts_cut;
                    let body = self.take_part(cut.part_bytes);
                    self.request(StoreRequest::Part { key, upload_id, number, body }, out);
                }
                Upload::Creating | Upload::Publishing(_) | Upload::Aborting => return,
            }
        }
    }

    fn take_part(&mut self, part_bytes: usize) -> Vec<Segment> {
        let mut taken = 0;
        let count = self
            .body
            .iter()
            .take_while(|segment| {
                let more = taken < part_bytes;
                taken += segment.bytes.len();
                more
            })
            .count();
        let rest = self.body.split_off(count);
        let part = std::mem::replace(&mut self.body, rest);
        self.body_bytes -= part.iter().map(|segment| segment.bytes.len()).sum::<usize>();
        self.held_bytes -= held_bytes(&part);
        part
    }

    fn abort_if_discarded(&mut self, out: &mut Vec<Action>) {
        if !self.discarded || self.requests > 0 {
            return;
        }
        // A completion that failed leaves its upload open; one that did happen answers the abort with NoSuchUpload.
        if let Upload::Open(upload_id) | Upload::Publishing(Some(upload_id)) = &self.upload
            && let Some(key) = self.key.clone()
        {
            let upload_id = upload_id.clone();
            self.upload = Upload::Aborting;
            self.request(StoreRequest::Abort { key, upload_id }, out);
        }
    }

    fn request(&mut self, request: StoreRequest, out: &mut Vec<Action>) {
        self.requests += 1;
        out.push(Action::Store(self.id, request));
    }
}

fn held_bytes(segments: &[Segment]) -> u64 {
    segments.iter().map(Segment::held_bytes).sum()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
