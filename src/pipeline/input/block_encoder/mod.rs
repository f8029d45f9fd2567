//! Turns a block of input lines into chunks of rows and messages: the work that runs in parallel.
//!
//! In: a [`Block`]. Out: an [`EncodedBlock`]. Each worker owns one [`BlockEncoder`] and its
//! scratch; all share the [`StreamTable`], which never changes.
//!
//! Invariants
//! - A STATE closes the chunks of the streams that it covers, so that no chunk has rows on both
//!   sides of it.
//! - The block ends at the first line that cannot be trusted. Everything before it is kept, nothing
//!   after it is read.
//! - Between two blocks a worker keeps little scratch, however long a line was and however many
//!   streams there are.
//! - An error says the line's number and never its content.
//! - Half surrogate pairs are replaced before anything else reads the records.
//!
//! Not here: which stream a line is of (`line_reader`), what a row looks like (`format`), the order
//! of blocks (`engine::order`).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::line_reader::{Line, LineReader, Record};
use super::surrogate_repair::{Repair, repair_records};
use crate::format::RowIds;
use crate::format::columns::DecodedRows;
use crate::format::text::{RecordView, Scratch};
use crate::json::{ForeignText, Raw, Scanner, ValueKind, without_byte_order_mark};
use crate::key::cursor::parse_cursor;
use crate::model::StreamIx;
use crate::pipeline::budget::Budget;
use crate::pipeline::buffer_pool::BufferPool;
use crate::pipeline::input::StreamTable;
use crate::pipeline::messages::{
    Block, Chunk, ColumnSegment, CursorNotes, EncodedBlock, Item, LineFault, Rows, Segment,
    StreamFormat,
};
use crate::protocol::state::{StateMessage, StateScope};

/// The memory of a chunk or a STATE in addition to its bytes. It matters, because a source may send
/// a STATE with every record, and thousands of streams make chunks of one row. Measured, with lists
/// that grow by doubling.
const OVERHEAD_BYTES: u64 = 320;

/// A chunk's buffer may be this much larger than its text before it is shrunk.
const SPARE_TEXT_BYTES: usize = 1024 * 1024;

/// What makes the row ids of a block unique: the time at which it was read, and a random number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockSeed {
    /// Epoch milliseconds.
    pub unix_ms: u64,
    /// Random.
    pub random: u64,
}

/// Rows of one stream that are being collected.
#[derive(Debug, Default)]
struct OpenChunk {
    number: u64,
    /// Where rows are text.
    text: Vec<u8>,
    rows: u64,
    cursor: CursorNotes,
    dropped_fields: u64,
    repaired_strings: u64,
    input_bytes: u64,
}

/// One worker's encoder.
#[derive(Debug)]
pub(crate) struct BlockEncoder {
    table: Arc<StreamTable>,
    reader: LineReader,
    budget: Budget,
    spare: BufferPool,
    scratch: Scratch,
    open: Vec<OpenChunk>,
    /// Streams in the order of the first row of their chunks, with the number of that chunk. A
    /// chunk that a STATE has closed stays in the list; its number no longer matches.
    touched: Vec<(StreamIx, u64)>,
    chunks: u64,
    /// How many bytes to reserve for each stream's next chunk: a little more than its last one had.
    expected_bytes: Vec<usize>,
}

/// What a record's row needs to know about its line.
#[derive(Clone, Copy)]
struct RowSource {
    /// The line's length, its line end included.
    line_bytes: usize,
    /// Strings of the record in which U+FFFD stands for half a surrogate pair.
    repaired_strings: u64,
}

impl BlockEncoder {
    /// An encoder with empty scratch.
    #[must_use]
    pub(crate) fn new(table: Arc<StreamTable>, budget: Budget, spare: BufferPool) -> Self {
        let streams = table.streams.len();
        Self {
            reader: LineReader::new(Arc::clone(&table)),
            table,
            budget,
            spare,
            scratch: Scratch::default(),
            open: std::iter::repeat_with(OpenChunk::default).take(streams).collect(),
            touched: Vec::new(),
            chunks: 0,
            expected_bytes: vec![0; streams],
        }
    }

