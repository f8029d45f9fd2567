//! Reads values that have nothing inside: strings, numbers, booleans, dates and times.
//!
//! In: the type of a column and the position of a value. Out: the column's row, ended with the
//! value or with null, and a note if the value did not fit.
//!
//! A string that holds a number is read as a number, because many sources send numbers as strings.
//! Blanks at the ends of a string do not count.

use std::ops::Range;

use super::Decoder;
use crate::format::columns::column::{Column, ColumnValues};
use crate::format::columns::conversion_issues::IssueKind;
use crate::format::columns::parsed::{ConversionError, Parsed};
use crate::format::columns::types::{BIG_INTEGER_DIGITS, ColumnType, Zone};
use crate::format::columns::{number, temporal};
use crate::json::{self, JsonError, grammar};

/// A JSON value, as columns of numbers, dates and times see it.
enum Scalar<'t> {
    Null,
    /// The text of a number.
    Number(&'t [u8]),
    /// The content of a string, without escapes.
    Text(&'t [u8]),
    /// A boolean, an array or an object.
    Other,
}

/// What a column makes of a value.
enum Conversion<T> {
    Null,
    Value(Parsed<T>),
    Error(ConversionError),
}

impl Scalar<'_> {
    /// Applies `parse` to a number, or to a string that holds one.
    #[inline(always)]
    fn number<T>(
        self,
        parse: impl FnOnce(&[u8]) -> Result<Parsed<T>, ConversionError>,
    ) -> Conversion<T> {
        match self {
            Self::Null => Conversion::Null,
            Self::Number(text) => parse(text).into(),
            Self::Text(content) => parse(content.trim_ascii()).into(),
            Self::Other => Conversion::Error(ConversionError::WrongType),
        }
    }

    /// Applies `parse` to a string.
    #[inline(always)]
    fn text<T>(
        self,
        parse: impl FnOnce(&[u8]) -> Result<Parsed<T>, ConversionError>,
    ) -> Conversion<T> {
        match self {
            Self::Null => Conversion::Null,
            Self::Text(content) => parse(content).into(),
            Self::Number(_) | Self::Other => Conversion::Error(ConversionError::WrongType),
        }
    }
}

impl<T> From<Result<Parsed<T>, ConversionError>> for Conversion<T> {
    #[inline(always)]
    fn from(result: Result<Parsed<T>, ConversionError>) -> Self {
        match result {
            Ok(parsed) => Self::Value(parsed),
            Err(error) => Self::Error(error),
        }
    }
}

/// A value that columns store in a vector of its Rust type.
trait Primitive: Copy {
    /// The vector, if the column has values of this type.
    fn values(column: &mut ColumnValues) -> Option<&mut Vec<Self>>;
}

impl Primitive for i32 {
    #[inline(always)]
    fn values(column: &mut ColumnValues) -> Option<&mut Vec<Self>> {
        if let ColumnValues::Int32(values) = column { Some(values) } else { None }
    }
}

impl Primitive for i64 {
    #[inline(always)]
    fn values(column: &mut ColumnValues) -> Option<&mut Vec<Self>> {
        if let ColumnValues::Int64(values) = column { Some(values) } else { None }
    }
}

impl Primitive for f64 {
    #[inline(always)]
    fn values(column: &mut ColumnValues) -> Option<&mut Vec<Self>> {
        if let ColumnValues::Double(values) = column { Some(values) } else { None }
    }
}

impl Primitive for i128 {
    #[inline(always)]
    fn values(column: &mut ColumnValues) -> Option<&mut Vec<Self>> {
        if let ColumnValues::Decimal(values) = column { Some(values) } else { None }
    }
}

