//! Bits of a column: the values of a boolean column, and which rows of any column are null.
//!
//! Packed from the lowest bit of each byte up, as Arrow has them, so that they become Arrow buffers
//! without a copy.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A growing list of bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// `len` bits that are all set.
    fn all_set(len: usize) -> Self {
        let mut bits = Self { bytes: vec![0xff; len.div_ceil(8)], len };
        bits.clear_behind_end();
        bits
    }

    /// `len` bits of `bytes`, which has none that are set behind them.
    pub(crate) fn from_bytes(bytes: &[u8], len: usize) -> Self {
        Self { bytes: bytes.to_vec(), len }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push(&mut self, bit: bool) {
        let place = self.len % 8;
        match self.bytes.last_mut() {
            Some(last) if place != 0 => *last |= u8::from(bit) << place,
            _ => self.bytes.push(u8::from(bit)),
        }
        self.len += 1;
    }

    fn is_set(&self, place: usize) -> bool {
        self.bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
    }

    fn is_last_set(&self) -> bool {
        self.len.checked_sub(1).is_some_and(|last| self.is_set(last))
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.len = len;
            self.bytes.truncate(len.div_ceil(8));
            self.clear_behind_end();
        }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        let shift = self.len % 8;
        if shift == 0 {
            self.bytes.extend_from_slice(&other.bytes);
        } else {
            for byte in &other.bytes {
                if let Some(last) = self.bytes.last_mut() {
                    *last |= byte << shift;
                }
                self.bytes.push(byte >> (8 - shift));
            }
        }
        self.len += other.len;
        self.bytes.truncate(self.len.div_ceil(8));
    }

    pub(crate) fn capacity_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn into_buffer(self) -> BooleanBuffer {
        BooleanBuffer::new(Buffer::from_vec(self.bytes), 0, self.len)
    }

    /// Bits behind the end are zero: `push` and `append` set bits and never clear them.
    fn clear_behind_end(&mut self) {
        let used = self.len % 8;
        if let Some(last) = self.bytes.last_mut().filter(|_| used != 0) {
            *last &= (1 << used) - 1;
        }
    }
}

/// Which rows of a column hold a value. No bits are kept before the first null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validity {
    len: usize,
    bits: Option<Bits>,
}

impl Validity {
    /// That of `len` rows; without bits none of them is null.
    pub(crate) fn from_bits(bits: Option<Bits>, len: usize) -> Self {
        Self { len, bits }
    }

    /// The bits, if a row was null.
    pub(crate) fn bits(&self) -> Option<&Bits> {
        self.bits.as_ref()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether a row holds a value; one that is not there does not.
    pub(crate) fn is_set(&self, row: usize) -> bool {
        row < self.len && self.bits.as_ref().is_none_or(|bits| bits.is_set(row))
    }

    /// Whether the last row holds a value.
    pub(crate) fn is_last_set(&self) -> bool {
        match &self.bits {
            Some(bits) => bits.is_last_set(),
            None => self.len > 0,
        }
    }

    #[inline]
    pub(crate) fn push_value(&mut self) {
        self.len += 1;
        if let Some(bits) = &mut self.bits {
            bits.push(true);
        }
    }

    #[inline]
    pub(crate) fn push_null(&mut self) {
        let bits = self.bits.get_or_insert_with(|| Bits::all_set(self.len));
        bits.push(false);
        self.len += 1;
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        if let Some(bits) = &mut self.bits {
            bits.truncate(len);
        }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        if self.bits.is_some() || other.bits.is_some() {
            let bits = self.bits.get_or_insert_with(|| Bits::all_set(self.len));
            match &other.bits {
                Some(others) => bits.append(others),
                None => bits.append(&Bits::all_set(other.len)),
            }
        }
        self.len += other.len;
    }

    pub(crate) fn capacity_bytes(&self) -> usize {
        self.bits.as_ref().map_or(0, Bits::capacity_bytes)
    }

    pub(crate) fn into_nulls(self) -> Option<NullBuffer> {
        self.bits.map(|bits| NullBuffer::new(bits.into_buffer()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(bits: &[bool]) -> Bits {
        let mut all = Bits::default();
        bits.iter().for_each(|bit| all.push(*bit));
        all
    }

    proptest! {
        #[test]
        fn bits_are_a_list_of_booleans(
            first in prop::collection::vec(any::<bool>(), 0..70),
            second in prop::collection::vec(any::<bool>(), 0..70),
            kept in 0usize..150,
        ) {
            let mut bits = of(&first);
            bits.append(&of(&second));
            let mut model = [first.clone(), second.clone()].concat();
            prop_assert_eq!(bits.clone().into_buffer().iter().collect::<Vec<_>>(), model.clone());
            bits.truncate(kept);
            model.truncate(kept);
            bits.append(&of(&first));
            model.extend(&first);
            prop_assert_eq!(bits.into_buffer().iter().collect::<Vec<_>>(), model);
        }

        #[test]
        fn validity_is_the_same_with_and_without_bits(
            first in prop::collection::vec(prop::bool::weighted(0.9), 0..40),
            second in prop::collection::vec(prop::bool::weighted(0.9), 0..40),
            kept in 0usize..80,
        ) {
            let of = |rows: &[bool]| {
                let mut all = Validity::default();
                rows.iter().for_each(|row| if *row { all.push_value() } else { all.push_null() });
                all
            };
            let mut validity = of(&first);
            validity.append(&of(&second));
            validity.truncate(kept);
            validity.push_null();
            let mut model = [first, second].concat();
            model.truncate(kept);
            model.push(false);
            prop_assert_eq!(validity.len(), model.len());
            let nulls = validity.into_nulls().unwrap();
            prop_assert_eq!(nulls.iter().collect::<Vec<_>>(), model);
        }
    }
}
