//! Reads lines of the input: which stream a line is of, and whether it is a record.
//!
//! In: a line. Out: a [`Line`], whose stream is one of the catalog. The `data` of a record is read
//! on the way: to the positions of its members where rows are text, or straight into the columns of
//! its stream. [`LineReader::end_row`] then makes it a row.
//!
//! Invariants
//! - Columns take a row only when the whole line is known to be a record of their stream: what was
//!   read of any other line is undone before [`LineReader::read`] returns.
//! - The stream is looked up once per record, and not at all where a line begins as the one before.
//! - An error names the stream and never shows the line's content.
//!
//! Not here: what JSON the protocol wants (`protocol::envelope`), chunks (`block_encoder`).

use std::sync::Arc;

use super::StreamTable;
use crate::format::RowIds;
use crate::format::columns::{DecodedRows, RecordDecoder};
use crate::json::{JsonError, Member, Scanner};
use crate::model::{StreamDescriptor, StreamIx};
use crate::protocol::envelope::{
    self, EnvelopeError, Message, Opening, RecordMessage, RecordSink, StreamName,
    stream_of_broken_record,
};
use crate::protocol::state::{StateKind, StateMessage, StateScope};

/// Longest name that is repeated in a message.
const SHOWN_NAME_CHARS: usize = 200;

/// Positions of members keep this much room from one block to the next.
const KEPT_BYTES: usize = 256 * 1024;

/// Room that a worker's empty columns keep for the next block, in all: each worker has columns of
/// every stream.
pub(crate) const COLUMN_SCRATCH_BYTES: usize = 2 * 1024 * 1024;

/// What a line is to this destination.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// A record, whose row has not been ended yet.
    Record(Record<'a>),
    /// A STATE.
    State(StateMessage),
    /// The source is done with a stream.
    Complete(StreamIx),
    /// The source has failed with a stream.
    Incomplete(StreamIx),
    /// Nothing that matters here.
    Ignored,
}

/// A record of a stream of the catalog.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) stream: StreamIx,
    /// The text of `data`, an object.
    pub(super) data: &'a [u8],
    /// Epoch milliseconds.
    pub(super) emitted_at_ms: i64,
    /// The text of `meta.changes`, an array.
    pub(super) changes: Option<&'a [u8]>,
}

/// Reads lines for one worker.
#[derive(Debug)]
pub(super) struct LineReader {
    opening: Opening<StreamIx>,
    data: DataReader,
    /// Room that the empty columns of all streams keep.
    kept_bytes: usize,
}

/// Reads the `data` of records, and remembers which stream was named last.
#[derive(Debug)]
struct DataReader {
    table: Arc<StreamTable>,
    /// Whether the format has columns. All streams of a run have one format.
    has_columns: bool,
    members: Vec<Member>,
    /// By stream, once it has a record, where the format has columns.
    decoders: Vec<Option<Box<RecordDecoder>>>,
    /// The stream whose decoder has a row that has not been ended.
    unended: Option<StreamIx>,
    last: LastStream,
}

/// The stream that was named last, as its line spelled it: the next one is usually the same.
#[derive(Debug, Default)]
struct LastStream {
    name: Vec<u8>,
    namespace: Vec<u8>,
    ix: Option<StreamIx>,
}

impl LineReader {
    pub(super) fn new(table: Arc<StreamTable>) -> Self {
        let data = DataReader {
            decoders: std::iter::repeat_with(|| None).take(table.streams.len()).collect(),
            has_columns: table.columns(StreamIx(0)).is_some(),
            table,
            members: Vec::new(),
            unended: None,
            last: LastStream::default(),
        };
        Self { opening: Opening::default(), data, kept_bytes: 0 }
    }

