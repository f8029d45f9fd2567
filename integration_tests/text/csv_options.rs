//! The options of CSV: delimiter, quote style, header, null text. No option changes a value.

use serde_json::{Value, json};

use crate::sent::{self, SentRecord};
use crate::support::read_back::{self, Field};
use crate::world::{World, catalog, complete, record, refresh};

const DATA: [&str; 6] = [
    r#"{"n":1.50,"s":"plain","o":{"a":[1,2]}}"#,
    r#"{"n":-7e3,"s":"","o":null}"#,
    r#"{"n":null,"s":"NULL","o":"a;b|c,d\te"}"#,
    r#"{"n":12,"s":"say \"hi\"","o":true}"#,
    r#"{"s":"two\nlines","o":[]}"#,
    r#"{"n":0,"s":"42","o":"\\N"}"#,
];

#[test]
fn the_options_change_the_file_and_never_a_value() {
    let catalog =
        catalog([refresh("users", &json!({ "n": { "type": "number" }, "s": {}, "o": {} }))]);
    let mut input: String = DATA.iter().map(|data| record("users", data)).collect();
    let sent = &sent::records(&input)["users"];
    input.push_str(&complete("users"));
    let cases: [(Value, Options); 10] = [
        (json!({}), Options::default()),
        (
            json!({ "delimiter": "," , "quote_style": "minimal", "header": true, "null_text": "" }),
            Options::default(),
        ),
        (json!({ "delimiter": "\t" }), Options { delimiter: b'\t', ..Options::default() }),
        (json!({ "delimiter": "\\t" }), Options { delimiter: b'\t', ..Options::default() }),
        (json!({ "delimiter": ";" }), Options { delimiter: b';', ..Options::default() }),
        (
            json!({ "delimiter": "|", "null_text": "NULL" }),
            Options { delimiter: b'|', null: "NULL", ..Options::default() },
        ),
        (json!({ "quote_style": "all" }), Options { quotes: Quotes::All, ..Options::default() }),
        (
            json!({ "quote_style": "all", "null_text": "\\N" }),
            Options { quotes: Quotes::All, null: "\\N", ..Options::default() },
        ),
        (
            json!({ "quote_style": "non_numeric" }),
            Options { quotes: Quotes::NonNumeric, ..Options::default() },
        ),
        (
            json!({ "header": false, "delimiter": ";", "null_text": "NULL" }),
            Options { header: false, delimiter: b';', null: "NULL", ..Options::default() },
        ),
    ];
    for (settings, expected) in cases {
        let mut format = settings.clone();
        format["format_type"] = json!("csv");
        let world = World::new();
        world.sync(&json!({ "format": format, "metadata_columns": "none" }), &catalog, &input);
        let objects = world.objects();
        assert_eq!(objects.len(), 1, "{settings}");
        assert_file(objects.values().next().unwrap(), sent, &expected, &settings.to_string());
    }
}

#[derive(Clone, Copy, Debug)]
enum Quotes {
    Minimal,
    All,
    NonNumeric,
}

#[derive(Clone, Copy, Debug)]
struct Options {
    delimiter: u8,
    quotes: Quotes,
    header: bool,
    null: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self { delimiter: b',', quotes: Quotes::Minimal, header: true, null: "" }
    }
}

fn assert_file(content: &[u8], sent: &[SentRecord], options: &Options, case: &str) {
    let mut rows = read_back::csv_fields(content, options.delimiter);
    if options.header {
        let header: Vec<_> = rows.remove(0).into_iter().map(|field| field.text).collect();
        assert_eq!(header, ["n", "s", "o", sent::ADDITIONAL], "{case}");
    }
    assert_eq!(rows.len(), sent.len(), "{case}");
    for (row, sent) in rows.iter().zip(sent) {
        for (field, name) in row.iter().zip(["n", "s", "o", sent::ADDITIONAL]) {
            let text = sent::member(&sent.data, name);
            let value = text.as_deref().and_then(sent::cell);
            let number =
                text.is_some_and(|text| text.starts_with(|c: char| c == '-' || c.is_ascii_digit()));
            assert_eq!(
                *field,
                expected_field(value, number, options),
                "{case}: {name} of {}",
                sent.data
            );
        }
    }
}

/// Returns the expected field: null is never quoted, and a value that reads like null always is.
fn expected_field(value: Option<String>, number: bool, options: &Options) -> Field {
    let Some(text) = value else { return Field { text: options.null.to_owned(), quoted: false } };
    let special = [char::from(options.delimiter), '"', '\n', '\r'];
    let misread = ["NULL", "\\N", "\\."].contains(&text.as_str())
        || text.trim() != text
        || text.starts_with(['\'', '#']);
    let needed = text.is_empty() || text == options.null || text.contains(special) || misread;
    let quoted = match options.quotes {
        Quotes::Minimal => needed,
        Quotes::All => true,
        Quotes::NonNumeric => needed || !number,
    };
    Field { text, quoted }
}
