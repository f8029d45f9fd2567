//! The schema as the platform sees it, the examples, and what must hold for any text whatsoever.

mod messages;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::form::schema::configuration_schema;
use crate::error::{Classified, Failure, FailureType};
use crate::format::{
    ColumnNames, CsvOptions, Format, MetadataColumns, QuoteStyle, UndeclaredFields,
};
use crate::key::KeyTemplate;
use crate::store::{CannedAcl, Checksum, Encryption, ObjectOptions, StorageClass, Tag};

fn in_spec(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec").join(path)
}

/// The JSON files of a folder of `spec/`, with their names.
fn json_files(folder: &str) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = fs::read_dir(in_spec(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

#[allow(clippy::disallowed_methods, reason = "a switch of this test, which no stage sees")]
fn golden_is_to_be_written() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}

pub(crate) fn parse(config: &Value) -> Result<Config, ConfigErrors> {
    Config::parse(config.to_string().as_bytes())
}

/// A configuration that is taken, with some members replaced.
pub(crate) fn with(members: &Value) -> Value {
    let mut config = json!({
        "s3_bucket_name": "acme-raw-data",
        "s3_bucket_region": "us-east-1",
        "authentication": {
            "auth_type": "access_key",
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        },
    });
    for (name, value) in members.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

#[test]
fn the_golden_spec_is_what_is_generated() {
    let message = json!({ "type": "SPEC", "spec": connector_specification() });
    let generated = serde_json::to_string_pretty(&message).unwrap() + "\n";
    let path = in_spec("spec.json");
    if golden_is_to_be_written() {
        fs::write(&path, &generated).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    assert!(
        golden == generated,
        "spec/spec.json differs; look at the change after `UPDATE_GOLDEN=1 cargo test golden`"
    );
}

#[test]
fn the_schema_keeps_the_forms_conventions() {
    let schema = configuration_schema();
    assert!(jsonschema::meta::validate(schema).is_ok());
    let text = schema.to_string();
    // The first is looked for with its quotes: `null` is a word of the help texts.
    for absent in
        ["\"null\"", "$ref", "definitions", "uint", "additionalProperties", "anyOf", "allOf"]
    {
        assert!(!text.contains(absent), "{absent}");
    }
    let groups: Vec<_> =
        schema["groups"].as_array().unwrap().iter().map(|group| &group["id"]).collect();
    for (name, field) in schema["properties"].as_object().unwrap() {
        assert!(groups.contains(&&field["group"]), "{name}");
    }
    check_fields("", schema);
}

fn check_fields(path: &str, form: &Value) {
    for (order, (name, field)) in form["properties"].as_object().unwrap().iter().enumerate() {
        let path = format!("{path}.{name}");
        assert_eq!(field["order"], order, "{path}");
        if field.get("const").is_some() {
            assert_eq!((order, field["type"].as_str()), (0, Some("string")), "{path}");
            assert_eq!(form["required"][0], *name, "{path}");
            continue;
        }
        assert!(field["title"].is_string() && field["description"].is_string(), "{path}");
        let secret =
            ["access_key_id", "secret_access_key", "session_token"].contains(&name.as_str());
        assert_eq!(field.get("airbyte_secret").is_some(), secret, "{path}");
        let required =
            form["required"].as_array().is_some_and(|required| required.contains(&json!(name)));
        let default = field.get("default");
        let optional = [
            "s3_bucket_region",
            "external_id",
            "kms_key_id",
            "bucket_key",
            "storage_class",
            "acl",
            "expected_bucket_owner",
            "ca_bundle",
            "connection_id",
            "s3_endpoint",
            "memory_limit_mb",
            "session_token",
            "compression_level",
            "decimal_precision",
            "decimal_scale",
        ];
        let optional = optional.contains(&name.as_str());
        assert_eq!(!required && !optional, default.is_some(), "{path}");
        if let Some(default) = default {
            assert!(jsonschema::is_valid(field, default), "{path}");
        }
        for example in field.get("examples").and_then(Value::as_array).into_iter().flatten() {
            assert!(jsonschema::is_valid(field, example), "{path}");
        }
        assert_eq!(
            field.get("pattern").is_some(),
            field.get("pattern_descriptor").is_some(),
            "{path}"
        );
        if let Some(options) = field.get("oneOf").and_then(Value::as_array) {
            assert!(field["type"] == "object" && field["display_type"].is_string(), "{path}");
            for option in options {
                assert!(option["type"] == "object" && option["title"].is_string(), "{path}");
                let (_, first) = option["properties"].as_object().unwrap().iter().next().unwrap();
                assert!(first["const"].is_string(), "{path}");
                check_fields(&path, option);
            }
        }
    }
}

#[test]
fn the_help_of_the_key_names_just_the_known_macros() {
    let help =
        configuration_schema()["properties"]["s3_bucket_key"]["description"].as_str().unwrap();
    let refusal = KeyTemplate::parse("{stream_name}{?}").unwrap_err().to_string();
    let macros = |text: &str| -> Vec<String> {
        let mut names: Vec<String> = text
            .split('{')
            .filter_map(|after| after.split_once('}'))
            .map(|(name, _)| name.to_owned())
            .filter(|name| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            })
            .collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(macros(help), macros(&refusal));
}

#[test]
fn every_example_fits_the_schema_and_is_taken() {
    let validator = jsonschema::validator_for(configuration_schema()).unwrap();
    let files = json_files("examples");
    assert!(files.len() >= 6, "{files:?}");
    for (name, path) in files {
        let text = fs::read(path).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&serde_json::from_slice(&text).unwrap())
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let config = Config::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(config.warnings().is_empty(), "{name}");
    }
}

#[test]
fn every_bad_example_is_refused_with_its_message() {
    let files = json_files("examples/invalid");
    assert!(files.len() >= 30, "{files:?}");
    for (name, path) in files {
        let error = Config::parse(&fs::read(&path).unwrap()).expect_err(&name);
        assert_eq!(error.failure_type(), FailureType::Config);
        let message = path.with_extension("txt");
        if golden_is_to_be_written() {
            fs::write(&message, format!("{error}\n")).unwrap();
        }
        assert_eq!(
            format!("{error}\n"),
            fs::read_to_string(&message).unwrap_or_default(),
            "{name}"
        );
    }
}

#[test]
fn absent_and_null_members_have_their_defaults() {
    let nulls = json!({
        "s3_bucket_key": null, "format": null, "file_size_mb": null, "checkpoint_interval_seconds": null,
        "metadata_columns": null, "timezone": null, "connection_id": null, "s3_endpoint": null,
        "s3_path_style": null, "server_side_encryption": null, "storage_class": null, "object_tags": null, "acl": null,
        "expected_bucket_owner": null, "checksum": null, "ca_bundle": null, "memory_limit_mb": null, "no_such_field": null,
    });
    for config in [with(&json!({})), with(&nulls)] {
        let config = parse(&config).unwrap();
        assert_eq!(config.bucket, "acme-raw-data");
        assert_eq!(config.region.as_deref(), Some("us-east-1"));
        let template = "{namespace}/{stream_name}/{iso_date}/{date_time}_{part}.{extension}";
        assert_eq!(config.template, KeyTemplate::parse(template).unwrap());
        let SignIn::AccessKey(key) = &config.sign_in else { panic!("{config:?}") };
        assert_eq!(key.access_key_id, "AKIAIOSFODNN7EXAMPLE");
        assert_eq!(key.secret_access_key.expose(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        assert_eq!(key.session_token, None);
        assert_eq!(
            (&config.objects, config.checksum),
            (&ObjectOptions::default(), Checksum::Crc32)
        );
        assert_eq!((&config.bucket_owner, &config.ca_bundle), (&None, &None));
        assert_eq!(config.format, Format::Jsonl { gzip_level: Some(6) });
        assert_eq!(config.metadata_columns, MetadataColumns::All);
        assert_eq!(config.file_size_bytes, 256 * 1024 * 1024);
        assert_eq!(config.checkpoint_interval, Duration::from_secs(60));
        assert_eq!(config.timezone, chrono_tz::UTC);
        assert_eq!((config.connection_id, config.endpoint), (None, None));
        assert_eq!((config.path_style, config.memory_limit_bytes), (false, None));
    }
    let csv = parse(&with(&json!({"format": {"format_type": "csv.gz", "header": null}}))).unwrap();
    assert_eq!(csv.format, Format::Csv { options: CsvOptions::default(), gzip_level: Some(6) });
}

#[test]
fn every_way_to_sign_in_and_every_option_of_s3_arrives() {
    let example =
        |name: &str| Config::parse(&fs::read(in_spec("examples").join(name)).unwrap()).unwrap();
    let config = example("role_all_s3_options.json");
    let arn = "arn:aws:iam::111122223333:role/data/lake-writer".to_owned();
    let external_id = Some("f52c7268-2359-567a-f5e8-83c536cb4de8".to_owned());
    assert_eq!(config.sign_in, SignIn::Role(Role { arn, external_id }));
    assert_eq!(config.region, None);
    let key = Some(
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".to_owned(),
    );
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    assert_eq!(
        config.objects,
        ObjectOptions {
            encryption: Encryption::Kms { key, bucket_key: Some(true) },
            storage_class: Some(StorageClass::StandardIa),
            tags: vec![tag("team", "data"), tag("cost centre", "")],
            acl: Some(CannedAcl::BucketOwnerFullControl),
        }
    );
    assert_eq!(config.bucket_owner.as_deref(), Some("111122223333"));
    assert_eq!(config.checksum, Checksum::Crc64Nvme);
    assert!(config.ca_bundle.is_some());

    let config = example("default_chain_endpoint.json");
    assert_eq!(config.sign_in, SignIn::DefaultChain);
    assert_eq!(config.checksum, Checksum::None, "auto, and the store is not AWS");
    let private =
        with(&json!({"s3_endpoint": "https://bucket.vpce-1a.s3.eu-west-1.vpce.amazonaws.com"}));
    assert_eq!(parse(&private).unwrap().checksum, Checksum::Crc32);
    let empty = with(&json!({
        "s3_bucket_region": "", "expected_bucket_owner": "", "ca_bundle": "", "connection_id": "", "s3_endpoint": "",
        "storage_class": "", "acl": "",
        "authentication": {
            "auth_type": "access_key", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "session_token": "",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        },
    }));
    let absent = Config { region: None, ..parse(&with(&json!({}))).unwrap() };
    assert_eq!(
        parse(&empty).unwrap(),
        absent,
        "a form sends an empty text for what nobody filled in"
    );
    let role = json!({ "auth_type": "cross_account_role", "role_arn": "arn:aws:iam::111122223333:role/x", "external_id": "" });
    let config = parse(&with(&json!({ "authentication": role }))).unwrap();
    assert!(matches!(config.sign_in, SignIn::Role(Role { external_id: None, .. })));
    for (written, meant) in [
        (json!({"encryption_type": "AES256"}), Encryption::Aes256),
        (json!({"encryption_type": "aws:kms"}), Encryption::Kms { key: None, bucket_key: None }),
        (
            json!({"encryption_type": "aws:kms:dsse", "kms_key_id": ""}),
            Encryption::KmsDsse { key: None },
        ),
    ] {
        let config = parse(&with(&json!({"server_side_encryption": written}))).unwrap();
        assert_eq!(config.objects.encryption, meant);
    }
    for (written, meant) in [
        ("STANDARD", StorageClass::Standard),
        ("ONEZONE_IA", StorageClass::OneZoneIa),
        ("INTELLIGENT_TIERING", StorageClass::IntelligentTiering),
        ("GLACIER_IR", StorageClass::GlacierIr),
    ] {
        let config = parse(&with(&json!({"storage_class": written}))).unwrap();
        assert_eq!(config.objects.storage_class, Some(meant));
    }
    for (written, meant) in [
        ("private", CannedAcl::Private),
        ("public-read", CannedAcl::PublicRead),
        ("authenticated-read", CannedAcl::AuthenticatedRead),
        ("bucket-owner-read", CannedAcl::BucketOwnerRead),
    ] {
        let config = parse(&with(&json!({"acl": written}))).unwrap();
        assert_eq!(config.objects.acl, Some(meant));
        assert_eq!(
            config.warnings().len(),
            usize::from(written.ends_with("ed-read") || written == "public-read")
        );
    }
}

#[test]
fn every_option_arrives() {
    let config =
        Config::parse(&fs::read(in_spec("examples/csv_all_options.json")).unwrap()).unwrap();
    let options = CsvOptions {
        delimiter: b'\t',
        quote_style: QuoteStyle::NonNumeric,
        header: false,
        null_text: "\\N".to_owned(),
        column_names: ColumnNames::Safe,
        undeclared_fields: UndeclaredFields::Drop,
    };
    assert_eq!(config.format, Format::Csv { options, gzip_level: None });
    assert!(matches!(&config.sign_in, SignIn::AccessKey(key) if key.session_token.is_some()));
    assert_eq!(config.metadata_columns, MetadataColumns::None);
    assert_eq!(config.file_size_bytes, 64 * 1024 * 1024);
    assert_eq!(config.checkpoint_interval, Duration::ZERO);
    assert_eq!(config.connection_id.as_deref(), Some("f52c7268-2359-567a-f5e8-83c536cb4de8"));
    assert_eq!(config.memory_limit_bytes, Some(512 * 1024 * 1024));
    for (written, meant) in [(",", b','), (";", b';'), ("|", b'|'), ("\t", b'\t'), ("\\t", b'\t')] {
        let config =
            parse(&with(&json!({"format": {"format_type": "csv", "delimiter": written}}))).unwrap();
        assert_eq!(
            config.format,
            Format::Csv {
                options: CsvOptions { delimiter: meant, ..CsvOptions::default() },
                gzip_level: None
            }
        );
    }
    // To JSON Schema this is an integer.
    assert_eq!(
        parse(&with(&json!({"file_size_mb": 64.0}))).unwrap().file_size_bytes,
        64 * 1024 * 1024
    );
}

#[test]
fn path_style_and_warnings_follow_endpoint_and_template() {
    let cases = [
        (json!({}), false, 0),
        (json!({"s3_path_style": "on"}), true, 0),
        (json!({"s3_endpoint": "https://minio.example.com"}), true, 0),
        (json!({"s3_endpoint": "https://minio.example.com", "s3_path_style": "off"}), false, 0),
        (json!({"s3_endpoint": "http://minio.example.com", "s3_path_style": "auto"}), true, 1),
        (json!({"s3_endpoint": "http://127.0.0.1:9000"}), true, 0),
        (json!({"s3_bucket_key": "{stream_name}/{part}"}), false, 1),
    ];
    for (members, path_style, warnings) in cases {
        let config = parse(&with(&members)).unwrap();
        assert_eq!(
            (config.path_style, config.warnings().len()),
            (path_style, warnings),
            "{members}"
        );
    }
}

#[test]
fn names_of_buckets_are_those_of_the_rules() {
    let (long, longest) = ("b".repeat(64), "b".repeat(63));
    for bad in [
        "",
        "ab",
        "-ab",
        "ab-",
        ".ab",
        "a..b",
        "192.168.5.4",
        "Ab1",
        "a_b",
        "bücket",
        " abc",
        &long,
    ] {
        assert!(parse(&with(&json!({"s3_bucket_name": bad}))).is_err(), "{bad}");
    }
    for good in ["abc", "a.b", "a-b.c-d", "0ab", "a--b", &longest] {
        assert_eq!(parse(&with(&json!({"s3_bucket_name": good}))).unwrap().bucket, good);
    }
}

#[test]
fn metadata_columns_are_all_or_ids_or_none() {
    for (name, expected) in [
        ("all", MetadataColumns::All),
        ("ids", MetadataColumns::Ids),
        ("none", MetadataColumns::None),
    ] {
        let config = parse(&with(&json!({"metadata_columns": name}))).unwrap();
        assert_eq!(config.metadata_columns, expected);
    }
    let error = parse(&with(&json!({"metadata_columns": "id"}))).unwrap_err().to_string();
    assert!(error.contains("must be one of `all`, `ids`, `none`"), "{error}");
}

#[test]
fn text_that_is_not_json_is_told_where() {
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

const SECRET_NAMES: [&str; 3] = ["access_key_id", "secret_access_key", "session_token"];

/// Every way in which a secret can be written, wrong types included. "7391846" is in each of them.
fn secret() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!("s7391846s")),
        1 => prop::sample::select(vec![
            json!(7_391_846), json!(-7_391_846), json!(7_391_846.5), json!(["s7391846"]), json!({"s7391846": "s7391846"}),
            json!(" s7391846"), json!("s7391846\n"), json!({"auth_type": "s7391846"}),
        ]),
    ]
}

fn known_name() -> impl Strategy<Value = String> {
    let mut names = vec![];
    let mut forms = vec![configuration_schema()];
    while let Some(form) = forms.pop() {
        for (name, field) in form["properties"].as_object().unwrap() {
            names.push(name.clone());
            forms.extend(field.get("oneOf").and_then(Value::as_array).into_iter().flatten());
        }
    }
    names.sort();
    names.dedup();
    names.retain(|name| !SECRET_NAMES.contains(&name.as_str()));
    prop::sample::select(names)
}

/// Any JSON, with a liking for values that some field takes.
fn any_json() -> BoxedStrategy<Value> {
    let words = [
        "access_key",
        "csv",
        "csv.gz",
        "jsonl",
        "jsonl.gz",
        "parquet",
        "gzip",
        "decimal",
        "all",
        "none",
        "on",
        "\\t",
        "UTC",
        "us-east-1",
        "https://h",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..5002).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            4 => members(inner).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
    .boxed()
}

fn members(value: BoxedStrategy<Value>) -> impl Strategy<Value = Vec<(String, Value)>> {
    let member = prop_oneof![
        6 => (known_name(), value.clone()),
        3 => (prop::sample::select(&SECRET_NAMES[..]).prop_map(str::to_owned), secret()),
        1 => (".{0,6}", value),
    ];
    prop::collection::vec(member, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_json_makes_it_panic_or_tell_a_secret(
        own in members(any_json()),
        complete in any::<bool>(),
        id in secret(),
        key in secret(),
        token in prop::option::of(secret()),
    ) {
        let mut config = json!({});
        if complete {
            config = with(&json!({"authentication": {
                "auth_type": "access_key", "access_key_id": id, "secret_access_key": key, "session_token": token,
            }}));
        }
        for (name, value) in own {
            if complete && name == "authentication" {
                continue;
            }
            config[name] = value;
        }
        let text = match parse(&config) {
            Ok(config) => format!("{config:?} {:?}", config.warnings()),
            Err(error) => {
                let unreadable = |error: &ConfigError| matches!(error, ConfigError::Unreadable { .. });
                prop_assert!(!error.all().iter().any(unreadable), "schema and types disagree: \
                                                                   {config}");
                let text = format!("{error} {error:?}");
                format!("{text} {:?}", Failure::from(error))
            }
        };
        prop_assert!(!text.contains("7391846"), "{text}");
    }

    // What the platform's validation lets through and the connector refuses is then told at
    // `check`; the other way round a good configuration could never be saved.
    #[test]
    fn what_is_taken_fits_the_schema(own in members(any_json())) {
        let mut config = with(&json!({}));
        for (name, value) in own {
            if !value.is_null() && name != "authentication" {
                config[name] = value;
            }
        }
        // An empty text is an absent one, which the schema does not know.
        let text = config.to_string();
        if parse(&config).is_ok() && !text.contains("null") && !text.contains("\"\"") {
            prop_assert!(jsonschema::is_valid(configuration_schema(), &config), "{config}");
        }
    }
}
