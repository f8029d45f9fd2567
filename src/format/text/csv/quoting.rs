//! Writes one CSV field, quoted where it must be, so that every reader gets the same text back and
//! can tell null from text.
//!
//! In: the bytes of a field and whether it is text or a number. Out: the field without its
//! delimiter.
//!
//! `csv-core` decides what must be quoted. Most fields never get there: a JSON string without
//! escapes has no quote and no line end in it, so it is copied block by block, while each block is
//! searched for the delimiter.

use super::options::{CsvOptions, QuoteStyle};
use crate::json::block;

const QUOTE: u8 = b'"';

/// Texts that some readers misread unless they are quoted: as null (ClickHouse, MariaDB, Snowflake)
/// or as the end of the input (PostgreSQL).
const MISREAD: [&[u8]; 3] = [b"NULL", b"\\N", b"\\."];
const LONGEST_MISREAD: usize = 4;

/// At the beginning of a file readers drop it, unless it is quoted.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// How the fields of a file are written.
#[derive(Debug)]
pub(crate) struct Quoting {
    pub(crate) delimiter: u8,
    null_text: Box<[u8]>,
    /// Whether every text is quoted.
    text_always: bool,
    /// Whether every number is quoted.
    numbers_always: bool,
    rules: csv_core::Writer,
}

impl Quoting {
    pub(crate) fn new(options: &CsvOptions) -> Self {
        let (text_always, numbers_always) = match options.quote_style {
            QuoteStyle::Minimal => (false, false),
            QuoteStyle::NonNumeric => (true, false),
            QuoteStyle::All => (true, true),
        };
        Self {
            delimiter: options.delimiter,
            null_text: options.null_text.as_bytes().into(),
            text_always,
            numbers_always,
            rules: csv_core::WriterBuilder::new().delimiter(options.delimiter).build(),
        }
    }

    /// Writes a null. It is never quoted, and a text that equals it always is.
    #[inline(always)]
    pub(crate) fn null(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.null_text);
    }

    /// Writes any text.
    pub(crate) fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        self.write(text, self.text_always, out);
    }

    /// Writes the text of a number.
    pub(crate) fn number(&self, text: &[u8], out: &mut Vec<u8>) {
        self.write(text, self.numbers_always, out);
    }

    /// As [`Quoting::text`], for `data[start..end]` without quotes and control characters in it.
    #[inline(always)]
    pub(crate) fn plain_text(&self, data: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
        self.write_plain(data, start, end, self.text_always, out);
    }

    /// As [`Quoting::number`], for `data[start..end]`.
    #[inline(always)]
    pub(crate) fn plain_number(&self, data: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
        self.write_plain(data, start, end, self.numbers_always, out);
    }

    /// Whether text made of `alphabet` alone is quoted only where the style asks for it.
    pub(crate) fn is_plain(&self, alphabet: &[u8]) -> bool {
        !alphabet.contains(&self.delimiter)
            && (self.null_text.is_empty()
                || self.null_text.iter().any(|byte| !alphabet.contains(byte)))
    }

    /// Copies whole blocks, including what follows the field, and cuts that off afterwards: a copy
    /// of a fixed size is a few instructions, and one of any size is a call.
    #[inline(always)]
    fn write_plain(&self, data: &[u8], start: usize, end: usize, always: bool, out: &mut Vec<u8>) {
        let len = end - start;
        if always {
            out.push(QUOTE);
            copy(data, start, end, out);
            out.push(QUOTE);
            return;
        }
        // `write` takes the texts that may have to be quoted for another reason than a delimiter.
        if len != 0
            && len != self.null_text.len()
            && data[start] != BYTE_ORDER_MARK[0]
            && !is_odd_start(data[start])
            && data[end - 1] > b' '
            && (len > LONGEST_MISREAD || !MISREAD.contains(&&data[start..end]))
        {
            let before = out.len();
            let mut pos = start;
            while let Some(block) = block::at(data, pos) {
                let left = end - pos;
                let delimiter = block::first_equal(block, self.delimiter);
                if delimiter < left && delimiter < block::LEN {
                    break;
                }
                out.extend_from_slice(block);
                if left <= block::LEN {
                    out.truncate(before + len);
                    return;
                }
                pos += block::LEN;
            }
            out.truncate(before);
        }
        self.write(&data[start..end], false, out);
    }

    #[inline(never)]
    fn write(&self, text: &[u8], always: bool, out: &mut Vec<u8>) {
        if always
            || text.is_empty()
            || *text == *self.null_text
            || text.starts_with(&BYTE_ORDER_MARK)
            || text.first().is_some_and(|byte| is_odd_start(*byte))
            || text.last().is_some_and(|byte| *byte <= b' ')
            || MISREAD.contains(&text)
            || self.rules.should_quote(text)
        {
            quoted(text, out);
        } else {
            out.extend_from_slice(text);
        }
    }
}

