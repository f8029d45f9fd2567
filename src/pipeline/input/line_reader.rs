//! Takes a record's `data` while its line is read: the positions of its members for rows of text,
//! or its values straight into the columns of its stream.
//!
//! Invariants
//! - A row that was read becomes one only when the whole line is known to be a record of that
//!   stream.
//!
//! Not here: what a line says besides (`protocol::envelope`), chunks (`encode_block`).

use std::sync::Arc;

use crate::format::RowIds;
use crate::format::columns::RecordDecoder;
use crate::json::{JsonError, Member, Raw, Scanner};
use crate::model::{StreamDescriptor, StreamIx};
use crate::pipeline::input::StreamTable;
use crate::pipeline::messages::ParquetLayout;
use crate::protocol::envelope::{DataSink, RecordMessage, RecordStream};

/// Longest name that is repeated in a message.
const SHOWN_NAME_CHARS: usize = 200;

/// Positions of members keep this much from one block to the next.
const KEPT_BYTES: usize = 256 * 1024;

/// The stream that was named last: the next one is usually the same.
#[derive(Debug, Default)]
struct LastStream {
    name: Vec<u8>,
    namespace: Vec<u8>,
    ix: Option<StreamIx>,
}

/// Takes a record's `data` while its line is read: the positions of its members, or their values
/// straight into columns.
#[derive(Debug)]
pub(crate) struct RecordReader {
    pub(crate) table: Arc<StreamTable>,
    pub(crate) members: Vec<Member>,
    /// By stream, once it has a record, where the format has columns.
    pub(crate) decoders: Vec<Option<Box<RecordDecoder>>>,
    /// The stream whose decoder has read a row that is not ended.
    unended: Option<StreamIx>,
    /// The stream of the last record: what [`RecordStream::Same`] means.
    pub(crate) of_last_record: Option<StreamIx>,
    last: LastStream,
}

impl RecordReader {
    pub(crate) fn new(table: Arc<StreamTable>) -> Self {
        Self {
            decoders: std::iter::repeat_with(|| None).take(table.streams.len()).collect(),
            table,
            members: Vec::new(),
            unended: None,
            of_last_record: None,
            last: LastStream::default(),
        }
    }

    #[inline]
    pub(crate) fn stream_of(&mut self, stream: RecordStream<'_>) -> Result<StreamIx, String> {
        match (stream, self.of_last_record) {
            (RecordStream::Same, Some(ix)) => Ok(ix),
            (RecordStream::Same, None) => Err("is of no stream".to_owned()),
            (RecordStream::Named { name, namespace }, _) => self.stream_named(name, namespace),
        }
    }

    fn stream_named(
        &mut self,
        name: Raw<'_>,
        namespace: Option<Raw<'_>>,
    ) -> Result<StreamIx, String> {
        let name_text = name.text;
        let namespace_text = namespace.map_or(&b""[..], |namespace| namespace.text);
        if let Some(ix) = self.last.ix
            && self.last.name == name_text
            && self.last.namespace == namespace_text
        {
            return Ok(ix);
        }
        let name = name.to_text().unwrap_or_default();
        let in_namespace = namespace.and_then(|namespace| namespace.to_text());
        let ix = self.table.find(in_namespace.as_deref(), &name).ok_or_else(|| {
            let descriptor = shown_stream(in_namespace.as_deref(), &name);
            format!(
                "is a record of stream \"{descriptor}\", which the catalog of this sync does \
                     not have"
            )
        })?;
        self.last.name.clear();
        self.last.name.extend_from_slice(name_text);
        self.last.namespace.clear();
        self.last.namespace.extend_from_slice(namespace_text);
        self.last.ix = Some(ix);
        Ok(ix)
    }

    /// Gives back what a record of very many members has made the scratch grow by.
    pub(crate) fn trim(&mut self) {
        if self.members.capacity() * size_of::<Member>() > KEPT_BYTES {
            self.members = Vec::new();
        }
    }

    /// Makes the row that was read a row of its stream.
    pub(crate) fn end_row(
        &mut self,
        ix: StreamIx,
        record: &RecordMessage<'_>,
        ids: &mut RowIds,
    ) -> Result<(), String> {
        if self.unended != Some(ix) {
            // The stream's name came behind the data, or a namespace did that made it another
            // stream.
            self.undo_row();
            self.decode(ix, record.data, 0).map_err(|error| error.to_string())?;
        }
        if let Some(decoder) = &mut self.decoders[ix.index()] {
            decoder.end_row(record.emitted_at_ms, record.changes, ids);
        }
        self.unended = None;
        Ok(())
    }

    pub(crate) fn undo_row(&mut self) {
        if let Some(ix) = self.unended.take()
            && let Some(decoder) = &mut self.decoders[ix.index()]
        {
            decoder.undo_row();
        }
    }

    /// Reads an object into the columns of a stream; its row is not ended.
    fn decode(&mut self, ix: StreamIx, text: &[u8], pos: usize) -> Result<usize, JsonError> {
        let decoder = &mut self.decoders[ix.index()];
        if decoder.is_none()
            && let Some(ParquetLayout { shape, .. }) = self.table.columns(ix)
        {
            *decoder = Some(Box::new(RecordDecoder::new(Arc::clone(shape))));
        }
        let Some(decoder) = decoder else {
            // Rows of text: there is nothing to decode.
            return Scanner::new(&text[pos..]).value().map(|value| pos + value.text.len());
        };
        self.unended = Some(ix);
        decoder.read(text, pos)
    }
}

/// A stream's name for a message: the whole, or its beginning.
pub(crate) fn shown_stream(namespace: Option<&str>, name: &str) -> String {
    StreamDescriptor::new(namespace, name).to_string().chars().take(SHOWN_NAME_CHARS).collect()
}

impl DataSink for RecordReader {
    fn read_data<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        stream: Option<RecordStream<'a>>,
    ) -> Result<&'a [u8], JsonError> {
        // All streams have the same format.
        if self.table.columns(StreamIx(0)).is_none() {
            return scanner.collect_members(&mut self.members);
        }
        self.undo_row();
        match stream.map(|stream| self.stream_of(stream)) {
            Some(Ok(ix)) => scanner.object_with(|text, pos| self.decode(ix, text, pos)),
            // Read once the stream is known; a stream that nobody knows is an error then.
            Some(Err(_)) | None => scanner.members(|_, _| {}),
        }
    }
}