    /// Reads a line, valid UTF-8 and without its line end.
    ///
    /// # Errors
    /// Why the input cannot be trusted past this line, as a part of a sentence that begins with
    /// "line N".
    pub(super) fn read<'a>(&mut self, line: &'a [u8]) -> Result<Line<'a>, String> {
        let message = envelope::read_line(line, &mut self.opening, &mut self.data);
        let read = message
            .map_err(|error| explain(&error, line))
            .and_then(|message| self.data.complete(message, line));
        if !matches!(read, Ok(Line::Record(_))) {
            // It may have looked like a record at first.
            self.data.undo_row();
        }
        read
    }

    /// Where the members of the last record are, for rows of text.
    pub(super) fn members(&self) -> &[Member] {
        &self.data.members
    }

    /// Makes the record that was read last a row of its stream's columns.
    pub(super) fn end_row(&mut self, record: &Record<'_>, ids: &mut RowIds) {
        if let Some(decoder) = &mut self.data.decoders[record.stream.index()] {
            decoder.end_row(record.emitted_at_ms, record.changes, ids);
        }
        self.data.unended = None;
    }

    /// Takes the rows out of a stream's columns; `None` where rows are text. The empty columns of
    /// all streams keep [`COLUMN_SCRATCH_BYTES`] of room at most.
    pub(super) fn take_rows(&mut self, stream: StreamIx) -> Option<DecodedRows> {
        let decoder = self.data.decoders[stream.index()].as_mut()?;
        let before = decoder.kept_bytes();
        decoder.set_spare_bytes(COLUMN_SCRATCH_BYTES.saturating_sub(self.kept_bytes - before));
        let rows = decoder.take();
        self.kept_bytes = self.kept_bytes - before + decoder.kept_bytes();
        Some(rows)
    }

    /// Frees the scratch that a record of very many members has made grow.
    pub(super) fn trim(&mut self) {
        if self.data.members.capacity() * size_of::<Member>() > KEPT_BYTES {
            self.data.members = Vec::new();
        }
    }
}

impl DataReader {
    /// Finds the streams of a message in the catalog, and makes sure that the columns of a record's
    /// stream hold it.
    fn complete<'a>(
        &mut self,
        message: Message<'a, StreamIx>,
        line: &[u8],
    ) -> Result<Line<'a>, String> {
        Ok(match message {
            Message::Record(RecordMessage { stream, data, emitted_at_ms, changes }) => {
                let stream = stream.map_err(|name| unknown_stream(&name))?;
                self.ensure_row_of(stream, data)?;
                Line::Record(Record { stream, data, emitted_at_ms, changes })
            }
            Message::State { at, text } => Line::State(self.state(line, at, text)?),
            Message::Complete(namespace, name) => {
                self.table.find(namespace.as_deref(), &name).map_or(Line::Ignored, Line::Complete)
            }
            Message::Incomplete(namespace, name) => {
                self.table.find(namespace.as_deref(), &name).map_or(Line::Ignored, Line::Incomplete)
            }
            Message::Ignored => Line::Ignored,
        })
    }

    fn state(&self, line: &[u8], at: usize, text: &[u8]) -> Result<StateMessage, String> {
        let broken = |error: JsonError| format!("is a STATE that cannot be read ({error})");
        let kind = StateKind::read(text).map_err(broken)?;
        let scope = match (kind.kind.as_deref(), kind.stream) {
            // By the protocol a STATE without type is LEGACY; sources exist that leave it out of
            // the others.
            (Some("STREAM") | None, Some((namespace, name))) => {
                self.table.find(namespace.as_deref(), &name).map(StateScope::Stream)
            }
            (Some("GLOBAL" | "LEGACY") | None, _) => Some(StateScope::All),
            (Some("STREAM"), None) => {
                return Err("is a STREAM state without a stream descriptor".to_owned());
            }
            (Some(_), _) => {
                return Err(
                    "is a STATE of an unknown type; known are STREAM, GLOBAL and LEGACY".to_owned()
                );
            }
        };
        StateMessage::keep(line, at, scope).map_err(broken)
    }

    /// Reads `data` again unless the columns of `stream` have it already. They do not if the line
    /// names the stream, or a namespace that makes it another stream, after the data.
    fn ensure_row_of(&mut self, stream: StreamIx, data: &[u8]) -> Result<(), String> {
        if self.unended == Some(stream) || !self.has_columns {
            return Ok(());
        }
        self.undo_row();
        self.decode(stream, data, 0).map(drop).map_err(|error| error.to_string())
    }

    fn undo_row(&mut self) {
        if let Some(stream) = self.unended.take()
            && let Some(decoder) = &mut self.decoders[stream.index()]
        {
            decoder.undo_row();
        }
    }

    /// Reads the object at `pos` into the columns of a stream, and returns where it ends. Its row
    /// is not ended.
    fn decode(&mut self, stream: StreamIx, text: &[u8], pos: usize) -> Result<usize, JsonError> {
        let decoder = &mut self.decoders[stream.index()];
        if decoder.is_none()
            && let Some(layout) = self.table.columns(stream)
        {
            *decoder = Some(Box::new(RecordDecoder::new(Arc::clone(&layout.schema))));
        }
        let Some(decoder) = decoder else {
            // Rows of text: there is nothing to decode.
            return Scanner::new(&text[pos..]).value().map(|value| pos + value.text.len());
        };
        self.unended = Some(stream);
        decoder.read(text, pos)
    }
}

