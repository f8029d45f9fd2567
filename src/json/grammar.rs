//! The grammar of RFC 8259, as functions from a position to the position after what is there.
//!
//! In: the whole text and a position in it. Out: positions. There is no state here, so that the
//! position stays in a register in the loops that are built of these functions.

use super::error::{error, no_value, unexpected};
use super::{JsonError, JsonFault, MAX_DEPTH, ValueKind, block};

/// A value: where it ends, its kind, and whether it is a string with escapes.
#[derive(Clone, Copy)]
pub(crate) struct ValueAt {
    pub(crate) end: usize,
    pub(crate) kind: ValueKind,
    pub(crate) escaped: bool,
}

/// A key: the range between its quotes, and where the member's value begins.
#[derive(Clone, Copy)]
pub(crate) struct KeyAt {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) escaped: bool,
    pub(crate) value: usize,
}

/// The next step of a walk through an array or object.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// The next element or key begins here.
    Next(usize),
    /// The closing bracket was read; this is the position after it.
    Closed(usize),
}

/// Returns the first position from `pos` on that is not whitespace.
#[inline(always)]
pub(crate) fn whitespace(text: &[u8], mut pos: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(pos) {
        pos += 1;
    }
    pos
}

/// Reads any value; `pos` is its first byte.
#[inline(always)]
pub(crate) fn value(text: &[u8], pos: usize) -> Result<ValueAt, JsonError> {
    match text.get(pos) {
        Some(b'"') => {
            let (close, escaped) = string(text, pos + 1)?;
            Ok(ValueAt { end: close + 1, kind: ValueKind::String, escaped })
        }
        Some(b'0'..=b'9' | b'-') => {
            Ok(ValueAt { end: number(text, pos)?, kind: ValueKind::Number, escaped: false })
        }
        Some(b'{') => {
            Ok(ValueAt { end: container(text, pos)?, kind: ValueKind::Object, escaped: false })
        }
        Some(b'[') => {
            Ok(ValueAt { end: container(text, pos)?, kind: ValueKind::Array, escaped: false })
        }
        _ => literal(text, pos),
    }
}

/// Reads a key and its colon; `pos` is where the opening quote must be.
#[inline(always)]
pub(crate) fn key(text: &[u8], pos: usize) -> Result<KeyAt, JsonError> {
    if text.get(pos) != Some(&b'"') {
        return Err(unexpected(text, pos, JsonFault::Key));
    }
    let (end, escaped) = string(text, pos + 1)?;
    let colon = whitespace(text, end + 1);
    if text.get(colon) != Some(&b':') {
        return Err(unexpected(text, colon, JsonFault::Colon));
    }
    Ok(KeyAt { start: pos + 1, end, escaped, value: whitespace(text, colon + 1) })
}

/// Reads the object with its `{` at `pos` and passes its members to `visit`. Returns the position
/// after `}`.
#[inline(always)]
pub(crate) fn object(
    text: &[u8],
    pos: usize,
    mut visit: impl FnMut(KeyAt, ValueAt),
) -> Result<usize, JsonError> {
    if text.get(pos) != Some(&b'{') {
        return Err(unexpected(text, pos, JsonFault::NotAnObject));
    }
    let mut pos = whitespace(text, pos + 1);
    if text.get(pos) == Some(&b'}') {
        return Ok(pos + 1);
    }
    loop {
        let key = key(text, pos)?;
        let value = value(text, key.value)?;
        visit(key, value);
        pos = whitespace(text, value.end);
        match text.get(pos) {
            Some(b',') => pos = whitespace(text, pos + 1),
            Some(b'}') => return Ok(pos + 1),
            _ => return Err(unexpected(text, pos, JsonFault::CommaOrEnd)),
        }
    }
}

/// Steps into an array or object; `pos` is its opening bracket, which the caller has checked.
/// Returns the position of the first element or key, or that after the closing bracket of an empty
/// one.
#[inline(always)]
pub(crate) fn first(text: &[u8], pos: usize, closing: u8) -> Step {
    let pos = whitespace(text, pos + 1);
    if text.get(pos) == Some(&closing) { Step::Closed(pos + 1) } else { Step::Next(pos) }
}

/// Steps from the end of an element or a member's value, which is `pos`, to the next one.
#[inline(always)]
pub(crate) fn next(text: &[u8], pos: usize, closing: u8) -> Result<Step, JsonError> {
    let pos = whitespace(text, pos);
    match text.get(pos) {
        Some(b',') => Ok(Step::Next(whitespace(text, pos + 1))),
        Some(byte) if *byte == closing => Ok(Step::Closed(pos + 1)),
        _ => Err(unexpected(text, pos, JsonFault::CommaOrEnd)),
    }
}

/// Reads the rest of a string; `pos` is after its opening quote. Returns the position of the
/// closing quote and whether the string has escapes.
#[inline(always)]
pub(crate) fn string(text: &[u8], mut pos: usize) -> Result<(usize, bool), JsonError> {
    while let Some(block) = block::at(text, pos) {
        let stop = block::first_string_stop(block);
        pos += stop;
        if stop == block::LEN {
            continue;
        }
        if text.get(pos) == Some(&b'"') {
            return Ok((pos, false));
        }
        break;
    }
    string_with_escapes(text, pos)
}

/// As [`string`], for strings with escapes and for those that end within a block of the text's end.
#[inline(never)]
fn string_with_escapes(text: &[u8], mut pos: usize) -> Result<(usize, bool), JsonError> {
    let mut escaped = false;
    loop {
        while let Some(block::LEN) = block::at(text, pos).map(block::first_string_stop) {
            pos += block::LEN;
        }
        while let Some(0x20..=0x21 | 0x23..=0x5b | 0x5d..) = text.get(pos) {
            pos += 1;
        }
        match text.get(pos) {
            Some(b'"') => return Ok((pos, escaped)),
            Some(b'\\') => pos = escape(text, pos)?,
            _ => return Err(unexpected(text, pos, JsonFault::ControlCharacter)),
        }
        escaped = true;
    }
}

