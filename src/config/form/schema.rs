//! What `spec` prints, generated from the raw settings.
//!
//! Raw types -> JSON schema (draft-07) in the shape that the platform's form needs -> payload of
//! the SPEC message.
//!
//! Invariants
//! - No `$ref` and no `definitions`: the form does not follow them. No `null` in a type: absent is
//!   enough.
//! - Every property of an object has its `order`; the holder of a `oneOf` has `type: object`.
//! - Objects stay open (`additionalProperties` is absent), because platforms add members of their
//!   own and validate with this schema. The connector itself rejects unknown names
//!   (`schema_check`).

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

use super::settings::RawConfig;

/// The `spec` member of the SPEC message: the schema of the configuration and what the connector
/// can do.
#[must_use]
pub(crate) fn connector_specification() -> Value {
    json!({
        "connectionSpecification": configuration_schema(),
        "supportsIncremental": true,
        "supportsNormalization": false,
        "supportsDBT": false,
        "supported_destination_sync_modes": ["append", "overwrite"],
    })
}

/// The schema of the configuration, made once.
pub(crate) fn configuration_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        SchemaSettings::draft07()
            .with(|settings| settings.inline_subschemas = true)
            .with_transform(RecursiveTransform(shape_for_the_form))
            .into_generator()
            .into_root_schema_for::<RawConfig>()
            .to_value()
    });
    &SCHEMA
}

fn shape_for_the_form(schema: &mut Schema) {
    if schema.get("oneOf").is_some() {
        schema.insert("type".to_owned(), "object".into());
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    // schemars adds the names of Rust's integer types, which JSON Schema does not know.
    if schema.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint"))
    {
        schema.ensure_object().retain(|keyword, _| keyword != "format");
    }
    // Doc comments are broken into lines for the reader of the source.
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (order, property) in properties.values_mut().enumerate() {
            if let Value::Object(property) = property {
                property.insert("order".to_owned(), order.into());
            }
        }
    }
    // Put first what a reader of `spec.json` looks for first.
    let mut keywords = std::mem::take(schema.ensure_object());
    for keyword in ["$schema", "title", "description", "type"] {
        if let Some(value) = keywords.shift_remove(keyword) {
            schema.insert(keyword.to_owned(), value);
        }
    }
    schema.ensure_object().extend(keywords);
}
