//! How rows and files are numbered within a run.

/// Number of a row in the order of arrival, over all streams, from 1; 0 is "before the first".
pub(crate) type Position = u64;

/// Identity of a file within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(pub u64);
