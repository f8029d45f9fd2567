//! Reads the records of a stream, and finishes their rows: fills the metadata columns, the list of
//! conversion issues and the column of undeclared fields.
//!
//! In: the text of a record's `data`, then what its envelope says. Out: rows, taken as [`Batch`]es.
//!
//! [`RecordDecoder::read`] only begins a row. Until the whole line is known to be a record, the row
//! can be undone; [`RecordDecoder::end_row`] completes it.
//!
//! Not here: how values are read (`decode`), and which lines are records (`pipeline`).

use std::sync::Arc;

use super::batch::Batch;
use super::column::{Column, ColumnSize, ColumnValues, ListValues};
use super::conversion_issues::{FieldIssues, IssueKind, dotted};
use super::decode::{Decoder, Notes};
use super::decode_plan::{ObjectPlan, ValuePlan};
use super::packed::PackedBatch;
use super::table_schema::TableSchema;
use super::undeclared::LeftOut;
use super::{meta_text, temporal};
use crate::format::RowIds;
use crate::json::JsonError;

/// The indexes of our metadata columns.
const RAW_ID: usize = 0;
const EXTRACTED_AT: usize = 1;
const GENERATION_ID: usize = 2;
const META: usize = 3;
/// The indexes of the members of `_airbyte_meta`.
const SYNC_ID: usize = 0;
const CHANGES: usize = 1;

/// The most memory that an empty column may keep on average.
const KEPT_COLUMN_BYTES: usize = 8 * 1024;

/// Rows of fewer bytes than this are packed into one buffer.
const PACKED_BYTES: usize = 32 * 1024;

/// Reads the records of one stream, for one worker.
#[derive(Debug)]
pub struct RecordDecoder {
    table_schema: Arc<TableSchema>,
    plan: ObjectPlan,
    columns: Vec<Column>,
    /// The number of completed rows. The columns may also have a part of the next row.
    rows: usize,
    notes: Notes,
    dropped_fields: u64,
    /// The sizes of the columns when they were last taken. Memory for as much is reserved with the
    /// next record; then this is empty.
    expected: Vec<ColumnSize>,
    /// Bytes of memory that the columns kept when their rows were packed.
    kept_bytes: usize,
    /// Bytes of memory that the empty columns may keep.
    spare_bytes: usize,
}

/// Rows that were taken out of a decoder, and what happened to their records.
#[derive(Debug)]
pub struct DecodedRows {
    /// The rows.
    pub batch: Batch,
    /// How many values did not fit, by field.
    pub issues: Vec<FieldIssues>,
    /// How many undeclared fields were left out.
    pub dropped_fields: u64,
}

