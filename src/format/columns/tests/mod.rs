//! Tests of the record decoder: against an oracle that knows what each record means because it made
//! the record, and against `serde_json` on damaged texts.
//!
//! `records` draws schemas and records, and `values` single values, both from `choices`. `cells`
//! reads the decoder's batches back. `tables` and `rows` are tables of cases worth a name, played
//! through a `stream`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Batch, ColumnType, Field, FieldIssues, RecordDecoder, TableSchema};
use crate::format::{EXTRACTED_AT, META, RowIds};
use crate::json::damage::{DAMAGE, damage};
use cells::{Cell, rows_of};
use choices::Choices;
use records::{Issue, RandomStream, Record, Sample, ValuePath};

mod cells;
mod choices;
mod records;
mod rows;
mod stream;
mod tables;
mod values;

/// A row as the decoder must write it.
#[derive(Debug)]
struct ExpectedRow {
    cells: Vec<Cell>,
    issues: Vec<Issue>,
    dropped: u64,
}

/// The row that a record must become, with the metadata columns.
fn expected_row(
    table_schema: &TableSchema,
    record: &Record,
    emitted_at_ms: i64,
    changes: Option<&Sample>,
    id: &str,
) -> ExpectedRow {
    let mut cells = record.cells.clone();
    let mut issues = record.issues.clone();
    let mut undeclared = record.undeclared.clone();
    let (ours, _) = cells.split_at_mut(table_schema.metadata_columns);
    if let [raw_id, extracted_at, generation_id, meta @ ..] = ours {
        raw_id.get_or_insert(Cell::text(id));
        if extracted_at.is_none() {
            let years_1_to_9999 = -62_135_596_800_000..253_402_300_800_000;
            let micros = years_1_to_9999.contains(&emitted_at_ms).then(|| emitted_at_ms * 1_000);
            if micros.is_none() {
                let text = emitted_at_ms.to_string();
                issues.push(ValuePath::column(EXTRACTED_AT).issue(records::OUT_OF_RANGE, &text));
            }
            *extracted_at = Some(micros.map_or(Cell::Null, Cell::Integer));
        }
        generation_id
            .get_or_insert(table_schema.meta.generation_id.map_or(Cell::Null, Cell::Integer));
        if let [meta] = meta {
            *meta = Some(expected_meta(
                table_schema,
                meta.take(),
                changes,
                &mut issues,
                &mut undeclared,
            ));
        }
    }
    let mut cells: Vec<Cell> = cells.into_iter().map(|cell| cell.unwrap_or(Cell::Null)).collect();
    let mut dropped = 0;
    if table_schema.additional {
        let nulled =
            issues.iter().filter_map(|issue| Some((issue.path.clone(), issue.text.clone()?)));
        // `with_parsed_texts` makes the same of the decoder's text.
        let last_of_each: BTreeMap<String, String> = undeclared.into_iter().chain(nulled).collect();
        let is_null = last_of_each.is_empty();
        cells.push(if is_null { Cell::Null } else { Cell::Text(format!("{last_of_each:?}")) });
    } else {
        dropped = undeclared.len() as u64;
    }
    ExpectedRow { cells, issues, dropped }
}

/// The `_airbyte_meta` that a row must have. Issues in the source's own changes are added to those
/// of the row.
fn expected_meta(
    table_schema: &TableSchema,
    of_record: Option<Cell>,
    changes: Option<&Sample>,
    issues: &mut Vec<Issue>,
    undeclared: &mut Vec<(String, String)>,
) -> Cell {
    let mut members = match of_record {
        Some(Cell::Struct(members)) => members,
        _ => vec![Cell::Integer(table_schema.meta.sync_id), Cell::List(Vec::new())],
    };
    if let Some(changes) = changes {
        issues.extend(changes.issues.iter().cloned());
        undeclared.extend(changes.undeclared.iter().cloned());
    }
    if changes.is_some() || !issues.is_empty() {
        let mut list = match &members[1] {
            Cell::List(own) => own.clone(),
            _ => Vec::new(),
        };
        if let Some(Sample { cell: Cell::List(changes), .. }) = changes {
            list.extend(changes.iter().cloned());
        }
        list.extend(issues.iter().take(1_000).map(|issue| {
            let [change, reason] = issue.change;
            Cell::Struct(vec![Cell::text(&issue.path), Cell::text(change), Cell::text(reason)])
        }));
        members[1] = Cell::List(list);
    }
    let meta = Cell::Struct(members);
    if table_schema.meta_is_text { Cell::Text(meta_text(&meta)) } else { meta }
}

