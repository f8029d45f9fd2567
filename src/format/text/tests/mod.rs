//! The formats byte for byte (`golden/`), and the fields and rows that are hard to write.

mod round_trips;

use serde_json::Value;

use super::*;
use crate::format::{
    ADDITIONAL_PROPERTIES, CsvOptions, Format, MetadataColumns, QuoteStyle, RowIds, StreamMeta,
    UndeclaredFields,
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

/// The file that the golden records make. The second record has changes that the source reported.
fn file(format: &Format, metadata: MetadataColumns, properties: &[&str]) -> String {
    let properties: Vec<String> = properties.iter().map(|name| (*name).to_owned()).collect();
    let encoder = RowEncoder::new(format, metadata, &META, &properties).unwrap();
    let mut ids = RowIds::new(1_795_347_447_038, 1);
    let (mut scratch, mut out) = (Scratch::default(), encoder.header().to_vec());
    for (index, data) in include_str!("../golden/records.jsonl").lines().enumerate() {
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
fn every_format_matches_its_golden_file() {
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
        ("jsonl", file(&jsonl, all, &[]), include_str!("../golden/jsonl.txt")),
        ("jsonl_bare", file(&jsonl, none, &[]), include_str!("../golden/jsonl_bare.txt")),
        (
            "csv",
            file(&csv(CsvOptions::default()), all, &properties),
            include_str!("../golden/csv.txt"),
        ),
        (
            "csv_all_quotes",
            file(&csv(quotes), all, &properties),
            include_str!("../golden/csv_all_quotes.txt"),
        ),
        (
            "jsonl_ids",
            file(&jsonl, MetadataColumns::Ids, &[]),
            include_str!("../golden/jsonl_ids.txt"),
        ),
        (
            "csv_ids",
            file(&csv(CsvOptions::default()), MetadataColumns::Ids, &properties),
            include_str!("../golden/csv_ids.txt"),
        ),
        (
            "csv_tabs_bare",
            file(&csv(tabs), none, &properties),
            include_str!("../golden/csv_tabs_bare.txt"),
        ),
        (
            "csv_schemaless",
            file(&csv(CsvOptions::default()), none, &[]),
            include_str!("../golden/csv_schemaless.txt"),
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

#[test]
fn records_with_a_flood_of_names_are_encoded_correctly() {
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
