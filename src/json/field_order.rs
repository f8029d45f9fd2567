//! Finds the column of each field of a record, by guessing that fields come in the same order as
//! before.
//!
//! In: the names of the columns, then keys of records. Out: field numbers, which are stable while
//! the table lives. Numbers 1 to `columns` are columns; higher ones are undeclared names, learned
//! as they come.
//!
//! Each field remembers the field that followed it last. A guess follows this chain for a few steps
//! and compares names; only if all differ is the name looked up in the hash table.
//!
//! Invariants
//! - A guess is taken only after the whole name was compared, so a wrong guess costs time, never
//!   correctness.
//! - One name has one number, so that the last of several members of one name can win.

use std::collections::HashMap;
use std::ops::Range;

use super::{block, unescape};

/// The number of the place before the first field, which has no name.
pub(crate) const START: u32 = 0;

/// How many guesses come before the look-up. Each beyond the first covers one missing optional
/// field.
const GUESSES: usize = 4;

/// How many undeclared names are remembered. Records whose keys are ids would fill memory with
/// them.
const LEARNED_LIMIT: usize = 1024;

/// The names of one stream's fields and the order in which they came.
#[derive(Debug)]
pub(crate) struct FieldOrder {
    /// One per number.
    fields: Vec<Field>,
    /// All names, concatenated.
    names: Vec<u8>,
    /// One per number.
    spelled: Vec<Spelled>,
    /// All names in their usual spelling, concatenated.
    spellings: Vec<u8>,
    by_name: HashMap<Box<[u8]>, u32>,
    columns: usize,
    /// For keys with escapes.
    unescaped: Vec<u8>,
}

/// The first 16 bytes of a name, filled with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Prefix {
    low: u64,
    high: u64,
}

#[derive(Debug)]
struct Field {
    prefix: Prefix,
    len: u32,
    name_at: u32,
    /// The field that last came after this one.
    next: u32,
}

/// The usual spelling of a member's beginning, without escapes and blanks: `"name":`.
#[derive(Debug, Default)]
struct Spelled {
    /// Its first 16 bytes, filled with zeros.
    start: u128,
    /// Ones where `start` has bytes of the spelling.
    mask: u128,
    /// 0 for a name that is never spelled so, because it needs escapes.
    len: u32,
    at: u32,
}

impl FieldOrder {
    /// Makes a table of these columns. Records are expected to begin with the column number
    /// `first`.
    pub(crate) fn new(columns: &[Box<[u8]>], first: usize) -> Self {
        let next = if first > columns.len() { START } else { first as u32 };
        // No key has this length, so a guess never takes the start for a field.
        let start = Field { prefix: Prefix::default(), len: u32::MAX, name_at: 0, next };
        let mut order = Self {
            fields: vec![start],
            names: Vec::new(),
            spelled: vec![Spelled::default()],
            spellings: Vec::new(),
            by_name: HashMap::new(),
            columns: columns.len(),
            unescaped: Vec::new(),
        };
        for name in columns {
            let number = order.learn(name);
            order.fields[number as usize].next = number + 1;
        }
        if let Some(last) = order.fields.last_mut() {
            last.next = START;
        }
        order
    }

    /// How many numbers are in use, including the start.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether too many undeclared names were learned, so that the caller should make a new table
    /// before the next row.
    pub(crate) fn is_overgrown(&self) -> bool {
        self.fields.len() > 1 + self.columns + LEARNED_LIMIT
    }

    /// Guesses the member that begins at `at` by its usual spelling. Returns its number and the
    /// position after its colon. Far faster than reading the key first and finding it then.
    #[inline(always)]
    pub(crate) fn guess(&self, previous: u32, text: &[u8], at: usize) -> Option<(u32, usize)> {
        let block = u128::from_le_bytes(*block::at(text, at)?);
        let mut guess = self.fields[previous as usize].next;
        for _ in 0..GUESSES {
            let spelled = &self.spelled[guess as usize];
            let len = spelled.len as usize;
            if (block ^ spelled.start) & spelled.mask == 0 && len != 0 {
                let end = at + len;
                if len <= block::LEN {
                    return Some((guess, end));
                }
                let spelling = spelled.at as usize;
                let rest = &self.spellings[spelling + block::LEN..spelling + len];
                if text.get(at + block::LEN..end) == Some(rest) {
                    return Some((guess, end));
                }
            }
            guess = self.fields[guess as usize].next;
        }
        None
    }