/// Metadata as JSON text.
fn meta_text(meta: &Cell) -> String {
    fn json(cell: &Cell, names: &[&str]) -> Value {
        match cell {
            Cell::Integer(value) => json!(value),
            Cell::Text(text) => json!(text),
            Cell::List(entries) => {
                entries.iter().map(|entry| json(entry, &["field", "change", "reason"])).collect()
            }
            Cell::Struct(members) => names
                .iter()
                .zip(members)
                .map(|(name, member)| (name.to_string(), json(member, &[])))
                .collect(),
            _ => Value::Null,
        }
    }
    json(meta, &["sync_id", "changes"]).to_string()
}

/// The columns that have a name in records.
fn named_fields(table_schema: &TableSchema) -> Vec<Field> {
    let fields = table_schema.decoded_fields();
    fields[..fields.len() - usize::from(table_schema.additional)].to_vec()
}

/// Parses the columns of JSON text and prints them in a normal form, so that spellings do not
/// matter.
fn with_parsed_texts(table_schema: &TableSchema, mut rows: Vec<Vec<Cell>>) -> Vec<Vec<Cell>> {
    for row in rows.iter_mut().filter(|_| table_schema.meta_is_text) {
        if let Some(Cell::Text(text)) = row.get_mut(3) {
            *text = serde_json::from_str::<Value>(text).unwrap().to_string();
        }
    }
    for row in rows.iter_mut().filter(|_| table_schema.additional) {
        if let Some(Cell::Text(text)) = row.last_mut() {
            let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap();
            let members: BTreeMap<_, _> =
                members.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
            *text = format!("{members:?}");
        }
    }
    rows
}

fn table_schema_of(stream: &RandomStream) -> Arc<TableSchema> {
    Arc::new(TableSchema::new(&stream.options, &stream.meta, &stream.properties))
}

/// Draws the source's own `meta.changes`, with entries that fit and others.
fn changes(choices: &mut Choices, table_schema: &TableSchema, record: &Record) -> Option<Sample> {
    let fields = table_schema.decoded_fields();
    let meta =
        fields.iter().take(table_schema.metadata_columns).find(|field| field.name == META)?;
    let ColumnType::Struct(members) = &meta.column_type else { return None };
    let ColumnType::List(element) = &members[1].column_type else { return None };
    choices.one_in(4).then(|| {
        let at = ValuePath::column("_airbyte_meta.changes");
        // They come after those of the record's own metadata.
        let own = match record.cells.get(3) {
            Some(Some(Cell::Struct(members))) => match &members[1] {
                Cell::List(own) => own.len(),
                _ => 0,
            },
            _ => 0,
        };
        records::elements(choices, element, &at, own)
    })
}

/// A decoder, what was sent to it, and what came out of it.
#[derive(Debug)]
struct DecoderRun {
    table_schema: Arc<TableSchema>,
    decoder: RecordDecoder,
    ids: RowIds,
    rows: Vec<ExpectedRow>,
    batches: Vec<Batch>,
    counts: Vec<FieldIssues>,
    dropped: u64,
}

