//! The storage of columns while rows are read, as Arrow will have it.
//!
//! In: values, one per row. Out: Arrow arrays that take the storage over without a copy.
//!
//! Invariants
//! - A column may end before the rows do: the rest is null. It is filled up when a value comes, and
//!   when it becomes an Arrow array, so that a column which most records lack costs next to
//!   nothing. The same holds for a struct's members.
//! - `truncate` undoes whatever was pushed since: a row that turns out to be broken leaves no
//!   trace.
//!
//! Not here: what a value means (`decode`).

use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, ListArray, PrimitiveArray, StringArray,
    StructArray, new_null_array,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use super::bits::{Bits, Validity};
use super::types::{ColumnType, Zone, element_field};
use crate::error::{Classified, FailureType};
use crate::json::block;

/// One column of some rows.
#[derive(Clone, Debug)]
pub struct Column {
    pub(crate) validity: Validity,
    pub(crate) values: ColumnValues,
}

/// The values of a column. A null row has an entry too, of no meaning.
#[derive(Clone, Debug)]
pub(crate) enum ColumnValues {
    Boolean(Bits),
    /// Days.
    Int32(Vec<i32>),
    /// Integers, times and timestamps.
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Decimal(Vec<i128>),
    Text(TextValues),
    Struct(Vec<Column>),
    List(ListValues),
}

/// Texts one behind the other.
#[derive(Clone, Debug)]
pub(crate) struct TextValues {
    /// Where each ends; begins with a zero.
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

/// Lists, whose elements lie one behind the other in a column of their own.
#[derive(Clone, Debug)]
pub(crate) struct ListValues {
    /// Where each ends; begins with a zero.
    ends: Vec<i32>,
    pub(crate) elements: Box<Column>,
}

/// How much there is in a column and in what is inside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnSize {
    rows: usize,
    text_bytes: usize,
    inner: Vec<ColumnSize>,
}

