//! A few rows of many columns in one buffer.
//!
//! With hundreds of interleaved streams, a block of input has a handful of rows of each. As columns
//! they would take thousands of tiny allocations per block, and most of that memory would be
//! unused. Packed, they take one allocation.
//!
//! In: columns. Out: a [`PackedBatch`]. Each of its columns can be unpacked by itself and appended
//! to other rows.
//!
//! The layout, which never leaves this process: the position of each column; then, per column, the
//! number of its rows, a byte that says whether validity bits follow, the bits, the values, and the
//! columns inside it. Numbers are in the machine's byte order, so that values are copied as they
//! are.
//!
//! Not here: when rows are packed (`record_decoder`).

use arrow_buffer::ToByteSlice;

use super::bits::{Bits, Validity};
use super::column::{Column, ColumnError, ColumnValues, ListValues, TextValues, mismatch};

/// Rows of one stream in one buffer.
#[derive(Clone, Debug)]
pub struct PackedBatch {
    bytes: Box<[u8]>,
    rows: usize,
}

/// The usual overhead of a column: its position, a length, validity bits.
const TYPICAL_OVERHEAD_BYTES: usize = 16;

/// Bytes of a length.
const LENGTH_BYTES: usize = size_of::<u32>();

impl PackedBatch {
    /// Packs the rows of `columns`. `used_bytes` is about how much they take.
    pub(super) fn new(columns: &[Column], rows: usize, used_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(used_bytes + columns.len() * TYPICAL_OVERHEAD_BYTES);
        bytes.resize(columns.len() * LENGTH_BYTES, 0);
        for (ix, column) in columns.iter().enumerate() {
            let start = bytes.len() as u32;
            let position = ix * LENGTH_BYTES;
            bytes[position..position + LENGTH_BYTES].copy_from_slice(&start.to_ne_bytes());
            pack(column, &mut bytes);
        }
        Self { bytes: bytes.into_boxed_slice(), rows }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of memory that the batch holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }

    /// Appends the rows of the column at index `column` to the `rows` rows of `into`, which has the
    /// same type.
    ///
    /// # Errors
    /// [`ColumnError`] if `into` has another type, which is a defect of this program.
    pub fn unpack(&self, column: usize, into: &mut Column, rows: usize) -> Result<(), ColumnError> {
        let mut starts =
            Reader { bytes: self.bytes.get(column * LENGTH_BYTES..).unwrap_or_default() };
        starts
            .length()
            .and_then(|start| self.bytes.get(start..))
            .and_then(|bytes| unpack(&mut Reader { bytes }, into, rows))
            .ok_or_else(|| mismatch("packed rows are not those of the column"))
    }
}

fn pack(column: &Column, out: &mut Vec<u8>) {
    let rows = column.len();
    push_length(rows, out);
    if rows == 0 {
        return;
    }
    match column.validity.bits() {
        Some(bits) => {
            out.push(1);
            out.extend_from_slice(bits.as_bytes());
        }
        None => out.push(0),
    }
    match &column.values {
        ColumnValues::Boolean(bits) => out.extend_from_slice(bits.as_bytes()),
        ColumnValues::Int32(values) => out.extend_from_slice(values.to_byte_slice()),
        ColumnValues::Int64(values) => out.extend_from_slice(values.to_byte_slice()),
        ColumnValues::Double(values) => out.extend_from_slice(values.to_byte_slice()),
        ColumnValues::Decimal(values) => out.extend_from_slice(values.to_byte_slice()),
        ColumnValues::Text(texts) => {
            out.extend_from_slice(texts.ends().to_byte_slice());
            out.extend_from_slice(texts.bytes());
        }
        ColumnValues::Struct(members) => members.iter().for_each(|member| pack(member, out)),
        ColumnValues::List(lists) => {
            out.extend_from_slice(lists.ends().to_byte_slice());
            pack(&lists.elements, out);
        }
    }
}

fn unpack(reader: &mut Reader<'_>, into: &mut Column, rows: usize) -> Option<()> {
    let count = reader.length()?;
    if count == 0 {
        return Some(());
    }
    // The column may have ended before its rows did.
    into.fill(rows);
    let bits = match reader.take(1)? {
        [0] => None,
        _ => Some(Bits::from_bytes(reader.take(count.div_ceil(8))?, count)),
    };
    into.validity.append(&Validity::from_bits(bits, count));
    match &mut into.values {
        ColumnValues::Boolean(values) => {
            values.append(&Bits::from_bytes(reader.take(count.div_ceil(8))?, count))
        }
        ColumnValues::Int32(values) => values.extend(reader.numbers(count, i32::from_ne_bytes)?),
        ColumnValues::Int64(values) => values.extend(reader.numbers(count, i64::from_ne_bytes)?),
        ColumnValues::Double(values) => values.extend(reader.numbers(count, f64::from_ne_bytes)?),
        ColumnValues::Decimal(values) => values.extend(reader.numbers(count, i128::from_ne_bytes)?),
        ColumnValues::Text(texts) => unpack_texts(reader, texts, count)?,
        ColumnValues::Struct(members) => {
            for member in members {
                unpack(reader, member, rows)?;
            }
        }
        ColumnValues::List(lists) => unpack_lists(reader, lists, count)?,
    }
    Some(())
}

fn unpack_texts(reader: &mut Reader<'_>, texts: &mut TextValues, count: usize) -> Option<()> {
    let ends = reader.clone().numbers(count, i32::from_ne_bytes)?;
    reader.take(count * size_of::<i32>())?;
    let length = ends.clone().last().and_then(|end| usize::try_from(end).ok())?;
    texts.extend(ends, reader.take(length)?);
    Some(())
}

fn unpack_lists(reader: &mut Reader<'_>, lists: &mut ListValues, count: usize) -> Option<()> {
    let ends = reader.numbers(count, i32::from_ne_bytes)?;
    lists.extend_ends(ends);
    let rows = lists.elements.len();
    unpack(reader, &mut lists.elements, rows)
}

fn push_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u32).to_ne_bytes());
}

/// The bytes that remain to be unpacked.
#[derive(Clone)]
struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn length(&mut self) -> Option<usize> {
        let (bytes, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        usize::try_from(u32::from_ne_bytes(*bytes)).ok()
    }

    fn numbers<const N: usize, T>(
        &mut self,
        count: usize,
        number: impl Fn([u8; N]) -> T + Clone + 'a,
    ) -> Option<impl Iterator<Item = T> + Clone + 'a> {
        let (numbers, _) = self.take(count * N)?.as_chunks::<N>();
        Some(numbers.iter().map(move |bytes| number(*bytes)))
    }
}
