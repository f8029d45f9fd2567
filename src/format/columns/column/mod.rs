//! The storage of columns while rows are read.
//!
//! In: values, one per row. Out: Arrow arrays, which take over the storage without a copy.
//!
//! Invariants
//! - A column may end before the rows do; the missing rows are null. It is filled up when its next
//!   value comes, and when it becomes an Arrow array. So a column that few records have costs next
//!   to nothing. The same holds for the members of a struct.
//! - `truncate` undoes whatever was pushed since: a broken row leaves no trace.
//!
//! Not here: what a value means (`decode`).

mod arrow;
mod memory;
mod values;

use self::values::repeat_last;
use super::bits::{Bits, Validity};
use super::types::ColumnType;

pub(crate) use self::arrow::ColumnError;
pub(super) use self::arrow::mismatch;
pub(super) use self::memory::ColumnSize;
pub(super) use self::values::{ColumnValues, ListValues, TextValues};

/// One column of some rows.
#[derive(Clone, Debug)]
pub struct Column {
    pub(super) validity: Validity,
    pub(super) values: ColumnValues,
}

impl Column {
    /// An empty column.
    #[must_use]
    pub fn new(column_type: &ColumnType) -> Self {
        let values = match column_type {
            ColumnType::Boolean => ColumnValues::Boolean(Bits::default()),
            ColumnType::Date => ColumnValues::Int32(Vec::new()),
            ColumnType::Integer | ColumnType::Time(_) | ColumnType::Timestamp(_) => {
                ColumnValues::Int64(Vec::new())
            }
            ColumnType::Double => ColumnValues::Double(Vec::new()),
            ColumnType::BigInteger | ColumnType::Decimal { .. } => {
                ColumnValues::Decimal(Vec::new())
            }
            ColumnType::NumberText
            | ColumnType::IntegerText
            | ColumnType::TimeText(_)
            | ColumnType::Text
            | ColumnType::JsonText => ColumnValues::Text(TextValues::new()),
            ColumnType::Struct(fields) => ColumnValues::Struct(
                fields.iter().map(|field| Self::new(&field.column_type)).collect(),
            ),
            ColumnType::List(element) => ColumnValues::List(ListValues::new(Self::new(element))),
        };
        Self { validity: Validity::default(), values }
    }

    /// How many rows have ended, with a value or with null.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.validity.len()
    }

    /// Ends the row with null.
    pub(super) fn push_null(&mut self) {
        self.validity.push_null();
        match &mut self.values {
            ColumnValues::Boolean(bits) => bits.push(false),
            ColumnValues::Int32(values) => values.push(0),
            ColumnValues::Int64(values) => values.push(0),
            ColumnValues::Double(values) => values.push(0.0),
            ColumnValues::Decimal(values) => values.push(0),
            ColumnValues::Text(texts) => texts.end_text(),
            ColumnValues::Struct(_) => {}
            ColumnValues::List(lists) => lists.end_list(),
        }
    }

    /// Fills up with nulls to `rows` rows.
    pub(super) fn fill(&mut self, rows: usize) {
        while self.validity.len() < rows {
            self.validity.push_null();
        }
        match &mut self.values {
            ColumnValues::Boolean(bits) => (bits.len()..rows).for_each(|_| bits.push(false)),
            ColumnValues::Int32(values) => values.resize(rows, 0),
            ColumnValues::Int64(values) => values.resize(rows, 0),
            ColumnValues::Double(values) => values.resize(rows, 0.0),
            ColumnValues::Decimal(values) => values.resize(rows, 0),
            ColumnValues::Text(texts) => repeat_last(&mut texts.offsets, rows),
            ColumnValues::Struct(_) => {}
            ColumnValues::List(lists) => repeat_last(&mut lists.offsets, rows),
        }
    }

    /// Undoes all rows after the first `len`, including one that was begun and not ended: elements
    /// of its list or members of its struct may have been pushed.
    pub(super) fn truncate(&mut self, len: usize) {
        self.validity.truncate(len);
        match &mut self.values {
            ColumnValues::Boolean(bits) => bits.truncate(len),
            ColumnValues::Int32(values) => values.truncate(len),
            ColumnValues::Int64(values) => values.truncate(len),
            ColumnValues::Double(values) => values.truncate(len),
            ColumnValues::Decimal(values) => values.truncate(len),
            ColumnValues::Text(texts) => texts.truncate(len),
            ColumnValues::Struct(members) => {
                members.iter_mut().for_each(|member| member.truncate(len))
            }
            ColumnValues::List(lists) => lists.truncate(len),
        }
    }

    /// Takes the rows out and leaves an empty column without spare memory: other streams may need
    /// the memory before this one has new rows.
    pub(super) fn take(&mut self) -> Self {
        let values = match &mut self.values {
            ColumnValues::Boolean(bits) => ColumnValues::Boolean(std::mem::take(bits)),
            ColumnValues::Int32(values) => ColumnValues::Int32(std::mem::take(values)),
            ColumnValues::Int64(values) => ColumnValues::Int64(std::mem::take(values)),
            ColumnValues::Double(values) => ColumnValues::Double(std::mem::take(values)),
            ColumnValues::Decimal(values) => ColumnValues::Decimal(std::mem::take(values)),
            ColumnValues::Text(texts) => {
                ColumnValues::Text(std::mem::replace(texts, TextValues::new()))
            }
            ColumnValues::Struct(members) => {
                ColumnValues::Struct(members.iter_mut().map(Self::take).collect())
            }
            ColumnValues::List(lists) => {
                let elements = lists.elements.take();
                let offsets = std::mem::replace(&mut lists.offsets, vec![0]);
                ColumnValues::List(ListValues { offsets, elements: Box::new(elements) })
            }
        };
        Self { validity: std::mem::take(&mut self.validity), values }
    }
}
