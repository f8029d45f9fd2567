//! The options of the formats as the user writes them: `format` of the configuration.
//!
//! As in `raw`, doc comments are what the form shows, in this order.
//!
//! Invariants
//! - An option that goes with some values of another one only is an `Option` without a default: the
//!   form fills in defaults, and one that it filled in could not be told from one that the user
//!   means.
//!
//! Not here: what depends on two options (`format`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What files are, chosen by `format_type`. The names are the values of `{extension}`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "format_type")]
pub(crate) enum RawFormat {
    /// # CSV
    ///
    /// Comma-separated values, not compressed.
    #[serde(rename = "csv")]
    Csv(RawCsv),
    /// # CSV, gzip
    ///
    /// Comma-separated values, compressed with gzip.
    #[serde(rename = "csv.gz")]
    CsvGz(RawCsvGz),
    /// # JSON Lines
    ///
    /// One JSON object per line, not compressed.
    #[serde(rename = "jsonl")]
    Jsonl {},
    /// # JSON Lines, gzip
    ///
    /// One JSON object per line, compressed with gzip.
    #[serde(rename = "jsonl.gz")]
    JsonlGz(RawGzip),
    /// # Parquet
    ///
    /// Typed columns, compressed, for query engines.
    #[serde(rename = "parquet")]
    Parquet(RawParquet),
}

impl Default for RawFormat {
    fn default() -> Self {
        Self::JsonlGz(RawGzip::default())
    }
}

/// How a CSV file is written.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RawCsv {
    /// # Delimiter
    ///
    /// The character between fields: a comma (the default), a semicolon, a vertical bar, or a tab,
    /// which may also be written <code>\t</code>. A value that holds it is quoted.
    pub(crate) delimiter: RawDelimiter,
    /// # Quote Style
    ///
    /// Which values are put in double quotes: <code>minimal</code> (the default), those that need
    /// it, empty strings, and strings that some readers change without quotes (a blank at an end,
    /// <code>'</code> or <code>#</code> at the beginning, <code>NULL</code>, <code>\N</code>,
    /// <code>\.</code>); <code>all</code>, every value; <code>non_numeric</code>, every value that
    /// is not a number. Null is never quoted: that is how readers tell it from an empty string. In
    /// a file of one column both are <code>""</code>, because readers skip blank lines.
    pub(crate) quote_style: RawQuoteStyle,
    /// # Header
    ///
    /// Whether every file begins with a line of column names. The default is true. Without it a
    /// reader must know the columns, and they change when the stream's schema does.
    pub(crate) header: bool,
    /// # Null Text
    ///
    /// What is written for null, for example <code>\N</code> or <code>NULL</code>. The default is
    /// nothing at all. It must not hold the delimiter, a double quote or a line break.
    #[schemars(example = &"NULL", example = "\\N")]
    pub(crate) null_text: String,
    /// # Column Names
    ///
    /// What columns are called in the files: <code>original</code> (the default), as in the
    /// stream's schema; <code>safe</code>, with every character but the letters A to Z, digits and
    /// underscores replaced by an underscore, and equal names numbered. Hive, Delta and BigQuery
    /// refuse names with blanks and some other characters.
    pub(crate) column_names: RawColumnNames,
    /// # Undeclared Fields
    ///
    /// What becomes of fields of a record that the stream's schema does not name:
    /// <code>column</code> (the default) keeps them as JSON in a last column,
    /// <code>_airbyte_additional_properties</code>; <code>drop</code> leaves them out and reports
    /// how many there were.
    pub(crate) undeclared_fields: RawUndeclaredFields,
}

impl Default for RawCsv {
    fn default() -> Self {
        Self {
            delimiter: RawDelimiter::default(),
            quote_style: RawQuoteStyle::default(),
            header: true,
            null_text: String::new(),
            column_names: RawColumnNames::default(),
            undeclared_fields: RawUndeclaredFields::default(),
        }
    }
}

/// The options of `csv` and those of gzip.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawCsvGz {
    #[serde(flatten)]
    pub(crate) csv: RawCsv,
    #[serde(flatten)]
    pub(crate) gzip: RawGzip,
}

/// How hard gzip tries.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RawGzip {
    /// # Gzip Level
    ///
    /// From 1 (fastest, biggest files) to 9 (slowest, smallest files). The default is 6. Levels
    /// above 6 cost much time and save little.
    #[schemars(range(min = 1, max = 9), example = 6)]
    pub(crate) gzip_level: u8,
}

impl Default for RawGzip {
    fn default() -> Self {
        Self { gzip_level: 6 }
    }
}