impl Decoder<'_> {
    /// Reads a value for a column of this type. Returns the position after it.
    #[inline(always)]
    pub(super) fn scalar(
        &mut self,
        column_type: &ColumnType,
        column: &mut Column,
        node: u32,
        pos: usize,
    ) -> Result<usize, JsonError> {
        match *column_type {
            ColumnType::Text => self.text(column, pos),
            ColumnType::JsonText => self.json_text(column, pos),
            ColumnType::Boolean => self.boolean(column, node, pos),
            ColumnType::Integer => match short_integer(self.text, pos) {
                Some((value, end)) => {
                    push(column, value);
                    Ok(end)
                }
                None => {
                    let parse = |text: &[u8]| number::integer(text).map(Parsed::exact);
                    self.primitive(column, node, pos, |scalar| scalar.number(parse))
                }
            },
            ColumnType::BigInteger => {
                self.primitive(column, node, pos, |scalar| scalar.number(big_integer))
            }
            ColumnType::Double => {
                self.primitive(column, node, pos, |scalar| scalar.number(number::double))
            }
            ColumnType::Decimal { precision, scale } => {
                let parse = |text: &[u8]| number::decimal(text, precision, scale);
                self.primitive(column, node, pos, |scalar| scalar.number(parse))
            }
            ColumnType::NumberText => self.number_text(column, node, pos),
            ColumnType::IntegerText => self.integer_text(column, node, pos),
            ColumnType::Date => {
                self.primitive(column, node, pos, |scalar| scalar.text(temporal::date))
            }
            ColumnType::Time(zone) => {
                let parse = |text: &[u8]| temporal::time(text, zone);
                self.primitive(column, node, pos, |scalar| scalar.text(parse))
            }
            ColumnType::TimeText(zone) => self.time_text(column, node, pos, zone),
            ColumnType::Timestamp(zone) => {
                let parse = |text: &[u8]| temporal::timestamp(text, zone);
                self.primitive(column, node, pos, |scalar| scalar.text(parse))
            }
            // These have plans of their own.
            ColumnType::Struct(_) | ColumnType::List(_) => self.json_text(column, pos),
        }
    }

    /// A string without its quotes and escapes; the JSON text of any other value.
    #[inline(always)]
    fn text(&mut self, column: &mut Column, pos: usize) -> Result<usize, JsonError> {
        let text = self.text;
        let ColumnValues::Text(texts) = &mut column.values else {
            return self.json_text(column, pos);
        };
        if text.get(pos) != Some(&b'"') {
            return self.json_text(column, pos);
        }
        let (close, escaped) = grammar::string(text, pos + 1)?;
        if escaped {
            json::unescape(&text[pos + 1..close], texts.open());
            texts.end_text();
        } else {
            texts.push_part(text, pos + 1, close);
        }
        column.validity.push_value();
        Ok(close + 1)
    }

    /// The JSON text of any value.
    fn json_text(&mut self, column: &mut Column, pos: usize) -> Result<usize, JsonError> {
        let value = grammar::value(self.text, pos)?;
        match &mut column.values {
            ColumnValues::Text(texts) if value.kind != json::ValueKind::Null => {
                texts.push(&self.text[pos..value.end]);
                column.validity.push_value();
            }
            _ => column.push_null(),
        }
        Ok(value.end)
    }

    #[inline(always)]
    fn boolean(&mut self, column: &mut Column, node: u32, pos: usize) -> Result<usize, JsonError> {
        let value = grammar::value(self.text, pos)?;
        match (value.kind, &mut column.values) {
            (json::ValueKind::True | json::ValueKind::False, ColumnValues::Boolean(bits)) => {
                bits.push(value.kind == json::ValueKind::True);
                column.validity.push_value();
            }
            _ => self.null_or_wrong_type(column, node, &value, pos),
        }
        Ok(value.end)
    }

    /// A number by its own text.
    fn number_text(
        &mut self,
        column: &mut Column,
        node: u32,
        pos: usize,
    ) -> Result<usize, JsonError> {
        self.written(column, node, pos, |scalar, out| {
            let digits = match scalar {
                Scalar::Number(digits) => digits,
                Scalar::Text(content) if number::is_number(content.trim_ascii()) => {
                    content.trim_ascii()
                }
                Scalar::Null => return Conversion::Null,
                Scalar::Text(_) | Scalar::Other => {
                    return Conversion::Error(ConversionError::WrongType);
                }
            };
            out.extend_from_slice(digits);
            Conversion::Value(Parsed::exact(()))
        })
    }

    /// The digits of an integer.
    fn integer_text(
        &mut self,
        column: &mut Column,
        node: u32,
        pos: usize,
    ) -> Result<usize, JsonError> {
        if let Some((value, end)) = short_integer(self.text, pos)
            && let ColumnValues::Text(texts) = &mut column.values
        {
            // `-0` is an integer too, but is written as `0`.
            texts.push(if value == 0 { b"0" } else { &self.text[pos..end] });
            column.validity.push_value();
            return Ok(end);
        }
        self.written(column, node, pos, |scalar, out| {
            scalar.number(|text| number::write_integer(text, out).map(Parsed::exact))
        })
    }

    /// A time of day as text that sorts.
    fn time_text(
        &mut self,
        column: &mut Column,
        node: u32,
        pos: usize,
        zone: Zone,
    ) -> Result<usize, JsonError> {
        self.written(column, node, pos, |scalar, out| {
            scalar.text(|text| {
                let Parsed { value, lost_digits } = temporal::time(text, zone)?;
                temporal::write_time(value, out);
                Ok(Parsed { value: (), lost_digits })
            })
        })
    }

    /// A timestamp, or a number of epoch milliseconds.
    #[cold]
    pub(super) fn extracted_at(
        &mut self,
        column: &mut Column,
        node: u32,
        pos: usize,
    ) -> Result<usize, JsonError> {
        self.primitive(column, node, pos, |scalar| match scalar {
            Scalar::Number(digits) => {
                number::integer(digits).and_then(temporal::timestamp_of_millis).into()
            }
            other => other.text(|text| temporal::timestamp(text, Zone::Utc)),
        })
    }

    /// Reads the value at `pos`, converts it and ends the row with the result. Returns the position
    /// after the value.
    #[inline(always)]
    fn primitive<T: Primitive>(
        &mut self,
        column: &mut Column,
        node: u32,
        pos: usize,
        convert: impl FnOnce(Scalar<'_>) -> Conversion<T>,
    ) -> Result<usize, JsonError> {
        let (scalar, end) = read_scalar(self.text, pos, &mut self.notes.unescaped)?;
        let conversion = convert(scalar);
        if let Conversion::Value(parsed) = &conversion {
            push(column, parsed.value);
        }
        self.end_row(column, node, &conversion, pos..end);
        Ok(end)
    }

    /// As [`Decoder::primitive`], for a column of text. `convert` writes the text of the row, or
    /// nothing if the value does not fit.
    fn written(
        &mut self,
        column: &mut Column,
        node: u32,
        pos: usize,
        convert: impl FnOnce(Scalar<'_>, &mut Vec<u8>) -> Conversion<()>,
    ) -> Result<usize, JsonError> {
        let (scalar, end) = read_scalar(self.text, pos, &mut self.notes.unescaped)?;
        let conversion = match &mut column.values {
            ColumnValues::Text(texts) => {
                let conversion = convert(scalar, texts.open());
                if let Conversion::Value(_) = conversion {
                    texts.end_text();
                    column.validity.push_value();
                }
                conversion
            }
            // `Column::new` makes no other column for these types.
            _ => Conversion::Null,
        };
        self.end_row(column, node, &conversion, pos..end);
        Ok(end)
    }

    /// Ends the row with null unless a value was pushed, and notes the issue if there is one.
    /// `value` is where the value is in the text.
    #[inline(always)]
    fn end_row<T>(
        &mut self,
        column: &mut Column,
        node: u32,
        conversion: &Conversion<T>,
        value: Range<usize>,
    ) {
        let kind = match conversion {
            Conversion::Value(Parsed { lost_digits: false, .. }) => return,
            Conversion::Value(Parsed { lost_digits: true, .. }) => IssueKind::LostDigits,
            Conversion::Null => {
                column.push_null();
                return;
            }
            Conversion::Error(error) => {
                column.push_null();
                (*error).into()
            }
        };
        self.notes.issue(node, kind, &self.text[value]);
    }
}

/// Ends the row with a value.
#[inline(always)]
fn push<T: Primitive>(column: &mut Column, value: T) {
    if let Some(values) = T::values(&mut column.values) {
        values.push(value);
    }
    column.validity.push_value();
}

/// Reads the value at `pos`. Returns it with the position after it. `unescaped` is scratch memory
/// for a string with escapes.
#[inline(always)]
fn read_scalar<'t>(
    text: &'t [u8],
    pos: usize,
    unescaped: &'t mut Vec<u8>,
) -> Result<(Scalar<'t>, usize), JsonError> {
    let value = grammar::value(text, pos)?;
    let scalar = match value.kind {
        json::ValueKind::Null => Scalar::Null,
        json::ValueKind::Number => Scalar::Number(&text[pos..value.end]),
        json::ValueKind::String if value.escaped => {
            unescaped.clear();
            json::unescape(&text[pos + 1..value.end - 1], unescaped);
            Scalar::Text(unescaped)
        }
        json::ValueKind::String => Scalar::Text(&text[pos + 1..value.end - 1]),
        json::ValueKind::True
        | json::ValueKind::False
        | json::ValueKind::Array
        | json::ValueKind::Object => Scalar::Other,
    };
    Ok((scalar, value.end))
}

