//! Tables of objects: which member counts, what is left of the others, what lists and structs hold.
//! Rows are compared as JSON, with a struct as the array of its members.

use std::sync::Arc;

use serde_json::{Value, json};

use super::cells::{Cell, rows_of};
use crate::format::columns::{Batch, DecodedRows, RecordDecoder, TableSchema, TableSchemaOptions};
use crate::format::{MetadataColumns, RowIds, StreamMeta, TypeOptions, UndeclaredFields};
use crate::json::{JsonError, JsonFault, MAX_DEPTH};

pub(crate) const NULLED: &str = "DESTINATION_SERIALIZATION_ERROR";

/// A decoder with the table_schema that it was made of.
pub(crate) struct Stream {
    table_schema: Arc<TableSchema>,
    pub(crate) decoder: RecordDecoder,
}

impl Stream {
    pub(crate) fn new(
        metadata: MetadataColumns,
        undeclared_fields: UndeclaredFields,
        properties: &Value,
    ) -> Self {
        Self::of_types(metadata, undeclared_fields, TypeOptions::DEFAULT, properties)
    }

    pub(crate) fn of_types(
        metadata: MetadataColumns,
        undeclared_fields: UndeclaredFields,
        types: TypeOptions,
        properties: &Value,
    ) -> Self {
        let options = TableSchemaOptions { metadata, undeclared_fields, types };
        let meta = StreamMeta { generation_id: Some(3), sync_id: 9 };
        let properties = properties.as_object().unwrap().iter();
        let properties: Vec<_> =
            properties.map(|(name, schema)| (name.clone(), schema.clone())).collect();
        let table_schema = Arc::new(TableSchema::new(&options, &meta, &properties));
        Self { decoder: RecordDecoder::new(Arc::clone(&table_schema)), table_schema }
    }

    /// The declared columns and the additional ones.
    pub(crate) fn bare(properties: &Value) -> Self {
        Self::new(MetadataColumns::None, UndeclaredFields::Column, properties)
    }

    pub(crate) fn with_metadata(properties: &Value) -> Self {
        Self::new(MetadataColumns::All, UndeclaredFields::Column, properties)
    }

    pub(crate) fn send(&mut self, data: &str) {
        self.send_with(data, 1_000, None);
    }

    pub(crate) fn send_with(&mut self, data: &str, emitted_at_ms: i64, changes: Option<&str>) {
        assert_eq!(self.decoder.read(data.as_bytes(), 0), Ok(data.len()), "{data}");
        self.decoder.end_row(emitted_at_ms, changes.map(str::as_bytes), &mut RowIds::new(0, 0));
    }

    /// Reads what is broken, or is taken back all the same.
    pub(crate) fn undone(&mut self, data: &[u8]) -> Result<usize, JsonError> {
        let read = self.decoder.read(data, 0);
        self.decoder.undo_row();
        read
    }

    pub(crate) fn taken(&mut self) -> Vec<Value> {
        let batch = self.decoder.take().batch;
        self.values(vec![batch])
    }

    pub(crate) fn values(&self, batches: Vec<Batch>) -> Vec<Value> {
        rows_of(batches, &self.table_schema)
            .iter()
            .map(|row| row.iter().map(value).collect())
            .collect()
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Boolean(value) => json!(value),
        Cell::Integer(value) => json!(value),
        Cell::Days(value) => json!(value),
        Cell::Double(value) => json!(value),
        Cell::Decimal(value) => json!(value.to_string()),
        Cell::Text(value) => json!(value),
        Cell::Struct(cells) | Cell::List(cells) => cells.iter().map(value).collect(),
    }
}

/// The rows of some records, one column after the other.
pub(crate) fn rows(properties: &Value, records: &[&str]) -> Vec<Value> {
    let mut stream = Stream::bare(properties);
    records.iter().for_each(|data| stream.send(data));
    stream.taken()
}

/// `_airbyte_meta.changes` of a row with metadata.
pub(crate) fn changes(row: &Value) -> &Value {
    &row[3][1]
}

pub(crate) fn counts(taken: &DecodedRows) -> Vec<(String, u64, u64)> {
    taken
        .issues
        .iter()
        .map(|field| (field.field.to_string(), field.nulled, field.truncated))
        .collect()
}

