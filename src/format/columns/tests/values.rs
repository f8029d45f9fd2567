//! The oracle for single values: random JSON texts, each with the cell that it must become.
//!
//! The oracle knows what a text means because it made the text. It uses nothing of the decoder's
//! own reading of numbers and times.

use super::cells::Cell;
use super::choices::{Choices, json, quoted, string};
use crate::format::columns::{ColumnType, Zone};

const DAY_MICROS: i64 = 86_400_000_000;

/// What a column makes of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Exact(Cell),
    LostDigits(Cell),
    WrongType,
    OutOfRange,
}

use Outcome::{Exact, LostDigits, OutOfRange, WrongType};

/// Draws a value for a column: its JSON text, and what the column makes of it.
pub(crate) fn scalar(choices: &mut Choices, column_type: &ColumnType) -> (String, Outcome) {
    if choices.one_in(8) {
        return ("null".to_owned(), Exact(Cell::Null));
    }
    match column_type {
        ColumnType::Boolean => match choices.below(4) {
            0 => ("true".to_owned(), Exact(Cell::Boolean(true))),
            1 => ("false".to_owned(), Exact(Cell::Boolean(false))),
            _ => wrong(choices, &["1", "0", "\"true\"", "\"\"", "[true]", "{\"a\":false}"]),
        },
        ColumnType::Integer => integer(choices),
        ColumnType::BigInteger => big_integer(choices),
        ColumnType::Double => double(choices),
        ColumnType::Decimal { precision, scale } => {
            decimal(choices, usize::from(*precision), usize::from(*scale))
        }
        ColumnType::NumberText => number_text(choices),
        ColumnType::IntegerText => integer_text(choices),
        ColumnType::Text => match choices.below(3) {
            0 | 1 => {
                let (text, content) = string(choices);
                (text, Exact(Cell::Text(content)))
            }
            _ => match json(choices, 2) {
                null if null == "null" => (null, Exact(Cell::Null)),
                // Strings are drawn by the arm above.
                quoted if quoted.starts_with('"') => ("true".to_owned(), Exact(Cell::text("true"))),
                text => (text.clone(), Exact(Cell::Text(text))),
            },
        },
        ColumnType::JsonText => {
            let text = json(choices, 3);
            let cell = if text == "null" { Cell::Null } else { Cell::Text(text.clone()) };
            (text, Exact(cell))
        }
        ColumnType::Date => date(choices),
        ColumnType::Time(zone) => time(choices, *zone),
        ColumnType::TimeText(zone) => {
            let written = |cell| match cell {
                Cell::Integer(micros) => Cell::Text(time_text(micros)),
                other => other,
            };
            match time(choices, *zone) {
                (text, Exact(cell)) => (text, Exact(written(cell))),
                (text, LostDigits(cell)) => (text, LostDigits(written(cell))),
                other => other,
            }
        }
        ColumnType::Timestamp(zone) => timestamp(choices, *zone),
        ColumnType::Struct(_) | ColumnType::List(_) => {
            wrong(choices, &["1", "true", "\"{}\"", "\"[]\"", "\"\""])
        }
    }
}

fn wrong(choices: &mut Choices, texts: &[&str]) -> (String, Outcome) {
    (choices.of(texts).to_owned(), WrongType)
}

/// A number as JSON spells it, or the same in a string, perhaps with blanks around it.
fn maybe_quoted(choices: &mut Choices, number: String) -> String {
    match choices.below(12) {
        0 | 1 => quoted(choices, &number),
        2 => quoted(choices, &format!(" {number}\t")),
        _ => number,
    }
}

fn integer_text(choices: &mut Choices) -> (String, Outcome) {
    let (text, written) = choices.of(&[
        ("0", "0"),
        ("-0", "0"),
        ("7", "7"),
        ("-12", "-12"),
        ("4.0", "4"),
        ("1e3", "1000"),
        ("-1.5e1", "-15"),
        ("18446744073709551615", "18446744073709551615"),
        (
            "123456789012345678901234567890123456789012345",
            "123456789012345678901234567890123456789012345",
        ),
        ("0e99999", "0"),
        ("4.5", ""),
        ("1e-3", ""),
        ("1e401", "OutOfRange"),
    ]);
    let outcome = match written {
        "" => WrongType,
        "OutOfRange" => OutOfRange,
        digits => Exact(Cell::text(digits)),
    };
    match choices.below(6) {
        0 => wrong(choices, &NOT_NUMBERS),
        1 => ("\"+007\"".to_owned(), Exact(Cell::text("7"))),
        _ => (maybe_quoted(choices, text.to_owned()), outcome),
    }
}

