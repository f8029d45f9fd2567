//! Sends S3 requests, a bounded number at a time, and reports how each ended.
//!
//! In: [`StoreRequest`]s of files. Out: one [`Event::Stored`] for each. Bytes keep their permits
//! until S3 has answered, so that a slow S3 makes stdin wait.
//!
//! Not here: retries and what an error means (`store`), what follows from an answer (`engine`).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use crossbeam_channel::Sender;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::budget::{Budget, Permit};
use crate::key::{KeyStem, highest_listed};
use crate::pipeline::buffer_pool::BufferPools;
use crate::pipeline::messages::{Event, FileId, Segment, SegmentSlice, StoreAnswer, StoreRequest};
use crate::store::{Listing, Operation, S3Store, StoreError};

/// Attempts to remove an unfinished upload, or an object that nobody will acknowledge.
const REMOVAL_ATTEMPTS: u32 = 3;

/// The uploader of one run. Dropping it drops the requests that are under way.
#[derive(Debug)]
pub(crate) struct Uploader {
    runtime: Handle,
    requests: JoinSet<()>,
    shared: Arc<Shared>,
}

/// What the requests of a run share.
#[derive(Debug)]
struct Shared {
    store: S3Store,
    /// Fewer attempts: removals come after a failure, often of S3 itself, and no acknowledgement
    /// depends on them.
    removing_store: S3Store,
    budget: Budget,
    buffers: BufferPools,
    slots: Semaphore,
    /// Files whose waiting requests are not to be sent.
    skipped: Mutex<HashSet<FileId>>,
    events: Sender<Event>,
}

/// What an [`Uploader`] is made of.
#[derive(Debug)]
pub(crate) struct UploaderParts {
    /// Where requests run.
    pub runtime: Handle,
    /// Where they go.
    pub store: S3Store,
    /// The run's memory.
    pub budget: Budget,
    /// The run's spare buffers.
    pub buffers: BufferPools,
    /// Requests at once.
    pub concurrency: usize,
    /// Where answers go.
    pub events: Sender<Event>,
}

impl Uploader {
    /// An uploader without requests.
    #[must_use]
    pub(crate) fn new(parts: UploaderParts) -> Self {
        let UploaderParts { runtime, store, budget, buffers, concurrency, events } = parts;
        let shared = Shared {
            removing_store: store.with_max_attempts(REMOVAL_ATTEMPTS),
            store,
            budget,
            buffers,
            slots: Semaphore::new(concurrency),
            skipped: Mutex::default(),
            events,
        };
        Self { runtime, requests: JoinSet::new(), shared: Arc::new(shared) }
    }

    /// Starts a request; its answer comes as an event. Does not wait.
    pub(crate) fn submit(&mut self, file: FileId, request: StoreRequest) {
        // A set keeps tasks that have ended until they are joined.
        while self.requests.try_join_next().is_some() {}
        let shared = Arc::clone(&self.shared);
        let waiting_bytes = shared.budget.uploading(body_bytes(&request));
        let answered = async move {
            // The semaphore is never closed; were it, the request would run unbounded rather than
            // be lost.
            let slot = shared.slots.acquire().await;
            let answer = if shared.is_skipped(file, &request) {
                StoreAnswer::Skipped
            } else {
                // In memory only once it has a slot: thousands of files may wait for one, and each
                // request is some KiB.
                Box::pin(shared.send(request)).await
            };
            drop((slot, waiting_bytes));
            // The receiver goes only when the run is over and nobody waits for the answer.
            let _ = shared.events.send(Event::Stored(file, answer));
        };
        self.requests.spawn_on(answered, &self.runtime);
    }

    /// Drops the requests of a file that wait for a slot: on a slow line they would hold up the
    /// end of a failed run.
    pub(crate) fn skip(&self, file: FileId) {
        self.shared.skipped.lock().unwrap_or_else(PoisonError::into_inner).insert(file);
    }
}

impl Shared {
    fn is_skipped(&self, file: FileId, request: &StoreRequest) -> bool {
        // A listing may serve other files, and the removal is what is left to do.
        let may_skip = match request {
            StoreRequest::List { .. }
            | StoreRequest::Abort { .. }
            | StoreRequest::DeleteObject { .. } => false,
            StoreRequest::Create { .. }
            | StoreRequest::Part { .. }
            | StoreRequest::Put { .. }
            | StoreRequest::Complete { .. } => true,
        };
        may_skip && self.skipped.lock().unwrap_or_else(PoisonError::into_inner).contains(&file)
    }

