//! Fuzzes the encoding of CSV rows. `make fuzz FUZZ_TARGET=csv` runs it.
//!
//! Input: a JSON list of the declared names on the first line, then records, one a line. The length
//! of the first line chooses the options.
//!
//! What must hold
//! - Nothing panics, whatever the names and the records are.
//! - An independent reader finds one row for each record, with as many cells as the header.
//! - A cell is the text of the record's string, or its value as the record spells it, or what
//!   stands for null.

#![no_main]

use std::collections::BTreeSet;

use destination_s3::fuzzing::{
    CsvOptions, Format, Member, MetadataColumns, QuoteStyle, RecordView, RowEncoder, RowIds,
    Scanner, Scratch, StreamIx, StreamMeta, UndeclaredFields, ValueKind,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| run(data));

fn run(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let Ok(properties) = serde_json::from_slice::<Vec<String>>(first) else { return };
    let (options, metadata) = options(first.len());
    let format = Format::Csv { options: options.clone(), gzip_level: None };
    let meta = StreamMeta { generation_id: Some(1), sync_id: 2 };
    let encoder = RowEncoder::new(&format, metadata, &meta, &properties).expect("CSV has rows");
    let mut seen: BTreeSet<&str> = metadata.names().iter().copied().collect();
    let declared: Vec<&str> =
        properties.iter().map(String::as_str).filter(|name| seen.insert(name)).collect();

    let (mut ids, mut scratch) = (RowIds::new(0, 0), Scratch::default());
    let mut file = encoder.header().to_vec();
    let mut expected = Vec::new();
    for line in lines {
        // Half surrogate pairs are replaced before rows are made.
        if serde_json::from_slice::<Map<String, Value>>(line).is_err() {
            continue;
        }
        let mut members = Vec::<Member>::new();
        let Ok(data) = Scanner::new(line).collect_members(&mut members) else { continue };
        let record = RecordView {
            stream: StreamIx(0),
            data,
            members: &members,
            emitted_at_ms: 5,
            changes: None,
        };
        let _ = encoder.encode(&record, &mut ids, &mut scratch, &mut file);
        let cell = |name: &&str| cell(data, &members, name).unwrap_or(options.null_text.clone());
        expected.push(declared.iter().map(cell).collect::<Vec<String>>());
    }

    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).delimiter(options.delimiter).from_reader(&*file);
    let rows = reader.into_records().skip(usize::from(options.header));
    let rows: Vec<_> = rows.map(|row| row.expect("as many cells as the header")).collect();
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        let cells: Vec<&str> =
            row.iter().skip(metadata.names().len()).take(expected.len()).collect();
        assert_eq!(cells, *expected);
    }
}

/// The text of the last member of that name; `None` where it is null or missing.
fn cell(data: &[u8], members: &[Member], name: &str) -> Option<String> {
    let last = members.iter().rev().find(|member| member.key_in(data).to_text() == name)?;
    let value = last.value_in(data);
    match value.kind {
        ValueKind::Null => None,
        ValueKind::String => value.to_text().map(std::borrow::Cow::into_owned),
        _ => Some(String::from_utf8(value.text.to_vec()).expect("a record is UTF-8")),
    }
}

fn options(seed: usize) -> (CsvOptions, MetadataColumns) {
    let null_text = ["", "\\N", "NULL"][seed % 3];
    let metadata =
        [MetadataColumns::None, MetadataColumns::Ids, MetadataColumns::All][seed % 7 % 3];
    let options = CsvOptions {
        delimiter: b",\t;|"[seed % 4],
        quote_style: [QuoteStyle::Minimal, QuoteStyle::All, QuoteStyle::NonNumeric][seed % 5 % 3],
        header: !seed.is_multiple_of(11),
        null_text: null_text.to_owned(),
        undeclared_fields: [UndeclaredFields::Column, UndeclaredFields::Drop][seed % 13 % 2],
        ..CsvOptions::default()
    };
    (options, metadata)
}
