//! Reads an object's text straight into its columns.
//!
//! In: a text that is valid UTF-8 and the position of an object or a value in it. Out: values at
//! the end of the columns, notes on what did not fit and on members that nobody declared, and the
//! position behind what was read.
//!
//! Invariants
//! - All of the text that is read is validated as JSON, whether a column takes it or not.
//! - Each value ends its column's row exactly once, as a value or as null.
//! - Of several members of one name the last counts; nothing of the others is left.
//! - Recursion is as deep as the stream's types, which `schema` bounds; JSON inside one value is
//!   walked without.
//!
//! Not here: the end of a row (`row`).

use std::ops::Range;

use super::column::{Column, ColumnValues};
use super::conversion_issues::{IssueKind, IssueLog};
use super::decode_plan::{DecodePlan, Kind, Members};
use super::number;
use super::parsed::{ConversionError, Parsed};
use super::temporal;
use super::types::{BIG_INTEGER_DIGITS, Zone};
use super::undeclared::{UndeclaredLog, UndeclaredMember};
use crate::json::field_order::START;
use crate::json::grammar::{self, Step};
use crate::json::{self, JsonError};

/// What is noted while a record is read, and room to work in.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) issues: IssueLog,
    pub(crate) undeclared: UndeclaredLog,
    /// Places in the lists that are being read, outermost first.
    positions: Vec<u32>,
    unescaped: Vec<u8>,
}

/// TextValues of notes keep this much from one block to the next.
const KEPT_BYTES: usize = 16 * 1024;

impl Notes {
    /// Gives back what an unusually long value has made the scratch grow by.
    pub(crate) fn trim(&mut self) {
        if self.unescaped.capacity() > KEPT_BYTES {
            self.unescaped = Vec::new();
        }
        self.undeclared.release_memory(KEPT_BYTES);
        self.issues.release_memory();
    }
}

/// Reads the object whose `{` is at `pos`. `columns` are those of its members, `rows` is how many
/// rows are before it.
pub(crate) fn read_object(
    notes: &mut Notes,
    members: &mut Members,
    columns: &mut [Column],
    rows: usize,
    text: &[u8],
    pos: usize,
) -> Result<usize, JsonError> {
    members.tidy();
    let since = (notes.issues.position(), notes.undeclared.position());
    let mut previous = START;
    let mut step = grammar::first(text, pos, b'}');
    loop {
        let at = match step {
            Step::Next(at) => at,
            Step::Closed(end) => return Ok(end),
        };
        let (number, value_at) = match members.order.guess(previous, text, at) {
            Some((number, colon)) => (number, grammar::whitespace(text, colon)),
            None => {
                let key = grammar::key(text, at)?;
                (members.order.find(previous, text, key.start..key.end, key.escaped), key.value)
            }
        };
        previous = number;
        let ix = (number as usize).wrapping_sub(1);
        let end = match (members.members_plans.get_mut(ix), columns.get_mut(ix)) {
            (Some(plan), Some(column)) => {
                if column.len() != rows {
                    prepare(notes, plan, column, rows, since);
                }
                read_value(notes, plan, column, text, value_at)?
            }
            _ => read_extra(notes, members, number, since.1, text, at, value_at)?,
        };
        step = grammar::next(text, end, b'}')?;
    }
}

/// Notes a member that nobody declared, which begins at `at`.
#[cold]
fn read_extra(
    notes: &mut Notes,
    members: &mut Members,
    number: u32,
    since: usize,
    text: &[u8],
    at: usize,
    value_at: usize,
) -> Result<usize, JsonError> {
    let key = grammar::key(text, at)?;
    let value = grammar::value(text, value_at)?;
    let Notes { undeclared, positions, .. } = notes;
    let member = UndeclaredMember {
        node: members.node,
        name: number,
        positions,
        key: &text[key.start..key.end],
        value: &text[value_at..value.end],
    };
    undeclared.note(member, since, &mut members.noted);
    Ok(value.end)
}

