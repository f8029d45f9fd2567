//! Tables of dates and times.

mod random;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::calendar::days;
use super::*;
use ConversionError::{OutOfRange, WrongType};

fn exact<T>(value: T) -> Result<Parsed<T>, ConversionError> {
    Ok(Parsed { value, lost_digits: false })
}

fn lossy<T>(value: T) -> Result<Parsed<T>, ConversionError> {
    Ok(Parsed { value, lost_digits: true })
}

/// The microseconds of a date-time, as chrono reads it.
fn micros(utc: &str) -> i64 {
    utc.parse::<NaiveDateTime>().unwrap().and_utc().timestamp_micros()
}

fn day_number(date: &str) -> i32 {
    date.parse::<NaiveDate>().unwrap().to_epoch_days()
}

fn micros_of_day(time: &str) -> i64 {
    let time = time.parse::<NaiveTime>().unwrap();
    i64::from(time.num_seconds_from_midnight()) * SECOND_MICROS
        + i64::from(time.nanosecond() / 1000)
}

#[test]
fn dates_in_all_their_forms() {
    let table = [
        ("2024-04-14", "2024-04-14"),
        ("1970-01-01", "1970-01-01"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("2000-02-29", "2000-02-29"),
        ("2024-02-29", "2024-02-29"),
        ("2024/04/14", "2024-04-14"),
        ("2024.4.14", "2024-04-14"),
        ("2024 4 4", "2024-04-04"),
        ("2024-4/04", "2024-04-04"),
        ("123-04-05", "0123-04-05"),
        ("002024-04-14", "2024-04-14"),
        ("+2024-04-14", "2024-04-14"),
        ("4-03-15 BC", ""),
        ("4-03-15 AD", ""),
        ("44-03-15 AD", "0044-03-15"),
        ("2024-04-14   CE", "2024-04-14"),
        ("  2024-04-14\t", "2024-04-14"),
        // A time of midnight says no more than the date.
        ("2024-04-14T00:00:00Z", "2024-04-14"),
        ("2024-04-14 00:00", "2024-04-14"),
        ("2024-04-14T00:00:00.000000000+05:00", "2024-04-14"),
        // Dates of XML Schema may have an offset.
        ("2024-02-29Z", "2024-02-29"),
        ("2024-02-29z", "2024-02-29"),
        ("2024-02-29+02:00", "2024-02-29"),
        ("2024-02-29-05:30", "2024-02-29"),
        ("2024-02-29 +14:00", "2024-02-29"),
        ("2024-02-29 UTC", "2024-02-29"),
        ("9999-12-31-12:00", "9999-12-31"),
        ("0001-01-01+12:00", "0001-01-01"),
    ];
    for (text, expected) in table {
        let expected =
            if expected.is_empty() { Err(WrongType) } else { exact(day_number(expected)) };
        assert_eq!(date(text.as_bytes()), expected, "{text:?}");
        // The same text as a timestamp whose offset is dropped.
        let midnight =
            expected.map(|day| Parsed::exact(i64::from(day.value) * DAY_SECONDS * SECOND_MICROS));
        assert_eq!(timestamp(text.as_bytes(), Zone::Local), midnight, "{text:?}");
        assert_eq!(time(text.as_bytes(), Zone::Local), Err(WrongType), "{text:?}");
    }
}

/// Their century is unknown.
#[test]
fn two_digit_years_are_not_guessed() {
    for text in ["24-04-14", "99.1.2", "00/01/02", "24 4 14", "24-04-14T11:23:45Z", "24/4/14 1:23"]
    {
        assert_eq!(date(text.as_bytes()), Err(WrongType), "{text:?}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), Err(WrongType), "{text:?}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Local), Err(WrongType), "{text:?}");
    }
}

