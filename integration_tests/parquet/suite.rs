//! The platform's own suite for destinations, on Parquet: rows 13, 14 and 18 to 24 of the
//! reference's list, with the rows and changes that it expects, or better ones (a lost digit has an
//! entry).

use serde_json::{Value, json};

use crate::parquet::{self, cut, input, nulled, run, settings, too_large};
use crate::sent::ADDITIONAL;
use crate::world::{World, catalog, in_part_order, refresh, with};

/// Row 18, testBasicTypes.
#[test]
fn basic_types() {
    let text = |format: &str, airbyte: &str| {
        json!({ "type": "string", "format": format,
        "airbyte_type": airbyte })
    };
    let stream = refresh(
        "test_stream",
        &json!({
            "id": { "type": "integer" },
            "struct": { "type": "object", "properties": { "foo": { "type": "number" } } },
            "string": { "type": "string" },
            "number": { "type": "number" },
            "integer": { "type": "integer" },
            "boolean": { "type": "boolean" },
            "timestamp_with_timezone": text("date-time", "timestamp_with_timezone"),
            "timestamp_without_timezone": text("date-time", "timestamp_without_timezone"),
            "time_with_timezone": text("time", "time_with_timezone"),
            "time_without_timezone": text("time", "time_without_timezone"),
            "date": { "type": "string", "format": "date" },
        }),
    );
    let records = [
        r#"{"id":1,"string":"foo\u0000bar","number":42.1,"integer":42,"boolean":true,
            "timestamp_with_timezone":"2023-01-23T11:34:56-01:00","timestamp_without_timezone":"2023-01-23T12:34:56",
            "time_with_timezone":"11:34:56-01:00","time_without_timezone":"12:34:56","date":"2023-01-23"}"#,
        r#"{"id":2,"string":null,"number":null,"integer":null,"boolean":null,"timestamp_with_timezone":null,
            "timestamp_without_timezone":null,"time_with_timezone":null,"time_without_timezone":null,"date":null}"#,
        r#"{"id":3}"#,
        // The suite repeats a member: the last one counts, and what was wrong with the first one
        // does not matter.
        r#"{"id":4,"struct":{"foo":50000.0000000000000001},"number":50000.0000000000000001,
            "integer":99999999999999999999999999999999,"number":1e39}"#,
        r#"{"id":5,"string":{},"number":"foo","integer":"foo","boolean":"foo","timestamp_with_timezone":"foo",
            "timestamp_without_timezone":"foo","time_with_timezone":"foo","time_without_timezone":"foo","date":"foo"}"#,
        r#"{"id":6,"number":-2e39,"integer":-99999999999999999999999999999999}"#,
        r#"{"id":7,"timestamp_with_timezone":"2023-01-23T11:34:00-01:00",
            "timestamp_without_timezone":"2023-01-23T12:34:00","time_with_timezone":"11:34:00-01:00",
            "time_without_timezone":"12:34:00"}"#,
        r#"{"id":8,"integer":0,"number":0.0}"#,
        r#"{"id":9,"integer":-1,"number":-1.0}"#,
    ];
    let stored = run(
        &stream,
        &json!({}),
        &input("test_stream", &records.map(|record| record.replace('\n', ""))),
    );
    stored.assert_types(&json!({
        "id": "int64",
        "struct": { "struct": [["foo", "double"]] },
        "string": "string",
        "number": "double",
        "integer": "int64",
        "boolean": "boolean",
        "timestamp_with_timezone": "timestamp(us,UTC)",
        "timestamp_without_timezone": "timestamp(us)",
        "time_with_timezone": "string",
        "time_without_timezone": "string",
        "date": "date",
    }));
    let bad = [
        "number",
        "integer",
        "boolean",
        "timestamp_with_timezone",
        "timestamp_without_timezone",
        "time_with_timezone",
        "time_without_timezone",
        "date",
    ];
    stored.assert_rows(&[
        json!({ "id": 1, "string": "foo\0bar", "number": "42.1", "integer": 42, "boolean": true,
            "timestamp_with_timezone": "2023-01-23T12:34:56Z",
            "timestamp_without_timezone": "2023-01-23T12:34:56",
            "time_with_timezone": "12:34:56.000000", "time_without_timezone": "12:34:56.000000",
            "date": "2023-01-23" }),
        json!({ "id": 2 }),
        json!({ "id": 3 }),
        json!({ "id": 4, "struct": { "foo": "50000.0" }, "number": "1e+39",
            "changes": [cut("struct.foo"), too_large("integer")],
            ADDITIONAL: r#"{"integer":99999999999999999999999999999999}"# }),
        json!({ "id": 5, "string": "{}", "changes": bad.map(nulled),
            ADDITIONAL: format!("{{{}}}",
                bad.map(|name| format!("\"{name}\":\"foo\"")).join(",")) }),
        json!({ "id": 6, "number": "-2e+39", "changes": [too_large("integer")],
            ADDITIONAL: r#"{"integer":-99999999999999999999999999999999}"# }),
        json!({ "id": 7, "timestamp_with_timezone": "2023-01-23T12:34:00Z",
            "timestamp_without_timezone": "2023-01-23T12:34:00",
            "time_with_timezone": "12:34:00.000000",
            "time_without_timezone": "12:34:00.000000" }),
        json!({ "id": 8, "integer": 0, "number": "0.0" }),
        json!({ "id": 9, "integer": -1, "number": "-1.0" }),
    ]);
}

/// The source's changes come first, ours follow (testAirbyteFields).
#[test]
fn changes_of_the_source_come_first() {
    let stream = refresh("s", &json!({ "id": { "type": "integer" }, "n": { "type": "number" } }));
    let source = r#"{"field":"z","change":"TRUNCATED","reason":"SOURCE_FIELD_SIZE_LIMITATION"},{"field":"a.b","change":"NULLED","reason":"PLATFORM_SERIALIZATION_ERROR"}"#;
    let record = |meta: &str, data: &str| {
        format!(
            "{{\"type\":\"RECORD\",\"record\":{{\"stream\":\"s\",\"meta\":{meta},\"emitted_at\":1234,\"data\":{data}}}}}\n"
        )
    };
    let lines = [
        record(&format!("{{\"changes\":[{source}]}}"), r#"{"id":"bad","n":1e400}"#),
        record(&format!("{{\"changes\":[{source}]}}"), r#"{"id":1}"#),
        record("{\"changes\":[]}", r#"{"id":2}"#),
        record("null", r#"{"id":"bad"}"#),
        crate::world::complete("s"),
    ];
    let source: Vec<Value> = serde_json::from_str(&format!("[{source}]")).unwrap();
    let stored = run(&stream, &json!({}), &lines.concat());
    stored.assert_rows(&[
        json!({ "changes": [source[0], source[1], nulled("id"), too_large("n")],
            ADDITIONAL: r#"{"id":"bad","n":1e400}"# }),
        json!({ "id": 1, "changes": source }),
        json!({ "id": 2 }),
        json!({ "changes": [nulled("id")], ADDITIONAL: r#"{"id":"bad"}"# }),
    ]);
    assert_eq!(stored.table.column("_airbyte_extracted_at")[0], "1970-01-01T00:00:01.234000Z");
    assert_eq!(stored.table.column("_airbyte_generation_id")[0], 5);
    assert_eq!(stored.table.column("_airbyte_meta")[0]["sync_id"], 42);
}

/// Row 19, testNumericTypes: 38 digits, 9 of them after the decimal point.
#[test]
fn numeric_types() {
    let properties = json!({
        "n": { "type": "number" },
        "big": { "type": "integer", "airbyte_type": "big_integer" },
    });
    let records = [
        r#"{"n":99999999999999999999999999999.999999999,"big":99999999999999999999999999999999999999}"#,
        r#"{"n":-99999999999999999999999999999.999999999,"big":-99999999999999999999999999999999999999}"#,
        r#"{"n":1e29,"big":1e38}"#,
        r#"{"n":0.1234567899,"big":"12"}"#,
        r#"{"n":-0.0000000001,"big":0.5}"#,
        r#"{"n":"42.10","big":"x"}"#,
        r#"{"n":"x"}"#,
        r#"{"n":50000.0000000000000001}"#,
        r#"{"n":1e-999999999}"#,
    ];
    let options = json!({ "numbers": "decimal", "decimal_precision": 38, "decimal_scale": 9 });
    let stored = run(&refresh("s", &properties), &options, &input("s", &records));
    stored.assert_types(&json!({ "n": "decimal(38,9)", "big": "decimal(38,0)" }));
    stored.assert_rows(&[
        json!({ "n": "99999999999999999999999999999.999999999",
            "big": "99999999999999999999999999999999999999" }),
        json!({ "n": "-99999999999999999999999999999.999999999",
            "big": "-99999999999999999999999999999999999999" }),
        json!({ "changes": [too_large("n"), too_large("big")],
            ADDITIONAL: r#"{"n":1e29,"big":1e38}"# }),
        json!({ "n": "0.123456789", "big": "12", "changes": [cut("n")] }),
        json!({ "n": "0.000000000", "changes": [cut("n"), nulled("big")],
            ADDITIONAL: r#"{"big":0.5}"# }),
        json!({ "n": "42.100000000", "changes": [nulled("big")], ADDITIONAL: r#"{"big":"x"}"# }),
        json!({ "changes": [nulled("n")], ADDITIONAL: r#"{"n":"x"}"# }),
        json!({ "n": "50000.000000000", "changes": [cut("n")] }),
        json!({ "n": "0.000000000", "changes": [cut("n")] }),
    ]);
}

/// Row 20, testContainerTypes.
#[test]
fn container_types() {
    let properties = json!({
        "id": { "type": "integer" },
        "schematized_object": { "type": "object",
            "properties": { "id": { "type": "integer" }, "name": { "type": "string" } } },
        "empty_object": { "type": "object", "properties": {} },
        "schemaless_object": { "type": "object" },
        "schematized_array": { "type": "array", "items": { "type": "integer" } },
        "schemaless_array": { "type": "array" },
    });
    let records = [
        r#"{"id":1,"schematized_object":{"id":1,"name":"Joe","undeclared":42},"empty_object":{},"schemaless_object":{ "uuid": "38F52396-736D-4B23-B5B4-F504D8894B97", "probability": 1.5 },"schematized_array":[10,null],"schemaless_array":[ 10, "foo", null, { "bar": "qua" } ]}"#,
        r#"{"id":2,"schematized_object":{"id":2,"name":"Jane"},"empty_object":{"extra":"stuff"},"schemaless_object":{"address":{"street":"113 Hickey Rd","zip":"37932"},"flags":[true,false,false]},"schematized_array":[],"schemaless_array":[]}"#,
        r#"{"id":3,"schematized_object":null,"empty_object":null,"schemaless_object":null,"schematized_array":null,"schemaless_array":null}"#,
    ];
    let stored = run(
        &refresh("problematic_types", &properties),
        &json!({}),
        &input("problematic_types", &records),
    );
    stored.assert_types(&json!({
        "id": "int64",
        "schematized_object": { "struct": [["id", "int64"], ["name", "string"]] },
        "empty_object": "string",
        "schemaless_object": "string",
        "schematized_array": { "list": "int64" },
        "schemaless_array": "string",
    }));
    stored.assert_rows(&[
        json!({ "id": 1, "schematized_object": { "id": 1, "name": "Joe" }, "empty_object": "{}",
            "schemaless_object": r#"{ "uuid": "38F52396-736D-4B23-B5B4-F504D8894B97", "probability": 1.5 }"#,
            "schematized_array": [10, null],
            "schemaless_array": r#"[ 10, "foo", null, { "bar": "qua" } ]"#,
            ADDITIONAL: r#"{"schematized_object.undeclared":42}"# }),
        json!({ "id": 2, "schematized_object": { "id": 2, "name": "Jane" },
            "empty_object": r#"{"extra":"stuff"}"#,
            "schemaless_object": r#"{"address":{"street":"113 Hickey Rd","zip":"37932"},"flags":[true,false,false]}"#,
            "schematized_array": [], "schemaless_array": "[]" }),
        json!({ "id": 3 }),
    ]);
}

/// Row 21, testUnknownTypes: the platform's own Parquet writer fails here.
#[test]
fn unknown_types() {
    let properties = json!({ "id": { "type": "integer" }, "name": { "type": "potato" } });
    let stored = run(
        &refresh("s", &properties),
        &json!({}),
        &input("s", &[r#"{"id":1,"name":"ex falso quodlibet"}"#]),
    );
    stored.assert_rows(&[json!({ "id": 1, "name": "\"ex falso quodlibet\"" })]);
}

/// Row 22, testUnions, with what is specific to S3: mixed scalars are strings, other mixtures are
/// JSON text, and no conflict fails a sync.
#[test]
fn unions() {
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let pair = object(json!({ "id": { "type": "integer" }, "name": { "type": "string" } }));
    let union = |other: Value| json!({ "oneOf": [pair, other] });
    let properties = json!({
        "id": { "type": "integer" },
        "combined_type": { "oneOf": [{ "type": "string" }, { "type": "integer" }] },
        "schemaless": { "oneOf": [{ "type": "object" }, { "type": "integer" }] },
        "identical": union(pair.clone()),
        "overlapping": union(object(json!({ "name": { "type": "string" },
            "flagged": { "type": "boolean" } }))),
        "contradicting": union(object(json!({ "id": { "type": "string" },
            "name": { "type": "string" } }))),
        "declared_and_schemaless": union(json!({ "type": "object" })),
        "nullable": { "oneOf": [{ "type": "null" }, { "type": "string", "format": "date" }] },
    });
    let records = [
        r#"{"id":1,"combined_type":"string1","schemaless":{"foo":"bar"},"identical":{"id":10,"name":"Joe"},"overlapping":{ "id": 20, "name": "Jane", "flagged": true },"contradicting":{"id":1,"name":"Jenny"},"declared_and_schemaless":{"id":1,"x":2},"nullable":"2024-01-01"}"#,
        r#"{"id":2,"combined_type":20,"identical":{},"overlapping":{},"contradicting":{"id":"seal-one-hippity","name":"James"}}"#,
        r#"{"id":3,"combined_type":null,"identical":null,"overlapping":null,"contradicting":null}"#,
    ];
    let stored = run(&refresh("s", &properties), &json!({}), &input("s", &records));
    stored.assert_types(&json!({
        "id": "int64",
        "combined_type": "string",
        "schemaless": "string",
        "identical": { "struct": [["id", "int64"], ["name", "string"]] },
        "overlapping": "string",
        "contradicting": "string",
        "declared_and_schemaless": "string",
        "nullable": "date",
    }));
    stored.assert_rows(&[
        json!({ "id": 1, "combined_type": "string1", "schemaless": r#"{"foo":"bar"}"#,
            "identical": { "id": 10, "name": "Joe" },
            "overlapping": r#"{ "id": 20, "name": "Jane", "flagged": true }"#,
            "contradicting": r#"{"id":1,"name":"Jenny"}"#,
            "declared_and_schemaless": r#"{"id":1,"x":2}"#,
            "nullable": "2024-01-01" }),
        json!({ "id": 2, "combined_type": "20", "identical": { "id": null, "name": null },
            "overlapping": "{}",
            "contradicting": r#"{"id":"seal-one-hippity","name":"James"}"# }),
        json!({ "id": 3 }),
    ]);
}

/// Row 23, testCoerceLegacyUnions: types in a list.
#[test]
fn legacy_unions() {
    let properties = json!({
        "mixed": { "type": ["null", "boolean", "integer", "string"] },
        "numbers": { "type": ["integer", "number"] },
        "containers": { "type": ["object", "array"],
            "properties": { "a": { "type": "integer" } }, "items": { "type": "integer" } },
        "dates": { "type": ["string", "null"], "format": "date" },
        "twice": { "type": ["integer", "null", "integer"] },
    });
    let records = [
        r#"{"mixed":"foo","numbers":1,"containers":{"a":"x"},"dates":"2024-01-01","twice":1}"#,
        r#"{"mixed":true,"numbers":1.50,"containers":["x"],"dates":"x","twice":"x"}"#,
        r#"{"mixed":null,"numbers":null,"containers":null,"dates":null,"twice":null}"#,
    ];
    let stored = run(&refresh("s", &properties), &json!({}), &input("s", &records));
    stored.assert_types(&json!({
        "mixed": "string", "numbers": "double", "containers": "string", "dates": "date",
        "twice": "int64" }));
    stored.assert_rows(&[
        json!({ "mixed": "foo", "numbers": "1.0", "containers": r#"{"a":"x"}"#,
            "dates": "2024-01-01", "twice": 1 }),
        json!({ "mixed": "true", "numbers": "1.5", "containers": r#"["x"]"#,
            "changes": [nulled("dates"), nulled("twice")],
            ADDITIONAL: r#"{"dates":"x","twice":"x"}"# }),
        json!({}),
    ]);
}

/// Row 24, testNoColumns: two syncs.
#[test]
fn no_columns() {
    let stream = |sync: u32| with(refresh("bare", &json!({})), &json!({ "sync_id": sync }));
    let stored = evolve(
        &[stream(42), stream(43)],
        &[input("bare", &[r#"{"foo":"bar"}"#, "{}"]), input("bare", &["{}"])],
    );
    assert_eq!(stored[0].1, [json!({ ADDITIONAL: r#"{"foo":"bar"}"# }), json!({})]);
    assert_eq!(stored[1].1, [json!({})]);
}

/// Row 13, testAppendSchemaEvolution: one field dropped, one added, one with another type. Old
/// files stay as they are.
#[test]
fn schema_evolution() {
    let stored = evolve(
        &[
            refresh(
                "s",
                &json!({ "id": { "type": "integer" }, "to_drop": { "type": "string" },
                    "to_change": { "type": "integer" } }),
            ),
            refresh(
                "s",
                &json!({ "id": { "type": "integer" }, "to_change": { "type": "string" },
                    "to_add": { "type": "string" } }),
            ),
        ],
        &[
            input("s", &[r#"{"id":42,"to_drop":"val1","to_change":42}"#]),
            input("s", &[r#"{"id":42,"to_change":"val2","to_add":"val3"}"#]),
        ],
    );
    assert_eq!(stored[0].1, [json!({ "id": 42, "to_drop": "val1", "to_change": 42 })]);
    assert_eq!(stored[1].1, [json!({ "id": 42, "to_change": "val2", "to_add": "val3" })]);
    assert_eq!(stored[0].0, json!({ "id": "int64", "to_drop": "string", "to_change": "int64" }));
    assert_eq!(stored[1].0, json!({ "id": "int64", "to_change": "string", "to_add": "string" }));
}

/// Row 14, testAppendJsonSchemaEvolution: the same inside an object.
#[test]
fn schema_evolution_inside_an_object() {
    let stream = |members: Value| {
        refresh(
            "s",
            &json!({ "id": { "type": "integer" },
                "data": { "type": "object", "properties": members } }),
        )
    };
    let stored = evolve(
        &[
            stream(json!({ "to_change": { "type": "integer" }, "to_drop": { "type": "string" } })),
            stream(json!({ "to_change": { "type": "string" }, "to_add": { "type": "string" } })),
        ],
        &[
            input("s", &[r#"{"id":1,"data":{"to_change":42,"to_drop":"val1"}}"#]),
            input("s", &[r#"{"id":2,"data":{"to_change":"val2","to_add":"val3"}}"#]),
        ],
    );
    assert_eq!(stored[0].1, [json!({ "id": 1, "data": { "to_change": 42, "to_drop": "val1" } })]);
    assert_eq!(
        stored[1].1,
        [json!({ "id": 2, "data": { "to_change": "val2", "to_add": "val3" } })]
    );
}

/// Runs two syncs of one stream into one folder and compares types and rows of each file with the
/// oracle.
#[track_caller]
fn evolve(streams: &[Value; 2], inputs: &[String; 2]) -> Vec<(Value, Vec<Value>)> {
    let world = World::new();
    let options = json!({});
    let mut settings = settings(&options);
    settings["s3_bucket_key"] = json!("{stream_name}/{part}.{extension}");
    let mut before = Vec::new();
    for (stream, input) in streams.iter().zip(inputs) {
        world.sync(&settings, &catalog([stream.clone()]), input);
        let after = world.objects();
        assert!(
            before.iter().all(|object: &Vec<u8>| after.values().any(|kept| kept == object)),
            "an old file changed"
        );
        before = after.into_values().collect();
    }
    let objects = world.objects();
    assert_eq!(objects.len(), 2, "{:?}", objects.keys());
    let files = in_part_order(&objects).into_iter().zip(streams.iter().zip(inputs));
    files
        .map(|((key, bytes), (stream, input))| {
            let (_, table) = parquet::read(&[(key.clone(), bytes.clone())].into());
            parquet::assert_expected(stream, &options, input, &table);
            (parquet::types(&table), parquet::rows(&table))
        })
        .collect()
}
