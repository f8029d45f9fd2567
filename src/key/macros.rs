//! The macros' names.
//!
//! The text between the braces → [`Macro`], and back. What a macro shows is `values`.
//!
//! Invariant: names are exact, lower case and without blanks; whatever else stands in braces is an
//! error that says which name comes nearest.

/// What other tools, Airbyte's own S3 destination among them, and people call the macros.
const ALIASES: &[(&[&str], &str)] = &[
    (&["ext", "format", "file_extension", "file_format"], "{extension}"),
    // With its dot, which {extension} does not have.
    (&["format_extension"], ".{extension}"),
    (&["stream", "table", "table_name", "name"], "{stream_name}"),
    (&["schema", "schema_name", "ns", "database"], "{namespace}"),
    (&["run_id"], "{connection_run_id}"),
    (&["sync", "job_id", "job"], "{sync_id}"),
    (&["generation"], "{generation_id}"),
    (&["cursor", "cursor_value", "cursor_date"], "{cursor_date_time}"),
    (&["part_number", "number", "index", "file_number"], "{part}"),
    (&["epoch", "millisecond", "unix_time", "timestamp_ms"], "{timestamp}"),
    (&["datetime", "time", "now"], "{date_time}"),
    (&["today"], "{iso_date}"),
    (&["yyyy", "yy"], "{year}"),
    (&["dd"], "{day}"),
    (&["hh"], "{hour}"),
    (&["ss"], "{second}"),
    (&["guid", "random", "id"], "{uuid}"),
];

/// A `{name}` that a key template may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Macro {
    Extension,
    DateTime,
    Timestamp,
    IsoDateTime,
    Date,
    IsoDate,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    StreamId,
    StreamName,
    ConnectionId,
    ConnectionRunId,
    StreamRunId,
    CursorYear,
    CursorMonth,
    CursorDay,
    CursorDateTime,
    CursorIsoDateTime,
    CursorSingularDateTime,
    Namespace,
    Part,
    Uuid,
    SyncId,
    GenerationId,
}

impl Macro {
    /// All macros: the vendor page's in its order, then ours.
    pub(super) const ALL: [Self; 28] = [
        Self::Extension,
        Self::DateTime,
        Self::Timestamp,
        Self::IsoDateTime,
        Self::Date,
        Self::IsoDate,
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
        Self::StreamId,
        Self::StreamName,
        Self::ConnectionId,
        Self::ConnectionRunId,
        Self::StreamRunId,
        Self::CursorYear,
        Self::CursorMonth,
        Self::CursorDay,
        Self::CursorDateTime,
        Self::CursorIsoDateTime,
        Self::CursorSingularDateTime,
        Self::Namespace,
        Self::Part,
        Self::Uuid,
        Self::SyncId,
        Self::GenerationId,
    ];

