//! Dates and times against tables, and against chrono where that reaches.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use proptest::prelude::*;

use super::*;
use Misfit::{TooLarge, Wrong};

fn whole<T>(value: T) -> Result<Parsed<T>, Misfit> {
    Ok(Parsed { value, cut: false })
}

fn cut<T>(value: T) -> Result<Parsed<T>, Misfit> {
    Ok(Parsed { value, cut: true })
}

/// Chrono's own reading of RFC 3339 and the like, in microseconds.
fn micros(utc: &str) -> i64 {
    utc.parse::<NaiveDateTime>().unwrap().and_utc().timestamp_micros()
}

fn day_number(date: &str) -> i32 {
    date.parse::<NaiveDate>().unwrap().to_epoch_days()
}

fn micros_of_day(time: &str) -> i64 {
    let time = time.parse::<NaiveTime>().unwrap();
    i64::from(time.num_seconds_from_midnight()) * SECOND_MICROS + i64::from(time.nanosecond() / 1000)
}

#[test]
fn dates_in_all_their_forms() {
    let table = [
        ("2024-04-14", "2024-04-14"),
        ("1970-01-01", "1970-01-01"),
        ("0000-01-01", "0000-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("2000-02-29", "2000-02-29"),
        ("2024-02-29", "2024-02-29"),
        ("2024/04/14", "2024-04-14"),
        ("2024.4.14", "2024-04-14"),
        ("2024 4 4", "2024-04-04"),
        ("2024-4/04", "2024-04-04"),
        ("24-04-14", "2024-04-14"),
        ("99.1.2", "2099-01-02"),
        ("00/01/02", "2000-01-02"),
        ("123-04-05", "0123-04-05"),
        ("12024-04-14", "+12024-04-14"),
        ("+2024-04-14", "2024-04-14"),
        ("+12024-04-14", "+12024-04-14"),
        ("-0001-04-14", "-0001-04-14"),
        ("-12024-04-14", "-12024-04-14"),
        ("0044-03-15 BC", "-0043-03-15"),
        ("0001-01-01 bc", "0000-01-01"),
        ("4-03-15 BC", ""),
        ("44-03-15 BCE", "-0043-03-15"),
        ("44-03-15 AD", "0044-03-15"),
        ("2024-04-14   CE", "2024-04-14"),
        ("  2024-04-14\t", "2024-04-14"),
        // Midnight as a time says no more than the date.
        ("2024-04-14T00:00:00Z", "2024-04-14"),
        ("2024-04-14 00:00", "2024-04-14"),
        ("2024-04-14T00:00:00.000000000+05:00", "2024-04-14"),
    ];
    for (text, expected) in table {
        let expected = if expected.is_empty() { Err(Wrong) } else { whole(day_number(expected)) };
        assert_eq!(date(text.as_bytes()), expected, "{text:?}");
        // The same text as a timestamp, where its offset is dropped.
        let midnight = expected.map(|day| Parsed::whole(i64::from(day.value) * DAY_SECONDS * SECOND_MICROS));
        assert_eq!(timestamp(text.as_bytes(), Zone::Local), midnight, "{text:?}");
        assert_eq!(time(text.as_bytes(), Zone::Local), Err(Wrong), "{text:?}");
    }
}

#[test]
fn a_time_in_a_date_is_cut_unless_it_is_midnight() {
    let table = [
        ("2024-04-14T11:23:45Z", "2024-04-14"),
        ("2024-04-14T00:00:01", "2024-04-14"),
        ("2024-04-14T00:00:00.0000000001", "2024-04-14"),
        // The day as it is written, not that in UTC.
        ("2024-04-14T23:30:00-05:00", "2024-04-14"),
        ("2024-04-14T24:00", "2024-04-14"),
        ("2024-04-14T23:59:60", "2024-04-14"),
        ("0044-03-15 12:00:00+00 BC", "-0043-03-15"),
    ];
    for (text, expected) in table {
        assert_eq!(date(text.as_bytes()), cut(day_number(expected)), "{text}");
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
        ("24/4/14 1:23", "2024-04-14T01:23:00", "2024-04-14T01:23:00"),
        ("2024 4 14 1:23", "2024-04-14T01:23:00", "2024-04-14T01:23:00"),
        ("2024-04-14T11:23:45.1Z", "2024-04-14T11:23:45.1", "2024-04-14T11:23:45.1"),
        ("2024-04-14T11:23:45,123", "2024-04-14T11:23:45.123", "2024-04-14T11:23:45.123"),
        ("2024-04-14T11:23:45.123456000", "2024-04-14T11:23:45.123456", "2024-04-14T11:23:45.123456"),
        ("2024-04-14T11:23:45.123456+02:00", "2024-04-14T09:23:45.123456", "2024-04-14T11:23:45.123456"),
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
        ("0044-03-15 12:00:00.5+01 BC", "-0043-03-15T11:00:00.5", "-0043-03-15T12:00:00.5"),
        ("-0043-03-15T12:00:00Z", "-0043-03-15T12:00:00", "-0043-03-15T12:00:00"),
        (" 2024-04-14T11:23:45Z\n", "2024-04-14T11:23:45", "2024-04-14T11:23:45"),
    ];
    for (text, utc, local) in table {
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), whole(micros(utc)), "{text}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Local), whole(micros(local)), "{text}");
        assert_eq!(time(text.as_bytes(), Zone::Utc), Err(Wrong), "{text}");
    }
}

