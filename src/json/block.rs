//! Searches several bytes at once, with arithmetic on 64-bit words, so that no processor needs code
//! of its own.
//!
//! In: a block of [`LEN`] bytes. Out: the place of the first byte that is searched for.
//!
//! The masks are those of "Bit Twiddling Hacks": for a byte `b`, `(b - 1) & !b & 0x80` is set only
//! if `b` is zero, and `x ^ y` is zero where `x` equals `y`. Subtracting from a whole word can
//! borrow from the byte above a hit and mark that byte too. The words are little-endian, so bytes
//! above come later in the text; only the first hit is used, and the first hit is exact.

/// Bytes in a block.
pub(crate) const LEN: usize = 16;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x80 * ONES;

/// Returns the block at `at`, if the text has that many bytes left.
#[inline(always)]
pub(crate) fn at(text: &[u8], at: usize) -> Option<&[u8; LEN]> {
    text.get(at..)?.first_chunk()
}

/// Returns the place of the first `"`, `\` or control character, or [`LEN`] if there is none. There
/// the plain text of a JSON string ends.
#[inline(always)]
pub(crate) fn first_string_stop(block: &[u8; LEN]) -> usize {
    first(block, |word| {
        let quotes = (word ^ (u64::from(b'"') * ONES)).wrapping_sub(ONES);
        let backslashes = (word ^ (u64::from(b'\\') * ONES)).wrapping_sub(ONES);
        // `b - 0x20` sets the high bit of bytes below 0x20; `!word` excludes those from 0x80 on.
        let controls = word.wrapping_sub(0x20 * ONES);
        (quotes | backslashes | controls) & !word & HIGH_BITS
    })
}

/// Returns the place of the first byte that equals `wanted`, which must be ASCII, or [`LEN`] if
/// there is none.
#[inline(always)]
pub(crate) fn first_equal(block: &[u8; LEN], wanted: u8) -> usize {
    first(block, |word| (word ^ (u64::from(wanted) * ONES)).wrapping_sub(ONES) & !word & HIGH_BITS)
}

/// Returns the place of the first hit. `hits` sets the high bit of every byte that is searched for.
#[inline(always)]
fn first(block: &[u8; LEN], hits: impl Fn(u64) -> u64) -> usize {
    let both = u128::from_le_bytes(*block);
    let low = hits(both as u64);
    let high = hits((both >> 64) as u64);
    // A word without hits has 64 trailing zeros, which makes its result 8.
    if low != 0 {
        (low.trailing_zeros() / 8) as usize
    } else {
        8 + (high.trailing_zeros() / 8) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hit_is_exact_whatever_the_bytes_around_it() {
        let stops = |byte: u8| byte == b'"' || byte == b'\\' || byte < 0x20;
        for byte in 0..=u8::MAX {
            for (before, after) in
                [(b'a', b'"'), (0xff, 0), (0x80, byte ^ 0x80), (0xa2, byte ^ 1), (b'#', byte)]
            {
                for place in 0..LEN {
                    let mut block = [after; LEN];
                    block[..place].fill(before);
                    block[place] = byte;
                    let naive = |found: &dyn Fn(u8) -> bool| {
                        block.iter().position(|b| found(*b)).unwrap_or(LEN)
                    };
                    assert_eq!(first_string_stop(&block), naive(&stops), "{block:?}");
                    if byte.is_ascii() {
                        assert_eq!(first_equal(&block, byte), naive(&|b| b == byte), "{block:?}");
                    }
                }
            }
        }
    }
}