/// Brings a column that has too few rows, or the row of an earlier member of the same name, to
/// `rows` rows.
#[cold]
fn prepare(
    notes: &mut Notes,
    plan: &DecodePlan,
    column: &mut Column,
    rows: usize,
    since: (usize, usize),
) {
    if column.len() > rows {
        column.truncate(rows);
        let nodes: Range<u32> = plan.node..plan.end;
        notes.issues.undo(since.0, &nodes);
        notes.undeclared.undo(since.1, &nodes);
    } else {
        column.fill(rows);
    }
}

/// Reads the value at `pos` and ends the column's row with it.
#[inline]
pub(crate) fn read_value(
    notes: &mut Notes,
    plan: &mut DecodePlan,
    column: &mut Column,
    text: &[u8],
    pos: usize,
) -> Result<usize, JsonError> {
    let node = plan.node;
    let validity = &mut column.validity;
    match (&mut plan.kind, &mut column.values) {
        (Kind::Text, ColumnValues::Text(texts)) if text.get(pos) == Some(&b'"') => {
            let (close, escaped) = grammar::string(text, pos + 1)?;
            if escaped {
                json::unescape(&text[pos + 1..close], texts.open());
                texts.end_text();
            } else {
                texts.push_part(text, pos + 1, close);
            }
            validity.push_value();
            Ok(close + 1)
        }
        (Kind::Text | Kind::JsonText, ColumnValues::Text(texts)) => {
            let value = grammar::value(text, pos)?;
            if value.kind == json::ValueKind::Null {
                column.push_null();
            } else {
                texts.push(&text[pos..value.end]);
                validity.push_value();
            }
            Ok(value.end)
        }
        (Kind::Integer, ColumnValues::Int64(values)) => {
            if let Some((value, end)) = short_integer(text, pos) {
                values.push(value);
                validity.push_value();
                return Ok(end);
            }
            let (read, end) =
                read_number(notes, text, pos, |text| number::integer(text).map(Parsed::exact))?;
            end_row(notes, column, node, read, &text[pos..end]);
            Ok(end)
        }
        (Kind::Double, ColumnValues::Double(_)) => {
            let (read, end) = read_number(notes, text, pos, number::double)?;
            end_row(notes, column, node, read, &text[pos..end]);
            Ok(end)
        }
        (Kind::BigInteger, ColumnValues::Decimal(_)) => {
            // A fraction that is cut off would be another number.
            let whole = |text: &[u8]| match number::decimal(text, BIG_INTEGER_DIGITS, 0) {
                Ok(Parsed { lost_digits: true, .. }) => Err(ConversionError::WrongType),
                read => read,
            };
            let (read, end) = read_number(notes, text, pos, whole)?;
            end_row(notes, column, node, read, &text[pos..end]);
            Ok(end)
        }
        (Kind::Decimal { precision, scale }, ColumnValues::Decimal(_)) => {
            let (precision, scale) = (*precision, *scale);
            let (read, end) =
                read_number(notes, text, pos, |text| number::decimal(text, precision, scale))?;
            end_row(notes, column, node, read, &text[pos..end]);
            Ok(end)
        }
        (Kind::NumberText, ColumnValues::Text(texts)) => {
            let (scalar, end) = read_scalar(text, pos, &mut notes.unescaped)?;
            match scalar {
                Some(Ok(Scalar::Number(digits))) => {
                    texts.push(digits);
                    validity.push_value();
                }
                Some(Ok(Scalar::Text(content))) if number::is_number(content.trim_ascii()) => {
                    texts.push(content.trim_ascii());
                    validity.push_value();
                }
                Some(_) => {
                    column.push_null();
                    notes.issue(node, IssueKind::WrongType, &text[pos..end]);
                }
                None => column.push_null(),
            }
            Ok(end)
        }
        (Kind::IntegerText, ColumnValues::Text(texts)) => {
            if let Some((value, end)) = short_integer(text, pos) {
                // A zero has no sign.
                texts.push(if value == 0 { b"0" } else { &text[pos..end] });
                validity.push_value();
                return Ok(end);
            }
            let (read, end) = read_number(notes, text, pos, |digits| {
                number::write_integer(digits, texts.open()).map(Parsed::exact)
            })?;
            end_text(
                notes,
                column,
                node,
                read.map(|read| read.map(|parsed| parsed.lost_digits)),
                &text[pos..end],
            );
            Ok(end)
        }
        (Kind::Boolean, ColumnValues::Boolean(bits)) => {
            let value = grammar::value(text, pos)?;
            match value.kind {
                json::ValueKind::True | json::ValueKind::False => {
                    bits.push(value.kind == json::ValueKind::True);
                    validity.push_value();
                }
                kind => push_other(notes, column, node, kind, &text[pos..value.end]),
            }
            Ok(value.end)
        }
        (Kind::Date, ColumnValues::Int32(_)) => {
            let (read, end) = read_text(notes, text, pos, temporal::date)?;
            end_row(notes, column, node, read, &text[pos..end]);
            Ok(end)
        }
        (Kind::Time(zone), ColumnValues::Int64(_)) => {
            let zone = *zone;
            let (read, end) = read_text(notes, text, pos, |text| temporal::time(text, zone))?;
            end_row(notes, column, node, read, &text[pos..end]);
            Ok(end)
        }
        (Kind::TimeText(zone), ColumnValues::Text(texts)) => {
            let zone = *zone;
            let (read, end) = read_text(notes, text, pos, |text| temporal::time(text, zone))?;
            if let Some(Ok(parsed)) = &read {
                temporal::write_time(parsed.value, texts.open());
            }
            end_text(
                notes,
                column,
                node,
                read.map(|read| read.map(|parsed| parsed.lost_digits)),
                &text[pos..end],
            );
            Ok(end)
        }
        (Kind::Timestamp(zone), ColumnValues::Int64(_)) => {
            let zone = *zone;
            let (read, end) = read_text(notes, text, pos, |text| temporal::timestamp(text, zone))?;
            end_row(notes, column, node, read, &text[pos..end]);
            Ok(end)
        }
        (Kind::ExtractedAt, ColumnValues::Int64(_)) => {
            let (read, end) = read_extracted_at(notes, text, pos)?;
            end_row(notes, column, node, read, &text[pos..end]);
            Ok(end)
        }
        (Kind::Struct(members), ColumnValues::Struct(columns)) if text.get(pos) == Some(&b'{') => {
            let end = read_object(notes, members, columns, validity.len(), text, pos)?;
            validity.push_value();
            Ok(end)
        }
        (Kind::List(element), ColumnValues::List(lists)) if text.get(pos) == Some(&b'[') => {
            let end = read_elements(notes, element, &mut lists.elements, 0, text, pos)?;
            lists.end_list();
            validity.push_value();
            Ok(end)
        }
        // An object or a list that is none, or a column of another type, which `Column::new` rules
        // out.
        (_, _) => {
            let value = grammar::value(text, pos)?;
            push_other(notes, column, node, value.kind, &text[pos..value.end]);
            Ok(value.end)
        }
    }
}

