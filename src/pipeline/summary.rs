//! What a run did, for the line per stream at its end.

use std::collections::BTreeMap;
use std::fmt;

use super::file::{File, SealReason};
use crate::model::StreamDescriptor;

/// Counts of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamSummary {
    /// Records taken from the input.
    pub records: u64,
    /// Bytes of their lines.
    pub input_bytes: u64,
    /// Records in published files.
    pub published_records: u64,
    /// Published files.
    pub files: u64,
    /// Bytes of the published files.
    pub output_bytes: u64,
    /// Why the published files were sealed.
    pub reasons: BTreeMap<SealReason, u64>,
    /// Records whose cursor could not be used in a key.
    pub rows_without_cursor: u64,
    /// Undeclared fields that the format's options dropped.
    pub dropped_fields: u64,
}

impl StreamSummary {
    /// Counts a published file.
    pub fn published(&mut self, file: &File) {
        self.published_records += file.rows;
        self.files += 1;
        self.output_bytes += file.encoded_bytes;
        if let Some(reason) = file.sealed {
            *self.reasons.entry(reason).or_default() += 1;
        }
    }
}

impl fmt::Display for StreamSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records in ({} bytes), {} published in {} files ({} bytes)",
            self.records, self.input_bytes, self.published_records, self.files, self.output_bytes
        )?;
        for (ix, (reason, count)) in self.reasons.iter().enumerate() {
            let lead = if ix == 0 { "; sealed by" } else { "," };
            write!(f, "{lead} {} {count}", reason.as_str())?;
        }
        if self.rows_without_cursor > 0 {
            write!(f, "; {} records without a usable cursor", self.rows_without_cursor)?;
        }
        if self.dropped_fields > 0 {
            write!(f, "; {} undeclared fields dropped", self.dropped_fields)?;
        }
        Ok(())
    }
}

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// One entry per stream of the catalog, in its order.
    pub streams: Vec<(StreamDescriptor, StreamSummary)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_why_files_were_sealed_and_what_was_odd() {
        let mut summary = StreamSummary { records: 7, input_bytes: 900, ..StreamSummary::default() };
        assert_eq!(summary.to_string(), "7 records in (900 bytes), 0 published in 0 files (0 bytes)");
        summary.reasons = BTreeMap::from([(SealReason::Size, 2), (SealReason::End, 1)]);
        (summary.published_records, summary.files, summary.output_bytes) = (7, 3, 400);
        (summary.rows_without_cursor, summary.dropped_fields) = (1, 4);
        assert_eq!(
            summary.to_string(),
            "7 records in (900 bytes), 7 published in 3 files (400 bytes); sealed by size 2, end 1; \
             1 records without a usable cursor; 4 undeclared fields dropped"
        );
    }
}