/// Columns that do not make an Arrow array: a defect of ours, or more than 2 GiB of text in one of
/// them.
#[derive(Debug, thiserror::Error)]
#[error("the rows of a block do not make a column of a Parquet file; please report this")]
pub struct ColumnError(#[from] ArrowError);

impl Classified for ColumnError {
    fn failure_type(&self) -> FailureType {
        FailureType::System
    }
}

impl TextValues {
    fn new() -> Self {
        Self { ends: vec![0], bytes: Vec::new() }
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.end();
    }

    /// Adds `text[start..end]`. Short ones are copied as a block, which needs no call.
    #[inline(always)]
    pub(crate) fn push_part(&mut self, text: &[u8], start: usize, end: usize) {
        match block::at(text, start) {
            Some(block) if end - start <= block::LEN => {
                let len = self.bytes.len() + (end - start);
                self.bytes.extend_from_slice(block);
                self.bytes.truncate(len);
            }
            _ => self.bytes.extend_from_slice(&text[start..end]),
        }
        self.end();
    }

    /// The text that is being written: append to it, then `end` it.
    #[inline]
    pub(crate) fn open(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the text that was written. No block of input is so long that its texts reach 2 GiB.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.ends.push(self.bytes.len() as i32);
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        self.bytes.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// The text of a row; empty where there is none.
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        self.bytes.get(range_of(&self.ends, row)).unwrap_or_default()
    }

    /// Where each text ends.
    pub(crate) fn ends(&self) -> &[i32] {
        self.ends.get(1..).unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds texts that lie one behind the other in `bytes`.
    pub(crate) fn extend(&mut self, ends: impl Iterator<Item = i32>, bytes: &[u8]) {
        let base = self.bytes.len() as i32;
        self.ends.extend(ends.map(|end| base.wrapping_add(end)));
        self.bytes.extend_from_slice(bytes);
    }
}

impl ListValues {
    /// Ends the list whose elements were pushed.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.ends.push(self.elements.len() as i32);
    }

    /// How many elements the last list has.
    pub(crate) fn last_len(&self) -> usize {
        self.rows_of(self.ends.len().saturating_sub(2)).len()
    }

    /// Elements pushed behind the last list become its last ones.
    pub(crate) fn extend_last(&mut self) {
        if let Some(last) = self.ends.last_mut() {
            *last = self.elements.len() as i32;
        }
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        self.elements.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// The rows of the elements of a list; none where there is no list.
    pub(crate) fn rows_of(&self, row: usize) -> Range<usize> {
        range_of(&self.ends, row)
    }

    /// Where each list ends.
    pub(crate) fn ends(&self) -> &[i32] {
        self.ends.get(1..).unwrap_or_default()
    }

    /// Adds lists whose elements are about to be put behind those that are there.
    pub(crate) fn extend_ends(&mut self, ends: impl Iterator<Item = i32>) {
        let base = self.elements.len() as i32;
        self.ends.extend(ends.map(|end| base.wrapping_add(end)));
    }
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
            ColumnType::List(element) => ColumnValues::List(ListValues {
                ends: vec![0],
                elements: Box::new(Self::new(element)),
            }),
        };
        Self { validity: Validity::default(), values }
    }

    /// Rows that are filled in.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.validity.len()
    }

    /// Ends the row with null.
    pub(crate) fn push_null(&mut self) {
        self.validity.push_null();
        match &mut self.values {
            ColumnValues::Boolean(bits) => bits.push(false),
            ColumnValues::Int32(values) => values.push(0),
            ColumnValues::Int64(values) => values.push(0),
            ColumnValues::Double(values) => values.push(0.0),
            ColumnValues::Decimal(values) => values.push(0),
            ColumnValues::Text(texts) => texts.end(),
            ColumnValues::Struct(_) => {}
            ColumnValues::List(lists) => lists.end(),
        }
    }

    /// Fills up with nulls to `rows` rows.
    pub(crate) fn fill(&mut self, rows: usize) {
        while self.validity.len() < rows {
            self.validity.push_null();
        }
        match &mut self.values {
            ColumnValues::Boolean(bits) => (bits.len()..rows).for_each(|_| bits.push(false)),
            ColumnValues::Int32(values) => values.resize(rows, 0),
            ColumnValues::Int64(values) => values.resize(rows, 0),
            ColumnValues::Double(values) => values.resize(rows, 0.0),
            ColumnValues::Decimal(values) => values.resize(rows, 0),
            ColumnValues::Text(texts) => repeat_last(&mut texts.ends, rows),
            ColumnValues::Struct(_) => {}
            ColumnValues::List(lists) => repeat_last(&mut lists.ends, rows),
        }
    }

    /// Undoes all rows behind the first `len`, half a row included.
    pub(crate) fn truncate(&mut self, len: usize) {
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

    /// Memory that the column holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let values = match &self.values {
            ColumnValues::Boolean(bits) => bits.capacity_bytes(),
            ColumnValues::Int32(values) => values.capacity() * size_of::<i32>(),
            ColumnValues::Int64(values) => values.capacity() * size_of::<i64>(),
            ColumnValues::Double(values) => values.capacity() * size_of::<f64>(),
            ColumnValues::Decimal(values) => values.capacity() * size_of::<i128>(),
            ColumnValues::Text(texts) => {
                texts.bytes.capacity() + texts.ends.capacity() * size_of::<i32>()
            }
            ColumnValues::Struct(members) => members.iter().map(Self::held_bytes).sum(),
            ColumnValues::List(lists) => {
                lists.ends.capacity() * size_of::<i32>() + lists.elements.held_bytes()
            }
        };
        values + self.validity.capacity_bytes() + size_of::<Self>()
    }

    /// Room that an empty column keeps beyond its own size.
    pub(crate) fn room_bytes(&self) -> usize {
        self.held_bytes() - size_of::<Self>()
    }

    /// Takes the rows out and leaves an empty column, without room: other streams may come first.
    pub(crate) fn take(&mut self) -> Self {
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
                let ends = std::mem::replace(&mut lists.ends, vec![0]);
                ColumnValues::List(ListValues { ends, elements: Box::new(lists.elements.take()) })
            }
        };
        Self { validity: std::mem::take(&mut self.validity), values }
    }

    /// Bytes of the rows themselves.
    pub(crate) fn used_bytes(&self) -> usize {
        let rows = self.len();
        match &self.values {
            ColumnValues::Boolean(_) => rows / 8,
            ColumnValues::Int32(_) => rows * size_of::<i32>(),
            ColumnValues::Int64(_) | ColumnValues::Double(_) => rows * size_of::<i64>(),
            ColumnValues::Decimal(_) => rows * size_of::<i128>(),
            ColumnValues::Text(texts) => rows * size_of::<i32>() + texts.bytes.len(),
            ColumnValues::Struct(members) => members.iter().map(Self::used_bytes).sum(),
            ColumnValues::List(lists) => rows * size_of::<i32>() + lists.elements.used_bytes(),
        }
    }

    /// Makes room for as much as `like` has, and a little more: blocks differ little, and growing a
    /// buffer would copy it.
    pub(crate) fn reserve_like(&mut self, like: &ColumnSize) {
        let more = |len: usize| len + len / 8;
        let rows = more(like.rows);
        match (&mut self.values, like.inner.as_slice()) {
            (ColumnValues::Boolean(_), _) => {}
            (ColumnValues::Int32(values), _) => values.reserve(rows),
            (ColumnValues::Int64(values), _) => values.reserve(rows),
            (ColumnValues::Double(values), _) => values.reserve(rows),
            (ColumnValues::Decimal(values), _) => values.reserve(rows),
            (ColumnValues::Text(texts), _) => {
                texts.ends.reserve(rows + 1);
                texts.bytes.reserve(more(like.text_bytes));
            }
            (ColumnValues::Struct(members), sizes) => {
                members.iter_mut().zip(sizes).for_each(|(member, size)| member.reserve_like(size));
            }
            (ColumnValues::List(lists), sizes) => {
                lists.ends.reserve(rows + 1);
                sizes.iter().for_each(|size| lists.elements.reserve_like(size));
            }
        }
    }

    /// How much there is in the column.
    pub(crate) fn size(&self) -> ColumnSize {
        let (text_bytes, inner) = match &self.values {
            ColumnValues::Text(texts) => (texts.bytes.len(), Vec::new()),
            ColumnValues::Struct(members) => (0, members.iter().map(Self::size).collect()),
            ColumnValues::List(lists) => (0, vec![lists.elements.size()]),
            ColumnValues::Boolean(_)
            | ColumnValues::Int32(_)
            | ColumnValues::Int64(_)
            | ColumnValues::Double(_)
            | ColumnValues::Decimal(_) => (0, Vec::new()),
        };
        ColumnSize { rows: self.len(), text_bytes, inner }
    }

    /// The same as an Arrow array of `rows` rows, of the type that the column was made for.
    ///
    /// # Errors
    /// [`ColumnError`]: nothing that a record holds leads there.
    pub fn into_arrow(
        mut self,
        column_type: &ColumnType,
        rows: usize,
    ) -> Result<ArrayRef, ColumnError> {
        if self.len() == 0 {
            return Ok(new_null_array(&column_type.to_arrow(), rows));
        }
        self.fill(rows);
        let nulls = self.validity.into_nulls();
        Ok(match (self.values, column_type) {
            (ColumnValues::Boolean(bits), _) => {
                Arc::new(BooleanArray::new(bits.into_buffer(), nulls))
            }
            (ColumnValues::Int32(values), _) => Arc::new(primitive::<Date32Type>(values, nulls)?),
            (ColumnValues::Int64(values), ColumnType::Time(_)) => {
                Arc::new(primitive::<Time64MicrosecondType>(values, nulls)?)
            }
            (ColumnValues::Int64(values), ColumnType::Timestamp(Zone::Utc)) => {
                Arc::new(primitive::<TimestampMicrosecondType>(values, nulls)?.with_timezone("UTC"))
            }
            (ColumnValues::Int64(values), ColumnType::Timestamp(Zone::Local)) => {
                Arc::new(primitive::<TimestampMicrosecondType>(values, nulls)?)
            }
            (ColumnValues::Int64(values), _) => Arc::new(primitive::<Int64Type>(values, nulls)?),
            (ColumnValues::Double(values), _) => Arc::new(primitive::<Float64Type>(values, nulls)?),
            (
                ColumnValues::Decimal(values),
                ColumnType::Decimal { .. } | ColumnType::BigInteger,
            ) => Arc::new(
                primitive::<Decimal128Type>(values, nulls)?.with_data_type(column_type.to_arrow()),
            ),
            (ColumnValues::Text(texts), _) => {
                let ends = offsets(texts.ends, texts.bytes.len())?;
                Arc::new(StringArray::try_new(ends, Buffer::from_vec(texts.bytes), nulls)?)
            }
            (ColumnValues::Struct(members), ColumnType::Struct(fields)) => {
                let arrays = members
                    .into_iter()
                    .zip(fields)
                    .map(|(member, field)| member.into_arrow(&field.column_type, rows))
                    .collect::<Result<Vec<_>, _>>()?;
                let fields = fields.iter().map(super::types::Field::to_arrow).collect();
                Arc::new(StructArray::try_new(fields, arrays, nulls)?)
            }
            (ColumnValues::List(lists), ColumnType::List(element)) => {
                let count = lists.elements.len();
                let elements = lists.elements.into_arrow(element, count)?;
                let field = Arc::new(element_field(element));
                Arc::new(ListArray::try_new(field, offsets(lists.ends, count)?, elements, nulls)?)
            }
            (ColumnValues::Decimal(_) | ColumnValues::Struct(_) | ColumnValues::List(_), _) => {
                return Err(mismatch("a column is of another type than its field"));
            }
        })
    }
}

