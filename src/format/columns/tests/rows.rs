//! Tables of how rows are finished: metadata columns, conversion issues, undeclared fields.

use serde_json::{Value, json};

use super::stream::{OUT_OF_RANGE_REASON, TestStream, WRONG_TYPE_REASON, changes, counts, decode};
use crate::format::columns::conversion_issues::MAX_NOTED_ISSUES;
use crate::format::{
    ADDITIONAL_PROPERTIES, MetadataColumns, Nested, TypeOptions, UndeclaredFields,
};

#[test]
fn the_changes_of_the_source_come_first() {
    let properties = json!({"n": {"type": "integer"}});
    let ours = json!(["n", "NULLED", WRONG_TYPE_REASON]);
    let nulled_entry = |position: usize| {
        json!([format!("_airbyte_meta.changes.{position}"), "NULLED", WRONG_TYPE_REASON])
    };
    let entry = json!(["f", "NULLED", "SOURCE_RETRIEVAL_ERROR"]);
    for (source, data, expected) in [
        (None, "{}", json!([])),
        (None, r#"{"n":"x"}"#, json!([ours])),
        (Some("[]"), "{}", json!([])),
        (Some("[ ]"), r#"{"n":"x"}"#, json!([ours])),
        (
            Some(r#"[ {"reason":"SOURCE_RETRIEVAL_ERROR", "field":"f","\u0063hange":"NULLED"} ]"#),
            r#"{"n":"x"}"#,
            json!([entry, ours]),
        ),
        (Some(r#"[{"field":"f"},{}]"#), "{}", json!([["f", null, null], [null, null, null]])),
        (
            Some(r#"[{"field":1,"change":null,"reason":{"a":[]}}]"#),
            "{}",
            json!([["1", null, r#"{"a":[]}"#]]),
        ),
        (Some("[null]"), "{}", json!([null])),
        // An entry that is not an object does not fit, and that is a change too.
        (
            Some(r#"[1,[],"x"]"#),
            r#"{"n":"x"}"#,
            json!([null, null, null, ours, nulled_entry(0), nulled_entry(1), nulled_entry(2)]),
        ),
    ] {
        let mut stream = TestStream::with_metadata(&properties);
        stream.send(r#"{"n":1}"#);
        stream.send_with(data, 0, source);
        stream.send(r#"{"n":2}"#);
        let found = stream.take_rows();
        assert_eq!(changes(&found[1]), &expected, "{source:?}");
        assert_eq!([changes(&found[0]), changes(&found[2])], [&json!([]), &json!([])]);
        assert_eq!(found[1][3][0], json!(9));
    }
}

#[test]
fn a_record_may_have_our_metadata_itself() {
    let nulled = |name: &str| json!([name, "NULLED", WRONG_TYPE_REASON]);
    let id = json!("00000000-0000-7");
    for (data, column, expected, lost) in [
        (r#"{"_airbyte_raw_id":"mine"}"#, 0, json!("mine"), json!([])),
        (r#"{"_airbyte_raw_id":5}"#, 0, json!("5"), json!([])),
        (r#"{"_airbyte_raw_id":null}"#, 0, json!(null), json!([])),
        (
            r#"{"_airbyte_extracted_at":1700000000000}"#,
            1,
            json!(1_700_000_000_000_000_i64),
            json!([]),
        ),
        (r#"{"_airbyte_extracted_at":"1970-01-01T00:00:01Z"}"#, 1, json!(1_000_000), json!([])),
        (r#"{"_airbyte_extracted_at":1.7E3}"#, 1, json!(1_700_000), json!([])),
        (
            r#"{"_airbyte_extracted_at":true}"#,
            1,
            json!(null),
            json!([nulled("_airbyte_extracted_at")]),
        ),
        (r#"{"_airbyte_extracted_at":9e18}"#, 1, json!(null), {
            json!([["_airbyte_extracted_at", "NULLED", OUT_OF_RANGE_REASON]])
        }),
        (r#"{"_airbyte_generation_id":"12"}"#, 2, json!(12), json!([])),
        (r#"{"_airbyte_generation_id":null}"#, 2, json!(null), json!([])),
        (
            r#"{"_airbyte_generation_id":[]}"#,
            2,
            json!(null),
            json!([nulled("_airbyte_generation_id")]),
        ),
        (
            r#"{"_airbyte_meta":{"sync_id":1,"changes":[{"field":"x"}]}}"#,
            3,
            json!([1, [["x", null, null]]]),
            { json!([["x", null, null]]) },
        ),
        (r#"{"_airbyte_meta":{"sync_id":1}}"#, 3, json!([1, null]), json!(null)),
        (r#"{"_airbyte_meta":{"sync_id":1,"changes":null}}"#, 3, json!([1, null]), json!(null)),
        (r#"{"_airbyte_meta":{}}"#, 3, json!([null, null]), json!(null)),
        // The record's own entries are kept when ours are added.
        (
            r#"{"n":"x","_airbyte_meta":{"sync_id":"y","changes":[{"field":"x"},7]}}"#,
            3,
            json!([
                null,
                [
                    ["x", null, null],
                    null,
                    nulled("n"),
                    nulled("_airbyte_meta.sync_id"),
                    nulled("_airbyte_meta.changes.1")
                ]
            ]),
            json!([
                ["x", null, null],
                null,
                nulled("n"),
                nulled("_airbyte_meta.sync_id"),
                nulled("_airbyte_meta.changes.1")
            ]),
        ),
        (
            r#"{"_airbyte_meta":{"sync_id":1,"changes":5},"n":"x"}"#,
            3,
            { json!([1, [nulled("_airbyte_meta.changes"), nulled("n")]]) },
            json!([nulled("_airbyte_meta.changes"), nulled("n")]),
        ),
        // If it is not an object, ours replaces it.
        (r#"{"_airbyte_meta":null}"#, 3, json!([9, []]), json!([])),
        (
            r#"{"_airbyte_meta":"x"}"#,
            3,
            json!([9, [nulled("_airbyte_meta")]]),
            json!([nulled("_airbyte_meta")]),
        ),
        (r#"{"_airbyte_meta":{"sync_id":1},"_airbyte_meta":null}"#, 3, json!([9, []]), json!([])),
        (r#"{"_airbyte_raw_id":"a","_airbyte_raw_\u0069d":"b"}"#, 0, json!("b"), json!([])),
    ] {
        // Whether the schema declares them or not.
        for properties in [
            json!({"n": {"type": "integer"}}),
            json!({"_airbyte_meta": {"type": "object"}, "n": {"type": "integer"},
                "_airbyte_raw_id": {"type": "integer"}}),
        ] {
            let mut stream = TestStream::with_metadata(&properties);
            ["{}", data, "{}"].iter().for_each(|data| stream.send(data));
            let found = stream.take_rows();
            assert_eq!(found[1][column], expected, "{data}");
            assert_eq!(changes(&found[1]), &lost, "{data}");
            for ours in [&found[0], &found[2]] {
                assert!(ours[0].as_str().unwrap().starts_with(id.as_str().unwrap()));
                assert_eq!(
                    json!([ours[1], ours[2], ours[3], ours[4], ours[5]]),
                    json!([1_000_000, 3, [9, []], null, null])
                );
            }
        }
    }
    // Without metadata columns, the names have no meaning.
    let row = decode(
        &json!({"_airbyte_raw_id": {"type": "integer"}}),
        &[r#"{"_airbyte_raw_id":1,"_airbyte_meta":{}}"#],
    );
    assert_eq!(row, [json!([1, r#"{"_airbyte_meta":{}}"#])]);
}

#[test]
fn issues_of_one_record_are_listed_up_to_a_limit_and_all_counted() {
    let properties =
        json!({"l": {"type": "array", "items": {"type": "integer"}}, "d": {"type": "number"}});
    let mut stream = TestStream::with_metadata(&properties);
    let data = format!(r#"{{"l":[{}1],"d":9007199254740993}}"#, "true,".repeat(1_500));
    stream.send(&data);
    stream.send(r#"{"l":["x"]}"#);
    let result = stream.decoder.take();
    assert_eq!(counts(&result), [("l.*".to_owned(), 1_501, 0), ("d".to_owned(), 0, 1)]);
    let found = stream.rows_of(vec![result.batch]);
    let entries = changes(&found[0]).as_array().unwrap();
    assert_eq!(entries.len(), 1_000);
    assert_eq!(entries[999], json!(["l.999", "NULLED", WRONG_TYPE_REASON]));
    assert_eq!(changes(&found[1]), &json!([["l.0", "NULLED", WRONG_TYPE_REASON]]));
    assert!(stream.decoder.take().issues.is_empty());

    // Without metadata they are counted as well. Those of an undone row are not.
    let mut stream = TestStream::without_metadata(&properties);
    stream.send(&data);
    stream.read_and_undo(data.as_bytes()).unwrap();
    assert_eq!(
        counts(&stream.decoder.take()),
        [("l.*".to_owned(), 1_500, 0), ("d".to_owned(), 0, 1)]
    );
}

#[test]
fn times_of_extraction_outside_the_years_1_to_9999_become_null() {
    let largest = 253_402_300_799_999;
    let smallest = -62_135_596_800_000;
    for (millis, fits) in [
        (0, true),
        (-1, true),
        (largest, true),
        (largest + 1, false),
        (smallest, true),
        (smallest - 1, false),
        (i64::MAX, false),
        (i64::MIN, false),
    ] {
        let mut stream = TestStream::with_metadata(&json!({}));
        stream.send_with("{}", millis, None);
        let found = stream.take_rows();
        let (value, lost) = match fits {
            true => (json!(millis * 1_000), json!([])),
            false => {
                (json!(null), json!([["_airbyte_extracted_at", "NULLED", OUT_OF_RANGE_REASON]]))
            }
        };
        assert_eq!((&found[0][1], changes(&found[0])), (&value, &lost), "{millis}");
        let kept = if fits {
            json!(null)
        } else {
            json!(format!(r#"{{"_airbyte_extracted_at":{millis}}}"#))
        };
        assert_eq!(found[0][4], kept);
    }
}

#[test]
fn the_text_of_a_value_that_does_not_fit_is_kept() {
    let date = json!({"type": "string", "format": "date"});
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}, "d": date}});
    let properties = json!({"n": {"type": "integer"}, "f": {"type": "number"}, "d": date,
        "o": object,
        "l": {"type": "array", "items": object}});
    for (data, kept) in [
        (r#"{"n":"x"}"#, json!(r#"{"n":"x"}"#)),
        (r#"{"n":"a\u0041\n\"é","d":"24-01-01"}"#, json!(r#"{"n":"a\u0041\n\"é","d":"24-01-01"}"#)),
        (
            r#"{"n":18446744073709551615,"f":1e400}"#,
            json!(r#"{"n":18446744073709551615,"f":1e400}"#),
        ),
        (r#"{"d":"0044-03-15 BC","u":1}"#, json!(r#"{"u":1,"d":"0044-03-15 BC"}"#)),
        (r#"{"o":[ 1 ],"l":{"a":{}}}"#, json!(r#"{"o":[ 1 ],"l":{"a":{}}}"#)),
        (
            r#"{"o":{"n":true,"u":2},"l":[{"n":1},7,{"n":1.5,"d":false}]}"#,
            json!(r#"{"o.u":2,"o.n":true,"l.1":7,"l.2.n":1.5,"l.2.d":false}"#),
        ),
        // Null fits. So does a value that only loses digits: the nearest value is in the column.
        (r#"{"n":null,"o":null,"l":[null]}"#, json!(null)),
        (r#"{"f":50000.0000000000000001,"d":"2024-01-01T12:00:00Z"}"#, json!(null)),
        // The last of several members with one name counts.
        (r#"{"n":"x","n":1}"#, json!(null)),
        (r#"{"n":"x","n":"y","o":{"n":"z"},"o":{"d":1}}"#, json!(r#"{"n":"y","o.d":1}"#)),
        // The same holds for our own columns.
        (
            r#"{"_airbyte_generation_id":"x","_airbyte_meta":7}"#,
            json!(r#"{"_airbyte_generation_id":"x","_airbyte_meta":7}"#),
        ),
        (
            r#"{"_airbyte_meta":{"sync_id":"y","z":1}}"#,
            json!(r#"{"_airbyte_meta.z":1,"_airbyte_meta.sync_id":"y"}"#),
        ),
    ] {
        let mut stream = TestStream::with_metadata(&properties);
        ["{}", data, "{}"].iter().for_each(|data| stream.send(data));
        let found: Vec<Value> = stream.take_rows().iter().map(|row| row[9].clone()).collect();
        assert_eq!(found, [json!(null), kept.clone(), json!(null)], "{data}");
        // Also without a column for changes.
        if !data.contains("_airbyte_") {
            assert_eq!(decode(&properties, &[data])[0][5], kept, "{data}");
        }
        // Left out if the user wants that, and not counted as an undeclared field.
        let mut stream = TestStream::new(MetadataColumns::All, UndeclaredFields::Drop, &properties);
        stream.send(data);
        let taken = stream.decoder.take();
        assert_eq!(
            taken.dropped_fields,
            data.matches("\"u\"").count() as u64 + data.matches("\"z\":1").count() as u64
        );
        assert_eq!(stream.rows_of(vec![taken.batch])[0].as_array().unwrap().len(), 9);
    }
    // Also for the changes of the source.
    let mut stream = TestStream::with_metadata(&properties);
    stream.send_with("{}", 0, Some(r#"[{"field":"f"},1,"x"]"#));
    let row = &stream.take_rows()[0];
    assert_eq!(row[9], json!(r#"{"_airbyte_meta.changes.1":1,"_airbyte_meta.changes.2":"x"}"#));
    // After the record's own entries, with the positions in the list that is in the file.
    stream.send_with(r#"{"_airbyte_meta":{"changes":[{},7]}}"#, 0, Some("[8]"));
    let row = &stream.take_rows()[0];
    assert_eq!(row[9], json!(r#"{"_airbyte_meta.changes.1":7,"_airbyte_meta.changes.2":8}"#));
    assert_eq!(changes(row)[3], json!(["_airbyte_meta.changes.1", "NULLED", WRONG_TYPE_REASON]));
    assert_eq!(changes(row)[4], json!(["_airbyte_meta.changes.2", "NULLED", WRONG_TYPE_REASON]));
}

#[test]
fn the_texts_of_very_many_issues_are_kept_up_to_a_limit() {
    let properties = json!({"l": {"type": "array", "items": {"type": "integer"}}});
    let mut stream = TestStream::with_metadata(&properties);
    stream.send(&format!(r#"{{"l":[{}1]}}"#, "[],".repeat(MAX_NOTED_ISSUES + 7)));
    let taken = stream.decoder.take();
    assert_eq!(
        counts(&taken),
        [
            ("l.*".to_owned(), MAX_NOTED_ISSUES as u64 + 7, 0),
            (ADDITIONAL_PROPERTIES.to_owned(), 0, 1)
        ]
    );
    assert_eq!(taken.dropped_fields, 0);
    let row = &stream.rows_of(vec![taken.batch])[0];
    let kept: serde_json::Map<String, Value> =
        serde_json::from_str(row[5].as_str().unwrap()).unwrap();
    assert_eq!((kept.len(), kept.get("l.99999")), (MAX_NOTED_ISSUES, Some(&json!([]))));
}

/// A name with a dot can equal a path.
#[test]
fn names_of_additional_properties_are_unique() {
    let object = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let properties =
        json!({"a": object, "a.n": {"type": "integer"}, "l": {"type": "array", "items": object}});
    for (data, kept) in [
        (r#"{"a":{"x":1},"a.x":2}"#, r#"{"a.x_2":1,"a.x":2}"#),
        (r#"{"a.x":2,"a":{"x":1}}"#, r#"{"a.x":2,"a.x_2":1}"#),
        (r#"{"a":{"\u0078":1},"a\u002ex":2}"#, r#"{"a.\u0078_2":1,"a\u002ex":2}"#),
        (r#"{"a":{"x":1},"a.x":2,"a.x_2":3}"#, r#"{"a.x_3":1,"a.x":2,"a.x_2":3}"#),
        (r#"{"l":[{"x":1}],"l.0.x":2,"l.0":{}}"#, r#"{"l.0.x_2":1,"l.0.x":2,"l.0":{}}"#),
        // Values that do not fit, beside undeclared members and beside each other.
        (r#"{"a":{"n":"b"},"a.n":"c"}"#, r#"{"a.n_2":"b","a.n":"c"}"#),
        (r#"{"l":[true],"l.0":4}"#, r#"{"l.0":4,"l.0_2":true}"#),
        (r#"{"a":{"x":1},"b.x":2}"#, r#"{"a.x":1,"b.x":2}"#),
    ] {
        let row = &decode(&properties, &[data])[0];
        assert_eq!(row[3], json!(kept), "{data}");
    }
}

/// Some engines do not load nested columns.
#[test]
fn without_nested_columns_the_metadata_is_json_text_too() {
    let types = TypeOptions { nested: Nested::Json, ..TypeOptions::DEFAULT };
    let properties =
        json!({"n": {"type": "integer"}, "o": {"properties": {"a": {"type": "string"}}}});
    let mut stream =
        TestStream::of_types(MetadataColumns::All, UndeclaredFields::Column, types, &properties);
    let no_changes = r#"{"sync_id":9,"changes":[]}"#;
    let nulled = |field: &str| {
        format!(r#"{{"field":"{field}","change":"NULLED","reason":"{WRONG_TYPE_REASON}"}}"#)
    };
    let of_source = r#"{"field":"f\"\u000a","change":null,"reason":null}"#;
    for (data, source, meta) in [
        ("{}", None, no_changes.to_owned()),
        (
            r#"{"n":"x","o":{"a":1}}"#,
            None,
            format!(r#"{{"sync_id":9,"changes":[{}]}}"#, nulled("n")),
        ),
        (
            r#"{"n":"x"}"#,
            Some(r#"[{"field":"f\"\u000a"},null]"#),
            format!(r#"{{"sync_id":9,"changes":[{of_source},null,{}]}}"#, nulled("n")),
        ),
        // The record's own metadata, treated as in typed columns.
        (
            r#"{"_airbyte_meta":{"changes":[{"field":"z","change":"c","reason":"r"}],"sync_id":1},"n":"x"}"#,
            None,
            format!(
                r#"{{"sync_id":1,"changes":[{{"field":"z","change":"c","reason":"r"}},{}]}}"#,
                nulled("n")
            ),
        ),
        (r#"{"_airbyte_meta":{}}"#, None, r#"{"sync_id":null,"changes":null}"#.to_owned()),
        (r#"{"_airbyte_meta":null}"#, None, no_changes.to_owned()),
        (
            r#"{"_airbyte_meta":"x"}"#,
            None,
            format!(r#"{{"sync_id":9,"changes":[{}]}}"#, nulled("_airbyte_meta")),
        ),
    ] {
        // Several batches, packed ones and others.
        for rows in [3, 2_000] {
            (1..rows).for_each(|_| stream.send("{}"));
            stream.send_with(data, 0, source);
            let found = stream.take_rows();
            assert_eq!(found.len(), rows);
            assert_eq!(
                [&found[0][3], &found[rows - 1][3]],
                [&json!(no_changes), &json!(meta)],
                "{data}"
            );
        }
    }
}

#[test]
fn a_stream_without_columns_gets_one() {
    let mut stream = TestStream::new(MetadataColumns::None, UndeclaredFields::Drop, &json!({}));
    stream.send(r#"{"a":1}"#);
    stream.send("{}");
    assert_eq!(stream.take_rows(), [json!([r#"{"a":1}"#]), json!([null])]);
    // And a batch may have no row.
    assert_eq!(stream.take_rows(), [] as [Value; 0]);
}
