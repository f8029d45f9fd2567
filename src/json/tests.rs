//! Compares the scanner with `serde_json` (the oracle), on texts as unusual as JSON allows and on
//! damaged ones. Tables cover what has no oracle.

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::damage::{DAMAGE, damage};
use super::*;
use crate::error::Classified;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, ..ProptestConfig::default() }
}

/// Any whitespace, mostly none.
fn whitespace() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just(String::new()), 1 => "[ \t\r\n]{1,3}", 1 => " {15,20}"]
}

/// A string as JSON text: plain runs around the size of a block, and every kind of escape except
/// half surrogate pairs.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z ]{0,20}",
        2 => "[^\"\\\\\\x00-\\x1f]{0,9}",
        1 => prop::sample::select(vec![
            r#"\""#, r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t",
        ])
        .prop_map(str::to_owned),
        1 => prop::sample::select(vec![r"\u0000", r"\u00e9", r"\uFFFF", r"\ud83d\uDE00"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,10})?([eE][+-]?[0-9]{1,2})?"
}

/// Any JSON text, with unusual spelling.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => string(),
        2 => number(),
        1 => prop::sample::select(vec!["null", "true", "false"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let spaced =
            (whitespace(), inner, whitespace()).prop_map(|(a, b, c)| format!("{a}{b}{c}")).boxed();
        let member = (whitespace(), string(), whitespace(), spaced.clone())
            .prop_map(|(a, k, b, v)| format!("{a}{k}{b}:{v}"));
        prop_oneof![
            prop::collection::vec(spaced, 0..6).prop_map(|all| format!("[{}]", all.join(","))),
            (prop::collection::vec(member, 0..6), whitespace()).prop_map(|(all, w)| {
                match all.is_empty() {
                    true => format!("{{{w}}}"),
                    false => format!("{{{}}}", all.join(",")),
                }
            }),
        ]
    })
}

fn kind_of(value: &Value) -> ValueKind {
    match value {
        Value::Null => ValueKind::Null,
        Value::Bool(false) => ValueKind::False,
        Value::Bool(true) => ValueKind::True,
        Value::Number(_) => ValueKind::Number,
        Value::String(_) => ValueKind::String,
        Value::Array(_) => ValueKind::Array,
        Value::Object(_) => ValueKind::Object,
    }
}

/// Reads one whole text, which only whitespace may follow.
fn whole(text: &[u8]) -> Result<Raw<'_>, JsonError> {
    let mut scanner = Scanner::new(text);
    let raw = scanner.value()?;
    if scanner.at_end() { Ok(raw) } else { Err(error::error(scanner.position(), JsonFault::Value)) }
}

/// Reads the members of an object in the three ways that the scanner has.
fn members_three_ways(text: &[u8]) -> Result<Vec<(String, Raw<'_>)>, JsonError> {
    let mut shown = Vec::new();
    let object =
        Scanner::new(text).members(|key, value| shown.push((key.to_text().into_owned(), value)))?;

    let mut list = Vec::new();
    let mut scanner = Scanner::new(text);
    assert_eq!(scanner.collect_members(&mut list)?, object);
    let collected: Vec<_> = list
        .iter()
        .map(|m| (m.key_in(object).to_text().into_owned(), m.value_in(object)))
        .collect();
    assert_eq!(collected, shown);

    let mut pulled = Vec::new();
    let mut one_by_one = Scanner::new(text);
    one_by_one.enter_object()?;
    while let Some(key) = one_by_one.next_key()? {
        pulled.push((key.to_text().into_owned(), one_by_one.value()?));
    }
    assert_eq!(pulled, shown);
    assert_eq!(one_by_one.position(), scanner.position());
    Ok(shown)
}

/// Compares a value with the oracle's, at all levels.
fn agrees(raw: Raw<'_>, oracle: &Value) {
    assert_eq!(raw.kind, kind_of(oracle));
    assert_eq!(whole(raw.text), Ok(raw), "a value's text is that value");
    assert_eq!(raw.to_text().as_deref(), oracle.as_str());
    if let Value::Object(_) = oracle {
        let Pairs(pairs) = serde_json::from_slice(raw.text).expect("the oracle accepted it");
        let members = members_three_ways(raw.text).expect("the object was accepted");
        assert_eq!(members.len(), pairs.len());
        for ((key, value), (oracle_key, oracle)) in members.iter().zip(&pairs) {
            assert_eq!(key, oracle_key);
            assert_eq!(serde_json::from_slice::<Value>(value.text).ok().as_ref(), Some(oracle));
            agrees(*value, oracle);
        }
    }
}