    /// Encodes a block. Half surrogate pairs in its records are replaced in place.
    #[must_use]
    pub(crate) fn encode(&mut self, block: &mut Block, seed: BlockSeed) -> EncodedBlock {
        let mut ids = RowIds::new(seed.unix_ms, seed.random);
        let mut encoded =
            EncodedBlock { index: block.index, items: Vec::new(), fault: None, lines: 0 };
        // One check of the whole block is far faster than one per string.
        let valid = simdutf8::basic::from_utf8(&block.bytes)
            .map_or_else(|_| valid_prefix(&block.bytes), |text| text.len());
        // A byte order mark before the first line is not part of the input.
        let is_first = block.index == 0;
        let first_line = if is_first {
            block.bytes.len() - without_byte_order_mark(&block.bytes).len()
        } else {
            0
        };
        let mut repairs = repair_records(&mut block.bytes[first_line..valid.max(first_line)])
            .into_iter()
            .peekable();
        let mut start = first_line;
        while start < block.bytes.len() {
            let end = memchr::memchr(b'\n', &block.bytes[start..])
                .map_or(block.bytes.len(), |at| start + at);
            encoded.lines += 1;
            let repair = repairs.next_if(|repair| first_line + repair.line_start == start);
            let result = if end > valid {
                Err("is not valid UTF-8".to_owned())
            } else {
                self.line(&block.bytes[start..end], repair.as_ref(), &mut ids, &mut encoded.items)
            };
            if let Err(reason) = result {
                let begins_input = is_first && encoded.lines == 1;
                let foreign = Some(&block.bytes)
                    .filter(|_| begins_input)
                    .and_then(|input| foreign_input(input));
                let reason = foreign.unwrap_or(reason);
                encoded.fault = Some(LineFault { line: encoded.lines, reason });
                break;
            }
            start = end + 1;
        }
        self.close_all(&mut encoded.items);
        self.scratch.trim();
        self.reader.trim();
        encoded
    }

    fn line(
        &mut self,
        line: &[u8],
        repair: Option<&Repair>,
        ids: &mut RowIds,
        items: &mut Vec<Item>,
    ) -> Result<(), String> {
        match self.reader.read(line)? {
            Line::Record(record) => {
                let changes = repair.map(|repair| repair.changes(record.changes));
                let source = RowSource {
                    line_bytes: line.len() + 1,
                    repaired_strings: repair.map_or(0, |repair| repair.strings),
                };
                let record = Record { changes: changes.as_deref().or(record.changes), ..record };
                self.record(&record, source, ids, items);
            }
            Line::State(message) => self.state(message, items),
            Line::Complete(ix) => {
                self.close(ix, items);
                items.push(Item::Complete(ix));
            }
            Line::Incomplete(ix) => items.push(Item::Incomplete(ix)),
            Line::Ignored => {}
        }
        Ok(())
    }

    fn record(
        &mut self,
        record: &Record<'_>,
        source: RowSource,
        ids: &mut RowIds,
        items: &mut Vec<Item>,
    ) {
        let ix = record.stream;
        let chunk = &mut self.open[ix.index()];
        if chunk.rows == 0 {
            self.chunks += 1;
            chunk.number = self.chunks;
            self.touched.push((ix, chunk.number));
            chunk.text = self.spare.take(self.expected_bytes[ix.index()]);
        }
        let encoding = &self.table.streams[ix.index()];
        match &encoding.format {
            StreamFormat::Text { encoder, .. } => {
                let view = RecordView {
                    stream: ix,
                    data: record.data,
                    members: self.reader.members(),
                    emitted_at_ms: record.emitted_at_ms,
                    changes: record.changes,
                };
                let notes = encoder.encode(&view, ids, &mut self.scratch, &mut chunk.text);
                chunk.dropped_fields += u64::from(notes.dropped_fields);
            }
            StreamFormat::Parquet(_) => self.reader.end_row(record, ids),
        }
        chunk.rows += 1;
        chunk.repaired_strings += source.repaired_strings;
        chunk.input_bytes += source.line_bytes as u64;
        if let Some(path) = &encoding.cursor_field {
            chunk.cursor.add(cursor_of(record, path));
        }
        if chunk.rows >= self.table.most_rows(ix) {
            self.close(ix, items);
        }
    }

