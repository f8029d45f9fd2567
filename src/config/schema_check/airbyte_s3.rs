//! The settings of Airbyte's own S3 destination, and what to use here instead.
//!
//! Path and name of an unknown field -> advice. From the documented settings of that connector,
//! versions 0.1 to 1.9.

/// Returns what to use instead of the field `name` of the object at `path` (empty at the top).
pub(crate) fn replacement(path: &str, name: &str) -> Option<&'static str> {
    TABLE.iter().find(|(at, known, _)| (*at, *known) == (path, name)).map(|(_, _, advice)| *advice)
}

/// Returns what to use instead of the string `value` of the field at `path`.
pub(crate) fn value(path: &str, value: &str) -> Option<&'static str> {
    match (path, value) {
        ("format.compression_codec", "UNCOMPRESSED") => Some("none"),
        _ => None,
    }
}

const KEY: &str = "folder, path and file name are one setting, `s3_bucket_key`, for example \
     `data_sync/{namespace}/{stream_name}/{year}_{month}_{day}_{part}.{extension}`";
const GZIP: &str = "`format_type` decides it: `csv.gz` and `jsonl.gz` are compressed with gzip, \
                    `csv` and `jsonl` are not";
const FIXED: &str = "there is no such setting; remove it";

const TABLE: &[(&str, &str, &str)] = &[
    ("", "s3_bucket_path", KEY),
    ("", "s3_path_format", KEY),
    ("", "file_name_pattern", KEY),
    ("", "access_key_id", "put it in `authentication`, with `auth_type` `access_key`"),
    ("", "secret_access_key", "put it in `authentication`, with `auth_type` `access_key`"),
    ("", "role_arn", "put it in `authentication`, with `auth_type` `cross_account_role`"),
    ("", "external_id", "put it in `authentication`, with `auth_type` `cross_account_role`"),
    (
        "",
        "part_size_mb",
        "the size of parts is not a setting; remove it. `file_size_mb` is the size of files",
    ),
    ("", "file_naming_pattern", KEY),
    ("format", "flattening", FLATTENING),
    ("format", "compression", GZIP),
    ("format", "compression_type", GZIP),
    ("format", "block_size_mb", "use `row_group_mb`"),
    ("format", "max_padding_size_mb", FIXED),
    ("format", "page_size_kb", FIXED),
    ("format", "dictionary_page_size_kb", FIXED),
    ("format", "dictionary_encoding", FIXED),
    (
        "format",
        "part_size_mb",
        "the size of parts is not a setting; remove it. `file_size_mb` is the size of files",
    ),
    ("format", "include_checksum", FIXED),
    ("format", "unexpected_field_behavior", "use `undeclared_fields`"),
    ("format", "flatten_data", FLATTENING),
];

const FLATTENING: &str = "the format decides it: CSV and Parquet have a column for each top-level \
                          field, JSON Lines keeps records as they are; remove it";