    async fn send(&self, request: StoreRequest) -> StoreAnswer {
        match request {
            StoreRequest::List { prefix, stem } => {
                StoreAnswer::Listed(self.highest(&prefix, &stem).await)
            }
            StoreRequest::Create { key, object } => {
                // Once there are parts the file cannot take another key.
                let operation = Operation::CreateMultipartUpload;
                StoreAnswer::Created(match self.store.expect_free(operation, &key, &object).await {
                    Ok(()) => self.store.create_multipart(&key, &object).await,
                    Err(taken) => Err(taken),
                })
            }
            StoreRequest::Part { key, upload_id, number, body } => {
                let body = self.contiguous(body);
                let bytes = body.bytes.clone();
                let result = self.store.upload_part(&key, &upload_id, number, bytes).await;
                self.recycle(body);
                StoreAnswer::Part(result)
            }
            StoreRequest::Put { key, object, body } => {
                let body = self.contiguous(body);
                match self.store.put(&key, body.bytes.clone(), &object).await {
                    Err(error) if error.asks_for_next_key() => {
                        StoreAnswer::KeyTaken(vec![self.segment_of(body).into()], error)
                    }
                    result => {
                        self.recycle(body);
                        StoreAnswer::Published(result)
                    }
                }
            }
            StoreRequest::Complete { key, upload_id, parts, object } => StoreAnswer::Published(
                self.store.complete_multipart(&key, &upload_id, &parts, &object).await,
            ),
            StoreRequest::Abort { key, upload_id } => {
                StoreAnswer::Aborted(self.removing_store.abort_multipart(&key, &upload_id).await)
            }
            StoreRequest::DeleteObject { key, token } => {
                StoreAnswer::Deleted(self.removing_store.delete_if_ours(&key, token).await)
            }
        }
    }

    /// The taken key or folder with the highest number.
    async fn highest(&self, prefix: &str, stem: &KeyStem) -> Result<Option<String>, StoreError> {
        let mut highest: Option<(u32, String)> = None;
        let see = |page: Listing| {
            let names = page.keys.iter().chain(&page.folders).map(String::as_str);
            let of_page =
                highest_listed(stem, names).map(|(number, name)| (number, name.to_owned()));
            highest = highest.take().max(of_page);
        };
        self.store.list_pages(prefix, see).await?;
        Ok(highest.map(|(_, name)| name))
    }

    /// S3 stores other than Amazon's refuse bodies that are sent in pieces, so a part is one piece
    /// of memory. Where it lies in one segment (one long line makes a segment of many parts)
    /// nothing is copied.
    fn contiguous(&self, mut slices: Vec<SegmentSlice>) -> Body {
        if slices.len() == 1
            && let Some(slice) = slices.pop()
        {
            return match slice.into_segment() {
                Ok(Segment { bytes, permit }) => {
                    Body { bytes: Bytes::from(bytes), permit: Some(permit) }
                }
                Err(slice) => Body { bytes: Bytes::from_owner(slice), permit: None },
            };
        }
        let total = slices.iter().map(SegmentSlice::len).sum();
        let permit = self.budget.take(total as u64);
        let mut body = self.buffers.bodies.take(total);
        for slice in slices {
            body.extend_from_slice(slice.as_ref());
            if let Some(buffer) = slice.into_last_buffer() {
                self.buffers.chunks.give(buffer);
            }
        }
        Body { bytes: Bytes::from(body), permit: Some(permit) }
    }

    /// Keeps the body's buffer, unless the client still holds on to it.
    fn recycle(&self, body: Body) {
        if body.permit.is_some() && body.bytes.is_unique() {
            self.buffers.bodies.give(body.bytes.into());
        }
    }

    /// The body as a segment again.
    fn segment_of(&self, body: Body) -> Segment {
        let Body { bytes, permit } = body;
        let permit = permit.unwrap_or_else(|| self.budget.take(bytes.len() as u64));
        Segment { bytes: bytes.into(), permit }
    }
}

/// The body of a request, in one piece.
struct Body {
    bytes: Bytes,
    /// `None` if the bytes are a slice of a segment, whose permit they keep alive.
    permit: Option<Permit>,
}

/// Bytes that a request carries to S3.
fn body_bytes(request: &StoreRequest) -> u64 {
    match request {
        StoreRequest::Part { body, .. } | StoreRequest::Put { body, .. } => {
            body.iter().map(|slice| slice.len() as u64).sum()
        }
        StoreRequest::List { .. }
        | StoreRequest::Create { .. }
        | StoreRequest::Complete { .. }
        | StoreRequest::Abort { .. }
        | StoreRequest::DeleteObject { .. } => 0,
    }
}
