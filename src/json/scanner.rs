//! A position in a JSON text, and the ways to move it forward.
//!
//! In: a text. Out: values and members as pieces of it. What may stand where is said in `grammar`.

use super::error::{error, unexpected};
use super::grammar::{self, KeyAt, ValueAt};
use super::{JsonError, JsonFault, Key, Member, Raw, Span};

/// Reads one JSON text from front to back, without building anything.
///
/// After an error the position is where the failed call began; the text is broken and there is
/// nothing left to read.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a [u8],
    pos: usize,
    /// An object was entered and none of its members was read yet: no comma comes before the next
    /// key.
    entered: bool,
}

impl<'a> Scanner<'a> {
    /// Begins at the first byte of `text`, which must be valid UTF-8.
    #[must_use]
    #[inline]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, pos: 0, entered: false }
    }

    /// Offset of the next byte to be read.
    #[must_use]
    #[inline]
    pub fn position(&self) -> usize {
        self.pos
    }

    /// Goes on at `pos`, in the middle of an object that was entered and of which a key was read:
    /// its value is next.
    #[inline]
    pub(crate) fn skip_to(&mut self, pos: usize) {
        self.pos = pos;
        self.entered = false;
    }

    /// Moves over whitespace.
    #[inline]
    pub fn skip_whitespace(&mut self) {
        self.pos = grammar::whitespace(self.text, self.pos);
    }

    /// Moves over whitespace and says whether the text ends there.
    #[inline]
    pub fn at_end(&mut self) -> bool {
        self.skip_whitespace();
        self.pos >= self.text.len()
    }

    /// The next byte that is not whitespace, without reading it: enough to tell what kind of value
    /// comes.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        self.skip_whitespace();
        self.text.get(self.pos).copied()
    }

    /// Reads one whole value, whatever it is, and validates all of it.
    ///
    /// # Errors
    /// [`JsonError`] when the text is not JSON here: reject the text.
    #[inline]
    pub fn value(&mut self) -> Result<Raw<'a>, JsonError> {
        let start = grammar::whitespace(self.text, self.pos);
        let value = grammar::value(self.text, start)?;
        self.pos = value.end;
        Ok(raw(self.text, start, value))
    }

    /// Reads one whole object and shows each of its own members to `visit`, in order, repeated
    /// names included. Gives the object's text. Members of members are validated, not shown.
    ///
    /// # Errors
    /// [`JsonError`] when no object stands here or it is not JSON: reject the text, whatever
    /// `visit` has seen.
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
    /// As [`Scanner::members`], and [`JsonFault::TooLong`] for an object over 4 GiB. `out` then
    /// holds nothing of use.
    pub fn collect_members(&mut self, out: &mut Vec<Member>) -> Result<&'a [u8], JsonError> {
        out.clear();
        let start = grammar::whitespace(self.text, self.pos);
        // Positions from here on count from the object, as those of the members do.
        let object = self.text.get(start..).unwrap_or_default();
        let end = grammar::object(object, 0, |key, value| out.push(member(key, value)))
            .map_err(|e| JsonError { at: e.at + start, ..e })?;
        if u32::try_from(end).is_err() {
            return Err(error(start, JsonFault::TooLong));
        }
        self.pos = start + end;
        Ok(&object[..end])
    }

    /// Lets `read` read the object that stands here: it is given the whole text and the position of
    /// the `{`, and gives the position behind the `}`. Gives the object's text.
    ///
    /// # Errors
    /// [`JsonError`] when no object stands here, or what `read` gives.
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

    /// Enters an object: reads its `{`. Its members are then read with [`Scanner::next_key`], each
    /// followed by the reading of its value with any method of the scanner, this one included.
    ///
    /// # Errors
    /// [`JsonError`] when no object stands here. The position is kept: [`Scanner::value`] may be
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

    /// The next key of the object that was entered, with the position moved to its value; `None`
    /// when its `}` was read. What the object was entered from then goes on behind it.
    ///
    /// # Errors
    /// [`JsonError`] when the text is not JSON here: reject the text.
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

/// Positions that do not fit are found out at the object's end, once.
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
