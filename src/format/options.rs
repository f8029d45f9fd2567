//! Choices that more than one format has, or that any format with typed columns would have.
//!
//! The choices of a single format are in its folder: `text::csv::options`, `parquet::options`.
//! `config` makes all of them from the user's settings.

use super::column_names::ColumnNames;

/// What happens to a record's fields that the stream's schema does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndeclaredFields {
    /// They are kept as JSON text in a last column, [`super::ADDITIONAL_PROPERTIES`].
    Column,
    /// They are left out and counted.
    Drop,
}

/// How a stream's schema becomes typed columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeOptions {
    /// What columns and members of structs are called.
    pub names: ColumnNames,
    /// The type of JSON `number`.
    pub numbers: Numbers,
    /// The type of JSON `integer`.
    pub integers: Integers,
    /// The type of times of day.
    pub times: Times,
    /// The type of objects and arrays.
    pub nested: Nested,
}

impl TypeOptions {
    /// The options where the user chose nothing. A constant, because the settings' schema shows
    /// these defaults.
    pub const DEFAULT: Self = Self {
        names: ColumnNames::Original,
        numbers: Numbers::Double,
        integers: Integers::Int64,
        times: Times::Text,
        nested: Nested::Typed,
    };
}

impl Default for TypeOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The type of JSON `number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// A double: keeps 15 significant digits of any number.
    Double,
    /// An exact decimal.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the decimal point, at most `precision`.
        scale: u8,
    },
    /// Text, digit for digit.
    Text,
}

/// The type of JSON `integer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integers {
    /// A signed integer of 64 bits.
    Int64,
    /// An exact decimal of 38 digits.
    Decimal,
    /// Text, of any length.
    Text,
}

/// The type of a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Text of a fixed width. Parquet's own type makes Spark, Delta, Databend and Athena refuse the
    /// whole file, and ClickHouse shows another value.
    Text,
    /// Parquet's own type.
    Typed,
}

/// The type of objects and arrays whose members or elements the schema declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nested {
    /// Structs and lists.
    Typed,
    /// JSON text.
    Json,
}
