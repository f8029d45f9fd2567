//! Reads a record's cursor value.
//!
//! The JSON text of the cursor field → an instant, or `None`, for which the caller takes the
//! record's `emitted_at`.
//!
//! Invariants
//! - Never panics, and never guesses: only the forms listed at [`parse_cursor`] are read.
//! - The usual RFC 3339 string is read without allocation, because this may run once per record.
//!
//! chrono's own parsers each read one of the listed forms, and trying them in turn would be slow.
//!
//! Not here: finding the field, counting records without a usable cursor (`pipeline`).

use std::borrow::Cow;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

/// Numbers from here on, of either sign, are milliseconds: as seconds they would be after the year
/// 5138. In return, milliseconds before March 1973 are read as seconds.
const FIRST_MILLISECONDS: f64 = 1e11;

/// Reads the JSON text of a cursor field.
///
/// - A string: a date (`2025-04-14`); a date-time with `T` or a blank, optional seconds and
///   fraction, and an optional offset (`Z`, `UTC`, `+02:00`, `+0200`, `+02`; without one it is
///   UTC).
/// - A number, which may be in a string: epoch seconds, or epoch milliseconds from 1e11 on, with or
///   without a fraction.
///
/// Anything else, and any instant outside the years 0 to 9999, is `None`.
#[must_use]
pub(crate) fn parse_cursor(json_value_text: &str) -> Option<DateTime<Utc>> {
    let text = json_value_text.trim_ascii();
    let instant = match text.as_bytes() {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => from_text(inner.trim_ascii()),
        [b'"', ..] => {
            from_text(serde_json::from_str::<Cow<'_, str>>(text).ok()?.as_bytes().trim_ascii())
        }
        number => from_number(number),
    }?;
    (0..=9999).contains(&instant.year()).then_some(instant)
}

fn from_text(text: &[u8]) -> Option<DateTime<Utc>> {
    if text.get(4) == Some(&b'-') { Scan(text).date_time() } else { from_number(text) }
}

fn from_number(text: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(text).ok()?;
    // Rust also reads "inf", "nan" and "+1" as numbers; JSON does not.
    let json = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b"-+.eE".contains(&b));
    let value: f64 = if json { text.parse().ok()? } else { return None };
    let milliseconds = value.abs() >= FIRST_MILLISECONDS;
    if let Ok(whole) = text.parse::<i64>() {
        return if milliseconds {
            DateTime::from_timestamp_millis(whole)
        } else {
            DateTime::from_timestamp(whole, 0)
        };
    }
    let microseconds = if milliseconds { value * 1e3 } else { value * 1e6 };
    // A double holds today's epoch seconds to the microsecond. `as` saturates, to a year that is
    // refused.
    DateTime::from_timestamp_micros(microseconds.round() as i64)
}

