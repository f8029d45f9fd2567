//! Reads dates and times by the lenient grammar in the head of [`super`].
//!
//! In: any bytes. Out: values; an error for what the grammar does not have.

use super::calendar::days;
use super::fixed_width::{digit_pair, leading_micros, offset};
use super::{Clock, ConversionError, Parsed, Zone, day, moment};

#[cold]
#[inline(never)]
pub(super) fn lenient_date(text: &[u8]) -> Result<Parsed<i32>, ConversionError> {
    let (days, clock) = date_time(text).ok_or(ConversionError::WrongType)?;
    day(days, &clock)
}

#[cold]
#[inline(never)]
pub(super) fn lenient_time(text: &[u8], zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    let clock = clock(text.trim_ascii())
        .filter(|clock| !clock.overflows)
        .ok_or(ConversionError::WrongType)?;
    Ok(clock.time_of_day(zone))
}

#[cold]
#[inline(never)]
pub(super) fn lenient_timestamp(text: &[u8], zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    let (days, clock) = date_time(text).ok_or(ConversionError::WrongType)?;
    moment(days, &clock, zone)
}

/// Reads a date-time: the days since 1970-01-01, and the time on that day, which is midnight if
/// there is no clock.
fn date_time(text: &[u8]) -> Option<(i64, Clock)> {
    let (text, era) = without_era(text.trim_ascii());
    let (sign, rest) = match text {
        [sign @ (b'-' | b'+'), rest @ ..] => (Some(*sign), rest),
        _ => (None, text),
    };
    let (year, year_digits, rest) = digits(rest, 2, 7)?;
    let year = match (sign, era) {
        (Some(sign), None) if year_digits >= 4 => {
            if sign == b'-' {
                -year
            } else {
                year
            }
        }
        (None, None) if year_digits > 2 => year,
        (None, Some(Era::Common)) if year > 0 => year,
        (None, Some(Era::BeforeChrist)) if year > 0 => 1 - year,
        // Two digits alone may mean 1924, 2024 or the year 24.
        (Some(_), _) | (None, Some(_) | None) => return None,
    };
    let (month, _, rest) = digits(date_separator(rest)?, 1, 2)?;
    let (day, _, rest) = digits(date_separator(rest)?, 1, 2)?;
    let days = days(year, month, day)?;
    let clock = match rest {
        [] => Clock::MIDNIGHT,
        [b'T' | b't', rest @ ..] => clock(rest)?,
        [b' ', rest @ ..] => {
            let rest = without_blanks(rest);
            clock(rest).or_else(|| midnight_in(rest))?
        }
        zone => midnight_in(zone)?,
    };
    Some((days, clock))
}

/// Reads the offset of a date without a clock: the midnight at that offset.
fn midnight_in(zone: &[u8]) -> Option<Clock> {
    // Without a colon it may be something else: `-05` after a day may be an hour.
    if let [b'+' | b'-', rest @ ..] = zone
        && !matches!(rest, [_, _, b':', _, _])
    {
        return None;
    }
    Some(Clock { offset_seconds: offset_of(zone)?, ..Clock::MIDNIGHT })
}

#[derive(Clone, Copy)]
enum Era {
    BeforeChrist,
    Common,
}

/// Splits off the last word if it is an era.
fn without_era(text: &[u8]) -> (&[u8], Option<Era>) {
    let Some(blank) = text.iter().rposition(|byte| *byte == b' ') else { return (text, None) };
    let (rest, word) = text.split_at(blank);
    let era = match word.trim_ascii_start().to_ascii_uppercase().as_slice() {
        b"BC" | b"BCE" => Era::BeforeChrist,
        b"AD" | b"CE" => Era::Common,
        _ => return (text, None),
    };
    (rest.trim_ascii_end(), Some(era))
}

/// Reads a time of day.
fn clock(text: &[u8]) -> Option<Clock> {
    let (hour, _, rest) = digits(text, 1, 2)?;
    let (minute, _, rest) = digits(rest.strip_prefix(b":")?, 2, 2)?;
    let (second, rest) = match rest {
        [b':', rest @ ..] => digits(rest, 2, 2).map(|(second, _, rest)| (Some(second), rest))?,
        _ => (None, rest),
    };
    let (micros, lost_digits, rest) = match rest {
        [b'.' | b',', fraction @ ..] if second.is_some() => leading_micros(fraction)?,
        _ => (0, false, rest),
    };
    let second = second.unwrap_or(0);
    let day_end = hour == 24 && minute == 0 && second == 0 && micros == 0 && !lost_digits;
    if !(hour < 24 || day_end) || minute > 59 || second > 60 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second;
    let overflows = day_end || second == 60;
    let offset_seconds = if rest.is_empty() { 0 } else { offset_of(without_blanks(rest))? };
    Some(Clock { seconds, overflows, micros, lost_digits, offset_seconds })
}

/// Reads an offset, in seconds ahead of UTC.
fn offset_of(text: &[u8]) -> Option<i64> {
    let [sign @ (b'+' | b'-'), rest @ ..] = text else {
        let utc =
            [b"Z".as_slice(), b"UTC", b"GMT"].iter().any(|name| text.eq_ignore_ascii_case(name));
        return utc.then_some(0);
    };
    if let [h0, h1, m0, m1] = rest
        && let (Some(hours), Some(minutes)) = (digit_pair(*h0, *h1), digit_pair(*m0, *m1))
    {
        return offset(*sign, hours, minutes, 0);
    }
    let (hours, _, rest) = digits(rest, 1, 2)?;
    let (minutes, rest) = colon_and_digits(rest)?;
    let (seconds, rest) = colon_and_digits(rest)?;
    if rest.is_empty() { offset(*sign, hours, minutes, seconds) } else { None }
}

/// Reads a colon and two digits, or nothing at the end. Returns the number and what follows.
fn colon_and_digits(text: &[u8]) -> Option<(i64, &[u8])> {
    match text {
        [] => Some((0, text)),
        [b':', rest @ ..] => digits(rest, 2, 2).map(|(value, _, rest)| (value, rest)),
        _ => None,
    }
}

/// Reads a number of `min` to `max` digits. Returns it, the number of its digits, and what follows.
fn digits(text: &[u8], min: usize, max: usize) -> Option<(i64, usize, &[u8])> {
    let count = text.iter().take(max).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(count);
    let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    (count >= min).then_some((value, count, rest))
}

/// Skips one separator of a date.
fn date_separator(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'-' | b'/' | b'.' | b' ', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn without_blanks(text: &[u8]) -> &[u8] {
    text.split_at(text.iter().take_while(|byte| **byte == b' ').count()).1
}
