//! Which setting becomes what.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::{in_spec, parse, with};
use crate::config::{Config, Role, SignIn};
use crate::format::{
    ColumnNames, CsvOptions, Format, MetadataColumns, QuoteStyle, UndeclaredFields,
};
use crate::key::KeyTemplate;
use crate::store::{CannedAcl, Checksum, Encryption, ObjectOptions, StorageClass, Tag};

#[test]
fn absent_and_null_members_have_their_defaults() {
    let nulls = json!({
        "s3_bucket_key": null, "format": null, "file_size_mb": null,
        "checkpoint_interval_seconds": null,
        "metadata_columns": null, "timezone": null, "connection_id": null, "s3_endpoint": null,
        "s3_path_style": null, "server_side_encryption": null, "storage_class": null,
        "object_tags": null, "acl": null,
        "expected_bucket_owner": null, "checksum": null, "ca_bundle": null, "memory_limit_mb": null,
        "no_such_field": null,
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
fn every_sign_in_method_and_every_s3_option_is_read() {
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
        "s3_bucket_region": "", "expected_bucket_owner": "", "ca_bundle": "", "connection_id": "",
        "s3_endpoint": "",
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
    let role = json!({ "auth_type": "cross_account_role",
        "role_arn": "arn:aws:iam::111122223333:role/x", "external_id": "" });
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
fn every_option_is_read() {
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
fn bucket_names_follow_the_rules_of_s3() {
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
