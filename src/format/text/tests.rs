//! The formats byte for byte (`golden/`), and round trips through independent readers.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::format::{
    ADDITIONAL_PROPERTIES, CsvOptions, EXTRACTED_AT, Format, GENERATION_ID, METADATA_NAMES,
    MetadataColumns, QuoteStyle, RAW_ID, RowIds, StreamMeta, UndeclaredFields,
};
use crate::json::{Member, Scanner};
use crate::model::StreamIx;

const META: StreamMeta = StreamMeta { generation_id: Some(7), sync_id: 42 };
const CHANGES: &str =
    r#"[{"field":"foo","change":"NULLED","reason":"SOURCE_FIELD_SIZE_LIMITATION"}]"#;

fn members(data: &str) -> Vec<Member> {
    let mut members = Vec::new();
    assert_eq!(Scanner::new(data.as_bytes()).collect_members(&mut members), Ok(data.as_bytes()));
    members
}

fn csv(options: CsvOptions) -> Format {
    Format::Csv { options, gzip_level: None }
}

fn encode(
    encoder: &RowEncoder,
    data: &str,
    changes: Option<&str>,
    scratch: &mut Scratch,
) -> (String, RowNotes) {
    let mut ids = RowIds::new(1_795_347_447_038, 1);
    let members = members(data);
    let record = RecordView {
        stream: StreamIx(0),
        data: data.as_bytes(),
        members: &members,
        emitted_at_ms: 1_795_347_447_036,
        changes: changes.map(str::as_bytes),
    };
    let mut out = Vec::new();
    let notes = encoder.encode(&record, &mut ids, scratch, &mut out);
    (String::from_utf8(out).expect("rows are UTF-8"), notes)
}

/// The file that the golden records make. The second record bears changes of the source.
fn file(format: &Format, metadata: MetadataColumns, properties: &[&str]) -> String {
    let properties: Vec<String> = properties.iter().map(|name| (*name).to_owned()).collect();
    let encoder = RowEncoder::new(format, metadata, &META, &properties).unwrap();
    let mut ids = RowIds::new(1_795_347_447_038, 1);
    let (mut scratch, mut out) = (Scratch::default(), encoder.header().to_vec());
    for (index, data) in include_str!("golden/records.jsonl").lines().enumerate() {
        let members = members(data);
        let record = RecordView {
            stream: StreamIx(0),
            data: data.as_bytes(),
            members: &members,
            emitted_at_ms: 1_795_347_447_036 + index as i64,
            changes: (index == 1).then_some(CHANGES.as_bytes()),
        };
        let _ = encoder.encode(&record, &mut ids, &mut scratch, &mut out);
    }
    String::from_utf8(out).expect("rows are UTF-8")
}

#[test]
fn every_format_is_what_it_was_byte_for_byte() {
    let properties = [
        "id",
        "name",
        "score",
        "nested",
        "_airbyte_raw_id",
        "tags",
        "active",
        "odd, \"name\"",
        "_airbyte_additional_properties",
    ];
    let jsonl = Format::Jsonl { gzip_level: None };
    let tabs = CsvOptions {
        delimiter: b'\t',
        quote_style: QuoteStyle::NonNumeric,
        null_text: "\\N".to_owned(),
        undeclared_fields: UndeclaredFields::Drop,
        ..CsvOptions::default()
    };
    let quotes = CsvOptions { quote_style: QuoteStyle::All, ..CsvOptions::default() };
    let (all, none) = (MetadataColumns::All, MetadataColumns::None);
    for (name, made, golden) in [
        ("jsonl", file(&jsonl, all, &[]), include_str!("golden/jsonl.txt")),
        ("jsonl_bare", file(&jsonl, none, &[]), include_str!("golden/jsonl_bare.txt")),
        (
            "csv",
            file(&csv(CsvOptions::default()), all, &properties),
            include_str!("golden/csv.txt"),
        ),
        (
            "csv_all_quotes",
            file(&csv(quotes), all, &properties),
            include_str!("golden/csv_all_quotes.txt"),
        ),
        (
            "jsonl_ids",
            file(&jsonl, MetadataColumns::Ids, &[]),
            include_str!("golden/jsonl_ids.txt"),
        ),
        (
            "csv_ids",
            file(&csv(CsvOptions::default()), MetadataColumns::Ids, &properties),
            include_str!("golden/csv_ids.txt"),
        ),
        (
            "csv_tabs_bare",
            file(&csv(tabs), none, &properties),
            include_str!("golden/csv_tabs_bare.txt"),
        ),
        (
            "csv_schemaless",
            file(&csv(CsvOptions::default()), none, &[]),
            include_str!("golden/csv_schemaless.txt"),
        ),
    ] {
        for (number, (made, golden)) in made.split('\n').zip(golden.split('\n')).enumerate() {
            assert_eq!(made, golden, "{name}, line {}", number + 1);
        }
        assert_eq!(made, golden, "{name}");
    }
}

