//! Numbers: text → integer, double or decimal.
//!
//! In: the text of a JSON number, or of a string that may hold one. Strings are taken as Java's
//! `BigDecimal` takes them: a JSON number, also with a plus, with leading zeros, or with nothing on
//! one side of the point. No blanks, no hexadecimal; `NaN`, `Infinity` and `-Infinity` are doubles
//! and nothing else. Out: the value and whether digits were lost, or why there is none.
//!
//! Invariants
//! - Any bytes may come; what is no number is [`ConversionError::WrongType`].
//! - Time and memory follow the text's length, never the size of its exponent.
//! - Plain short numbers are read without an allocation and without a second look.
//!
//! Not here: which JSON kinds a column takes (`decode`), and that a big integer may have no
//! fraction: [`decimal`] cuts it off and says so.

use self::digits::{
    Number, POWERS, SHORT_DIGITS, Short, sign, up_to_seven_digits, up_to_sixteen_digits,
};
use super::parsed::{ConversionError, Parsed};

mod digits;

/// The digits of a decimal in 128 bits.
const MOST_DECIMAL_DIGITS: usize = 38;
/// Every number of this many digits reads back from the double next to it.
const SAFE_DIGITS: usize = 15;
/// The first integer with more than [`SAFE_DIGITS`].
const SAFE_END: u64 = 1_000_000_000_000_000;
/// No double has more digits in its exact value.
const MOST_DIGITS: usize = 767;
/// Values with more digits before the point are beyond the doubles, with more zeros behind it
/// nearer to zero than to any.
const DOUBLE_POINT: std::ops::RangeInclusive<i64> = -330..=310;
/// The bits of a double behind its leading one.
const FRACTION_BITS: u64 = (1 << 52) - 1;
/// Texts up to this length are read as they are; longer ones only in their digits that count.
const PARSED_WHOLE: usize = 64;

/// Zeros that an exponent may add to an integer's text: as far as doubles go, and more.
const MOST_WRITTEN_DIGITS: usize = 400;

/// Ten to the power of the index, for decimals.
const WIDE_POWERS: [u128; MOST_DECIMAL_DIGITS + 1] = {
    let mut powers = [1; MOST_DECIMAL_DIGITS + 1];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Five to the power of the index: all that 128 bits can hold.
const POWERS_OF_FIVE: [u128; 56] = {
    let mut powers = [1; 56];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 5;
        i += 1;
    }
    powers
};

/// Ten to the power of the index: each is exact.
const DOUBLE_POWERS: [f64; SHORT_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19,
];

/// The integer that a number means, in whatever spelling: `4`, `4.0`, `1.5e1`. One with a fraction
/// is `WrongType`, also if it is large.
#[inline]
pub(crate) fn integer(number: &[u8]) -> Result<i64, ConversionError> {
    let (negative, digits) = sign(number);
    let size = match digits.len() {
        1..8 => up_to_seven_digits(digits),
        8..=16 => up_to_sixteen_digits(digits),
        _ => None,
    };
    match size.map(u64::cast_signed) {
        Some(size) => Ok(if negative { -size } else { size }),
        None => long_integer(number),
    }
}

/// The double nearest to a number; cut if the double, written with as many significant digits as
/// the text has, gives other digits.
///
/// Not cut either: the other text of that length which is just as near, and the shortest text that
/// reads back as the double. Printers write these too.
#[inline]
pub(crate) fn double(number: &[u8]) -> Result<Parsed<f64>, ConversionError> {
    match Short::read(number) {
        // Both are exact in a double, so that the quotient is the nearest one.
        Some(Short { negative, digits, behind }) if digits < SAFE_END => {
            let size = digits as f64 / DOUBLE_POWERS[behind];
            Ok(Parsed::exact(if negative { -size } else { size }))
        }
        Some(short) => precise_double(number, &short),
        None => long_double(number),
    }
}

/// The number times ten to the power of `scale`, cut off toward zero; `OutOfRange` if that has more
/// than `precision` digits. `precision` is 1 to 38, `scale` at most that.
#[inline]
pub(crate) fn decimal(
    number: &[u8],
    precision: u8,
    scale: u8,
) -> Result<Parsed<i128>, ConversionError> {
    if let Some(Short { negative, digits, behind }) = Short::read(number)
        && let Some(zeros) = usize::from(scale).checked_sub(behind)
        && let Some(power) = POWERS.get(zeros)
    {
        // 19 digits and 19 zeros: no more than an i128 holds.
        let size = u128::from(digits) * u128::from(*power);
        return if size < decimal_end(precision) {
            Ok(Parsed::exact(signed(negative, size)))
        } else {
            Err(ConversionError::OutOfRange)
        };
    }
    long_decimal(number, precision, scale)
}

