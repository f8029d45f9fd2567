//! Fuzzes the decoder: from a JSON schema and records to Arrow arrays.
//!
//! `make fuzz` runs it for a minute with the stable toolchain: flags of the compiler's code
//! generator enable libFuzzer's coverage, and a C++ compiler builds libFuzzer.
//! `make fuzz FUZZ='-max_total_time=3600 -jobs=2'` passes other options, and
//! `make fuzz CORPUS=artifacts/<file>` reproduces a finding. Without make, in this folder:
//!
//! ```text
//! mkdir -p corpus/decode artifacts
//! RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
//!     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
//!     -Cllvm-args=-sanitizer-coverage-pc-table \
//!     -Cllvm-args=-sanitizer-coverage-trace-compares" \
//!     cargo run --release --bin decode --target x86_64-unknown-linux-gnu -- \
//!     -dict=fuzz_targets/decode.dict -artifact_prefix=artifacts/ -max_total_time=60 \
//!     corpus/decode seeds/decode
//! ```
//!
//! `--target` keeps the flags away from build scripts, which would not link with them.
//!
//! Input: the text of a JSON schema, a zero byte, then records, one per line. The length of the
//! schema chooses the options. Lines that are not UTF-8 are skipped, because the decoder never
//! receives any.
//!
//! Invariants
//! - Nothing panics, whatever the schema and the records are.
//! - A record is refused exactly when serde_json refuses it, or when it nests too deep. Otherwise
//!   it ends where serde_json says that it ends.
//! - Every column of the table schema becomes an Arrow array of its type with one row per record.
//! - Refused and undone records in between make no difference. Neither does when the rows are
//!   taken.

#![no_main]

use std::sync::Arc;

use arrow_array::RecordBatch;
use destination_s3::fuzzing::{
    Batch, ColumnNames, DecodedRows, Integers, JsonFault, MetadataColumns, Nested, Numbers,
    RecordDecoder, RowIds, StreamMeta, TableSchema, TableSchemaOptions, Times, TypeOptions,
    UndeclaredFields, arrays,
};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|data: &[u8]| run(data));

fn run(data: &[u8]) {
    let Some(zero) = data.iter().position(|byte| *byte == 0) else { return };
    let (schema, records) = (&data[..zero], &data[zero + 1..]);
    let Ok(schema) = serde_json::from_slice::<Value>(schema) else { return };
    let properties: Vec<_> = match &schema["properties"] {
        Value::Object(properties) => properties.clone().into_iter().collect(),
        _ => return,
    };
    let meta = StreamMeta { generation_id: Some(1), sync_id: 2 };
    let table_schema = Arc::new(TableSchema::new(&options(zero), &meta, &properties));

    let mut decoder = RecordDecoder::new(Arc::clone(&table_schema));
    let mut ids = RowIds::new(0, 0);
    let mut good = Vec::new();
    let lines = records.split(|byte| *byte == b'\n');
    for line in
        lines.filter(|line| line.first() == Some(&b'{') && std::str::from_utf8(line).is_ok())
    {
        let mut oracle = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
        let accepted = oracle.next().is_some_and(|value| value.is_ok());
        match decoder.read(line, 0) {
            Ok(end) => {
                assert!(accepted, "serde_json refuses {:?}", String::from_utf8_lossy(line));
                assert_eq!(end, oracle.byte_offset());
                decoder.end_row(emitted_at_ms(end), changes(line), &mut ids);
                good.push(&line[..end]);
            }
            Err(error) => {
                let too_deep = error.fault == JsonFault::TooDeep;
                assert!(!accepted || too_deep, "{error}: {:?}", String::from_utf8_lossy(line));
                decoder.undo_row();
            }
        }
        assert_eq!(decoder.rows(), good.len());
    }
    let taken = decoder.take();
    let issues = issues_of(&taken);
    let found = to_arrow(vec![taken.batch], &table_schema);

    // Again in small batches, with a decoder that reads no broken records, and undoes and repeats
    // each.
    let mut decoder = RecordDecoder::new(Arc::clone(&table_schema));
    let mut ids = RowIds::new(0, 0);
    let mut issues_again = 0;
    let mut batches = Vec::new();
    for records in good.chunks(3) {
        for data in records {
            assert_eq!(decoder.read(data, 0), Ok(data.len()));
            decoder.undo_row();
            assert_eq!(decoder.read(data, 0), Ok(data.len()));
            decoder.end_row(emitted_at_ms(data.len()), changes(data), &mut ids);
        }
        let taken = decoder.take();
        issues_again += issues_of(&taken);
        batches.push(taken.batch);
    }
    assert_eq!(issues_again, issues);
    let mut rows = 0;
    for again in to_arrow(batches, &table_schema) {
        assert_eq!(again, found[0].slice(rows, again.num_rows()));
        rows += again.num_rows();
    }
    assert_eq!(rows, good.len());
}