/// A single one would make a whole file unreadable to most programs.
#[test]
fn years_before_1_and_after_9999_are_out_of_range() {
    for text in [
        "0000-12-31",
        "0000-01-01T00:00:00Z",
        "10000-01-01",
        "12024-04-14",
        "+12024-04-14T11:23:45Z",
        "-0001-04-14",
        "-12024-04-14T11:23:45.5+01:00",
        "0044-03-15 BC",
        "44-03-15 BCE",
        "0001-01-01 bc",
        "0044-03-15 12:00:00.5+01 BC",
        "9999999-12-31 BC",
        "-290308-12-21T19:59:05.224192Z",
        "294247-01-10T04:00:54.775807Z",
        "5881580-07-11",
        "9999999-12-31",
        "-9999999-01-01",
    ] {
        assert_eq!(date(text.as_bytes()), Err(OutOfRange), "{text}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), Err(OutOfRange), "{text}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Local), Err(OutOfRange), "{text}");
    }
    assert_eq!(date(b"9999999-02-30"), Err(WrongType));
    // For a timestamp in UTC, the year in UTC counts.
    let first = micros("0001-01-01T00:00:00");
    let last = micros("9999-12-31T23:59:59.999999");
    for (text, utc, local) in [
        ("0001-01-01T00:00:00Z", exact(first), exact(first)),
        ("0001-01-01T01:00:00+01:00", exact(first), exact(first + 3_600 * SECOND_MICROS)),
        ("0001-01-01T00:00:00+00:01", Err(OutOfRange), exact(first)),
        ("0000-12-31T23:00:00-01:00", exact(first), Err(OutOfRange)),
        ("0001-01-01+01:00", Err(OutOfRange), exact(first)),
        ("9999-12-31T23:59:59.999999", exact(last), exact(last)),
        ("9999-12-31 23:59:59.9999999Z", lossy(last), lossy(last)),
        ("9999-12-31T23:59:59.999999-00:01", Err(OutOfRange), exact(last)),
        ("9999-12-31T24:00:00Z", Err(OutOfRange), Err(OutOfRange)),
        ("9999-12-31T23:59:60Z", Err(OutOfRange), Err(OutOfRange)),
        ("10000-01-01T00:59:59.999999+01:00", exact(last), Err(OutOfRange)),
    ] {
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), utc, "{text}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Local), local, "{text}");
    }
    for (millis, expected) in [
        (0, exact(0)),
        (-1, exact(-1_000)),
        (-62_135_596_800_000, exact(first)),
        (-62_135_596_800_001, Err(OutOfRange)),
        (253_402_300_799_999, exact(last - 999)),
        (253_402_300_800_000, Err(OutOfRange)),
        (i64::MAX, Err(OutOfRange)),
        (i64::MIN, Err(OutOfRange)),
    ] {
        assert_eq!(timestamp_of_millis(millis), expected, "{millis}");
    }
}

