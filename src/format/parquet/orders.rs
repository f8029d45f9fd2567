//! Replaces the column order of doubles in a footer by the one that every reader knows.
//!
//! In: the end of a file. Out: the same bytes, with "type defined" as the order of every column.
//!
//! Since apache/arrow-rs#9619 the library writes the order of doubles as IEEE 754 total order,
//! which is new in the format, and has no setting for it. Readers that do not know it ignore the
//! statistics of these columns (pyarrow 26) or refuse the whole file (polars 0.20 and 1.0: "Invalid
//! thrift: bad data"; pola-rs/polars#27893). Minimum and maximum are right under both orders: they
//! leave NaN out, and by the format a reader must take a zero of either sign for both. This module
//! can go when the readers in use know the new order, or the library lets us choose.
//!
//! Invariants
//! - No length changes, so that all offsets stay right.
//! - Any bytes but the expected ones are an error. Nothing is guessed.

use super::error::ParquetFileError;

/// The first four bytes of a file, and the last four.
pub(crate) const MAGIC: &[u8; 4] = b"PAR1";

/// An order in Thrift's compact protocol: a union, whose field (1 or 2) is an empty struct.
const TYPE_ORDER: [u8; 3] = [0x1C, 0, 0];
const TOTAL_ORDER: [u8; 3] = [0x2C, 0, 0];

/// The end of the footer's outermost struct.
const STOP: u8 = 0;

/// The length of the footer and the magic, which follow it.
const TRAILER_BYTES: usize = 8;

/// Rewrites the orders at the end of a footer, one for each of the `leaf_count` columns.
///
/// They are the footer's last field, so they are found from its end, without parsing the rest.
pub(crate) fn keep_to_type_order(
    file_end: &mut [u8],
    leaf_count: usize,
) -> Result<(), ParquetFileError> {
    let before_trailer =
        file_end.len().checked_sub(TRAILER_BYTES).ok_or(ParquetFileError::Footer)?;
    let (footer, trailer) = file_end.split_at_mut(before_trailer);
    let Some((stop, footer)) = footer.split_last_mut() else {
        return Err(ParquetFileError::Footer);
    };
    let first =
        footer.len().checked_sub(leaf_count * TYPE_ORDER.len()).ok_or(ParquetFileError::Footer)?;
    let (head, orders) = footer.split_at_mut(first);
    if *stop != STOP || !trailer.ends_with(MAGIC) || !head.ends_with(&list_header(leaf_count)) {
        return Err(ParquetFileError::Footer);
    }
    for order in orders.chunks_exact_mut(TYPE_ORDER.len()) {
        if *order == TOTAL_ORDER {
            order.copy_from_slice(&TYPE_ORDER);
        } else if *order != TYPE_ORDER {
            return Err(ParquetFileError::Footer);
        }
    }
    Ok(())
}

/// The beginning of the list in Thrift's compact protocol: field 7 is a list of `count` structs. A
/// field is written as the difference to the field before it, which is field 6.
fn list_header(count: usize) -> Vec<u8> {
    const NEXT_FIELD_IS_A_LIST: u8 = 0x19;
    const STRUCTS: u8 = 0x0C;
    const LONG: u8 = 0xF0;
    const SHORT_UP_TO: u8 = 14;
    let mut header = vec![NEXT_FIELD_IS_A_LIST];
    match u8::try_from(count) {
        Ok(count) if count <= SHORT_UP_TO => header.push(count << 4 | STRUCTS),
        _ => {
            header.push(LONG | STRUCTS);
            let mut rest = count;
            while rest >= 0x80 {
                header.push((rest & 0x7F) as u8 | 0x80);
                rest >>= 7;
            }
            header.push(rest as u8);
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a file with these orders.
    fn end(header: &[u8], orders: &[[u8; 3]]) -> Vec<u8> {
        [b"before", header, &orders.concat(), &[STOP], &[9, 9, 0, 0], MAGIC].concat()
    }

    #[test]
    fn the_newer_order_becomes_the_older_one_and_other_bytes_are_refused() {
        let two = [0x19, 0x2C];
        let mut given = end(&two, &[TYPE_ORDER, TOTAL_ORDER]);
        assert!(keep_to_type_order(&mut given, 2).is_ok());
        assert_eq!(given, end(&two, &[TYPE_ORDER, TYPE_ORDER]));

        let refused = [
            Vec::new(),
            b"PAR1".to_vec(),
            end(&[0x19, 0x3C], &[TYPE_ORDER, TOTAL_ORDER]),
            end(&two, &[TYPE_ORDER, [0x3C, 0, 0]]),
            end(&two, &[TYPE_ORDER]),
            [end(&two, &[TYPE_ORDER, TYPE_ORDER]), b"more".to_vec()].concat(),
        ];
        for mut given in refused {
            let error = keep_to_type_order(&mut given, 2);
            assert!(matches!(error, Err(ParquetFileError::Footer)), "{given:?}");
        }
    }

    #[test]
    fn the_length_of_the_list_is_as_thrift_writes_it() {
        let cases: [(usize, &[u8]); 5] = [
            (1, &[0x19, 0x1C]),
            (14, &[0x19, 0xEC]),
            (15, &[0x19, 0xFC, 15]),
            (127, &[0x19, 0xFC, 127]),
            (300, &[0x19, 0xFC, 0xAC, 0x02]),
        ];
        for (count, expected) in cases {
            assert_eq!(list_header(count), expected, "{count}");
        }
    }
}