/// An integer of up to 38 digits. A fraction is an error, because the number without it would be a
/// different one.
fn big_integer(text: &[u8]) -> Result<Parsed<i128>, ConversionError> {
    match number::decimal(text, BIG_INTEGER_DIGITS, 0) {
        Ok(Parsed { lost_digits: true, .. }) => Err(ConversionError::WrongType),
        result => result,
    }
}

/// Reads an integer of at most 18 digits in its plainest spelling. Returns it with the position
/// after it, or `None` for anything else, JSON or not: the caller then reads the value in the
/// general way.
#[inline(always)]
fn short_integer(text: &[u8], pos: usize) -> Option<(i64, usize)> {
    let negative = text.get(pos) == Some(&b'-');
    let start = pos + usize::from(negative);
    let mut end = start;
    let mut value = 0i64;
    while let Some(digit @ b'0'..=b'9') = text.get(end) {
        // Wraps only beyond 18 digits, which are refused below.
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        end += 1;
    }
    let digits = end - start;
    // JSON has no numbers such as `007`.
    let leading_zero = digits > 1 && text.get(start) == Some(&b'0');
    let is_longer = matches!(text.get(end), Some(b'.' | b'e' | b'E'));
    if digits == 0 || digits > 18 || leading_zero || is_longer {
        return None;
    }
    Some((if negative { -value } else { value }, end))
}
