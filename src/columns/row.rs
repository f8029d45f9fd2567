//! Ends rows: our own columns, what did not fit, what nobody declared.
//!
//! In: the text of a record's `data`, then what its envelope says. Out: rows, taken as [`Batch`]es.
//!
//! A row is read first (`read`) and becomes one only with `end_row`: until the whole line is known to be a record, it can
//! be undone (`undo_row`). Both happen once per line.

use std::sync::Arc;

use super::batch::Batch;
use super::column::{Column, Size, Values};
use super::decode::{Notes, micros_of_millis, read_elements, read_object};
use super::guide::{Kind, Members};
use super::misfit::{Cause, FieldMisfits, dotted};
use super::packed::PackedBatch;
use super::shape::StreamShape;
use crate::encode::RowIds;
use crate::json::JsonError;

/// Our metadata columns: their places.
const RAW_ID: usize = 0;
const EXTRACTED_AT: usize = 1;
const GENERATION_ID: usize = 2;
const META: usize = 3;
/// Members of `_airbyte_meta`.
const SYNC_ID: usize = 0;
const CHANGES: usize = 1;

/// Fewer bytes than this are packed into one buffer.
const PACKED_BYTES: usize = 32 * 1024;

/// Reads the records of one stream, for one worker.
#[derive(Debug)]
pub struct RecordDecoder {
    shape: Arc<StreamShape>,
    members: Members,
    columns: Vec<Column>,
    rows: usize,
    notes: Notes,
    dropped_fields: u64,
    /// What was in the columns when they were taken.
    expected: Vec<Size>,
    packing: Vec<u8>,
}

/// The rows that were taken, and what is to be said about them.
#[derive(Debug)]
pub struct DecodedRows {
    /// The rows.
    pub batch: Batch,
    /// Values that did not fit, by field.
    pub misfits: Vec<FieldMisfits>,
    /// Undeclared fields that were left out.
    pub dropped_fields: u64,
}

impl RecordDecoder {
    /// A decoder without rows.
    #[must_use]
    pub fn new(shape: Arc<StreamShape>) -> Self {
        Self {
            members: Members::of_record(shape.named_fields(), shape.metadata_columns),
            columns: shape.fields.iter().map(|field| Column::new(&field.column_type)).collect(),
            rows: 0,
            notes: Notes::default(),
            dropped_fields: 0,
            expected: Vec::new(),
            packing: Vec::new(),
            shape,
        }
    }

    /// Reads the object whose `{` is at `pos` of `text`, which must be valid UTF-8, and gives the position behind it.
    ///
    /// # Errors
    /// [`JsonError`] when it is not JSON: undo the row, parts of it are in the columns. Otherwise end it or undo it.
    pub fn read(&mut self, text: &[u8], pos: usize) -> Result<usize, JsonError> {
        if !self.expected.is_empty() {
            self.make_room();
        }
        read_object(&mut self.notes, &mut self.members, &mut self.columns, self.rows, text, pos)
    }

    /// Only now: a stream that sends nothing for a while holds no memory.
    #[cold]
    fn make_room(&mut self) {
        let expected = std::mem::take(&mut self.expected);
        self.columns.iter_mut().zip(&expected).for_each(|(column, size)| column.reserve_like(size));
    }

    /// Undoes what was read since the last row ended.
    pub fn undo_row(&mut self) {
        self.notes.clear();
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
    }

