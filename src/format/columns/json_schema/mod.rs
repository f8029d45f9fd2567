//! Maps JSON schemas to columns.
//!
//! In: a stream's declared properties with their schemas, as the catalog has them. Out: one
//! [`Field`] each, in the same order, and warnings for the user where a column is not what its
//! schema asks for.
//!
//! Invariants
//! - Total: any JSON is accepted as a schema. What cannot be understood becomes JSON text, which
//!   can hold every value.
//! - Linear: each part of a schema is visited once, whichever keywords lead to it, and nothing is
//!   visited below [`MAX_LEVELS`] levels. This is why branches inherit only the plain keywords of
//!   the schema around them.
//! - No struct is empty, and within a level no two names are the same to a reader that ignores
//!   case.
//! - Warnings are about columns of the file. If a part of a schema ends up inside JSON text, the
//!   warnings about it are dropped.
//!
//! Not here: which values fit a type (`decode`), how names are made fit for files
//! (`format::column_names`), the metadata columns (`table_schema`).

mod scalars;
mod warnings;

use serde_json::{Map, Value};

use self::scalars::{is_scalar, is_type};
use self::warnings::{SchemaPath, Warnings};
use super::types::{ColumnType, Field};
use crate::format::column_names::{clipped, file_names};
use crate::format::{Nested, TypeOptions};

/// How many levels types may nest; anything deeper becomes JSON text. A `oneOf` and the like counts
/// as a level.
const MAX_LEVELS: usize = 32;

/// The columns of a stream's declared properties, and the warnings about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DataColumns {
    /// The columns in the schema's order.
    pub fields: Vec<Field>,
    /// Sentences that begin with `column "..."`; the last one may count further columns.
    pub warnings: Vec<String>,
}

/// Maps a stream's properties, whose names are unique, to columns.
///
/// `reserved` are the names of our own columns in the file. Properties named in `metadata` are left
/// out: the metadata columns take their values.
#[must_use]
pub(super) fn data_columns(
    properties: &[(String, Value)],
    options: &TypeOptions,
    metadata: &[&str],
    reserved: &[&str],
) -> DataColumns {
    let mut mapper = Mapper { options, warnings: Warnings::default() };
    let declared = properties.iter().map(|(name, schema)| (name.as_str(), schema));
    let declared = declared.filter(|(name, _)| !metadata.contains(name)).collect();
    let fields = mapper.fields(declared, reserved, None, MAX_LEVELS);
    DataColumns { fields, warnings: mapper.warnings.sentences() }
}

/// Maps one schema to a type. Any JSON has one.
#[must_use]
#[cfg(test)]
pub(super) fn column_type(schema: &Value, options: &TypeOptions) -> ColumnType {
    Mapper { options, warnings: Warnings::default() }.column(
        schema,
        &SchemaPath::Column(""),
        MAX_LEVELS,
    )
}

/// What a schema says about the type of its values.
#[derive(Debug)]
enum Meaning {
    /// Only null is allowed.
    Null,
    /// Nothing: it is `{}` or `true`, or its keywords leave the type open.
    Open,
    /// Something unsupported, described for the message `column "x" ...`.
    Unsupported(String),
    /// The type.
    Is(ColumnType),
}

impl Meaning {
    /// This meaning, or `otherwise` if this one is open.
    fn or(self, otherwise: Self) -> Self {
        match self {
            Self::Open => otherwise,
            Self::Null | Self::Unsupported(_) | Self::Is(_) => self,
        }
    }
}

/// How the meanings of several schemas combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Combination {
    /// A value matches one of the schemas.
    Any,
    /// A value matches all of them.
    All,
}

/// The keywords that refine a type's name.
#[derive(Clone, Copy, Debug, Default)]
struct Keywords<'a> {
    format: Option<&'a str>,
    airbyte_type: Option<&'a str>,
    /// `None` also for an empty object, which declares nothing.
    properties: Option<&'a Map<String, Value>>,
    items: Option<&'a Value>,
}

