//! Values that writers tend to change, fields that the schema does not declare, and fields named
//! like metadata columns.

use serde_json::{Value, json};

use crate::sent::{self, ADDITIONAL, Ids, METADATA, SentRecord};
use crate::support::read_back::{self, CsvTable, JsonRow};
use crate::world::{EMITTED_AT, World, catalog, complete, plain, record, refresh, state};

const IDS: Ids<'_> = Ids { generation: "5", sync: "42" };

/// Data in which every digit, escape and blank matters. The declared property is `v`.
const TRICKY: &[&str] = &[
    r#"{"v":1234567890123456789012345678901234567890}"#,
    r#"{"v":-9223372036854775809}"#,
    r#"{"v":1e400}"#,
    r#"{"v":-0.0}"#,
    r#"{"v":0.10}"#,
    r#"{"v":1.0}"#,
    r#"{"v":50000.0000000000000001}"#,
    r#"{"v":1E+5}"#,
    r#"{"v":""}"#,
    r#"{"v":null}"#,
    r#"{}"#,
    r#"{"v":"null"}"#,
    r#"{"v":true}"#,
    r#"{"v":"a\u0000b"}"#,
    r#"{"v":"quote \" comma , semicolon ; backslash \\ slash \/ tab \t"}"#,
    r#"{"v":"line\nfeed"}"#,
    r#"{"v":"carriage\rreturn and\r\nboth"}"#,
    r#"{"v":"\n"}"#,
    r#"{"v":" blanks at both ends "}"#,
    r#"{"v":"=1+1"}"#,
    r#"{"v":"é ü 漢字 😀"}"#,
    r#"{"v":"\u00e9 \u6f22 \ud83d\ude00"}"#,
    "{\"v\":\"\u{2028}\u{2029}\u{85}\u{feff}\u{7f}\"}",
    r#"{"v":{"a":1.10,"b":[1e400,"\u00e9",{}],"a b":"x \"y\""}}"#,
    r#"{"v":[]}"#,
    r#"{"v":{}}"#,
    r#"{"v":{ "spaced" : [ 1 , 2 ] }}"#,
    r#"{ "v" : 1.50 }"#,
    "{\t}",
];

#[test]
fn tricky_values_come_back_as_they_were_sent() {
    let catalog = catalog([refresh("tricky", &json!({ "v": { "type": "string" } }))]);
    let input = input("tricky", TRICKY);
    let sent = &sent::records(&input)["tricky"];
    sent::assert_jsonl(sent, &rows(&catalog, &input, &json!({})), IDS);
    sent::assert_csv(sent, &table(&catalog, &input, json!({})), &["v"], IDS);
}

#[test]
fn without_metadata_columns_a_row_is_the_data_alone() {
    let catalog = catalog([refresh("tricky", &json!({ "v": {} }))]);
    let input = input("tricky", TRICKY);
    let rows = rows(&catalog, &input, &json!({ "metadata_columns": "none" }));
    assert_eq!(rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(), TRICKY);
    let table = table(&catalog, &input, json!({ "metadata_columns": "none" }));
    assert_eq!(table.header, ["v", ADDITIONAL]);
    assert_eq!(table.rows.len(), TRICKY.len());
}

#[test]
fn changes_of_the_source_are_kept() {
    let catalog = catalog([refresh("users", &json!({ "id": {} }))]);
    let changes = r#"[{"field":"foo","change":"NULLED","reason":"SOURCE_FIELD_SIZE_LIMITATION"},{"field":"a.b","change":"TRUNCATED","reason":"PLATFORM_SERIALIZATION_ERROR"}]"#;
    let metas = [
        format!("{{\"changes\":{changes}}}"),
        "{\"changes\":[]}".into(),
        "{}".into(),
        "null".into(),
    ];
    let mut input: String = metas
        .iter()
        .map(|meta| {
            format!(
                "{{\"type\":\"RECORD\",\"record\":{{\"stream\":\"users\",\"namespace\":null,\"meta\":{meta},\
                 \"emitted_at\":1234,\"file_reference\":null,\"data\":{{\"id\":5678}}}},\"state\":null}}\n"
            )
        })
        .collect();
    input.push_str(&complete("users"));
    let sent = &sent::records(&input)["users"];
    assert_eq!(sent[0].changes, changes);
    sent::assert_jsonl(sent, &rows(&catalog, &input, &json!({})), IDS);
    sent::assert_csv(sent, &table(&catalog, &input, json!({})), &["id"], IDS);
}

/// The plain dialect has no generation; its sync id is the platform's job id, or 0.
#[test]
fn the_plain_dialect_has_no_generation() {
    let catalog = catalog([plain("users", &json!({ "id": {} }))]);
    for (job, sync) in [(None, "0"), (Some("77"), "77")] {
        let world = World::new();
        let config = world.config(&json!({ "format": { "format_type": "jsonl" } }));
        let mut connector = crate::world::connector();
        if let Some(job) = job {
            connector = connector.env("WORKER_JOB_ID", job);
        }
        connector
            .write(&config, &catalog)
            .input(record("users", "{\"id\":1}"))
            .run()
            .expect_success();
        let sent = [SentRecord {
            data: "{\"id\":1}".to_owned(),
            emitted_at: EMITTED_AT.to_string(),
            changes: "[]".to_owned(),
        }];
        sent::assert_jsonl(&sent, &world.rows(), Ids { generation: "null", sync });
    }
}

