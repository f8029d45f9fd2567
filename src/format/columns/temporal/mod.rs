//! Dates and times: the content of a JSON string → days, or microseconds.
//!
//! In: any bytes. Out: the value in the proleptic Gregorian calendar, whether digits were lost, or
//! why there is none.
//!
//! Two ways lead to the same values: RFC 3339 as nearly every source writes it is read from fixed
//! places; all else goes through a lenient grammar (blanks at both ends are nothing):
//!
//! ```text
//! date-time = date [("T" / 1*blank) clock / *blank zone] [1*blank era]
//! date      = year sep 1*2digit sep 1*2digit         sep = "-" / "/" / "." / blank
//! year      = 3*7digit / 2digit era                  two digits may be of any century; a sign before four or more
//! clock     = 1*2digit ":" 2digit [":" 2digit [("." / ",") 1*digit]] [*blank offset]
//! offset    = "Z" / "UTC" / "GMT" / ("+" / "-") 1*2digit [":" 2digit [":" 2digit]] / ("+" / "-") 4digit
//! zone      = "Z" / "UTC" / "GMT" / ("+" / "-") 2digit ":" 2digit     midnight there, as XML Schema's dates have it
//! era       = "BC" / "BCE" / "AD" / "CE"             the year is then as written, without a sign and not 0
//! ```
//!
//! Invariants
//! - Words and the `T` may be in any case. Offsets go up to 18 hours, as Java's do.
//! - A fraction is cut as it is written: a time before 1970 moves toward the past.
//! - Values are those of the years 1 to 9999, which readers can show: of a timestamp in UTC the
//!   year in UTC counts.
//! - In date-times 24:00:00 is the next midnight and second 60 the following second; in times of
//!   day they are `WrongType`. A date column shows the day as written, and a clock of 24:00 is no
//!   midnight there.
//!
//! Not here: which of the types a column has (`types`).

use std::ops::{Range, RangeInclusive};

use super::parsed::{ConversionError, Parsed};
use super::types::Zone;

const DAY_SECONDS: i64 = 86_400;
const SECOND_MICROS: i64 = 1_000_000;
/// Digits of microseconds in a fraction.
const MICRO_DIGITS: usize = 6;
/// How many microseconds a fraction's last digit is, by the number of its digits.
const FRACTION_UNITS: [i64; MICRO_DIGITS + 1] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
const MOST_OFFSET_SECONDS: i64 = 18 * 3_600;
/// 0001-01-01 to 9999-12-31 in days since 1970-01-01. One value outside makes a whole file
/// unreadable to pandas, Delta and PyIceberg, and ClickHouse shows another.
const DAYS: RangeInclusive<i64> = -719_162..=2_932_896;
/// The same in seconds.
const SECONDS: Range<i64> = *DAYS.start() * DAY_SECONDS..(*DAYS.end() + 1) * DAY_SECONDS;

/// The days since 1970-01-01; of a date-time the day as written, cut unless that is at midnight.
#[inline]
pub(crate) fn date(text: &[u8]) -> Result<Parsed<i32>, ConversionError> {
    match plain_date_time(text) {
        Some((days, clock)) => day(days, &clock),
        None => lenient_date(text),
    }
}

/// The microseconds since midnight. In UTC: the offset may move it to the other end of the day.
#[inline]
pub(crate) fn time(text: &[u8], zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    if let Some((clock, rest)) = text.split_first_chunk::<8>()
        && let Some(clock) = plain_clock(clock, rest)
    {
        return Ok(clock.of_day(zone));
    }
    lenient_time(text, zone)
}

/// The microseconds since 1970-01-01T00:00:00, in UTC or as written. A date alone is its midnight.
#[inline]
pub(crate) fn timestamp(text: &[u8], zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    match plain_date_time(text) {
        Some((days, clock)) => moment(days, &clock, zone),
        None => lenient_timestamp(text, zone),
    }
}

/// The timestamp that is so many milliseconds after 1970-01-01T00:00:00 UTC.
#[inline]
pub(crate) fn timestamp_of_millis(millis: i64) -> Result<Parsed<i64>, ConversionError> {
    if SECONDS.contains(&millis.div_euclid(1_000)) {
        Ok(Parsed::exact(millis * 1_000))
    } else {
        Err(ConversionError::OutOfRange)
    }
}

/// Writes microseconds of a day as `HH:MM:SS.ffffff`.
pub(crate) fn write_time(micros: i64, out: &mut Vec<u8>) {
    let (seconds, fraction) = (micros / SECOND_MICROS, micros % SECOND_MICROS);
    let mut text = *b"00:00:00.000000";
    let parts = [(1, seconds / 3_600), (4, seconds / 60 % 60), (7, seconds % 60), (14, fraction)];
    for (last, mut value) in parts {
        let mut place = last;
        while value > 0 {
            // A digit.
            text[place] += (value % 10) as u8;
            value /= 10;
            place = place.wrapping_sub(1);
        }
    }
    out.extend_from_slice(&text);
}

