//! What a record costs must not depend on the number of streams: visits to streams and files are
//! counted, not time.

use std::time::Instant;

use super::super::{Engine, StreamPlan};
use super::world::{Options, settings};
use crate::model::{StreamDescriptor, StreamIx};
use crate::pipeline::budget::Budget;
use crate::pipeline::messages::{
    Action, Chunk, Compression, CursorNotes, EncodedBlock, Event, FileId, Item, Rows, Segment,
    StoreAnswer, StoreRequest,
};
use crate::protocol::state::{StateMessage, StateScope};
use crate::store::PartReceipt;

/// A run whose store answers when it is told to, and always well.
struct Run {
    engine: Engine,
    budget: Budget,
    now: Instant,
    blocks: u64,
    pending: Vec<(FileId, StoreRequest)>,
    files: u64,
    printed: u64,
}

impl Run {
    fn new(streams: u32, memory_bytes: u64) -> Self {
        let options =
            Options { template: "{stream_name}/{uuid}.{extension}", ..Options::default() };
        let plan = |ix| {
            StreamPlan::for_tests(StreamDescriptor::new(None, format!("s{ix}")), Compression::None)
        };
        let budget = Budget::new(memory_bytes, u64::MAX);
        let engine =
            Engine::new(settings(&options, (0..streams).map(plan).collect()), budget.clone());
        let now = crate::env::instant();
        Self { engine, budget, now, blocks: 0, pending: Vec::new(), files: 0, printed: 0 }
    }

    fn handle(&mut self, event: Event) {
        self.engine.handle(event, self.now);
        for action in self.engine.actions() {
            match action {
                Action::Store(file, request) => self.pending.push((file, request)),
                Action::PrintState(_) => self.printed += 1,
                Action::Skip(_) | Action::Log(..) => {}
                Action::Job(job) => panic!("{job:?}"),
            }
        }
        let _ = self.engine.deadline();
    }

    /// One record, and a STATE after it if there is a scope.
    fn record(&mut self, stream: StreamIx, state: Option<StateScope>) {
        let permit = self.budget.take(100);
        let mut items = vec![Item::Chunk(Chunk {
            stream,
            rows: 1,
            data: Rows::Text(Segment { bytes: vec![b'x'; 100], permit }),
            issues: Vec::new(),
            cursor: CursorNotes::default(),
            dropped_fields: 0,
            repaired_strings: 0,
            input_bytes: 1,
            sample: None,
        })];
        if let Some(scope) = state {
            let message = StateMessage::keep(br#"{"state":{}}"#, 9, Some(scope)).unwrap();
            let permit = self.budget.take(message.held_bytes());
            items.push(Item::State(message, permit));
        }
        let block = EncodedBlock { index: self.blocks, items, fault: None, lines: 1 };
        self.blocks += 1;
        self.handle(Event::Block(block));
    }

    fn answer_all(&mut self) {
        while let Some((file, request)) = self.pending.pop() {
            let answer = match request {
                StoreRequest::Put { .. } | StoreRequest::Complete { .. } => {
                    self.files += 1;
                    StoreAnswer::Published(Ok(()))
                }
                StoreRequest::Create { .. } => StoreAnswer::Created(Ok(String::new())),
                StoreRequest::Part { number, .. } => {
                    let (etag, checksum) = (String::new(), None);
                    StoreAnswer::Part(Ok(PartReceipt { part_number: number, etag, checksum }))
                }
                other => panic!("{other:?}"),
            };
            self.handle(Event::Stored(file, answer));
        }
    }
}

/// Sends `records` to the streams in turn, with a STATE of `scope` (of the record's stream if there
/// is none) after every hundred. The interval passes, and the store answers, after every 5,000.
fn run(streams: u32, records: u64, scope: Option<StateScope>, memory_bytes: u64) -> Run {
    let mut run = Run::new(streams, memory_bytes);
    for record in 0..records {
        let stream = StreamIx((record % u64::from(streams)) as u32);
        let state = (record % 100 == 99).then(|| scope.unwrap_or(StateScope::Stream(stream)));
        run.record(stream, state);
        if record % 5_000 == 4_999 {
            run.now += Options::default().interval;
            run.handle(Event::Timer);
            run.answer_all();
        }
    }
    run.handle(Event::InputEnded { blocks: run.blocks, fault: None });
    run.answer_all();
    assert!(run.engine.is_finished());
    assert_eq!(run.printed, records / 100);
    run
}

/// What a file costs from its first row to its receipt, whatever else there is.
const VISITS_PER_FILE: u64 = 15;

#[test]
fn a_record_costs_the_same_among_ten_thousand_streams_as_among_ten() {
    const RECORDS: u64 = 20_000;
    for (scope, memory_bytes, what) in [
        (Some(StateScope::All), 1 << 30, "GLOBAL states"),
        (Some(StateScope::All), 1 << 20, "GLOBAL states, short memory"),
        (None, 1 << 30, "STREAM states"),
        (None, 1 << 20, "STREAM states, short memory"),
    ] {
        let few = run(10, RECORDS, scope, memory_bytes);
        let many = run(10_000, RECORDS, scope, memory_bytes);
        let most = 2 * few.engine.visits.get() + VISITS_PER_FILE * many.files;
        let visits = many.engine.visits.get();
        assert!(
            visits <= most,
            "{what}: {visits} visits instead of {most} at most, with {} files",
            many.files
        );
    }
}
