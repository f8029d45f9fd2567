//! Converts a column to an Arrow array, which takes over its buffers without a copy.

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

use super::{Column, ColumnValues};
use crate::error::{Classified, FailureType};
use crate::format::columns::types::{ColumnType, Field, Zone, element_field};

/// A column cannot become an Arrow array: a defect of this program, or more than 2 GiB of text in
/// one column.
#[derive(Debug, thiserror::Error)]
#[error("the rows of a block do not make a column of a Parquet file; please report this")]
pub struct ColumnError(#[from] ArrowError);

impl Classified for ColumnError {
    fn failure_type(&self) -> FailureType {
        FailureType::System
    }
}

impl Column {
    /// Converts the column to an Arrow array of `rows` rows. `column_type` is the type that the
    /// column was made for.
    ///
    /// # Errors
    /// [`ColumnError`], which no record can cause.
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
                let offsets = arrow_offsets(texts.offsets, texts.bytes.len())?;
                Arc::new(StringArray::try_new(offsets, Buffer::from_vec(texts.bytes), nulls)?)
            }
            (ColumnValues::Struct(members), ColumnType::Struct(fields)) => {
                let arrays = members
                    .into_iter()
                    .zip(fields)
                    .map(|(member, field)| member.into_arrow(&field.column_type, rows))
                    .collect::<Result<Vec<_>, _>>()?;
                let fields = fields.iter().map(Field::to_arrow).collect();
                Arc::new(StructArray::try_new(fields, arrays, nulls)?)
            }
            (ColumnValues::List(lists), ColumnType::List(element)) => {
                let count = lists.elements.len();
                let elements = lists.elements.into_arrow(element, count)?;
                let field = Arc::new(element_field(element));
                Arc::new(ListArray::try_new(
                    field,
                    arrow_offsets(lists.offsets, count)?,
                    elements,
                    nulls,
                )?)
            }
            (ColumnValues::Decimal(_) | ColumnValues::Struct(_) | ColumnValues::List(_), _) => {
                return Err(mismatch("a column is of another type than its field"));
            }
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    nulls: Option<NullBuffer>,
) -> Result<PrimitiveArray<T>, ColumnError> {
    Ok(PrimitiveArray::try_new(ScalarBuffer::from(values), nulls)?)
}

/// Converts our offsets to Arrow's. Checks what the constructor of Arrow would panic on.
fn arrow_offsets(offsets: Vec<i32>, end: usize) -> Result<OffsetBuffer<i32>, ColumnError> {
    let is_complete = offsets.last().and_then(|last| usize::try_from(*last).ok()) == Some(end);
    if offsets.first() != Some(&0) || !is_complete || !offsets.is_sorted() {
        return Err(mismatch(
            "a column has more than 2 GiB of text, or of list elements, in one block",
        ));
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

#[cold]
pub(crate) fn mismatch(what: &str) -> ColumnError {
    ColumnError(ArrowError::InvalidArgumentError(what.to_owned()))
}