#[test]
fn null_differs_from_every_text_and_no_row_is_blank() {
    let row = |options: CsvOptions, data: &str| {
        let encoder = RowEncoder::new(
            &csv(options),
            MetadataColumns::None,
            &META,
            &["a".to_owned(), "b".to_owned()],
        )
        .unwrap();
        encode(&encoder, data, None, &mut Scratch::default()).0
    };
    let drop = CsvOptions { undeclared_fields: UndeclaredFields::Drop, ..CsvOptions::default() };
    let null = |text: &str| CsvOptions { null_text: text.to_owned(), ..drop.clone() };
    let style = |style| CsvOptions { quote_style: style, ..drop.clone() };
    for (options, data, expected) in [
        (drop.clone(), r#"{"a":null,"b":""}"#, ",\"\"\n"),
        (drop.clone(), r#"{"c":1}"#, ",\n"),
        (null("NULL"), r#"{"a":null,"b":"NULL"}"#, "NULL,\"NULL\"\n"),
        (null("NULL"), r#"{"a":"NULLS","b":""}"#, "NULLS,\"\"\n"),
        (null("0"), r#"{"a":0,"b":10}"#, "\"0\",10\n"),
        (null("true"), r#"{"a":true,"b":false}"#, "\"true\",false\n"),
        (null("NULL"), r#"{"a":"N\u0055LL"}"#, "\"NULL\",NULL\n"),
        (style(QuoteStyle::All), r#"{"a":1}"#, "\"1\",\n"),
        (style(QuoteStyle::All), r#"{"a":true,"b":[]}"#, "\"true\",\"[]\"\n"),
        (style(QuoteStyle::NonNumeric), r#"{"a":1,"b":"1"}"#, "1,\"1\"\n"),
        (style(QuoteStyle::NonNumeric), r#"{"a":true,"b":null}"#, "\"true\",\n"),
        (drop.clone(), "{\"a\":\"\u{feff}x\",\"b\":\"\u{ff01}\"}", "\"\u{feff}x\",\u{ff01}\n"),
        (drop.clone(), "{\"a\":[\r1],\"b\":[1]}", "\"[\r1]\",[1]\n"),
        (CsvOptions { delimiter: b'.', ..drop.clone() }, r#"{"a":1.5,"b":15}"#, "\"1.5\".15\n"),
    ] {
        assert_eq!(row(options.clone(), data), expected, "{options:?} {data}");
    }

    let only = |options: CsvOptions, properties: &[String], data: &str| {
        let encoder =
            RowEncoder::new(&csv(options), MetadataColumns::None, &META, properties).unwrap();
        let (row, notes) = encode(&encoder, data, None, &mut Scratch::default());
        (String::from_utf8_lossy(encoder.header()).into_owned(), row, notes.dropped_fields)
    };
    let a = ["a".to_owned()];
    assert_eq!(only(drop.clone(), &a, "{}"), ("a\n".into(), "\"\"\n".into(), 0));
    assert_eq!(only(drop.clone(), &a, r#"{"b":1,"c":2}"#), ("a\n".into(), "\"\"\n".into(), 2));
    assert_eq!(only(null("-"), &a, "{}").1, "-\n");
    assert_eq!(only(null(" "), &a, "{}").1, "\" \"\n");
    let header = format!("{ADDITIONAL_PROPERTIES}\n");
    assert_eq!(only(drop.clone(), &[], r#"{"b":1}"#), (header, "\"{\"\"b\"\":1}\"\n".into(), 0));
    let declared = [ADDITIONAL_PROPERTIES.to_owned(), "b".to_owned()];
    let own = format!("{{\"{ADDITIONAL_PROPERTIES}\":1,\"b\":2}}");
    assert_eq!(only(drop.clone(), &declared, &own).1, "1,2\n");
    let both = only(CsvOptions::default(), &declared, &own);
    let header = format!("{ADDITIONAL_PROPERTIES}_2,b,{ADDITIONAL_PROPERTIES}\n");
    assert_eq!((both.0, both.1), (header, "1,2,\n".to_owned()), "no second column of that name");
    let headless = CsvOptions { header: false, ..drop };
    assert_eq!(only(headless, &a, "{}").0, "");
}

#[test]
fn texts_that_readers_change_are_quoted_in_the_minimal_style() {
    let encoder = |options, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        RowEncoder::new(&csv(options), MetadataColumns::None, &META, &names).unwrap()
    };
    let drop = CsvOptions { undeclared_fields: UndeclaredFields::Drop, ..CsvOptions::default() };
    let beside = "a text that is longer than a block of bytes";
    for (text, quoted) in [
        (" x", true),
        ("x ", true),
        ("\tx", true),
        ("x\t", true),
        ("'x'", true),
        ("#x", true),
        ("it's #1", false),
        (" ", true),
        ("  ", true),
        ("NULL", true),
        ("\\N", true),
        ("\\.", true),
        ("", true),
        ("x y", false),
        ("x\ty", false),
        ("null", false),
        ("NULLS", false),
        ("\\n", false),
        ("\\", false),
        ("N", false),
        (".", false),
        (" a text that is longer than a block", true),
        ("a text that is longer than a block ", true),
        ("exactly 16 bytes", false),
    ] {
        let cell = if quoted { format!("\"{text}\"") } else { text.to_owned() };
        let value = Value::from(text).to_string();
        let two = encoder(drop.clone(), &["a", "b"]);
        let row = encode(
            &two,
            &format!(r#"{{"a":{value},"b":"{beside}"}}"#),
            None,
            &mut Scratch::default(),
        )
        .0;
        assert_eq!(row, format!("{cell},{beside}\n"), "{text:?}");
        let one = encoder(drop.clone(), &["a"]);
        let row = encode(&one, &format!(r#"{{"a":{value}}}"#), None, &mut Scratch::default()).0;
        assert_eq!(row, format!("{cell}\n"), "{text:?} alone");
    }
    assert_eq!(encoder(drop.clone(), &[" a", "NULL", "b"]).header(), b"\" a\",\"NULL\",b\n");
    assert_eq!(encoder(drop, &[" "]).header(), b"\" \"\n");
}

#[test]
fn a_stream_without_a_generation_has_null_there() {
    let meta = StreamMeta { generation_id: None, sync_id: 0 };
    let mut scratch = Scratch::default();
    let jsonl =
        RowEncoder::new(&Format::Jsonl { gzip_level: None }, MetadataColumns::All, &meta, &[])
            .unwrap();
    let row = encode(&jsonl, "{}", None, &mut scratch).0;
    assert!(
        row.contains(
            r#","_airbyte_generation_id":null,"_airbyte_meta":{"sync_id":0,"changes":[]}}"#
        ),
        "{row}"
    );
    let csv =
        RowEncoder::new(&csv(CsvOptions::default()), MetadataColumns::All, &meta, &[]).unwrap();
    let row = encode(&csv, "{}", None, &mut scratch).0;
    assert!(
        row.ends_with(",1795347447036,,\"{\"\"sync_id\"\":0,\"\"changes\"\":[]}\",\n"),
        "{row}"
    );
}

/// A field of a record: its name, the name's and the value's text in the record, and what a CSV
/// column shows.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    key: String,
    value: String,
    shown: Option<String>,
}

fn field() -> impl Strategy<Value = Field> {
    let name = prop_oneof![
        6 => prop::sample::select(vec![
            "id",
            "name",
            "a",
            "",
            "é",
            "a \"b\"",
            "a_rather_long_name_of_a_field",
            "a_rather_long_name_of_a_fielD",
        ])
        .prop_map(str::to_owned),
        1 => prop::sample::select([METADATA_NAMES.as_slice(), &[ADDITIONAL_PROPERTIES]].concat())
            .prop_map(str::to_owned),
        1 => "[a-c]{1,3}",
    ];
    let text =
        "([a-z ,;\t.e1|-]{0,6}|[^\\x00]{0,20}|\\PC{0,40}|[\"\r\n\\\\\\x00é]{0,9}|NULL|true|1)";
    let value = prop_oneof![
        4 => text.prop_map(|text| (Value::from(text.as_str()).to_string(), Some(text))),
        2 => "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?"
            .prop_map(|n| (n.clone(), Some(n))),
        1 => prop::sample::select(vec![
            "true",
            "false",
            "[]",
            "{}",
            r#"[1, "a"]"#,
            r#"{"k":"v,\"","l":[{},{"m":null}]}"#,
        ])
        .prop_map(|t| (t.to_owned(), Some(t.to_owned()))),
        1 => Just(("null".to_owned(), None)),
    ];
    (name, any::<bool>(), value).prop_map(|(name, escaped, (value, shown))| {
        let mut key = Value::from(name.as_str()).to_string();
        if let (true, Some(first)) =
            (escaped, name.chars().next().filter(|c| c.is_ascii_lowercase() || *c == '_'))
        {
            key = key.replacen(first, &format!("\\u{:04x}", u32::from(first)), 1);
        }
        Field { name, key, value, shown }
    })
}

fn data_of(fields: &[Field], space: &str) -> String {
    let members: Vec<String> =
        fields.iter().map(|f| format!("{space}{}:{space}{}{space}", f.key, f.value)).collect();
    format!("{{{space}{}}}", members.join(","))
}

/// The last field of each name, in the order of those.
fn last_ones(fields: &[Field]) -> Vec<&Field> {
    let last: HashMap<&str, usize> =
        fields.iter().enumerate().map(|(i, f)| (f.name.as_str(), i)).collect();
    fields.iter().enumerate().filter(|(i, f)| last[f.name.as_str()] == *i).map(|(_, f)| f).collect()
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 300, ..ProptestConfig::default() }
}

fn metadata() -> impl Strategy<Value = MetadataColumns> {
    prop::sample::select(vec![MetadataColumns::All, MetadataColumns::Ids, MetadataColumns::None])
}

prop_compose! {
    fn csv_options()(
        delimiter in prop::sample::select(b",\t;| .e1-a".to_vec()),
        quote_style in prop::sample::select(
            vec![QuoteStyle::Minimal, QuoteStyle::All, QuoteStyle::NonNumeric],
        ),
        header in any::<bool>(),
        null_text in prop::sample::select(vec!["", "\\N", "NULL", "1", "true"]),
        undeclared_fields in prop::sample::select(
            vec![UndeclaredFields::Column, UndeclaredFields::Drop],
        ),
    ) -> CsvOptions {
        let null_text = if null_text.as_bytes().contains(&delimiter) { "" } else { null_text };
        let null_text = null_text.to_owned();
        CsvOptions {
            delimiter,
            quote_style,
            header,
            null_text,
            undeclared_fields,
            ..CsvOptions::default()
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_jsonl_row_is_our_members_and_the_records(
        fields in prop::collection::vec(field(), 0..8),
        space in "[ \r\t]{0,1}",
        metadata in metadata(),
        changed in any::<bool>(),
    ) {
        let data = data_of(&fields, &space);
        let encoder =
            RowEncoder::new(&Format::Jsonl { gzip_level: Some(1) }, metadata, &META, &[]).unwrap();
        let (row, notes) =
            encode(&encoder, &data, changed.then_some(CHANGES), &mut Scratch::default());
        prop_assert_eq!(notes, RowNotes::default());
        let line = row.strip_suffix('\n').expect("a row ends with a line end");
        prop_assert!(!line.contains('\n'));
        prop_assert!(
            fields.is_empty() || line.ends_with(data.trim_start_matches('{')),
            "the record's text is kept"
        );

        let last = |name: &str| fields.iter().rev().find(|f| f.name == name);
        let read: serde_json::Map<String, Value> =
            serde_json::from_str(line).expect("a row is JSON");
        let record: serde_json::Map<String, Value> =
            serde_json::from_str(&data).expect("a record is JSON");
        let mut found = Vec::new();
        Scanner::new(line.as_bytes())
            .members(|key, _| found.push(key.to_text().into_owned()))
            .expect("a row is JSON");
        let ours: Vec<&str> =
            metadata.names().iter().copied().filter(|name| last(name).is_none()).collect();
        let expected: Vec<&str> =
            ours.iter().copied().chain(fields.iter().map(|f| f.name.as_str())).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(record.iter().all(|(name, value)| read.get(name) == Some(value)));
        if ours.len() == 4 {
            prop_assert_eq!(&read[EXTRACTED_AT], &Value::from(1_795_347_447_036i64));
            prop_assert_eq!(&read[GENERATION_ID], &Value::from(7));
            let changes: Value = serde_json::from_str(if changed { CHANGES } else { "[]" })
                .expect("changes are JSON");
            prop_assert_eq!(
                &read[crate::format::META],
                &serde_json::json!({"sync_id": 42, "changes": changes})
            );
            prop_assert!(read[RAW_ID].as_str().is_some_and(|id| uuid::Uuid::try_parse(id).is_ok()));
        }
    }

    #[test]
    fn csv_rows_are_read_back_as_they_were(
        options in csv_options(),
        metadata in metadata(),
        properties in prop::collection::vec(field().prop_map(|f| f.name), 0..6),
        records in prop::collection::vec(
            (prop::collection::vec(field(), 0..7), any::<bool>()),
            0..6,
        ),
    ) {
        let encoder = RowEncoder::new(&csv(options.clone()), metadata, &META, &properties).unwrap();
        let mut keeps_undeclared = options.undeclared_fields == UndeclaredFields::Column;
        let mut columns: Vec<&str> = metadata.names().to_vec();
        for name in &properties {
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
        keeps_undeclared |= columns.is_empty();

        let mut scratch = Scratch::default();
        let mut file = encoder.header().to_vec();
        let mut expected: Vec<Vec<Option<String>>> = Vec::new();
        if options.header {
            let additional = keeps_undeclared.then_some(ADDITIONAL_PROPERTIES);
            let shown = columns.iter().map(|name| match *name {
                ADDITIONAL_PROPERTIES if keeps_undeclared => format!("{name}_2"),
                name => name.to_owned(),
            });
            expected.push(shown.chain(additional.map(str::to_owned)).map(Some).collect());
        }
        let null = options.null_text.clone();
        for (fields, changed) in &records {
            let (row, notes) =
                encode(&encoder, &data_of(fields, ""), changed.then_some(CHANGES), &mut scratch);
            file.extend_from_slice(row.as_bytes());
            let last = last_ones(fields);
            let mut shown: Vec<Option<String>> = Vec::new();
            for column in &columns {
                let own = last.iter().find(|f| f.name == *column);
                shown.push(match (own, *column) {
                    (Some(own), _) => Some(own.shown.clone().unwrap_or(null.clone())),
                    (None, RAW_ID) if metadata != MetadataColumns::None => None,
                    (None, EXTRACTED_AT) if metadata != MetadataColumns::None => {
                        Some("1795347447036".into())
                    }
                    (None, GENERATION_ID) if metadata != MetadataColumns::None => Some("7".into()),
                    (None, crate::format::META) if metadata == MetadataColumns::All => {
                        Some(format!(
                            "{{\"sync_id\":42,\"changes\":{}}}",
                            if *changed { CHANGES } else { "[]" }
                        ))
                    }
                    (None, _) => Some(null.clone()),
                });
            }
            let undeclared: Vec<&&Field> =
                last.iter().filter(|f| !columns.contains(&f.name.as_str())).collect();
            if keeps_undeclared {
                prop_assert_eq!(notes.dropped_fields, 0);
                let members: Vec<String> =
                    undeclared.iter().map(|f| format!("{}:{}", f.key, f.value)).collect();
                shown.push(Some(match undeclared.as_slice() {
                    [] => null.clone(),
                    _ => format!("{{{}}}", members.join(",")),
                }));
            } else {
                prop_assert_eq!(notes.dropped_fields as usize, undeclared.len());
            }
            expected.push(shown);
        }

        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(options.delimiter)
            .from_reader(file.as_slice());
        let read: Vec<::csv::StringRecord> = reader
            .records()
            .collect::<Result<_, _>>()
            .expect("every row has the header's number of fields");
        prop_assert_eq!(read.len(), expected.len());
        for (read, expected) in read.iter().zip(&expected) {
            prop_assert_eq!(read.len(), expected.len());
            for (read, expected) in read.iter().zip(expected) {
                match expected {
                    Some(text) => prop_assert_eq!(read, text),
                    None => prop_assert!(uuid::Uuid::try_parse(read).is_ok()),
                }
            }
        }
    }
}

#[test]
fn records_with_a_flood_of_names_stay_right() {
    let encoder = RowEncoder::new(
        &csv(CsvOptions::default()),
        MetadataColumns::None,
        &META,
        &["id".to_owned()],
    )
    .unwrap();
    let mut scratch = Scratch::default();
    for record in 0..40 {
        let extras: Vec<String> = (0..100).map(|i| format!("\"k{record}_{i}\":{i}")).collect();
        let data = format!("{{{},\"id\":{record}}}", extras.join(","));
        let row = encode(&encoder, &data, None, &mut scratch).0;
        let expected = format!("{record},\"{{{}}}\"\n", extras.join(",").replace('"', "\"\""));
        assert_eq!(row, expected);
    }
}

#[test]
fn one_scratch_serves_encoders_that_take_turns_even_under_one_number() {
    let encoder = |names: [&str; 2]| {
        let names = names.map(str::to_owned);
        let format = csv(CsvOptions::default());
        RowEncoder::new(&format, MetadataColumns::None, &META, &names).unwrap()
    };
    let encoders = [encoder(["a", "b"]), encoder(["b", "a"])];
    let mut scratch = Scratch::default();
    for _ in 0..3 {
        for (encoder, row) in encoders.iter().zip(["1,2,\n", "2,1,\n"]) {
            assert_eq!(encode(encoder, r#"{"a":1,"b":2}"#, None, &mut scratch).0, row);
        }
    }
}