/// The text of a time of day, always of the same length.
fn time_text(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:06}", micros % 1_000_000)
}

const NOT_NUMBERS: [&str; 14] = [
    "true",
    "false",
    "[]",
    "[1]",
    "{}",
    "{\"a\":1}",
    "\"\"",
    "\"abc\"",
    "\"1 2\"",
    "\"- 1\"",
    "\"nan\"",
    "\"inf\"",
    "\"0x10\"",
    "\"1,5\"",
];

fn integer(choices: &mut Choices) -> (String, Outcome) {
    let value = match choices.below(3) {
        0 => choices.below(1000) as i64,
        1 => -(choices.below(100_000) as i64),
        _ => choices.wide().cast_signed() >> choices.below(64),
    };
    let (text, outcome) = match choices.below(8) {
        0..=3 => (value.to_string(), Exact(Cell::Integer(value))),
        4 => {
            // With the last two, a zero would get a second one, as in `00e-1`.
            let ends = [".0", ".000", "e0", "E+0", ".0e00", "0e-1", "0.00e-1"];
            let end = choices.of(if value == 0 { &ends[..5] } else { &ends });
            (format!("{value}{end}"), Exact(Cell::Integer(value)))
        }
        5 => {
            let (text, value) = choices.of(&[
                ("1e3", 1_000),
                ("1.5e1", 15),
                ("-0", 0),
                ("-0.0", 0),
                ("120e-1", 12),
                ("0e99999", 0),
                ("9223372036854775807", i64::MAX),
                ("-9223372036854775808", i64::MIN),
                ("\"+7\"", 7),
                ("\"007\"", 7),
                ("\"-12.00\"", -12),
                ("\"1\\u0032\"", 12),
                ("999999999999999999", 999_999_999_999_999_999),
                ("1000000000000000000", 1_000_000_000_000_000_000),
            ]);
            return (text.to_owned(), Exact(Cell::Integer(value)));
        }
        6 => {
            let texts = [
                "9223372036854775808",
                "-9223372036854775809",
                "1e19",
                "1e300",
                "99999999999999999999999999",
            ];
            (choices.of(&texts).to_owned(), OutOfRange)
        }
        _ if choices.one_in(2) => {
            (choices.of(&["1.5", "-0.1", "1e-3", "15e-1", "1234567.00001"]).to_owned(), WrongType)
        }
        _ => return wrong(choices, &NOT_NUMBERS),
    };
    (maybe_quoted(choices, text), outcome)
}

fn big_integer(choices: &mut Choices) -> (String, Outcome) {
    let count = 1 + choices.below(40);
    let digits = format!("{}{}", 1 + choices.below(9), choices.digits(count - 1));
    let negative = choices.one_in(2);
    let sign = if negative { "-" } else { "" };
    let outcome = match digits.parse::<i128>() {
        Ok(size) if count <= 38 => Exact(Cell::Decimal(if negative { -size } else { size })),
        _ => OutOfRange,
    };
    let (text, outcome) = match choices.below(5) {
        0 | 1 => (format!("{sign}{digits}"), outcome),
        2 => (format!("{sign}{digits}.00"), outcome),
        3 if count <= 38 => {
            (format!("{sign}{digits}{}", choices.of(&[".5", ".00001", "1e-1"])), WrongType)
        }
        _ => return wrong(choices, &NOT_NUMBERS),
    };
    (maybe_quoted(choices, text), outcome)
}

fn double(choices: &mut Choices) -> (String, Outcome) {
    let (text, outcome) = match choices.below(7) {
        0 => {
            let value = choices.below(1_000_000) as i64 - 1000;
            (value.to_string(), Exact(Cell::Double(value as f64)))
        }
        1 => {
            // With two digits after the point, the quotient of two exact doubles is the nearest
            // double.
            let cents = choices.below(10_000_000);
            (
                format!("{}.{:02}", cents / 100, cents % 100),
                Exact(Cell::Double(cents as f64 / 100.0)),
            )
        }
        2 | 3 => {
            // Rust prints the shortest text that reads back as the same double.
            let value = Some(f64::from_bits(choices.wide()))
                .filter(|value| value.is_finite())
                .unwrap_or(0.5);
            let text = if choices.one_in(2) { format!("{value:?}") } else { format!("{value:e}") };
            (text, Exact(Cell::Double(value)))
        }
        4 => {
            let (text, value) = choices.of(&[
                ("0.1234567890123456789", 0.123_456_789_012_345_68),
                ("9007199254740993", 9_007_199_254_740_992.0),
                ("-9007199254740993", -9_007_199_254_740_992.0),
                ("123456789012345678901234567891", 1.234_567_890_123_456_8e29),
                ("1e-400", 0.0),
                ("3.14159265358979323846", std::f64::consts::PI),
            ]);
            (text.to_owned(), LostDigits(Cell::Double(value)))
        }
        5 => (choices.of(&["1e309", "-1e400", "1e99999999999999999999"]).to_owned(), OutOfRange),
        _ if choices.one_in(2) => {
            let (text, value) = choices.of(&[
                ("\"+2.5\"", 2.5),
                ("\".5\"", 0.5),
                ("\"5.\"", 5.0),
                ("\"-007\"", -7.0),
                ("\"Infinity\"", f64::INFINITY),
                ("\" -Infinity \"", f64::NEG_INFINITY),
            ]);
            return (text.to_owned(), Exact(Cell::Double(value)));
        }
        _ => return wrong(choices, &NOT_NUMBERS),
    };
    (maybe_quoted(choices, text), outcome)
}