    /// The name between the braces.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Extension => "extension",
            Self::DateTime => "date_time",
            Self::Timestamp => "timestamp",
            Self::IsoDateTime => "iso_date_time",
            Self::Date => "date",
            Self::IsoDate => "iso_date",
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::StreamId => "stream_id",
            Self::StreamName => "stream_name",
            Self::ConnectionId => "connection_id",
            Self::ConnectionRunId => "connection_run_id",
            Self::StreamRunId => "stream_run_id",
            Self::CursorYear => "cursor_year",
            Self::CursorMonth => "cursor_month",
            Self::CursorDay => "cursor_day",
            Self::CursorDateTime => "cursor_date_time",
            Self::CursorIsoDateTime => "cursor_iso_date_time",
            Self::CursorSingularDateTime => "cursor_singular_date_time",
            Self::Namespace => "namespace",
            Self::Part => "part",
            Self::Uuid => "uuid",
            Self::SyncId => "sync_id",
            Self::GenerationId => "generation_id",
        }
    }

    /// The macro as it is written in a template.
    pub(super) fn in_braces(self) -> &'static str {
        match self {
            Self::Extension => "{extension}",
            Self::DateTime => "{date_time}",
            Self::Timestamp => "{timestamp}",
            Self::IsoDateTime => "{iso_date_time}",
            Self::Date => "{date}",
            Self::IsoDate => "{iso_date}",
            Self::Year => "{year}",
            Self::Month => "{month}",
            Self::Day => "{day}",
            Self::Hour => "{hour}",
            Self::Minute => "{minute}",
            Self::Second => "{second}",
            Self::StreamId => "{stream_id}",
            Self::StreamName => "{stream_name}",
            Self::ConnectionId => "{connection_id}",
            Self::ConnectionRunId => "{connection_run_id}",
            Self::StreamRunId => "{stream_run_id}",
            Self::CursorYear => "{cursor_year}",
            Self::CursorMonth => "{cursor_month}",
            Self::CursorDay => "{cursor_day}",
            Self::CursorDateTime => "{cursor_date_time}",
            Self::CursorIsoDateTime => "{cursor_iso_date_time}",
            Self::CursorSingularDateTime => "{cursor_singular_date_time}",
            Self::Namespace => "{namespace}",
            Self::Part => "{part}",
            Self::Uuid => "{uuid}",
            Self::SyncId => "{sync_id}",
            Self::GenerationId => "{generation_id}",
        }
    }

    /// Whether it shows the same for a stream in every run.
    pub(super) fn is_constant(self) -> bool {
        match self {
            Self::StreamId | Self::StreamName | Self::ConnectionId | Self::Namespace => true,
            Self::Extension
            | Self::DateTime
            | Self::Timestamp
            | Self::IsoDateTime
            | Self::Date
            | Self::IsoDate
            | Self::Year
            | Self::Month
            | Self::Day
            | Self::Hour
            | Self::Minute
            | Self::Second
            | Self::ConnectionRunId
            | Self::StreamRunId
            | Self::CursorYear
            | Self::CursorMonth
            | Self::CursorDay
            | Self::CursorDateTime
            | Self::CursorIsoDateTime
            | Self::CursorSingularDateTime
            | Self::Part
            | Self::Uuid
            | Self::SyncId
            | Self::GenerationId => false,
        }
    }

    /// The macro of that exact name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// What was probably meant by a name that no macro has, with braces, where a guess is worth a
    /// question.
    pub(super) fn hint(name: &str) -> Option<&'static str> {
        // Nobody mistypes a name into one of twice its length, and the distance costs the product
        // of both.
        const LONGEST: usize = 50;
        if name.len() > LONGEST {
            return None;
        }
        let name = name.trim().to_lowercase().replace(['-', ' '], "_");
        // Airbyte's own S3 destination has formats behind a colon.
        let name = name.split_once(':').map_or(name.as_str(), |(name, _)| name);
        let alias =
            ALIASES.iter().find(|(names, _)| names.contains(&name)).map(|(_, meant)| *meant);
        alias.or_else(|| {
            Self::ALL
                .into_iter()
                .map(|known| (strsim::damerau_levenshtein(name, known.name()), known))
                .min_by_key(|(distance, _)| *distance)
                .filter(|(distance, known)| *distance <= 1 + known.name().len() / 4)
                .map(|(_, known)| known.in_braces())
        })
    }

    /// Whether its value comes from the records' cursor field.
    pub(super) fn is_cursor(self) -> bool {
        match self {
            Self::CursorYear
            | Self::CursorMonth
            | Self::CursorDay
            | Self::CursorDateTime
            | Self::CursorIsoDateTime
            | Self::CursorSingularDateTime => true,
            Self::Extension
            | Self::DateTime
            | Self::Timestamp
            | Self::IsoDateTime
            | Self::Date
            | Self::IsoDate
            | Self::Year
            | Self::Month
            | Self::Day
            | Self::Hour
            | Self::Minute
            | Self::Second
            | Self::StreamId
            | Self::StreamName
            | Self::ConnectionId
            | Self::ConnectionRunId
            | Self::StreamRunId
            | Self::Namespace
            | Self::Part
            | Self::Uuid
            | Self::SyncId
            | Self::GenerationId => false,
        }
    }
}
