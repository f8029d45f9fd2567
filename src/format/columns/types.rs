//! The types of columns: what a JSON schema is mapped to, and what Arrow and Parquet see of it.
//!
//! Every column, member and element may be null. Which values a type takes is said in `decode`;
//! which schema means which type in `schema`.

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, TimeUnit};

/// A named column, or a named member of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name that records use.
    pub source_name: String,
    /// The name in the file: the same, unless two names differ only in case.
    pub name: String,
    /// What it holds.
    pub column_type: ColumnType,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// True or false.
    Boolean,
    /// A signed integer of 64 bits.
    Integer,
    /// An integer of up to [`BIG_INTEGER_DIGITS`] digits: a decimal without digits behind the
    /// point.
    BigInteger,
    /// A double.
    Double,
    /// An exact decimal.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// A number by its own text.
    NumberText,
    /// An integer as text: its digits and its sign.
    IntegerText,
    /// A string; other values by their JSON text.
    Text,
    /// Any value by its JSON text.
    JsonText,
    /// A day.
    Date,
    /// A time of day in microseconds.
    Time(Zone),
    /// A time of day as text: `HH:MM:SS.ffffff`, always 15 characters, so that it sorts.
    TimeText(Zone),
    /// A date and time in microseconds.
    Timestamp(Zone),
    /// An object with declared members; never empty.
    Struct(Vec<Field>),
    /// An array of one type.
    List(Box<ColumnType>),
}

/// What the offset of a time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The time is moved to UTC.
    Utc,
    /// The offset is dropped, the fields stay as they are written.
    Local,
}

/// The most digits that a decimal of 128 bits always holds.
pub(crate) const BIG_INTEGER_DIGITS: u8 = 38;

/// The name of a list's element: the one of the Parquet format's own rules, which every engine
/// knows.
const ELEMENT: &str = "element";

/// What is inside a type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Inside<'t> {
    /// Nothing: a column holds its values itself.
    Nothing,
    /// Declared members.
    Members(&'t [Field]),
    /// Elements of one type.
    Elements(&'t ColumnType),
}

impl Field {
    /// A field whose name in the file is the one that records use.
    #[must_use]
    pub fn new(name: &str, column_type: ColumnType) -> Self {
        Self { source_name: name.to_owned(), name: name.to_owned(), column_type }
    }

    /// The same for Arrow. May be null, as everything here.
    #[must_use]
    pub fn to_arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.column_type.to_arrow(), true)
    }
}

impl ColumnType {
    /// What is inside.
    pub(crate) fn inside(&self) -> Inside<'_> {
        match self {
            Self::Struct(fields) => Inside::Members(fields),
            Self::List(element) => Inside::Elements(element),
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
            | Self::Timestamp(_) => Inside::Nothing,
        }
    }

    /// The same for Arrow.
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

/// The field of a list's elements.
pub(crate) fn element_field(element: &ColumnType) -> ArrowField {
    ArrowField::new(ELEMENT, element.to_arrow(), true)
}
