//! `spec`: one line, the committed specification, and nothing else.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::world::connector;

#[test]
fn the_output_is_one_line_and_the_committed_specification() {
    let outcome = connector().env("LOG_LEVEL", "debug").spec().expect_success();
    assert_eq!(outcome.stdout_lines.len(), 1, "{:#?}", outcome.stdout_lines);
    assert_eq!(outcome.stderr, "");
    let committed: Value = serde_json::from_str(include_str!("../../spec/spec.json")).unwrap();
    assert_eq!(outcome.messages[0], committed);
}

/// The examples are what a form that is built from the specification would send.
#[test]
fn the_specification_accepts_its_examples() {
    let outcome = connector().spec().expect_success();
    let schema = &outcome.specification()["connectionSpecification"];
    let validator = jsonschema::draft7::new(schema).expect("a draft-07 schema");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/examples");
    let mut examples = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let errors: Vec<_> =
                validator.iter_errors(&config).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
            examples += 1;
        }
    }
    assert!(examples >= 3, "{examples} in {}", folder.display());
}

/// The platform builds its form from it: every choice has one constant selector, every secret is
/// marked.
#[test]
fn the_platform_can_build_the_form() {
    let outcome = connector().spec().expect_success();
    let properties = outcome.specification()["connectionSpecification"]["properties"]
        .as_object()
        .unwrap()
        .clone();
    for (name, selector) in [("authentication", "auth_type"), ("format", "format_type")] {
        let field = &properties[name];
        assert_eq!(field["type"], "object", "{name}");
        for option in field["oneOf"].as_array().unwrap() {
            assert_eq!(option["type"], "object", "{name}");
            assert!(option["title"].is_string(), "{name}");
            assert!(option["properties"][selector]["const"].is_string(), "{name}: {option:#}");
            assert!(
                option["required"].as_array().unwrap().contains(&Value::from(selector)),
                "{name}"
            );
            for secret in ["secret_access_key", "session_token"] {
                let field = &option["properties"][secret];
                assert!(field.is_null() || field["airbyte_secret"] == true, "{secret}");
            }
        }
    }
    let mut orders: Vec<_> =
        properties.values().map(|field| field["order"].as_u64().expect("an order")).collect();
    orders.sort_unstable();
    orders.dedup();
    assert_eq!(orders.len(), properties.len(), "every field has an order of its own");
}

#[test]
fn unknown_arguments_fail_without_a_panic() {
    for arguments in
        [&[][..], &["frobnicate"], &["check"], &["write", "--config", "x"], &["spec", "--loud"]]
    {
        let outcome = connector().run(arguments);
        assert!(outcome.code().is_some_and(|code| code != 0), "{arguments:?}: {outcome:?}");
        assert!(!outcome.stderr.contains("panicked"), "{arguments:?}: {}", outcome.stderr);
    }
}
