//! The messages about wrong settings: all at once, each with what to do.

use serde_json::{Value, json};

use super::{parse, with};
use crate::config::{Config, connector_specification};

fn messages(config: &Value) -> Vec<String> {
    messages_of(config.to_string().as_bytes())
}

fn messages_of(text: &[u8]) -> Vec<String> {
    match Config::parse(text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.all().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn all_settings_of_airbytes_own_s3_destination_are_answered_at_once() {
    let config = json!({
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "role_arn": "arn:aws:iam::111122223333:role/x",
        "s3_bucket_name": "Lake",
        "s3_bucket_path": "data_sync/test",
        "s3_bucket_region": "us-east-1",
        "s3_path_format": "${NAMESPACE}/${STREAM_NAME}/${YEAR}_${MONTH}_${DAY}_${EPOCH}_",
        "file_name_pattern": "{part_number}{format_extension}",
        "s3_bucket_key": "${NAMESPACE}/x",
        "format": {
            "format_type": "CSV", "flattening": "Root level flattening",
            "compression": {"compression_type": "GZIP"},
        },
    });
    let here = |name: &str| {
        format!("`{name}` is a field of Airbyte's own S3 destination, not of this connector: ")
    };
    let key = "folder, path and file name are one setting, `s3_bucket_key`, for example \
               `data_sync/{namespace}/{stream_name}/{year}_{month}_{day}_{part}.{extension}`";
    let expected = [
        here("access_key_id") + "put it in `authentication`, with `auth_type` `access_key`",
        here("secret_access_key") + "put it in `authentication`, with `auth_type` `access_key`",
        here("role_arn") + "put it in `authentication`, with `auth_type` `cross_account_role`",
        here("s3_bucket_path") + key,
        here("s3_path_format") + key,
        here("file_name_pattern") + key,
        "`authentication` (Authentication) is missing; it is required".to_owned(),
        "`format.format_type` must be one of `csv`, `csv.gz`, `jsonl`, `jsonl.gz`, `parquet`, but \
         it is `CSV`; did you mean `csv`?"
            .to_owned(),
        here("format.flattening")
            + "the format decides it: CSV and Parquet have a column for each top-level field, JSON \
               Lines keeps records as they are; remove it",
        here("format.compression")
            + "`format_type` decides it: `csv.gz` and `jsonl.gz` are compressed with gzip, `csv` \
               and `jsonl` are not",
        "`s3_bucket_name` must be the bare name of a bucket, but `Lake` contains the upper-case \
         letter `L`: names have lower-case letters, digits, dots and hyphens"
            .to_owned(),
        "s3_bucket_key has a `$` before a macro, which is the spelling of Airbyte's own S3 \
         destination; macros have no `$` here and are in lower case: write {namespace} for \
         ${NAMESPACE}"
            .to_owned(),
        "s3_bucket_key must contain {stream_name}, {stream_id} or {stream_run_id}, to keep the \
         streams' files apart"
            .to_owned(),
    ];
    assert_eq!(messages(&config), expected);
    let whole = parse(&config).unwrap_err().to_string();
    assert!(whole.starts_with("the settings have 13 problems:\n1. `access_key_id` is"), "{whole}");
    assert!(whole.contains("\n13. s3_bucket_key must"), "{whole}");
    assert!(!whole.contains("wJalr"), "{whole}");
}

/// No problem hides another one, wherever they are.
#[test]
fn problems_of_all_kinds_come_in_one_answer() {
    let config = json!({
        "s3_bucket_name": 7,
        "s3_bucket_region": "a b",
        "s3_bucket_key": "{yeer}/",
        "authentication": {
            "auth_type": "access_key", "access_key_id": " a", "session_token": "b\n",
            "external_id": "x",
        },
        "format": {"format_type": "parquet", "numbers": "double", "decimal_scale": 1,
            "compression_level": 3, "nested": "flat"},
        "timezone": "Europe/Berln",
        "connection_id": "a/b",
        "s3_endpoint": "minio",
        "object_tags": [{"key": "a&b", "value": ""}, 7, {"key": "aws:x", "value": "y"},
            {"key": "c"}],
        "expected_bucket_owner": "1",
        "ca_bundle": "/etc/ca.pem",
        "file_size_mb": 0,
        "server_side_encryption": {"encryption_type": "aws:kms", "kms_key_id": "a b"},
        "streams": 1,
    });
    let messages = messages(&config);
    let paths = [
        "`streams`",
        "`s3_bucket_name`",
        "`authentication.external_id`",
        "`authentication.secret_access_key`",
        "`format.nested`",
        "`file_size_mb`",
        "`object_tags[1]`",
        "`object_tags[3].value`",
        "`s3_endpoint`",
        "connection_id",
        "`s3_bucket_region`",
        "s3_bucket_key",
        "`authentication.access_key_id`",
        "`authentication.session_token`",
        "`format.compression_level`",
        "`format.decimal_scale`",
        "`timezone`",
        "`server_side_encryption.kms_key_id`",
        "`object_tags[0].key`",
        "`object_tags[2].key`",
        "`expected_bucket_owner`",
        "`ca_bundle`",
    ];
    assert_eq!(messages.len(), paths.len(), "{messages:#?}");
    for path in paths {
        assert!(
            messages.iter().any(|message| message.contains(path)),
            "{path} is not in {messages:#?}"
        );
    }
}

#[test]
fn a_name_is_suggested_only_if_one_is_near() {
    let cases = [
        (
            json!({"acess_key": 1}),
            "`acess_key` is not a known field; did you mean `authentication.access_key_id`?",
        ),
        (
            json!({"FILE_SIZE_MB": 1}),
            "`FILE_SIZE_MB` is not a known field; did you mean `file_size_mb`?",
        ),
        (
            json!({"gzip_level": 1}),
            "`gzip_level` is not a known field; did you mean `format.gzip_level`?",
        ),
        (
            json!({"xyzzy": 1}),
            "`xyzzy` is not a known field; known here: `s3_bucket_name`, `s3_bucket_region`, ",
        ),
        (
            json!({"format": {"format_type": "parqet"}}),
            "but it is `parqet`; did you mean `parquet`?",
        ),
        (json!({"format": {"format_type": "avro"}}), "`parquet`, but it is `avro`"),
        (json!({"acl": "publik-read"}), "but it is `publik-read`; did you mean `public-read`?"),
        (
            json!({"authentication": {"auth_type": "acess_key", "access_key_id": "a",
                "secret_access_key": "b"}}),
            "`default_chain`, but it is `acess_key`; did you mean `access_key`?",
        ),
        (json!({"timezone": "berlin"}), "but it is `berlin`; did you mean `Europe/Berlin`?"),
        (json!({"timezone": "utc"}), "but it is `utc`; did you mean `UTC`?"),
        (
            json!({"format": {"format_type": "parquet", "compression_codec": "UNCOMPRESSED"}}),
            "but it is `UNCOMPRESSED`; did you mean `none`?",
        ),
    ];
    for (members, expected) in cases {
        let messages = messages(&with(&members));
        assert!(messages.len() == 1 && messages[0].contains(expected), "{messages:#?}");
    }
    for given in ["+02:00", "CEST", "UTC+2", "GMT+2"] {
        let expected = format!(
            "`timezone` must be an IANA name such as `UTC` or `Europe/Berlin`, but it is `{given}`"
        );
        assert_eq!(messages(&with(&json!({"timezone": given}))), [expected]);
    }
}

#[test]
fn the_message_about_a_bucket_name_says_which_rule_it_breaks() {
    let long = "b".repeat(64);
    for (name, problem) in [
        ("", "is empty"),
        ("Lake", "contains the upper-case letter `L`"),
        ("s3://lake", "is a URL: leave out `s3://`"),
        ("lake/raw", "contains a slash: put the folder in `s3_bucket_key`"),
        ("lake ", "contains white space"),
        ("https://lake.s3.amazonaws.com", "is a URL: enter only the name of the bucket"),
        ("arn:aws:s3:::lake", "is an ARN"),
        ("a_b", "contains the character `_`"),
        ("ab", "has 2 characters"),
        (&long, "has 64 characters"),
        ("-ab", "does not begin and end with a letter or a digit"),
        ("a..b", "has two dots in a row"),
        ("192.168.5.4", "is an IP address"),
    ] {
        let messages = messages(&with(&json!({"s3_bucket_name": name})));
        assert!(messages.len() == 1 && messages[0].contains(problem), "{name}: {messages:?}");
    }
}

#[test]
fn a_duplicate_name_is_rejected() {
    let text = with(&json!({})).to_string();
    let twice = text.replacen(
        '{',
        r#"{"s3_bucket_name":"other","authentication":{"auth_type":"default_chain","auth_type":"x"},"#,
        1,
    );
    let mut messages = messages_of(twice.as_bytes());
    messages.sort();
    // Other checks use the last value of each.
    let expected = ["authentication.auth_type", "authentication", "s3_bucket_name"]
        .map(|path| format!("`{path}` is given more than once; keep one of them"));
    assert_eq!(messages, expected);
}

#[test]
fn other_formats_and_other_documents_are_recognized() {
    let gzip = b"\x1f\x8b\x08\x00\x00".to_vec();
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            b"s3_bucket_name: lake\n".to_vec(),
            "the configuration is not JSON: it looks like YAML; write it as JSON",
        ),
        (gzip, "the configuration is not JSON: it is compressed with gzip; decompress it first"),
        (utf16, "the configuration is not JSON: it is UTF-16 text; save it as UTF-8"),
        (
            b"{\"streams\":[]}".to_vec(),
            "the settings file holds a catalog: are --config and --catalog swapped?",
        ),
        (
            b"{\"type\":\"CATALOG\",\"catalog\":{}}".to_vec(),
            "the settings file holds a catalog: are --config and --catalog swapped?",
        ),
        (
            b"{\"configuration\":{\"s3_bucket_name\":\"lake\"}}".to_vec(),
            "the settings file holds the settings inside another object: pass only the inner \
             object",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(messages_of(&text), [expected]);
    }
    let spec = json!({"type": "SPEC", "spec": connector_specification()});
    assert!(messages(&spec)[0].contains("the output of `spec`"));
}

#[test]
fn a_byte_order_mark_is_ignored() {
    let text = ["\u{feff}", &with(&json!({})).to_string()].concat();
    assert_eq!(messages_of(text.as_bytes()), [""; 0]);
}

#[test]
fn an_empty_string_in_an_optional_field_means_absent() {
    let schema = connector_specification();
    let fields = schema["connectionSpecification"]["properties"].as_object().unwrap();
    let absent = parse(&with(&json!({}))).unwrap();
    for name in
        fields.keys().filter(|name| !["s3_bucket_name", "authentication"].contains(&name.as_str()))
    {
        let config =
            parse(&with(&json!({ name: "" }))).unwrap_or_else(|error| panic!("{name}: {error}"));
        if name == "s3_bucket_region" {
            assert_eq!(config, Config { region: None, ..absent.clone() });
        } else {
            assert_eq!(config, absent, "{name}");
        }
    }
    let formats = fields["format"]["oneOf"].as_array().unwrap();
    for form in formats {
        let form = form["properties"].as_object().unwrap();
        let kind = &form["format_type"]["const"];
        let plain = parse(&with(&json!({"format": {"format_type": kind}}))).unwrap();
        for name in form.keys().filter(|name| *name != "format_type") {
            let config = parse(&with(&json!({"format": {"format_type": kind, name: ""}})));
            assert_eq!(config.unwrap(), plain, "{name}");
        }
        // Fields of a format that was chosen before.
        for name in formats.iter().flat_map(|form| form["properties"].as_object().unwrap().keys()) {
            if name != "format_type" {
                let config = parse(&with(&json!({"format": {"format_type": kind, name: ""}})));
                assert_eq!(config.unwrap(), plain, "{kind}: {name}");
            }
        }
    }
    let key = json!({"auth_type": "access_key", "access_key_id": "a", "secret_access_key": "b",
        "role_arn": ""});
    assert!(parse(&with(&json!({"authentication": key}))).is_ok());
    let unknown = messages(&with(&json!({"no_such_field": ""})));
    assert!(unknown.len() == 1 && unknown[0].contains("is not a known field"), "{unknown:?}");
}

/// Platforms validate settings against the schema before the connector sees them.
#[test]
fn the_schema_accepts_an_empty_string_in_every_optional_field_with_a_pattern() {
    let specification = connector_specification();
    let schema = &specification["connectionSpecification"];
    let required = schema["required"].as_array().unwrap();
    let mut fields = 0;
    for (name, field) in schema["properties"].as_object().unwrap() {
        if field.get("pattern").is_some() && !required.contains(&json!(name)) {
            assert!(jsonschema::is_valid(field, &json!("")), "{name}");
            fields += 1;
        }
    }
    assert!(fields >= 4, "{fields}");
}

#[test]
fn a_wrong_extension_and_a_mistyped_region_cause_warnings() {
    let notes = |members: &Value| parse(&with(members)).unwrap().warnings();
    let csv = json!({"format_type": "csv"});
    assert_eq!(
        notes(&json!({"s3_bucket_key": "{stream_name}.csv.gz", "format": csv})),
        ["`s3_bucket_key` ends keys in `.csv.gz`, but files are `csv` (`format_type`), and many \
             readers rely on the extension: use `.{extension}`"]
    );
    assert_eq!(notes(&json!({"s3_bucket_key": "{stream_name}.csv", "format": csv})), [""; 0]);
    assert_eq!(
        notes(&json!({"s3_bucket_region": "us-eats-1"})),
        ["`s3_bucket_region` is `us-eats-1`, which is not an AWS region; did you mean \
             `us-east-1`?"]
    );
}

#[test]
fn text_that_is_not_json_is_located() {
    let cases: [(&[u8], &str); 4] = [
        (b"", "the configuration is not JSON: it is empty"),
        (
            b"{\n  \"s3_bucket_name\" \"x\"",
            "the configuration is not JSON: a colon is expected after a JSON member name at line \
             2, column 20",
        ),
        (
            b"{\"secret_access_key\": \"\xff\"}",
            "the configuration is not JSON: the text is not UTF-8 at line 1, column 24",
        ),
        (b"null", "the configuration must be a JSON object, but it is null"),
    ];
    for (text, expected) in cases {
        assert_eq!(Config::parse(text).unwrap_err().to_string(), expected);
    }
}
