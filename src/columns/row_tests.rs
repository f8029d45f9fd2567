//! Tables of how rows end: the columns that are ours, what did not fit, where nothing is declared.

use serde_json::{Value, json};

use super::tables::{NULLED, Stream, changes, counts, rows};
use crate::encode::{MetadataColumns, UndeclaredFields};

const TOO_LARGE: &str = "DESTINATION_FIELD_SIZE_LIMITATION";

#[test]
fn the_sources_changes_come_first_whatever_they_hold() {
    let properties = json!({"n": {"type": "integer"}});
    let ours = json!(["n", "NULLED", NULLED]);
    let odd = |place: usize| json!([format!("_airbyte_meta.changes.{place}"), "NULLED", NULLED]);
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
        (Some(r#"[{"field":1,"change":null,"reason":{"a":[]}}]"#), "{}", json!([["1", null, r#"{"a":[]}"#]])),
        (Some("[null]"), "{}", json!([null])),
        // What is no entry does not fit either, and is said so.
        (Some(r#"[1,[],"x"]"#), r#"{"n":"x"}"#, json!([null, null, null, ours, odd(0), odd(1), odd(2)])),
    ] {
        let mut stream = Stream::with_metadata(&properties);
        stream.send(r#"{"n":1}"#);
        stream.send_with(data, 0, source);
        stream.send(r#"{"n":2}"#);
        let found = stream.taken();
        assert_eq!(changes(&found[1]), &expected, "{source:?}");
        assert_eq!([changes(&found[0]), changes(&found[2])], [&json!([]), &json!([])]);
        assert_eq!(found[1][3][0], json!(9));
    }
}

#[test]
fn a_record_may_bear_our_names() {
    let nulled = |name: &str| json!([name, "NULLED", NULLED]);
    let id = json!("00000000-0000-7");
    for (data, column, expected, lost) in [
        (r#"{"_airbyte_raw_id":"mine"}"#, 0, json!("mine"), json!([])),
        (r#"{"_airbyte_raw_id":5}"#, 0, json!("5"), json!([])),
        (r#"{"_airbyte_raw_id":null}"#, 0, json!(null), json!([])),
        (r#"{"_airbyte_extracted_at":1700000000000}"#, 1, json!(1_700_000_000_000_000_i64), json!([])),
        (r#"{"_airbyte_extracted_at":"1970-01-01T00:00:01Z"}"#, 1, json!(1_000_000), json!([])),
        (r#"{"_airbyte_extracted_at":1.7E3}"#, 1, json!(1_700_000), json!([])),
        (r#"{"_airbyte_extracted_at":true}"#, 1, json!(null), json!([nulled("_airbyte_extracted_at")])),
        (r#"{"_airbyte_extracted_at":9e18}"#, 1, json!(null), {
            json!([["_airbyte_extracted_at", "NULLED", TOO_LARGE]])
        }),
        (r#"{"_airbyte_generation_id":"12"}"#, 2, json!(12), json!([])),
        (r#"{"_airbyte_generation_id":null}"#, 2, json!(null), json!([])),
        (r#"{"_airbyte_generation_id":[]}"#, 2, json!(null), json!([nulled("_airbyte_generation_id")])),
        (
            r#"{"_airbyte_meta":{"sync_id":1,"changes":[{"field":"x"}]}}"#,
            3,
            json!([1, [["x", null, null]]]),
            { json!([["x", null, null]]) },
        ),
        (r#"{"_airbyte_meta":{"sync_id":1}}"#, 3, json!([1, null]), json!(null)),
        (r#"{"_airbyte_meta":{"sync_id":1,"changes":null}}"#, 3, json!([1, null]), json!(null)),
        (r#"{"_airbyte_meta":{}}"#, 3, json!([null, null]), json!(null)),
        // Its own entries are kept where ours are added.
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
        // Without an object there is nothing to add to: it is ours.
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
        // The schema may name them or not.
        for properties in [
            json!({"n": {"type": "integer"}}),
            json!({"_airbyte_meta": {"type": "object"}, "n": {"type": "integer"}, "_airbyte_raw_id": {"type": "integer"}}),
        ] {
            let mut stream = Stream::with_metadata(&properties);
            ["{}", data, "{}"].iter().for_each(|data| stream.send(data));
            let found = stream.taken();
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
    // Without our columns they are names like others.
    let row = rows(
        &json!({"_airbyte_raw_id": {"type": "integer"}}),
        &[r#"{"_airbyte_raw_id":1,"_airbyte_meta":{}}"#],
    );
    assert_eq!(row, [json!([1, r#"{"_airbyte_meta":{}}"#])]);
}

#[test]
fn a_record_of_nothing_but_misfits_is_told_to_a_bound_and_counted_in_full() {
    let properties = json!({"l": {"type": "array", "items": {"type": "integer"}}, "d": {"type": "number"}});
    let mut stream = Stream::with_metadata(&properties);
    let data = format!(r#"{{"l":[{}1],"d":9007199254740993}}"#, "true,".repeat(1_500));
    stream.send(&data);
    stream.send(r#"{"l":["x"]}"#);
    let result = stream.decoder.take();
    assert_eq!(counts(&result), [("l.*".to_owned(), 1_501, 0), ("d".to_owned(), 0, 1)]);
    let found = stream.values(vec![result.batch]);
    let entries = changes(&found[0]).as_array().unwrap();
    assert_eq!(entries.len(), 1_000);
    assert_eq!(entries[999], json!(["l.999", "NULLED", NULLED]));
    assert_eq!(changes(&found[1]), &json!([["l.0", "NULLED", NULLED]]));
    assert!(stream.decoder.take().misfits.is_empty());

    // Without metadata they are counted all the same; those of a row that was undone are not.
    let mut stream = Stream::bare(&properties);
    stream.send(&data);
    stream.undone(data.as_bytes()).unwrap();
    assert_eq!(counts(&stream.decoder.take()), [("l.*".to_owned(), 1_500, 0), ("d".to_owned(), 0, 1)]);
}

#[test]
fn times_of_extraction_reach_as_far_as_microseconds_do() {
    let largest = i64::MAX / 1_000;
    let smallest = i64::MIN / 1_000;
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
        let mut stream = Stream::with_metadata(&json!({}));
        stream.send_with("{}", millis, None);
        let found = stream.taken();
        let (value, lost) = match fits {
            true => (json!(millis * 1_000), json!([])),
            false => (json!(null), json!([["_airbyte_extracted_at", "NULLED", TOO_LARGE]])),
        };
        assert_eq!((&found[0][1], changes(&found[0])), (&value, &lost), "{millis}");
    }
}

#[test]
fn a_stream_without_columns_has_one_all_the_same() {
    let mut stream = Stream::new(MetadataColumns::None, UndeclaredFields::Drop, &json!({}));
    stream.send(r#"{"a":1}"#);
    stream.send("{}");
    assert_eq!(stream.taken(), [json!([r#"{"a":1}"#]), json!([null])]);
    // And a batch may have no row.
    assert_eq!(stream.taken(), [] as [Value; 0]);
}
