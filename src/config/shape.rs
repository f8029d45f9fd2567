//! Compares a configuration with the schema that `spec` prints, in words that people understand.
//!
//! JSON value and schema -> the same value without null members and empty optional texts, and with whole numbers as integers, or the first thing
//! that is wrong. In each object the order is: its selector, unknown names, missing names, then the members' own values.
//!
//! Invariants
//! - Whatever passes can be read by the raw types: serde's own complaints, which quote values, never reach anybody.
//! - A value is repeated only where no field beside it is a secret.
//!
//! Not here: patterns, and all that depends on two fields (`checked`).

use serde_json::{Map, Number, Value};

use super::error::{ConfigError, listed, shown};

/// Checks `config` against `schema` and brings it into the form that serde takes without complaint.
///
/// # Errors
/// The first [`ConfigError`] in the order of the module's header. The user must correct the configuration.
pub(super) fn checked_shape(mut config: Value, schema: &Value) -> Result<Value, ConfigError> {
    if !config.is_object() {
        return Err(ConfigError::NotAnObject { found: type_name(&config) });
    }
    Place { schema, root: schema, path: "", secret: false }.check(&mut config)?;
    Ok(config)
}

/// A value's place: its schema, and what a message calls it.
struct Place<'a> {
    schema: &'a Value,
    root: &'a Value,
    path: &'a str,
    secret: bool,
}

impl Place<'_> {
    fn check(&self, value: &mut Value) -> Result<(), ConfigError> {
        let expected = self.schema.get("type").and_then(Value::as_str).unwrap_or_default();
        match expected {
            "object" => match value {
                Value::Object(object) => {
                    object.retain(|_, member| !member.is_null());
                    self.check_object(object)
                }
                _ => Err(self.wrong_type("an object", value)),
            },
            "string" => match value {
                Value::String(text) => self.check_text(text),
                _ => Err(self.wrong_type("a text", value)),
            },
            "integer" => match value {
                Value::Number(number) => {
                    *number = self.checked_integer(number)?;
                    Ok(())
                }
                _ => Err(self.wrong_type("an integer", value)),
            },
            "array" => match value {
                Value::Array(entries) => self.check_entries(entries),
                _ => Err(self.wrong_type("an array", value)),
            },
            "boolean" if !value.is_boolean() => Err(self.wrong_type("true or false", value)),
            _ => Ok(()),
        }
    }

    fn check_object(&self, object: &mut Map<String, Value>) -> Result<(), ConfigError> {
        let form = match self.schema.get("oneOf").and_then(Value::as_array) {
            Some(options) => self.chosen(object, options)?,
            None => self.schema,
        };
        let no_fields = Map::new();
        let fields = form.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
        if let Some(name) = object.keys().find(|name| !fields.contains_key(*name)) {
            return Err(self.unknown_field(name, form, fields));
        }
        // Forms send an empty text for a field that nobody filled in.
        object.retain(|name, member| {
            member != ""
                || fields.get(name).is_none_or(|field| field.get("default").is_some())
                || is_required(form, name)
        });
        let required = form.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if !object.contains_key(name) {
                let title = fields.get(name).and_then(|field| field.get("title")).and_then(Value::as_str);
                return Err(ConfigError::Missing {
                    path: self.below(name),
                    title: title.unwrap_or(name).to_owned(),
                });
            }
        }
        let secret = self.secret || fields.values().any(is_secret);
        for (name, field) in fields {
            if let Some(member) = object.get_mut(name) {
                let path = self.below(name);
                Place { schema: field, root: self.root, path: &path, secret }.check(member)?;
            }
        }
        Ok(())
    }

    fn check_entries(&self, entries: &mut [Value]) -> Result<(), ConfigError> {
        let maximum = self.schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        if entries.len() as u64 > maximum {
            return Err(ConfigError::TooMany { path: self.path.to_owned(), maximum, given: entries.len() });
        }
        let schema = self.schema.get("items").unwrap_or(&Value::Null);
        for (at, entry) in entries.iter_mut().enumerate() {
            let path = format!("{}[{at}]", self.path);
            Place { schema, root: self.root, path: &path, secret: self.secret }.check(entry)?;
        }
        Ok(())
    }

    /// The form that the object's own selector names.
    fn chosen<'a>(
        &self,
        object: &Map<String, Value>,
        options: &'a [Value],
    ) -> Result<&'a Value, ConfigError> {
        let Some((selector, _)) = options.first().and_then(selector) else { return Ok(&Value::Null) };
        let path = self.below(selector);
        let allowed = || one_of(options.iter().filter_map(|option| Some(self::selector(option)?.1)));
        match object.get(selector) {
            None => Err(ConfigError::MissingChoice { path, allowed: allowed() }),
            Some(Value::String(name)) => options
                .iter()
                .find(|option| self::selector(option) == Some((selector, name)))
                .ok_or_else(|| {
                    let secret = self.secret || options.iter().any(has_secret);
                    ConfigError::NotAChoice {
                        path,
                        allowed: allowed(),
                        given: (!secret).then(|| shown(name)),
                    }
                }),
            Some(other) => Err(ConfigError::WrongType { path, expected: "a text", found: type_name(other) }),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), ConfigError> {
        let Some(choices) = self.schema.get("enum").and_then(Value::as_array) else { return Ok(()) };
        if choices.iter().any(|choice| choice == text) {
            return Ok(());
        }
        Err(ConfigError::NotAChoice {
            path: self.path.to_owned(),
            allowed: one_of(choices.iter().filter_map(Value::as_str)),
            given: (!self.secret).then(|| shown(text)),
        })
    }

    /// The number as an integer: JSON has no integers, and `256.0` is one as the schema sees it.
    fn checked_integer(&self, number: &Number) -> Result<Number, ConfigError> {
        let bound = |name: &str| self.schema.get(name).and_then(Value::as_f64).map(|bound| bound as i64);
        let (minimum, maximum) = (bound("minimum").unwrap_or(i64::MIN), bound("maximum").unwrap_or(i64::MAX));
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
        let known = listed(fields.keys().map(String::as_str));
        let options = self.schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        let others =
            options.filter(|option| has_field(option, name)).filter_map(|option| Some(selector(option)?.1));
        let others = listed(others);
        let shown = shown(name);
        if let (false, Some((selector, chosen))) = (others.is_empty(), selector(form)) {
            let path = self.below(&shown);
            return ConfigError::FieldOfAnother {
                path,
                selector: self.below(selector),
                chosen: chosen.into(),
                others,
                known,
            };
        }
        let nearest = place_of(name, self.root, "")
            .unwrap_or_else(|| nearest(&shown, fields.keys()).unwrap_or_default().to_owned());
        ConfigError::UnknownField { path: self.below(&shown), nearest, known }
    }

    fn below(&self, name: &str) -> String {
        below(self.path, name)
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The name and the value of the constant that tells this form of an object from the others.
fn selector(option: &Value) -> Option<(&str, &str)> {
    let fields = option.get("properties")?.as_object()?;
    fields.iter().find_map(|(name, field)| Some((name.as_str(), field.get("const")?.as_str()?)))
}

fn is_required(form: &Value, name: &str) -> bool {
    let required = form.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|required| required == name))
}

