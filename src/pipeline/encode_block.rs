//! Turns a block of input lines into encoded rows and messages: the work that runs in parallel.
//!
//! In: a [`Block`]. Out: an [`EncodedBlock`]. A worker owns one [`BlockEncoder`] and its scratch; the [`StreamTable`] is
//! shared and never changes.
//!
//! Invariants
//! - A STATE closes the chunks of the streams that it covers, so that no chunk has rows on both sides of it.
//! - At the first line that cannot be trusted the block ends: what came before it is kept, nothing after it is read.
//! - An error says the line's number and never its content.
//!
//! Not here: what a row looks like (`encode`), the order of blocks (`order`).

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::block::Block;
use super::budget::Budget;
use super::chunk::{Chunk, CursorNotes, EncodedBlock, Item, LineFault, Segment};
use super::recycle::Recycler;
use crate::encode::{RecordView, RowEncoder, RowIds, Scratch};
use crate::json::{Kind, Member, Raw, Scanner};
use crate::key::cursor::parse_cursor;
use crate::model::{StreamDescriptor, StreamIx};
use crate::protocol::envelope::{Message, RecordMessage, read_line};
use crate::protocol::state::{StateKind, StateMessage, StateScope};

/// The streams of the catalog as workers need them.
#[derive(Debug)]
pub struct StreamTable {
    by_name: HashMap<String, Vec<(Option<String>, StreamIx)>>,
    streams: Vec<StreamEncoding>,
}

/// How one stream's records become rows.
#[derive(Debug)]
pub struct StreamEncoding {
    /// The encoder of its rows.
    pub encoder: RowEncoder,
    /// The path of its cursor field, where the key template asks for cursors.
    pub cursor_field: Option<Vec<String>>,
}

impl StreamTable {
    /// A table of the catalog's streams, in its order.
    #[must_use]
    pub fn new(streams: Vec<(StreamDescriptor, StreamEncoding)>) -> Self {
        let mut table = Self { by_name: HashMap::new(), streams: Vec::with_capacity(streams.len()) };
        for (ix, (descriptor, encoding)) in (0..).map(StreamIx).zip(streams) {
            table.by_name.entry(descriptor.name).or_default().push((descriptor.namespace, ix));
            table.streams.push(encoding);
        }
        table
    }

    /// The stream of that name, if the catalog has it.
    #[must_use]
    pub fn find(&self, namespace: Option<&str>, name: &str) -> Option<StreamIx> {
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        self.by_name.get(name)?.iter().find(|(other, _)| other.as_deref() == namespace).map(|(_, ix)| *ix)
    }
}

/// What a chunk or a STATE takes besides its bytes: a source may send a STATE with every record.
const OVERHEAD_BYTES: u64 = 192;

/// Longest name that is repeated in a message.
const SHOWN_NAME_CHARS: usize = 200;

/// What makes the row ids of a block unique: the time of its reading and some randomness.
#[derive(Clone, Copy, Debug)]
pub struct BlockSeed {
    /// Epoch milliseconds.
    pub unix_ms: u64,
    /// Random.
    pub random: u64,
}

/// Rows of one stream that are being collected.
#[derive(Debug, Default)]
struct OpenChunk {
    bytes: Vec<u8>,
    rows: u64,
    cursor: CursorNotes,
    dropped_fields: u64,
    input_bytes: u64,
}

/// The stream of the last record: the next one is usually of the same.
#[derive(Debug, Default)]
struct LastStream {
    name: Vec<u8>,
    namespace: Vec<u8>,
    ix: Option<StreamIx>,
}

/// One worker's encoder.
#[derive(Debug)]
pub struct BlockEncoder {
    table: Arc<StreamTable>,
    budget: Budget,
    spare: Recycler,
    members: Vec<Member>,
    scratch: Scratch,
    open: Vec<OpenChunk>,
    /// Streams that have an open chunk, in the order of their first row.
    touched: Vec<StreamIx>,
    /// How large each stream's last chunk was: what to reserve for its next one.
    expected_bytes: Vec<usize>,
    last: LastStream,
}