#[test]
fn fractions_finer_than_microseconds_are_cut_as_written() {
    let table = [
        ("2024-04-14T11:23:45.1234567Z", "2024-04-14T11:23:45.123456"),
        ("2024-04-14T11:23:45.123456000000000000000001", "2024-04-14T11:23:45.123456"),
        ("1969-12-31T23:59:59.9999995", "1969-12-31T23:59:59.999999"),
        ("1969-12-31 23:59:59,9999999 UTC", "1969-12-31T23:59:59.999999"),
        ("0001-01-01 0:00:00.0000001 BC", "0000-01-01T00:00:00"),
    ];
    for (text, expected) in table {
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), cut(micros(expected)), "{text}");
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
        assert_eq!(time(text.as_bytes(), Zone::Utc), whole(micros_of_day(utc)), "{text}");
        assert_eq!(time(text.as_bytes(), Zone::Local), whole(micros_of_day(local)), "{text}");
        assert_eq!(date(text.as_bytes()), Err(Wrong), "{text}");
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), Err(Wrong), "{text}");
    }
    let finer = time(b"11:23:45.1234567+01:00", Zone::Utc);
    assert_eq!(finer, cut(micros_of_day("10:23:45.123456")));
}

#[test]
fn what_is_no_date_is_wrong_everywhere() {
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
        "2024-04-14Z",
        "2024-04-14+01:00",
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
            assert_eq!(timestamp(text.as_bytes(), zone), Err(Wrong), "{text:?}");
        }
        assert_eq!(date(text.as_bytes()), Err(Wrong), "{text:?}");
    }
}

#[test]
fn what_is_no_time_of_day_is_wrong() {
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
            assert_eq!(time(text.as_bytes(), zone), Err(Wrong), "{text:?}");
        }
    }
}

#[test]
fn the_ends_of_the_types() {
    let table = [
        ("-290308-12-21T19:59:05.224192Z", whole(i64::MIN)),
        ("-290308-12-21T19:59:05.2241919Z", Err(TooLarge)),
        ("-290308-12-21T20:59:05.224192+01:00", whole(i64::MIN)),
        ("294247-01-10T04:00:54.775807Z", whole(i64::MAX)),
        ("294247-01-10T04:00:54.7758079Z", cut(i64::MAX)),
        ("294247-01-10T04:00:54.775808Z", Err(TooLarge)),
        ("9999999-12-31", Err(TooLarge)),
        ("-9999999-01-01", Err(TooLarge)),
    ];
    for (text, expected) in table {
        assert_eq!(timestamp(text.as_bytes(), Zone::Utc), expected, "{text}");
    }
    let table = [
        ("5881580-07-11", whole(i32::MAX)),
        ("5881580-07-12", Err(TooLarge)),
        ("-5877641-06-23", whole(i32::MIN)),
        ("5877642-06-23 BC", whole(i32::MIN)),
        ("-5877641-06-22", Err(TooLarge)),
        ("9999999-12-31", Err(TooLarge)),
        ("9999999-12-31 BC", Err(TooLarge)),
        ("9999999-02-30", Err(Wrong)),
    ];
    for (text, expected) in table {
        assert_eq!(date(text.as_bytes()), expected, "{text}");
    }
}

