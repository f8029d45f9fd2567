//! Ends rows: our own columns, what did not fit, what nobody declared.
//!
//! In: the text of a record's `data`, then what its envelope says. Out: rows, taken as [`Batch`]es.
//!
//! A row is read first (`read`) and becomes one only with `end_row`: until the whole line is known
//! to be a record, it can be undone (`undo_row`). Both happen once per line.

use std::sync::Arc;

use super::batch::Batch;
use super::column::{Column, ColumnSize, ColumnValues, ListValues};
use super::conversion_issues::{FieldIssues, IssueKind, dotted};
use super::decode::{Notes, read_elements, read_object};
use super::decode_plan::{Kind, Members};
use super::packed::PackedBatch;
use super::table_schema::TableSchema;
use super::undeclared::LeftOut;
use super::{meta_text, temporal};
use crate::format::RowIds;
use crate::json::JsonError;

/// Our metadata columns: their places.
const RAW_ID: usize = 0;
const EXTRACTED_AT: usize = 1;
const GENERATION_ID: usize = 2;
const META: usize = 3;
/// Members of `_airbyte_meta`.
const SYNC_ID: usize = 0;
const CHANGES: usize = 1;

/// Room that an empty column of usual rows keeps at most.
const KEPT_BYTES: usize = 8 * 1024;

/// Fewer bytes than this are packed into one buffer.
const PACKED_BYTES: usize = 32 * 1024;

/// Reads the records of one stream, for one worker.
#[derive(Debug)]
pub struct RecordDecoder {
    table_schema: Arc<TableSchema>,
    members: Members,
    columns: Vec<Column>,
    rows: usize,
    notes: Notes,
    dropped_fields: u64,
    /// What was in the columns when they were taken.
    expected: Vec<ColumnSize>,
    /// Room that the columns kept when their rows were packed.
    kept_bytes: usize,
    /// Room that they may keep.
    spare_bytes: usize,
}

/// The rows that were taken, and what is to be said about them.
#[derive(Debug)]
pub struct DecodedRows {
    /// The rows.
    pub batch: Batch,
    /// Values that did not fit, by field.
    pub issues: Vec<FieldIssues>,
    /// Undeclared fields that were left out.
    pub dropped_fields: u64,
}

impl RecordDecoder {
    /// A decoder without rows.
    #[must_use]
    pub fn new(table_schema: Arc<TableSchema>) -> Self {
        let fields = table_schema.decoded_fields();
        let named = fields.len() - usize::from(table_schema.additional);
        Self {
            members: Members::of_record(&fields[..named], table_schema.metadata_columns),
            columns: fields.iter().map(|field| Column::new(&field.column_type)).collect(),
            rows: 0,
            notes: Notes::new(table_schema.additional),
            dropped_fields: 0,
            expected: Vec::new(),
            kept_bytes: 0,
            spare_bytes: usize::MAX,
            table_schema,
        }
    }

    /// Reads the object whose `{` is at `pos` of `text`, which must be valid UTF-8, and gives the
    /// position behind it.
    ///
    /// # Errors
    /// [`JsonError`] when it is not JSON: undo the row, parts of it are in the columns. Otherwise
    /// end it or undo it.
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

    /// Makes what was read a row. Takes one id, unless rows carry no metadata. `changes` is the
    /// text of the record's own `meta.changes`, a JSON array.
    pub fn end_row(&mut self, emitted_at_ms: i64, changes: Option<&[u8]>, ids: &mut RowIds) {
        if self.table_schema.metadata_columns != 0 {
            self.end_metadata(emitted_at_ms, ids);
            if let Some(changes) = changes.filter(|_| self.has_meta()) {
                self.read_changes(changes);
            }
        }
        if !self.notes.is_empty() {
            self.end_notes();
        }
        self.rows += 1;
    }

