//! Reads numbers: a text becomes an integer, a double or a decimal.
//!
//! In: the text of a JSON number, or of a string that may hold one. Strings may have what Java's
//! `BigDecimal` accepts: a JSON number, also with a plus, with leading zeros, or without digits on
//! one side of the point. They have no blanks and are not hexadecimal. `NaN`, `Infinity` and
//! `-Infinity` are doubles only. Out: the value and whether digits were lost, or why there is no
//! value.
//!
//! This is our own code although crates for it exist: they return the nearest double without
//! telling whether it kept the digits of its text, which has to be reported; and integers in any
//! spelling (`1.5e1`) and decimals of 38 digits must be exact, from the same bytes and without an
//! allocation. Doubles of more than 15 digits do go through the standard library's parser.
//!
//! Invariants
//! - Any bytes are accepted; a text that is not a number is [`ConversionError::WrongType`].
//! - Time and memory depend on the length of the text, never on the size of its exponent.
//! - Plain short numbers are read in one pass and without an allocation.
//!
//! Not here: which JSON values a column accepts, and that a big integer must not have a fraction
//! (`decode`).

use self::digits::{
    Number, POWERS, SHORT_DIGITS, Short, sign, up_to_seven_digits, up_to_sixteen_digits,
};
use super::parsed::{ConversionError, Parsed};

mod digits;

/// The most digits that every decimal of 128 bits can have.
const MOST_DECIMAL_DIGITS: usize = 38;
/// A number of up to this many digits can always be read back from the double next to it.
const SAFE_DIGITS: usize = 15;
/// The first integer with more than [`SAFE_DIGITS`].
const SAFE_END: u64 = 1_000_000_000_000_000;
/// No double has more digits than this in its exact value.
const MOST_DIGITS: usize = 767;
/// Positions of the point beyond which no double is: a number with more digits before the point is
/// too large, and one with more zeros after it is nearer to zero than to any other double.
const DOUBLE_POINT: std::ops::RangeInclusive<i64> = -330..=310;
/// The bits of a double's fraction.
const FRACTION_BITS: u64 = (1 << 52) - 1;
/// The standard library reads texts up to this length as they are. Longer ones are shortened first
/// to the digits that matter.
const PARSED_WHOLE: usize = 64;

/// The most digits that an exponent may expand an integer to when it is written as text: more than
/// doubles have.
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

/// Five to the power of the index: all powers that 128 bits can hold.
const POWERS_OF_FIVE: [u128; 56] = {
    let mut powers = [1; 56];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 5;
        i += 1;
    }
    powers
};

/// Ten to the power of the index, each of them exact.
const DOUBLE_POWERS: [f64; SHORT_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19,
];

