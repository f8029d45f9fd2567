//! Encodes a column of texts of many megabytes.
//!
//! In: the arrays of a top-level column of text. Out: its column chunk.
//!
//! The library has up to six copies of such a value while it encodes it: in the array, as minimum
//! and as maximum, in its encoder, in the page, and compressed. Here there are two: in the page and
//! compressed. Arrays are dropped on the way.
//!
//! Invariants
//! - Pages are version 1 pages of plain values as the library writes them, but without minimum and
//!   maximum. No page has values of two arrays.
//! - The same arrays give the same bytes.

use std::io::Write as _;

use arrow_array::{Array, ArrayRef, StringArray};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// A text is long from here on: as long as a page of usual values.
const LONG_BYTES: usize = 1024 * 1024;

/// A page is full with this many bytes or rows. These are the library's limits.
const PAGE_BYTES: usize = 1024 * 1024;
const PAGE_ROWS: usize = 20_000;

/// A column chunk, not yet placed in a file.
#[derive(Debug)]
pub(crate) struct LongTextChunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// Whether any text in these arrays, at any level, is long.
pub(crate) fn has_long_text(pieces: &[ArrayRef]) -> bool {
    pieces.iter().any(|piece| {
        if let Some(texts) = piece.as_any().downcast_ref::<StringArray>() {
            return texts.value_data().len() >= LONG_BYTES
                && texts.offsets().windows(2).any(|ends| ends[1] - ends[0] >= LONG_BYTES as i32);
        }
        if !piece.data_type().is_nested() {
            return false;
        }
        let data = piece.to_data();
        data.child_data()
            .iter()
            .any(|child| has_long_text(&[arrow_array::make_array(child.clone())]))
    })
}

/// Encodes the column chunk of a nullable top-level column of text.
///
/// # Errors
/// A defect: the arrays have no texts, or the library refuses the page.
pub(crate) fn encode(
    column: &ColumnDescPtr,
    compression: Compression,
    pieces: Vec<ArrayRef>,
) -> Result<LongTextChunk, ParquetError> {
    let mut pages =
        Pages { compression, sink: TrackedWrite::new(Vec::new()), compressed: 0, uncompressed: 0 };
    let (mut rows, mut nulls) = (0, 0);
    for piece in pieces {
        rows += piece.len();
        nulls += piece.null_count();
        pages.write_piece(piece)?;
    }
    let metadata = ColumnChunkMetaData::builder(column.clone())
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
        .set_compression(compression)
        .set_num_values(rows as i64)
        .set_total_compressed_size(pages.compressed as i64)
        .set_total_uncompressed_size(pages.uncompressed as i64)
        .set_data_page_offset(0)
        .set_statistics(Statistics::byte_array(None, None, None, Some(nulls as u64), false))
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: pages.compressed as u64,
        rows_written: rows as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok(LongTextChunk { bytes: Bytes::from(pages.sink.into_inner()?), close })
}

/// The pages of one column chunk.
struct Pages {
    compression: Compression,
    sink: TrackedWrite<Vec<u8>>,
    compressed: usize,
    uncompressed: usize,
}

impl Pages {
    fn write_piece(&mut self, piece: ArrayRef) -> Result<(), ParquetError> {
        let rows = piece.len();
        let mut next = 0;
        let mut piece = Some(piece);
        while next < rows
            && let Some(array) = piece.take()
        {
            let texts = array
                .as_any()
                .downcast_ref::<StringArray>()
                .ok_or_else(|| ParquetError::General("a column of text has no text".to_owned()))?;
            let (page, end) = plain_page(texts, next);
            let count = end - next;
            next = end;
            // The array goes before its last page is compressed, so that a text of many megabytes
            // is not in memory three times.
            if next < rows {
                piece = Some(array);
            } else {
                drop(array);
            }
            self.write_page(page, count)?;
        }
        Ok(())
    }

    fn write_page(&mut self, page: Vec<u8>, rows: usize) -> Result<(), ParquetError> {
        let uncompressed = page.len();
        let buf = Bytes::from(compress(self.compression, page)?);
        let page = Page::DataPage {
            buf,
            num_values: rows as u32,
            encoding: Encoding::PLAIN,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let mut writer = SerializedPageWriter::new(&mut self.sink);
        let written = writer.write_page(CompressedPage::new(page, uncompressed))?;
        self.compressed += written.compressed_size;
        self.uncompressed += written.uncompressed_size;
        Ok(())
    }
}

/// Returns the bytes of a page that begins with row `first`, and the row after its last one.
fn plain_page(texts: &StringArray, first: usize) -> (Vec<u8>, usize) {
    let (mut end, mut values) = (first, 0);
    let mut levels: Vec<u8> = Vec::new();
    let mut run: Option<(bool, u32)> = None;
    while end < texts.len() && values < PAGE_BYTES && end - first < PAGE_ROWS {
        let is_valid = texts.is_valid(end);
        if is_valid {
            values += size_of::<u32>() + texts.value(end).len();
        }
        run = match run {
            Some((level, count)) if level == is_valid => Some((level, count + 1)),
            before => {
                push_run(before, &mut levels);
                Some((is_valid, 1))
            }
        };
        end += 1;
    }
    push_run(run, &mut levels);
    let mut page = Vec::with_capacity(size_of::<u32>() + levels.len() + values);
    page.extend_from_slice(&(levels.len() as u32).to_le_bytes());
    page.extend_from_slice(&levels);
    for row in (first..end).filter(|row| texts.is_valid(*row)) {
        let text = texts.value(row).as_bytes();
        page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        page.extend_from_slice(text);
    }
    (page, end)
}

/// Appends a run of equal definition levels (0: null, 1: a value) in the format's RLE: twice its
/// length as a varint, then the level.
fn push_run(run: Option<(bool, u32)>, levels: &mut Vec<u8>) {
    let Some((level, count)) = run else { return };
    let mut header = u64::from(count) << 1;
    while header >= 0x80 {
        levels.push((header as u8) | 0x80);
        header >>= 7;
    }
    levels.push(header as u8);
    levels.push(u8::from(level));
}

fn compress(compression: Compression, page: Vec<u8>) -> Result<Vec<u8>, ParquetError> {
    let mut compressed = match compression {
        Compression::UNCOMPRESSED => return Ok(page),
        Compression::SNAPPY => {
            // The operating system does not back the zeroed pages that nothing is written to.
            let mut room = vec![0; snap::raw::max_compress_len(page.len())];
            let written = snap::raw::Encoder::new().compress(&page, &mut room)?;
            room.truncate(written);
            room
        }
        Compression::ZSTD(level) => {
            zstd::stream::encode_all(page.as_slice(), level.compression_level())?
        }
        Compression::GZIP(level) => {
            let level = flate2::Compression::new(level.compression_level());
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(&page)?;
            encoder.finish()?
        }
        Compression::LZ4_RAW => lz4_flex::block::compress(&page),
        Compression::LZO | Compression::BROTLI(_) | Compression::LZ4 => {
            return Err(ParquetError::NYI("a codec that no setting names".to_owned()));
        }
    };
    drop(page);
    compressed.shrink_to_fit();
    Ok(compressed)
}
