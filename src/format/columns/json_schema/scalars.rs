//! The types of values without anything inside: what names, formats and `airbyte_type` mean, with
//! the user's options.
//!
//! In: keywords of one schema. Out: a scalar [`ColumnType`].

use super::{Keywords, Mapper, SchemaPath, clipped};
use crate::format::columns::types::{ColumnType, Zone};
use crate::format::{Integers, Numbers, Times};

/// Formats of strings for which files have no type of their own: they are strings without a
/// warning.
pub(super) const PLAIN_FORMATS: &str = "binary byte duration email hostname idn-email idn-hostname \
                             ipv4 ipv6 iri iri-reference json-pointer password regex \
                             relative-json-pointer uri uri-reference uri-template url uuid";

impl Mapper<'_> {
    pub(super) fn integer(&self) -> ColumnType {
        match self.options.integers {
            Integers::Int64 => ColumnType::Integer,
            Integers::Decimal => ColumnType::BigInteger,
            Integers::Text => ColumnType::IntegerText,
        }
    }

    pub(super) fn big_integer(&self) -> ColumnType {
        match self.options.integers {
            Integers::Int64 | Integers::Decimal => ColumnType::BigInteger,
            Integers::Text => ColumnType::IntegerText,
        }
    }

    fn time(&self, zone: Zone) -> ColumnType {
        match self.options.times {
            Times::Text => ColumnType::TimeText(zone),
            Times::Typed => ColumnType::Time(zone),
        }
    }

    pub(super) fn number(&self) -> ColumnType {
        match self.options.numbers {
            Numbers::Double => ColumnType::Double,
            Numbers::Decimal { precision, scale } => ColumnType::Decimal { precision, scale },
            Numbers::Text => ColumnType::NumberText,
        }
    }

    /// The type of a string.
    pub(super) fn string(&mut self, keywords: Keywords<'_>, path: &SchemaPath<'_>) -> ColumnType {
        let Keywords { format, airbyte_type, .. } = keywords;
        match format {
            Some("date") => ColumnType::Date,
            Some("time") => self.time(zone(airbyte_type == Some("time_without_timezone"))),
            Some("date-time") => {
                ColumnType::Timestamp(zone(airbyte_type == Some("timestamp_without_timezone")))
            }
            Some(plain) if PLAIN_FORMATS.split(' ').any(|format| format == plain) => {
                ColumnType::Text
            }
            Some(unknown) => {
                let format = clipped(unknown);
                let message = format!(
                    "has the format {format:?}, which is not known; it is written as a string"
                );
                self.warnings.add(path, message);
                ColumnType::Text
            }
            // `airbyte_type` may also ask for a number here. The type is a string all the same, as
            // some of its values may not fit any of our number types.
            None => match airbyte_type {
                Some("timestamp_with_timezone") => ColumnType::Timestamp(Zone::Utc),
                Some("timestamp_without_timezone") => ColumnType::Timestamp(Zone::Local),
                Some("time_with_timezone") => self.time(Zone::Utc),
                Some("time_without_timezone") => self.time(Zone::Local),
                Some(_) | None => ColumnType::Text,
            },
        }
    }

    /// The type that `$ref: ...WellKnownTypes.json#/definitions/...` names.
    pub(super) fn well_known(&self, target: &str) -> Option<ColumnType> {
        let (file, name) = target.rsplit_once("#/definitions/")?;
        if !file.ends_with("WellKnownTypes.json") {
            return None;
        }
        Some(match name {
            "String" | "BinaryData" => ColumnType::Text,
            "Date" => ColumnType::Date,
            "TimestampWithTimezone" => ColumnType::Timestamp(Zone::Utc),
            "TimestampWithoutTimezone" => ColumnType::Timestamp(Zone::Local),
            "TimeWithTimezone" => self.time(Zone::Utc),
            "TimeWithoutTimezone" => self.time(Zone::Local),
            "Number" => self.number(),
            "Integer" => self.integer(),
            "Boolean" => ColumnType::Boolean,
            _ => return None,
        })
    }
}

/// Whether the values of a type are neither objects nor arrays.
pub(super) fn is_scalar(column_type: &ColumnType) -> bool {
    match column_type {
        ColumnType::JsonText | ColumnType::Struct(_) | ColumnType::List(_) => false,
        ColumnType::Boolean
        | ColumnType::Integer
        | ColumnType::BigInteger
        | ColumnType::Double
        | ColumnType::Decimal { .. }
        | ColumnType::NumberText
        | ColumnType::IntegerText
        | ColumnType::Text
        | ColumnType::Date
        | ColumnType::Time(_)
        | ColumnType::TimeText(_)
        | ColumnType::Timestamp(_) => true,
    }
}

/// What happens to the offset of a time, for a type whose name says "with" or "without time zone".
fn zone(is_without: bool) -> Zone {
    if is_without { Zone::Local } else { Zone::Utc }
}

/// Whether `name` is one of the seven types of JSON Schema, or `int`, which Airbyte's own
/// destinations take too.
pub(super) fn is_type(name: &str) -> bool {
    matches!(
        name,
        "null" | "boolean" | "integer" | "int" | "number" | "string" | "object" | "array"
    )
}
