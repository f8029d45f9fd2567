//! From JSON schemas to columns.
//!
//! In: a stream's declared properties with their schemas, as the catalog has them. Out: one
//! [`Field`] each, in the same order, and sentences for the user where a column is not what its
//! schema asks for.
//!
//! Invariants
//! - Total: any JSON is a schema here, and what cannot be understood becomes JSON text, which holds
//!   every value.
//! - Linear: every part of a schema is looked at once, whichever keywords lead to it, and nothing
//!   below [`MAX_LEVELS`] levels. This is why branches take over only the plain keywords of the
//!   schema around them.
//! - No struct is empty, and within a level no two names are the same to a reader that folds case.
//! - A warning is about a column that is in the file: parts that end in a JSON text take their
//!   warnings with them.
//!
//! Not here: which values a type takes (`decode`), the names (`names`), the metadata columns.

use serde_json::{Map, Value};

mod warnings;

use self::warnings::{Path, Warnings, clipped, file_names};
use super::types::{ColumnType, Field, Zone};
use crate::format::{Integers, Nested, Numbers, Times, TypeOptions};

/// How deep types are nested at most; what is deeper is JSON text. A `oneOf` and the like counts as
/// a level.
const MAX_LEVELS: usize = 32;

/// The formats of strings that are strings to us, and rightly so.
const PLAIN_FORMATS: &str = "binary byte duration email hostname idn-email idn-hostname ipv4 ipv6 \
                             iri iri-reference json-pointer password regex relative-json-pointer \
                             uri uri-reference uri-template url uuid";

/// Columns that a stream's declared properties become, and what the user should know about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataColumns {
    /// The columns in the schema's order.
    pub fields: Vec<Field>,
    /// Sentences that begin with `column "..."`; the last may say how many more columns there are.
    pub warnings: Vec<String>,
}

/// The columns of a stream's properties, whose names differ from each other.
///
/// `ours`: names of the columns that stand beside them in the file. Properties named in `metadata`
/// are left out: the metadata column takes their values.
#[must_use]
pub(crate) fn data_columns(
    properties: &[(String, Value)],
    options: &TypeOptions,
    metadata: &[&str],
    ours: &[&str],
) -> DataColumns {
    let mut mapper = Mapper { options, warnings: Warnings::default() };
    let declared = properties.iter().map(|(name, schema)| (name.as_str(), schema));
    let declared = declared.filter(|(name, _)| !metadata.contains(name)).collect();
    let fields = mapper.fields(declared, ours, None, MAX_LEVELS);
    DataColumns { fields, warnings: mapper.warnings.sentences() }
}

/// The type of one schema. Total: any JSON gives a type.
#[must_use]
#[cfg(test)]
pub(crate) fn column_type(schema: &Value, options: &TypeOptions) -> ColumnType {
    Mapper { options, warnings: Warnings::default() }.column(schema, &Path::Column(""), MAX_LEVELS)
}

/// What a schema says about the type.
#[derive(Debug)]
enum Meaning {
    /// Nothing but null is allowed.
    Null,
    /// Nothing: `{}`, `true`, or keywords that leave the type open.
    Silent,
    /// Something that is not known; in words, to go behind `column "..."`.
    Odd(String),
    /// This type.
    Is(ColumnType),
}

impl Meaning {
    /// This one, if it is more than silent.
    fn or(self, otherwise: Self) -> Self {
        match self {
            Self::Silent => otherwise,
            Self::Null | Self::Odd(_) | Self::Is(_) => self,
        }
    }
}

/// How several meanings are to be read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    /// A value follows one of them.
    Any,
    /// A value follows all of them.
    All,
}

/// The keywords that refine a type's name.
#[derive(Clone, Copy, Debug, Default)]
struct Keywords<'a> {
    format: Option<&'a str>,
    airbyte_type: Option<&'a str>,
    /// `None` if there are none: an empty list declares nothing.
    properties: Option<&'a Map<String, Value>>,
    items: Option<&'a Value>,
}

