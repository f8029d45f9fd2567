//! Fuzzes the reading of input lines. `make fuzz FUZZ_TARGET=envelope` runs it.
//!
//! Input: lines. What is not UTF-8 is left out, since the reader is never given it.
//!
//! What must hold
//! - Nothing panics, whatever the lines are.
//! - A line is refused as JSON exactly when serde_json refuses it.
//! - A line means the same whatever came before it: the reader remembers how the last record's line
//!   began.

#![no_main]

use destination_s3::fuzzing::{
    EnvelopeError, JsonError, JsonFault, Member, Message, Opening, RecordSink, Scanner, StreamName,
    read_line,
};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|data: &[u8]| run(data));

/// Knows streams whose names have an even number of bytes, numbered as they come.
#[derive(Default)]
struct Streams {
    known: Vec<(Option<String>, String)>,
    /// Of the last `data`.
    members: Vec<Member>,
}

impl RecordSink for Streams {
    type Stream = usize;

    fn find_stream(&mut self, name: &StreamName<'_>) -> Option<usize> {
        let namespace = name.namespace.and_then(|namespace| namespace.to_text());
        let stream = (namespace.map(Into::into), name.name.to_text()?.into_owned());
        if stream.1.len() % 2 == 1 {
            return None;
        }
        let known = self.known.iter().position(|known| *known == stream);
        Some(known.unwrap_or_else(|| {
            self.known.push(stream);
            self.known.len() - 1
        }))
    }

    fn read_data<'a>(
        &mut self,
        scanner: &mut Scanner<'a>,
        _stream: Option<usize>,
    ) -> Result<&'a [u8], JsonError> {
        scanner.collect_members(&mut self.members)
    }
}

fn run(data: &[u8]) {
    let mut opening = Opening::default();
    let mut streams = Streams::default();
    let lines = data.split(|byte| *byte == b'\n');
    for line in lines.filter(|line| std::str::from_utf8(line).is_ok()) {
        let after_others = read_line(line, &mut opening, &mut streams);
        let members = streams.members.clone();
        let alone = read_line(line, &mut Opening::default(), &mut streams);
        assert_eq!(after_others, alone);
        if let Ok(Message::Record(_)) = alone {
            assert_eq!(members, streams.members);
        }
        check_json(line, &alone);
    }
}

fn check_json(line: &[u8], found: &Result<Message<'_, usize>, EnvelopeError>) {
    let is_json = serde_json::from_slice::<IgnoredAny>(line).is_ok();
    let shown = String::from_utf8_lossy(line);
    match found {
        Err(EnvelopeError::Json(error)) => {
            assert!(!is_json || error.fault == JsonFault::TooDeep, "{error}: {shown:?}");
        }
        Err(EnvelopeError::Trailing) => assert!(!is_json, "{shown:?}"),
        Err(EnvelopeError::NoObject(_)) => {
            assert!(!is_json || !line.trim_ascii().starts_with(b"{"), "{shown:?}");
        }
        Ok(Message::Ignored) if line.trim_ascii().is_empty() => {}
        Ok(_) | Err(EnvelopeError::NoType | EnvelopeError::Missing(..)) => {
            assert!(is_json, "{shown:?}");
        }
    }
}
