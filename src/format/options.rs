//! Choices that more than one format has.
//!
//! What only one format lets a user choose stands in its folder: `text::csv::options` and
//! `parquet::options`. `config` makes all of them from the user's settings.

use super::column_names::ColumnNames;

/// What becomes of a record's fields that the stream's schema does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndeclaredFields {
    /// Kept as JSON text in a last column, `_airbyte_additional_properties`.
    Column,
    /// Left out, and counted.
    Drop,
}

/// How schemas become columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeOptions {
    /// What columns and members are called.
    pub names: ColumnNames,
    /// What numbers with a fraction become.
    pub numbers: Numbers,
    /// What integers become.
    pub integers: Integers,
    /// What times of day become.
    pub times: Times,
    /// What objects and arrays become.
    pub nested: Nested,
}

impl TypeOptions {
    /// What the settings mean where they say nothing.
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

/// What a JSON `number` becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// A double: 15 digits always, 17 at most.
    Double,
    /// An exact decimal.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// Text, digit for digit.
    Text,
}

/// What a JSON `integer` becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integers {
    /// A signed integer of 64 bits.
    Int64,
    /// An exact decimal of 38 digits.
    Decimal,
    /// Text, of any length.
    Text,
}

/// What a time of day becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Text of a fixed width. Spark, Delta, Databend and Athena refuse the whole file for one
    /// column of Parquet's own type; ClickHouse shows another value.
    Text,
    /// Parquet's own type.
    Typed,
}

/// What objects and arrays with a declared inside become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nested {
    /// Structs and lists.
    Typed,
    /// JSON text.
    Json,
}
