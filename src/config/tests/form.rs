//! The schema as the platform sees it, and the examples under `spec/`.

use std::fs;

use serde_json::{Value, json};

use super::{golden_is_to_be_written, in_spec, json_files};
use crate::config::form::schema::configuration_schema;
use crate::config::{Config, connector_specification};
use crate::error::{Classified, FailureType};
use crate::key::KeyTemplate;

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
    // `null` is searched for with its quotes, because the help texts use the word.
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
fn the_help_text_of_the_key_names_exactly_the_known_macros() {
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
fn every_example_fits_the_schema_and_is_accepted() {
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
fn every_bad_example_is_rejected_with_its_message() {
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
