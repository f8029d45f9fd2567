//! The streams of the catalog as workers need them.
//!
//! In: the streams, in the order of the catalog, each with its format. Out: the
//! index of a stream by its name, and what makes its rows by its index. Made once, shared by all
//! workers, never changed.
//!
//! Not here: how formats are chosen (`verb`).

use std::collections::HashMap;

use crate::model::{StreamDescriptor, StreamIx};
use crate::pipeline::messages::{ParquetLayout, StreamFormat};

/// The streams of a run; never changes.
#[derive(Debug)]
pub(crate) struct StreamTable {
    by_name: HashMap<String, Vec<(Option<String>, StreamIx)>>,
    /// In the order of the catalog.
    pub(crate) streams: Vec<StreamEncoding>,
}

/// How one stream's records become rows.
#[derive(Debug)]
pub(crate) struct StreamEncoding {
    /// How its records become rows. All streams of a run have the same kind.
    pub format: StreamFormat,
    /// The path of its cursor field, where the key template asks for cursors.
    pub cursor_field: Option<Vec<String>>,
}

impl StreamTable {
    /// A table of the catalog's streams, in its order.
    #[must_use]
    pub(crate) fn new(streams: Vec<(StreamDescriptor, StreamEncoding)>) -> Self {
        let mut table =
            Self { by_name: HashMap::new(), streams: Vec::with_capacity(streams.len()) };
        for (ix, (descriptor, encoding)) in (0..).map(StreamIx).zip(streams) {
            table.by_name.entry(descriptor.name).or_default().push((descriptor.namespace, ix));
            table.streams.push(encoding);
        }
        table
    }

    /// Rows of a chunk of the stream at most.
    #[must_use]
    pub(crate) fn most_rows(&self, stream: StreamIx) -> u64 {
        self.columns(stream).map_or(u64::MAX, |columns| columns.max_row_group_rows)
    }

    /// The stream of that name, if the catalog has it.
    #[must_use]
    pub(crate) fn find(&self, namespace: Option<&str>, name: &str) -> Option<StreamIx> {
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        self.by_name
            .get(name)?
            .iter()
            .find(|(other, _)| other.as_deref() == namespace)
            .map(|(_, ix)| *ix)
    }

    /// The number of columns, those inside structs and lists included, of the stream that has most;
    /// 0 where rows are text.
    #[must_use]
    pub(crate) fn most_columns(&self) -> usize {
        self.column_counts().max().unwrap_or_default()
    }

    /// The number of columns of all streams; 0 where rows are text.
    #[must_use]
    pub(crate) fn all_columns(&self) -> usize {
        self.column_counts().sum()
    }

    fn column_counts(&self) -> impl Iterator<Item = usize> {
        let streams = (0..self.streams.len() as u32).map(StreamIx);
        streams.filter_map(|ix| self.columns(ix)).map(|columns| columns.file_layout.leaf_count())
    }

    /// The columns of a stream, where the format has columns.
    #[must_use]
    pub(crate) fn columns(&self, stream: StreamIx) -> Option<&ParquetLayout> {
        self.streams.get(stream.index())?.format.columns()
    }
}
