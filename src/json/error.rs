//! What can be wrong with a JSON text. An error has the place and the reason, never the text.

use crate::error::{Classified, FailureType};

/// The text is not JSON, or nests too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {at}")]
pub struct JsonError {
    /// The offset in bytes at which the fault was found.
    pub at: usize,
    /// What is wrong there.
    pub fault: JsonFault,
}

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The text ends inside a value.
    #[error("the JSON text ends too early")]
    End,
    /// There is no value where one must begin.
    #[error("a JSON value is expected")]
    Value,
    /// There is no object where one is expected.
    #[error("a JSON object is expected")]
    NotAnObject,
    /// There is no member name where one must begin.
    #[error("a JSON member name is expected")]
    Key,
    /// No colon follows a member name.
    #[error("a colon is expected after a JSON member name")]
    Colon,
    /// Neither a comma nor a closing bracket follows a value.
    #[error("a comma or the closing bracket is expected after a JSON value")]
    CommaOrEnd,
    /// A string contains a control character without an escape.
    #[error("a JSON string holds a raw control character")]
    ControlCharacter,
    /// JSON does not have this escape.
    #[error("a JSON string holds an unknown escape")]
    Escape,
    /// A number does not have JSON's form.
    #[error("a JSON number is malformed")]
    Number,
    /// A number that JSON does not have, as Python and JavaScript write it.
    #[error("{name} is not a JSON number")]
    NotFinite {
        /// `NaN`, `Infinity` or `-Infinity`.
        name: &'static str,
    },
    /// More text follows the value.
    #[error("something follows the JSON value")]
    Trailing,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    Utf8,
    /// Arrays and objects nest too deeply.
    #[error("JSON arrays and objects nest deeper than 1024 levels")]
    TooDeep,
    /// The object is too long for positions of 32 bits.
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

/// Returns the fault of a place where a value was expected.
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

/// Makes an error. Not inlined, so that the scanning loops stay small.
#[cold]
#[inline(never)]
pub(super) fn error(at: usize, fault: JsonFault) -> JsonError {
    JsonError { at, fault }
}

/// Returns `fault`, or [`JsonFault::End`] at the end of the text.
#[cold]
#[inline(never)]
pub(super) fn unexpected(text: &[u8], at: usize, fault: JsonFault) -> JsonError {
    JsonError { at, fault: if at < text.len() { fault } else { JsonFault::End } }
}
