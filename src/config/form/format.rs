//! The options of the formats as the user writes them: `format` of the configuration.
//!
//! As in `settings`, doc comments are what the form shows, in this order.
//!
//! Invariants
//! - An option that can be used only with some values of another one is an `Option` without a
//!   default. Forms fill in defaults, and a default that a form filled in looks like a value that
//!   the user chose.
//!
//! Not here: rules that involve two options (`checked::format`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What files are, chosen by `format_type`. The names are the values of `{extension}`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "format_type")]
pub(crate) enum RawFormat {
    /// # CSV
    ///
    /// Comma-separated values, uncompressed.
    #[serde(rename = "csv")]
    Csv(RawCsv),
    /// # CSV, gzip
    ///
    /// Comma-separated values, compressed with gzip.
    #[serde(rename = "csv.gz")]
    CsvGz(RawCsvGz),
    /// # JSON Lines
    ///
    /// One JSON object per line, uncompressed.
    #[serde(rename = "jsonl")]
    Jsonl {},
    /// # JSON Lines, gzip
    ///
    /// One JSON object per line, compressed with gzip.
    #[serde(rename = "jsonl.gz")]
    JsonlGz(RawGzip),
    /// # Parquet
    ///
    /// Typed and compressed columns, for query engines.
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
    /// which can also be written as <code>\t</code>. Values that contain it are quoted.
    pub(crate) delimiter: RawDelimiter,
    /// # Quote Style
    ///
    /// Which values are quoted. <code>minimal</code> (the default) quotes values that need it,
    /// empty strings, and strings that some readers change if they are not quoted (with a space at
    /// either end, with <code>'</code> or <code>#</code> at the beginning, <code>NULL</code>,
    /// <code>\N</code>, <code>\.</code>). <code>all</code> quotes every value.
    /// <code>non_numeric</code> quotes every value that is not a number. Nulls are never quoted, so
    /// that readers can tell them from empty strings. In a file with a single column, both are
    /// written as <code>""</code>, because readers skip blank lines.
    pub(crate) quote_style: RawQuoteStyle,
    /// # Header
    ///
    /// Whether every file begins with a line of column names. The default is true. Without a
    /// header, readers must know the columns, which change when the stream's schema does.
    pub(crate) header: bool,
    /// # Null Text
    ///
    /// The text that is written for null, for example <code>\N</code> or <code>NULL</code>. The
    /// default is nothing at all. It must not contain the delimiter, a double quote or a line
    /// break.
    #[schemars(example = &"NULL", example = "\\N")]
    pub(crate) null_text: String,
    /// # Column Names
    ///
    /// The names of the columns in the files. <code>original</code> (the default) uses the names of
    /// the stream's schema. <code>safe</code> replaces every character other than the letters A to
    /// Z, digits and underscores with an underscore, and numbers names that become equal; choose it
    /// for Hive, Delta and BigQuery, which reject names with spaces and some other characters.
    pub(crate) column_names: RawColumnNames,
    /// # Undeclared Fields
    ///
    /// What happens to fields that the stream's schema does not declare. <code>column</code> (the
    /// default) keeps them as JSON in a last column, <code>_airbyte_additional_properties</code>.
    /// <code>drop</code> omits them and reports how many there were.
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
    /// The compression level, from 1 (fastest, largest files) to 9 (slowest, smallest files). The
    /// default is 6. Higher levels take much more time and save little.
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
    /// How columns are compressed. <code>snappy</code> (the default) is fast, and every engine
    /// reads it. <code>zstd</code> and <code>gzip</code> produce smaller files and take longer to
    /// write. <code>lz4_raw</code> is fast, but some engines cannot read it. <code>none</code> does
    /// not compress.
    #[serde(default)]
    pub(crate) compression_codec: RawCodec,
    /// # Compression Level
    ///
    /// The level of the codec, from 1 (fastest, largest files) to 22 for <code>zstd</code> and to 9
    /// for <code>gzip</code>, for example 6. If you leave it empty, it is 1 for <code>zstd</code>
    /// and 6 for <code>gzip</code>. Leave it empty for all other codecs, which have no levels.
    #[schemars(range(min = 1, max = 22), example = 6)]
    pub(crate) compression_level: Option<u8>,
    /// # Row Group Size (MB)
    ///
    /// A row group ends when its rows take this much memory before compression, for example 64 (the
    /// default); in the file it is smaller. 1 MB is 1,048,576 bytes. Engines read a row group as a
    /// whole, one per thread: small row groups are slower to read, large ones take more memory,
    /// here and in the engine.
    #[serde(default = "default_row_group_mb")]
    #[schemars(range(min = 1, max = 1024), example = 64)]
    pub(crate) row_group_mb: u32,
    /// # Row Group Rows
    ///
    /// A row group ends when it has this many rows, unless its size ends it first. The default is
    /// 1,000,000.
    #[serde(default = "default_row_group_rows")]
    #[schemars(range(min = 1000, max = 10_000_000), example = 1_000_000)]
    pub(crate) row_group_rows: u32,
    /// # Numbers
    ///
    /// The type of numbers that are not integers. <code>double</code> (the default) keeps 15 digits
    /// of any number and records in <code>_airbyte_meta</code> where digits were lost.
    /// <code>decimal</code> is exact up to the precision and scale below. <code>text</code> keeps
    /// every digit, but engines must convert it before they can calculate. Integers are not
    /// affected.
    #[serde(default)]
    pub(crate) numbers: RawNumbers,
    /// # Decimal Precision
    ///
    /// The total number of digits of a decimal, from 1 to 38, for example 20. Set it only if
    /// Numbers is <code>decimal</code>; if you leave it empty, it is 38. A number with more digits
    /// before the decimal point than precision minus scale becomes null, which is recorded in
    /// <code>_airbyte_meta</code>.
    #[schemars(range(min = 1, max = 38), example = 38)]
    pub(crate) decimal_precision: Option<u8>,
    /// # Decimal Scale
    ///
    /// The number of digits after the decimal point, at most the precision, for example 2. Set it
    /// only if Numbers is <code>decimal</code>; if you leave it empty, it is 9. Further digits are
    /// cut off, which is recorded in <code>_airbyte_meta</code>.
    #[schemars(range(min = 0, max = 38), example = 9)]
    pub(crate) decimal_scale: Option<u8>,
    /// # Integers
    ///
    /// The type of integers. <code>int64</code> (the default) holds values up to
    /// 9,223,372,036,854,775,807. <code>decimal</code> is exact up to 38 digits; choose it for
    /// unsigned 64-bit integers. <code>text</code> holds integers of any length, but engines must
    /// convert it before they can calculate.
    #[serde(default)]
    pub(crate) integers: RawIntegers,
    /// # Times
    ///
    /// The type of times of day. <code>text</code> (the default) writes them as
    /// <code>12:30:00.500000</code>, which every engine reads and sorts correctly.
    /// <code>typed</code> uses Parquet's own type for times; Spark, Delta and Athena reject a whole
    /// table with one column of that type, and ClickHouse reads wrong values.
    #[serde(default)]
    pub(crate) times: RawTimes,
    /// # Nested Values
    ///
    /// The type of objects and arrays whose contents the stream's schema declares.
    /// <code>typed</code> (the default) writes structs and lists. <code>json</code> writes text
    /// columns that contain JSON, also for <code>_airbyte_meta</code>; choose it for engines that
    /// cannot load structs and lists. Objects and arrays whose contents are not declared are always
    /// JSON text.
    #[serde(default)]
    pub(crate) nested: RawNested,
    /// # Column Names
    ///
    /// The names of the columns in the files. <code>original</code> (the default) uses the names of
    /// the stream's schema. <code>safe</code> replaces every character other than the letters A to
    /// Z, digits and underscores with an underscore, and numbers names that become equal; choose it
    /// for Hive, Delta and BigQuery, which reject names with spaces and some other characters. The
    /// footer of the file keeps the original names.
    #[serde(default)]
    pub(crate) column_names: RawColumnNames,
    /// # Undeclared Fields
    ///
    /// What happens to fields that the stream's schema does not declare, also inside structs, and
    /// to values that do not fit their column. <code>column</code> (the default) keeps them as JSON
    /// in a last column, <code>_airbyte_additional_properties</code>. <code>drop</code> omits them
    /// and reports how many there were.
    #[serde(default)]
    pub(crate) undeclared_fields: RawUndeclaredFields,
}

fn default_row_group_mb() -> u32 {
    64
}

fn default_row_group_rows() -> u32 {
    1_000_000
}

// The choices have no doc comments: schemars would generate a `oneOf` of described constants, which
// forms cannot show.

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
