//! The result of reading a text as a typed value.

/// A value that was read from a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Parsed<T> {
    /// The value, or the nearest one that the type can hold.
    pub(super) value: T,
    /// Whether the text has digits that the value has not.
    pub(super) lost_digits: bool,
}

/// Why a text has no value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConversionError {
    /// It is a value of another type.
    WrongType,
    /// It is a value of the right kind, but outside the range of the type.
    OutOfRange,
}

impl<T> Parsed<T> {
    /// A value that has all digits of its text.
    pub(super) fn exact(value: T) -> Self {
        Self { value, lost_digits: false }
    }
}
