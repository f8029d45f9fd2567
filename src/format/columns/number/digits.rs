//! Reads the digits of numbers: a text becomes a [`Short`] or a [`Number`], or an integer.
//!
//! In: any bytes. Out: the digits, or `None` if the text is not a number of that form. Every number
//! has the form of a [`Number`].
//!
//! Not here: what the digits mean for a type (`super`).

/// Every number of this many digits fits into 64 bits.
pub(super) const SHORT_DIGITS: usize = 19;
/// Ten to the power of the index.
pub(super) const POWERS: [u64; SHORT_DIGITS + 1] = {
    let mut powers = [1; SHORT_DIGITS + 1];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// A plain number of at most [`SHORT_DIGITS`], without an exponent.
pub(super) struct Short {
    pub(super) negative: bool,
    /// All digits, as if there were no point.
    pub(super) digits: u64,
    /// How many of them come after the point.
    pub(super) fraction_digits: usize,
}

impl Short {
    #[inline]
    pub(super) fn read(number: &[u8]) -> Option<Self> {
        let (negative, unsigned) = sign(number);
        // One byte more, for the point.
        if unsigned.len() > SHORT_DIGITS + 1 {
            return None;
        }
        let mut digits = 0u64;
        let mut rest = unsigned;
        while let [byte, after @ ..] = rest
            && byte.is_ascii_digit()
        {
            // This wraps with 20 digits, which are refused below.
            digits = digits.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            rest = after;
        }
        let [point, fraction @ ..] = rest else {
            return (1..=SHORT_DIGITS).contains(&unsigned.len()).then_some(Self {
                negative,
                digits,
                fraction_digits: 0,
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
        Some(Self { negative, digits, fraction_digits: fraction.len() })
    }
}

/// Any number, as `0.d1d2d3...` times ten to the power of `point`.
pub(super) struct Number<'a> {
    pub(super) negative: bool,
    /// The digits before and after the text's point, without zeros at either end; none for zero.
    digits: [&'a [u8]; 2],
    /// Limited to a range so wide that no text has enough digits to compensate for an exponent
    /// beyond it.
    pub(super) point: i64,
}

impl<'a> Number<'a> {
    /// `None` if the text is not a number.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
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

    pub(super) fn len(&self) -> usize {
        self.digits[0].len() + self.digits[1].len()
    }

    /// The digits in ASCII.
    pub(super) fn digits(&self) -> impl Iterator<Item = u8> {
        self.digits[0].iter().chain(self.digits[1]).copied()
    }

    /// The first `count` digits, at most 38, as an integer. Missing digits are zeros.
    pub(super) fn leading(&self, count: usize) -> u128 {
        let digits = self.digits().chain(std::iter::repeat(b'0'));
        digits.take(count).fold(0, |value, digit| value * 10 + u128::from(digit - b'0'))
    }
}

/// Reads up to seven digits.
#[inline]
pub(super) fn up_to_seven_digits(text: &[u8]) -> Option<u64> {
    let mut value = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u64::from(byte - b'0');
    }
    Some(value)
}

/// Reads eight to sixteen digits, as the first eight and the last eight, which may overlap.
#[inline]
pub(super) fn up_to_sixteen_digits(text: &[u8]) -> Option<u64> {
    let (first, last) = (text.first_chunk()?, text.last_chunk()?);
    let more = text.len() - 8;
    let first = eight_digits(u64::from_le_bytes(*first) ^ EIGHT_ZEROS)?;
    let last = u64::from_le_bytes(*last) ^ EIGHT_ZEROS;
    // In the last eight, digits that the first eight have already are replaced by zeros.
    let last = if more == 0 { 0 } else { last >> (64 - 8 * more) << (64 - 8 * more) };
    Some(first * POWERS.get(more)? + eight_digits(last)?)
}

const EIGHT_ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// Joins eight digits to a number at once. Each byte has the value of a digit, the first one in the
/// lowest byte. `None` if a value is more than nine.
#[inline]
fn eight_digits(values: u64) -> Option<u64> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    const ABOVE_NINE: u64 = 0x7676_7676_7676_7676;
    if (values | values.wrapping_add(ABOVE_NINE)) & HIGH_BITS != 0 {
        return None;
    }
    // Joins neighbours: to four pairs, then two groups of four, then one of eight.
    let pairs = (values * 10 + (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

pub(super) fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    }
}

/// The cast keeps the value: no slice is longer than `isize::MAX`.
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

/// Reads an exponent. A huge one is replaced by a limit.
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