/// What belongs to a row; `ends` begins with a zero.
fn range_of(ends: &[i32], row: usize) -> Range<usize> {
    match ends.get(row..) {
        Some([start, end, ..]) => *start as usize..*end as usize,
        Some(_) | None => 0..0,
    }
}

/// Fills up with empty texts or lists.
fn repeat_last(ends: &mut Vec<i32>, rows: usize) {
    let last = ends.last().copied().unwrap_or_default();
    ends.resize(rows + 1, last);
}

fn primitive<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    nulls: Option<NullBuffer>,
) -> Result<PrimitiveArray<T>, ColumnError> {
    Ok(PrimitiveArray::try_new(ScalarBuffer::from(values), nulls)?)
}

/// Checks what the constructor of Arrow would panic on.
fn offsets(ends: Vec<i32>, end: usize) -> Result<OffsetBuffer<i32>, ColumnError> {
    let whole = ends.last().and_then(|last| usize::try_from(*last).ok()) == Some(end);
    if ends.first() != Some(&0) || !whole || !ends.is_sorted() {
        return Err(mismatch(
            "a column has more than 2 GiB of text, or of list elements, in one block",
        ));
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(ends)))
}

#[cold]
pub(crate) fn mismatch(what: &str) -> ColumnError {
    ColumnError(ArrowError::InvalidArgumentError(what.to_owned()))
}