impl DecoderRun {
    fn new(table_schema: &Arc<TableSchema>) -> Self {
        Self {
            decoder: RecordDecoder::new(Arc::clone(table_schema)),
            table_schema: Arc::clone(table_schema),
            ids: RowIds::new(1_700_000_000_000, 7),
            rows: Vec::new(),
            batches: Vec::new(),
            counts: Vec::new(),
            dropped: 0,
        }
    }

    /// Reads a record in the middle of a line, and ends its row.
    fn send(&mut self, choices: &mut Choices, record: &Record) {
        let before = choices.of(&["", r#"{"record":{"data":"#, " "]);
        let after = choices.of(&["", "}}", "\n", "                                  "]);
        let line = format!("{before}{}{after}", record.text);
        let end = self
            .decoder
            .read(line.as_bytes(), before.len())
            .unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(end, before.len() + record.text.len());
        let emitted_at_ms = choices.of(&[1_700_000_000_123, 0, -1, 1 << 50, i64::MAX, i64::MIN]);
        let changes = changes(choices, &self.table_schema, record);
        let id = std::str::from_utf8(self.ids.clone().next_text()).unwrap().to_owned();
        let source = changes.as_ref().map(|changes| changes.text.as_bytes());
        self.decoder.end_row(emitted_at_ms, source, &mut self.ids);
        self.rows.push(expected_row(
            &self.table_schema,
            record,
            emitted_at_ms,
            changes.as_ref(),
            &id,
        ));
        if choices.one_in(6) {
            self.take();
        }
    }

    fn take(&mut self) {
        let taken = self.decoder.take();
        assert_eq!(self.decoder.rows(), 0);
        self.batches.push(taken.batch);
        self.counts.extend(taken.issues);
        self.dropped += taken.dropped_fields;
    }

    /// Compares everything that came out: all batches at once, or each by itself.
    fn check(mut self, choices: &mut Choices) {
        self.take();
        let batches = if choices.one_in(3) {
            self.batches.into_iter().map(|batch| vec![batch]).collect()
        } else {
            vec![self.batches]
        };
        let mut rest = self.rows.as_slice();
        for batches in batches {
            let (rows, after) = rest.split_at(batches.iter().map(Batch::rows).sum());
            assert_rows(&self.table_schema, batches, rows);
            rest = after;
        }
        assert_eq!(rest.len(), 0);

        let mut expected: HashMap<String, [u64; 2]> = HashMap::new();
        for issue in self.rows.iter().flat_map(|row| &row.issues) {
            let truncated = issue.change == records::LOST_DIGITS;
            expected.entry(issue.field.clone()).or_default()[usize::from(truncated)] += 1;
        }
        let mut found: HashMap<String, [u64; 2]> = HashMap::new();
        for FieldIssues { field, nulled, truncated } in self.counts {
            assert!(nulled + truncated > 0, "{field} is named without a count");
            let count = found.entry(field.to_string()).or_default();
            count[0] += nulled;
            count[1] += truncated;
        }
        assert_eq!(found, expected);
        assert_eq!(self.dropped, self.rows.iter().map(|row| row.dropped).sum::<u64>());
    }
}

fn assert_rows(table_schema: &TableSchema, batches: Vec<Batch>, expected: &[ExpectedRow]) {
    let found = with_parsed_texts(table_schema, rows_of(batches, table_schema));
    assert_eq!(found.len(), expected.len());
    for (position, (found, expected)) in found.iter().zip(expected).enumerate() {
        for ((found, expected), field) in
            found.iter().zip(&expected.cells).zip(&table_schema.fields)
        {
            assert_eq!(
                found, expected,
                "row {position}, {:?}: {:?}",
                field.name, field.column_type
            );
        }
        assert_eq!(found.len(), expected.cells.len());
    }
}

fn config(cases: u32) -> ProptestConfig {
    // `PROPTEST_CASES` asks for more.
    let cases = ProptestConfig::default().cases.max(256) / 256 * cases;
    ProptestConfig { cases, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

fn numbers(most: usize) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 0..most)
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn records_become_the_rows_that_the_oracle_expects(schema in numbers(80), data in numbers(1500),
        records in 1usize..25) {
        let stream = records::stream(&mut Choices::new(schema));
        let table_schema = table_schema_of(&stream);
        let found: Vec<_> = named_fields(&table_schema).iter().skip(table_schema.metadata_columns)
            .map(|field| records::by_source_name(&field.column_type)).collect();
        prop_assert_eq!(&found, &stream.types, "{:?}", &stream.properties);

        let mut choices = Choices::new(data);
        let mut run = DecoderRun::new(&table_schema);
        for _ in 0..records {
            let record = records::record(&mut choices, &table_schema);
            if choices.one_in(10) {
                // Read and undone: the line is not a record after all.
                run.decoder.read(record.text.as_bytes(), 0).unwrap();
                run.decoder.undo_row();
            }
            run.send(&mut choices, &record);
        }
        run.check(&mut choices);
    }

    #[test]
    fn damaged_records_are_refused_and_leave_no_trace(
        schema in numbers(80),
        data in numbers(1000),
        records in 1usize..10,
        cuts in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(DAMAGE.to_vec())), 10..11
        ),
    ) {
        let table_schema = table_schema_of(&records::stream(&mut Choices::new(schema)));
        let mut choices = Choices::new(data);
        let mut run = DecoderRun::new(&table_schema);
        let mut cuts = cuts.into_iter();
        for _ in 0..records {
            let record = records::record(&mut choices, &table_schema);
            let mut bytes = record.text.clone().into_bytes();
            for (at, change) in cuts.by_ref().take(1 + choices.below(2)) {
                let at = at.index(bytes.len() + 1);
                damage(&mut bytes, at, change);
            }
            // The caller of the decoder guarantees UTF-8 that begins with a brace.
            if bytes.first() == Some(&b'{') && std::str::from_utf8(&bytes).is_ok() {
                let read = run.decoder.read(&bytes, 0);
                let whole = read.is_ok_and(|end| bytes[end..].trim_ascii().is_empty());
                let oracle = serde_json::from_slice::<IgnoredAny>(&bytes).is_ok();
                prop_assert_eq!(whole, oracle, "{:?}: {:?}", read, String::from_utf8_lossy(&bytes));
                run.decoder.undo_row();
            }
            run.send(&mut choices, &record);
        }
        run.check(&mut choices);
    }

