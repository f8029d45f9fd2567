//! Divides stdin into blocks at line ends.
//!
//! In: bytes. Out: [`Block`]s of whole lines.
//!
//! Invariants
//! - A block has [`BlockSettings::block_bytes`] at most, unless it is one line that is longer, up
//!   to [`MAX_LINE_BYTES`]. The plan of the run's memory relies on it: many or wide streams get
//!   small blocks.
//! - When the source pauses, what has arrived is passed on. A STATE never waits for input that may
//!   not come.
//!
//! Not here: what the lines mean (`block_encoder`).

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::pipeline::budget::{Budget, Permit};
use crate::pipeline::buffer_pool::BufferPool;
use crate::pipeline::messages::{Block, ReadFault};

/// The longest line that is accepted. The protocol sets no limit, and some sources send records of
/// 100 MB.
pub(crate) const MAX_LINE_BYTES: usize = 128 * 1024 * 1024;

/// How long a block that is not full waits for more input before it is passed on.
const LINGER: Duration = Duration::from_millis(2);

/// How often a block may wait like that: a slow source must not keep a STATE here until the block
/// is full.
const MOST_LINGERS: u32 = 10;

/// How much a block grows at once for a long line.
const MOST_GROWTH_BYTES: usize = 8 * 1024 * 1024;

/// A block of one long line holds a permit for this many copies of itself: until its row is done,
/// the line, its text without escapes and the row are in memory.
const LONG_LINE_COPIES: u64 = 3;

/// How stdin is divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockSettings {
    /// The length of a block, unless one line is longer.
    pub block_bytes: usize,
    /// [`MAX_LINE_BYTES`]; tests use less.
    pub max_line_bytes: usize,
}

/// Reads blocks from a file descriptor.
#[derive(Debug)]
pub(crate) struct BlockReader<'fd> {
    input: BorrowedFd<'fd>,
    settings: BlockSettings,
    budget: Budget,
    spare: BufferPool,
    rest: Rest,
    next_index: u64,
    ended: bool,
}

/// Bytes that were read and are not in a block yet: what followed the last line end.
#[derive(Debug)]
struct Rest {
    bytes: Vec<u8>,
    /// Where the rest begins in `bytes`.
    start: usize,
    permit: Permit,
}

impl Rest {
    fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Moves its first bytes, at most `most`, to the end of `into`.
    fn move_to(&mut self, into: &mut Vec<u8>, most: usize) {
        let end = self.bytes.len().min(self.start + most);
        into.extend_from_slice(&self.bytes[self.start..end]);
        self.start = end;
    }

    /// Keeps the end of a block, which belongs to the next block. If the rest is not empty, that
    /// end was copied from the bytes right before it, and moving `start` back is enough.
    fn keep(&mut self, end_of_block: &[u8], usual_bytes: usize) {
        if !self.is_empty() {
            self.start -= end_of_block.len();
            return;
        }
        self.bytes.clear();
        self.start = 0;
        if self.bytes.capacity() > usual_bytes {
            self.bytes = Vec::new();
        }
        self.bytes.extend_from_slice(end_of_block);
        self.permit.resize(self.bytes.capacity() as u64);
    }
}

impl<'fd> BlockReader<'fd> {
    /// Returns a reader at the start of `input`.
    pub(crate) fn new(
        input: &'fd impl AsFd,
        settings: BlockSettings,
        budget: Budget,
        spare: BufferPool,
    ) -> Self {
        // A larger pipe means fewer wake-ups of both sides. Refused for files, and where the
        // system's limit is lower.
        let _ = rustix::pipe::fcntl_setpipe_size(input, settings.block_bytes);
        let rest = Rest { bytes: Vec::new(), start: 0, permit: budget.take(0) };
        Self { input: input.as_fd(), settings, budget, spare, rest, next_index: 0, ended: false }
    }

    /// Returns how many blocks have been read.
    #[must_use]
    pub(crate) fn blocks(&self) -> u64 {
        self.next_index
    }

    /// Returns the next block; `None` at the end of the input. Waits for input, and for memory.
    ///
    /// # Errors
    /// A line over the limit, or an input that cannot be read: end the run.
    pub(crate) fn next_block(&mut self) -> Result<Option<Block>, ReadFault> {
        let block_bytes = self.settings.block_bytes;
        let mut permit = self.budget.acquire(block_bytes as u64, self.rest.permit.bytes());
        let mut bytes = self.spare.take(block_bytes);
        // `bytes` has no line end before this offset.
        let mut searched = 0;
        let mut lingers = 0;
        loop {
            let full = bytes.len() >= block_bytes;
            let ended = self.ended && self.rest.is_empty();
            let mut pauses = || -> Result<bool, ReadFault> {
                Ok(!bytes.is_empty() && self.rest.is_empty() && !self.more_comes(&mut lingers)?)
            };
            if full || ended || pauses()? {
                // Only a line that is longer than a block makes a block grow. That line ends at the
                // first line end; any other block ends at the last one.
                let is_long = bytes.len() > block_bytes;
                let behind = &bytes[searched..];
                let line_end = if is_long {
                    memchr::memchr(b'\n', behind)
                } else {
                    memchr::memrchr(b'\n', behind)
                };
                let line_end = line_end.map(|at| searched + at + 1);
                searched = bytes.len();
                let all = ended.then_some(bytes.len());
                let cut = if is_long { line_end.or(all) } else { all.or(line_end) };
                if let Some(cut) = cut.filter(|cut| *cut > 0) {
                    let most = self.settings.max_line_bytes;
                    if cut > most && memchr::memchr(b'\n', &bytes).unwrap_or(cut) > most {
                        return Err(self.line_too_long());
                    }
                    self.rest.keep(&bytes[cut..], block_bytes);
                    bytes.truncate(cut);
                    permit.resize(
                        bytes.capacity() as u64 * if is_long { LONG_LINE_COPIES } else { 1 },
                    );
                    let index = self.next_index;
                    self.next_index += 1;
                    return Ok(Some(Block { index, bytes, permit }));
                }
                if ended {
                    return Ok(None);
                }
                if bytes.len() > self.settings.max_line_bytes {
                    return Err(self.line_too_long());
                }
            }
            self.read_some(&mut bytes, &mut permit)?;
        }
    }

