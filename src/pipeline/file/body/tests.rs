//! Row groups of the right length, and a footer whose memory is counted from the start.

use std::sync::Arc;

use super::*;
use crate::format::columns::{Batch, RecordDecoder, TableSchema, TableSchemaOptions};
use crate::format::parquet::FileLayout;
use crate::format::{Codec, MetadataColumns, RowIds, StreamMeta, TypeOptions, UndeclaredFields};
use crate::pipeline::buffer_pool::BufferPool;
use crate::pipeline::messages::{ColumnSegment, ParquetLayout, WorkerTools};

const MIN_ROW_GROUP_BYTES: u64 = 1 << 20;

fn layout(max_row_group_rows: u64) -> ParquetLayout {
    let options = TableSchemaOptions {
        metadata: MetadataColumns::None,
        undeclared_fields: UndeclaredFields::Drop,
        types: TypeOptions::DEFAULT,
    };
    let properties = [("id".to_owned(), serde_json::json!({"type": "integer"}))];
    let meta = StreamMeta { generation_id: None, sync_id: 0 };
    let schema = TableSchema::new(&options, &meta, &properties);
    let file_layout = FileLayout::new(&schema.to_arrow(), Codec::Snappy, Vec::new()).unwrap();
    ParquetLayout {
        schema: Arc::new(schema),
        file_layout: Arc::new(file_layout),
        max_row_group_rows,
    }
}

fn rows(layout: &ParquetLayout, budget: &Budget, count: u64) -> ColumnSegment {
    let mut decoder = RecordDecoder::new(Arc::clone(&layout.schema));
    for id in 0..count {
        decoder.read(format!("{{\"id\":{id}}}").as_bytes(), 0).unwrap();
        decoder.end_row(0, None, &mut RowIds::new(0, 0));
    }
    let batch: Batch = decoder.take().batch;
    let permit = budget.take(batch.held_bytes() as u64);
    ColumnSegment { batch, permit }
}

/// Does the work as a worker does.
fn run(job: BodyJob, budget: &Budget) -> u32 {
    let mut tools = WorkerTools::new(budget.clone(), BufferPool::new(0, 0));
    let tasks = job.work.into_tasks(budget);
    let ended = tasks.into_iter().filter_map(|task| task.run(&mut tools)).collect::<Vec<_>>();
    assert_eq!(ended, [Ok(())]);
    job.piece
}

#[test]
fn a_row_group_never_has_more_rows_than_allowed() {
    for (max_rows, expected) in [(10, [8, 8, 4].as_slice()), (5, &[4, 4, 4, 4, 4])] {
        let (layout, budget) = (layout(max_rows), Budget::new(1 << 20, 1 << 20));
        let mut body = ParquetBody::new(layout.clone(), MIN_ROW_GROUP_BYTES, budget.take(0));
        let mut row_groups = Vec::new();
        for _ in 0..5 {
            row_groups.extend(body.append(rows(&layout, &budget, 4), 4));
        }
        row_groups.extend(body.cut_row_group());
        let counts: Vec<usize> = row_groups.iter().map(|(_, group)| group.row_count()).collect();
        assert_eq!(counts, expected);
    }
}

#[test]
fn memory_of_the_footer_is_held_until_the_footer_is_written() {
    let (layout, budget) = (layout(10), Budget::new(1 << 20, 1 << 20));
    let sizes = PieceSizes { min_frame_bytes: 0, min_row_group_bytes: MIN_ROW_GROUP_BYTES };
    let mut body = FileBody::open(&StreamFormat::Parquet(layout.clone()), sizes, &budget);
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.extend(body.append(Rows::Columns(rows(&layout, &budget, 10)), 10).unwrap());
    }
    // The last one first: the bytes must be in order all the same.
    for job in jobs.into_iter().rev() {
        let piece = run(job, &budget);
        assert!(body.piece_done(piece).unwrap().is_some());
    }
    let Encoding::Parquet(parquet) = &body.encoding else { panic!("{body:?}") };
    let footer_entry_bytes = parquet.footer_entry_bytes();
    let ready = body.ready_bytes() as u64;
    assert_eq!(body.held_bytes(), ready + 3 * footer_entry_bytes);
    assert_eq!(budget.used_bytes(), body.held_bytes());
    assert!(body.seal().unwrap().is_none(), "no rows are left");
    assert!(body.is_complete());
    assert!(body.ready_bytes() as u64 > ready, "the footer is there");
    assert_eq!(body.held_bytes(), body.ready_bytes() as u64);
    assert_eq!(budget.used_bytes(), body.held_bytes());
    let file: Vec<u8> =
        body.take_part(usize::MAX).iter().flat_map(|slice| slice.as_ref().to_vec()).collect();
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
    assert_eq!((body.held_bytes(), budget.used_bytes()), (0, 0));
}

#[test]
fn rows_of_another_format_are_a_defect_that_is_reported() {
    let (layout, budget) = (layout(10), Budget::new(1 << 20, 1 << 20));
    let sizes = PieceSizes { min_frame_bytes: 0, min_row_group_bytes: MIN_ROW_GROUP_BYTES };
    let mut body = FileBody::open(&StreamFormat::Parquet(layout), sizes, &budget);
    let text = Segment { bytes: b"a\n".to_vec(), permit: budget.take(2) };
    let failure = body.append(Rows::Text(text), 1).unwrap_err();
    assert_eq!(failure.failure_type, FailureType::System);
}