/// A day of the years that a date may be of.
#[inline]
fn day(days: i64, clock: &Clock) -> Result<Parsed<i32>, ConversionError> {
    if DAYS.contains(&days) {
        // So few days that the cast keeps them.
        Ok(Parsed { value: days as i32, lost_digits: !clock.is_midnight() })
    } else {
        Err(ConversionError::OutOfRange)
    }
}

/// A clock's time on a day, if that is of the years that a timestamp may be of.
#[inline]
fn moment(days: i64, clock: &Clock, zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    // Ten million years in seconds are far from overflowing.
    let seconds = days * DAY_SECONDS + clock.seconds_in(zone);
    if SECONDS.contains(&seconds) {
        Ok(Parsed { value: seconds * SECOND_MICROS + clock.micros, lost_digits: clock.lost_digits })
    } else {
        Err(ConversionError::OutOfRange)
    }
}

/// A clock's time, as it is written.
#[derive(Clone, Copy)]
struct Clock {
    /// Since midnight; a whole day for 24:00:00 and for 23:59:60.
    seconds: i64,
    /// Written with hour 24 or second 60, which no time of day has.
    overflows: bool,
    micros: i64,
    /// There are digits behind the microseconds.
    lost_digits: bool,
    /// How far the clock is ahead of UTC.
    offset_seconds: i64,
}

impl Clock {
    const MIDNIGHT: Self =
        Self { seconds: 0, overflows: false, micros: 0, lost_digits: false, offset_seconds: 0 };

    /// As it is written, whatever its offset.
    #[inline]
    fn is_midnight(&self) -> bool {
        self.seconds == 0 && self.micros == 0 && !self.lost_digits
    }

    /// The seconds since midnight in a zone: negative or beyond a day where the offset moves it to
    /// another one.
    #[inline]
    fn seconds_in(&self, zone: Zone) -> i64 {
        match zone {
            Zone::Utc => self.seconds - self.offset_seconds,
            Zone::Local => self.seconds,
        }
    }

    #[inline]
    fn of_day(&self, zone: Zone) -> Parsed<i64> {
        let seconds = self.seconds_in(zone).rem_euclid(DAY_SECONDS);
        Parsed { value: seconds * SECOND_MICROS + self.micros, lost_digits: self.lost_digits }
    }
}

// ------------------------------------------------------------------------------------------------
// fixed places

/// `YYYY-MM-DD`, alone or followed by `T` or a blank and a plain clock: the days since 1970-01-01
/// and the clock's time.
#[inline]
fn plain_date_time(text: &[u8]) -> Option<(i64, Clock)> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let days = plain_date(date)?;
    let clock = match rest.split_first_chunk::<9>() {
        Some(([b'T' | b't' | b' ', clock @ ..], rest)) => plain_clock(clock, rest)?,
        None if rest.is_empty() => Clock::MIDNIGHT,
        _ => return None,
    };
    Some((days, clock))
}

#[inline]
fn plain_date(text: &[u8; 10]) -> Option<i64> {
    let [year_month @ .., tens, ones] = text;
    let pairs = digit_pairs(year_month, *b"0000-00-")?;
    days(pair(pairs, 0) * 100 + pair(pairs, 2), pair(pairs, 5), digit_pair(*tens, *ones)?)
}

