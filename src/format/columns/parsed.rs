//! What a text gives when it is read as a typed value.

/// A value, and whether digits of the text are missing in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parsed<T> {
    /// The value, or the nearest that the type can hold.
    pub(crate) value: T,
    /// The text said more than the value does.
    pub(crate) cut: bool,
}

/// Why a text gives no value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is something else.
    Wrong,
    /// It is of the type's kind, but outside what the type can hold.
    TooLarge,
}

impl<T> Parsed<T> {
    /// A value that says all that the text did.
    pub(crate) fn whole(value: T) -> Self {
        Self { value, cut: false }
    }
}
