//! The values of a column, laid out as in Arrow.

use std::ops::Range;

use super::Column;
use crate::format::columns::bits::Bits;
use crate::json::block;

/// The values of a column. As in Arrow, a null row has an entry too, whose value does not matter.
/// Only the members of a struct may have fewer rows than the struct.
#[derive(Clone, Debug)]
pub(crate) enum ColumnValues {
    Boolean(Bits),
    /// Days since 1970-01-01.
    Int32(Vec<i32>),
    /// Integers, and the microseconds of times and timestamps.
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Decimal(Vec<i128>),
    Text(TextValues),
    Struct(Vec<Column>),
    List(ListValues),
}

/// Strings, concatenated. Null is an empty string.
#[derive(Clone, Debug)]
pub(crate) struct TextValues {
    /// Arrow's offsets: a zero, then where each value ends.
    pub(super) offsets: Vec<i32>,
    pub(super) bytes: Vec<u8>,
}

/// Lists. Their elements are rows of one column, those of the first list first.
#[derive(Clone, Debug)]
pub(crate) struct ListValues {
    /// Arrow's offsets: a zero, then where each value ends.
    pub(super) offsets: Vec<i32>,
    pub(crate) elements: Box<Column>,
}

impl TextValues {
    pub(super) fn new() -> Self {
        Self { offsets: vec![0], bytes: Vec::new() }
    }

    #[inline]
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.end_text();
    }

    /// Adds `text[start..end]`. A short one is copied together with what follows it, as a block of
    /// fixed length, and then cut off: such a copy is a few instructions instead of a call.
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
        self.end_text();
    }

    /// The text of the row that is being written: append to it, then call
    /// [`TextValues::end_text`].
    #[inline]
    pub(crate) fn open(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the text that was written. The cast keeps its value: no block of input is so long that
    /// its texts reach 2 GiB.
    #[inline]
    pub(crate) fn end_text(&mut self) {
        self.offsets.push(self.bytes.len() as i32);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.bytes.truncate(self.offsets.last().map_or(0, |end| *end as usize));
    }

    /// The text of a row; empty if there is none.
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        self.bytes.get(range_of(&self.offsets, row)).unwrap_or_default()
    }

    /// Where each text ends.
    pub(crate) fn ends(&self) -> &[i32] {
        self.offsets.get(1..).unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds texts that are concatenated in `bytes`.
    pub(crate) fn extend(&mut self, ends: impl Iterator<Item = i32>, bytes: &[u8]) {
        let base = self.bytes.len() as i32;
        self.offsets.extend(ends.map(|end| base.wrapping_add(end)));
        self.bytes.extend_from_slice(bytes);
    }
}

impl ListValues {
    pub(super) fn new(elements: Column) -> Self {
        Self { offsets: vec![0], elements: Box::new(elements) }
    }

    /// Ends the list whose elements were pushed.
    #[inline]
    pub(crate) fn end_list(&mut self) {
        self.offsets.push(self.elements.len() as i32);
    }

    /// How many elements the last list has.
    pub(crate) fn last_len(&self) -> usize {
        self.rows_of(self.offsets.len().saturating_sub(2)).len()
    }

    /// Moves the end of the last list, so that elements that were pushed since belong to it.
    pub(crate) fn extend_last(&mut self) {
        if let Some(last) = self.offsets.last_mut() {
            *last = self.elements.len() as i32;
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.elements.truncate(self.offsets.last().map_or(0, |end| *end as usize));
    }

    /// The rows of a list's elements; empty if there is no list.
    pub(crate) fn rows_of(&self, row: usize) -> Range<usize> {
        range_of(&self.offsets, row)
    }

    /// Where each list ends.
    pub(crate) fn ends(&self) -> &[i32] {
        self.offsets.get(1..).unwrap_or_default()
    }

    /// Adds lists whose elements will be appended next.
    pub(crate) fn extend_ends(&mut self, ends: impl Iterator<Item = i32>) {
        let base = self.elements.len() as i32;
        self.offsets.extend(ends.map(|end| base.wrapping_add(end)));
    }
}

/// What belongs to a row.
fn range_of(offsets: &[i32], row: usize) -> Range<usize> {
    match offsets.get(row..) {
        Some([start, end, ..]) => *start as usize..*end as usize,
        Some(_) | None => 0..0,
    }
}

/// Fills up to `rows` rows with empty texts or lists.
pub(super) fn repeat_last(offsets: &mut Vec<i32>, rows: usize) {
    let last = offsets.last().copied().unwrap_or_default();
    offsets.resize(rows + 1, last);
}
