//! Deep, large and random schemas: any JSON has sound columns, in linear time.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[test]
fn schemas_deeper_than_the_limit_end_in_json_text() {
    let nested = |levels: usize, around: fn(Value) -> Value| {
        let schema = (1..levels).fold(json!({"type": "string"}), |inner, _| around(inner));
        depth(&column_type(&schema, &TYPED))
    };
    let list: fn(Value) -> Value = |items| json!({"type": "array", "items": items});
    let object: fn(Value) -> Value = |inner| json!({"type": "object", "properties": {"a": inner}});
    let nullable: fn(Value) -> Value =
        |inner| json!({"anyOf": [{"type": "array", "items": inner}, {"type": "null"}]});
    for (levels, around, expected) in [
        (1, list, (1, true)),
        (32, list, (32, true)),
        (33, list, (32, false)),
        (60, list, (32, false)),
        (32, object, (32, true)),
        (33, object, (32, false)),
        (16, nullable, (16, true)),
        (17, nullable, (16, false)),
        (60, nullable, (16, false)),
    ] {
        assert_eq!(nested(levels, around), expected, "{levels} levels");
    }
    let branches = (0..100).fold(json!("string"), |inner, _| json!({"oneOf": [inner]}));
    assert_eq!(column_type(&branches, &TYPED), ColumnType::JsonText);
}

/// How many levels a type has, following the first member of each struct, and whether the last is a
/// string.
fn depth(of: &ColumnType) -> (usize, bool) {
    let (inner, text) = match of {
        ColumnType::Struct(fields) => depth(&fields[0].column_type),
        ColumnType::List(element) => depth(element),
        other => return (1, *other == ColumnType::Text),
    };
    (inner + 1, text)
}

/// If a part was visited once per branch or per repeated type, these would not end.
#[test]
fn no_schema_takes_exponential_time() {
    let inside = |inner: Value, types: Value| {
        let branch = json!({"type": types, "format": "x"});
        json!({"type": types, "properties": {"a": inner}, "items": "string",
            "oneOf": ["object", "object", "object", branch]})
    };
    for types in
        [json!(["object", "object", "object"]), json!(["object", "array"]), json!([]), Value::Null]
    {
        let schema = (0..60)
            .fold(json!({"oneOf": ["string", "object"]}), |inner, _| inside(inner, types.clone()));
        for options in [TYPED, AS_JSON] {
            assert_sound(&column_type(&schema, &options), MAX_LEVELS);
        }
    }
    let wide = json!({"oneOf": vec![json!({"properties": {"a": "string",
        "b": {"items": "number"}}}); 20_000]});
    assert_eq!(type_name(&column_type(&wide, &TYPED)), "{a: text, b: [f64]}");
}

/// Panics if a type violates an invariant.
fn assert_sound(of: &ColumnType, levels: usize) {
    assert!(levels > 0, "too deep");
    match of {
        ColumnType::Struct(fields) => {
            assert!(!fields.is_empty());
            assert_sound_fields(fields, levels - 1);
        }
        ColumnType::List(element) => assert_sound(element, levels - 1),
        ColumnType::Decimal { precision, scale } => assert!(*precision <= 38 && scale <= precision),
        ColumnType::Boolean
        | ColumnType::Integer
        | ColumnType::BigInteger
        | ColumnType::Double
        | ColumnType::NumberText
        | ColumnType::IntegerText
        | ColumnType::TimeText(_)
        | ColumnType::Text
        | ColumnType::JsonText
        | ColumnType::Date
        | ColumnType::Time(_)
        | ColumnType::Timestamp(_) => {}
    }
}

fn assert_sound_fields(fields: &[Field], levels: usize) {
    let mut names = HashSet::new();
    for field in fields {
        assert!(names.insert(field.name.to_lowercase()), "{} is there twice", field.name);
        assert!(field.name.starts_with(&field.source_name));
        assert_sound(&field.column_type, levels);
    }
}

const WORDS: [&str; 24] = [
    "null",
    "boolean",
    "integer",
    "int",
    "number",
    "string",
    "object",
    "array",
    "potato",
    "date",
    "time",
    "date-time",
    "timestamp",
    "uri",
    "big_integer",
    "timestamp_without_timezone",
    "time_with_timezone",
    "a",
    "A",
    "A_2",
    "WellKnownTypes.json#/definitions/Number",
    "#/definitions/a",
    "",
    "İ",
];

const KEYS: [&str; 16] = [
    "type",
    "type",
    "properties",
    "properties",
    "items",
    "items",
    "oneOf",
    "anyOf",
    "allOf",
    "$ref",
    "format",
    "airbyte_type",
    "a",
    "A",
    "A_2",
    "İ",
];

