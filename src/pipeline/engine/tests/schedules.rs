//! The promise, under random schedules: random input, answers in any order, failures anywhere.

use std::time::Duration;

use proptest::prelude::*;

use super::world::{Fate, Options, STREAMS, World, failure_type};
use crate::error::FailureType;

#[derive(Clone, Debug)]
enum Step {
    Rows(usize, u64),
    State(Option<usize>),
    Wait(u64),
    Answer(usize),
    Fail(usize, Fate),
    /// Another writer takes the key that a file is about to be put under.
    TakeKey,
    Fault,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..STREAMS, 1..12_u64).prop_map(|(stream, rows)| Step::Rows(stream, rows)),
        15 => proptest::option::weighted(0.8, 0..STREAMS).prop_map(Step::State),
        8 => (0..40_u64).prop_map(Step::Wait),
        60 => (0..16_usize).prop_map(Step::Answer),
        1 => (0..16_usize, prop_oneof![Just(Fate::Refused), Just(Fate::AnswerLost)])
            .prop_map(|(nth, fate)| Step::Fail(nth, fate)),
        2 => Just(Step::TakeKey),
        1 => Just(Step::Fault),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    (
        prop_oneof![
            Just("{stream_name}_{part}"),
            Just("{stream_name}/{cursor_date_time}"),
            Just("x-{stream_id}-{uuid}")
        ],
        prop_oneof![Just(80_u64), Just(1 << 30)],
        prop_oneof![Just(0_u64), Just(60)],
        prop_oneof![Just(30_u64), Just(1 << 20)],
        prop_oneof![Just(600_u64), Just(1 << 30)],
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(
                template,
                file_size_bytes,
                interval,
                tail_bytes,
                memory_bytes,
                compress,
                expects_complete,
            )| {
                Options {
                    template,
                    file_size_bytes,
                    interval: Duration::from_secs(interval),
                    checkpoint_records: None,
                    tail_bytes,
                    memory_bytes,
                    compress,
                    expects_complete,
                }
            },
        )
}

/// Rows of `stream` that the printed states cover.
fn acknowledged(world: &World, stream: usize) -> u64 {
    world
        .printed
        .iter()
        .map(|printed| &world.states[printed.state])
        .filter(|(scope, _)| scope.is_none_or(|of| of == stream))
        .map(|(_, sent)| sent[stream])
        .max()
        .unwrap_or(0)
}

fn visible_sorted(world: &World, stream: usize) -> Vec<u64> {
    let mut rows = world.visible(stream);
    rows.sort_unstable();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acknowledged_is_lost_and_nothing_is_twice(
        options in options(),
        steps in proptest::collection::vec(step(), 1..120),
        complete in proptest::bool::weighted(0.8),
        order in proptest::collection::vec(0..64_usize, 200),
        state_padding in prop_oneof![Just(0_usize), Just(70)],
    ) {
        let mut world = World::new(&options);
        world.state_padding = state_padding;
        let mut broken = false;
        let mut refused = false;
        for step in steps {
            match step {
                Step::Rows(stream, rows) => world.rows(stream, rows),
                Step::State(scope) => world.state(scope),
                Step::Wait(seconds) => world.wait(Duration::from_secs(seconds)),
                Step::Answer(nth) if !world.pending.is_empty() => {
                    world.answer(nth, Fate::Done);
                }
                Step::Fail(nth,
                    fate) if !world.pending.is_empty() => refused |= world.answer(nth, fate),
                Step::Answer(_) | Step::Fail(..) => {}
                Step::TakeKey => world.take_key(),
                Step::Fault => {
                    broken = true;
                    world.fault();
                    break;
                }
            }
            // At every moment: what was acknowledged is visible, once.
            for stream in 0..STREAMS {
                let visible = visible_sorted(&world, stream);
                prop_assert!(visible.windows(2).all(|pair| pair[0] != pair[1]), "twice: \
                                                                                 {visible:?}");
                let durable = acknowledged(&world, stream);
                let safe: Vec<u64> =
                    visible.iter().copied().filter(|row| *row <= durable).collect();
                prop_assert_eq!(safe, (1..=durable).collect::<Vec<_>>());
            }
        }
        if !broken && !refused && options.tail_bytes > 1_000 {
            // No further input: every STATE is back once its time has come, whatever memory did to
            // the files.
            for _ in 0..4 {
                world.settle();
                world.wait(Duration::from_secs(60));
            }
            world.settle();
            prop_assert_eq!(world.printed.len(), world.states.len(), "a STATE waits for input");
        }
        if !broken && !refused {
            // The reader may be waiting with a long line until so much is free.
            world.settle();
            let states = world.waiting_state_bytes();
            let three_quarters = options.memory_bytes / 4 * 3;
            let most = if states > three_quarters {
                states + options.memory_bytes / 8
            } else {
                three_quarters
            };
            prop_assert!(world.used_bytes() <= most, "{} bytes rest, {most} at \
                                                      most", world.used_bytes());
        }
        if !broken {
            if complete {
                (0..STREAMS).for_each(|stream| world.complete(stream));
            }
            world.end_of_input();
        }
        for nth in order {
            if !world.pending.is_empty() {
                world.answer(nth, Fate::Done);
            }
        }
        world.settle();
        prop_assert!(world.is_finished(), "stuck with {:?}", world.pending);
        prop_assert!(world.uploads.is_empty(), "left behind: {:?}", world.uploads);

        // STATEs of one scope come out in order, and their counts are those of the input.
        for scope in [None, Some(0), Some(1), Some(2)] {
            let printed: Vec<usize> =
                world.printed.iter().map(|printed| printed.state)
                    .filter(|ix| world.states[*ix].0 == scope).collect();
            prop_assert!(printed.is_sorted());
        }
        let good = !broken && (complete || !options.expects_complete);
        let all_global = world.states.iter().all(|(scope, _)| scope.is_none());
        let all_stream = world.states.iter().all(|(scope, _)| scope.is_some());
        for printed in &world.printed {
            let (scope, sent) = world.states[printed.state];
            let before =
                world.states[..printed.state].iter().rev().find(|(other, _)| *other == scope);
            let earlier = before.map_or([0; STREAMS], |(_, sent)| *sent);
            let expected: u64 = match scope {
                Some(stream) if all_stream => sent[stream] - earlier[stream],
                None if all_global => (0..STREAMS).map(|ix| sent[ix] - earlier[ix]).sum(),
                _ => continue,
            };
            prop_assert_eq!(printed.records, expected);
        }
        for stream in 0..STREAMS {
            let visible = visible_sorted(&world, stream);
            let durable = acknowledged(&world, stream);
            if good && !refused {
                prop_assert_eq!(&visible, &(1..=world.sent[stream]).collect::<Vec<_>>());
            } else if all_stream || all_global {
                // A bad end leaves nothing that the source will send again, whatever S3 did. (Where
                // a source mixes the kinds, which the protocol rules out, rows may be visible
                // before their GLOBAL state is out.)
                prop_assert_eq!(&visible, &(1..=durable).collect::<Vec<_>>());
            }
        }
        if good && !refused {
            prop_assert_eq!(world.printed.len(), world.states.len());
            prop_assert_eq!(world.used_bytes(), 0);
        }
        let (_, result) = world.finish();
        let expected = if good && !refused { None } else { Some(()) };
        prop_assert_eq!(failure_type(&result).map(|_| ()), expected);
        if broken && !refused {
            prop_assert_eq!(failure_type(&result), Some(FailureType::System));
        }
    }
}
