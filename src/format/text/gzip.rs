//! Compresses rows into gzip members.
//!
//! In: pieces of text. Out: complete gzip members. By RFC 1952 concatenated members are one gzip
//! file, which is why frames of one file can be compressed in parallel and in any order.
//!
//! libdeflate takes its input in one piece and asks for room for the worst case. That is where the
//! scratch memory comes from, and why a long text becomes several members.
//!
//! Invariants
//! - The same text at the same level gives the same bytes: no name and no time in the header.
//! - What a compressor keeps between two calls is bounded by [`SCRATCH_BYTES`], however long a text
//!   was.

use libdeflater::{CompressionLvl, Compressor};

use crate::error::{Classified, FailureType};

/// A defect: neither happens to a caller that keeps to the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GzipError {
    /// There is no such level.
    #[error("gzip level {0} is not one of 1 to 9")]
    Level(u8),
    /// The compressor needed more room than it had asked for.
    #[error("the gzip compressor needed more room than it had asked for; please report this")]
    Room,
}

impl Classified for GzipError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Level(_) | Self::Room => FailureType::System,
        }
    }
}

/// The longest text of one member. A frame of usual size is one member; in a longer frame another
/// member does not change the ratio.
const MEMBER_BYTES: usize = 2 * 1024 * 1024;

/// The most memory that a [`GzipCompressor`] keeps: a member's text and its worst case, and tables
/// of 64 KiB.
pub(crate) const SCRATCH_BYTES: usize = 2 * MEMBER_BYTES + 128 * 1024;

/// Compresses the frames of any number of files, one after another. Each worker has one, because it
/// keeps its tables.
pub(crate) struct GzipCompressor {
    compressor: Compressor,
    /// The compressor wants its input in one piece. At most [`MEMBER_BYTES`].
    joined: Vec<u8>,
    /// Room for the worst case. It is kept because clearing it for each frame would cost more than
    /// its memory is worth.
    room: Vec<u8>,
}

/// The levels of libdeflate whose files are no larger than those of gzip's levels 1 to 9.
/// libdeflate's level of the same number compresses harder and takes longer.
///
/// Measured on 393 MB of JSONL rows, in MB (gzip, ours): level 1: 51.5, 47.6; 2: 48.0, 47.6; 3:
/// 46.1, 45.9; 4: 43.8, 42.1; 5: 40.1, 38.8; 6: 39.5, 38.8; 9: 36.8, 35.9.
const LEVELS: [i32; 9] = [1, 1, 2, 4, 5, 5, 6, 7, 7];

impl std::fmt::Debug for GzipCompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GzipCompressor").finish_non_exhaustive()
    }
}

impl GzipCompressor {
    /// `level` is gzip's: 1 (fast) to 9 (small).
    ///
    /// # Errors
    /// [`GzipError::Level`] for any other level, which the settings should have refused.
    pub(crate) fn new(level: u8) -> Result<Self, GzipError> {
        let ours = usize::from(level).checked_sub(1).and_then(|ix| LEVELS.get(ix));
        let checked = ours.and_then(|level| CompressionLvl::new(*level).ok());
        let level = checked.ok_or(GzipError::Level(level))?;
        Ok(Self { compressor: Compressor::new(level), joined: Vec::new(), room: Vec::new() })
    }

    /// Compresses the concatenated `segments` and appends the result to `out`: one member, or
    /// several of about the same length where the text is longer than [`MEMBER_BYTES`].
    ///
    /// # Errors
    /// [`GzipError::Room`], which is a defect: end the run. `out` may have the first of several
    /// members.
    pub(crate) fn members(
        &mut self,
        segments: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<(), GzipError> {
        let total: usize = segments.iter().map(|segment| segment.len()).sum();
        let count = total.div_ceil(MEMBER_BYTES).max(1);
        let length = total.div_ceil(count).max(1);
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        for segment in segments {
            let mut rest = *segment;
            while !rest.is_empty() {
                let (text, after) = rest.split_at(rest.len().min(length - joined.len()));
                rest = after;
                // A whole member in one piece needs no copy. `joined` is empty then, because
                // `text` could not be this long otherwise.
                if text.len() == length || text.len() == total {
                    self.member(text, out)?;
                    continue;
                }
                joined.reserve_exact(length - joined.len());
                joined.extend_from_slice(text);
                if joined.len() == length {
                    self.member(&joined, out)?;
                    joined.clear();
                }
            }
        }
        if !joined.is_empty() || total == 0 {
            self.member(&joined, out)?;
        }
        self.joined = joined;
        if count > 1 {
            out.shrink_to_fit();
        }
        Ok(())
    }

    fn member(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), GzipError> {
        let bound = self.compressor.gzip_compress_bound(text.len());
        if self.room.len() < bound {
            self.room = vec![0; bound];
        }
        let written =
            self.compressor.gzip_compress(text, &mut self.room).map_err(|_| GzipError::Room)?;
        if out.is_empty() {
            out.reserve_exact(written);
        }
        out.extend_from_slice(&self.room[..written]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn members_are_one_gzip_file_for_an_independent_reader_and_are_reproducible() {
        let rows = "{\"id\":1,\"name\":\"a\"}\n".repeat(5000).into_bytes();
        for level in 1..=9 {
            let (mut file, mut again) = (Vec::new(), Vec::new());
            for out in [&mut file, &mut again] {
                let mut gzip = GzipCompressor::new(level).unwrap();
                gzip.members(&[&rows], out).unwrap();
                gzip.members(&[b"header\n", &rows, b"", b"end"], out).unwrap();
                gzip.members(&[], out).unwrap();
            }
            assert_eq!(file, again);
            assert_eq!(&file[4..8], [0; 4], "no time in the header");
            let mut read = Vec::new();
            flate2::read::MultiGzDecoder::new(file.as_slice()).read_to_end(&mut read).unwrap();
            assert_eq!(read, [&rows, b"header\n".as_slice(), &rows, b"end"].concat());
        }
        assert_eq!(GzipCompressor::new(0).unwrap_err(), GzipError::Level(0));
        assert_eq!(GzipCompressor::new(10).unwrap_err(), GzipError::Level(10));
        for error in [GzipError::Level(0), GzipError::Room] {
            assert_eq!(error.failure_type(), FailureType::System);
        }
    }
    #[test]
    fn a_long_text_becomes_several_members_and_leaves_no_large_scratch_behind() {
        let line: Vec<u8> = (0..5 * MEMBER_BYTES + 1).map(|at| (at % 251) as u8).collect();
        let mut gzip = GzipCompressor::new(1).unwrap();
        for segments in
            [vec![&line[..]], vec![b"header\n", &line[..7], &line, &line[..MEMBER_BYTES]]]
        {
            let mut file = Vec::new();
            gzip.members(&segments, &mut file).unwrap();
            let whole = segments.concat();
            let mut one = Vec::new();
            flate2::bufread::GzDecoder::new(file.as_slice()).read_to_end(&mut one).unwrap();
            assert_eq!(
                one.len(),
                whole.len().div_ceil(whole.len().div_ceil(MEMBER_BYTES)),
                "the first member"
            );
            let mut read = Vec::new();
            flate2::read::MultiGzDecoder::new(file.as_slice()).read_to_end(&mut read).unwrap();
            assert!(read == whole);
            assert!(gzip.room.capacity() + gzip.joined.capacity() <= SCRATCH_BYTES);
        }
    }
}