    /// Writes down what was noted: first the values and members that are kept, since that may be
    /// worth a note of its own.
    #[cold]
    fn end_notes(&mut self) {
        self.dropped_fields += self.end_extras();
        self.add_changes();
        self.notes.clear();
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Room that the empty columns keep for the next rows.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// The empty columns may keep this much room: every worker has columns of every stream.
    pub fn set_spare_bytes(&mut self, spare_bytes: usize) {
        self.spare_bytes = spare_bytes;
    }

    /// Takes the rows out.
    #[must_use]
    pub fn take(&mut self) -> DecodedRows {
        self.take_packed_below(PACKED_BYTES)
    }

    /// As [`RecordDecoder::take`], with another limit for what is packed.
    pub(crate) fn take_packed_below(&mut self, packed_bytes: usize) -> DecodedRows {
        let rows = std::mem::take(&mut self.rows);
        let typed_meta = self.meta_to_text(rows);
        let used_bytes: usize = self.columns.iter().map(Column::used_bytes).sum();
        self.kept_bytes = 0;
        self.notes.trim();
        let batch = if used_bytes < packed_bytes {
            let packed = PackedBatch::new(&self.columns, rows, used_bytes);
            self.kept_bytes = self.columns.iter().map(Column::spare_bytes).sum();
            if self.kept_bytes > self.spare_bytes.min(KEPT_BYTES * self.columns.len()) {
                self.kept_bytes = 0;
                self.columns.iter_mut().for_each(|column| drop(column.take()));
            } else {
                self.columns.iter_mut().for_each(|column| column.truncate(0));
            }
            Batch::Packed(packed)
        } else {
            self.expected = self.columns.iter().map(Column::size).collect();
            Batch::Columns { columns: self.columns.iter_mut().map(Column::take).collect(), rows }
        };
        if let Some((column, mut typed)) = self.columns.get_mut(META).zip(typed_meta) {
            // Its rows are in the text; the next ones begin in an empty column.
            drop(typed.take());
            *column = typed;
        }
        let table_schema = &self.table_schema;
        DecodedRows {
            batch,
            issues: self.notes.issues.take_counts(|node| table_schema.name(node)),
            dropped_fields: std::mem::take(&mut self.dropped_fields),
        }
    }

    /// Where `_airbyte_meta` is text in the file: puts the text of its rows in its place and
    /// returns the typed column.
    fn meta_to_text(&mut self, rows: usize) -> Option<Column> {
        if !self.table_schema.meta_is_text {
            return None;
        }
        let column = self.columns.get_mut(META)?;
        let text =
            meta_text::column(&self.table_schema.decoded_fields()[META].column_type, column, rows);
        Some(std::mem::replace(column, text))
    }

    /// Whether rows have `_airbyte_meta`.
    fn has_meta(&self) -> bool {
        self.table_schema.metadata_columns > META
    }

    /// Our columns, but for those that the record has itself.
    #[inline]
    fn end_metadata(&mut self, emitted_at_ms: i64, ids: &mut RowIds) {
        let rows = self.rows;
        let id = ids.next_text();
        if let Some(column) = open_column(&mut self.columns, RAW_ID, rows) {
            push_text(column, id);
        }
        if let Some(column) = open_column(&mut self.columns, EXTRACTED_AT, rows) {
            match temporal::timestamp_of_millis(emitted_at_ms) {
                Ok(parsed) => push_integer(column, parsed.value),
                Err(misfit) => {
                    column.push_null();
                    if let Some(plan) = self.members.members_plans.get(EXTRACTED_AT) {
                        let mut text = itoa::Buffer::new();
                        let text = text.format(emitted_at_ms).as_bytes();
                        self.notes.issues.note(plan.node, misfit.into(), &[], text);
                    }
                }
            }
        }
        if let Some(column) = open_column(&mut self.columns, GENERATION_ID, rows) {
            match self.table_schema.meta.generation_id {
                Some(generation) => push_integer(column, generation),
                None => column.push_null(),
            }
        }
        if self.has_meta() {
            self.end_meta();
        }
    }

    /// `_airbyte_meta`: a record's own object is kept and added to; anything else that it may hold
    /// is not.
    #[inline]
    fn end_meta(&mut self) {
        let rows = self.rows;
        let Some(column) = self.columns.get_mut(META) else { return };
        let bears_object = column.len() > rows && column.validity.is_last_set();
        if column.len() > rows && !bears_object {
            column.truncate(rows);
        }
        if !bears_object {
            column.fill(rows);
        }
        let Column { validity, values: ColumnValues::Struct(members) } = column else { return };
        if !bears_object {
            if let Some(column) = members.get_mut(SYNC_ID) {
                column.fill(rows);
                push_integer(column, self.table_schema.meta.sync_id);
            }
            if let Some(column) = members.get_mut(CHANGES) {
                column.fill(rows);
                end_list(column);
            }
            validity.push_value();
        }
    }

    /// The source's changes, at the end of the row's list.
    #[cold]
    fn read_changes(&mut self, changes: &[u8]) {
        let Some(Kind::Struct(members_plans)) =
            self.members.members_plans.get_mut(META).map(|plan| &mut plan.kind)
        else {
            return;
        };
        let (Some(lists), Some(plan)) = (
            open_changes(&mut self.columns, self.rows),
            members_plans.members_plans.get_mut(CHANGES),
        ) else {
            return;
        };
        if let Kind::List(plan) = &mut plan.kind {
            // The line was validated as a whole: there is nothing here that is not JSON.
            let first = lists.last_len() as u32;
            let _ = read_elements(&mut self.notes, plan, &mut lists.elements, first, changes, 0);
        }
        lists.extend_last();
    }

    /// Our changes, after the source's; without metadata they are only counted.
    fn add_changes(&mut self) {
        let entries = self.notes.issues.end_record();
        if entries.is_empty() || !self.has_meta() {
            return;
        }
        let Some(lists) = open_changes(&mut self.columns, self.rows) else { return };
        for entry in entries {
            let (change, reason) = entry.kind.as_change();
            let field = dotted(self.table_schema.path(entry.node), &entry.positions);
            let elements = &mut *lists.elements;
            let rows = elements.len();
            if let ColumnValues::Struct(members) = &mut elements.values {
                for (column, text) in members.iter_mut().zip([field.as_str(), change, reason]) {
                    column.fill(rows);
                    push_text(column, text.as_bytes());
                }
            }
            elements.validity.push_value();
        }
        lists.extend_last();
    }

    /// `_airbyte_additional_properties`. Returns the number of undeclared members that are left
    /// out.
    fn end_extras(&mut self) -> u64 {
        let (rows, table_schema) = (self.rows, &self.table_schema);
        let Notes { undeclared, issues, .. } = &mut self.notes;
        if !table_schema.additional {
            return undeclared.count();
        }
        let mut left_out = LeftOut::default();
        let has_content = !undeclared.is_empty()
            || issues.nulled().next().is_some()
            || issues.nulled_but_not_noted() > 0;
        if let Some(column) = self.columns.last_mut().filter(|_| has_content) {
            column.fill(rows);
            if let ColumnValues::Text(texts) = &mut column.values {
                left_out = undeclared.write(issues, |node| table_schema.path(node), texts.open());
                texts.end_text();
            }
            column.validity.push_value();
            if left_out != LeftOut::default() {
                issues.note(table_schema.additional_node(), IssueKind::LostDigits, &[], &[]);
            }
        }
        left_out.members
    }
}

/// The list of changes of the open row. A record's own object may have none, or null for it: then
/// there is one now.
fn open_changes(columns: &mut [Column], rows: usize) -> Option<&mut ListValues> {
    let ColumnValues::Struct(members) = &mut columns.get_mut(META)?.values else { return None };
    let column = members.get_mut(CHANGES)?;
    if column.len() <= rows || !column.validity.is_last_set() {
        column.truncate(rows);
        column.fill(rows);
        end_list(column);
    }
    if let ColumnValues::List(lists) = &mut column.values { Some(lists) } else { None }
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
    if let ColumnValues::Text(texts) = &mut column.values {
        texts.push(text);
        column.validity.push_value();
    }
}

#[inline]
fn push_integer(column: &mut Column, value: i64) {
    if let ColumnValues::Int64(values) = &mut column.values {
        values.push(value);
        column.validity.push_value();
    }
}

/// Ends a list after the elements that were pushed.
#[inline]
fn end_list(column: &mut Column) {
    if let ColumnValues::List(lists) = &mut column.values {
        lists.end_list();
        column.validity.push_value();
    }
}
