//! Decides which leaves of a column get a dictionary in a row group.
//!
//! In: the column's arrays. Out: a yes or no per leaf.
//!
//! A dictionary makes a column with few distinct values small, but it costs a hash look-up per
//! value. The library always tries one and gives it up when its page is full; where most values
//! differ, all those look-ups are wasted. So we take a sample first, spread over all rows, and
//! estimate the number of distinct values from it. A wrong estimate costs time or space, never
//! correctness.
//!
//! Invariants
//! - The same rows lead to the same choice: a fixed rule picks the sample.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::{DataType, Field};

use crate::format::RAW_ID;

/// An odd number whose bits have no pattern (2^64 divided by the golden ratio). Multiplying by it
/// spreads numbers that are close together.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The size of a sample. Each value is likely to miss the processor's cache. Twice as many take
/// twice the time and change the choice only where it matters little.
const SAMPLE_VALUES: usize = 2048;

/// The largest dictionary that we choose. The library falls back to plain encoding once the
/// dictionary page reaches 1 MiB. We stop at 3/4 of that, because our size is an estimate.
const DICTIONARY_BYTES: u64 = 768 << 10;

/// A dictionary must save at least this much to be worth its page.
const LEAST_SAVING_BYTES: u64 = 1 << 10;

/// Returns for each leaf of the column whether it gets a dictionary.
pub(crate) fn choose(field: &Field, leaf_count: usize, pieces: &[ArrayRef]) -> Vec<bool> {
    // Every row has another id, so sampling the values would be wasted work.
    if field.name() == RAW_ID {
        return vec![false; leaf_count];
    }
    let mut leaves = vec![Vec::with_capacity(pieces.len()); leaf_count];
    for piece in pieces {
        collect(piece, &mut leaves.iter_mut());
    }
    leaves.iter().map(|leaf| leaf_has_dictionary(leaf)).collect()
}

/// Appends the leaves of `array` to the lists of `leaves`, in the order of the file.
fn collect<'a>(array: &ArrayRef, leaves: &mut impl Iterator<Item = &'a mut Vec<ArrayRef>>) {
    if let Some(members) = array.as_struct_opt() {
        for member in members.columns() {
            collect(member, leaves);
        }
    } else if let Some(list) = array.as_list_opt::<i32>() {
        let ends = list.value_offsets();
        let first = ends.first().copied().unwrap_or_default();
        let last = ends.last().copied().unwrap_or_default();
        let [first, last] = [first, last].map(|end| usize::try_from(end).unwrap_or_default());
        // A slice of a list array shares the elements of the whole.
        collect(&list.values().slice(first, last.saturating_sub(first)), leaves);
    } else if let Some(leaf) = leaves.next() {
        leaf.push(ArrayRef::clone(array));
    }
}

fn leaf_has_dictionary(pieces: &[ArrayRef]) -> bool {
    let sample = sample(pieces);
    let values = pieces.iter().map(|piece| piece.len() - piece.null_count()).sum();
    sample.is_some_and(|sample| sample.estimate(values).is_worth_it())
}

/// What a sample of a leaf shows.
#[derive(Debug, Default)]
struct Sample {
    /// A hash of each value in the sample.
    hashes: Vec<u64>,
    /// The bytes that the values take in plain encoding.
    plain_bytes: u64,
    /// How many of the values have a next value to compare with, and how many of these equal it.
    neighbours: u64,
    same_neighbours: u64,
    /// Whether the sample has all values.
    complete: bool,
}

/// The estimated contents of a leaf in a row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Estimate {
    values: u64,
    distinct: u64,
    plain_bytes: u64,
}

/// The values of a piece. Booleans, which cannot have a dictionary, have none.
enum Values<'a> {
    Int(&'a [i32]),
    Long(&'a [i64]),
    Double(&'a [f64]),
    Decimal(&'a [i128], u64),
    Text(&'a StringArray),
}

impl<'a> Values<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Date32 => Self::Int(array.as_primitive_opt::<Date32Type>()?.values()),
            DataType::Int64 => Self::Long(array.as_primitive_opt::<Int64Type>()?.values()),
            DataType::Time64(_) => {
                Self::Long(array.as_primitive_opt::<Time64MicrosecondType>()?.values())
            }
            DataType::Timestamp(_, _) => {
                Self::Long(array.as_primitive_opt::<TimestampMicrosecondType>()?.values())
            }
            DataType::Float64 => Self::Double(array.as_primitive_opt::<Float64Type>()?.values()),
            DataType::Decimal128(precision, _) => {
                let bytes = match precision {
                    0..=9 => 4,
                    10..=18 => 8,
                    _ => 16,
                };
                Self::Decimal(array.as_primitive_opt::<Decimal128Type>()?.values(), bytes)
            }
            DataType::Utf8 => Self::Text(array.as_string_opt()?),
            _ => return None,
        })
    }

    /// Returns a hash of a value and the bytes that it takes in plain encoding.
    fn look_at(&self, ix: usize) -> Option<(u64, u64)> {
        Some(match self {
            Self::Int(values) => (u64::from(values.get(ix)?.cast_unsigned()), 4),
            Self::Long(values) => (values.get(ix)?.cast_unsigned(), 8),
            Self::Double(values) => (values.get(ix)?.to_bits(), 8),
            Self::Decimal(values, bytes) => (hash(&values.get(ix)?.to_le_bytes()), *bytes),
            Self::Text(values) => {
                let text = values.value(ix).as_bytes();
                (hash(text), 4 + text.len() as u64)
            }
        })
    }
}