impl RecordSink for DataReader {
    type Stream = StreamIx;

    #[inline]
    fn find_stream(&mut self, name: &StreamName<'_>) -> Option<StreamIx> {
        let name_text = name.name.text;
        let namespace_text = name.namespace.map_or(&b""[..], |namespace| namespace.text);
        // Comparing two spellings is far cheaper than reading a JSON string and hashing it.
        if let Some(ix) = self.last.ix
            && self.last.name == name_text
            && self.last.namespace == namespace_text
        {
            return Some(ix);
        }
        let text = name.name.to_text().unwrap_or_default();
        let namespace = name.namespace.and_then(|namespace| namespace.to_text());
        let ix = self.table.find(namespace.as_deref(), &text)?;
        self.last.name.clear();
        self.last.name.extend_from_slice(name_text);
        self.last.namespace.clear();
        self.last.namespace.extend_from_slice(namespace_text);
        self.last.ix = Some(ix);
        Some(ix)
    }

    fn read_data<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        stream: Option<StreamIx>,
    ) -> Result<&'a [u8], JsonError> {
        if !self.has_columns {
            return scanner.collect_members(&mut self.members);
        }
        // The line may have `data` twice; the last one counts.
        self.undo_row();
        match stream {
            Some(stream) => scanner.object_with(|text, pos| self.decode(stream, text, pos)),
            // Only validated: `ensure_row_of` reads it once the stream is known.
            None => scanner.members(|_, _| {}),
        }
    }
}

#[cold]
fn unknown_stream(name: &StreamName<'_>) -> String {
    let text = name.name.to_text().unwrap_or_default();
    let namespace = name.namespace.and_then(|namespace| namespace.to_text());
    format!(
        "is a record of stream \"{}\", which is not in the catalog of this sync",
        shown_stream(namespace.as_deref(), &text)
    )
}

/// Returns what is wrong with a line, and the stream of its record if the line names it before the
/// fault.
#[cold]
fn explain(error: &EnvelopeError, line: &[u8]) -> String {
    let stream = match error {
        EnvelopeError::Json(_) => stream_of_broken_record(line),
        EnvelopeError::NoObject(_)
        | EnvelopeError::Trailing
        | EnvelopeError::NoType
        | EnvelopeError::Missing(..) => None,
    };
    match stream {
        Some((namespace, name)) => {
            let stream = shown_stream(namespace.as_deref(), &name);
            format!("{error}, in a record of stream \"{stream}\"")
        }
        None => error.to_string(),
    }
}