/// Writes the integer that a number means: its digits and, if it is below zero, a minus. Nothing is
/// written for what is no integer, or has more than [`MOST_WRITTEN_DIGITS`] of which the text has
/// only an exponent.
pub(crate) fn write_integer(text: &[u8], out: &mut Vec<u8>) -> Result<(), ConversionError> {
    let number = Number::read(text).ok_or(ConversionError::WrongType)?;
    if number.len() == 0 {
        out.push(b'0');
        return Ok(());
    }
    let places = usize::try_from(number.point).map_err(|_| ConversionError::WrongType)?;
    if number.len() > places {
        return Err(ConversionError::WrongType);
    }
    if places > text.len().max(MOST_WRITTEN_DIGITS) {
        return Err(ConversionError::OutOfRange);
    }
    if number.negative {
        out.push(b'-');
    }
    let end = out.len() + places;
    out.extend(number.digits());
    out.resize(end, b'0');
    Ok(())
}

/// Whether a string holds a number. The other functions find out by themselves.
pub(crate) fn is_number(text: &[u8]) -> bool {
    Number::read(text).is_some()
}

#[cold]
#[inline(never)]
fn long_integer(text: &[u8]) -> Result<i64, ConversionError> {
    let number = Number::read(text).ok_or(ConversionError::WrongType)?;
    if number.len() == 0 {
        return Ok(0);
    }
    let places = usize::try_from(number.point).map_err(|_| ConversionError::WrongType)?;
    if number.len() > places {
        return Err(ConversionError::WrongType);
    }
    if places > SHORT_DIGITS {
        return Err(ConversionError::OutOfRange);
    }
    i64::try_from(signed(number.negative, number.leading(places)))
        .map_err(|_| ConversionError::OutOfRange)
}

#[cold]
#[inline(never)]
fn long_decimal(text: &[u8], precision: u8, scale: u8) -> Result<Parsed<i128>, ConversionError> {
    let number = Number::read(text).ok_or(ConversionError::WrongType)?;
    if number.len() == 0 {
        return Ok(Parsed::exact(0));
    }
    let places = number.point + i64::from(scale);
    if places > i64::from(precision) {
        return Err(ConversionError::OutOfRange);
    }
    let places = usize::try_from(places).unwrap_or(0);
    Ok(Parsed {
        value: signed(number.negative, number.leading(places)),
        lost_digits: number.len() > places,
    })
}

/// Plain numbers of 16 to 19 digits. Not cold: columns may be full of them.
#[inline(never)]
fn precise_double(text: &[u8], short: &Short) -> Result<Parsed<f64>, ConversionError> {
    let value = parsed(text)?;
    let unit_exponent = -(short.behind as i32);
    // Zeros at the end are no digits that a double has to give back.
    let is_kept = !short.digits.is_multiple_of(10)
        && rounds_to(value.abs(), short.digits.into(), unit_exponent) == Some(true);
    if is_kept { Ok(Parsed::exact(value)) } else { long_double(text) }
}

#[inline(never)]
fn long_double(text: &[u8]) -> Result<Parsed<f64>, ConversionError> {
    let Some(number) = Number::read(text) else {
        // As Java, JavaScript and Python write what JSON has no number for.
        return match text {
            b"NaN" => Ok(Parsed::exact(f64::NAN)),
            b"Infinity" => Ok(Parsed::exact(f64::INFINITY)),
            b"-Infinity" => Ok(Parsed::exact(f64::NEG_INFINITY)),
            _ => Err(ConversionError::WrongType),
        };
    };
    let size = if number.len() == 0 || number.point < *DOUBLE_POINT.start() {
        0.0
    } else if number.point > *DOUBLE_POINT.end() {
        return Err(ConversionError::OutOfRange);
    } else {
        nearest_size(text, &number)?
    };
    if size.is_infinite() {
        return Err(ConversionError::OutOfRange);
    }
    let value = if number.negative { -size } else { size };
    Ok(Parsed { value, lost_digits: !keeps_digits(size, &number) })
}

