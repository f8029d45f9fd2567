//! One example for every type of column and for every kind of bad value: the contract's table, by
//! hand.

use serde_json::{Value, json};

use crate::parquet::{cut, input, nulled, replaced, run, too_large};
use crate::sent::ADDITIONAL;
use crate::world::refresh;

/// What happens to a value besides its cell.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Fits,
    Nulled,
    TooLarge,
    Cut,
    Replaced,
}

use Fate::{Cut, Fits, Nulled, Replaced, TooLarge};

/// A schema, its column type, and values with their cells and fates.
type Example = (&'static str, &'static str, &'static [(&'static str, &'static str, Fate)]);

/// The contract's table: a few good values and every kind of bad value for each type. Types and
/// cells are JSON in the canonical form of `readers/canonical.py`.
const EXAMPLES: &[Example] = &[
    (
        r#"{"type":"string"}"#,
        r#""string""#,
        &[
            (r#""a\u0000b\n\"é\ud83d\ude00""#, r#""a\u0000b\n\"é😀""#, Fits),
            (r#""""#, r#""""#, Fits),
            (r#""x\ud800y""#, "\"x\u{fffd}y\"", Replaced),
            ("1.50", r#""1.50""#, Fits),
            ("true", r#""true""#, Fits),
            (r#"{ "a" : [1.0,"\u00e9"] }"#, r#""{ \"a\" : [1.0,\"\\u00e9\"] }""#, Fits),
            ("null", "null", Fits),
        ],
    ),
    (
        r#"{"type":["string","null"],"format":"email"}"#,
        r#""string""#,
        &[(r#""nobody""#, r#""nobody""#, Fits), ("null", "null", Fits)],
    ),
    (
        r#"{"type":"boolean"}"#,
        r#""boolean""#,
        &[
            ("true", "true", Fits),
            ("false", "false", Fits),
            (r#""true""#, "null", Nulled),
            ("1", "null", Nulled),
            ("null", "null", Fits),
        ],
    ),
    (
        r#"{"type":"integer"}"#,
        r#""int64""#,
        &[
            ("9223372036854775807", "9223372036854775807", Fits),
            ("-9223372036854775808", "-9223372036854775808", Fits),
            ("4.0", "4", Fits),
            ("1e3", "1000", Fits),
            ("120e-1", "12", Fits),
            ("-0", "0", Fits),
            (r#""12""#, "12", Fits),
            (r#""4.0""#, "4", Fits),
            (r#""+7""#, "7", Fits),
            (r#"" 42 ""#, "42", Fits),
            (r#""4 2""#, "null", Nulled),
            ("9223372036854775808", "null", TooLarge),
            ("-9223372036854775809", "null", TooLarge),
            ("1e999999999", "null", TooLarge),
            (r#""99999999999999999999999999999999""#, "null", TooLarge),
            ("4.5", "null", Nulled),
            ("1e-999999999", "null", Nulled),
            (r#""4.5""#, "null", Nulled),
            (r#""""#, "null", Nulled),
            (r#""twelve""#, "null", Nulled),
            (r#""0x10""#, "null", Nulled),
            ("true", "null", Nulled),
            ("[1]", "null", Nulled),
            ("null", "null", Fits),
        ],
    ),
    (
        r#"{"type":"number","airbyte_type":"integer"}"#,
        r#""int64""#,
        &[("4.0", "4", Fits), ("4.5", "null", Nulled)],
    ),
    (
        r#"{"type":"integer","airbyte_type":"big_integer"}"#,
        r#""decimal(38,0)""#,
        &[
            (
                "99999999999999999999999999999999999999",
                r#""99999999999999999999999999999999999999""#,
                Fits,
            ),
            (
                r#""-99999999999999999999999999999999999999""#,
                r#""-99999999999999999999999999999999999999""#,
                Fits,
            ),
            ("1e37", r#""10000000000000000000000000000000000000""#, Fits),
            ("0", r#""0""#, Fits),
            ("100000000000000000000000000000000000000", "null", TooLarge),
            ("0.5", "null", Nulled),
            (r#""x""#, "null", Nulled),
        ],
    ),
    (
        r#"{"type":"number"}"#,
        r#""double""#,
        &[
            ("0.1", r#""0.1""#, Fits),
            ("-0.0", r#""-0.0""#, Fits),
            ("42", r#""42.0""#, Fits),
            ("1e39", r#""1e+39""#, Fits),
            ("5e-324", r#""5e-324""#, Fits),
            ("1.7976931348623157e308", r#""1.7976931348623157e+308""#, Fits),
            ("9007199254740992", r#""9007199254740992.0""#, Fits),
            (r#""-2.50""#, r#""-2.5""#, Fits),
            ("9007199254740993", r#""9007199254740992.0""#, Cut),
            ("50000.0000000000000001", r#""50000.0""#, Cut),
            (r#""3.14159265358979323846""#, r#""3.141592653589793""#, Cut),
            ("1e400", "null", TooLarge),
            ("-1e999999999", "null", TooLarge),
            (r#""NaN""#, r#""nan""#, Fits),
            (r#""Infinity""#, r#""inf""#, Fits),
            (r#""-Infinity""#, r#""-inf""#, Fits),
            (r#"" 2.5\t""#, r#""2.5""#, Fits),
            (r#""nan""#, "null", Nulled),
            (r#""1,5""#, "null", Nulled),
            ("false", "null", Nulled),
            ("{}", "null", Nulled),
        ],
    ),
    (
        r#"{"type":"number","airbyte_type":"big_number"}"#,
        r#""double""#,
        &[("0.25", r#""0.25""#, Fits), (r#""no""#, "null", Nulled)],
    ),
    (
        r#"{"type":"string","format":"date"}"#,
        r#""date""#,
        &[
            (r#""2024-02-29""#, r#""2024-02-29""#, Fits),
            (r#""0001-01-01""#, r#""0001-01-01""#, Fits),
            (r#""2024/02/29""#, r#""2024-02-29""#, Fits),
            (r#""2024-02-29T00:00:00Z""#, r#""2024-02-29""#, Fits),
            (r#""2024-02-29Z""#, r#""2024-02-29""#, Fits),
            (r#""2024-02-29+02:00""#, r#""2024-02-29""#, Fits),
            (r#""9999-12-31""#, r#""9999-12-31""#, Fits),
            (r#""2024-02-29T13:00:00""#, r#""2024-02-29""#, Cut),
            (r#""24-02-29""#, "null", Nulled),
            (r#""0000-12-31""#, "null", TooLarge),
            (r#""10000-01-01""#, "null", TooLarge),
            (r#""2023-02-29""#, "null", Nulled),
            (r#""2024-13-01""#, "null", Nulled),
            (r#""today""#, "null", Nulled),
            (r#""""#, "null", Nulled),
            ("20240229", "null", Nulled),
        ],
    ),
    (
        r#"{"type":"string","format":"time"}"#,
        r#""string""#,
        &[
            (r#""12:34:56""#, r#""12:34:56.000000""#, Fits),
            (r#""23:59:59.999999Z""#, r#""23:59:59.999999""#, Fits),
            (r#""11:34:56-01:00""#, r#""12:34:56.000000""#, Fits),
            (r#""00:30:00+01:00""#, r#""23:30:00.000000""#, Fits),
            (r#""12:34:56.1234567""#, r#""12:34:56.123456""#, Cut),
            (r#""12:34:56.1234560""#, r#""12:34:56.123456""#, Fits),
            (r#""25:00:00""#, "null", Nulled),
            (r#""12:60:00""#, "null", Nulled),
            (r#""2024-02-29T12:34:56Z""#, "null", Nulled),
            (r#""noon""#, "null", Nulled),
            ("123456", "null", Nulled),
        ],
    ),
    (
        r#"{"type":"string","format":"time","airbyte_type":"time_with_timezone"}"#,
        r#""string""#,
        &[(r#""23:30:00-01:00""#, r#""00:30:00.000000""#, Fits), (r#""x""#, "null", Nulled)],
    ),
    (
        r#"{"type":"string","format":"time","airbyte_type":"time_without_timezone"}"#,
        r#""string""#,
        &[
            (r#""12:34""#, r#""12:34:00.000000""#, Fits),
            (r#""11:34:56-01:00""#, r#""11:34:56.000000""#, Fits),
            (r#""11:34:56Z""#, r#""11:34:56.000000""#, Fits),
            (r#""x""#, "null", Nulled),
        ],
    ),
    (
        r#"{"type":"string","format":"date-time"}"#,
        r#""timestamp(us,UTC)""#,
        &[
            (r#""2023-01-23T11:34:56-01:00""#, r#""2023-01-23T12:34:56Z""#, Fits),
            (r#""2023-01-23T12:34:56.123Z""#, r#""2023-01-23T12:34:56.123000Z""#, Fits),
            (r#""2023-01-23T12:34:56""#, r#""2023-01-23T12:34:56Z""#, Fits),
            (r#""2023-01-23 12:34:56+0530""#, r#""2023-01-23T07:04:56Z""#, Fits),
            (r#""2023-01-23T12:34:56+05""#, r#""2023-01-23T07:34:56Z""#, Fits),
            (r#""2023-01-23T12:34Z""#, r#""2023-01-23T12:34:00Z""#, Fits),
            (r#""2023-01-23""#, r#""2023-01-23T00:00:00Z""#, Fits),
            (r#""0001-01-01T00:00:00Z""#, r#""0001-01-01T00:00:00Z""#, Fits),
            (r#""9999-12-31T23:59:59.999999Z""#, r#""9999-12-31T23:59:59.999999Z""#, Fits),
            (r#""1969-12-31T23:59:59.9999999Z""#, r#""1969-12-31T23:59:59.999999Z""#, Cut),
            (r#""2023-01-23T12:34:56.123456789Z""#, r#""2023-01-23T12:34:56.123456Z""#, Cut),
            (r#""2023-01-23+05:30""#, r#""2023-01-22T18:30:00Z""#, Fits),
            (r#""300000-01-01T00:00:00Z""#, "null", TooLarge),
            (r#""0001-01-01T00:00:00+00:01""#, "null", TooLarge),
            (r#""9999-12-31T23:59:59-00:01""#, "null", TooLarge),
            (r#""23-01-23T12:34:56Z""#, "null", Nulled),
            (r#""2023-02-30T12:34:56Z""#, "null", Nulled),
            (r#""2023-01-23T24:34:56Z""#, "null", Nulled),
            (r#""12:34:56""#, "null", Nulled),
            (r#""foo""#, "null", Nulled),
            ("1674477296", "null", Nulled),
            ("null", "null", Fits),
        ],
    ),
    (
        r#"{"type":"string","format":"date-time","airbyte_type":"timestamp_with_timezone"}"#,
        r#""timestamp(us,UTC)""#,
        &[(r#""2023-01-01T00:30:00+01:00""#, r#""2022-12-31T23:30:00Z""#, Fits)],
    ),
    (
        r#"{"type":"string","format":"date-time","airbyte_type":"timestamp_without_timezone"}"#,
        r#""timestamp(us)""#,
        &[
            (r#""2023-01-23T12:34:56""#, r#""2023-01-23T12:34:56""#, Fits),
            (r#""2023-01-23T12:34:56+05:30""#, r#""2023-01-23T12:34:56""#, Fits),
            (r#""2023-01-23""#, r#""2023-01-23T00:00:00""#, Fits),
            (r#""foo""#, "null", Nulled),
        ],
    ),
    (
        r#"{"type":"object","properties":{"zip":{"type":"integer"},"geo":{"type":"object","properties":{"lat":{"type":"number"}}}}}"#,
        r#"{"struct":[["zip","int64"],["geo",{"struct":[["lat","double"]]}]]}"#,
        &[
            (r#"{"geo":{"lat":1.5},"zip":"7"}"#, r#"{"zip":7,"geo":{"lat":"1.5"}}"#, Fits),
            ("{}", r#"{"zip":null,"geo":null}"#, Fits),
            (r#"{"geo":{}}"#, r#"{"zip":null,"geo":{"lat":null}}"#, Fits),
            ("null", "null", Fits),
            ("[]", "null", Nulled),
            (r#""{}""#, "null", Nulled),
        ],
    ),
    (
        r#"{"properties":{"a":{"type":"boolean"}}}"#,
        r#"{"struct":[["a","boolean"]]}"#,
        &[(r#"{"a":true}"#, r#"{"a":true}"#, Fits)],
    ),
    (
        r#"{"type":["null","array"],"items":{"type":"integer"}}"#,
        r#"{"list":"int64"}"#,
        &[
            ("[1, null,3]", "[1,null,3]", Fits),
            ("[]", "[]", Fits),
            ("null", "null", Fits),
            ("{}", "null", Nulled),
            ("1", "null", Nulled),
        ],
    ),
    (
        r#"{"type":"array","items":{"type":"array","items":{"type":"object","properties":{"d":{"type":"string","format":"date"}}}}}"#,
        r#"{"list":{"list":{"struct":[["d","date"]]}}}"#,
        &[
            (
                r#"[[{"d":"2024-01-01"},null],[],null]"#,
                r#"[[{"d":"2024-01-01"},null],[],null]"#,
                Fits,
            ),
            (r#""[]""#, "null", Nulled),
        ],
    ),
    (
        r#"{"type":"string","airbyte_type":"timestamp_with_timezone"}"#,
        r#""timestamp(us,UTC)""#,
        &[(r#""2024-01-01T01:00:00+01:00""#, r#""2024-01-01T00:00:00Z""#, Fits)],
    ),
    (
        r#"{"type":"string","airbyte_type":"timestamp_without_timezone"}"#,
        r#""timestamp(us)""#,
        &[(r#""2024-01-01T01:00:00""#, r#""2024-01-01T01:00:00""#, Fits), ("1", "null", Nulled)],
    ),
    (
        r#"{"oneOf":[{"type":"integer"},{"type":"integer","airbyte_type":"big_integer"}]}"#,
        r#""decimal(38,0)""#,
        &[("18446744073709551616", r#""18446744073709551616""#, Fits)],
    ),
    (
        r#"{"type":"array","items":[{"type":"integer"},{"type":"number"}]}"#,
        r#"{"list":"double"}"#,
        &[("[1,2.5,3]", r#"["1.0","2.5","3.0"]"#, Fits), ("7", "null", Nulled)],
    ),
    (
        r#"{"type":"array","items":[{"type":"integer"},{"type":"object"}]}"#,
        r#"{"list":"string"}"#,
        &[(r#"[1,{"a":2}]"#, r#"["1","{\"a\":2}"]"#, Fits)],
    ),
    (r#"{"type":["string","integer"]}"#, r#""string""#, ANY_SCALAR),
    (
        r#"{"oneOf":[{"type":"string"},{"type":"boolean"},{"type":"null"}]}"#,
        r#""string""#,
        ANY_SCALAR,
    ),
    (r#"{"type":["string","object"]}"#, r#""string""#, ANYTHING),
    (
        r#"{"anyOf":[{"type":"object","properties":{"a":{"type":"string"}}},{"type":"array"}]}"#,
        r#""string""#,
        ANYTHING,
    ),
    (r#"{"type":"potato"}"#, r#""string""#, ANYTHING),
    (r#"{"type":"object"}"#, r#""string""#, ANYTHING),
    (r#"{"type":"object","properties":{}}"#, r#""string""#, ANYTHING),
    (r#"{"type":"array"}"#, r#""string""#, ANYTHING),
    (r#"{"type":"array","items":{}}"#, r#""string""#, ANYTHING),
    ("true", r#""string""#, ANYTHING),
    ("{}", r#""string""#, ANYTHING),
    (r#"{"type":[]}"#, r#""string""#, ANYTHING),
    (r#"{"oneOf":[{"type":"null"},{"type":"integer"}]}"#, r#""int64""#, &[("7", "7", Fits)]),
    (
        r#"{"anyOf":[{"type":"string","format":"date"}]}"#,
        r#""date""#,
        &[(r#""2024-01-01""#, r#""2024-01-01""#, Fits)],
    ),
    (
        r#"{"$ref":"WellKnownTypes.json#/definitions/TimestampWithTimezone"}"#,
        r#""timestamp(us,UTC)""#,
        &[(r#""2024-01-01T01:00:00+01:00""#, r#""2024-01-01T00:00:00Z""#, Fits)],
    ),
    (
        r#"{"$ref":"WellKnownTypes.json#/definitions/Integer"}"#,
        r#""int64""#,
        &[(r#""12""#, "12", Fits)],
    ),
];

/// Values of a column of JSON text: each as it was sent, a string with its quotes.
const ANYTHING: &[(&str, &str, Fate)] = &[
    (r#""a\u00e9""#, r#""\"a\\u00e9\"""#, Fits),
    ("1.50", r#""1.50""#, Fits),
    ("true", r#""true""#, Fits),
    (r#"{ "a" : [1e400] }"#, r#""{ \"a\" : [1e400] }""#, Fits),
    ("[]", r#""[]""#, Fits),
    ("null", "null", Fits),
];

/// Values of a column that accepts several scalar types: each as its text.
const ANY_SCALAR: &[(&str, &str, Fate)] = &[
    (r#""a\u00e9""#, r#""aé""#, Fits),
    ("1.50", r#""1.50""#, Fits),
    ("true", r#""true""#, Fits),
    (r#"{ "a" : [1e400] }"#, r#""{ \"a\" : [1e400] }""#, Fits),
    ("null", "null", Fits),
];

/// Every property is one value of one example, so that one record holds them all.
#[test]
fn an_example_for_every_type_and_every_bad_value() {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (mut properties, mut types, mut expected) = (json!({}), json!({}), json!({}));
    let (mut data, mut changes, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (schema, kind, values) in EXAMPLES {
        for (value, cell, fate) in values.iter().chain(&[("null", "null", Fits)]) {
            let name = format!("c{}", data.len());
            properties[&name] = json(schema);
            types[&name] = json(kind);
            data.push(format!("\"{name}\":{value}"));
            if *cell != "null" {
                expected[&name] = json(cell);
            }
            match fate {
                Fits => {}
                Nulled => changes.push(nulled(&name)),
                TooLarge => changes.push(too_large(&name)),
                Cut => changes.push(cut(&name)),
                Replaced => changes.push(replaced(&name)),
            }
            if let Nulled | TooLarge = fate {
                kept.push(format!("\"{name}\":{value}"));
            }
        }
    }
    expected["changes"] = json!(changes);
    expected[ADDITIONAL] = json!(format!("{{{}}}", kept.join(",")));
    let stored = run(
        &refresh("examples", &properties),
        &json!({}),
        &input("examples", &[format!("{{{}}}", data.join(","))]),
    );
    stored.assert_types(&types);
    stored.assert_rows(&[expected]);
}
