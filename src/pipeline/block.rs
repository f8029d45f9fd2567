//! Cuts stdin into blocks at line ends.
//!
//! Bytes in, [`Block`]s out, each of whole lines. A block is about [`BlockSettings::block_bytes`] long; a longer line makes
//! a longer block, up to [`MAX_LINE_BYTES`]. What has arrived is passed on as soon as the source pauses, so that a STATE
//! never waits for input that may not come.
//!
//! Not here: what the lines mean (`encode_block`).

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::budget::{Budget, Permit};
use super::chunk::LineFault;
use super::recycle::Recycler;
use crate::error::Failure;

/// The longest line that is taken. The protocol names no limit; sources are known to send 100 MB.
pub const MAX_LINE_BYTES: usize = 128 * 1024 * 1024;

/// How long a started block waits for more input before it is passed on as it is.
const LINGER: Duration = Duration::from_millis(2);

/// How often a started block may wait: a source that trickles must not keep a STATE in here until the block is full.
const MOST_LINGERS: u32 = 10;

/// How much a block grows at once for a long line.
const MOST_GROWTH_BYTES: usize = 8 * 1024 * 1024;

/// Some whole lines of the input.
#[derive(Debug)]
pub struct Block {
    /// Position in the input, from 0.
    pub index: u64,
    /// The lines with their line ends; the last one of the input may lack it.
    pub bytes: Vec<u8>,
    /// Held for as long as the bytes are.
    pub permit: Permit,
}

/// How stdin is cut.
#[derive(Clone, Copy, Debug)]
pub struct BlockSettings {
    /// Length of a block that lines of usual size make.
    pub block_bytes: usize,
    /// [`MAX_LINE_BYTES`] but for tests.
    pub max_line_bytes: usize,
}

/// Why stdin could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFault {
    /// One line is longer than the limit.
    #[error(
        "is longer than {limit_bytes} bytes, the most that is taken; make the source send smaller records"
    )]
    LineTooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// The operating system said no.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

impl ReadFault {
    /// The failure that ends the run, once the number of lines before it is known.
    #[must_use]
    pub fn failure(&self, lines_before: u64) -> Failure {
        LineFault { line: 1, reason: self.to_string() }.failure(lines_before)
    }
}

/// Reads blocks from a file descriptor.
#[derive(Debug)]
pub struct BlockReader<'fd> {
    input: BorrowedFd<'fd>,
    settings: BlockSettings,
    budget: Budget,
    spare: Recycler,
    rest: Vec<u8>,
    next_index: u64,
    ended: bool,
}

impl<'fd> BlockReader<'fd> {
    /// A reader at the start of `input`.
    pub fn new(input: &'fd impl AsFd, settings: BlockSettings, budget: Budget, spare: Recycler) -> Self {
        // A larger pipe means fewer wake-ups of both sides. Refused for files, and where the system's limit is lower.
        let _ = rustix::pipe::fcntl_setpipe_size(input, settings.block_bytes);
        Self { input: input.as_fd(), settings, budget, spare, rest: Vec::new(), next_index: 0, ended: false }
    }

    /// How many blocks have been read.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.next_index
    }

    /// The next block; `None` at the end of the input. Waits for input, and for memory.
    ///
    /// # Errors
    /// A line over the limit, or an input that cannot be read: end the run.
    pub fn next_block(&mut self) -> Result<Option<Block>, ReadFault> {
        let room = self.rest.len().max(self.settings.block_bytes);
        let mut permit = self.budget.acquire(room as u64);
        let mut bytes = self.spare.take(room);
        bytes.append(&mut self.rest);
        // Where the last line end is known not to be: everything before was searched.
        let mut searched = 0;
        let mut lingers = 0;
        loop {
            let full = bytes.len() >= self.settings.block_bytes;
            if full || self.ended || (!bytes.is_empty() && !self.more_comes(&mut lingers)?) {
                let line_end = memchr::memrchr(b'\n', &bytes[searched..]).map(|at| searched + at + 1);
                searched = bytes.len();
                let cut = if self.ended { Some(bytes.len()) } else { line_end };
                if let Some(cut) = cut.filter(|cut| *cut > 0) {
                    // Only a line longer than a block makes a block grow, and it is then the first one.
                    if cut > self.settings.max_line_bytes
                        && memchr::memchr(b'\n', &bytes).unwrap_or(cut) > self.settings.max_line_bytes
                    {
                        return Err(self.line_too_long());
                    }
                    self.rest.extend_from_slice(&bytes[cut..]);
                    bytes.truncate(cut);
                    permit.resize(bytes.capacity() as u64);
                    let index = self.next_index;
                    self.next_index += 1;
                    return Ok(Some(Block { index, bytes, permit }));
                }
                if self.ended {
                    return Ok(None);
                }
                if bytes.len() > self.settings.max_line_bytes {
                    return Err(self.line_too_long());
                }
            }
            self.read_some(&mut bytes)?;
            permit.resize(bytes.capacity() as u64);
        }
    }

    fn read_some(&mut self, bytes: &mut Vec<u8>) -> Result<(), ReadFault> {
        if bytes.len() == bytes.capacity() {
            // Grows in bounded steps: what is read beyond the long line is held with it.
            bytes.reserve_exact(bytes.len().clamp(1, MOST_GROWTH_BYTES));
        }
        loop {
            match rustix::io::read(self.input, rustix::buffer::spare_capacity(bytes)) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                // Whoever started us made the pipe non-blocking.
                Err(rustix::io::Errno::AGAIN) => {
                    self.ready(None)?;
                }
                Err(error) => return Err(unreadable(error)),
            }
        }
    }

    /// Whether more input (or its end) is there or comes soon, as long as the block has not waited too often.
    fn more_comes(&self, lingers: &mut u32) -> Result<bool, ReadFault> {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if self.ready(Some(at_once))? {
            return Ok(true);
        }
        *lingers += 1;
        Ok(*lingers <= MOST_LINGERS && self.ready(Some(Timespec::try_from(LINGER).unwrap_or(at_once)))?)
    }

    /// Whether input (or its end) is there, or comes within `wait`; without `wait` it is waited for.
    fn ready(&self, wait: Option<Timespec>) -> Result<bool, ReadFault> {
        let mut fds = [PollFd::new(&self.input, PollFlags::IN)];
        match poll(&mut fds, wait.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(unreadable(error)),
        }
    }

    fn line_too_long(&self) -> ReadFault {
        ReadFault::LineTooLong { limit_bytes: self.settings.max_line_bytes }
    }
}

