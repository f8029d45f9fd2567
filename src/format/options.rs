//! What a file is made of: the checked choices that the encoders take.
//!
//! `config` makes these from the user's settings; nothing here reads settings.

use super::column_names::ColumnNames;

use super::metadata::{EXTRACTED_AT, GENERATION_ID, METADATA_NAMES, RAW_ID};

/// A file format with its options. The five names of the vendor page are its extensions.
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
    /// Parquet, whose pages are compressed by themselves.
    Parquet {
        /// How columns are typed and row groups made.
        options: ParquetOptions,
    },
}

impl Format {
    /// The value of `{extension}`, without a leading dot.
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

    /// The options of Parquet.
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

    /// The object's Content-Type. A `.gz` object is a gzip file, not a text with a
    /// Content-Encoding: clients that undo encodings would hand readers bytes that do not match the
    /// name.
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

/// How a CSV file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// One ASCII byte between fields.
    pub delimiter: u8,
    /// Which fields are quoted.
    pub quote_style: QuoteStyle,
    /// Whether a file begins with the column names.
    pub header: bool,
    /// What stands for null; empty by default (an empty string is then `""`).
    pub null_text: String,
    /// What the header calls the columns.
    pub column_names: ColumnNames,
    /// What becomes of fields that the stream's schema does not name.
    pub undeclared_fields: UndeclaredFields,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote_style: QuoteStyle::Minimal,
            header: true,
            null_text: String::new(),
            column_names: ColumnNames::Original,
            undeclared_fields: UndeclaredFields::Column,
        }
    }
}

/// How a Parquet file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParquetOptions {
    /// What pages are compressed with.
    pub codec: Codec,
    /// A row group ends when its decoded rows take this much memory, in bytes...
    pub row_group_bytes: u64,
    /// ... or when it has this many rows, whichever comes first.
    pub row_group_rows: u64,
    /// How schemas become types.
    pub types: TypeOptions,
    /// What becomes of fields that the stream's schema does not name.
    pub undeclared_fields: UndeclaredFields,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            codec: Codec::Snappy,
            row_group_bytes: 64 * 1024 * 1024,
            row_group_rows: 1_000_000,
            types: TypeOptions::DEFAULT,
            undeclared_fields: UndeclaredFields::Column,
        }
    }
}

/// How pages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Snappy.
    Snappy,
    /// Zstandard.
    Zstd {
        /// 1 (fast) to 22 (small); what the library takes by itself when absent.
        level: Option<i32>,
    },
    /// Gzip.
    Gzip {
        /// 1 (fast) to 9 (small); what the library takes by itself when absent.
        level: Option<u32>,
    },
    /// LZ4 without a frame, which is the one that all readers agree on.
    Lz4Raw,
    /// None.
    None,
}

/// How schemas become columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeOptions {
    /// What columns and members are called.
    pub names: ColumnNames,
    /// What numbers with a fraction become.
    pub numbers: Numbers,
    /// What integers become.
    pub integers: Integers,
    /// What times of day become.
    pub times: Times,
    /// What objects and arrays become.
    pub nested: Nested,
}

impl TypeOptions {
    /// What the settings mean where they say nothing.
    pub const DEFAULT: Self = Self {
        names: ColumnNames::Original,
        numbers: Numbers::Double,
        integers: Integers::Int64,
        times: Times::Text,
        nested: Nested::Typed,
    };
}

impl Default for TypeOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a JSON `number` becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// A double: 15 digits always, 17 at most.
    Double,
    /// An exact decimal.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// Text, digit for digit.
    Text,
}

/// What a JSON `integer` becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integers {
    /// A signed integer of 64 bits.
    Int64,
    /// An exact decimal of 38 digits.
    Decimal,
    /// Text, of any length.
    Text,
}

/// What a time of day becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Text of a fixed width. Spark, Delta, Databend and Athena refuse the whole file for one
    /// column of Parquet's own type; ClickHouse shows another value.
    Text,
    /// Parquet's own type.
    Typed,
}

/// What objects and arrays with a declared inside become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nested {
    /// Structs and lists.
    Typed,
    /// JSON text.
    Json,
}

/// Which CSV fields are quoted. Nulls never are: that is how readers tell null from an empty
/// string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteStyle {
    /// Only where the text needs it, the empty string, and texts that some readers change where
    /// they are not quoted.
    Minimal,
    /// Every value that is not null.
    All,
    /// Every value that is neither null nor a JSON number.
    NonNumeric,
}

/// What becomes of a record's fields that the stream's schema does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndeclaredFields {
    /// Kept as JSON text in a last column, `_airbyte_additional_properties`.
    Column,
    /// Left out, and counted.
    Drop,
}

/// Whether rows carry the `_airbyte_*` columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataColumns {
    /// `_airbyte_raw_id`, `_airbyte_extracted_at`, `_airbyte_generation_id`, `_airbyte_meta`.
    All,
    /// The same without `_airbyte_meta`, for readers that cannot read its quoted JSON.
    Ids,
    /// The record's own fields only.
    None,
}

impl MetadataColumns {
    /// The names of the columns, in their order.
    #[must_use]
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::All => &METADATA_NAMES,
            Self::Ids => &[RAW_ID, EXTRACTED_AT, GENERATION_ID],
            Self::None => &[],
        }
    }
}
