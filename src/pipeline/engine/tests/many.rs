//! What a record costs must not depend on the number of streams: looks at streams and files are counted, not time.

use std::collections::HashMap;

use super::super::{Engine, StreamPlan};
use super::world::{Options, settings};
use crate::model::{StreamDescriptor, StreamIx};
use crate::pipeline::action::{Action, Event, StoreAnswer, StoreRequest};
use crate::pipeline::budget::Budget;
use crate::pipeline::chunk::{Chunk, CursorNotes, EncodedBlock, Item, Rows, Segment};
use crate::pipeline::ledger::FileId;
use crate::protocol::state::{StateMessage, StateScope};

/// A run over `streams` streams: `records` in turn, a STATE of `scope` after every hundred, at `memory_bytes`. The store answers
/// when its requests have waited for a while. Gives the looks, the published files, and how many STATEs came back.
fn looks(streams: u32, records: u64, scope: Option<StateScope>, memory_bytes: u64) -> (u64, u64, u64) {
    let options = Options { template: "{stream_name}/{uuid}.{extension}", ..Options::default() };
    let plans: Vec<StreamPlan> =
        (0..streams).map(|ix| StreamPlan::for_tests(StreamDescriptor::new(None, format!("s{ix}")))).collect();
    let budget = Budget::new(memory_bytes, u64::MAX);
    let mut engine = Engine::new(settings(&options, plans), budget.clone());
    let mut now = crate::env::instant();
    let mut pending: Vec<(FileId, StoreRequest)> = Vec::new();
    let mut uploads: HashMap<FileId, i32> = HashMap::new();
    let (mut printed, mut files) = (0, 0);
    let mut block = 0;
    let mut step = |engine: &mut Engine, event: Event, pending: &mut Vec<(FileId, StoreRequest)>, now| {
        engine.handle(event, now);
        for action in engine.actions() {
            match action {
                Action::Store(file, request) => pending.push((file, request)),
                Action::PrintState(_) => printed += 1,
                Action::Skip(_) | Action::Log(..) => {}
                other => panic!("{other:?}"),
            }
        }
        let _ = engine.deadline();
    };
    let mut answer_all = |engine: &mut Engine,
                          pending: &mut Vec<(FileId, StoreRequest)>,
                          now,
                          step: &mut dyn FnMut(
        &mut Engine,
        Event,
        &mut Vec<(FileId, StoreRequest)>,
        std::time::Instant,
    )| {
        while let Some((file, request)) = pending.pop() {
            let answer = match request {
                StoreRequest::Put { .. } | StoreRequest::Complete { .. } => {
                    files += 1;
                    StoreAnswer::Published(Ok(()))
                }
                StoreRequest::Create { .. } => StoreAnswer::Created(Ok(String::new())),
                StoreRequest::Part { number, .. } => {
                    uploads.insert(file, number);
                    StoreAnswer::Part(Ok(crate::store::PartReceipt {
                        part_number: number,
                        etag: String::new(),
                        checksum: None,
                    }))
                }
                other => panic!("{other:?}"),
            };
            step(engine, Event::Stored(file, answer), pending, now);
        }
    };
    for record in 0..records {
        let stream = StreamIx((record % u64::from(streams)) as u32);
        let chunk = Chunk {
            stream,
            rows: 1,
            data: Rows::Text(Segment { bytes: vec![b'x'; 100], permit: budget.take(100) }),
            misfits: Vec::new(),
            cursor: CursorNotes::default(),
            dropped_fields: 0,
            repaired_strings: 0,
            input_bytes: 1,
            sample: None,
        };
        let mut items = vec![Item::Chunk(chunk)];
        if record % 100 == 99 {
            let scope = scope.unwrap_or(StateScope::Stream(stream));
            let message = StateMessage::keep(br#"{"state":{}}"#, 9, scope).unwrap();
            let permit = budget.take(message.held_bytes());
            items.push(Item::State(message, permit));
        }
        step(
            &mut engine,
            Event::Block(EncodedBlock { index: block, items, fault: None, lines: 1 }),
            &mut pending,
            now,
        );
        block += 1;
        if record % 5_000 == 4_999 {
            now += options.interval;
            step(&mut engine, Event::Timer, &mut pending, now);
            answer_all(&mut engine, &mut pending, now, &mut step);
        }
    }
    step(&mut engine, Event::InputEnded { blocks: block, fault: None }, &mut pending, now);
    answer_all(&mut engine, &mut pending, now, &mut step);
    assert!(engine.is_finished());
    (engine.looks.get(), files, printed)
}

/// What a file costs from its first row to its receipt, whatever else there is.
const LOOKS_PER_FILE: u64 = 15;

#[test]
fn a_record_costs_the_same_among_ten_thousand_streams_as_among_ten() {
    const RECORDS: u64 = 30_000;
    for (scope, memory_bytes, what) in [
        (Some(StateScope::All), 1 << 30, "GLOBAL states"),
        (Some(StateScope::All), 1 << 20, "GLOBAL states, short memory"),
        (None, 1 << 30, "STREAM states"),
        (None, 1 << 20, "STREAM states, short memory"),
    ] {
        let (few, _, printed) = looks(10, RECORDS, scope, memory_bytes);
        assert_eq!(printed, RECORDS / 100, "{what}");
        let (many, files, printed) = looks(10_000, RECORDS, scope, memory_bytes);
        assert_eq!(printed, RECORDS / 100, "{what}");
        let most = 2 * few + LOOKS_PER_FILE * files;
        assert!(many <= most, "{what}: {many} looks instead of {most} at most, with {files} files");
    }
}
