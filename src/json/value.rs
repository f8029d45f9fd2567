//! Builds a value from a whole JSON text: for settings and catalogs, which are read once.
//!
//! In: the text of a file. Out: a [`Value`], or what is wrong and where, with the part before it.
//!
//! Everything that RFC 8259 allows is accepted, including texts that `serde_json` refuses:
//! - half a surrogate pair becomes U+FFFD;
//! - a number outside the range of a double becomes the nearest double;
//! - arrays and objects deeper than [`KEPT_LEVELS`] levels are checked and replaced by null;
//! - of several members of one name the last counts.
//!
//! Invariants
//! - No recursion: nesting takes memory in proportion to the text, and no stack.
//! - The value has at most [`KEPT_LEVELS`] levels, so that recursion over it is safe, and dropping
//!   it is too.
//!
//! Not here: records, which never become values.

use serde_json::{Map, Number, Value};

use super::error::{error, unexpected};
use super::grammar::{self, Step};
use super::{JsonError, JsonFault, ValueKind, text};

/// The most levels of arrays and objects that a value has. Types nest at most 32 levels deep
/// (`format::columns::json_schema`), with two levels of JSON for each.
pub(crate) const KEPT_LEVELS: usize = 128;

/// A text that is not JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broken {
    /// What is wrong, and where.
    pub error: JsonError,
    /// The line of that place, from 1.
    pub line: usize,
    /// The column of that place in bytes, from 1 (0: before the first).
    pub column: usize,
    /// The value before that place, as if everything open were closed there.
    pub before: Value,
}

/// An array or object that is being read.
enum Open {
    Array(Vec<Value>),
    /// With the name of the member that is being read.
    Object(Box<(Map<String, Value>, String)>),
    LeftOutArray,
    LeftOutObject,
}

/// Reads a whole text.
///
/// # Errors
/// [`Broken`] if the text is not JSON or not UTF-8: the user must replace it.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Box<Broken>> {
    let mut open = Vec::new();
    let valid = match std::str::from_utf8(text) {
        Ok(text) => text.len(),
        Err(error) => error.valid_up_to(),
    };
    let (readable, _) = text.split_at(valid);
    read(readable, &mut open).map_err(|error| {
        let cut = valid < text.len() && error.fault == JsonFault::End;
        let error = if cut { JsonError { at: valid, fault: JsonFault::Utf8 } } else { error };
        let before_fault = text.get(..error.at).unwrap_or(text);
        let line_start = memchr::memrchr(b'\n', before_fault).map_or(0, |end| end + 1);
        let column = error.at + usize::from(error.at < text.len()) - line_start;
        let line = 1 + memchr::memchr_iter(b'\n', before_fault).count();
        let before = open.drain(..).rev().fold(Value::Null, |inner, mut container: Open| {
            if inner != Value::Null {
                container.add(inner);
            }
            container.into_value()
        });
        Box::new(Broken { error, line, column, before })
    })
}

fn read(text: &[u8], open: &mut Vec<Open>) -> Result<Value, JsonError> {
    let mut pos = grammar::whitespace(text, 0);
    loop {
        let (mut value, mut end) = match text.get(pos) {
            Some(bracket @ (b'{' | b'[')) => {
                let is_object = *bracket == b'{';
                let mut container = Open::new(is_object, open.len());
                match grammar::first(text, pos, container.closing()) {
                    Step::Closed(end) => (container.into_value(), end),
                    Step::Next(at) => {
                        pos = if is_object { container.enter_member(text, at)? } else { at };
                        open.push(container);
                        continue;
                    }
                }
            }
            _ => {
                let found = grammar::value(text, pos)?;
                let is_kept =
                    !matches!(open.last(), Some(Open::LeftOutArray | Open::LeftOutObject));
                let scalar = text.get(pos..found.end).unwrap_or_default();
                let value = if is_kept { scalar_value(scalar, found) } else { Value::Null };
                (value, found.end)
            }
        };
        pos = loop {
            let Some(mut container) = open.pop() else {
                let rest = grammar::whitespace(text, end);
                return if rest == text.len() {
                    Ok(value)
                } else {
                    Err(error(rest, JsonFault::Trailing))
                };
            };
            container.add(std::mem::take(&mut value));
            let step = grammar::next(text, end, container.closing());
            match step {
                Ok(Step::Next(at)) => {
                    let entered = match &container {
                        Open::Object(_) | Open::LeftOutObject => container.enter_member(text, at),
                        Open::Array(_) | Open::LeftOutArray => Ok(at),
                    };
                    open.push(container);
                    break entered?;
                }
                Ok(Step::Closed(closed)) => (value, end) = (container.into_value(), closed),
                Err(error) => {
                    open.push(container);
                    return Err(error);
                }
            }
        };
    }
}

fn scalar_value(text: &[u8], found: grammar::ValueAt) -> Value {
    match found.kind {
        ValueKind::True => Value::Bool(true),
        ValueKind::False => Value::Bool(false),
        ValueKind::Number => number(text).map_or(Value::Null, Value::Number),
        ValueKind::String => {
            let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            Value::String(text::decoded(inner, found.escaped).into_owned())
        }
        ValueKind::Null | ValueKind::Array | ValueKind::Object => Value::Null,
    }
}

