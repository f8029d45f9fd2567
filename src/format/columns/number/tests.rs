//! Tables of numbers, and random ones, compared with oracles that expand exponents digit by digit
//! or use the standard library.

use proptest::prelude::*;

use super::*;
use ConversionError::{OutOfRange, WrongType};

fn exact<T>(value: T) -> Result<Parsed<T>, ConversionError> {
    Ok(Parsed { value, lost_digits: false })
}

fn lossy<T>(value: T) -> Result<Parsed<T>, ConversionError> {
    Ok(Parsed { value, lost_digits: true })
}

const NOT_NUMBERS: [&str; 36] = [
    "",
    "-",
    "+",
    ".",
    "-.",
    "+.",
    "e5",
    ".e5",
    "1e",
    "1e+",
    "1e-",
    "1e5.0",
    "1.2.3",
    "--1",
    "+-1",
    "-+1",
    "1-",
    " 1",
    "1 ",
    "1 000",
    "1,5",
    "1_000",
    "0x10",
    "1f",
    "1d",
    "nan",
    "NAN",
    "+NaN",
    "-NaN",
    "inf",
    "+Infinity",
    "-infinity",
    "٣",
    "1e5x",
    "12a",
    "true",
];

#[test]
fn what_is_not_a_number_is_of_a_wrong_type() {
    for text in NOT_NUMBERS {
        // Also after so many digits that the fast readers give up.
        for text in [text.to_owned(), format!("1234567890123456789012x{text}")] {
            assert!(!is_number(text.as_bytes()), "{text:?}");
            assert_eq!(integer(text.as_bytes()), Err(WrongType), "{text:?}");
            assert_eq!(double(text.as_bytes()), Err(WrongType), "{text:?}");
            assert_eq!(decimal(text.as_bytes(), 38, 9), Err(WrongType), "{text:?}");
        }
    }
}

/// What Java, JavaScript and Python print for doubles that JSON cannot write.
#[test]
fn nan_and_the_infinities_are_doubles_only() {
    assert!(double(b"NaN").is_ok_and(|parsed| parsed.value.is_nan() && !parsed.lost_digits));
    assert_eq!(double(b"Infinity"), exact(f64::INFINITY));
    assert_eq!(double(b"-Infinity"), exact(f64::NEG_INFINITY));
    for text in ["NaN", "Infinity", "-Infinity"] {
        assert!(!is_number(text.as_bytes()));
        assert_eq!(integer(text.as_bytes()), Err(WrongType), "{text}");
        assert_eq!(decimal(text.as_bytes(), 38, 9), Err(WrongType), "{text}");
        assert_eq!(write_integer(text.as_bytes(), &mut Vec::new()), Err(WrongType), "{text}");
    }
}

#[test]
fn integers_as_text() {
    let zeros = |count| "0".repeat(count);
    for (text, expected) in [
        ("0", Ok("0".to_owned())),
        ("-0.0", Ok("0".to_owned())),
        ("0e999999999999", Ok("0".to_owned())),
        ("18446744073709551615", Ok("18446744073709551615".to_owned())),
        ("-18446744073709551616", Ok("-18446744073709551616".to_owned())),
        ("+0012", Ok("12".to_owned())),
        ("4.0", Ok("4".to_owned())),
        ("1.5e1", Ok("15".to_owned())),
        ("1500e-2", Ok("15".to_owned())),
        ("1e399", Ok(format!("1{}", zeros(399)))),
        ("1e400", Err(OutOfRange)),
        ("-1e99999999999999999999", Err(OutOfRange)),
        ("4.5", Err(WrongType)),
        ("1e-400", Err(WrongType)),
        ("12a", Err(WrongType)),
        ("", Err(WrongType)),
    ] {
        let mut written = b"before".to_vec();
        let found = write_integer(text.as_bytes(), &mut written);
        let written = String::from_utf8(written).unwrap();
        assert_eq!(
            found.map(|()| written.clone()),
            expected.clone().map(|digits| format!("before{digits}")),
            "{text}"
        );
        assert!(expected.is_ok() || written == "before", "{text}: nothing is written");
    }
    // Digits that the text spells out have no limit.
    let long = format!("12{}", zeros(2_000));
    let mut written = Vec::new();
    write_integer(long.as_bytes(), &mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), long);
}