fn decimal(choices: &mut Choices, precision: usize, scale: usize) -> (String, Outcome) {
    if choices.one_in(8) {
        return wrong(choices, &NOT_NUMBERS);
    }
    let count = choices.below(precision - scale + 3);
    let whole = choices.digits(count);
    let whole = whole.trim_start_matches('0');
    let count = choices.below(scale + 4);
    let fraction = choices.digits(count);
    let (kept, lost) = fraction.split_at(fraction.len().min(scale));
    let negative = choices.one_in(2);
    let outcome = if whole.len() > precision - scale {
        OutOfRange
    } else {
        let size: i128 = format!("0{whole}{kept:0<scale$}").parse().unwrap();
        let cell = Cell::Decimal(if negative { -size } else { size });
        if lost.contains(|digit| digit != '0') { LostDigits(cell) } else { Exact(cell) }
    };
    let sign = if negative { "-" } else { "" };
    let text = if choices.one_in(4) {
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        format!("{sign}{}e-{}", if digits.is_empty() { "0" } else { digits }, fraction.len())
    } else {
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    };
    (maybe_quoted(choices, text), outcome)
}

fn number_text(choices: &mut Choices) -> (String, Outcome) {
    const NUMBERS: [&str; 8] = [
        "0",
        "-0",
        "1.50",
        "1e999",
        "12345678901234567890.12345678901234567890",
        "-1E-7",
        "4.0",
        "100",
    ];
    match choices.below(4) {
        0 | 1 => {
            let number = choices.of(&NUMBERS).to_owned();
            (maybe_quoted(choices, number.clone()), Exact(Cell::Text(number)))
        }
        2 => {
            let number = choices.of(&["+7", ".5", "5.", "007"]);
            (quoted(choices, number), Exact(Cell::text(number)))
        }
        _ => wrong(choices, &NOT_NUMBERS),
    }
}

const NOT_TIMES: [&str; 13] = [
    "\"24-01-01\"",
    "\"2024-01-01-05\"",
    "1",
    "1700000000000",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"abc\"",
    "\"2024-02-30\"",
    "\"2023-13-01T00:00:00Z\"",
    "\"2024-01-01T25:00:00Z\"",
    "\"25:00:00\"",
];

