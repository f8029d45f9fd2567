//! The types of columns: what JSON schemas are mapped to, and the Arrow types that files have.
//!
//! Every column, member and element may be null.
//!
//! Not here: which values fit a type (`decode`), which JSON schema has which type (`json_schema`).

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, TimeUnit};

/// A named column, or a named member of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name that records use.
    pub source_name: String,
    /// The name in the file. It differs if two names would be the same to a reader that ignores
    /// case, or if the user wants names that every engine takes.
    pub name: String,
    /// The type of its values.
    pub column_type: ColumnType,
}

/// The type of a column's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// True or false.
    Boolean,
    /// A signed integer of 64 bits.
    Integer,
    /// An integer of up to [`BIG_INTEGER_DIGITS`] digits: a decimal without digits after the point.
    BigInteger,
    /// A double.
    Double,
    /// An exact decimal.
    Decimal {
        /// The number of digits, 1 to 38.
        precision: u8,
        /// How many of them come after the point.
        scale: u8,
    },
    /// A number, as the record spells it.
    NumberText,
    /// An integer as text: its sign and its digits.
    IntegerText,
    /// A string; other values as JSON text.
    Text,
    /// Any value as JSON text.
    JsonText,
    /// A day.
    Date,
    /// A time of day in microseconds.
    Time(Zone),
    /// A time of day as text: `HH:MM:SS.ffffff`. It always has 15 characters, so that it sorts.
    TimeText(Zone),
    /// A date and time in microseconds.
    Timestamp(Zone),
    /// An object with declared members, of which there is at least one.
    Struct(Vec<Field>),
    /// An array whose elements have one type.
    List(Box<ColumnType>),
}

/// What happens to the UTC offset of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The time is converted to UTC.
    Utc,
    /// The offset is dropped; the time stays as it is written.
    Local,
}

/// The most digits that a decimal of 128 bits always holds.
pub(super) const BIG_INTEGER_DIGITS: u8 = 38;

/// The name of a list's elements in the file: the one that the Parquet format prescribes.
const ELEMENT: &str = "element";

/// What is inside a type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Children<'t> {
    /// Nothing: the column has the values itself.
    None,
    /// The members of a struct.
    Members(&'t [Field]),
    /// The elements of a list.
    Elements(&'t ColumnType),
}

impl Field {
    /// A field with the same name in records and in the file.
    #[must_use]
    pub fn new(name: &str, column_type: ColumnType) -> Self {
        Self { source_name: name.to_owned(), name: name.to_owned(), column_type }
    }

    /// The Arrow field, which may be null.
    #[must_use]
    pub fn to_arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.column_type.to_arrow(), true)
    }
}

impl ColumnType {
    /// What is inside this type.
    pub(super) fn children(&self) -> Children<'_> {
        match self {
            Self::Struct(fields) => Children::Members(fields),
            Self::List(element) => Children::Elements(element),
            Self::Boolean
            | Self::Integer
            | Self::BigInteger
            | Self::Double
            | Self::Decimal { .. }
            | Self::NumberText
            | Self::IntegerText
            | Self::TimeText(_)
            | Self::Text
            | Self::JsonText
            | Self::Date
            | Self::Time(_)
            | Self::Timestamp(_) => Children::None,
        }
    }

    /// The Arrow type.
    #[must_use]
    pub fn to_arrow(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::BigInteger => DataType::Decimal128(BIG_INTEGER_DIGITS, 0),
            Self::Double => DataType::Float64,
            Self::Decimal { precision, scale } => {
                DataType::Decimal128(*precision, (*scale).cast_signed())
            }
            Self::NumberText
            | Self::IntegerText
            | Self::TimeText(_)
            | Self::Text
            | Self::JsonText => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Time(_) => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp(Zone::Utc) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
            }
            Self::Timestamp(Zone::Local) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Struct(fields) => DataType::Struct(fields.iter().map(Field::to_arrow).collect()),
            Self::List(element) => DataType::List(Arc::new(element_field(element))),
        }
    }
}

/// The Arrow field of a list's elements.
pub(super) fn element_field(element: &ColumnType) -> ArrowField {
    ArrowField::new(ELEMENT, element.to_arrow(), true)
}