fn issues_of(taken: &DecodedRows) -> u64 {
    taken.issues.iter().map(|field| field.nulled + field.truncated).sum()
}

/// Converts the rows to Arrow, in as many batches as they come.
fn to_arrow(batches: Vec<Batch>, table_schema: &TableSchema) -> Vec<RecordBatch> {
    let mut columns: Vec<Vec<_>> = table_schema.fields.iter().map(|_| Vec::new()).collect();
    batches.into_iter().for_each(|batch| batch.push_onto(&mut columns));
    let columns = table_schema.fields.iter().zip(columns);
    let mut columns: Vec<_> = columns
        .map(|(field, batches)| {
            arrays(&field.column_type, batches)
                .expect(
                    "rows make \
                                                                          arrays",
                )
                .into_iter()
        })
        .collect();
    let mut all = Vec::new();
    loop {
        let arrays: Vec<_> = columns.iter_mut().filter_map(Iterator::next).collect();
        if arrays.is_empty() {
            return all;
        }
        arrays.iter().for_each(|array| {
            array.to_data().validate_full().expect(
                "Arrow finds nothing \
                                                                               wrong",
            )
        });
        // Checks the types, and that all columns have the same arrays and rows.
        all.push(
            RecordBatch::try_new(table_schema.to_arrow(), arrays)
                .expect("the columns of the table schema"),
        );
    }
}

/// Returns any time, in range or not.
fn emitted_at_ms(seed: usize) -> i64 {
    (seed as i64).wrapping_mul(0x0123_4567_89ab_cdef)
}

/// Returns changes of the source for some of the records.
fn changes(data: &[u8]) -> Option<&[u8]> {
    const SOME: [&[u8]; 3] = [
        b"[]",
        br#"[{"field":"a","change":"NULLED","reason":"x"}]"#,
        br#"[1,{"b":[]},null,{"field":[]}]"#,
    ];
    data.get(1).and_then(|byte| SOME.get(usize::from(byte % 8))).copied()
}

fn options(seed: usize) -> TableSchemaOptions {
    let numbers = match seed % 4 {
        0 | 1 => Numbers::Double,
        2 => Numbers::Decimal { precision: 20, scale: 5 },
        _ => Numbers::Text,
    };
    TableSchemaOptions {
        metadata: match seed % 3 {
            0 => MetadataColumns::None,
            1 => MetadataColumns::Ids,
            _ => MetadataColumns::All,
        },
        undeclared_fields: if seed % 5 == 0 {
            UndeclaredFields::Drop
        } else {
            UndeclaredFields::Column
        },
        types: TypeOptions {
            names: if seed % 17 == 0 { ColumnNames::Safe } else { ColumnNames::Original },
            numbers,
            integers: match seed % 11 {
                0 => Integers::Decimal,
                1 => Integers::Text,
                _ => Integers::Int64,
            },
            times: if seed % 13 == 0 { Times::Typed } else { Times::Text },
            nested: if seed % 7 == 0 { Nested::Json } else { Nested::Typed },
        },
    }
}
