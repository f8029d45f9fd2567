//! Templates, values and stems together: golden tables and properties.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use uuid::Uuid;

use super::macros::Macro;
use super::*;
use crate::error::{Classified, FailureType};
use crate::model::StreamDescriptor;

const MACROS: &str = include_str!("golden/macros.tsv");
const KEYS: &str = include_str!("golden/keys.tsv");
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
    let spec = include_str!("../../spec/spec.json");
    let document = include_str!("../../docs/SEMANTICS.md");
    for name in Macro::all().map(Macro::in_braces) {
        assert!(spec.contains(&format!("<code>{name}</code>")), "{name} in the spec");
        assert!(document.contains(&format!("`{name}`")), "{name} in the document");
    }
}

#[test]
fn keys_are_as_in_the_golden_table() {
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
fn values_that_are_absent_have_their_stand_ins() {
    let mut case = Case::named("users", "");
    case.stream.generation_id = None;
    case.file.cursor = None;
    let stem = case.stem("{stream_name}_{generation_id}_{cursor_iso_date_time}").unwrap();
    assert_eq!(stem.key(0), "users_0_2025-04-14T11:23:45Z");
}

#[test]
fn years_have_four_digits_and_the_ends_of_time_do_no_harm() {
    let mut case = Case::new("Pacific/Kiritimati", "csv", "s", None, "0033-04-03T00:00:00Z");
    let template = "{stream_name}_{cursor_year}_{cursor_iso_date_time}";
    // Before zones were agreed, the offset was the sun's, to the second.
    assert_eq!(case.stem(template).unwrap().key(0), "s_0033_0033-04-02T13:30:40-10:29:20");
    for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        case.file.cursor = Some(end);
        assert!(case.stem(template).is_ok());
    }
}

#[test]
fn a_wrong_template_is_told_why() {
    let long = format!("{{stream_name}}{}", "é".repeat(513));
    let table = [
        (
            "",
            "s3_bucket_key is empty: give the key that files are written to, such as \
             {stream_name}.{extension}",
        ),
        (
            "{stream_name}/{Yaer}",
            "s3_bucket_key has the unknown macro {Yaer}; did you mean {year}?",
        ),
        (
            "{stream_name}/{field:region}",
            "s3_bucket_key has the unknown macro {field:region}; keys do not show fields of the \
             records, except the cursor: {cursor_date_time} and the like",
        ),
        (
            "{stream_name}/{?}",
            "s3_bucket_key has the unknown macro {?}; known macros: {extension} {date_time} \
             {timestamp} {iso_date_time} {date} {iso_date} {year} {month} {day} {hour} {minute} \
             {second} {stream_id} {stream_name} {connection_id} {connection_run_id} \
             {stream_run_id} {cursor_year} {cursor_month} {cursor_day} {cursor_date_time} \
             {cursor_iso_date_time} {cursor_singular_date_time} {namespace} {part} {uuid} \
             {sync_id} {generation_id}; a literal brace is doubled: {{ or }}",
        ),
        (
            "é{stream_name",
            "s3_bucket_key has a brace without its partner at character 2; a literal brace is \
             doubled: {{ or }}",
        ),
        (
            "{{stream_name}}.csv",
            "s3_bucket_key must contain {stream_name}, {stream_id} or {stream_run_id}, to keep the \
             streams' files apart",
        ),
        (
            "{stream_name}/",
            "s3_bucket_key ends with a slash: end it with a file name, such as \
             {stream_name}.{extension}",
        ),
        (
            "a/../{stream_name}",
            "s3_bucket_key has the path segment \"..\", which many tools resolve as a relative \
             path: remove it",
        ),
        ("a\t{stream_name}", "s3_bucket_key has a control character at character 2: remove it"),
        (
            &long,
            "s3_bucket_key has 1026 bytes of literal text, and a key may have 1024: shorten it",
        ),
    ];
    for (text, message) in table {
        let error = KeyTemplate::parse(text).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.failure_type(), FailureType::Config);
    }
    for text in
        ["{stream_name}}", "}{stream_name}", "{stream_name}{", "{{stream_name}", "{a{stream_name}"]
    {
        let error = KeyTemplate::parse(text).unwrap_err();
        assert!(matches!(error, TemplateError::UnbalancedBrace { .. }), "{text}");
    }
    for text in ["./{stream_name}", "{stream_name}/.", "//.//{stream_name}"] {
        assert!(
            matches!(KeyTemplate::parse(text), Err(TemplateError::DotSegment { .. })),
            "{text}"
        );
    }
}

