//! A position in a JSON text, and the ways to move it forward.
//!
//! In: a text. Out: values and members as parts of it. `grammar` says what may come where.

use super::error::{error, unexpected};
use super::grammar::{self, KeyAt, ValueAt};
use super::{JsonError, JsonFault, Key, Member, Raw, Span};

/// Reads one JSON text from front to back, without building values.
///
/// After an error the position is where the failed call began, and the rest of the text cannot be
/// read.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a [u8],
    pos: usize,
    /// Whether an object was entered and none of its members was read, so that no comma comes
    /// before the next key.
    entered: bool,
}

impl<'a> Scanner<'a> {
    /// A scanner at the first byte of `text`, which must be valid UTF-8.
    #[must_use]
    #[inline]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, pos: 0, entered: false }
    }

    /// The offset of the next byte to read.
    #[must_use]
    #[inline]
    pub fn position(&self) -> usize {
        self.pos
    }

    /// Moves to `pos`, which must be the value of a key in an object that was entered.
    #[inline]
    pub(crate) fn skip_to(&mut self, pos: usize) {
        self.pos = pos;
        self.entered = false;
    }

    /// Skips whitespace.
    #[inline]
    pub fn skip_whitespace(&mut self) {
        self.pos = grammar::whitespace(self.text, self.pos);
    }

    /// Skips whitespace and returns whether the text ends there.
    #[inline]
    pub fn at_end(&mut self) -> bool {
        self.skip_whitespace();
        self.pos >= self.text.len()
    }

    /// Returns the next byte that is not whitespace without reading it, which tells the kind of the
    /// next value.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        self.skip_whitespace();
        self.text.get(self.pos).copied()
    }

    /// Reads one whole value of any kind and validates all of it.
    ///
    /// # Errors
    /// [`JsonError`] if this is not JSON: reject the text.
    #[inline]
    pub fn value(&mut self) -> Result<Raw<'a>, JsonError> {
        let start = grammar::whitespace(self.text, self.pos);
        let value = grammar::value(self.text, start)?;
        self.pos = value.end;
        Ok(raw(self.text, start, value))
    }

    /// Reads one whole object and passes each of its own members to `visit`, in order, including
    /// repeated names. Members of members are only validated. Returns the object's text.
    ///
    /// # Errors
    /// [`JsonError`] if this is no object or not JSON: reject the text, even if `visit` was called.
    #[inline]
    pub fn members(
        &mut self,
        mut visit: impl FnMut(Key<'a>, Raw<'a>),
    ) -> Result<&'a [u8], JsonError> {
        let text = self.text;
        let start = grammar::whitespace(text, self.pos);
        let end = grammar::object(text, start, |key, value| {
            visit(key_of(text, key), raw(text, key.value, value));
        })?;
        self.pos = end;
        Ok(&text[start..end])
    }

    /// As [`Scanner::members`], into a list that is cleared first. Positions count from the
    /// object's first byte.
    ///
    /// # Errors
    /// As [`Scanner::members`], and [`JsonFault::TooLong`] for an object over 4 GiB. The contents
    /// of `out` then mean nothing.
    pub fn collect_members(&mut self, out: &mut Vec<Member>) -> Result<&'a [u8], JsonError> {
        out.clear();
        let start = grammar::whitespace(self.text, self.pos);
        // Sliced, so that positions count from the object, as those of the members do.
        let object = self.text.get(start..).unwrap_or_default();
        let end = grammar::object(object, 0, |key, value| out.push(member(key, value)))
            .map_err(|e| JsonError { at: e.at + start, ..e })?;
        if u32::try_from(end).is_err() {
            return Err(error(start, JsonFault::TooLong));
        }
        self.pos = start + end;
        Ok(&object[..end])
    }

    /// Lets `read` read the next object. It takes the whole text and the position of `{`, and
    /// returns the position after `}`. Returns the object's text.
    ///
    /// # Errors
    /// [`JsonError`] if this is no object, or the error of `read`.
    #[inline]
    pub fn object_with(
        &mut self,
        read: impl FnOnce(&'a [u8], usize) -> Result<usize, JsonError>,
    ) -> Result<&'a [u8], JsonError> {
        let text = self.text;
        let start = grammar::whitespace(text, self.pos);
        if text.get(start) != Some(&b'{') {
            return Err(unexpected(text, start, JsonFault::NotAnObject));
        }
        let end = read(text, start)?;
        self.pos = end;
        Ok(&text[start..end])
    }

    /// Enters an object by reading its `{`. Then [`Scanner::next_key`] reads each key, and any
    /// other method, including this one, its value.
    ///
    /// # Errors
    /// [`JsonError`] if this is no object. The position is kept, so [`Scanner::value`] may be
    /// called instead.
    #[inline]
    pub fn enter_object(&mut self) -> Result<(), JsonError> {
        let start = grammar::whitespace(self.text, self.pos);
        if self.text.get(start) != Some(&b'{') {
            return Err(unexpected(self.text, start, JsonFault::NotAnObject));
        }
        self.pos = start + 1;
        self.entered = true;
        Ok(())
    }

    /// Reads the next key of the object that was entered and moves to its value. Returns `None`
    /// after reading its `}`; the object around it then continues.
    ///
    /// # Errors
    /// [`JsonError`] if this is not JSON: reject the text.
    #[inline]
    pub fn next_key(&mut self) -> Result<Option<Key<'a>>, JsonError> {
        let first = std::mem::take(&mut self.entered);
        let mut pos = grammar::whitespace(self.text, self.pos);
        match self.text.get(pos) {
            Some(b'}') => {
                self.pos = pos + 1;
                return Ok(None);
            }
            Some(b',') if !first => pos = grammar::whitespace(self.text, pos + 1),
            _ if first => {}
            _ => return Err(unexpected(self.text, pos, JsonFault::CommaOrEnd)),
        }
        let key = grammar::key(self.text, pos)?;
        self.pos = key.value;
        Ok(Some(key_of(self.text, key)))
    }
}

#[inline(always)]
fn key_of(text: &[u8], key: KeyAt) -> Key<'_> {
    Key { raw: &text[key.start..key.end], escaped: key.escaped }
}

#[inline(always)]
fn raw(text: &[u8], start: usize, value: ValueAt) -> Raw<'_> {
    Raw { kind: value.kind, text: &text[start..value.end], escaped: value.escaped }
}

/// Positions may be truncated here: the caller checks the object's length once, at its end.
#[inline(always)]
fn member(key: KeyAt, value: ValueAt) -> Member {
    Member {
        key: Span { start: key.start as u32, end: key.end as u32 },
        value: Span { start: key.value as u32, end: value.end as u32 },
        kind: value.kind,
        key_escaped: key.escaped,
        value_escaped: value.escaped,
    }
}