/// Reads one escape; `pos` is its backslash.
fn escape(text: &[u8], pos: usize) -> Result<usize, JsonError> {
    match text.get(pos + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
        Some(b'u') => {
            for at in pos + 2..pos + 6 {
                if !text.get(at).is_some_and(u8::is_ascii_hexdigit) {
                    return Err(unexpected(text, at, JsonFault::Escape));
                }
            }
            Ok(pos + 6)
        }
        _ => Err(unexpected(text, pos + 1, JsonFault::Escape)),
    }
}

/// Reads a number; `pos` is its sign or first digit.
#[inline(always)]
fn number(text: &[u8], pos: usize) -> Result<usize, JsonError> {
    let first = pos + usize::from(text.get(pos) == Some(&b'-'));
    let end = digits(text, first);
    if end == first || (text.get(first) == Some(&b'0') && end > first + 1) {
        return Err(match text.get(end) {
            Some(b'I') => no_value(text, pos),
            _ => unexpected(text, end, JsonFault::Number),
        });
    }
    match text.get(end) {
        Some(b'.' | b'e' | b'E') => fraction_and_exponent(text, end),
        _ => Ok(end),
    }
}

#[inline(never)]
fn fraction_and_exponent(text: &[u8], mut pos: usize) -> Result<usize, JsonError> {
    if text.get(pos) == Some(&b'.') {
        pos = one_or_more_digits(text, pos + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(pos) {
        pos += 1 + usize::from(matches!(text.get(pos + 1), Some(b'+' | b'-')));
        pos = one_or_more_digits(text, pos)?;
    }
    Ok(pos)
}

fn one_or_more_digits(text: &[u8], pos: usize) -> Result<usize, JsonError> {
    let end = digits(text, pos);
    if end == pos { Err(unexpected(text, pos, JsonFault::Number)) } else { Ok(end) }
}

/// Returns the first position from `pos` on that is not a digit. Looks at eight bytes at a time.
#[inline(always)]
fn digits(text: &[u8], mut pos: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    while let Some(chunk) = text.get(pos..).and_then(|rest| rest.first_chunk()) {
        // The xor turns digits into 0 to 9. Adding 0x76 sets the high bit from ten on, and since
        // the high bits were masked out, no carry leaves its byte.
        let values = u64::from_le_bytes(*chunk) ^ (0x30 * ONES);
        let others = (((values & (0x7f * ONES)) + 0x76 * ONES) | values) & (0x80 * ONES);
        if others != 0 {
            return pos + (others.trailing_zeros() / 8) as usize;
        }
        pos += 8;
    }
    while let Some(b'0'..=b'9') = text.get(pos) {
        pos += 1;
    }
    pos
}

/// Reads `null`, `true` or `false`.
#[inline(always)]
fn literal(text: &[u8], pos: usize) -> Result<ValueAt, JsonError> {
    let rest = text.get(pos..).unwrap_or_default();
    let (kind, len) = if rest.starts_with(b"null") {
        (ValueKind::Null, 4)
    } else if rest.starts_with(b"true") {
        (ValueKind::True, 4)
    } else if rest.starts_with(b"false") {
        (ValueKind::False, 5)
    } else {
        return Err(no_value(text, pos));
    };
    Ok(ValueAt { end: pos + len, kind, escaped: false })
}

/// Reads a whole array or object; `pos` is its opening bracket.
///
/// Each open container is one bit (set for an object) in an array of fixed size, so there is
/// neither recursion nor allocation.
#[inline(never)]
fn container(text: &[u8], mut pos: usize) -> Result<usize, JsonError> {
    let mut outer = [0u64; MAX_DEPTH / 64];
    let mut depth = 0usize;
    let mut in_object = false;
    loop {
        let opening = text.get(pos);
        if let Some(b'{' | b'[') = opening {
            if depth == MAX_DEPTH {
                return Err(error(pos, JsonFault::TooDeep));
            }
            let bit = 1 << (depth % 64);
            let word = &mut outer[depth / 64];
            *word = if in_object { *word | bit } else { *word & !bit };
            depth += 1;
            in_object = opening == Some(&b'{');
            pos = whitespace(text, pos + 1);
            let closing = if in_object { b'}' } else { b']' };
            if text.get(pos) != Some(&closing) {
                if in_object {
                    pos = key(text, pos)?.value;
                }
                continue;
            }
        } else {
            pos = scalar(text, pos)?;
            pos = whitespace(text, pos);
        }
        loop {
            match (text.get(pos), in_object) {
                (Some(b','), true) => {
                    pos = key(text, whitespace(text, pos + 1))?.value;
                    break;
                }
                (Some(b','), false) => {
                    pos = whitespace(text, pos + 1);
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(pos + 1);
                    }
                    in_object = outer[depth / 64] >> (depth % 64) & 1 == 1;
                    pos = whitespace(text, pos + 1);
                }
                _ => return Err(unexpected(text, pos, JsonFault::CommaOrEnd)),
            }
        }
    }
}

/// Reads a value that is neither array nor object. Returns the position after it.
#[inline(always)]
fn scalar(text: &[u8], pos: usize) -> Result<usize, JsonError> {
    match text.get(pos) {
        Some(b'"') => Ok(string(text, pos + 1)?.0 + 1),
        Some(b'0'..=b'9' | b'-') => number(text, pos),
        _ => Ok(literal(text, pos)?.end),
    }
}
