//! Row ids: UUIDv7, any number per millisecond, without a clock.
//!
//! In: one instant and one seed per block of rows. Out: the text of one id per row.
//!
//! This is RFC 9562 section 6.2, method 2 (monotonic random). Within a block the time and 12 random
//! bits stay the same, and the last 62 bits count up from a random start. So the ids of a block
//! sort in row order. Two blocks of one millisecond can only share an id if they draw the same 12
//! bits and starts among 2^61 that are closer than their number of rows.
//!
//! `uuid`'s `ContextV7` counts in the same way, but reads fresh random bits for each id, and each
//! id is then written as text from scratch. Here an id costs an addition and mostly four digits,
//! and the same seed gives the same ids, which the tests of the formats rely on.

use uuid::{Builder, Uuid};

/// Makes the ids of one block of rows.
#[derive(Clone, Debug)]
pub struct RowIds {
    /// The latest id.
    text: [u8; TEXT_LEN],
    /// Its last 64 bits.
    low: u64,
}

const TEXT_LEN: usize = 36;

impl RowIds {
    /// `unix_ms` is the time in the ids. `seed` must be random, and a new one for each block.
    #[must_use]
    pub fn new(unix_ms: u64, seed: u64) -> Self {
        let mut random = [0; 10];
        let (high, low) = random.split_at_mut(2);
        high.copy_from_slice(&(mixed(seed) as u16).to_be_bytes());
        // The counter starts with its upper bit clear, so no block has enough rows to overflow it.
        low.copy_from_slice(&(mixed(seed.wrapping_add(1)) >> 3).to_be_bytes());
        let first = Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid();
        let mut text = [0; TEXT_LEN];
        first.hyphenated().encode_lower(&mut text);
        Self { text, low: first.as_u64_pair().1 }
    }

    /// Returns the next id as text.
    #[inline]
    pub fn next_text(&mut self) -> &[u8; TEXT_LEN] {
        self.low = self.low.wrapping_add(1);
        if self.low & 0xffff == 0 {
            self.write_whole();
        } else {
            // The other digits change once in 65,536 rows.
            let [high, low] = (self.low as u16).to_be_bytes();
            let [.., a, b, c, d] = &mut self.text;
            [*a, *b] = HEX[usize::from(high)];
            [*c, *d] = HEX[usize::from(low)];
        }
        &self.text
    }

    #[cold]
    fn write_whole(&mut self) {
        let high = Uuid::try_parse_ascii(&self.text).unwrap_or_default().as_u64_pair().0;
        Uuid::from_u64_pair(high, self.low).hyphenated().encode_lower(&mut self.text);
    }
}

/// The two digits of every byte.
const HEX: [[u8; 2]; 256] = {
    let digits = *b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

/// Spreads a seed over 64 bits (the finaliser of SplitMix64), so that similar seeds make ids that
/// are far apart.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuid_v7_with_the_given_time_and_count_up_by_one() {
        let ms = 1_795_347_447_038;
        for seed in [0, 1, 42, u64::MAX] {
            let mut ids = RowIds::new(ms, seed);
            let mut last: Option<Uuid> = None;
            for _ in 0..200_000 {
                let id = Uuid::try_parse_ascii(ids.next_text()).unwrap();
                if let Some(last) = last {
                    assert_eq!(id.as_u128(), last.as_u128() + 1);
                }
                last = Some(id);
            }
            let last = last.unwrap();
            assert_eq!(last.get_version_num(), 7);
            assert_eq!(last.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(last.as_u128() >> 80, u128::from(ms));
            assert!(last.as_u64_pair().1 & 1 << 61 == 0, "the counter's upper bit starts clear");
        }
    }

    #[test]
    fn every_seed_makes_different_ids() {
        let first = |seed| *RowIds::new(1, seed).next_text();
        let all: std::collections::HashSet<_> = (0..1000).map(first).collect();
        assert_eq!(all.len(), 1000);
    }
}
