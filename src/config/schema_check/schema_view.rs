//! Answers questions about the form's JSON schema: what it says about a field.

use serde_json::Value;

pub(super) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The name and the value of the constant that tells this form of an object from the others.
pub(super) fn selector(option: &Value) -> Option<(&str, &str)> {
    let fields = option.get("properties")?.as_object()?;
    fields.iter().find_map(|(name, field)| Some((name.as_str(), field.get("const")?.as_str()?)))
}

pub(super) fn is_required(form: &Value, name: &str) -> bool {
    let required = form.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|required| required == name))
}

pub(super) fn has_field(form: &Value, name: &str) -> bool {
    form.get("properties").and_then(|fields| fields.get(name)).is_some()
}

pub(super) fn is_secret(field: &Value) -> bool {
    field.get("airbyte_secret").and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn has_secret(form: &Value) -> bool {
    form.get("properties")
        .and_then(Value::as_object)
        .is_some_and(|fields| fields.values().any(is_secret))
}

/// Every field of the whole configuration: its path and its name.
pub(super) fn all_fields<'a>(schema: &'a Value, path: &str) -> Vec<(String, &'a str)> {
    let options = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let forms = options.chain([schema]).filter_map(|form| form.get("properties")?.as_object());
    forms
        .flatten()
        .flat_map(|(name, field)| {
            let path = below(path, name);
            let inner = all_fields(field, &path);
            std::iter::once((path, name.as_str())).chain(inner)
        })
        .collect()
}
