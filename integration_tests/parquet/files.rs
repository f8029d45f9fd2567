//! What a Parquet file contains besides rows: codec, row groups, footer and the shape of the
//! schema; and folders of files that are read as one table.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::parquet::{input, run, settings};
use crate::sent::{ADDITIONAL, METADATA};
use crate::support::readers::{self, Table};
use crate::world::{
    World, catalog, complete_descriptor, noise, plain, record_within, refresh, with, within,
};

fn text_and_number() -> Value {
    refresh("s", &json!({ "id": { "type": "integer" }, "text": { "type": "string" } }))
}

#[test]
fn every_codec_is_used_and_read_back() {
    let records: Vec<String> = (0..3000)
        .map(|id| format!(r#"{{"id":{id},"text":"some words {} and more"}}"#, id % 700))
        .collect();
    let input = input("s", &records);
    let size = |options: &Value, name: &str| {
        let stored = run(&text_and_number(), options, &input);
        assert_eq!(stored.files[0].footer["codecs"], json!([name]), "{options}");
        let groups = stored.files[0].footer["row_groups"].as_array().unwrap().clone();
        assert_eq!(groups.iter().map(|group| group["rows"].as_u64().unwrap()).sum::<u64>(), 3000);
        stored.bytes
    };
    size(&json!({}), "SNAPPY");
    size(&json!({ "compression_codec": "snappy" }), "SNAPPY");
    size(&json!({ "compression_codec": "lz4_raw" }), "LZ4");
    size(&json!({ "compression_codec": "gzip", "compression_level": 9 }), "GZIP");
    let zstd = size(&json!({ "compression_codec": "zstd" }), "ZSTD");
    // The level has an effect; on so few rows the file need not be smaller.
    assert_ne!(
        size(&json!({ "compression_codec": "zstd", "compression_level": 19 }), "ZSTD"),
        zstd
    );
    assert!(size(&json!({ "compression_codec": "none" }), "UNCOMPRESSED") > zstd);
}

#[test]
fn row_groups_are_cut_by_rows_and_by_bytes() {
    let short: Vec<String> = (0..2500).map(|id| format!(r#"{{"id":{id},"text":"x"}}"#)).collect();
    let stored = run(&text_and_number(), &json!({ "row_group_rows": 1000 }), &input("s", &short));
    let groups = |footer: &Value, what: &str| -> Vec<u64> {
        footer["row_groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group[what].as_u64().unwrap())
            .collect()
    };
    assert_eq!(stored.files.len(), 1);
    let rows = groups(&stored.files[0].footer, "rows");
    // A block of input may end anywhere, but its rows stay together. A row group that is not full
    // ends only where the following rows would have been too many.
    assert_eq!(rows.iter().sum::<u64>(), 2500, "{rows:?}");
    assert!(rows.iter().all(|rows| *rows <= 1000), "{rows:?}");
    assert!(rows.windows(2).all(|two| two[0] + two[1] > 1000), "{rows:?}");

    let long: Vec<String> =
        (0..2000).map(|id| format!(r#"{{"id":{id},"text":"{}"}}"#, noise(id + 1, 3000))).collect();
    let stored = run(&text_and_number(), &json!({ "row_group_mb": 1 }), &input("s", &long));
    assert_eq!(stored.files.len(), 1);
    let bytes = groups(&stored.files[0].footer, "bytes");
    // 6 MB of text.
    assert!((4..=8).contains(&bytes.len()), "{bytes:?}");
    assert!(bytes.iter().all(|bytes| *bytes < 2_000_000), "{bytes:?}");
}

#[test]
fn the_footer_identifies_the_sync() {
    let properties = json!({ "id": { "type": "integer" } });
    let ids = json!({ "destination_s3.stream": "s", "destination_s3.sync_id": "42",
        "destination_s3.generation_id": "5" });
    let mut with_namespace = ids.clone();
    with_namespace["destination_s3.namespace"] = json!("crm é");
    let plain_ids = json!({ "destination_s3.stream": "s", "destination_s3.sync_id": "0" });
    let cases = [
        (refresh("s", &properties), None, ids),
        (within("crm é", refresh("s", &properties)), Some("crm é"), with_namespace),
        (plain("s", &properties), None, plain_ids),
    ];
    for (stream, namespace, expected) in cases {
        let descriptor = json!({ "name": "s", "namespace": namespace });
        let input = [
            record_within(namespace.unwrap_or(""), "s", r#"{"id":1}"#),
            complete_descriptor(&descriptor),
        ];
        let stored = run(&stream, &json!({}), &input.concat());
        let footer = &stored.files[0].footer;
        let ours = |(name, _): &(&String, &Value)| name.starts_with("destination_s3.");
        let found: BTreeMap<_, _> =
            footer["key_values"].as_object().unwrap().iter().filter(ours).collect();
        assert_eq!(json!(found), expected);
        let created_by = footer["created_by"].as_str().unwrap();
        let head = concat!("destination-s3 version ", env!("CARGO_PKG_VERSION"), " (");
        assert!(created_by.starts_with(head) && created_by.ends_with(')'), "{created_by}");
        assert_eq!(footer["statistics"], true, "engines skip row groups by their statistics");
    }
}

/// What the format's rules and every engine demand: nothing is required, lists have three levels,
/// times are in microseconds and say whether they are UTC.
#[test]
fn the_schema_has_the_shape_that_engines_demand() {
    let time = |format: &str, airbyte: &str| {
        json!({ "type": "string", "format": format,
        "airbyte_type": airbyte })
    };
    let properties = json!({
        "zoned": time("date-time", "timestamp_with_timezone"),
        "local": time("date-time", "timestamp_without_timezone"),
        "zoned_time": time("time", "time_with_timezone"),
        "local_time": time("time", "time_without_timezone"),
        "day": { "type": "string", "format": "date" },
        "text": { "type": "string" },
        "big": { "type": "integer", "airbyte_type": "big_integer" },
        "lines": { "type": "array", "items": { "type": "object", "properties": {
            "tags": { "type": "array", "items": { "type": "string" } } } } },
    });
    let stored =
        run(&refresh("s", &properties), &json!({ "times": "typed" }), &input("s", &["{}"]));
    let tree = &stored.files[0].tree;
    let named = |name: &'static str| tree.iter().filter(move |node| node["name"] == name);
    for node in &tree[1..] {
        let repetition = if node["name"] == "list" { "REPEATED" } else { "OPTIONAL" };
        assert_eq!(node["repetition"], repetition, "{node}");
    }
    // `lines`, its `tags`, and the changes of the metadata.
    assert_eq!(named("list").count(), 3);
    assert_eq!(named("element").count(), 3);
    for (position, node) in tree.iter().enumerate() {
        if node["name"] == "list" {
            let (parent, child) = (&tree[position - 1], &tree[position + 1]);
            assert_eq!(
                (&parent["children"], &node["children"], &child["name"]),
                (&json!(1), &json!(1), &json!("element"))
            );
            assert!(
                parent["logical"].as_str().is_some_and(|logical| logical.starts_with("List")),
                "{parent}"
            );
        }
    }
    let leaves = stored.files[0].footer["leaves"].as_array().unwrap();
    let leaf = |path: &str| {
        leaves
            .iter()
            .find(|leaf| leaf["path"] == path)
            .unwrap_or_else(|| panic!("{path}: {leaves:#?}"))
    };
    for (path, kind, utc) in [
        ("zoned", "Timestamp", true),
        ("local", "Timestamp", false),
        (METADATA[1], "Timestamp", true),
        ("zoned_time", "Time", false),
        ("local_time", "Time", false),
    ] {
        let logical = &leaf(path)["logical"];
        assert_eq!(
            (&logical["Type"], &logical["isAdjustedToUTC"]),
            (&json!(kind), &json!(utc)),
            "{path}"
        );
        assert_eq!(logical["timeUnit"], "microseconds", "{path}");
        assert_eq!(leaf(path)["physical"], "INT64", "{path}");
    }
    for (path, kind, physical) in [
        ("day", "Date", "INT32"),
        ("text", "String", "BYTE_ARRAY"),
        ("lines.list.element.tags.list.element", "String", "BYTE_ARRAY"),
        (METADATA[0], "String", "BYTE_ARRAY"),
        (ADDITIONAL, "String", "BYTE_ARRAY"),
        ("big", "Decimal", "FIXED_LEN_BYTE_ARRAY"),
    ] {
        assert_eq!(leaf(path)["logical"]["Type"], kind, "{path}");
        assert_eq!(leaf(path)["physical"], physical, "{path}");
    }
}

/// Two syncs, the second with an additional column in the middle: every engine reads the folder as
/// one table, by name.
#[test]
fn a_folder_is_one_table() {
    let world = World::new();
    let mut settings = settings(&json!({}));
    settings["s3_bucket_key"] = json!(
        "{namespace}/{stream_name}/year={year}/sync={sync_id}/{date_time}_{part}.{extension}"
    );
    let number = json!({ "type": "integer" });
    let first = json!({ "id": number, "day": { "type": "string", "format": "date" } });
    let second = json!({ "id": number, "price": { "type": "number" },
        "tags": { "type": "array", "items": number },
        "day": { "type": "string", "format": "date" } });
    let syncs = [
        (41, first, vec![r#"{"id":1,"day":"2024-01-01"}"#, r#"{"id":2,"price":9.5}"#]),
        (
            42,
            second,
            vec![r#"{"id":3,"price":1.5,"tags":[1,null],"day":"2024-01-02"}"#, r#"{"id":"x"}"#],
        ),
    ];
    for (sync, properties, records) in syncs {
        let stream =
            with(within("shop", refresh("orders", &properties)), &json!({ "sync_id": sync }));
        let records: String =
            records.iter().map(|data| record_within("shop", "orders", data)).collect();
        let end = complete_descriptor(&json!({ "name": "orders", "namespace": "shop" }));
        world.sync(&settings, &catalog([stream]), &[records, end].concat());
    }
    let objects = world.objects();
    let newest =
        objects.keys().find(|key| key.contains("/sync=42/")).expect("the second sync's file");
    for (engine, table) in readers::read_folder(&objects, newest) {
        assert_eq!(table.names().len(), METADATA.len() + 5 + 2, "{engine}: {:?}", table.names());
        let kinds = [
            ("id", json!("int64")),
            ("price", json!("double")),
            ("tags", json!({ "list": "int64" })),
            ("day", json!("date")),
            (METADATA[1], json!("timestamp(us,UTC)")),
            (ADDITIONAL, json!("string")),
        ];
        for (name, kind) in kinds {
            assert_eq!(*table.kind(name), kind, "{engine}: {name}");
        }
        let expected = [
            json!(["1", null, null, "2024-01-01", null, "41"]),
            json!(["2", null, null, null, r#"{"price":9.5}"#, "41"]),
            json!(["3", "1.5", [1, null], "2024-01-02", null, "42"]),
            json!(["null", null, null, null, r#"{"id":"x"}"#, "42"]),
        ];
        assert_eq!(sorted(&table), expected, "{engine}");
    }
}

/// Returns the columns that the test is about; the partition's value as text, because engines guess
/// its type.
fn sorted(table: &Table) -> Vec<Value> {
    let columns = ["price", "tags", "day", ADDITIONAL].map(|name| table.column(name));
    let mut rows: Vec<Value> = (0..table.rows.len())
        .map(|row| {
            let mut cells = vec![json!(table.column("id")[row].to_string())];
            cells.extend(columns.iter().map(|column| column[row].clone()));
            cells.push(json!(table.column("sync")[row].to_string().trim_matches('"')));
            json!(cells)
        })
        .collect();
    rows.sort_by_key(|row| row[0].to_string());
    rows
}