impl BlockEncoder {
    /// An encoder with empty scratch.
    #[must_use]
    pub fn new(table: Arc<StreamTable>, budget: Budget, spare: Recycler) -> Self {
        let streams = table.streams.len();
        Self {
            table,
            budget,
            spare,
            members: Vec::new(),
            scratch: Scratch::default(),
            open: std::iter::repeat_with(OpenChunk::default).take(streams).collect(),
            touched: Vec::new(),
            expected_bytes: vec![0; streams],
            last: LastStream::default(),
        }
    }

    /// Encodes a block.
    #[must_use]
    pub fn encode(&mut self, block: &Block, seed: BlockSeed) -> EncodedBlock {
        let mut ids = RowIds::new(seed.unix_ms, seed.random);
        let mut encoded = EncodedBlock { index: block.index, items: Vec::new(), fault: None, lines: 0 };
        // Checked once for the whole block, which is far quicker than per string.
        let valid = simdutf8::basic::from_utf8(&block.bytes)
            .map_or_else(|_| valid_prefix(&block.bytes), |text| text.len());
        let mut start = 0;
        while start < block.bytes.len() {
            let end = memchr::memchr(b'\n', &block.bytes[start..]).map_or(block.bytes.len(), |at| start + at);
            encoded.lines += 1;
            let result = if end > valid {
                Err("is not valid UTF-8".to_owned())
            } else {
                self.line(&block.bytes[start..end], &mut ids, &mut encoded)
            };
            if let Err(reason) = result {
                encoded.fault = Some(LineFault { line: encoded.lines, reason });
                break;
            }
            start = end + 1;
        }
        self.close_all(&mut encoded.items);
        encoded
    }

    fn line(&mut self, line: &[u8], ids: &mut RowIds, encoded: &mut EncodedBlock) -> Result<(), String> {
        match read_line(line, &mut self.members).map_err(|error| error.to_string())? {
            Message::Record(record) => self.record(&record, line.len() + 1, ids),
            Message::State { at, text } => self.state(line, at, text, &mut encoded.items),
            Message::Complete(namespace, name) => {
                if let Some(ix) = self.table.find(namespace.as_deref(), &name) {
                    self.close(ix, &mut encoded.items);
                    encoded.items.push(Item::Complete(ix));
                }
                Ok(())
            }
            Message::Ignored => Ok(()),
        }
    }

    fn record(
        &mut self,
        record: &RecordMessage<'_>,
        line_bytes: usize,
        ids: &mut RowIds,
    ) -> Result<(), String> {
        let ix = self.stream_of(record)?;
        let encoding = &self.table.streams[ix.index()];
        let chunk = &mut self.open[ix.index()];
        if chunk.rows == 0 {
            self.touched.push(ix);
            chunk.bytes = self.spare.take(self.expected_bytes[ix.index()]);
        }
        let view = RecordView {
            data: record.data,
            members: &self.members,
            emitted_at_ms: record.emitted_at_ms,
            changes: record.changes,
        };
        let notes = encoding.encoder.encode(&view, ids, &mut self.scratch, &mut chunk.bytes);
        chunk.rows += 1;
        chunk.input_bytes += line_bytes as u64;
        chunk.dropped_fields += u64::from(notes.dropped_fields);
        if let Some(path) = &encoding.cursor_field {
            chunk.cursor.join(cursor_of(&view, path));
        }
        Ok(())
    }

    fn stream_of(&mut self, record: &RecordMessage<'_>) -> Result<StreamIx, String> {
        let namespace = record.namespace.map_or(&b""[..], |namespace| namespace.text);
        if let Some(ix) = self.last.ix
            && self.last.name == record.stream.text
            && self.last.namespace == namespace
        {
            return Ok(ix);
        }
        let name = record.stream.to_text().unwrap_or_default();
        let in_namespace = record.namespace.and_then(|namespace| namespace.to_text());
        let ix = self.table.find(in_namespace.as_deref(), &name).ok_or_else(|| {
            let descriptor = StreamDescriptor::new(in_namespace.as_deref(), name.as_ref()).to_string();
            let descriptor: String = descriptor.chars().take(SHOWN_NAME_CHARS).collect();
            format!("is a record of stream \"{descriptor}\", which the catalog of this sync does not have")
        })?;
        self.last.name.clear();
        self.last.name.extend_from_slice(record.stream.text);
        self.last.namespace.clear();
        self.last.namespace.extend_from_slice(namespace);
        self.last.ix = Some(ix);
        Ok(ix)
    }

