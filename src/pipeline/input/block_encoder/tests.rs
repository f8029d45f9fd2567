//! Blocks of lines, and what a worker must make of them.

use proptest::prelude::*;

use super::*;
use crate::format::text::RowEncoder;
use crate::format::{CsvOptions, Format, MetadataColumns, StreamMeta};
use crate::model::StreamDescriptor;
use crate::pipeline::input::StreamEncoding;
use crate::pipeline::messages::Compression;

const SEED: BlockSeed = BlockSeed { unix_ms: 1_700_000_000_000, random: 1 };

fn table(cursor_field: Option<&[&str]>) -> Arc<StreamTable> {
    let encoding = || StreamEncoding {
        format: StreamFormat::text(
            RowEncoder::new(
                &Format::Csv { options: CsvOptions::default(), gzip_level: None },
                MetadataColumns::None,
                &StreamMeta { generation_id: None, sync_id: 0 },
                &["id".to_owned()],
            )
            .unwrap(),
            Compression::None,
        ),
        cursor_field: cursor_field.map(|path| path.iter().map(|&name| name.to_owned()).collect()),
    };
    Arc::new(StreamTable::new(vec![
        (StreamDescriptor::new(None, "a"), encoding()),
        (StreamDescriptor::new(Some("n"), "a"), encoding()),
        (StreamDescriptor::new(None, "ü"), encoding()),
    ]))
}

fn encode_with(table: Arc<StreamTable>, input: &[u8]) -> EncodedBlock {
    let budget = Budget::new(1 << 20, 1 << 20);
    let permit = budget.take(input.len() as u64);
    let mut block = Block { index: 3, bytes: input.to_vec(), permit };
    let encoded = BlockEncoder::new(table, budget, BufferPool::new(1 << 24, 1 << 26))
        .encode(&mut block, SEED);
    assert_eq!(encoded.index, 3);
    encoded
}

fn encode(input: &str) -> EncodedBlock {
    encode_with(table(None), input.as_bytes())
}

/// `0:1,2` rows of stream 0; `S0`, `S*`, `S-` states; `C0` complete.
fn steps(encoded: &EncodedBlock) -> Vec<String> {
    let step = |item: &Item| match item {
        Item::Chunk(chunk) => {
            let Rows::Text(segment) = &chunk.data else { panic!("no text") };
            let text = std::str::from_utf8(&segment.bytes).unwrap();
            let rows: Vec<&str> = text.lines().map(|row| row.trim_end_matches(',')).collect();
            assert_eq!(rows.len() as u64, chunk.rows);
            format!("{}:{}", chunk.stream.0, rows.join(","))
        }
        Item::State(message, _) => match message.scope {
            Some(StateScope::Stream(ix)) => format!("S{}", ix.0),
            Some(StateScope::All) => "S*".to_owned(),
            None => "S-".to_owned(),
        },
        Item::Complete(ix) => format!("C{}", ix.0),
        Item::Incomplete(ix) => format!("I{}", ix.0),
    };
    encoded.items.iter().map(step).collect()
}

fn record(namespace: &str, stream: &str, id: u32) -> String {
    format!(
        r#"{{"type":"RECORD","record":{{"namespace":{namespace},"stream":"{stream}","data":{{"id":{id}}},"emitted_at":5}}}}"#
    ) + "\n"
}

fn stream_state(stream: &str) -> String {
    format!(
        r#"{{"type":"STATE","state":{{"type":"STREAM","stream":{{"stream_descriptor":{{"name":"{stream}"}}}}}}}}"#
    ) + "\n"
}

