//! The macros' names, and what makes their values change.
//!
//! The text between the braces → [`Macro`], and back. [`MACROS`] has one row per macro; what a
//! macro shows is in `values`.
//!
//! Invariant: names are exact, lower case and without blanks. Any other text in braces is an error
//! that suggests the closest name.

/// The names that other tools (Airbyte's own S3 destination among them) and people use instead, and
/// what to write for them.
const ALIASES: &[(&[&str], &str)] = &[
    (&["ext", "format", "file_extension", "file_format"], "{extension}"),
    // Its value has a dot, and that of {extension} has none.
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

/// A `{name}` that a key template may contain.
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

/// What makes the value of a macro change from one file of a stream to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changes {
    /// Nothing: it is the same in every run.
    Never,
    /// The run: its time, its ids, its format.
    WithRun,
    /// The records' cursor values.
    WithCursor,
    /// Every file has another value.
    WithFile,
}

/// The macro, its spelling in a template, and what makes its value change. The order is that of the
/// vendor's page, then our own macros.
const MACROS: [(Macro, &str, Changes); 28] = [
    (Macro::Extension, "{extension}", Changes::WithRun),
    (Macro::DateTime, "{date_time}", Changes::WithRun),
    (Macro::Timestamp, "{timestamp}", Changes::WithRun),
    (Macro::IsoDateTime, "{iso_date_time}", Changes::WithRun),
    (Macro::Date, "{date}", Changes::WithRun),
    (Macro::IsoDate, "{iso_date}", Changes::WithRun),
    (Macro::Year, "{year}", Changes::WithRun),
    (Macro::Month, "{month}", Changes::WithRun),
    (Macro::Day, "{day}", Changes::WithRun),
    (Macro::Hour, "{hour}", Changes::WithRun),
    (Macro::Minute, "{minute}", Changes::WithRun),
    (Macro::Second, "{second}", Changes::WithRun),
    (Macro::StreamId, "{stream_id}", Changes::Never),
    (Macro::StreamName, "{stream_name}", Changes::Never),
    (Macro::ConnectionId, "{connection_id}", Changes::Never),
    (Macro::ConnectionRunId, "{connection_run_id}", Changes::WithRun),
    (Macro::StreamRunId, "{stream_run_id}", Changes::WithRun),
    (Macro::CursorYear, "{cursor_year}", Changes::WithCursor),
    (Macro::CursorMonth, "{cursor_month}", Changes::WithCursor),
    (Macro::CursorDay, "{cursor_day}", Changes::WithCursor),
    (Macro::CursorDateTime, "{cursor_date_time}", Changes::WithCursor),
    (Macro::CursorIsoDateTime, "{cursor_iso_date_time}", Changes::WithCursor),
    (Macro::CursorSingularDateTime, "{cursor_singular_date_time}", Changes::WithCursor),
    (Macro::Namespace, "{namespace}", Changes::Never),
    (Macro::Part, "{part}", Changes::WithFile),
    (Macro::Uuid, "{uuid}", Changes::WithFile),
    (Macro::SyncId, "{sync_id}", Changes::WithRun),
    (Macro::GenerationId, "{generation_id}", Changes::WithRun),
];

// `Macro::row` finds a row by the macro's number.
const _: () = {
    let mut at = 0;
    while at < MACROS.len() {
        assert!(MACROS[at].0 as usize == at, "MACROS must have the order of the enum");
        at += 1;
    }
};

impl Macro {
    /// All macros, in the order in which messages list them.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        MACROS.iter().map(|(known, ..)| *known)
    }

    fn row(self) -> &'static (Self, &'static str, Changes) {
        &MACROS[self as usize]
    }

    /// The macro as it is written in a template.
    pub(super) fn in_braces(self) -> &'static str {
        self.row().1
    }

    /// The name between the braces.
    pub(super) fn name(self) -> &'static str {
        self.in_braces().trim_matches(['{', '}'])
    }

    /// Whether it shows the same for a stream in every run.
    pub(super) fn is_constant(self) -> bool {
        self.row().2 == Changes::Never
    }

    /// Whether its value comes from the records' cursor field.
    pub(super) fn is_cursor(self) -> bool {
        self.row().2 == Changes::WithCursor
    }

    /// The macro of that exact name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::all().find(|known| known.name() == name)
    }

    /// Guesses which macro an unknown name means, and returns it in braces. `None` if no macro is
    /// close enough.
    pub(super) fn hint(name: &str) -> Option<&'static str> {
        // Nobody mistypes a name into one of twice its length, and the time of the distance grows
        // with the product of both lengths.
        const LONGEST: usize = 50;
        if name.len() > LONGEST {
            return None;
        }
        let name = name.trim().to_lowercase().replace(['-', ' '], "_");
        // In Airbyte's own S3 destination a colon and a format may follow the name.
        let name = name.split_once(':').map_or(name.as_str(), |(name, _)| name);
        let alias =
            ALIASES.iter().find(|(names, _)| names.contains(&name)).map(|(_, meant)| *meant);
        alias.or_else(|| {
            Self::all()
                .map(|known| (strsim::damerau_levenshtein(name, known.name()), known))
                .min_by_key(|(distance, _)| *distance)
                .filter(|(distance, known)| *distance <= 1 + known.name().len() / 4)
                .map(|(_, known)| known.in_braces())
        })
    }
}