/// `HH:MM:SS` and what may follow: a point with a fraction, `Z` or an offset such as `+01:00`.
#[inline]
fn plain_clock(text: &[u8; 8], rest: &[u8]) -> Option<Clock> {
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

/// The values of two neighbouring digits, from eight bytes at once: the one that begins at a place
/// of the pattern with two zeros is at the same place of the result. `None` if a byte is no digit
/// where the pattern has `0`, or is not the pattern's where it has another.
#[inline]
fn digit_pairs(text: &[u8; 8], pattern: [u8; 8]) -> Option<u64> {
    // What takes the first wrong value of a byte, one or ten, to the highest bit.
    let limits =
        u64::from_le_bytes(pattern.map(|byte| if byte == b'0' { 0x80 - 10 } else { 0x80 - 1 }));
    // Digits by their value, the others as zero.
    let values = u64::from_le_bytes(*text) ^ u64::from_le_bytes(pattern);
    // A carry into the next byte comes only from one that is wrong by itself.
    if (values | values.wrapping_add(limits)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    Some(values * 10 + (values >> 8))
}

#[inline]
fn pair(pairs: u64, place: u32) -> i64 {
    (pairs >> (8 * place) & 0xff).cast_signed()
}

#[inline]
fn digit_pair(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

/// The digits of a fraction as microseconds, whether any was lost, and what follows. `None` if
/// there is no digit.
#[inline]
fn leading_micros(text: &[u8]) -> Option<(i64, bool, &[u8])> {
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

/// How far an offset is ahead of UTC, if it is one.
#[inline]
fn offset(sign: u8, hours: i64, minutes: i64, seconds: i64) -> Option<i64> {
    let size = hours * 3_600 + minutes * 60 + seconds;
    if minutes > 59 || seconds > 59 || size > MOST_OFFSET_SECONDS {
        return None;
    }
    Some(if sign == b'-' { -size } else { size })
}

/// The days from 1970-01-01 to a day of an astronomical year between -10 and 10 million; `None` if
/// there is no such day.
#[inline]
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    /// The days of a year before each month, and its own.
    const MONTHS: [(i64, i64); 12] = [
        (0, 31),
        (31, 28),
        (59, 31),
        (90, 30),
        (120, 31),
        (151, 30),
        (181, 31),
        (212, 31),
        (243, 30),
        (273, 31),
        (304, 30),
        (334, 31),
    ];
    /// A multiple of the calendar's period of 400 years, so that no year is negative.
    const SHIFT_YEARS: u64 = 10_000_400;
    /// From the first day of the shifted calendar to 1970-01-01.
    const SHIFT_DAYS: i64 = (SHIFT_YEARS / 400).cast_signed() * 146_097 + 719_528;

    let (before, length) = *MONTHS.get(usize::try_from(month - 1).ok()?)?;
    let year = year.cast_unsigned().wrapping_add(SHIFT_YEARS);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if day < 1 || day > length + i64::from(leap && month == 2) {
        return None;
    }
    // Leap days of the years before this one; the first year of the shifted calendar is none of
    // them but a leap year.
    let past = year - 1;
    let leap_days = past / 4 - past / 100 + past / 400 + 1;
    let first = (365 * year + leap_days).cast_signed() - SHIFT_DAYS;
    Some(first + before + i64::from(leap && month > 2) + day - 1)
}

// ------------------------------------------------------------------------------------------------
// the grammar

#[cold]
#[inline(never)]
fn lenient_date(text: &[u8]) -> Result<Parsed<i32>, ConversionError> {
    let (days, clock) = date_time(text).ok_or(ConversionError::WrongType)?;
    day(days, &clock)
}

#[cold]
#[inline(never)]
fn lenient_time(text: &[u8], zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    let clock = clock(text.trim_ascii())
        .filter(|clock| !clock.overflows)
        .ok_or(ConversionError::WrongType)?;
    Ok(clock.of_day(zone))
}

#[cold]
#[inline(never)]
fn lenient_timestamp(text: &[u8], zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    let (days, clock) = date_time(text).ok_or(ConversionError::WrongType)?;
    moment(days, &clock, zone)
}

/// The days since 1970-01-01, and the clock's time on that day, which is midnight if there is none.
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
        (None, Some(Era::Ours)) if year > 0 => year,
        (None, Some(Era::Before)) if year > 0 => 1 - year,
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

/// The midnight of a date that has an offset.
fn midnight_in(zone: &[u8]) -> Option<Clock> {
    // `-05` after a day may be an hour.
    if let [b'+' | b'-', rest @ ..] = zone
        && !matches!(rest, [_, _, b':', _, _])
    {
        return None;
    }
    Some(Clock { offset_seconds: offset_of(zone)?, ..Clock::MIDNIGHT })
}

#[derive(Clone, Copy)]
enum Era {
    Before,
    Ours,
}

/// What stands before the era, and the era if the last word is one.
fn without_era(text: &[u8]) -> (&[u8], Option<Era>) {
    let Some(blank) = text.iter().rposition(|byte| *byte == b' ') else { return (text, None) };
    let (rest, word) = text.split_at(blank);
    let era = match word.trim_ascii_start().to_ascii_uppercase().as_slice() {
        b"BC" | b"BCE" => Era::Before,
        b"AD" | b"CE" => Era::Ours,
        _ => return (text, None),
    };
    (rest.trim_ascii_end(), Some(era))
}

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

/// A colon and two digits, or the end.
fn colon_and_digits(text: &[u8]) -> Option<(i64, &[u8])> {
    match text {
        [] => Some((0, text)),
        [b':', rest @ ..] => digits(rest, 2, 2).map(|(value, _, rest)| (value, rest)),
        _ => None,
    }
}

/// A number of `least` to `most` digits, how many they are, and what follows.
fn digits(text: &[u8], least: usize, most: usize) -> Option<(i64, usize, &[u8])> {
    let count = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(count);
    let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    (count >= least).then_some((value, count, rest))
}

fn date_separator(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'-' | b'/' | b'.' | b' ', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn without_blanks(text: &[u8]) -> &[u8] {
    text.split_at(text.iter().take_while(|byte| **byte == b' ').count()).1
}

#[cfg(test)]
mod tests;