    /// Returns the number of the field with the key `data[key]`, which comes after the field
    /// `previous`.
    #[inline(always)]
    pub(crate) fn find(
        &mut self,
        previous: u32,
        data: &[u8],
        key: Range<usize>,
        escaped: bool,
    ) -> u32 {
        if !escaped {
            let prefix = Prefix::of_key(data, key.start, key.len());
            let mut guess = self.fields[previous as usize].next;
            for _ in 0..GUESSES {
                let field = &self.fields[guess as usize];
                if field.len as usize == key.len()
                    && field.prefix == prefix
                    && self.tail_is(field, &data[key.clone()])
                {
                    return guess;
                }
                guess = field.next;
            }
        }
        self.look_up(previous, &data[key], escaped)
    }

    /// Compares the bytes of a name after its prefix.
    #[inline(always)]
    fn tail_is(&self, field: &Field, key: &[u8]) -> bool {
        field.len as usize <= block::LEN || {
            let name_at = field.name_at as usize;
            let name = &self.names[name_at + block::LEN..name_at + field.len as usize];
            name == &key[block::LEN..]
        }
    }

    #[cold]
    fn look_up(&mut self, previous: u32, key: &[u8], escaped: bool) -> u32 {
        let mut unescaped = std::mem::take(&mut self.unescaped);
        let mut name = key;
        if escaped {
            unescaped.clear();
            unescape(key, &mut unescaped);
            name = &unescaped;
        }
        let number = match self.by_name.get(name) {
            Some(number) => *number,
            None => {
                let number = self.learn(name);
                // The new name goes into the chain after the field that it followed.
                self.fields[number as usize].next = self.fields[previous as usize].next;
                number
            }
        };
        self.fields[previous as usize].next = number;
        self.unescaped = unescaped;
        number
    }

    fn learn(&mut self, name: &[u8]) -> u32 {
        let number = self.fields.len() as u32;
        self.fields.push(Field {
            prefix: Prefix::of_short(name),
            len: name.len() as u32,
            name_at: self.names.len() as u32,
            next: START,
        });
        self.names.extend_from_slice(name);
        self.spelled.push(Spelled::new(name, &mut self.spellings));
        self.by_name.insert(name.into(), number);
        number
    }
}

impl Spelled {
    fn new(name: &[u8], spellings: &mut Vec<u8>) -> Self {
        if name.iter().any(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
            return Self::default();
        }
        let at = spellings.len();
        spellings.extend([b"\"", name, b"\":"].concat());
        let Prefix { low, high } = Prefix::of_short(&spellings[at..]);
        let len = spellings.len() - at;
        let mask = &MASKS[len.min(block::LEN)];
        let both = |low: u64, high: u64| u128::from(high) << 64 | u128::from(low);
        Self {
            start: both(low, high),
            mask: both(mask.low, mask.high),
            len: len as u32,
            at: at as u32,
        }
    }
}

impl Prefix {
    /// The prefix of the key at `start` in `data`, which has `len` bytes.
    #[inline(always)]
    fn of_key(data: &[u8], start: usize, len: usize) -> Self {
        let Some(block) = block::at(data, start) else {
            return Self::of_short(&data[start..start + len]);
        };
        let both = u128::from_le_bytes(*block);
        let mask = &MASKS[len.min(block::LEN)];
        Self { low: both as u64 & mask.low, high: (both >> 64) as u64 & mask.high }
    }

    fn of_short(name: &[u8]) -> Self {
        let mut padded = [0; block::LEN];
        padded.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        let both = u128::from_le_bytes(padded);
        Self { low: both as u64, high: (both >> 64) as u64 }
    }
}

