//! Reads JSON text without building values: where each member of an object begins and ends, and
//! what kind it is.
//!
//! In: one JSON text that is already known to be valid UTF-8. Out: spans of that very text
//! ([`Raw`], [`Key`], [`Member`]), so that a number or a nested object can be copied digit for
//! digit.
//!
//! This is our own code and not a crate on purpose. It is the hottest loop of the program and the
//! base of the columnar decoder: it must hand out positions rather than values, keep its scratch
//! from record to record, and skip a record that nobody looks into at the speed of validation. The
//! crates that exist build values, or validate without telling where things are. `tests.rs` holds
//! it to `serde_json` on arbitrary and on damaged texts.
//!
//! Invariants
//! - Strict RFC 8259: what is accepted here is accepted by every JSON reader. Nothing is repaired.
//! - No recursion: arrays and objects may nest [`MAX_DEPTH`] deep, one more is an error.
//! - No allocation but in the caller's scratch, and in the rare escaped key.
//!
//! Not here: UTF-8 validation, the envelope's meaning (`protocol`), typed decoding
//! (`format::columns`, which walks an object with the functions of `grammar` itself and finds its
//! columns with `field_order`, as the CSV encoder does). May import: `error`.

pub(crate) mod block;
#[cfg(test)]
pub(crate) mod damage;
mod error;
pub(crate) mod field_order;
mod foreign;
pub(crate) mod grammar;
mod scanner;
pub(crate) mod surrogates;
mod text;
pub mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use error::{JsonError, JsonFault};
pub use foreign::{ForeignText, without_byte_order_mark};
pub use scanner::Scanner;
pub use text::{integer, unescape};

/// How deep arrays and objects may nest, counted from the value that is asked for.
pub const MAX_DEPTH: usize = 1024;

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// `null`
    Null,
    /// `false`
    False,
    /// `true`
    True,
    /// A number, in whatever spelling.
    Number,
    /// A string.
    String,
    /// An array, with all it holds.
    Array,
    /// An object, with all it holds.
    Object,
}

/// One validated value: a piece of the text that was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// What it is.
    pub kind: ValueKind,
    /// Its exact text, without the whitespace around it; a string has its quotes.
    pub text: &'a [u8],
    /// A string with a backslash in it: the text between the quotes is not yet the string.
    pub escaped: bool,
}

impl<'a> Raw<'a> {
    /// The string that this value is, or `None` if it is none. Borrowed unless it has escapes.
    #[must_use]
    pub fn to_text(&self) -> Option<Cow<'a, str>> {
        let inner = self.text.get(1..self.text.len().saturating_sub(1))?;
        (self.kind == ValueKind::String).then(|| text::decoded(inner, self.escaped))
    }
}

/// The name of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// What stands between the quotes.
    pub raw: &'a [u8],
    /// It has a backslash in it: `raw` is not yet the name.
    pub escaped: bool,
}

impl<'a> Key<'a> {
    /// Whether this is the name `name`, however it is spelt.
    #[must_use]
    #[inline]
    pub fn is(&self, name: &str) -> bool {
        if self.escaped {
            text::decoded(self.raw, true) == name
        } else {
            self.raw == name.as_bytes()
        }
    }

    /// The name. Borrowed unless it has escapes.
    #[must_use]
    pub fn to_text(&self) -> Cow<'a, str> {
        text::decoded(self.raw, self.escaped)
    }

    /// The name's bytes, to be matched against several names at once. Borrowed unless it has
    /// escapes.
    #[must_use]
    #[inline]
    pub fn to_bytes(&self) -> Cow<'a, [u8]> {
        if self.escaped {
            Cow::Owned(self.to_text().into_owned().into_bytes())
        } else {
            Cow::Borrowed(self.raw)
        }
    }
}

/// A piece of a text: half-open, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub start: u32,
    /// The byte behind its last.
    pub end: u32,
}

impl Span {
    /// The piece of `text` that this span names.
    ///
    /// # Panics
    /// When `text` is not the text that the span was made from and is too short for it.
    #[must_use]
    #[inline]
    pub fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize..self.end as usize]
    }

    /// How many bytes it has.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it has no byte.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// One member of an object. Its positions count from the object's first byte (`{` is 0), so that a
/// list of members holds no borrow and is reused for the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key, between its quotes.
    pub key: Span,
    /// The value's exact text; a string has its quotes.
    pub value: Span,
    /// What the value is.
    pub kind: ValueKind,
    /// The key has a backslash in it.
    pub key_escaped: bool,
    /// The value is a string with a backslash in it.
    pub value_escaped: bool,
}

impl Member {
    /// The member's name. `object` is the text that the member was found in.
    ///
    /// # Panics
    /// As [`Span::of`].
    #[must_use]
    #[inline]
    pub fn key_in<'a>(&self, object: &'a [u8]) -> Key<'a> {
        Key { raw: self.key.of(object), escaped: self.key_escaped }
    }

    /// The member's value. `object` is the text that the member was found in.
    ///
    /// # Panics
    /// As [`Span::of`].
    #[must_use]
    #[inline]
    pub fn value_in<'a>(&self, object: &'a [u8]) -> Raw<'a> {
        Raw { kind: self.kind, text: self.value.of(object), escaped: self.value_escaped }
    }
}