/// The rest of a date-time that is being read.
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn date_time(mut self) -> Option<DateTime<Utc>> {
        let year = self.two_digits()? * 100 + self.two_digits()?;
        let month = self.after(b"-")?.two_digits()?;
        let day = self.after(b"-")?.two_digits()?;
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        if self.0.is_empty() {
            return Some(date.and_hms_opt(0, 0, 0)?.and_utc());
        }
        let hour = self.after(b"Tt ")?.two_digits()?;
        let minute = self.after(b":")?.two_digits()?;
        let mut second = 0;
        let mut nanosecond = 0;
        if self.after(b":").is_some() {
            // A leap second becomes the second before it, an instant like any other.
            second = self.two_digits()?;
            second = if second == 60 { 59 } else { second };
            if self.after(b".,").is_some() {
                nanosecond = self.fraction()?;
            }
        }
        let local = date.and_hms_nano_opt(hour, minute, second, nanosecond)?.and_utc();
        local.checked_sub_signed(TimeDelta::seconds(self.offset_seconds()?))
    }

    /// Skips one byte if it is one of `expected`.
    fn after(&mut self, expected: &[u8]) -> Option<&mut Self> {
        let (first, rest) = self.0.split_first()?;
        expected.contains(first).then(|| {
            self.0 = rest;
            self
        })
    }

    fn two_digits(&mut self) -> Option<u32> {
        let ([tens, ones], rest) = self.0.split_first_chunk()?;
        if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
            return None;
        }
        self.0 = rest;
        Some(u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
    }

    /// Reads one digit or more as nanoseconds; digits from the tenth on are ignored.
    fn fraction(&mut self) -> Option<u32> {
        let digits = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        let shown = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
        (digits > 0).then(|| shown.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    /// Reads the rest as seconds east of Greenwich.
    fn offset_seconds(mut self) -> Option<i64> {
        self.after(b" ");
        let west = match self.0 {
            [] | b"Z" | b"z" | b"UTC" => return Some(0),
            [b'+', ..] => false,
            [b'-', ..] => true,
            _ => return None,
        };
        let hours = self.after(b"+-")?.two_digits()?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.after(b":");
            self.two_digits()?
        };
        if !self.0.is_empty() || hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = i64::from(hours * 3600 + minutes * 60);
        Some(if west { -seconds } else { seconds })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_listed_forms_are_read_and_no_others() {
        let table = [
            // Dates and date-times.
            (r#""2025-04-14""#, "2025-04-14T00:00:00Z"),
            (r#""2025-04-14T11:23:45Z""#, "2025-04-14T11:23:45Z"),
            (r#" "2025-04-14t11:23:45z" "#, "2025-04-14T11:23:45Z"),
            (r#""2025-04-14T11:23:45""#, "2025-04-14T11:23:45Z"),
            (r#""2025-04-14 11:23:45""#, "2025-04-14T11:23:45Z"),
            (r#""2025-04-14 11:23""#, "2025-04-14T11:23:00Z"),
            (r#""2025-04-14T11:23Z""#, "2025-04-14T11:23:00Z"),
            (r#""2025-04-14T11:23:45.5Z""#, "2025-04-14T11:23:45.500Z"),
            (r#""2025-04-14T11:23:45,123456Z""#, "2025-04-14T11:23:45.123456Z"),
            (r#""2025-04-14T11:23:45.1234567891234+00:00""#, "2025-04-14T11:23:45.123456789Z"),
            (r#""2025-04-14T13:23:45+02:00""#, "2025-04-14T11:23:45Z"),
            (r#""2025-04-14T00:23:45+0200""#, "2025-04-13T22:23:45Z"),
            (r#""2025-04-14 06:23:45.25-05""#, "2025-04-14T11:23:45.250Z"),
            (r#""2025-04-14 11:23:45 UTC""#, "2025-04-14T11:23:45Z"),
            (r#""2025-04-14 11:23:45 +0000""#, "2025-04-14T11:23:45Z"),
            (r#"" 2025-04-14 ""#, "2025-04-14T00:00:00Z"),
            (r#""2025-04-14T13:23:45\u002b02:00""#, "2025-04-14T11:23:45Z"),
            (r#""2016-12-31T23:59:60Z""#, "2016-12-31T23:59:59Z"),
            (r#""0000-01-01""#, "0000-01-01T00:00:00Z"),
            (r#""9999-12-31T23:59:59Z""#, "9999-12-31T23:59:59Z"),
            // Epochs.
            ("1744629825", "2025-04-14T11:23:45Z"),
            ("1744629825123", "2025-04-14T11:23:45.123Z"),
            ("1744629825.25", "2025-04-14T11:23:45.250Z"),
            ("1744629825123.5", "2025-04-14T11:23:45.123500Z"),
            ("1.744629825E9", "2025-04-14T11:23:45Z"),
            (r#""1744629825""#, "2025-04-14T11:23:45Z"),
            (r#""1744629825123""#, "2025-04-14T11:23:45.123Z"),
            ("0", "1970-01-01T00:00:00Z"),
            ("-1", "1969-12-31T23:59:59Z"),
            ("-0.5", "1969-12-31T23:59:59.500Z"),
            ("99999999999", "5138-11-16T09:46:39Z"),
            ("100000000000", "1973-03-03T09:46:40Z"),
            ("-100000000000", "1966-10-31T14:13:20Z"),
        ];
        for (text, expected) in table {
            let expected = DateTime::parse_from_rfc3339(expected).unwrap().to_utc();
            assert_eq!(parse_cursor(text), Some(expected), "{text}");
        }
        let unusable = [
            "",
            "null",
            "true",
            "{}",
            "[1744629825]",
            r#""""#,
            r#"""#,
            r#"" ""#,
            "NaN",
            "inf",
            r#""inf""#,
            "+1",
            "1e999",
            "1-2",
            "-",
            "1744629825123456789",
            "1e300",
            r#""2025-04""#,
            r#""2025-4-14""#,
            r#""2025-02-29""#,
            r#""2025-13-01""#,
            r#""0000-00-00""#,
            r#""2025-04-14T""#,
            r#""2025-04-14T11""#,
            r#""2025-04-14T24:00""#,
            r#""2025-04-14T11:60""#,
            r#""2025-04-14T11:23:61""#,
            r#""2025-04-14T11:23:45.""#,
            r#""2025-04-14T11:23:45.Z""#,
            r#""2025-04-14T11:23:45+""#,
            r#""2025-04-14T11:23:45+2""#,
            r#""2025-04-14T11:23:45+24:00""#,
            r#""2025-04-14T11:23:45+02:60""#,
            r#""2025-04-14T11:23:45+02:""#,
            r#""2025-04-14T11:23:45Zulu""#,
            r#""2025-04-14T11:23:45 CET""#,
            r#""2025-04-14x""#,
            r#""14/04/2025""#,
            r#""April 14""#,
            r#""٢٠٢٥-٠٤-١٤""#,
            r#""2025-é""#,
            r#""9999-12-31T23:59:59-01:00""#,
            r#""0000-01-01T00:00:00+01:00""#,
            r#""2025-04-14\""#,
            "\"2025-04-14",
            "2025-04-14",
        ];
        for text in unusable {
            assert_eq!(parse_cursor(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn any_instant_is_read_back_in_any_offset(
            seconds in -62_167_132_800_i64..253_402_214_400,
            nanosecond in 0..1_000_000_000_u32,
            minutes in -1439..1440_i32,
        ) {
            let instant = DateTime::from_timestamp(seconds, nanosecond).unwrap();
            let offset = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
            let local = instant.with_timezone(&offset);
            // RFC 3339 has no spelling for a local time outside the years 0 to 9999.
            prop_assume!((0..=9999).contains(&local.year()));
            prop_assert_eq!(parse_cursor(&format!("\"{}\"", local.to_rfc3339())), Some(instant));
        }

        #[test]
        fn no_text_makes_it_panic(
            text in r#""?[-0-9T:.+Zz eE,\\"é]{0,30}"?"#,
            any in any::<String>(),
        ) {
            let _ = (parse_cursor(&text), parse_cursor(&any));
        }
    }
}