/// Reads the elements of the array whose `[` is at `pos`; `first` is the place of the first one in
/// its list. The caller ends the list.
pub(crate) fn read_elements(
    notes: &mut Notes,
    plan: &mut DecodePlan,
    elements: &mut Column,
    first: u32,
    text: &[u8],
    pos: usize,
) -> Result<usize, JsonError> {
    let depth = notes.positions.len();
    notes.positions.push(first);
    let mut step = grammar::first(text, pos, b']');
    loop {
        let at = match step {
            Step::Next(at) => at,
            Step::Closed(end) => {
                notes.positions.truncate(depth);
                return Ok(end);
            }
        };
        let end = read_value(notes, plan, elements, text, at)?;
        if let Some(position) = notes.positions.last_mut() {
            *position += 1;
        }
        step = grammar::next(text, end, b']')?;
    }
}

impl Notes {
    /// Notes that keep the texts of undeclared members and of values that become null, or only
    /// count them.
    pub(crate) fn new(keeps_texts: bool) -> Self {
        Self {
            issues: IssueLog::new(keeps_texts),
            undeclared: UndeclaredLog::new(keeps_texts),
            ..Self::default()
        }
    }

    /// Whether there is nothing to say about the record that was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.issues.is_empty() && self.undeclared.is_empty()
    }

    #[cold]
    fn issue(&mut self, node: u32, kind: IssueKind, value: &[u8]) {
        self.issues.note(node, kind, &self.positions, value);
    }

    /// Forgets all of the record that was being read.
    pub(crate) fn clear(&mut self) {
        self.issues.clear();
        self.undeclared.clear();
        self.positions.clear();
    }
}

