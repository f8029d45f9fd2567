//! The options of the formats: the rules that a schema cannot express.
//!
//! Raw format -> [`Format`] as the encoders take it, or everything that is wrong
//! ([`ConfigErrors`]).
//!
//! Invariants
//! - No option is ignored silently: an option that has no effect with another one is an error.
//!
//! Not here: names, types and bounds of single options (`schema_check`).

use crate::config::error::{ConfigError, ConfigErrors, Problems};
use crate::config::form::format::{
    RawCodec, RawColumnNames, RawCsv, RawDelimiter, RawFormat, RawIntegers, RawNested, RawNumbers,
    RawParquet, RawQuoteStyle, RawTimes, RawUndeclaredFields,
};
use crate::config::form::settings::MB;
use crate::format::{
    Codec, ColumnNames, CsvOptions, Format, Integers, Nested, Numbers, ParquetOptions, QuoteStyle,
    Times, TypeOptions, UndeclaredFields,
};

/// The default of `decimal_precision`: the most that engines support.
const DEFAULT_PRECISION: u8 = 38;
/// The default of `decimal_scale`: with 38 digits it is BigQuery's NUMERIC.
const DEFAULT_SCALE: u8 = 9;

/// Checks the options of a format.
///
/// # Errors
/// Two options that cannot be used together, or a text that would break the file.
pub(super) fn checked_format(raw: RawFormat) -> Result<Format, ConfigErrors> {
    Ok(match raw {
        RawFormat::Csv(csv) => Format::Csv { options: checked_csv(csv)?, gzip_level: None },
        RawFormat::CsvGz(both) => {
            Format::Csv { options: checked_csv(both.csv)?, gzip_level: Some(both.gzip.gzip_level) }
        }
        RawFormat::Jsonl {} => Format::Jsonl { gzip_level: None },
        RawFormat::JsonlGz(gzip) => Format::Jsonl { gzip_level: Some(gzip.gzip_level) },
        RawFormat::Parquet(parquet) => Format::Parquet { options: checked_parquet(&parquet)? },
    })
}

fn checked_csv(raw: RawCsv) -> Result<CsvOptions, ConfigError> {
    let delimiter = match raw.delimiter {
        RawDelimiter::Comma => b',',
        RawDelimiter::Semicolon => b';',
        RawDelimiter::Bar => b'|',
        RawDelimiter::Tab | RawDelimiter::WrittenTab => b'\t',
    };
    // Null is written without quotes: a character with a meaning in CSV would change what a reader
    // sees.
    let forbidden = [
        (char::from(delimiter), "the delimiter"),
        ('"', "a double quote"),
        ('\n', "a line break"),
        ('\r', "a line break"),
    ];
    if let Some((_, what)) =
        forbidden.into_iter().find(|(character, _)| raw.null_text.contains(*character))
    {
        return Err(ConfigError::NullText { what });
    }
    Ok(CsvOptions {
        delimiter,
        quote_style: match raw.quote_style {
            RawQuoteStyle::Minimal => QuoteStyle::Minimal,
            RawQuoteStyle::All => QuoteStyle::All,
            RawQuoteStyle::NonNumeric => QuoteStyle::NonNumeric,
        },
        header: raw.header,
        null_text: raw.null_text,
        column_names: column_names(raw.column_names),
        undeclared_fields: undeclared_fields(raw.undeclared_fields),
    })
}

fn column_names(raw: RawColumnNames) -> ColumnNames {
    match raw {
        RawColumnNames::Original => ColumnNames::Original,
        RawColumnNames::Safe => ColumnNames::Safe,
    }
}

fn undeclared_fields(raw: RawUndeclaredFields) -> UndeclaredFields {
    match raw {
        RawUndeclaredFields::Column => UndeclaredFields::Column,
        RawUndeclaredFields::Drop => UndeclaredFields::Drop,
    }
}

fn checked_parquet(raw: &RawParquet) -> Result<ParquetOptions, ConfigErrors> {
    let codec = checked_codec(raw.compression_codec, raw.compression_level);
    let numbers = checked_numbers(raw.numbers, raw.decimal_precision, raw.decimal_scale);
    let (codec, numbers) = both(codec, numbers)?;
    Ok(ParquetOptions {
        codec,
        row_group_bytes: u64::from(raw.row_group_mb) * MB,
        row_group_rows: raw.row_group_rows.into(),
        types: TypeOptions {
            names: column_names(raw.column_names),
            numbers,
            integers: match raw.integers {
                RawIntegers::Int64 => Integers::Int64,
                RawIntegers::Decimal => Integers::Decimal,
                RawIntegers::Text => Integers::Text,
            },
            times: match raw.times {
                RawTimes::Text => Times::Text,
                RawTimes::Typed => Times::Typed,
            },
            nested: match raw.nested {
                RawNested::Typed => Nested::Typed,
                RawNested::Json => Nested::Json,
            },
        },
        undeclared_fields: undeclared_fields(raw.undeclared_fields),
    })
}