    fn state(&mut self, line: &[u8], at: usize, text: &[u8], items: &mut Vec<Item>) -> Result<(), String> {
        let broken = |error: crate::json::JsonError| format!("is a STATE that cannot be read ({error})");
        let kind = StateKind::read(text).map_err(broken)?;
        let scope = match (kind.kind.as_deref(), kind.stream) {
            // By the protocol a STATE without type is LEGACY; sources exist that leave it out of the others.
            (Some("STREAM") | None, Some((namespace, name))) => {
                self.table.find(namespace.as_deref(), &name).map_or(StateScope::Unlisted, StateScope::Stream)
            }
            (Some("GLOBAL" | "LEGACY") | None, _) => StateScope::All,
            (Some("STREAM"), None) => return Err("is a STREAM state without a stream descriptor".to_owned()),
            (Some(_), _) => {
                return Err("is a STATE of an unknown type; known are STREAM, GLOBAL and LEGACY".to_owned());
            }
        };
        match scope {
            StateScope::Stream(ix) => self.close(ix, items),
            StateScope::All => self.close_all(items),
            StateScope::Unlisted => {}
        }
        let message = StateMessage::keep(line, at, scope).map_err(broken)?;
        let permit = self.budget.take(message.held_bytes() + OVERHEAD_BYTES);
        items.push(Item::State(message, permit));
        Ok(())
    }

    fn close(&mut self, ix: StreamIx, items: &mut Vec<Item>) {
        if self.open[ix.index()].rows > 0 {
            self.touched.retain(|other| *other != ix);
            self.finish(ix, items);
        }
    }

    fn close_all(&mut self, items: &mut Vec<Item>) {
        for ix in std::mem::take(&mut self.touched) {
            self.finish(ix, items);
        }
    }

    fn finish(&mut self, ix: StreamIx, items: &mut Vec<Item>) {
        let mut chunk = std::mem::take(&mut self.open[ix.index()]);
        // Blocks differ little; growing a buffer at its end would copy it.
        self.expected_bytes[ix.index()] = chunk.bytes.len() + chunk.bytes.len() / 8;
        if chunk.bytes.capacity() / 2 > chunk.bytes.len() {
            // Few rows in a large buffer, which may wait for a long time.
            let small = chunk.bytes.as_slice().to_vec();
            self.spare.give(std::mem::replace(&mut chunk.bytes, small));
        }
        let permit = self.budget.take(chunk.bytes.capacity() as u64 + OVERHEAD_BYTES);
        items.push(Item::Chunk(Chunk {
            stream: ix,
            rows: chunk.rows,
            segment: Segment { bytes: chunk.bytes, permit },
            cursor: chunk.cursor,
            dropped_fields: chunk.dropped_fields,
            input_bytes: chunk.input_bytes,
            sample: None,
        }));
    }
}

fn valid_prefix(bytes: &[u8]) -> usize {
    simdutf8::compat::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
}

fn cursor_of(record: &RecordView<'_>, path: &[String]) -> CursorNotes {
    let found = cursor_value(record, path).and_then(|text| parse_cursor(std::str::from_utf8(text).ok()?));
    CursorNotes {
        highest: found.or_else(|| DateTime::<Utc>::from_timestamp_millis(record.emitted_at_ms)),
        rows_without: u64::from(found.is_none()),
    }
}

/// The JSON text of the cursor field, which may be nested.
fn cursor_value<'a>(record: &RecordView<'a>, path: &[String]) -> Option<&'a [u8]> {
    let (first, rest) = path.split_first()?;
    let member = record.members.iter().rev().find(|member| member.key_in(record.data).is(first))?;
    let mut value = member.value_in(record.data);
    for name in rest {
        let mut inner: Option<Raw<'a>> = None;
        if value.kind != Kind::Object {
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
    Some(value.text)
}

#[cfg(test)]
#[path = "encode_block_tests.rs"]
mod tests;
