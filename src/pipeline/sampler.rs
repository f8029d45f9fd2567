//! Compresses a sample of each stream's text once, so that the size of a file can be estimated
//! before its first frame is compressed.
//!
//! In: an encoded block. Out: the block, with a sample in the first chunk of a stream that is long
//! enough to say something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::messages::{
    Chunk, Compression, CompressionSample, EncodedBlock, Item, Rows, StreamFormat, WorkerTools,
};

/// Text that is compressed for a sample, at most.
const SAMPLE_BYTES: usize = 64 * 1024;

/// Chunks of less text say little, and of thousands of streams they come by the thousand.
const MIN_SAMPLE_BYTES: usize = 4 * 1024;

/// Which streams have been tried; clones share it.
#[derive(Clone, Debug)]
pub(super) struct CompressionSampler(Arc<[StreamSample]>);

#[derive(Debug)]
struct StreamSample {
    compression: Compression,
    is_taken: AtomicBool,
}

impl CompressionSampler {
    /// Nothing has been tried of the streams with these formats, in the order of the catalog.
    pub(super) fn new<'a>(formats: impl Iterator<Item = &'a StreamFormat>) -> Self {
        let untried = |format: &StreamFormat| StreamSample {
            compression: format.compression(),
            is_taken: AtomicBool::new(false),
        };
        Self(formats.map(untried).collect())
    }

    /// Tries the streams of the block that have not been tried.
    pub(super) fn sample(&self, block: &mut EncodedBlock, tools: &mut WorkerTools) {
        for item in &mut block.items {
            if let Item::Chunk(chunk) = item {
                self.sample_chunk(chunk, tools);
            }
        }
    }

    fn sample_chunk(&self, chunk: &mut Chunk, tools: &mut WorkerTools) {
        let Some(stream) = self.0.get(chunk.stream.index()) else { return };
        let level = match stream.compression {
            Compression::None => return,
            Compression::Gzip { level } => level,
        };
        let Rows::Text(segment) = &chunk.data else { return };
        // Two workers may try the same stream at the same time; that costs less than a lock.
        if segment.bytes.len() < MIN_SAMPLE_BYTES || stream.is_taken.load(Ordering::Relaxed) {
            return;
        }
        let text = segment.bytes.get(..SAMPLE_BYTES).unwrap_or(&segment.bytes);
        let mut compressed = Vec::new();
        // An error is a defect that the first frame of the stream reports.
        let result = tools.gzip(level).and_then(|gzip| gzip.members(&[text], &mut compressed));
        if result.is_ok() {
            stream.is_taken.store(true, Ordering::Relaxed);
            chunk.sample = Some(CompressionSample {
                text_bytes: text.len() as u64,
                compressed_bytes: compressed.len() as u64,
            });
        }
    }
}