    #[test]
    fn earlier_records_make_no_difference(schema in numbers(80), data in numbers(1000),
        changes in numbers(40)) {
        // Damaged records that are still JSON: the oracle does not know what they mean, but they
        // must always mean the same.
        let table_schema = table_schema_of(&records::stream(&mut Choices::new(schema)));
        let (mut choices, mut changes) = (Choices::new(data), Choices::new(changes));
        let mut ids = RowIds::new(0, 0);
        let mut decoder = RecordDecoder::new(Arc::clone(&table_schema));
        let mut expected = Vec::new();
        for _ in 0..8 {
            let mut bytes = records::record(&mut choices, &table_schema).text.into_bytes();
            for _ in 0..changes.below(3) {
                let change = changes.of(&DAMAGE);
                let at = 1 + changes.below(bytes.len());
                damage(&mut bytes, at, change);
            }
            if std::str::from_utf8(&bytes).is_ok() && decoder.read(&bytes, 0).is_ok() {
                let mut fresh = RecordDecoder::new(Arc::clone(&table_schema));
                fresh.read(&bytes, 0).unwrap();
                fresh.end_row(0, None, &mut ids.clone());
                decoder.end_row(0, None, &mut ids);
                expected.extend(rows_of(vec![fresh.take().batch], &table_schema));
            } else {
                decoder.undo_row();
            }
        }
        prop_assert_eq!(rows_of(vec![decoder.take().batch], &table_schema), expected);
    }
}
