//! What the macros of a key show.
//!
//! [`RunValues`] (one per run), [`StreamValues`] (one per stream), [`FileValues`] (one per file)
//! and a [`Macro`] → text, exactly as in the samples of the vendor's page.
//!
//! Invariants
//! - In text from data everything is percent-encoded but letters and digits of any script and
//!   `-_.!*'()`. So it contains no `/`, no brace and no control character, and decoding returns the
//!   original.
//! - All times are shown in the run's time zone, including the cursor.
//!
//! Not here: `.` and `..`, which only a whole segment can be (`render`); reading the clock (`env`).

use chrono::{DateTime, Datelike, Offset, Timelike, Utc};
use chrono_tz::Tz;
use percent_encoding::percent_encode_byte;
use uuid::Uuid;

use super::macros::Macro;
use crate::model::StreamDescriptor;

/// Values that all files of a run share.
#[derive(Clone, Debug)]
pub struct RunValues {
    /// The format's extension, without a leading dot.
    pub extension: &'static str,
    /// The time of the run, in the zone that all time macros use.
    pub started_at: DateTime<Tz>,
    /// See [`super::ids::connection_id`].
    pub connection_id: String,
    /// See [`super::ids::connection_run_id`].
    pub connection_run_id: Uuid,
    /// The platform's number of the job, or 0 if the platform has none.
    pub sync_id: i64,
}

/// Values that all files of a stream share within a run.
#[derive(Clone, Debug)]
pub struct StreamValues {
    /// Namespace and name, as in the catalog.
    pub descriptor: StreamDescriptor,
    /// See [`super::ids::stream_id`].
    pub stream_id: Uuid,
    /// See [`super::ids::stream_run_id`].
    pub stream_run_id: Uuid,
    /// The generation from the catalog; `None` is shown as 0.
    pub generation_id: Option<i64>,
}

impl StreamValues {
    /// Returns texts of which every key of the stream contains at least one: a template must show
    /// the stream's name or its id.
    #[must_use]
    pub fn marks(&self) -> Vec<String> {
        let name = percent_encoded(&self.descriptor.name);
        vec![without_dots(&name), name, self.stream_id.to_string()]
    }
}

/// Values of one file.
#[derive(Clone, Copy, Debug)]
pub struct FileValues {
    /// The highest cursor in the file; for `None` the time of the run is shown.
    pub cursor: Option<DateTime<Utc>>,
    /// Random, and new for every file: keys with `{uuid}` are used without a listing.
    pub uuid: Uuid,
}

/// All values that a key may show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    pub(super) run: &'a RunValues,
    pub(super) stream: &'a StreamValues,
    pub(super) file: &'a FileValues,
}

impl Values<'_> {
    /// Returns the text of a macro, or `None` for `{part}`, whose number is not known yet.
    pub(super) fn text(&self, shown: Macro) -> Option<String> {
        let Self { run, stream, file } = *self;
        let load = &run.started_at;
        let cursor = || file.cursor.map_or(*load, |cursor| cursor.with_timezone(&load.timezone()));
        Some(match shown {
            Macro::Extension => run.extension.to_owned(),
            Macro::DateTime | Macro::Timestamp => underscored_date_time(load),
            Macro::IsoDateTime => iso_date_time(load),
            Macro::Date => joined(&[year(load), two(load.month()), two(load.day())], "_"),
            Macro::IsoDate => iso_date(load),
            Macro::Year => year(load),
            Macro::Month => two(load.month()),
            Macro::Day => two(load.day()),
            Macro::Hour => two(load.hour()),
            Macro::Minute => two(load.minute()),
            Macro::Second => two(load.second()),
            Macro::StreamId => stream.stream_id.to_string(),
            Macro::StreamName => percent_encoded(&stream.descriptor.name),
            // Does not change a checked id; any other still makes a valid key.
            Macro::ConnectionId => percent_encoded(&run.connection_id),
            Macro::ConnectionRunId => run.connection_run_id.to_string(),
            Macro::StreamRunId => stream.stream_run_id.to_string(),
            Macro::CursorYear => year(&cursor()),
            Macro::CursorMonth => two(cursor().month()),
            Macro::CursorDay => two(cursor().day()),
            Macro::CursorDateTime => underscored_date_time(&cursor()),
            Macro::CursorIsoDateTime => iso_date_time(&cursor()),
            Macro::CursorSingularDateTime => {
                let at = cursor();
                joined(&[iso_date(&at), two(at.hour()), two(at.minute()), two(at.second())], "-")
            }
            Macro::Namespace => {
                percent_encoded(stream.descriptor.namespace.as_deref().unwrap_or_default())
            }
            Macro::Part => return None,
            Macro::Uuid => file.uuid.to_string(),
            Macro::SyncId => run.sync_id.to_string(),
            Macro::GenerationId => stream.generation_id.unwrap_or(0).to_string(),
        })
    }
}

/// Encodes the dots of a value that would make its segment `.` or `..`.
pub(super) fn without_dots(value: &str) -> String {
    value.replace('.', percent_encode_byte(b'.'))
}

fn percent_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_alphanumeric() || "-_.!*'()".contains(c) {
            encoded.push(c);
        } else {
            let mut utf8 = [0; 4];
            encoded.extend(c.encode_utf8(&mut utf8).bytes().map(percent_encode_byte));
        }
    }
    encoded
}

// Field by field, because `DateTime::format` may panic at the ends of chrono's range.

fn year(at: &DateTime<Tz>) -> String {
    format!("{:04}", at.year())
}

fn two(field: u32) -> String {
    format!("{field:02}")
}

fn joined(fields: &[String], separator: &str) -> String {
    fields.join(separator)
}

fn iso_date(at: &DateTime<Tz>) -> String {
    joined(&[year(at), two(at.month()), two(at.day())], "-")
}

fn underscored_date_time(at: &DateTime<Tz>) -> String {
    let fields = [
        year(at),
        two(at.month()),
        two(at.day()),
        two(at.hour()),
        two(at.minute()),
        two(at.second()),
    ];
    joined(&fields, "_")
}

fn iso_date_time(at: &DateTime<Tz>) -> String {
    let time = joined(&[two(at.hour()), two(at.minute()), two(at.second())], ":");
    let date = iso_date(at);
    if is_utc(at.timezone()) {
        format!("{date}T{time}Z")
    } else {
        format!("{date}T{time}{}", at.offset().fix())
    }
}

/// Whether the zone is UTC, under any of its names in the time zone database. Zones with the same
/// offset for a while, as London in winter, show their offset instead.
fn is_utc(zone: Tz) -> bool {
    matches!(
        zone,
        Tz::UTC
            | Tz::UCT
            | Tz::Universal
            | Tz::Zulu
            | Tz::Etc__UTC
            | Tz::Etc__UCT
            | Tz::Etc__Universal
            | Tz::Etc__Zulu
    )
}
