//! Reads dates and times: the content of a JSON string becomes days, or microseconds.
//!
//! In: any bytes. Out: the value in the proleptic Gregorian calendar and whether digits were lost,
//! or why there is no value.
//!
//! This is our own code although crates for it exist: sources send spellings that the protocol
//! allows and general parsers refuse (eras, one-digit months, several separators, `24:00`, offsets
//! with seconds), and a fraction with more digits than microseconds have must be reported.
//!
//! There are two readers with the same results. `fixed_width` reads RFC 3339 as nearly every source
//! writes it; `lenient` reads everything else by this grammar, after it removed blanks at both
//! ends:
//!
//! ```text
//! date-time = date [("T" / 1*blank) clock / *blank zone] [1*blank era]
//! date      = year sep 1*2digit sep 1*2digit
//! sep       = "-" / "/" / "." / blank
//! year      = 3*7digit / 2digit era
//! clock     = 1*2digit ":" 2digit [":" 2digit [("." / ",") 1*digit]] [*blank offset]
//! offset    = "Z" / "UTC" / "GMT" / sign 1*2digit [":" 2digit [":" 2digit]] / sign 4digit
//! zone      = "Z" / "UTC" / "GMT" / sign 2digit ":" 2digit
//! sign      = "+" / "-"
//! era       = "BC" / "BCE" / "AD" / "CE"
//! ```
//!
//! A year of two digits needs an era, as it could be of any century otherwise. A year of four or
//! more digits may have a sign; with an era it has none and is not 0. A date with a zone is the
//! midnight there, as in XML Schema.
//!
//! Invariants
//! - Words and the `T` may be in any case. Offsets go up to 18 hours, as in Java.
//! - A fraction loses its last digits as it is written: a time before 1970 becomes earlier.
//! - Values are of the years 1 to 9999, which all readers can show. For a timestamp in UTC, the
//!   year in UTC counts.
//! - In date-times, 24:00:00 is the next midnight and second 60 is the next second; in times of day
//!   they are of a wrong type. A date column has the day as it is written, also with a clock of
//!   24:00.
//!
//! Not here: which of the types a column has (`types`).

mod calendar;
mod fixed_width;
mod lenient;

use std::ops::{Range, RangeInclusive};

use self::fixed_width::{plain_clock, plain_date_time};
use self::lenient::{lenient_date, lenient_time, lenient_timestamp};
use super::parsed::{ConversionError, Parsed};
use super::types::Zone;

const DAY_SECONDS: i64 = 86_400;
const SECOND_MICROS: i64 = 1_000_000;
/// 0001-01-01 to 9999-12-31, in days since 1970-01-01. A single value outside makes a whole file
/// unreadable to pandas, Delta and PyIceberg, and ClickHouse shows a wrong one.
const DAYS: RangeInclusive<i64> = -719_162..=2_932_896;
/// The same, in seconds.
const SECONDS: Range<i64> = *DAYS.start() * DAY_SECONDS..(*DAYS.end() + 1) * DAY_SECONDS;

/// Reads a date as days since 1970-01-01. A date-time is taken for its day, as written; it loses
/// digits unless it is at midnight.
#[inline]
pub(super) fn date(text: &[u8]) -> Result<Parsed<i32>, ConversionError> {
    match plain_date_time(text) {
        Some((days, clock)) => day(days, &clock),
        None => lenient_date(text),
    }
}

/// Reads a time of day as microseconds since midnight. Converting it to UTC may take it over
/// midnight, to the other end of the day.
#[inline]
pub(super) fn time(text: &[u8], zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    if let Some((clock, rest)) = text.split_first_chunk::<8>()
        && let Some(clock) = plain_clock(clock, rest)
    {
        return Ok(clock.time_of_day(zone));
    }
    lenient_time(text, zone)
}

/// Reads a timestamp as microseconds since 1970-01-01T00:00:00, in UTC or as written. A date alone
/// is its midnight.
#[inline]
pub(super) fn timestamp(text: &[u8], zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    match plain_date_time(text) {
        Some((days, clock)) => moment(days, &clock, zone),
        None => lenient_timestamp(text, zone),
    }
}

/// Converts epoch milliseconds to a timestamp.
#[inline]
pub(super) fn timestamp_of_millis(millis: i64) -> Result<Parsed<i64>, ConversionError> {
    if SECONDS.contains(&millis.div_euclid(1_000)) {
        Ok(Parsed::exact(millis * 1_000))
    } else {
        Err(ConversionError::OutOfRange)
    }
}

/// Writes microseconds of a day as `HH:MM:SS.ffffff`.
pub(super) fn write_time(micros: i64, out: &mut Vec<u8>) {
    let (seconds, fraction) = (micros / SECOND_MICROS, micros % SECOND_MICROS);
    let mut text = *b"00:00:00.000000";
    let parts = [(1, seconds / 3_600), (4, seconds / 60 % 60), (7, seconds % 60), (14, fraction)];
    for (last, mut value) in parts {
        let mut position = last;
        // From the last digit to the first; the others are zeros already.
        while value > 0 {
            text[position] += (value % 10) as u8;
            value /= 10;
            position = position.wrapping_sub(1);
        }
    }
    out.extend_from_slice(&text);
}

/// Returns a day unless it is outside the range of years.
#[inline]
fn day(days: i64, clock: &Clock) -> Result<Parsed<i32>, ConversionError> {
    if DAYS.contains(&days) {
        // The cast keeps the value, which is in a small range.
        Ok(Parsed { value: days as i32, lost_digits: !clock.is_midnight() })
    } else {
        Err(ConversionError::OutOfRange)
    }
}

/// Returns a clock's time on a day unless it is outside the range of years.
#[inline]
fn moment(days: i64, clock: &Clock, zone: Zone) -> Result<Parsed<i64>, ConversionError> {
    // This cannot overflow: years have at most seven digits.
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
    /// Since midnight: a whole day for 24:00:00 and for 23:59:60.
    seconds: i64,
    /// Whether it has hour 24 or second 60, which no time of day has.
    overflows: bool,
    micros: i64,
    /// Whether its fraction has digits after the microseconds that are not zero.
    lost_digits: bool,
    /// How far the clock is ahead of UTC.
    offset_seconds: i64,
}

impl Clock {
    const MIDNIGHT: Self =
        Self { seconds: 0, overflows: false, micros: 0, lost_digits: false, offset_seconds: 0 };

    /// Whether it is midnight as it is written, whatever its offset.
    #[inline]
    fn is_midnight(&self) -> bool {
        self.seconds == 0 && self.micros == 0 && !self.lost_digits
    }

    /// The seconds since midnight: negative, or more than a day has, if the offset takes the time
    /// to another day.
    #[inline]
    fn seconds_in(&self, zone: Zone) -> i64 {
        match zone {
            Zone::Utc => self.seconds - self.offset_seconds,
            Zone::Local => self.seconds,
        }
    }

    /// The time of day in microseconds.
    #[inline]
    fn time_of_day(&self, zone: Zone) -> Parsed<i64> {
        let seconds = self.seconds_in(zone).rem_euclid(DAY_SECONDS);
        Parsed { value: seconds * SECOND_MICROS + self.micros, lost_digits: self.lost_digits }
    }
}

#[cfg(test)]
mod tests;