/// Random JSON, made of words that mean something in a schema.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(WORDS.as_slice());
    let leaf = prop_oneof![
        6 => word.prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<i64>().prop_map(Value::from),
        1 => "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(12, 200, 6, |inner| {
        let key = prop_oneof![8 => prop::sample::select(KEYS.as_slice()).prop_map(str::to_owned),
                1 => "\\PC{0,4}"];
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            4 => prop::collection::vec((key, inner),
                0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// A schema of `nodes` parts that are combined at random.
fn grown(seed: u64, nodes: usize) -> Value {
    let mut state = seed | 1;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let with = |schema: Value, key: &str, inner: Value| {
        let mut schema = schema;
        schema[key] = inner;
        schema
    };
    let mut parts: Vec<Value> = Vec::new();
    for _ in 0..nodes {
        // The last few parts go inside, so that the schema grows deep as well as wide.
        let mut inner: Vec<Value> = (0..draw(4)).filter_map(|_| parts.pop()).collect();
        parts.push(match (draw(8), inner.pop()) {
            (0..=3, None) => {
                json!({"type": ["null", WORDS[draw(10)]], "format": WORDS[9 + draw(5)]})
            }
            (_, None) => json!(WORDS[draw(WORDS.len())]),
            (0..=2, Some(last)) => {
                let member =
                    |(at, part): (usize, Value)| (format!("{}{at}", WORDS[17 + at % 2]), part);
                let properties = inner.into_iter().chain([last]).enumerate().map(member).collect();
                with(
                    json!({"type": WORDS[draw(8)], "oneOf": ["object", {}]}),
                    "properties",
                    properties,
                )
            }
            (3 | 4, Some(last)) => with(json!({"type": ["array", "null"]}), "items", last),
            (5, Some(last)) => {
                with(json!({"type": "array"}), "items", inner.into_iter().chain([last]).collect())
            }
            (6, Some(last)) => with(
                json!({"type": ["object", "null"]}),
                "anyOf",
                inner.into_iter().chain([last]).collect(),
            ),
            (_, Some(last)) => with(json!({}), "oneOf", inner.into_iter().chain([last]).collect()),
        });
    }
    let properties =
        parts.into_iter().enumerate().map(|(at, part)| (at.to_string(), part)).collect();
    with(json!({"type": "object"}), "properties", properties)
}

fn any_options() -> impl Strategy<Value = TypeOptions> {
    prop::sample::select(vec![TYPED, AS_JSON, DECIMAL, TEXT, ALL_TEXT])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_json_has_sound_columns(
        properties in prop::collection::vec(("[aAbİ]{0,2}(_2)?", any_json()), 0..6),
        options in any_options(),
    ) {
        let mut known = HashSet::new();
        let properties: Vec<_> =
            properties.into_iter().filter(|(name, _)| known.insert(name.clone())).collect();
        let DataColumns { fields, warnings } =
            data_columns(&properties, &options, &["b"], &["b", "A_2"]);
        let declared: Vec<&str> =
            properties.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "b").collect();
        prop_assert_eq!(
            fields.iter().map(|field| field.source_name.as_str()).collect::<Vec<_>>(),
            declared
        );
        assert_sound_fields(&fields, MAX_LEVELS);
        for name in fields.iter().map(|field| field.name.to_lowercase()) {
            prop_assert!(name != "b" && name != "a_2", "{name} is ours");
        }
        prop_assert!(warnings.len() <= 21);
        prop_assert!(warnings.iter().all(|warning| warning.starts_with("column \"")
            || warning.starts_with("and \
            ")));
        for ((_, schema), field) in properties.iter().filter(|(name, _)| name != "b").zip(&fields) {
            prop_assert_eq!(&column_type(schema, &options), &field.column_type);
            // Allowing null as well never changes a type.
            let nullable = json!({"anyOf": [{"type": "null"}, schema]});
            let shallow = depth_of_json(schema) < MAX_LEVELS - 1;
            prop_assert!(
                !shallow || column_type(&nullable, &options) == field.column_type,
                "{schema}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn large_schemas_are_sound_too(seed: u64, options in any_options()) {
        assert_sound(&column_type(&grown(seed, 2_000), &options), MAX_LEVELS);
    }
}

fn depth_of_json(value: &Value) -> usize {
    1 + match value {
        Value::Array(entries) => entries.iter().map(depth_of_json).max().unwrap_or(0),
        Value::Object(members) => members.values().map(depth_of_json).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
