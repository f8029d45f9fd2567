//! What can go wrong. All of it is a defect: no data that a caller passes can cause it.

use parquet::errors::ParquetError;

use crate::error::{Classified, FailureType};

/// A defect, of ours or of the library.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParquetFileError {
    /// The library did not accept the schema.
    #[error("the columns cannot be laid out as a Parquet file; please report this")]
    Schema(#[source] ParquetError),
    /// The settings should have refused this level.
    #[error("the Parquet codec does not have this compression level; please report this")]
    Level(#[source] ParquetError),
    /// The library could not encode the arrays.
    #[error("column {column:?} could not be encoded as Parquet; please report this")]
    Encode {
        /// Its name.
        column: String,
        /// The library's reason.
        #[source]
        source: ParquetError,
    },
    /// There is no column of this number.
    #[error("the file has no column {0}; please report this")]
    NoColumn(usize),
    /// A column of a row group has another number of rows than the group.
    #[error(
        "column {column} of a row group has {found} rows instead of {expected}; please report this"
    )]
    Rows {
        /// Its position.
        column: usize,
        /// The rows that the group has.
        expected: usize,
        /// The rows that the column has.
        found: usize,
    },
    /// The library could not join what it had encoded.
    #[error("the parts of a Parquet file could not be joined; please report this")]
    Assemble(#[source] ParquetError),
    /// The library wrote a footer whose end `orders` does not know.
    #[error("the footer of a Parquet file does not end as expected; please report this")]
    Footer,
}

impl Classified for ParquetFileError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Schema(_)
            | Self::Level(_)
            | Self::Encode { .. }
            | Self::NoColumn(_)
            | Self::Rows { .. }
            | Self::Assemble(_)
            | Self::Footer => FailureType::System,
        }
    }
}
