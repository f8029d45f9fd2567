//! CSV: the metadata columns, one column per declared field, and one for all undeclared fields.
//!
//! In: records whose fields come in any order, or are missing. Out: lines that all have the same
//! columns.
//!
//! `csv` and `csv-core` write the fields of a row in order, each as a slice. Our fields come in the
//! record's order, and most of them need no inspection. So this encoder finds their columns, copies
//! them in blocks, and asks `csv-core` only what must be quoted (`quoting`).
//!
//! Invariants
//! - Every row has as many fields as the header, in its order.
//! - No row is blank, that is empty or all blanks: readers skip such lines.
//! - Of several members of one name the last is written.
//! - Where a record has a field with the name of a metadata column, the column has the record's
//!   value. `_airbyte_additional_properties` is the exception: where the schema declares it, it is
//!   a column of its own with a number appended to its name.

mod header;
mod metadata;
mod options;
mod quoting;
mod scratch;

use std::collections::HashSet;
use std::sync::Arc;

use self::header::header_names;
use self::metadata::MetadataText;
pub use self::options::{CsvOptions, QuoteStyle};
use self::quoting::{Quoting, quoted};
pub(crate) use self::scratch::CsvScratch;
use self::scratch::{Buffers, MISSING};
use super::record::{RecordView, RowNotes};
use crate::format::metadata::ADDITIONAL_PROPERTIES;
use crate::format::{MetadataColumns, RowIds, StreamMeta, UndeclaredFields};
use crate::json::field_order::START;
use crate::json::{Member, ValueKind, unescape};

/// Makes the CSV rows of one stream.
#[derive(Debug)]
pub struct CsvEncoder {
    /// Metadata columns, then the declared ones.
    columns: Arc<[Box<[u8]>]>,
    /// How many of them are metadata columns: those of [`MetadataColumns::names`].
    metadata_columns: usize,
    /// Whether a last column takes the undeclared fields; otherwise they are dropped.
    additional: bool,
    /// What the user should know about the names in the header, one sentence each.
    warnings: Vec<String>,
    quoting: Quoting,
    /// The names of the declared columns in the file; without a header, those of the schema.
    names: Vec<String>,
    header: Vec<u8>,
    metadata: MetadataText,
}

impl CsvEncoder {
    pub(crate) fn new(
        options: &CsvOptions,
        metadata: MetadataColumns,
        meta: &StreamMeta,
        properties: &[String],
    ) -> Self {
        let ours = metadata.names();
        let keeps_undeclared = options.undeclared_fields == UndeclaredFields::Column;
        let mut columns: Vec<Box<[u8]>> = ours.iter().map(|name| name.as_bytes().into()).collect();
        let mut known: HashSet<&str> = ours.iter().copied().collect();
        let declared: Vec<&str> =
            properties.iter().map(String::as_str).filter(|name| known.insert(*name)).collect();
        columns.extend(declared.iter().map(|name| Box::from(name.as_bytes())));
        let quoting = Quoting::new(options);
        let mut encoder = Self {
            // A row without columns would be an empty line, which readers skip.
            additional: keeps_undeclared || columns.is_empty(),
            columns: columns.into(),
            metadata_columns: ours.len(),
            warnings: Vec::new(),
            names: declared.iter().map(|name| (*name).to_owned()).collect(),
            header: Vec::new(),
            metadata: MetadataText::new(&quoting, ours, meta),
            quoting,
        };
        if options.header {
            let additional = keeps_undeclared.then_some(ADDITIONAL_PROPERTIES);
            let (names, warnings) = header_names(options.column_names, &declared, ours, additional);
            encoder.header =
                encoder.header_line(ours.iter().copied().chain(names.iter().map(String::as_str)));
            encoder.warnings = warnings;
            encoder.names = names;
        }
        encoder
    }

    pub(crate) fn header(&self) -> &[u8] {
        &self.header
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// What the user should know about the names in the header, one sentence each.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn header_line<'a>(&self, columns: impl Iterator<Item = &'a str>) -> Vec<u8> {
        let mut line = Vec::new();
        for name in columns.chain(self.additional.then_some(ADDITIONAL_PROPERTIES)) {
            self.quoting.text(name.as_bytes(), &mut line);
            line.push(self.quoting.delimiter);
        }
        end_line(&mut line);
        line
    }

    pub(crate) fn encode(
        &self,
        record: &RecordView<'_>,
        ids: &mut RowIds,
        scratch: &mut CsvScratch,
        out: &mut Vec<u8>,
    ) -> RowNotes {
        let (stream, Buffers { text, undeclared }) =
            scratch.for_row(record.stream, &self.columns, self.metadata_columns);
        undeclared.clear();
        // First pass, in the record's order: which member each column takes. A later member of the
        // same name overwrites an earlier one.
        let mut previous = START;
        for (index, member) in record.members.iter().enumerate() {
            let key = member.key.start as usize..member.key.end as usize;
            previous = stream.order.find(previous, record.data, key, member.key_escaped);
            let number = previous as usize;
            if number > self.columns.len() {
                undeclared.push((index as u32, previous));
                stream.members.resize(stream.order.len(), MISSING);
            }
            stream.members[number] = index as u32;
        }

        // Second pass, in the file's order.
        let start = out.len();
        out.reserve(record.data.len() + self.columns.len() + 320);
        let (_, found) = stream.members.split_at(1);
        let (own, declared) = found.split_at(self.metadata_columns);
        if self.metadata_columns != 0 {
            self.write_metadata(record, ids, own, text, out);
        }
        for index in declared.iter().take(self.columns.len() - self.metadata_columns) {
            match record.members.get(*index as usize) {
                Some(member) => self.write_field(record.data, member, text, out),
                None => self.quoting.null(out),
            }
            out.push(self.quoting.delimiter);
        }
        // Of several undeclared members of one name the last is kept, as for columns.
        undeclared.retain(|(member, number)| stream.members[*number as usize] == *member);
        let mut notes = RowNotes::default();
        if self.additional {
            self.write_additional(record, undeclared, text, out);
            out.push(self.quoting.delimiter);
        } else {
            notes.dropped_fields = undeclared.len() as u32;
        }
        if self.columns.len() + usize::from(self.additional) == 1 {
            quote_blank_line(start, out);
        }
        end_line(out);
        notes
    }

