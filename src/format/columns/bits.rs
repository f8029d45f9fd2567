//! The bits of a column: the values of a boolean column, and the validity of any column.
//!
//! As in Arrow, each byte is filled from its lowest bit up, so that the bytes become Arrow buffers
//! without a copy.
//!
//! Invariant: bits after the last one are zero. `push` and `append` only ever set bits.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A growing list of bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// `len` bits that are all set.
    fn all_set(len: usize) -> Self {
        let mut bits = Self { bytes: vec![0xff; len.div_ceil(8)], len };
        bits.clear_unused();
        bits
    }

    /// The first `len` bits of `bytes`, whose other bits must be zero.
    pub(super) fn from_bytes(bytes: &[u8], len: usize) -> Self {
        Self { bytes: bytes.to_vec(), len }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, bit: bool) {
        let position = self.len % 8;
        match self.bytes.last_mut() {
            Some(last) if position != 0 => *last |= u8::from(bit) << position,
            _ => self.bytes.push(u8::from(bit)),
        }
        self.len += 1;
    }

    fn is_set(&self, ix: usize) -> bool {
        self.bytes.get(ix / 8).is_some_and(|byte| byte >> (ix % 8) & 1 == 1)
    }

    fn is_last_set(&self) -> bool {
        self.len.checked_sub(1).is_some_and(|last| self.is_set(last))
    }

    pub(super) fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.len = len;
            self.bytes.truncate(len.div_ceil(8));
            self.clear_unused();
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        let shift = self.len % 8;
        if shift == 0 {
            self.bytes.extend_from_slice(&other.bytes);
        } else {
            // Each byte fills up the last one; its remaining bits begin the next.
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

    pub(super) fn capacity_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn into_buffer(self) -> BooleanBuffer {
        BooleanBuffer::new(Buffer::from_vec(self.bytes), 0, self.len)
    }

    /// Clears the bits of the last byte that are not used.
    fn clear_unused(&mut self) {
        let used = self.len % 8;
        if let Some(last) = self.bytes.last_mut().filter(|_| used != 0) {
            *last &= (1 << used) - 1;
        }
    }
}

/// Which rows of a column have a value instead of null. There are no bits before the first null:
/// most columns never have one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Validity {
    len: usize,
    bits: Option<Bits>,
}

impl Validity {
    /// The validity of `len` rows. Without bits, none of them is null.
    pub(super) fn from_bits(bits: Option<Bits>, len: usize) -> Self {
        Self { len, bits }
    }

    /// The bits, if there is a null.
    pub(super) fn bits(&self) -> Option<&Bits> {
        self.bits.as_ref()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether a row has a value. A row after the last one has none.
    pub(super) fn is_set(&self, row: usize) -> bool {
        row < self.len && self.bits.as_ref().is_none_or(|bits| bits.is_set(row))
    }

    /// Whether the last row has a value.
    pub(super) fn is_last_set(&self) -> bool {
        match &self.bits {
            Some(bits) => bits.is_last_set(),
            None => self.len > 0,
        }
    }

    #[inline]
    pub(super) fn push_value(&mut self) {
        self.len += 1;
        if let Some(bits) = &mut self.bits {
            bits.push(true);
        }
    }

    #[inline]
    pub(super) fn push_null(&mut self) {
        let bits = self.bits.get_or_insert_with(|| Bits::all_set(self.len));
        bits.push(false);
        self.len += 1;
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        if let Some(bits) = &mut self.bits {
            bits.truncate(len);
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        if self.bits.is_some() || other.bits.is_some() {
            let bits = self.bits.get_or_insert_with(|| Bits::all_set(self.len));
            match &other.bits {
                Some(others) => bits.append(others),
                None => bits.append(&Bits::all_set(other.len)),
            }
        }
        self.len += other.len;
    }

    pub(super) fn capacity_bytes(&self) -> usize {
        self.bits.as_ref().map_or(0, Bits::capacity_bytes)
    }

    pub(super) fn into_nulls(self) -> Option<NullBuffer> {
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
        fn bits_equal_a_list_of_booleans(
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