/// For each length of a name, the bytes of a block that belong to it.
const MASKS: [Prefix; block::LEN + 1] = {
    let mut masks = [Prefix { low: u64::MAX, high: u64::MAX }; block::LEN + 1];
    let mut len = 0;
    while len < block::LEN {
        let mask: u128 = (1 << (8 * len)) - 1;
        masks[len] = Prefix { low: mask as u64, high: (mask >> 64) as u64 };
        len += 1;
    }
    masks
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;

    fn numbers(order: &mut FieldOrder, data: &str) -> Vec<u32> {
        let mut members = Vec::new();
        let data = Scanner::new(data.as_bytes()).collect_members(&mut members).unwrap();
        let mut previous = START;
        members
            .iter()
            .map(|member| {
                let key = member.key.start as usize..member.key.end as usize;
                previous = order.find(previous, data, key, member.key_escaped);
                previous
            })
            .collect()
    }

    #[test]
    fn a_name_keeps_its_number_whatever_came_before_it() {
        let long = "a_name_that_is_longer_than_a_block";
        let columns =
            ["id", "name", "ident", "", long, "é", "exactly_16_bytes"].map(|n| n.as_bytes().into());
        let mut order = FieldOrder::new(&columns, 1);
        let all =
            format!(r#"{{"id":1,"name":2,"ident":3,"":4,"{long}":5,"é":6,"exactly_16_bytes":7}}"#);
        for data in [
            (all.as_str(), vec![1, 2, 3, 4, 5, 6, 7]),
            (r#"{"exactly_16_bytes":7,"id":1,"exactly_16_bytez":0,"x":0}"#, vec![7, 1, 8, 9]),
            (r#"{"x":0,"id":1,"x":0,"y":0,"i\u0064":1,"\u0078":0}"#, vec![9, 1, 9, 10, 1, 9]),
            (r#"{"a_name_that_is_longer_than_a_blocK":0,"":4,"é":6}"#, vec![11, 4, 6]),
            (all.as_str(), vec![1, 2, 3, 4, 5, 6, 7]),
        ] {
            for _ in 0..3 {
                assert_eq!(numbers(&mut order, data.0), data.1, "{}", data.0);
            }
        }
    }

    #[test]
    fn a_guess_is_only_taken_for_the_whole_spelling() {
        let columns =
            ["id", "name", "exactly_16_bytes", "a_name_that_is_longer_than_a_block", "q\"", ""];
        let columns = columns.map(|n| n.as_bytes().into());
        let order = FieldOrder::new(&columns, 1);
        let padding = " ".repeat(16);
        for (previous, text, expected) in [
            (START, r#""id":1"#, Some((1, 5))),
            (START, r#""id" :1"#, None),
            (START, r#""ie":1"#, None),
            (START, r#""i\u0064":1"#, None),
            (START, r#""name":1"#, Some((2, 7))),
            (1, r#""exactly_16_bytes":1"#, Some((3, 19))),
            (1, r#""exactly_16_bytez":1"#, None),
            (3, r#""a_name_that_is_longer_than_a_block":1"#, Some((4, 37))),
            (3, r#""a_name_that_is_longer_than_a_blocK":1"#, None),
            (4, r#""q\"":1"#, None),
            (4, r#""":1"#, Some((6, 3))),
            // Too many steps away to be guessed.
            (START, r#""":1"#, None),
        ] {
            assert_eq!(
                order.guess(previous, format!("{text}{padding}").as_bytes(), 0),
                expected,
                "{text}"
            );
        }
        assert_eq!(order.guess(START, br#""id":1"#, 0), None, "there is no whole block to compare");
    }

    #[test]
    fn a_flood_of_names_is_noticed() {
        let mut order = FieldOrder::new(&[], 0);
        for i in 0..=LEARNED_LIMIT {
            assert!(!order.is_overgrown());
            numbers(&mut order, &format!(r#"{{"{i}":0}}"#));
        }
        assert!(order.is_overgrown());
    }
}
