//! The digits of numbers: text → [`Short`] or [`Number`], or integers of plain digits.
//!
//! In: any bytes. Out: `None` for what is no number of that form; [`Number`] has a form for every
//! number.
//!
//! Not here: what the digits mean to a type (`super`).

/// The digits of a number that fit 64 bits in any case.
pub(crate) const SHORT_DIGITS: usize = 19;
/// Ten to the power of the index.
pub(crate) const POWERS: [u64; SHORT_DIGITS + 1] = {
    let mut powers = [1; SHORT_DIGITS + 1];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// A plain number of few digits, without an exponent.
pub(crate) struct Short {
    pub(crate) negative: bool,
    /// All digits, as if there were no point.
    pub(crate) digits: u64,
    /// How many of them stand behind the point.
    pub(crate) behind: usize,
}

impl Short {
    #[inline]
    pub(crate) fn read(number: &[u8]) -> Option<Self> {
        let (negative, unsigned) = sign(number);
        // With a point.
        if unsigned.len() > SHORT_DIGITS + 1 {
            return None;
        }
        let mut digits = 0u64;
        let mut rest = unsigned;
        while let [byte, after @ ..] = rest
            && byte.is_ascii_digit()
        {
            // 20 digits may wrap; they are not used.
            digits = digits.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            rest = after;
        }
        let [point, fraction @ ..] = rest else {
            return (1..=SHORT_DIGITS).contains(&unsigned.len()).then_some(Self {
                negative,
                digits,
                behind: 0,
            });
        };
        if *point != b'.' || unsigned.len() < 2 {
            return None;
        }
        for byte in fraction {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        Some(Self { negative, digits, behind: fraction.len() })
    }
}

/// Any number: `0.d1d2d3...` times ten to the power of `point`.
pub(crate) struct Number<'a> {
    pub(crate) negative: bool,
    /// The digits d1 to dn in two pieces, without zeros at either end; none for zero.
    digits: [&'a [u8]; 2],
    /// Held at a bound that no text is long enough to make up for.
    pub(crate) point: i64,
}

impl<'a> Number<'a> {
    /// `None` if it is no number.
    pub(crate) fn read(text: &'a [u8]) -> Option<Self> {
        let (negative, unsigned) = match text {
            [b'+', rest @ ..] => (false, rest),
            _ => sign(text),
        };
        let (whole, rest) = leading_digits(unsigned);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => leading_digits(rest),
            _ => (&[] as &[u8], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        let whole = without_leading_zeros(whole);
        let (fraction, point) = if whole.is_empty() {
            let digits = without_leading_zeros(fraction);
            (digits, -length(fraction) + length(digits))
        } else {
            (fraction, length(whole))
        };
        let fraction = without_trailing_zeros(fraction);
        let whole = if fraction.is_empty() { without_trailing_zeros(whole) } else { whole };
        Some(Self { negative, digits: [whole, fraction], point: point + exponent })
    }

    pub(crate) fn len(&self) -> usize {
        self.digits[0].len() + self.digits[1].len()
    }

    /// Its digits as ASCII.
    pub(crate) fn digits(&self) -> impl Iterator<Item = u8> {
        self.digits[0].iter().chain(self.digits[1]).copied()
    }

    /// The first `count` digits as an integer, with zeros where they run out. At most 38.
    pub(crate) fn leading(&self, count: usize) -> u128 {
        let digits = self.digits().chain(std::iter::repeat(b'0'));
        digits.take(count).fold(0, |value, digit| value * 10 + u128::from(digit - b'0'))
    }
}

/// Up to seven digits.
#[inline]
pub(crate) fn up_to_seven_digits(text: &[u8]) -> Option<u64> {
    let mut value = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u64::from(byte - b'0');
    }
    Some(value)
}

/// Eight to sixteen digits, in two reads that overlap.
#[inline]
pub(crate) fn up_to_sixteen_digits(text: &[u8]) -> Option<u64> {
    let (first, last) = (text.first_chunk()?, text.last_chunk()?);
    let more = text.len() - 8;
    let first = eight_digits(u64::from_le_bytes(*first) ^ EIGHT_ZEROS)?;
    let last = u64::from_le_bytes(*last) ^ EIGHT_ZEROS;
    // What the first has already is zero in the last.
    let last = if more == 0 { 0 } else { last >> (64 - 8 * more) << (64 - 8 * more) };
    Some(first * POWERS.get(more)? + eight_digits(last)?)
}

const EIGHT_ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// Eight digits at once, the first in the lowest byte, each by its value. `None` if one is more
/// than nine.
#[inline]
fn eight_digits(values: u64) -> Option<u64> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    const ABOVE_NINE: u64 = 0x7676_7676_7676_7676;
    if (values | values.wrapping_add(ABOVE_NINE)) & HIGH_BITS != 0 {
        return None;
    }
    // Neighbours are joined: four pairs, two fours, one eight.
    let pairs = (values * 10 + (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

pub(crate) fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    }
}

/// Slices are never longer than `isize::MAX`.
fn length(digits: &[u8]) -> i64 {
    digits.len() as i64
}

fn leading_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    digits.split_at(digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len())).1
}

fn without_trailing_zeros(digits: &[u8]) -> &[u8] {
    digits.split_at(digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1)).0
}

/// An exponent; a huge one is held at a bound.
fn exponent(text: &[u8]) -> Option<i64> {
    const BOUND: i64 = 1 << 59;
    let (negative, unsigned) = match text {
        [b'+', rest @ ..] => (false, rest),
        _ => sign(text),
    };
    let (digits, rest) = leading_digits(unsigned);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    let size = digits.iter().fold(0i64, |e, digit| (e * 10 + i64::from(digit - b'0')).min(BOUND));
    Some(if negative { -size } else { size })
}