/// Null for null, a noted null for a value of a wrong kind.
#[cold]
fn push_other(
    notes: &mut Notes,
    column: &mut Column,
    node: u32,
    kind: json::ValueKind,
    value: &[u8],
) {
    column.push_null();
    if kind != json::ValueKind::Null {
        notes.issue(node, IssueKind::WrongType, value);
    }
}

/// What was read; `None` for null.
type Read<T> = Option<Result<T, ConversionError>>;

/// A value that columns keep in a list of their own type.
trait Stored: Copy {
    /// The list, if these values are of that type.
    fn list(values: &mut ColumnValues) -> Option<&mut Vec<Self>>;
}

impl Stored for i32 {
    #[inline(always)]
    fn list(values: &mut ColumnValues) -> Option<&mut Vec<Self>> {
        if let ColumnValues::Int32(values) = values { Some(values) } else { None }
    }
}

impl Stored for i64 {
    #[inline(always)]
    fn list(values: &mut ColumnValues) -> Option<&mut Vec<Self>> {
        if let ColumnValues::Int64(values) = values { Some(values) } else { None }
    }
}

impl Stored for f64 {
    #[inline(always)]
    fn list(values: &mut ColumnValues) -> Option<&mut Vec<Self>> {
        if let ColumnValues::Double(values) = values { Some(values) } else { None }
    }
}

impl Stored for i128 {
    #[inline(always)]
    fn list(values: &mut ColumnValues) -> Option<&mut Vec<Self>> {
        if let ColumnValues::Decimal(values) = values { Some(values) } else { None }
    }
}

/// Ends a row with what was read from the JSON text of a value.
#[inline(always)]
fn end_row<T: Stored>(
    notes: &mut Notes,
    column: &mut Column,
    node: u32,
    read: Read<Parsed<T>>,
    value: &[u8],
) {
    match read {
        Some(Ok(parsed)) => {
            if let Some(values) = T::list(&mut column.values) {
                values.push(parsed.value);
            }
            column.validity.push_value();
            if parsed.lost_digits {
                notes.issue(node, IssueKind::LostDigits, value);
            }
        }
        Some(Err(misfit)) => {
            column.push_null();
            notes.issue(node, misfit.into(), value);
        }
        None => column.push_null(),
    }
}

/// Ends a row with the text that was written, if there is one. `read` says whether it lost digits.
fn end_text(notes: &mut Notes, column: &mut Column, node: u32, read: Read<bool>, value: &[u8]) {
    match read {
        Some(Ok(is_cut)) => {
            if let ColumnValues::Text(texts) = &mut column.values {
                texts.end_text();
            }
            column.validity.push_value();
            if is_cut {
                notes.issue(node, IssueKind::LostDigits, value);
            }
        }
        Some(Err(misfit)) => {
            column.push_null();
            notes.issue(node, misfit.into(), value);
        }
        None => column.push_null(),
    }
}