/// Every day of the calendar's period and both ends of what may be written: each is one more than the last.
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

/// What a clock shows, any way it may be written.
fn clocks() -> impl Strategy<Value = (String, i64)> {
    let zero_or =
        |digits: &'static str| prop_oneof![Just(String::new()), digits.prop_map(|d| format!(".{d}"))];
    (0..24u32, 0..60u32, 0..60u32, zero_or("[0-9]{1,6}0{0,3}"), any::<(bool, bool)>()).prop_map(
        |(hour, minute, second, fraction, (short, comma))| {
            let micros = format!("{:0<6}", fraction.trim_start_matches('.'));
            let micros: i64 = micros.chars().take(6).collect::<String>().parse().unwrap();
            let seconds = i64::from(hour * 3600 + minute * 60 + second);
            let hour = if short { hour.to_string() } else { format!("{hour:02}") };
            let fraction = if comma { fraction.replace('.', ",") } else { fraction };
            let text = if short && second == 0 && fraction.is_empty() {
                format!("{hour}:{minute:02}")
            } else {
                format!("{hour}:{minute:02}:{second:02}{fraction}")
            };
            (text, seconds * SECOND_MICROS + micros)
        },
    )
}

/// Offsets in all forms, with their seconds.
fn offsets() -> impl Strategy<Value = (String, i64)> {
    let words = prop::sample::select(vec!["", "Z", "z", " Z", "UTC", " UTC", " gmt", "GMT"]);
    let numbers =
        (any::<bool>(), 0..18i64, 0..60i64, 0..60i64, 0..7, prop::sample::select(vec!["", " ", "  "]))
            .prop_map(|(negative, hours, minutes, seconds, form, blank)| {
                let (text, size) = match form {
                    0 => (format!("{hours}"), hours * 3600),
                    1 => (format!("{hours:02}"), hours * 3600),
                    2 => (format!("{hours}:{minutes:02}"), hours * 3600 + minutes * 60),
                    3 => (format!("{hours:02}{minutes:02}"), hours * 3600 + minutes * 60),
                    4 => {
                        let size = hours * 3600 + minutes * 60 + seconds;
                        (format!("{hours:02}:{minutes:02}:{seconds:02}"), size)
                    }
                    _ => (format!("{hours:02}:{minutes:02}"), hours * 3600 + minutes * 60),
                };
                let (sign, size) = if negative { ('-', -size) } else { ('+', size) };
                (format!("{blank}{sign}{text}"), size)
            });
    prop_oneof![words.prop_map(|word| (word.to_owned(), 0)), numbers]
}