/// Returns both values, or everything that is wrong with either.
fn both<A, B>(
    a: Result<A, ConfigError>,
    b: Result<B, ConfigError>,
) -> Result<(A, B), ConfigErrors> {
    let mut problems = Problems::default();
    let (a, b) = (problems.take(a), problems.take(b));
    problems.finish(a.zip(b))
}

fn checked_codec(codec: RawCodec, level: Option<u8>) -> Result<Codec, ConfigError> {
    let without_level = |codec, name| match level {
        None => Ok(codec),
        Some(_) => Err(ConfigError::IncompatibleOption {
            path: "format.compression_level",
            other: "format.compression_codec",
            chosen: name,
            needed: "`zstd`, `gzip`",
        }),
    };
    let level_up_to = |maximum, name| match level {
        Some(given) if !(1..=maximum).contains(&given) => {
            Err(ConfigError::CompressionLevel { codec: name, maximum, given })
        }
        Some(_) | None => Ok(level),
    };
    match codec {
        RawCodec::Snappy => without_level(Codec::Snappy, "snappy"),
        RawCodec::Zstd => Ok(Codec::Zstd { level: level_up_to(22, "zstd")?.map(i32::from) }),
        RawCodec::Gzip => Ok(Codec::Gzip { level: level_up_to(9, "gzip")?.map(u32::from) }),
        RawCodec::Lz4Raw => without_level(Codec::Lz4Raw, "lz4_raw"),
        RawCodec::None => without_level(Codec::None, "none"),
    }
}

