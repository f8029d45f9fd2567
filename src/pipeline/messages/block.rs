//! Whole lines of the input, and why there are no further ones.

use super::LineFault;
use crate::error::Failure;
use crate::pipeline::budget::Permit;

/// Some whole lines of the input.
#[derive(Debug)]
pub(crate) struct Block {
    /// Position in the input, from 0.
    pub index: u64,
    /// The lines with their line ends; the last one of the input may lack it.
    pub bytes: Vec<u8>,
    /// Held for as long as the bytes are.
    #[expect(dead_code, reason = "counts the bytes until it is dropped; nothing reads it")]
    pub permit: Permit,
}

/// Why stdin could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadFault {
    /// One line is longer than the limit.
    #[error(
        "is longer than {limit_bytes} bytes, which is the limit; make the source send smaller \
         records"
    )]
    LineTooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// The operating system returned an error.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

impl ReadFault {
    /// The failure that ends the run, once the number of lines before it is known.
    #[must_use]
    pub(crate) fn failure(&self, lines_before: u64) -> Failure {
        LineFault { line: 1, reason: self.to_string() }.failure(lines_before)
    }
}
