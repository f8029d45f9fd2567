//! Macros and whole keys: golden tables.

mod stems;
mod templates;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::macros::Macro;
use super::*;
use crate::model::StreamDescriptor;

const MACROS: &str = include_str!("../golden/macros.tsv");
const KEYS: &str = include_str!("../golden/keys.tsv");
const LOAD: &str = "2025-04-14T11:23:45Z";

struct Case {
    run: RunValues,
    stream: StreamValues,
    file: FileValues,
}

impl Case {
    /// The vendor page's samples, for one stream.
    fn new(
        zone: &str,
        extension: &'static str,
        stream: &str,
        namespace: Option<&str>,
        cursor: &str,
    ) -> Self {
        let zone: Tz = zone.parse().unwrap();
        let uuid = |text: &str| text.parse::<Uuid>().unwrap();
        Self {
            run: RunValues {
                extension,
                started_at: instant(LOAD).with_timezone(&zone),
                connection_id: "f52c7268-2359-567a-f5e8-83c536cb4de8".to_owned(),
                connection_run_id: uuid("fad1983d-7446-e5c4-bb46-4578affe02d5"),
                sync_id: 42,
            },
            stream: StreamValues {
                descriptor: StreamDescriptor::new(namespace, stream),
                stream_id: uuid("deadbeef-2359-567a-f5e8-83c536cb4de8"),
                stream_run_id: uuid("8e28c4bf-11aa-20aa-0ecf-d23c21c73285"),
                generation_id: Some(3),
            },
            file: FileValues {
                cursor: Some(instant(cursor)),
                uuid: uuid("6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
            },
        }
    }

    fn named(stream: &str, namespace: &str) -> Self {
        Self::new("UTC", "csv", stream, Some(namespace), LOAD)
    }

    fn stem(&self, template: &str) -> Result<KeyStem, KeyError> {
        KeyTemplate::parse(template).unwrap().stem(&self.run, &self.stream, &self.file)
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

#[test]
fn every_macro_shows_the_vendor_pages_sample() {
    let case = Case::new("UTC", "csv", "sales_summary_daily", Some("public"), LOAD);
    let mut seen = HashSet::new();
    for row in rows(MACROS) {
        let [name, sample] = row[..] else { panic!("{row:?}") };
        let key = case.stem(&format!("{{stream_id}}/{{{name}}}")).unwrap().key(0);
        assert_eq!(key, format!("deadbeef-2359-567a-f5e8-83c536cb4de8/{sample}"), "{name}");
        seen.insert(name);
    }
    assert_eq!(seen, Macro::all().map(Macro::name).collect());
}

/// The spec and the document list the macros by hand.
#[test]
fn the_spec_and_the_document_describe_every_macro() {
    let spec = include_str!("../../../spec/spec.json");
    let document = include_str!("../../../docs/SEMANTICS.md");
    for name in Macro::all().map(Macro::in_braces) {
        assert!(spec.contains(&format!("<code>{name}</code>")), "{name} in the spec");
        assert!(document.contains(&format!("`{name}`")), "{name} in the document");
    }
}

#[test]
fn keys_match_the_golden_table() {
    for row in rows(KEYS) {
        let [zone, template, stream, namespace, first, second] = row[..] else { panic!("{row:?}") };
        let unescape = |name: &str| name.replace("\\n", "\n").replace("\\t", "\t");
        let namespace = unescape(namespace);
        let case =
            Case::new(zone, "csv.gz", &unescape(stream), Some(&namespace), "2024-02-29T23:30:07Z");
        let stem = case.stem(template).unwrap();
        assert_eq!(
            (stem.key(0).as_str(), stem.key(1).as_str()),
            (first, second),
            "{template} for {stream}"
        );
        assert_eq!(
            (stem.number_of(first), stem.number_of(second)),
            (Some(0), Some(1)),
            "{template}"
        );
    }
}

#[test]
fn absent_values_have_defaults() {
    let mut case = Case::named("users", "");
    case.stream.generation_id = None;
    case.file.cursor = None;
    let stem = case.stem("{stream_name}_{generation_id}_{cursor_iso_date_time}").unwrap();
    assert_eq!(stem.key(0), "users_0_2025-04-14T11:23:45Z");
}

#[test]
fn years_have_four_digits_and_extreme_times_are_accepted() {
    let mut case = Case::new("Pacific/Kiritimati", "csv", "s", None, "0033-04-03T00:00:00Z");
    let template = "{stream_name}_{cursor_year}_{cursor_iso_date_time}";
    // Before there were time zones, the offset was that of the sun, to the second.
    assert_eq!(case.stem(template).unwrap().key(0), "s_0033_0033-04-02T13:30:40-10:29:20");
    for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        case.file.cursor = Some(end);
        assert!(case.stem(template).is_ok());
    }
}
