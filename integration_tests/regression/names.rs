//! Names that engines read in their own way.

use serde_json::json;

use crate::world::{World, catalog, complete, jsonl_and, plain, record, state};

const TEMPLATE: &str = "raw/{stream_name}/year={year}/Month={month}/{part}.{extension}";

/// Six engines show the folder's value instead of the record's, five refuse the files.
#[test]
fn a_partition_folder_with_the_name_of_a_column() {
    let world = World::new();
    let streams = [
        plain("products", &json!({ "id": {}, "YEAR": { "type": "integer" }, "month": {} })),
        plain("users", &json!({ "id": {}, "yearly": {} })),
    ];
    let input: String = ["products", "users"]
        .map(|stream| [record(stream, r#"{"id":1}"#), state(stream, 1), complete(stream)].concat())
        .concat();
    for format in ["jsonl", "csv", "parquet"] {
        let settings = json!({ "s3_bucket_key": TEMPLATE, "format": { "format_type": format } });
        let outcome = world.sync(&settings, &catalog(streams.clone()), &input);
        let warnings = outcome.logs("WARN");
        assert_eq!(warnings.len(), 2, "{format}: {warnings:?}");
        for (warning, column, folder) in
            [(warnings[0], "\"YEAR\"", "`year=`"), (warnings[1], "\"month\"", "`Month=`")]
        {
            assert!(warning.starts_with("stream \"products\": "), "{warning}");
            assert!(warning.contains(column) && warning.contains(folder), "{warning}");
        }
    }
}

#[test]
fn check_notes_each_partition_folder() {
    let world = World::new();
    let check = |template: &str| {
        let settings = jsonl_and(&json!({ "s3_bucket_key": template }));
        let outcome = crate::world::connector().check(&world.config(&settings));
        let (status, message) = outcome.connection_status();
        assert_eq!(status, "SUCCEEDED", "{message}");
        message.to_owned()
    };
    let message = check(TEMPLATE);
    assert!(message.contains("`year=`") && message.contains("`Month=`"), "{message}");
    assert!(message.contains("`sync_year=`"), "{message}");
    let message = check("raw/{stream_name}/{year}/x=1.{extension}");
    assert!(!message.contains("partition"), "{message}");
}