fn checked_numbers(
    numbers: RawNumbers,
    precision: Option<u8>,
    scale: Option<u8>,
) -> Result<Numbers, ConfigError> {
    // If they were ignored silently, users would believe that their numbers are exact.
    let without_decimals = |numbers, name| {
        let options = [(precision, "format.decimal_precision"), (scale, "format.decimal_scale")];
        match options.into_iter().find(|(given, _)| given.is_some()) {
            None => Ok(numbers),
            Some((_, path)) => Err(ConfigError::IncompatibleOption {
                path,
                other: "format.numbers",
                chosen: name,
                needed: "`decimal`",
            }),
        }
    };
    match numbers {
        RawNumbers::Double => without_decimals(Numbers::Double, "double"),
        RawNumbers::Text => without_decimals(Numbers::Text, "text"),
        RawNumbers::Decimal => {
            let is_default = scale.is_none();
            let precision = precision.unwrap_or(DEFAULT_PRECISION);
            let scale = scale.unwrap_or(DEFAULT_SCALE);
            if scale > precision {
                return Err(ConfigError::DecimalScale { precision, scale, is_default });
            }
            Ok(Numbers::Decimal { precision, scale })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::tests::{parse, with};
    use crate::error::{Classified, FailureType};

    fn read(options: &Value) -> Result<Format, ConfigErrors> {
        let mut format = json!({"format_type": "parquet"});
        for (name, value) in options.as_object().unwrap() {
            format[name] = value.clone();
        }
        parse(&with(&json!({"format": format}))).map(|config| config.format)
    }

    #[test]
    fn every_parquet_option_arrives() {
        let default = ParquetOptions::default();
        let numbers =
            |numbers| ParquetOptions { types: TypeOptions { numbers, ..default.types }, ..default };
        let decimal = |precision, scale| numbers(Numbers::Decimal { precision, scale });
        let codec = |codec| ParquetOptions { codec, ..default };
        let gzip = |level| codec(Codec::Gzip { level });
        let zstd = |level| codec(Codec::Zstd { level });
        let nulls = json!({
            "compression_codec": null, "compression_level": null, "row_group_mb": null,
            "row_group_rows": null,
            "numbers": null, "decimal_precision": null, "decimal_scale": null, "integers": null,
            "times": null,
            "nested": null, "column_names": null, "undeclared_fields": null,
        });
        let written_out = json!({
            "compression_codec": "snappy", "row_group_mb": 64, "row_group_rows": 1_000_000,
            "numbers": "double",
            "integers": "int64", "times": "text", "nested": "typed", "column_names": "original",
            "undeclared_fields": "column",
        });
        let types = |types| ParquetOptions { types, ..default };
        let integers = |integers| types(TypeOptions { integers, ..default.types });
        let nested_json = TypeOptions { nested: Nested::Json, ..default.types };
        let cases = [
            (json!({}), default),
            (nulls, default),
            (written_out, default),
            (json!({"compression_codec": "zstd"}), zstd(None)),
            (json!({"compression_codec": "zstd", "compression_level": 1}), zstd(Some(1))),
            (json!({"compression_codec": "zstd", "compression_level": 22}), zstd(Some(22))),
            (json!({"compression_codec": "gzip"}), gzip(None)),
            (json!({"compression_codec": "gzip", "compression_level": 1}), gzip(Some(1))),
            (json!({"compression_codec": "gzip", "compression_level": 9}), gzip(Some(9))),
            (json!({"compression_codec": "lz4_raw"}), codec(Codec::Lz4Raw)),
            (json!({"compression_codec": "none"}), codec(Codec::None)),
            (json!({"row_group_mb": 1}), ParquetOptions { row_group_bytes: 1 << 20, ..default }),
            (json!({"row_group_mb": 1024}), ParquetOptions { row_group_bytes: 1 << 30, ..default }),
            (json!({"row_group_rows": 1000}), ParquetOptions { row_group_rows: 1000, ..default }),
            (
                json!({"row_group_rows": 10_000_000}),
                ParquetOptions { row_group_rows: 10_000_000, ..default },
            ),
            (json!({"numbers": "text"}), numbers(Numbers::Text)),
            (json!({"numbers": "decimal"}), decimal(38, 9)),
            (json!({"numbers": "decimal", "decimal_scale": 0}), decimal(38, 0)),
            (json!({"numbers": "decimal", "decimal_scale": 38}), decimal(38, 38)),
            (json!({"numbers": "decimal", "decimal_precision": 9}), decimal(9, 9)),
            (
                json!({"numbers": "decimal", "decimal_precision": 1, "decimal_scale": 0}),
                decimal(1, 0),
            ),
            (
                json!({"numbers": "decimal", "decimal_precision": 1, "decimal_scale": 1}),
                decimal(1, 1),
            ),
            (json!({"integers": "decimal"}), integers(Integers::Decimal)),
            (json!({"integers": "text"}), integers(Integers::Text)),
            (
                json!({"column_names": "safe"}),
                types(TypeOptions { names: ColumnNames::Safe, ..default.types }),
            ),
            (
                json!({"times": "typed"}),
                types(TypeOptions { times: Times::Typed, ..default.types }),
            ),
            (json!({"nested": "json"}), types(nested_json)),
            (
                json!({"undeclared_fields": "drop"}),
                ParquetOptions { undeclared_fields: UndeclaredFields::Drop, ..default },
            ),
        ];
        for (given, expected) in cases {
            let format = read(&given).unwrap_or_else(|error| panic!("{given}: {error}"));
            assert_eq!(format, Format::Parquet { options: expected }, "{given}");
        }
    }

    #[test]
    fn a_bad_parquet_option_is_refused_with_its_sentence() {
        // What follows the name of the option that is wrong.
        let cases = [
            (
                "compression_codec",
                json!({"compression_codec": "SNAPPY"}),
                "must be one of `snappy`, `zstd`, `gzip`, `lz4_raw`, `none`, but it is `SNAPPY`; \
                 did you mean `snappy`?",
            ),
            (
                "compression_level",
                json!({"compression_level": 3}),
                "cannot be used with `format.compression_codec` `snappy`, only with `zstd`, \
                 `gzip`; remove it",
            ),
            (
                "compression_level",
                json!({"compression_codec": "lz4_raw", "compression_level": 1}),
                "cannot be used with `format.compression_codec` `lz4_raw`, only with `zstd`, \
                 `gzip`; remove it",
            ),
            (
                "compression_level",
                json!({"compression_codec": "none", "compression_level": 22}),
                "cannot be used with `format.compression_codec` `none`, only with `zstd`, `gzip`; \
                 remove it",
            ),
            (
                "compression_level",
                json!({"compression_codec": "gzip", "compression_level": 10}),
                "must be from 1 to 9 with `format.compression_codec` `gzip`, but it is `10`",
            ),
            (
                "compression_level",
                json!({"compression_codec": "zstd", "compression_level": 23}),
                "must be from 1 to 22, but it is `23`",
            ),
            (
                "compression_level",
                json!({"compression_codec": "gzip", "compression_level": 0}),
                "must be from 1 to 22, but it is `0`",
            ),
            (
                "compression_level",
                json!({"compression_codec": "zstd", "compression_level": "fast"}),
                "must be an integer, but it is a string",
            ),
            ("row_group_mb", json!({"row_group_mb": 0}), "must be from 1 to 1024, but it is `0`"),
            (
                "row_group_mb",
                json!({"row_group_mb": 1025}),
                "must be from 1 to 1024, but it is `1025`",
            ),
            (
                "row_group_rows",
                json!({"row_group_rows": 999}),
                "must be from 1000 to 10000000, but it is `999`",
            ),
            (
                "row_group_rows",
                json!({"row_group_rows": 10_000_001}),
                "must be from 1000 to 10000000, but it is `10000001`",
            ),
            (
                "numbers",
                json!({"numbers": "float"}),
                "must be one of `double`, `decimal`, `text`, but it is `float`",
            ),
            (
                "decimal_precision",
                json!({"numbers": "decimal", "decimal_precision": 39}),
                "must be from 1 to 38, but it is `39`",
            ),
            (
                "decimal_precision",
                json!({"numbers": "decimal", "decimal_precision": 0, "decimal_scale": 0}),
                "must be from 1 to 38, but it is `0`",
            ),
            (
                "decimal_scale",
                json!({"numbers": "decimal", "decimal_scale": -1}),
                "must be from 0 to 38, but it is `-1`",
            ),
            (
                "decimal_scale",
                json!({"numbers": "decimal", "decimal_precision": 10, "decimal_scale": 11}),
                "must be at most `format.decimal_precision` (10), but it is `11`",
            ),
            (
                "decimal_scale",
                json!({"numbers": "decimal", "decimal_precision": 8}),
                "must be at most `format.decimal_precision` (8), but it is `9` (its default)",
            ),
            (
                "decimal_precision",
                json!({"decimal_precision": 38}),
                "cannot be used with `format.numbers` `double`, only with `decimal`; remove it",
            ),
            (
                "decimal_scale",
                json!({"decimal_scale": 9}),
                "cannot be used with `format.numbers` `double`, only with `decimal`; remove it",
            ),
            (
                "decimal_precision",
                json!({"numbers": "text", "decimal_precision": 5, "decimal_scale": 9}),
                "cannot be used with `format.numbers` `text`, only with `decimal`; remove it",
            ),
            (
                "integers",
                json!({"integers": "uint64"}),
                "must be one of `int64`, `decimal`, `text`, but it is `uint64`; did you mean \
                 `int64`?",
            ),
            ("times", json!({"times": "time"}), "must be one of `text`, `typed`, but it is `time`"),
            (
                "nested",
                json!({"nested": "flat"}),
                "must be one of `typed`, `json`, but it is `flat`",
            ),
            (
                "undeclared_fields",
                json!({"undeclared_fields": "keep"}),
                "must be one of `column`, `drop`, but it is `keep`",
            ),
            (
                "gzip_level",
                json!({"gzip_level": 6}),
                "cannot be used with `format.format_type` `parquet`, only with `csv.gz`, \
                `jsonl.gz`",
            ),
        ];
        for (option, given, expected) in cases {
            let error = read(&given).expect_err(&given.to_string());
            assert_eq!(error.to_string(), format!("`format.{option}` {expected}"), "{given}");
            assert_eq!(error.failure_type(), FailureType::Config);
        }
    }

    #[test]
    fn a_formats_name_is_its_extension_and_decides_over_type_and_compression() {
        let cases = [
            ("csv", "text/csv; charset=utf-8", None),
            ("csv.gz", "application/gzip", Some(6)),
            ("jsonl", "application/x-ndjson", None),
            ("jsonl.gz", "application/gzip", Some(6)),
            ("parquet", "application/vnd.apache.parquet", None),
        ];
        for (name, content_type, gzip_level) in cases {
            let format = parse(&with(&json!({"format": {"format_type": name}}))).unwrap().format;
            assert_eq!((format.extension(), format.content_type()), (name, content_type));
            assert_eq!(format.gzip_level(), gzip_level, "{name}");
        }
    }
}