    /// Appends more of the input to `bytes`: as much as has arrived and fits.
    fn read_some(&mut self, bytes: &mut Vec<u8>, permit: &mut Permit) -> Result<(), ReadFault> {
        if bytes.len() == bytes.capacity() {
            // Grows in bounded steps: what is read beyond the long line stays in memory with it.
            let step = bytes.len().clamp(1, MOST_GROWTH_BYTES);
            let wanted = (bytes.len() + step) as u64 * LONG_LINE_COPIES;
            self.budget.grow(permit, wanted, self.rest.permit.bytes());
            bytes.reserve_exact(step);
        }
        if !self.rest.is_empty() {
            let room = bytes.capacity() - bytes.len();
            self.rest.move_to(bytes, room);
            return Ok(());
        }
        loop {
            match rustix::io::read(self.input, rustix::buffer::spare_capacity(bytes)) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                // The parent process made the pipe non-blocking.
                Err(rustix::io::Errno::AGAIN) => {
                    self.ready(None)?;
                }
                Err(error) => return Err(unreadable(error)),
            }
        }
    }

    /// Returns whether more input, or its end, is there or comes soon; false once the block has
    /// waited too often.
    fn more_comes(&self, lingers: &mut u32) -> Result<bool, ReadFault> {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if self.ready(Some(at_once))? {
            return Ok(true);
        }
        *lingers += 1;
        Ok(*lingers <= MOST_LINGERS
            && self.ready(Some(Timespec::try_from(LINGER).unwrap_or(at_once)))?)
    }

    /// Returns whether input, or its end, is there or comes within `wait`. Without `wait`, waits
    /// for it.
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
        let mut reader = BlockReader::new(
            &read,
            settings,
            Budget::new(1 << 20, 1 << 20),
            BufferPool::new(1 << 20, 1 << 20),
        );
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
    fn a_long_line_stands_alone_and_no_block_after_it_is_larger_than_usual() {
        // Many short lines behind a long one, all of them there at once: the input is a file.
        let mut input = vec![b'x'; 60];
        input.push(b'\n');
        input.extend(b"short\n".repeat(50));
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&input).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let (budget, spare) = (Budget::new(1 << 20, 1 << 20), BufferPool::new(1 << 20, 1 << 20));
        // A pooled buffer with room for all of it.
        spare.give(Vec::with_capacity(1 << 19));
        let mut reader = BlockReader::new(&file, SMALL, budget.clone(), spare);
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block().unwrap() {
            blocks.push(block.bytes);
        }
        assert_eq!(blocks.concat(), input);
        assert_eq!(blocks[0].len(), 61);
        assert!(blocks[1..].iter().all(|block| block.len() <= SMALL.block_bytes), "{blocks:?}");
        drop(reader);
        assert_eq!(budget.used_bytes(), 0);
    }

    /// What was read behind a long line is freed by nobody but the reader, which must not wait for
    /// it.
    #[test]
    fn long_lines_one_after_another_do_not_wait_for_what_the_reader_itself_holds() {
        let mut input = Vec::new();
        for length in [35, 60, 60, 33, 5, 60] {
            input.extend(std::iter::repeat_n(b'x', length));
            input.push(b'\n');
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&input).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let (blocks, read) = std::sync::mpsc::channel();
        let reading = std::thread::spawn(move || {
            let budget = Budget::new(100, 100);
            let resting = budget.take(75);
            let mut reader =
                BlockReader::new(&file, SMALL, budget.clone(), BufferPool::new(1 << 20, 1 << 20));
            while let Some(block) = reader.next_block().unwrap() {
                blocks.send(block.bytes).unwrap();
            }
            drop((reader, resting));
            assert_eq!(budget.used_bytes(), 0);
        });
        let mut found = Vec::new();
        while found.len() < input.len() {
            let patience = Duration::from_secs(60);
            found.extend(read.recv_timeout(patience).expect("the reader waits for itself"));
        }
        assert_eq!(found, input);
        reading.join().unwrap();
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
        let mut reader = BlockReader::new(
            &read,
            SMALL,
            Budget::new(1 << 20, 1 << 20),
            BufferPool::new(1 << 20, 1 << 20),
        );
        assert_eq!(reader.next_block().unwrap().unwrap().bytes, b"state\n");
        write.write_all(b"ne\n").unwrap();
        drop(write);
        assert_eq!(reader.next_block().unwrap().unwrap().bytes, b"half a line\n");
        assert!(reader.next_block().unwrap().is_none());
    }
}