/// How a Parquet file is written.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawParquet {
    /// # Compression Codec
    ///
    /// What columns are compressed with: <code>snappy</code> (the default), fast and read by every
    /// engine; <code>zstd</code> and <code>gzip</code>, smaller files that take longer to write;
    /// <code>lz4_raw</code>, fast, but some engines cannot read it; <code>none</code>.
    #[serde(default)]
    pub(crate) compression_codec: RawCodec,
    /// # Compression Level
    ///
    /// How hard the codec tries: 1 (fastest, biggest files) to 22 for <code>zstd</code>, 1 to 9 for
    /// <code>gzip</code>, for example 6. Empty means 1 for <code>zstd</code> and 6 for
    /// <code>gzip</code>. Leave it empty with every other codec: they have no levels.
    #[schemars(range(min = 1, max = 22), example = 6)]
    pub(crate) compression_level: Option<u8>,
    /// # Row Group Size (MB)
    ///
    /// A row group ends when its rows take this much memory before they are compressed, for example
    /// 64 (the default); in the file it is smaller. 1 MB is 1,048,576 bytes. Engines read a row
    /// group as a whole, one per thread: small ones cost speed, big ones memory, here and in the
    /// reader.
    #[serde(default = "default_row_group_mb")]
    #[schemars(range(min = 1, max = 1024), example = 64)]
    pub(crate) row_group_mb: u32,
    /// # Row Group Rows
    ///
    /// A row group ends when it has this many rows, if it did not end before by its size. The
    /// default is 1,000,000.
    #[serde(default = "default_row_group_rows")]
    #[schemars(range(min = 1000, max = 10_000_000), example = 1_000_000)]
    pub(crate) row_group_rows: u32,
    /// # Numbers
    ///
    /// What numbers with a fraction become: <code>double</code> (the default), which keeps 15
    /// digits of any number and notes in <code>_airbyte_meta</code> where it cut one;
    /// <code>decimal</code>, exact up to the precision and scale below; <code>text</code>, digit
    /// for digit, which engines must convert before they can add it up. It does not concern
    /// integers.
    #[serde(default)]
    pub(crate) numbers: RawNumbers,
    /// # Decimal Precision
    ///
    /// How many digits a decimal has in all, from 1 to 38, for example 20. Only with Numbers
    /// <code>decimal</code>; empty means 38. A number with more digits before the point than
    /// precision less scale becomes null, which is noted in <code>_airbyte_meta</code>.
    #[schemars(range(min = 1, max = 38), example = 38)]
    pub(crate) decimal_precision: Option<u8>,
    /// # Decimal Scale
    ///
    /// How many of a decimal's digits are behind the point, at most the precision, for example 2.
    /// Only with Numbers <code>decimal</code>; empty means 9. Further digits are cut off, which is
    /// noted in <code>_airbyte_meta</code>.
    #[schemars(range(min = 0, max = 38), example = 9)]
    pub(crate) decimal_scale: Option<u8>,
    /// # Integers
    ///
    /// What integers become: <code>int64</code> (the default), up to 9,223,372,036,854,775,807;
    /// <code>decimal</code>, exact up to 38 digits, which every unsigned 64-bit integer needs;
    /// <code>text</code>, of any length, which engines must convert before they can add it up.
    #[serde(default)]
    pub(crate) integers: RawIntegers,
    /// # Times
    ///
    /// What times of day become: <code>text</code> (the default), written
    /// <code>12:30:00.500000</code>, which every engine reads and sorts; <code>typed</code>,
    /// Parquet's own type for times. Spark, Delta and Athena refuse a whole table that has one
    /// column of that type, and ClickHouse reads other values.
    #[serde(default)]
    pub(crate) times: RawTimes,
    /// # Nested Values
    ///
    /// What objects and arrays become whose inside the stream's schema declares: <code>typed</code>
    /// (the default), structs and lists; <code>json</code>, text columns that hold JSON,
    /// <code>_airbyte_meta</code> included. Those whose inside the schema does not declare are
    /// always JSON text. Not every engine can load structs and lists; for those take
    /// <code>json</code>.
    #[serde(default)]
    pub(crate) nested: RawNested,
    /// # Column Names
    ///
    /// What columns are called in the files: <code>original</code> (the default), as in the
    /// stream's schema; <code>safe</code>, with every character but the letters A to Z, digits and
    /// underscores replaced by an underscore, and equal names numbered. Hive, Delta and BigQuery
    /// refuse names with blanks and some other characters. The file's footer has the original
    /// names.
    #[serde(default)]
    pub(crate) column_names: RawColumnNames,
    /// # Undeclared Fields
    ///
    /// Where fields of a record go that the stream's schema does not name, also inside structs, and
    /// values that do not fit their column: <code>column</code> (the default) keeps them as JSON in
    /// a last column, <code>_airbyte_additional_properties</code>; <code>drop</code> leaves them
    /// out and reports how many there were.
    #[serde(default)]
    pub(crate) undeclared_fields: RawUndeclaredFields,
}

fn default_row_group_mb() -> u32 {
    64
}

fn default_row_group_rows() -> u32 {
    1_000_000
}

// The choices have no doc comments: schemars would make a `oneOf` of described constants, which no
// form can show.

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub(crate) enum RawDelimiter {
    #[default]
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = ";")]
    Semicolon,
    #[serde(rename = "|")]
    Bar,
    #[serde(rename = "\t")]
    Tab,
    #[serde(rename = "\\t")]
    WrittenTab,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawQuoteStyle {
    #[default]
    Minimal,
    All,
    NonNumeric,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawUndeclaredFields {
    #[default]
    Column,
    Drop,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawCodec {
    #[default]
    Snappy,
    Zstd,
    Gzip,
    Lz4Raw,
    None,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawNumbers {
    #[default]
    Double,
    Decimal,
    Text,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawIntegers {
    #[default]
    Int64,
    Decimal,
    Text,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawTimes {
    #[default]
    Text,
    Typed,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawNested {
    #[default]
    Typed,
    Json,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawColumnNames {
    #[default]
    Original,
    Safe,
}