impl<'a> Keywords<'a> {
    fn of(schema: &'a Map<String, Value>, outer: Self) -> Self {
        let text = |name| schema.get(name).and_then(Value::as_str);
        Self {
            format: text("format").or(outer.format),
            airbyte_type: text("airbyte_type").or(outer.airbyte_type),
            properties: schema
                .get("properties")
                .and_then(Value::as_object)
                .filter(|some| !some.is_empty()),
            items: schema.get("items"),
        }
    }

    /// What a branch inherits: not `properties` and `items`. Every branch of every level would
    /// visit them again, so that a small schema could take exponential time.
    fn for_branches(self) -> Self {
        Self { properties: None, items: None, ..self }
    }
}

/// Maps the schemas of one stream.
struct Mapper<'o> {
    options: &'o TypeOptions,
    warnings: Warnings,
}

// `levels` is always how many levels the resulting type may have.
impl Mapper<'_> {
    /// The fields of one level.
    fn fields(
        &mut self,
        declared: Vec<(&str, &Value)>,
        reserved: &[&str],
        outer: Option<&SchemaPath<'_>>,
        levels: usize,
    ) -> Vec<Field> {
        let names: Vec<&str> = declared.iter().map(|(name, _)| *name).collect();
        let mut fields = Vec::with_capacity(declared.len());
        for ((source_name, schema), file_name) in
            declared.into_iter().zip(file_names(&names, reserved, self.options.names))
        {
            let path = SchemaPath::of(outer, source_name);
            if let Some(message) = file_name.warning(source_name) {
                self.warnings.add(&path, message);
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

    /// The type of a schema's values.
    fn column(&mut self, schema: &Value, path: &SchemaPath<'_>, levels: usize) -> ColumnType {
        let meaning = self.meaning(schema, Keywords::default(), path, levels);
        self.resolve(meaning, path)
    }

    /// Returns the type of a meaning. A meaning that is not a type becomes JSON text, with or
    /// without a warning.
    fn resolve(&mut self, meaning: Meaning, path: &SchemaPath<'_>) -> ColumnType {
        match meaning {
            Meaning::Is(column_type) => column_type,
            Meaning::Null | Meaning::Open => ColumnType::JsonText,
            Meaning::Unsupported(message) => {
                self.warnings.add(path, format!("{message}; it is written as JSON text"));
                ColumnType::JsonText
            }
        }
    }

    /// The meaning of a schema. It inherits the keywords of `outer`, the schema around it.
    fn meaning(
        &mut self,
        schema: &Value,
        outer: Keywords<'_>,
        path: &SchemaPath<'_>,
        levels: usize,
    ) -> Meaning {
        match schema {
            Value::Object(schema) => {
                let keywords = Keywords::of(schema, outer);
                let before = self.warnings.len();
                let own = self.without_branches(schema, keywords, path, levels);
                // Branches only narrow a known type. They matter where the type is open, or where
                // nothing is declared about the inside of an object or array.
                match own {
                    Meaning::Open => self.branches(schema, keywords.for_branches(), path, levels),
                    Meaning::Is(ColumnType::JsonText) => {
                        let own_warnings = self.warnings.split_off(before);
                        match self.branches(schema, keywords.for_branches(), path, levels) {
                            Meaning::Open => {
                                self.warnings.append(own_warnings);
                                own
                            }
                            known => known,
                        }
                    }
                    Meaning::Null | Meaning::Unsupported(_) | Meaning::Is(_) => own,
                }
            }
            // The name of a type instead of a schema.
            Value::String(name) => self.named(name, outer, path, levels),
            // Many schemas are written in YAML, in which `null` without quotes is not a string.
            Value::Null => Meaning::Null,
            Value::Bool(_) => Meaning::Open,
            Value::Number(_) | Value::Array(_) => Meaning::Unsupported(format!(
                "has the schema {}, which is not a JSON schema",
                clipped(&schema.to_string())
            )),
        }
    }

    /// The meaning of a schema without its `oneOf`, `anyOf` and `allOf`.
    fn without_branches(
        &mut self,
        schema: &Map<String, Value>,
        keywords: Keywords<'_>,
        path: &SchemaPath<'_>,
        levels: usize,
    ) -> Meaning {
        let declared = schema.get("type");
        if let Some(Value::String(target)) = schema.get("$ref") {
            if let Some(known) = self.well_known(target) {
                return Meaning::Is(known);
            }
            if declared.is_none() {
                return Meaning::Unsupported(format!(
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
                container.or(if declared.is_some() { Meaning::Null } else { Meaning::Open })
            }
            Some(other) => unknown_type(other),
        }
    }

    /// The meaning of `type: [...]`: any of these types.
    fn listed(
        &mut self,
        types: &[Value],
        keywords: Keywords<'_>,
        path: &SchemaPath<'_>,
        levels: usize,
    ) -> Meaning {
        if types.is_empty() {
            return Meaning::Unsupported("has an empty list of types".to_owned());
        }
        // Each type once, so that the inside of a container is visited once, however often its type
        // is repeated.
        let mut names: Vec<&str> = Vec::new();
        for entry in types {
            match entry {
                Value::String(name) if names.contains(&name.as_str()) => {}
                Value::String(name) if is_type(name) => names.push(name),
                Value::Null => {}
                other => return unknown_type(other),
            }
        }
        self.combined(Combination::Any, path, &names, |mapper, name| {
            mapper.named(name, keywords, path, levels)
        })
    }

    /// The meaning of `oneOf`, `anyOf` or `allOf`, whichever is the first to have branches.
    fn branches(
        &mut self,
        schema: &Map<String, Value>,
        outer: Keywords<'_>,
        path: &SchemaPath<'_>,
        levels: usize,
    ) -> Meaning {
        let found =
            [("oneOf", Combination::Any), ("anyOf", Combination::Any), ("allOf", Combination::All)]
                .into_iter()
                .find_map(|(name, combination)| {
                    Some((
                        combination,
                        schema.get(name)?.as_array().filter(|some| !some.is_empty())?,
                    ))
                });
        match found {
            Some((combination, branches)) => self.deeper(levels, |mapper, levels| {
                mapper.combined(combination, path, branches, |mapper, branch| {
                    mapper.meaning(branch, outer, path, levels)
                })
            }),
            None => Meaning::Open,
        }
    }

    /// The combined meaning of several parts. Null is left out, as every column may be null.
    fn combined<T>(
        &mut self,
        combination: Combination,
        path: &SchemaPath<'_>,
        parts: &[T],
        mut meaning: impl FnMut(&mut Self, &T) -> Meaning,
    ) -> Meaning {
        let before = self.warnings.len();
        let mut agreed: Option<ColumnType> = None;
        let mut after_first = before;
        let mut is_mixed = false;
        for part in parts {
            let found = match (meaning(self, part), combination) {
                (Meaning::Null, _) | (Meaning::Open, Combination::All) => continue,
                (Meaning::Is(found), _) => found,
                (unsure @ (Meaning::Open | Meaning::Unsupported(_)), _) => {
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
                    // Parts that agree have the same warnings.
                    self.warnings.truncate(after_first);
                    match self.common(combination, known, found) {
                        Some(common) => Some(common),
                        None => {
                            self.warnings.truncate(before);
                            if combination == Combination::All {
                                return Meaning::Is(ColumnType::JsonText);
                            }
                            // The remaining parts are still looked at: one of them may be open or
                            // unsupported, which is then the meaning of all.
                            after_first = before;
                            is_mixed = true;
                            Some(ColumnType::JsonText)
                        }
                    }
                }
            };
        }
        if is_mixed {
            let message = "has several types, some of them objects or arrays; it is written as \
                        JSON text, in which strings have quotes";
            self.warnings.add(path, message.to_owned());
        }
        match (agreed, combination) {
            (Some(agreed), _) => Meaning::Is(agreed),
            (None, Combination::Any) => Meaning::Null,
            (None, Combination::All) => Meaning::Open,
        }
    }

    /// The type that can hold the values of both, if there is one besides JSON text: every integer
    /// is a number, and every value that is not an object or an array can be written as text.
    fn common(
        &self,
        combination: Combination,
        one: ColumnType,
        other: ColumnType,
    ) -> Option<ColumnType> {
        if one == other {
            return Some(one);
        }
        if combination == Combination::All || !is_scalar(&one) || !is_scalar(&other) {
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

    /// The meaning of a type's name.
    fn named(
        &mut self,
        name: &str,
        keywords: Keywords<'_>,
        path: &SchemaPath<'_>,
        levels: usize,
    ) -> Meaning {
        let integer = || {
            if keywords.airbyte_type == Some("big_integer") {
                self.big_integer()
            } else {
                self.integer()
            }
        };
        Meaning::Is(match name {
            "null" => return Meaning::Null,
            "boolean" => ColumnType::Boolean,
            "integer" | "int" => integer(),
            "number" if matches!(keywords.airbyte_type, Some("integer" | "big_integer")) => {
                integer()
            }
            "number" => self.number(),
            "string" => self.string(keywords, path),
            // Even if nothing is known about its inside, it is an object; likewise with arrays.
            "object" => {
                return self.object(keywords, path, levels).or(Meaning::Is(ColumnType::JsonText));
            }
            "array" => {
                return self.array(keywords, path, levels).or(Meaning::Is(ColumnType::JsonText));
            }
            _ => return unknown_type(&Value::String(name.to_owned())),
        })
    }

    /// Open if nothing is declared about its inside.
    fn object(&mut self, keywords: Keywords<'_>, path: &SchemaPath<'_>, levels: usize) -> Meaning {
        match (keywords.properties, self.options.nested) {
            (None, _) => Meaning::Open,
            (Some(_), Nested::Json) => Meaning::Is(ColumnType::JsonText),
            (Some(properties), Nested::Typed) => self.deeper(levels, |mapper, levels| {
                let declared =
                    properties.iter().map(|(name, schema)| (name.as_str(), schema)).collect();
                Meaning::Is(ColumnType::Struct(mapper.fields(declared, &[], Some(path), levels)))
            }),
        }
    }

    /// Open if nothing is declared about its inside.
    fn array(&mut self, keywords: Keywords<'_>, path: &SchemaPath<'_>, levels: usize) -> Meaning {
        let path = SchemaPath::Element(path);
        match (keywords.items, self.options.nested) {
            (Some(Value::Object(_) | Value::String(_) | Value::Array(_)), Nested::Json) => {
                Meaning::Is(ColumnType::JsonText)
            }
            (
                Some(items @ (Value::Object(_) | Value::String(_) | Value::Array(_))),
                Nested::Typed,
            ) => self.deeper(levels, |mapper, levels| {
                let element = match items {
                    Value::Array(schemas) if schemas.is_empty() => Meaning::Open,
                    Value::Array(schemas) => {
                        mapper.combined(Combination::Any, &path, schemas, |mapper, schema| {
                            mapper.meaning(schema, Keywords::default(), &path, levels)
                        })
                    }
                    schema => mapper.meaning(schema, Keywords::default(), &path, levels),
                };
                if let Meaning::Open = element {
                    return Meaning::Open;
                }
                let element = mapper.resolve(element, &path);
                Meaning::Is(ColumnType::List(Box::new(element)))
            }),
            (Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None, _) => Meaning::Open,
        }
    }

    /// Goes one level down, if the limit allows.
    fn deeper(&mut self, levels: usize, then: impl FnOnce(&mut Self, usize) -> Meaning) -> Meaning {
        match levels {
            0 | 1 => Meaning::Is(ColumnType::JsonText),
            _ => then(self, levels - 1),
        }
    }
}

fn unknown_type(name: &Value) -> Meaning {
    Meaning::Unsupported(format!("has the type {}, which is not known", clipped(&name.to_string())))
}

#[cfg(test)]
mod tests;
