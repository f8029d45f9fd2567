//! Joins encoded row groups to a file.
//!
//! In: row groups in order. Out: the bytes of the file in order.
//!
//! Invariants
//! - This only copies; `column` has done all that takes time.
//! - Bytes that were returned are not kept, only what the footer says about them.

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::column::EncodedColumn;
use super::error::ParquetFileError;
use super::layout::FileLayout;
use super::orders;

/// All columns of a row group, encoded.
#[derive(Debug)]
pub(crate) struct EncodedRowGroup {
    columns: Vec<EncodedColumn>,
    rows: usize,
}

impl EncodedRowGroup {
    /// A row group of `rows` rows. `columns` are all top-level columns, in the order of the schema.
    ///
    /// # Errors
    /// [`ParquetFileError::Rows`] if a column has another number of rows.
    pub(crate) fn new(columns: Vec<EncodedColumn>, rows: usize) -> Result<Self, ParquetFileError> {
        let other = |(_, column): &(usize, &EncodedColumn)| column.rows != rows;
        if let Some((column, found)) = columns.iter().enumerate().find(other) {
            return Err(ParquetFileError::Rows { column, expected: rows, found: found.rows });
        }
        Ok(Self { columns, rows })
    }

    /// The number of rows.
    #[cfg(test)]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes that the row group takes in the file, without its part of the footer.
    #[must_use]
    pub(crate) fn encoded_bytes(&self) -> u64 {
        self.columns.iter().map(EncodedColumn::encoded_bytes).sum()
    }
}

/// One file that is being written.
#[derive(Debug)]
pub(crate) struct FileAssembler {
    /// Writes to a buffer that is taken after each row group. The writer counts the bytes itself,
    /// so that offsets stay right.
    writer: SerializedFileWriter<Vec<u8>>,
    leaf_count: usize,
}

impl FileAssembler {
    /// A new file.
    ///
    /// # Errors
    /// A defect: see [`ParquetFileError`].
    pub(crate) fn new(layout: &FileLayout) -> Result<Self, ParquetFileError> {
        let root = layout.root().map_err(ParquetFileError::Schema)?;
        let writer = SerializedFileWriter::new(Vec::new(), root, layout.file_properties())
            .map_err(ParquetFileError::Assemble)?;
        Ok(Self { writer, leaf_count: layout.leaf_count() })
    }

    /// Returns the next bytes of the file. A group without rows is left out.
    ///
    /// # Errors
    /// A defect: see [`ParquetFileError`]. The file can then not be completed.
    pub(crate) fn row_group(
        &mut self,
        group: EncodedRowGroup,
    ) -> Result<Vec<u8>, ParquetFileError> {
        self.append(group).map_err(ParquetFileError::Assemble)
    }

    fn append(&mut self, group: EncodedRowGroup) -> Result<Vec<u8>, ParquetError> {
        if group.rows > 0 {
            // The magic of a new file comes before its first group.
            let room = usize::try_from(group.encoded_bytes()).unwrap_or_default();
            self.writer.inner_mut().reserve_exact(room.saturating_add(orders::MAGIC.len()));
            let mut into = self.writer.next_row_group()?;
            for chunk in group.columns.into_iter().flat_map(|column| column.chunks) {
                chunk.append_to(&mut into)?;
            }
            into.close()?;
        }
        self.writer.flush()?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Returns the footer, which is the end of the file.
    ///
    /// # Errors
    /// A defect: see [`ParquetFileError`].
    pub(crate) fn finish(self) -> Result<Vec<u8>, ParquetFileError> {
        let mut footer = self.writer.into_inner().map_err(ParquetFileError::Assemble)?;
        orders::keep_to_type_order(&mut footer, self.leaf_count)?;
        footer.shrink_to_fit();
        Ok(footer)
    }
}