/// A value that may be what a column of numbers or times wants.
enum Scalar<'t> {
    /// The text of a number.
    Number(&'t [u8]),
    /// The content of a string, its escapes undone.
    Text(&'t [u8]),
}

/// A number or a string; anything else is wrong where it is read.
#[inline(always)]
fn read_scalar<'t>(
    text: &'t [u8],
    pos: usize,
    unescaped: &'t mut Vec<u8>,
) -> Result<(Read<Scalar<'t>>, usize), JsonError> {
    let value = grammar::value(text, pos)?;
    let scalar = match value.kind {
        json::ValueKind::Null => None,
        json::ValueKind::Number => Some(Ok(Scalar::Number(&text[pos..value.end]))),
        json::ValueKind::String if value.escaped => {
            unescaped.clear();
            json::unescape(&text[pos + 1..value.end - 1], unescaped);
            Some(Ok(Scalar::Text(unescaped)))
        }
        json::ValueKind::String => Some(Ok(Scalar::Text(&text[pos + 1..value.end - 1]))),
        json::ValueKind::True
        | json::ValueKind::False
        | json::ValueKind::Array
        | json::ValueKind::Object => Some(Err(ConversionError::WrongType)),
    };
    Ok((scalar, value.end))
}

/// A scalar of which `parse` makes a value.
#[inline(always)]
fn read_parsed<T>(
    notes: &mut Notes,
    text: &[u8],
    pos: usize,
    parse: impl FnOnce(Scalar<'_>) -> Result<Parsed<T>, ConversionError>,
) -> Result<(Read<Parsed<T>>, usize), JsonError> {
    let (scalar, end) = read_scalar(text, pos, &mut notes.unescaped)?;
    Ok((scalar.map(|scalar| scalar.and_then(parse)), end))
}

/// A number, or a string that holds one. Blanks at the ends of the string are nothing, as with
/// dates.
#[inline(always)]
fn read_number<T>(
    notes: &mut Notes,
    text: &[u8],
    pos: usize,
    parse: impl FnOnce(&[u8]) -> Result<Parsed<T>, ConversionError>,
) -> Result<(Read<Parsed<T>>, usize), JsonError> {
    read_parsed(notes, text, pos, |scalar| {
        parse(match scalar {
            Scalar::Number(digits) => digits,
            Scalar::Text(content) => content.trim_ascii(),
        })
    })
}

/// A string of which `parse` makes a date or time.
#[inline(always)]
fn read_text<T>(
    notes: &mut Notes,
    text: &[u8],
    pos: usize,
    parse: impl Fn(&[u8]) -> Result<Parsed<T>, ConversionError>,
) -> Result<(Read<Parsed<T>>, usize), JsonError> {
    read_parsed(notes, text, pos, |scalar| match scalar {
        Scalar::Text(content) => parse(content),
        Scalar::Number(_) => Err(ConversionError::WrongType),
    })
}

/// A timestamp, or epoch milliseconds.
#[cold]
fn read_extracted_at(
    notes: &mut Notes,
    text: &[u8],
    pos: usize,
) -> Result<(Read<Parsed<i64>>, usize), JsonError> {
    read_parsed(notes, text, pos, |scalar| match scalar {
        Scalar::Text(content) => temporal::timestamp(content, Zone::Utc),
        Scalar::Number(digits) => number::integer(digits).and_then(temporal::timestamp_of_millis),
    })
}

/// An integer of at most 18 digits in its plainest spelling; `None` for anything else, JSON or not.
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
    let leading_zero = digits > 1 && text.get(start) == Some(&b'0');
    let goes_on = matches!(text.get(end), Some(b'.' | b'e' | b'E'));
    if digits == 0 || digits > 18 || leading_zero || goes_on {
        return None;
    }
    Some((if negative { -value } else { value }, end))
}