/// The year, month and day `days` after 1970-01-01. Counted year by year and month by month, unlike
/// in the decoder.
fn civil(days: i64) -> (i64, i64, i64) {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    // A period of the calendar has 146,097 days.
    let (mut year, mut rest) = (1970 + 400 * days.div_euclid(146_097), days.rem_euclid(146_097));
    while rest >= 365 + i64::from(leap(year)) {
        rest -= 365 + i64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

/// Draws a day of the years 1 to 9999: its number and its text.
fn day(choices: &mut Choices) -> (i64, String) {
    let days = match choices.below(3) {
        0 => 19_723 + choices.below(1_000) as i64,
        1 => choices.below(20_000) as i64 - 10_000,
        2 if choices.one_in(8) => choices.of(&[-719_162, 2_932_896]),
        _ => -719_162 + choices.below(3_652_059) as i64,
    };
    let (year, month, day) = civil(days);
    (days, format!("{year:04}-{month:02}-{day:02}"))
}

/// Draws a time of day: its text, its microseconds, whether digits are lost, and how far its offset
/// is ahead of UTC.
fn clock(choices: &mut Choices) -> (String, i64, bool, i64) {
    let seconds = choices.below(86_400) as i64;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let (fraction, micros, lost_digits) = choices.of(&[
        ("", 0, false),
        (".0", 0, false),
        (".5", 500_000, false),
        (".123456", 123_456, false),
        (".123456000", 123_456, false),
        (".000000001", 0, true),
        (".9999999", 999_999, true),
    ]);
    text += fraction;
    let (offset, offset_minutes) = choices.of(&[
        ("", 0),
        ("Z", 0),
        ("+00:00", 0),
        ("+01:00", 60),
        ("-05:30", -330),
        ("+14:00", 840),
        ("-0800", -480),
    ]);
    (text + offset, seconds * 1_000_000 + micros, lost_digits, offset_minutes * 60_000_000)
}

fn in_zone(zone: Zone, micros: i64, offset: i64) -> i64 {
    match zone {
        Zone::Utc => micros - offset,
        Zone::Local => micros,
    }
}

fn lost_digits_if(lost_digits: bool, cell: Cell) -> Outcome {
    if lost_digits { LostDigits(cell) } else { Exact(cell) }
}

fn date(choices: &mut Choices) -> (String, Outcome) {
    let (days, text) = day(choices);
    let cell = Cell::Days(i32::try_from(days).unwrap());
    let (text, outcome) = match choices.below(6) {
        0..=2 => (text, Exact(cell)),
        3 => {
            let (clock, micros, lost_digits, _) = clock(choices);
            (format!("{text}T{clock}"), lost_digits_if(micros > 0 || lost_digits, cell))
        }
        4 if choices.one_in(2) => {
            let outside =
                ["+9999999-01-01", "10000-01-01", "0000-12-31", "-0001-06-01", "0044-03-15 BC"];
            (choices.of(&outside).to_owned(), OutOfRange)
        }
        // With an offset, it is still the day as written.
        4 => (format!("{text}{}", choices.of(&["Z", "+02:00", " -05:30", " UTC"])), Exact(cell)),
        _ => return wrong(choices, &NOT_TIMES),
    };
    (quoted(choices, &text), outcome)
}

fn time(choices: &mut Choices, zone: Zone) -> (String, Outcome) {
    if choices.one_in(5) {
        return wrong(choices, &NOT_TIMES);
    }
    let (text, micros, lost_digits, offset) = clock(choices);
    let micros = in_zone(zone, micros, offset).rem_euclid(DAY_MICROS);
    (quoted(choices, &text), lost_digits_if(lost_digits, Cell::Integer(micros)))
}

fn timestamp(choices: &mut Choices, zone: Zone) -> (String, Outcome) {
    let (days, text) = day(choices);
    let (text, outcome) = match choices.below(6) {
        0 => (text, Exact(Cell::Integer(days * DAY_MICROS))),
        1..=3 => {
            let (clock, micros, lost_digits, offset) = clock(choices);
            let micros = days * DAY_MICROS + in_zone(zone, micros, offset);
            (
                format!("{text}{}{clock}", choices.of(&['T', 't', ' '])),
                of_years_1_to_9999(micros, lost_digits),
            )
        }
        4 if choices.one_in(2) => {
            let micros = days * DAY_MICROS + in_zone(zone, 0, 7_200_000_000);
            (format!("{text}+02:00"), of_years_1_to_9999(micros, false))
        }
        4 => {
            let outside = [
                "+299999-01-01T00:00:00Z",
                "0000-12-31T12:00:00Z",
                "9999-12-31T24:00:00",
                "10000-01-01",
            ];
            (choices.of(&outside).to_owned(), OutOfRange)
        }
        _ => return wrong(choices, &NOT_TIMES),
    };
    (quoted(choices, &text), outcome)
}

fn of_years_1_to_9999(micros: i64, lost_digits: bool) -> Outcome {
    if (-62_135_596_800_000_000..253_402_300_800_000_000).contains(&micros) {
        lost_digits_if(lost_digits, Cell::Integer(micros))
    } else {
        OutOfRange
    }
}

/// Draws a value for a record's own `_airbyte_extracted_at`: a timestamp, or epoch milliseconds.
pub(crate) fn extracted_at(choices: &mut Choices) -> (String, Outcome) {
    match choices.below(4) {
        0 => {
            let millis = choices.below(2_000_000_000) as i64;
            (millis.to_string(), Exact(Cell::Integer(millis * 1_000)))
        }
        1 => {
            let (text, outcome) =
                choices.of(&[("9223372036854775807", true), ("1.5", false), ("1e19", true)]);
            (text.to_owned(), if outcome { OutOfRange } else { WrongType })
        }
        // Here, a number is not of a wrong type.
        _ => match timestamp(choices, Zone::Utc) {
            (text, WrongType) if text.starts_with('1') => ("true".to_owned(), WrongType),
            other => other,
        },
    }
}