#[test]
fn a_hint_leads_to_a_macro_that_does_the_same() {
    let hint = |name: &str| match KeyTemplate::parse(&format!("{{{name}}}")) {
        Err(TemplateError::UnknownMacro { hint, .. }) => hint,
        other => panic!("{other:?}"),
    };
    for (name, expected) in [
        ("Stream-Name", Some("{stream_name}")),
        ("STREAM_NAME", Some("{stream_name}")),
        ("stream", Some("{stream_name}")),
        (" ext ", Some("{extension}")),
        ("format_extension", Some(".{extension}")),
        ("cursor_iso_datetime", Some("{cursor_iso_date_time}")),
        ("cursor", Some("{cursor_date_time}")),
        ("run_id", Some("{connection_run_id}")),
        ("sync", Some("{sync_id}")),
        ("part_number", Some("{part}")),
        ("epoch", Some("{timestamp}")),
        ("date:yyyy_MM", Some("{date}")),
        ("field:region", None),
        ("", None),
        ("?", None),
    ] {
        assert_eq!(hint(name), expected, "{name}");
    }
}

/// Following the hints one by one led to keys such as `raw/$/$users/$2026.$jsonl.gz`.
#[test]
fn macros_of_airbytes_own_s3_destination_are_refused_with_what_to_write() {
    let text = "raw/${NAMESPACE}/${STREAM_NAME}/${YEAR}_${EPOCH}_{part_number}{format_extension}";
    let messages: Vec<String> =
        KeyTemplate::problems(text).iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "s3_bucket_key has the unknown macro {EPOCH}; did you mean {timestamp}?",
            "s3_bucket_key has the unknown macro {part_number}; did you mean {part}?",
            "s3_bucket_key has the unknown macro {format_extension}; did you mean .{extension}?",
            "s3_bucket_key has a `$` before a macro, which is the spelling of Airbyte's own S3 \
             destination; macros have no `$` here and are in lower case: write {namespace} for \
             ${NAMESPACE}, {stream_name} for ${STREAM_NAME}, {year} for ${YEAR}, {timestamp} for \
             ${EPOCH}",
        ]
    );
    for text in ["${stream_name}", "$$/{stream_name}/${year}", "a$${stream_id}"] {
        assert!(
            matches!(KeyTemplate::parse(text), Err(TemplateError::DollarMacro { .. })),
            "{text}"
        );
    }
    for text in ["us$/{stream_name}", "${{x}}/{stream_name}", "{stream_name}$"] {
        assert!(KeyTemplate::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn a_url_is_no_key() {
    for (text, scheme) in [
        ("s3://lake/{stream_name}.csv", "s3"),
        ("/S3a://lake/{stream_name}.csv", "S3a"),
        ("https://lake.s3.amazonaws.com/{stream_name}.csv", "https"),
    ] {
        assert_eq!(KeyTemplate::parse(text), Err(TemplateError::Url { scheme: scheme.to_owned() }));
    }
    assert!(KeyTemplate::parse("a:b//{stream_name}.csv").is_ok());
    assert!(KeyTemplate::parse("{stream_name}://x").is_ok());
}

#[test]
fn an_extension_that_is_not_the_formats_is_seen() {
    for (template, format, expected) in [
        ("{stream_name}.csv.gz", "csv", Some((".csv.gz", false))),
        ("{stream_name}.csv.gz", "csv.gz", Some((".csv.gz", true))),
        ("{stream_name}.csv", "csv.gz", Some((".csv", false))),
        ("{stream_name}.{extension}", "csv.gz", Some((".csv.gz", true))),
        ("{stream_name}.{extension}", "parquet", Some((".parquet", true))),
        ("{stream_name}.{extension}.gz", "jsonl", Some((".jsonl.gz", false))),
        ("{stream_name}.{extension}.csv", "jsonl", Some((".csv", false))),
        ("{stream_name}.json", "jsonl", Some((".json", true))),
        ("{stream_name}.jsonl", "parquet", Some((".jsonl", false))),
        ("{stream_name}.csv/{part}", "parquet", None),
        ("{stream_name}.v2", "parquet", None),
        ("{stream_name}", "parquet", None),
    ] {
        let shown = KeyTemplate::parse(template).unwrap().shown_extension(format);
        assert_eq!(
            shown.map(|shown| (shown.extension, shown.fits)),
            expected,
            "{template} {format}"
        );
    }
}

#[test]
fn the_id_of_a_streams_run_tells_streams_apart() {
    let template = KeyTemplate::parse("{connection_id}/{stream_run_id}.{extension}").unwrap();
    assert!(!template.names_stream());
    assert!(KeyTemplate::parse("{stream_id}").unwrap().names_stream());
    assert!(KeyTemplate::parse("{connection_run_id}/{sync_id}").is_err());
}

#[test]
fn a_template_knows_what_it_depends_on() {
    let about = |text: &str| {
        let template = KeyTemplate::parse(text).unwrap();
        (template.uses_cursor(), template.has_extension())
    };
    assert_eq!(about("{stream_name}/{cursor_day}.csv"), (true, false));
    assert_eq!(about("{stream_id}/{day}/{{cursor_day}}.{extension}"), (false, true));
}

#[test]
fn a_key_that_s3_would_refuse_is_an_error_that_names_the_stream() {
    // `.csv` and the longest number, `_4294967296`, take 15 bytes.
    assert!(Case::named(&"x".repeat(1024 - 15), "").stem("{stream_name}.csv").is_ok());
    let long = "x".repeat(1024 - 14);
    let error = Case::named(&long, "n").stem("{stream_name}.csv").unwrap_err();
    assert_eq!(error, KeyError::TooLong { stream: format!("n.{long}"), bytes: 1025 });
    assert!(error.to_string().contains("may become 1025 bytes long, and S3 takes 1024"), "{error}");
    let error = Case::named("", "").stem("{namespace}/{stream_name}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key of stream \"\" is empty: add {stream_id} to s3_bucket_key"
    );
    assert_eq!(error.failure_type(), FailureType::Config);
}

#[test]
fn a_listing_finds_all_numbers_and_takes_nothing_else_for_one() {
    let stem = |template| Case::named("users", "").stem(template).unwrap();
    let table = [
        ("{stream_name}.csv", Some("users")),
        ("{stream_name}", Some("users")),
        ("{stream_name}_{part}.csv", Some("users_")),
        ("{part}/{stream_name}", Some("")),
        ("{stream_name}_{uuid}_{part}", None),
    ];
    for (template, prefix) in table {
        assert_eq!(stem(template).listing_prefix(), prefix, "{template}");
    }
    let foreign = [
        "users_0.csv",
        "users_1.csv",
        "users_02.csv",
        "users_+2.csv",
        "users_.csv",
        "users2.csv",
        "users_2.csv.gz",
        "users_2_2.csv",
        "users_4294967297.csv",
        "users_99999999999999999999.csv",
        "users_٢.csv",
        "users.cs",
        "",
        "é",
    ];
    for key in foreign {
        assert_eq!(stem("{stream_name}.csv").number_of(key), None, "{key}");
    }
    assert_eq!(stem("{stream_name}.csv").number_of("users_4294967296.csv"), Some(u32::MAX));
    let twice = stem("{part}1{part}{stream_name}");
    assert_eq!(twice.number_of("1111users"), None);
    assert_eq!(twice.number_of("11111users"), Some(11));
    assert_eq!(twice.number_of("12113users"), None);
}

/// Pieces of templates, with what is hard about each: dots, slashes, doubled braces, digits beside
/// numbers.
fn template() -> impl Strategy<Value = String> {
    let literal = prop::sample::select(vec![
        "/", "//", ".", "..", "_", "_2", "0", "7", "a", "data.csv", ".gz", "{{", "}}", "%2F", " ",
        "é", "x/y", "+",
    ]);
    let shown = prop::sample::select(Macro::all().collect::<Vec<_>>())
        .prop_map(|shown| shown.in_braces().to_owned());
    let pieces = prop::collection::vec(prop_oneof![literal.prop_map(str::to_owned), shown], 0..7);
    (
        pieces,
        prop::sample::select(vec!["{stream_name}", "{stream_id}", ""]),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut pieces, stream, at)| {
            pieces.insert(at.index(pieces.len() + 1), stream.to_owned());
            pieces.concat()
        })
}

fn name() -> impl Strategy<Value = String> {
    let hostile = vec![
        "", ".", "..", "/", "../..", "{year}", "{part}", "{{", "a_2", "_2", "0", "a.csv", ".csv",
        "é 🙂",
    ];
    prop_oneof![prop::sample::select(hostile).prop_map(str::to_owned), any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn printing_undoes_parsing(text in template(), any in ".{0,20}") {
        for text in [text, any] {
            if let Ok(parsed) = KeyTemplate::parse(&text) {
                prop_assert_eq!(&parsed.to_string(), &text);
                prop_assert_eq!(KeyTemplate::parse(&parsed.to_string()), Ok(parsed));
            }
        }
    }

    #[test]
    fn every_key_is_valid_and_gives_its_number_back(
        text in template(),
        stream in name(),
        namespace in name(),
        number in any::<u32>(),
        other in any::<u32>(),
    ) {
        let Ok(template) = KeyTemplate::parse(&text) else { return Ok(()) };
        let case = Case::named(&stream, &namespace);
        let Ok(stem) = template.stem(&case.run, &case.stream, &case.file) else { return Ok(()) };
        for number in [0, 1, 9, 10, number, u32::MAX] {
            let key = stem.key(number);
            prop_assert!((1..=MAX_KEY_BYTES).contains(&key.len()), "{}", key);
            prop_assert!(
                key.split('/').all(|segment| !matches!(segment, "" | "." | "..")),
                "{}",
                key
            );
            prop_assert!(!key.contains(char::is_control), "{}", key);
            prop_assert!(
                stem.listing_prefix().is_none_or(|prefix| key.starts_with(prefix)),
                "{}",
                key
            );
            prop_assert_eq!(stem.number_of(&key), Some(number), "{}", key);
        }
        prop_assert!(number == other || stem.key(number) != stem.key(other));
        if let Some(folder) = stem.folder() {
            prop_assert!(stem.key(number).starts_with(&folder.key(number)));
        }
    }

    #[test]
    fn a_value_is_never_expanded(stream in name(), namespace in name()) {
        let stem = Case::named(&stream, &namespace)
            .stem("s={stream_name}/n={namespace}")
            .unwrap_or_else(|error| {
                assert!(matches!(error, KeyError::TooLong { .. }));
                Case::named("a", "b").stem("{stream_name}").unwrap()
            });
        let key = stem.key(0);
        if let Some((shown, other)) = key.split_once('/') {
            prop_assert_eq!(
                percent_decode_str(shown).decode_utf8().unwrap(),
                format!("s={stream}")
            );
            prop_assert_eq!(
                percent_decode_str(other).decode_utf8().unwrap(),
                format!("n={namespace}")
            );
        }
    }
}

#[test]
fn the_constant_prefix_is_what_all_keys_of_a_stream_begin_with() {
    let table = [
        ("{namespace}/{stream_name}/{iso_date}/{date_time}_{part}.{extension}", "crm/users/"),
        ("{stream_name}.csv", "users"),
        ("{stream_name}.{extension}", "users"),
        ("x.{stream_name}.d/latest.jsonl", "x.users.d/latest"),
        ("a/{stream_name}_{part}.csv", "a/users_"),
        ("a/{stream_name}-{uuid}.csv", "a/users-"),
        ("{iso_date}/{stream_name}.csv", ""),
        ("raw/dt={iso_date}/{stream_name}.csv", "raw/dt="),
        (
            "{connection_id}//{stream_id}/{generation_id}",
            "f52c7268-2359-567a-f5e8-83c536cb4de8/deadbeef-2359-567a-f5e8-83c536cb4de8/",
        ),
        ("{stream_name}.{extension}.bak", "users"),
        ("{extension}/{stream_name}", ""),
    ];
    for (template, prefix) in table {
        let case = Case::named("users", "crm");
        let parsed = KeyTemplate::parse(template).unwrap();
        assert_eq!(parsed.constant_prefix(&case.run, &case.stream), prefix, "{template}");
        let mut other =
            Case::new("Asia/Tokyo", "jsonl.gz", "users", Some("crm"), "1999-12-31T00:00:00Z");
        other.run.started_at =
            instant("2031-12-03T04:05:06Z").with_timezone(&other.run.started_at.timezone());
        other.stream.generation_id = Some(977);
        for case in [case, other] {
            for number in [0, 1, 41] {
                let key = case.stem(template).unwrap().key(number);
                assert!(key.starts_with(prefix), "{key} {prefix}");
                assert!(case.stream.marks().iter().any(|mark| key.contains(mark)), "{key}");
            }
        }
    }
    let nowhere = Case::new("UTC", "csv", "..", None, LOAD);
    let template = KeyTemplate::parse("{namespace}/{stream_name}/{part}").unwrap();
    assert_eq!(template.constant_prefix(&nowhere.run, &nowhere.stream), "%2E%2E/");
    let nameless = Case::new("UTC", "csv", "users", None, LOAD);
    let ends_empty = KeyTemplate::parse("raw/{stream_name}.jsonl/{namespace}").unwrap();
    assert_eq!(ends_empty.constant_prefix(&nameless.run, &nameless.stream), "raw/users");
    assert_eq!(
        nameless.stem("raw/{stream_name}.jsonl/{namespace}").unwrap().key(1),
        "raw/users_2.jsonl"
    );
    let key = nowhere.stem("{namespace}/{stream_name}/{part}").unwrap().key(0);
    assert!(nowhere.stream.marks().iter().any(|mark| key.contains(mark)), "{key}");
}

#[test]
fn numbered_keys_know_their_plain_name() {
    let case = Case::named("users", "crm");
    let plain = |template: &str, key: &str| case.stem(template).unwrap().plain_name_of(key);
    assert_eq!(plain("{stream_name}.csv", "users_2.csv").as_deref(), Some("users.csv"));
    assert_eq!(plain("{stream_name}.csv", "users.csv"), None);
    assert_eq!(plain("{stream_name}.csv", "users_2.csv.gz"), None);
    assert_eq!(plain("{stream_name}_{part}.csv", "users_2.csv"), None);
}

#[test]
fn the_literal_prefix_is_what_all_keys_begin_with() {
    let table = [
        ("{stream_name}.{extension}", ""),
        ("raw/{stream_name}.{extension}", "raw/"),
        ("/raw//crm/x-{stream_name}/{year}", "raw/crm/x-"),
        ("raw/{namespace}/users/{stream_name}", "raw/"),
        ("a{{b}}/{stream_id}", "a{b}/"),
    ];
    for (template, prefix) in table {
        assert_eq!(KeyTemplate::parse(template).unwrap().literal_prefix(), prefix, "{template}");
    }
}
