//! Compares a configuration with the schema that `spec` prints, with messages for people.
//!
//! JSON value and schema -> the same value without null members and without empty strings in
//! optional fields, with whole numbers as integers, and everything that is wrong. The problems of
//! an object come in this order: its selector, unknown names, missing names, the values of its
//! members.
//!
//! Invariants
//! - The raw types can read whatever passes. Users never see serde's own messages, which quote
//!   values. What is wrong is removed or replaced with a placeholder, so that the rest can still be
//!   read and checked.
//! - A message repeats a value only if no field beside it is a secret, or if it is close to an
//!   allowed value.
//!
//! Files: `schema_view` (what a schema says about a field), `nearest_name` (which name a mistyped
//! one means), `airbyte_s3` (the names of Airbyte's own S3 destination), `duplicate_names` (names
//! that occur twice, which a parsed JSON value no longer shows).
//!
//! Not here: patterns, and rules that involve two fields (`checked`).

mod airbyte_s3;
pub(super) mod duplicate_names;
pub(super) mod nearest_name;
mod schema_view;

use serde_json::{Map, Number, Value, json};

use self::nearest_name::nearest;
use self::schema_view::{
    all_fields, below, has_field, has_secret, is_required, is_secret, selector,
};
use super::error::{ConfigError, Problems, listed, shown};

/// Checks `config`, an object, against `schema` and returns it in a form that serde can read. What
/// is wrong goes to `problems`.
pub(crate) fn check_against_schema(
    mut config: Value,
    schema: &Value,
    problems: &mut Problems,
) -> Value {
    SchemaNode { schema, root: schema, path: "", secret: false }.check(&mut config, problems);
    config
}

/// A place in the settings: its schema, and what a message calls it.
struct SchemaNode<'a> {
    schema: &'a Value,
    root: &'a Value,
    path: &'a str,
    /// Whether a field beside or above it is a secret, so that no message may repeat its value.
    secret: bool,
}

