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
}

impl std::fmt::Debug for GzipCompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GzipCompressor").finish_non_exhaustive()
    }
}

impl GzipCompressor {
    /// `level` is 1 (fast) to 9 (small).
    ///
    /// # Errors
    /// [`GzipError::Level`] for any other level: the settings should not have let it pass.
    pub fn new(level: u8) -> Result<Self, GzipError> {
        let checked = (1..=9).contains(&level).then(|| CompressionLvl::new(i32::from(level)).ok()).flatten();
        let level = checked.ok_or(GzipError::Level(level))?;
        Ok(Self { compressor: Compressor::new(level), joined: Vec::new() })
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
        let start = out.len();
        out.resize(start + self.compressor.gzip_compress_bound(text.len()), 0);
        let written = self.compressor.gzip_compress(text, &mut out[start..]);
        out.truncate(start + *written.as_ref().unwrap_or(&0));
        written.map(|_| ()).map_err(|_| GzipError::Room)
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