    fn state(&mut self, message: StateMessage, items: &mut Vec<Item>) {
        match message.scope {
            Some(StateScope::Stream(ix)) => self.close(ix, items),
            Some(StateScope::All) => self.close_all(items),
            None => {}
        }
        let permit = self.budget.take(message.held_bytes() + OVERHEAD_BYTES);
        items.push(Item::State(message, permit));
    }

    fn close(&mut self, ix: StreamIx, items: &mut Vec<Item>) {
        if self.open[ix.index()].rows > 0 {
            self.finish(ix, items);
        }
    }

    fn close_all(&mut self, items: &mut Vec<Item>) {
        for (ix, number) in std::mem::take(&mut self.touched) {
            if self.open[ix.index()].number == number {
                self.close(ix, items);
            }
        }
    }

    fn finish(&mut self, ix: StreamIx, items: &mut Vec<Item>) {
        let mut chunk = std::mem::take(&mut self.open[ix.index()]);
        let (data, issues) = match self.reader.take_rows(ix) {
            None => {
                (Rows::Text(self.text_segment(ix, std::mem::take(&mut chunk.text))), Vec::new())
            }
            Some(DecodedRows { batch, issues, dropped_fields }) => {
                chunk.dropped_fields += dropped_fields;
                let permit = self.budget.take(batch.held_bytes() as u64 + OVERHEAD_BYTES);
                (Rows::Columns(ColumnSegment { batch, permit }), issues)
            }
        };
        items.push(Item::Chunk(Chunk {
            stream: ix,
            rows: chunk.rows,
            data,
            issues,
            cursor: chunk.cursor,
            dropped_fields: chunk.dropped_fields,
            repaired_strings: chunk.repaired_strings,
            input_bytes: chunk.input_bytes,
            sample: None,
        }));
    }

    fn text_segment(&mut self, ix: StreamIx, mut bytes: Vec<u8>) -> Segment {
        // A stream's chunks are of similar size, and growing a buffer would copy it.
        self.expected_bytes[ix.index()] = bytes.len() + bytes.len() / 8;
        if bytes.capacity() / 2 > bytes.len() {
            // A few rows in a large buffer, which may wait for their STATE for a long time.
            let small = bytes.as_slice().to_vec();
            self.spare.give(std::mem::replace(&mut bytes, small));
        } else if bytes.capacity() - bytes.len() > SPARE_TEXT_BYTES {
            // One long row, for which the buffer grew by doubling.
            bytes.shrink_to_fit();
        }
        let permit = self.budget.take(bytes.capacity() as u64 + OVERHEAD_BYTES);
        Segment { bytes, permit }
    }
}

/// Describes the input if it is a file of another kind. For a single line that is not a message,
/// `envelope` does this.
fn foreign_input(input: &[u8]) -> Option<String> {
    match ForeignText::recognise(input)? {
        ForeignText::Empty | ForeignText::Csv => None,
        foreign @ (ForeignText::Gzip
        | ForeignText::Zstd
        | ForeignText::Zip
        | ForeignText::Utf16
        | ForeignText::Yaml) => Some(format!("is not an Airbyte message: the input {foreign}")),
    }
}

fn valid_prefix(bytes: &[u8]) -> usize {
    simdutf8::compat::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
}

fn cursor_of(record: &Record<'_>, path: &[String]) -> CursorNotes {
    let found = cursor_value(record.data, path)
        .and_then(|text| parse_cursor(std::str::from_utf8(text).ok()?));
    CursorNotes {
        highest: found.or_else(|| DateTime::<Utc>::from_timestamp_millis(record.emitted_at_ms)),
        rows_without: u64::from(found.is_none()),
    }
}

/// Returns the JSON text of the cursor field, which may be nested. This reads `data` a second time,
/// but only for key templates with cursor macros.
fn cursor_value<'a>(data: &'a [u8], path: &[String]) -> Option<&'a [u8]> {
    let mut value = Raw { kind: ValueKind::Object, text: data, escaped: false };
    for name in path {
        let mut inner: Option<Raw<'a>> = None;
        if value.kind != ValueKind::Object {
            return None;
        }
        Scanner::new(value.text)
            .members(|key, found| {
                if key.is(name) {
                    inner = Some(found);
                }
            })
            .ok()?;
        value = inner?;
    }
    Some(value.text).filter(|_| !path.is_empty())
}

#[cfg(test)]
mod tests;
