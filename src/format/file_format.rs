//! The formats that files can have.
//!
//! `config` makes a [`Format`] from the user's settings. A new format is a folder beside the
//! others, a variant here, and a line where [`RowEncoder::new`] chooses. The folders do not know
//! this module.

use super::parquet::ParquetOptions;
use super::text::{CsvEncoder, CsvOptions, JsonlEncoder, RowEncoder};
use super::{MetadataColumns, StreamMeta};

/// A file format with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, plain or gzip.
    Csv {
        /// How rows are written.
        options: CsvOptions,
        /// `Some` for `csv.gz`: the deflate level, 1 to 9.
        gzip_level: Option<u8>,
    },
    /// One JSON object per line, plain or gzip.
    Jsonl {
        /// `Some` for `jsonl.gz`: the deflate level, 1 to 9.
        gzip_level: Option<u8>,
    },
    /// Parquet, which compresses its pages itself.
    Parquet {
        /// How files are written.
        options: ParquetOptions,
    },
}

impl Format {
    /// The value of the macro `{extension}`, without a leading dot. The five values are the names
    /// of the formats on the vendor's page.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Csv { gzip_level: None, .. } => "csv",
            Self::Csv { gzip_level: Some(_), .. } => "csv.gz",
            Self::Jsonl { gzip_level: None } => "jsonl",
            Self::Jsonl { gzip_level: Some(_) } => "jsonl.gz",
            Self::Parquet { .. } => "parquet",
        }
    }

    /// The options of Parquet, if it is the format.
    #[must_use]
    pub fn parquet(&self) -> Option<&ParquetOptions> {
        match self {
            Self::Parquet { options } => Some(options),
            Self::Csv { .. } | Self::Jsonl { .. } => None,
        }
    }

    /// The deflate level of the `.gz` variants.
    #[must_use]
    pub fn gzip_level(&self) -> Option<u8> {
        match self {
            Self::Csv { gzip_level, .. } | Self::Jsonl { gzip_level } => *gzip_level,
            Self::Parquet { .. } => None,
        }
    }

    /// The object's Content-Type. A `.gz` object is a gzip file rather than a text with a
    /// Content-Encoding: clients that undo encodings would otherwise hand readers a decompressed
    /// file with a name that ends in `.gz`.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Csv { gzip_level: None, .. } => "text/csv; charset=utf-8",
            Self::Jsonl { gzip_level: None } => "application/x-ndjson",
            Self::Csv { gzip_level: Some(_), .. } | Self::Jsonl { gzip_level: Some(_) } => {
                "application/gzip"
            }
            Self::Parquet { .. } => "application/vnd.apache.parquet",
        }
    }
}

impl RowEncoder {
    /// Makes the encoder of one stream.
    ///
    /// `properties` are the top-level names that the stream's schema declares, in its order.
    /// Returns `None` for Parquet, which has columns instead of rows.
    #[must_use]
    pub fn new(
        format: &Format,
        metadata: MetadataColumns,
        meta: &StreamMeta,
        properties: &[String],
    ) -> Option<Self> {
        match format {
            Format::Jsonl { .. } => Some(Self::Jsonl(JsonlEncoder::new(metadata, meta))),
            Format::Csv { options, .. } => {
                Some(Self::Csv(Box::new(CsvEncoder::new(options, metadata, meta, properties))))
            }
            Format::Parquet { .. } => None,
        }
    }
}