/// A fast hash that is good enough to count distinct values.
fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(SPREAD);
        mixed ^ mixed >> 32
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let hash =
        words.iter().fold(bytes.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)))
}

fn sample(pieces: &[ArrayRef]) -> Option<Sample> {
    let slots: usize = pieces.iter().map(|piece| piece.len()).sum();
    let step = slots.div_ceil(SAMPLE_VALUES).max(1);
    let mut sample = Sample { complete: step == 1, ..Sample::default() };
    sample.hashes.reserve(slots.min(SAMPLE_VALUES));
    let mut draws = (0..slots.div_ceil(step)).map(|draw| position(draw, step)).peekable();
    let mut before = 0;
    for piece in pieces {
        let values = Values::of(piece)?;
        while let Some(at) = draws.next_if(|at| *at < before + piece.len()) {
            sample.look_at(piece, &values, at - before);
        }
        before += piece.len();
    }
    Some(sample)
}

/// Returns the row to look at among the `step` rows of a draw. It differs from draw to draw,
/// because a fixed distance would see too few or too many of values that repeat periodically.
fn position(draw: usize, step: usize) -> usize {
    // Fibonacci hashing: its high bits are enough to break up any period.
    let mixed = (draw as u64).wrapping_mul(SPREAD) >> 40;
    draw * step + mixed as usize % step
}

impl Sample {
    fn look_at(&mut self, piece: &ArrayRef, values: &Values<'_>, ix: usize) {
        let seen = |ix: usize| {
            let has_value = ix < piece.len() && piece.is_valid(ix);
            if has_value { values.look_at(ix) } else { None }
        };
        let Some((value, bytes)) = seen(ix) else { return };
        self.hashes.push(value);
        self.plain_bytes += bytes;
        if let Some((next, _)) = seen(ix + 1) {
            self.neighbours += 1;
            self.same_neighbours += u64::from(next == value);
        }
    }

    /// Estimates the distinct values among all `values`.
    ///
    /// This is Chao's estimator (Chao1): to the distinct values that were seen it adds f1^2 / (2
    /// f2), where f1 values were seen once and f2 twice. Where equal values stand together, a
    /// spread sample sees each at most once and the estimator is far too high. But there cannot be
    /// more distinct values than places where a value differs from the one before it, which is the
    /// upper bound `runs`.
    fn estimate(mut self, values: usize) -> Estimate {
        self.hashes.sort_unstable();
        let counts = self.hashes.chunk_by(|a, b| a == b).map(<[u64]>::len);
        let (mut seen, mut once, mut twice) = (0_u64, 0_u64, 0_u64);
        for count in counts {
            seen += 1;
            once += u64::from(count == 1);
            twice += u64::from(count == 2);
        }
        let values = values as u64;
        let unseen = match (self.complete, twice) {
            (true, _) => 0,
            (false, 0) => once * once.saturating_sub(1) / 2,
            (false, twice) => once * once / (2 * twice),
        };
        // The places where a value differs from the one before it, in proportion.
        let runs = match self.neighbours {
            0 => values,
            neighbours => values * (neighbours - self.same_neighbours) / neighbours,
        };
        let distinct = (seen + unseen).min(values).min(runs.max(seen));
        let looked_at = (self.hashes.len() as u64).max(1);
        Estimate {
            values,
            distinct,
            plain_bytes: values.saturating_mul(self.plain_bytes) / looked_at,
        }
    }
}

impl Estimate {
    /// Whether the dictionary and the indexes into it take at most half of the plain values.
    fn is_worth_it(self) -> bool {
        let dictionary = self.plain_bytes.saturating_mul(self.distinct) / self.values.max(1);
        let bits = u64::from(self.distinct.max(1).next_power_of_two().trailing_zeros());
        let small = dictionary + self.values * bits / 8;
        dictionary <= DICTIONARY_BYTES
            && small <= self.plain_bytes / 2
            && self.plain_bytes - small >= LEAST_SAVING_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array};