/// A stream's name for a message: the whole name, or its beginning.
fn shown_stream(namespace: Option<&str>, name: &str) -> String {
    StreamDescriptor::new(namespace, name).to_string().chars().take(SHOWN_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use serde_json::json;

    use super::*;
    use crate::format::columns::{ColumnType, TableSchema, TableSchemaOptions, arrays};
    use crate::format::parquet::FileLayout;
    use crate::format::{Codec, MetadataColumns, StreamMeta, TypeOptions, UndeclaredFields};
    use crate::pipeline::input::StreamEncoding;
    use crate::pipeline::messages::{ParquetLayout, StreamFormat};

    /// Streams `a` and `b`, and `a` of namespace `n`, each with a column `id`.
    fn columns() -> LineReader {
        let options = TableSchemaOptions {
            metadata: MetadataColumns::None,
            undeclared_fields: UndeclaredFields::Drop,
            types: TypeOptions::DEFAULT,
        };
        let meta = StreamMeta { generation_id: None, sync_id: 0 };
        let properties = [("id".to_owned(), json!({"type": "integer"}))];
        let encoding = || {
            let schema = TableSchema::new(&options, &meta, &properties);
            let layout = FileLayout::new(&schema.to_arrow(), Codec::Snappy, Vec::new()).unwrap();
            StreamEncoding {
                format: StreamFormat::Parquet(ParquetLayout {
                    schema: Arc::new(schema),
                    file_layout: Arc::new(layout),
                    max_row_group_rows: 1_000,
                }),
                cursor_field: None,
            }
        };
        LineReader::new(Arc::new(StreamTable::new(vec![
            (StreamDescriptor::new(None, "a"), encoding()),
            (StreamDescriptor::new(None, "b"), encoding()),
            (StreamDescriptor::new(Some("n"), "a"), encoding()),
        ])))
    }

    #[test]
    fn columns_hold_the_records_of_their_stream_and_nothing_of_other_lines() {
        let mut reader = columns();
        let mut ids = RowIds::new(0, 0);
        let mut rows = Vec::new();
        for line in [
            r#"{"type":"RECORD","record":{"stream":"a","data":{"id":1},"emitted_at":5}}"#,
            // The name behind the data, and a namespace behind it.
            r#"{"type":"RECORD","record":{"data":{"id":2},"stream":"b","emitted_at":5}}"#,
            r#"{"type":"RECORD","record":{"stream":"a","data":{"id":3},"emitted_at":5,"namespace":"n"}}"#,
            // Looks like a record until its end.
            r#"{"type":"RECORD","record":{"stream":"a","data":{"id":4},"emitted_at":5},"type":"LOG"}"#,
            // The last record of a line counts, and the last data of a record.
            r#"{"type":"RECORD","record":{"stream":"a","data":{"id":5},"emitted_at":5},"record":{"stream":"b","data":{"id":6},"emitted_at":5}}"#,
            r#"{"type":"RECORD","record":{"stream":"a","data":{"id":7},"data":{"id":8},"emitted_at":5}}"#,
            r#"{"type":"RECORD","record":{"stream":"a","data":{"id":9},"emitted_at":5}}"#,
        ] {
            if let Line::Record(record) = reader.read(line.as_bytes()).unwrap() {
                rows.push(record.stream.0);
                reader.end_row(&record, &mut ids);
            }
        }
        for broken in [
            r#"{"type":"RECORD","record":{"stream":"a","data":{"id":10},"emitted_at":5}"#,
            r#"{"type":"RECORD","record":{"stream":"a","data":{"id":11}}}"#,
            r#"{"type":"RECORD","record":{"stream":"c","data":{"id":12},"emitted_at":5}}"#,
        ] {
            reader.read(broken.as_bytes()).unwrap_err();
        }
        assert_eq!(rows, [0, 1, 2, 1, 0, 0]);
        for (stream, expected) in [(0, &[1, 8, 9][..]), (1, &[2, 6]), (2, &[3])] {
            let mut pieces = vec![Vec::new()];
            reader.take_rows(StreamIx(stream)).unwrap().batch.push_onto(&mut pieces);
            let arrays = arrays(&ColumnType::Integer, pieces.remove(0)).unwrap();
            let ids: Vec<i64> = arrays
                .iter()
                .flat_map(|array| array.as_primitive::<Int64Type>().values().to_vec())
                .collect();
            assert_eq!(ids, expected, "stream {stream}");
        }
    }
}
