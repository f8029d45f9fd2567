//! Counts what a run did with each stream, and writes the line per stream at its end.
//!
//! In: rows and published files, from the engine. Out: sentences for the log, and what `replace`
//! must know: which streams succeeded, and under which stems their files are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::file::{File, SealReason};
use crate::format::columns::FieldIssues;
use crate::key::KeyStem;
use crate::model::StreamDescriptor;

/// Counts of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamSummary {
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
    /// Names and strings in which U+FFFD stands for half a surrogate pair.
    pub repaired_strings: u64,
    /// By field: values that became null because they did not fit their column, and values that
    /// lost digits.
    pub issues: BTreeMap<Arc<str>, (u64, u64)>,
}

/// Fields that the end summary names.
const NAMED_FIELDS: usize = 20;

impl StreamSummary {
    /// Counts values that did not fit.
    pub(crate) fn add_issues(&mut self, issues: &FieldIssues) {
        let (nulled, truncated) = self.issues.entry(Arc::clone(&issues.field)).or_default();
        *nulled += issues.nulled;
        *truncated += issues.truncated;
    }

    /// Writes the fields with the highest counts, each with its count, and how many fields follow.
    fn write_issues(
        &self,
        f: &mut fmt::Formatter<'_>,
        what: &str,
        count: impl Fn(&(u64, u64)) -> u64,
    ) -> fmt::Result {
        let mut fields: Vec<(u64, &str)> =
            self.issues.iter().map(|(field, counts)| (count(counts), field.as_ref())).collect();
        fields.retain(|(count, _)| *count > 0);
        fields.sort_by_key(|(count, field)| (std::cmp::Reverse(*count), *field));
        for (ix, (count, field)) in fields.iter().take(NAMED_FIELDS).enumerate() {
            let lead = if ix == 0 { format!("; {what}") } else { ",".to_owned() };
            write!(f, "{lead} \"{field}\" {count}")?;
        }
        if fields.len() > NAMED_FIELDS {
            write!(f, " and {} more fields", fields.len() - NAMED_FIELDS)?;
        }
        Ok(())
    }

    /// Counts a published file.
    pub(crate) fn published(&mut self, file: &File) {
        self.published_records += file.rows;
        self.files += 1;
        self.output_bytes += file.body().encoded_bytes();
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
        if self.repaired_strings > 0 {
            write!(
                f,
                "; {} strings held half a surrogate pair, which became U+FFFD",
                self.repaired_strings
            )?;
        }
        self.write_issues(f, "values nulled since they do not fit their columns:", |counts| {
            counts.0
        })?;
        self.write_issues(f, "values that lost digits:", |counts| counts.1)?;
        Ok(())
    }
}

/// What a run says of one stream at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamOutcome {
    /// Its name.
    pub descriptor: StreamDescriptor,
    /// What was counted.
    pub summary: StreamSummary,
    /// Whether the source is known to have completed it: only then old objects may be replaced.
    pub succeeded: bool,
    /// Stems whose plain key was taken by another writer's object, so that a file was published
    /// under a numbered key: `users_2.csv` beside `users.csv`.
    pub renamed_stems: BTreeSet<KeyStem>,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunSummary {
    /// One entry per stream of the catalog, in its order.
    pub streams: Vec<StreamOutcome>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_why_files_were_sealed_and_which_values_changed() {
        let mut summary =
            StreamSummary { records: 7, input_bytes: 900, ..StreamSummary::default() };
        assert_eq!(
            summary.to_string(),
            "7 records in (900 bytes), 0 published in 0 files (0 bytes)"
        );
        summary.reasons = BTreeMap::from([(SealReason::Size, 2), (SealReason::End, 1)]);
        (summary.published_records, summary.files, summary.output_bytes) = (7, 3, 400);
        (summary.rows_without_cursor, summary.dropped_fields) = (1, 4);
        summary.repaired_strings = 3;
        for (field, nulled, truncated) in [("price", 2, 0), ("items.*.at", 1, 5), ("price", 1, 0)] {
            summary.add_issues(&FieldIssues { field: field.into(), nulled, truncated });
        }
        assert_eq!(
            summary.to_string(),
            "7 records in (900 bytes), 7 published in 3 files (400 bytes); sealed by size 2, end \
             1; 1 records without a usable cursor; 4 undeclared fields dropped; 3 strings held \
             half a surrogate pair, which became U+FFFD; values nulled since they do not fit their \
             columns: \"price\" 3, \"items.*.at\" 1; values that lost digits: \"items.*.at\" 5"
        );
    }
}