fn has_field(form: &Value, name: &str) -> bool {
    form.get("properties").and_then(|fields| fields.get(name)).is_some()
}

fn is_secret(field: &Value) -> bool {
    field.get("airbyte_secret").and_then(Value::as_bool).unwrap_or(false)
}

fn has_secret(form: &Value) -> bool {
    form.get("properties").and_then(Value::as_object).is_some_and(|fields| fields.values().any(is_secret))
}

/// Where in the whole configuration a field of this name is known.
fn place_of(name: &str, schema: &Value, path: &str) -> Option<String> {
    let options = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    options.chain([schema]).filter_map(|form| form.get("properties")?.as_object()).find_map(|fields| {
        if fields.contains_key(name) {
            return Some(below(path, name));
        }
        fields.iter().find_map(|(field, schema)| place_of(name, schema, &below(path, field)))
    })
}

/// The name that resembles `name` most.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a String>) -> Option<&'a str> {
    known.into_iter().map(String::as_str).max_by(|a, b| likeness(name, a).total_cmp(&likeness(name, b)))
}

/// How much two names resemble each other: 0 not at all, 1 the same in all but case.
pub(super) fn likeness(a: &str, b: &str) -> f64 {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let contained = a.len() > 2 && (a.contains(&b) || b.contains(&a));
    strsim::normalized_damerau_levenshtein(&a, &b).max(if contained { 0.7 } else { 0.0 })
}

fn one_of<'a>(choices: impl Iterator<Item = &'a str>) -> String {
    let choices: Vec<&str> = choices.collect();
    let listed = listed(choices.iter().copied());
    if choices.len() == 1 { listed } else { format!("one of {listed}") }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