/// All members of an object, including repeated names.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

/// Whether the oracle accepts `text` as JSON. It makes no value of it, because grammar allows
/// numbers that no type can hold.
fn oracle_accepts(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn what_the_oracle_reads_has_the_same_members_and_values(
        text in json(),
        before in whitespace(),
        after in whitespace(),
    ) {
        let oracle: Value = serde_json::from_str(&text).expect("a generated text is JSON");
        let padded = format!("{before}{text}{after}");
        let raw = whole(padded.as_bytes()).expect("JSON is accepted");
        prop_assert_eq!(raw.text, text.as_bytes());
        agrees(raw, &oracle);
    }

    #[test]
    fn damaged_texts_are_accepted_exactly_if_the_oracle_accepts_them(
        text in json(),
        cuts in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(DAMAGE.to_vec())),
            1..3,
        ),
    ) {
        let mut bytes = text.into_bytes();
        for (at, change) in cuts {
            let at = at.index(bytes.len() + 1);
            damage(&mut bytes, at, change);
        }
        // The scanner's texts are UTF-8 by contract.
        if std::str::from_utf8(&bytes).is_ok() {
            let ours = whole(&bytes);
            prop_assert_eq!(
                ours.is_ok(),
                oracle_accepts(&bytes),
                "{:?}: {:?}",
                ours,
                String::from_utf8_lossy(&bytes)
            );
            if ours.is_ok() {
                let is_object = ours.is_ok_and(|raw| raw.kind == ValueKind::Object);
                prop_assert_eq!(members_three_ways(&bytes).is_ok(), is_object);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        json_like in "[\\[\\]{}\",:\\\\0-9eE.+\\-utrfalsn \\x00-\\x02]{0,60}",
    ) {
        for text in [bytes.as_slice(), json_like.as_bytes()] {
            if let Ok(raw) = whole(text) {
                let _ = (integer(&raw), raw.to_text());
            }
            let _ = members_three_ways(text);
            unescape(text, &mut Vec::new());
            let _ = integer(&Raw { kind: ValueKind::Number, text, escaped: false });
            if std::str::from_utf8(text).is_ok() {
                prop_assert_eq!(whole(text).is_ok(), oracle_accepts(text));
            }
        }
    }

    #[test]
    fn an_integer_is_exact_in_every_spelling(
        value in any::<i64>(),
        places in 0usize..25,
        tail in "[0-9]{0,4}",
    ) {
        // The same number with its point moved left, and an exponent that moves it back.
        let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
        let (whole_part, fraction) = digits.split_at(digits.len() - places);
        let sign = if value < 0 { "-" } else { "" };
        let text = format!("{sign}{whole_part}.{fraction}{tail}0E+{places}");
        let raw = Raw { kind: ValueKind::Number, text: text.as_bytes(), escaped: false };
        prop_assert_eq!(integer(&raw), Some(value), "{}", text);
    }
}

#[test]
fn faults_are_named_with_their_place() {
    use JsonFault::{
        Colon, CommaOrEnd, ControlCharacter, End, Escape, Key, NotAnObject, Number, TooDeep, Value,
    };
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    let deep_objects = |n: usize| r#"{"a":"#.repeat(n) + "1" + &"}".repeat(n);
    for (text, fault) in [
        (String::new(), (0, End)),
        ("[1".into(), (2, End)),
        ("\"abc".into(), (4, End)),
        ("tru".into(), (0, Value)),
        ("[,]".into(), (1, Value)),
        ("{1:2}".into(), (1, Key)),
        (r#"{"a":1,}"#.into(), (7, Key)),
        (r#"{"a" 1}"#.into(), (5, Colon)),
        (r#"{"a":1 "b":2}"#.into(), (7, CommaOrEnd)),
        ("[1}".into(), (2, CommaOrEnd)),
        ("\"a\tb\"".into(), (2, ControlCharacter)),
        (r#""\x""#.into(), (2, Escape)),
        (r#""\u12g4""#.into(), (5, Escape)),
        ("-a".into(), (1, Number)),
        ("[01]".into(), (3, Number)),
        ("1.e5".into(), (2, Number)),
        (deep(MAX_DEPTH + 1), (MAX_DEPTH, TooDeep)),
    ] {
        let (at, fault) = fault;
        let found = whole(text.as_bytes()).unwrap_err();
        assert_eq!(found, JsonError { at, fault }, "{text}");
        assert_eq!(found.failure_type().as_str(), "system_error");
    }
    assert_eq!(
        Scanner::new(b" [1]").enter_object().unwrap_err(),
        JsonError { at: 1, fault: NotAnObject }
    );
    let mut list = Vec::new();
    let damaged = Scanner::new(b"  {\"a\":x}").collect_members(&mut list).unwrap_err();
    assert_eq!(
        damaged,
        JsonError { at: 7, fault: Value },
        "positions count from the text, not from the object"
    );
    assert_eq!(damaged.to_string(), "a JSON value is expected at byte 7");
    for depth in [1, 63, 64, 65, 128, MAX_DEPTH] {
        assert_eq!(whole(deep(depth).as_bytes()).map(|raw| raw.kind), Ok(ValueKind::Array));
        assert_eq!(
            whole(deep_objects(depth).as_bytes()).map(|raw| raw.kind),
            Ok(ValueKind::Object)
        );
    }
    // Alternating brackets, so that the kind of every level matters.
    let mixed = r#"[{"a":"#.repeat(MAX_DEPTH / 2) + "1" + &"}]".repeat(MAX_DEPTH / 2);
    assert!(whole(mixed.as_bytes()).is_ok());
    assert!(whole(mixed.replacen("}]", "]}", 300).as_bytes()).is_err());
}

#[test]
fn an_object_inside_an_object_is_entered_and_left() {
    let text = br#" {"a" : {} , "b":{"x":[1,{"y":2}],"z":"\u0041"}, "b":3} tail"#;
    let mut scanner = Scanner::new(text);
    let mut seen = Vec::new();
    scanner.enter_object().unwrap();
    while let Some(key) = scanner.next_key().unwrap() {
        if scanner.peek() == Some(b'{') {
            scanner.enter_object().unwrap();
            while let Some(inner) = scanner.next_key().unwrap() {
                seen.push(format!(
                    "{}.{}={:?}",
                    key.to_text(),
                    inner.to_text(),
                    scanner.value().unwrap().to_text()
                ));
            }
        } else {
            seen.push(format!("{}={:?}", key.to_text(), integer(&scanner.value().unwrap())));
        }
    }
    assert_eq!(seen, ["b.x=None", "b.z=Some(\"A\")", "b=Some(3)"]);
    assert!(!scanner.at_end());
    assert_eq!(&text[scanner.position()..], b"tail");
}

#[test]
fn keys_are_compared_with_and_without_escapes() {
    for (raw, escaped, name, same) in [
        ("id", false, "id", true),
        ("id", false, "i", false),
        (r"i\u0064", true, "id", true),
        (r"i\u0064", true, r"i\u0064", false),
        ("é", false, "é", true),
    ] {
        assert_eq!(Key { raw: raw.as_bytes(), escaped }.is(name), same, "{raw} {name}");
    }
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character() {
    for (raw, text) in [
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d", "\u{fffd}"),
        (r"\ude00x", "\u{fffd}x"),
        (r"\ud83dA", "\u{fffd}A"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"a\u0000b\/\\\u00E9", "a\0b/\\é"),
    ] {
        let mut out = Vec::new();
        unescape(raw.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), text, "{raw}");
        assert!(whole(format!("\"{raw}\"").as_bytes()).is_ok());
    }
}

#[test]
fn integers_are_read_from_any_number_and_cut_toward_zero() {
    for (text, value) in [
        ("4", Some(4)),
        ("4.0", Some(4)),
        ("1.0E7", Some(10_000_000)),
        ("1.78E12", Some(1_780_000_000_000)),
        ("1795347447036.569", Some(1_795_347_447_036)),
        ("-1.9", Some(-1)),
        ("-0.0", Some(0)),
        ("0.99e0", Some(0)),
        ("1234e-2", Some(12)),
        ("1e-400000000000000000000", Some(0)),
        ("0e999999999999999999999", Some(0)),
        ("1e400", None),
        ("1e99999999999999999999", None),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
        ("-9223372036854775808", Some(i64::MIN)),
        ("-9223372036854775808.9", Some(i64::MIN)),
        ("-9223372036854775809", None),
        ("\"4\"", None),
        ("null", None),
    ] {
        assert_eq!(integer(&whole(text.as_bytes()).unwrap()), value, "{text}");
    }
}