fn unreadable(error: rustix::io::Errno) -> ReadFault {
    ReadFault::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const SMALL: BlockSettings = BlockSettings { block_bytes: 16, max_line_bytes: 64 };

    fn blocks_of(input: &[u8], settings: BlockSettings) -> Result<Vec<Vec<u8>>, ReadFault> {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            let mut write = std::fs::File::from(write);
            for piece in input.chunks(7) {
                if write.write_all(piece).is_err() {
                    return;
                }
            }
        });
        let mut reader =
            BlockReader::new(&read, settings, Budget::new(1 << 20, 1 << 20), Recycler::default());
        let mut blocks = Vec::new();
        let result = loop {
            match reader.next_block() {
                Ok(Some(block)) => {
                    assert_eq!(block.index, blocks.len() as u64);
                    blocks.push(block.bytes);
                }
                Ok(None) => break Ok(blocks),
                Err(failure) => break Err(failure),
            }
        };
        drop(read);
        writer.join().unwrap();
        result
    }

    #[test]
    fn blocks_hold_whole_lines_and_together_the_input() {
        let mut input = Vec::new();
        for length in (0..60).chain([3, 60, 1, 0, 0, 17]) {
            input.extend(std::iter::repeat_n(b'x', length));
            input.push(b'\n');
        }
        input.extend(b"no line end");
        let blocks = blocks_of(&input, SMALL).unwrap();
        let (last, whole) = blocks.split_last().unwrap();
        assert!(whole.iter().all(|block| block.ends_with(b"\n")));
        assert!(last.ends_with(b"no line end"));
        assert_eq!(blocks.concat(), input);
    }

    #[test]
    fn an_empty_input_has_no_block() {
        assert_eq!(blocks_of(b"", SMALL).unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_over_the_limit_is_an_error_that_says_the_limit() {
        let fault = blocks_of(&[b'x'; 200], SMALL).unwrap_err();
        assert_eq!(fault, ReadFault::LineTooLong { limit_bytes: 64 });
        // A file gives as much as there is room for, line ends included.
        let roomy = BlockSettings { block_bytes: 256, ..SMALL };
        assert_eq!(blocks_of(&[&[b'x'; 65][..], b"\n"].concat(), roomy), Err(fault.clone()));
        assert!(blocks_of(&[&[b'x'; 64][..], b"\ny\n"].concat(), roomy).is_ok());
        let failure = fault.failure(41);
        assert!(
            failure.message.starts_with("line 42 of the input is longer than 64 bytes"),
            "{}",
            failure.message
        );
    }

    #[test]
    fn a_line_is_passed_on_while_the_source_pauses() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let mut write = std::fs::File::from(write);
        write.write_all(b"state\nhalf a li").unwrap();
        let mut reader = BlockReader::new(&read, SMALL, Budget::new(1 << 20, 1 << 20), Recycler::default());
        assert_eq!(reader.next_block().unwrap().unwrap().bytes, b"state\n");
        write.write_all(b"ne\n").unwrap();
        drop(write);
        assert_eq!(reader.next_block().unwrap().unwrap().bytes, b"half a line\n");
        assert!(reader.next_block().unwrap().is_none());
    }
}
