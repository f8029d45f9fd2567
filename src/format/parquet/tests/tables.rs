//! Schemas and arrays for tests.

use std::sync::Arc;

use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, BooleanArray, ListArray, PrimitiveArray, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

pub(super) fn field(name: &str, of: DataType) -> Field {
    Field::new(name, of, true)
}

pub(super) fn list(of: DataType) -> DataType {
    DataType::List(Arc::new(field("element", of)))
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

/// A schema with every type that columns have, and with nested lists and structs.
pub(super) fn every_type() -> SchemaRef {
    let change = ["field", "change", "reason"].map(|name| field(name, DataType::Utf8));
    let change = DataType::Struct(change.into_iter().collect());
    let price = DataType::Decimal128(38, 9);
    let item = Fields::from(vec![field("price", price), field("tags", list(DataType::Utf8))]);
    let meta =
        Fields::from(vec![field("sync_id", DataType::Int64), field("changes", list(change))]);
    Arc::new(Schema::new(vec![
        field("_airbyte_raw_id", DataType::Utf8),
        field("_airbyte_extracted_at", utc()),
        field("_airbyte_generation_id", DataType::Int64),
        field("_airbyte_meta", DataType::Struct(meta)),
        field("paid", DataType::Boolean),
        field("amount", DataType::Float64),
        field("small", DataType::Decimal128(9, 2)),
        field("middle", DataType::Decimal128(18, 0)),
        field("large", DataType::Decimal128(38, 0)),
        field("day", DataType::Date32),
        field("time", DataType::Time64(TimeUnit::Microsecond)),
        field("local", DataType::Timestamp(TimeUnit::Microsecond, None)),
        field("matrix", list(list(DataType::Int64))),
        field("items", list(DataType::Struct(item))),
        field("dotted.name", DataType::Utf8),
    ]))
}

pub(super) const EVERY_TYPE: &str = "message schema {
  OPTIONAL BYTE_ARRAY _airbyte_raw_id (STRING);
  OPTIONAL INT64 _airbyte_extracted_at (TIMESTAMP(MICROS,true));
  OPTIONAL INT64 _airbyte_generation_id;
  OPTIONAL group _airbyte_meta {
    OPTIONAL INT64 sync_id;
    OPTIONAL group changes (LIST) {
      REPEATED group list {
        OPTIONAL group element {
          OPTIONAL BYTE_ARRAY field (STRING);
          OPTIONAL BYTE_ARRAY change (STRING);
          OPTIONAL BYTE_ARRAY reason (STRING);
        }
      }
    }
  }
  OPTIONAL BOOLEAN paid;
  OPTIONAL DOUBLE amount;
  OPTIONAL INT32 small (DECIMAL(9,2));
  OPTIONAL INT64 middle (DECIMAL(18,0));
  OPTIONAL FIXED_LEN_BYTE_ARRAY (16) large (DECIMAL(38,0));
  OPTIONAL INT32 day (DATE);
  OPTIONAL INT64 time (TIME(MICROS,false));
  OPTIONAL INT64 local (TIMESTAMP(MICROS,false));
  OPTIONAL group matrix (LIST) {
    REPEATED group list {
      OPTIONAL group element (LIST) {
        REPEATED group list {
          OPTIONAL INT64 element;
        }
      }
    }
  }
  OPTIONAL group items (LIST) {
    REPEATED group list {
      OPTIONAL group element {
        OPTIONAL FIXED_LEN_BYTE_ARRAY (16) price (DECIMAL(38,9));
        OPTIONAL group tags (LIST) {
          REPEATED group list {
            OPTIONAL BYTE_ARRAY element (STRING);
          }
        }
      }
    }
  }
  OPTIONAL BYTE_ARRAY dotted.name (STRING);
}
";

/// A generator of pseudo-random numbers, always the same.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn nulls(&mut self, rows: usize, percent: u64) -> Option<NullBuffer> {
        (percent > 0).then(|| (0..rows).map(|_| self.below(100) >= percent).collect())
    }
}

/// Values of a type, of which about `distinct` differ.
pub(super) fn values(
    of: &DataType,
    rows: usize,
    distinct: u64,
    percent_null: u64,
    draw: &mut Draw,
) -> ArrayRef {
    let nulls = draw.nulls(rows, percent_null);
    macro_rules! primitive {
        ($of:ty, $native:ty) => {{
            let values = (0..rows).map(|_| draw.below(distinct) as $native).collect();
            Arc::new(PrimitiveArray::<$of>::new(values, nulls).with_data_type(of.clone()))
        }};
    }
    match of {
        DataType::Boolean => {
            let values = (0..rows).map(|_| draw.below(2) == 1).collect();
            Arc::new(BooleanArray::new(values, nulls))
        }
        DataType::Int64 => primitive!(Int64Type, i64),
        DataType::Float64 => primitive!(Float64Type, f64),
        DataType::Decimal128(_, _) => primitive!(Decimal128Type, i128),
        DataType::Date32 => primitive!(Date32Type, i32),
        DataType::Time64(_) => primitive!(Time64MicrosecondType, i64),
        DataType::Timestamp(_, _) => primitive!(TimestampMicrosecondType, i64),
        DataType::Utf8 => {
            let texts: Vec<String> =
                (0..rows).map(|_| format!("täxt {}", draw.below(distinct))).collect();
            let valid =
                |(ix, text)| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(ix)).then_some(text);
            Arc::new(texts.into_iter().enumerate().map(valid).collect::<StringArray>())
        }
        DataType::Struct(members) => {
            let of_member = |member: &Arc<Field>| {
                values(
                    member.data_type(),
                    rows,
                    distinct,
                    percent_null,
                    &mut Draw(draw.below(u64::MAX)),
                )
            };
            let arrays = members.iter().map(of_member).collect();
            Arc::new(StructArray::new(members.clone(), arrays, nulls))
        }
        DataType::List(element) => {
            let ends: OffsetBuffer<i32> =
                OffsetBuffer::from_lengths((0..rows).map(|_| draw.below(4) as usize));
            let count = usize::try_from(ends.last()).unwrap();
            let elements = values(element.data_type(), count, distinct, percent_null, draw);
            Arc::new(ListArray::new(Arc::clone(element), ends, elements, nulls))
        }
        other => panic!("no columns are {other}"),
    }
}

pub(super) fn table(
    schema: &SchemaRef,
    rows: usize,
    distinct: u64,
    percent_null: u64,
    seed: u64,
) -> Vec<ArrayRef> {
    let mut draw = Draw(seed);
    let of_column =
        |field: &Arc<Field>| values(field.data_type(), rows, distinct, percent_null, &mut draw);
    schema.fields().iter().map(of_column).collect()
}
