//! What the macros of a key show.
//!
//! [`RunValues`] (one per run), [`StreamValues`] (one per stream), [`FileValues`] (one per file)
//! and a [`Macro`] → text, exactly as the vendor page's samples have it.
//!
//! Invariants
//! - Text that comes from data is percent-encoded outside letters, digits (any script) and
//!   `-_.!*'()`, so that it can hold no `/`, no brace and no control character. Decoding it gives
//!   the original back.
//! - Times are shown in the run's zone, the cursor's too.
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
    /// The one instant of the run, in the zone that all time macros use.
    pub started_at: DateTime<Tz>,
    /// See [`super::ids::connection_id`].
    pub connection_id: String,
    /// See [`super::ids::connection_run_id`].
    pub connection_run_id: Uuid,
    /// The platform's number of the job; 0 where it gave none.
    pub sync_id: i64,
}

/// Values that all files of a stream share within a run.
#[derive(Clone, Debug)]
pub struct StreamValues {
    /// Namespace and name, as the catalog has them.
    pub descriptor: StreamDescriptor,
    /// See [`super::ids::stream_id`].
    pub stream_id: Uuid,
    /// See [`super::ids::stream_run_id`].
    pub stream_run_id: Uuid,
    /// The catalog's generation; `None` is shown as 0.
    pub generation_id: Option<i64>,
}

impl StreamValues {
    /// Texts of which at least one is in every key of the stream, whatever the template: one must
    /// name the stream.
    #[must_use]
    pub fn marks(&self) -> Vec<String> {
        let name = percent_encoded(&self.descriptor.name);
        vec![without_dots(&name), name, self.stream_id.to_string()]
    }
}

/// Values of one file.
#[derive(Clone, Copy, Debug)]
pub struct FileValues {
    /// The highest cursor in the file; `None` shows the run's instant.
    pub cursor: Option<DateTime<Utc>>,
    /// Random, drawn anew for every file: keys with `{uuid}` are not looked up before they are
    /// used.
    pub uuid: Uuid,
}

/// All values that one key may show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    pub(super) run: &'a RunValues,
    pub(super) stream: &'a StreamValues,
    pub(super) file: &'a FileValues,
}

impl Values<'_> {
    /// The text of a macro; `None` for `{part}`, whose number is not known yet.
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
            // Checked ids are not changed by this; it keeps the promise of a valid key for any
            // other.
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

/// Encodes the dots too: for a value that would make its segment `.` or `..`.
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

// Fields are read one by one because `DateTime::format` may panic at the ends of chrono's range.

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

/// The database has UTC under several names. London's winter is not among them: its offset is
/// shown.
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
