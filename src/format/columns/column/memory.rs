//! How much memory a column takes, and how much its next rows will need.

use super::{Column, ColumnValues};

/// How much there is in a column and in the columns inside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnSize {
    rows: usize,
    text_bytes: usize,
    inner: Vec<ColumnSize>,
}

impl Column {
    /// Bytes of memory that the column holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let values = match &self.values {
            ColumnValues::Boolean(bits) => bits.capacity_bytes(),
            ColumnValues::Int32(values) => values.capacity() * size_of::<i32>(),
            ColumnValues::Int64(values) => values.capacity() * size_of::<i64>(),
            ColumnValues::Double(values) => values.capacity() * size_of::<f64>(),
            ColumnValues::Decimal(values) => values.capacity() * size_of::<i128>(),
            ColumnValues::Text(texts) => {
                texts.bytes.capacity() + texts.offsets.capacity() * size_of::<i32>()
            }
            ColumnValues::Struct(members) => members.iter().map(Self::held_bytes).sum(),
            ColumnValues::List(lists) => {
                lists.offsets.capacity() * size_of::<i32>() + lists.elements.held_bytes()
            }
        };
        values + self.validity.capacity_bytes() + size_of::<Self>()
    }

    /// Bytes of memory that an empty column keeps for its next rows.
    pub(crate) fn spare_bytes(&self) -> usize {
        self.held_bytes() - size_of::<Self>()
    }

    /// Bytes of the rows themselves, without spare memory.
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

    /// Reserves memory for as much as `like` has and a little more: one block is much like the
    /// next, and growing a buffer step by step would copy it each time.
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
                texts.offsets.reserve(rows + 1);
                texts.bytes.reserve(more(like.text_bytes));
            }
            (ColumnValues::Struct(members), sizes) => {
                members.iter_mut().zip(sizes).for_each(|(member, size)| member.reserve_like(size));
            }
            (ColumnValues::List(lists), sizes) => {
                lists.offsets.reserve(rows + 1);
                sizes.iter().for_each(|size| lists.elements.reserve_like(size));
            }
        }
    }
}