/// The double nearest to a number that has few zeros next to its point, without the sign. It may be
/// infinite.
fn nearest_size(text: &[u8], number: &Number<'_>) -> Result<f64, ConversionError> {
    if text.len() <= PARSED_WHOLE {
        return parsed(text).map(f64::abs);
    }
    // The standard library bounds the exponent by itself; a long row of zeros could make up for
    // what that takes away. Digits behind those that any double has, or that any middle between two
    // has, only say "a bit more".
    let mut digits: String = number.digits().take(MOST_DIGITS + 2).map(char::from).collect();
    if number.len() > digits.len() {
        digits.push('1');
    }
    parsed(format!("0.{digits}e{}", number.point).as_bytes())
}

fn parsed(number: &[u8]) -> Result<f64, ConversionError> {
    str::from_utf8(number).ok().and_then(|text| text.parse().ok()).ok_or(ConversionError::WrongType)
}

/// Whether a double gives back the digits of the number that it was read from. See [`double`].
fn keeps_digits(size: f64, number: &Number<'_>) -> bool {
    let len = number.len();
    if len == 0 || (len <= SAFE_DIGITS && size >= f64::MIN_POSITIVE) {
        return true;
    }
    if size == 0.0 || len > MOST_DIGITS {
        return false;
    }
    let rounds = if len <= MOST_DECIMAL_DIGITS
        && let Ok(unit_exponent) = i32::try_from(number.point - number.len() as i64)
        && let Some(rounds) = rounds_to(size, number.leading(len), unit_exponent)
    {
        rounds
    } else {
        // Takes only the even one of two that are as near; so long, hardly any are.
        is_written(&format!("{size:.*e}", len - 1), number)
    };
    rounds || (is_power_of_two(size) && is_written(&format!("{size:e}"), number))
}

/// Whether a double, rounded to as many digits as a decimal has, is the decimal: whether they are
/// at most half a unit of its last digit apart. `None` if 128 bits are too few to tell.
fn rounds_to(size: f64, digits: u128, unit_exponent: i32) -> Option<bool> {
    let (mantissa, mut exponent) = binary(size);
    // mantissa * 2^exponent against digits * 10^unit_exponent; both times whatever makes them
    // integers.
    let (mut double, mut decimal, mut unit) = (u128::from(mantissa), digits, 1);
    let fives = *POWERS_OF_FIVE.get(unit_exponent.unsigned_abs() as usize)?;
    if unit_exponent < 0 {
        double = product(double, fives)?;
    } else {
        decimal = product(decimal, fives)?;
        unit = fives;
    }
    exponent -= unit_exponent;
    let twos = exponent.unsigned_abs();
    if exponent < 0 {
        decimal = shifted(decimal, twos)?;
        unit = shifted(unit, twos)?;
    } else {
        double = shifted(double, twos)?;
    }
    // Half a unit away on either side is as near.
    Some(shifted(double.abs_diff(decimal), 1)? <= unit)
}

/// `None` if it may have more than 128 bits. (The checked product of the standard library is slow.)
fn product(a: u128, b: u128) -> Option<u128> {
    (a.leading_zeros() + b.leading_zeros() >= 128).then(|| a.wrapping_mul(b))
}

/// `None` if that has more than 127 bits.
fn shifted(value: u128, bits: u32) -> Option<u128> {
    (bits < value.leading_zeros()).then(|| value << bits)
}

/// A finite, positive double as an integer times a power of two.
fn binary(size: f64) -> (u64, i32) {
    let bits = size.to_bits();
    let fraction = bits & FRACTION_BITS;
    match i32::try_from(bits >> 52).unwrap_or(0) {
        0 => (fraction, -1074),
        biased => (fraction | 1 << 52, biased - 1075),
    }
}

/// Below a power of two, doubles are closer together than above it: there the shortest text that
/// reads back need not be the nearest of its length.
fn is_power_of_two(size: f64) -> bool {
    size.to_bits() & FRACTION_BITS == 0
}

/// Whether a text such as `1.25e-3` is the number, digit for digit.
fn is_written(scientific: &str, number: &Number<'_>) -> bool {
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return false };
    exponent.parse() == Ok(number.point - 1)
        && mantissa.bytes().filter(|b| *b != b'.').eq(number.digits())
}

/// `size` is at most 38 digits.
fn signed(negative: bool, size: u128) -> i128 {
    let value = size.cast_signed();
    if negative { -value } else { value }
}

/// The first number with too many digits.
fn decimal_end(precision: u8) -> u128 {
    WIDE_POWERS.get(usize::from(precision)).copied().unwrap_or(WIDE_POWERS[MOST_DECIMAL_DIGITS])
}

#[cfg(test)]
mod tests;
