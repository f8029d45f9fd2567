//! Names that engines read in their own way.

use serde_json::json;

use crate::parquet::{input, run, types};
use crate::support::read_back;
use crate::world::{World, catalog, complete, jsonl_and, plain, record, refresh, state};

const TEMPLATE: &str = "raw/{stream_name}/year={year}/Month={month}/{part}.{extension}";

/// Six engines show the folder's value instead of the record's, and five refuse the files.
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

/// The name in the file is what counts.
#[test]
fn a_partition_folder_with_the_name_that_a_column_has_in_the_file() {
    let world = World::new();
    let streams = [plain("products", &json!({ "sync year": {}, "Id": {}, "id": {} }))];
    let input =
        [record("products", r#"{"id":1}"#), state("products", 1), complete("products")].concat();
    for format in ["csv", "parquet"] {
        let settings = json!({
            "s3_bucket_key": "{stream_name}/sync_year={year}/id=1/{part}.{extension}",
            "format": { "format_type": format, "column_names": "safe" },
        });
        let outcome = world.sync(&settings, &catalog(streams.clone()), &input);
        let warnings: Vec<&str> = outcome
            .logs("WARN")
            .into_iter()
            .filter(|warning| warning.contains("Hive partitions"))
            .collect();
        assert_eq!(warnings.len(), 2, "{format}: {warnings:?}");
        // `Id` is `Id_2` in the file.
        for (warning, column) in warnings.iter().zip(["\"sync_year\"", "\"id\""]) {
            assert!(warning.contains(&format!("the column {column}")), "{warning}");
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

/// Hive, Delta and BigQuery refuse a whole table because of one such name.
#[test]
fn names_that_engines_refuse_are_logged_once_for_each_stream() {
    let properties = json!({
        "ok": {}, "a.b": {}, "a b": {}, "": {},
        "inside": { "type": "object", "properties": { "x=1": { "type": "integer" } } },
    });
    let streams = [plain("odd", &properties), plain("plain", &json!({ "id": {}, "été": {} }))];
    let input: String =
        ["odd", "plain"].map(|stream| [state(stream, 1), complete(stream)].concat()).concat();
    for (format, nested) in [("parquet", true), ("csv", false)] {
        let world = World::new();
        let settings = json!({ "format": { "format_type": format } });
        let outcome = world.sync(&settings, &catalog(streams.clone()), &input);
        let warnings = outcome.logs("WARN");
        let [warning] = warnings.as_slice() else { panic!("{format}: {warnings:?}") };
        assert!(
            warning.starts_with("stream \"odd\": ") && warning.contains("column_names"),
            "{warning}"
        );
        assert!(warning.contains("\"a b\", \"\"") && !warning.contains("a.b"), "{warning}");
        assert_eq!(warning.contains("x=1"), nested, "{warning}");
    }
}

#[test]
fn safe_names_are_letters_digits_and_underscores_and_the_footer_has_the_originals() {
    let integer = json!({ "type": "integer" });
    let properties = json!({
        "id": integer, "a b": integer, "a.b": integer, "2nd": integer, "": integer, "été": integer,
        "_airbyte meta": integer,
        "in": { "type": "object", "properties": { "x y": integer, "X_Y": integer, "ok": integer } },
        "li st": { "type": "array",
            "items": { "type": "object", "properties": { "p q": integer } } },
    });
    let data = r#"{"id":1,"a b":2,"a.b":3,"2nd":4,"":5,"été":6,"_airbyte meta":7,"in":{"x y":8,"X_Y":9,"ok":10,"n o":0},"li st":[{"p q":11}],"un declared":12}"#;
    let stored =
        run(&refresh("s", &properties), &json!({ "column_names": "safe" }), &input("s", &[data]));
    assert!(stored.outcome.logs("WARN").iter().all(|warning| !warning.contains("refuse")));
    let types = types(&stored.table);
    let names: Vec<&str> = types.as_object().unwrap().keys().map(String::as_str).collect();
    for name in ["id", "a_b", "a_b_2", "_2nd", "_", "_t_", "_airbyte_meta_2", "in", "li_st"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert_eq!(
        types["in"],
        json!({ "struct": [["x_y", "int64"], ["X_Y_2", "int64"], ["ok", "int64"]] })
    );
    let footer = &stored.files[0].footer["key_values"]["destination_s3.column_names"];
    let originals: serde_json::Value = serde_json::from_str(footer.as_str().unwrap()).unwrap();
    let expected = json!({
        "a_b_2": "a b", "a_b": "a.b", "_2nd": "2nd", "_": "", "_t_": "été",
        "_airbyte_meta_2": "_airbyte meta",
        "in.x_y": "x y", "in.X_Y_2": "X_Y", "li_st": "li st", "li_st[].p_q": "p q",
    });
    assert_eq!(originals, expected);
}

#[test]
fn safe_names_in_the_header_of_csv() {
    let properties =
        json!({ "id": {}, "a b": {}, "a.b": {}, "Id": {}, "_airbyte_additional_properties": {} });
    let data = r#"{"id":1,"a b":2,"a.b":3,"Id":4,"_airbyte_additional_properties":5,"x y":6}"#;
    let world = World::new();
    let settings = json!({
        "format": { "format_type": "csv", "column_names": "safe" }, "metadata_columns": "none",
    });
    let input = [record("s", data), complete("s")].concat();
    world.sync(&settings, &catalog([refresh("s", &properties)]), &input);
    let objects = world.objects();
    let table = read_back::csv(objects.values().next().unwrap());
    assert_eq!(
        table.header,
        [
            "id",
            "a_b_2",
            "a_b",
            "Id_2",
            "_airbyte_additional_properties_2",
            "_airbyte_additional_properties"
        ]
    );
    let cells: Vec<&str> = table.rows[0].iter().map(|field| field.text.as_str()).collect();
    assert_eq!(cells, ["1", "2", "3", "4", "5", r#"{"x y":6}"#]);
}