/// Days of chrono's range in all forms.
fn dates() -> impl Strategy<Value = (String, NaiveDate)> {
    let years = prop_oneof![3 => 1900..2200i32, 1 => -1..10_000i32, 1 => -262_000..262_000i32];
    let separators = || prop::sample::select(vec!["-", "-", "-", "/", ".", " "]);
    (years, 1..366u32, separators(), separators(), 0..6).prop_map(|(year, ordinal, first, second, form)| {
        let date = NaiveDate::from_yo_opt(year, ordinal).unwrap();
        let (month, day) = (date.month(), date.day());
        let text = match (form, year) {
            (0 | 1, 0..10_000) => format!("{year:04}-{month:02}-{day:02}"),
            (2, 2000..2100) => format!("{:02}{first}{month}{second}{day}", year - 2000),
            (3, 100..) => format!("{year}{first}{month}{second}{day:02}"),
            (4, 1000..) => format!("+{year}{first}{month:02}{second}{day}"),
            (_, 0..) => format!("{year:04}{first}{month:02}{second}{day:02}"),
            (_, ..0) => format!("-{:04}{first}{month:02}{second}{day:02}", -year),
        };
        (text, date)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn written_date_times_are_read_back(
        (date_text, day) in dates(),
        (clock, clock_micros) in clocks(),
        (offset, offset_seconds) in offsets(),
        separator in prop::sample::select(vec!["T", "T", "t", " ", "  "]),
    ) {
        let days = day.to_epoch_days();
        let text = format!("{date_text}{separator}{clock}{offset}");
        let local = i64::from(days) * DAY_SECONDS * SECOND_MICROS + clock_micros;
        let utc = local - offset_seconds * SECOND_MICROS;
        prop_assert_eq!(date(date_text.as_bytes()), whole(days), "{}", date_text);
        prop_assert_eq!(date(text.as_bytes()), Ok(Parsed { value: days, cut: clock_micros != 0 }), "{}", text);
        prop_assert_eq!(timestamp(text.as_bytes(), Zone::Local), whole(local), "{}", text);
        prop_assert_eq!(timestamp(text.as_bytes(), Zone::Utc), whole(utc), "{}", text);
        let time_text = format!("{clock}{offset}");
        let day_micros = DAY_SECONDS * SECOND_MICROS;
        prop_assert_eq!(time(time_text.as_bytes(), Zone::Local), whole(clock_micros), "{}", time_text);
        prop_assert_eq!(time(time_text.as_bytes(), Zone::Utc), whole(utc.rem_euclid(day_micros)), "{}", time_text);
        // The year before Christ that the sign says.
        if let Some(positive) = date_text.strip_prefix('-') {
            let (year, rest) = positive.split_at(positive.find(['-', '/', '.', ' ']).unwrap());
            let text = format!("{:04}{rest}{separator}{clock}{offset} BC", year.parse::<i32>().unwrap() + 1);
            prop_assert_eq!(timestamp(text.as_bytes(), Zone::Utc), whole(utc), "{}", text);
        }
    }

    #[test]
    fn rfc_3339_is_read_as_chrono_does(
        seconds in -62_167_132_800_i64..253_402_214_400,
        nanosecond in prop_oneof![Just(0), 0..1_000_000_000_u32],
        minutes in -1080..=1080i32,
    ) {
        let offset = FixedOffset::east_opt(minutes * 60).unwrap();
        let instant = DateTime::from_timestamp(seconds, nanosecond).unwrap().with_timezone(&offset);
        prop_assume!((0..=9999).contains(&instant.year()));
        let text = instant.to_rfc3339();
        let cut = nanosecond % 1000 != 0;
        let utc = Parsed { value: instant.timestamp_micros(), cut };
        let local = Parsed { value: instant.naive_local().and_utc().timestamp_micros(), cut };
        prop_assert_eq!(timestamp(text.as_bytes(), Zone::Utc), Ok(utc), "{}", text);
        prop_assert_eq!(timestamp(text.as_bytes(), Zone::Local), Ok(local), "{}", text);
    }

    /// One wrong byte at fixed places must not be taken; the ways agree on what is right.
    #[test]
    fn fixed_places_and_grammar_agree(
        place in 0..32usize,
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"0123456789-/. T:+Z,".to_vec())],
        text in prop::sample::select(vec![
            "2024-02-29", "2024-04-14T11:23:45Z", "2024-04-14T11:23:45.123456+02:30", "11:23:45.5Z", "19:00:00-01:00",
        ]),
    ) {
        let mut text = text.as_bytes().to_vec();
        let place = place % text.len();
        text[place] = byte;
        for zone in [Zone::Utc, Zone::Local] {
            prop_assert_eq!(timestamp(&text, zone), lenient_timestamp(&text, zone));
            prop_assert_eq!(time(&text, zone), lenient_time(&text, zone));
        }
        prop_assert_eq!(date(&text), lenient_date(&text));
    }

    #[test]
    fn any_bytes_have_an_answer(
        text in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            "[-+./,: TZ0-9]{0,40}".prop_map(String::into_bytes),
            "[0-9]{1,9}[-/. ][0-9]{1,3}[-/. ][0-9]{1,3}[T ][0-9]{1,3}:[0-9]{2}[-+:.0-9]{0,12}( BC)?"
                .prop_map(String::into_bytes),
        ],
    ) {
        for zone in [Zone::Utc, Zone::Local] {
            prop_assert_eq!(timestamp(&text, zone), lenient_timestamp(&text, zone));
            if let Ok(time) = time(&text, zone) {
                prop_assert!((0..DAY_SECONDS * SECOND_MICROS).contains(&time.value));
            }
        }
        prop_assert_eq!(date(&text), lenient_date(&text));
    }
}