/// Whether some readers change an unquoted text that begins with `byte`. ClickHouse trims blanks
/// and control characters; DuckDB, which guesses the dialect of a file, may take `'` for a quote
/// and `#` for a comment.
#[inline(always)]
fn is_odd_start(byte: u8) -> bool {
    byte <= b' ' || byte == b'\'' || byte == b'#'
}

/// Appends `data[start..end]`, in blocks while the data lasts.
#[inline(always)]
fn copy(data: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    let before = out.len();
    let mut pos = start;
    while let Some(block) = block::at(data, pos) {
        out.extend_from_slice(block);
        pos += block::LEN;
        if pos >= end {
            out.truncate(before + end - start);
            return;
        }
    }
    out.extend_from_slice(&data[pos..end]);
}

/// Appends a field in quotes, with the quotes inside it doubled.
///
/// The result is that of `csv_core::quote`, which searches and copies twice per quote. JSON text
/// has a quote every few bytes, so rows with nested values spent most of their time there.
pub(crate) fn quoted(text: &[u8], out: &mut Vec<u8>) {
    const WORD: usize = 8;
    let start = out.len();
    // Room for a field that has only quotes, and for the word that `double_quotes` stores past the
    // end.
    out.resize(start + 2 + 2 * text.len() + WORD, QUOTE);
    let mut written = start + 1;
    let (words, rest) = text.as_chunks::<WORD>();
    for word in words {
        let Some(room) = out.get_mut(written..).and_then(|room| room.first_chunk_mut()) else {
            break;
        };
        written += double_quotes(u64::from_le_bytes(*word), room);
    }
    for byte in rest {
        let doubled = usize::from(*byte == QUOTE);
        out[written] = *byte;
        out[written + doubled] = *byte;
        written += 1 + doubled;
    }
    out[written] = QUOTE;
    out.truncate(written + 1);
}

/// Writes the eight bytes of `word` with the quotes doubled and returns how many bytes that makes.
///
/// For each quote the rest of the word, beginning with the quote, is stored once more one byte
/// further on. So there is no branch per byte, and one store per quote.
#[inline(always)]
fn double_quotes(word: u64, room: &mut [u8; 24]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW_BITS: u64 = 0x7f * ONES;
    // A byte of `quotes` has its high bit set exactly where `word` has a quote: adding 0x7f to the
    // low bits of any other byte carries into the high bit, and no carry leaves its byte.
    let zeros_for_quotes = word ^ (u64::from(QUOTE) * ONES);
    let mut quotes = !(((zeros_for_quotes & LOW_BITS) + LOW_BITS) | zeros_for_quotes | LOW_BITS);
    room[..8].copy_from_slice(&word.to_le_bytes());
    let mut doubled = 0;
    while quotes != 0 {
        let at = (quotes.trailing_zeros() / 8) as usize;
        doubled += 1;
        // At most 7 + 8; the mask tells the compiler that the store is within `room`.
        let to = (at + doubled) & 15;
        room[to..to + 8].copy_from_slice(&(word >> (8 * at)).to_le_bytes());
        quotes &= quotes - 1;
    }
    8 + doubled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn quotes_are_doubled_as_csv_core_does_it(
            text in "(\"{0,10}|[a\"]{0,40}|[\\x00-\\x7f\u{fffd}]{0,30}){0,3}",
        ) {
            let mut ours = b"before".to_vec();
            quoted(text.as_bytes(), &mut ours);
            let mut theirs = vec![0; 2 * text.len()];
            let (_, _, written) = csv_core::quote(text.as_bytes(), &mut theirs, QUOTE, QUOTE, true);
            theirs.truncate(written);
            prop_assert_eq!(ours, [b"before\"".as_slice(), &theirs, b"\""].concat());
        }
    }
}
