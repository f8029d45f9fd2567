//! Fuzzes key templates and the keys that they make. `make fuzz FUZZ_TARGET=key` runs it.
//!
//! Input: the text of a template, then the name and the namespace of a stream, each on a line of
//! its own.
//!
//! What must hold
//! - Nothing panics, whatever the template and the names are.
//! - A template that parses is printed as it was written.
//! - A key is valid, names its stream, begins with what is listed to find it, and tells its number.

#![no_main]

use chrono_tz::Tz;
use destination_s3::fuzzing::{
    FileValues, KeyTemplate, MAX_KEY_BYTES, RunValues, StreamDescriptor, StreamValues,
};
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

fuzz_target!(|data: &[u8]| run(data));

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let template = lines.next().unwrap_or_default();
    let name = lines.next().unwrap_or_default().to_owned();
    let namespace = lines.next().map(str::to_owned);

    let parsed = KeyTemplate::parse(template);
    assert_eq!(parsed.as_ref().err(), KeyTemplate::problems(template).first());
    let Ok(parsed) = parsed else { return };
    assert_eq!(parsed.to_string(), template);

    let run = RunValues {
        extension: "csv.gz",
        started_at: chrono::DateTime::UNIX_EPOCH.with_timezone(&Tz::UTC),
        connection_id: "c1".to_owned(),
        connection_run_id: Uuid::from_u128(1),
        sync_id: 42,
    };
    let stream = StreamValues {
        descriptor: StreamDescriptor { name, namespace },
        stream_id: Uuid::from_u128(2),
        stream_run_id: Uuid::from_u128(3),
        generation_id: Some(7),
    };
    let file = FileValues { cursor: None, uuid: Uuid::from_u128(4) };
    let prefix = parsed.constant_prefix(&run, &stream);
    let Ok(stem) = parsed.stem(&run, &stream, &file) else { return };
    let numbers = [0, 1, 9, 10, data.len() as u32, u32::MAX];
    for number in numbers {
        let key = stem.key(number);
        assert!((1..=MAX_KEY_BYTES).contains(&key.len()), "{key}");
        assert!(key.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{key}");
        assert!(!key.contains(char::is_control), "{key:?}");
        assert!(stem.listing_prefix().is_none_or(|prefix| key.starts_with(prefix)), "{key}");
        assert!(key.starts_with(&prefix), "{key} does not begin with {prefix}");
        assert_eq!(stem.number_of(&key), Some(number), "{key}");
    }
}