    #[inline(always)]
    fn write_field(&self, data: &[u8], member: &Member, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        let (start, end) = (member.value.start as usize, member.value.end as usize);
        if member.kind == ValueKind::String && !member.value_escaped {
            self.quoting.plain_text(data, start + 1, end - 1, out);
        } else if member.kind == ValueKind::Number {
            self.quoting.plain_number(data, start, end, out);
        } else {
            self.write_unusual_field(data, member, scratch, out);
        }
    }

    #[inline(never)]
    fn write_unusual_field(
        &self,
        data: &[u8],
        member: &Member,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        let text = member.value.of(data);
        match member.kind {
            ValueKind::Null => self.quoting.null(out),
            ValueKind::Number => self.quoting.number(text, out),
            ValueKind::True | ValueKind::False | ValueKind::Array | ValueKind::Object => {
                self.quoting.text(text, out)
            }
            ValueKind::String => {
                scratch.clear();
                unescape(&text[1..text.len() - 1], scratch);
                self.quoting.text(scratch, out);
            }
        }
    }

    /// Writes the metadata columns. `own` has, for each, the member of that name in the record.
    #[inline(always)]
    fn write_metadata(
        &self,
        record: &RecordView<'_>,
        ids: &mut RowIds,
        own: &[u32],
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        let id = ids.next_text();
        let mut time = itoa::Buffer::new();
        let time = time.format(record.emitted_at_ms).as_bytes();
        let is_usual = own.iter().all(|index| *index == MISSING)
            && (record.changes.is_none() || self.metadata.meta.is_none());
        if let (true, Some([before_id, before_time, after_time])) =
            (is_usual, &self.metadata.pieces)
        {
            out.extend_from_slice(before_id);
            out.extend_from_slice(id);
            out.extend_from_slice(before_time);
            out.extend_from_slice(time);
            out.extend_from_slice(after_time);
        } else {
            self.write_metadata_fields(record, &MetadataFields { id, time, own }, scratch, out);
        }
    }

    #[cold]
    fn write_metadata_fields(
        &self,
        record: &RecordView<'_>,
        fields: &MetadataFields<'_>,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        // By place: the order of `METADATA_NAMES`.
        for (column, index) in fields.own.iter().enumerate() {
            match (record.members.get(*index as usize), column) {
                (Some(member), _) => self.write_field(record.data, member, scratch, out),
                (None, 0) => self.quoting.text(fields.id, out),
                (None, 1) => self.quoting.number(fields.time, out),
                (None, 2) => self.metadata.write_generation(&self.quoting, out),
                (None, _) => self.metadata.write_meta(&self.quoting, record.changes, scratch, out),
            }
            out.push(self.quoting.delimiter);
        }
    }

    /// Writes the undeclared fields as one JSON object.
    fn write_additional(
        &self,
        record: &RecordView<'_>,
        undeclared: &[(u32, u32)],
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        let data = record.data;
        let mut members =
            undeclared.iter().filter_map(|(member, _)| record.members.get(*member as usize));
        match members.next() {
            None => self.quoting.null(out),
            Some(first) => {
                let object = scratch;
                object.clear();
                object.push(b'{');
                for member in std::iter::once(first).chain(members) {
                    if object.len() > 1 {
                        object.push(b',');
                    }
                    object.push(b'"');
                    object.extend_from_slice(member.key.of(data));
                    object.extend_from_slice(b"\":");
                    object.extend_from_slice(member.value.of(data));
                }
                object.push(b'}');
                quoted(object, out);
            }
        }
    }
}

/// What the metadata columns of one row are written from.
struct MetadataFields<'a> {
    id: &'a [u8],
    time: &'a [u8],
    /// For each column the member of that name in the record, or [`MISSING`].
    own: &'a [u32],
}

/// Quotes the only field of a row if it is empty or all blanks, since readers skip such a line. The
/// field begins at `start`, and its delimiter is the last byte of `out`.
#[inline]
fn quote_blank_line(start: usize, out: &mut Vec<u8>) {
    let field = out.get(start..out.len().saturating_sub(1)).unwrap_or_default();
    if field.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
        let field = field.to_vec();
        out.truncate(start);
        quoted(&field, out);
        // In place of the delimiter, for `end_line` to overwrite.
        out.push(b'\n');
    }
}

/// Replaces the delimiter after the last field with a line end.
#[inline(always)]
fn end_line(line: &mut [u8]) {
    if let Some(last) = line.last_mut() {
        *last = b'\n';
    }
}
