//! What can be wrong with a JSON text: where and why, never what stood there.

use crate::error::{Classified, FailureType};

/// The text is not JSON, or nests deeper than we follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {at}")]
pub struct JsonError {
    /// Byte offset in the scanned text at which the fault was noticed.
    pub at: usize,
    /// What is wrong there.
    pub fault: JsonFault,
}

/// The ways in which a text fails to be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The text ends inside a value.
    #[error("the JSON text ends too early")]
    End,
    /// Something stands where a value must begin.
    #[error("a JSON value is expected")]
    Value,
    /// An object was asked for and something else stands there.
    #[error("a JSON object is expected")]
    NotAnObject,
    /// Something stands where a member name must begin.
    #[error("a JSON member name is expected")]
    Key,
    /// No colon follows a member name.
    #[error("a colon is expected after a JSON member name")]
    Colon,
    /// Neither a comma nor the closing bracket follows a value.
    #[error("a comma or the closing bracket is expected after a JSON value")]
    CommaOrEnd,
    /// A string holds a control character that is not escaped.
    #[error("a JSON string holds a raw control character")]
    ControlCharacter,
    /// A backslash is followed by something that JSON does not know.
    #[error("a JSON string holds an unknown escape")]
    Escape,
    /// A number is not spelt as JSON spells numbers.
    #[error("a JSON number is malformed")]
    Number,
    /// A number that JSON does not have, spelt as Python and JavaScript spell it.
    #[error("{name} is not a JSON number")]
    NotFinite {
        /// `NaN`, `Infinity` or `-Infinity`.
        name: &'static str,
    },
    /// Something stands behind the only value of a text.
    #[error("something follows the JSON value")]
    Trailing,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    Utf8,
    /// Arrays and objects nest too deep.
    #[error("JSON arrays and objects nest deeper than 1024 levels")]
    TooDeep,
    /// The object is longer than positions of 32 bits can name.
    #[error("a JSON object is longer than 4 GiB")]
    TooLong,
}

impl Classified for JsonError {
    fn failure_type(&self) -> FailureType {
        match self.fault {
            JsonFault::End
            | JsonFault::Value
            | JsonFault::NotAnObject
            | JsonFault::Key
            | JsonFault::Colon
            | JsonFault::CommaOrEnd
            | JsonFault::ControlCharacter
            | JsonFault::Escape
            | JsonFault::Number
            | JsonFault::NotFinite { .. }
            | JsonFault::Trailing
            | JsonFault::Utf8
            | JsonFault::TooDeep
            | JsonFault::TooLong => FailureType::System,
        }
    }
}

/// The fault of a place where a value was expected.
#[cold]
#[inline(never)]
pub(super) fn no_value(text: &[u8], at: usize) -> JsonError {
    let rest = text.get(at..).unwrap_or_default();
    match ["NaN", "Infinity", "-Infinity"]
        .into_iter()
        .find(|name| rest.starts_with(name.as_bytes()))
    {
        Some(name) => error(at, JsonFault::NotFinite { name }),
        None => unexpected(text, at, JsonFault::Value),
    }
}

/// Kept out of line, so that the scanning loops stay small.
#[cold]
#[inline(never)]
pub(super) fn error(at: usize, fault: JsonFault) -> JsonError {
    JsonError { at, fault }
}

/// The fault of a place where something else was expected: at the end of the text it is the end.
#[cold]
#[inline(never)]
pub(super) fn unexpected(text: &[u8], at: usize, fault: JsonFault) -> JsonError {
    JsonError { at, fault: if at < text.len() { fault } else { JsonFault::End } }
}