#[test]
fn rows_go_to_their_stream_and_states_close_what_they_cover() {
    let input = [
        record("null", "a", 1),
        record("\"n\"", "a", 2),
        record("\"\"", "a", 3),
        stream_state("a"),
        record("null", "a", 4),
        record("null", r"\u00fc", 5),
        r#"{"type":"STATE","state":{"type":"GLOBAL","global":{"stream_states":[]}}}"#.to_owned() + "\r\n",
        "\n".to_owned(),
        record("null", "ü", 6),
        r#"{"type":"LOG","log":{"level":"INFO","message":"x"}}"#.to_owned() + "\n",
        r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"ü"},"status":"COMPLETE"}}}"#.to_owned() + "\n",
        stream_state("deselected"),
        r#"{"type":"STATE","state":{"data":{}}}"#.to_owned(),
    ]
    .concat();
    let encoded = encode(&input);
    assert_eq!(encoded.fault, None);
    assert_eq!(encoded.lines, 13);
    assert_eq!(
        steps(&encoded),
        ["0:1,3", "S0", "1:2", "0:4", "2:5", "S*", "2:6", "C2", "S-", "S*"],
    );
}

#[test]
fn a_fault_names_the_line_keeps_what_came_before_and_shows_no_content() {
    let good = record("null", "a", 1);
    for (bad, reason) in [
        (&b"{\"hunter2"[..], "is not a JSON object"),
        (b"{\"hunter2\":\xff}", "is not valid UTF-8"),
        (
            record("null", "unheard", 9).as_bytes(),
            "is a record of stream \"unheard\", which is not in the catalog of this sync",
        ),
        (
            br#"{"type":"STATE","state":{"type":"STREAM"}}"#,
            "is a STREAM state without a stream descriptor",
        ),
        (br#"{"type":"STATE","state":{"type":"hunter2"}}"#, "is a STATE of an unknown type"),
    ] {
        let input = [good.as_bytes(), good.as_bytes(), bad, b"\n", good.as_bytes()].concat();
        let encoded = encode_with(table(None), &input);
        let fault = encoded.fault.clone().unwrap();
        assert_eq!(fault.line, 3, "{reason}");
        assert!(fault.reason.starts_with(reason), "{}", fault.reason);
        assert!(!fault.reason.contains("hunter2"));
        assert_eq!(steps(&encoded), ["0:1,1"]);
    }
}

#[test]
fn the_highest_cursor_is_noted_and_records_without_one_count_with_their_time() {
    let line = |data: &str, emitted_at: u64| {
        format!(
            r#"{{"type":"RECORD","record":{{"stream":"a","data":{data},"emitted_at":{emitted_at}}}}}"#
        ) + "\n"
    };
    let input = [
        line(r#"{"id":1,"meta":{"at":"2025-04-14T11:23:45Z"}}"#, 5_000),
        line(r#"{"id":2,"meta":{"at":"2024-01-01"}}"#, 5_000),
        line(r#"{"id":3,"meta":null}"#, 9_000),
    ]
    .concat();
    let encoded = encode_with(table(Some(&["meta", "at"])), input.as_bytes());
    let Some(Item::Chunk(chunk)) = encoded.items.first() else { panic!("no chunk") };
    let highest = chunk.cursor.highest.unwrap();
    assert_eq!(highest.to_rfc3339(), "2025-04-14T11:23:45+00:00");
    assert_eq!(chunk.cursor.rows_without, 1);
}

/// A line of a random input, and what comes of it.
#[derive(Clone, Copy, Debug)]
enum Line {
    Record,
    /// With half a pair in its value, and one in its changes.
    Half,
    State,
    /// Of no use to a destination, with half a pair.
    Log,
    Blank,
    /// Half a pair in a line that is not JSON.
    Broken,
    NotUtf8,
}

impl Line {
    fn bytes(self, id: usize) -> Vec<u8> {
        match self {
            Self::Record => record("null", "a", id as u32).trim_end().into(),
            Self::Half => format!(
                r#"{{"type":"RECORD","record":{{"stream":"a","data":{{"id":"{id}\ud83d"}},"emitted_at":5,"meta":{{"changes":[{{"field":"\udc00"}}]}}}}}}"#
            )
            .into(),
            Self::State => format!(
                r#"{{"type":"STATE","n":{id},"x":"\ud83d","state":{{"type":"STREAM","y":["\udc00"],"stream":{{"stream_descriptor":{{"name":"a"}}}}}}}}"#
            )
            .into(),
            Self::Log => r#"{"type":"LOG","log":{"level":"INFO","message":"\ud83d"}}"#.into(),
            Self::Blank => Vec::new(),
            Self::Broken => r#"{"type":"RECORD","record":{"stream":"a","data":{"id":"\ud83d"},"emitted_at":}}"#.into(),
            Self::NotUtf8 => b"{\"type\":\"LOG\",\"x\":\"\\ud83d\xff\"}".to_vec(),
        }
    }
}

fn line() -> impl Strategy<Value = (Line, &'static str)> {
    let line = prop_oneof![
        8 => Just(Line::Record),
        5 => Just(Line::Half),
        3 => Just(Line::State),
        2 => Just(Line::Log),
        2 => Just(Line::Blank),
        1 => Just(Line::Broken),
        1 => Just(Line::NotUtf8),
    ];
    (line, prop_oneof![Just("\n"), Just("\r\n")])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever stands beside it: every record before the first fault is a row, a STATE stays as it
    /// came, and the fault has the number of its line.
    #[test]
    fn half_pairs_line_ends_and_a_byte_order_mark_move_no_line(
        lines in proptest::collection::vec(line(), 0..40),
        is_first in any::<bool>(),
        has_mark in any::<bool>(),
        ends_with_line_end in any::<bool>(),
    ) {
        let mut input =
            if is_first && has_mark { "\u{feff}".as_bytes().to_vec() } else { Vec::new() };
        let (mut rows, mut strings, mut states, mut fault) = (Vec::new(), 0, Vec::new(), None);
        for (number, (line, end)) in lines.iter().enumerate() {
            input.extend(line.bytes(number));
            input.extend(end.as_bytes());
            match line {
                _ if fault.is_some() => {}
                Line::Record => rows.push(number.to_string()),
                Line::Half => {
                    rows.push(format!("{number}\u{fffd}"));
                    strings += 1;
                }
                Line::State => states.push([&line.bytes(number)[..],
                    end.trim_end_matches('\n').as_bytes()].concat()),
                Line::Broken | Line::NotUtf8 => fault = Some(number as u64 + 1),
                Line::Log | Line::Blank => {}
            }
        }
        if !ends_with_line_end && input.ends_with(b"\n") {
            input.pop();
        }
        let budget = Budget::new(1 << 20, 1 << 20);
        let permit = budget.take(input.len() as u64);
        let mut block = Block { index: u64::from(!is_first), bytes: input, permit };
        let spare = BufferPool::new(1 << 24, 1 << 26);
        let encoded =
            BlockEncoder::new(table(None), budget.clone(), spare).encode(&mut block, SEED);
        prop_assert_eq!(encoded.fault.as_ref().map(|fault| fault.line), fault);
        let (mut found_rows, mut found_strings, mut found_states) = (Vec::new(), 0, Vec::new());
        for item in &encoded.items {
            match item {
                Item::Chunk(chunk) => {
                    let Rows::Text(segment) = &chunk.data else { panic!("no text") };
                    let text = std::str::from_utf8(&segment.bytes).unwrap();
                    found_rows.extend(text.lines().map(|row| row.trim_end_matches(',').to_owned()));
                    found_strings += chunk.repaired_strings;
                }
                Item::State(message, _) => {
                    let line = String::from_utf8(message.acknowledged(7)).unwrap();
                    found_states.push(line.replace(r#","destinationStats":{"recordCount":7.0}"#,
                        "").into_bytes());
                }
                Item::Complete(_) | Item::Incomplete(_) => prop_assert!(false, "{item:?}"),
            }
        }
        prop_assert_eq!((found_rows, found_strings, found_states), (rows, strings, states));
        drop((encoded, block));
        prop_assert_eq!(budget.used_bytes(), 0);
    }
}