impl<'a> Keywords<'a> {
    fn of(schema: &'a Map<String, Value>, around: Self) -> Self {
        let text = |name| schema.get(name).and_then(Value::as_str);
        Self {
            format: text("format").or(around.format),
            airbyte_type: text("airbyte_type").or(around.airbyte_type),
            properties: schema
                .get("properties")
                .and_then(Value::as_object)
                .filter(|some| !some.is_empty()),
            items: schema.get("items"),
        }
    }

    /// What a branch takes over. Not the containers: with those in every branch of every level, a
    /// small schema would be endless work.
    fn for_branches(self) -> Self {
        Self { properties: None, items: None, ..self }
    }
}

struct Mapper<'o> {
    options: &'o TypeOptions,
    warnings: Warnings,
}

// `levels` is always how many the answer may have.
impl Mapper<'_> {
    fn fields(
        &mut self,
        declared: Vec<(&str, &Value)>,
        ours: &[&str],
        around: Option<&Path<'_>>,
        levels: usize,
    ) -> Vec<Field> {
        let names: Vec<&str> = declared.iter().map(|(name, _)| *name).collect();
        let mut fields = Vec::with_capacity(declared.len());
        for ((source_name, schema), file_name) in
            declared.into_iter().zip(file_names(&names, ours, self.options.names))
        {
            let path = Path::of(around, source_name);
            if let Some(says) = file_name.warning(source_name) {
                self.warnings.add(&path, says);
            }
            let column_type = self.column(schema, &path, levels);
            fields.push(Field {
                source_name: source_name.to_owned(),
                name: file_name.name,
                column_type,
            });
        }
        fields
    }

    fn column(&mut self, schema: &Value, path: &Path<'_>, levels: usize) -> ColumnType {
        match self.meaning(schema, Keywords::default(), path, levels) {
            Meaning::Is(column_type) => column_type,
            Meaning::Null | Meaning::Silent => ColumnType::JsonText,
            Meaning::Odd(says) => {
                self.warnings.add(path, format!("{says}; it is written as JSON text"));
                ColumnType::JsonText
            }
        }
    }

    fn meaning(
        &mut self,
        schema: &Value,
        around: Keywords<'_>,
        path: &Path<'_>,
        levels: usize,
    ) -> Meaning {
        match schema {
            Value::Object(schema) => {
                let keywords = Keywords::of(schema, around);
                let before = self.warnings.len();
                let own = self.without_branches(schema, keywords, path, levels);
                // Branches narrow a type that is known; they are asked where it is not.
                match own {
                    Meaning::Silent => self.branches(schema, keywords.for_branches(), path, levels),
                    Meaning::Is(ColumnType::JsonText) => {
                        let says = self.warnings.split_off(before);
                        match self.branches(schema, keywords.for_branches(), path, levels) {
                            Meaning::Silent => {
                                self.warnings.append(says);
                                own
                            }
                            known => known,
                        }
                    }
                    Meaning::Null | Meaning::Odd(_) | Meaning::Is(_) => own,
                }
            }
            // A type's name instead of a schema.
            Value::String(name) => self.named(name, around, path, levels),
            // In YAML, where many schemas come from, `null` without quotes.
            Value::Null => Meaning::Null,
            Value::Bool(_) => Meaning::Silent,
            Value::Number(_) | Value::Array(_) => Meaning::Odd(format!(
                "has the schema {}, which is none",
                clipped(&schema.to_string())
            )),
        }
    }

    fn without_branches(
        &mut self,
        schema: &Map<String, Value>,
        keywords: Keywords<'_>,
        path: &Path<'_>,
        levels: usize,
    ) -> Meaning {
        let declared = schema.get("type");
        if let Some(Value::String(target)) = schema.get("$ref") {
            if let Some(known) = self.well_known(target) {
                return Meaning::Is(known);
            }
            if declared.is_none() {
                return Meaning::Odd(format!(
                    "refers to {:?}, which is not known",
                    clipped(target)
                ));
            }
        }
        match declared {
            Some(Value::String(name)) => self.named(name, keywords, path, levels),
            Some(Value::Array(types)) => self.listed(types, keywords, path, levels),
            Some(Value::Null) | None => {
                let container = if keywords.properties.is_some() {
                    self.object(keywords, path, levels)
                } else {
                    self.array(keywords, path, levels)
                };
                container.or(if declared.is_some() { Meaning::Null } else { Meaning::Silent })
            }
            Some(odd) => unknown_type(odd),
        }
    }

    /// `type: [...]`: any of these.
    fn listed(
        &mut self,
        types: &[Value],
        keywords: Keywords<'_>,
        path: &Path<'_>,
        levels: usize,
    ) -> Meaning {
        if types.is_empty() {
            return Meaning::Odd("has an empty list of types".to_owned());
        }
        // Each once, so that what is in a container is looked at once however often the type is
        // repeated.
        let mut names: Vec<&str> = Vec::new();
        for entry in types {
            match entry {
                Value::String(name) if names.contains(&name.as_str()) => {}
                Value::String(name) if is_type(name) => names.push(name),
                Value::Null => {}
                odd => return unknown_type(odd),
            }
        }
        self.joined(Join::Any, path, &names, |mapper, name| {
            mapper.named(name, keywords, path, levels)
        })
    }

    /// `oneOf`, `anyOf`, `allOf`: the first that has branches.
    fn branches(
        &mut self,
        schema: &Map<String, Value>,
        around: Keywords<'_>,
        path: &Path<'_>,
        levels: usize,
    ) -> Meaning {
        let found = [("oneOf", Join::Any), ("anyOf", Join::Any), ("allOf", Join::All)]
            .into_iter()
            .find_map(|(name, join)| {
                Some((join, schema.get(name)?.as_array().filter(|some| !some.is_empty())?))
            });
        match found {
            Some((join, branches)) => self.deeper(levels, |mapper, levels| {
                mapper.joined(join, path, branches, |mapper, branch| {
                    mapper.meaning(branch, around, path, levels)
                })
            }),
            None => Meaning::Silent,
        }
    }

    /// The meaning of several together. Null is left out, since every column may be null.
    fn joined<T>(
        &mut self,
        join: Join,
        path: &Path<'_>,
        parts: &[T],
        mut meaning: impl FnMut(&mut Self, &T) -> Meaning,
    ) -> Meaning {
        let before = self.warnings.len();
        let mut agreed: Option<ColumnType> = None;
        let mut after_first = before;
        let mut is_mixed = false;
        for part in parts {
            let found = match (meaning(self, part), join) {
                (Meaning::Null, _) | (Meaning::Silent, Join::All) => continue,
                (Meaning::Is(found), _) => found,
                (unsure @ (Meaning::Silent | Meaning::Odd(_)), _) => {
                    self.warnings.truncate(before);
                    return unsure;
                }
            };
            agreed = match agreed {
                None => {
                    after_first = self.warnings.len();
                    Some(found)
                }
                Some(known) => {
                    // Those who agree warn of the same.
                    self.warnings.truncate(after_first);
                    match self.common(join, known, found) {
                        Some(common) => Some(common),
                        None => {
                            self.warnings.truncate(before);
                            if join == Join::All {
                                return Meaning::Is(ColumnType::JsonText);
                            }
                            // Parts that come may still say that nobody knows what is in there.
                            after_first = before;
                            is_mixed = true;
                            Some(ColumnType::JsonText)
                        }
                    }
                }
            };
        }
        if is_mixed {
            let says = "has several types, objects or arrays among them; it is written as JSON \
                        text, strings with their quotes";
            self.warnings.add(path, says.to_owned());
        }
        match (agreed, join) {
            (Some(agreed), _) => Meaning::Is(agreed),
            (None, Join::Any) => Meaning::Null,
            (None, Join::All) => Meaning::Silent,
        }
    }

    /// The type that stands for both, if it is more than JSON text: an integer is a number, and
    /// every value that is no object or array has a text.
    fn common(&self, join: Join, one: ColumnType, other: ColumnType) -> Option<ColumnType> {
        if one == other {
            return Some(one);
        }
        if join == Join::All || !is_scalar(&one) || !is_scalar(&other) {
            return None;
        }
        let numeric = [self.integer(), self.big_integer(), self.number()];
        let width = |of: &ColumnType| numeric.iter().position(|numeric| numeric == of);
        Some(match (width(&one), width(&other)) {
            (Some(of_one), Some(of_other)) if of_one > of_other => one,
            (Some(_), Some(_)) => other,
            (None, _) | (_, None) => ColumnType::Text,
        })
    }

    fn named(
        &mut self,
        name: &str,
        keywords: Keywords<'_>,
        path: &Path<'_>,
        levels: usize,
    ) -> Meaning {
        let whole = || {
            if keywords.airbyte_type == Some("big_integer") {
                self.big_integer()
            } else {
                self.integer()
            }
        };
        Meaning::Is(match name {
            "null" => return Meaning::Null,
            "boolean" => ColumnType::Boolean,
            "integer" | "int" => whole(),
            "number" if matches!(keywords.airbyte_type, Some("integer" | "big_integer")) => whole(),
            "number" => self.number(),
            "string" => self.string(keywords, path),
            // That it is an object is known, even where its inside is not; so with arrays.
            "object" => {
                return self.object(keywords, path, levels).or(Meaning::Is(ColumnType::JsonText));
            }
            "array" => {
                return self.array(keywords, path, levels).or(Meaning::Is(ColumnType::JsonText));
            }
            _ => return unknown_type(&Value::String(name.to_owned())),
        })
    }

    fn integer(&self) -> ColumnType {
        match self.options.integers {
            Integers::Int64 => ColumnType::Integer,
            Integers::Decimal => ColumnType::BigInteger,
            Integers::Text => ColumnType::IntegerText,
        }
    }

    fn big_integer(&self) -> ColumnType {
        match self.options.integers {
            Integers::Int64 | Integers::Decimal => ColumnType::BigInteger,
            Integers::Text => ColumnType::IntegerText,
        }
    }

    fn time(&self, zone: Zone) -> ColumnType {
        match self.options.times {
            Times::Text => ColumnType::TimeText(zone),
            Times::Typed => ColumnType::Time(zone),
        }
    }

    fn number(&self) -> ColumnType {
        match self.options.numbers {
            Numbers::Double => ColumnType::Double,
            Numbers::Decimal { precision, scale } => ColumnType::Decimal { precision, scale },
            Numbers::Text => ColumnType::NumberText,
        }
    }

    fn string(&mut self, keywords: Keywords<'_>, path: &Path<'_>) -> ColumnType {
        let Keywords { format, airbyte_type, .. } = keywords;
        match format {
            Some("date") => ColumnType::Date,
            Some("time") => self.time(zone(airbyte_type == Some("time_without_timezone"))),
            Some("date-time") => {
                ColumnType::Timestamp(zone(airbyte_type == Some("timestamp_without_timezone")))
            }
            Some(plain) if PLAIN_FORMATS.split(' ').any(|format| format == plain) => {
                ColumnType::Text
            }
            Some(unknown) => {
                let format = clipped(unknown);
                let says = format!(
                    "has the format {format:?}, which is not known; it is written as a string"
                );
                self.warnings.add(path, says);
                ColumnType::Text
            }
            // The numeric ones too: a type that is left a string has values which no number type of
            // ours may hold.
            None => match airbyte_type {
                Some("timestamp_with_timezone") => ColumnType::Timestamp(Zone::Utc),
                Some("timestamp_without_timezone") => ColumnType::Timestamp(Zone::Local),
                Some("time_with_timezone") => self.time(Zone::Utc),
                Some("time_without_timezone") => self.time(Zone::Local),
                Some(_) | None => ColumnType::Text,
            },
        }
    }

    /// Silent if there is nothing to go by.
    fn object(&mut self, keywords: Keywords<'_>, path: &Path<'_>, levels: usize) -> Meaning {
        match (keywords.properties, self.options.nested) {
            (None, _) => Meaning::Silent,
            (Some(_), Nested::Json) => Meaning::Is(ColumnType::JsonText),
            (Some(properties), Nested::Typed) => self.deeper(levels, |mapper, levels| {
                let declared =
                    properties.iter().map(|(name, schema)| (name.as_str(), schema)).collect();
                Meaning::Is(ColumnType::Struct(mapper.fields(declared, &[], Some(path), levels)))
            }),
        }
    }

    /// Silent if there is nothing to go by.
    fn array(&mut self, keywords: Keywords<'_>, path: &Path<'_>, levels: usize) -> Meaning {
        let path = Path::Element(path);
        match (keywords.items, self.options.nested) {
            (Some(Value::Object(_) | Value::String(_) | Value::Array(_)), Nested::Json) => {
                Meaning::Is(ColumnType::JsonText)
            }
            (
                Some(items @ (Value::Object(_) | Value::String(_) | Value::Array(_))),
                Nested::Typed,
            ) => self.deeper(levels, |mapper, levels| {
                let element = match items {
                    Value::Array(schemas) if schemas.is_empty() => Meaning::Silent,
                    Value::Array(schemas) => {
                        mapper.joined(Join::Any, &path, schemas, |mapper, schema| {
                            mapper.meaning(schema, Keywords::default(), &path, levels)
                        })
                    }
                    schema => mapper.meaning(schema, Keywords::default(), &path, levels),
                };
                let element = match element {
                    Meaning::Silent => return Meaning::Silent,
                    Meaning::Null => ColumnType::JsonText,
                    Meaning::Is(column_type) => column_type,
                    Meaning::Odd(says) => {
                        mapper.warnings.add(&path, format!("{says}; it is written as JSON text"));
                        ColumnType::JsonText
                    }
                };
                Meaning::Is(ColumnType::List(Box::new(element)))
            }),
            (Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None, _) => Meaning::Silent,
        }
    }

    /// One level down, if there is one.
    fn deeper(&mut self, levels: usize, then: impl FnOnce(&mut Self, usize) -> Meaning) -> Meaning {
        match levels {
            0 | 1 => Meaning::Is(ColumnType::JsonText),
            _ => then(self, levels - 1),
        }
    }

    /// A type of the schemas that `$ref: ...WellKnownTypes.json#/definitions/...` names.
    fn well_known(&self, target: &str) -> Option<ColumnType> {
        let (file, name) = target.rsplit_once("#/definitions/")?;
        if !file.ends_with("WellKnownTypes.json") {
            return None;
        }
        Some(match name {
            "String" | "BinaryData" => ColumnType::Text,
            "Date" => ColumnType::Date,
            "TimestampWithTimezone" => ColumnType::Timestamp(Zone::Utc),
            "TimestampWithoutTimezone" => ColumnType::Timestamp(Zone::Local),
            "TimeWithTimezone" => self.time(Zone::Utc),
            "TimeWithoutTimezone" => self.time(Zone::Local),
            "Number" => self.number(),
            "Integer" => self.integer(),
            "Boolean" => ColumnType::Boolean,
            _ => return None,
        })
    }
}

/// Whether values of a type are neither objects nor arrays.
fn is_scalar(column_type: &ColumnType) -> bool {
    match column_type {
        ColumnType::JsonText | ColumnType::Struct(_) | ColumnType::List(_) => false,
        ColumnType::Boolean
        | ColumnType::Integer
        | ColumnType::BigInteger
        | ColumnType::Double
        | ColumnType::Decimal { .. }
        | ColumnType::NumberText
        | ColumnType::IntegerText
        | ColumnType::Text
        | ColumnType::Date
        | ColumnType::Time(_)
        | ColumnType::TimeText(_)
        | ColumnType::Timestamp(_) => true,
    }
}

fn zone(without: bool) -> Zone {
    if without { Zone::Local } else { Zone::Utc }
}

/// JSON Schema's seven, and `int`, which Airbyte's own destinations take too.
fn is_type(name: &str) -> bool {
    matches!(
        name,
        "null" | "boolean" | "integer" | "int" | "number" | "string" | "object" | "array"
    )
}

fn unknown_type(odd: &Value) -> Meaning {
    Meaning::Odd(format!("has the type {}, which is not known", clipped(&odd.to_string())))
}

#[cfg(test)]
mod tests;
