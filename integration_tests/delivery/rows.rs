//! Every visible row, read back by readers that know nothing of the writers.
//!
//! A server goes in, [`Object`]s with their [`Row`]s come out. A file that a reader refuses, or a
//! missing column, fails the case.
//!
//! Not here: which rows should be there (`oracle`).

use std::collections::BTreeMap;

use arrow_array::{Array as _, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::BUCKET;
use crate::support::faulty_s3::FaultyS3;
use crate::support::read_back::{self, CsvTable};

/// One visible row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The number of the record.
    pub(crate) id: u64,
    /// The attempt that sent the record.
    pub(crate) attempt: u32,
    /// The text of the record.
    pub(crate) text: String,
}

/// One visible object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The object's key.
    pub(crate) key: String,
    /// Its user metadata.
    pub(crate) metadata: BTreeMap<String, String>,
    /// The object's rows.
    pub(crate) rows: Vec<Row>,
}

impl Object {
    /// Returns the name of its stream, with which every template of these tests begins.
    pub(crate) fn stream(&self) -> &str {
        self.key.split('/').next().unwrap_or_default()
    }
}

/// The suffix of keys of foreign objects, which hold no rows.
pub(crate) const FOREIGN: &str = ".txt";

/// Returns every visible object that is the connector's.
pub(crate) fn visible(server: &FaultyS3) -> Vec<Object> {
    let objects = server.objects(BUCKET).into_iter().filter(|(key, _)| !key.ends_with(FOREIGN));
    let read = |(key, bytes): (String, Vec<u8>)| {
        let (metadata, rows) = (server.metadata(BUCKET, &key), read(&key, &bytes));
        Object { key, metadata, rows }
    };
    objects.map(read).collect()
}

/// Reads the rows of an object, by the extension of its key.
fn read(key: &str, bytes: &[u8]) -> Vec<Row> {
    if key.ends_with(".parquet") {
        parquet(bytes)
    } else if key.ends_with(".csv") || key.ends_with(".csv.gz") {
        csv(&read_back::csv(&read_back::content(key, bytes)))
    } else if key.ends_with(".jsonl") || key.ends_with(".jsonl.gz") {
        jsonl(&read_back::content(key, bytes))
    } else {
        panic!("an object of an unknown format: {key}")
    }
}

fn jsonl(content: &[u8]) -> Vec<Row> {
    let row = |row: &read_back::JsonRow| {
        let text = |name: &str| row.get(name).unwrap_or_else(|| panic!("no {name} in a row"));
        Row {
            id: number(text("id")),
            attempt: number(text("attempt")),
            text: serde_json::from_str(text("text")).expect("a JSON string"),
        }
    };
    read_back::jsonl(content).iter().map(row).collect()
}

fn csv(table: &CsvTable) -> Vec<Row> {
    let column = |name: &str| -> Vec<String> {
        let cells = table.column(name).into_iter();
        cells.map(|cell| cell.unwrap_or_else(|| panic!("a null in {name}")).to_owned()).collect()
    };
    let [ids, attempts, texts] = ["id", "attempt", "text"].map(column);
    let rows = ids.iter().zip(attempts).zip(texts);
    rows.map(|((id, attempt), text)| Row { id: number(id), attempt: number(&attempt), text })
        .collect()
}

fn parquet(bytes: &[u8]) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes));
    let reader = reader.and_then(|reader| reader.build()).expect("a Parquet file");
    let batches = reader.map(|batch| batch.expect("a row group"));
    batches.flat_map(|batch| parquet_rows(&batch)).collect()
}

fn parquet_rows(batch: &RecordBatch) -> Vec<Row> {
    let column =
        |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let numbers = |name: &str| {
        let column = column(name);
        assert_eq!(column.null_count(), 0, "a null in {name}");
        column.as_any().downcast_ref::<Int64Array>().expect("whole numbers").clone()
    };
    let (ids, attempts) = (numbers("id"), numbers("attempt"));
    let texts = column("text").as_any().downcast_ref::<StringArray>().expect("texts");
    assert_eq!(texts.null_count(), 0, "a null in text");
    let row = |position: usize| Row {
        id: ids.value(position).try_into().expect("a number from 0"),
        attempt: attempts.value(position).try_into().expect("a number from 0"),
        text: texts.value(position).to_owned(),
    };
    (0..batch.num_rows()).map(row).collect()
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}