#[test]
fn undeclared_fields_are_kept_in_a_column_or_dropped_and_counted() {
    let catalog = catalog([refresh("users", &json!({ "id": {}, "name": {} }))]);
    let data = [
        r#"{"extra":1.50,"id":1,"name":"a","nested":{"x":"\u00e9"}}"#,
        r#"{"id":2}"#,
        r#"{"other":null}"#,
        r#"{}"#,
    ];
    let input = input("users", &data);
    let sent = &sent::records(&input)["users"];
    sent::assert_jsonl(sent, &rows(&catalog, &input, &json!({})), IDS);
    sent::assert_csv(
        sent,
        &table(&catalog, &input, json!({ "undeclared_fields": "column" })),
        &["id", "name"],
        IDS,
    );

    let world = World::new();
    let settings = json!({ "format": { "format_type": "csv", "undeclared_fields": "drop" } });
    let outcome = world.sync(&settings, &catalog, &input);
    let table = read_back::csv(world.objects().values().next().unwrap());
    assert_eq!(table.header, [&METADATA[..], &["id", "name"]].concat());
    assert_eq!(table.column("id"), [Some("1"), Some("2"), None, None]);
    let logs = [outcome.logs("WARN"), outcome.logs("INFO")].concat();
    let told = logs
        .iter()
        .any(|log| log.contains("users") && log.contains("undeclared") && log.contains('3'));
    assert!(told, "no log line counts the 3 dropped fields of users: {logs:#?}");
}

#[test]
fn streams_without_properties_keep_their_fields() {
    for schema in
        [json!({}), json!({ "type": "object" }), json!({ "type": "object", "properties": {} })]
    {
        let mut stream = refresh("bare", &json!({}));
        stream["stream"]["json_schema"] = schema;
        let catalog = catalog([stream]);
        let input = input("bare", &["{}", r#"{"a":1.0}"#, "{}"]);
        let sent = &sent::records(&input)["bare"];
        sent::assert_jsonl(sent, &rows(&catalog, &input, &json!({})), IDS);
        sent::assert_csv(sent, &table(&catalog, &input, json!({})), &[], IDS);
    }
}

/// A record that has been through another pipeline keeps its own metadata values, and no row has
/// two members or columns with one name (the readers check that).
#[test]
fn fields_named_like_metadata_columns() {
    let own = r#"{"_airbyte_raw_id":"mine","id":1,"_airbyte_extracted_at":"2024-01-01T00:00:00Z","_airbyte_meta":{"x":1.0}}"#;
    let input = input("users", &[own, r#"{"id":2}"#]);
    let text = json!({ "type": "string" });
    let declared = json!({ "_airbyte_raw_id": text, "id": {}, "_airbyte_extracted_at": text,
        "_airbyte_meta": {} });
    for properties in [json!({ "id": {} }), declared] {
        let catalog = catalog([refresh("users", &properties)]);
        let rows = rows(&catalog, &input, &json!({}));
        assert_eq!(rows.len(), 2);
        for (name, text) in read_back::members(own) {
            assert_eq!(rows[0].get(&name), Some(text.as_str()), "{name} in {}", rows[0].text);
        }
        assert_eq!(rows[0].get("_airbyte_generation_id"), Some("5"));
        assert_eq!(rows[0].members.len(), 5, "{}", rows[0].text);

        let table = table(&catalog, &input, json!({}));
        assert_eq!(table.column("id"), [Some("1"), Some("2")]);
        assert_eq!(table.get(0, "_airbyte_raw_id"), Some("mine"));
        assert_eq!(table.get(0, "_airbyte_extracted_at"), Some("2024-01-01T00:00:00Z"));
        assert_eq!(table.get(0, "_airbyte_meta"), Some(r#"{"x":1.0}"#));
        assert_eq!(table.get(0, "_airbyte_generation_id"), Some("5"));
        assert_eq!(table.get(0, ADDITIONAL), None, "a value is in one place only");
        assert_eq!(table.header.iter().filter(|name| *name == "_airbyte_raw_id").count(), 1);
    }
    // A row without values of its own gets ours, where the column is ours.
    let catalog = catalog([refresh("users", &json!({ "id": {} }))]);
    let rows = rows(&catalog, &input, &json!({}));
    let id: String = serde_json::from_str(rows[1].get("_airbyte_raw_id").unwrap()).unwrap();
    sent::assert_raw_ids([id.as_str()].into_iter());
}

/// Records of one stream, a STATE and COMPLETE.
fn input(stream: &str, data: &[&str]) -> String {
    let records: String = data.iter().map(|data| record(stream, data)).collect();
    [records, state(stream, 1), complete(stream)].concat()
}

fn rows(catalog: &Value, input: &str, settings: &Value) -> Vec<JsonRow> {
    let world = World::new();
    world.sync(&crate::world::jsonl_and(settings), catalog, input);
    world.rows()
}

/// Runs a sync and reads its CSV file. `settings` may be options of the format or settings of the
/// connector.
fn table(catalog: &Value, input: &str, mut settings: Value) -> CsvTable {
    let mut format = json!({ "format_type": "csv" });
    if let Some(undeclared) = settings.as_object_mut().unwrap().remove("undeclared_fields") {
        format["undeclared_fields"] = undeclared;
    }
    settings["format"] = format;
    let world = World::new();
    world.sync(&settings, catalog, input);
    let objects = world.objects();
    assert_eq!(objects.len(), 1, "{:?}", objects.keys());
    read_back::csv(objects.values().next().unwrap())
}
