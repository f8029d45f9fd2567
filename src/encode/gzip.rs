//! Compresses rows into gzip members.
//!
//! In: pieces of text. Out: one complete gzip member per call; members one behind the other are one valid gzip file.
//!
//! Invariants
//! - The same text at the same level gives the same bytes: no name and no time in the header.

use libdeflater::{CompressionLvl, Compressor};

use crate::error::{Classified, FailureType};

/// A defect: neither can happen to a caller that keeps to the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GzipError {
    /// The level is none that deflate has.
    #[error("gzip level {0} is not one of 1 to 9")]
    Level(u8),
    /// The compressor needed more room than it had said.
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

/// Compresses the frames of any number of files, one after another. One per worker: it keeps its tables.
pub struct GzipCompressor {
    compressor: Compressor,
    /// The compressor wants its input in one piece.
    joined: Vec<u8>,
    /// Room for the worst case, kept: clearing it for each frame would cost more than it holds.
    room: Vec<u8>,
}

/// The levels of libdeflate that make files no larger than gzip's levels 1 to 9 do. Its own numbers compress harder and
/// take longer. Measured on 393 MB of JSONL rows, in MB, gzip and ours: 1: 51.5 47.6, 2: 48.0 47.6, 3: 46.1 45.9,
/// 4: 43.8 42.1, 5: 40.1 38.8, 6: 39.5 38.8, 9: 36.8 35.9.
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
    /// [`GzipError::Level`] for any other level: the settings should not have let it pass.
    pub fn new(level: u8) -> Result<Self, GzipError> {
        let ours = usize::from(level).checked_sub(1).and_then(|ix| LEVELS.get(ix));
        let checked = ours.and_then(|level| CompressionLvl::new(*level).ok());
        let level = checked.ok_or(GzipError::Level(level))?;
        Ok(Self { compressor: Compressor::new(level), joined: Vec::new(), room: Vec::new() })
    }

    /// Appends to `out` one gzip member that holds the `segments` one behind the other.
    ///
    /// # Errors
    /// [`GzipError::Room`], which is a defect: end the run. `out` is as it was.
    pub fn member(&mut self, segments: &[&[u8]], out: &mut Vec<u8>) -> Result<(), GzipError> {
        let text = match segments {
            [one] => *one,
            _ => {
                self.joined.clear();
                segments.iter().for_each(|segment| self.joined.extend_from_slice(segment));
                &self.joined
            }
        };
        let bound = self.compressor.gzip_compress_bound(text.len());
        if self.room.len() < bound {
            self.room.resize(bound, 0);
        }
        let written = self.compressor.gzip_compress(text, &mut self.room).map_err(|_| GzipError::Room)?;
        out.reserve_exact(written);
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
                gzip.member(&[&rows], out).unwrap();
                gzip.member(&[b"header\n", &rows, b"", b"end"], out).unwrap();
                gzip.member(&[], out).unwrap();
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
}