#[test]
fn the_last_of_several_members_of_one_name_counts() {
    let inner = json!({"type": "object", "properties": {"n": {"type": "integer"}, "l": {"type": "array", "items": {"type": "integer"}}}});
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
            json!([["n", "NULLED", NULLED]]),
        ),
        (r#"{"n":2,"n":null}"#, json!([null, null, null, null, null]), json!([])),
        (
            r#"{"n":"x","n":"y"}"#,
            json!([null, null, null, null, r#"{"n":"y"}"#]),
            json!([["n", "NULLED", NULLED]]),
        ),
        (
            r#"{"n":1,"t":"a","n":2,"\u0074":"b","n":3}"#,
            json!([3, "b", null, null, null]),
            json!([]),
        ),
        (r#"{"t":"long","t":"","t":"x"}"#, json!([null, "x", null, null, null]), json!([])),
        // All that the earlier object had is gone: values, misfits, undeclared members.
        (
            r#"{"o":{"n":"x","l":[1,"y"],"u":1},"o":{"l":[2]}}"#,
            json!([null, null, null, [null, [2]], null]),
            json!([]),
        ),
        (r#"{"o":{"n":1,"u":1},"o":null}"#, json!([null, null, null, null, null]), json!([])),
        (
            r#"{"o":{"n":1,"u":1},"o":5,"x":6}"#,
            json!([null, null, null, null, r#"{"x":6,"o":5}"#]),
            json!([["o", "NULLED", NULLED]]),
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
            json!([["o.n", "NULLED", NULLED], ["l.0.l.0", "NULLED", NULLED]]),
        ),
        // Elements have notes on the same node; one of them had two.
        (
            r#"{"l":[{"n":"x","u":1},{"n":"y","u":2,"n":1}],"n":1,"l":[{"n":2}]}"#,
            json!([1, null, [[2, null]], null, null]),
            json!([]),
        ),
        // Inside one element of a list, beside elements that keep theirs.
        (
            r#"{"l":[{"n":"x","u":1},{"n":"y","u":2,"n":5,"u":3,"l":[8],"l":["x"]},{"l":[1],"l":[]}]}"#,
            {
                let kept = r#"{"l.0.u":1,"l.1.u":3,"l.0.n":"x","l.1.l.0":"x"}"#;
                json!([null, null, [[null, null], [5, [null]], [null, []]], null, kept])
            },
            json!([["l.0.n", "NULLED", NULLED], ["l.1.l.0", "NULLED", NULLED]]),
        ),
        (
            r#"{"u":1,"v":{"w":"x"},"u":[2],"\u0075":3,"":4}"#,
            json!([null, null, null, null, "{\"\\u0075\":3,\"v\":{\"w\":\"x\"},\"\":4}"]),
            json!([]),
        ),
    ] {
        let mut stream = Stream::with_metadata(&properties);
        // A row before and one behind, so that there is something to spoil.
        let filled = r#"{"n":1,"t":"a","l":[{"n":1,"l":[1]}],"o":{"n":1,"l":[1]}}"#;
        [filled, data, filled].iter().for_each(|data| stream.send(data));
        let found = stream.taken();
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
fn a_member_that_is_repeated_without_end_is_no_trouble() {
    let properties = json!({"n": {"type": "integer"}, "o": {"type": "object", "properties": {"n": {"type": "integer"}}}});
    let data =
        format!("{{{}\"n\":1}}", r#""n":"x","o":{"n":"x","u":1,"u":2},"v":3,"#.repeat(100_000));
    assert_eq!(rows(&properties, &[&data]), [json!([1, [null], r#"{"v":3,"o.u":2,"o.n":"x"}"#])]);
    // Neither are others that do not fit, or that nobody declared: they are not looked at for each
    // of them.
    let many = |text: &str| text.repeat(100_000);
    let undeclared: String = (0..100_000).map(|i| format!(r#""u{i}":1,"#)).collect();
    let list =
        json!({"n": {"type": "integer"}, "l": {"type": "array", "items": {"type": "integer"}}});
    let mut stream = Stream::with_metadata(&list);
    stream.send(&format!(
        r#"{{"l":[{}1],{undeclared}{}{}"n":1}}"#,
        many("[],"),
        many(r#""n":1,"#),
        many(r#""n":"x","#)
    ));
    assert_eq!(counts(&stream.decoder.take()), [("l.*".to_owned(), 100_000, 0)]);
}

#[test]
fn lists_and_structs_of_every_emptiness() {
    let integer = json!({"type": "integer"});
    let list = |items: &Value| json!({"type": "array", "items": items});
    let object = json!({"type": "object", "properties": {"a": integer, "b": {"type": "string"}, "l": list(&integer)}});
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
    // Each after each other: what a row leaves open must not be seen in the next.
    for (first, first_row) in &cases {
        for (second, second_row) in &cases {
            let found = rows(&properties, &[first, second, first]);
            assert_eq!(
                found,
                [first_row.clone(), second_row.clone(), first_row.clone()],
                "{first} {second}"
            );
        }
    }
}

#[test]
fn what_is_undeclared_has_its_path() {
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let properties = json!({
        "a \"b\"\n": object,
        "list": {"type": "array", "items": {"type": "array", "items": object}},
        "text": {"type": "object"},
    });
    let data = r#"{"x":1e400,"a \"b\"\n":{"y":[ 1 ]},"list":[[{"z":"\ud800"}],[{},{"z":null}]],"text":{"w":1},"\ud800":2}"#;
    let kept =
        r#"{"x":1e400,"a \"b\"\n.y":[ 1 ],"list.0.0.z":"\ud800","list.1.1.z":null,"\ud800":2}"#;
    let found = rows(&properties, &[data, "{}"]);
    assert_eq!(found[0], json!([[null], [[[null]], [[null], [null]]], r#"{"w":1}"#, kept]));
    assert_eq!(found[1], json!([null, null, null, null]));

    let mut stream = Stream::new(MetadataColumns::None, UndeclaredFields::Drop, &properties);
    stream.send(data);
    stream.send(r#"{"x":1,"x":2}"#);
    let taken = stream.decoder.take();
    assert_eq!(taken.dropped_fields, 6);
    assert_eq!(stream.values(vec![taken.batch])[1], json!([null, null, null]));
    assert_eq!(stream.decoder.take().dropped_fields, 0);
}

#[test]
fn thousands_of_undeclared_names_are_forgotten_and_found_again() {
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let properties = json!({"n": {"type": "integer"}, "list": {"type": "array", "items": object}});
    let mut stream = Stream::bare(&properties);
    let members =
        |from: usize| -> String { (from..from + 700).map(|i| format!("\"u{i}\":{i},")).collect() };
    let mut expected = Vec::new();
    for round in 0..5 {
        let members = members(round * 600);
        // The names of the elements overflow within one record.
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
    for (row, (columns, extras)) in stream.taken().iter().zip(expected) {
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
    let mut stream = Stream::bare(&properties);
    let places = [2_999, 0, 1_500, 1_500, 7];
    places.iter().for_each(|i| stream.send(&format!(r#"{{"c{i}":"value {i}"}}"#)));
    let first = stream.decoder.take().batch;
    // Far less than a place in every column would take.
    assert!(first.held_bytes() < COLUMNS * 200, "{}", first.held_bytes());
    stream.send(r#"{"c3":"behind"}"#);
    let second = stream.decoder.take().batch;
    let found = stream.values(vec![first, second]);
    for (row, (i, text)) in found
        .iter()
        .zip(places.iter().map(|i| (*i, format!("value {i}"))).chain([(3, "behind".into())]))
    {
        assert_eq!(row[i], json!(text));
        assert_eq!(row.as_array().unwrap().iter().filter(|value| value.is_null()).count(), COLUMNS);
    }
}

#[test]
fn batches_of_every_size_are_joined() {
    let list = json!({"type": "array", "items": {"type": "string"}});
    let properties = json!({"n": {"type": "integer"}, "t": {"type": "string"}, "l": list, "b": {"type": "boolean"}, "late": list});
    let mut stream = Stream::bare(&properties);
    let mut batches = Vec::new();
    let mut expected = Vec::new();
    // Packed and not, in turn; and more packed rows than one array takes.
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
    assert!(stream.values(batches) == expected);
}

#[test]
fn texts_are_unescaped_and_json_is_not() {
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
        assert_eq!(rows(&properties, &[&data]), [json!([text, value, null])], "{data}");
    }
}

#[test]
fn depth_is_bounded_where_a_column_ends() {
    let list = json!({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}});
    let mut stream = Stream::bare(&json!({"j": {}, "l": list, "n": {"type": "integer"}}));
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
        let error = stream.undone(data.as_bytes()).unwrap_err();
        assert_eq!(error.fault, JsonFault::TooDeep, "{name}");
    }
    assert_eq!(stream.taken(), expected);
}

#[test]
fn a_broken_record_leaves_no_trace_wherever_it_breaks() {
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}, "t": {"type": "string"}}});
    let properties = json!({"n": {"type": "integer"}, "b": {"type": "boolean"}, "o": object, "l": {"type": "array", "items": object}});
    let data = r#"{"u":[1],"n":"x","b":true,"o":{"n":1,"t":"a\n","v":2},"l":[{"n":true},{"t":"b"},5],"_airbyte_meta":{"changes":[{"field":"z"}]},"n":7}"#;
    let first = r#"{"n":1,"l":[{"n":1}]}"#;
    let expected = {
        let mut stream = Stream::with_metadata(&properties);
        [first, data, first].iter().for_each(|data| stream.send(data));
        stream.taken()
    };
    assert_eq!(expected[1][4], json!(7));
    let mut stream = Stream::with_metadata(&properties);
    stream.send(first);
    for end in 1..data.len() {
        assert!(stream.undone(&data.as_bytes()[..end]).is_err());
    }
    stream.send(data);
    for end in 1..data.len() {
        assert!(stream.undone(&data.as_bytes()[..end]).is_err());
    }
    stream.send(first);
    let result = stream.decoder.take();
    let fields: Vec<_> = counts(&result).into_iter().map(|(field, ..)| field).collect();
    assert_eq!(fields, ["l.*", "l.*.n"]);
    assert_eq!(stream.values(vec![result.batch]), expected);
}
