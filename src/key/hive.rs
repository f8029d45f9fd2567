//! Folders of the key template that engines read as Hive partitions.
//!
//! Template -> the names of its `name=...` folders. Pure.
//!
//! An engine that finds `year=2026/` in a path adds a column `year` with the path's value. If the
//! records have a field of that name too, Spark, DuckDB, polars and ClickHouse silently show the
//! path's value instead, and pyarrow, DataFusion, Delta and Presto refuse the files.
//!
//! Not here: which columns a stream has (the caller compares).

use super::template::{KeyTemplate, Piece};

/// The separator of a Hive partition's name and value.
const SEPARATOR: char = '=';

impl KeyTemplate {
    /// Returns the names of the folders that engines read as Hive partitions, as the user typed
    /// them: `year` for `year={year}/`. A folder that begins with a macro has no fixed name and is
    /// left out.
    fn hive_partitions(&self) -> impl Iterator<Item = &str> {
        // The last segment is the name of the file.
        let (_file, folders) = self.segments().split_last().unwrap_or((&EMPTY, &[]));
        folders.iter().filter_map(|folder| match folder.first()? {
            Piece::Literal(literal) => {
                literal.split_once(SEPARATOR).map(|(name, _)| name).filter(|name| !name.is_empty())
            }
            Piece::Macro(_) => None,
        })
    }

    /// Returns a sentence for each of `columns` that has the name of a partition, ignoring case. It
    /// follows the stream's name.
    pub fn hive_clashes<'a>(
        &'a self,
        columns: impl Iterator<Item = &'a str> + Clone,
    ) -> impl Iterator<Item = String> {
        self.hive_partitions().flat_map(move |partition| {
            let folded = partition.to_lowercase();
            columns.clone().filter(move |column| column.to_lowercase() == folded).map(
                move |column| {
                    format!(
                        "the column {column:?} has the same name as the folder `{partition}=` in \
                     s3_bucket_key: {}",
                        consequence(partition)
                    )
                },
            )
        })
    }

    /// Returns a sentence for each partition, for use while the streams' columns are not known.
    pub fn hive_notes(&self) -> impl Iterator<Item = String> {
        self.hive_partitions().map(|partition| {
            format!(
                "`s3_bucket_key` has the folder `{partition}=`: if a stream has a column \
                 {partition:?}, {}",
                consequence(partition)
            )
        })
    }
}

/// What a column with the name of this partition leads to, and what to do.
fn consequence(partition: &str) -> String {
    format!(
        "engines that read Hive partitions show the folder's value instead of the record's, or \
         refuse the files; rename the folder, for example to `sync_{partition}=`"
    )
}

const EMPTY: Vec<Piece> = Vec::new();

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(template: &str) -> Vec<String> {
        KeyTemplate::parse(template).unwrap().hive_partitions().map(str::to_owned).collect()
    }

    #[test]
    fn folders_with_a_literal_name_are_partitions() {
        for (template, expected) in [
            ("{stream_name}/year={year}/month={month}/{part}.{extension}", vec!["year", "month"]),
            ("{stream_name}/Region=eu/{part}.{extension}", vec!["Region"]),
            ("year={year}/a=b=c/{stream_name}", vec!["year", "a"]),
            // Neither a file name nor a folder whose name depends on a macro is a partition.
            ("{stream_name}/year={year}", vec![]),
            ("{stream_name}={year}/x", vec![]),
            ("{stream_name}/y{year}=1/x", vec![]),
            ("{stream_name}/{iso_date}/x", vec![]),
            ("{stream_name}/=1/x", vec![]),
            ("{stream_name}", vec![]),
        ] {
            assert_eq!(partitions(template), expected, "{template}");
        }
    }

    #[test]
    fn a_column_clashes_in_any_case() {
        let template =
            KeyTemplate::parse("{stream_name}/year={year}/Day={day}/{part}.csv").unwrap();
        let clashes: Vec<String> =
            template.hive_clashes(["id", "YEAR", "month", "day"].into_iter()).collect();
        assert_eq!(clashes.len(), 2, "{clashes:?}");
        assert!(
            clashes[0].contains("column \"YEAR\"") && clashes[0].contains("`year=`"),
            "{clashes:?}"
        );
        assert!(
            clashes[1].contains("column \"day\"") && clashes[1].contains("`Day=`"),
            "{clashes:?}"
        );
        assert_eq!(template.hive_clashes(["id", "years"].into_iter()).count(), 0);
    }
}