#[test]
fn numbers_of_strings_are_the_same_in_any_spelling() {
    for text in
        ["12", "+12", "0012", "12.", "12.0", "1.2e1", "1.2E+1", "120e-1", ".12e2", "+00.120e02"]
    {
        assert!(is_number(text.as_bytes()), "{text}");
        assert_eq!(integer(text.as_bytes()), Ok(12), "{text}");
        assert_eq!(double(text.as_bytes()), exact(12.0), "{text}");
        assert_eq!(decimal(text.as_bytes(), 10, 2), exact(1200), "{text}");
    }
}

#[test]
fn integers() {
    let table = [
        ("0", Ok(0)),
        ("-0", Ok(0)),
        ("-0.0", Ok(0)),
        ("0e999999999999", Ok(0)),
        ("0e-999999999999", Ok(0)),
        ("7", Ok(7)),
        ("-12", Ok(-12)),
        ("123456789012345678", Ok(123_456_789_012_345_678)),
        ("-123456789012345678", Ok(-123_456_789_012_345_678)),
        ("9223372036854775807", Ok(i64::MAX)),
        ("-9223372036854775808", Ok(i64::MIN)),
        ("9223372036854775808", Err(OutOfRange)),
        ("-9223372036854775809", Err(OutOfRange)),
        ("9.223372036854775807e18", Ok(i64::MAX)),
        ("922337203685477580700e-2", Ok(i64::MAX)),
        ("000000000000000000000000000000000000000042", Ok(42)),
        ("4.0", Ok(4)),
        ("1.5e1", Ok(15)),
        ("1e3", Ok(1000)),
        ("1e18", Ok(1_000_000_000_000_000_000)),
        ("1e19", Err(OutOfRange)),
        ("10000000000000000000", Err(OutOfRange)),
        ("1e39", Err(OutOfRange)),
        ("1e999999999999", Err(OutOfRange)),
        ("-1e99999999999999999999999999999999", Err(OutOfRange)),
        ("1e-5", Err(WrongType)),
        ("1e-99999999999999999999999999999999", Err(WrongType)),
        ("4.5", Err(WrongType)),
        ("0.5", Err(WrongType)),
        ("15e-1", Err(WrongType)),
        // Not an integer, whatever its size.
        ("123456789012345678901234567890.5", Err(WrongType)),
    ];
    for (text, expected) in table {
        assert_eq!(integer(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn doubles() {
    let table = [
        ("0", exact(0.0)),
        ("0.000", exact(0.0)),
        ("0e99999999999", exact(0.0)),
        ("123.45", exact(123.45)),
        ("-0.1", exact(-0.1)),
        ("0.000000000000000001", exact(1e-18)),
        ("999999999999999", exact(999_999_999_999_999.0)),
        ("9007199254740992", exact(9_007_199_254_740_992.0)),
        ("9007199254740993", lossy(9_007_199_254_740_992.0)),
        ("9007199254740993.0", lossy(9_007_199_254_740_992.0)),
        ("9007199254740994", exact(9_007_199_254_740_994.0)),
        ("9007199254740993000", exact(9_007_199_254_740_993_000.0)),
        ("1234567890123456789", lossy(1_234_567_890_123_456_800.0)),
        ("1000000000000000000000000", exact(1e24)),
        ("1.0000000000000000000000000000", exact(1.0)),
        ("0.1000000000000000055511151231257827", exact(0.1)),
        ("0.1000000000000000055511151231257828", lossy(0.1)),
        ("0.10000000000000001", exact(0.1)),
        ("0.10000000000000002", exact(0.100_000_000_000_000_02)),
        ("0.100000000000000012", lossy(0.1)),
        ("3.141592653589793238", lossy(std::f64::consts::PI)),
        ("3.141592653589793116", exact(std::f64::consts::PI)),
        ("52.520006599999995", exact(52.520_006_599_999_995)),
        ("52.520006599999997", lossy(52.520_006_599_999_995)),
        // The shortest text of 2^-44 is not the nearest one of 16 digits, which reads back as its
        // neighbour.
        ("5.684341886080802e-14", exact(5.684_341_886_080_802e-14)),
        ("9999999.000976562", exact(9_999_999.000_976_562)),
        ("9999999.000976563", exact(9_999_999.000_976_562)),
        ("1.7976931348623157e308", exact(f64::MAX)),
        ("1.7976931348623158e308", lossy(f64::MAX)),
        ("1.797693134862315807e308", lossy(f64::MAX)),
        ("1.797693134862315808e308", Err(OutOfRange)),
        ("-1e309", Err(OutOfRange)),
        ("1e999999999999999999999999", Err(OutOfRange)),
        ("2.2250738585072014e-308", exact(f64::MIN_POSITIVE)),
        ("5e-324", exact(5e-324)),
        ("4.9e-324", exact(5e-324)),
        ("1.2e-323", lossy(1e-323)),
        ("-3e-324", lossy(-5e-324)),
        ("1e-324", lossy(0.0)),
        ("-1e-400", lossy(-0.0)),
        ("1e-999999999999999999999999", lossy(0.0)),
    ];
    for (text, expected) in table {
        assert_eq!(double(text.as_bytes()), expected, "{text}");
    }
    let negative_zero = double(b"-0").unwrap().value;
    assert!(negative_zero == 0.0 && negative_zero.is_sign_negative());
}

#[test]
fn long_texts_are_read_in_full() {
    const ZEROS: usize = 800_000;
    let zeros = "0".repeat(ZEROS);
    let table = [
        (format!("0.{zeros}25e{}", ZEROS + 1), exact(2.5)),
        (format!("25{zeros}e-{}", ZEROS + 1), exact(2.5)),
        (format!("2.5{zeros}"), exact(2.5)),
        (format!("2.5{zeros}1"), lossy(2.5)),
        (format!("1{zeros}"), Err(OutOfRange)),
        (format!("0.{zeros}1"), lossy(0.0)),
        // Exactly between two doubles: the even one. A bit more: the upper one.
        ("9007199254740993".to_owned() + "." + &zeros, lossy(9_007_199_254_740_992.0)),
        ("9007199254740993".to_owned() + "." + &zeros + "1", lossy(9_007_199_254_740_994.0)),
    ];
    for (text, expected) in table {
        assert_eq!(double(text.as_bytes()), expected, "{} bytes", text.len());
    }
    assert_eq!(integer(format!("25{zeros}e-{ZEROS}").as_bytes()), Ok(25));
    assert_eq!(decimal(format!("0.{zeros}25e{}", ZEROS + 1).as_bytes(), 5, 1), exact(25));
}

#[test]
fn decimals() {
    let most = 10i128.pow(38) - 1;
    let nines = "9".repeat(38);
    let table = [
        ("0", 1, 0, exact(0)),
        ("0.000", 1, 0, exact(0)),
        ("0e999999999999", 1, 1, exact(0)),
        ("123.45", 38, 9, exact(123_450_000_000)),
        ("-123.45", 38, 2, exact(-12_345)),
        ("123.45", 5, 2, exact(12_345)),
        ("123.45", 4, 2, Err(OutOfRange)),
        ("123.45", 4, 1, lossy(1_234)),
        ("-0.99", 1, 0, lossy(0)),
        ("-1.99", 1, 0, lossy(-1)),
        ("9.99", 1, 0, lossy(9)),
        ("10", 1, 0, Err(OutOfRange)),
        ("0.5", 1, 1, exact(5)),
        ("1", 1, 1, Err(OutOfRange)),
        ("0010", 2, 0, exact(10)),
        ("1.10", 2, 1, exact(11)),
        ("1.100000000000000000000000000000000000000", 2, 1, exact(11)),
        ("1.100000000000000000000000000000000000001", 2, 1, lossy(11)),
        ("1e2", 3, 0, exact(100)),
        ("1e2", 2, 0, Err(OutOfRange)),
        ("15e-1", 38, 0, lossy(1)),
        ("1e37", 38, 0, exact(10i128.pow(37))),
        ("1e38", 38, 0, Err(OutOfRange)),
        ("-1e999999999999999999999", 38, 9, Err(OutOfRange)),
        ("1e-999999999999999999999", 38, 9, lossy(0)),
        ("1e-38", 38, 38, exact(1)),
        ("1e-39", 38, 38, lossy(0)),
        ("0.09e-37", 38, 38, lossy(0)),
        ("0.9", 38, 38, exact(9 * 10i128.pow(37))),
        ("9999999999999999999", 38, 19, exact(9_999_999_999_999_999_999 * 10i128.pow(19))),
        ("9999999999999999999", 38, 20, Err(OutOfRange)),
        ("1", 38, 37, exact(10i128.pow(37))),
        ("1", 38, 38, Err(OutOfRange)),
        (nines.as_str(), 38, 0, exact(most)),
        (nines.as_str(), 37, 0, Err(OutOfRange)),
        (nines.as_str(), 38, 1, Err(OutOfRange)),
    ];
    for (text, precision, scale, expected) in table {
        assert_eq!(
            decimal(text.as_bytes(), precision, scale),
            expected,
            "{text} {precision} {scale}"
        );
    }
}

/// The digits before and after the point of a number whose small exponent is expanded.
fn expanded(text: &str) -> (bool, String, String) {
    let negative = text.starts_with('-');
    let (mantissa, exponent) = text
        .trim_start_matches(['-', '+'])
        .split_once(['e', 'E'])
        .unwrap_or((text.trim_start_matches(['-', '+']), "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
    let exponent: i32 = exponent.parse().unwrap();
    for _ in 0..exponent.max(0) {
        whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
    }
    for _ in exponent..0 {
        fraction.insert(0, whole.pop().unwrap_or('0'));
    }
    (negative, whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned())
}

fn expected_decimal(text: &str, precision: u8, scale: u8) -> Result<Parsed<i128>, ConversionError> {
    let (negative, whole, mut fraction) = expanded(text);
    if whole.len() > usize::from(precision - scale) {
        return Err(OutOfRange);
    }
    let lost_digits = fraction.len() > usize::from(scale);
    while fraction.len() < usize::from(scale) {
        fraction.push('0');
    }
    fraction.truncate(scale.into());
    let size: i128 = format!("0{whole}{fraction}").parse().unwrap();
    Ok(Parsed { value: if negative { -size } else { size }, lost_digits })
}

fn expected_integer(text: &str) -> Result<i64, ConversionError> {
    match expanded(text) {
        (_, _, fraction) if !fraction.is_empty() => Err(WrongType),
        (_, whole, _) if whole.is_empty() => Ok(0),
        (negative, whole, _) => {
            format!("{}{whole}", if negative { "-" } else { "" }).parse().map_err(|_| OutOfRange)
        }
    }
}

/// Follows the definition: the standard library reads the text and writes as many digits, and the
/// texts are compared. If the double is in the middle between two such texts, both are right;
/// `None` for texts that are too long for that to be promised.
fn expected_double(text: &str) -> Option<Result<Parsed<f64>, ConversionError>> {
    let value: f64 = text.parse().unwrap();
    if value.is_infinite() {
        return Some(Err(OutOfRange));
    }
    let digits = |text: &str| {
        let (_, whole, fraction) = expanded(text);
        let point = if whole.is_empty() {
            fraction.trim_start_matches('0').len() as i64 - fraction.len() as i64
        } else {
            whole.len() as i64
        };
        (format!("{whole}{fraction}").trim_matches('0').to_owned(), point)
    };
    let given = digits(text);
    let len = given.0.len();
    let back = if len == 0 { "0".to_owned() } else { format!("{value:.*e}", len - 1) };
    let exact = digits(&format!("{value:.770e}")).0;
    let kept = digits(&back) == given || digits(&format!("{value:e}")) == given;
    match exact.strip_suffix('5').filter(|lower| lower.len() == len) {
        Some(_) if len > SHORT_DIGITS => None,
        Some(lower) => {
            let (lower, given): (u64, u64) = (lower.parse().unwrap(), given.0.parse().unwrap());
            Some(Ok(Parsed { value, lost_digits: !kept && given != lower && given != lower + 1 }))
        }
        None => Some(Ok(Parsed { value, lost_digits: !kept })),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn numbers_equal_their_expanded_digits(
        text in "[-+]?(0{0,3}[0-9]{1,22}(\\.[0-9]{0,25})?|0{0,9}\\.0{0,9}[0-9]{1,25}|[0-9]{1,45})([eE][-+]?[0-9]{1,2})?",
        precision in 1..=38u8,
        scale in 0..=38u8,
    ) {
        let scale = scale.min(precision);
        prop_assert!(is_number(text.as_bytes()));
        prop_assert_eq!(
            decimal(text.as_bytes(), precision, scale),
            expected_decimal(&text, precision, scale)
        );
        prop_assert_eq!(integer(text.as_bytes()), expected_integer(&text));
        if let Some(expected) = expected_double(&text) {
            prop_assert_eq!(double(text.as_bytes()), expected);
        }
    }

    #[test]
    fn doubles_lose_digits_as_defined(
        text in "-?([1-9][0-9]{14,18}|[1-9]\\.[0-9]{14,17}|[0-9]{1,3}\\.[0-9]{13,17})(e-?([0-9]{1,2}|3[0-2][0-9]))?",
    ) {
        if let Some(expected) = expected_double(&text) {
            prop_assert_eq!(double(text.as_bytes()), expected);
        }
    }

    #[test]
    fn printed_doubles_never_lose_digits(bits in any::<u64>(), near_one in any::<u64>(),
        power in -1074..1024i32) {
        // All doubles, those of everyday size, and powers of two, whose neighbours differ in
        // distance.
        let everyday = near_one as f64 / (1u64 << (near_one % 60)) as f64;
        for value in [f64::from_bits(bits), everyday, 2f64.powi(power)] {
            if !value.is_finite() {
                continue;
            }
            let rust = [format!("{value}"), format!("{value:?}"), format!("{value:e}")];
            let c = [format!("{value:.16e}"), format!("{value:.17e}"), format!("{value:.30e}")];
            for text in rust.iter().chain(&c) {
                let read = double(text.as_bytes());
                prop_assert_eq!(read, exact(value), "{}", text);
            }
        }
    }

    #[test]
    fn integers_are_read_back(value in any::<i64>(), shift in 0..64u32) {
        let value = value >> shift;
        prop_assert_eq!(integer(value.to_string().as_bytes()), Ok(value));
        prop_assert_eq!(integer(format!("{value}.000").as_bytes()), Ok(value));
        prop_assert_eq!(
            decimal(value.to_string().as_bytes(), 38, 3),
            exact(i128::from(value) * 1000)
        );
    }

    #[test]
    fn any_bytes_have_a_result(
        text in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            "[-+.eE0-9]{0,40}".prop_map(String::into_bytes),
        ],
        precision in 1..=38u8,
    ) {
        let read = double(&text);
        prop_assert_eq!(read == Err(WrongType), !is_number(&text));
        prop_assert_eq!(
            decimal(&text, precision, precision / 2) == Err(WrongType),
            !is_number(&text)
        );
        if let Ok(value) = integer(&text) {
            prop_assert_eq!(decimal(&text, 38, 0), exact(i128::from(value)));
        }
    }
}
