//! Keys and their numbers: tables, and properties of any template with any values.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::{Case, LOAD, instant};
use crate::error::{Classified, FailureType};
use crate::key::macros::Macro;
use crate::key::{KeyError, KeyTemplate, MAX_KEY_BYTES};

#[test]
fn a_key_that_s3_would_refuse_is_an_error_that_names_the_stream() {
    // `.csv` and the longest number, `_4294967296`, take 15 bytes.
    assert!(Case::named(&"x".repeat(1024 - 15), "").stem("{stream_name}.csv").is_ok());
    let long = "x".repeat(1024 - 14);
    let error = Case::named(&long, "n").stem("{stream_name}.csv").unwrap_err();
    assert_eq!(error, KeyError::TooLong { stream: format!("n.{long}"), bytes: 1025 });
    assert!(
        error.to_string().contains("may become 1025 bytes long, and S3 allows 1024"),
        "{error}"
    );
    let error = Case::named("", "").stem("{namespace}/{stream_name}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key of stream \"\" is empty: add {stream_id} to s3_bucket_key"
    );
    assert_eq!(error.failure_type(), FailureType::Config);
}

#[test]
fn a_listing_finds_all_numbers_and_nothing_else() {
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

/// Templates of difficult pieces: dots, slashes, doubled braces, digits next to numbers.
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
    fn every_key_is_valid_and_has_its_number(
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
fn all_keys_of_a_stream_begin_with_its_constant_prefix() {
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