impl SchemaNode<'_> {
    /// Whether the value can be used.
    fn check(&self, value: &mut Value, problems: &mut Problems) -> bool {
        let expected = self.schema.get("type").and_then(Value::as_str).unwrap_or_default();
        let error = match (expected, &mut *value) {
            ("object", Value::Object(object)) => {
                object.retain(|_, member| !member.is_null());
                return self.check_object(object, problems);
            }
            ("array", Value::Array(entries)) => {
                self.check_entries(entries, problems);
                return true;
            }
            ("string", Value::String(text)) => match self.check_text(text) {
                None => return true,
                Some(error) => error,
            },
            ("integer", Value::Number(number)) => match self.checked_integer(number) {
                Ok(integer) => {
                    *number = integer;
                    return true;
                }
                Err(error) => error,
            },
            ("boolean", Value::Bool(_)) => return true,
            ("object", other) => self.wrong_type("an object", other),
            ("array", other) => self.wrong_type("an array", other),
            ("string", other) => self.wrong_type("a string", other),
            ("integer", other) => self.wrong_type("an integer", other),
            ("boolean", other) => self.wrong_type("true or false", other),
            _ => return true,
        };
        problems.add(error);
        false
    }

    fn check_object(&self, object: &mut Map<String, Value>, problems: &mut Problems) -> bool {
        let form = match self.schema.get("oneOf").and_then(Value::as_array) {
            Some(options) => match self.chosen(object, options, problems) {
                Some(form) => form,
                None => return false,
            },
            None => self.schema,
        };
        let no_fields = Map::new();
        let fields = form.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
        // The platform's forms send an empty string for a field that was not filled in, also for
        // fields of an alternative that was chosen before.
        object.retain(|name, member| {
            member != "" || fields.contains_key(name) || !self.is_of_other_form(name)
        });
        for name in object.keys().filter(|name| !fields.contains_key(*name)) {
            problems.add(self.unknown_field(name, form, fields));
        }
        object.retain(|name, member| {
            fields.contains_key(name) && (member != "" || is_required(form, name))
        });
        let required = form.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !object.contains_key(name) {
                let title =
                    fields.get(name).and_then(|field| field.get("title")).and_then(Value::as_str);
                problems.add(ConfigError::Missing {
                    path: self.below(name),
                    title: title.unwrap_or(name).to_owned(),
                });
                object.extend(self.placeholder(name).map(|value| (name.to_owned(), value)));
            }
        }
        let secret = self.secret || fields.values().any(is_secret);
        for (name, field) in fields {
            let Some(member) = object.get_mut(name) else { continue };
            let path = self.below(name);
            let node = SchemaNode { schema: field, root: self.root, path: &path, secret };
            if !node.check(member, problems) {
                match self.placeholder(name) {
                    Some(value) => *member = value,
                    None => drop(object.remove(name)),
                }
            }
        }
        true
    }

    /// Returns a value for a required field whose own value cannot be read, so that serde can read
    /// the other fields. It is never used: the problem has been noted.
    fn placeholder(&self, name: &str) -> Option<Value> {
        match name {
            "s3_bucket_name" => Some(json!("placeholder")),
            "authentication" => Some(json!({"auth_type": "default_chain"})),
            "role_arn" => Some(json!("arn:aws:iam::000000000000:role/placeholder")),
            "access_key_id" | "secret_access_key" => Some(json!("placeholder")),
            // A tag's key must differ from the others'.
            "key" => Some(json!(self.path.replace(['[', ']'], "-"))),
            "value" => Some(json!("")),
            _ => None,
        }
    }

    fn check_entries(&self, entries: &mut [Value], problems: &mut Problems) {
        let maximum = self.schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        if entries.len() as u64 > maximum {
            let (path, given) = (self.path.to_owned(), entries.len());
            problems.add(ConfigError::TooMany { path, maximum, given });
        }
        let schema = self.schema.get("items").unwrap_or(&Value::Null);
        for (at, entry) in entries.iter_mut().enumerate() {
            let path = format!("{}[{at}]", self.path);
            let node = SchemaNode { schema, root: self.root, path: &path, secret: self.secret };
            if !node.check(entry, problems) {
                let placeholder = |name: &str| Some((name.to_owned(), node.placeholder(name)?));
                *entry =
                    Value::Object(["key", "value"].into_iter().filter_map(placeholder).collect());
            }
        }
    }

    /// Returns the form that the object's selector names. If it is mistyped, that is noted, and the
    /// form that is probably meant is returned, so that the other fields are checked as well.
    fn chosen<'a>(
        &self,
        object: &mut Map<String, Value>,
        options: &'a [Value],
        problems: &mut Problems,
    ) -> Option<&'a Value> {
        let (selector, _) = options.first().and_then(selector)?;
        let path = self.below(selector);
        let names = || options.iter().filter_map(|option| Some(self::selector(option)?.1));
        let named = |name: &str| {
            options.iter().find(|option| self::selector(option) == Some((selector, name)))
        };
        let allowed = one_of(names());
        let error = match object.get(selector) {
            None => ConfigError::MissingChoice { path, allowed },
            Some(Value::String(name)) => {
                if let Some(form) = named(name) {
                    return Some(form);
                }
                let nearest = nearest(name, names()).map(str::to_owned);
                let secret = self.secret || options.iter().any(has_secret);
                let given = (!secret || nearest.is_some()).then(|| shown(name));
                let form = nearest.as_deref().and_then(named);
                problems.add(ConfigError::NotAChoice {
                    path,
                    allowed,
                    given,
                    nearest: nearest.clone(),
                });
                object.extend(nearest.map(|name| (selector.to_owned(), name.into())));
                return form;
            }
            Some(other) => {
                ConfigError::WrongType { path, expected: "a string", found: type_name(other) }
            }
        };
        problems.add(error);
        None
    }

    fn check_text(&self, text: &str) -> Option<ConfigError> {
        let choices = self.schema.get("enum").and_then(Value::as_array)?;
        if choices.iter().any(|choice| choice == text) {
            return None;
        }
        let names = || choices.iter().filter_map(Value::as_str);
        let nearest = airbyte_s3::value(self.path, text)
            .or_else(|| nearest(text, names()))
            .map(str::to_owned);
        Some(ConfigError::NotAChoice {
            path: self.path.to_owned(),
            allowed: one_of(names()),
            given: (!self.secret || nearest.is_some()).then(|| shown(text)),
            nearest,
        })
    }

    /// Returns the number as an integer. To JSON Schema, `256.0` is an integer too.
    fn checked_integer(&self, number: &Number) -> Result<Number, ConfigError> {
        let bound =
            |name: &str| self.schema.get(name).and_then(Value::as_f64).map(|bound| bound as i64);
        let (minimum, maximum) =
            (bound("minimum").unwrap_or(i64::MIN), bound("maximum").unwrap_or(i64::MAX));
        let value = number.as_f64().unwrap_or(f64::NAN);
        if value.fract() != 0.0 {
            return Err(ConfigError::WrongType {
                path: self.path.to_owned(),
                expected: "an integer",
                found: "a number with a fraction",
            });
        }
        // Out of an f64 `as` saturates, so that a huge number stays out of range.
        let integer = number.as_i64().unwrap_or(value as i64);
        if !(minimum..=maximum).contains(&integer) {
            return Err(ConfigError::OutOfRange {
                path: self.path.to_owned(),
                minimum,
                maximum,
                given: (!self.secret).then(|| number.to_string()),
            });
        }
        Ok(integer.into())
    }

    fn wrong_type(&self, expected: &'static str, value: &Value) -> ConfigError {
        ConfigError::WrongType { path: self.path.to_owned(), expected, found: type_name(value) }
    }

    fn unknown_field(&self, name: &str, form: &Value, fields: &Map<String, Value>) -> ConfigError {
        let options = self.schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        let others = options
            .filter(|option| has_field(option, name))
            .filter_map(|option| Some(selector(option)?.1));
        let others = listed(others);
        let shown = shown(name);
        let path = self.below(&shown);
        if let (false, Some((selector, chosen))) = (others.is_empty(), selector(form)) {
            let selector = self.below(selector);
            return ConfigError::FieldOfOtherForm { path, selector, chosen: chosen.into(), others };
        }
        if let Some(advice) = airbyte_s3::replacement(self.path, name) {
            return ConfigError::AirbyteS3Field { path, advice };
        }
        let all = all_fields(self.root, "");
        let at_another_path = |wanted: &str| {
            all.iter().find(|(_, field)| *field == wanted).map(|(path, _)| path.clone())
        };
        let nearest = at_another_path(name)
            .or_else(|| Some(self.below(nearest(&shown, fields.keys().map(String::as_str))?)))
            .or_else(|| at_another_path(nearest(&shown, all.iter().map(|(_, field)| *field))?));
        ConfigError::UnknownField {
            path,
            nearest,
            known: listed(fields.keys().map(String::as_str)),
        }
    }

    /// Whether any form of the object has a field of that name.
    fn is_of_other_form(&self, name: &str) -> bool {
        let mut options = self.schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        options.any(|option| has_field(option, name))
    }

    fn below(&self, name: &str) -> String {
        below(self.path, name)
    }
}

fn one_of<'a>(choices: impl Iterator<Item = &'a str>) -> String {
    let choices: Vec<&str> = choices.collect();
    let listed = listed(choices.iter().copied());
    if choices.len() == 1 { listed } else { format!("one of {listed}") }
}

pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
