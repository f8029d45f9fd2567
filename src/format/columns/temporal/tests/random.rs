//! Random dates and times, compared with chrono where its range allows.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};
use proptest::prelude::*;

use super::super::lenient::{lenient_date, lenient_time, lenient_timestamp};
use super::*;

/// Times of day in all spellings, with their microseconds.
fn clocks() -> impl Strategy<Value = (String, i64)> {
    let zero_or = |digits: &'static str| {
        prop_oneof![Just(String::new()), digits.prop_map(|d| format!(".{d}"))]
    };
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

/// Offsets in all spellings, with their seconds.
fn offsets() -> impl Strategy<Value = (String, i64)> {
    let words = prop::sample::select(vec!["", "Z", "z", " Z", "UTC", " UTC", " gmt", "GMT"]);
    let numbers = (
        any::<bool>(),
        0..18i64,
        0..60i64,
        0..60i64,
        0..7,
        prop::sample::select(vec!["", " ", "  "]),
    )
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

/// Days of chrono's range in all spellings.
fn dates() -> impl Strategy<Value = (String, NaiveDate)> {
    let years = prop_oneof![3 => 1900..2200i32, 1 => -1..10_000i32, 1 => -262_000..262_000i32];
    let separators = || prop::sample::select(vec!["-", "-", "-", "/", ".", " "]);
    (years, 1..366u32, separators(), separators(), 0..6).prop_map(
        |(year, ordinal, first, second, form)| {
            let date = NaiveDate::from_yo_opt(year, ordinal).unwrap();
            let (month, day) = (date.month(), date.day());
            let text = match (form, year) {
                (0 | 1, 0..10_000) => format!("{year:04}-{month:02}-{day:02}"),
                (2 | 3, 100..) => format!("{year}{first}{month}{second}{day:02}"),
                (4, 1000..) => format!("+{year}{first}{month:02}{second}{day}"),
                (_, 0..) => format!("{year:04}{first}{month:02}{second}{day:02}"),
                (_, ..0) => format!("-{:04}{first}{month:02}{second}{day:02}", -year),
            };
            (text, date)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

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
        let moment = |micros: i64| {
            let seconds = micros.div_euclid(SECOND_MICROS);
            if SECONDS.contains(&seconds) { exact(micros) } else { Err(OutOfRange) }
        };
        let of_day = |lost_digits| if DAYS.contains(&days.into()) { Ok(Parsed { value: days,
            lost_digits }) } else { Err(OutOfRange) };
        prop_assert_eq!(date(date_text.as_bytes()), of_day(false), "{}", date_text);
        prop_assert_eq!(date(text.as_bytes()), of_day(clock_micros != 0), "{}", text);
        prop_assert_eq!(timestamp(text.as_bytes(), Zone::Local), moment(local), "{}", text);
        prop_assert_eq!(timestamp(text.as_bytes(), Zone::Utc), moment(utc), "{}", text);
        let time_text = format!("{clock}{offset}");
        let day_micros = DAY_SECONDS * SECOND_MICROS;
        prop_assert_eq!(
            time(time_text.as_bytes(), Zone::Local),
            exact(clock_micros),
            "{}",
            time_text
        );
        prop_assert_eq!(
            time(time_text.as_bytes(), Zone::Utc),
            exact(utc.rem_euclid(day_micros)),
            "{}",
            time_text
        );
        // A negative year, written as a year before Christ instead.
        if let Some(positive) = date_text.strip_prefix('-') {
            let (year, rest) = positive.split_at(positive.find(['-', '/', '.', ' ']).unwrap());
            let year = year.parse::<i32>().unwrap() + 1;
            let text = format!("{year:04}{rest}{separator}{clock}{offset} BC");
            prop_assert_eq!(timestamp(text.as_bytes(), Zone::Utc), moment(utc), "{}", text);
        }
    }

    #[test]
    fn rfc_3339_is_read_as_by_chrono(
        seconds in -62_135_510_400_i64..253_402_214_400,
        nanosecond in prop_oneof![Just(0), 0..1_000_000_000_u32],
        minutes in -1080..=1080i32,
    ) {
        let offset = FixedOffset::east_opt(minutes * 60).unwrap();
        let instant = DateTime::from_timestamp(seconds, nanosecond).unwrap().with_timezone(&offset);
        prop_assume!((1..=9999).contains(&instant.year()));
        let text = instant.to_rfc3339();
        let lost_digits = nanosecond % 1000 != 0;
        let utc = Parsed { value: instant.timestamp_micros(), lost_digits };
        let local =
            Parsed { value: instant.naive_local().and_utc().timestamp_micros(), lost_digits };
        prop_assert_eq!(timestamp(text.as_bytes(), Zone::Utc), Ok(utc), "{}", text);
        prop_assert_eq!(timestamp(text.as_bytes(), Zone::Local), Ok(local), "{}", text);
    }

    /// The two readers agree, also on texts with one wrong byte.
    #[test]
    fn fixed_width_and_lenient_agree(
        place in 0..32usize,
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"0123456789-/. T:+Z,".to_vec())],
        text in prop::sample::select(vec![
            "2024-02-29", "2024-04-14T11:23:45Z", "2024-04-14T11:23:45.123456+02:30", "11:23:45.5Z",
            "19:00:00-01:00",
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
    fn any_bytes_have_a_result(
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
