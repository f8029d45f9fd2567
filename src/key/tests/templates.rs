//! What templates are refused for, and what a template knows about its keys.

use crate::error::{Classified, FailureType};
use crate::key::{KeyTemplate, TemplateError};

#[test]
fn the_message_says_what_is_wrong_with_a_template() {
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
            "s3_bucket_key has the unknown macro {field:region}; macros cannot show fields of \
             records, except the cursor field ({cursor_date_time} and others)",
        ),
        (
            "{stream_name}/{?}",
            "s3_bucket_key has the unknown macro {?}; known macros: {extension} {date_time} \
             {timestamp} {iso_date_time} {date} {iso_date} {year} {month} {day} {hour} {minute} \
             {second} {stream_id} {stream_name} {connection_id} {connection_run_id} \
             {stream_run_id} {cursor_year} {cursor_month} {cursor_day} {cursor_date_time} \
             {cursor_iso_date_time} {cursor_singular_date_time} {namespace} {part} {uuid} \
             {sync_id} {generation_id}; write {{ or }} for a literal brace",
        ),
        (
            "é{stream_name",
            "s3_bucket_key has an unmatched brace at character 2; write {{ or }} for a literal \
            brace",
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
fn a_hint_names_the_macro_that_is_meant() {
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
fn a_url_is_refused() {
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
fn an_extension_that_does_not_fit_the_format_is_noticed() {
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
fn the_id_of_a_streams_run_keeps_streams_apart() {
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
fn all_keys_begin_with_the_literal_prefix() {
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
