//! Lines of every kind, and what each is read as.

use proptest::prelude::*;

use super::*;

/// Knows every stream, by its place among the names that were looked up.
#[derive(Default)]
struct EveryStream(Vec<String>);

impl RecordSink for EveryStream {
    type Stream = usize;

    fn find_stream(&mut self, name: &StreamName<'_>) -> Option<usize> {
        let text = |raw: Raw<'_>| raw.to_text().unwrap().into_owned();
        let namespace = name.namespace.map(text).unwrap_or_default();
        self.0.push(format!("{namespace}/{}", text(name.name)));
        Some(self.0.len() - 1)
    }

    fn read_data<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        _stream: Option<usize>,
    ) -> Result<&'a [u8], JsonError> {
        scanner.members(|_, _| {})
    }
}

fn read_into<'a>(
    line: &'a str,
    sink: &mut EveryStream,
) -> Result<Message<'a, usize>, EnvelopeError> {
    read_line(line.as_bytes(), &mut Opening::default(), sink)
}

fn read(line: &str) -> Result<Message<'_, usize>, EnvelopeError> {
    read_into(line, &mut EveryStream::default())
}

#[test]
fn a_record_is_found_whatever_surrounds_it() {
    for line in [
        r#"{"type":"RECORD","record":{"stream":"s","data":{"a":1.0},"emitted_at":12}}"#,
        r#"{"t\u0079pe":"R\u0045CORD","r\u0065cord":{"str\u0065am":"s","d\u0061ta":{"a":1.0},"emitted_\u0061t":12}}"#,
        r#" {"record":{"emitted_at":1.2E1,"meta":{"changes":[],"x":1},"data":{"a":1.0},"namespace":null,"stream":"s","file_reference":null},"state":null,"log":null,"type":"RECORD","new":[{}]} "#,
    ] {
        let mut sink = EveryStream::default();
        let Ok(Message::Record(record)) = read_into(line, &mut sink) else {
            panic!("{line}: {:?}", read(line))
        };
        assert_eq!(sink.0, ["/s"], "{line}");
        assert_eq!((record.data, record.emitted_at_ms), (&b"{\"a\":1.0}"[..], 12));
    }
}

