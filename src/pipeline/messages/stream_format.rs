//! The format of one stream's files, chosen once when the run is planned.
//!
//! Both ends of the pipeline are made from the same [`StreamFormat`]: the encoder that turns
//! records into [`Rows`](super::Rows), and the file body that takes these rows. So they match.

use std::sync::Arc;

use crate::format::columns::TableSchema;
use crate::format::parquet::FileLayout;
use crate::format::text::RowEncoder;

/// How the records of one stream become the bytes of its files. Clones share the tables.
#[derive(Clone, Debug)]
pub(crate) enum StreamFormat {
    /// Rows of text: CSV or JSONL.
    Text {
        /// Makes the rows.
        encoder: Arc<RowEncoder>,
        /// What the rows of a file are compressed with.
        compression: Compression,
    },
    /// Row groups of Parquet.
    Parquet(ParquetLayout),
}

/// What compresses the text of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Nothing does.
    None,
    /// Gzip, in members that are compressed independently of each other.
    Gzip {
        /// From 1 (fast) to 9 (small).
        level: u8,
    },
}

/// The columns of a stream, as they are read and as they are written.
#[derive(Clone, Debug)]
pub(crate) struct ParquetLayout {
    /// Which columns there are, and which values they take.
    pub schema: Arc<TableSchema>,
    /// How they are written to a file.
    pub file_layout: Arc<FileLayout>,
    /// The most rows that a chunk or a row group may have.
    pub max_row_group_rows: u64,
}

impl StreamFormat {
    /// Rows of text, compressed or not.
    #[must_use]
    pub(crate) fn text(encoder: RowEncoder, compression: Compression) -> Self {
        Self::Text { encoder: Arc::new(encoder), compression }
    }

    /// The columns, where the format has columns.
    #[must_use]
    pub(crate) fn columns(&self) -> Option<&ParquetLayout> {
        match self {
            Self::Parquet(layout) => Some(layout),
            Self::Text { .. } => None,
        }
    }

    /// Whether rows in memory take a fraction of it once they are encoded, however few they are.
    #[must_use]
    pub(crate) fn shrinks_when_encoded(&self) -> bool {
        match self {
            Self::Parquet(_) => true,
            Self::Text { .. } => false,
        }
    }

    /// What compresses the text of a file; `None` also where there is no text.
    #[must_use]
    pub(crate) fn compression(&self) -> Compression {
        match self {
            Self::Text { compression, .. } => *compression,
            Self::Parquet(_) => Compression::None,
        }
    }
}