/// Reads an integer in any spelling: `4`, `4.0`, `1.5e1`. A number with a fraction is `WrongType`,
/// however large it is.
#[inline]
pub(super) fn integer(number: &[u8]) -> Result<i64, ConversionError> {
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

/// Reads the double nearest to a number. Digits are lost if the double, written with as many
/// significant digits as the text has, has other digits than the text.
///
/// Two more texts keep their digits, because programs print them: the other text of that length
/// which is just as near to the double, and the shortest text that reads back as the double.
#[inline]
pub(super) fn double(number: &[u8]) -> Result<Parsed<f64>, ConversionError> {
    match Short::read(number) {
        // Dividend and divisor are exact doubles, so that the quotient is the nearest double.
        Some(Short { negative, digits, fraction_digits }) if digits < SAFE_END => {
            let size = digits as f64 / DOUBLE_POWERS[fraction_digits];
            Ok(Parsed::exact(if negative { -size } else { size }))
        }
        Some(short) => precise_double(number, &short),
        None => long_double(number),
    }
}

/// Reads a number times ten to the power of `scale`, rounded toward zero. `OutOfRange` if the
/// result has more than `precision` digits. `precision` is 1 to 38, and `scale` at most
/// `precision`.
#[inline]
pub(super) fn decimal(
    number: &[u8],
    precision: u8,
    scale: u8,
) -> Result<Parsed<i128>, ConversionError> {
    if let Some(Short { negative, digits, fraction_digits }) = Short::read(number)
        && let Some(zeros) = usize::from(scale).checked_sub(fraction_digits)
        && let Some(power) = POWERS.get(zeros)
    {
        // 19 digits and 19 zeros, which fit an i128.
        let size = u128::from(digits) * u128::from(*power);
        return if size < decimal_end(precision) {
            Ok(Parsed::exact(signed(negative, size)))
        } else {
            Err(ConversionError::OutOfRange)
        };
    }
    long_decimal(number, precision, scale)
}

/// Writes a number as an integer: a minus if it is negative, and its digits. Writes nothing if it
/// is not an integer, or if its exponent expands it to more than [`MOST_WRITTEN_DIGITS`].
pub(super) fn write_integer(text: &[u8], out: &mut Vec<u8>) -> Result<(), ConversionError> {
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

/// Whether a string holds a number. The other functions check this themselves.
pub(super) fn is_number(text: &[u8]) -> bool {
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

/// Reads plain numbers of 16 to 19 digits. Not cold, as columns may be full of them.
#[inline(never)]
fn precise_double(text: &[u8], short: &Short) -> Result<Parsed<f64>, ConversionError> {
    let value = parsed(text)?;
    let unit_exponent = -(short.fraction_digits as i32);
    // With zeros at the end, `short.digits` has more digits than have to be kept.
    let is_kept = !short.digits.is_multiple_of(10)
        && rounds_to(value.abs(), short.digits.into(), unit_exponent) == Some(true);
    if is_kept { Ok(Parsed::exact(value)) } else { long_double(text) }
}

#[inline(never)]
fn long_double(text: &[u8]) -> Result<Parsed<f64>, ConversionError> {
    let Some(number) = Number::read(text) else {
        // Java, JavaScript and Python write these, for which JSON has no numbers.
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

/// The double nearest to a number, without its sign; it may be infinite. The number must have few
/// zeros next to its point.
fn nearest_size(text: &[u8], number: &Number<'_>) -> Result<f64, ConversionError> {
    if text.len() <= PARSED_WHOLE {
        return parsed(text).map(f64::abs);
    }
    // The standard library limits exponents, although a long row of zeros may compensate a large
    // one. So the number is written again, without zeros. Digits after those that a double, or the
    // middle between two doubles, can have only mean "a bit more": one digit stands for all of
    // them.
    let mut digits: String = number.digits().take(MOST_DIGITS + 2).map(char::from).collect();
    if number.len() > digits.len() {
        digits.push('1');
    }
    parsed(format!("0.{digits}e{}", number.point).as_bytes())
}

fn parsed(number: &[u8]) -> Result<f64, ConversionError> {
    str::from_utf8(number).ok().and_then(|text| text.parse().ok()).ok_or(ConversionError::WrongType)
}

/// Whether a double kept the digits of the number that it was read from. See [`double`].
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
        // Of two texts that are equally near, this accepts only the even one. Hardly any texts of
        // this length are equally near.
        is_written(&format!("{size:.*e}", len - 1), number)
    };
    rounds || (is_power_of_two(size) && is_written(&format!("{size:e}"), number))
}

/// Whether a double, rounded to as many digits as a decimal has, is that decimal: whether they
/// differ by at most half a unit of its last digit. `None` if 128 bits are not enough to tell.
fn rounds_to(size: f64, digits: u128, unit_exponent: i32) -> Option<bool> {
    let (mantissa, mut exponent) = binary(size);
    // Compares mantissa * 2^exponent with digits * 10^unit_exponent. Both are multiplied by powers
    // of five and two until they are integers.
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
    // The double of the difference, so that half a unit is an integer.
    Some(shifted(double.abs_diff(decimal), 1)? <= unit)
}

/// `a * b`; `None` if it might need more than 128 bits. The standard library's `checked_mul` is
/// slow.
fn product(a: u128, b: u128) -> Option<u128> {
    (a.leading_zeros() + b.leading_zeros() >= 128).then(|| a.wrapping_mul(b))
}

/// `value << bits`; `None` if it needs more than 127 bits.
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

/// Whether a double is a power of two. Doubles below it are closer together than above it, so that
/// the shortest text that reads back need not be the nearest of its length.
fn is_power_of_two(size: f64) -> bool {
    size.to_bits() & FRACTION_BITS == 0
}

/// Whether a text such as `1.25e-3` has the digits of the number.
fn is_written(scientific: &str, number: &Number<'_>) -> bool {
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return false };
    exponent.parse() == Ok(number.point - 1)
        && mantissa.bytes().filter(|b| *b != b'.').eq(number.digits())
}

/// Applies a sign. `size` has at most 38 digits.
fn signed(negative: bool, size: u128) -> i128 {
    let value = size.cast_signed();
    if negative { -value } else { value }
}

/// The first number with more than `precision` digits.
fn decimal_end(precision: u8) -> u128 {
    WIDE_POWERS.get(usize::from(precision)).copied().unwrap_or(WIDE_POWERS[MOST_DECIMAL_DIGITS])
}

#[cfg(test)]
mod tests;