    /// Makes what was read a row. Takes one id, unless rows carry no metadata. `changes` is the text of the record's own
    /// `meta.changes`, a JSON array.
    pub fn end_row(&mut self, emitted_at_ms: i64, changes: Option<&[u8]>, ids: &mut RowIds) {
        let noted = self.notes.extras.len();
        let mut dropped_fields = if noted > 0 { self.end_extras() } else { 0 };
        if self.shape.metadata_columns != 0 {
            self.end_metadata(emitted_at_ms, changes, ids);
        } else {
            self.notes.misfits.end_record();
        }
        if self.notes.extras.len() > noted {
            // The source's changes have members that nobody knows.
            dropped_fields = self.end_extras();
            self.notes.misfits.clear();
        }
        self.dropped_fields += dropped_fields;
        if !self.notes.extras.is_empty() {
            self.notes.extras.clear();
        }
        self.rows += 1;
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Takes the rows out.
    #[must_use]
    pub fn take(&mut self) -> DecodedRows {
        self.take_packed_below(PACKED_BYTES)
    }

    /// As [`RecordDecoder::take`], with another limit for what is packed.
    pub(super) fn take_packed_below(&mut self, packed_bytes: usize) -> DecodedRows {
        let rows = std::mem::take(&mut self.rows);
        let used_bytes: usize = self.columns.iter().map(Column::used_bytes).sum();
        let batch = if used_bytes < packed_bytes {
            let packed = PackedBatch::new(&self.columns, rows, &mut self.packing);
            self.columns.iter_mut().for_each(Column::clear);
            Batch::Packed(packed)
        } else {
            self.expected = self.columns.iter().map(Column::size).collect();
            Batch::Columns { columns: self.columns.iter_mut().map(Column::take).collect(), rows }
        };
        let shape = &self.shape;
        DecodedRows {
            batch,
            misfits: self.notes.misfits.take_counts(|node| shape.name(node)),
            dropped_fields: std::mem::take(&mut self.dropped_fields),
        }
    }

    /// Our columns, but for those that the record bears itself.
    #[inline]
    fn end_metadata(&mut self, emitted_at_ms: i64, changes: Option<&[u8]>, ids: &mut RowIds) {
        let rows = self.rows;
        let id = ids.next_text();
        if let Some(column) = open_column(&mut self.columns, RAW_ID, rows) {
            push_text(column, id);
        }
        if let Some(column) = open_column(&mut self.columns, EXTRACTED_AT, rows) {
            match micros_of_millis(emitted_at_ms) {
                Ok(parsed) => push_integer(column, parsed.value),
                Err(misfit) => {
                    column.push_null();
                    if let Some(guide) = self.members.guides.get(EXTRACTED_AT) {
                        self.notes.misfits.note(guide.node, misfit.into(), &[]);
                    }
                }
            }
        }
        if let Some(column) = open_column(&mut self.columns, GENERATION_ID, rows) {
            match self.shape.meta.generation_id {
                Some(generation) => push_integer(column, generation),
                None => column.push_null(),
            }
        }
        if self.shape.metadata_columns > META {
            self.end_meta(changes);
        } else {
            self.notes.misfits.end_record();
        }
    }

    /// `_airbyte_meta`: a record's own object is kept and added to; anything else that it may hold is not.
    #[inline]
    fn end_meta(&mut self, changes: Option<&[u8]>) {
        let rows = self.rows;
        let Some(column) = self.columns.get_mut(META) else { return };
        let bears_object = column.len() > rows && column.validity.is_last_set();
        if column.len() > rows && !bears_object {
            column.truncate(rows);
        }
        if !bears_object {
            column.fill(rows);
        }
        let Column { validity, values: Values::Struct(members) } = column else { return };
        if !bears_object {
            if let Some(column) = members.get_mut(SYNC_ID) {
                column.fill(rows);
                push_integer(column, self.shape.meta.sync_id);
            }
            if let Some(column) = members.get_mut(CHANGES) {
                column.fill(rows);
                end_list(column);
            }
            validity.push_value();
        }
        if changes.is_some() || !self.notes.misfits.is_empty() {
            self.add_changes(changes);
        }
    }

    /// The source's changes, then ours, at the end of the row's list.
    #[cold]
    fn add_changes(&mut self, changes: Option<&[u8]>) {
        let rows = self.rows;
        let Some(Column { values: Values::Struct(members), .. }) = self.columns.get_mut(META) else { return };
        let Some(Kind::Struct(guides)) = self.members.guides.get_mut(META).map(|guide| &mut guide.kind)
        else {
            return;
        };
        let (Some(column), Some(guide)) = (members.get_mut(CHANGES), guides.guides.get_mut(CHANGES)) else {
            return;
        };
        // A record's own object may have no list, or null for it.
        if column.len() <= rows || !column.validity.is_last_set() {
            column.truncate(rows);
            column.fill(rows);
            end_list(column);
        }
        let (Values::List(lists), Kind::List(guide)) = (&mut column.values, &mut guide.kind) else { return };
        if let Some(changes) = changes {
            // The line was validated as a whole: there is nothing here that is not JSON.
            let _ = read_elements(&mut self.notes, guide, &mut lists.elements, changes, 0);
        }
        for entry in self.notes.misfits.end_record() {
            let (change, reason) = entry.cause.as_change();
            let field = dotted(self.shape.path(entry.node), &entry.positions);
            let elements = &mut *lists.elements;
            let rows = elements.len();
            if let Values::Struct(members) = &mut elements.values {
                for (column, text) in members.iter_mut().zip([field.as_str(), change, reason]) {
                    column.fill(rows);
                    push_text(column, text.as_bytes());
                }
            }
            elements.validity.push_value();
        }
        lists.extend_last();
    }

    /// `_airbyte_additional_properties`. Gives the number of what is left out.
    #[cold]
    fn end_extras(&mut self) -> u64 {
        let (rows, shape) = (self.rows, &self.shape);
        let extras = &self.notes.extras;
        let count = extras.count();
        if !shape.additional {
            return count;
        }
        let mut left_out = 0;
        if let Some(column) = self.columns.last_mut().filter(|_| count > 0) {
            column.truncate(rows);
            column.fill(rows);
            if let Values::Text(texts) = &mut column.values {
                left_out = extras.write(|node| shape.path(node), texts.open());
                texts.end();
            }
            column.validity.push_value();
            if left_out > 0 {
                self.notes.misfits.note(shape.additional_node(), Cause::Cut, &[]);
            }
        }
        left_out
    }
}

/// The column at `ix`, filled up to its open row; `None` if the record bears it itself.
#[inline]
fn open_column(columns: &mut [Column], ix: usize, rows: usize) -> Option<&mut Column> {
    let column = columns.get_mut(ix).filter(|column| column.len() <= rows)?;
    if column.len() < rows {
        column.fill(rows);
    }
    Some(column)
}

#[inline]
fn push_text(column: &mut Column, text: &[u8]) {
    if let Values::Text(texts) = &mut column.values {
        texts.push(text);
        column.validity.push_value();
    }
}

#[inline]
fn push_integer(column: &mut Column, value: i64) {
    if let Values::Int64(values) = &mut column.values {
        values.push(value);
        column.validity.push_value();
    }
}

/// Ends a list after the elements that were pushed.
#[inline]
fn end_list(column: &mut Column) {
    if let Values::List(lists) = &mut column.values {
        lists.end();
        column.validity.push_value();
    }
}
