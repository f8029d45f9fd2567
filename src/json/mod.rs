//! Reads JSON text without building values: where each member of an object begins and ends, and
//! what kind of value it has.
//!
//! In: one JSON text that is known to be valid UTF-8. Out: spans of that text ([`Raw`], [`Key`],
//! [`Member`]), so that a number or a nested object can be copied digit by digit.
//!
//! This is the hottest loop of the program, and no crate does all that it must do: report the place
//! of every member, including repeated names; check strictly even values that nobody looks at,
//! because their text goes into files as it is; reuse the caller's memory from record to record;
//! nest deeply without recursion; say at which byte a text is wrong; and do so without `unsafe`,
//! which this program forbids itself. `sonic-rs` returns the raw text of members, but is built on
//! `unsafe`. `arrow-json` has a tape of offsets, but into copies of the strings with their escapes
//! resolved. `serde_json` returns raw text without its kind and without a hint of escapes, so that
//! each value would be read twice. The tests compare this scanner with `serde_json` on arbitrary
//! and on damaged texts.
//!
//! Invariants
//! - Strict RFC 8259: every JSON reader accepts what is accepted here. Nothing is repaired.
//! - No recursion: arrays and objects may nest [`MAX_DEPTH`] deep; one level more is an error.
//! - No allocation except in the caller's scratch and for keys with escapes, which are rare.
//!
//! Not here: UTF-8 validation, the meaning of messages (`protocol`), typed decoding
//! (`format::columns`, which uses `grammar` and `field_order` directly).

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
pub(crate) mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use error::{JsonError, JsonFault};
pub(crate) use foreign::{ForeignText, without_byte_order_mark};
pub use scanner::Scanner;
pub(crate) use text::{integer, unescape};

/// How deep arrays and objects may nest, counted from the value that is read.
pub(crate) const MAX_DEPTH: usize = 1024;

/// The kind of a JSON value.
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
    /// An array with its elements.
    Array,
    /// An object with its members.
    Object,
}

/// One validated value, as a part of the scanned text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// Its kind.
    pub kind: ValueKind,
    /// Its exact text, without the whitespace around it and with the quotes of a string.
    pub text: &'a [u8],
    /// Whether it is a string with escapes, so that the text between the quotes is not the string.
    pub escaped: bool,
}

impl<'a> Raw<'a> {
    /// The value as a string, or `None` if it is not one. Borrowed unless it has escapes.
    #[must_use]
    pub fn to_text(self) -> Option<Cow<'a, str>> {
        let inner = self.text.get(1..self.text.len().saturating_sub(1))?;
        (self.kind == ValueKind::String).then(|| text::decoded(inner, self.escaped))
    }
}

/// The name of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// The text between the quotes.
    pub raw: &'a [u8],
    /// Whether it has escapes, so that `raw` is not the name.
    pub escaped: bool,
}

impl<'a> Key<'a> {
    /// Whether this is the name `name`, with or without escapes.
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
    pub fn to_text(self) -> Cow<'a, str> {
        text::decoded(self.raw, self.escaped)
    }

    /// The name's bytes, for a `match` with several names. Borrowed unless it has escapes.
    #[must_use]
    #[inline]
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        if self.escaped {
            Cow::Owned(self.to_text().into_owned().into_bytes())
        } else {
            Cow::Borrowed(self.raw)
        }
    }
}

/// A part of a text, as a half-open range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
}

impl Span {
    /// Returns this part of `text`.
    ///
    /// # Panics
    /// If `text` is not the text that the span belongs to and is too short for it.
    #[must_use]
    #[inline]
    pub fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize..self.end as usize]
    }

    /// Its length in bytes.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it has no bytes.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// One member of an object. Its positions count from the object's first byte (`{` is 0), so that a
/// list of members borrows nothing and can be reused for the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key, between its quotes.
    pub key: Span,
    /// The value's exact text, with the quotes of a string.
    pub value: Span,
    /// The value's kind.
    pub kind: ValueKind,
    /// Whether the key has escapes.
    pub key_escaped: bool,
    /// Whether the value is a string with escapes.
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
