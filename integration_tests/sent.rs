//! Reads what was sent from the text of the messages, and compares it with the rows that were read
//! back.
//!
//! A stored value is compared with the text that was sent, so that a single digit more or less is a
//! difference.
//!
//! Not here: which objects hold which stream.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::read_back::{CsvTable, JsonRow, members};

/// The metadata columns, which precede the data.
pub(crate) const METADATA: [&str; 4] =
    ["_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_generation_id", "_airbyte_meta"];
/// The last column of CSV, for fields that the schema does not declare.
pub(crate) const ADDITIONAL: &str = "_airbyte_additional_properties";

/// One RECORD message.
#[derive(Clone, Debug)]
pub(crate) struct SentRecord {
    /// The text of `data`.
    pub(crate) data: String,
    pub(crate) emitted_at: String,
    /// The text of `meta.changes`; an empty list if the record has none.
    pub(crate) changes: String,
}

/// Returns the RECORDs of an input by stream, in order.
pub(crate) fn records(input: &str) -> BTreeMap<String, Vec<SentRecord>> {
    let mut streams: BTreeMap<String, Vec<SentRecord>> = BTreeMap::new();
    for line in input.lines() {
        let Some(record) = member(line, "record") else { continue };
        let name = member(&record, "stream").expect("a stream");
        let meta = member(&record, "meta").filter(|meta| meta != "null");
        streams
            .entry(serde_json::from_str(&name).expect("the name of a stream"))
            .or_default()
            .push(SentRecord {
                data: member(&record, "data").expect("data"),
                emitted_at: member(&record, "emitted_at").expect("a time"),
                changes: meta
                    .and_then(|meta| member(&meta, "changes"))
                    .unwrap_or_else(|| "[]".to_owned()),
            });
    }
    streams
}

/// Returns the text of one member of an object.
pub(crate) fn member(object: &str, name: &str) -> Option<String> {
    members(object).into_iter().find(|(member, _)| member == name).map(|(_, text)| text)
}

/// The generation and sync ids of a stream, as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids<'a> {
    pub(crate) generation: &'a str,
    pub(crate) sync: &'a str,
}

/// Asserts that the rows are the records, in order: the metadata columns, followed by the text of
/// the data as it was sent.
pub(crate) fn assert_jsonl(sent: &[SentRecord], rows: &[JsonRow], ids: Ids<'_>) {
    assert_eq!(rows.len(), sent.len(), "rows");
    for (sent, row) in sent.iter().zip(rows) {
        let data = sent.data.strip_prefix('{').expect("data is an object").trim_start();
        let head = row.text.strip_suffix(data);
        let head = head.unwrap_or_else(|| panic!("not spliced: {} in {}", sent.data, row.text));
        let head = members(&format!("{}}}", head.trim_end().trim_end_matches(',')));
        let names: Vec<_> = head.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, METADATA, "{}", row.text);
        let [_, (_, extracted_at), (_, generation), (_, meta)] = head.as_slice() else {
            unreachable!()
        };
        assert_eq!(*extracted_at, sent.emitted_at);
        assert_eq!(generation, ids.generation);
        assert_meta(meta, sent, ids);
    }
    let texts = rows.iter().map(|row| row.get("_airbyte_raw_id").expect("a raw id"));
    let raw_ids: Vec<String> =
        texts.map(|text| serde_json::from_str(text).expect("a string")).collect();
    assert_raw_ids(raw_ids.iter().map(String::as_str));
}

/// Asserts that the rows are the records, in order: each cell is the text of the sent value, and
/// the last column holds the fields that the schema does not declare.
pub(crate) fn assert_csv(sent: &[SentRecord], table: &CsvTable, properties: &[&str], ids: Ids<'_>) {
    let mut header = METADATA.to_vec();
    header.extend(properties);
    header.push(ADDITIONAL);
    assert_eq!(table.header, header);
    assert_eq!(table.rows.len(), sent.len(), "rows");
    for (row, sent) in sent.iter().enumerate() {
        assert_eq!(table.get(row, "_airbyte_extracted_at"), Some(sent.emitted_at.as_str()));
        assert_eq!(table.get(row, "_airbyte_generation_id"), Some(ids.generation));
        assert_meta(table.get(row, "_airbyte_meta").expect("meta"), sent, ids);
        let mut fields = members(&sent.data);
        for property in properties {
            let value =
                fields.iter().find(|(name, _)| name == property).and_then(|(_, text)| cell(text));
            assert_eq!(table.get(row, property), value.as_deref(), "{property} of {}", sent.data);
        }
        fields.retain(|(name, _)| !properties.contains(&name.as_str()));
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, text)| format!("{}:{text}", Value::from(name.as_str())))
            .collect();
        let additional = (!fields.is_empty()).then(|| format!("{{{}}}", fields.join(",")));
        assert_eq!(
            table.get(row, ADDITIONAL),
            additional.as_deref(),
            "undeclared fields of {}",
            sent.data
        );
    }
    assert_raw_ids(table.column("_airbyte_raw_id").into_iter().map(|id| id.expect("a raw id")));
}

/// Returns the cell for a value: a string without quotes and escapes, `None` for null, and the
/// value's text for everything else.
pub(crate) fn cell(text: &str) -> Option<String> {
    match text.as_bytes().first() {
        Some(b'"') => Some(serde_json::from_str(text).expect("a string")),
        Some(b'n') => None,
        _ => Some(text.to_owned()),
    }
}

fn assert_meta(meta: &str, sent: &SentRecord, ids: Ids<'_>) {
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let meta = members(meta);
    assert_eq!(
        meta.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["sync_id", "changes"]
    );
    assert_eq!(meta[0].1, ids.sync);
    assert_eq!(value(&meta[1].1), value(&sent.changes));
}

/// Asserts that all ids are distinct UUIDs of version 7 in their usual spelling.
pub(crate) fn assert_raw_ids<'a>(ids: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert!(
            id.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c)),
            "{id}"
        );
        assert_eq!(id.chars().nth(14), Some('7'), "the version of {id}");
        assert!(id.chars().nth(19).is_some_and(|c| "89ab".contains(c)), "the variant of {id}");
        assert!(seen.insert(id), "{id} is duplicated");
    }
}
