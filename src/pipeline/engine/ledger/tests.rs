//! The ledger against a naive model, under random interleavings.

use proptest::prelude::*;

use super::*;

const STREAMS: usize = 3;

/// Keeps every row and every state forever and visits all of them each time.
#[derive(Default)]
struct Model {
    /// (stream, file) of every row in order; file 0 means that no file has it yet.
    rows: Vec<(usize, u64)>,
    published: Vec<u64>,
    /// (scope, rows before it, printed)
    states: Vec<(Option<usize>, usize, bool)>,
}

impl Model {
    fn free(&mut self) -> Vec<usize> {
        let mut out = Vec::new();
        loop {
            let next = (0..self.states.len()).find(|&ix| {
                let (scope, position, printed) = self.states[ix];
                let blocked_by_rows = self.rows[..position].iter().any(|(stream, file)| {
                    scope.is_none_or(|s| s == *stream) && !self.published.contains(file)
                });
                let blocked_by_order = self.states[..ix]
                    .iter()
                    .any(|(earlier, _, printed)| !printed && *earlier == scope);
                !printed && !blocked_by_rows && !blocked_by_order
            });
            match next {
                Some(ix) => {
                    self.states[ix].2 = true;
                    out.push(ix);
                }
                None => break out,
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Rows arrive and join the stream's open file.
    Rows(usize, u64),
    /// The stream's open file is closed; later rows go to a new one.
    Cut(usize),
    State(Option<usize>),
    /// The n-th oldest unpublished file is published.
    Publish(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..STREAMS, 1..4_u64).prop_map(|(stream, rows)| Step::Rows(stream, rows)),
        1 => (0..STREAMS).prop_map(Step::Cut),
        2 => proptest::option::weighted(0.7, 0..STREAMS).prop_map(Step::State),
        2 => (0..4_usize).prop_map(Step::Publish),
    ]
}

fn scope(stream: Option<usize>) -> StateScope {
    stream.map_or(StateScope::All, |s| StateScope::Stream(StreamIx(s as u32)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_frees_what_a_naive_model_frees(steps in proptest::collection::vec(step(),
        1..60)) {
        let mut ledger = Ledger::new(STREAMS);
        let mut model = Model::default();
        let mut open: [Option<u64>; STREAMS] = [None; STREAMS];
        let mut files: Vec<(u64, usize, Position)> = Vec::new();
        let mut next_file = 1;
        for step in steps {
            match step {
                Step::Rows(stream, count) => {
                    let ix = StreamIx(stream as u32);
                    let (first, last) = ledger.rows(ix, count);
                    prop_assert_eq!(last, model.rows.len() as u64 + count);
                    let file = *open[stream].get_or_insert_with(|| {
                        next_file += 1;
                        files.push((next_file, stream, first));
                        ledger.file_opened(ix, FileId(next_file), first);
                        next_file
                    });
                    model.rows.extend((0..count).map(|_| (stream, file)));
                }
                Step::Cut(stream) => open[stream] = None,
                Step::State(stream) => {
                    ledger.state(scope(stream), model.states.len());
                    model.states.push((stream, model.rows.len(), false));
                }
                Step::Publish(nth) => {
                    if nth < files.len() {
                        let (file, stream, first) = files.remove(nth);
                        if open[stream] == Some(file) {
                            open[stream] = None;
                        }
                        ledger.published(StreamIx(stream as u32), FileId(file), first);
                        model.published.push(file);
                    }
                }
            }
            let mut freed: Vec<usize> =
                ledger.free().into_iter().map(|freed| freed.state).collect();
            let mut expected = model.free();
            // Order matters per scope only; the model prints the oldest first.
            let per_scope = |list: &[usize], stream| -> Vec<usize> {
                list.iter().copied().filter(|ix| model.states[*ix].0 == stream).collect()
            };
            for stream in [None, Some(0), Some(1), Some(2)] {
                prop_assert_eq!(per_scope(&freed, stream), per_scope(&expected, stream));
            }
            freed.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(&freed, &expected);
        }
        prop_assert_eq!(
            ledger.waiting_states(),
            model.states.iter().filter(|(_, _, printed)| !printed).count()
        );
    }
}

/// The loss that Airbyte's issue 29417 describes.
#[test]
fn one_streams_file_does_not_free_another_streams_state() {
    let (a, b) = (StreamIx(0), StreamIx(1));
    let mut ledger = Ledger::new(2);
    ledger.rows(a, 5);
    ledger.file_opened(a, FileId(1), 1);
    ledger.rows(b, 5);
    ledger.file_opened(b, FileId(2), 6);
    ledger.state(StateScope::Stream(a), "a");
    ledger.state(StateScope::Stream(b), "b");
    ledger.state(StateScope::All, "all");
    ledger.published(b, FileId(2), 6);
    assert_eq!(ledger.free(), [Freed { state: "b", records: 5 }]);
    ledger.published(a, FileId(1), 1);
    assert_eq!(
        ledger.free(),
        [Freed { state: "a", records: 5 }, Freed { state: "all", records: 10 }]
    );
}

#[test]
fn a_state_without_records_is_free_at_once_and_counts_begin_at_the_state_before() {
    let a = StreamIx(0);
    let mut ledger = Ledger::new(1);
    ledger.state(StateScope::Stream(a), 0);
    assert_eq!(ledger.free(), [Freed { state: 0, records: 0 }]);
    ledger.rows(a, 3);
    ledger.file_opened(a, FileId(1), 1);
    ledger.state(StateScope::Stream(a), 1);
    ledger.rows(a, 4);
    ledger.state(StateScope::Stream(a), 2);
    ledger.state(StateScope::Stream(a), 3);
    assert_eq!(ledger.covered(a), 7);
    assert_eq!(ledger.last_waiting_before(StateScope::Stream(a), 7), Some(3));
    assert!(ledger.free().is_empty());
    ledger.published(a, FileId(1), 1);
    let counts: Vec<u64> = ledger.free().iter().map(|freed| freed.records).collect();
    assert_eq!(counts, [3, 4, 0]);
}