impl RecordDecoder {
    /// A decoder without rows.
    #[must_use]
    pub fn new(table_schema: Arc<TableSchema>) -> Self {
        let fields = table_schema.decoded_fields();
        // No member of a record goes into the column of undeclared fields.
        let named = fields.len() - usize::from(table_schema.additional);
        Self {
            plan: ObjectPlan::of_record(&fields[..named], table_schema.metadata_columns),
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

    /// Reads the object whose `{` is at `pos` of `text`, which must be valid UTF-8. Returns the
    /// position after the object. The caller then ends the row or undoes it.
    ///
    /// # Errors
    /// [`JsonError`] if the object is not JSON. The columns then have parts of it: undo the row.
    pub fn read(&mut self, text: &[u8], pos: usize) -> Result<usize, JsonError> {
        if !self.expected.is_empty() {
            self.reserve();
        }
        let mut decoder = Decoder::new(text, &mut self.notes);
        decoder.object(&mut self.plan, &mut self.columns, self.rows, pos)
    }

    /// Reserves memory for as many rows as were last taken. Not done when they are taken: a stream
    /// without further records must not hold memory.
    #[cold]
    fn reserve(&mut self) {
        let expected = std::mem::take(&mut self.expected);
        self.columns.iter_mut().zip(&expected).for_each(|(column, size)| column.reserve_like(size));
    }

    /// Undoes what was read since the last row ended.
    pub fn undo_row(&mut self) {
        self.notes.clear();
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
    }

    /// Completes the row that was read. Takes one id, unless rows have no metadata. `changes` is
    /// the text of the record's own `meta.changes`, a JSON array.
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

    /// Writes what was noted into the row. The undeclared fields come first, as leaving some of
    /// them out is an issue too.
    #[cold]
    fn end_notes(&mut self) {
        self.dropped_fields += self.end_undeclared();
        self.add_changes();
        self.notes.clear();
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of memory that the empty columns keep for the next rows.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Sets how much memory the empty columns may keep: every worker has columns of every stream.
    pub fn set_spare_bytes(&mut self, spare_bytes: usize) {
        self.spare_bytes = spare_bytes;
    }

    /// Takes the rows out.
    #[must_use]
    pub fn take(&mut self) -> DecodedRows {
        let rows = std::mem::take(&mut self.rows);
        let typed_meta = self.convert_meta_to_text(rows);
        let used_bytes: usize = self.columns.iter().map(Column::used_bytes).sum();
        self.kept_bytes = 0;
        self.notes.release_memory();
        let batch = if used_bytes < PACKED_BYTES {
            let packed = PackedBatch::new(&self.columns, rows, used_bytes);
            self.kept_bytes = self.columns.iter().map(Column::spare_bytes).sum();
            if self.kept_bytes > self.spare_bytes.min(KEPT_COLUMN_BYTES * self.columns.len()) {
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
            // Its rows are in the text. The typed column goes back to its place, empty.
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

    /// Replaces the typed column of `_airbyte_meta` by one of text, if it is text in the file.
    /// Returns the typed column.
    fn convert_meta_to_text(&mut self, rows: usize) -> Option<Column> {
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

    /// Fills our metadata columns, except for those that the record has itself.
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
                Err(error) => {
                    column.push_null();
                    if let Some(plan) = self.plan.members.get(EXTRACTED_AT) {
                        let mut text = itoa::Buffer::new();
                        let text = text.format(emitted_at_ms).as_bytes();
                        self.notes.issues.note(plan.nodes.start, error.into(), &[], text);
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

    /// Fills `_airbyte_meta`. An object of the record's own is kept and added to; anything else
    /// that the record has there is replaced.
    #[inline]
    fn end_meta(&mut self) {
        let rows = self.rows;
        let Some(column) = self.columns.get_mut(META) else { return };
        if column.len() > rows {
            if column.validity.is_last_set() {
                return;
            }
            column.truncate(rows);
        }
        column.fill(rows);
        let Column { validity, values: ColumnValues::Struct(members) } = column else { return };
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

    /// Adds the source's changes to the row's list.
    #[cold]
    fn read_changes(&mut self, changes: &[u8]) {
        let Some(ValuePlan::Struct(meta)) =
            self.plan.members.get_mut(META).map(|plan| &mut plan.value)
        else {
            return;
        };
        let (Some(lists), Some(plan)) =
            (open_changes(&mut self.columns, self.rows), meta.members.get_mut(CHANGES))
        else {
            return;
        };
        if let ValuePlan::List(plan) = &mut plan.value {
            let first = lists.last_len() as u32;
            let mut decoder = Decoder::new(changes, &mut self.notes);
            // This does not fail: the whole line was validated as JSON.
            let _ = decoder.elements(plan, &mut lists.elements, first, 0);
        }
        lists.extend_last();
    }

    /// Adds our own changes, after the source's. Without metadata columns they are only counted.
    fn add_changes(&mut self) {
        let issues = self.notes.issues.end_record();
        if issues.is_empty() || !self.has_meta() {
            return;
        }
        let Some(lists) = open_changes(&mut self.columns, self.rows) else { return };
        for issue in issues {
            let (change, reason) = issue.kind.as_change();
            let field = dotted(self.table_schema.path(issue.node), &issue.positions);
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

    /// Fills `_airbyte_additional_properties`. Returns how many undeclared members were left out.
    fn end_undeclared(&mut self) -> u64 {
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

/// Returns the list of changes of the row that is being read. If the record's own metadata has no
/// list, or null, it becomes an empty one.
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

/// Returns the column at `ix`, filled up to the row that is being read; `None` if the record has
/// this column itself.
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

/// Ends a list with the elements that were pushed.
#[inline]
fn end_list(column: &mut Column) {
    if let ColumnValues::List(lists) = &mut column.values {
        lists.end_list();
        column.validity.push_value();
    }
}