#[test]
fn meta_changes_and_namespaces_are_kept() {
    let line = r#"{"type":"RECORD","record":{"namespace":"n\u0041","stream":"s","data":{},"emitted_at":0,"meta":{"changes":[{"field":"f"}]}}}"#;
    let mut sink = EveryStream::default();
    let Ok(Message::Record(record)) = read_into(line, &mut sink) else { panic!() };
    assert_eq!(sink.0, ["nA/s"]);
    assert_eq!(record.changes, Some(&br#"[{"field":"f"}]"#[..]));
}

#[test]
fn lines_that_begin_alike_are_of_the_same_stream_unless_they_go_on_to_say_another() {
    let mut opening = Opening::default();
    let mut sink = EveryStream::default();
    let mut stream_of = |line: &str| {
        let before = sink.0.len();
        match read_line(line.as_bytes(), &mut opening, &mut sink) {
            Ok(Message::Record(RecordMessage { stream: Ok(stream), .. })) => {
                let looked_up = if sink.0.len() == before { "same " } else { "" };
                format!("{looked_up}{}", sink.0[stream])
            }
            other => format!("{other:?}"),
        }
    };
    let a = r#"{"type":"RECORD","record":{"stream":"a","data":{"x":1},"emitted_at":5}}"#;
    for (line, expected) in [
        (a, "/a"),
        (a, "same /a"),
        (
            r#"{"type":"RECORD","record":{"stream":"a","data":{},"emitted_at":5,"meta":null},"x":{}}"#,
            "same /a",
        ),
        // A namespace behind the data makes it another stream, and nothing may be concluded
        // from its opening.
        (
            r#"{"type":"RECORD","record":{"stream":"a","data":{},"emitted_at":5,"namespace":"n"}}"#,
            "n/a",
        ),
        (a, "/a"),
        (a, "same /a"),
        (
            r#"{"type":"RECORD","record":{"stream":"a","data":{},"stream":"b","emitted_at":5}}"#,
            "/b",
        ),
        (a, "/a"),
        (
            r#"{"type":"RECORD","record":{"stream":"a","data":{},"emitted_at":5},"type":"LOG"}"#,
            "Ok(Ignored)",
        ),
        (a, "same /a"),
        (
            r#"{"type":"RECORD","record":{"stream":"b","data":{},"emitted_at":5},"type":"LOG"}"#,
            "Ok(Ignored)",
        ),
        (a, "same /a"),
        (
            r#"{"type":"RECORD","record":{"stream":"a","data":{},"emitted_at":5},"record":{"stream":"c","data":{},"emitted_at":6}}"#,
            "/c",
        ),
        // The line above did not begin as lines of "c" do: what is remembered is still of "a".
        (a, "same /a"),
        // The namespace before the data, then another stream and its data behind it.
        (
            r#"{"type":"RECORD","record":{"namespace":"n","stream":"a","data":{},"emitted_at":5}}"#,
            "n/a",
        ),
        (
            r#"{"type":"RECORD","record":{"namespace":"n","stream":"a","data":{},"stream":"b","data":{},"emitted_at":5}}"#,
            "n/b",
        ),
        (a, "/a"),
        // What is said before the data and differs from line to line.
        (r#"{"type":"RECORD","record":{"stream":"a","emitted_at":7,"data":{}}}"#, "/a"),
        (r#"{"type":"RECORD","record":{"stream":"a","emitted_at":7,"data":{}}}"#, "/a"),
        (a, "/a"),
        (r#"{"type":"RECORD","record":{"stream":"a","data":null,"data":{},"emitted_at":5}}"#, "/a"),
        (
            r#"{"type":"RECORD","record":{"stream":"a","data":[1],"emitted_at":5}}"#,
            r#"Err(Missing("RECORD", "record.data"))"#,
        ),
        (a, "/a"),
        (
            r#"{"type":"RECORD","record":{"stream":"a","data":{"x":1}"#,
            "Err(Json(JsonError { at: 54, fault: End }))",
        ),
    ] {
        assert_eq!(stream_of(line), expected, "{line}");
    }
}

#[test]
fn other_messages_are_told_apart() {
    for line in [
        "",
        "  \r",
        r#"{"type":"LOG","log":{"level":"INFO","message":"m"}}"#,
        r#"{"type":"NEWS","record":null}"#,
        r#"{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1.5}}"#,
        r#"{"type":"TRACE","trace":null}"#,
        r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"s"},"status":"RUNNING"}}}"#,
    ] {
        assert_eq!(read(line), Ok(Message::Ignored), "{line}");
    }
    assert_eq!(
        read(
            r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1.7E12,"stream_status":{"status":"COMPLETE","stream_descriptor":{"name":"s","namespace":"n"}}}}"#
        ),
        Ok(Message::Complete(Some("n".to_owned()), "s".to_owned()))
    );
    assert_eq!(
        read(
            r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"s"},"status":"INCOMPLETE"}}}"#
        ),
        Ok(Message::Incomplete(None, "s".to_owned()))
    );
    assert_eq!(
        read(r#"{"type":"STATE","state": {"data":{}}}"#),
        Ok(Message::State { at: 25, text: br#"{"data":{}}"# })
    );
}

#[test]
fn what_is_no_message_is_an_error_without_content() {
    for (line, text) in [
        (
            r#"{"unparseable"#,
            "is not a JSON object as the protocol requires (the JSON text ends too early at \
             byte 13)",
        ),
        (r#"["secret"]"#, &format!("is not an Airbyte message: it is a JSON array; {EXPECTED}")),
        (
            "{\r",
            &format!(
                "is not an Airbyte message: it is the first line of a JSON text that has \
                 several; {EXPECTED}"
            ),
        ),
        (
            "\u{feff}{\"type\":\"secret,\"}",
            &format!(
                "is not an Airbyte message: it begins with a byte order mark, which only the \
                 first line may have; {EXPECTED}"
            ),
        ),
        ("7391846,secret", &format!("is not an Airbyte message: it looks like CSV; {EXPECTED}")),
        ("secret", &format!("is not an Airbyte message: it does not begin with `{{`; {EXPECTED}")),
        (r#"{"type":"LOG"} x"#, "has more text after its JSON object"),
        (
            r#"{"no_type":1}"#,
            &format!("has no \"type\", so it is not an Airbyte message; {EXPECTED}"),
        ),
        (
            r#"{"type":null}"#,
            &format!("has no \"type\", so it is not an Airbyte message; {EXPECTED}"),
        ),
        (
            r#"{"type":"RECORD"}"#,
            "is a RECORD message whose \"record\" is missing or has the wrong type",
        ),
        (
            r#"{"type":"RECORD","record":{"stream":"s","data":null,"emitted_at":1}}"#,
            "is a RECORD message whose \"record.data\" is missing or has the wrong type",
        ),
        (
            r#"{"type":"STATE","state":null}"#,
            "is a STATE message whose \"state\" is missing or has the wrong type",
        ),
    ] {
        assert_eq!(read(line).unwrap_err().to_string(), text, "{line}");
    }
}

/// What a line is read as, with the names of streams in place of their numbers.
fn described(line: &str, opening: &mut Opening<usize>, sink: &mut EveryStream) -> String {
    match read_line(line.as_bytes(), opening, sink) {
        Ok(Message::Record(RecordMessage { stream: Ok(stream), data, emitted_at_ms, changes })) => {
            format!("{} {data:?} {emitted_at_ms} {changes:?}", sink.0[stream])
        }
        other => format!("{other:?}"),
    }
}

fn record_line() -> impl Strategy<Value = String> {
    let member = prop::sample::select(vec![
        r#""stream":"a""#,
        r#""stream":"b""#,
        r#""namespace":"n""#,
        r#""namespace":null"#,
        r#""data":{}"#,
        r#""data":{"id":1}"#,
        r#""data":[1]"#,
        r#""emitted_at":5"#,
        r#""meta":{"changes":[]}"#,
    ]);
    let usual = prop::sample::select(vec![
        r#""stream":"a","data":{},"emitted_at":5"#,
        r#""namespace":"n","stream":"a","data":{},"emitted_at":5"#,
    ]);
    let end = prop::sample::select(vec!["}}", r#"},"type":"LOG"}"#, r#"},"record":{}}"#]);
    (usual, prop::collection::vec(member, 0..5), end).prop_map(|(usual, more, end)| {
        let members = [vec![usual], more].concat().join(",");
        format!(r#"{{"type":"RECORD","record":{{{members}{end}"#)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_remembered_of_the_line_before_changes_nothing(
        lines in prop::collection::vec(record_line(), 2..6),
    ) {
        let mut opening = Opening::default();
        let mut sink = EveryStream::default();
        for line in lines {
            let alone =
                described(&line, &mut Opening::default(), &mut EveryStream::default());
            prop_assert_eq!(described(&line, &mut opening, &mut sink), alone, "{}", line);
        }
    }
}
