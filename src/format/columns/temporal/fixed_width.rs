//! Reads RFC 3339 in its usual spelling, in which every digit has a fixed position.
//!
//! In: any bytes. Out: days and a [`Clock`]; `None` for any other spelling, valid or not.

use super::Clock;
use super::calendar::days;

/// Digits of microseconds in a fraction.
const MICRO_DIGITS: usize = 6;
/// How many microseconds a fraction's last digit is, by the number of its digits.
const FRACTION_UNITS: [i64; MICRO_DIGITS + 1] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
const MAX_OFFSET_SECONDS: i64 = 18 * 3_600;

/// Reads `YYYY-MM-DD`, alone or followed by `T` or a blank and a plain clock: the days since
/// 1970-01-01 and the clock's time.
#[inline]
pub(super) fn plain_date_time(text: &[u8]) -> Option<(i64, Clock)> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let days = plain_date(date)?;
    let clock = match rest.split_first_chunk::<9>() {
        Some(([b'T' | b't' | b' ', clock @ ..], rest)) => plain_clock(clock, rest)?,
        None if rest.is_empty() => Clock::MIDNIGHT,
        _ => return None,
    };
    Some((days, clock))
}

/// Reads `YYYY-MM-DD`.
#[inline]
fn plain_date(text: &[u8; 10]) -> Option<i64> {
    let [year_month @ .., tens, ones] = text;
    let pairs = digit_pairs(year_month, *b"0000-00-")?;
    days(pair(pairs, 0) * 100 + pair(pairs, 2), pair(pairs, 5), digit_pair(*tens, *ones)?)
}

/// Reads `HH:MM:SS` and what may follow: a point with a fraction, `Z` or an offset such as
/// `+01:00`.
#[inline]
pub(super) fn plain_clock(text: &[u8; 8], rest: &[u8]) -> Option<Clock> {
    let pairs = digit_pairs(text, *b"00:00:00")?;
    let (hour, minute, second) = (pair(pairs, 0), pair(pairs, 3), pair(pairs, 6));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second;
    let (micros, lost_digits, rest) = match rest {
        [b'.', fraction @ ..] => leading_micros(fraction)?,
        _ => (0, false, rest),
    };
    let offset_seconds = match rest {
        [] | [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            offset(*sign, digit_pair(*h0, *h1)?, digit_pair(*m0, *m1)?, 0)?
        }
        _ => return None,
    };
    Some(Clock { seconds, overflows: false, micros, lost_digits, offset_seconds })
}

/// Reads the two-digit numbers of eight bytes at once. For every `00` in `pattern`, the result has
/// the number in the byte at the position of the first zero; see [`pair`]. `None` if a byte is not
/// a digit where the pattern has `0`, or if it differs from the pattern elsewhere.
#[inline]
fn digit_pairs(text: &[u8; 8], pattern: [u8; 8]) -> Option<u64> {
    // Per byte, the number that is added so that wrong values set the highest bit. The first wrong
    // value is ten for a digit, and one for other bytes.
    let limits =
        u64::from_le_bytes(pattern.map(|byte| if byte == b'0' { 0x80 - 10 } else { 0x80 - 1 }));
    // `^` maps the digits to their values, as the low bits of `0` are zeros, and other bytes that
    // are as in the pattern to zero.
    let values = u64::from_le_bytes(*text) ^ u64::from_le_bytes(pattern);
    // A byte that carries into the next one is wrong by itself, so that the carry does no harm.
    if (values | values.wrapping_add(limits)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    // Ten times each digit plus the next one. Bytes with other pairs are never looked at.
    Some(values * 10 + (values >> 8))
}

/// The number whose first digit is at `position`.
#[inline]
fn pair(pairs: u64, position: u32) -> i64 {
    (pairs >> (8 * position) & 0xff).cast_signed()
}

#[inline]
pub(super) fn digit_pair(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

/// Reads the digits of a fraction: the microseconds, whether digits were lost, and what follows.
/// `None` if there are no digits.
#[inline]
pub(super) fn leading_micros(text: &[u8]) -> Option<(i64, bool, &[u8])> {
    let (mut micros, mut count, mut rest) = (0, 0, text);
    while let [byte @ b'0'..=b'9', after @ ..] = rest
        && count < MICRO_DIGITS
    {
        micros = micros * 10 + i64::from(byte - b'0');
        count += 1;
        rest = after;
    }
    let mut lost_digits = false;
    while let [byte @ b'0'..=b'9', after @ ..] = rest {
        lost_digits |= *byte != b'0';
        rest = after;
    }
    (count > 0).then(|| (micros * FRACTION_UNITS[count], lost_digits, rest))
}

/// Returns how far a clock with this offset is ahead of UTC, in seconds. `None` for an invalid
/// offset.
#[inline]
pub(super) fn offset(sign: u8, hours: i64, minutes: i64, seconds: i64) -> Option<i64> {
    let size = hours * 3_600 + minutes * 60 + seconds;
    if minutes > 59 || seconds > 59 || size > MAX_OFFSET_SECONDS {
        return None;
    }
    Some(if sign == b'-' { -size } else { size })
}