#[test]
fn times_are_written_with_six_digits_of_the_second() {
    for (text, expected) in [
        ("0:00", "00:00:00.000000"),
        ("01:02:03", "01:02:03.000000"),
        ("23:59:59.999999", "23:59:59.999999"),
        ("12:30:00.5", "12:30:00.500000"),
        ("10:00:00.00001", "10:00:00.000010"),
    ] {
        let mut written = Vec::new();
        write_time(time(text.as_bytes(), Zone::Local).unwrap().value, &mut written);
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}

#[test]
fn a_date_time_that_is_not_midnight_loses_digits_as_a_date() {
    let table = [
        ("2024-04-14T11:23:45Z", "2024-04-14"),
        ("2024-04-14T00:00:01", "2024-04-14"),
        ("2024-04-14T00:00:00.0000000001", "2024-04-14"),
        // The day as it is written, not the one in UTC.
        ("2024-04-14T23:30:00-05:00", "2024-04-14"),
        ("2024-04-14T24:00", "2024-04-14"),
        ("2024-04-14T23:59:60", "2024-04-14"),
        ("44-03-15 12:00:00+00 AD", "0044-03-15"),
    ];
    for (text, expected) in table {
        assert_eq!(date(text.as_bytes()), lossy(day_number(expected)), "{text}");
    }
}

#[test]
fn timestamps_in_all_their_forms() {
    // In UTC, and as written.
    let table = [
        ("2024-04-14T11:23:45Z", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
        ("2024-04-14T11:23:45", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
        ("2024-04-14t11:23:45z", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
        ("2024-04-14 11:23:45", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
        ("2024-04-14   11:23:45", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
        ("2024-04-14T11:23", "2024-04-14T11:23:00", "2024-04-14T11:23:00"),
        ("2024-04-14T1:23", "2024-04-14T01:23:00", "2024-04-14T01:23:00"),
        ("2024-02-29+02:00", "2024-02-28T22:00:00", "2024-02-29T00:00:00"),
        ("2024-02-29Z", "2024-02-29T00:00:00", "2024-02-29T00:00:00"),
        ("2024 4 14 1:23", "2024-04-14T01:23:00", "2024-04-14T01:23:00"),
        ("2024-04-14T11:23:45.1Z", "2024-04-14T11:23:45.1", "2024-04-14T11:23:45.1"),
        ("2024-04-14T11:23:45,123", "2024-04-14T11:23:45.123", "2024-04-14T11:23:45.123"),
        (
            "2024-04-14T11:23:45.123456000",
            "2024-04-14T11:23:45.123456",
            "2024-04-14T11:23:45.123456",
        ),
        (
            "2024-04-14T11:23:45.123456+02:00",
            "2024-04-14T09:23:45.123456",
            "2024-04-14T11:23:45.123456",
        ),
        ("2024-04-14T23:30:00-05:30", "2024-04-15T05:00:00", "2024-04-14T23:30:00"),
        ("2024-04-14T11:23:45 +02:00", "2024-04-14T09:23:45", "2024-04-14T11:23:45"),
        ("2024-04-14T11:23:45 UTC", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
        ("2024-04-14T11:23GMT", "2024-04-14T11:23:00", "2024-04-14T11:23:00"),
        ("2024-04-14T11:23+2", "2024-04-14T09:23:00", "2024-04-14T11:23:00"),
        ("2024-04-14T11:23+02", "2024-04-14T09:23:00", "2024-04-14T11:23:00"),
        ("2024-04-14T11:23+0230", "2024-04-14T08:53:00", "2024-04-14T11:23:00"),
        ("2024-04-14T11:23-2:30", "2024-04-14T13:53:00", "2024-04-14T11:23:00"),
        ("2024-04-14T11:23+02:30:15", "2024-04-14T08:52:45", "2024-04-14T11:23:00"),
        ("2024-04-14T11:23+18:00", "2024-04-13T17:23:00", "2024-04-14T11:23:00"),
        ("2024-04-14T11:23:45-00:00", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
        ("2024-04-14T24:00:00Z", "2024-04-15T00:00:00", "2024-04-15T00:00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00", "2017-01-01T00:00:00"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5", "2017-01-01T00:00:00.5"),
        ("0044-03-15 12:00:00.5+01 AD", "0044-03-15T11:00:00.5", "0044-03-15T12:00:00.5"),
        (" 2024-04-14T11:23:45Z\n", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
    ];
    for (text, utc, local) in table {
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), exact(micros(utc)), "{text}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Local), exact(micros(local)), "{text}");
        assert_eq!(time(text.as_bytes(), Zone::Utc), Err(WrongType), "{text}");
    }
}

#[test]
fn fractions_finer_than_microseconds_lose_digits() {
    let table = [
        ("2024-04-14T11:23:45.1234567Z", "2024-04-14T11:23:45.123456"),
        ("2024-04-14T11:23:45.123456000000000000000001", "2024-04-14T11:23:45.123456"),
        ("1969-12-31T23:59:59.9999995", "1969-12-31T23:59:59.999999"),
        ("1969-12-31 23:59:59,9999999 UTC", "1969-12-31T23:59:59.999999"),
        ("0001-01-01 0:00:00.0000001 AD", "0001-01-01T00:00:00"),
    ];
    for (text, expected) in table {
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), lossy(micros(expected)), "{text}");
    }
}

#[test]
fn times_in_all_their_forms() {
    let table = [
        ("11:23:45", "11:23:45", "11:23:45"),
        ("11:23:45Z", "11:23:45", "11:23:45"),
        ("11:23", "11:23:00", "11:23:00"),
        ("1:23", "01:23:00", "01:23:00"),
        ("11:23:45.5", "11:23:45.5", "11:23:45.5"),
        ("11:23:45,000001", "11:23:45.000001", "11:23:45.000001"),
        ("23:59:59.999999", "23:59:59.999999", "23:59:59.999999"),
        ("01:00:00+02:00", "23:00:00", "01:00:00"),
        ("23:00:00.5-02:00", "01:00:00.5", "23:00:00.5"),
        ("1:00 +2", "23:00:00", "01:00:00"),
        ("12:00:00 UTC", "12:00:00", "12:00:00"),
        (" 12:00:00z ", "12:00:00", "12:00:00"),
        ("00:00:00+18:00", "06:00:00", "00:00:00"),
    ];
    for (text, utc, local) in table {
        assert_eq!(time(text.as_bytes(), Zone::Utc), exact(micros_of_day(utc)), "{text}");
        assert_eq!(time(text.as_bytes(), Zone::Local), exact(micros_of_day(local)), "{text}");
        assert_eq!(date(text.as_bytes()), Err(WrongType), "{text}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), Err(WrongType), "{text}");
    }
    let finer = time(b"11:23:45.1234567+01:00", Zone::Utc);
    assert_eq!(finer, lossy(micros_of_day("10:23:45.123456")));
}

#[test]
fn what_is_not_a_date_is_of_a_wrong_type() {
    let table = [
        "",
        " ",
        "-",
        "T",
        "today",
        "2024",
        "2024-04",
        "2024-04-",
        "20240414",
        "2024-W15-7",
        "2024-105",
        "4-04-14",
        "14/04/2024",
        "2024-02-30",
        "2023-02-29",
        "1900-02-29",
        "2024-00-14",
        "2024-13-14",
        "2024-04-00",
        "2024-04-31",
        "2024-04-32",
        "2024-04-014",
        "2024-004-14",
        "2024_04_14",
        "2024--4-14",
        "2024- 4-14",
        "-24-04-14",
        "+024-04-14",
        "--2024-04-14",
        "12345678-04-14",
        "2024-04-14T",
        "2024-04-14X",
        "2024-04-14ZZ",
        "2024-04-14-05",
        "2024-04-14+0100",
        "2024-04-14+1",
        "2024-04-14+19:00",
        "2024-04-14TZ",
        "2024-04-14T+01:00",
        "2024-04-14T11",
        "2024-04-14T11:2",
        "2024-04-14T11:23:4",
        "2024-04-14T11:23:",
        "2024-04-14T11:23:45.",
        "2024-04-14T11:23.5",
        "2024-04-14T11:23:45.Z",
        "2024-04-14T25:00:00",
        "2024-04-14T11:60:00",
        "2024-04-14T11:23:61",
        "2024-04-14T24:00:01",
        "2024-04-14T24:00:00.0000001",
        "2024-04-14T24:01",
        "2024-04-14T24:00:60",
        "2024-04-14T-1:00:00",
        "2024-04-14 T11:23:45",
        "2024-04-14T 11:23:45",
        "2024-04-14T11:23:45+",
        "2024-04-14T11:23:45+18:01",
        "2024-04-14T11:23:45-19:00",
        "2024-04-14T11:23:45+01:60",
        "2024-04-14T11:23:45+100",
        "2024-04-14T11:23:45+010000",
        "2024-04-14T11:23:45+01:0",
        "2024-04-14T11:23:45+01:",
        "2024-04-14T11:23:45+01:00:60",
        "2024-04-14T11:23:45+18:00:01",
        "2024-04-14T11:23:45ZZ",
        "2024-04-14T11:23:45 CEST",
        "2024-04-14T11:23:45[UTC]",
        "2024-04-14T11:23:45 Europe/Paris",
        "0000-01-01 BC",
        "0000-01-01 AD",
        "-0044-03-15 BC",
        "0044-03-15BC",
        "0044-03-15 BC 10:00",
        "0044-03-15 BC BC",
        "BC",
        " BC",
        "2024-04-14T11:23:45Z 2024",
        "２０２４-04-14",
        "2024-04-14\u{a0}11:23",
    ];
    for text in table {
        for zone in [Zone::Utc, Zone::Local] {
            assert_eq!(timestamp(text.as_bytes(), zone), Err(WrongType), "{text:?}");
        }
        assert_eq!(date(text.as_bytes()), Err(WrongType), "{text:?}");
    }
}

#[test]
fn what_is_not_a_time_of_day_is_of_a_wrong_type() {
    let table = [
        "",
        ":",
        "11",
        "112345",
        "11:2",
        "111:23",
        "11:23:",
        "11:23:4",
        "11:23:45.",
        "24:00:00",
        "24:00",
        "23:59:60",
        "10:00:60",
        "25:00:00",
        "11:60",
        "11:23:61",
        "-1:00",
        "T11:23",
        "11:23 AD",
        "11:23:45+18:01",
        "11:23:45+1:2",
        "11:23:45+18:00:01",
        "11:23:45 PM",
        "2024-04-14T11:23:45Z",
        "2024-04-14",
    ];
    for text in table {
        for zone in [Zone::Utc, Zone::Local] {
            assert_eq!(time(text.as_bytes(), zone), Err(WrongType), "{text:?}");
        }
    }
}

/// Every day of the calendar's period, and both ends of the years that can be written: each is one
/// more than the day before.
#[test]
fn days_follow_each_other() {
    for first_year in [-9_999_999, -400, 1600, 9_999_600] {
        let mut last = days(first_year, 1, 1).unwrap() - 1;
        for year in first_year..first_year + 400 {
            for month in 0..=13 {
                for day in 0..=32 {
                    if let Some(number) = days(year, month, day) {
                        assert_eq!(number, last + 1, "{year}-{month}-{day}");
                        last = number;
                    }
                }
            }
        }
        assert_eq!(last + 1 - days(first_year, 1, 1).unwrap(), 146_097);
    }
    assert_eq!(days(1970, 1, 1), Some(0));
    assert_eq!(days(-9_999_999, 1, 1), days(10_000_001, 1, 1).map(|day| day - 50_000 * 146_097));
}
