//! What the engine asks the outside to do.
//!
//! The engine itself does no I/O: it takes an [`Event`](super::Event), changes its state and
//! returns [`Action`]s. Every [`Job`] and [`StoreRequest`] is answered by exactly one event for the
//! same file, whatever happens to it.

use uuid::Uuid;

use crate::key::KeyStem;
use crate::pipeline::messages::{FileId, Job, SegmentSlice};
use crate::protocol::emitter::LogLevel;
use crate::store::{ObjectInfo, PartReceipt};

/// One request to the outside.
#[derive(Debug)]
pub(crate) enum Action {
    /// Make a piece of a file, on the workers; answered by
    /// [`Event::JobDone`](super::Event::JobDone).
    Job(Job),
    /// An S3 request; answered by [`Event::Stored`](super::Event::Stored).
    Store(FileId, StoreRequest),
    /// The file is given up: do not send its requests that still wait, except for those that remove
    /// it and for listings, which may serve other files. They are answered with
    /// [`StoreAnswer::Skipped`](super::StoreAnswer::Skipped).
    Skip(FileId),
    /// Print the line of a STATE that is acknowledged.
    PrintState(Vec<u8>),
    /// Print a LOG message.
    Log(LogLevel, String),
}

/// One S3 request of a file.
#[derive(Debug)]
pub(crate) enum StoreRequest {
    /// List what is below a prefix, to count on from the highest number that is taken.
    List {
        /// The text that all keys of interest begin with.
        prefix: String,
        /// The key but for its number.
        stem: KeyStem,
    },
    /// Open a multipart upload.
    Create {
        /// Where the object will be.
        key: String,
        /// What the object says about itself.
        object: ObjectInfo,
    },
    /// Upload one part.
    Part {
        /// Where the object will be.
        key: String,
        /// From the answer to `Create`.
        upload_id: String,
        /// From 1.
        number: i32,
        /// The part's bytes, in pieces.
        body: Vec<SegmentSlice>,
    },
    /// Publish a file that was kept in memory.
    Put {
        /// Where.
        key: String,
        /// What the object says about itself.
        object: ObjectInfo,
        /// All its bytes, in pieces.
        body: Vec<SegmentSlice>,
    },
    /// Publish a file whose parts are all uploaded.
    Complete {
        /// Where.
        key: String,
        /// From the answer to `Create`.
        upload_id: String,
        /// Every part, in order.
        parts: Vec<PartReceipt>,
        /// As given to `Create`.
        object: ObjectInfo,
    },
    /// Abort an unfinished multipart upload.
    Abort {
        /// Where the object would have been.
        key: String,
        /// From the answer to `Create`.
        upload_id: String,
    },
    /// Delete an object that is visible, or may be, and whose rows the source will send again.
    DeleteObject {
        /// Where it is.
        key: String,
        /// The token of our object: another one at the key is left alone.
        token: Uuid,
    },
}
