//! How the rows of one file become its bytes.
//!
//! In: rows in the order of the file, and reports of pieces that workers have made, in any order.
//! Out: [`BodyJob`]s, and the bytes of the object in order, to be taken from the front.
//!
//! The format of the stream decides once, where the file is opened, which body it gets: rows that
//! are final bytes already (`plain` has no state of its own), compressed text (`gzip`) or row
//! groups (`parquet`). A piece is a gzip frame or a row group: what workers make, independently of
//! the file's other pieces. `pieces` puts them into order again, `byte_queue` keeps the finished
//! bytes.
//!
//! Invariants
//! - Pieces join the bytes in the order of the file, whatever order they are made in.
//! - Once the file is sealed and every piece has joined, the bytes end as the format requires:
//!   those of a Parquet file with its footer.
//! - A piece reaches only the body that asked for it, and is of its type: see `messages::Job`.
//! - Rows are always of the body's kind, because one `StreamFormat` makes both. The types do not
//!   guarantee it: [`FileBody::append`] is the one place in the pipeline that checks it.
//!
//! Not here: where the bytes go (`lifecycle`), when a file is sealed (`engine`).

mod byte_queue;
mod gzip;
mod parquet;
mod pieces;
mod row_group;
#[cfg(test)]
mod tests;

use self::byte_queue::ByteQueue;
use self::gzip::GzipBody;
use self::parquet::ParquetBody;
use crate::error::{Failure, FailureType};
use crate::pipeline::budget::Budget;
use crate::pipeline::messages::{
    Compression, CompressionSample, Rows, Segment, SegmentSlice, StreamFormat, Work,
};

/// How many rows make a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PieceSizes {
    /// The least bytes of text in one gzip frame.
    pub min_frame_bytes: usize,
    /// The least memory of the rows of one row group. The layout of the stream limits their number
    /// as well.
    pub min_row_group_bytes: u64,
}

/// No format makes a piece of fewer bytes only because memory is short.
pub(crate) const MIN_EARLY_PIECE_BYTES: u64 = 64 * 1024;

/// A piece that a worker is to make: its number in the file, and the work.
#[derive(Debug)]
pub(super) struct BodyJob {
    pub(super) piece: u32,
    pub(super) work: Box<dyn Work>,
}

impl<W: Work + 'static> From<(u32, W)> for BodyJob {
    fn from((piece, work): (u32, W)) -> Self {
        Self { piece, work: Box::new(work) }
    }
}

/// The rows and bytes of one file.
#[derive(Debug)]
pub(crate) struct FileBody {
    encoding: Encoding,
    /// What is final.
    bytes: ByteQueue,
    is_sealed: bool,
}

/// Rows that are not bytes of the object yet, by the format of the file.
#[derive(Debug)]
enum Encoding {
    /// There are no such rows: rows are final bytes when they arrive. A body of another kind
    /// becomes this one once its last row is encoded or the file is given up.
    Plain,
    Gzip(GzipBody),
    /// In a box: most files of a run of many streams are small, and so should their bodies be.
    Parquet(Box<ParquetBody>),
}

impl FileBody {
    /// The body of a new file of a stream.
    #[must_use]
    pub(crate) fn open(format: &StreamFormat, sizes: PieceSizes, budget: &Budget) -> Self {
        let mut bytes = ByteQueue::default();
        let encoding = match format {
            StreamFormat::Text { encoder, compression } => {
                let header = Some(encoder.header()).filter(|header| !header.is_empty());
                let header = header.map(|header| Segment {
                    bytes: header.to_vec(),
                    permit: budget.take(header.len() as u64),
                });
                match *compression {
                    Compression::None => {
                        header.into_iter().for_each(|header| bytes.push(header));
                        Encoding::Plain
                    }
                    Compression::Gzip { level } => {
                        Encoding::Gzip(GzipBody::new(level, sizes.min_frame_bytes, header))
                    }
                }
            }
            StreamFormat::Parquet(layout) => Encoding::Parquet(Box::new(ParquetBody::new(
                layout.clone(),
                sizes.min_row_group_bytes,
                budget.take(0),
            ))),
        };
        Self { encoding, bytes, is_sealed: false }
    }

    /// Adds `count` rows.
    ///
    /// # Errors
    /// The rows are of another format than the file: a defect.
    pub(super) fn append(&mut self, rows: Rows, count: u64) -> Result<Vec<BodyJob>, Failure> {
        match (&mut self.encoding, rows) {
            (Encoding::Plain, Rows::Text(rows)) => {
                self.bytes.push(rows);
                Ok(Vec::new())
            }
            (Encoding::Gzip(gzip), Rows::Text(rows)) => {
                Ok(gzip.append(rows).into_iter().map(BodyJob::from).collect())
            }
            (Encoding::Parquet(parquet), Rows::Columns(rows)) => {
                Ok(parquet.append(rows, count).map(BodyJob::from).collect())
            }
            (Encoding::Plain | Encoding::Gzip(_), Rows::Columns(_))
            | (Encoding::Parquet(_), Rows::Text(_)) => Err(Failure::new(
                FailureType::System,
                "rows came for a file of another format; please report this",
            )),
        }
    }

