//! The values of JSON strings and integers.
//!
//! In: validated raw text. Out: the string as UTF-8, or the number as an integer. Text that was not
//! validated has a wrong result, never a panic.

use std::borrow::Cow;

use super::{Raw, ValueKind};

/// Appends the string with the text `raw` between its quotes to `out`, as UTF-8.
///
/// Two `\u` escapes that are a surrogate pair become one character. Half a pair becomes U+FFFD,
/// because UTF-8 cannot encode it.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(backslash) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(backslash);
        out.extend_from_slice(plain);
        let (character, len) = match escape.get(1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => unicode(escape),
            Some(other) => (char::from(*other), 2),
            None => (char::REPLACEMENT_CHARACTER, 1),
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Returns the character of a `\u` escape and the bytes of the escape: 6, or 12 for a surrogate
/// pair.
fn unicode(escape: &[u8]) -> (char, usize) {
    let first = utf16_unit(escape);
    if let Some(character) = char::from_u32(first) {
        return (character, 6);
    }
    let second = escape.get(6..).filter(|rest| rest.starts_with(b"\\u")).map(utf16_unit);
    match (first, second) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
            let joined = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

fn utf16_unit(escape: &[u8]) -> u32 {
    let digits = escape.get(2..6).unwrap_or_default();
    digits.iter().fold(0, |unit, digit| unit << 4 | char::from(*digit).to_digit(16).unwrap_or(0))
}

/// Returns the string with the text `raw` between its quotes.
pub(super) fn decoded(raw: &[u8], escaped: bool) -> Cow<'_, str> {
    if !escaped {
        return String::from_utf8_lossy(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    unescape(raw, &mut out);
    Cow::Owned(match String::from_utf8(out) {
        Ok(text) => text,
        Err(e) => String::from_utf8_lossy(e.as_bytes()).into_owned(),
    })
}

/// Returns the exact integer of a number in any spelling: `4`, `4.0`, `1.78E12`. Fractions are
/// truncated toward zero. `None` if it is not a number or does not fit.
#[must_use]
pub(crate) fn integer(raw: &Raw<'_>) -> Option<i64> {
    if raw.kind != ValueKind::Number {
        return None;
    }
    // The usual case: plain digits, too few to overflow.
    if raw.text.len() <= 18 && raw.text.iter().all(u8::is_ascii_digit) {
        return Some(raw.text.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')));
    }
    let negative = raw.text.first() == Some(&b'-');
    let unsigned = raw.text.get(usize::from(negative)..)?;
    let (mantissa, exponent) = match unsigned.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(e) => (unsigned.get(..e)?, exponent(unsigned.get(e + 1..)?)),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match mantissa.iter().position(|b| *b == b'.') {
        Some(point) => (mantissa.get(..point)?, mantissa.get(point + 1..)?),
        None => (mantissa, [].as_slice()),
    };
    // How many digits are before the point once the exponent has moved it.
    let places = i64::try_from(whole.len()).ok()?.saturating_add(exponent);
    let mut digits = whole.iter().chain(fraction);
    let mut value = 0i64;
    for _ in 0..places {
        match digits.next() {
            Some(digit) => {
                let digit = i64::from(digit.wrapping_sub(b'0'));
                // Negative numbers reach one further than positive ones, so count downwards.
                value = value.checked_mul(10)?.checked_sub(digit)?;
            }
            // Only zeros follow. After a zero there may be billions of them, and they do nothing.
            None if value == 0 => break,
            None => value = value.checked_mul(10)?,
        }
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// Returns the exponent, limited to a bound that no text is long enough to compensate for.
fn exponent(text: &[u8]) -> i64 {
    const BOUND: i64 = 1 << 59;
    let negative = text.first() == Some(&b'-');
    let digits = text.iter().skip(usize::from(matches!(text.first(), Some(b'-' | b'+'))));
    let size =
        digits.fold(0i64, |e, digit| (e * 10 + i64::from(digit.wrapping_sub(b'0'))).min(BOUND));
    if negative { -size } else { size }
}
