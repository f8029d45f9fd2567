//! What must hold for any settings whatsoever, as properties.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{parse, with};
use crate::config::ConfigError;
use crate::config::form::schema::configuration_schema;
use crate::error::Failure;

const SECRET_NAMES: [&str; 3] = ["access_key_id", "secret_access_key", "session_token"];

/// Secrets in every form, also of wrong types. Each contains "7391846".
fn secret() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!("s7391846s")),
        1 => prop::sample::select(vec![
            json!(7_391_846), json!(-7_391_846), json!(7_391_846.5), json!(["s7391846"]),
            json!({"s7391846": "s7391846"}),
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

/// Any JSON, often with values that some field accepts.
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
    fn no_json_causes_a_panic_or_reveals_a_secret(
        own in members(any_json()),
        complete in any::<bool>(),
        id in secret(),
        key in secret(),
        token in prop::option::of(secret()),
    ) {
        let mut config = json!({});
        if complete {
            config = with(&json!({"authentication": {
                "auth_type": "access_key", "access_key_id": id, "secret_access_key": key,
                "session_token": token,
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
                let unreadable =
                    |error: &ConfigError| matches!(error, ConfigError::Unreadable { .. });
                prop_assert!(!error.all().iter().any(unreadable), "schema and types disagree: \
                                                                   {config}");
                let text = format!("{error} {error:?}");
                format!("{text} {:?}", Failure::from(error))
            }
        };
        prop_assert!(!text.contains("7391846"), "{text}");
    }

    // The opposite need not hold: what the platform's validation accepts and the connector rejects
    // is reported by `check`. But a configuration that the schema rejects could never be saved.
    #[test]
    fn what_the_connector_accepts_fits_the_schema(own in members(any_json())) {
        let mut config = with(&json!({}));
        for (name, value) in own {
            if !value.is_null() && name != "authentication" {
                config[name] = value;
            }
        }
        // An empty string means absent, which the schema does not know.
        let text = config.to_string();
        if parse(&config).is_ok() && !text.contains("null") && !text.contains("\"\"") {
            prop_assert!(jsonschema::is_valid(configuration_schema(), &config), "{config}");
        }
    }
}
