//! Any record, read back by independent readers of JSON and CSV.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::Value;

use super::{CHANGES, META, csv, encode};
use crate::format::text::{RowEncoder, RowNotes, Scratch};
use crate::format::{
    ADDITIONAL_PROPERTIES, CsvOptions, EXTRACTED_AT, Format, GENERATION_ID, METADATA_NAMES,
    MetadataColumns, QuoteStyle, RAW_ID, UndeclaredFields,
};
use crate::json::Scanner;

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
    fn a_jsonl_row_is_the_metadata_and_the_records_own_text(
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
    fn csv_rows_are_read_back_unchanged(
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