    use super::*;

    const ROWS: usize = 200_000;

    /// Many small arrays, as in a run.
    fn pieces(of: impl Fn(usize) -> i64, into: impl Fn(&[i64]) -> ArrayRef) -> Vec<ArrayRef> {
        let starts = (0..ROWS).step_by(777);
        starts
            .map(|start| into(&(start..ROWS.min(start + 777)).map(&of).collect::<Vec<_>>()))
            .collect()
    }

    fn longs(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    fn texts(values: &[i64]) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            values.iter().map(|value| format!("text {value:06}")),
        ))
    }

    fn chosen(name: &str, pieces: &[ArrayRef]) -> bool {
        let field = Field::new(name, pieces[0].data_type().clone(), true);
        let leaves = choose(&field, 1, pieces);
        assert_eq!(leaves.len(), 1);
        leaves[0]
    }

    /// Values without an order, by another rule than the one that picks the sample.
    fn mixed(ix: usize) -> i64 {
        let mut mixed = (ix as u64 + 7).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 27).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33) as i64
    }

    #[test]
    fn few_distinct_values_get_a_dictionary() {
        let few = |distinct: i64| move |ix: usize| mixed(ix) % distinct;
        let cycle = |distinct: usize| move |ix: usize| (ix % distinct) as i64;
        let runs = |length: usize| move |ix: usize| (ix / length) as i64;
        let counting = |ix: usize| ix as i64;
        let constant = |_: usize| 5_i64;
        let cases: Vec<(&str, Vec<ArrayRef>, bool)> = vec![
            ("constant", pieces(constant, longs), true),
            ("counting", pieces(counting, longs), false),
            ("2 of them", pieces(few(2), longs), true),
            ("1,000", pieces(few(1_000), longs), true),
            ("20,000", pieces(few(20_000), longs), true),
            ("150,000", pieces(few(150_000), longs), false),
            ("any", pieces(mixed, longs), false),
            ("1,000 in a circle", pieces(cycle(1_000), longs), true),
            ("1,024 in a circle", pieces(cycle(1_024), longs), true),
            ("150,000 in a circle", pieces(cycle(150_000), longs), false),
            ("50 of each together", pieces(runs(50), longs), true),
            ("2 of each together", pieces(runs(2), longs), false),
            ("constant text", pieces(constant, texts), true),
            ("1,000 texts", pieces(few(1_000), texts), true),
            ("150,000 texts", pieces(few(150_000), texts), false),
            ("counting texts", pieces(counting, texts), false),
            ("_airbyte_raw_id", pieces(constant, texts), false),
        ];
        for (name, pieces, expected) in cases {
            assert_eq!(chosen(name, &pieces), expected, "{name}");
        }
    }

    #[test]
    fn every_type_but_boolean_is_sampled() {
        let cases: Vec<(ArrayRef, bool)> = vec![
            (Arc::new(BooleanArray::from(vec![true; ROWS])), false),
            (Arc::new(Date32Array::from(vec![3; ROWS])), true),
            (Arc::new(Float64Array::from(vec![0.5; ROWS])), true),
            (Arc::new(Decimal128Array::from(vec![7; ROWS])), true),
            (
                Arc::new(
                    Int64Array::from(vec![7; ROWS]).reinterpret_cast::<TimestampMicrosecondType>(),
                ),
                true,
            ),
            (
                Arc::new(
                    Int64Array::from(vec![7; ROWS]).reinterpret_cast::<Time64MicrosecondType>(),
                ),
                true,
            ),
            (Arc::new(Int64Array::new_null(ROWS)), false),
            (Arc::new(Int64Array::from(vec![7; 100])), false),
            (Arc::new(Int64Array::from(vec![7; 200])), true),
        ];
        for (array, expected) in cases {
            assert_eq!(chosen("a", &[ArrayRef::clone(&array)]), expected, "{array:?}");
        }
        assert_eq!(choose(&Field::new("a", DataType::Int64, true), 1, &[]), [false]);
    }

    #[test]
    fn the_estimate_is_near_the_true_number() {
        for distinct in [1, 10, 500, 2_500, 10_000, 40_000] {
            let pieces = pieces(|ix| mixed(ix) % distinct, longs);
            let estimate = sample(&pieces).unwrap().estimate(ROWS).distinct;
            let range = distinct as u64 * 7 / 10..=distinct as u64 * 14 / 10;
            assert!(range.contains(&estimate), "{estimate} for {distinct}");
        }
    }
}