/// Returns integers of 64 bits exactly, and other numbers as the nearest double.
fn number(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let nearest: f64 = text.parse().ok()?;
    Number::from_f64(nearest.clamp(f64::MIN, f64::MAX))
}

impl Open {
    fn new(is_object: bool, levels_around: usize) -> Self {
        match (is_object, levels_around < KEPT_LEVELS) {
            (true, true) => Self::Object(Box::default()),
            (false, true) => Self::Array(Vec::new()),
            (true, false) => Self::LeftOutObject,
            (false, false) => Self::LeftOutArray,
        }
    }

    fn closing(&self) -> u8 {
        match self {
            Self::Object(_) | Self::LeftOutObject => b'}',
            Self::Array(_) | Self::LeftOutArray => b']',
        }
    }

    /// Reads the key at `pos` and returns the position of its value.
    fn enter_member(&mut self, text: &[u8], pos: usize) -> Result<usize, JsonError> {
        let key = grammar::key(text, pos)?;
        if let Self::Object(object) = self {
            object.1 = text::decoded(text.get(key.start..key.end).unwrap_or_default(), key.escaped)
                .into_owned();
        }
        if key.value >= text.len() {
            Err(unexpected(text, key.value, JsonFault::Value))
        } else {
            Ok(key.value)
        }
    }

    fn add(&mut self, value: Value) {
        match self {
            Self::Array(elements) => elements.push(value),
            Self::Object(object) => {
                let name = std::mem::take(&mut object.1);
                object.0.insert(name, value);
            }
            Self::LeftOutArray | Self::LeftOutObject => {}
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Array(elements) => Value::Array(elements),
            Self::Object(object) => Value::Object(object.0),
            Self::LeftOutArray | Self::LeftOutObject => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
            Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    #[test]
    fn texts_that_serde_json_refuses_are_accepted() {
        for (text, value) in [
            (
                r#"{"type":"string","description":"cut \ud83d"}"#,
                json!({"type": "string", "description": "cut \u{fffd}"}),
            ),
            (r#"{"\udc00":["\ud83d\ude00"]}"#, json!({"\u{fffd}": ["😀"]})),
            ("1e400", json!(f64::MAX)),
            ("[-1E+999,1e-400]", json!([f64::MIN, 0.0])),
            ("18446744073709551615", json!(u64::MAX)),
            ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
            ("-9223372036854775808", json!(i64::MIN)),
            (" {\"a\" : [ ] , \"b\":{ } } ", json!({"a": [], "b": {}})),
            (r#"{"a":1,"b":2,"a":[3]}"#, json!({"a": [3], "b": 2})),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(value), "{text}");
        }
        for levels in [61, 121, 127, 128, 129, 1_024, 5_000, 300_000] {
            let arrays = "[".repeat(levels) + &"]".repeat(levels);
            let objects = r#"{"a":"#.repeat(levels) + "7" + &"}".repeat(levels);
            for text in [arrays, objects] {
                let value = parse(text.as_bytes()).unwrap();
                assert_eq!(depth(&value), levels.min(KEPT_LEVELS), "{levels}");
            }
        }
    }

    #[test]
    fn an_error_has_its_place_and_the_value_before_it() {
        for (text, told, line, column, before) in [
            (&b""[..], "the JSON text ends too early", 1, 0, json!(null)),
            (b"{\"streams\": [", "the JSON text ends too early", 1, 13, json!({"streams": []})),
            (
                b"{\n  \"a\" \"x\"",
                "a colon is expected after a JSON member name",
                2,
                7,
                json!(null),
            ),
            (b"[1] x", "something follows the JSON value", 1, 5, json!(null)),
            (b"{\"k\": \"\xff\"}", "the text is not UTF-8", 1, 8, json!({})),
            (
                b"{\"streams\":[{\"name\":\"a\"},\n{\"name\":\"b\",\"maximum\":NaN}]}",
                "NaN is not a JSON number",
                2,
                23,
                json!({"streams": [{"name": "a"}, {"name": "b"}]}),
            ),
        ] {
            let broken = parse(text).unwrap_err();
            assert_eq!(broken.error.fault.to_string(), told);
            assert_eq!((broken.line, broken.column), (line, column), "{told}");
            assert_eq!(broken.before, before, "{told}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn what_serde_json_reads_has_the_same_value(
            value in prop_oneof![
                any::<i64>().prop_map(Value::from),
                "\\PC{0,5}".prop_map(Value::from),
                Just(Value::Null),
            ]
                .prop_recursive(6, 40, 5, |inner| prop_oneof![
                    prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                    prop::collection::vec(("[a-c\\\\\"é]{0,2}", inner), 0..5)
                        .prop_map(|members| Value::Object(members.into_iter().collect())),
                ]),
            pretty in any::<bool>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(parse(text.as_bytes()), Ok(value));
            let cut = &text.as_bytes()[..cut.index(text.len())];
            prop_assert_eq!(parse(cut).is_ok(), serde_json::from_slice::<Value>(cut).is_ok());
        }
    }
}
