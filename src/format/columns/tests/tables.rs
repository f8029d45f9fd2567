//! Tables of objects: which member counts, what remains of the others, what lists and structs
//! contain.

use serde_json::{Value, json};

use super::stream::{TestStream, WRONG_TYPE_REASON, changes, counts, decode};
use crate::format::columns::Batch;
use crate::format::{MetadataColumns, UndeclaredFields};
use crate::json::{JsonFault, MAX_DEPTH};

#[test]
fn the_last_of_several_members_with_one_name_counts() {
    let inner = json!({"type": "object",
        "properties": {"n": {"type": "integer"},
            "l": {"type": "array", "items": {"type": "integer"}}}});
    let properties = json!({
        "n": {"type": "integer"},
        "t": {"type": "string"},
        "l": {"type": "array", "items": inner},
        "o": inner,
    });
    for (data, row, lost) in [
        (r#"{"n":1,"n":2}"#, json!([2, null, null, null, null]), json!([])),
        (r#"{"n":"x","n":2}"#, json!([2, null, null, null, null]), json!([])),
        (
            r#"{"n":2,"n":"x"}"#,
            json!([null, null, null, null, r#"{"n":"x"}"#]),
            json!([["n", "NULLED", WRONG_TYPE_REASON]]),
        ),
        (r#"{"n":2,"n":null}"#, json!([null, null, null, null, null]), json!([])),
        (
            r#"{"n":"x","n":"y"}"#,
            json!([null, null, null, null, r#"{"n":"y"}"#]),
            json!([["n", "NULLED", WRONG_TYPE_REASON]]),
        ),
        (
            r#"{"n":1,"t":"a","n":2,"\u0074":"b","n":3}"#,
            json!([3, "b", null, null, null]),
            json!([]),
        ),
        (r#"{"t":"long","t":"","t":"x"}"#, json!([null, "x", null, null, null]), json!([])),
        // Nothing of the earlier object remains: values, issues, undeclared members.
        (
            r#"{"o":{"n":"x","l":[1,"y"],"u":1},"o":{"l":[2]}}"#,
            json!([null, null, null, [null, [2]], null]),
            json!([]),
        ),
        (r#"{"o":{"n":1,"u":1},"o":null}"#, json!([null, null, null, null, null]), json!([])),
        (
            r#"{"o":{"n":1,"u":1},"o":5,"x":6}"#,
            json!([null, null, null, null, r#"{"x":6,"o":5}"#]),
            json!([["o", "NULLED", WRONG_TYPE_REASON]]),
        ),
        (
            r#"{"o":null,"l":[{"n":"x","u":1},7],"o":{"n":"z","u":2},"l":[{"n":4,"l":["w"]},null]}"#,
            json!([
                null,
                null,
                [[4, [null]], null],
                [null, null],
                r#"{"o.u":2,"o.n":"z","l.0.l.0":"w"}"#
            ]),
            json!([["o.n", "NULLED", WRONG_TYPE_REASON], ["l.0.l.0", "NULLED", WRONG_TYPE_REASON]]),
        ),
        // Elements share nodes, and one of them has two notes.
        (
            r#"{"l":[{"n":"x","u":1},{"n":"y","u":2,"n":1}],"n":1,"l":[{"n":2}]}"#,
            json!([1, null, [[2, null]], null, null]),
            json!([]),
        ),
        // Repeated inside one element, beside elements that keep their notes.
        (
            r#"{"l":[{"n":"x","u":1},{"n":"y","u":2,"n":5,"u":3,"l":[8],"l":["x"]},{"l":[1],"l":[]}]}"#,
            {
                let kept = r#"{"l.0.u":1,"l.1.u":3,"l.0.n":"x","l.1.l.0":"x"}"#;
                json!([null, null, [[null, null], [5, [null]], [null, []]], null, kept])
            },
            json!([
                ["l.0.n", "NULLED", WRONG_TYPE_REASON],
                ["l.1.l.0", "NULLED", WRONG_TYPE_REASON]
            ]),
        ),
        (
            r#"{"u":1,"v":{"w":"x"},"u":[2],"\u0075":3,"":4}"#,
            json!([null, null, null, null, "{\"\\u0075\":3,\"v\":{\"w\":\"x\"},\"\":4}"]),
            json!([]),
        ),
    ] {
        let mut stream = TestStream::with_metadata(&properties);
        // A row before and one after, which must not change.
        let filled = r#"{"n":1,"t":"a","l":[{"n":1,"l":[1]}],"o":{"n":1,"l":[1]}}"#;
        [filled, data, filled].iter().for_each(|data| stream.send(data));
        let found = stream.take_rows();
        let columns = |row: &Value| Value::Array(row.as_array().unwrap()[4..].to_vec());
        let kept = json!([1, "a", [[1, [1]]], [1, [1]], null]);
        assert_eq!(
            found.iter().map(columns).collect::<Vec<_>>(),
            [kept.clone(), row, kept],
            "{data}"
        );
        assert_eq!(changes(&found[1]), &lost, "{data}");
        assert_eq!([changes(&found[0]), changes(&found[2])], [&json!([]), &json!([])]);
    }
}

#[test]
fn a_member_repeated_many_times_takes_linear_time() {
    let properties = json!({"n": {"type": "integer"},
        "o": {"type": "object", "properties": {"n": {"type": "integer"}}}});
    let data =
        format!("{{{}\"n\":1}}", r#""n":"x","o":{"n":"x","u":1,"u":2},"v":3,"#.repeat(100_000));
    assert_eq!(decode(&properties, &[&data]), [json!([1, [null], r#"{"v":3,"o.u":2,"o.n":"x"}"#])]);
    // Also beside many other notes: they are not visited again for each repetition.
    let many = |text: &str| text.repeat(100_000);
    let undeclared: String = (0..100_000).map(|i| format!(r#""u{i}":1,"#)).collect();
    let list =
        json!({"n": {"type": "integer"}, "l": {"type": "array", "items": {"type": "integer"}}});
    let mut stream = TestStream::with_metadata(&list);
    stream.send(&format!(
        r#"{{"l":[{}1],{undeclared}{}{}"n":1}}"#,
        many("[],"),
        many(r#""n":1,"#),
        many(r#""n":"x","#)
    ));
    assert_eq!(counts(&stream.decoder.take()), [("l.*".to_owned(), 100_000, 0)]);
}

#[test]
fn empty_and_missing_lists_and_structs() {
    let integer = json!({"type": "integer"});
    let list = |items: &Value| json!({"type": "array", "items": items});
    let object = json!({"type": "object",
        "properties": {"a": integer, "b": {"type": "string"}, "l": list(&integer)}});
    let properties = json!({
        "list": list(&object),
        "deep": list(&list(&list(&integer))),
        "object": {"type": "object", "properties": {"inner": object, "n": integer}},
    });
    let cases = [
        ("{}", json!([null, null, null, null])),
        (r#"{"list":[]}"#, json!([[], null, null, null])),
        (r#"{"list":[{}]}"#, json!([[[null, null, null]], null, null, null])),
        (
            r#"{"list":[null,{"b":"x"},{"a":1},{"l":[]},{"l":[null,2]},null]}"#,
            json!([
                [
                    null,
                    [null, "x", null],
                    [1, null, null],
                    [null, null, []],
                    [null, null, [null, 2]],
                    null
                ],
                null,
                null,
                null
            ]),
        ),
        (r#"{"deep":[[],[[]],null,[null,[1,null],[2]],[[],[3]]]}"#, {
            json!([null, [[], [[]], null, [null, [1, null], [2]], [[], [3]]], null, null])
        }),
        (r#"{"object":{}}"#, json!([null, null, [null, null], null])),
        (r#"{"object":null}"#, json!([null, null, null, null])),
        (r#"{"object":{"inner":null}}"#, json!([null, null, [null, null], null])),
        (
            r#"{"object":{"n":1,"inner":{"l":[1]}}}"#,
            json!([null, null, [[null, null, [1]], 1], null]),
        ),
    ];
    // All pairs: what one row leaves open must not show in the next.
    for (first, first_row) in &cases {
        for (second, second_row) in &cases {
            let found = decode(&properties, &[first, second, first]);
            assert_eq!(
                found,
                [first_row.clone(), second_row.clone(), first_row.clone()],
                "{first} {second}"
            );
        }
    }
}

#[test]
fn undeclared_members_are_named_by_their_path() {
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let properties = json!({
        "a \"b\"\n": object,
        "list": {"type": "array", "items": {"type": "array", "items": object}},
        "text": {"type": "object"},
    });
    let data = r#"{"x":1e400,"a \"b\"\n":{"y":[ 1 ]},"list":[[{"z":"\ud800"}],[{},{"z":null}]],"text":{"w":1},"\ud800":2}"#;
    let kept =
        r#"{"x":1e400,"a \"b\"\u000a.y":[ 1 ],"list.0.0.z":"\ud800","list.1.1.z":null,"\ud800":2}"#;
    let found = decode(&properties, &[data, "{}"]);
    assert_eq!(found[0], json!([[null], [[[null]], [[null], [null]]], r#"{"w":1}"#, kept]));
    assert_eq!(found[1], json!([null, null, null, null]));

    let mut stream = TestStream::new(MetadataColumns::None, UndeclaredFields::Drop, &properties);
    stream.send(data);
    stream.send(r#"{"x":1,"x":2}"#);
    let taken = stream.decoder.take();
    assert_eq!(taken.dropped_fields, 6);
    assert_eq!(stream.rows_of(vec![taken.batch])[1], json!([null, null, null]));
    assert_eq!(stream.decoder.take().dropped_fields, 0);
}

#[test]
fn thousands_of_undeclared_names_are_forgotten_and_found_again() {
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let properties = json!({"n": {"type": "integer"}, "list": {"type": "array", "items": object}});
    let mut stream = TestStream::without_metadata(&properties);
    let members =
        |from: usize| -> String { (from..from + 700).map(|i| format!("\"u{i}\":{i},")).collect() };
    let mut expected = Vec::new();
    for round in 0..5 {
        let members = members(round * 600);
        // The names in the elements exceed the limit within one record.
        let element = format!(r#"{{{members}"u600":0,"n":{round}}}"#);
        stream.send(&format!(
            r#"{{{members}"n":{round},"u600":0,"list":[{element},{element},{element}]}}"#
        ));
        let last_wins = |path: &str| {
            let mut all: serde_json::Map<String, Value> = (round * 600..round * 600 + 700)
                .map(|i| (format!("{path}u{i}"), json!(i)))
                .collect();
            all.insert(format!("{path}u600"), json!(0));
            all
        };
        let all: Value =
            ["", "list.0.", "list.1.", "list.2."].into_iter().flat_map(last_wins).collect();
        expected.push((json!([round, [[round], [round], [round]]]), all));
    }
    for (row, (columns, extras)) in stream.take_rows().iter().zip(expected) {
        assert_eq!(json!([row[0], row[1]]), columns);
        assert_eq!(serde_json::from_str::<Value>(row[2].as_str().unwrap()).unwrap(), extras);
        assert_eq!(row[2].as_str().unwrap().matches("\"u600\":").count(), 1);
    }
}

#[test]
fn thousands_of_columns_with_one_value_each() {
    const COLUMNS: usize = 3_000;
    let properties: Value =
        (0..COLUMNS).map(|i| (format!("c{i}"), json!({"type": ["null", "string"]}))).collect();
    let mut stream = TestStream::without_metadata(&properties);
    let columns_with_values = [2_999, 0, 1_500, 1_500, 7];
    columns_with_values.iter().for_each(|i| stream.send(&format!(r#"{{"c{i}":"value {i}"}}"#)));
    let first = stream.decoder.take().batch;
    // Far less than one row in every column would take.
    assert!(first.held_bytes() < COLUMNS * 200, "{}", first.held_bytes());
    stream.send(r#"{"c3":"after"}"#);
    let second = stream.decoder.take().batch;
    let found = stream.rows_of(vec![first, second]);
    for (row, (i, text)) in found.iter().zip(
        columns_with_values.iter().map(|i| (*i, format!("value {i}"))).chain([(3, "after".into())]),
    ) {
        assert_eq!(row[i], json!(text));
        assert_eq!(row.as_array().unwrap().iter().filter(|value| value.is_null()).count(), COLUMNS);
    }
}

#[test]
fn batches_of_every_size_are_joined() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let properties = json!({"n": {"type": "integer"}, "t": {"type": "string"}, "l": list,
        "b": {"type": "boolean"}, "late": list});
    let mut stream = TestStream::without_metadata(&properties);
    let mut batches = Vec::new();
    let mut expected = Vec::new();
    // Packed ones and others in turn, and more packed rows than fit one array.
    for (round, rows) in
        [3_000, 0, 5, 6_000, 6_000, 2, 7, 1, 2_000].into_iter().chain([70; 300]).enumerate()
    {
        for i in 0..rows {
            let text = "x".repeat(i % 23);
            let (late, late_value) = if round > 5 && i % 2 == 0 {
                (r#","late":[""]"#, json!([""]))
            } else {
                ("", json!(null))
            };
            stream.send(&format!(
                r#"{{"n":{i},"t":"{text}","l":["{round}",null],"b":{}{late}}}"#,
                i % 3 == 0
            ));
            expected.push(json!([
                i,
                text,
                [round.to_string(), null],
                i % 3 == 0,
                late_value,
                null
            ]));
        }
        batches.push(stream.decoder.take().batch);
    }
    assert!(matches!(batches[..3], [Batch::Columns { .. }, Batch::Packed(_), Batch::Packed(_)]));
    assert!(stream.rows_of(batches) == expected);
}

#[test]
fn strings_are_unescaped_and_json_text_is_not() {
    let properties = json!({"t": {"type": "string"}, "j": {}});
    for (value, text) in [
        (r#""""#, ""),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""a\ud83d""#, "a\u{fffd}"),
        (r#""\ude00\ud83dx""#, "\u{fffd}\u{fffd}x"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\u0000\/\"\\\b\f\n\r\t""#, "\0/\"\\\u{8}\u{c}\n\r\t"),
        ("-0.50E+03", "-0.50E+03"),
        ("1e999", "1e999"),
        ("true", "true"),
        ("[ 1 , \"\\u0041\" ]", "[ 1 , \"\\u0041\" ]"),
        ("{\"a\" : { } }", "{\"a\" : { } }"),
    ] {
        let data = format!(r#"{{"t" : {value} ,"j": {value}}}"#);
        assert_eq!(decode(&properties, &[&data]), [json!([text, value, null])], "{data}");
    }
}

#[test]
fn json_inside_one_value_has_a_depth_limit() {
    let list = json!({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}});
    let mut stream =
        TestStream::without_metadata(&json!({"j": {}, "l": list, "n": {"type": "integer"}}));
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let deep_object = |levels: usize| r#"{"a":"#.repeat(levels) + "1" + &"}".repeat(levels);
    let mut expected = Vec::new();
    for text in [deep(200), deep_object(200), deep(MAX_DEPTH), deep_object(MAX_DEPTH)] {
        stream.send(&format!(r#"{{"j":{text},"l":[[{text}]],"n":{text},"u":{text}}}"#));
        expected.push(json!([
            text,
            [[null]],
            null,
            format!(r#"{{"u":{text},"l.0.0":{text},"n":{text}}}"#)
        ]));
    }
    for (name, levels) in [("j", 0), ("n", 0), ("u", 0), ("l", 2)] {
        let data = format!(r#"{{"{name}":{}}}"#, deep(MAX_DEPTH + levels + 1));
        let error = stream.read_and_undo(data.as_bytes()).unwrap_err();
        assert_eq!(error.fault, JsonFault::TooDeep, "{name}");
    }
    assert_eq!(stream.take_rows(), expected);
}

#[test]
fn a_broken_record_leaves_no_trace_wherever_it_breaks() {
    let object = json!({"type": "object",
        "properties": {"n": {"type": "integer"}, "t": {"type": "string"}}});
    let properties = json!({"n": {"type": "integer"}, "b": {"type": "boolean"}, "o": object,
        "l": {"type": "array", "items": object}});
    let data = r#"{"u":[1],"n":"x","b":true,"o":{"n":1,"t":"a\n","v":2},"l":[{"n":true},{"t":"b"},5],"_airbyte_meta":{"changes":[{"field":"z"}]},"n":7}"#;
    let first = r#"{"n":1,"l":[{"n":1}]}"#;
    let expected = {
        let mut stream = TestStream::with_metadata(&properties);
        [first, data, first].iter().for_each(|data| stream.send(data));
        stream.take_rows()
    };
    assert_eq!(expected[1][4], json!(7));
    let mut stream = TestStream::with_metadata(&properties);
    stream.send(first);
    for end in 1..data.len() {
        assert!(stream.read_and_undo(&data.as_bytes()[..end]).is_err());
    }
    stream.send(data);
    for end in 1..data.len() {
        assert!(stream.read_and_undo(&data.as_bytes()[..end]).is_err());
    }
    stream.send(first);
    let result = stream.decoder.take();
    let fields: Vec<_> = counts(&result).into_iter().map(|(field, ..)| field).collect();
    assert_eq!(fields, ["l.*", "l.*.n"]);
    assert_eq!(stream.rows_of(vec![result.batch]), expected);
}