    /// Makes a piece of the rows that none has taken yet, however few they are.
    pub(super) fn cut_piece(&mut self) -> Option<BodyJob> {
        match &mut self.encoding {
            Encoding::Plain => None,
            Encoding::Gzip(gzip) => gzip.cut_frame().map(BodyJob::from),
            Encoding::Parquet(parquet) => parquet.cut_row_group().map(BodyJob::from),
        }
    }

    /// No more rows come.
    ///
    /// # Errors
    /// The file cannot be completed: a defect.
    pub(super) fn seal(&mut self) -> Result<Option<BodyJob>, Failure> {
        self.is_sealed = true;
        let job = self.cut_piece();
        self.finish()?;
        Ok(job)
    }

    /// Records that a piece is made. Returns the sizes of its rows before and after encoding, where
    /// the format has pieces.
    ///
    /// # Errors
    /// The file cannot be completed: a defect.
    pub(super) fn piece_done(&mut self, piece: u32) -> Result<Option<CompressionSample>, Failure> {
        let sample = match &mut self.encoding {
            Encoding::Plain => None,
            Encoding::Gzip(gzip) => {
                let sample = gzip.done(piece);
                while let Some(frame) = gzip.pop() {
                    self.bytes.push(frame);
                }
                sample
            }
            Encoding::Parquet(parquet) => {
                let sample = parquet.done(piece);
                while let Some(row_group) = parquet.pop()? {
                    self.bytes.push(row_group);
                }
                sample
            }
        };
        self.finish()?;
        Ok(sample)
    }

    /// Ends the bytes as the format wants it, once the last row has joined them.
    fn finish(&mut self) -> Result<(), Failure> {
        if self.is_complete()
            && let Encoding::Parquet(parquet) =
                std::mem::replace(&mut self.encoding, Encoding::Plain)
        {
            self.bytes.push(parquet.footer()?);
        }
        Ok(())
    }

    /// Drops everything. Pieces that workers are making are dropped when they are finished.
    pub(super) fn discard(&mut self) {
        self.encoding = Encoding::Plain;
        self.bytes = ByteQueue::default();
    }

    /// Whether all the bytes that the object will have are there, or were.
    #[must_use]
    pub(crate) fn is_complete(&self) -> bool {
        self.is_sealed
            && match &self.encoding {
                Encoding::Plain => true,
                Encoding::Gzip(gzip) => gzip.is_idle(),
                Encoding::Parquet(parquet) => parquet.is_idle(),
            }
    }

    /// Final bytes that have not been taken.
    #[must_use]
    pub(crate) fn ready_bytes(&self) -> usize {
        self.bytes.queued_bytes()
    }

    /// Final bytes so far, whether they were taken or not.
    #[must_use]
    pub(crate) fn encoded_bytes(&self) -> u64 {
        self.bytes.joined_bytes()
    }

    /// Memory that its rows and bytes hold, without the pieces that workers are making.
    #[must_use]
    pub(crate) fn held_bytes(&self) -> u64 {
        self.bytes.held_bytes()
            + match &self.encoding {
                Encoding::Plain => 0,
                Encoding::Gzip(gzip) => gzip.held_bytes(),
                Encoding::Parquet(parquet) => parquet.held_bytes(),
            }
    }

    /// Memory of rows that would take a fraction of it if a piece were made of them now; `None` if
    /// they are too few for that, or the format gains nothing by it.
    #[must_use]
    pub(crate) fn early_piece_bytes(&self) -> Option<u64> {
        match &self.encoding {
            Encoding::Plain | Encoding::Gzip(_) => None,
            Encoding::Parquet(parquet) => parquet.early_row_group_bytes(),
        }
    }

    /// Estimates how many bytes the object would have if it were sealed now, from what was encoded
    /// so far: `own` for the file's stream, `all` for all streams of the run.
    #[must_use]
    pub(crate) fn estimated_bytes(&self, own: CompressionSample, all: CompressionSample) -> u64 {
        self.bytes.joined_bytes()
            + match &self.encoding {
                Encoding::Plain => 0,
                Encoding::Gzip(gzip) => gzip.estimated_bytes(own, all),
                Encoding::Parquet(parquet) => parquet.estimated_bytes(own),
            }
    }

    /// Takes `part_bytes` of the final bytes, or all that there are.
    pub(super) fn take_part(&mut self, part_bytes: usize) -> Vec<SegmentSlice> {
        self.bytes.take_part(part_bytes)
    }

    /// Puts back all the bytes of the object, which were taken at once.
    pub(super) fn put_back(&mut self, part: Vec<SegmentSlice>) {
        self.bytes.put_back(part);
    }
}
